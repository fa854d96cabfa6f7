"""A brush for crops: soft shapes and lines on a float picture, in the crop's own pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Points = npt.NDArray[np.float64]
_SHIFT = 4


def _fixed(points: npt.ArrayLike) -> npt.NDArray[np.int32]:
    return np.round(np.clip(np.asarray(points, float), -2000, 2000) * (1 << _SHIFT)).astype(np.int32)


def cover(points: npt.ArrayLike, shape: tuple[int, int], fine: int = 2) -> npt.NDArray[np.float32]:
    """(H, W) share 0..1 of every pixel that lies in a polygon; what is no area is nearly nothing if drawn ``fine``."""
    mask = np.zeros((shape[0] * fine, shape[1] * fine), np.uint8)
    path = [_fixed((np.asarray(points, float) + 0.5) * fine - 0.5)]
    cv2.fillPoly(mask, path, 255, cv2.LINE_AA if fine < 4 else cv2.LINE_8, _SHIFT)
    small = cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


class Brush:
    """Paints on ``rgb`` (H, W, 3), float32 levels 0..255, in place."""

    def __init__(self, rgb: Array, rng: np.random.Generator) -> None:
        self.rgb, self.rng = rgb, rng
        self.shape: tuple[int, int] = rgb.shape[:2]

    def lay(self, mask: Array, colour: npt.ArrayLike, alpha: float) -> None:
        """A colour (or a picture) through a mask 0..1."""
        self.rgb += (np.asarray(colour, np.float32) - self.rgb) * (mask * np.float32(alpha))[..., None]

    def shade(self, mask: Array, factor: float) -> None:
        """Darker (below 1) or lighter where the mask is."""
        self.rgb *= (1 + (factor - 1) * mask)[..., None].astype(np.float32)

    def area(self, points: npt.ArrayLike, blur: float = 0.0) -> Array:
        """Mask of a polygon, softened by ``blur`` pixels."""
        mask = cover(points, self.shape)
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur)) if blur > 0.2 else mask

    def line(self, points: npt.ArrayLike, width: float, blur: float = 0.0) -> Array:
        """Mask of a line of the given width, softened; thin lines are faint instead of gone."""
        mask = np.zeros((self.shape[0] * 2, self.shape[1] * 2), np.uint8)
        path = [_fixed(np.asarray(points, float) * 2 + 0.5)]
        cv2.polylines(mask, path, False, 255, max(1, round(width * 2)), cv2.LINE_AA, _SHIFT)
        small: Any = cv2.resize(mask, self.shape[::-1], interpolation=cv2.INTER_AREA)
        small = small.astype(np.float32) / 255 * min(1.0, width * 2)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), blur)) if blur > 0.2 else small

    def strokes(self, lines: npt.ArrayLike, width: float = 0.5) -> Array:
        """Mask of many short lines (K, N, 2)."""
        mask = np.zeros((self.shape[0] * 2, self.shape[1] * 2), np.uint8)
        paths = [_fixed(path * 2 + 0.5) for path in np.asarray(lines, float)]
        cv2.polylines(mask, paths, False, 255, max(1, round(width * 2)), cv2.LINE_AA, _SHIFT)
        small: Any = cv2.resize(mask, self.shape[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(small.astype(np.float32) / 255 * min(1.0, width * 2))

    def sample(self, points: npt.ArrayLike) -> Array:
        """Median colour at some points inside the picture."""
        p = np.round(np.asarray(points, float)).astype(int)
        p = np.clip(p, 0, np.array(self.shape[::-1]) - 1)
        return np.asarray(np.median(self.rgb[p[:, 1], p[:, 0]], axis=0))


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: float) -> npt.NDArray[np.float32]:
    """(H, W) smooth noise of unit spread with ``cells`` bumps across."""
    knots = (max(2, round(cells * shape[0] / shape[1]) + 2), max(2, round(cells) + 2))
    field = rng.normal(0, 1, knots).astype(np.float32)
    return np.asarray(cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC))
