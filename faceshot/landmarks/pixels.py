"""What "integers are pixel centres" means for a change of size and for the unit square; the only place that knows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def rescale_points(xy: npt.ArrayLike, source: tuple[int, int], target: tuple[int, int]) -> FloatArray:
    """Move points (..., 2) from pixels of ``source`` to pixels of ``target`` (half-pixel-centre convention)."""
    scale = np.array([target[0] / source[0], target[1] / source[1]])
    return ((np.asarray(xy, np.float64) + 0.5) * scale - 0.5).astype(np.float32)


def to_unit(xy: npt.ArrayLike, size: tuple[int, int]) -> FloatArray:
    """Pixels (..., 2) -> the unit square, 0 and 1 being the picture's outer edges (MediaPipe, texture sampling)."""
    return ((np.asarray(xy, np.float64) + 0.5) / np.asarray(size, np.float64)).astype(np.float32)


def from_unit(uv: npt.ArrayLike, size: tuple[int, int]) -> FloatArray:
    """The unit square (..., 2) -> pixels; the inverse of :func:`to_unit`."""
    return (np.asarray(uv, np.float64) * np.asarray(size, np.float64) - 0.5).astype(np.float32)
