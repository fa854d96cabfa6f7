"""Following points from one head-stabilised frame to the next: Lucas-Kanade, texture trust, look-alike keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Gray = npt.NDArray[Any]

#: Half side and step, in pixels, of the patches that are compared with keys.
_PATCH, _PATCH_STEP = 9, 2


@dataclass(frozen=True)
class Flow:
    """Where points went: ``points`` (n, 2) pixels, ``ok`` (n,) bool: tracked there and back."""

    points: Array
    ok: npt.NDArray[np.bool_]


def lucas_kanade(
    first: Gray,
    second: Gray,
    start: Array,
    guess: Array,
    *,
    window: int = 15,
    levels: int = 2,
    check: float = 1.0,
    reach: float | None = None,
) -> Flow:
    """Follow ``start`` (n, 2) from ``first`` to ``second`` (pyramidal Lucas-Kanade), beginning at ``guess``.

    A point is ok when tracking it back ends within ``check`` pixels of its start (forward-backward check).

    Args:
        reach: pixels from ``guess`` beyond which nobody believes a point: only what lies so near is looked at.
    """
    import cv2

    if reach is not None:
        corner, part = _around(np.concatenate([start, guess]), first.shape, reach + window * 2**levels, 2**levels)
        flow = lucas_kanade(first[part], second[part], start - corner, guess - corner, window=window, levels=levels)
        return Flow(flow.points + corner, flow.ok)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.02)
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    a = np.ascontiguousarray(start, np.float32).reshape(-1, 1, 2)
    b: Any = np.ascontiguousarray(guess, np.float32).reshape(-1, 1, 2).copy()
    size = (window, window)
    b, there, _ = cv2.calcOpticalFlowPyrLK(
        first, second, a, b, winSize=size, maxLevel=levels, criteria=criteria, flags=flags, minEigThreshold=1e-6
    )
    back, home, _ = cv2.calcOpticalFlowPyrLK(
        second, first, b, a.copy(), winSize=size, maxLevel=levels, criteria=criteria, flags=flags, minEigThreshold=1e-6
    )
    drift = np.linalg.norm((back - a).reshape(-1, 2), axis=1)
    ok = (there.ravel() == 1) & (home.ravel() == 1) & (drift < check)
    return Flow(b.reshape(-1, 2).astype(np.float64), ok)


def _around(points: Array, shape: tuple[int, ...], margin: float, step: int) -> tuple[Array, tuple[slice, slice]]:
    """Upper left corner, in whole ``step`` pixels, and rows and columns of what lies within ``margin`` of points."""
    size = np.array(shape[1::-1])
    low = np.clip(np.floor((points.min(0) - margin) / step) * step, 0, (size - 1) // step * step).astype(int)
    high = np.clip(np.ceil(points.max(0) + margin).astype(int) + 1, low + 1, size)
    return low, (slice(low[1], high[1]), slice(low[0], high[0]))


def texture(gray: Gray, points: Array, *, window: int = 15, noise: float = 2.0) -> Array:
    """How well each point (n, 2) can be followed, and in which directions (structure tensor).

    ``noise`` is the gradient (grey levels per pixel) at which a direction is half trusted.

    Returns:
        (n, 2, 2) symmetric matrices with eigenvalues in 0..1.
    """
    import cv2

    height, width = gray.shape
    half = window // 2
    points = np.clip(np.round(points), 0, (width - 1, height - 1)).astype(int)
    corner, part = _around(points, gray.shape, half + 6, 1)
    image = cv2.GaussianBlur(gray[part], (0, 0), 0.8).astype(np.float32)
    slopes = [cv2.Sobel(image, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1))]
    # What windows that leave the picture hold is mirrored at its edge.
    gx, gy = (cv2.copyMakeBorder(slope, half, half, half, half, cv2.BORDER_REFLECT_101) for slope in slopes)
    offset = np.arange(window)
    x, y = (points - corner).T[:, :, None, None]
    place = ((y + offset[:, None]) * gx.shape[1] + x + offset).reshape(len(points), -1)
    gx, gy = gx.ravel()[place], gy.ravel()[place]
    xx, xy, yy = (np.einsum("nk,nk->n", a, b, dtype=np.float64) / window**2 for a, b in ((gx, gx), (gx, gy), (gy, gy)))
    values, vectors = np.linalg.eigh(np.stack([xx, xy, xy, yy], -1).reshape(-1, 2, 2))
    values = np.maximum(values, 0)
    trust = values / (values + noise**2)
    return (vectors * trust[:, None, :]) @ vectors.transpose(0, 2, 1)


def patches(gray: Gray, points: Array) -> npt.NDArray[np.float32]:
    """Zero-mean, unit-norm grey patches (n, m) around ``points``; products of two are correlations (-1..1)."""
    import cv2

    corner, part = _around(points, gray.shape, _PATCH + 8, 1)
    blurred = cv2.GaussianBlur(gray[part], (0, 0), 1.5)
    points = points - corner
    offset = np.arange(-_PATCH, _PATCH + 1, _PATCH_STEP, dtype=np.float32)
    n = len(offset)
    x = np.broadcast_to(points[:, 0, None, None] + offset[None, None, :], (len(points), n, n))
    y = np.broadcast_to(points[:, 1, None, None] + offset[None, :, None], (len(points), n, n))
    map_x, map_y = (np.ascontiguousarray(m.reshape(-1, n), np.float32) for m in (x, y))
    values: Any = cv2.remap(blurred, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    values = values.reshape(len(points), -1).astype(np.float32)
    values -= values.mean(1, keepdims=True)
    # The floor keeps the noise of a blank patch from passing for a pattern.
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 3.0 * n)
