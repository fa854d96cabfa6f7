"""The matcher with the model that ships: it finds faces, obeys hints, and knows when there is none."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.errors import UsageError
from faceshot.landmarks.metrics import nme
from faceshot.landmarks.topology import ANCHORS, PARTS
from faceshot.landmarks.types import Picture
from faceshot.matching.matcher import Matcher
from faceshot_gallery.illustrator import character, draw

KINDS = ("person", "cat", "fox", "robot", "smiley", "monkey")


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher("mini", galleries=["shipped"])


def drawn(kind: str, size: int = 256, seed: int = 4321):
    return draw(character(kind, seed), size=size)


def error(found, drawing) -> float:
    return float(nme(found.landmarks.xy, drawing.landmarks.xy, visible=drawing.landmarks.visible))


def pasted(drawing, side: int, frame: int, left: int, top: int, seed: int = 0):
    """The drawing scaled to ``side`` pixels in a larger cluttered picture; returns the picture and the true points."""
    import cv2

    rng = np.random.default_rng(seed)
    back = cv2.resize(rng.integers(0, 255, (9, 9, 3), np.uint8), (frame, frame), interpolation=cv2.INTER_CUBIC)
    small = cv2.resize(drawing.rgb, (side, side), interpolation=cv2.INTER_AREA)
    back[top : top + side, left : left + side] = small
    return Picture(back), drawing.landmarks.resized((side, side)).xy + np.array([left, top])


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_characters_of_unseen_seeds(matcher, kind):
    drawing = drawn(kind)
    found = matcher.match(Picture(drawing.rgb))
    assert error(found, drawing) < 0.12
    assert found.confidence >= matcher.threshold
    assert set(found.domains) == set(PARTS)
    assert found.landmarks.size == (256, 256)


@pytest.mark.parametrize(
    ("side", "left", "top"),
    [(160, 40, 330), (110, 380, 20), (60, 400, 300)],
    ids=["a third", "a fifth", "a ninth"],
)
def test_a_face_in_a_corner_of_a_larger_picture(matcher, side, left, top):
    drawing = draw(character("cat", 77), size=256, background="plain")
    picture, truth = pasted(drawing, side, 512, left, top)
    found = matcher.match(picture)
    assert float(nme(found.landmarks.xy, truth, visible=drawing.landmarks.visible)) < 0.2


def test_wide_and_tall_pictures(matcher):
    drawing = drawn("cat")
    for shape in ((256, 700, 3), (700, 256, 3)):
        canvas = np.full(shape, 235, np.uint8)
        at = (0, 400) if shape[1] > shape[0] else (400, 0)
        canvas[at[0] : at[0] + 256, at[1] : at[1] + 256] = drawing.rgb
        found = matcher.match(Picture(canvas))
        truth = drawing.landmarks.xy + np.array(at[::-1])
        assert float(nme(found.landmarks.xy, truth, visible=drawing.landmarks.visible)) < 0.2


def test_pictures_without_a_face_are_told_apart(matcher):
    import cv2

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (128, 128, 3), np.uint8)
    blobs = cv2.resize(rng.integers(0, 255, (7, 7, 3), np.uint8), (128, 128), interpolation=cv2.INTER_CUBIC)
    stripes = np.repeat(np.repeat(rng.integers(0, 255, (1, 16, 3), np.uint8), 8, 1), 128, 0)
    for picture in (noise, blobs, stripes, np.full_like(noise, 128)):
        assert matcher.match(Picture(picture)).confidence < matcher.threshold


def test_brows_are_absent_where_the_kind_has_none(matcher):
    assert "eyebrows" in matcher.match(Picture(drawn("cat").rgb)).landmarks.absent
    assert not matcher.match(Picture(drawn("person").rgb)).landmarks.absent


def test_a_box_chooses_between_two_faces(matcher):
    cat, fox = drawn("cat"), drawn("fox")
    both = Picture(np.concatenate([cat.rgb, fox.rgb], axis=1))
    left = matcher.match(both, box=cat.landmarks.box())
    box = fox.landmarks.box()
    right = matcher.match(both, box=(box[0] + 256, box[1], box[2] + 256, box[3]))
    assert float(nme(left.landmarks.xy, cat.landmarks.xy, visible=cat.landmarks.visible)) < 0.12
    moved = fox.landmarks.xy + np.array([256, 0])
    assert float(nme(right.landmarks.xy, moved, visible=fox.landmarks.visible)) < 0.12


def test_anchors_are_met_exactly(matcher):
    drawing = drawn("robot")
    points = {name: tuple(drawing.landmarks.xy[list(index)].mean(0)) for name, index in ANCHORS.items()}
    points["nose"] = (points["nose"][0] + 6, points["nose"][1] - 5)
    found = matcher.match(Picture(drawing.rgb), points=points)
    for name, place in points.items():
        assert np.abs(found.landmarks.xy[list(ANCHORS[name])].mean(0) - place).max() < 0.3


@pytest.mark.parametrize("regularise", ["none", "faceshot", "robust"])
def test_every_regularisation_gives_a_face(matcher, regularise):
    drawing = drawn("person")
    found = matcher.match(Picture(drawing.rgb), regularise=regularise)
    assert error(found, drawing) < 0.15
    if regularise == "none":
        assert np.array_equal(found.landmarks.xy, found.raw.xy)


def test_only_the_domains_asked_for(matcher):
    found = matcher.match(Picture(drawn("cat").rgb), domains=["dog", "fox"])
    assert set(found.domains.values()) <= {"dog", "fox"}


def test_a_matte_is_ignored_where_it_is_empty(matcher):
    drawing = draw(character("fox", 5), size=256, background="none")
    assert drawing.alpha is not None
    junk = np.where(drawing.alpha[..., None] == 0, np.uint8(90), drawing.rgb)
    found = matcher.match(Picture(junk, drawing.alpha))
    assert error(found, drawing) < 0.12


def test_the_same_picture_gives_the_same_landmarks(matcher):
    picture = Picture(drawn("monkey").rgb)
    assert matcher.match(picture).landmarks == matcher.match(picture).landmarks


def test_raw_matches_are_the_plain_ones_bit_for_bit(matcher, monkeypatch):
    """The norms of a map are computed once for all parts that share it, and that changes nothing."""
    from faceshot.features.similarity import best_matches, refine, score_maps, upsampled_norms
    from faceshot.landmarks.topology import PART_POINTS
    from faceshot.landmarks.types import Size
    from faceshot.matching import looking as module

    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 2, 6, 12, 12)).astype(np.float32)
    vectors, size, made = rng.normal(size=(68, 6)).astype(np.float32), Size(128, 128), []
    monkeypatch.setattr(module, "upsampled_norms", lambda f, s: (made.append(f), upsampled_norms(f, s))[1])
    pairs = [one, other, one, one, other]
    temperature = matcher.shape_options.temperature
    xy, score = module.raw_matches(pairs, vectors, size, "cpu", temperature)
    assert len(made) == 2
    for part, pair in zip(PARTS, pairs, strict=True):
        index = list(PART_POINTS[part])
        at, value = best_matches(pair[0], vectors[index], size)
        fine = refine(score_maps(pair[0], vectors[index], size), at, temperature=temperature)
        assert np.array_equal(score[index], value) and np.array_equal(xy[index], fine)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"regularise": "magic"}, "regularise"),
        ({"box": (10, 10, 12, 200)}, "at least 8 px"),
        ({"box": (900, 900, 1000, 1000)}, "outside the picture"),
        ({"box": (0, 0, float("nan"), 50)}, "box must be"),
        ({"points": {"nose": (1, 2)}}, "at least two"),
        ({"points": {"nose": (1, 2), "ear": (3, 4)}}, "unknown anchor 'ear'"),
        ({"points": {"nose": (5, 5), "left_eye": (5, 5)}}, "different places"),
        ({"domains": ["unicorn"]}, "unknown domain 'unicorn'"),
    ],
    ids=["regularise", "thin box", "far box", "nan box", "one anchor", "unknown anchor", "same place", "domain"],
)
def test_hints_that_cannot_be(matcher, options, message):
    with pytest.raises(UsageError, match=message):
        matcher.match(Picture(np.zeros((200, 300, 3), np.uint8)), **options)
