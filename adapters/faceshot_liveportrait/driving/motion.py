"""LivePortrait's arithmetic between its networks (arXiv 2407.03168): poses, implicit keypoints, relative motion.

Arrays are numpy; N frames, 21 keypoints of (x, y, z). A keypoint lives in the crop's [-1, 1] square, x right, y down,
z into the picture; rotations act on row vectors, ``points @ rotation``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Region = Literal["all", "exp", "pose", "lip", "eyes"]
REGIONS: tuple[Region, ...] = get_args(Region)

N_KEYPOINTS = 21
#: Keypoints whose expression belongs to the lips and to the eyes.
LIP_POINTS = (6, 12, 14, 17, 19, 20)
EYE_POINTS = (11, 13, 15, 16, 18)
_BINS = np.arange(66)
_EVERY_AXIS = (1, 2, 6, *range(11, 21))


def _absolute_mask() -> npt.NDArray[np.bool_]:
    """(21, 3) what absolute motion takes over from the driver's expression."""
    mask = np.zeros((N_KEYPOINTS, 3), bool)
    mask[list(_EVERY_AXIS)] = True
    mask[[3, 4], 1] = True
    mask[[5, 8], 2] = True
    mask[9, 1:] = True
    return mask


_ABSOLUTE = _absolute_mask()

#: Expression of a neutral human face, subtracted from a single driving picture's: (point, x, y, z) in 1e-3.
_NEUTRAL = (
    (0, -0.09, 0.24, -0.04), (1, 0.21, 0.47, 0), (2, -0.12, 0.32, 0), (3, 0.12, -0.46, 0.05),
    (4, -0.27, -0.07, -0.02), (5, 0, -0.18, 0), (7, -0.54, 2.63, 0), (9, 0, 0, -0.41), (10, 0.17, 0, 0),
    (14, -0.83, -1.80, 0), (17, -0.64, -1.17, 0.06), (18, 0.28, 0, 0), (19, 0, -15.09, -2.55), (20, 0.22, 5.63, 2.73),
)  # fmt: skip


def neutral_expression() -> Array:
    """(21, 3) the expression a single driving picture's is measured from."""
    out = np.zeros((N_KEYPOINTS, 3))
    for point, *xyz in _NEUTRAL:
        out[point] = np.array(xyz) * 1e-3
    return out


@dataclass(frozen=True, eq=False)
class Motion:
    """What M reads from N pictures.

    Attributes:
        rotation: (N, 3, 3), for row vectors.
        exp: (N, 21, 3) expression; scale: (N,); t: (N, 3) translation, its z is never used.
    """

    rotation: Array
    exp: Array
    scale: Array
    t: Array

    def __len__(self) -> int:
        return len(self.exp)

    def __getitem__(self, index: Any) -> Motion:
        """Frames by slice or list of indices."""
        return Motion(**{part.name: getattr(self, part.name)[index] for part in fields(Motion)})


@dataclass(frozen=True, eq=False)
class Source:
    """The character as M reads it: canonical keypoints ``kp`` (21, 3), its motion (one frame), keypoints ``x`` (21, 3).

    ``x`` is float32 and what every exactness is about.
    """

    kp: Array
    motion: Motion
    x: npt.NDArray[np.float32]

    @classmethod
    def of(cls, kp: npt.ArrayLike, motion: Motion) -> Source:
        points = np.asarray(kp, np.float64).reshape(N_KEYPOINTS, 3)
        x = transform(points, motion.rotation, motion.exp, motion.scale, motion.t)[0]
        return cls(points, motion, x.astype(np.float32))


def degrees(bins: npt.ArrayLike) -> Array:
    """Logits (..., 66) -> degrees (...): the expectation over bins of 3 degrees; width 1 is passed through."""
    logits = np.asarray(bins, np.float64)
    if logits.shape[-1] == 1:
        return logits[..., 0]
    weight = np.exp(logits - logits.max(-1, keepdims=True))
    weight /= weight.sum(-1, keepdims=True)
    return 3.0 * (weight * _BINS).sum(-1) - 97.5


