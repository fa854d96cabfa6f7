"""Classic LivePortrait: what M reads from a driver's frames moves the character (arXiv 2407.03168, section 3 and 4).

The driver's frames may be a clip's, a motion template's, or (mode ``proxy``) the warp backend's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.landmarks import LandmarkSequence, RGBArray
from faceshot.progress import progress
from faceshot_liveportrait.driving import motion as m
from faceshot_liveportrait.driving.deltas import Deltas, Keypoints
from faceshot_liveportrait.place import Array, box_matrix, driving_box, network_input, openness, warp

log = logging.getLogger("faceshot")

Rule = Literal["relative", "absolute", "single", "animal"]
#: Lips open further than this count as open when they are to be closed first.
_OPEN_LIPS = 0.03
_M_BATCH = 8


@dataclass(frozen=True)
class Classic:
    """How read motion is transferred.

    Attributes:
        rule: ``relative`` to the driver's rest frame; ``absolute``; ``single`` for one driving picture (its expression
            against a neutral one); ``animal`` for the animal weights.
        region: what moves. multiplier: of all motion, last. stitching: join the still shoulders.
        eyes, lips: set only how open they are, by the driver's ratios (with ``relative`` nothing else moves).
        close_lips: close lips that are open in the picture.
        exact: the rest frame is the source bit for bit; off, everything is as published.
    """

    rule: Rule = "relative"
    region: m.Region = "all"
    multiplier: float = 1.0
    stitching: bool = False
    eyes: bool = False
    lips: bool = False
    close_lips: bool = False
    exact: bool = True


@dataclass(frozen=True, eq=False)
class Driver:
    """A driver's motion (N frames) and openings: eyes (N, 2), lips (N, 1), or None where unknown; ``rest`` frame."""

    motion: m.Motion
    eyes: Array | None = None
    lips: Array | None = None
    rest: int = 0

    def __len__(self) -> int:
        return len(self.motion)


def keypoints(source: m.Source, driver: Driver, deltas: Deltas, how: Classic) -> Keypoints:
    """Driving keypoints (N, 21, 3) for every frame of the driver.

    Raises:
        InputError: ``eyes`` or ``lips`` without the driver's openings.
    """
    if (how.eyes and driver.eyes is None) or (how.lips and driver.lips is None):
        raise InputError("the motion template holds no eye and lip openings; leave out retarget")
    rest = driver.rest if how.exact and how.rule in ("relative", "animal") else None
    if how.rule == "relative":
        x = m.relative(source, driver.motion, how.region, driver.rest)
    elif how.rule == "absolute":
        x = m.absolute(source, driver.motion, how.region)
    elif how.rule == "animal":
        x = m.animal(source, driver.motion, driver.rest)
    else:
        x = m.single(source, driver.motion, how.region)
    x_d = m.anchored(source, x, rest)
    if how.eyes or how.lips:
        base = np.broadcast_to(source.x, x_d.shape) if how.rule == "relative" else x_d
        x_d = (base + _openings(driver, deltas, how)).astype(np.float32)
    if how.stitching:
        x_d = deltas.stitch(x_d, exact=how.exact)
    if how.close_lips and not (how.eyes or how.lips) and deltas.c_lips >= _OPEN_LIPS:
        x_d = x_d + deltas.lips([0.0])
    return m.multiplied(source.x, x_d, how.multiplier)


def _openings(driver: Driver, deltas: Deltas, how: Classic) -> Keypoints:
    """(N, 21, 3) what the ratio networks add; of the eyes the published code passes on the first one's ratio only."""
    out = np.zeros((len(driver), m.N_KEYPOINTS, 3), np.float32)
    for wanted, values, network in ((how.eyes, driver.eyes, deltas.eyes), (how.lips, driver.lips, deltas.lips)):
        if wanted and values is not None:
            found = network(values[:, 0])
            if how.exact:
                found = found - network(values[driver.rest : driver.rest + 1, 0])
                found[values[:, 0] == values[driver.rest, 0]] = 0
            out += found
    return out


def read_driver(
    engine: Any, clip: str | Path, sequence: LandmarkSequence, *, count: int | None = None, max_side: int = 1280
) -> Driver:
    """M's reading of every frame of a clip, cut by the driver's landmarks with one box for all frames.

    Args:
        engine: with ``read_motion``.
        sequence: the driver's landmarks in the clip, pixels of ``sequence.size``; its ``rest`` becomes the driver's.
        count: read at most so many frames; max_side: frames are made smaller to this while decoding.

    Raises:
        InputError: unusable clip, landmarks of another one, no frame with a face.
    """
    from faceshot.media import probe, read_frames

    info = probe(clip)
    if info.size != sequence.size:
        theirs, ours = (f"{size.width}x{size.height}" for size in (sequence.size, info.size))
        raise InputError(f"the driving landmarks are of {theirs} pixels, clip {clip} has {ours}; run faceshot drive")
    assert sequence.found is not None
    found = sequence.found
    if not found.any():
        raise InputError(f"no face was found in any frame of {clip}")
    box = np.mean([driving_box(xy) for xy in sequence.xy[found]], axis=0)
    count = len(sequence) if count is None else min(count, len(sequence))
    frames = read_frames(clip, start=sequence.start, stop=sequence.start + count, max_side=max_side)

    def crops() -> Iterator[RGBArray]:
        for frame in frames:
            # The box is in pixels of the full frame, outer edges at -0.5.
            scale = frame.shape[1] / sequence.size.width
            here = (box + 0.5) * scale - 0.5
            yield warp(frame, box_matrix(here, 512), (512, 512))

    motion = read_frames_motion(engine, progress(crops(), "read the driver", total=count))
    n = len(motion)
    eyes, lips = openness(_filled(sequence.xy[:n], found[:n]))
    return Driver(motion, eyes, lips, min(sequence.rest, n - 1))


def read_frames_motion(engine: Any, crops: Iterable[RGBArray]) -> m.Motion:
    """M's reading of crops (512, 512, 3), a few at a time."""
    import torch

    parts: list[m.Motion] = []
    waiting: list[npt.NDArray[np.float32]] = []

    def flush() -> None:
        if waiting:
            heads = engine.read_motion(torch.from_numpy(np.concatenate(waiting)))
            parts.append(m.read({name: value.detach().float().cpu().numpy() for name, value in heads.items()})[0])
            waiting.clear()

    for crop in crops:
        waiting.append(network_input(crop))
        if len(waiting) == _M_BATCH:
            flush()
    flush()
    return joined(parts)


def joined(parts: list[m.Motion]) -> m.Motion:
    """Motions one after the other."""
    return m.Motion(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("rotation", "exp", "scale", "t"))
    )


def _filled(xy: npt.NDArray[np.float32], good: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Landmarks (N, 68, 2) with lost frames replaced by the last found one (the first one, before it)."""
    if not good.any():
        return np.zeros_like(xy)
    last = np.maximum.accumulate(np.where(good, np.arange(len(xy)), -1))
    return xy[np.where(last < 0, int(np.flatnonzero(good)[0]), last)]


def frame_index(have: int, count: int, rate: float = 1.0) -> npt.NDArray[np.intp]:
    """Which of ``have`` frames each of ``count`` shows at ``rate`` of theirs per ours; the last one is held."""
    if have > 1 and round((count - 1) * rate) > have - 1:
        log.warning("the driving motion ends after %d of %d frames; its last one is held", int(have / rate), count)
    return np.minimum(np.floor(np.arange(count) * rate + 0.5).astype(np.intp), have - 1)
