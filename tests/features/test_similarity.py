"""Matching arithmetic against brute force and against the golden of the released code."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot.features.similarity import (
    best_matches,
    normalised,
    peaks,
    refine,
    sample_features,
    score_maps,
    upsampled_norms,
)
from faceshot.landmarks.types import Size
from faceshot.matching.rearrange import fit_ellipse, rearrange

REFERENCES = ("portrait", "danbooru1", "cuphead", "dog")


@pytest.fixture(scope="module")
def golden(shared):
    return np.load(shared / "parity" / "faceshot" / "matching.golden.npz")


def test_raw_matches_equal_the_golden_exactly(golden):
    at, score = best_matches(golden["match_feature"][0], golden["match_target_features"], Size(512, 512))
    assert np.array_equal(at, golden["match_raw_xy"])
    assert np.abs(score - golden["match_cos_max"]).max() < 1e-5


def test_whole_maps_and_norms_once_per_map_change_no_bit(golden):
    """What the matcher does: strips or not, norms computed anew or not."""
    features, vectors, size = golden["match_feature"][0], golden["match_target_features"], Size(512, 512)
    norms = upsampled_norms(features, size)
    for part in (slice(0, 17), slice(17, 68)):
        scores = score_maps(features, vectors[part], size, norms=norms)
        assert np.array_equal(scores, score_maps(features, vectors[part], size))
        for ours, theirs in zip(peaks(scores), best_matches(features, vectors[part], size), strict=True):
            assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    at, _ = peaks(score_maps(features, vectors, size, norms=norms))
    assert np.array_equal(at, golden["match_raw_xy"])


def test_the_first_of_equal_peaks():
    scores = np.zeros((2, 3, 4), np.float32)
    scores[1, 1, 2] = scores[1, 2, 0] = 1
    at, value = peaks(scores)
    assert at.tolist() == [[0, 0], [2, 1]] and value.tolist() == [0, 1]


def test_rearranged_matches_equal_the_golden(golden):
    assert np.abs(rearrange(golden["match_raw_xy"]) - golden["match_rearranged_xy"]).max() <= 1


@pytest.mark.parametrize("noise", [0, 6])
@pytest.mark.parametrize("reference", REFERENCES)
def test_rearrangement_alone(golden, reference, noise):
    key = f"rearr_{reference}_s{noise}"
    points = golden[f"{key}_in"]
    assert np.abs(rearrange(points) - golden[f"{key}_out"]).max() <= 1
    # On floats upstream still rounds to whole pixels, we do not.
    assert np.abs(rearrange(points.astype(float)) - golden[f"{key}_out_floatinput"]).max() <= 0.501


def upsampled_scores(features: np.ndarray, vectors: np.ndarray, size: Size) -> np.ndarray:
    """The plain way: build the whole upsampled map with torch, normalise, multiply."""
    import torch

    up = torch.nn.functional.interpolate(
        torch.from_numpy(features)[None].double(), size=(size.height, size.width), mode="bilinear"
    )
    unit = torch.nn.functional.normalize(up[0], dim=0)
    return torch.einsum("nc,chw->nhw", torch.from_numpy(vectors).double(), unit).numpy()


@pytest.mark.parametrize(
    ("cells", "size"),
    [((8, 8), Size(64, 64)), ((5, 9), Size(70, 33)), ((1, 4), Size(16, 12)), ((12, 12), Size(6, 6))],
    ids=["square", "odd", "one row", "downsampled"],
)
def test_score_maps_equal_the_plain_computation(cells, size):
    rng = np.random.default_rng(3)
    features = rng.normal(size=(7, *cells)).astype(np.float32)
    vectors = rng.normal(size=(5, 7)).astype(np.float32)
    assert np.abs(score_maps(features, vectors, size) - upsampled_scores(features, vectors, size)).max() < 2e-6


def test_first_maximum_in_row_major_order_across_strips():
    features = np.ones((3, 4, 4), np.float32)
    at, score = best_matches(features, np.ones((2, 3), np.float32), Size(40, 200))
    assert at.tolist() == [[0, 0], [0, 0]]
    assert np.allclose(score, np.sqrt(3))


def test_refine_finds_the_sub_pixel_peak_and_stays_at_the_border():
    y, x = np.mgrid[:40, :50]
    true = np.array([[20.3, 11.7], [0.0, 39.0]])
    scores = np.stack([np.exp(-((x - px) ** 2 + (y - py) ** 2) / 18) for px, py in true]).astype(np.float32)
    at = np.array([np.unravel_index(s.argmax(), s.shape)[::-1] for s in scores])
    found = refine(scores, at, temperature=0.05)
    assert np.abs(found[0] - true[0]).max() < 0.15
    assert (found >= 0).all() and found[1, 1] <= 39


def test_sampling_agrees_with_torch_grid_sample():
    import torch

    rng = np.random.default_rng(5)
    features = rng.normal(size=(6, 7, 9)).astype(np.float32)
    size = Size(90, 56)
    xy = rng.uniform([-5, -5], [95, 60], (30, 2)).astype(np.float32)
    grid = torch.from_numpy((xy + 0.5) / np.array(size) * 2 - 1).float()[None, :, None]
    want = torch.nn.functional.grid_sample(
        torch.from_numpy(features)[None], grid, align_corners=False, padding_mode="border"
    )[0, :, :, 0].T.numpy()
    assert np.abs(sample_features(features, xy, size) - want).max() < 1e-5


@pytest.mark.parametrize(
    ("features", "vectors", "message"),
    [
        (np.ones((3, 4, 4)), np.ones((2, 5)), "channel counts"),
        (np.full((3, 4, 4), np.nan), np.ones((2, 3)), "not finite"),
        (np.ones((3, 4, 4)), np.full((2, 3), np.inf), "not finite"),
    ],
    ids=["channels", "nan features", "infinite vectors"],
)
def test_bad_arrays_are_refused(features, vectors, message):
    with pytest.raises(InputError, match=message):
        best_matches(features.astype(np.float32), vectors.astype(np.float32), Size(8, 8))


def test_ellipse_fit_recovers_a_tilted_ellipse():
    t = np.linspace(0.3, 4, 17)
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    fit = fit_ellipse(np.array([5, 7]) + np.column_stack([9 * np.cos(t), 4 * np.sin(t)]) @ turn.T)
    assert fit is not None
    centre, a, b, tilt = fit
    assert np.allclose([*centre, a, b, tilt], [5, 7, 9, 4, 0.5], atol=1e-6)


def test_points_on_a_line_have_no_ellipse_and_still_rearrange():
    line = np.column_stack([np.arange(68.0), np.full(68, 3.0)])
    assert fit_ellipse(line[:17]) is None
    assert np.isfinite(rearrange(line)).all()


def test_normalised_keeps_zero_vectors_finite():
    out = normalised(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert np.allclose(out, [[0.6, 0.8], [0, 0]])
