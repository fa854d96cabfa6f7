"""Several faces, turned pictures, and when the search stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from faceshot.errors import NoFaceError, UsageError
from faceshot.landmarks import Crop, Landmarks, Picture, Size
from faceshot.matching import Look, Matcher, SearchOptions
from faceshot.matching.faces import distinct, seek
from faceshot.matching.search import Candidate
from faceshot_gallery.illustrator import character, draw

KINDS = ("cat", "person", "fox")
PLACES = ((20, 40), (250, 90), (480, 20))


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher("mini", galleries=("shipped",))


@pytest.fixture(scope="module")
def scene() -> tuple[Picture, list[Landmarks]]:
    """Three faces of 200 pixels in a picture of 720x300."""
    rgb = np.full((300, 720, 3), (205, 214, 220), np.uint8)
    truth = []
    for kind, (left, top) in zip(KINDS, PLACES, strict=True):
        drawing = draw(character(kind, seed=5), size=200, background="plain")
        rgb[top : top + 200, left : left + 200] = drawing.rgb
        truth.append(Landmarks(drawing.landmarks.xy + np.array([left, top], np.float32), Size(720, 300)))
    return Picture(rgb), truth


def error(found: Landmarks, truth: Landmarks) -> float:
    return float(np.linalg.norm(found.xy - truth.xy, axis=1).mean() / np.ptp(truth.xy, axis=0).max())


def test_all_faces_are_found_from_left_to_right_each_once(matcher, scene):
    picture, truth = scene
    found = matcher.match_all(picture)
    assert len(found) == 3 and {match.faces for match in found} == {3}
    assert max(error(match.landmarks, want) for match, want in zip(found, truth, strict=True)) < 0.08
    assert matcher.match(picture).faces == 3, "one of several is never silently the only one"


def test_a_face_can_be_wished_for(matcher, scene):
    picture, truth = scene
    assert error(matcher.match(picture, face=2).landmarks, truth[1]) < 0.08
    assert error(matcher.match(picture, face="right").landmarks, truth[2]) < 0.08
    with pytest.raises(NoFaceError, match="no face 4: there are 3 faces"):
        matcher.match(picture, face=4)
    with pytest.raises(UsageError, match="unknown face 'middle'"):
        matcher.match(picture, face="middle")
    with pytest.raises(UsageError, match="give one of them"):
        matcher.match(picture, face=1, box=(0, 0, 50, 50))


def test_no_face_gives_none(matcher):
    blank = Picture(np.full((200, 300, 3), 190, np.uint8))
    assert matcher.match_all(blank) == []


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_picture_gives_the_same_landmarks_turned_back(matcher, quarters):
    drawing = draw(character("cat", seed=3), size=256)
    upright = matcher.match(Picture(drawing.rgb)).landmarks.xy
    turned = matcher.match(Picture(np.ascontiguousarray(np.rot90(drawing.rgb, quarters)))).landmarks.xy
    for _ in range(quarters):  # rot90 is counter-clockwise: (x, y) becomes (y, 255 - x)
        upright = np.stack([upright[:, 1], 255 - upright[:, 0]], 1)
    assert np.linalg.norm(turned - upright, axis=1).mean() / np.ptp(upright, axis=0).max() < 0.04


def look_at(x: float, y: float, extent: float, logit: float) -> Look:
    """A look whose landmarks fill a square."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    xy = (np.tile(corners, (17, 1)) - 0.5) * extent + np.array([x, y], np.float32)
    return Look(xy.astype(np.float32), np.ones(68, np.float32), (0, 0, 0, 0), logit, np.zeros((1, 5)))


def test_looks_at_one_face_count_once_and_its_parts_not_at_all():
    face, again, muzzle, other = (
        look_at(50, 50, 40, 3),
        look_at(54, 50, 44, 2),
        look_at(52, 60, 15, 2.5),
        look_at(120, 50, 40, 1),
    )
    assert distinct([other, muzzle, again, face], SearchOptions()) == [face, other]


def test_the_search_stops_where_a_face_is_sure_and_alone():
    options, asked = SearchOptions(), []
    whole = look_at(128, 128, 200, 4)

    def look(crops: Sequence[Crop]) -> list[Look]:
        asked.append(len(crops))
        return [whole] * len(crops)

    def suspects(count: int) -> list[Candidate]:
        raise AssertionError("a sure face that fills the picture needs no search")

    assert seek(look, suspects, Size(256, 256), 128, options) == [whole] and asked == [1]


def test_a_surer_quarter_turn_wins():
    options = replace(SearchOptions(), sides=())

    def look(crops: Sequence[Crop]) -> list[Look]:
        return [look_at(128, 128, 200, 3 if crop.angle == 90 else -2) for crop in crops]

    best = seek(look, lambda count: [], Size(256, 256), 128, options)[0]
    assert best.logit == 3
