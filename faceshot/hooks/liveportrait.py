"""Stands in for LivePortrait's ``Cropper`` (``src.utils.cropper``): its crop of a picture or clip, with landmarks. RGB.

Its 203 landmarks are ours as far as LivePortrait's code looks at them: lids, eye corners and lips stand where it reads
them (0 to 107, on curves through our points). The other 95 lie along jaw, brows and nose, in an order nobody checked.
The crop is taken around our 68 points.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.hooks.finder import as_rgb, faces
from faceshot.landmarks import Landmarks, RGBArray
from faceshot.landmarks.topology import INNER_EYE_CORNERS, MOUTH_CORNERS, OUTER_EYE_CORNERS

REPLACED = {"src.utils.cropper": ("Cropper",)}
COMPLETED: dict[str, tuple[str, ...]] = {}
Array = npt.NDArray[np.float64]
#: Their defaults: side of the crop [px], its scale and shift; the driving clip's scale and shift.
_SIDE, _SCALE, _SHIFT, _DRIVING = 512, 2.3, -0.125, (2.2, -0.1)


class Cropper:
    """Made as theirs; of its arguments only ``crop_cfg`` counts."""

    def __init__(self, **kwargs: Any) -> None:
        self.crop_cfg = kwargs.get("crop_cfg") or SimpleNamespace()

    def update_config(self, user_args: dict[str, Any]) -> None:
        """Settings of ``crop_cfg`` by name; unknown ones are passed over."""
        for name, value in user_args.items():
            if hasattr(self.crop_cfg, name):
                setattr(self.crop_cfg, name, value)

    def crop_source_image(self, img_rgb_: Any, crop_cfg: Any) -> dict[str, Any] | None:
        """``img_crop``, ``img_crop_256x256``, ``M_o2c``, ``M_c2o`` (3, 3), ``pt_crop``, ``lmk_crop`` (203, 2) in pixels
        of the whole picture, as theirs, ``lmk_crop_256x256``; None without a face."""
        import cv2

        rgb = as_rgb(img_rgb_)
        if not (found := faces(rgb)):
            return None
        marks = max(found, key=lambda match: np.prod(np.ptp(match.landmarks.xy, axis=0))).landmarks
        side = int(getattr(crop_cfg, "dsize", _SIDE))
        scale, shift = getattr(crop_cfg, "scale", _SCALE), getattr(crop_cfg, "vy_ratio", _SHIFT)
        matrix = crop_matrix(marks.xy, side, scale, shift, turn=getattr(crop_cfg, "flag_do_rot", True))
        crop = cv2.warpAffine(rgb, matrix[:2], (side, side), flags=cv2.INTER_LINEAR)
        points = points203(marks)
        return {
            "img_crop": crop,
            "img_crop_256x256": cv2.resize(crop, (256, 256), interpolation=cv2.INTER_AREA),
            "M_o2c": matrix.astype(np.float32),
            "M_c2o": np.linalg.inv(matrix).astype(np.float32),
            "pt_crop": (points @ matrix[:2, :2].T + matrix[:2, 2]).astype(np.float32),
            "lmk_crop": points,
            "lmk_crop_256x256": points * np.float32(256 / side),
        }

    def crop_source_video(self, source_rgb_lst: Iterable[Any], crop_cfg: Any, **kwargs: Any) -> dict[str, Any]:
        """Of every frame with a face: ``frame_crop_lst``, ``lmk_crop_lst``, ``M_c2o_lst``."""
        crops = [one for frame in source_rgb_lst if (one := self.crop_source_image(frame, crop_cfg)) is not None]
        names = {"frame_crop_lst": "img_crop", "lmk_crop_lst": "lmk_crop", "M_c2o_lst": "M_c2o"}
        return {name: [crop[key] for crop in crops] for name, key in names.items()}

    def crop_driving_video(self, driving_rgb_lst: Iterable[Any], **kwargs: Any) -> dict[str, Any]:
        """``frame_crop_lst`` (512, 512, 3) and ``lmk_crop_lst``: one upright square for the whole clip, the mean of its
        faces' squares."""
        import cv2

        frames = [as_rgb(frame) for frame in driving_rgb_lst]
        seen = [(frame, max(found, key=_area).landmarks) for frame in frames if (found := faces(frame))]
        scale = getattr(self.crop_cfg, "scale_crop_driving_video", _DRIVING[0])
        shift = getattr(self.crop_cfg, "vy_ratio_crop_driving_video", _DRIVING[1])
        if not seen:
            return {"frame_crop_lst": [], "lmk_crop_lst": []}
        back = [np.linalg.inv(crop_matrix(marks.xy, _SIDE, scale, shift, turn=False)) for _, marks in seen]
        matrix = np.linalg.inv(np.mean(back, axis=0))
        crops = [cv2.warpAffine(frame, matrix[:2], (_SIDE, _SIDE), flags=cv2.INTER_LINEAR) for frame, _ in seen]
        return {"frame_crop_lst": crops, "lmk_crop_lst": [points203(marks) for _, marks in seen]}

    def calc_lmk_from_cropped_image(self, img_rgb_: Any, **kwargs: Any) -> npt.NDArray[np.float32] | None:
        """(203, 2) pixels, or None."""
        found = faces(as_rgb(img_rgb_))
        return points203(max(found, key=_area).landmarks) if found else None

    def calc_lmks_from_cropped_video(self, driving_rgb_crop_lst: Iterable[RGBArray], **kwargs: Any) -> list[Any]:
        """Of every frame with a face."""
        every = (self.calc_lmk_from_cropped_image(frame) for frame in driving_rgb_crop_lst)
        return [points for points in every if points is not None]


