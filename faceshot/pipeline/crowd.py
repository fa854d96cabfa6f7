"""Several faces in one picture: each moves in frames of its own, and they are put together into one video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import UsageError, option
from faceshot.landmarks import FloatArray, Landmarks, LandmarkSequence, RGBArray, Size
from faceshot.pipeline.inputs import DrivingLike, LandmarksLike, PictureLike
from faceshot.pipeline.plan import AnimateOptions, Plan

#: How softly one face's share of the picture passes into the next one's, in half sizes of a face.
BORDER = 0.06


def plan_faces(
    picture: PictureLike,
    output: Path,
    driving: DrivingLike | Sequence[DrivingLike] | None,
    motion: str | None,
    landmarks: LandmarksLike | Sequence[LandmarksLike] | None,
    options: AnimateOptions,
    **how: Any,
) -> list[Plan]:
    """One plan for each face whose landmarks are given, else one for each clip; arguments as of :meth:`Plan.make`.

    Raises:
        UsageError: several clips but one face, another number of clips than of faces, files to keep of one face.
        Besides, what :meth:`Plan.make` raises.
    """
    clips, faces = _several(driving), _several(landmarks)
    crowd = options.character_face == "all" or len(faces) > 1
    if len(clips) > 1 and not crowd:
        raise UsageError(f"{len(clips)} clips move as many faces: {option('character_face', 'all')} says so")
    kept = ("save_landmarks", "save_drive", "save_sequence")
    if crowd and (given := [name for name in kept if getattr(options, name) is not None]):
        raise UsageError(f"{option(given[0])} keeps what belongs to one face, here are all; leave it out")
    if len(faces) > 1:
        pairs = list(zip(one_each(clips, len(faces)), faces, strict=True))
    else:
        pairs = [(clip, faces[0]) for clip in clips]
    return [Plan.make(picture, output, clip, motion, face, options, **how) for clip, face in pairs]


def one_each(clips: Sequence[Any], faces: int) -> list[Any]:
    """A clip for each of ``faces``: the one there is, or theirs from left to right.

    Raises:
        UsageError: neither one nor as many.
    """
    if len(clips) not in (1, faces):
        raise UsageError(f"{len(clips)} clips for {faces} faces; give one for all, or one each, from left to right")
    return [clip for clip, _ in zip(cycle(clips), range(faces))]


def _several(value: Any) -> list[Any]:
    """The items of a list; anything else, an array or numbers in lists too, is one."""
    if not isinstance(value, list | tuple) or (value and isinstance(value[0], list | tuple)):
        return [value]
    if not value:
        raise UsageError("an empty list says neither which clip nor which face; leave it out")
    return list(value)


def in_step(moved: Sequence[LandmarkSequence]) -> list[LandmarkSequence]:
    """The same motions at the first one's rate, as long as the longest; one that is over rests as it ended."""
    fps = moved[0].fps
    frames = max(round(len(sequence) * fps / sequence.fps) for sequence in moved)
    return [_at_rate(sequence, fps, frames) for sequence in moved]


def _at_rate(sequence: LandmarkSequence, fps: Fraction, frames: int) -> LandmarkSequence:
    if (sequence.fps, len(sequence)) == (fps, frames):
        return sequence
    at = np.minimum(np.arange(frames) * float(sequence.fps / fps), len(sequence) - 1)
    before, part = at.astype(int), (at % 1)[:, None, None].astype(np.float32)
    after = np.minimum(before + 1, len(sequence) - 1)
    xy = (1 - part) * sequence.xy[before] + part * sequence.xy[after]
    shown = None if sequence.expression is None else sequence.expression[np.rint(at).astype(int)]
    rest = min(round(sequence.rest * fps / sequence.fps), frames - 1)
    return replace(sequence, xy=xy, fps=fps, found=None, score=None, rest=rest, start=0, expression=shown)


def sources_of(plans: Sequence[Plan]) -> dict[str, Any]:
    """What was given for all faces: where plans differ, a list."""
    found = {name: [plan.sources[name] for plan in plans] for name in plans[0].sources}
    return {name: given[0] if all(one == given[0] for one in given) else given for name, given in found.items()}


def shares(size: Size, faces: Sequence[Landmarks]) -> FloatArray:
    """How much of every pixel belongs to which face: that whose circle, of the size of its box, is nearest.

    Returns:
        (n, H, W) float32 in 0..1, together 1 at every pixel.
    """
    low, high = (np.stack([end(face.xy[face.visible], axis=0) for face in faces]) for end in (np.min, np.max))
    radius = np.sqrt(np.prod(np.maximum(high - low, 1), axis=1)) / 2
    x, y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in size))
    near = [r - np.hypot(x - cx, y - cy) for (cx, cy), r in zip((low + high) / 2, radius, strict=True)]
    weights = np.stack(near).astype(np.float32) / np.float32(BORDER * radius.mean())
    np.exp(weights - weights.max(axis=0), out=weights)
    return weights / weights.sum(axis=0)


def put_together(videos: Sequence[Iterable[RGBArray]], weights: FloatArray) -> Iterator[RGBArray]:
    """Frames in which every face moves, from ``videos`` in each of which one does, and their :func:`shares`."""
    owner, border = weights.argmax(axis=0), weights.max(axis=0) < 1 - 1e-3
    owned = [(owner == k)[..., None] for k in range(len(videos))]
    mixed = weights[:, border, None]
    for shown in zip(*videos, strict=True):
        frame = shown[0].copy()
        for own, other in zip(owned[1:], shown[1:], strict=True):
            np.copyto(frame, other, where=own)
        frame[border] = np.rint(sum(part * one[border] for part, one in zip(mixed, shown, strict=True)))
        yield frame
