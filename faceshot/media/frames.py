"""Clips that are pictures: animated GIF, WebP and PNG, and folders of numbered pictures."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import Picture, RGBArray, Size, as_fps
from faceshot.media.clip import DEFAULT_RATE, TimedFrame, VideoInfo, fit_side, standard_rate
from faceshot.media.image import check_file, decode, open_image, orientation
from faceshot.reading import FOREIGN, MAX_CLIP_PIXELS, MAX_FRAMES, MAX_WALK, edge

log = logging.getLogger("faceshot")

#: PNG text entry that holds the frame rate of a sequence of pictures.
RATE_KEY = "fps"
_FRAME_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
#: Folders whose missing rate was told in this process.
_said: set[Path] = set()
_PROBED_FRAMES = 64
#: A delay beyond this [ms] is nonsense.
_LONGEST = 600_000


def is_animation(path: Path) -> bool:
    """Whether the file is a GIF, WebP or PNG by its first bytes, whatever its name."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"GIF8" or head[:8] == b"\x89PNG\r\n\x1a\n" or (head[:4] == b"RIFF" and head[8:] == b"WEBP")


def probe_animation(path: Path) -> VideoInfo:
    """Size and number from the header, the rate from the delays of the first frames."""
    with open_image(path, "clip", max_pixels=MAX_CLIP_PIXELS) as picture:
        count = _count(picture, path)
        probed = min(count, max(2, min(_PROBED_FRAMES, MAX_WALK // (picture.width * picture.height))))
        delays = []
        for index in range(probed):
            if not _seek(picture, index, path):
                break
            _load(picture, path)
            delays.append(_delay(picture))
        fps, mean = _rate(delays), sum(delays) / len(delays)
        if len(delays) < probed:
            count = len(delays)
        frames = max(1, round(count * mean / 1000 * fps))
        return VideoInfo(Size(*picture.size), fps, frames, float(frames / fps), False, str(picture.format).lower())


def animation_frames(path: Path, max_side: int | None) -> Iterator[TimedFrame]:
    """The stored frames over white; a damaged file gives those before the damage, with a logged warning."""
    with open_image(path, "clip", max_pixels=MAX_CLIP_PIXELS) as picture:
        count = _count(picture, path)
        time = Fraction(0)
        for index in range(count):
            if not _seek(picture, index, path):
                return
            rgb = _load(picture, path)
            duration = _delay(picture) / 1000
            rgb = _fit(rgb, max_side)
            yield TimedFrame(time, duration, lambda rgb=rgb: rgb)  # type: ignore[misc]
            time += duration


def _count(picture: Any, path: Path) -> int:
    """Frames of an animation; Pillow walks through the file for it."""
    with edge(f"clip {path} is damaged ({{}}); copy or download it again"):
        count = int(getattr(picture, "n_frames", 1))
    if count > MAX_FRAMES:
        raise InputError(f"clip {path} has {count} frames; at most {MAX_FRAMES} are read, cut it")
    return max(count, 1)


def numbered(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of the number in their names that counts them: the last one that varies.

    Raises:
        InputError: no pictures, names without numbers, or two with the same number.
    """
    paths = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in _FRAME_SUFFIXES and not p.name.startswith(".")]
    if not paths:
        raise InputError(f"clip {folder} is a folder without numbered pictures; name a video or a folder of frames")
    rows = []
    for path in paths:
        rows.append(tuple(int(digits) for digits in re.findall(r"[0-9]{1,18}", path.stem)))
        if not rows[-1]:
            raise InputError(f"clip {folder}: {path.name} has no number; name the frames frame_000001.png and so on")
    order = _counting(rows)
    found: dict[tuple[int, ...], Path] = {}
    for number, path in zip(order, paths, strict=True):
        if number in found:
            raise InputError(f"clip {folder}: {found[number].name} and {path.name} have the same number; remove one")
        found[number] = path
    return [found[number] for number in sorted(found)]


def _counting(rows: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """What orders names with these numbers: the last place at which all differ, else all places together.

    Names of different make have no places in common; there the last number counts.
    """
    if len({len(row) for row in rows}) != 1:
        return [row[-1:] for row in rows]
    for place in reversed(range(len(rows[0]))):
        if len({row[place] for row in rows}) == len(rows):
            return [row[place : place + 1] for row in rows]
    return rows


def probe_folder(folder: Path) -> VideoInfo:
    """Size and rate of the first picture that can be opened (PNG text entry ``fps``, else 30)."""
    paths = numbered(folder)
    for path in paths:
        try:
            with open_image(check_file(path, "frame"), "frame") as picture:
                text = picture.info.get(RATE_KEY)
                size = Size(*picture.size)
                if orientation(picture) >= 5:
                    size = Size(size.height, size.width)
            break
        except InputError:
            if path == paths[-1]:
                raise
    if text is None and folder.absolute() not in _said:
        _said.add(folder.absolute())  # a clip is probed several times in a run
        log.info("the frames in %s state no rate; %s frames per second are taken", folder, DEFAULT_RATE)
    try:
        fps = DEFAULT_RATE if text is None else as_fps(str(text))
    except InputError as error:
        raise InputError(f"frame {path}: {error}") from error
    return VideoInfo(size, fps, len(paths), float(len(paths) / fps), False, "frames")


def folder_frames(folder: Path, fps: Fraction, max_side: int | None) -> Iterator[TimedFrame]:
    """Every picture of the folder at the constant rate; in place of a damaged one its neighbour, with a logged warning.

    Raises:
        InputError: no picture can be read, or one is of another size than the first.
    """
    size: Size | None = None
    last: RGBArray | None = None
    waiting = 0  # damaged frames before the first good one
    for index, path in enumerate(numbered(folder)):
        try:
            with open_image(check_file(path, "frame"), "frame") as picture:
                rgb = _load(picture, path)
        except InputError as error:
            log.warning("%s; the frame beside it is shown instead", error)
            if last is None:
                waiting, reason = index + 1, error
                continue
            rgb = last.copy()
        found = Size(rgb.shape[1], rgb.shape[0])
        size = size or found
        if found != size:
            raise InputError(
                f"frame {path} is {found.width}x{found.height} pixels, the first is {size.width}x{size.height}; "
                "bring all to one size"
            )
        last = rgb
        shown = _fit(rgb, max_side)
        for place in range(0 if waiting == index else index, index + 1):
            again = shown if place == index else shown.copy()
            yield TimedFrame(place / fps, 1 / fps, lambda rgb=again: rgb)  # type: ignore[misc]
    if last is None:
        raise reason


def _seek(picture: Any, index: int, path: Path) -> bool:
    """Go to a frame; False (with a warning) where the file is cut off, an error if that is the first."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture.seek(index)
            picture.load()
    except FOREIGN as error:
        if index == 0:
            raise InputError(f"clip {path} holds no frame that can be decoded; copy or download it again") from error
        log.warning("clip %s is damaged after frame %d; the frames before are used", path, index - 1)
        return False
    return True


def _load(picture: Any, path: Path) -> RGBArray:
    with edge(f"{path} is damaged ({{}}); copy or download it again"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Picture(*decode(picture)).flat()


def _fit(rgb: RGBArray, max_side: int | None) -> RGBArray:
    size = Size(rgb.shape[1], rgb.shape[0])
    target = fit_side(size, max_side)
    if target == size:
        return rgb
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).resize(target, Image.Resampling.BOX)).copy()


def _delay(picture: Any) -> Fraction:
    """Milliseconds a frame stays (known once it is loaded); browsers show delays up to 10 ms as 100 ms, so do we."""
    found = picture.info.get("duration", 0)
    number = float(found) if isinstance(found, int | float) else 0.0
    return Fraction(number).limit_denominator(1001) if 10 < number <= _LONGEST else Fraction(100)


def _rate(delays: list[Fraction]) -> Fraction:
    """A constant rate that shows every frame: by the mean if the delays only jitter, else by their common step."""
    mean = sum(delays, Fraction(0)) / len(delays)
    if max(delays) - min(delays) <= 10:
        return standard_rate(1000 / mean, 0.005)
    step = gcd(*(round(delay) for delay in delays))
    return standard_rate(Fraction(1000, step)) if step >= 16 else min(standard_rate(1000 / min(delays)), Fraction(60))
