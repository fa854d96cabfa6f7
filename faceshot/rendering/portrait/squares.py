"""Squares about a face, and the five points that face detectors give, out of 68."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import FloatArray, Size
from faceshot.landmarks import topology as topo
from faceshot.rendering.place import Place
from faceshot.rendering.proxy import ProxyClip, head_boxes

#: Side of what both programs work on [px].
SIDE = 512
Square = tuple[int, int, int, int]


def five_points(xy: npt.ArrayLike) -> FloatArray:
    """(..., 5, 2) of landmarks (..., 68, 2): eyes, nose, corners of the mouth, what is left in the image first."""
    points = np.asarray(xy, np.float32)
    eyes = [points[..., list(eye), :].mean(-2) for eye in (topo.RIGHT_EYE, topo.LEFT_EYE)]
    right, left = topo.MOUTH_CORNERS
    return np.stack([*eyes, points[..., topo.NOSE_TIP, :], points[..., right, :], points[..., left, :]], -2)


def face_square(box: npt.ArrayLike, size: Size, margin: float = 1.0) -> Square:
    """The square (left, top, right, bottom) [px, edges] that a face is cut by, inside a picture of ``size``.

    The box of the face grows on every side by ``margin`` of its extent and is cut to the picture; the square is as
    large as that is narrow, and lies as near to the face as it allows (HunyuanPortrait's rule, its margin is 1).

    Args:
        box: left, top, right, bottom of the face [px].
    """
    low, high = np.split(np.asarray(box, np.float64) + 0.5, 2)
    middle, grown = (low + high) / 2, margin * np.maximum(high - low, 1)
    low, high = (np.clip(edge, 0, size) for edge in (low - grown, high + grown))
    side = int(np.clip(np.rint((high - low).min()), 1, min(size)))
    centre = (low + high) / 2
    spare = np.maximum(high - low - side, 0) / 2
    corner = np.rint(centre + np.clip(middle - centre, -spare, spare) - side / 2)
    left, top = (int(value) for value in np.clip(corner, 0, np.array(size) - side))
    return left, top, left + side, top + side


def cut_square(clip: ProxyClip, margin: float = 1.0) -> tuple[Place, ProxyClip]:
    """The same clip in the square about the character's face, :data:`SIDE` x :data:`SIDE` pixels, and where that is."""
    size = Size(SIDE, SIDE)
    place = Place(face_square(head_boxes(clip.landmarks.xy), clip.size, margin), size, (0, 0), size, clip.size)
    return place, clip.cut(place)
