"""The expression channel: what it refuses, and that sequences keep it through everything."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot.landmarks.expression import BLENDSHAPES, Expression, as_rotations, unknown
from faceshot.landmarks.types import LandmarkSequence, Size
from faceshot.retargeting.smoothing import bridge_gaps, resample, smooth


def turned(angle: float) -> np.ndarray:
    """About the vertical axis."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def shown(frames: int = 6) -> Expression:
    """A head that turns by 0.2 per frame; blendshape k of frame t is (k + t) / 100, gaze grows by 0.01."""
    t = np.arange(frames)
    blend = (np.arange(52)[None] + t[:, None]) / 100
    gaze = 0.01 * t[:, None, None] * np.ones((1, 2, 2))
    teeth = np.where(t % 2, 0.5, np.nan)
    return Expression(blend, np.stack([turned(0.2 * k) for k in t]), gaze, teeth)  # type: ignore[arg-type]


def sequence(frames: int = 6) -> LandmarkSequence:
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 100, (frames, 68, 2)).astype(np.float32)
    return LandmarkSequence(xy, Size(100, 100), Fraction(10), rest=2, expression=shown(frames))


def test_the_names_are_those_of_arkit() -> None:
    assert len(BLENDSHAPES) == len(set(BLENDSHAPES)) == 52
    assert BLENDSHAPES[0] == "eyeBlinkLeft" and BLENDSHAPES[7] == "eyeBlinkRight" and BLENDSHAPES[-1] == "tongueOut"
    assert shown().shape("jawOpen")[0] == np.float32(BLENDSHAPES.index("jawOpen") / 100)
    with pytest.raises(InputError, match="unknown blendshape 'jawOpened'"):
        shown().shape("jawOpened")


@pytest.mark.parametrize("part", ["blendshapes", "head", "gaze", "teeth"])
def test_wrong_shapes_are_named(part: str) -> None:
    good = shown()
    with pytest.raises(InputError, match=part):
        replace(good, **{part: getattr(good, part)[:, None]})
    with pytest.raises(InputError, match=part):
        replace(good, **{part: np.full_like(getattr(good, part), np.inf)})


def test_a_sequence_checks_its_length() -> None:
    with pytest.raises(InputError, match="expression has 5 frames, the landmarks have 6"):
        replace(sequence(), expression=shown(5))


def test_slices_resizing_and_smoothing_keep_it() -> None:
    whole = sequence()
    assert whole[1:4].expression == shown()[1:4] and len(whole[1:4].expression) == 3
    assert whole.resized((50, 50)).expression == whole.expression == smooth(whole).expression
    assert whole != replace(whole, expression=None) and whole == replace(whole)


def test_resampling_goes_between_frames_and_heads_stay_rotations() -> None:
    double = resample(sequence(), 20)
    assert double.expression is not None and len(double.expression) == len(double) == 12
    e = double.expression
    assert np.allclose(e.blendshapes[1], (np.arange(52) + 0.5) / 100) and np.allclose(e.gaze[3], 0.015)
    assert np.allclose(e.head[1], turned(0.1), atol=1e-6)
    assert np.allclose(np.linalg.det(e.head.astype(np.float64)), 1, atol=1e-5)
    assert np.isnan(e.teeth[0]) and e.teeth[1] == e.teeth[2] == np.float32(0.5)


def test_gaps_are_bridged_in_it_too() -> None:
    gap = sequence()
    found = np.array([True, True, False, False, True, True])
    hidden = unknown(6)
    values = {
        part: np.where(
            found.reshape(-1, *(1,) * (getattr(hidden, part).ndim - 1)), getattr(gap.expression, part), np.nan
        )
        for part in ("blendshapes", "head", "gaze", "teeth")
    }
    gap = replace(gap, found=found, expression=Expression(**values), rest=0)
    filled = bridge_gaps(gap, 1.0).expression
    assert filled is not None and np.allclose(filled.gaze[2:4, 0, 0], [0.02, 0.03])
    assert np.allclose(filled.head[2], turned(0.4), atol=0.01) and np.isfinite(filled.blendshapes).all()


def test_clips_are_joined_with_and_without_it() -> None:
    one, two = sequence(), replace(sequence(3), expression=None, rest=0)
    both = one.joined(two, one)
    assert len(both) == 15 and both.rest == 2 and both.expression is not None
    assert both.expression[:6] == both.expression[9:] == one.expression
    assert np.isnan(both.expression.blendshapes[6:9]).all() and two.joined(two).expression is None
    with pytest.raises(InputError, match="100x100 at 10 and of 100x100 at 20 cannot be joined"):
        one.joined(resample(one, 20))


def test_matrices_become_the_nearest_rotations() -> None:
    mean = (turned(0.0) + turned(0.6)) / 2
    flip = np.diag([1.0, 1, -1])
    made = as_rotations(np.stack([mean, np.full((3, 3), np.nan), flip]))
    assert np.allclose(made[0], turned(0.3)) and np.isnan(made[1]).all()
    assert np.linalg.det(made[2]) == pytest.approx(1)
