"""What of a face can be seen: parts it does not have, and points that are hidden where they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.landmarks.topology import N_POINTS, PART_POINTS, PARTS


def absent_parts(value: Iterable[str]) -> frozenset[str]:
    """Checked names of parts; a single name is one part.

    Raises:
        InputError: unknown part.
    """
    absent = frozenset([value] if isinstance(value, str) else value)
    unknown = sorted(absent.difference(PARTS))
    if unknown:
        raise InputError(f"unknown part {unknown[0]!r}; parts are {', '.join(PARTS)}")
    return absent


def hidden_points(value: Any) -> frozenset[int]:
    """Checked indices of points, from indices or from a mask (68,) bool.

    Raises:
        InputError: no whole numbers, or beyond the 68.
    """
    try:
        found = np.asarray(value if isinstance(value, np.ndarray) else list(value))
    except TypeError as error:
        raise InputError(f"hidden must be indices of points, got {value!r}") from error
    if found.dtype == np.bool_ and found.shape == (N_POINTS,):
        found = np.flatnonzero(found)
    if found.size and (found.ndim != 1 or found.dtype.kind not in "iu"):
        raise InputError(f"hidden must be indices of points, or {N_POINTS} booleans, got {str(value)[:40]}")
    indices = frozenset(int(index) for index in found)
    if wrong := sorted(index for index in indices if not 0 <= index < N_POINTS):
        raise InputError(f"hidden names point {wrong[0]}; points are 0..{N_POINTS - 1}")
    return indices


def visible_mask(absent: Iterable[str], hidden: Iterable[int] = ()) -> npt.NDArray[np.bool_]:
    """(68,) bool: False where the point is hidden or belongs to a part the character does not have."""
    mask = np.ones(N_POINTS, bool)
    for part in absent:
        mask[list(PART_POINTS[part])] = False
    mask[list(hidden)] = False
    return mask


def lacks(absent: Iterable[str], hidden: frozenset[int]) -> str:
    """What a short text says about it; nothing where all can be seen."""
    missing = f", without {', '.join(sorted(absent))}" if absent else ""
    return f"{missing}, {len(hidden)} hidden" if hidden else missing
