"""The data in the middle: 68 landmarks of one picture, and of every frame of a clip.

Coordinates are (x, y) float32 pixels of the stated size, x right, y down, and **integers are pixel centres**:
the centre of the top-left pixel is (0, 0) and the picture covers [-0.5, width - 0.5] x [-0.5, height - 0.5].
:mod:`faceshot.landmarks.pixels` is the only place that knows what this means for a change of size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.landmarks.expression import Expression, join
from faceshot.landmarks.pixels import rescale_points
from faceshot.landmarks.rates import as_fps
from faceshot.landmarks.schemes import FloatArray, Schemes
from faceshot.landmarks.topology import FLIP, N_POINTS
from faceshot.landmarks.visibility import absent_parts, hidden_points, lacks, visible_mask
from faceshot.reading import MAX_SIZE

BoolArray = npt.NDArray[np.bool_]
RGBArray = npt.NDArray[np.uint8]


#: Farther from the picture's corner [px] no landmark makes sense; arithmetic in float32 ends soon after.
_FAR = 1e7


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def _size(value: Any) -> Size:
    try:
        width, height = value
        if int(width) != width or int(height) != height:
            raise ValueError
        size = Size(int(width), int(height))
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"size must be (width, height) in whole pixels, got {value!r}") from error
    if not (1 <= size.width <= MAX_SIZE and 1 <= size.height <= MAX_SIZE):
        raise InputError(f"size must be 1x1 to {MAX_SIZE}x{MAX_SIZE} pixels, got {size.width:.7g}x{size.height:.7g}")
    return size


def _frozen(array: np.ndarray) -> np.ndarray:
    array = np.ascontiguousarray(array)
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array


def _points(value: Any, shape: str, ndim: int) -> FloatArray:
    try:
        with np.errstate(over="ignore"):  # beyond float32 becomes infinite and is refused as such
            xy = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"landmarks must be numbers of shape {shape}: {error}") from error
    if xy.ndim != ndim or xy.shape[-2:] != (N_POINTS, 2):
        raise InputError(f"landmarks must have shape {shape}, got {xy.shape}")
    return xy


def _sane(xy: FloatArray) -> BoolArray:
    return np.abs(xy) <= _FAR


def _score(value: Any, shape: tuple[int, ...]) -> FloatArray | None:
    if value is None:
        return None
    try:
        score = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"score must be numbers of shape {shape}") from error
    if score.shape != shape:
        raise InputError(f"score must have shape {shape}, got {score.shape}")
    if not (np.isfinite(score).all() and (score >= 0).all() and (score <= 1).all()):
        raise InputError("score values must lie in 0..1")
    return _frozen(score)


@dataclass(frozen=True, eq=False, repr=False)
class Landmarks(Schemes):
    """The 68 iBUG landmarks of one face in one picture.

    Attributes:
        xy: (68, 2) float32, pixels of ``size``, finite; points may lie outside the picture.
        size: (width, height) of the picture in pixels.
        score: (68,) float32 confidence in 0..1, or None when unknown.
        absent: parts (of ``topology.PARTS``) the character does not show; their points hold a plausible place.
        hidden: indices of points that the head itself or something before it hides (or a mask of 68 booleans); they
            hold the place where they are behind it.

    Raises:
        InputError: wrong shape, NaN or infinite coordinates, bad size, unknown part or point.
    """

    xy: FloatArray
    size: Size
    score: FloatArray | None = None
    absent: frozenset[str] = field(default_factory=frozenset)
    hidden: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        xy = _points(self.xy, "(68, 2)", 2)
        if not _sane(xy).all():
            bad = int(np.flatnonzero(~_sane(xy).all(axis=1))[0])
            raise InputError(f"landmark {bad} is not finite, or beyond {_FAR:.0e} pixels: {xy[bad].tolist()}")
        object.__setattr__(self, "xy", _frozen(xy))
        object.__setattr__(self, "size", _size(self.size))
        object.__setattr__(self, "score", _score(self.score, (N_POINTS,)))
        object.__setattr__(self, "absent", absent_parts(self.absent))
        object.__setattr__(self, "hidden", hidden_points(self.hidden))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Landmarks):
            return NotImplemented
        return (
            (self.size, self.absent, self.hidden) == (other.size, other.absent, other.hidden)
            and np.array_equal(self.xy, other.xy)
            and _same(self.score, other.score)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        left, top, right, bottom = self.box()
        sure = "" if self.score is None else f", mean score {float(self.score.mean()):.2f}"
        return (
            f"Landmarks(68 points in {self.size.width}x{self.size.height}, "
            f"box {left:.0f},{top:.0f},{right:.0f},{bottom:.0f}{sure}{lacks(self.absent, self.hidden)})"
        )

    @property
    def visible(self) -> BoolArray:
        """(68,) bool: False for points that are hidden or of absent parts."""
        return visible_mask(self.absent, self.hidden)

    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels of the visible points (of all points if there are none)."""
        points = self.xy[self.visible] if self.visible.any() else self.xy
        (left, top), (right, bottom) = points.min(0), points.max(0)
        return float(left), float(top), float(right), float(bottom)

    def resized(self, size: Size | tuple[int, int]) -> Landmarks:
        """The same face in a picture scaled to ``size`` (width, height)."""
        size = _size(size)
        return replace(self, xy=rescale_points(self.xy, self.size, size), size=size)

    def flipped(self) -> Landmarks:
        """The same face in the picture mirrored left to right, points renumbered to stay in iBUG order."""
        xy = self.xy[list(FLIP)] * np.array([-1, 1]) + np.array([self.size.width - 1, 0])
        score = None if self.score is None else self.score[list(FLIP)]
        return replace(self, xy=xy, score=score, hidden=frozenset(FLIP[index] for index in self.hidden))


