"""Smooth displacement fields on a coarse grid: interpolation, fold limits, inversion, upsampling.

A *forward* field D moves the picture's point x to x + D(x); frames are drawn with its inverse, which says for a
pixel of the frame where in the picture its colour is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Grid = npt.NDArray[Any]  # float32 (rows, columns, channels): values at the nodes of a lattice
Plane = npt.NDArray[Any]  # float32 (h, w) or (h, w, channels): values at pixels

#: The smallest local area ratio a forward field may have; 0 would be a fold.
MIN_AREA = 0.22


def sample(image: npt.NDArray[Any], maps: Plane, interpolation: int = cv2.INTER_LINEAR) -> npt.NDArray[Any]:
    """Values of ``image`` at the places ``maps`` (h, w, 2), float32 (x, y); beyond its edges the edge repeats."""
    return cv2.remap(image, maps, None, interpolation, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]


@dataclass(frozen=True)
class Lattice:
    """Nodes of a coarse grid over a region of the picture.

    Node (row, column) lies at pixel ``origin + step * (column, row)``; the region starts at ``left``, ``top`` and
    is covered with one ring of nodes to spare, so that bilinear upsampling needs no extrapolation.

    Attributes:
        left, top, width, height: the region in pixels.
        step: pixels between nodes.
        rows, columns: number of nodes.
    """

    left: int
    top: int
    width: int
    height: int
    step: int

    @property
    def columns(self) -> int:
        return -(-self.width // self.step) + 2

    @property
    def rows(self) -> int:
        return -(-self.height // self.step) + 2

    @property
    def origin(self) -> tuple[float, float]:
        # cv2.resize by a whole factor puts node 1 at (step - 1) / 2 of the first block; node 0 is one step before.
        return self.left + (self.step - 1) / 2 - self.step, self.top + (self.step - 1) / 2 - self.step

    def nodes(self) -> Grid:
        """(rows, columns, 2) pixel coordinates of the nodes."""
        x = self.origin[0] + self.step * np.arange(self.columns)
        y = self.origin[1] + self.step * np.arange(self.rows)
        return np.stack(np.meshgrid(x, y), -1).astype(np.float32)

    def sample(self, grid: Grid, xy: npt.NDArray) -> npt.NDArray:
        """Bilinear values (n, c) of a node array (rows, columns, c) at pixels (n, 2)."""
        place = ((xy - np.array(self.origin)) / self.step).astype(np.float32).reshape(-1, 1, 2)
        return sample(grid, place).reshape(len(place), -1)

    def at(self, grid: Grid, xy: Grid) -> Grid:
        """Bilinear values (h, w) or (h, w, c) of a node array at pixels ``xy`` (h, w, 2); beyond it the rim repeats."""
        return sample(grid, (xy - np.array(self.origin, np.float32)) / np.float32(self.step))

    def part(self, low: npt.NDArray, high: npt.NDArray) -> tuple[Lattice, tuple[slice, slice]]:
        """The smallest lattice of the same nodes that covers the pixels ``low`` (x, y) to ``high``, and which nodes of
        this one it has."""
        corner, end = np.array([self.left, self.top]), np.array([self.width, self.height])
        low = np.clip(np.floor((low - corner) / self.step) * self.step, 0, end - 1).astype(int)
        high = np.clip(np.ceil(high - corner) + 1, low + 1, end).astype(int)
        size = high - low
        cut = Lattice(int(corner[0] + low[0]), int(corner[1] + low[1]), int(size[0]), int(size[1]), self.step)
        column, row = (int(v) // self.step for v in low)
        return cut, np.s_[row : row + cut.rows, column : column + cut.columns]

    def dense(self, grid: Grid, left: int, top: int, right: int, bottom: int) -> Grid:
        """Bilinear upsampling of a node array over a box of pixels, counted from the region's corner."""
        step = self.step
        first_row, first_column = top // step, left // step
        part = grid[first_row : -(-bottom // step) + 2, first_column : -(-right // step) + 2]
        full = cv2.resize(part, (part.shape[1] * step, part.shape[0] * step), interpolation=cv2.INTER_LINEAR)
        y, x = top - first_row * step + step, left - first_column * step + step
        return full[y : y + bottom - top, x : x + right - left]


def kernel(distance: npt.NDArray) -> npt.NDArray:
    """Covariance of distances in units of its length: smooth, positive, zero far away.

    The mean of two Matern 5/2 kernels, one three times as long: skin follows a landmark closely nearby, and gives way
    to it a little as far as the next part of the face.
    """
    r = np.sqrt(5.0) * np.asarray(distance)
    far = r / 3
    return ((1 + r + r * r / 3) * np.exp(-r) + (1 + far + far * far / 3) * np.exp(-far)) / 2


def basis(at: npt.NDArray, controls: npt.NDArray, length: float, noise: npt.NDArray | float) -> Grid:
    """Matrix B (n, k): displacements (n, 2) at points ``at`` (n, 2) are B @ displacements of the controls (k, 2).

    The smoothing interpolant of Gaussian-process regression: dies out with ``length`` (pixels) away from the
    controls, and ``noise`` (variance, 1 = the field's own; one or (k,)) lets neighbours that contradict each other
    compromise.
    """
    gram = kernel(_distances(controls, controls) / length)
    weights = np.linalg.inv(gram + np.diag(np.broadcast_to(noise, len(controls))))
    return (kernel(_distances(at, controls) / length) @ weights).astype(np.float32)


def _distances(a: npt.NDArray, b: npt.NDArray) -> npt.NDArray:
    return np.sqrt(((a[:, None].astype(np.float64) - b[None]) ** 2).sum(-1))


def area_ratio(field: Grid, step: float) -> npt.NDArray:
    """(rows - 1, columns - 1): determinant of the Jacobian of x -> x + field(x) in every cell."""
    dx = (field[:, 1:] - field[:, :-1]) / step
    dy = (field[1:] - field[:-1]) / step
    dx = (dx[1:] + dx[:-1]) / 2
    dy = (dy[:, 1:] + dy[:, :-1]) / 2
    return (1 + dx[..., 0]) * (1 + dy[..., 1]) - dx[..., 1] * dy[..., 0]


def without_folds(field: Grid, step: float, minimum: float = MIN_AREA) -> Grid:
    """The field, smoothed where it would squeeze the picture below ``minimum`` of its area, then scaled if it must."""
    for _ in range(12):
        tight = area_ratio(field, step) < minimum
        if not tight.any():
            return field
        mask = np.zeros(field.shape[:2], np.float32)
        mask[:-1, :-1] = tight
        near: Plane = cv2.GaussianBlur(cv2.dilate(mask, np.ones((5, 5), np.uint8)), (0, 0), 1.5)
        field = field + near[..., None] * (cv2.GaussianBlur(field, (0, 0), 2.0) - field)
    while (area_ratio(field, step) < minimum).any() and np.abs(field).max() > 1e-3:
        field = field * np.float32(0.85)
    return field


def inverse(field: Grid, step: float, rounds: int = 8) -> Grid:
    """V with V(y) = -field(y + V(y)), by damped Newton steps on the nodes; ``field`` must be free of folds."""
    rows, columns = field.shape[:2]
    index = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).astype(np.float32)
    slope = np.empty((rows, columns, 4), np.float32)
    slope[..., 0::2] = np.gradient(field, axis=1)
    slope[..., 1::2] = np.gradient(field, axis=0)
    slope /= np.float32(step)
    back = -0.7 * field
    for _ in range(rounds):
        place = index + back / np.float32(step)
        rest = back + sample(field, place)
        if np.abs(rest).max() < 0.03:
            break
        a, b, c, d = np.moveaxis(sample(slope, place), -1, 0)
        a, d = a + 1, d + 1
        # Where the slope is near a fold, or changes within a step, a full step would overshoot.
        determinant = np.maximum(a * d - b * c, 2 * MIN_AREA)
        move = np.stack([d * rest[..., 0] - b * rest[..., 1], a * rest[..., 1] - c * rest[..., 0]], -1)
        move /= determinant[..., None]
        back -= np.clip(move, -2 * step, 2 * step, dtype=np.float32)
    return back


def smooth(x: Any) -> Any:
    """Smoothstep of x clipped to 0..1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
