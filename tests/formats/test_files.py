"""Landmark files: every format keeps what it can, and hand-made mistakes get one clear line."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceshot.errors import InputError, UsageError
from faceshot.formats.files import (
    SUFFIXES,
    is_landmark_file,
    read_landmarks,
    read_sequence,
    write_landmarks,
    write_sequence,
)
from faceshot.landmarks.topology import PART_POINTS
from faceshot.landmarks.types import Landmarks, LandmarkSequence
from tests.helpers import face_points

SIZE = (640, 480)
NTSC = Fraction(30000, 1001)


@pytest.fixture
def face() -> Landmarks:
    rng = np.random.default_rng(1)
    return Landmarks(rng.uniform(-20, 600, (68, 2)), SIZE, rng.uniform(0, 1, 68), frozenset({"eyebrows", "nose"}))


@pytest.fixture
def clip() -> LandmarkSequence:
    rng = np.random.default_rng(2)
    xy = rng.uniform(0, 480, (5, 68, 2)).astype(np.float32)
    found = np.array([True, True, False, True, False])
    xy[2] = np.nan  # frame 4 keeps a guess although no face was found
    return LandmarkSequence(xy, SIZE, NTSC, found, rng.uniform(0, 1, (5, 68)), frozenset({"eyes"}), rest=3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_face_round_trip(tmp_path: Path, face: Landmarks, suffix: str) -> None:
    path = tmp_path / f"cat{suffix}"
    write_landmarks(path, face)
    read = read_landmarks(path, size=SIZE)
    within = {".npy": 0, ".npz": 0, ".xml": 0.5}.get(suffix, 6e-4)
    np.testing.assert_allclose(read.xy, face.xy, rtol=0, atol=within)
    assert read.size == SIZE
    if suffix in (".json", ".npz", ".coco.json"):
        assert read.absent == face.absent and read.score is not None and face.score is not None
        np.testing.assert_allclose(read.score, face.score, atol=6e-5)
    if suffix == ".labelme.json":
        assert read.absent == face.absent
    if suffix == ".npz":
        assert read == face
    assert is_landmark_file(path) and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("suffix", [".json", ".npz", ".npy", ".coco.json"])
def test_clip_round_trip(tmp_path: Path, clip: LandmarkSequence, suffix: str) -> None:
    path = tmp_path / f"drive{suffix}"
    write_sequence(path, clip)
    read = read_sequence(path, size=SIZE, fps=NTSC)
    np.testing.assert_array_equal(read.found, clip.found)
    np.testing.assert_allclose(read.xy[clip.found], clip.xy[clip.found], rtol=0, atol=6e-4)
    assert (read.fps, read.size) == (NTSC, SIZE)
    if suffix != ".npy":
        assert (read.rest, read.absent) == (3, clip.absent)
    if suffix == ".npz":
        assert read == clip
    if suffix == ".json":
        np.testing.assert_allclose(read.xy[4], clip.xy[4], atol=6e-4)
    assert len(read_sequence(path, size=SIZE, fps=NTSC)) == 5


@pytest.mark.parametrize("suffix", [".json", ".npz", ".coco.json"])
def test_hidden_points_are_kept(tmp_path: Path, face: Landmarks, clip: LandmarkSequence, suffix: str) -> None:
    one, many = tmp_path / f"face{suffix}", tmp_path / f"clip{suffix}"
    hidden = frozenset({0, 1, 40})
    write_landmarks(one, replace(face, absent=frozenset({"nose"}), hidden=hidden))
    write_sequence(many, replace(clip, hidden=hidden))
    assert read_landmarks(one).hidden == hidden and read_landmarks(one).absent == {"nose"}
    assert read_sequence(many).hidden - {*range(36, 48)} == hidden - {40}  # the clip's face has no eyes


@pytest.mark.parametrize("suffix", [".json", ".npz", ".coco.json"])
def test_rewriting_what_was_read_changes_no_byte(tmp_path: Path, clip: LandmarkSequence, suffix: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write_sequence(first, clip)
    write_sequence(second, read_sequence(first))
    assert first.read_bytes() == second.read_bytes()


def test_json_is_made_for_hands_and_diffs(tmp_path: Path, face: Landmarks) -> None:
    path = tmp_path / "cat.json"
    write_landmarks(path, face)
    before = path.read_text().splitlines()
    assert list(json.loads(path.read_text())) == ["schema", "version", "scheme", "size", "absent", "points", "score"]
    xy = face.xy.copy()
    xy[30] = (123.4567, -0.0001)
    write_landmarks(path, Landmarks(xy, SIZE, face.score, face.absent), overwrite=True)
    changed = [(a, b) for a, b in zip(before, path.read_text().splitlines(), strict=True) if a != b]
    assert [after for _, after in changed] == ["    [123.457, 0.0],"]  # one moved point, one changed line


def test_what_a_person_may_write(tmp_path: Path) -> None:
    path = tmp_path / "hand.json"
    points = [[k, 2 * k] for k in range(68)]
    path.write_text(json.dumps({"points": points, "size": [200, 200.0], "schema": "faceshot.landmarks", "version": 1}))
    read = read_landmarks(path)
    assert read.size == (200, 200) and read.score is None and not read.absent and read.xy[5].tolist() == [5, 10]
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")  # a Windows editor's byte order mark
    assert read_landmarks(path) == read


def test_unknown_entries_are_reported(tmp_path: Path, face: Landmarks, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.json"
    write_landmarks(path, face)
    path.write_text(json.dumps({**json.loads(path.read_text()), "absents": ["nose"]}))
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        read_landmarks(path)
    assert "absents" in caplog.text


def test_pts_is_one_based_and_lenient(tmp_path: Path) -> None:
    path = tmp_path / "a.pts"
    rows = "".join(f"  {k + 1}\t{2 * k + 1}.5  \n" for k in range(68))
    path.write_text(f"version: 1\r\nn_points:  68\r\n{{\r\n{rows}\n}}\r\n")
    read = read_landmarks(path, size=SIZE)
    assert read.xy[0].tolist() == [0, 0.5] and read.xy[67].tolist() == [67, 134.5]
    write_landmarks(tmp_path / "b.pts", read)
    lines = (tmp_path / "b.pts").read_text().splitlines()
    assert lines[:4] == ["version: 1", "n_points: 68", "{", "1.000000 1.500000"] and lines[-1] == "}"


def coco(annotations: list[dict[str, Any]], images: int = 1) -> dict[str, Any]:
    pictures = [{"id": k + 7, "file_name": f"{k}.jpg", "width": 640, "height": 480} for k in range(images)]
    return {"images": pictures, "annotations": annotations}


def test_coco_bodies_and_hidden_parts(tmp_path: Path) -> None:
    body = np.zeros((133, 3))
    body[23:91] = np.column_stack([np.arange(68), np.arange(68) + 1, np.full(68, 2)])
    body[23 + np.array(PART_POINTS["eyebrows"]), 2] = 1
    flat = body.ravel().tolist()
    for name, annotation in (("keypoints", flat), ("face_kpts", body[23:91].ravel().tolist())):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(coco([{"image_id": 7, "keypoints": flat, name: annotation}])))
        read = read_landmarks(path)
        assert read.xy[10].tolist() == [10, 11] and read.absent == {"eyebrows"} and read.size == SIZE


def test_coco_clip_in_image_order(tmp_path: Path) -> None:
    def face(image: int) -> dict[str, Any]:
        return {"image_id": image, "keypoints": [image, 1, 2] * 68}

    value = coco([face(9), face(7)], images=3)
    value["images"].reverse()
    (tmp_path / "a.json").write_text(json.dumps(value))
    read = read_sequence(tmp_path / "a.json", fps=Fraction(25))
    assert read.found is not None and read.found.tolist() == [True, False, True]
    assert (read.xy[0, 0, 0], read.xy[2, 0, 0], read.fps) == (7, 9, 25)


def test_written_coco_is_what_other_tools_expect(tmp_path: Path, face: Landmarks) -> None:
    write_landmarks(tmp_path / "cat.coco.json", face)
    value = json.loads((tmp_path / "cat.coco.json").read_text())
    [annotation], [image], [category] = value["annotations"], value["images"], value["categories"]
    assert (image["file_name"], image["width"], image["height"]) == ("cat.png", 640, 480)
    assert len(annotation["keypoints"]) == 204 and annotation["num_keypoints"] == 68
    assert {annotation["keypoints"][2 + 3 * k] for k in PART_POINTS["eyebrows"]} == {1}
    assert annotation["keypoints"][2] == 2 and len(set(category["keypoints"])) == 68
    assert min(map(min, category["skeleton"])) == 1 and max(map(max, category["skeleton"])) == 68
    x, y, w, h = annotation["bbox"]
    assert [x, y] == pytest.approx(face.xy.min(0), abs=1e-3) and [x + w, y + h] == pytest.approx(
        face.xy.max(0), abs=1e-2
    )


def test_labelling_programs_find_the_picture(tmp_path: Path, face: Landmarks) -> None:
    from xml.etree import ElementTree

    (tmp_path / "cat.JPG").write_bytes(b"a picture")
    write_landmarks(tmp_path / "cat.landmarks.labelme.json", face)
    value = json.loads((tmp_path / "cat.landmarks.labelme.json").read_text())
    assert (value["imagePath"], value["imageWidth"], value["imageHeight"], value["imageData"]) == (
        "cat.JPG",
        *SIZE,
        None,
    )
    assert {shape["shape_type"] for shape in value["shapes"]} == {"point"} and len(value["shapes"]) == 68
    write_landmarks(tmp_path / "dog.xml", face)
    [image] = ElementTree.parse(tmp_path / "dog.xml").getroot().iter("image")
    assert image.attrib == {"file": "dog.png", "width": "640", "height": "480"}
    [box] = image.iter("box")
    left, top, width, height = (int(box.attrib[name]) for name in ("left", "top", "width", "height"))
    places = {part.attrib["name"]: (int(part.attrib["x"]), int(part.attrib["y"])) for part in box.iter("part")}
    assert list(places) == [f"{k:02d}" for k in range(68)]
    assert all(left <= x < left + width and top <= y < top + height for x, y in places.values())


@pytest.mark.parametrize("suffix", [".pts", ".labelme.json", ".xml"])
def test_formats_of_one_face_take_no_clip(tmp_path: Path, clip: LandmarkSequence, suffix: str) -> None:
    with pytest.raises(UsageError, match=rf"{re.escape(suffix)} holds one face, the clip has 5"):
        write_sequence(tmp_path / f"clip{suffix}", clip)
    assert not list(tmp_path.iterdir())


def test_faces_and_clips_of_one_frame_stand_in_for_each_other(tmp_path: Path, face: Landmarks) -> None:
    for suffix in (".json", ".npz", ".npy"):
        path = tmp_path / f"face{suffix}"
        write_landmarks(path, face)
        one = read_sequence(path, size=SIZE, fps=Fraction(24))
        assert (len(one), one.fps) == (1, 24)
        write_sequence(tmp_path / f"clip{suffix}", one)
        np.testing.assert_allclose(read_landmarks(tmp_path / f"clip{suffix}", size=SIZE).xy, face.xy, atol=6e-4)
    write_sequence(tmp_path / "one.pts", one)
    assert len(read_sequence(tmp_path / "one.pts", size=SIZE)) == 1


def test_missing_rate_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    np.save(tmp_path / "a.npy", np.ones((3, 68, 2)))
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        assert read_sequence(tmp_path / "a.npy", size=SIZE).fps == 30
    assert "no frame rate" in caplog.text


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, np.uint8])
def test_any_numeric_array_will_do(tmp_path: Path, dtype: type) -> None:
    np.save(tmp_path / "a.npy", np.arange(136).reshape(68, 2).astype(dtype))
    assert read_landmarks(tmp_path / "a.npy", size=SIZE).xy[10].tolist() == [20, 21]
    np.savez(tmp_path / "b.npz", landmarks=np.arange(136).reshape(68, 2).astype(dtype))
    assert read_landmarks(tmp_path / "b.npz", size=SIZE).xy.dtype == np.float32


GOOD: dict[str, Any] = {
    "schema": "faceshot.landmarks",
    "version": 1,
    "scheme": "ibug68",
    "size": [64, 64],
    "points": [[float(k), float(k)] for k in range(68)],
}
CLIP: dict[str, Any] = {**GOOD, "schema": "faceshot.sequence", "fps": "25", "points": [GOOD["points"]] * 2}


def points_with(index: int, value: Any) -> list[Any]:
    return [value if k == index else pair for k, pair in enumerate(GOOD["points"])]


BAD_JSON: dict[str, tuple[Any, str]] = {
    "67 points": ({**GOOD, "points": GOOD["points"][:67]}, "68 pairs .* got 67"),
    "69 points": ({**GOOD, "points": [*GOOD["points"], [1, 1]]}, "got 69"),
    "NaN": ({**GOOD, "points": points_with(3, [float("nan"), 1])}, "landmark 3 is not finite"),
    "infinite": ({**GOOD, "points": points_with(3, [1e39, 1])}, "landmark 3 is not finite"),
    "three coordinates": ({**GOOD, "points": points_with(5, [1, 2, 3])}, "point 5"),
    "text as coordinate": ({**GOOD, "points": points_with(5, ["1", 2])}, "point 5 .* must be a number"),
    "true as coordinate": ({**GOOD, "points": points_with(5, [True, 2])}, "point 5"),
    "null as point": ({**GOOD, "points": points_with(5, None)}, "point 5"),
    "points as text": ({**GOOD, "points": "many"}, "68 pairs"),
    "version 2": ({**GOOD, "version": 2}, "version 2 .* update FaceShot"),
    "no version": ({key: GOOD[key] for key in GOOD if key != "version"}, "version None"),
    "other schema": ({**GOOD, "schema": "openpose"}, "schema is 'openpose'"),
    "a list": ([1, 2, 3], "not a landmark file"),
    "other scheme": ({**GOOD, "scheme": "wflw98"}, "wflw98"),
    "no size": ({key: GOOD[key] for key in GOOD if key != "size"}, "'size' is missing"),
    "size of one number": ({**GOOD, "size": [64]}, "size must be a list of 2"),
    "zero size": ({**GOOD, "size": [0, 64]}, "1x1 to"),
    "fractional size": ({**GOOD, "size": [64.5, 64]}, "whole pixels"),
    "NaN size": ({**GOOD, "size": [float("nan"), 64]}, "size"),
    "infinite size": ({**GOOD, "size": [float("inf"), 64]}, "size"),
    "unknown part": ({**GOOD, "absent": ["ears"]}, "'ears'"),
    "unknown hidden point": ({**GOOD, "hidden": [70]}, "names point 70"),
    "hidden as text": ({**GOOD, "hidden": "3"}, "list of points"),
    "absent as text": ({**GOOD, "absent": "nose"}, "list of parts"),
    "score above 1": ({**GOOD, "score": [1.5] * 68}, r"0\.\.1"),
    "short score": ({**GOOD, "score": [1] * 67}, "68 numbers, got 67"),
    "no fps": ({key: CLIP[key] for key in CLIP if key != "fps"}, "'fps' is missing"),
    "fps as list": ({**CLIP, "fps": [30, 1]}, "fps must be"),
    "fps of zero": ({**CLIP, "fps": 0}, "fps"),
    "fps of 1/0": ({**CLIP, "fps": "1/0"}, "fps"),
    "no frames": ({**CLIP, "points": []}, "at least one frame"),
    "broken frame": ({**CLIP, "points": [GOOD["points"], GOOD["points"][:60]]}, "frame 1 .* got 60"),
    "rest beyond the end": ({**CLIP, "rest": 2}, "rest frame 2"),
    "rest between frames": ({**CLIP, "rest": 0.5}, "rest"),
    "not_found beyond the end": ({**CLIP, "not_found": [2]}, "frame 2"),
    "no face anywhere": ({**CLIP, "points": [None, None]}, "no frame with a face"),
    "coco without images": ({"annotations": []}, "COCO"),
    "coco of 17 points": (coco([{"image_id": 7, "keypoints": [1, 1, 2] * 17}]), r"17 points.*body key points"),
    "coco unlabelled point": (coco([{"image_id": 7, "keypoints": [1, 1, 2] * 67 + [0, 0, 0]}]), "point 67"),
    "coco two faces": (coco([{"image_id": 7, "keypoints": [1, 1, 2] * 68}, {"image_id": 7}]), "several faces"),
    "coco no face": (coco([]), "no annotation"),
}


@pytest.mark.parametrize("case", BAD_JSON)
def test_bad_json(tmp_path: Path, case: str) -> None:
    value, message = BAD_JSON[case]
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(value))
    clip = isinstance(value, dict) and value.get("schema") == "faceshot.sequence"
    with pytest.raises(InputError, match=message) as caught:
        (read_sequence if clip else read_landmarks)(path)
    assert "\n" not in str(caught.value) and "bad.json" in str(caught.value)


def pickled(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def huge(path: Path) -> None:
    np.save(path, np.ones((68, 2)))
    path.write_bytes(path.read_bytes().replace(b"(68, 2), }", b"(10000000000000, 68, 2), }"))


BAD_FILES: dict[str, tuple[str, Any, str]] = {
    "missing": ("a.json", None, "does not exist"),
    "empty json": ("a.json", b"", "empty"),
    "truncated json": ("a.json", json.dumps(GOOD).encode()[:300], "not complete JSON"),
    "binary json": ("a.json", bytes(range(128, 256)), "not a text file"),
    "deeply nested": ("a.json", b"[" * 100_000, "nested too deeply"),
    "67 x 2 npy": ("a.npy", np.ones((67, 2)), r"\(67, 2\)"),
    "flat npy": ("a.npy", np.ones(136), r"\(136,\)"),
    "NaN npy": ("a.npy", np.full((68, 2), np.nan), "landmark 0 is not finite"),
    "text npy": ("a.npy", np.full((68, 2), "x"), "numbers"),
    "complex npy": ("a.npy", np.ones((68, 2), complex), "numbers"),
    "several frames": ("a.npy", np.ones((4, 68, 2)), "4 frames"),
    "pickled npy": ("a.npy", pickled, "never loaded"),
    "huge npy": ("a.npy", huge, "cut off or damaged"),
    "text named npy": ("a.npy", b"no numpy", "not a readable numpy file"),
    "empty npy": ("a.npy", b"", "empty"),
    "truncated npz": ("a.npz", b"PK\x03\x04broken", "not a readable numpy file"),
    "no points in pts": ("a.pts", b"hello", r"not a complete \.pts"),
    "open pts": ("a.pts", b"version: 1\nn_points: 68\n{\n1 1\n", r"not a complete \.pts"),
    "67 points in pts": ("a.pts", b"version: 1\nn_points: 67\n{\n" + b"1 1\n" * 67 + b"}", "67 points"),
    "three columns in pts": ("a.pts", b"version: 1\nn_points: 68\n{\n" + b"1 1 1\n" * 68 + b"}", "two numbers"),
    "NaN in pts": ("a.pts", b"version: 1\nn_points: 68\n{\n" + b"nan 1\n" * 68 + b"}", "not finite"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(tmp_path: Path, case: str) -> None:
    name, content, message = BAD_FILES[case]
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, np.ndarray):
        np.save(path, content)
    elif content is not None:
        content(path)
    with pytest.raises(InputError, match=message) as caught:
        read_landmarks(path, size=SIZE)
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_bad_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    good = {"xy": np.ones((2, 68, 2)), "size": [64, 64], "fps": [30, 1]}
    for change, message in (
        ({"found": np.ones(3, bool)}, "found must be 2"),
        ({"found": np.ones(2)}, "booleans"),
        ({"fps": [30, 0]}, "malformed"),
        ({"size": [0, 64]}, "1x1"),
        ({"rest": 9}, "rest frame 9"),
        ({"version": 7}, "version 7"),
        ({"score": np.ones((2, 67))}, "score"),
        ({"absent": np.array(["ears"])}, "ears"),
        ({"hidden": np.array([99])}, "point 99"),
        ({"absent": np.array([object()])}, "pickled"),
        ({"xy": np.full((2, 68, 2), np.inf)}, "not finite"),
    ):
        np.savez(path, **{**good, **change})  # type: ignore[arg-type]
        with pytest.raises(InputError, match=message) as caught:
            read_sequence(path)
        assert "a.npz" in str(caught.value)
    np.savez(path, a=np.ones(3), b=np.ones(4))
    with pytest.raises(InputError, match="no array named xy; found a, b"):
        read_landmarks(path)


@pytest.mark.parametrize("suffix", [".npy", ".pts"])
def test_formats_without_size_need_one(tmp_path: Path, face: Landmarks, suffix: str) -> None:
    write_landmarks(tmp_path / f"a{suffix}", face)
    with pytest.raises(InputError, match="states no picture size"):
        read_landmarks(tmp_path / f"a{suffix}")


def test_suffixes_and_safety(tmp_path: Path, face: Landmarks, clip: LandmarkSequence) -> None:
    for name in ("a.txt", "a", "a.csv"):
        with pytest.raises(UsageError, match=r"\.json \.npz"):
            write_landmarks(tmp_path / name, face)
        assert not is_landmark_file(name)
    with pytest.raises(UsageError, match="one face"):
        write_sequence(tmp_path / "a.pts", clip)
    assert not list(tmp_path.iterdir())
    write_landmarks(tmp_path / "a.json", face)
    with pytest.raises(InputError, match="overwrite=True"):
        write_landmarks(tmp_path / "a.json", face)


@pytest.mark.parametrize("suffix", [".json", ".npz", ".coco.json"])
def test_a_part_of_a_clip_remembers_where_it_began(tmp_path: Path, suffix: str) -> None:
    whole = LandmarkSequence(np.repeat(face_points(100)[None], 9, 0), (100, 100), Fraction(25))  # type: ignore[arg-type]
    part = whole[2:][3:7]
    path = tmp_path / f"part{suffix}"
    write_sequence(path, part)
    assert part.start == 5 and read_sequence(path).start == 5 and whole != part[0:]