def rotation(pitch: npt.ArrayLike, yaw: npt.ArrayLike, roll: npt.ArrayLike) -> Array:
    """Degrees (...,) -> matrices (..., 3, 3) for row vectors: the transpose of Rz(roll) Ry(yaw) Rx(pitch)."""
    (cx, sx), (cy, sy), (cz, sz) = (
        (np.cos(a), np.sin(a)) for a in (np.deg2rad(np.asarray(v, np.float64)) for v in (pitch, yaw, roll))
    )
    o, i = np.zeros_like(cx), np.ones_like(cx)
    x = _matrix([[i, o, o], [o, cx, -sx], [o, sx, cx]])
    y = _matrix([[cy, o, sy], [o, i, o], [-sy, o, cy]])
    z = _matrix([[cz, -sz, o], [sz, cz, o], [o, o, i]])
    return np.swapaxes(z @ y @ x, -1, -2)


def _matrix(rows: list[list[Array]]) -> Array:
    return np.stack([np.stack(row, -1) for row in rows], -2)


def read(heads: Mapping[str, npt.ArrayLike]) -> tuple[Motion, Array]:
    """M's raw heads of N pictures (``LivePortrait.read_motion``) -> motion and canonical keypoints (N, 21, 3)."""
    given: dict[str, Array] = {name: np.asarray(value, np.float64) for name, value in heads.items()}
    angles = [degrees(given[name]).reshape(-1) for name in ("pitch", "yaw", "roll")]
    n = len(angles[0])
    motion = Motion(
        rotation(*angles), given["exp"].reshape(n, N_KEYPOINTS, 3), given["scale"].reshape(n), given["t"].reshape(n, 3)
    )
    return motion, given["kp"].reshape(n, N_KEYPOINTS, 3)


def transform(kp: Array, turn: Array, exp: Array, scale: Array, t: Array) -> Array:
    """Implicit keypoints x = s (kp R + exp) + (tx, ty, 0), shape (N, 21, 3)."""
    shift = np.asarray(t, np.float64).reshape(-1, 1, 3) * np.array([1.0, 1.0, 0.0])
    return np.asarray(scale, np.float64).reshape(-1, 1, 1) * (kp @ turn + exp) + shift


def _with(source: Source, rotations: Array, exp: Array, scale: Array, t: Array) -> Array:
    return transform(source.kp, rotations, exp, scale, t)


def _of_region(region: Region, moved: Array, still: Array) -> Array:
    """Expressions (N, 21, 3): ``moved`` where the region moves, ``still`` elsewhere."""
    if region in ("all", "exp"):
        return moved
    out = np.broadcast_to(still, moved.shape).copy()
    points = list({"pose": (), "lip": LIP_POINTS, "eyes": EYE_POINTS}[region])
    out[:, points] = moved[:, points]
    return out


def relative(source: Source, driving: Motion, region: Region = "all", rest: int = 0) -> Array:
    """Keypoints (N, 21, 3) of the character doing what the driver does since its frame ``rest``.

    Equal to the source's own keypoints at ``rest`` up to rounding; see :func:`anchored`.
    """
    own, first = source.motion, driving[[rest]]
    exp = _of_region(region, own.exp + driving.exp - first.exp, own.exp)
    if region not in ("all", "pose"):
        return _with(source, own.rotation, exp, own.scale, own.t)
    turn = driving.rotation @ np.swapaxes(first.rotation, -1, -2) @ own.rotation
    scale = own.scale * driving.scale / first.scale if region == "all" else own.scale
    return _with(source, turn, exp, scale, own.t + driving.t - first.t)


def absolute(source: Source, driving: Motion, region: Region = "all") -> Array:
    """Keypoints (N, 21, 3) of the character in the driver's own pose and expression."""
    own = source.motion
    taken = np.where(_ABSOLUTE, driving.exp, own.exp) if region in ("all", "exp") else driving.exp
    exp = _of_region(region, taken, own.exp)
    if region not in ("all", "pose"):
        return _with(source, own.rotation, exp, own.scale, own.t)
    return _with(source, driving.rotation, exp, own.scale, driving.t)


