"""The windows a face is looked for in, and the hints that make looking unnecessary."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from faceshot.anchors import bind, face_from_anchors, face_from_box, similarity
from faceshot.search import windows
from faceshot.topology import ANCHORS
from faceshot.types import Size

MEAN = np.random.default_rng(0).normal(size=(68, 2))


@pytest.mark.parametrize("size", [Size(512, 512), Size(1000, 300), Size(301, 999), Size(64, 64)])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.25])
def test_windows_cover_the_picture_and_overlap_by_half(size, share):
    crops = windows(size, share, 128)
    side = share * max(size)
    assert all(crop.side == side and crop.out == 128 for crop in crops)
    for axis, extent in enumerate(size):
        starts = sorted({(crop.left, crop.top)[axis] for crop in crops})
        assert starts[0] <= 0.001 and starts[-1] + side >= extent - 0.001
        assert all(b - a <= side / 2 + 0.001 for a, b in itertools.pairwise(starts))
        if side <= extent:
            assert starts[0] >= -0.001 and starts[-1] + side <= extent + 0.001


def test_the_first_level_is_one_window():
    assert len(windows(Size(640, 360), 1.0, 128)) == 1


def test_similarity_is_recovered():
    a, t = 2 * np.exp(0.4j), 5 - 3j
    z = a * (MEAN[:, 0] + 1j * MEAN[:, 1]) + t
    found = similarity(MEAN, np.stack([z.real, z.imag], 1))
    assert np.allclose(found, (a, t))


def test_a_face_from_two_anchors_has_its_eyes_there():
    points = {"right_eye": (100.0, 120.0), "left_eye": (180.0, 140.0)}
    face = face_from_anchors(MEAN, points)
    for name, place in points.items():
        assert np.allclose(face[list(ANCHORS[name])].mean(0), place, atol=1e-3)


def test_a_face_from_a_box_fills_it():
    face = face_from_box(MEAN, (10, 20, 110, 220))
    low, high = face.min(0), face.max(0)
    assert np.allclose((low + high) / 2, [60, 120], atol=1e-3)
    assert np.isclose(np.prod(high - low), 100 * 200, rtol=1e-4)


def test_bind_meets_anchors_and_moves_nothing_else_far():
    face = (MEAN * 40 + 200).astype(np.float32)
    target = {"nose": face[30] + np.array([4.0, -3.0]), "right_eye": face[36:42].mean(0)}
    moved = bind(face, target)
    assert np.allclose(moved[30], target["nose"], atol=1e-3)
    assert np.allclose(moved[36:42].mean(0), target["right_eye"], atol=1e-3)
    assert np.abs(moved - face).max() < 8
