"""Frames between those that were generated: both neighbours warped to where the landmarks are, then mixed.

What an interpolating network has to guess, how everything moves, is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, Picture, RGBArray, Size
from faceshot.pipeline import AnimationOptions, load_backend


def kept_frames(frames: int, every: int) -> list[int]:
    """Every so many frames of a clip, and its last: those to generate."""
    return sorted({*range(0, frames, every), frames - 1})


def in_between(frames: Iterable[RGBArray], xy: npt.NDArray[np.float32], every: int) -> Iterator[RGBArray]:
    """All frames (H, W, 3) uint8 of a clip.

    Args:
        frames: of :func:`kept_frames`. xy: (T, 68, 2) landmarks of all, in pixels of the frames.
        every: 1 hands ``frames`` on as they are.
    """
    if every == 1:
        yield from frames
        return
    warp: Any = load_backend("warp")
    options, last = AnimationOptions(), -1
    before: Any = None
    for number, frame in zip(kept_frames(len(xy), every), frames, strict=True):
        at = Landmarks(xy[number], Size(frame.shape[1], frame.shape[0]))
        moved = warp.poser(Picture(frame), at, options)
        for k in range(last + 1, number):
            share = (k - last) / (number - last)
            mixed = before(xy[k]) * np.float32(1 - share) + moved(xy[k]) * np.float32(share)
            yield np.rint(mixed).astype(np.uint8)
        yield frame
        last, before = number, moved
