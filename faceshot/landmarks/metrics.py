"""Measures of landmarks and of motion.

Distances are in pixels of the sequences given, divided by a size of the face where stated: the *box* normaliser is
sqrt(width * height) of the visible true points, *iod* is the distance of the two outer eye corners.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError, UsageError
from faceshot.landmarks.topology import (
    INNER_LIP_PAIRS,
    JAW,
    LEFT_BROW,
    LEFT_EYE,
    LID_PAIRS,
    MOUTH_CORNERS,
    N_POINTS,
    NOSE_BASE,
    NOSE_BRIDGE,
    OUTER_EYE_CORNERS,
    OUTER_LIP_PAIRS,
    PART_POINTS,
    RIGHT_BROW,
    RIGHT_EYE,
    Part,
)

Array = npt.NDArray[np.float64]
Normaliser = Literal["box", "iod"]
NORMALISERS: tuple[Normaliser, ...] = get_args(Normaliser)

#: Groups whose motion is reported apart.
MOTION_GROUPS: Mapping[str, tuple[int, ...]] = {
    "jaw": JAW,
    "right_brow": RIGHT_BROW,
    "left_brow": LEFT_BROW,
    "nose": NOSE_BRIDGE + NOSE_BASE,
    "right_eye": RIGHT_EYE,
    "left_eye": LEFT_EYE,
    "mouth": PART_POINTS["mouth"],
}
#: (upper point, lower point) pairs and the two corners of the frame in which "above" is meant.
_ORDERED = {
    "right_eye": (LID_PAIRS["right_eye"], (36, 39)),
    "left_eye": (LID_PAIRS["left_eye"], (42, 45)),
    "inner_lips": (INNER_LIP_PAIRS, MOUTH_CORNERS),
    "outer_lips": (OUTER_LIP_PAIRS, MOUTH_CORNERS),
}


def _pair(pred: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[Array, Array]:
    p, t = np.asarray(pred, np.float64), np.asarray(truth, np.float64)
    if p.shape != t.shape or p.shape[-2:] != (N_POINTS, 2) or p.ndim not in (2, 3):
        raise InputError(f"landmarks must both have shape (68, 2) or (N, 68, 2), got {p.shape} and {t.shape}")
    if not (np.isfinite(p).all() and np.isfinite(t).all()):
        raise InputError("landmarks to compare must be finite")
    return p, t


def face_size(truth: npt.ArrayLike, normaliser: Normaliser = "box", visible: npt.ArrayLike | None = None) -> Array:
    """Size of faces (..., 68, 2) in pixels, shape (...,): ``box`` or ``iod``.

    Args:
        truth: landmarks in pixels.
        normaliser: ``box`` = sqrt(width * height) of the visible points, ``iod`` = outer-eye-corner distance.
        visible: (68,) or (..., 68) bool; default all. Only ``box`` uses it.

    Raises:
        UsageError: unknown normaliser.
        InputError: a face of size 0, or without a visible point.
    """
    t = np.asarray(truth, np.float64)
    if normaliser not in NORMALISERS:
        raise UsageError(f"unknown normaliser {normaliser!r}; use {' or '.join(NORMALISERS)}")
    if normaliser == "iod":
        size = np.linalg.norm(t[..., OUTER_EYE_CORNERS[1], :] - t[..., OUTER_EYE_CORNERS[0], :], axis=-1)
    else:
        mask = _mask(visible, t.shape[:-1])
        if not mask.any(-1).all():
            raise InputError("a face without a visible point has no size")
        low = np.where(mask[..., None], t, np.inf).min(-2)
        high = np.where(mask[..., None], t, -np.inf).max(-2)
        size = np.sqrt(np.prod(high - low, axis=-1))
    if not (size > 0).all():
        raise InputError(f"a face of size 0 cannot normalise an error (normaliser {normaliser!r})")
    return np.asarray(size)


def _mask(visible: npt.ArrayLike | None, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    return np.ones(shape, bool) if visible is None else np.broadcast_to(np.asarray(visible, bool), shape)


def nme(
    pred: npt.ArrayLike,
    truth: npt.ArrayLike,
    *,
    normaliser: Normaliser = "box",
    visible: npt.ArrayLike | None = None,
) -> Array:
    """Normalised mean error per face: mean point distance over the visible points / face size; 0.05 is 5 %.

    Args:
        pred, truth: (68, 2) or (N, 68, 2) pixels.
        normaliser: see :func:`face_size`.
        visible: (68,) or (N, 68) bool; invisible points do not count. A face without any is NaN.

    Returns:
        () or (N,) float64.
    """
    p, t = _pair(pred, truth)
    mask = _mask(visible, t.shape[:-1])
    distance = np.linalg.norm(p - t, axis=-1)
    total = np.where(mask, distance, 0.0).sum(-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / np.where(mask.any(-1), mask.sum(-1), np.nan) / face_size(t, normaliser, visible))


def part_nme(
    pred: npt.ArrayLike,
    truth: npt.ArrayLike,
    *,
    normaliser: Normaliser = "box",
    visible: npt.ArrayLike | None = None,
) -> dict[Part, Array]:
    """:func:`nme` over the points of each part, normalised by the size of the whole face; NaN for an absent part."""
    p, t = _pair(pred, truth)
    mask, size = _mask(visible, t.shape[:-1]), face_size(t, normaliser, visible)
    distance = np.linalg.norm(p - t, axis=-1) / size[..., None]
    out: dict[Part, Array] = {}
    for part, points in PART_POINTS.items():
        here = mask[..., list(points)]
        total = np.where(here, distance[..., list(points)], 0.0).sum(-1)
        out[part] = np.asarray(total / np.where(here.any(-1), here.sum(-1), np.nan))  # type: ignore[index]
    return out


def auc(errors: npt.ArrayLike, limit: float = 0.08) -> float:
    """Area under the cumulative error curve up to ``limit``, 0 .. 1; NaN and infinite errors count as failures."""
    e = _errors(errors, limit)
    return float(np.mean(np.clip(1 - e / limit, 0.0, 1.0)))


def failure_rate(errors: npt.ArrayLike, limit: float = 0.08) -> float:
    """Share of faces with an error above ``limit`` (0 .. 1); NaN and infinite errors are failures."""
    return float(np.mean(_errors(errors, limit) > limit))


def _errors(errors: npt.ArrayLike, limit: float) -> Array:
    e = np.asarray(errors, np.float64).ravel()
    if e.size == 0:
        raise InputError("no errors to summarise")
    if not limit > 0:
        raise UsageError(f"limit must be more than 0, got {limit}")
    return np.where(np.isfinite(e), e, np.inf)


def motion_difference(a: npt.ArrayLike, b: npt.ArrayLike, *, rest: int = 0, relative: bool = False) -> dict[str, float]:
    """How differently two sequences of the same clip move, per part, in inter-ocular distances.

    Two definitions of motion:

    * total (default): displacement of every point from frame ``rest``, divided by the sequence's own outer-eye-corner
      distance in that frame. Constant offsets between two landmark conventions cancel, head motion counts.
    * relative: the same after every frame has been aligned to frame ``rest`` by the best similarity over all points,
      so that only what moves *within* the face counts.

    The figure is the mean over frames and points of the length of the difference of the two displacements.

    Args:
        a, b: (T, 68, 2) pixels, the same frames, each in any scale.
        rest: the frame motion is measured from.
        relative: remove the head's similarity motion first.

    Returns:
        One number for each of :data:`MOTION_GROUPS` and ``mean``, the mean over all 68 points.
    """
    p, q = _pair(a, b)
    if p.ndim != 3:
        raise InputError(f"motion needs sequences of shape (T, 68, 2), got {p.shape}")
    if not 0 <= rest < len(p):
        raise InputError(f"rest frame {rest} is outside the clip (0..{len(p) - 1})")
    moved = []
    for xy in (p, q):
        size = float(face_size(xy[rest], "iod"))
        xy = _aligned(xy, rest) if relative else xy
        moved.append((xy - xy[rest]) / size)
    distance = np.linalg.norm(moved[0] - moved[1], axis=-1)
    out = {name: float(distance[:, list(points)].mean()) for name, points in MOTION_GROUPS.items()}
    out["mean"] = float(distance.mean())
    return out


def _aligned(xy: Array, rest: int) -> Array:
    """Every frame moved onto frame ``rest`` by the least-squares similarity over all points."""
    z = xy[..., 0] + 1j * xy[..., 1]
    middle = z.mean(1, keepdims=True)
    spread = z - middle
    target = spread[rest]
    power = (np.abs(spread) ** 2).sum(1)
    fit = (target * spread.conj()).sum(1) / np.where(power > 0, power, 1.0)
    turned = fit[:, None] * spread + middle[rest]
    return np.stack([turned.real, turned.imag], axis=-1)


def crossings(sequence: npt.ArrayLike, tolerance: float = 1e-3) -> dict[str, int]:
    """Frames in which an upper lid or lip point lies below its lower one, per eye, inner and outer lips.

    "Below" is meant in the frame of that eye's or mouth's corner line.

    Args:
        sequence: (T, 68, 2) or (68, 2) pixels.
        tolerance: pixels a pair may be crossed by without being counted.
    """
    xy = np.asarray(sequence, np.float64)
    xy = xy[None] if xy.ndim == 2 else xy
    z = xy[..., 0] + 1j * xy[..., 1]
    out = {}
    for name, (pairs, (first, last)) in _ORDERED.items():
        upper, lower = np.array(pairs).T
        axis = z[:, last] - z[:, first]
        axis = axis / np.maximum(np.abs(axis), 1e-9)
        gap = ((z[:, lower] - z[:, upper]) * axis.conj()[:, None]).imag
        out[name] = int((gap < -tolerance).any(1).sum())
    return out


def eye_opening(sequence: npt.ArrayLike) -> Array:
    """(T, 2) mean distance of the lids in pixels, right eye then left."""
    xy = np.asarray(sequence, np.float64)
    columns = []
    for pairs in LID_PAIRS.values():
        upper, lower = np.array(pairs).T
        columns.append(np.linalg.norm(xy[..., lower, :] - xy[..., upper, :], axis=-1).mean(-1))
    return np.stack(columns, axis=-1)


def jitter(sequence: npt.ArrayLike) -> float:
    """Trembling: mean length of the second difference over frames and points, in inter-ocular distances.

    0 for a still or evenly moving face; meant for clips in which the face should be still.
    """
    xy = np.asarray(sequence, np.float64)
    if len(xy) < 3:
        return 0.0
    size = float(np.median(face_size(xy, "iod")))
    return float(np.linalg.norm(np.diff(xy, n=2, axis=0), axis=-1).mean() / size)
