"""Which domain of the gallery each part of a face is matched against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceshot.features import normalised, sample_features
from faceshot.landmarks import FloatArray, RGBArray, Size, part_crops
from faceshot.landmarks.topology import N_POINTS, PART_POINTS, PARTS

if TYPE_CHECKING:
    from faceshot.features import FeatureExtractor
    from faceshot.gallery import Gallery


def agreement(seen: FloatArray, gallery: Gallery) -> np.ndarray:
    """(D, 5) mean cosine between the features ``seen`` (68, C) at the landmarks and each domain's, per part."""
    cosine = np.einsum("dic,ic->di", gallery.vectors, seen) * gallery.valid
    columns = []
    for part in PARTS:
        index = list(PART_POINTS[part])
        known = gallery.valid[:, index].sum(1)
        columns.append(np.where(known > 0, cosine[:, index].sum(1) / np.maximum(known, 1), -1))
    return np.stack(columns, 1)


def by_agreement(features: np.ndarray, near: FloatArray, gallery: Gallery, side: int) -> np.ndarray:
    """(D, 5) domains of every part, best first, by likeness to the features (C, h, w) at ``near``.

    ``near`` (68, 2) is where the landmarks seem to be, in pixels of the square of ``side`` that the features are of.
    """
    seen = normalised(sample_features(features, near, Size(side, side)))
    return np.argsort(-agreement(seen, gallery), axis=0, kind="stable")


def part_embeds(extractor: FeatureExtractor, rgb: RGBArray, xy: FloatArray) -> FloatArray:
    """(5, E) embeddings of the crops of the parts of a face with landmarks (68, 2), in the order of ``PARTS``."""
    crops = np.stack([crop.apply(rgb) for crop in part_crops(xy, extractor.image_size)])
    return np.asarray(extractor.embed(crops).cpu().numpy(), np.float32)


def by_embedding(extractor: FeatureExtractor, rgb: RGBArray, xy: FloatArray, gallery: Gallery) -> np.ndarray:
    """(D, 5) domains of every part, best first, by the CLIP score of the part's crop (FaceShot, appendix B)."""
    seen = normalised(part_embeds(extractor, rgb, xy))
    nearness = np.einsum("dpe,pe->dp", normalised(gallery.part_embeds), seen)
    known = np.stack([gallery.valid[:, list(PART_POINTS[part])].any(1) for part in PARTS], 1)
    return np.argsort(-np.where(known, nearness, -2), axis=0, kind="stable")


def gathered(vectors: FloatArray, valid: np.ndarray, ranked: np.ndarray) -> tuple[FloatArray, np.ndarray]:
    """Mean vectors (68, C) of the domains ``ranked`` (n, 5) for each part, and which of them exist (68,).

    A part that the best domain lacks is absent, whatever the others say.
    """
    out, known = np.zeros_like(vectors[0]), np.zeros(N_POINTS, bool)
    for column, part in enumerate(PARTS):
        index, domains = list(PART_POINTS[part]), ranked[:, column]
        some = valid[domains][:, index]
        out[index] = normalised((vectors[domains][:, index] * some[..., None]).sum(0))
        known[index] = valid[domains[0]][index]
    return out, known
