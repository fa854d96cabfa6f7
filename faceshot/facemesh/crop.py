"""A turned rectangle of a picture as a small square, to the bit as the networks' makers cut it.

Output pixel (column j, row i) of a square of side S shows the picture at c + R(a) ((j/S - 1/2) w, (i/S - 1/2) h): there
is no shift by half a pixel. Places are rounded to 1/32 pixel, sampling is bilinear and the result uint8; the networks
were trained behind that rounding, and video feeds it back from frame to frame.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import RGBArray

Float32 = npt.NDArray[np.float32]
F = np.float32
_STEPS = 32
#: Places within a row are summed up from the start of blocks this wide; it decides exact ties.
_BLOCK = 64


class Roi(NamedTuple):
    """A rectangle: centre and size as fractions of the picture's width and height, turned by ``angle`` in pixels.

    All are float32; the angle is in radians, positive clockwise on the screen.
    """

    x: np.float32
    y: np.float32
    width: np.float32
    height: np.float32
    angle: np.float32

    def pixels(self, width: int, height: int) -> tuple[np.float32, np.float32, np.float32, np.float32]:
        """Centre x, y and sides in pixels of a picture."""
        w, h = F(width), F(height)
        return self.x * w, self.y * h, self.width * w, self.height * h

    def usable(self, width: int, height: int) -> bool:
        """Whether the rectangle can be cut out: finite, at least a pixel wide, not far outside."""
        x, y, w, h = (float(side) for side in self.pixels(width, height))
        if not all(map(math.isfinite, (x, y, w, h, float(self.angle)))):
            return False
        return min(w, h) >= 1 and max(abs(x), abs(y)) + w + h < 32_000


def whole(width: int, height: int) -> Roi:
    """The square around a whole picture."""
    side = max(width, height)
    return Roi(F(0.5), F(0.5), F(side) / F(width), F(side) / F(height), F(0))


def cut(picture: RGBArray, roi: Roi, side: int, *, fill: bool = False) -> RGBArray:
    """(side, side, 3) uint8 of a rectangle that may leave the picture.

    Args:
        picture: (H, W, 3) uint8. fill: black outside the picture instead of its border's colours.
    """
    import cv2

    matrix = _to_picture(roi, side, picture.shape[1], picture.shape[0])
    x, y = _places(matrix, side)
    whole_part = np.stack([x >> 5, y >> 5], axis=-1).astype(np.int16)
    part = ((y & 31) * _STEPS + (x & 31)).astype(np.uint16)
    border = cv2.BORDER_CONSTANT if fill else cv2.BORDER_REPLICATE
    return np.asarray(cv2.remap(picture, whole_part, part, cv2.INTER_LINEAR, borderMode=border), np.uint8)


def _to_picture(roi: Roi, side: int, width: int, height: int) -> npt.NDArray[np.float64]:
    """(3, 3) from the square's pixels to the picture's; by way of corners in float32, whose rounding counts."""
    import cv2

    x, y, w, h = (float(value) for value in roi.pixels(width, height))
    degrees = float(F(float(roi.angle * F(180)) / math.pi))
    corners = cv2.boxPoints(((x, y), (w, h), degrees)).astype(np.float32)
    square = np.array([[0, side], [0, 0], [side, 0], [side, side]], np.float32)
    return np.asarray(cv2.invert(cv2.getPerspectiveTransform(corners, square))[1], np.float64)


def _places(m: npt.NDArray[np.float64], side: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """(side, side) whole numbers of 1/32 pixel in x and in y."""
    row = np.arange(side, dtype=np.float64)[:, None]
    start, reach = np.arange(0, side, _BLOCK, dtype=np.float64)[None], np.arange(_BLOCK, dtype=np.float64)

    def line(k: int) -> npt.NDArray[np.float64]:
        base = (m[k, 0] * start + m[k, 1] * row) + m[k, 2]
        return (base[:, :, None] + m[k, 0] * reach).reshape(side, side)

    scale = _STEPS / line(2)
    return np.rint(line(0) * scale).astype(np.int32), np.rint(line(1) * scale).astype(np.int32)


def projection(roi: Roi, width: int, height: int) -> tuple[Float32, np.float32]:
    """(2, 3) from fractions of the square to fractions of the picture, and the scale of depths; all float32."""
    x, y, w, h = roi.pixels(width, height)
    cos, sin = F(math.cos(float(roi.angle))), F(math.sin(float(roi.angle)))
    across, down, half = F(1) / F(width), F(1) / F(height), F(0.5)
    matrix = np.array(
        [
            [w * cos * across, -h * sin * across, (-half * w * cos + half * h * sin + x) * across],
            [w * sin * down, h * cos * down, (-half * h * cos - half * w * sin + y) * down],
        ],
        np.float32,
    )
    depth = np.sqrt(matrix[0, 0] * matrix[0, 0] + matrix[1, 0] * matrix[1, 0])
    return matrix, F(depth)
