"""The mouth's correction by the matcher, on made-up flow and measurements."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.driving.motions import motion_template
from faceshot.landmarks import topology as topo
from faceshot.tracking.mouth import BELIEVE_FLOW, correct_mouth

MOUTH = [*topo.OUTER_LIPS, *topo.INNER_LIPS]


@pytest.fixture
def truth() -> np.ndarray:
    return motion_template("sing", seconds=4.0).xy.astype(np.float64)


def eye_distance(xy: np.ndarray) -> float:
    return float(np.linalg.norm(xy[0, 36] - xy[0, 45]))


def measurements(truth: np.ndarray, offset: float, every: int = 5) -> dict[int, np.ndarray]:
    """What a matcher sees that is off by the same amount in every frame."""
    return {k: truth[k] + offset for k in range(0, len(truth), every)}


def test_a_mouth_corner_that_slipped_comes_back(truth):
    slipped = truth.copy()
    slide = np.clip((np.arange(len(truth)) - 40) / 10, 0, 1)[:, None] * np.array([0.15, 0.1]) * eye_distance(truth)
    slipped[:, 48] += slide
    fixed = slipped.copy()
    correct_mouth(fixed, np.ones(len(truth), bool), measurements(truth, offset=4.0), 0)
    before = np.linalg.norm(slipped[60:, 48] - truth[60:, 48], axis=1).mean()
    after = np.linalg.norm(fixed[60:, 48] - truth[60:, 48], axis=1).mean()
    assert after < 0.15 * before


def test_small_disagreements_and_other_parts_are_left_alone(truth):
    nudged = truth.copy()
    nudged[50:, 54] += 0.5 * BELIEVE_FLOW * eye_distance(truth)
    fixed = nudged.copy()
    correct_mouth(fixed, np.ones(len(truth), bool), measurements(truth, offset=-3.0), 0)
    assert np.abs(fixed - nudged).max() < 1e-6
    others = np.setdiff1d(np.arange(68), MOUTH)
    wild = {k: xy + np.random.default_rng(k).normal(0, 9, xy.shape) for k, xy in measurements(truth, 0).items()}
    correct_mouth(fixed, np.ones(len(truth), bool), wild, 0)
    assert np.abs(fixed[:, others] - nudged[:, others]).max() < 1e-6


def test_a_matcher_gone_astray_is_not_believed(truth):
    astray = measurements(truth, offset=0.0)
    for k in range(50, 80, 5):
        astray[k] = astray[k].copy()
        astray[k][MOUTH] += 0.4 * eye_distance(truth)
    fixed = truth.copy()
    correct_mouth(fixed, np.ones(len(truth), bool), astray, 0)
    assert np.abs(fixed - truth).max() < 0.02 * eye_distance(truth)


def test_without_measurements_nothing_happens(truth):
    same = truth.copy()
    correct_mouth(same, np.ones(len(truth), bool), {}, 0)
    assert np.array_equal(same, truth)


def test_how_far_the_lips_part_is_left_to_who_saw_it(truth):
    # A matcher that sees the mouth in the right place, and, after the frames that tell its offset, nearly shut.
    seen = measurements(truth, offset=2.0)
    for xy in (seen[k] for k in seen if k > 35):
        for upper, lower in (*topo.OUTER_LIP_PAIRS, *topo.INNER_LIP_PAIRS):
            middle = 0.5 * (xy[upper] + xy[lower])
            xy[upper], xy[lower] = middle + (xy[upper] - middle) / 9, middle + (xy[lower] - middle) / 9

    def error(parting: np.ndarray | None) -> float:
        fixed = truth.copy()
        correct_mouth(fixed, np.ones(len(truth), bool), seen, 0, parting)
        return float(np.abs(fixed[:, 66, 1] - truth[:, 66, 1]).max())

    sure, unsure, unasked = error(np.ones(len(truth))), error(np.zeros(len(truth))), error(None)
    assert sure < 0.01 * eye_distance(truth)
    assert sure < unsure < 0.75 * unasked
