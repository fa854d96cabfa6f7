"""The head as a whole: its motion among expressions, its depth, and how far its surroundings go along.

The motion is that of a flat card with a depth column, ``x -> matrix @ x + shift + turn * depth(x)``: a head that turns
carries its nose further than its cheeks. Around the head the motion dies out. It is followed in small steps, each of
which moves what lies near the head at that moment; so pictures never fold, however far the head goes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from faceshot.landmarks import topology as topo
from faceshot_warp.field import Grid, Lattice, smooth

Array = npt.NDArray[np.float64]

#: Weight of each landmark in the fit of the head's motion: what rides on the skull counts, what moves with
#: expressions (lids, lips, the free part of the jaw) does not.
_HEAD_WEIGHT = np.zeros(topo.N_POINTS)
_HEAD_WEIGHT[[0, 1, 2, 14, 15, 16]] = 1.0
_HEAD_WEIGHT[list(topo.NOSE_BRIDGE + topo.NOSE_BASE)] = 0.7
_HEAD_WEIGHT[list(topo.OUTER_EYE_CORNERS + topo.INNER_EYE_CORNERS)] = 2.0
_HEAD_WEIGHT[list(topo.RIGHT_BROW + topo.LEFT_BROW)] = 0.15
#: Ridge of the affine remainder and of the depth column, as a share of the spread of the points.
_AFFINE_RIDGE, _DEPTH_RIDGE = 0.5, 0.02
#: The affine remainder goes no further than this, and a turn, as parallax per depth, that is its sine, no further than:
_MOST_SHEAR, _MOST_TURN = 0.25, 0.6
#: One step of the head carries a point at most this share of ``reach``.
_STEP = 0.08
_MOST_STEPS = 40


@dataclass(frozen=True)
class Affine:
    """x -> matrix @ x + shift; ``turn`` (2,) is the parallax per pixel of depth."""

    matrix: Array
    shift: Array
    turn: Array

    def __call__(self, xy: Array) -> Array:
        return xy @ self.matrix.T + self.shift

    def inverse(self) -> Affine:
        """Of the flat part."""
        matrix: Array = np.linalg.inv(self.matrix).astype(np.float64)
        return Affine(matrix, -matrix @ self.shift, np.zeros(2))


IDENTITY = Affine(np.eye(2), np.zeros(2), np.zeros(2))


def head_motion(rest: Array, moved: Array, visible: npt.NDArray[np.bool_], depth: Array | None = None) -> Affine:
    """The motion of the head as a whole: a weighted similarity with a regularised remainder.

    Args:
        rest, moved: (68, 2) landmarks.
        visible: (68,) points to trust.
        depth: (68,) toward the viewer, in pixels; None leaves parallax out.
    """
    weight = _HEAD_WEIGHT * visible
    if (weight > 0).sum() < 3:
        weight = visible.astype(float) if visible.any() else np.ones(len(rest))
    weight = weight / weight.sum()
    centre_p, centre_q = weight @ rest, weight @ moved
    p, q = rest - centre_p, moved - centre_q
    spread = float((weight * (p**2).sum(1)).sum())
    if spread < 1e-6:
        return Affine(np.eye(2), centre_q - centre_p, np.zeros(2))
    # Similarity by complex least squares: q = z p.
    a = float((weight * (p * q).sum(1)).sum()) / spread
    b = float((weight * (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0])).sum()) / spread
    scale = np.hypot(a, b)
    limited = np.clip(scale, 0.4, 2.5) / max(scale, 1e-9)
    similarity = np.array([[a, -b], [b, a]]) * limited
    # Yaw and pitch show as anisotropic scaling and as parallax; the ridge keeps few or collinear points from shearing.
    depth = np.zeros(len(rest)) if depth is None else depth
    z = depth - weight @ depth
    full = np.c_[p, z]
    moments = (full * weight[:, None]).T @ full
    moments += spread * np.diag([_AFFINE_RIDGE, _AFFINE_RIDGE, _DEPTH_RIDGE])
    extra = ((q - p @ similarity.T) * weight[:, None]).T @ full @ np.linalg.inv(moments)
    extra[:, :2] *= min(1.0, _MOST_SHEAR / max(float(np.abs(extra[:, :2]).max()), 1e-9))
    extra[:, 2] *= min(1.0, _MOST_TURN / max(float(np.hypot(*extra[:, 2])), 1e-9))
    matrix = similarity + extra[:, :2]
    # Parallax is kept in the picture's own frame, before the flat part is applied.
    shift = centre_q - matrix @ centre_p - extra[:, 2] * float(weight @ depth)
    return Affine(matrix, shift, np.linalg.inv(matrix) @ extra[:, 2])


def _between(head: Affine, centre: Array, share: float) -> Affine:
    """The motion ``share`` (0..1) of the way from rest to ``head``: turned, scaled and shifted evenly about ``centre``
    (2,), a point of the picture."""
    a, b = head.matrix[0, 0] + head.matrix[1, 1], head.matrix[1, 0] - head.matrix[0, 1]
    angle, scale = np.arctan2(b, a), max(float(np.hypot(a, b)) / 2, 1e-6)
    cos, sin = np.cos(angle), np.sin(angle)
    rest = np.array([[cos, sin], [-sin, cos]]) @ head.matrix / scale
    stretch = np.eye(2) + share * (rest - np.eye(2))
    cos, sin = np.cos(share * angle), np.sin(share * angle)
    matrix = scale**share * np.array([[cos, -sin], [sin, cos]]) @ stretch
    goal = centre + share * (head(centre[None])[0] - centre)
    return Affine(matrix, goal - matrix @ centre, np.zeros(2))


@dataclass(frozen=True)
class Surroundings:
    """What the motion of the head moves.

    Attributes:
        lattice: the nodes over the region of the picture that may move.
        distance: (rows, columns) pixels outside the head, with hair and ears; scaled where motion dies out sooner.
        stay: (rows, columns) 0 at borders of the picture that must not move, 1 inside.
        centre: (2,) middle of the face.
        size: (2,) half width and height of what moves as a whole.
        reach: pixels over which motion dies out.
        unit: size of the face in pixels.
        picture: left, top, right and bottom border of the picture.
    """

    lattice: Lattice
    distance: Grid
    stay: Grid
    centre: Array
    size: Array
    reach: float
    unit: float
    picture: tuple[float, float, float, float]

    def box(self, head: Affine) -> tuple[Array, Array]:
        """Corners (x, y) of all that the motion ``head`` may change."""
        corners = self.centre + self.size * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        both = np.concatenate([corners, head(corners)])
        room = self.width(head) + 4 * self.lattice.step
        return both.min(0) - room, both.max(0) + room

    def width(self, head: Affine) -> float:
        """Pixels over which the motion ``head`` dies out: the further it goes, the more of the surroundings yields."""
        return float(np.clip(1.25 * self.travel(head), self.reach, 1.6 * self.reach))

    def travel(self, head: Affine) -> float:
        """The furthest that ``head`` carries a point of the head."""
        rim = self.centre + self.size * np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])
        return float(np.hypot(*(head(rim) - rim).T).max())

    def back(self, head: Affine, nodes: Grid, points: Array) -> Grid:
        """Where in the picture (rows, columns, 2) what the frame shows at ``nodes`` was before the head moved.

        Among ``points`` (n, 2), the landmarks without the head's motion, nothing holds it back, not even a border.
        """
        width = self.width(head)
        core = core_share(points, self.lattice, self.unit)
        share = np.dstack([smooth(1 - (self.distance - 1) / np.float32(width)), core])
        steps = int(np.clip(np.ceil(self.travel(head) / (_STEP * self.reach)), 1, _MOST_STEPS))
        place, last = nodes, head
        # What a head on its way out of the picture pushes along may leave with it.
        free = float(smooth(np.array((self.travel(head) / self.unit - 0.3) / 0.3))) if self.stay.min() < 1 else 0.0
        for k in range(steps, 0, -1):
            before = _between(head, self.centre, (k - 1) / steps) if k > 1 else IDENTITY
            home = _applied(last.inverse(), place)
            moved = _applied(before, home)
            here = self.lattice.at(share, home)
            held = self.lattice.at(self.stay, place)
            if free:
                held = held + free * (1 - held) * self._leaving(place, place - moved)
            along = np.maximum(here[..., 0] * held, here[..., 1])
            place = place + along[..., None] * (moved - place)
            last = before
        return place

    def _leaving(self, place: Grid, step: Grid) -> Grid:
        """(h, w) 0..1: how much ``step`` (h, w, 2) at ``place`` leads out of the picture by the borders nearby."""
        left, top, right, bottom = self.picture
        x, y = place[..., 0], place[..., 1]
        room = np.stack([x - left, right - x, y - top, bottom - y])
        near = 1 / (np.maximum(room, 0) + np.float32(0.1 * self.unit)) ** 2
        near /= near.sum(0)
        size = np.hypot(step[..., 0], step[..., 1]) + np.float32(1e-6)
        out = (near[1] - near[0]) * step[..., 0] + (near[3] - near[2]) * step[..., 1]
        return smooth(1.4 * out / size)


def filled(outline: npt.NDArray, lattice: Lattice) -> npt.NDArray[np.uint8]:
    """(rows, columns): 1 at the nodes inside a convex outline (n, 2) in pixels."""
    mask = np.zeros((lattice.rows, lattice.columns), np.uint8)
    place = (outline - np.array(lattice.origin)) / lattice.step
    cv2.fillConvexPoly(mask, np.round(np.clip(place, -1e4, 1e4)).astype(np.int32), 1)
    return mask


def core_share(points: npt.NDArray, lattice: Lattice, unit: float) -> Grid:
    """(rows, columns) share of motion that nothing holds back: 1 in the hull of ``points`` (n, 2), 0 just outside."""
    hull = cv2.convexHull(points.astype(np.float32))[:, 0]
    away = cv2.distanceTransform(1 - filled(hull, lattice), cv2.DIST_L2, 5) * np.float32(lattice.step)
    share = smooth(1.2 - away / np.float32(0.12 * unit + lattice.step)).astype(np.float32)
    return cv2.GaussianBlur(share, (0, 0), 1.2)


def _applied(head: Affine, xy: Grid) -> Grid:
    return cv2.transform(xy, np.c_[head.matrix, head.shift].astype(np.float32))
