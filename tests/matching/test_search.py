"""Where a face is looked for: votes of the landmarks, and the hints that make looking unnecessary."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from faceshot.landmarks.anchors import bind, face_from_anchors, face_from_box, similarity
from faceshot.landmarks.crop import Crop
from faceshot.landmarks.topology import ANCHORS
from faceshot.matching.search import SearchOptions, candidates, spans, strip, tiles

MEAN = np.random.default_rng(0).normal(size=(68, 2))
SIZES = [(512, 512), (300, 1000), (999, 301), (64, 64), (7, 900)]


def unit(shape: np.ndarray) -> np.ndarray:
    """Zero centroid, unit RMS radius."""
    shape = shape - shape.mean(0)
    return shape / np.sqrt((shape**2).sum(1).mean())


def planted(face: np.ndarray, grid: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Score maps (68, h, w): noise, and a peak at every landmark of a face given in cells."""
    scores = np.random.default_rng(seed).uniform(-0.2, 0.4, (68, *grid)).astype(np.float32)
    for score, (x, y) in zip(scores, np.round(face).astype(int), strict=True):
        score[y, x] = 1
    return scores


@pytest.mark.parametrize("radius", [4, 7])
@pytest.mark.parametrize("roll", [-20.0, 0.0, 40.0])
def test_landmarks_vote_for_place_size_and_roll(radius, roll):
    shape = unit(MEAN)
    angle = np.deg2rad(roll)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    face = radius * shape @ turn + [40, 25]
    options = SearchOptions(radii=(4 / 32, 7 / 32))
    best = candidates(planted(face, (60, 70)), [(shape, np.ones(68, bool))], options, 1 / 32)[0]
    assert np.abs(best.xy.mean(0) - [40, 25]).max() < 1.1
    assert best.radius == radius and best.roll == roll
    assert np.linalg.norm(best.xy - face, axis=1).mean() < 0.4 * radius


def test_landmarks_without_a_vector_do_not_vote():
    shape = unit(MEAN)
    scores = planted(5 * shape + [40, 25], (60, 70))
    scores[10:] = planted(5 * shape + [15, 40], (60, 70))[10:]
    options, known = SearchOptions(radii=(5 / 32,)), np.arange(68) < 10
    some = candidates(scores, [(shape, known)], options, 1 / 32)[0]
    every = candidates(scores, [(shape, np.ones(68, bool))], options, 1 / 32)[0]
    assert np.linalg.norm(some.xy.mean(0) - (5 * shape).mean(0) - [40, 25]) < 2
    assert np.linalg.norm(every.xy.mean(0) - (5 * shape).mean(0) - [15, 40]) < 2


def test_two_faces_give_two_candidates():
    shape = unit(MEAN)
    scores = np.maximum(planted(4 * shape + [20, 20], (50, 90)), planted(4 * shape + [65, 28], (50, 90), seed=1))
    options = SearchOptions(radii=(4 / 32,), candidates=2)
    found = candidates(scores, [(shape, np.ones(68, bool))], options, 1 / 32)
    assert sorted(round(float(c.xy[:, 0].mean()) / 10) for c in found) == [2, 6]


def test_scores_that_speak_against_a_face_give_no_candidate():
    assert (
        candidates(np.full((68, 20, 20), -0.5, np.float32), [(unit(MEAN), np.ones(68, bool))], SearchOptions(), 1 / 32)
        == []
    )


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_tiles_are_the_whole_picture(shape, count):
    rgb = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    crop, squares = tiles(rgb, 16, count)
    assert crop.side == max(shape) and squares.shape == (count * count, 16, 16, 3)
    whole = Crop((shape[1] - crop.side) / 2, (shape[0] - crop.side) / 2, crop.side, 16 * count).apply(rgb)
    for row, column in itertools.product(range(count), repeat=2):
        part = whole[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
        assert np.array_equal(squares[row * count + column], part)


@pytest.mark.parametrize("shape", SIZES)
def test_the_strip_holds_the_picture_in_whole_multiples(shape):
    crop = tiles(np.zeros((*shape, 3), np.uint8), 16, 4)[0]
    for span, extent in zip(strip(crop, shape, 64), shape, strict=True):
        assert (span.stop - span.start) % 8 == 0 and 0 <= span.start < span.stop <= 64
        margin = (64 - 64 * extent / max(shape)) / 2
        assert span.start <= margin + 1 and span.stop >= 64 - margin - 1


@pytest.mark.parametrize("extent", [8, 64, 72, 96, 128, 136, 264])
def test_spans_cover_everything_once_and_are_read_with_a_margin(extent):
    pieces = spans(extent, 64, 8)
    assert [i for keep, _ in pieces for i in range(keep.start, keep.stop)] == list(range(extent))
    for keep, take in pieces:
        assert keep.stop - keep.start <= 72 and (take.stop - take.start) % 8 == 0
        assert take.start == max(0, keep.start - 8) and take.stop == min(extent, keep.stop + 8)


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
