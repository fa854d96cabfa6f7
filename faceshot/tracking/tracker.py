"""Source ``track``: the 68 landmarks of a whole clip from those of one frame, without any detector.

Our own matcher (or the user) gives the landmarks of the first good frame; :class:`faceshot.tracking.face.FaceTracker`
follows them. So animals, toys and flat drawings drive as people do (FaceShot, Fig. 8).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import NoFaceError
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray, Size
from faceshot.landmarks import topology as topo
from faceshot.tracking.face import EYES, Box, FaceTracker, Step, TrackOptions, lid_share
from faceshot.tracking.lips import place_lips
from faceshot.tracking.looks import FaceLooks, Reading, looks_folder
from faceshot.tracking.mouth import correct_mouth
from faceshot.tracking.placing import gap_trust, openings, place_eyes, place_gap

logger = logging.getLogger("faceshot")
Array = npt.NDArray[Any]
Pairs = tuple[tuple[int, int], ...]
#: Finds the landmarks of a picture (in an approximate face box, where known) and says how sure it is (0..1).
Locate = Callable[[Picture, Box | None], tuple[Landmarks, float]]
#: Points that hardly move within a face.
_STEADY = (*topo.NOSE_BRIDGE, topo.SUBNASALE, *topo.OUTER_EYE_CORNERS, *topo.INNER_EYE_CORNERS)
#: How far, in eye distances, these may lie beside where the matcher sees them, on average.
_BESIDE = 0.13
#: Looks ahead for a neutral frame, and by how much it has to be calmer than the first good one.
_AHEAD, _CLEARLY = 4, 0.3
#: How many times as many looks for a first face as for a lost one, half as often each time.
_PATIENCE = 4
#: Bytes of frames kept before the first face, to be tracked backwards from it.
_BUFFER = 150_000_000
#: The opening that a closed lid is given, and the flow-free range that is stretched to reach it.
_CLOSED, _STRETCHED = 0.04, 0.85


def track(
    frames: Iterable[RGBArray],
    fps: Fraction,
    *,
    locate: Locate | None = None,
    threshold: float = 0.5,
    anchor: Landmarks | None = None,
    options: TrackOptions | None = None,
) -> LandmarkSequence:
    """The landmarks of every frame of a clip, streamed: memory does not grow with the number of pixels.

    Args:
        frames: (H, W, 3) uint8, all of one size.
        fps: of the frames.
        locate: finds landmarks in a picture; asked at the beginning (unless ``anchor`` is given), a few times a second
            about the mouth, and, sparingly, when the face is lost.
        threshold: the confidence from which its answer is believed.
        anchor: landmarks of the first frame.
        options: see :class:`TrackOptions`.

    Returns:
        A sequence with ``found`` False where the face is hidden or gone, scores in 0..1, rest frame 0.

    Raises:
        NoFaceError: the locator is not sure about any of the frames it was asked about.
    """
    options = options or TrackOptions()
    source = iter(frames)
    dropped, early, first, start = _first_face(source, fps, locate, threshold, anchor, options)
    if anchor is None and locate is not None:
        early, first, start, source = _most_neutral(source, fps, locate, threshold, early, first, start, options)
    tracker = FaceTracker(start, first.xy, options)
    size = Size(start.shape[1], start.shape[0])
    folder = looks_folder()
    looks = None if folder is None else FaceLooks(tracker.anchor_xy, folder)

    def seen_in(frame: RGBArray, step: Step) -> Step:
        if looks is not None:
            looks.add(frame, step.xy, *tracker.head())
        return step

    before = [seen_in(frame, tracker.step(frame)) for frame in reversed(early)][::-1]
    tracker.restart()
    if looks is not None:
        looks.reverse()
    steps = [*before, seen_in(start, tracker.anchor_step())]
    anchored = len(before)
    spacing = max(1, round(float(fps) * options.look))
    seen: dict[int, Array] = {}
    if locate is not None:
        seen[anchored] = locate(Picture(start), tracker.box())[0].xy
    wait, tries, doubt = 0, options.tries, 0
    astray = _Astray(seen[anchored] - tracker.anchor_xy if anchored in seen else None)
    for count, frame in enumerate(source, anchored + 1):
        step = tracker.step(frame)
        doubt = doubt + 1 if step.face < options.doubtful else 0
        wait -= 1
        if locate is not None and tries and wait <= 0 and doubt > float(fps * Fraction(options.every)):
            hint, sure = locate(Picture(frame), None if step.face < options.lost else tracker.box())
            wait, tries = round(float(fps) * options.every), tries - 1
            if sure >= threshold:
                step = tracker.step(frame, hint)
        elif locate is not None and (count - anchored) % spacing == 0 and step.face >= options.lost:
            looked, sure = locate(Picture(frame), tracker.box())
            if sure >= threshold:
                seen[count] = looked.xy
                if tries and astray.lasts(looked.xy, step.xy):
                    tries -= 1
                    step = tracker.step(frame, replace(looked, xy=astray.corrected(looked.xy)))
        steps.append(seen_in(frame, step))
        if looks is not None:
            looks.read()
    reading = None if looks is None else looks.reading()
    return _assemble(dropped, steps, tracker.lips.grids, first, size, fps, options, seen, anchored, reading)


def _first_face(
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


def _most_neutral(
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


class _Astray:
    """Tells that tracking has settled beside the features: the matcher says so twice, and the same both times.

    Args:
        offset: (68, 2) by how much the matcher's points of the anchor frame are off the anchor's; None for not at all.
    """

    def __init__(self, offset: Array | None) -> None:
        self._offset = np.zeros((68, 2)) if offset is None else np.asarray(offset, np.float64)
        self._before: Array | None = None

    def corrected(self, looked: Array) -> npt.NDArray[np.float32]:
        """The matcher's points in the anchor's convention."""
        return np.asarray(looked - self._offset, np.float32)

    def lasts(self, looked: Array, tracked: Array) -> bool:
        """Whether the steady points of the face are off, as they were the time before."""
        points = list(_STEADY)
        unit = max(float(np.linalg.norm(tracked[topo.OUTER_EYE_CORNERS[1]] - tracked[topo.OUTER_EYE_CORNERS[0]])), 1e-6)
        gap = (self.corrected(looked)[points] - tracked[points]).mean(0) / unit
        before, self._before = self._before, gap
        if before is None or min(np.linalg.norm(gap), np.linalg.norm(before)) < _BESIDE:
            return False
        if np.linalg.norm(gap - before) > 0.5 * _BESIDE:
            return False
        self._before = None
        return True


def _assemble(
    dropped: int,
    steps: list[Step],
    grids: Sequence[Array],
    first: Landmarks,
    size: Size,
    fps: Fraction,
    options: TrackOptions,
    seen: dict[int, Array],
    anchored: int,
    reading: Reading | None,
) -> LandmarkSequence:
    """Lay the frames end to end: lids and lips where colours saw them, the mouth where the matcher did, in order."""
    xy = np.stack([step.xy for step in steps])
    carried = np.stack([step.carried for step in steps])
    lids = np.stack([step.openings for step in steps])
    found = np.array([step.face >= options.lost for step in steps])
    parting = place_lips(xy, [step.lips for step in steps], grids)
    if reading is None:
        for k, (_, pairs) in enumerate(EYES):
            _place_lids(xy, carried, lids[:, k], closed_level(lids[found, k, 1], lids[found, 1 - k, 1]), pairs)
        correct_mouth(xy, found, seen, anchored, parting)
    else:
        place_eyes(xy, carried, openings(reading, found), anchored)
        # The gap is read, so that the matcher has no say in it where the reading is believed.
        correct_mouth(xy, found, seen, anchored, np.maximum(parting, gap_trust(reading, found)))
        place_gap(xy, reading, found, anchored)
    _keep_order(xy)
    xy[anchored] = steps[anchored].xy
    score = np.clip(np.stack([step.likeness for step in steps]), 0, 1)
    xy = np.concatenate([np.full((dropped, 68, 2), np.nan), xy])
    found = np.concatenate([np.zeros(dropped, bool), found])
    score = np.concatenate([np.zeros((dropped, 68)), score]) * found[:, None]
    xy[~found] = np.nan
    rest = int(np.flatnonzero(found)[0])
    return LandmarkSequence(xy.astype(np.float32), size, fps, found, score, first.absent, rest)


def closed_level(opening: Array, other: Array) -> float:
    """The measured opening at which an eye is shut, from those of the clip (T,) of this eye and the other.

    Lashes keep the colour of an eye, so the smallest opening, if clearly a blink, is what closed looks like. With heavy
    lashes that is as much as two thirds; then the other eye has to be shut in the same frame.
    """
    opening, other = (_without_spikes(np.nan_to_num(one, nan=1.0)) for one in (opening, other))
    when = int(opening.argmin())
    smallest = float(opening[when])
    together = smallest < 0.67 and float(other[max(0, when - 1) : when + 2].min()) < 0.5
    return smallest if smallest < 0.5 or together else 0.2


def _place_lids(xy: Array, carried: Array, lids: Array, closed: float, pairs: Pairs) -> None:
    """Where an eye is closing, put its lid points where the colours say; changes ``xy`` in place.

    Args:
        lids: (T, 2) lower lid and opening. closed: see :func:`closed_level`.
    """
    if not np.isfinite(lids).any():
        return
    bottom = np.nan_to_num(lids[:, 0])[:, None]
    opening = _without_spikes(np.nan_to_num(lids[:, 1], nan=1.0))
    share = np.clip((opening - closed) / (_STRETCHED - closed), 0, None) ** 0.7
    stretched = _CLOSED + share * (_STRETCHED - _CLOSED)
    width = np.minimum(np.where(opening < _STRETCHED, stretched, opening), 1.0)[:, None]
    flow = lid_share(opening)[:, None]
    for upper, lower in pairs:
        reach = carried[:, upper] - carried[:, lower]
        low = carried[:, lower] + bottom * reach
        xy[:, upper] = flow * xy[:, upper] + (1 - flow) * (low + width * reach)
        xy[:, lower] = flow * xy[:, lower] + (1 - flow) * low


def _without_spikes(values: Array) -> Array:
    """One frame that differs from both neighbours by half an opening is a mistake: no lid is that fast."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    lower, higher = np.minimum(padded[:-2], padded[2:]), np.maximum(padded[:-2], padded[2:])
    return np.where((values < lower - 0.5) | (values > higher + 0.5), 0.5 * (lower + higher), values)


def _keep_order(xy: Array) -> None:
    """Let no upper lid or inner lip point lie under the lower one it faces: crossed pairs meet in their middle."""
    across = xy[:, topo.OUTER_EYE_CORNERS[1]] - xy[:, topo.OUTER_EYE_CORNERS[0]]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    for upper, lower in (*EYES[0][1], *EYES[1][1], *topo.INNER_LIP_PAIRS):
        gap = ((xy[:, lower] - xy[:, upper]) * down).sum(1)
        shift = 0.5 * np.minimum(gap, 0)[:, None] * down
        xy[:, upper] += shift
        xy[:, lower] -= shift
