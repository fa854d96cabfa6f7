"""A user's own domain leads where it helps on its own pictures, and changes nothing elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.formats import write_landmarks
from faceshot.gallery import add_domain
from faceshot.landmarks import Landmarks, Picture, Size, nme
from faceshot.landmarks.topology import PART_POINTS
from faceshot.matching import Matcher
from faceshot.matching.trust import Lead, Trust, lead, mix
from faceshot.media import write_picture
from faceshot_gallery.illustrator import character, draw

SIDE = 256


def habit(landmarks: Landmarks) -> Landmarks:
    """Somebody who annotates the lower edge of noses and mouths a little lower than the shipped gallery does."""
    xy = landmarks.xy.copy()
    for part in ("nose", "mouth"):
        xy[list(PART_POINTS[part]), 1] += 0.06 * np.ptp(landmarks.xy[:, 1])
    return Landmarks(np.clip(xy, 0, SIDE - 1), Size(SIDE, SIDE), absent=landmarks.absent)


def drawn(kind: str, seed: int) -> tuple[Picture, Landmarks]:
    drawing = draw(character(kind, seed=seed), size=SIDE)
    return Picture(drawing.rgb), drawing.landmarks


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    """A matcher with four pictures of foxes, annotated by that habit, beside the shipped gallery."""
    folder = tmp_path_factory.mktemp("foxes")
    for seed in range(4):
        picture, truth = drawn("fox", 800 + seed)
        write_picture(folder / f"{seed}.png", picture.rgb)
        write_landmarks(folder / f"{seed}.json", habit(truth))
    gallery = folder / "gallery"
    add_domain("myfox", folder, gallery=gallery)
    return Matcher("mini", galleries=("shipped", gallery), cache_dir=folder / "cache")


def test_four_pictures_teach_a_habit_without_naming_the_domain(taught):
    plain = Matcher("mini", galleries=("shipped",))
    before, after, led = [], [], []
    for seed in range(4):
        picture, truth = drawn("fox", 900 + seed)
        want = habit(truth)
        found = taught.match(picture)
        before.append(nme(plain.match(picture).landmarks.xy, want.xy, visible=want.visible))
        after.append(nme(found.landmarks.xy, want.xy, visible=want.visible))
        led.append(set(found.domains.values()) == {"myfox"})
        assert found.confidence >= taught.threshold
    assert any(led), "the domain that led is named"
    assert np.mean(after) < 0.85 * np.mean(before)


def test_other_kinds_are_left_alone(taught):
    plain = Matcher("mini", galleries=("shipped",))
    picture, _ = drawn("robot", 41)
    assert np.array_equal(taught.match(picture).landmarks.xy, plain.match(picture).landmarks.xy)


def test_what_was_proved_is_kept(taught, monkeypatch):
    proved = [(trust.domain, trust.share) for trust in taught._trusts]
    again = Matcher("mini", galleries=taught._places, cache_dir=taught._cache_dir)
    monkeypatch.setattr(Matcher, "_trial", lambda *_: pytest.fail("worked out twice"))
    assert [(trust.domain, trust.share) for trust in again._trusts] == proved


def test_a_domain_alone_is_as_sure_as_the_gallery(taught):
    picture, _ = drawn("fox", 905)
    assert taught.match(picture, domains=["myfox"]).confidence >= taught.threshold


def test_mixing_takes_what_exists():
    one, other = np.zeros((68, 2), np.float32), np.zeros((68, 2), np.float32)
    one[:, 0], other[:, 1] = 1, 1
    valid = np.ones(68, bool)
    valid[0] = False
    vectors, known = mix(one, valid, other, np.arange(68) != 1, 0.5)
    assert known.all()
    assert np.allclose(vectors[0], [0, 1]) and np.allclose(vectors[1], [1, 0]) and np.allclose(vectors[2], 0.5**0.5)


def test_nobody_leads_who_proved_nothing():
    assert lead([Trust(0, 0.0, np.zeros((5, 3), np.float32), 0.0)], None, np.zeros((5, 3), np.float32)) is None
    assert Lead(0, 0.5).share == 0.5
