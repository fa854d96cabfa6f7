"""What a caller may pass for a picture, for landmarks and for driving motion, made into our own types."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from faceshot.errors import InputError, UsageError
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, Size, as_fps
from faceshot.matching import Match

if TYPE_CHECKING:
    from faceshot.formats import Content


class PILImage(Protocol):
    """A ``PIL.Image.Image``, without importing PIL."""

    def getexif(self) -> Any:
        """What the camera noted, orientation above all."""

    def convert(self, *args: Any, **kwargs: Any) -> Any:
        """The picture in another mode."""


#: A file, a :class:`Picture`, a PIL image, or uint8 of shape (H, W), (H, W, 3) or (H, W, 4).
PictureLike = str | Path | Picture | np.ndarray | PILImage
#: A landmark file, landmarks, what :func:`faceshot.match` gave, or an array (68, 2) [px].
LandmarksLike = str | Path | Landmarks | Match | np.ndarray
#: A clip, a file of landmarks, a sequence, or an array (T, 68, 2) [px] with NaN where there is no face.
DrivingLike = str | Path | LandmarkSequence | Landmarks | Match | np.ndarray

#: Of a still face that drives.
DEFAULT_FPS = Fraction(30)
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

        rgb, alpha = decode(value)  # type: ignore[arg-type]  # it looks like one
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


def as_landmarks(
    value: LandmarksLike,
    size: tuple[int, int] | None = None,
    *,
    sizeless: bool = False,
    picture: str | None = None,
) -> Landmarks:
    """Read landmarks, or pass them through; with ``size`` they must be of a picture of that size.

    With ``sizeless``, those that state no size get that of the smallest picture that holds them. ``picture`` names the
    picture's file, for files that hold labels of several.

    Raises:
        InputError: unusable file or array, or landmarks of another picture.
    """
    value = value.landmarks if isinstance(value, Match) else value
    if isinstance(value, Landmarks):
        landmarks, name = value, "landmarks"
    else:
        content, name = _content(value, "landmarks", single=True, picture=picture)
        if sizeless and size is None and content.size is None:
            size = _smallest(content.xy)
        landmarks = content.landmarks(name, size)
    if size is not None and landmarks.size != size:
        theirs, ours = (f"{width}x{height}" for width, height in (landmarks.size, size))
        raise InputError(f"{name} belong to a picture of {theirs} pixels, this one has {ours}; match it again")
    return landmarks


def _content(value: Any, what: str, **choice: Any) -> tuple[Content, str]:
    """What a file or an array states, and its name for messages."""
    from faceshot.formats import of_array, read_content

    if isinstance(value, str | Path):
        return read_content(value, **choice), str(value)
    name = f"the array given as {what}"
    return of_array(value, name), name


def _smallest(xy: np.ndarray) -> Size:
    """Of the smallest picture that holds all points."""
    right, bottom = np.nanmax(np.nan_to_num(xy, nan=0.0, posinf=0.0, neginf=0.0).reshape(-1, 2), axis=0)
    return Size(max(1, int(np.ceil(right)) + 1), max(1, int(np.ceil(bottom)) + 1))


def is_sequence_file(value: str | Path) -> bool:
    """Whether ``value`` names a landmark file and not a clip."""
    return Path(value).suffix.lower() in SEQUENCE_SUFFIXES


def as_sequence(
    value: DrivingLike, fps: Fraction | float | str | None = None, size: tuple[int, int] | None = None
) -> LandmarkSequence:
    """Read a landmark sequence, or pass it through; ``fps`` and ``size`` where it does not state its own.

    Raises:
        InputError: unusable file or array.
    """
    value = value.landmarks if isinstance(value, Match) else value
    if isinstance(value, LandmarkSequence):
        return value
    rate = None if fps is None else as_fps(fps)
    if isinstance(value, Landmarks):
        return LandmarkSequence(
            value.xy[None], value.size, rate or DEFAULT_FPS, absent=value.absent, hidden=value.hidden
        )
    content, name = _content(value, "driving")
    return content.sequence(name, size, rate)


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
