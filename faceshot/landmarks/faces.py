"""Several faces in one picture: which one is meant, and which one it is in the next picture.

Boxes are (left, top, right, bottom) in pixels, as in :mod:`faceshot.landmarks.anchors`; left and right are those of the
picture, as a viewer sees them.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from faceshot.errors import NoFaceError, UsageError

Array = npt.NDArray[np.float64]
#: ``largest``, ``left``, ``right``; a number counted from the left, from 1; or a box around the face.
FaceWish = Literal["largest", "left", "right"] | int | tuple[float, float, float, float]
WORDS = ("largest", "left", "right")
#: A face moves at most this far from one look to the next, in sides of its box, and grows at most by this factor.
_REACH, _GROWTH = 0.75, 1.6


def check_wish(wish: object) -> FaceWish:
    """A wish as it may be given to :func:`choose`.

    Raises:
        UsageError: none of the words, no number from 1, no box with an inside.
    """
    if isinstance(wish, str) and wish in WORDS:
        return wish  # type: ignore[return-value]
    if isinstance(wish, int | np.integer) and not isinstance(wish, bool):
        if wish >= 1:
            return int(wish)
        raise UsageError(f"face {wish} cannot be; faces are counted from 1, from left to right")
    if isinstance(wish, tuple | list | np.ndarray) and len(wish) == 4:
        left, top, right, bottom = (float(side) for side in wish)
        if all(map(math.isfinite, (left, top, right, bottom))) and left < right and top < bottom:
            return left, top, right, bottom
        raise UsageError(f"face box {tuple(wish)} has no inside; give left, top, right, bottom in pixels")
    raise UsageError(f"unknown face {wish!r}; use {', '.join(WORDS)}, a number from 1 or a box of four numbers")


def choose(faces: npt.ArrayLike, wish: FaceWish = "largest") -> int:
    """The index of the face that is meant.

    Args:
        faces: (n, 4) boxes in any order, n >= 1.
        wish: what :func:`check_wish` lets through. A box means the face it overlaps most, taken as a share of both.

    Raises:
        NoFaceError: no such face; the message says how many there are and where.
    """
    boxes = np.asarray(faces, np.float64).reshape(-1, 4)
    wish = check_wish(wish)
    if not len(boxes):
        raise NoFaceError("there is no face to choose from")
    from_left = np.argsort(boxes[:, 0] + boxes[:, 2], kind="stable")
    if wish == "largest":
        return int(np.argmax(_sides(boxes).prod(1)))
    if isinstance(wish, str):
        return int(from_left[0 if wish == "left" else -1])
    if isinstance(wish, int):
        if wish > len(boxes):
            raise NoFaceError(f"there is no face {wish}: {_spelled(boxes[from_left])}")
        return int(from_left[wish - 1])
    shared = overlap(boxes, np.array(wish))
    if shared.max() <= 0:
        raise NoFaceError(f"no face at box {','.join(f'{side:g}' for side in wish)}: {_spelled(boxes[from_left])}")
    return int(np.argmax(shared))


def follow(faces: npt.ArrayLike, last: npt.ArrayLike, *, steps: float = 1.0) -> int | None:
    """The index of the face that was at box ``last``, by place and size; None where none can be it.

    Args:
        faces: (n, 4) boxes, n may be 0. last: (4,) its box when it was seen last.
        steps: how many looks ago that was; it may have moved further since.
    """
    boxes, before = np.asarray(faces, np.float64).reshape(-1, 4), np.asarray(last, np.float64)
    if not len(boxes):
        return None
    side = max(float(_sides(before[None]).mean()), 1e-6)
    way = np.linalg.norm((boxes[:, :2] + boxes[:, 2:] - before[:2] - before[2:]) / 2, axis=1) / side
    grown = np.abs(np.log(np.maximum(_sides(boxes).mean(1), 1e-6) / side))
    room = math.sqrt(max(steps, 1.0))
    cost = way / (_REACH * room) + grown / (math.log(_GROWTH) * room)
    best = int(np.argmin(cost))
    return best if way[best] <= _REACH * room and grown[best] <= math.log(_GROWTH) * room else None


def overlap(boxes: Array, box: Array) -> Array:
    """Intersection over union (n,) of boxes (n, 4) with one box (4,)."""
    inner = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    shared = np.maximum(inner, 0.0).prod(1)
    return shared / np.maximum(_sides(boxes).prod(1) + _sides(box[None]).prod(1) - shared, 1e-12)


def _sides(boxes: Array) -> Array:
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)


def _spelled(boxes: Array) -> str:
    places = "; ".join(",".join(f"{side:.0f}" for side in box) for box in boxes[:6])
    count = "there is one face" if len(boxes) == 1 else f"there are {len(boxes)} faces"
    return f"{count}, from the left at {places}"
