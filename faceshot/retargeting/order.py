"""Lids and inner lips that cannot cross, whatever moved them.

Two lines from corner to corner, seen in their own frame (x along the corners, y down), do not cross if both have their
points at the same x and every upper one lies above. Frames in which they do cross are brought there step by step: pairs
that face each other move to a common x, and crossed ones meet in their middle.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot.landmarks.topology import INNER_LIP_PAIRS, INNER_MOUTH_CORNERS, LEFT_EYE, LID_PAIRS, RIGHT_EYE

Complex = npt.NDArray[np.complex128]
Array = npt.NDArray[np.float64]
Pairs = tuple[tuple[int, int], ...]

#: (corner, facing (upper, lower) pairs, corner), image left to right.
_LINES: tuple[tuple[int, Pairs, int], ...] = (
    (RIGHT_EYE[0], LID_PAIRS["right_eye"], RIGHT_EYE[3]),
    (LEFT_EYE[0], LID_PAIRS["left_eye"], LEFT_EYE[3]),
    (INNER_MOUTH_CORNERS[0], INNER_LIP_PAIRS, INNER_MOUTH_CORNERS[1]),
)
#: How far a crossed pair goes towards its common place, one try after the other.
_STEPS = (0.4, 0.7, 1.0)
#: Depth, as a share of the width, below which lines only touch.
_TOUCH = 1e-6


def uncross(points: Complex, rest: Complex) -> None:
    """Part crossed lids and inner lips of ``points`` (T, 68), x + iy; in place.

    Lines that cross in ``rest`` (68,), the character itself, are left alone.
    """
    for first, pairs, last in _LINES:
        upper, lower = ([pair[k] for pair in pairs] for k in (0, 1))
        chain = [first, *upper, *lower, last]
        if _depth(_own(rest[None, chain])[0]) > 1e-3:
            continue
        own = _own(points[:, chain])
        for t in np.flatnonzero([_depth(frame) > _TOUCH for frame in own]):
            points[t, chain] = _parted(points[t, chain])


def _own(chain: Complex) -> Complex:
    """Chains (T, n) with their first point at 0 and their last at 1."""
    across = chain[:, -1:] - chain[:, :1]
    return np.asarray((chain - chain[:, :1]) / np.where(np.abs(across) > 1e-9, across, 1.0))


def _depth(own: Complex) -> float:
    """How far the upper line dips below the lower one, in widths."""
    n = (len(own) - 2) // 2
    up, low = (np.concatenate([[own[0]], own[part], [own[-1]]]) for part in (slice(1, 1 + n), slice(1 + n, 1 + 2 * n)))
    if (np.diff(up.real) < 0).any() or (np.diff(low.real) < 0).any():
        return float((up.imag - low.imag).max()) if (up.imag > low.imag + _TOUCH).any() else 0.0
    knots = np.concatenate([up.real, low.real])
    return float((np.interp(knots, up.real, up.imag) - np.interp(knots, low.real, low.imag)).max())


def _parted(chain: Complex) -> Complex:
    """One chain (n,) uncrossed."""
    across = chain[-1] - chain[0]
    if abs(across) < 1e-9:
        return chain
    start = (chain - chain[0]) / across
    n = (len(chain) - 2) // 2
    up, low = start[1 : 1 + n], start[1 + n : 1 + 2 * n]
    x = np.sort(np.clip((up.real + low.real) / 2, 0.0, 1.0))
    middle, half = (up.imag + low.imag) / 2, np.maximum((low.imag - up.imag) / 2, 0.0)
    now = start
    for step in _STEPS:
        ends = [
            (1 - step) * line.real + step * x + 1j * np.where(low.imag < up.imag, middle, middle + sign * half)
            for line, sign in ((up, -1), (low, 1))
        ]
        now = np.concatenate([start[:1], *ends, start[-1:]])
        if _depth(now) <= _TOUCH:
            break
    return np.asarray(now * across + chain[0])
