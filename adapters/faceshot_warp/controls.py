"""From landmarks of a frame to what the warp needs: head motion, local displacements, lid closure.

Everything is float64 numpy; points are (x, y) pixels of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks
from faceshot.landmarks import topology as topo

Array = npt.NDArray[np.float64]

#: Weight of each landmark in the fit of the head's motion: what rides on the skull counts, what moves with
#: expressions (lids, lips, the free part of the jaw) does not.
_HEAD_WEIGHT = np.zeros(topo.N_POINTS)
_HEAD_WEIGHT[[0, 1, 2, 14, 15, 16]] = 1.0
_HEAD_WEIGHT[list(topo.NOSE_BRIDGE + topo.NOSE_BASE)] = 0.7
_HEAD_WEIGHT[list(topo.OUTER_EYE_CORNERS + topo.INNER_EYE_CORNERS)] = 2.0
_HEAD_WEIGHT[list(topo.RIGHT_BROW + topo.LEFT_BROW)] = 0.15

#: Openings (lid gap over eye width) below which an eye counts as closed in the picture.
_CLOSED_EYE = 0.07
#: Largest slant of an eye against the line of both eyes, in radians; more is a landmark error.
_SLANT = 0.3


def face_unit(landmarks: Landmarks) -> float:
    """Size of the face in pixels: the geometric mean of the landmark box's sides, at least 4."""
    left, top, right, bottom = landmarks.box()
    return float(max(np.sqrt(max(right - left, 0.0) * max(bottom - top, 0.0)), 4.0))


@dataclass(frozen=True)
class Affine:
    """x -> matrix @ x + shift."""

    matrix: Array
    shift: Array

    def __call__(self, xy: Array) -> Array:
        return xy @ self.matrix.T + self.shift

    def inverse(self) -> Affine:
        matrix: Array = np.linalg.inv(self.matrix).astype(np.float64)
        return Affine(matrix, -matrix @ self.shift)


IDENTITY = Affine(np.eye(2), np.zeros(2))


def head_motion(rest: Array, moved: Array, visible: npt.NDArray[np.bool_]) -> Affine:
    """The motion of the head as a whole: a weighted similarity with a regularised affine remainder.

    Args:
        rest, moved: (68, 2) landmarks.
        visible: (68,) points to trust.
    """
    weight = _HEAD_WEIGHT * visible
    if (weight > 0).sum() < 3:
        weight = visible.astype(float) if visible.any() else np.ones(len(rest))
    weight = weight / weight.sum()
    centre_p, centre_q = weight @ rest, weight @ moved
    p, q = rest - centre_p, moved - centre_q
    spread = float((weight * (p**2).sum(1)).sum())
    if spread < 1e-6:
        return Affine(np.eye(2), centre_q - centre_p)
    # Similarity by complex least squares: q = z p.
    a = float((weight * (p * q).sum(1)).sum()) / spread
    b = float((weight * (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0])).sum()) / spread
    scale = np.hypot(a, b)
    limited = np.clip(scale, 0.6, 1.6) / max(scale, 1e-9)
    similarity = np.array([[a, -b], [b, a]]) * limited
    # Yaw and pitch show as anisotropic scaling; the ridge keeps few or collinear points from shearing the head.
    covariance = (p * weight[:, None]).T @ p
    cross = (q * weight[:, None]).T @ p
    extra = (cross - similarity @ covariance) @ np.linalg.inv(covariance + 0.5 * spread * np.eye(2))
    extra *= min(1.0, 0.15 / max(float(np.abs(extra).max()), 1e-9))
    matrix = similarity + extra
    return Affine(matrix, centre_q - matrix @ centre_p)


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


def eye_controls(rest: EyeRest, moved: Array, closure: float) -> Array:
    """Displacements (6, 2) of an eye for the warp: it rides on its corners and never squashes.

    Only widening stretches it, by a third of what was asked and 18 % at most.
    """
    shift = moved[[0, 3]] - rest.points[[0, 3]]
    mean = shift.mean(0)
    spread = (shift[1] - shift[0]) / 2
    limit = 0.12 * rest.width
    spread *= min(1.0, limit / max(float(np.hypot(*spread)), 1e-9))
    place = ((rest.points - rest.points[[0, 3]].mean(0)) @ rest.axis) / (rest.width / 2)
    out = mean + np.clip(place, -1, 1)[:, None] * spread
    stretch = min(max(-closure, 0.0) * 0.35, 0.18)
    if stretch > 0:
        middle = rest.points[[1, 2, 4, 5]].mean(0)
        out = out + np.outer((rest.points - middle) @ rest.normal * stretch, rest.normal)
    return out
