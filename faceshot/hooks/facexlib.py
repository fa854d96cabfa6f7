"""Stands in for facexlib's ``init_detection_model`` and ``init_alignment_model``, and so inside its FaceRestoreHelper.

Pictures are BGR, as there. Not stood in for: parsing, recognition, matting, tracking.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import UsageError
from faceshot.hooks.finder import as_rgb, detector_box, faces, five_points, largest
from faceshot.landmarks import Landmarks

REPLACED = {
    "facexlib.detection": ("init_detection_model",),
    "facexlib.alignment": ("init_alignment_model",),
}
COMPLETED = {"facexlib.alignment": ("landmark_98_to_68",)}
FloatArray = npt.NDArray[np.float32]
_DETECTORS, _ALIGNERS = ("retinaface_resnet50", "retinaface_mobile0.25"), ("awing_fan",)
#: Programs compare scores with thresholds up to 0.97: a face that we accept passes each of them.
_SURE = 0.98


class _Module:
    """What programs do with a network before they use it."""

    def eval(self) -> Any:
        """The same object."""
        return self

    def to(self, *_: Any, **__: Any) -> Any:
        """The same object; the device is that of our matcher (:func:`faceshot.hooks.use`)."""
        return self

    half = float = cuda = cpu = train = to


class RetinaFace(_Module):
    """Boxes and five points of all faces."""

    def detect_faces(
        self, image: Any, conf_threshold: float = 0.8, nms_threshold: float = 0.4, use_origin_size: bool = True
    ) -> FloatArray:
        """(n, 15) float32, the surest first: left, top, right, bottom [px], score, five points x, y; (0, 15) without.

        Scores are 0.98 + 0.02 times our confidence.
        """
        rows = []
        for match in faces(as_rgb(image, "bgr")):
            score = _SURE + (1 - _SURE) * match.confidence
            rows.append(np.concatenate([detector_box(match.landmarks), [score], five_points(match.landmarks).ravel()]))
        return np.array([row for row in rows if row[4] > conf_threshold], np.float32).reshape(-1, 15)

    def batched_detect_faces(
        self, frames: Any, conf_threshold: float = 0.8, nms_threshold: float = 0.4, use_origin_size: bool = True
    ) -> tuple[list[FloatArray], list[FloatArray]]:
        """Of every picture: boxes with scores (n, 5), and points (n, 10)."""
        found = [self.detect_faces(frame, conf_threshold) for frame in frames]
        return [one[:, :5] for one in found], [one[:, 5:] for one in found]


class FAN(_Module):
    """98 points of WFLW in a crop of one face."""

    def get_landmarks(self, img: Any) -> FloatArray:
        """(98, 2) float32 pixels of the crop (H, W, 3), of its largest face."""
        return largest(as_rgb(img, "bgr")).landmarks.to_wflw98()


def init_detection_model(
    model_name: str, half: bool = False, device: Any = "cuda", model_rootpath: str | None = None
) -> RetinaFace:
    """A :class:`RetinaFace` for either of the two names that facexlib knows."""
    if model_name not in _DETECTORS:
        raise NotImplementedError(f"{model_name} is not implemented.")
    return RetinaFace()


def init_alignment_model(
    model_name: str, half: bool = False, device: Any = "cuda", model_rootpath: str | None = None
) -> FAN:
    """A :class:`FAN` for facexlib's ``awing_fan``."""
    if model_name not in _ALIGNERS:
        raise NotImplementedError(f"{model_name} is not implemented.")
    return FAN()


def landmark_98_to_68(landmark_98: npt.ArrayLike) -> FloatArray:
    """(98, 2) -> (68, 2) float32."""
    points = np.asarray(landmark_98, np.float32)
    if points.shape != (98, 2):
        raise UsageError(f"landmark_98 must have shape (98, 2), got {points.shape}")
    # Any size does: pixels stay as they are.
    return Landmarks.from_wflw98(points, (1, 1)).xy.copy()
