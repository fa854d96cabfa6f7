"""Pose pictures: 68 landmarks drawn the way AniPortrait draws MediaPipe's 478, what is lacking put in its place."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import FloatArray, RGBArray, Size
from faceshot.landmarks import topology as topo

#: Side of the canvas, whatever the working picture [px].
CANVAS: Final = 512

#: What 68 points lack on the picture's left side: (base, (weight, to, from), ...), base + weight * (to - from).
#: Two continue the jaw above the ear, five are the lower edge of the brow, in MediaPipe's numbers.
_LACKING: Final = (
    (0, (0.87, 0, 1), (0.131, 17, 0)),  # 162
    (0, (1.384, 0, 1), (0.37, 17, 0)),  # 21
    (17, (0.217, 36, 17), (0.159, 18, 17)),  # 46
    (18, (0.234, 37, 18)),  # 53
    (19, (0.143, 37, 19), (0.108, 38, 19)),  # 52
    (20, (0.192, 38, 20), (0.063, 39, 20)),  # 65
    (21, (0.194, 39, 21), (0.169, 27, 21)),  # 55
)
_R, _L = range(68, 75), range(75, 82)
_BROW, _EYE = topo.RIGHT_BROW, topo.RIGHT_EYE
_LEFT_BROW, _LEFT_EYE = topo.LEFT_BROW[::-1], topo.LEFT_EYE
_OUT, _IN = topo.OUTER_LIPS, topo.INNER_LIPS
#: (chain, colour of array channels 0, 1, 2) in drawing order: later lines cover earlier ones.
_CHAINS: Final = (
    ((_R[1], _R[0], *topo.JAW, _L[0], _L[1]), (10, 200, 10)),
    ((_LEFT_EYE[3], *_LEFT_EYE[4:], _LEFT_EYE[0]), (180, 200, 10)),
    (_LEFT_EYE[3::-1], (180, 200, 10)),
    (tuple(_L[2:]), (180, 220, 10)),
    (_LEFT_BROW, (180, 220, 10)),
    ((_EYE[0], *_EYE[:2:-1]), (10, 200, 180)),
    (_EYE[:4], (10, 200, 180)),
    (tuple(_R[2:]), (10, 220, 180)),
    (_BROW, (10, 220, 180)),
    ((_OUT[0], *_OUT[:8:-1]), (10, 180, 20)),
    (_OUT[9:5:-1], (20, 10, 180)),
    ((_IN[0], *_IN[:5:-1]), (100, 100, 30)),
    (_IN[6:3:-1], (100, 150, 50)),
    (_OUT[:4], (20, 80, 100)),
    (_OUT[3:7], (80, 100, 20)),
    (_IN[:3], (120, 100, 200)),
    (_IN[2:5], (150, 120, 100)),
)


def completed(xy: npt.ArrayLike) -> FloatArray:
    """(68, 2) landmarks -> (82, 2) with the seven points that each side lacks."""
    points = np.asarray(xy, np.float32)
    made = []
    for side in (np.arange(68), topo.FLIP):
        for base, *parts in _LACKING:
            moved = sum(weight * (points[side[to]] - points[side[start]]) for weight, to, start in parts)
            made.append(points[side[base]] + moved)
    return np.concatenate([points, np.array(made, np.float32)])


def draw_pose(xy: npt.ArrayLike, size: Size) -> RGBArray:
    """Landmarks (68, 2), pixels of ``size``, as lines on a black 512x512 canvas that does not keep the aspect.

    Points outside the picture are left out with their lines, so is everything where landmarks are not numbers.
    """
    import cv2

    image: Any = np.zeros((CANVAS, CANVAS, 3), np.uint8)
    unit = completed(xy) / np.array(size, np.float32)
    inside: Any = ((unit >= 0) & (unit <= 1)).all(1)
    pixels = np.minimum(np.floor(np.where(inside[:, None], unit, 0) * CANVAS), CANVAS - 1).astype(int)
    for chain, colour in _CHAINS:
        for begin, end in pairwise(chain):
            if inside[begin] and inside[end]:
                cv2.line(image, tuple(map(int, pixels[begin])), tuple(map(int, pixels[end])), colour, 2)
    return image


def pose_pictures(xy: npt.NDArray[np.float32], size: Size) -> npt.NDArray[np.uint8]:
    """Landmarks (n, 68, 2) in pixels of ``size`` -> (n, H, W, 3) uint8."""
    import cv2

    drawn = (draw_pose(points, size) for points in xy)
    return np.stack([cv2.resize(image, tuple(size), interpolation=cv2.INTER_LINEAR) for image in drawn])
