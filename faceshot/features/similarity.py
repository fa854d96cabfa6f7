"""Matching gallery vectors against a feature map (FaceShot, section 3.1): scores, best places, sub-pixel refinement.

Everything here is numpy on plain arrays. A *score map* is the cosine between a landmark's gallery vector and the
picture's feature at every pixel, the feature map being upsampled bilinearly (half-pixel centres).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import FloatArray, Size


def bilinear_weights(cells: int, pixels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower cell, upper cell and weight of the upper one, (pixels,) each, for upsampling ``cells`` to ``pixels``."""
    at = np.maximum((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0)
    low = np.minimum(at.astype(np.int64), cells - 1)
    return low, np.minimum(low + 1, cells - 1), at - low


def upsampled_norms(features: np.ndarray, size: Size) -> np.ndarray:
    """(H, W) float64 norms of the upsampled features (C, h, w), without ever building them.

    A pixel's feature is a mix of four cells, so its squared norm is a quadratic form in the cells' inner products.
    """
    f = features.astype(np.float64)
    y0, _, b = bilinear_weights(f.shape[1], size.height)
    x0, _, a = bilinear_weights(f.shape[2], size.width)
    a, b = a[None, :], b[:, None]
    weights = ((1 - b) * (1 - a), (1 - b) * a, b * (1 - a), b * a)
    right, down = np.roll(f, -1, 2), np.roll(f, -1, 1)
    corner = np.roll(right, -1, 1)
    right[:, :, -1], down[:, -1], corner[:, -1] = f[:, :, -1], f[:, -1], right[:, -1]
    corner[:, :, -1] = down[:, :, -1]
    cells = (f, right, down, corner)
    squared = np.zeros((size.height, size.width))
    for i in range(4):
        for j in range(i, 4):
            products = np.einsum("chw,chw->hw", cells[i], cells[j])[y0[:, None], x0[None, :]]
            squared += (1 if i == j else 2) * weights[i] * weights[j] * products
    return np.sqrt(np.maximum(squared, 0))


def score_strips(
    features: np.ndarray, vectors: np.ndarray, size: Size, rows: int = 64, norms: np.ndarray | None = None
) -> Iterator[tuple[int, FloatArray]]:
    """Score maps in strips of rows: yields (first row, (N, rows, W) float32), so memory stays small.

    Upsampling is linear, so the products with the vectors are taken on the coarse map and upsampled, and only the
    norm is needed at full resolution.

    Args:
        features: (C, h, w) raw features. vectors: (N, C), any length (the maximum does not depend on it).
        size: resolution of the score maps in pixels.
        norms: :func:`upsampled_norms` of the features, where they are known already.

    Raises:
        InputError: the channel counts differ, or a value is not finite.
    """
    if vectors.ndim != 2 or features.ndim != 3 or vectors.shape[1] != features.shape[0]:
        raise InputError(f"vectors {vectors.shape} and features {features.shape} have different channel counts")
    if not (np.isfinite(features).all() and np.isfinite(vectors).all()):
        raise InputError("features or gallery vectors hold values that are not finite; rebuild the gallery's features")
    products = np.tensordot(vectors.astype(np.float64), features.astype(np.float64), 1)
    norms = np.maximum(upsampled_norms(features, size) if norms is None else norms, 1e-12)
    y0, y1, b = bilinear_weights(features.shape[1], size.height)
    x0, x1, a = bilinear_weights(features.shape[2], size.width)
    wide = products[:, :, x0] * (1 - a) + products[:, :, x1] * a
    for top in range(0, size.height, rows):
        r = slice(top, top + rows)
        mixed = wide[:, y0[r]] * (1 - b[r, None]) + wide[:, y1[r]] * b[r, None]
        yield top, (mixed / norms[r]).astype(np.float32)


def score_maps(features: np.ndarray, vectors: np.ndarray, size: Size, *, norms: np.ndarray | None = None) -> FloatArray:
    """The score maps (N, H, W) float32 in one array; cosines when ``vectors`` have length 1."""
    return np.concatenate([strip for _, strip in score_strips(features, vectors, size, norms=norms)], axis=1)


def peaks(scores: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """What :func:`best_matches` gives, from score maps (N, H, W) that are there already."""
    flat = scores.reshape(len(scores), -1)
    index = flat.argmax(1)
    at = np.stack([index % scores.shape[2], index // scores.shape[2]], 1).astype(np.int64)
    return at, flat[np.arange(len(flat)), index]


def best_matches(features: np.ndarray, vectors: np.ndarray, size: Size) -> tuple[np.ndarray, FloatArray]:
    """Best pixel of every vector: (N, 2) int64 (x, y), first maximum in row-major order, and its score (N,).

    This is the paper's Eq. 4 with raw scores; see :func:`refine` for sub-pixel places.
    """
    best = np.full(len(vectors), -np.inf, np.float32)
    at = np.zeros((len(vectors), 2), np.int64)
    for top, strip in score_strips(features, vectors, size):
        flat = strip.reshape(len(vectors), -1)
        index = flat.argmax(1)
        value = flat[np.arange(len(vectors)), index]
        better = value > best
        best[better] = value[better]
        at[better] = np.stack([index % size.width, top + index // size.width], 1)[better]
    return at, best


def refine(scores: FloatArray, at: np.ndarray, *, window: int = 9, temperature: float = 0.02) -> FloatArray:
    """Sub-pixel places (N, 2) float32: soft-argmax in a ``window`` x ``window`` pixel square around each peak.

    Args:
        scores: (N, H, W) score maps. at: (N, 2) peaks (x, y).
        temperature: of the softmax over scores; smaller trusts the peak pixel more.
    """
    reach = window // 2
    height, width = scores.shape[1:]
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    x = at[:, 0, None, None] + dx
    y = at[:, 1, None, None] + dy
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    values = scores[np.arange(len(at))[:, None, None], y.clip(0, height - 1), x.clip(0, width - 1)]
    peak = values.max(axis=(1, 2), keepdims=True)
    weight = np.exp((values - peak) / temperature) * inside
    total = weight.sum(axis=(1, 2))
    return np.stack([(weight * x).sum(axis=(1, 2)) / total, (weight * y).sum(axis=(1, 2)) / total], 1).astype(
        np.float32
    )


def sample_features(features: np.ndarray, xy: np.ndarray, size: Size) -> FloatArray:
    """Features (N, C) at pixels ``xy`` (N, 2) of a picture of ``size``, bilinear, points outside held to the edge."""
    cells = np.array([features.shape[2], features.shape[1]])
    at = np.clip((np.asarray(xy, np.float64) + 0.5) / np.array(size) * cells - 0.5, 0, cells - 1)
    low = np.minimum(at.astype(np.int64), cells - 1)
    high = np.minimum(low + 1, cells - 1)
    a, b = (at - low).T
    rows = features[:, low[:, 1], low[:, 0]] * ((1 - a) * (1 - b)) + features[:, low[:, 1], high[:, 0]] * (a * (1 - b))
    rows = rows + features[:, high[:, 1], low[:, 0]] * ((1 - a) * b) + features[:, high[:, 1], high[:, 0]] * (a * b)
    return rows.T.astype(np.float32)


def normalised(vectors: np.ndarray) -> FloatArray:
    """``vectors`` (..., C) scaled to length 1."""
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)).astype(np.float32)
