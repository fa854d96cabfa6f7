"""The shape prior: learned modes, robust fitting under score maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot.landmarks.topology import FLIP
from faceshot.matching.shape import ShapeOptions, ShapePrior, fit_shape

GRID = 32


def faces(count: int, seed: int = 0) -> np.ndarray:
    """Random members of a linear family of 68-point shapes, each under a random similarity."""
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(99).normal(size=(68, 2))
    modes = np.random.default_rng(98).normal(size=(4, 68, 2)) * 0.12
    shapes = base + np.einsum("nk,kij->nij", rng.normal(size=(count, 4)), modes)
    angle = rng.uniform(-0.3, 0.3, count)
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], 1)
    return np.einsum("nij,nkj->nki", turn, shapes) * rng.uniform(0.5, 2, (count, 1, 1)) + rng.normal(size=(count, 1, 2))


@pytest.fixture(scope="module")
def prior() -> ShapePrior:
    return ShapePrior.learn(faces(400), modes=6)


def maps(xy: np.ndarray, wild: tuple[int, ...] = (), flat: tuple[int, ...] = ()) -> np.ndarray:
    """Score maps with a blob at each point; ``wild`` ones have it somewhere else, ``flat`` ones nowhere."""
    y, x = np.mgrid[:GRID, :GRID]
    at = xy.copy()
    at[list(wild)] = [3, 3]
    scores = np.exp(-((x - at[:, 0, None, None]) ** 2 + (y - at[:, 1, None, None]) ** 2) / 4)
    scores[list(flat)] = 0
    return scores.astype(np.float32)


def place(shape: np.ndarray) -> np.ndarray:
    """``shape`` scaled into the middle of the grid."""
    shape = shape - shape.mean(0)
    return shape / np.abs(shape).max() * 11 + 16


def test_learned_prior_describes_new_members(prior):
    for shape in faces(5, seed=7):
        fit = fit_shape(maps(place(shape)), prior)
        assert np.abs(fit.model - place(shape)).max() < 1.0
        assert np.linalg.norm(fit.xy - place(shape), axis=1).mean() < 0.35


def test_the_mean_is_normalised_and_modes_fall(prior):
    assert np.allclose(prior.mean.mean(0), 0, atol=1e-9)
    assert np.isclose((prior.mean**2).sum(1).mean(), 1)
    assert (np.diff(prior.deviation) <= 1e-12).all()


@pytest.mark.parametrize("wild", [(5,), (0, 8, 30, 40, 50), tuple(range(0, 68, 5))], ids=["one", "five", "a fifth"])
def test_wild_matches_cannot_ruin_a_face(prior, wild):
    truth = place(faces(1, seed=11)[0])
    fit = fit_shape(maps(truth, wild=wild), prior)
    error = np.linalg.norm(fit.xy - truth, axis=1)
    assert error[list(wild)].max() < 2.5
    assert error.mean() < 0.6
    assert fit.weight[list(wild)].max() < 0.5 < np.delete(fit.weight, list(wild)).mean()


def test_landmarks_without_a_vector_follow_the_shape(prior):
    truth = place(faces(1, seed=12)[0])
    valid = np.ones(68, bool)
    valid[17:27] = False
    fit = fit_shape(maps(truth, wild=tuple(range(17, 27))), prior, valid=valid)
    assert np.linalg.norm(fit.xy - truth, axis=1).max() < 2
    assert (fit.weight[17:27] == 0).all()


def test_empty_maps_give_a_finite_answer_of_no_weight(prior):
    fit = fit_shape(np.zeros((68, GRID, GRID), np.float32), prior)
    assert np.isfinite(fit.xy).all()
    assert fit.weight.mean() < 0.1


def test_fitting_is_deterministic_and_seeded(prior):
    scores = np.random.default_rng(0).normal(size=(68, GRID, GRID)).astype(np.float32) * 0.1
    assert np.array_equal(fit_shape(scores, prior).xy, fit_shape(scores, prior).xy)
    assert np.isfinite(fit_shape(scores, prior, ShapeOptions(seed=3)).xy).all()


def test_prior_round_trip(prior, tmp_path):
    prior.save(tmp_path / "prior.npz")
    again = ShapePrior.load(tmp_path / "prior.npz")
    assert np.abs(again.basis - prior.basis).max() < 1e-3
    assert np.allclose(again.deviation, prior.deviation, rtol=1e-5)


@pytest.mark.parametrize("first", [-40, 0, 25])
def test_the_mean_is_upright_whatever_the_first_shape(first: float) -> None:
    half = np.random.default_rng(5).normal(size=(68, 2))
    base = half + half[list(FLIP)] * [-1, 1]
    angles = np.deg2rad([first, *np.random.default_rng(6).uniform(-30, 30, 60)])
    z = (base[:, 0] + 1j * base[:, 1]) * np.exp(1j * angles)[:, None] + 3
    prior = ShapePrior.learn(np.stack([z.real, z.imag], -1), modes=3)
    np.testing.assert_allclose(prior.mean, prior.mean[list(FLIP)] * [-1, 1], atol=1e-6)
    turn = (prior.mean[:, 0] - 1j * prior.mean[:, 1]) @ (base[:, 0] + 1j * base[:, 1])
    assert abs(np.angle(turn)) < 1e-6


def test_a_fit_may_start_from_any_typical_shape() -> None:
    """Long and broad faces in one prior: their mean is neither, their clusters' centres are."""
    rng = np.random.default_rng(5)
    base = np.random.default_rng(99).normal(size=(68, 2))
    base = (base + base[list(FLIP)] * [-1, 1]) / 2
    long, broad = base * [0.5, 1.6], base * [1.5, 0.6]
    shapes = np.concatenate([long + rng.normal(0, 0.05, (120, 68, 2)), broad + rng.normal(0, 0.05, (80, 68, 2))])
    prior = ShapePrior.learn(shapes, modes=4, starts=2)
    assert prior.centres.shape == (2, 4) and prior.centres[0, 0] * prior.centres[1, 0] < 0
    rough = ShapeOptions(windows=(0.1,))
    for shape in (long, broad):
        fit = fit_shape(maps(place(shape), wild=tuple(range(0, 68, 3))), prior, rough)
        assert np.linalg.norm(fit.xy - place(shape), axis=1)[1::3].mean() < 0.6
        alone = replace(prior, centres=np.zeros((1, 4)))
        worse = fit_shape(maps(place(shape), wild=tuple(range(0, 68, 3))), alone, rough)
        assert (
            np.linalg.norm(worse.model - place(shape), axis=1).mean()
            > np.linalg.norm(fit.model - place(shape), axis=1).mean()
        )


