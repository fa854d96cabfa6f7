"""A driving clip -> the 68 landmarks of every frame: choose a source, bridge short gaps, choose the rest frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from faceshot.driving.gaps import GapPolicy, check_gaps, close_gaps
from faceshot.driving.lying import Lying, quarter_turns, turned, turned_back, turned_frames
from faceshot.errors import FaceShotError, MissingError, NoFaceError, UsageError, option
from faceshot.landmarks import FaceWish, Landmarks, LandmarkSequence, Picture, RGBArray, Size, check_wish
from faceshot.landmarks import topology as topo
from faceshot.progress import progress
from faceshot.threads import ahead, one_blas_thread

if TYPE_CHECKING:
    from faceshot.driving.detectors import Detector
    from faceshot.matching import Matcher
    from faceshot.tracking import Locate

logger = logging.getLogger("faceshot")
Array = npt.NDArray[np.float64]

Source = Literal["auto", "facemesh", "facexlib", "track", "mediapipe"]
SOURCES: tuple[Source, ...] = get_args(Source)
#: Other names of sources.
_ALIASES = {"mediapipe": "facemesh"}
#: In ``auto``, a detector that finds no face in more than this share of the frames gives way to ``track``.
_ENOUGH = 0.5


def drive(
    clip: str | Path,
    *,
    source: Source | str = "auto",
    rest: int | Literal["auto"] | None = None,
    model: str | Path | None = None,
    start: int | str = 0,
    stop: int | str | None = None,
    matcher: Matcher | Callable[[], Matcher] | None = None,
    landmarks: Landmarks | None = None,
    bridge: float = 0.5,
    gaps: GapPolicy | str = "hold",
    face: FaceWish = "largest",
    device: str = "cpu",
    offline: bool = False,
    cache_dir: str | Path | None = None,
) -> LandmarkSequence:
    """The landmarks of every frame of a clip.

    Args:
        clip: a video, animated picture or folder of frames; or a landmark file, which is only cut and completed.
        source: ``facemesh`` (also called ``mediapipe``) and ``facexlib`` find people in every frame; ``track`` follows
            any face from the first frame in which our matcher finds one; ``auto`` takes facemesh where its model is on
            this machine or can be fetched, else track, and track too where facemesh finds no face in most frames.
        rest: frame (counted from ``start``) that motion is measured from; None or "auto" chooses, see
            :func:`rest_frame`.
        model: the source's own model: facemesh's ``.task`` file, or the folder of facexlib's weights.
        start, stop: frames to use, from ``start`` up to but without ``stop``; numbers, or times such as "1.5s".
        matcher: the matcher for ``track``, or a function that makes it when needed; None makes the default one.
        landmarks: of frame ``start``, instead of the matcher's, for ``track``.
        bridge: longest gap without a face, in seconds, that is simply bridged; gaps: what happens in longer ones, see
            :func:`faceshot.driving.gaps.close_gaps`.
        face: which of several people facemesh follows, see :func:`faceshot.landmarks.choose`.
        device: for facexlib. offline: never download. cache_dir: instead of our cache folder.

    Returns:
        A sequence with every frame found, exact fps, the size of the upright frames.

    Raises:
        UsageError: unknown source, range or rest frame that cannot be.
        InputError: unreadable clip.
        MissingError: the chosen source is not installed or lacks its model.
        NoFaceError: no face, or a gap that is refused; the message names the frames.
    """
    clip = Path(clip)
    _check(source, rest, bridge, gaps)
    check_wish(face)
    if _is_landmark_file(clip):
        from faceshot.formats import read_sequence

        return finish(read_sequence(clip), clip.name, start, stop, rest=rest, bridge=bridge, gaps=gaps)
    from faceshot.media import probe

    span = _span(start, stop, probe(clip).fps)
    where = {"device": device, "offline": offline, "cache_dir": cache_dir}
    found = _follow(clip, _ALIASES.get(source, source), span, model, matcher, landmarks, face=face, **where)
    found = replace(found, start=span[0])
    return finish(found, clip.name, rest="auto" if rest is None else rest, bridge=bridge, gaps=gaps)


def finish(
    sequence: LandmarkSequence,
    name: str,
    start: int | str = 0,
    stop: int | str | None = None,
    *,
    rest: int | Literal["auto"] | None = None,
    bridge: float = 0.5,
    gaps: GapPolicy | str = "hold",
) -> LandmarkSequence:
    """A sequence as it came from a file or a detector, cut, with its rest frame chosen and every gap closed.

    Args:
        name: of the clip or file, for messages. Others as in :func:`drive`; ``rest=None`` keeps the sequence's own.

    Raises:
        UsageError, NoFaceError: as :func:`drive`.
    """
    first, end = _span(start, stop, sequence.fps)
    if first >= len(sequence):
        raise UsageError(f"start {start} is outside the {len(sequence)} frames of {name}")
    sequence = sequence[first:end]
    if rest == "auto":
        rest = rest_frame(sequence)
    if rest is not None:
        if rest >= len(sequence):
            raise UsageError(f"rest frame {rest} is outside the {len(sequence)} frames of {name}")
        sequence = replace(sequence, rest=rest)
    return close_gaps(sequence, gaps, bridge, name)


def rest_frame(sequence: LandmarkSequence) -> int:
    """The frame that shows the face most at rest: eyes open, mouth closed, turned to the front, not moving.

    Each is measured against the clip itself (its wide-open eyes, its closed mouth), so any character will do. Frames
    without a face, or filled in (score 0), do not count unless there is nothing else.
    """
    assert sequence.found is not None
    xy = sequence.xy.astype(np.float64)
    good = sequence.found.copy()
    if sequence.score is not None and (good & (sequence.score.max(1) > 0)).any():
        good &= sequence.score.max(1) > 0
    frames = np.flatnonzero(good)
    if len(frames) == 0:
        return 0
    xy = xy[frames]
    across = xy[:, topo.OUTER_EYE_CORNERS[1]] - xy[:, topo.OUTER_EYE_CORNERS[0]]
    width = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    unit = float(np.median(width))
    cost = 2.0 * _eye_cost(xy) + 3.0 * _mouth_cost(xy, unit) + 1.5 * _turn_cost(xy, across / width[:, None], width)
    if len(frames) > 1:
        centred = xy - xy[:, list(topo.NOSE_BRIDGE)].mean(1, keepdims=True)
        speed = np.linalg.norm(np.diff(centred, axis=0), axis=-1).mean(1) / unit
        cost += 2.0 * np.maximum(np.append(speed, speed[-1]), np.insert(speed, 0, speed[0]))
    # Near ties go to the earlier frame.
    cost += 0.03 * np.arange(len(frames)) / len(frames)
    return int(frames[np.argmin(cost)])


def _eye_cost(xy: Array) -> Array:
    """How far the less open eye is from the clip's usual wide opening (0..1)."""
    openings = []
    for name, eye in (("right_eye", topo.RIGHT_EYE), ("left_eye", topo.LEFT_EYE)):
        lids = np.mean([np.linalg.norm(xy[:, a] - xy[:, b], axis=1) for a, b in topo.LID_PAIRS[name]], axis=0)  # type: ignore[index]
        openings.append(lids / np.maximum(np.linalg.norm(xy[:, eye[0]] - xy[:, eye[3]], axis=1), 1e-6))
    relative = np.min([o / max(float(np.percentile(o, 80)), 1e-6) for o in openings], axis=0)
    # Eyes torn open in surprise are no rest either, but less wrong than closed ones.
    return np.maximum(1 - relative, 0.5 * (relative - 1)).clip(0, 1)


