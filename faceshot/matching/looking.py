"""From features of a square to landmarks: the shape fitted to all parts, plain matches, parts that are not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceshot.features import peaks, refine, score_maps, upsampled_norms
from faceshot.landmarks import FloatArray, Size
from faceshot.landmarks.topology import N_POINTS, PART_POINTS, PARTS, Part
from faceshot.matching.result import Look
from faceshot.matching.shape import ShapeFit, ShapeOptions
from faceshot.matching.views import View, Views

if TYPE_CHECKING:
    from faceshot.gallery import Gallery


def fit_parts(
    maps: Sequence[np.ndarray],
    vectors: FloatArray,
    valid: np.ndarray,
    views: Views,
    options: ShapeOptions,
    side: int,
    only: Sequence[View] = (),
) -> tuple[View, ShapeFit]:
    """Fit the shape priors on the feature grid, one feature map per part: the view (of ``only`` these, if any are
    given), and its fit in pixels of the square's ``side``."""
    scores = np.empty((N_POINTS, *maps[0].shape[1:]), np.float32)
    for part, features in zip(PARTS, maps, strict=True):
        index = list(PART_POINTS[part])
        unit = features / np.maximum(np.linalg.norm(features, axis=0, keepdims=True), 1e-12)
        scores[index] = np.tensordot(vectors[index], unit, 1)
    view, fit = views.fit(scores, options, valid, only)
    scale = side / scores.shape[2]
    move = (scale - 1) / 2
    return view, replace(fit, xy=fit.xy * scale + move, model=fit.model * scale + move, radius=fit.radius * scale)


def raw_matches(
    pairs: Sequence[np.ndarray], vectors: FloatArray, size: Size, device: str, temperature: float
) -> tuple[FloatArray, FloatArray]:
    """Plain best matches (68, 2), refined below a pixel, and their scores (68,); ``pairs`` hold one
    (2, C, h, w) array per part, of which the first is the picture itself.
    """
    xy, score = np.empty((N_POINTS, 2), np.float32), np.empty(N_POINTS, np.float32)
    norms: dict[int, np.ndarray] = {}  # parts of one domain share their features
    for part, pair in zip(PARTS, pairs, strict=True):
        index, features = list(PART_POINTS[part]), pair[0]
        if device.startswith("cuda"):
            from faceshot.features import match_points

            _, score[index], xy[index] = match_points(features, vectors[index], size, device, temperature=temperature)
            continue
        if id(pair) not in norms:
            norms[id(pair)] = upsampled_norms(features, size)
        scores = score_maps(features, vectors[index], size, norms=norms[id(pair)])
        at, score[index] = peaks(scores)
        xy[index] = refine(scores, at, temperature=temperature)
    return xy, score


def absent_parts(look: Look, gallery: Gallery, least: float, temperature: float) -> frozenset[Part]:
    """Parts that few pictures show in the domains the *other* parts look like (a cat has no brows).

    ``least`` is the share of alike pictures that must show a part, ``temperature`` that of the matches.
    """
    absent = []
    for column, part in enumerate(PARTS):
        others = np.delete(look.agreement, column, axis=1).mean(1)
        chance = np.exp((others - others.max()) / (0.15 * temperature))
        if float(chance @ gallery.presence[:, column] / chance.sum()) < least:
            absent.append(part)
    return frozenset(absent)
