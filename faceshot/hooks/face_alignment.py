"""Stands in for ``face_alignment`` (1.3 to 1.5): 68 points in two or three dimensions, RGB in.

Not stood in for: the networks themselves (``face_alignment_net``), ``utils``. ``network_size``, ``flip_input``,
``face_detector`` and what tunes them are taken and mean nothing here.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.hooks.finder import as_rgb, detector_box, face_in, faces
from faceshot.landmarks import depth68
from faceshot.progress import progress

REPLACED = {
    "face_alignment": ("FaceAlignment", "LandmarksType", "NetworkSize"),
    "face_alignment.api": ("FaceAlignment", "LandmarksType", "NetworkSize"),
}
COMPLETED: dict[str, tuple[str, ...]] = {}
__version__ = "1.5.0"


class LandmarksType(IntEnum):
    """2D points; the same seen as projections of a solid head; with depth. ``_2D`` ... are the names before 1.4."""

    TWO_D = 1
    TWO_HALF_D = 2
    THREE_D = 3
    _2D = 1
    _2halfD = 2
    _3D = 3


class NetworkSize(IntEnum):
    """Taken, and of no effect."""

    LARGE = 4


class FaceDetector:
    """The ``face_detector`` of a :class:`FaceAlignment`; boxes (left, top, right, bottom, confidence) float32."""

    reference_scale = 195
    reference_x_shift = 0
    reference_y_shift = 0

    def __init__(self, device: Any = "cpu", verbose: bool = False) -> None:
        self.device, self.verbose = device, verbose

    def detect_from_image(self, tensor_or_path: Any) -> list[np.ndarray]:
        """Of one picture, the surest first; an empty list where there is no face."""
        found = faces(as_rgb(tensor_or_path))
        return [np.append(detector_box(one.landmarks), one.confidence).astype(np.float32) for one in found]

    def detect_from_batch(self, tensor: Any) -> list[list[np.ndarray]]:
        """Of every picture of a batch (B, 3, H, W)."""
        return [self.detect_from_image(image.permute(1, 2, 0)) for image in tensor]


class FaceAlignment:
    """Landmarks of all faces of a picture, in the order of ``detected_faces``, else the surest first."""

    def __init__(
        self, landmarks_type: int, network_size: int = NetworkSize.LARGE, device: str = "cuda", dtype: Any = None,
        flip_input: bool = True, face_detector: str = "sfd", face_detector_kwargs: dict[str, Any] | None = None,
        verbose: bool = False, compile: bool = True, max_batch_size: int = 1,
    ) -> None:  # fmt: skip
        self.landmarks_type, self.device, self.dtype = LandmarksType(int(landmarks_type)), device, dtype
        self.flip_input, self.verbose, self.max_batch_size = flip_input, verbose, max_batch_size
        self.face_detector = FaceDetector(device, verbose)

    def get_landmarks(
        self, image_or_path: Any, detected_faces: Any = None, return_bboxes: bool = False,
        return_landmark_score: bool = False,
    ) -> Any:  # fmt: skip
        """As :meth:`get_landmarks_from_image`."""
        return self.get_landmarks_from_image(image_or_path, detected_faces, return_bboxes, return_landmark_score)

    def get_landmarks_from_image(
        self, image_or_path: Any, detected_faces: Any = None, return_bboxes: bool = False,
        return_landmark_score: bool = False,
    ) -> Any:  # fmt: skip
        """A list of float32 (68, 2), or (68, 3) with depth [px], larger nearer; None and a warning without a face.

        With either flag a triple: that list, a list of scores (68,) or None, the boxes or None.
        """
        rgb = as_rgb(image_or_path)
        boxes = self.face_detector.detect_from_image(rgb) if detected_faces is None else detected_faces
        several = return_bboxes or return_landmark_score
        if len(boxes) == 0:
            warnings.warn("No faces were detected.", stacklevel=2)
            return (None, None, None) if several else None
        found = [face_in(rgb, box).landmarks for box in boxes]
        points = [one.xy.copy() for one in found]
        if self.landmarks_type == LandmarksType.THREE_D:
            points = [np.column_stack([xy, -depth68(xy)]).astype(np.float32) for xy in points]
        scores = [np.ones(68, np.float32) if one.score is None else one.score.copy() for one in found]
        if not several:
            return points
        return points, scores if return_landmark_score else None, boxes if return_bboxes else None

    def get_landmarks_from_batch(
        self, image_batch: Any, detected_faces: Any = None, return_bboxes: bool = False,
        return_landmark_score: bool = False,
    ) -> Any:  # fmt: skip
        """Of every picture of (B, 3, H, W): the faces' points one below the other (68 n, 2 or 3), [] without a face."""
        boxes = self.face_detector.detect_from_batch(image_batch) if detected_faces is None else detected_faces
        points: list[Any] = []
        scores: list[Any] = []
        for image, some in zip(image_batch, boxes, strict=True):
            found, sure, _ = self.get_landmarks_from_image(image.permute(1, 2, 0), some, return_landmark_score=True)
            points.append([] if found is None else np.concatenate(found))
            scores.append(sure)
        if not (return_bboxes or return_landmark_score):
            return points
        return points, scores if return_landmark_score else None, boxes if return_bboxes else None

    def get_landmarks_from_directory(
        self, path: str, extensions: Sequence[str] = (".jpg", ".png"), recursive: bool = True,
        show_progress_bar: bool = True, return_bboxes: bool = False, return_landmark_score: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """File -> what :meth:`get_landmarks_from_image` gives for it."""
        files = sorted(Path(path).glob("**/*" if recursive else "*"))
        named = [str(file) for file in files if file.suffix.lower() in extensions]
        given = dict(return_bboxes=return_bboxes, return_landmark_score=return_landmark_score)
        return {file: self.get_landmarks_from_image(file, **given) for file in progress(named, "match", unit="picture")}
