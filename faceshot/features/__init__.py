"""Pixels -> feature vectors and how alike they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.features.cost import duration as duration
    from faceshot.features.cost import loading_seconds as loading_seconds
    from faceshot.features.extractor import FeatureExtractor as FeatureExtractor
    from faceshot.features.similarity import best_matches as best_matches
    from faceshot.features.similarity import normalised as normalised
    from faceshot.features.similarity import peaks as peaks
    from faceshot.features.similarity import refine as refine
    from faceshot.features.similarity import sample_features as sample_features
    from faceshot.features.similarity import score_maps as score_maps
    from faceshot.features.similarity import upsampled_norms as upsampled_norms
    from faceshot.features.similarity_torch import match_points as match_points

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "cost": "duration loading_seconds",
        "extractor": "FeatureExtractor",
        "similarity": "best_matches normalised peaks refine sample_features score_maps upsampled_norms",
        "similarity_torch": "match_points",
    },
)
