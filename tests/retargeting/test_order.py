"""Lids and inner lips never cross, whoever the character is and whatever the driver does; easing in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceshot.landmarks.topology import INNER_LIP_PAIRS, LID_PAIRS
from faceshot.retargeting import RetargetOptions, retarget
from faceshot.retargeting.order import uncross
from faceshot_gallery.illustrator import character, draw
from tests.moving import moving_face

LINES = (
    (36, LID_PAIRS["right_eye"], 39),
    (42, LID_PAIRS["left_eye"], 45),
    (60, INNER_LIP_PAIRS, 64),
)


def _side(a: complex, b: complex, c: complex) -> float:
    return float(((b - a).conjugate() * (c - a)).imag)


def crossings(xy: np.ndarray, deep: float) -> int:
    """Frames in which a segment of an upper line properly crosses one of the lower line."""
    points = xy[..., 0].astype(np.float64) + 1j * xy[..., 1]
    bad = 0
    for frame in points:
        found = False
        for first, pairs, last in LINES:
            up, low = ([first, *(pair[k] for pair in pairs), last] for k in (0, 1))
            for a, b in zip(frame[up], frame[up][1:], strict=False):
                for c, d in zip(frame[low], frame[low][1:], strict=False):
                    s = [_side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)]
                    least = deep * max(abs(b - a), abs(d - c), 1e-9)
                    found |= s[0] * s[1] < 0 and s[2] * s[3] < 0 and min(map(abs, s)) > least
        bad += found
    return bad


def fast_clip(seed: int, frames: int = 60) -> np.ndarray:
    """A face that blinks, talks and grimaces faster than anyone, with jitter of its own for every point."""
    rng = np.random.default_rng(seed)
    _, truth = moving_face("person", frames=1)
    xy = np.repeat(truth.xy[:1].astype(np.float64), frames, 0)
    eye = float(np.linalg.norm(xy[0, 36] - xy[0, 45]))
    for _, pairs, _ in LINES:
        for upper, lower in pairs:
            share = rng.uniform(-0.2, 1.5, frames)[:, None]
            xy[:, upper] = xy[:, lower] + share * (xy[:, upper] - xy[:, lower])
    return xy + rng.normal(0, 0.02 * eye, xy.shape)


@pytest.mark.parametrize("kind", ["frog", "bear", "monkey", "llama", "cat", "cartoon"])
def test_lids_and_inner_lips_do_not_cross(kind: str) -> None:
    _, driver = moving_face("person", frames=1)
    for seed in range(3):
        who = draw(character(kind, 70 + seed), size=256).landmarks
        xy = fast_clip(seed)
        driving = replace(driver, xy=xy.astype(np.float32), found=None, score=None, rest=0)
        moved = retarget(who, driving).xy
        assert crossings(moved[1:], 2e-3) == 0, f"{kind} {seed}"


def test_what_does_not_cross_is_left_alone() -> None:
    _, truth = moving_face("person")
    points = truth.xy[..., 0].astype(np.float64) + 1j * truth.xy[..., 1]
    before = points.copy()
    uncross(points, points[0].copy())
    assert np.abs(points - before).max() < 0.5  # drawn lids touch in a blink


def test_starting_from_the_picture_eases_in() -> None:
    _, truth = moving_face("cat", frames=40)
    driving = replace(truth, rest=12)  # shut eyes are this driver's rest, so frame 0 is not
    plain = retarget(truth[0], driving).xy
    eased = retarget(truth[0], driving, options=RetargetOptions(start_from_picture=True)).xy
    assert np.abs(plain[0] - truth.xy[0]).max() > 1
    assert np.allclose(eased[0], truth.xy[0], atol=1e-3)
    assert np.allclose(eased[20:], plain[20:], atol=1e-3)
    steps = np.linalg.norm(np.diff(eased[:16], axis=0), axis=-1).max()
    assert steps < 0.5 * np.linalg.norm(plain[0] - truth.xy[0], axis=-1).max() + 6
