"""Motion over time: the One-Euro filter, another frame rate, short gaps.

Everything here works on whole clips at once and keeps the clip's first value; nothing looks at pictures.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError, UsageError
from faceshot.topology import LID_PAIRS
from faceshot.types import LandmarkSequence, as_fps

Array = npt.NDArray[np.float64]

#: Cut-off at rest in Hz, and by how many Hz it rises per face width per second.
MIN_CUTOFF = 1.5
BETA = 5.0
#: Lids close in 0.1 s; a blink filtered like a head would lose half of its depth.
LID_MIN_CUTOFF = 6.0
LID_BETA = 60.0
_SPEED_CUTOFF = 1.0
_LIDS = sorted({i for pairs in LID_PAIRS.values() for pair in pairs for i in pair})


def one_euro(
    values: npt.ArrayLike,
    fps: float | Fraction,
    *,
    min_cutoff: float | npt.ArrayLike = MIN_CUTOFF,
    beta: float | npt.ArrayLike = BETA,
) -> Array:
    """The One-Euro filter (Casiez, Roussel, Vogel 2012) over the first axis, all other axes at once.

    Args:
        values: (T, ...) samples, finite.
        fps: samples per second.
        min_cutoff: cut-off in Hz of a signal that stands still; a number or an array that fits one sample.
        beta: Hz added to the cut-off per unit of speed (unit of ``values`` per second).

    Returns:
        (T, ...) float64; the first sample is kept, and a constant signal comes back unchanged.
    """
    x = np.array(values, np.float64)
    if len(x) < 2:
        return x
    step = 1.0 / float(fps)
    tau = 2 * math.pi * step
    speed_alpha = tau * _SPEED_CUTOFF / (1 + tau * _SPEED_CUTOFF)
    base, slope = tau * np.asarray(min_cutoff, np.float64), tau * np.asarray(beta, np.float64)
    speed = np.zeros_like(x[0])
    previous = x[0]
    out = np.empty_like(x)
    out[0] = previous
    # The speed is taken between raw samples, as in the authors' own code; only the recursion needs the loop.
    raw_speed = np.diff(x, axis=0) / step
    for t in range(1, len(x)):
        speed = speed + speed_alpha * (raw_speed[t - 1] - speed)
        r = base + slope * np.abs(speed)
        previous = previous + r / (1 + r) * (x[t] - previous)
        out[t] = previous
    return out


def smooth(
    sequence: LandmarkSequence, *, min_cutoff: float = MIN_CUTOFF, beta: float = BETA, keep_blinks: bool = True
) -> LandmarkSequence:
    """One-Euro filtered landmarks; speeds count in face widths, so the picture's size does not matter.

    Args:
        sequence: every frame found (bridge gaps before).
        min_cutoff: Hz, more than 0; lower is smoother.
        beta: rise of the cut-off in Hz per face width per second, 0 or more; higher follows faster.
        keep_blinks: lid points get a fast filter that keeps more than 95 % of a blink's depth.

    Raises:
        UsageError: a parameter out of range.
        InputError: frames without a face.
    """
    if not (math.isfinite(min_cutoff) and min_cutoff > 0):
        raise UsageError(f"min_cutoff must be more than 0 Hz, got {min_cutoff}")
    if not (math.isfinite(beta) and beta >= 0):
        raise UsageError(f"beta must be 0 or more, got {beta}")
    require_found(sequence)
    xy = sequence.xy.astype(np.float64)
    width = float(np.median(np.linalg.norm(xy[:, 16] - xy[:, 0], axis=-1))) or 1.0
    cutoff, slope = np.full((68, 1), min_cutoff), np.full((68, 1), float(beta))
    if keep_blinks:
        cutoff[_LIDS] = np.maximum(cutoff[_LIDS], LID_MIN_CUTOFF)
        slope[_LIDS] = np.maximum(slope[_LIDS], LID_BETA)
    return replace(sequence, xy=one_euro(xy / width, sequence.fps, min_cutoff=cutoff, beta=slope) * width)


def resample(sequence: LandmarkSequence, fps: Any) -> LandmarkSequence:
    """The same motion at another frame rate, linear between frames; duration kept to within half a new frame.

    A new frame counts as found only where both of its neighbours are; the rest frame is the nearest new one.

    Raises:
        InputError: ``fps`` is not a positive rate.
    """
    fps = as_fps(fps)
    if fps == sequence.fps:
        return sequence
    count = max(1, round(len(sequence) * fps / sequence.fps))
    place = np.minimum(np.arange(count) * float(sequence.fps / fps), len(sequence) - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, len(sequence) - 1)
    mix = place - low
    high = np.where(mix > 0, high, low)
    assert sequence.found is not None

    def between(a: Any) -> Array:
        w = mix.reshape(-1, *(1,) * (a.ndim - 1))
        return a[low] + w * (a[high].astype(np.float64) - a[low])

    score = None if sequence.score is None else np.clip(between(sequence.score), 0, 1)
    rest = min(count - 1, round(sequence.rest * fps / sequence.fps))
    found = sequence.found[low] & sequence.found[high]
    return replace(sequence, xy=between(sequence.xy), fps=fps, found=found, score=score, rest=rest)


def bridge_gaps(sequence: LandmarkSequence, max_seconds: float = 0.5) -> LandmarkSequence:
    """Fill frames without a face: linear between the neighbours, the nearest found frame at either end.

    Args:
        sequence: a clip of which some frames were not found.
        max_seconds: the longest gap to fill, in seconds (0 or more).

    Returns:
        The clip with every frame found; filled frames have score 0. A rest frame that lay in a gap moves to the
        nearest found frame.

    Raises:
        InputError: a longer gap (the message names the frames), or no face at all.
        UsageError: ``max_seconds`` is negative or not a number.
    """
    if not (math.isfinite(max_seconds) and max_seconds >= 0):
        raise UsageError(f"max_seconds must be 0 or more, got {max_seconds}")
    assert sequence.found is not None
    good = np.flatnonzero(sequence.found)
    if len(good) == len(sequence):
        return sequence
    if len(good) == 0:
        raise InputError(f"no face was found in any of the {len(sequence)} frames")
    gaps = _runs(~sequence.found)
    long = [gap for gap in gaps if (gap[1] - gap[0] + 1) > max_seconds * sequence.fps]
    if long:
        longest = max(b - a + 1 for a, b in long) / float(sequence.fps)
        raise InputError(
            f"no face in frames {_spell(long)} (up to {longest:.2f} s; gaps up to {max_seconds:g} s are bridged): "
            "cut the clip or choose another source"
        )
    flat = sequence.xy.reshape(len(sequence), -1).astype(np.float64)
    frames = np.arange(len(sequence))
    high = np.minimum(np.searchsorted(good, frames), len(good) - 1)
    low = np.maximum(np.searchsorted(good, frames, side="right") - 1, 0)
    a, b = good[low], good[high]
    mix = np.where(b > a, (frames - a) / np.maximum(b - a, 1), 0.0)[:, None]
    filled = flat[a] * (1 - mix) + flat[b] * mix
    score = sequence.score
    if score is not None:
        score = np.where(sequence.found[:, None], score, np.float32(0))
    rest = int(good[np.argmin(np.abs(good - sequence.rest))])
    return replace(
        sequence, xy=filled.reshape(sequence.xy.shape), found=np.ones(len(sequence), bool), score=score, rest=rest
    )


def require_found(sequence: LandmarkSequence) -> None:
    """Raise InputError naming the frames in which no face was found."""
    assert sequence.found is not None
    if not sequence.found.all():
        gaps = _runs(~sequence.found)
        raise InputError(f"no face in frames {_spell(gaps)} of the driving sequence; bridge the gaps first")


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


def _spell(runs: list[tuple[int, int]], most: int = 6) -> str:
    named = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs[:most])
    return named if len(runs) <= most else f"{named} and {len(runs) - most} more ranges"
