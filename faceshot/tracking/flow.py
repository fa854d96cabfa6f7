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
    first: Gray, second: Gray, start: Array, guess: Array, *, window: int = 15, levels: int = 2, check: float = 1.0
) -> Flow:
    """Follow ``start`` (n, 2) from ``first`` to ``second`` (pyramidal Lucas-Kanade), beginning at ``guess``.

    A point is ok when tracking it back ends within ``check`` pixels of its start (forward-backward check).
    """
    import cv2

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


def texture(gray: Gray, points: Array, *, window: int = 15, noise: float = 2.0) -> Array:
    """How well each point (n, 2) can be followed, and in which directions (structure tensor).

    ``noise`` is the gradient (grey levels per pixel) at which a direction is half trusted.

    Returns:
        (n, 2, 2) symmetric matrices with eigenvalues in 0..1.
    """
    import cv2

    image = cv2.GaussianBlur(gray, (0, 0), 0.8).astype(np.float32)
    gx = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)
    height, width = gray.shape
    x = np.clip(np.round(points[:, 0]), 0, width - 1).astype(int)
    y = np.clip(np.round(points[:, 1]), 0, height - 1).astype(int)
    xx, xy, yy = (cv2.boxFilter(p, -1, (window, window))[y, x].astype(np.float64) for p in (gx * gx, gx * gy, gy * gy))
    values, vectors = np.linalg.eigh(np.stack([xx, xy, xy, yy], -1).reshape(-1, 2, 2))
    values = np.maximum(values, 0)
    trust = values / (values + noise**2)
    return (vectors * trust[:, None, :]) @ vectors.transpose(0, 2, 1)


def patches(gray: Gray, points: Array) -> npt.NDArray[np.float32]:
    """Zero-mean, unit-norm grey patches (n, m) around ``points``; products of two are correlations (-1..1)."""
    import cv2

    blurred = cv2.GaussianBlur(gray, (0, 0), 1.5)
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
