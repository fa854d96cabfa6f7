"""Frame rates as people and files write them, made exact."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from faceshot.errors import InputError
from faceshot.reading import MAX_RATE, MIN_RATE, fraction


def as_fps(value: Any) -> Fraction:
    """An exact, positive frame rate; floats close to an NTSC rate (n * 1000/1001) become that fraction.

    Raises:
        InputError: not a number, or outside 0.01..1000.
    """
    text = type(value).__name__
    try:
        text = str(value)[:40]
        fps = value if isinstance(value, Fraction) else fraction(str(value))
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(f"fps must be a positive number or fraction, got {text!r}") from error
    if not MIN_RATE <= fps <= MAX_RATE:
        raise InputError(f"fps must lie in {float(MIN_RATE)}..{MAX_RATE}, got {text!r}")
    if not isinstance(value, Fraction) and "/" not in text:
        ntsc = Fraction(round(fps * 1001 / 1000) * 1000, 1001)
        if fps.denominator > 1 and abs(fps - ntsc) < Fraction(1, 200):
            return ntsc
        return fps.limit_denominator(10_000)
    # Containers count in 32 bits.
    return fps if fps.denominator <= 2_000_000 else fps.limit_denominator(1_000_000)


def _lacks(absent: frozenset[str]) -> str:
    return f", without {', '.join(sorted(absent))}" if absent else ""
