"""Square cuts of a picture, scaled and turned, with exact ways back and forth between their coordinates.

Gallery pictures and the matcher's close-ups are cut by the same rule, so that the network sees both alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.landmarks.pixels import rescale_points
from faceshot.landmarks.topology import PART_POINTS, PARTS
from faceshot.landmarks.types import FloatArray, RGBArray, Size

#: Side of the canonical face crop, in sides of the box around the 68 points.
FACE_SCALE: Final = 1.5
#: How much the box of a part is enlarged for its crop (all others 1.6), and the least side, in sides of the face box.
CONTOUR_SCALE: Final = 1.2
PART_SCALE: Final = 1.6
LEAST_PART: Final = 0.12


@dataclass(frozen=True)
class Crop:
    """A square of a picture, resampled to ``out`` x ``out`` pixels; outside the picture its edge is repeated.

    Attributes:
        left, top: of the unturned square [px], counted from the picture's outer edges (0 is the outer edge, not the
            centre of the first pixel).
        side: of the square [px of the picture].
        out: side of the result [px].
        angle: degrees the square is turned about its centre, clockwise as seen; a face rolled by ``angle`` comes out
            upright.
    """

    left: float
    top: float
    side: float
    out: int
    angle: float = 0.0

    def __post_init__(self) -> None:
        values = (self.left, self.top, self.side, self.angle)
        if not all(math.isfinite(value) for value in values) or self.side <= 0 or self.out < 1:
            raise InputError(f"a crop needs finite numbers and a positive side, got {self}")

    @classmethod
    def around(cls, xy: npt.ArrayLike, *, scale: float = FACE_SCALE, out: int, angle: float = 0.0) -> Crop:
        """The square about the box of the points ``xy`` (N, 2), ``scale`` times its longer side.

        With ``angle`` the box is taken in the turned frame.
        """
        turned = np.asarray(xy, np.float64) @ _rotation(angle)
        low, high = turned.min(0), turned.max(0)
        side = max(scale * float((high - low).max()), 1.0)
        centre = _rotation(angle) @ ((low + high) / 2) + 0.5
        return cls(float(centre[0]) - side / 2, float(centre[1]) - side / 2, side, out, angle)

    @classmethod
    def whole(cls, size: Size, out: int) -> Crop:
        """The smallest square that holds a whole picture of ``size``."""
        side = float(max(size))
        return cls((size[0] - side) / 2, (size[1] - side) / 2, side, out)

    @property
    def centre(self) -> FloatArray:
        """(2,) middle of the square in picture pixels."""
        return np.array([self.left, self.top], np.float32) + np.float32(self.side / 2 - 0.5)

    def to_crop(self, xy: npt.ArrayLike) -> FloatArray:
        """Picture pixels (..., 2) -> crop pixels."""
        square = (np.asarray(xy, np.float64) - self._middle()) @ _rotation(self.angle) + (self.side - 1) / 2
        return rescale_points(square, self._square(), Size(self.out, self.out))

    def to_picture(self, xy: npt.ArrayLike) -> FloatArray:
        """Crop pixels (..., 2) -> picture pixels; the inverse of :meth:`to_crop`."""
        square = rescale_points(xy, Size(self.out, self.out), self._square()).astype(np.float64)
        return ((square - (self.side - 1) / 2) @ _rotation(self.angle).T + self._middle()).astype(np.float32)

    def apply(self, rgb: RGBArray) -> RGBArray:
        """(H, W, 3) uint8 -> (out, out, 3) uint8, without aliasing when the picture is made smaller."""
        import cv2

        # 1. Cut out what is needed; a picture may be huge and the face small.
        height, width = rgb.shape[:2]
        corners = self.to_picture(np.array([(x, y) for x in (-1, self.out) for y in (-1, self.out)]))
        low = np.clip(np.floor(corners.min(0)).astype(int), 0, (width - 1, height - 1))
        high = np.clip(np.ceil(corners.max(0)).astype(int) + 1, low + 1, (width, height))
        cut: Any = np.ascontiguousarray(rgb[low[1] : high[1], low[0] : high[0]])
        # 2. Average whole blocks of pixels for the integer part of the reduction, blur lightly for the rest.
        ratio = self.side / self.out
        block = max(1, int(ratio))
        if block > 1:
            spare = -np.array(cut.shape[:2]) % block
            cut = cv2.copyMakeBorder(cut, 0, int(spare[0]), 0, int(spare[1]), cv2.BORDER_REPLICATE)
            cut = cv2.resize(cut, (cut.shape[1] // block, cut.shape[0] // block), interpolation=cv2.INTER_AREA)
        if ratio / block > 1.1:
            cut = cv2.GaussianBlur(cut, (0, 0), 0.45 * math.sqrt((ratio / block) ** 2 - 1))
        # 3. Resample; the matrix takes pixel centres of the result to pixel centres of the reduced cut.
        step = ratio / block
        turn = step * _rotation(self.angle)
        first = (self.to_picture(np.zeros(2)).astype(np.float64) - low + 0.5) / block - 0.5
        matrix = np.column_stack([turn, first])
        done: Any = cv2.warpAffine(
            cut,
            matrix,
            (self.out, self.out),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return done

    def _square(self) -> Size:
        """The square's own extent; a fraction of a pixel matters, so these are not whole numbers."""
        return Size(self.side, self.side)  # type: ignore[arg-type]

    def _middle(self) -> npt.NDArray[np.float64]:
        return np.array([self.left, self.top]) + (self.side / 2 - 0.5)


def part_crops(xy: npt.ArrayLike, out: int) -> list[Crop]:
    """One square per part of ``topology.PARTS``, around its points among all 68 (picture pixels)."""
    points = np.asarray(xy, np.float64)
    least = LEAST_PART * float(np.ptp(points, axis=0).max())
    crops = []
    for part in PARTS:
        crop = Crop.around(
            points[list(PART_POINTS[part])],
            scale=CONTOUR_SCALE if part == "face_boundary" else PART_SCALE,
            out=out,
        )
        if crop.side < least:
            grow = (least - crop.side) / 2
            crop = Crop(crop.left - grow, crop.top - grow, least, out)
        crops.append(crop)
    return crops


def _rotation(angle: float) -> npt.NDArray[np.float64]:
    """(2, 2) R(angle) acting on column vectors, degrees; clockwise as seen, because y points down."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array([[c, -s], [s, c]])
