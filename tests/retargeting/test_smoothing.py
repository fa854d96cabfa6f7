"""The One-Euro filter, resampling and gaps."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from faceshot.driving.motion_face import Pose, face_points
from faceshot.driving.motions import motion_template
from faceshot.errors import InputError, UsageError
from faceshot.landmarks.metrics import eye_opening, jitter
from faceshot.landmarks.types import LandmarkSequence
from faceshot.retargeting.smoothing import (
    bridge_gaps,
    one_euro,
    one_euro_both_ways,
    require_found,
    resample,
    smooth,
    without_ripple,
)

SIZE = (512, 512)
FPS = Fraction(30)


def sequence(xy: np.ndarray, **more: object) -> LandmarkSequence:
    more.setdefault("fps", FPS)
    return LandmarkSequence(np.asarray(xy, np.float32), SIZE, **more)  # type: ignore[arg-type]


def ramp(frames: int) -> LandmarkSequence:
    """Point i of frame t at (10 i + t, i)."""
    xy = np.zeros((frames, 68, 2))
    xy[..., 0] = 10 * np.arange(68) + np.arange(frames)[:, None]
    xy[..., 1] = np.arange(68)
    return sequence(xy)


def with_gaps(frames: int, *gaps: tuple[int, int], **more: object) -> LandmarkSequence:
    whole = ramp(frames)
    xy, found = whole.xy.copy(), np.ones(frames, bool)
    for first, last in gaps:
        xy[first : last + 1] = np.nan
        found[first : last + 1] = False
    return replace(whole, xy=xy, found=found, **more)  # type: ignore[arg-type]


def test_one_euro_keeps_constants_and_the_first_sample() -> None:
    still = np.full((20, 3), 7.5)
    np.testing.assert_array_equal(one_euro(still, 30), still)
    noisy = np.random.default_rng(0).normal(size=(50, 4))
    np.testing.assert_array_equal(one_euro(noisy, 30)[0], noisy[0])


def test_one_euro_without_speed_term_is_the_low_pass_of_its_cutoff() -> None:
    """A sine at the cut-off frequency of a first-order low-pass keeps 1/sqrt(2) of its amplitude."""
    t = np.arange(20_000) / 1000
    out = one_euro(np.sin(2 * np.pi * 2.0 * t), 1000, min_cutoff=2.0, beta=0.0)
    assert np.abs(out[10_000:]).max() == pytest.approx(np.sqrt(0.5), rel=0.02)


def test_one_euro_follows_fast_motion_closer_than_slow() -> None:
    step = np.concatenate([np.zeros(10), np.ones(10)])
    lazy, quick = (one_euro(step, 30, min_cutoff=1.0, beta=beta)[13] for beta in (0.0, 2.0))
    assert lazy < 0.65 < 0.9 < quick


def test_both_ways_does_not_lag() -> None:
    t = np.arange(300) / 30
    x = np.sin(2 * np.pi * 0.7 * t)[:, None]
    late, prompt = one_euro(x, 30, beta=0)[:, 0], one_euro_both_ways(x, 30, beta=0)[:, 0]
    lag = [np.argmax(np.correlate(y[60:240], x[60:240, 0], "full")) - 179 for y in (late, prompt)]
    assert lag[0] >= 1
    assert lag[1] == 0


def test_smoothing_removes_trembling_and_keeps_blinks() -> None:
    rng = np.random.default_rng(0)
    still = sequence(motion_template("idle").xy[:1].repeat(60, 0) + rng.normal(0, 0.7, (60, 68, 2)))
    assert jitter(smooth(still).xy) < 0.5 * jitter(still.xy)
    for frames in (1, 2, 4):
        blink = np.zeros(40)
        blink[20 : 20 + frames] = 1.0
        driver = sequence(face_points(Pose(blink_right=blink, blink_left=blink)))
        depth = 1 - eye_opening(smooth(driver).xy).min(0) / eye_opening(driver.xy)[0]
        assert (depth > 0.95).all(), frames


def test_ripples_go_and_jumps_stay() -> None:
    rng = np.random.default_rng(0)
    x = 1 + rng.normal(0, 0.01, 200)
    x[100] = 0.0
    out = without_ripple(x, 30, 0.08)
    assert out[100] == pytest.approx(0, abs=1e-9)
    assert out[:90].std() < 0.5 * x[:90].std()


def test_smoothing_does_not_depend_on_the_pictures_size() -> None:
    driver = motion_template("talk")
    big = LandmarkSequence(driver.xy * 8, (4096, 4096), driver.fps)  # type: ignore[arg-type]
    np.testing.assert_allclose(smooth(big).xy / 8, smooth(driver).xy, atol=1e-3)


@pytest.mark.parametrize("options", [{"min_cutoff": 0.0}, {"min_cutoff": float("nan")}, {"beta": -1.0}])
def test_smoothing_refuses_what_it_cannot_use(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        smooth(ramp(5), **options)


@pytest.mark.parametrize(
    ("fps", "frames"), [(Fraction(60), 60), (Fraction(15), 15), (Fraction(24), 24), (Fraction(30000, 1001), 30)]
)
def test_resampling_keeps_motion_and_duration(fps: Fraction, frames: int) -> None:
    out = resample(replace(ramp(30), rest=20), fps)
    assert (len(out), out.fps) == (frames, fps)
    assert abs(out.seconds - 1.0) <= 0.5 / fps + Fraction(1, 1000)
    wanted = np.minimum(np.arange(frames) * float(30 / fps), 29)
    np.testing.assert_allclose(out.xy[:, 0, 0], wanted, atol=1e-4)
    assert out.rest == round(20 * fps / 30)


def test_resampling_to_the_same_rate_changes_nothing_and_gaps_stay_gaps() -> None:
    clip = with_gaps(30, (10, 12), score=np.full((30, 68), 0.5))
    assert resample(clip, 30) is clip
    double = resample(clip, 60)
    assert double.found is not None and double.score is not None
    assert np.flatnonzero(~double.found).tolist() == list(range(19, 26))
    assert np.isfinite(double.xy[double.found]).all()
    assert double.score.shape == (60, 68)


def test_bridging_is_linear_inside_and_constant_at_the_ends() -> None:
    score = np.full((30, 68), 0.9)
    out = bridge_gaps(with_gaps(30, (0, 1), (10, 14), (28, 29), rest=12, score=score))
    assert out.found is not None and out.found.all()
    np.testing.assert_allclose(out.xy[2:28], ramp(30).xy[2:28], atol=1e-4)
    np.testing.assert_array_equal(out.xy[0], ramp(30).xy[2])
    np.testing.assert_array_equal(out.xy[29], ramp(30).xy[27])
    assert out.score is not None
    assert out.score[12].max() == 0 and out.score[15].min() == np.float32(0.9)
    assert out.rest in (9, 15)


def test_a_clip_without_gaps_is_returned_as_it_is() -> None:
    clip = ramp(5)
    assert bridge_gaps(clip) is clip


def test_the_limit_counts_seconds_not_frames() -> None:
    assert bridge_gaps(with_gaps(40, (10, 24))).found.all()  # type: ignore[union-attr]
    with pytest.raises(InputError, match=r"frames 10-25 .*0\.53 s.*0\.5 s"):
        bridge_gaps(with_gaps(40, (10, 25)))
    assert bridge_gaps(replace(with_gaps(40, (10, 25)), fps=Fraction(60))).found.all()  # type: ignore[union-attr]


def test_messages_name_every_range_up_to_a_few() -> None:
    gaps = [(10 * k, 10 * k + 4) for k in range(1, 9)]
    with pytest.raises(InputError, match=r"10-14, 20-24, .* and 2 more ranges"):
        bridge_gaps(with_gaps(100, *gaps), max_seconds=0.1)
    with pytest.raises(InputError, match="any of the 3 frames"):
        bridge_gaps(with_gaps(3, (0, 2)))
    with pytest.raises(UsageError, match="max_seconds"):
        bridge_gaps(ramp(3), max_seconds=-1)
    with pytest.raises(InputError, match=r"frames 4, 6-7"):
        require_found(with_gaps(9, (4, 4), (6, 7)))
