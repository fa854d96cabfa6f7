"""Faces from the side: the view that fits wins, hidden landmarks do not pull, mirror images agree."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.landmarks.topology import FLIP
from faceshot.matching.shape import ShapeOptions
from faceshot.matching.views import MIRRORED, View, Views

VIEWS = Views.shipped()
SEES = np.ones(68, bool)


def maps(view: View, *, radius: float = 8.0, side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Score maps (68, side, side) of the mean face of a view, hidden landmarks without a peak, and where it lies."""
    prior = VIEWS.priors[view]
    xy = radius * prior.mean + side / 2
    rows, columns = np.mgrid[:side, :side]
    distance = (columns - xy[:, :1, None]) ** 2 + (rows - xy[:, 1:, None]) ** 2
    scores = 0.9 * np.exp(-distance / 4)
    noise = np.random.default_rng(0).uniform(0, 0.2, scores.shape)
    return np.where((prior.seen > 0.5)[:, None, None], scores, noise).astype(np.float32), xy


@pytest.mark.parametrize("view", VIEWS.priors)
def test_each_view_is_known_by_its_shape(view: View) -> None:
    scores, xy = maps(view)
    found, fit = VIEWS.fit(scores, ShapeOptions(), SEES)
    assert found == view
    assert np.linalg.norm(fit.xy - xy, axis=1).mean() < 0.15 * fit.radius


def test_an_ordinary_face_costs_one_fit_and_a_wish_is_met() -> None:
    scores, _ = maps("right")
    assert VIEWS.fit(scores, ShapeOptions(), SEES, ("left",))[0] == "left"
    assert VIEWS.fit(maps("front")[0], ShapeOptions(), SEES)[0] == "front"


def test_the_left_view_is_the_mirror_image_of_the_right_one() -> None:
    right, left = (VIEWS.priors[view] for view in ("right", "left"))
    np.testing.assert_allclose(left.mean, right.mean[list(FLIP)] * [-1, 1])
    np.testing.assert_allclose(left.mirrored().basis, right.basis)
    assert VIEWS.hidden("left") == {FLIP[index] for index in VIEWS.hidden("right")}
    assert not VIEWS.hidden("front") and len(VIEWS.hidden("right")) > 5
    assert all(MIRRORED[MIRRORED[view]] == view for view in VIEWS.priors)
