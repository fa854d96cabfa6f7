"""What is to be rendered: the place in the picture, segments, and the pictures that drive."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.export import area_size, crop, face_side, pose_drawing
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray, Size
from faceshot.pipeline import AnimationOptions
from faceshot.progress import progress
from faceshot.rendering import Place, ProxyClip, check_sizes, find_place, head_boxes, without_gaps
from faceshot.retargeting import resample
from faceshot_wan.options import WanOptions

#: Sides of the working picture are multiples of this [px]; frames of a segment are one more than a multiple of that.
_STEP, _FOUR = 16, 4


@dataclass(frozen=True)
class Segments:
    """How a clip is divided: ``count`` segments of ``length`` frames that share one with the next.

    As few as there can be, of equal length: what is short is not padded to the longest segment.
    """

    count: int
    length: int

    @classmethod
    def of(cls, frames: int, longest: int) -> Segments:
        """For a clip of ``frames`` with segments of at most ``longest`` (4 k + 1)."""
        count = max(math.ceil((frames - 1) / (longest - 1)), 1)
        return cls(count, max(math.ceil((frames - 1) / count / _FOUR), 1) * _FOUR + 1)

    @property
    def frames(self) -> int:
        """Of all segments together."""
        return self.count * (self.length - 1) + 1


def to_and_fro(frames: int, count: int) -> list[int]:
    """``count`` frame numbers that run to the last of ``frames``, back, and so on."""
    turn = max(2 * frames - 2, 1)
    return [min(k % turn, turn - k % turn) if frames > 1 else 0 for k in range(count)]


@dataclass(frozen=True)
class Script:
    """One clip for the networks.

    Attributes:
        place: where in the picture they work. clip: the character in the place, at the rate that is generated.
        segments: of the clip. shown: for every frame asked for, which generated one it is.
    """

    place: Place
    clip: ProxyClip
    segments: Segments
    shown: tuple[int, ...]

    @classmethod
    def write(cls, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: WanOptions) -> Script:
        """Choose place, rate and segments.

        Raises:
            InputError: landmarks or sequence are in pixels of another size than the picture's.
        """
        check_sizes(picture, landmarks, sequence.size)
        xy = without_gaps(landmarks, sequence)
        place = working_place(landmarks, xy, options)
        made = replace(sequence, xy=xy, found=None, score=None)
        rate = Fraction(options.rate).limit_denominator(1001) if options.rate else sequence.fps
        at = made if rate == sequence.fps else resample(made, rate)
        shown = [min(round(k * rate / sequence.fps), len(at) - 1) for k in range(len(sequence))]
        clip = ProxyClip(picture, landmarks, at).cut(place)
        return cls(place, clip, Segments.of(len(at), options.segment), tuple(shown))

    def padded(self, frames: list[Any]) -> list[Any]:
        """As many frames as the segments have."""
        return [frames[k] for k in to_and_fro(len(frames), self.segments.frames)]

    def moved(self) -> Iterator[tuple[RGBArray, npt.NDArray[np.uint8]]]:
        """The character's frames over white, and their mattes."""
        return iter(progress(self.clip.flat(), "draw", total=len(self.clip)))

    def poses(self) -> Iterator[RGBArray]:
        """Drawings of head and shoulders."""
        xy = self.clip.sequence.xy.astype(np.float64)
        return (pose_drawing(points, xy[self.clip.sequence.rest], self.place.size) for points in xy)


def working_place(landmarks: Landmarks, xy: npt.NDArray[np.float32], options: WanOptions) -> Place:
    """The cut of the picture that is worked on, at the model's area and in its shape; the rest is mirrored."""
    box = find_place(landmarks, xy, region=options.region).box
    cut = Size(box[2] - box[0], box[3] - box[1])
    size = area_size(cut, options.pixels or options.family.pixels, _STEP)
    scale = min(size.width / cut.width, size.height / cut.height)
    inner = Size(*(min(max(round(length * scale), 1), most) for length, most in zip(cut, size, strict=True)))
    corner = ((size.width - inner.width) // 2, (size.height - inner.height) // 2)
    return Place(box, inner, corner, size, landmarks.size)


def faces(frames: Iterator[RGBArray], xy: npt.NDArray[np.float32], rest: int) -> Iterator[RGBArray]:
    """Crops of the heads with landmarks (T, 68, 2); one size for the whole clip, so that the face does not breathe."""
    boxes, side = head_boxes(xy).astype(np.float64), face_side(xy[rest])
    for frame, box in zip(frames, boxes, strict=True):
        yield crop(frame, (box[:2] + box[2:]) / 2, side)


def actor(script: Script, settings: AnimationOptions) -> tuple[Iterator[RGBArray], LandmarkSequence]:
    """The frames of the driving clip itself and where its face is, at the rate that is generated."""
    marks = settings.driving_landmarks
    assert settings.driving is not None and marks is not None and marks.found is not None
    from faceshot.media import read_frames

    begin = marks.start
    frames = list(read_frames(settings.driving, start=begin, stop=begin + len(marks)))
    rate = script.clip.fps / marks.fps
    order = [min(round(k / rate), len(frames) - 1) for k in range(len(script.clip))]
    known = np.maximum.accumulate(np.where(marks.found, np.arange(len(marks)), int(np.argmax(marks.found))))
    xy = marks.xy[known][order]
    return (frames[k] for k in order), replace(
        marks, xy=xy, fps=script.clip.fps, found=None, score=None, expression=None, rest=0
    )
