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
from faceshot.landmarks import FloatArray, LandmarkSequence, as_fps
from faceshot.landmarks.topology import LID_PAIRS

Array = npt.NDArray[np.float64]

#: Cut-off at rest in Hz, and by how many Hz it rises per face width per second.
MIN_CUTOFF = 1.5
BETA = 5.0
#: Lid movements up to this share of the face's width are taken for noise; a blink is several times as large.
LID_NOISE = 0.012
_RIPPLE_SECONDS = 0.07
_SPEED_CUTOFF = 1.0
#: (corners, lids) of both eyes.
_EYES = tuple(
    (list(ends), sorted(i for pair in LID_PAIRS[name] for i in pair))
    for name, ends in (("right_eye", (36, 39)), ("left_eye", (42, 45)))
)


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


def one_euro_both_ways(
    values: npt.ArrayLike,
    fps: float | Fraction,
    *,
    min_cutoff: float | npt.ArrayLike = MIN_CUTOFF,
    beta: float | npt.ArrayLike = BETA,
) -> Array:
    """The mean of the One-Euro filter run forwards and backwards: nothing lags, so lips stay with the sound.

    Arguments and result as in :func:`one_euro`; ``values`` are (T, n, ...) and ``min_cutoff``, ``beta`` numbers or
    arrays that fit one sample.
    """
    x = np.asarray(values, np.float64)
    cutoff, slope = (np.broadcast_to(np.asarray(v, np.float64), x.shape[1:]) for v in (min_cutoff, beta))
    n = x.shape[1]
    both = one_euro(
        np.concatenate([x, x[::-1]], axis=1),
        fps,
        min_cutoff=np.concatenate([cutoff, cutoff]),
        beta=np.concatenate([slope, slope]),
    )
    return (both[:, :n] + both[::-1, n:]) / 2


def average(values: npt.ArrayLike, fps: float | Fraction, seconds: float) -> Array:
    """Gaussian average over the first axis, standard deviation ``seconds``; the ends are mirrored."""
    x = np.asarray(values, np.float64)
    sigma = seconds * float(fps)
    reach = min(math.ceil(2.5 * sigma), len(x) - 1)
    if reach < 1:
        return x
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(x, [(reach, reach)] + [(0, 0)] * (x.ndim - 1), mode="reflect")
    return np.asarray(sum(w * padded[k : k + len(x)] for k, w in enumerate(kernel)))


def without_ripple(values: npt.ArrayLike, fps: float | Fraction, noise: float) -> Array:
    """Ripples smaller than ``noise`` averaged away; anything larger passes at once and at full depth."""
    x = np.asarray(values, np.float64)
    calm = average(x, fps, _RIPPLE_SECONDS)
    ripple = x - calm
    size = np.clip(np.abs(ripple) / noise, 0.0, 1.0)
    return calm + ripple * size * size * (3 - 2 * size)


def smooth(
    sequence: LandmarkSequence, *, min_cutoff: float = MIN_CUTOFF, beta: float = BETA, keep_blinks: bool = True
) -> LandmarkSequence:
    """One-Euro filtered landmarks without lag; speeds count in face widths, so the picture's size does not matter.

    Args:
        sequence: every frame found (bridge gaps before).
        min_cutoff: Hz, more than 0; lower is smoother.
        beta: rise of the cut-off in Hz per face width per second, 0 or more; higher follows faster.
        keep_blinks: lids only lose movements under 1.2 % of the face's width, so that blinks keep their depth.

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
    own = xy / width
    calm = one_euro_both_ways(own, sequence.fps, min_cutoff=min_cutoff, beta=beta)
    if keep_blinks:
        for corners, lids in _EYES:
            rider = own[:, lids] - own[:, corners].mean(1, keepdims=True)
            centre = calm[:, corners].mean(1, keepdims=True)
            calm[:, lids] = without_ripple(rider, sequence.fps, LID_NOISE) + centre
    return replace(sequence, xy=(calm * width).astype(np.float32))


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

    def between(a: FloatArray) -> FloatArray:
        w = mix.reshape(-1, *(1,) * (a.ndim - 1))
        return (a[low] + w * (a[high].astype(np.float64) - a[low])).astype(np.float32)

    score = None if sequence.score is None else np.clip(between(sequence.score), 0.0, 1.0)
    rest = min(count - 1, round(sequence.rest * fps / sequence.fps))
    found = sequence.found[low] & sequence.found[high]
    shown = None if sequence.expression is None else sequence.expression.between(low, high, mix)
    return replace(sequence, xy=between(sequence.xy), fps=fps, found=found, score=score, rest=rest, expression=shown)


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
    gaps = runs(~sequence.found)
    long = [gap for gap in gaps if (gap[1] - gap[0] + 1) > max_seconds * sequence.fps]
    if long:
        longest = max(b - a + 1 for a, b in long) / float(sequence.fps)
        raise InputError(
            f"no face in frames {spell(long)} (up to {longest:.2f} s; gaps up to {max_seconds:g} s are bridged): "
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
    shown = None if sequence.expression is None else sequence.expression.between(a, b, mix[:, 0])
    return replace(
        sequence,
        xy=filled.reshape(sequence.xy.shape),
        found=np.ones(len(sequence), bool),
        score=score,
        rest=rest,
        expression=shown,
    )


def require_found(sequence: LandmarkSequence) -> None:
    """Raise InputError naming the frames in which no face was found."""
    assert sequence.found is not None
    if not sequence.found.all():
        gaps = runs(~sequence.found)
        raise InputError(f"no face in frames {spell(gaps)} of the driving sequence; bridge the gaps first")


def runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


def spell(runs: list[tuple[int, int]], most: int = 6) -> str:
    """Ranges of frames as text."""
    named = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs[:most])
    return named if len(runs) <= most else f"{named} and {len(runs) - most} more ranges"
