"""A parametric human face: 68 points with depth, moved by expressions and turned by a head pose.

The face is ours, drawn to common proportions: symmetric, mouth closed, eyes open. x right, y down, z towards the
viewer, in pixels of a 512x512 picture relative to its centre.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from faceshot.landmarks.topology import FLIP, INNER_LIP_PAIRS, LID_PAIRS

Array = npt.NDArray[np.float64]

SIDE = 512
#: How far an iris goes, in widths of its eye: to a side, and up or down.
LOOK = (0.24, 0.15)
_CENTRE = np.array([255.5, 226.0])
_NECK = np.array([0.0, 120.0, -100.0])
_CAMERA = 1500.0

#: Image-left half and middle line; the rest is its mirror.
# fmt: off
_HALF: dict[int, tuple[float, float, float]] = {
    0: (-122, -22, -70), 1: (-121, 12, -62), 2: (-116, 46, -52), 3: (-107, 79, -38), 4: (-92, 109, -20),
    5: (-72, 134, -4), 6: (-49, 152, 10), 7: (-25, 163, 20), 8: (0, 167, 24),
    17: (-102, -64, -8), 18: (-86, -76, 8), 19: (-65, -81, 18), 20: (-44, -78, 24), 21: (-25, -71, 27),
    27: (0, -27, 32), 28: (0, -5, 42), 29: (0, 17, 53), 30: (0, 39, 62),
    31: (-21, 57, 34), 32: (-11, 61, 42), 33: (0, 63.5, 47),
    36: (-80, -23, 4), 37: (-66, -33.5, 14), 38: (-48, -33.5, 17), 39: (-33, -20.5, 14),
    40: (-48, -15, 15), 41: (-65, -15, 12),
    48: (-43, 102, 22), 49: (-27, 95, 34), 50: (-11, 90.5, 41), 51: (0, 92.5, 43),
    57: (0, 118, 40), 58: (-12, 116.5, 38), 59: (-28, 111, 32),
    60: (-36, 102, 25), 61: (-13, 101.6, 38), 62: (0, 102.2, 40), 66: (0, 103, 40), 67: (-13, 102.4, 38),
}

#: Displacements (x, y, z) of the image-left half at full expression; the other side mirrors them.
_SHAPES: dict[str, dict[int, tuple[float, float, float]]] = {
    "jaw": {
        2: (0, 2, 0), 3: (1, 6, 0), 4: (2, 15, -2), 5: (3, 26, -5), 6: (2, 34, -8), 7: (1, 38, -10),
        8: (0, 39, -10), 48: (5, 9, -2), 49: (2, 1, 0), 50: (0, -2, 0), 51: (0, -2, 0),
        57: (0, 38, -8), 58: (0, 37, -8), 59: (3, 27, -6), 60: (5, 9, -2), 61: (0, -2, 0), 62: (0, -2, 0),
        66: (0, 38, -8), 67: (1, 35, -8), 31: (0, 1, 0),
    },
    "smile": {
        48: (-11, -13, -5), 60: (-9, -11, -4), 49: (-6, -5, -2), 50: (-2, -1, -1), 51: (0, 1, -1),
        59: (-7, -6, -2), 58: (-3, -1, -1), 57: (0, 1, -1), 61: (-3, -1, -1), 67: (-3, -1, -1),
        62: (0, 1, -1), 66: (0, 1, -1), 31: (-2, -1, 0), 40: (0, -2, 0), 41: (0, -2.5, 0),
        3: (-1, 0, 0), 4: (-2, -1, 0), 5: (-1, -1, 0),
    },
    "wide": {
        48: (-8, -1, -3), 60: (-7, -1, -3), 49: (-4, 0, 0), 59: (-4, 0, 0), 61: (-2, 0, 0), 67: (-2, 0, 0),
    },
    "round": {
        48: (17, 1, 8), 60: (15, 1, 8), 49: (9, -3, 9), 50: (2, -3, 10), 51: (0, -3, 10),
        59: (9, 3, 9), 58: (2, 4, 10), 57: (0, 4, 10), 61: (4, -3, 9), 62: (0, -4, 10),
        67: (4, 4, 9), 66: (0, 5, 10), 7: (0, -2, 0), 8: (0, -2, 0),
    },
    "upper_lip": {50: (0, -5, 0), 51: (0, -5, 0), 61: (0, -5, 0), 62: (0, -5, 0), 49: (0, -2, 0)},
    "lower_lip": {57: (0, 6, 0), 58: (0, 6, 0), 66: (0, 6, 0), 67: (0, 5, 0), 59: (0, 3, 0)},
    "brows": {17: (-1, -9, 0), 18: (-1, -15, 0), 19: (0, -18, 0), 20: (0, -18, 0), 21: (0, -16, 0)},
    "frown": {17: (0, 1, 0), 18: (1, 3, 0), 19: (3, 5, 0), 20: (5, 8, 0), 21: (6, 10, 0)},
    "wide_eyes": {37: (0, -6, 0), 38: (0, -6, 0), 40: (0, 2, 0), 41: (0, 2, 0)},
    "lid_down": {37: (0, 4, 0), 38: (0, 4, 0)},
    "lid_up": {37: (0, -3, 0), 38: (0, -3, 0), 40: (0, -1, 0), 41: (0, -1, 0)},
    "squint": {37: (0, 3, 0), 38: (0, 3, 0), 40: (0, -4, 0), 41: (0, -4, 0)},
}
# fmt: on
#: (68, 1): 1 on the subject's right, 0 on the left, half on the middle line.
RIGHT_SIDE = np.array([0.5 if FLIP[i] == i else float(_HALF.get(i, (1,))[0] < 0) for i in range(68)])[:, None]


def mirrored(half: dict[int, tuple[float, float, float]]) -> Array:
    """(68, 3) of what is given for the image-left half and the middle line."""
    out = np.zeros((68, 3))
    for i, value in half.items():
        out[i] = value
        out[FLIP[i]] = np.array(value) * (1 if FLIP[i] == i else (-1, 1, 1))
    return out


NEUTRAL: Array = mirrored(_HALF)
#: Displacements (68, 3) of full expressions, by name.
MOVES = {name: mirrored(half) for name, half in _SHAPES.items()}


def _zero() -> Array:
    return np.zeros(1)


@dataclass
class Pose:
    """What the face does in every frame: arrays (T,), or (1,) for all frames; 0 is the neutral face.

    Attributes:
        jaw, smile, wide, round, upper_lip, lower_lip, wide_eyes, squint: 0 .. 1 (a little beyond is fine).
        press: 0 .. 1, lips held together whatever the jaw does.
        brow_right, brow_left: raised, -1 .. 1; frown: 0 .. 1.
        blink_right, blink_left: 0 open .. 1 shut.
        smirk: -1 .. 1, smile on the subject's right (+) or left (-) side only.
        yaw, pitch, roll: radians; the face turns to image right, looks down, tilts clockwise.
        x, y: shift in pixels; zoom: relative growth.
    """

    jaw: Array = field(default_factory=_zero)
    smile: Array = field(default_factory=_zero)
    wide: Array = field(default_factory=_zero)
    round: Array = field(default_factory=_zero)
    upper_lip: Array = field(default_factory=_zero)
    lower_lip: Array = field(default_factory=_zero)
    press: Array = field(default_factory=_zero)
    brow_right: Array = field(default_factory=_zero)
    brow_left: Array = field(default_factory=_zero)
    frown: Array = field(default_factory=_zero)
    wide_eyes: Array = field(default_factory=_zero)
    squint: Array = field(default_factory=_zero)
    blink_right: Array = field(default_factory=_zero)
    blink_left: Array = field(default_factory=_zero)
    smirk: Array = field(default_factory=_zero)
    yaw: Array = field(default_factory=_zero)
    pitch: Array = field(default_factory=_zero)
    roll: Array = field(default_factory=_zero)
    x: Array = field(default_factory=_zero)
    y: Array = field(default_factory=_zero)
    zoom: Array = field(default_factory=_zero)


def face_points(pose: Pose, more: Array | None = None) -> Array:
    """The 68 points (T, 68, 2) of the face, pixels of a 512x512 picture; ``more`` are further displacements,
    (68, 3) or (T, 68, 3)."""
    frames = max(len(getattr(pose, entry.name)) for entry in fields(pose))
    return _project(_express(pose, frames, more), pose)


def _express(pose: Pose, frames: int, more: Array | None) -> Array:
    points = np.repeat(NEUTRAL[None], frames, axis=0)
    if more is not None:
        points += more
    for name in ("jaw", "smile", "wide", "round", "upper_lip", "lower_lip", "frown", "wide_eyes", "squint"):
        points += getattr(pose, name)[:, None, None] * MOVES[name]
    points += pose.brow_right[:, None, None] * MOVES["brows"] * RIGHT_SIDE
    points += pose.brow_left[:, None, None] * MOVES["brows"] * (1 - RIGHT_SIDE)
    points += np.maximum(pose.smirk, 0)[:, None, None] * MOVES["smile"] * RIGHT_SIDE
    points += np.maximum(-pose.smirk, 0)[:, None, None] * MOVES["smile"] * (1 - RIGHT_SIDE)
    _press(points, pose.press)
    for name, blink in (("right_eye", pose.blink_right), ("left_eye", pose.blink_left)):
        for upper, lower in LID_PAIRS[name]:
            gap = points[:, lower] - points[:, upper]
            shut = np.clip(blink, 0, 1)[:, None]
            points[:, upper] += 0.85 * shut * gap
            points[:, lower] -= 0.15 * shut * gap
    return points


def _press(points: Array, press: Array) -> None:
    """Bring the lips together around the upper lip's line, lower lip to upper more than the reverse."""
    amount = np.clip(press, 0, 1)[:, None]
    for (upper, lower), outer_up, outer_low in zip(INNER_LIP_PAIRS, (50, 51, 52), (58, 57, 56), strict=True):
        gap = points[:, lower] - points[:, upper]
        up, down = 0.2 * amount * gap, 0.8 * amount * gap
        points[:, upper] += up
        points[:, outer_up] += up
        points[:, lower] -= down
        points[:, outer_low] -= down
        if outer_low != 57:
            points[:, {58: 59, 56: 55}[outer_low]] -= 0.7 * down


def _project(points: Array, pose: Pose) -> Array:
    """Turn about the neck (yaw, then pitch, then roll), mild perspective, shift."""
    p = points - _NECK
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    c, s = np.cos(pose.yaw)[:, None], np.sin(pose.yaw)[:, None]
    x, z = c * x + s * z, c * z - s * x
    c, s = np.cos(pose.pitch)[:, None], np.sin(pose.pitch)[:, None]
    y, z = c * y + s * z, c * z - s * y
    c, s = np.cos(pose.roll)[:, None], np.sin(pose.roll)[:, None]
    x, y = c * x - s * y, s * x + c * y
    flat = np.stack([x + _NECK[0], y + _NECK[1]], axis=-1)
    depth = _CAMERA / (_CAMERA - (z + _NECK[2])) * (1 + pose.zoom[:, None])
    shift = np.stack(np.broadcast_arrays(pose.x, pose.y), axis=-1)[:, None]
    return flat * depth[..., None] + shift + _CENTRE
