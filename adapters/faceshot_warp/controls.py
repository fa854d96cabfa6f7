"""From landmarks of a frame to what the warp needs: size of the face, the state and displacement of the eyes.

Everything is float64 numpy; points are (x, y) pixels of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks

Array = npt.NDArray[np.float64]

#: Openings (lid gap over eye width) below which an eye counts as closed in the picture.
_CLOSED_EYE = 0.07
#: Largest slant of an eye against the line of both eyes, in radians; more is a landmark error.
_SLANT = 0.3


def face_unit(landmarks: Landmarks) -> float:
    """Size of the face in pixels: the geometric mean of the landmark box's sides, at least 4."""
    left, top, right, bottom = landmarks.box()
    return float(max(np.sqrt(max(right - left, 0.0) * max(bottom - top, 0.0)), 4.0))


@dataclass(frozen=True)
class EyeRest:
    """One eye of the picture.

    Attributes:
        points: (6, 2) landmarks, in iBUG order (corner, two upper, corner, two lower).
        axis, normal: unit vectors from image left to image right corner, and downwards.
        width: distance of the corners; gap: mean distance of the lids along ``normal``.
    """

    points: Array
    axis: Array
    normal: Array
    width: float
    gap: float

    @property
    def closed(self) -> bool:
        return self.gap < max(_CLOSED_EYE * self.width, 1.0)


def eye_rest(points: Array, level: Array) -> EyeRest:
    """Measure an eye (6, 2); ``level`` (2,) is the direction across the face, which bounds how far an eye slants."""
    along = points[3] - points[0]
    width = float(np.hypot(*along))
    base = np.arctan2(level[1], level[0])
    slant = np.arctan2(along[1], along[0]) - base
    slant = (slant + np.pi) % (2 * np.pi) - np.pi
    angle = base + np.clip(slant, -_SLANT, _SLANT)
    axis = np.array([np.cos(angle), np.sin(angle)])
    normal = np.array([-axis[1], axis[0]])
    return EyeRest(points, axis, normal, max(width, 1.0), _gap(points, normal))


def _gap(points: Array, normal: Array) -> float:
    return float(((points[4] + points[5] - points[1] - points[2]) @ normal) / 2)


def lid_closure(rest: EyeRest, moved: Array) -> float:
    """How far the eye closed: 0 as in the picture, 1 shut, negative when wider than in the picture.

    Args:
        moved: (6, 2) the eye in the frame, with the head's motion taken out.
    """
    if rest.closed:
        return 0.0
    opening = _gap(moved, rest.normal) / rest.gap
    # A tenth of the rest opening is a shut eye: trackers and retargeters rarely reach zero.
    return float(np.clip((1.0 - opening) / 0.9, -1.0, 1.0))


def eye_controls(rest: EyeRest, moved: Array, closure: float, *, stretch: bool = True) -> Array:
    """Displacements (6, 2) of an eye for the warp: it rides on its corners and never squashes.

    Only widening may stretch it, by a third of what was asked and 18 % at most.
    """
    shift = moved[[0, 3]] - rest.points[[0, 3]]
    mean = shift.mean(0)
    spread = (shift[1] - shift[0]) / 2
    limit = 0.12 * rest.width
    spread *= min(1.0, limit / max(float(np.hypot(*spread)), 1e-9))
    place = ((rest.points - rest.points[[0, 3]].mean(0)) @ rest.axis) / (rest.width / 2)
    out = mean + np.clip(place, -1, 1)[:, None] * spread
    widened = min(max(-closure, 0.0) * 0.35, 0.18)
    if stretch and widened > 0:
        middle = rest.points[[1, 2, 4, 5]].mean(0)
        out = out + np.outer((rest.points - middle) @ rest.normal * widened, rest.normal)
    return out


def lid_shift(rest: EyeRest, moved: Array, ride: Array, closure: float) -> Array:
    """How far each landmark (6,) of an eye moves down across an eye that rides on its corners.

    A closing upper lid goes as far as ``closure`` says; widening ends at twice the rest opening.
    """
    down = (moved - rest.points - ride) @ rest.normal
    down[[0, 3]] = 0.0
    gap = rest.gap + (down[4] + down[5] - down[1] - down[2]) / 2
    wanted = rest.gap * (1 - closure) if closure > 0 else min(gap, 2 * rest.gap)
    down[[1, 2]] += gap - wanted
    return down