def _mouth_cost(xy: Array, unit: float) -> Array:
    """Inner lip gap above the clip's smallest, and departure from the usual mouth width, in eye distances."""
    gap = np.mean([np.linalg.norm(xy[:, a] - xy[:, b], axis=1) for a, b in topo.INNER_LIP_PAIRS], axis=0) / unit
    corners = xy[:, topo.MOUTH_CORNERS[1]] - xy[:, topo.MOUTH_CORNERS[0]]
    width = np.linalg.norm(corners, axis=1) / unit
    return gap - np.percentile(gap, 3).clip(max=gap.min() + 0.02) + 0.3 * np.abs(width - np.median(width))


def _turn_cost(xy: Array, across: Array, width: Array) -> Array:
    """Nose tip off the middle of the eyes (yaw), in eye distances, and a little for roll."""
    middle = xy[:, list(topo.OUTER_EYE_CORNERS)].mean(1)
    offset = ((xy[:, topo.NOSE_TIP] - middle) * across).sum(1) / width
    return np.abs(offset) + 0.2 * np.abs(across[:, 1])


def _span(start: int | str, stop: int | str | None, fps: Fraction) -> tuple[int, int | None]:
    """A range of frames."""
    from faceshot.media import frame_at

    first, end = frame_at(start, fps), None if stop is None else frame_at(stop, fps)
    if end is not None and end <= first:
        raise UsageError(f"{start} to {stop} is no range of frames; stop must be larger than start")
    return first, end


