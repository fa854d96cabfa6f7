"""Stands in for MediaPipe's FaceLandmarker (``tasks``) and FaceMesh (``solutions``, which MediaPipe has dropped).

People: where the landmarker's ``.task`` file is at hand, its own networks run on our runtime, and a face they find is
theirs to the bit. Where they find none, or there is no file, our matcher looks, and its 68 points become 478
(:meth:`faceshot.Landmarks.to_mediapipe478`); blendshapes and the head's matrix of such a face are what the file's
networks make of that mesh, or are missing without the file. Every frame is a picture of its own: nothing is tracked.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from faceshot.hooks import solutions
from faceshot.hooks.finder import as_rgb
from faceshot.hooks.mediapipe_types import (
    BaseOptions,
    FaceLandmarkerOptions,
    FaceLandmarkerResult,
    Image,
    ImageFormat,
    RunningMode,
    categories,
    landmark,
)

_VISION, _LANDMARKER = "mediapipe.tasks.python.vision", "mediapipe.tasks.python.vision.face_landmarker"
__all__ = [
    "BaseOptions",
    "FaceLandmarker",
    "FaceLandmarkerOptions",
    "FaceLandmarkerResult",
    "Image",
    "ImageFormat",
    "RunningMode",
]
REPLACED = {_VISION: ("FaceLandmarker",), _LANDMARKER: ("FaceLandmarker",)}
COMPLETED = {
    _VISION: ("FaceLandmarkerOptions", "FaceLandmarkerResult", "RunningMode"),
    _LANDMARKER: ("FaceLandmarkerOptions", "FaceLandmarkerResult"),
    "mediapipe": ("Image", "ImageFormat", "solutions"),
    "mediapipe.python": ("solutions",),
    "mediapipe.python.solutions": ("face_mesh",),
    "mediapipe.tasks": ("BaseOptions", "vision"),
    "mediapipe.tasks.python": ("BaseOptions",),
    "mediapipe.tasks.python.core.base_options": ("BaseOptions",),
}


class FaceLandmarker:
    """Made by :meth:`create_from_options` or :meth:`create_from_model_path`."""

    def __init__(self, options: Any) -> None:
        self._options, path = options, getattr(options.base_options, "model_asset_path", None)
        self._mesh = solutions.mesh_of(str(path)) if path and Path(path).is_file() else None
        self._last: int | None = None

    @classmethod
    def create_from_model_path(cls, model_path: str) -> FaceLandmarker:
        """In image mode; the file need not exist."""
        return cls(FaceLandmarkerOptions(BaseOptions(model_asset_path=str(model_path))))

    @classmethod
    def create_from_options(cls, options: Any) -> FaceLandmarker:
        """With any mode."""
        return cls(options)

    def detect(self, image: Any, image_processing_options: Any = None) -> Any:
        """The faces of a picture, the surest first; empty lists without."""
        self._check("IMAGE")
        return self._result(image)

    def detect_for_video(self, image: Any, timestamp_ms: int, image_processing_options: Any = None) -> Any:
        """As :meth:`detect`; time stamps have to grow."""
        self._check("VIDEO", timestamp_ms)
        return self._result(image)

    def detect_async(self, image: Any, timestamp_ms: int, image_processing_options: Any = None) -> None:
        """As :meth:`detect`, told to ``result_callback`` before this returns."""
        self._check("LIVE_STREAM", timestamp_ms)
        self._options.result_callback(self._result(image), image, timestamp_ms)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, mode: str, timestamp: int | None = None) -> None:
        if self._options.running_mode.name != mode:
            raise ValueError(f"Task is not initialized with the {mode.lower()} mode.")
        if timestamp is not None and self._last is not None and timestamp <= self._last:
            raise ValueError("Input timestamp must be monotonically increasing.")
        self._last = timestamp

    def _result(self, image: Any) -> Any:
        rgb, options = as_rgb(image.numpy_view()), self._options
        found = solutions.meshes(rgb, options.num_faces, self._mesh)
        shapes, matrices = [], []
        for points in found:
            pixels = points * np.array([rgb.shape[1], rgb.shape[0], rgb.shape[1]], np.float32)
            if self._mesh is not None and options.output_face_blendshapes:
                with solutions.turn:
                    shapes.append(categories(self._mesh.blendshapes(pixels).tolist()))
            if self._mesh is not None and options.output_facial_transformation_matrixes:
                matrices.append(self._mesh.metric(pixels, rgb.shape[1], rgb.shape[0])[0])
        kind = getattr(sys.modules.get(_LANDMARKER), "FaceLandmarkerResult", FaceLandmarkerResult)
        return kind([[landmark(*point) for point in points.tolist()] for points in found], shapes, matrices)


#: ``mediapipe.python.solutions.face_mesh``.
face_mesh = solutions.face_mesh
#: ``mediapipe.tasks`` and its ``vision``.
vision = SimpleNamespace(
    FaceLandmarker=FaceLandmarker, FaceLandmarkerOptions=FaceLandmarkerOptions,
    FaceLandmarkerResult=FaceLandmarkerResult, RunningMode=RunningMode,
)  # fmt: skip
tasks = SimpleNamespace(BaseOptions=BaseOptions, vision=vision)
