"""What a landmark file can hold, whatever its format, and the way from there to the validated types."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import Expression, Landmarks, LandmarkSequence, from_unit
from faceshot.landmarks.topology import N_POINTS
from faceshot.media import DEFAULT_RATE
from faceshot.reading import edge

log = logging.getLogger("faceshot")


@dataclass(frozen=True)
class Content:
    """Unvalidated content of a file; None is what the format or the file does not state.

    Attributes:
        xy: (68, 2) or (T, 68, 2); rows of frames without a face may be NaN.
        unit: whether they lie in the unit square instead of in pixels.
        edited: points that a person has put where they are (our own JSON of one face).
        size, fps, found, score, absent, rest, start, expression, hidden: as in :class:`Landmarks` and
            :class:`LandmarkSequence`.
    """

    xy: np.ndarray
    size: Any = None
    fps: Any = None
    found: np.ndarray | None = None
    score: np.ndarray | None = None
    absent: Iterable[str] = ()
    rest: int = 0
    start: int = 0
    expression: Expression | None = None
    unit: bool = False
    edited: tuple[int, ...] = ()
    hidden: Iterable[int] = ()

    def landmarks(self, path: str | Path, size: Any) -> Landmarks:
        """One face.

        Raises:
            InputError: several frames, no picture size, or what :class:`Landmarks` refuses; the message names the file.
        """
        with edge(f"{path} is malformed ({{}}); export it again"):
            return self._landmarks(path, size)

    def _landmarks(self, path: str | Path, size: Any) -> Landmarks:
        xy, score = self.xy, self.score
        if xy.ndim == 3:
            if len(xy) != 1:
                raise InputError(f"{path} holds {len(xy)} frames where the landmarks of one picture are wanted")
            if self.found is not None and not self.found[0]:
                raise InputError(f"{path} holds one frame in which no face was found")
            xy, score = xy[0], None if score is None else score[0]
        try:
            return Landmarks(*self._placed(xy, size), score, frozenset(self.absent), frozenset(self.hidden))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def sequence(self, path: str | Path, size: Any, fps: Any) -> LandmarkSequence:
        """A clip; the landmarks of one picture become a clip of one frame.

        Raises:
            InputError: no picture size, or what :class:`LandmarkSequence` refuses; the message names the file.
        """
        with edge(f"{path} is malformed ({{}}); export it again"):
            return self._sequence(path, size, fps)

    def _sequence(self, path: str | Path, size: Any, fps: Any) -> LandmarkSequence:
        xy, score = self.xy, self.score
        if xy.ndim == 2:
            xy, score = xy[None], None if score is None else score[None]
        if self.found is not None and self.found.size and not np.any(self.found):
            raise InputError(f"{path} holds no frame with a face")
        rate: Fraction | Any = self.fps if self.fps is not None else fps
        if rate is None:
            log.warning("%s states no frame rate; %s frames per second are taken", path, DEFAULT_RATE)
            rate = DEFAULT_RATE
        try:
            return LandmarkSequence(
                *(*self._placed(xy, size), rate, self.found, score, frozenset(self.absent)),
                rest=int(self.rest),
                start=int(self.start),
                expression=self.expression,
                hidden=frozenset(self.hidden),
            )
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def _placed(self, xy: np.ndarray, given: Any) -> tuple[Any, Any]:
        """The points in pixels, and the size of the picture."""
        size = self.size if self.size is not None else given
        if size is None:
            raise InputError("it states no picture size; give the picture or the size too, or convert to .json or .npz")
        return from_unit(xy, size) if self.unit else xy, size


def of_landmarks(landmarks: Landmarks, edited: Iterable[int] = ()) -> Content:
    """The content to write for one face."""
    marks, touched = landmarks, tuple(sorted(edited))
    absent, hidden = sorted(marks.absent), sorted(marks.hidden)
    return Content(marks.xy, marks.size, None, None, marks.score, absent, edited=touched, hidden=hidden)


def of_sequence(sequence: LandmarkSequence) -> Content:
    """The content to write for a clip."""
    s = sequence
    absent, hidden = sorted(s.absent), sorted(s.hidden)
    return Content(s.xy, s.size, s.fps, s.found, s.score, absent, s.rest, s.start, s.expression, hidden=hidden)


def number(value: Any, what: str) -> float:
    """A JSON number as float; strings, booleans and null are refused.

    Raises:
        InputError: with ``what`` and the value.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{what} must be a number, got {str(value)[:40]!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"{what} is too large") from error


def numbers(values: Any, count: int, what: str) -> np.ndarray:
    """A JSON list of ``count`` numbers as float64 (count,)."""
    if not isinstance(values, list) or len(values) != count:
        found = f"{len(values)}" if isinstance(values, list) else type(values).__name__
        raise InputError(f"{what} must be a list of {count} numbers, got {found}")
    return np.array([number(value, f"entry {i} of {what}") for i, value in enumerate(values)])


def points(values: Any, what: str = "points") -> np.ndarray:
    """A JSON list of 68 pairs [x, y] as float64 (68, 2)."""
    if not isinstance(values, list) or len(values) != N_POINTS:
        found = f"{len(values)}" if isinstance(values, list) else type(values).__name__
        raise InputError(f"{what} must hold {N_POINTS} pairs [x, y], got {found}; the iBUG scheme needs every point")
    out = np.empty((N_POINTS, 2))
    for i, pair in enumerate(values):
        if not isinstance(pair, list) or len(pair) != 2:
            raise InputError(f"point {i} of {what} must be a pair [x, y], got {str(pair)[:40]}")
        out[i] = [number(value, f"point {i} of {what}") for value in pair]
    return out
