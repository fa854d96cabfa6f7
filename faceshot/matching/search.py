"""Where to look for a face nobody has pointed out: landmarks vote for its centre, size and roll.

The network reads the whole picture at several sizes at once, as one large image, not window by window. In every
landmark's score map the mean shape says where the face's centre would be; what all landmarks agree on is a candidate
(a generalised Hough transform, as in models of deformable parts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from faceshot.landmarks import Crop, FloatArray, RGBArray

if TYPE_CHECKING:
    from torch import Tensor

    from faceshot.features import FeatureExtractor
    from faceshot.matching.views import Views


@dataclass(frozen=True)
class SearchOptions:
    """How the face is looked for.

    Attributes:
        enough: quality at which nothing smaller is looked for. alone: a face of at least this share of the picture's
            longer side is taken for the only one, if it is sure.
        worth: quality from which a place deserves a closer look when all faces are wanted.
        upright_enough: quality below which quarter turns of the picture are looked at. surer_turned: how much surer
            than upright a turned face has to be (a logit).
        sides: longest sides at which the whole picture is read in turn, in sides of the network's square.
        tile, overlap: what the network reads at once, and how much of it twice, in sides of the square; attention
            over more costs time and finds nothing.
        enlarge: a picture is never read at more than this many times its own size.
        radii: RMS radii of the faces looked for, in sides of the square. rolls: their rolls in degrees.
        slack: how far a landmark may lie from its place, in radii.
        candidates: how many of the places with most votes get a proper look, for every side.
        least: votes (a mean cosine) below which none is worth one; drawn faces have 0.7 to 0.9, half of the best
            places in pictures without a face under 0.57. aside: votes that a face from the side needs more.
        better: factor by which a candidate has to beat the best so far, because a part of a face can look like a face.
        part, surer: a face this much smaller (a share) within another has to be surer than it by so much (a logit).
        crop: side of the close-up, in sides of the face's box. upright: roll in degrees above which it is turned.
        domains: how many of the nearest domains of a part are averaged (the paper takes one).
        present: share of pictures of alike domains that must show a part, or it is called absent.
    """

    enough: float = 0.8
    alone: float = 0.45
    worth: float = 0.1
    upright_enough: float = 0.95
    surer_turned: float = 1.5
    sides: tuple[int, ...] = (2, 4)
    enlarge: float = 1.5
    tile: float = 2.0
    overlap: float = 0.25
    radii: tuple[float, ...] = (0.07, 0.1, 0.14, 0.19, 0.26)
    rolls: tuple[float, ...] = (-40.0, -20.0, 0.0, 20.0, 40.0)
    slack: float = 0.12
    candidates: int = 4
    least: float = 0.5
    aside: float = 0.08
    better: float = 1.15
    part: float = 0.6
    surer: float = 3.0
    crop: float = 1.5
    upright: float = 8.0
    domains: int = 3
    present: float = 0.3


@dataclass(frozen=True, eq=False)
class Candidate:
    """Where a face may be.

    Attributes:
        votes: mean score of the landmarks near their places.
        xy: (68, 2) the mean shape there. radius: its RMS radius. roll: degrees, clockwise as seen.
    """

    votes: float
    xy: FloatArray
    radius: float
    roll: float

    def crop(self, options: SearchOptions, out: int) -> Crop:
        """The square to look at, upright."""
        return Crop.around(self.xy, scale=options.crop, out=out, angle=self.roll)


def suspects(
    extractor: FeatureExtractor,
    rgb: RGBArray,
    vectors: FloatArray,
    valid: np.ndarray,
    embed: np.ndarray | None,
    views: Views,
    count: int,
    options: SearchOptions,
) -> list[Candidate]:
    """Where in a picture (H, W, 3) faces may be, best first, in its pixels, at most ``options.candidates``.

    Args:
        vectors: (68, C) of length 1. valid: (68,) which of them exist. embed: image prompt, where the model takes one.
        views: the priors, whose mean shapes vote. count: one of ``options.sides``.
    """
    features, crop, first, cell = wide_features(extractor, rgb, count, options, embed)
    unit = features / np.maximum(np.linalg.norm(features, axis=0, keepdims=True), 1e-12)
    means = [(prior.mean, valid & (prior.seen > 0.5)) for prior in views.priors.values()]
    found = candidates(np.tensordot(vectors, unit, 1), means, options, cell / extractor.image_size)
    return [
        replace(
            candidate,
            xy=crop.to_picture(first + (candidate.xy + 0.5) * cell - 0.5),
            radius=candidate.radius * cell * crop.side / crop.out,
        )
        for candidate in found
    ]


def wide_features(
    extractor: FeatureExtractor, rgb: RGBArray, count: int, options: SearchOptions, embed: np.ndarray | None = None
) -> tuple[FloatArray, Crop, FloatArray, float]:
    """The whole picture read with a longest side of ``count`` times the network's square, in tiles that overlap.

    Returns:
        (C, h, w) features; the square they lie on; where in it the first cell begins [px of the square]; a cell's side.
    """
    import torch

    side = extractor.image_size
    crop, squares = tiles(rgb, side, count)
    # Latents come tile by tile; put together, as far as the picture covers them, they are one large latent image.
    latents = extractor.encode(squares)
    grid = latents.reshape(count, count, *latents.shape[1:]).permute(2, 0, 3, 1, 4)
    across = count * latents.shape[3]
    rows, columns = strip(crop, rgb.shape[:2], across)
    latents = grid.reshape(1, latents.shape[1], across, across)[:, :, rows, columns]
    prompt = None if embed is None else torch.from_numpy(embed)
    per_square = across / count
    size, margin = (8 * max(1, round(share * per_square / 8)) for share in (options.tile, options.overlap / 2))
    features = _read(extractor, latents, prompt, size, margin)
    latent = side * count / across
    first = np.array([columns.start, rows.start], np.float32) * np.float32(latent)
    return features, crop, first, latent * latents.shape[2] / features.shape[1]


def _read(extractor: FeatureExtractor, latents: Tensor, prompt: Tensor | None, size: int, margin: int) -> FloatArray:
    """Features (C, h, w) of latents (1, c, H, W), read in tiles and put together without their margins."""
    rows = []
    for keep_y, take_y in spans(latents.shape[2], size, margin):
        row = []
        for keep_x, take_x in spans(latents.shape[3], size, margin):
            part = latents[:, :, take_y, take_x].contiguous()
            seen = extractor.features_of_latents(part, image_embeds=prompt)[0].cpu().numpy()
            scale = seen.shape[1] / part.shape[2]
            inner = [
                slice(round((keep.start - take.start) * scale), round((keep.stop - take.start) * scale))
                for keep, take in ((keep_y, take_y), (keep_x, take_x))
            ]
            row.append(seen[:, inner[0], inner[1]])
        rows.append(np.concatenate(row, axis=2))
    return np.concatenate(rows, axis=1)


def spans(extent: int, size: int, margin: int, multiple: int = 8) -> list[tuple[slice, slice]]:
    """0 .. ``extent`` in even pieces of about ``size`` or less: (what is kept, what is read), in whole multiples."""
    count = -(-extent // size)
    edges = [min(extent, multiple * round(k * extent / count / multiple)) for k in range(count)] + [extent]
    return [
        (slice(low, high), slice(max(0, low - margin), min(extent, high + margin)))
        for low, high in pairwise(edges)
        if low < high
    ]


def tiles(rgb: RGBArray, side: int, count: int) -> tuple[Crop, RGBArray]:
    """The whole picture on a square of ``count`` x ``count`` tiles: (crop, (count * count, side, side, 3))."""
    height, width = rgb.shape[:2]
    long = float(max(height, width))
    crop = Crop((width - long) / 2, (height - long) / 2, long, side * count)
    square = crop.apply(rgb).reshape(count, side, count, side, 3)
    return crop, np.ascontiguousarray(square.transpose(0, 2, 1, 3, 4)).reshape(-1, side, side, 3)


def strip(crop: Crop, shape: tuple[int, int], cells: int, multiple: int = 8) -> tuple[slice, slice]:
    """Rows and columns, of ``cells`` x ``cells`` over ``crop``, that a picture (H, W) covers, in whole multiples."""
    spans = []
    for extent in shape:
        share = extent / crop.side
        count = min(cells, -(-max(1, round(share * cells)) // multiple) * multiple)
        first = (cells - count) // 2
        spans.append(slice(first, first + count))
    return spans[0], spans[1]


def candidates(
    scores: FloatArray, means: Sequence[tuple[np.ndarray, np.ndarray]], options: SearchOptions, cell: float
) -> list[Candidate]:
    """Places with most votes, best first, at most ``options.candidates``; coordinates are those of the grid's cells.

    Args:
        scores: (68, h, w) cosines. means: mean shapes (68, 2) of unit RMS radius, the frontal one first, and which of
            their landmarks (68,) vote; later ones need ``options.aside`` more votes.
        cell: side of a cell in sides of the network's square.
    """
    maps, poses = [], []
    for share in options.radii:
        radius = share / cell
        loose = _highest_near(scores, max(1, round(options.slack * radius)))
        for number, (mean, valid) in enumerate(means):
            for roll in options.rolls:
                shape = _turned(mean, roll) * radius
                maps.append(_votes(loose[valid], np.round(shape[valid]).astype(int)) - options.aside * (number > 0))
                poses.append((radius, roll, shape))
    votes = np.stack(maps)
    rows, columns = np.mgrid[: votes.shape[1], : votes.shape[2]]
    found = []
    for _ in range(options.candidates):
        pose, y, x = np.unravel_index(int(votes.argmax()), votes.shape)
        score = float(votes[pose, y, x])
        if score < options.least:
            break
        radius, roll, shape = poses[int(pose)]
        found.append(Candidate(score, (shape + [x, y]).astype(np.float32), radius, roll))
        votes[:, np.hypot(rows - y, columns - x) < 0.8 * radius] = -1
    return found


def _turned(shape: np.ndarray, roll: float) -> np.ndarray:
    c, s = np.cos(np.deg2rad(roll)), np.sin(np.deg2rad(roll))
    return shape @ np.array([[c, s], [-s, c]])


def _highest_near(scores: FloatArray, reach: int) -> FloatArray:
    """The highest score within ``reach`` cells, a square."""
    import cv2

    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.stack([cv2.dilate(score, kernel) for score in scores]).astype(np.float32)


def _votes(scores: FloatArray, places: np.ndarray) -> FloatArray:
    """(h, w) mean over landmarks of the score at cell + place; nothing outside."""
    _, height, width = scores.shape
    total = np.zeros((height, width), np.float32)
    for score, (dx, dy) in zip(scores, places, strict=True):
        y0, y1, x0, x1 = max(0, -dy), min(height, height - dy), max(0, -dx), min(width, width - dx)
        if y0 < y1 and x0 < x1:
            total[y0:y1, x0:x1] += score[y0 + dy : y1 + dy, x0 + dx : x1 + dx]
    return total / np.float32(len(scores))
