"""What a caller may pass for a picture, for landmarks and for driving motion, made into our own types."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import InputError, UsageError
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, Size

#: A file, a :class:`Picture`, a PIL image, or uint8 of shape (H, W), (H, W, 3) or (H, W, 4).
PictureLike = Any
#: A clip, a file of landmarks, or a sequence.
DrivingLike = str | Path | LandmarkSequence
LandmarksLike = str | Path | Landmarks

#: Files that hold a landmark sequence; any other driving file is a clip.
SEQUENCE_SUFFIXES = (".npz", ".npy", ".json")


def as_picture(value: PictureLike) -> Picture:
    """Read or wrap a picture.

    Raises:
        InputError: unreadable file, or a value that is no picture.
    """
    if isinstance(value, Picture):
        return value
    if isinstance(value, str | Path):
        from faceshot.media import read_picture

        return read_picture(value)
    if isinstance(value, np.ndarray):
        return _from_array(value)
    if hasattr(value, "getexif") and hasattr(value, "convert"):
        from faceshot.media import decode

        rgb, alpha = decode(value)
        return Picture(rgb, alpha, name=Path(getattr(value, "filename", "") or "picture").name)
    raise InputError(f"a picture must be a path, a PIL image or a uint8 array, got {type(value).__name__}")


def _from_array(array: np.ndarray) -> Picture:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(
            f"a picture array must be uint8 (H, W), (H, W, 3) or (H, W, 4), got {array.dtype} {array.shape}"
        )
    if array.ndim == 2 or array.shape[2] == 1:
        array = np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    alpha = np.ascontiguousarray(array[..., 3]) if array.shape[2] == 4 else None
    return Picture(np.ascontiguousarray(array[..., :3]), alpha)


def as_landmarks(value: LandmarksLike, size: Size | None = None) -> Landmarks:
    """Read landmarks, or pass them through; with ``size`` they must be of a picture of that size.

    Raises:
        InputError: unusable file, or landmarks of another picture.
    """
    if isinstance(value, Landmarks):
        landmarks, name = value, "landmarks"
    else:
        from faceshot.formats import read_landmarks

        landmarks, name = read_landmarks(value, size=size), f"landmarks {value}"
    if size is not None and landmarks.size != size:
        theirs, ours = (f"{width}x{height}" for width, height in (landmarks.size, size))
        raise InputError(f"{name} belong to a picture of {theirs} pixels, this one has {ours}; match it again")
    return landmarks


def is_sequence_file(value: DrivingLike) -> bool:
    """Whether ``value`` names a landmark file and not a clip."""
    return not isinstance(value, LandmarkSequence) and Path(value).suffix.lower() in SEQUENCE_SUFFIXES


def as_sequence(
    value: DrivingLike, fps: Fraction | None = None, size: tuple[int, int] | None = None
) -> LandmarkSequence:
    """Read a landmark sequence, or pass it through; ``fps`` and ``size`` for files that do not state theirs."""
    if isinstance(value, LandmarkSequence):
        return value
    from faceshot.formats import read_sequence

    return read_sequence(value, size=size, fps=fps)


def as_box(box: Sequence[float]) -> tuple[float, float, float, float]:
    """Four numbers as a box.

    Raises:
        UsageError: not four numbers.
    """
    try:
        left, top, right, bottom = (float(side) for side in box)
    except (TypeError, ValueError) as error:
        raise UsageError(f"box must be four numbers (left, top, right, bottom), got {box!r}") from error
    return left, top, right, bottom
