"""The motion of the head as a whole, from 68 landmarks: roll, size, shift, and some turn and nod."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import topology as topo
from faceshot_liveportrait.place import Array

#: Weight of each landmark in the fit: what rides on the skull counts, what expressions move does not.
_WEIGHT = np.zeros(topo.N_POINTS)
_WEIGHT[[0, 1, 2, 14, 15, 16]] = 1.0
_WEIGHT[list(topo.OUTER_EYE_CORNERS + topo.INNER_EYE_CORNERS)] = 2.0
_WEIGHT[list(topo.NOSE_BRIDGE)] = 1.0
_WEIGHT[list(topo.NOSE_BASE)] = 0.5

#: A turn or nod is believed against this much noise of the landmarks, in half face widths per radian.
_TURN_NOISE = 0.15
_MOST_TURN = np.deg2rad(20.0)
_ZOOM = (0.5, 2.0)
#: The head's shift is followed to this far, in crop units, and never goes beyond the second number.
_SHIFT = (0.25, 0.4)


def soften(values: Array, knee: npt.ArrayLike, limit: npt.ArrayLike) -> Array:
    """Values as they are up to +-knee, then bending towards +-limit."""
    knee, limit = np.asarray(knee, np.float64), np.asarray(limit, np.float64)
    room = np.maximum(limit - knee, 1e-12)
    over = np.maximum(np.abs(values) - knee, 0.0)
    return np.where(over > 0, np.sign(values) * (knee + room * np.tanh(over / room)), values)


def generic_depth() -> Array:
    """(68,) depth of the landmarks on a round face, in half face widths; into the picture is positive."""
    z = np.zeros(topo.N_POINTS)
    along = np.linspace(-1, 1, len(topo.JAW))
    z[list(topo.JAW)] = 0.8 * np.abs(along) ** 1.5
    for brow in (topo.RIGHT_BROW, topo.LEFT_BROW):
        z[list(brow)] = [0.0, -0.12, -0.18, -0.2, -0.2] if brow == topo.RIGHT_BROW else [-0.2, -0.2, -0.18, -0.12, 0.0]
    z[list(topo.NOSE_BRIDGE)] = [-0.2, -0.35, -0.48, -0.6]
    z[list(topo.NOSE_BASE)] = [-0.28, -0.38, -0.42, -0.38, -0.28]
    for eye, outer in ((topo.RIGHT_EYE, 0), (topo.LEFT_EYE, 3)):
        z[list(eye)] = -0.1
        z[eye[outer]] = 0.05
    z[list(topo.OUTER_LIPS)] = -0.3
    z[list(topo.INNER_LIPS)] = -0.3
    z[list(topo.MOUTH_CORNERS)] = -0.15
    return z


@dataclass(frozen=True, eq=False)
class HeadPose:
    """The head in N frames against the rest, in crop units; all zero where it did not move.

    Attributes:
        centre: (2,) about which it turns and grows.
        turn: (N, 2) parts (a, b) of the turn and zoom: p -> p + a (p - c) + b perp(p - c) + shift.
        shift: (N, 2). yaw, pitch: (N,) radians, as fitted; positive yaw moves the nose to the image left, positive
            pitch moves it down.
        residual: (N, 68, 2) what the landmarks do beyond that.
    """

    centre: Array
    turn: Array
    shift: Array
    yaw: Array
    pitch: Array
    residual: Array

    def move(self, points: Array, share: float, pivot: Array) -> Array:
        """How points (21, 3) move, (N, 21, 3): ``share`` of yaw and pitch about ``pivot`` (3,), then the rest."""
        out = np.zeros((len(self.shift), *points.shape))
        if share:
            out += (points - pivot) @ (_tilt(share * self.yaw, share * self.pitch) - np.eye(3))
        moved = points + out
        away = moved[..., :2] - self.centre
        a, b = self.turn[:, 0, None, None], self.turn[:, 1, None, None]
        across = np.stack([-away[..., 1], away[..., 0]], -1)
        out[..., 2] += (np.hypot(1 + a, b) - 1)[..., 0] * moved[..., 2]
        out[..., :2] += a * away + b * across + self.shift[:, None]
        return out

    def largest(self) -> tuple[float, float]:
        """The largest turn in the picture [degrees] and shift [crop units] of all frames."""
        angle = np.degrees(np.abs(np.arctan2(self.turn[:, 1], 1 + self.turn[:, 0])))
        return float(angle.max(initial=0)), float(np.hypot(*self.shift.T).max(initial=0))


def _tilt(yaw: Array, pitch: Array) -> Array:
    from faceshot_liveportrait.driving.motion import rotation

    return rotation(np.degrees(pitch), np.degrees(yaw), np.zeros_like(yaw))


def head_pose(rest: Array, frames: Array, visible: npt.NDArray[np.bool_], *, turned: bool = True) -> HeadPose:
    """Fit the head's motion to landmarks.

    Args:
        rest: (68, 2), frames: (N, 68, 2), crop units; visible: (68,) points to trust.
        turned: also fit yaw and pitch, by the parallax of a generic head; they stay within 20 degrees.
    """
    weight = _WEIGHT * visible
    if (weight > 0).sum() < 3:
        weight = visible.astype(float) if visible.any() else np.ones(topo.N_POINTS)
    weight = weight / weight.sum()
    centre = weight @ rest
    half = max(float(np.ptp(rest[:, 0])), float(np.ptp(rest[:, 1])), 1e-6) / 2
    base = _basis(rest - centre, half * generic_depth())
    if not turned:
        base = base[..., :4]
    flat, w = base.reshape(-1, base.shape[-1]), np.repeat(weight, 2)
    normal = (flat * w[:, None]).T @ flat
    normal += np.diag([1e-9, 1e-9, 0, 0, *[(_TURN_NOISE * half) ** 2] * (base.shape[-1] - 4)])
    change = (frames - rest).reshape(len(frames), -1)
    found = change @ (np.linalg.solve(normal, (flat * w[:, None]).T)).T
    if turned:
        found[:, 4:] = soften(found[:, 4:], 0.75 * _MOST_TURN, _MOST_TURN)
    yaw, pitch = (found[:, 4], found[:, 5]) if turned else np.zeros((2, len(frames)))
    residual = (change - found @ flat.T).reshape(frames.shape)
    return HeadPose(centre, _limited(found[:, :2]), _kept_near(found[:, 2:4]), yaw, pitch, residual)


def _basis(p: Array, z: Array) -> Array:
    """(68, 2, 6) displacement of each landmark per unit of a, b, shift x and y, yaw, pitch."""
    o, i = np.zeros(len(p)), np.ones(len(p))
    columns = ((p[:, 0], p[:, 1]), (-p[:, 1], p[:, 0]), (i, o), (o, i), (z - z.mean(), o), (o, z.mean() - z))
    return np.stack([np.stack(column, -1) for column in columns], -1)


def _limited(turn: Array) -> Array:
    """Zoom within limits."""
    zoom = np.hypot(1 + turn[:, 0], turn[:, 1])
    factor = np.clip(zoom, *_ZOOM) / np.maximum(zoom, 1e-9)
    beyond = factor != 1
    out = turn.copy()
    out[beyond] = (turn[beyond] + [1, 0]) * factor[beyond, None] - [1, 0]
    return out


def _kept_near(shift: Array) -> Array:
    length = np.hypot(*shift.T)
    factor = soften(length, *_SHIFT) / np.maximum(length, 1e-12)
    return np.where((length > _SHIFT[0])[:, None], shift * factor[:, None], shift)
