"""What `benchmarks/warp.py` measures, on drawn clips."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceshot.landmarks import Picture, Size
from faceshot.landmarks.types import Landmarks

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import warp_checks
import warp_clips

SIDE = 160


@pytest.fixture(scope="module")
def clip():
    """A drawn person who wanders to the side."""
    from faceshot_gallery.illustrator import character, draw

    drawing = draw(character("person", 3), size=SIDE)
    shifts = np.linspace(0, 9, 10).round()
    frames = [
        cv2.warpAffine(drawing.rgb, np.float32([[1, 0, s], [0, 1, 0]]), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        for s in shifts
    ]
    xy = np.stack([drawing.landmarks.xy + np.float32([s, 0]) for s in shifts])
    return warp_clips.Clip("drawn", frames, xy)


def test_self_reenactment_prefers_what_moves_right(clip):
    rows = warp_clips.self_reenactment(clip)
    assert set(rows) == set(warp_clips.METHODS) and set(rows["ours"]) == set(warp_clips.COLUMNS)
    assert rows["similarity"]["face"] < 0.5 < rows["still"]["face"]
    assert rows["ours"]["face"] < 0.6 * rows["still"]["face"] and rows["ours"]["SSIM"] > rows["still"]["SSIM"]


def test_a_right_displacement_agrees_with_the_flow(clip):
    away = warp_clips.flow_agreement(clip, every=3)
    assert set(away) == set(warp_clips.FLOW_PARTS) and np.nanmax(list(away.values())) < 4


def test_piecewise_affine_carries_landmarks_to_their_places(clip):
    rest, moved = clip.xy[0], clip.xy[0] + np.random.default_rng(0).normal(0, 2, (68, 2)).astype(np.float32)
    marks = np.zeros((SIDE, SIDE, 3), np.uint8)
    cv2.circle(marks, tuple(int(v) for v in rest[30].round()), 3, (255, 255, 255), -1)
    y, x = np.nonzero(warp_clips.piecewise(marks, rest, moved)[..., 0] > 128)
    assert np.hypot(*(np.array([x.mean(), y.mean()]) - moved[30])) < 2.5


def test_ssim_is_one_for_the_same_picture_only(clip):
    a, b = clip.frames[0], clip.frames[5]
    assert warp_clips.ssim(a, a).min() > 0.999 and warp_clips.ssim(a, b).mean() < 0.95


def test_large_motion_stillness_and_background(clip):
    picture = Picture(clip.frames[0])
    rest = Landmarks(clip.xy[0], Size(SIDE, SIDE))
    larger = warp_checks.in_larger(picture, rest)
    large = warp_checks.large_motion(*larger)
    assert set(large) == set(warp_checks.LARGE) and max(large.values()) < 3
    assert warp_checks.stillness(picture, rest, clip.xy[[3, 6]]) == 0
    poses = larger[1].xy + np.float32([[[4, 0]], [[-6, 3]]])
    assert warp_checks.background_changed(*larger, poses) < 5


def test_errors_are_told_by_part():
    wanted = np.zeros((2, 68, 2))
    found = wanted.copy()
    found[:, 48:] += [3.0, 4.0]
    parts = warp_checks.by_part(found, wanted, 50.0)
    assert parts["mouth"] == pytest.approx(10) and parts["eyes"] == parts["outline"] == 0
