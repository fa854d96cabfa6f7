"""The expression channel of a character: the driver's, each part by its gain, irises kept within their sockets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import BLENDSHAPES, Expression, Landmarks, LandmarkSequence, as_rotations
from faceshot.landmarks.topology import LEFT_EYE, RIGHT_EYE, MotionPart

Array = npt.NDArray[np.float64]

#: How far an iris goes from rest at most: shares of the eye's width, and of its height.
_WIDEST, _HIGHEST = 0.3, 0.45
#: Limits of how much taller the character's eye is than the driver's, both against their widths.
_TALLER = (0.4, 3.0)


def move_expression(
    landmarks: Landmarks, driving: LandmarkSequence, gains: Mapping[MotionPart, float]
) -> Expression | None:
    """What the character does; None where the driver's sequence says nothing.

    Everything is measured from the driver's rest frame, which stays as it is. Blendshapes follow the gain of the part
    they move, the head's turn that of the head. Gaze is in widths of the eye and so of any size already; up and down
    it grows with the height of the character's eye, and no iris goes further than its socket.
    """
    shown = driving.expression
    if shown is None:
        return None
    rest = driving.rest
    amounts = np.array([gains[part_of(name)] for name in BLENDSHAPES])
    blend = _from_rest(shown.blendshapes, rest, amounts)
    gaze = shown.gaze.astype(np.float64)
    base = gaze[rest] if np.isfinite(gaze[rest]).all() else _median(gaze)
    away = gains["gaze"] * (gaze - base)
    for k, eye in enumerate((RIGHT_EYE, LEFT_EYE)):
        mine, theirs = (tallness(xy[list(eye)]) for xy in (landmarks.xy, driving.xy[rest]))
        away[:, k, 1] *= np.clip(mine / max(theirs, 1e-3), *_TALLER)
        away[:, k] = away[:, k].clip((-_WIDEST, -_HIGHEST * mine), (_WIDEST, _HIGHEST * mine))
    return Expression(
        np.clip(blend, 0, 1).astype(np.float32),
        turned(shown.head.astype(np.float64), rest, gains["head"]).astype(np.float32),
        (base + away).astype(np.float32),
        shown.teeth,
    )


def part_of(name: str) -> MotionPart:
    """The part of the face whose gain a blendshape follows."""
    side = "left" if name.endswith("Left") else "right"
    if name.startswith("eyeLook"):
        return "gaze"
    if name.startswith("eye"):
        return f"{side}_eye"  # type: ignore[return-value]
    if name.startswith("brow"):
        # Both inner brows share one; it moves with either.
        return "right_brow" if side == "right" else "left_brow"
    if name.startswith("nose"):
        return "nose"
    return "jaw" if name in ("jawForward", "jawLeft", "jawRight") else "mouth"


def tallness(eye: npt.ArrayLike) -> float:
    """Height of an eye (6, 2) between its lids, in its widths; at least 0.05."""
    p = np.asarray(eye, np.float64)
    along = p[3] - p[0]
    width = max(float(np.linalg.norm(along)), 1e-6)
    open_ = np.mean([np.linalg.norm(p[1] - p[5]), np.linalg.norm(p[2] - p[4])])
    return max(float(open_) / width, 0.05)


def turned(head: Array, rest: int, gain: float) -> Array:
    """Rotations (T, 3, 3), their angle from the rest frame's times ``gain``."""
    if gain == 1 or not np.isfinite(head[rest]).all():
        return head
    from scipy.spatial.transform import Rotation

    out, known = head.copy(), np.isfinite(head).all((1, 2))
    still = as_rotations(head[rest])
    way = Rotation.from_matrix(as_rotations(head[known]) @ still.T).as_rotvec()
    out[known] = Rotation.from_rotvec(gain * way).as_matrix() @ still
    return out


def _from_rest(values: npt.ArrayLike, rest: int, gain: Array) -> Array:
    v = np.asarray(values, np.float64)
    base = np.where(np.isfinite(v[rest]), v[rest], _median(v))
    return np.asarray(base + gain * (v - base))


def _median(values: Array) -> Array:
    """Over the known frames; 0 where nothing is known."""
    known = values[np.isfinite(values).reshape(len(values), -1).all(1)]
    return np.median(known, axis=0) if len(known) else np.zeros(values.shape[1:])