def _area(match: Any) -> float:
    return float(np.prod(np.ptp(match.landmarks.xy, axis=0)))


def crop_matrix(xy: npt.ArrayLike, side: int, scale: float, shift: float, *, turn: bool) -> Array:
    """(3, 3) picture -> crop: a square ``scale`` times the landmarks' box, upright to the face with ``turn``."""
    p = np.asarray(xy, np.float64)
    eyes = p[[*OUTER_EYE_CORNERS, *INNER_EYE_CORNERS]].mean(0)
    down = p[list(MOUTH_CORNERS)].mean(0) - eyes
    long = float(np.hypot(*down))
    down = down / long if long > 1e-3 else np.array([0.0, 1.0])
    axes = np.array([[down[1], -down[0]], down])
    middle = p.mean(0)
    inside = (p - middle) @ axes.T
    low, high = inside.min(0), inside.max(0)
    reach = scale * max(float((high - low).max()), 1e-3)
    centre = middle + axes.T @ ((low + high) / 2 + np.array([0, shift * reach]))
    linear = side / reach * (axes if turn else np.eye(2))
    return np.vstack([np.column_stack([linear, side / 2 - linear @ centre]), [0, 0, 1]])


def points203(landmarks: Landmarks) -> npt.NDArray[np.float32]:
    """(203, 2) pixels, see the module."""
    m = landmarks
    upper, lower = m.to_wflw98()[[62, 70]], m.to_wflw98()[[66, 74]]
    rings = [
        _ring([*eye[:2], upper[k], *eye[2:5], lower[k], eye[5]], (0, 2, 4, 6), 24)
        for k, eye in enumerate((m.right_eye, m.left_eye))
    ]
    rings += [_ring(list(m.outer_lips), (0, 3, 6, 9), 36), _ring(list(m.inner_lips), (0, 2, 4, 6), 24)]
    nose = np.concatenate([m.nose_bridge, m.nose_base])
    lines = [(m.jaw, 37), (m.right_brow, 20), (m.left_brow, 20), (nose, 18)]
    rings += [_line(np.asarray(points, np.float64), count, ends=True) for points, count in lines]
    return np.concatenate(rings).astype(np.float32)


def _ring(points: list[Any], anchors: tuple[int, ...], count: int) -> Array:
    """(count, 2) along a closed line, with the points at ``anchors`` evenly among them."""
    closed = np.array([*points, points[0]], np.float64)
    stops = [*anchors, len(points)]
    parts = [_line(closed[a : b + 1], count // len(anchors), ends=False) for a, b in pairwise(stops)]
    return np.concatenate(parts)


def _line(points: Array, count: int, *, ends: bool) -> Array:
    """(count, 2) evenly along a line, with its last point only if ``ends``."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0, way[-1], count, endpoint=ends)
    return np.stack([np.interp(at, way, points[:, k]) for k in range(2)], axis=1)
