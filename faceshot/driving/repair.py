"""Repairs of a clip's landmarks: a frame corrected, the correction carried on, a range held or interpolated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from faceshot.errors import UsageError
from faceshot.landmarks import FloatArray, LandmarkSequence


def corrected(sequence: LandmarkSequence, frame: int, xy: FloatArray) -> LandmarkSequence:
    """One frame's points (68, 2) as they are given; those that moved are certain from now on.

    Raises:
        UsageError: no such frame. InputError: points that are none.
    """
    _check(sequence, frame, frame + 1)
    points, score = sequence.xy.copy(), None if sequence.score is None else sequence.score.copy()
    if score is not None:
        score[frame, (points[frame] != xy).any(1)] = 1
    points[frame] = xy
    return replace(sequence, xy=points, score=score, found=_found(sequence, slice(frame, frame + 1)))


def carried(sequence: LandmarkSequence, before: LandmarkSequence, frame: int, stop: int) -> LandmarkSequence:
    """What ``frame`` was moved by, done to the frames after it too, until ``stop`` (exclusive), as ``before`` has them.

    Raises:
        UsageError: no such range.
    """
    _check(sequence, frame, stop)
    points, rest = sequence.xy.copy(), slice(frame + 1, stop)
    points[rest] = before.xy[rest] + (sequence.xy[frame] - before.xy[frame])
    return replace(sequence, xy=points)


def held(sequence: LandmarkSequence, frame: int, stop: int) -> LandmarkSequence:
    """The face of ``frame`` stays until ``stop`` (exclusive).

    Raises:
        UsageError: no such range.
    """
    _check(sequence, frame, stop)
    ends = np.full(stop - frame, frame)
    return _between(sequence, slice(frame, stop), ends, ends, np.zeros(len(ends)))


def interpolated(sequence: LandmarkSequence, start: int, stop: int) -> LandmarkSequence:
    """Frames ``start`` to ``stop`` (exclusive) lead straight from the frame before to the frame after; at an end of the
    clip the only neighbour stays.

    Raises:
        UsageError: no such range, or all of the clip.
    """
    _check(sequence, start, stop)
    if stop - start == len(sequence):
        raise UsageError("the whole clip cannot be interpolated; leave a good frame at one end")
    n = stop - start
    low, high = max(start - 1, 0), min(stop, len(sequence) - 1)
    low, high = (high, high) if start == 0 else (low, low) if stop == len(sequence) else (low, high)
    mix = np.arange(1, n + 1) / (n + 1)
    return _between(sequence, slice(start, stop), np.full(n, low), np.full(n, high), mix)


def _between(
    sequence: LandmarkSequence, place: slice, low: npt.NDArray[np.int_], high: npt.NDArray[np.int_],
    mix: npt.NDArray[np.float64],
) -> LandmarkSequence:  # fmt: skip
    """The frames of ``place`` as mixtures of two others, in all they hold."""
    changed = {}
    for name in ("xy", "score"):
        value = getattr(sequence, name)
        if value is not None:
            share = mix.reshape(-1, *(1,) * (value.ndim - 1)).astype(np.float32)
            changed[name] = value.copy()
            changed[name][place] = value[low] + share * (value[high] - value[low])
    if sequence.expression is not None:
        lows, highs, mixes = np.arange(len(sequence)), np.arange(len(sequence)), np.zeros(len(sequence))
        lows[place], highs[place], mixes[place] = low, high, mix
        changed["expression"] = sequence.expression.between(lows, highs, mixes)
    return replace(sequence, **changed, found=_found(sequence, place))


def _found(sequence: LandmarkSequence, place: slice) -> npt.NDArray[np.bool_]:
    found = np.array(sequence.found)
    found[place] = True
    return found


def _check(sequence: LandmarkSequence, start: int, stop: int) -> None:
    if not 0 <= start < stop <= len(sequence):
        raise UsageError(f"frames {start} to {stop - 1} are no range of this clip; it has 0 to {len(sequence) - 1}")
