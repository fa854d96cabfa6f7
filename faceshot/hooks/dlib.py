"""Stands in for dlib's face detectors and shape predictors: 8-bit grey or RGB in, whole pixels out.

Where dlib is loaded, results are of its own classes, so that ``dlib.get_face_chip`` and the like take them. No file is
read: a name with ``5_face`` in it means dlib's five points, any other the 68. Not stood in for: recognition, training.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from faceshot.hooks import dlib_types
from faceshot.hooks.dlib_types import (
    full_object_detection,
    full_object_detections,
    mmod_rectangle,
    mmod_rectangles,
    point,
    points,
    rectangle,
    rectangles,
)
from faceshot.hooks.finder import as_rgb, detector_box, face_in, faces
from faceshot.landmarks import Landmarks, RGBArray
from faceshot.landmarks.topology import INNER_EYE_CORNERS, OUTER_EYE_CORNERS, SUBNASALE

REPLACED = {"dlib": ("get_frontal_face_detector", "shape_predictor", "cnn_face_detection_model_v1")}
__all__ = [
    "cnn_face_detection_model_v1",
    "full_object_detection",
    "full_object_detections",
    "get_frontal_face_detector",
    "load_rgb_image",
    "mmod_rectangle",
    "mmod_rectangles",
    "point",
    "points",
    "rectangle",
    "rectangles",
    "shape_predictor",
]
COMPLETED = {
    "dlib": (
        *("point", "points", "rectangle", "rectangles", "full_object_detection", "full_object_detections"),
        *("mmod_rectangle", "mmod_rectangles", "load_rgb_image"),
    )
}
#: dlib's five: subject's left eye from the outside in, right eye from the outside in, under the nose.
_FIVE = (OUTER_EYE_CORNERS[1], INNER_EYE_CORNERS[1], OUTER_EYE_CORNERS[0], INNER_EYE_CORNERS[0], SUBNASALE)


def _class(name: str) -> Any:
    """dlib's own class where it is loaded, else ours."""
    return getattr(sys.modules.get("dlib"), name, None) or getattr(dlib_types, name)


def _picture(image: Any) -> RGBArray:
    array = image if isinstance(image, np.ndarray) else None
    if array is None:
        raise TypeError("incompatible function arguments: the image must be a numpy.ndarray")
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise RuntimeError("Unsupported image type, must be 8bit gray or RGB image.")
    return as_rgb(array)


def _rect(landmarks: Landmarks) -> Any:
    return _class("rectangle")(*(round(side) for side in detector_box(landmarks).tolist()))


class fhog_object_detector:
    """What :func:`get_frontal_face_detector` gives."""

    def __call__(self, image: Any, upsample_num_times: int = 0) -> Any:
        """Boxes, the surest first; faces of any size are found, so ``upsample_num_times`` means nothing."""
        return self.run(image, upsample_num_times)[0]

    def run(self, image: Any, upsample_num_times: int = 0, adjust_threshold: float = 0.0) -> tuple[Any, Any, Any]:
        """Boxes, our confidences, and zeros: there is one kind of detector."""
        found = [one for one in faces(_picture(image)) if one.confidence > adjust_threshold]
        boxes = _class("rectangles")()
        for one in found:
            boxes.append(_rect(one.landmarks))
        return boxes, [one.confidence for one in found], [0] * len(found)


def get_frontal_face_detector() -> fhog_object_detector:
    """A detector of faces, frontal or not."""
    return fhog_object_detector()


class cnn_face_detection_model_v1:
    """The same faces with their confidences, of one picture or of a list."""

    def __init__(self, filename: str = "") -> None:
        self.filename = filename

    def __call__(self, img: Any, upsample_num_times: int = 0, batch_size: int = 128) -> Any:
        if isinstance(img, list | tuple):
            return [self(one, upsample_num_times) for one in img]
        found = faces(_picture(img))
        return mmod_rectangles(mmod_rectangle(_rect(one.landmarks), one.confidence) for one in found)


class shape_predictor:
    """68 points, or 5, in a box."""

    def __init__(self, filename: str = "") -> None:
        self._indices = _FIVE if "5_face" in str(filename) else tuple(range(68))

    def __call__(self, image: Any, box: Any) -> Any:
        """The :class:`full_object_detection` of the face in ``box``, whether or not it looks like one."""
        sides = box.left(), box.top(), box.right(), box.bottom()
        found = face_in(_picture(image), sides)
        xy = np.rint(found.landmarks.xy[list(self._indices)]).astype(int).tolist()
        kind = _class("rectangle")
        rect = box if isinstance(box, kind) else kind(*sides)
        return _class("full_object_detection")(rect, [_class("point")(x, y) for x, y in xy])


def load_rgb_image(filename: str) -> RGBArray:
    """A picture file as uint8 (H, W, 3)."""
    return as_rgb(str(filename))