def test_priors_without_typical_shapes_still_load(tmp_path, prior) -> None:
    prior.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as data:
        assert ShapePrior.load(tmp_path / "new.npz").centres.shape == data["centres"].shape == (8, 6)
        np.savez(tmp_path / "old.npz", **{name: data[name] for name in ("mean", "basis", "deviation")})
        np.savez(tmp_path / "bad.npz", mean=data["mean"])
    assert np.array_equal(ShapePrior.load(tmp_path / "old.npz").centres, np.zeros((1, 6)))
    with pytest.raises(InputError, match="no shape prior"):
        ShapePrior.load(tmp_path / "bad.npz")


def test_a_collar_under_the_chin_is_no_mouth() -> None:
    from importlib.resources import as_file, files

    with as_file(files("faceshot_gallery") / "shape_prior.npz") as path:
        shipped = ShapePrior.load(path)
    truth = place(shipped.mean)
    mouth = list(range(48, 68))
    collar = truth.copy()
    collar[mouth, 1] += truth[8, 1] - truth[57, 1]
    scores = maps(truth)
    scores[mouth] = np.maximum(0.97 * scores[mouth], maps(collar)[mouth])
    fooled = fit_shape(scores, shipped, ShapeOptions(chin=-9.0))
    assert np.abs(fooled.xy[mouth] - collar[mouth]).mean() < 1.5
    found = fit_shape(scores, shipped)
    assert np.abs(found.xy[mouth] - truth[mouth]).mean() < 0.7
    # A mouth that is nowhere else stays on the chin.
    only = maps(truth)
    only[mouth] = maps(collar)[mouth]
    kept = fit_shape(only, shipped)
    assert np.abs(kept.xy[mouth] - collar[mouth]).mean() < 1.5
