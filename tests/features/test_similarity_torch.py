"""Matching on a torch device gives the matches of numpy, and upstream's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from faceshot.features.similarity import best_matches, refine, score_maps
from faceshot.features.similarity_torch import match_points
from faceshot.landmarks.types import Size

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
    ),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [Size(64, 64), Size(90, 50), Size(16, 16)], ids=str)
def test_it_is_what_numpy_gives(size: Size, device: str) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((24, 16, 12)).astype(np.float32)
    vectors = rng.standard_normal((9, 24)).astype(np.float32)
    at, score, refined = match_points(features, vectors, size, device, temperature=0.05)
    theirs, their_score = best_matches(features, vectors, size)
    assert np.array_equal(at, theirs) and np.allclose(score, their_score, atol=1e-6)
    expected = refine(score_maps(features, vectors, size), theirs, temperature=0.05)
    assert np.allclose(refined, expected, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_the_first_of_equal_maxima_wins(device: str) -> None:
    features = np.ones((3, 4, 4), np.float32)
    at, score, _ = match_points(features, np.ones((2, 3), np.float32), Size(4, 4), device)
    assert at.tolist() == [[0, 0], [0, 0]] and np.allclose(score, 3**0.5)


@pytest.mark.parametrize("device", DEVICES)
def test_upstreams_raw_matches_are_exact(shared: Path, device: str) -> None:
    golden = np.load(shared / "parity" / "faceshot" / "matching.golden.npz")
    at, score, _ = match_points(golden["match_feature"][0], golden["match_target_features"], Size(512, 512), device)
    assert np.array_equal(at, golden["match_raw_xy"])
    assert np.allclose(score, golden["match_cos_max"], rtol=1e-4)
