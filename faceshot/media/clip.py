"""What a clip is to FaceShot: upright frames at one exact, constant rate, whatever clock its file keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from faceshot.errors import UsageError
from faceshot.landmarks import RGBArray, Size
from faceshot.reading import MAX_RATE

#: Rates cameras and editors mean when a file states something very near.
STANDARD_RATES: Final = (
    *(Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)),
    *(Fraction(n * 1000, 1001) for n in (15, 24, 30, 48, 60, 120, 240)),
)
DEFAULT_RATE: Final = Fraction(30)
#: A still longer than this inside a clip is taken for a broken clock, and for the last frame cut to it.
MAX_STILL: Final = Fraction(60)
#: Clips that state less (pictures an hour apart) are read as if every frame stayed that long.
SLOWEST: Final = 1 / MAX_STILL


@dataclass(frozen=True)
class VideoInfo:
    """What :func:`faceshot.media.probe` finds out without decoding the clip.

    Attributes:
        size: (width, height) of the frames as ``read_frames`` gives them: upright, square pixels.
        fps: the constant rate, exact.
        frames: number of frames at that rate; an estimate where the file does not say.
        seconds: duration of the picture.
        has_audio: whether there is sound.
        codec: of the picture, for instance ``h264``; the file format for animated pictures and folders.
    """

    size: Size
    fps: Fraction
    frames: int
    seconds: float
    has_audio: bool
    codec: str


@dataclass(frozen=True)
class TimedFrame:
    """One stored frame: when it appears and for how long [seconds], and a function that gives its pixels."""

    time: Fraction
    duration: Fraction
    rgb: Callable[[], RGBArray]


def standard_rate(rate: Fraction, tolerance: float = 0.0015) -> Fraction:
    """The nearest standard rate if it is within ``tolerance`` (relative), else ``rate`` itself, simplified."""
    nearest = min(STANDARD_RATES, key=lambda known: abs(known - rate))
    return nearest if abs(nearest / rate - 1) <= tolerance else max(rate, SLOWEST).limit_denominator(1001)


def constant_rate(average: Fraction | None, base: Fraction | None) -> Fraction:
    """The rate to resample to, from a stream's average rate and its base rate (finest step of its clock).

    A phone that means 30 but drops a frame now and then averages 29.6: the base rate is what it means. Where both
    differ much (screen recordings, field-coded video), the average decides.
    """
    if average is None or average <= 0:
        average = base
    if average is None or not 0 < average <= MAX_RATE:
        return DEFAULT_RATE
    if average == base and (average.denominator <= 100 or average.denominator == 1001):
        return max(average, SLOWEST)  # stated, not measured from rounded times
    if base is not None and 0.9 <= average / base <= 1.02 and base <= 240:
        return standard_rate(base)
    return standard_rate(average)


def frame_at(moment: int | str, fps: Fraction) -> int:
    """The frame that a moment means: a frame number, or a time, ``1.5s``, ``1.5`` or ``[hours:]minutes:seconds``.

    A text of digits alone is a frame number too.

    Raises:
        UsageError: neither of both, or before the clip.
    """
    text = str(moment).strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    found = re.fullmatch(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,4}):)?([0-9]{1,7}(?:\.[0-9]{1,9})?)s?", text)
    if found is None:
        raise UsageError(
            f"{str(moment)[:40]!r} is no place in a clip; use a frame number (45) or a time (1.5s, 0:01.5)"
        )
    hours, minutes, seconds = (Fraction(part or 0) for part in found.groups())
    return round((hours * 3600 + minutes * 60 + seconds) * fps)


def fit_side(size: Size, max_side: int | None) -> Size:
    """``size`` scaled down so that no side exceeds ``max_side``; never up."""
    longest = max(size)
    if max_side is None or longest <= max_side:
        return size
    return Size(*(max(1, round(side * max_side / longest)) for side in size))


def resample(
    timed: Iterable[TimedFrame], fps: Fraction, *, start: int = 0, stop: int | None = None
) -> Iterator[RGBArray]:
    """Frames ``start`` to ``stop`` of the clip at the constant rate ``fps``; each shows the stored frame nearest to it.

    One stored frame is held back, so memory does not depend on the length. A repeated frame is yielded as a copy.
    """
    index = 0  # of the next frame to give
    origin = Fraction(0)
    held: TimedFrame | None = None

    def give(frame: TimedFrame, until: Fraction) -> Iterator[RGBArray]:
        nonlocal index
        pixels: RGBArray | None = None
        while index < until and (stop is None or index < stop):
            if index >= start:
                pixels = frame.rgb() if pixels is None else pixels.copy()
                yield pixels
            index += 1

    for frame in timed:
        if held is None:
            origin = frame.time
        else:
            yield from give(held, ((held.time + frame.time) / 2 - origin) * fps)
            if stop is not None and index >= stop:
                return
        held = frame
    if held is not None:
        end = (held.time + min(held.duration, MAX_STILL) - origin) * fps
        yield from give(held, max(Fraction(round(end)), Fraction(1)))