def single(source: Source, driving: Motion, region: Region = "all", neutral: Array | None = None) -> Array:
    """Keypoints (1, 21, 3) for one driving picture: its expression against a neutral one, the pose stays."""
    own = source.motion
    away = neutral_expression() if neutral is None else np.asarray(neutral).reshape(N_KEYPOINTS, 3)
    away = np.zeros_like(away) if region == "eyes" else away
    exp = _of_region(region, own.exp + driving.exp[:1] - away, own.exp)
    return _with(source, own.rotation, exp, own.scale, own.t)


def animal(source: Source, driving: Motion, rest: int = 0) -> Array:
    """Keypoints (N, 21, 3) by the rule of the animal weights: absolute pose, enlarged to the animal's own spread."""
    x = _with(source, driving.rotation, driving.exp, source.motion.scale, driving.t)
    return friendly(source.x, x, rest)


def friendly(x_s: npt.ArrayLike, x_d: Array, rest: int = 0) -> Array:
    """Motion since ``rest``, times the ratio of sizes, added to ``x_s``: x_s + m (x_d - x_d,rest)."""
    points = np.asarray(x_s, np.float64)
    return points + hull_multiplier(points, x_d[rest]) * (x_d - x_d[rest])


def hull_multiplier(x_s: npt.ArrayLike, x_d: npt.ArrayLike) -> float:
    """Square root of the ratio of the two sets' convex hull volumes, 1 where a hull has none."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        ours, theirs = (float(ConvexHull(np.asarray(x, np.float64).reshape(-1, 3)).volume) for x in (x_s, x_d))
    except QhullError:
        return 1.0
    return float(np.sqrt(ours / theirs)) if min(ours, theirs) > 0 else 1.0


def anchored(source: Source, x_d: Array, rest: int | None) -> npt.NDArray[np.float32]:
    """The keypoints as float32, moved so that frame ``rest`` is the source's bit for bit (None: as they are)."""
    if rest is None:
        return x_d.astype(np.float32)
    return (source.x + (x_d - x_d[rest])).astype(np.float32)


def multiplied(x_s: npt.NDArray[np.float32], x_d: npt.NDArray[np.float32], factor: float) -> npt.NDArray[np.float32]:
    """The driving multiplier, last of all: x_s + factor (x_d - x_s)."""
    return x_d if factor == 1 else (x_s + np.float32(factor) * (x_d - x_s)).astype(np.float32)


def smooth(values: npt.ArrayLike, observation: float = 3e-7, process: float = 1e-5) -> Array:
    """Kalman smoother over time (axis 0), every component on its own; larger ``observation`` is calmer.

    Random walk with the two variances, first sample as initial mean with variance 1, forward filter and
    Rauch-Tung-Striebel backward pass.
    """
    y = np.asarray(values, np.float64)
    mean, predicted = np.empty_like(y), np.empty_like(y)
    var, var_predicted = np.empty(len(y)), np.empty(len(y))
    for i in range(len(y)):
        predicted[i] = y[0] if i == 0 else mean[i - 1]
        var_predicted[i] = 1.0 if i == 0 else var[i - 1] + process
        gain = var_predicted[i] / (var_predicted[i] + observation)
        mean[i] = predicted[i] + gain * (y[i] - predicted[i])
        var[i] = (1 - gain) * var_predicted[i]
    out = mean.copy()
    for i in range(len(y) - 2, -1, -1):
        out[i] = mean[i] + var[i] / var_predicted[i + 1] * (out[i + 1] - predicted[i + 1])
    return out


def smoothed(driving: Motion, observation: float) -> Motion:
    """A driver's expressions and rotations, calmed; rotations are made orthonormal again."""
    turn = smooth(driving.rotation, observation)
    u, _, v = np.linalg.svd(turn)
    return replace(driving, exp=smooth(driving.exp, observation), rotation=u @ v)
