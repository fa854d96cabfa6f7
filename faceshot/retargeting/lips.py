"""Lips: outer and inner lips of a mouth that may be small, huge, curved or open at rest.

A mouth's 20 points (outer 12, inner 8) are in the mouth's own frame, x along the line of its corners, y down.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

#: Places within the 20 mouth points: (upper, lower) pairs and the outer point next to each inner one.
_INNER_UP, _INNER_LOW = [13, 14, 15], [19, 18, 17]
_OUTER_UP, _OUTER_LOW = [1, 2, 3, 4, 5], [11, 10, 9, 8, 7]
_NEXT_UP, _NEXT_LOW = [2, 3, 4], [10, 9, 8]
_SIDE_UP, _SIDE_LOW = [1, 5], [11, 7]
#: Lips keep at least this share of their thickness.
_THINNEST = 0.3


def move_lips(ref: Complex, rest: Complex, now: Complex, *, scale: tuple[float, float], gain: float) -> Complex:
    """The character's mouth (T, 20) in its own frame.

    The opening of the inner lips grows by the driver's difference times ``scale`` and shrinks in proportion, so that
    a driver's closed mouth closes an open one.

    Args:
        ref: (20,) the character's mouth at rest; rest: (20,) the driver's; now: (T, 20) the driver's per frame.
        scale: what a driver's pixel is worth here, along and across the mouth.
        gain: of the motion, 0 or more.
    """
    delta = now - rest
    out = ref + gain * (scale[0] * delta.real + 1j * scale[1] * delta.imag)
    a_ref, a_rest, a_now = (_opening(m, _INNER_UP, _INNER_LOW) for m in (ref, rest, now))
    soft = (0.05 * max(float(abs(rest[6] - rest[0])), 1e-9)) ** 2
    shrink = (np.maximum(a_ref, 0) * np.maximum(a_rest, 0) + scale[1] * soft) / (a_rest**2 + soft)
    # Along the ray of equal mouths shrink = scale = 1; the limit holds where a wide grin meets a driver at rest.
    shrink = np.minimum(shrink, 4 * scale[1])
    change = a_now - a_rest
    wanted = a_ref + gain * np.where(change < 0, shrink * change, scale[1] * change)
    wanted = np.maximum(wanted, np.minimum(0.0, np.minimum(a_ref, scale[1] * a_now)))
    correction = 0.5 * (wanted - _opening(out, _INNER_UP, _INNER_LOW))
    out[:, _INNER_UP] -= 1j * correction
    out[:, _NEXT_UP] -= 1j * correction
    out[:, _INNER_LOW] += 1j * correction
    out[:, _NEXT_LOW] += 1j * correction
    sides = 0.5 * correction[:, [0, 2]]
    out[:, _SIDE_UP] -= 1j * sides
    out[:, _SIDE_LOW] += 1j * sides
    return out


def keep_order(mouth: Complex, ref: Complex, rest: Complex, now: Complex) -> None:
    """Put upper lips above lower ones and inner lips inside outer ones, in place, where the driver has them so.

    Args:
        mouth: (T, 20) the character's moved mouth; ref, rest, now as in :func:`move_lips`.
    """
    _part_pairs(mouth, ref, now, _INNER_UP, _INNER_LOW)
    for outer, inner in ((_NEXT_UP, _INNER_UP), (_INNER_LOW, _NEXT_LOW)):
        # (upper point, lower point) of one lip; its thickness is the distance between them.
        thick_ref, thick_rest, thick_now = (_opening(m, outer, inner) for m in (ref, rest, now))
        share = np.where(thick_rest > 1e-9, thick_now / np.where(thick_rest > 1e-9, thick_rest, 1.0), _THINNEST)
        least = np.where(thick_ref > 0, thick_ref * np.minimum(share, _THINNEST), thick_ref + np.minimum(share - 1, 0))
        lack = np.maximum(least - _opening(mouth, outer, inner), 0.0)
        if outer is _NEXT_UP:
            mouth[:, outer] -= 1j * lack
        else:
            mouth[:, inner] += 1j * lack
    _part_pairs(mouth, ref, now, _OUTER_UP, _OUTER_LOW)


def _opening(mouth: Complex, upper: list[int], lower: list[int]) -> Array:
    return mouth[..., lower].imag - mouth[..., upper].imag


def _part_pairs(mouth: Complex, ref: Complex, now: Complex, upper: list[int], lower: list[int]) -> None:
    """Move crossed pairs apart, half each; a pair that is crossed at rest or in the driver may stay so."""
    least = np.minimum(0.0, np.minimum(_opening(ref, upper, lower), _opening(now, upper, lower)))
    lack = np.maximum(least - _opening(mouth, upper, lower), 0.0) / 2
    mouth[:, upper] -= 1j * lack
    mouth[:, lower] += 1j * lack