def _check(source: str, rest: Any, bridge: float, gaps: str) -> None:
    check_gaps(gaps)
    if source not in SOURCES:
        raise UsageError(f"unknown source {source!r}; sources are {', '.join(SOURCES)}")
    if not (rest is None or rest == "auto" or (isinstance(rest, int) and rest >= 0)):
        raise UsageError(f"rest must be a frame number or 'auto', got {rest!r}")
    if not (np.isfinite(bridge) and bridge >= 0):
        raise UsageError(f"bridge must be 0 or more seconds, got {bridge}")


def _is_landmark_file(clip: Path) -> bool:
    from faceshot.formats import is_landmark_file

    return clip.is_file() and is_landmark_file(clip)


def _follow(
    clip: Path,
    source: str,
    span: tuple[int, int | None],
    model: str | Path | None,
    matcher: Matcher | Callable[[], Matcher] | None,
    landmarks: Landmarks | None,
    **settings: Any,
) -> LandmarkSequence:
    """The sequence as a source gives it; where the clip lies on its side, from turned frames, turned back."""
    from faceshot.media import probe

    fps = probe(clip).fps
    chosen = source
    if source == "auto":
        chosen = "track" if landmarks is not None else _best_source(model, settings["offline"], settings["cache_dir"])
        logger.info("driving source: %s", chosen)
    try:
        turns = 0 if landmarks is None else quarter_turns(landmarks.xy)
        if turns:
            raise Lying(turns)
        return _from_source(clip, (source, chosen), span, fps, model, matcher, landmarks, 0, **settings)
    except Lying as lying:
        turns = lying.turns
    logger.warning(
        "%s lies on its side (%d degrees); it is turned, and its landmarks turned back", clip.name, 90 * turns
    )
    upright = None if landmarks is None else turned(landmarks, turns)
    found = _from_source(clip, (source, chosen), span, fps, model, matcher, upright, turns, **settings)
    return turned_back(found, turns)


def _from_source(
    clip: Path,
    sources: tuple[str, str],
    span: tuple[int, int | None],
    fps: Fraction,
    model: str | Path | None,
    matcher: Matcher | Callable[[], Matcher] | None,
    landmarks: Landmarks | None,
    turns: int,
    *,
    face: FaceWish,
    **settings: Any,
) -> LandmarkSequence:
    """The sequence of a clip turned by quarter ``turns``; ``sources`` are the one asked for and the one chosen."""
    asked, chosen = sources

    def frames(label: str) -> Iterator[RGBArray]:
        return turned_frames(_frames(clip, span, label), turns)

    def tracked() -> LandmarkSequence:
        locate, threshold = (
            (None, 0.0) if landmarks is not None else _locator(matcher, settings["offline"], face, turns)
        )
        return _track(clip, frames("track"), fps, locate, threshold, landmarks)

    if chosen == "track":
        return tracked()
    if chosen == "facemesh":
        from faceshot.driving.detectors import FaceMeshDetector

        mesh = FaceMeshDetector(model, offline=settings["offline"], cache_dir=settings["cache_dir"])
        found = mesh.sequence(frames("face mesh"), fps, face)
    else:
        from faceshot.driving.detectors import FacexlibDetector

        if face != "largest":
            logger.warning("source facexlib takes the surest face of every frame; take facemesh or track to choose one")
        found = _detected(FacexlibDetector(model, **settings), frames("detect"), fps)
    share = 0.0 if found is None or found.found is None else float(found.found.mean())
    if asked == "auto" and share < _ENOUGH:
        logger.warning("%s finds a face in %.0f %% of %s only; tracking it instead", chosen, 100 * share, clip.name)
        try:
            return tracked()
        except Lying:
            raise
        except FaceShotError as error:
            raise NoFaceError(f"{chosen} finds no face in most frames of {clip.name}, and {error}") from error
    if found is None:
        raise NoFaceError(f"{chosen} finds no face in any frame of {clip.name}; try {option('source', 'track')}")
    return found


