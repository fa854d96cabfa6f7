"""Source ``track``: the 68 landmarks of a whole clip from those of one frame, without any detector.

Our own matcher (or the user) gives the landmarks of the first good frame; :class:`faceshot.tracking.face.FaceTracker`
follows them. So animals, toys and flat drawings drive as people do (FaceShot, Fig. 8).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray, Size
from faceshot.landmarks import topology as topo
from faceshot.threads import Beside, share_processors
from faceshot.tracking.face import EYES, Box, FaceTracker, Step, TrackOptions, lid_share
from faceshot.tracking.looks import FaceLooks, Reading, looks_folder
from faceshot.tracking.mouth import correct_mouth
from faceshot.tracking.placing import gap_trust, limit_slide, openings, place_eyes, place_gap, put_corners
from faceshot.tracking.starting import Locate, first_face, most_neutral
from faceshot.tracking.strips import place_strips

logger = logging.getLogger("faceshot")
Array = npt.NDArray[Any]
Pairs = tuple[tuple[int, int], ...]
#: Points that hardly move within a face.
_STEADY = (*topo.NOSE_BRIDGE, topo.SUBNASALE, *topo.OUTER_EYE_CORNERS, *topo.INNER_EYE_CORNERS)
#: How far, in eye distances, these may lie beside where the matcher sees them, on average.
_BESIDE = 0.13
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
    dropped, early, first, start = first_face(source, fps, locate, threshold, anchor, options)
    if anchor is None and locate is not None:
        early, first, start, source = most_neutral(source, fps, locate, threshold, early, first, start, options)
    size = Size(start.shape[1], start.shape[0])
    folder = looks_folder()
    looks = None if folder is None else FaceLooks(first.xy, folder)

    def seen_in(frame: RGBArray, step: Step) -> Step:
        if looks is not None:
            looks.add(frame, step.xy, *tracker.head())
        return step

    often = options.look if looks is None or not looks.usable else options.look_rarely
    wait, tries, doubt = 0, options.tries, 0
    spacing = max(1, round(float(fps) * often))
    with looks or nullcontext(), _Glances(locate, threshold, spacing) as glances, Beside("strips") as beside:
        tracker = FaceTracker(start, first.xy, options, beside)
        before = [seen_in(frame, tracker.step(frame)) for frame in reversed(early)][::-1]
        tracker.restart()
        if looks is not None:
            looks.reverse()
        steps = [*before, seen_in(start, tracker.anchor_step())]
        anchored = len(before)
        glances.begin(anchored, Picture(start), tracker)
        for count, frame in enumerate(source, anchored + 1):
            step = tracker.step(frame)
            doubt = doubt + 1 if step.face < options.doubtful else 0
            wait -= 1
            due = glances.due(count)
            astray = due and glances.astray()
            doubtful = wait <= 0 and doubt > float(fps * Fraction(options.every))
            if locate is not None and tries and (astray or doubtful):
                hint, sure = locate(Picture(frame), None if step.face < options.lost else tracker.box())
                wait, tries = round(float(fps) * options.every), tries - 1
                if sure >= threshold:
                    step = tracker.step(frame, replace(hint, xy=glances.corrected(hint.xy)))
            if due and step.face >= options.lost:
                glances.look(count, Picture(frame), tracker.box(), step.xy)
            steps.append(seen_in(frame, step))
            if looks is not None:
                looks.read()
        glances.astray()
        reading = None if looks is None else looks.reading()
    given = anchor is not None
    return _assemble(
        dropped, steps, tracker.strips.grids, first, size, fps, options, glances.seen, anchored, reading, given
    )


class _Glances:
    """The locator's looks along the way, in a thread beside the tracking.

    Each is waited for when the next is due, so that the result does not depend on who is faster.

    Args:
        locate, threshold: as of :func:`track`. spacing: frames from one look to the next.

    Attributes:
        seen: (68, 2) points of every frame in which the locator was sure.
    """

    def __init__(self, locate: Locate | None, threshold: float, spacing: int) -> None:
        self._locate, self._threshold, self._spacing = locate, threshold, spacing
        self.seen: dict[int, Array] = {}
        self._offset: Array = np.zeros((68, 2))
        self._gap: Array | None = None
        self._asked: tuple[int, Array, Future[tuple[Landmarks, float]]] | None = None

    def __enter__(self) -> _Glances:
        self._worker = ThreadPoolExecutor(1, "glances", share_processors, (2,))
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(cancel_futures=True)

    def begin(self, count: int, picture: Picture, tracker: FaceTracker) -> None:
        """Look at the anchor frame: by how much the locator is off there, it is off everywhere."""
        self._first = count
        if self._locate is not None:
            self.seen[count] = self._locate(picture, tracker.box())[0].xy
            self._offset = np.asarray(self.seen[count] - tracker.anchor_xy, np.float64)

    def due(self, count: int) -> bool:
        """Whether the next look is to be taken at this frame."""
        return self._locate is not None and (count - self._first) % self._spacing == 0

    def look(self, count: int, picture: Picture, box: Box, tracked: Array) -> None:
        """Begin to look at a frame whose points are ``tracked``."""
        if self._locate is not None:
            self._asked = count, tracked, self._worker.submit(self._locate, picture, box)

    def corrected(self, looked: Array) -> npt.NDArray[np.float32]:
        """The locator's points in the anchor's convention."""
        return np.asarray(looked - self._offset, np.float32)

    def astray(self) -> bool:
        """Finish the look that was begun; whether the steady points of the face were off, as the time before."""
        if self._asked is None:
            return False
        (count, tracked, answer), self._asked = self._asked, None
        found, sure = answer.result()
        if sure < self._threshold:
            return False
        self.seen[count] = found.xy
        points = list(_STEADY)
        unit = max(float(np.linalg.norm(tracked[topo.OUTER_EYE_CORNERS[1]] - tracked[topo.OUTER_EYE_CORNERS[0]])), 1e-6)
        gap = (self.corrected(found.xy)[points] - tracked[points]).mean(0) / unit
        before, self._gap = self._gap, gap
        if before is None or min(np.linalg.norm(gap), np.linalg.norm(before)) < _BESIDE:
            return False
        if np.linalg.norm(gap - before) > 0.5 * _BESIDE:
            return False
        self._gap = None
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
    given: bool,
) -> LandmarkSequence:
    """Lay the frames end to end: lids and lips where colours saw them, the mouth where the matcher did, in order."""
    xy = np.stack([step.xy for step in steps])
    carried = np.stack([step.carried for step in steps])
    lids = np.stack([step.openings for step in steps])
    found = np.array([step.face >= options.lost for step in steps])
    parting = place_strips(xy, [step.strips for step in steps], grids)
    if reading is None:
        for k, (_, pairs) in enumerate(EYES):
            _place_lids(xy, carried, lids[:, k], closed_level(lids[found, k, 1], lids[found, 1 - k, 1]), pairs)
        correct_mouth(xy, found, seen, anchored, parting)
    else:
        if not given:
            put_corners(carried, reading.places)
        for eye, _ in EYES:
            xy[:, list(eye)] = carried[:, list(eye)]
        place_eyes(xy, carried, openings(reading, found), anchored)
        # The gap is read, so that the matcher has no say in it where the reading is believed.
        correct_mouth(xy, found, seen, anchored, np.maximum(parting, gap_trust(reading, found)))
        place_gap(xy, reading, found, anchored)
    limit_slide(xy, anchored)
    _keep_order(xy)
    if given:
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
