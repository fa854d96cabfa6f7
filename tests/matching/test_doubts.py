"""Annotations that look wrong are pointed out, right ones are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceshot.formats import write_landmarks
from faceshot.gallery import add_domain, find_domain, list_domains
from faceshot.landmarks import Landmarks, Picture, Size
from faceshot.landmarks.topology import FLIP, PART_POINTS
from faceshot.matching import Matcher, draw_doubts, review
from faceshot.media import read_picture, write_picture
from faceshot_gallery.illustrator import character, draw
from tests.helpers import Run

SIDE = 256


def moved(marks: Landmarks, indices: list[int], by: tuple[float, float]) -> Landmarks:
    xy = marks.xy.copy()
    xy[indices] += np.float32(by)
    return replace(marks, xy=np.clip(xy, 0, SIDE - 1))


@pytest.fixture(scope="module")
def pictures() -> list[tuple[Picture, Landmarks]]:
    drawings = [draw(character("cat", seed=840 + seed), size=SIDE) for seed in range(5)]
    return [(Picture(drawing.rgb), drawing.landmarks) for drawing in drawings]


@pytest.fixture(scope="module")
def folder(pictures: list[tuple[Picture, Landmarks]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cats: right, nose too low, one corner of the mouth astray, sides swapped, right; and the first, in the mirror."""
    folder = tmp_path_factory.mktemp("cats")
    (_, right), (_, nose), (_, corner), (_, sides), (_, last) = pictures
    fifth = 0.2 * float(np.ptp(right.xy[:, 0]))
    annotated = {
        "right": right,
        "nose": moved(nose, list(PART_POINTS["nose"]), (0, fifth)),
        "corner": moved(corner, [48], (-1.5 * fifth, 0)),
        "sides": replace(sides, xy=sides.xy[list(FLIP)]),
        "last": last,
    }
    for (name, marks), (picture, _) in zip(annotated.items(), pictures, strict=True):
        write_picture(folder / f"{name}.png", picture.rgb)
        write_landmarks(folder / f"{name}.json", marks)
    write_picture(folder / "turned.png", np.ascontiguousarray(pictures[0][0].rgb[:, ::-1]))
    mirrored = right.xy[list(FLIP)] * np.float32([-1, 1]) + np.float32([SIDE - 1, 0])
    write_landmarks(folder / "turned.json", Landmarks(mirrored, Size(SIDE, SIDE), None, right.absent))
    return folder


def test_each_fault_is_named_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    domain = add_domain("mycats", folder, gallery=tmp_path / "gallery")
    doubts = review(domain, Matcher("mini", galleries=("shipped",)))
    assert [(doubt.picture, doubt.kind) for doubt in doubts] == [
        ("corner", "points"), ("nose", "points"), ("sides", "sides"), ("turned", "twin")
    ]  # fmt: skip
    corner, nose, sides, twin = doubts
    assert corner.points == (48,) and "mouth 48: " in corner.message
    assert set(nose.points) <= set(PART_POINTS["nose"]) and len(nose.points) > 4
    assert "left and right" in sides.message and twin.message.startswith("turned shows the same as right")
    entry = next(entry for entry in domain.pictures if entry.id == "corner")
    rgb = read_picture(entry.path).flat()
    picture = draw_doubts(rgb, entry.landmarks, [corner])
    assert picture.shape[:2] == tuple(2 * side for side in rgb.shape[:2]) and corner.found is not None
    x, y = (corner.found.xy[48] * 2).round().astype(int)
    assert picture[y, x].min() > 200, "a white dot where it is found"


def test_pictures_of_other_domains_do_not_come_again(folder: Path, tmp_path: Path) -> None:
    first = add_domain("mycats", folder, gallery=tmp_path / "gallery")
    (tmp_path / "one").mkdir()
    for suffix in (".png", ".json"):
        (tmp_path / "one" / f"again{suffix}").write_bytes((folder / f"last{suffix}").read_bytes())
    second = add_domain("more", tmp_path / "one", gallery=tmp_path / "gallery")
    (doubt,) = review(second, Matcher("mini", galleries=("shipped",)), [first])
    assert doubt.kind == "twin" and "the same as mycats/last" in doubt.message


def test_shipped_annotations_raise_few_doubts() -> None:
    """The matcher of the whole gallery, on one picture of each of its kinds."""
    matcher = Matcher("mini", galleries=("shipped",))
    ones = [replace(domain, pictures=domain.pictures[:1]) for domain in list_domains("shipped")]
    assert sum(len(review(one, matcher)) for one in ones) <= len(ones) // 10


def test_the_command_says_and_draws(
    cli: Callable[..., Run], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESHOT_DATA", str(tmp_path / "data"))
    added = cli("gallery", "add", "mycats", folder)
    assert added.code == 0 and "look at nose: nose " in added.err and "gallery review mycats" in added.err
    out = tmp_path / "look"
    run = cli("gallery", "review", "mycats", "-o", out, "--json")
    told = json.loads(run.out)
    assert run.code == 0 and len(told["doubts"]) == 4
    assert sorted(path.name for path in out.iterdir()) == [
        f"{name}.review.png" for name in ("corner", "nose", "sides", "turned")
    ]
    assert cli("gallery", "review", "mycats", "-o", out).code == 1, "nothing is overwritten"
    broken = tmp_path / "data" / "galleries" / "user" / "domains" / "broken"
    broken.mkdir()
    (broken / "landmarks.json").write_text("{")
    assert cli("gallery", "add", "again", folder).code == 0, "a damaged neighbour is no reason to fail"
    assert cli("gallery", "review", "nobody").code in (1, 2) and find_domain("mycats", "user").pictures