def _best_source(model: str | Path | None, offline: bool, cache_dir: str | Path | None) -> str:
    """facemesh where its runtime is installed and its model here or to be had, else track and why."""
    from faceshot.facemesh import require_runtime
    from faceshot.weights import is_offline, locate, where

    try:
        require_runtime()
        if where("face_landmarker", path=model, cache_dir=cache_dir) is None:
            if not is_offline(offline):
                logger.info("fetching the face mesh model once (3.8 MB, Apache-2.0)")
            locate("face_landmarker", path=model, offline=offline, cache_dir=cache_dir)
    except MissingError as error:
        logger.info("for people source facemesh would be better, but %s", error)
        return "track"
    return "facemesh"


def _locator(
    matcher: Matcher | Callable[[], Matcher] | None, offline: bool, face: FaceWish, turns: int
) -> tuple[Locate, float]:
    """What the tracker asks for landmarks. The first sure answer says which of several faces is followed, and whether
    the clip lies on its side (:class:`Lying`), unless it is turned already."""
    if matcher is None:
        from faceshot.matching import Matcher

        made: Any = Matcher(offline=offline)
    else:
        made = matcher if hasattr(matcher, "match") else matcher()  # type: ignore[operator]
    begun = False

    def locate(picture: Picture, box: tuple[float, float, float, float] | None) -> tuple[Landmarks, float]:
        nonlocal begun
        first = box is None and not begun
        if first and isinstance(face, tuple) and not turns:
            match = made.match(picture, box=face)
        else:
            match = made.match(picture, box=box)
        if not first or match.confidence < made.threshold:
            return match.landmarks, match.confidence
        begun = True
        if not turns and (lying := quarter_turns(match.landmarks.xy)):
            raise Lying(lying)
        if getattr(match, "faces", 1) > 1 and not isinstance(face, tuple):
            match = made.match(picture, face=face)
            note = "%d faces; the one at %s is followed (%s), another by face=left, right, a number or a box"
            logger.info(note, match.faces, ",".join(f"{side:.0f}" for side in match.box), face)
        return match.landmarks, match.confidence

    return locate, float(made.threshold)


def _frames(clip: Path, span: tuple[int, int | None], label: str) -> Iterator[RGBArray]:
    from faceshot.media import probe, read_frames

    start, stop = span
    total = max(min(probe(clip).frames, stop if stop is not None else 2**31) - start, 0)
    # Decoding takes a fifth of the time and runs beside the networks.
    return progress(ahead(read_frames(clip, start=start, stop=stop)), label, total=total or None)


@one_blas_thread()
def _track(
    clip: Path,
    frames: Iterator[RGBArray],
    fps: Fraction,
    locate: Locate | None,
    threshold: float,
    landmarks: Landmarks | None,
) -> LandmarkSequence:
    from faceshot.tracking import track

    try:
        return track(frames, fps, locate=locate, threshold=threshold, anchor=landmarks)
    except NoFaceError as error:
        raise NoFaceError(f"{clip.name}: {error}") from error


def _detected(detector: Detector, frames: Iterator[RGBArray], fps: Fraction) -> LandmarkSequence | None:
    """A detector's answers as a sequence; None if no frame has a face."""
    size: list[Size] = []

    def watched() -> Iterator[RGBArray]:
        for frame in frames:
            size[:] = [Size(frame.shape[1], frame.shape[0])]
            yield frame

    answers = list(detector.detect(watched(), fps))
    found = np.array([answer.xy is not None for answer in answers], bool)
    if not found.any():
        return None
    blank, none, sure = np.full((68, 2), np.nan), np.zeros(68), np.ones(68)
    xy = np.stack([blank if answer.xy is None else answer.xy for answer in answers]).astype(np.float32)
    score = np.stack(
        [none if a.xy is None else sure if a.score is None else np.clip(a.score, 0, 1) for a in answers]
    ).astype(np.float32)
    return LandmarkSequence(xy, size[0], fps, found, score, rest=int(np.flatnonzero(found)[0]))
