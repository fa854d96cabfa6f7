"""MediaPipe's classes around its landmarker, for where MediaPipe is not there."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any

import numpy as np

from faceshot.facemesh import SCORES
from faceshot.hooks.finder import as_rgb


class RunningMode(Enum):
    """How frames come."""

    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    LIVE_STREAM = "LIVE_STREAM"


class ImageFormat(Enum):
    """Of an :class:`Image`."""

    SRGB = 1
    SRGBA = 2
    GRAY8 = 3


class Image:
    """Pixels, uint8 (H, W, 3), (H, W, 4) or (H, W)."""

    def __init__(self, image_format: Any = ImageFormat.SRGB, data: Any = None) -> None:
        self.image_format, self._data = image_format, np.asarray(data)
        self.height, self.width = self._data.shape[:2]

    @classmethod
    def create_from_file(cls, file_name: str) -> Image:
        """Of a picture file."""
        return cls(ImageFormat.SRGB, as_rgb(str(file_name)))

    def numpy_view(self) -> Any:
        """The pixels."""
        return self._data


@dataclass
class BaseOptions:
    """Where the model file is."""

    model_asset_path: str | None = None
    model_asset_buffer: bytes | None = None
    delegate: Any = None


@dataclass
class FaceLandmarkerOptions:
    """Of these ``num_faces``, both outputs and the mode count; the confidences are our matcher's own."""

    base_options: Any = field(default_factory=BaseOptions)
    running_mode: Any = RunningMode.IMAGE
    num_faces: int = 1
    min_face_detection_confidence: float = 0.5
    min_face_presence_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    output_face_blendshapes: bool = False
    output_facial_transformation_matrixes: bool = False
    result_callback: Any = None


@dataclass
class FaceLandmarkerResult:
    """Per face: 478 landmarks with x, y, z; 52 categories with score and category_name; a matrix (4, 4)."""

    face_landmarks: list[list[Any]]
    face_blendshapes: list[list[Any]]
    facial_transformation_matrixes: list[Any]


def landmark(x: float, y: float, z: float) -> Any:
    """A point in fractions of the picture, of MediaPipe's own class where that is loaded."""
    containers = sys.modules.get("mediapipe.tasks.python.components.containers.landmark")
    kind = getattr(containers, "NormalizedLandmark", None)
    return kind(x=x, y=y, z=z) if kind else SimpleNamespace(x=x, y=y, z=z, visibility=None, presence=None, name=None)


def categories(scores: Any) -> list[Any]:
    """The 52 scores with their names, as above."""
    containers = sys.modules.get("mediapipe.tasks.python.components.containers.category")
    kind = getattr(containers, "Category", SimpleNamespace)
    return [
        kind(index=k, score=score, display_name=None, category_name=name)
        for k, (name, score) in enumerate(zip(SCORES, scores, strict=True))
    ]
