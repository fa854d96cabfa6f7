"""Moving pictures in the size, rate and letterbox that a program wants."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from faceshot.export.job import Target
from faceshot.landmarks import LandmarkSequence, RGBArray, Size

#: What a generator is told where nobody describes the character.
PROMPT = "The character in the picture, seen from the front, talks and moves its head. Same style, plain background.\n"
Mask = npt.NDArray[np.uint8]
T = TypeVar("T")


def area_size(picture: Size, area: int, multiple: int) -> Size:
    """Of a picture's shape, about ``area`` pixels, sides down to a multiple: as Wan's pipelines resolve theirs."""
    shape = picture.height / picture.width
    width, height = math.sqrt(area / shape), math.sqrt(area * shape)
    return Size(max(int(width) // multiple, 1) * multiple, max(int(height) // multiple, 1) * multiple)


def side_size(picture: Size, side: int, multiple: int) -> Size:
    """Of a picture's shape, the shorter side ``side`` pixels, both rounded to a multiple."""
    scale = side / min(picture)
    width, height = (max(round(length * scale / multiple), 1) * multiple for length in picture)
    return Size(width, height)


def letterboxed(frame: RGBArray, size: Size, fill: int = 0) -> RGBArray:
    """The frame (H, W, 3) or (H, W), as large as fits into ``size``, in the middle of it."""
    from PIL import Image

    height, width = frame.shape[:2]
    scale = min(size.width / width, size.height / height)
    fitted = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(Image.fromarray(frame).resize(fitted, Image.Resampling.LANCZOS))
    out = np.full((size.height, size.width, *frame.shape[2:]), fill, np.uint8)
    top, left = (size.height - fitted[1]) // 2, (size.width - fitted[0]) // 2
    out[top : top + fitted[1], left : left + fitted[0]] = small
    return out


def place_in(points: npt.NDArray[np.float32], picture: Size, size: Size) -> npt.NDArray[np.float64]:
    """Points (..., 2) of the picture [px], in the letterboxed one."""
    scale = min(size.width / picture.width, size.height / picture.height)
    fitted = np.round(np.array(picture) * scale)
    corner = (np.array(size) - fitted) // 2
    return np.asarray((points.astype(np.float64) + 0.5) * fitted / picture - 0.5 + corner)


def write_videos(
    target: Target,
    names: tuple[str, ...],
    frames: Iterable[tuple[RGBArray, ...]],
    sizes: tuple[Size, ...],
    fps: Fraction,
) -> None:
    """Several videos side by side; ``.mkv`` is lossless."""
    from contextlib import ExitStack

    from faceshot.media import VideoWriter

    with ExitStack() as stack:
        writers = []
        for name, size in zip(names, sizes, strict=True):
            path = target.path(name) or Path(name)
            lossless = path.suffix == ".mkv"
            made = VideoWriter(path, size, fps, alpha=lossless, overwrite=target.overwrite)
            writers.append(stack.enter_context(made))
        for row in frames:
            for writer, frame in zip(writers, row, strict=True):
                writer.write(frame)


def grey(mask: Mask) -> RGBArray:
    """A mask as a picture."""
    return np.repeat(mask[..., None], 3, axis=2)


def held(frames: Iterator[T], count: int) -> Iterator[T]:
    """So many frames, the last of them repeated."""
    done = 0
    for last in frames:
        yield last
        done += 1
    for _ in range(count - done if done else 0):
        yield last


def still(sequence: LandmarkSequence) -> npt.NDArray[np.float32]:
    """(68, 2) of the rest frame."""
    return np.asarray(sequence.xy[sequence.rest])