@dataclass(frozen=True, eq=False, repr=False)
class LandmarkSequence(Schemes):
    """The 68 iBUG landmarks of one face in every frame of a clip.

    Attributes:
        xy: (T, 68, 2) float32, pixels of ``size``, T >= 1; frames that were not found may hold NaN.
        size: (width, height) of every frame in pixels.
        fps: frames per second, an exact fraction (29.97 is 30000/1001).
        found: (T,) bool, False where no face was found; default all True.
        score: (T, 68) float32 confidence in 0..1, or None.
        absent: parts the face does not show. hidden: points that cannot be seen, in no frame.
        rest: index of the rest frame (eyes open, mouth closed, frontal) that motion is measured from.
        start: the frame of its clip that frame 0 was, so that the clip's sound stays in step; 0 or more.
        expression: blendshapes, the head's turn, gaze and teeth of every frame, or None; 68-point consumers ignore it.

    Raises:
        InputError: wrong shape, non-finite points in a found frame, fps not positive, rest outside the clip, an
            expression of another length.
    """

    xy: FloatArray
    size: Size
    fps: Fraction
    found: BoolArray | None = None
    score: FloatArray | None = None
    absent: frozenset[str] = field(default_factory=frozenset)
    rest: int = 0
    start: int = 0
    expression: Expression | None = None
    hidden: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        xy = _points(self.xy, "(T, 68, 2)", 3)
        if len(xy) == 0:
            raise InputError("a landmark sequence needs at least one frame")
        found = np.ones(len(xy), bool) if self.found is None else np.asarray(self.found)
        if found.shape != (len(xy),) or found.dtype != np.bool_:
            raise InputError(f"found must be {len(xy)} booleans, got {found.dtype} of shape {found.shape}")
        broken = found & ~_sane(xy).all(axis=(1, 2))
        if broken.any():
            where = int(np.flatnonzero(broken)[0])
            raise InputError(f"landmarks of frame {where} are not finite, or beyond {_FAR:.0e} pixels")
        object.__setattr__(self, "xy", _frozen(xy))
        object.__setattr__(self, "size", _size(self.size))
        object.__setattr__(self, "fps", as_fps(self.fps))
        object.__setattr__(self, "found", _frozen(found))
        object.__setattr__(self, "score", _score(self.score, xy.shape[:2]))
        object.__setattr__(self, "absent", absent_parts(self.absent))
        object.__setattr__(self, "hidden", hidden_points(self.hidden))
        if not 0 <= int(self.rest) < len(xy):
            raise InputError(f"rest frame {self.rest} is outside the clip (0..{len(xy) - 1})")
        object.__setattr__(self, "rest", int(self.rest))
        if not 0 <= int(self.start) < 2**31:
            raise InputError(f"start must be the number of a frame, got {self.start}")
        object.__setattr__(self, "start", int(self.start))
        if self.expression is not None and len(self.expression) != len(xy):
            raise InputError(f"the expression has {len(self.expression)} frames, the landmarks have {len(xy)}")

    def __len__(self) -> int:
        return len(self.xy)

    def __getitem__(self, index: int | slice) -> Any:
        """Integer -> :class:`Landmarks` of that frame; slice (step 1) -> :class:`LandmarkSequence`."""
        assert self.found is not None
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1 or stop <= start:
                raise InputError("a slice of a landmark sequence must be non-empty with step 1")
            score = None if self.score is None else self.score[index]
            rest = min(max(self.rest - start, 0), stop - start - 1)
            found, first = self.found[index], self.start + start
            shown = None if self.expression is None else self.expression[index]
            return replace(self, xy=self.xy[index], found=found, score=score, rest=rest, start=first, expression=shown)
        if not self.found[index]:
            raise InputError(f"no face was found in frame {index}")
        score = None if self.score is None else self.score[index]
        return Landmarks(self.xy[index], self.size, score, self.absent, self.hidden)

    def __iter__(self) -> Iterator[Landmarks]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LandmarkSequence):
            return NotImplemented
        return (
            (self.size, self.fps, self.rest, self.start) == (other.size, other.fps, other.rest, other.start)
            and (self.absent, self.hidden) == (other.absent, other.hidden)
            and np.array_equal(self.xy, other.xy, equal_nan=True)
            and _same(self.found, other.found)
            and _same(self.score, other.score)
            and self.expression == other.expression
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        assert self.found is not None
        lost = int((~self.found).sum())
        gaps = f", {lost} without a face" if lost else ""
        return (
            f"LandmarkSequence({len(self)} frames at {float(self.fps):.5g} fps ({self.seconds:.2f} s) in "
            f"{self.size.width}x{self.size.height}, rest frame {self.rest}{gaps}{lacks(self.absent, self.hidden)})"
        )

    @property
    def visible(self) -> BoolArray:
        """(68,) bool: False for points that are hidden or of absent parts."""
        return visible_mask(self.absent, self.hidden)

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return float(len(self) / self.fps)

    def resized(self, size: Size | tuple[int, int]) -> LandmarkSequence:
        """The same clip scaled to ``size`` (width, height)."""
        size = _size(size)
        return replace(self, xy=rescale_points(self.xy, self.size, size), size=size)

    def joined(self, *others: LandmarkSequence) -> LandmarkSequence:
        """This clip and ``others`` after it; the rest frame stays. Scores count as sure where a clip has none.

        Raises:
            InputError: clips of another size or frame rate.
        """
        clips = (self, *others)
        for clip in others:
            if (clip.size, clip.fps) != (self.size, self.fps):
                theirs, ours = (f"{c.size.width}x{c.size.height} at {c.fps}" for c in (clip, self))
                raise InputError(f"clips of {ours} and of {theirs} cannot be joined; resize and resample them first")
        scores = [np.ones(c.xy.shape[:2], np.float32) if c.score is None else c.score for c in clips]
        return replace(
            self,
            xy=np.concatenate([clip.xy for clip in clips]),
            found=np.concatenate([clip.found for clip in clips if clip.found is not None]),
            score=np.concatenate(scores) if any(clip.score is not None for clip in clips) else None,
            absent=frozenset.union(*(clip.absent for clip in clips)),
            hidden=frozenset.union(*(clip.hidden for clip in clips)),
            expression=join([clip.expression for clip in clips], [len(clip) for clip in clips]),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """A decoded picture: upright, 8-bit RGB, with its matte kept apart.

    Attributes:
        rgb: (H, W, 3) uint8; where alpha is 0 the colour is whatever the file holds.
        alpha: (H, W) uint8 matte, 255 opaque, or None for an opaque picture.
        name: where it came from, for messages and output names.
    """

    rgb: RGBArray
    alpha: RGBArray | None = None
    name: str = "picture"

    def __post_init__(self) -> None:
        if not (isinstance(self.rgb, np.ndarray) and self.rgb.dtype == np.uint8 and self.rgb.ndim == 3):
            raise InputError("a picture must be a uint8 array of shape (H, W, 3)")
        if self.rgb.shape[2] != 3 or min(self.rgb.shape[:2]) < 1:
            raise InputError(f"a picture must have shape (H, W, 3), got {self.rgb.shape}")
        if self.alpha is not None and (self.alpha.dtype != np.uint8 or self.alpha.shape != self.rgb.shape[:2]):
            raise InputError(f"alpha must be uint8 of shape {self.rgb.shape[:2]}, got {self.alpha.shape}")

    def __repr__(self) -> str:
        matte = "" if self.alpha is None else ", with a matte"
        return f"Picture({self.name!r}, {self.size.width}x{self.size.height}{matte})"

    @property
    def size(self) -> Size:
        """(width, height) in pixels."""
        return Size(self.rgb.shape[1], self.rgb.shape[0])

    def flat(self, background: tuple[int, int, int] = (255, 255, 255)) -> RGBArray:
        """(H, W, 3) uint8 over a plain background; the same array when there is no matte."""
        if self.alpha is None:
            return self.rgb
        a = self.alpha[..., None].astype(np.uint16)
        mixed = self.rgb * a + np.asarray(background, np.uint16) * (255 - a)
        return ((mixed + 127) // 255).astype(np.uint8)

    def scaled(self, size: tuple[int, int]) -> Picture:
        """The picture at another size (width, height), to be drawn with; the matte is scaled with the colours."""
        if tuple(size) == self.size:
            return self
        from PIL import Image

        whole = self.rgb if self.alpha is None else np.dstack([self.rgb, self.alpha])
        pixels = np.asarray(Image.fromarray(np.ascontiguousarray(whole)).resize(size, Image.Resampling.LANCZOS))
        return Picture(np.ascontiguousarray(pixels[..., :3]), None if self.alpha is None else pixels[..., 3], self.name)

    def reduced(self, side: int) -> Picture:
        """The picture, shrunk by a whole number where its longer side is above ``side`` [px]; to be looked at."""
        step = math.ceil(max(self.size) / side)
        if step <= 1:
            return self
        from PIL import Image

        def shrunk(plane: RGBArray) -> RGBArray:
            return np.asarray(Image.fromarray(plane).reduce(step))

        return Picture(shrunk(self.rgb), None if self.alpha is None else shrunk(self.alpha), self.name)


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return (a is None and b is None) or (a is not None and b is not None and np.array_equal(a, b))
