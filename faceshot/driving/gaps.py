"""Frames without a face: what a character does while its actor is hidden, has not come yet, or has left."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError, NoFaceError, UsageError
from faceshot.landmarks import LandmarkSequence
from faceshot.retargeting import bridge_gaps, runs, spell

logger = logging.getLogger("faceshot")
Array = npt.NDArray[np.float64]
Frames = npt.NDArray[np.int_]

GapPolicy = Literal["hold", "rest", "cut", "refuse"]
GAPS: tuple[GapPolicy, ...] = get_args(GapPolicy)
#: Seconds in which a face goes over to rest, or into the place where it is seen again.
_EASE = 0.3


def close_gaps(sequence: LandmarkSequence, policy: str, bridge: float, name: str) -> LandmarkSequence:
    """Fill every frame without a face; what was filled has score 0.

    Gaps up to ``bridge`` seconds are bridged whatever the policy: linear inside, the nearest face at the ends. Longer
    ones are named in one logged line, and

    * ``hold``: inside, the last face stays and eases into the next; at the ends the face rests, and eases from there;
    * ``rest``: the face eases to rest inside too, and back;
    * ``cut``: the ends are cut off, however short, and ``LandmarkSequence.start`` moves; inside as ``hold``;
    * ``refuse``: they are an error.

    Args:
        sequence: with the rest frame set. name: of the clip, for messages.

    Raises:
        UsageError: unknown policy, impossible ``bridge``. NoFaceError: no face at all, or a gap that is refused.
    """
    check_gaps(policy)
    assert sequence.found is not None
    if sequence.found.all():
        return sequence
    if not sequence.found.any():
        raise NoFaceError(f"{name}: no face was found in any of the {len(sequence)} frames")
    if policy == "refuse":
        return _bridged(sequence, bridge, name)
    good = np.flatnonzero(sequence.found)
    first, last = int(good[0]), int(good[-1])
    long = [gap for gap in runs(~sequence.found) if gap[1] - gap[0] + 1 > bridge * sequence.fps]
    _tell(sequence, policy, long, (first, last), name)
    sequence = replace(sequence, rest=int(good[np.argmin(np.abs(good - sequence.rest))]))
    if policy == "cut":
        sequence = sequence[first : last + 1]
        long = [(a - first, b - first) for a, b in long if a > first and b < last]
    # Every frame is one frame's face on its way to another's; outside of gaps it is its own.
    low, high, share = np.arange(len(sequence)), np.arange(len(sequence)), np.zeros(len(sequence))
    found = np.array(sequence.found)
    for a, b in long:
        low[a : b + 1], high[a : b + 1], share[a : b + 1] = _through(sequence, a, b, rest=policy == "rest")
        found[a : b + 1] = True
    xy = sequence.xy.astype(np.float64)
    filled = (xy[low] + share[:, None, None] * (xy[high] - xy[low])).astype(np.float32)
    shown = None if sequence.expression is None else sequence.expression.between(low, high, share)
    score = sequence.score
    if score is not None:
        score = np.where(sequence.found[:, None], score, np.float32(0))  # type: ignore[index]
    return _bridged(replace(sequence, xy=filled, found=found, score=score, expression=shown), bridge, name)


def _bridged(sequence: LandmarkSequence, bridge: float, name: str) -> LandmarkSequence:
    try:
        return bridge_gaps(sequence, bridge)
    except UsageError:
        raise
    except InputError as error:
        counted = f" (counted from frame {sequence.start})" if sequence.start else ""
        raise NoFaceError(f"{name}{counted}: {error}") from error


def _through(sequence: LandmarkSequence, a: int, b: int, *, rest: bool) -> tuple[Frames, Frames, Array]:
    """For the frames ``a`` to ``b`` of a long gap, each (n,): where a face comes from, where it goes, how far it is."""
    n, away = b - a + 1, sequence.rest
    before, after = a > 0, b + 1 < len(sequence)
    if before and after and not rest:
        away = a - 1
    low, high, mix = np.full(n, away), np.full(n, away), np.zeros(n)
    ease = min(max(1, round(_EASE * float(sequence.fps))), n // 2)
    share = np.arange(1, ease + 1) / (ease + 1)
    share = share**2 * (3 - 2 * share)
    if ease and before:
        low[:ease], mix[:ease] = a - 1, share
    if ease and after:
        high[n - ease :], mix[n - ease :] = b + 1, share
    return low, high, mix


def _tell(
    sequence: LandmarkSequence, policy: str, long: list[tuple[int, int]], span: tuple[int, int], name: str
) -> None:
    """One line about the frames that show no face, counted as in the clip."""
    inside = [gap for gap in long if span[0] < gap[0] < span[1]]
    ends = [gap for gap in long if gap not in inside]
    if policy == "cut":
        ends = [(0, span[0] - 1)] * (span[0] > 0) + [(span[1] + 1, len(sequence) - 1)] * (span[1] + 1 < len(sequence))
    told = []
    if inside:
        told.append(f"{_frames(sequence, inside)} ({'at rest' if policy == 'rest' else 'the last pose is held'} there)")
    if ends:
        told.append(f"{_frames(sequence, ends)} ({'cut off' if policy == 'cut' else 'at rest there'})")
    if told:
        others = ", ".join(other for other in GAPS if other != policy)
        logger.warning("%s: no face in frames %s; gaps=%s, could be %s", name, ", ".join(told), policy, others)


def _frames(sequence: LandmarkSequence, gaps: list[tuple[int, int]]) -> str:
    return spell([(a + sequence.start, b + sequence.start) for a, b in gaps])


def check_gaps(policy: Any) -> None:
    """Raise :class:`UsageError` for an unknown policy."""
    if policy not in GAPS:
        raise UsageError(f"unknown gaps {policy!r}; use one of {', '.join(GAPS)}")
