"""The frame that a clip is tracked from: the first one with a face, or a clearly more neutral one soon after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import NoFaceError
from faceshot.landmarks import Landmarks, Picture, RGBArray
from faceshot.landmarks import topology as topo
from faceshot.tracking.face import Box, TrackOptions

Array = npt.NDArray[Any]
#: Finds the landmarks of a picture (in an approximate face box, where known) and says how sure it is (0..1).
Locate = Callable[[Picture, Box | None], tuple[Landmarks, float]]
#: Looks ahead for a neutral frame, and by how much it has to be calmer than the first good one.
_AHEAD, _CLEARLY = 4, 0.3
#: How many times as many looks for a first face as for a lost one, half as often each time.
_PATIENCE = 4
#: Bytes of frames kept before the first face, to be tracked backwards from it.
_BUFFER = 150_000_000


def first_face(
    source: Iterator[RGBArray],
    fps: Fraction,
    locate: Locate | None,
    threshold: float,
    anchor: Landmarks | None,
    options: TrackOptions,
) -> tuple[int, list[RGBArray], Landmarks, RGBArray]:
    """Frames forgotten, frames kept before the first good one, its landmarks, and itself."""
    if anchor is not None:
        return 0, [], anchor, next(source)
    if locate is None:
        raise NoFaceError("no landmarks to start tracking from: give those of the first frame, or a matcher")
    early: deque[RGBArray] = deque()
    spacing = max(1, round(float(fps) * options.every))
    asked: list[tuple[int, float]] = []
    due = 0
    for count, frame in enumerate(source):
        if count == due:
            # A long title card: ever rarer looks, up to a minute in.
            if len(asked) == _PATIENCE * options.tries:
                break
            found, sure = locate(Picture(frame), None)
            if sure >= threshold:
                return count - len(early), list(early), found, frame
            asked.append((count, sure))
            spacing *= 2 if len(asked) % options.tries == 0 else 1
            due += spacing
        early.append(frame)
        while len(early) * frame.nbytes > _BUFFER:
            early.popleft()
    frames = ", ".join(str(count) for count, _ in asked)
    best = max((sure for _, sure in asked), default=0.0)
    raise NoFaceError(
        f"nothing like a face in frames {frames} (best {best:.2f}, needs {threshold:.2f}): "
        "start at a clearer frame, or give the landmarks of the first frame"
    )


def most_neutral(
    source: Iterator[RGBArray],
    fps: Fraction,
    locate: Locate,
    threshold: float,
    early: list[RGBArray],
    first: Landmarks,
    start: RGBArray,
    options: TrackOptions,
) -> tuple[list[RGBArray], Landmarks, RGBArray, Iterator[RGBArray]]:
    """A clearly more neutral frame than the first good one, of the second that follows it, if there is one.

    Everything is measured from the anchor's look, and flow cannot close a mouth that it has only seen open.
    """
    spacing = max(1, round(float(fps) * options.every / 2))
    buffer = [start]
    best, chosen, least = 0, first, _restlessness(first.xy) - _CLEARLY
    box = _box(first.xy)
    for frame in source:
        buffer.append(frame)
        index = len(buffer) - 1
        if index % spacing == 0:
            found, sure = locate(Picture(frame), box)
            cost = _restlessness(found.xy)
            if sure >= threshold and cost < least:
                best, chosen, least = index, found, cost
        if index >= _AHEAD * spacing or (len(early) + len(buffer)) * frame.nbytes > _BUFFER:
            break
    return [*early, *buffer[:best]], chosen, buffer[best], chain(buffer[best + 1 :], source)


def _restlessness(xy: Array) -> float:
    """How far a face is from rest, in eye distances: lips apart and head turned, less how open the eyes are."""
    xy = np.asarray(xy, np.float64)
    right, left = xy[list(topo.OUTER_EYE_CORNERS)]
    unit = max(float(np.linalg.norm(left - right)), 1e-6)
    across = (left - right) / unit
    gap = np.mean([np.linalg.norm(xy[a] - xy[b]) for a, b in topo.INNER_LIP_PAIRS]) / unit
    lids = np.mean([np.linalg.norm(xy[a] - xy[b]) for pairs in topo.LID_PAIRS.values() for a, b in pairs]) / unit
    turn = abs(float((xy[topo.NOSE_TIP] - (left + right) / 2) @ across)) / unit
    return float(2 * gap + turn - lids)


def _box(xy: Array) -> Box:
    (left, top), (right, bottom) = xy.min(0), xy.max(0)
    return float(left), float(top), float(right), float(bottom)
