"""Between a picture of any size and the networks' working picture, whose sides are multiples of 64.

The way back is here as well: a working frame pasted into its place, the backdrop taken out of soft edges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.landmarks import FloatArray, Landmarks, LandmarkSequence, Picture, RGBArray, Size, rescale_points

Region = Literal["auto", "picture", "face"]

#: Sides the work happens in are multiples of this [px].
MULTIPLE: Final = 64

#: ``auto`` cuts around the face where the face box is smaller than this share of the picture's shorter side.
SMALL_FACE: Final = 0.3
#: Side of the cut, in longer sides of the face box.
CUT_SCALE: Final = 2.2
#: The working picture is at most this many times longer than it is high (or the other way round).
LONGEST: Final = 2.0
#: Width of the strip over which a cut fades into the picture, as a share of the cut's shorter side.
FADE: Final = 0.08
#: What lies behind a transparent picture while networks look at it.
BACKDROP: Final = (255, 255, 255)


@dataclass(frozen=True)
class Place:
    """Where the networks work.

    Attributes:
        box: the cut (left, top, right, bottom) [px of the picture, edges].
        inner: size of the cut in the working picture [px].
        corner: left and top of the cut in the working picture [px]; around it the picture is mirrored.
        size: of the working picture, multiples of 64.
        whole: of the picture.
    """

    box: tuple[int, int, int, int]
    inner: Size
    corner: tuple[int, int]
    size: Size
    whole: Size

    @property
    def cut(self) -> Size:
        """Size of the cut [px of the picture]."""
        left, top, right, bottom = self.box
        return Size(right - left, bottom - top)

    def to_work(self, xy: npt.ArrayLike) -> FloatArray:
        """Picture pixels (..., 2) -> working pixels, float32."""
        moved = np.asarray(xy, np.float64) - self.box[:2]
        return rescale_points(moved, self.cut, self.inner) + np.array(self.corner, np.float32)

    def take(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The working picture of (H, W) or (H, W, 3) uint8."""
        import cv2

        left, top, right, bottom = self.box
        found: Any = _resized(np.ascontiguousarray(image[top:bottom, left:right]), self.inner)
        (x, y), (width, height) = self.corner, self.inner
        pad = (y, self.size.height - height - y, x, self.size.width - width - x)
        return found if not any(pad) else cv2.copyMakeBorder(found, *pad, cv2.BORDER_REFLECT_101)

    def give(self, frame: npt.NDArray[np.uint8], image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """``image`` (the picture, any channels) with the working ``frame`` pasted into its place; a new array."""
        (x, y), (width, height) = self.corner, self.inner
        found = _resized(np.ascontiguousarray(frame[y : y + height, x : x + width]), self.cut)
        if self.cut == self.whole:
            return found
        out = image.copy()
        left, top, right, bottom = self.box
        weight = self.fade() if image.ndim == 2 else self.fade()[..., None]
        under = out[top:bottom, left:right].astype(np.float32)
        out[top:bottom, left:right] = np.rint(under + (found - under) * weight).astype(np.uint8)
        return out

    def fade(self) -> FloatArray:
        """(h, w) share of the frame: 1 inside, falling to 0 at the sides of the cut that lie inside the picture."""
        left, top, right, bottom = self.box
        reach = max(FADE * min(self.cut), 1.0)

        def ramp(length: int, before: bool, after: bool) -> FloatArray:
            at = np.arange(length, dtype=np.float32) + 0.5
            one = np.ones(length, np.float32)
            rise = np.clip(np.minimum(at / reach if before else one, (length - at) / reach if after else one), 0, 1)
            return rise**2 * (3 - 2 * rise)

        across = ramp(self.cut.width, left > 0, right < self.whole.width)
        down = ramp(self.cut.height, top > 0, bottom < self.whole.height)
        return (down[:, None] * across[None]).astype(np.float32)


def find_place(landmarks: Landmarks, moved: npt.NDArray, side: int = 512, region: Region = "auto") -> Place:
    """Where to work on a picture with these landmarks, which move to ``moved`` (T, 68, 2).

    Args:
        side: shorter side of the working picture [px], a multiple of 64.
        region: the whole picture, a cut around the face, or the cut where the face is small or the picture long.
    """
    whole = landmarks.size
    box = (0, 0, *whole)
    left, top, right, bottom = landmarks.box()
    face = max(right - left, bottom - top, 1.0)
    narrow = max(whole) > LONGEST * min(whole)
    if region == "face" or (region == "auto" and (narrow or face < SMALL_FACE * min(whole))):
        box = _around(np.concatenate([landmarks.xy[None], moved])[:, landmarks.visible], face, whole)
    cut = Size(box[2] - box[0], box[3] - box[1])
    scale = min(side / min(cut), LONGEST * side / max(cut))
    inner = Size(*(max(round(length * scale), 1) for length in cut))
    size = Size(*(max(math.ceil(length / MULTIPLE), 1) * MULTIPLE for length in inner))
    corner = ((size.width - inner.width) // 2, (size.height - inner.height) // 2)
    return Place(box, inner, corner, size, whole)


def _around(points: npt.NDArray, face: float, whole: Size) -> tuple[int, int, int, int]:
    """A square about all the places the face goes to, moved into the picture and cut where it is larger."""
    if points.size == 0:
        return (0, 0, *whole)
    low, high = points.reshape(-1, 2).min(0).astype(np.float64), points.reshape(-1, 2).max(0).astype(np.float64)
    low, high = (np.clip(value, 0, np.array(whole) - 1.0) for value in (low, high))
    side = max(CUT_SCALE * face, float((high - low).max()) + 0.6 * face, 48.0)
    middle, edges = (low + high) / 2 + 0.5, []
    for axis in (0, 1):
        length = min(math.ceil(side), whole[axis])
        begin = min(max(round(middle[axis] - length / 2), 0), whole[axis] - length)
        edges.append((begin, begin + length))
    return edges[0][0], edges[1][0], edges[0][1], edges[1][1]


def working_rgb(picture: Picture, place: Place) -> RGBArray:
    """(H, W, 3) uint8: what the networks see; transparent pictures lie on a plain white."""
    return np.ascontiguousarray(place.take(picture.flat(BACKDROP)))


def unmixed(rgb: RGBArray, alpha: npt.NDArray[np.uint8]) -> RGBArray:
    """The colours of a frame generated over :data:`BACKDROP`, without the backdrop that shines through ``alpha``."""
    a = alpha[..., None].astype(np.float32) / 255
    clear = np.clip((rgb - (1 - a) * np.array(BACKDROP, np.float32)) / np.maximum(a, 0.2), 0, 255)
    return np.where(a > 0.995, rgb, np.rint(clear)).astype(np.uint8)


def check_sizes(picture: Picture, landmarks: Landmarks, sequence_size: Size) -> None:
    """Refuse landmarks that are in pixels of another size.

    Raises:
        InputError: naming both sizes.
    """
    for what, size in (("landmarks", landmarks.size), ("sequence", sequence_size)):
        if size != picture.size:
            raise InputError(
                f"{what} are for {size.width}x{size.height} but the picture is "
                f"{picture.size.width}x{picture.size.height}; use resized() first"
            )


def without_gaps(landmarks: Landmarks, sequence: LandmarkSequence) -> FloatArray:
    """(T, 68, 2) finite: frames without a face repeat the last position, or the picture's."""
    out, last = np.empty(sequence.xy.shape, np.float32), landmarks.xy
    assert sequence.found is not None
    for index, (xy, found) in enumerate(zip(sequence.xy, sequence.found, strict=True)):
        out[index] = last = xy if found else last
    return out


def _resized(image: npt.NDArray[np.uint8], size: Size) -> Any:
    import cv2

    if (image.shape[1], image.shape[0]) == tuple(size):
        return image
    larger = size.width * size.height > image.shape[0] * image.shape[1]
    return cv2.resize(image, tuple(size), interpolation=cv2.INTER_CUBIC if larger else cv2.INTER_AREA)
