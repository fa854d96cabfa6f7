"""The expression channel in our files, and as the CSV that other programs read."""

from __future__ import annotations

import csv
import json
import logging
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from faceshot.errors import InputError, UsageError
from faceshot.formats.files import is_landmark_file, read_sequence, write_landmarks, write_sequence
from faceshot.formats.live_link import timecode
from faceshot.landmarks.expression import BLENDSHAPES, Expression, unknown
from faceshot.landmarks.types import LandmarkSequence, Size

#: The header of the app's recordings, as its readers publish it.
PUBLISHED = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,"
    "EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,"
    "EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,"
    "MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,"
    "MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,MouthPressLeft,MouthPressRight,"
    "MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,"
    "BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,"
    "TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
)


def sequence() -> LandmarkSequence:
    """Four frames; nothing is known in the second."""
    rng = np.random.default_rng(3)
    heads = np.linalg.qr(rng.normal(size=(4, 3, 3)))[0]
    shown = Expression(
        rng.uniform(0, 1, (4, 52)), heads, rng.uniform(-0.1, 0.1, (4, 2, 2)), np.array([0.2, np.nan, np.nan, 0.4])
    )
    nothing, known = unknown(4), np.array([True, False, True, True])
    parts = {
        part: np.where(
            known.reshape(4, *(1,) * (getattr(shown, part).ndim - 1)), getattr(shown, part), getattr(nothing, part)
        )
        for part in ("blendshapes", "head", "gaze", "teeth")
    }
    xy = rng.uniform(0, 64, (4, 68, 2))
    return LandmarkSequence(xy, Size(64, 64), Fraction(30000, 1001), known, expression=Expression(**parts))


@pytest.mark.parametrize("suffix, most", [(".npz", 0.0), (".json", 5e-4)])
def test_our_files_keep_it(tmp_path: Path, suffix: str, most: float) -> None:
    path, made = tmp_path / f"drive{suffix}", sequence()
    write_sequence(path, made)
    found = read_sequence(path).expression
    assert found is not None and made.expression is not None
    for part in ("blendshapes", "head", "gaze", "teeth"):
        a, b = getattr(found, part), getattr(made.expression, part)
        assert np.array_equal(np.isnan(a), np.isnan(b)) and np.nanmax(np.abs(a - b)) <= most, part
    if most == 0:
        assert read_sequence(path) == made
    again = tmp_path / f"again{suffix}"
    write_sequence(again, read_sequence(path))
    assert again.read_bytes() == path.read_bytes() or suffix == ".npz"


def test_names_decide_and_unknown_ones_are_left_out(tmp_path: Path) -> None:
    path, made = tmp_path / "drive.json", sequence()
    write_sequence(path, made)
    value = json.loads(path.read_text(encoding="utf-8"))
    entry = value["expression"]
    entry["names"] = ["earWiggle", "jawOpen"]
    entry["blendshapes"] = [
        None if row is None else [0.5, row[BLENDSHAPES.index("jawOpen")]] for row in entry["blendshapes"]
    ]
    path.write_text(json.dumps(value), encoding="utf-8")
    found = read_sequence(path).expression
    assert found is not None and made.expression is not None
    assert np.allclose(found.shape("jawOpen"), made.expression.shape("jawOpen"), atol=1e-4, equal_nan=True)
    assert np.isnan(found.shape("eyeBlinkLeft")).all()


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_a_later_version_is_left_alone_and_the_points_are_read(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"drive{suffix}"
    with monkeypatch.context() as patch:
        patch.setattr("faceshot.formats.expression.VERSION", 2)
        write_sequence(path, sequence())
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        found = read_sequence(path)
    assert found.expression is None and len(found) == 4 and "version 2 and ignored" in caplog.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gaze": []}, "gaze of the expression must be a list of 4"),
        ({"teeth": [[1, 2]] * 4}, "frame 0 of teeth must be null or a list of 1"),
        ({"head": [["a"] * 9] * 4}, "head of frame 0 must be a number"),
        ({"names": ["jawOpen", "jawOpen"]}, "names of the expression"),
    ],
)
def test_damage_is_named(tmp_path: Path, change: dict, words: str) -> None:
    path = tmp_path / "drive.json"
    write_sequence(path, sequence())
    value = json.loads(path.read_text(encoding="utf-8"))
    value["expression"] |= change
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_sequence(path)
    array = tmp_path / "drive.npz"
    write_sequence(array, sequence())
    with np.load(array) as archive:
        kept = {name: archive[name] for name in archive.files}
    kept["expression_head"] = kept["expression_head"][:2]
    np.savez(array, **kept)
    with pytest.raises(InputError, match="expression channel is malformed"):
        read_sequence(array)


def test_the_csv_is_read_by_its_published_columns(tmp_path: Path) -> None:
    """A reader of its own: header, then numbers by name."""
    made = sequence()
    assert made.expression is not None
    heads = np.repeat(np.eye(3)[None], 4, axis=0)
    c, s = math.cos(0.3), math.sin(0.3)
    heads[2] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]  # to the image right
    heads[3] = [[c, -s, 0], [s, c, 0], [0, 0, 1]]  # counter-clockwise on the screen
    gaze = np.zeros((4, 2, 2))
    gaze[2, 1] = (0.1, 0.0)  # the left eye, to the image right
    made = replace(made, expression=replace(made.expression, head=heads, gaze=gaze))
    path = tmp_path / "face.csv"
    write_sequence(path, made)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames is not None and ",".join(reader.fieldnames) == PUBLISHED
        rows = list(reader)
    assert len(rows) == 4 and all(row["BlendShapeCount"] == "61" for row in rows)
    assert [row["Timecode"] for row in rows] == [f"00:00:00:0{k}.000" for k in range(4)]
    for k in (0, 2, 3):
        for name, value in zip(BLENDSHAPES, made.expression.blendshapes[k], strict=True):  # type: ignore[union-attr]
            assert float(rows[k][name[0].upper() + name[1:]]) == pytest.approx(float(value), abs=1e-6)
    assert rows[1]["JawOpen"] == rows[0]["JawOpen"], "an unknown frame repeats the one before"
    assert float(rows[2]["HeadYaw"]) == pytest.approx(0.3) and float(rows[3]["HeadRoll"]) == pytest.approx(-0.3)
    assert float(rows[2]["LeftEyeYaw"]) == pytest.approx(math.asin(0.25)) and float(rows[2]["RightEyeYaw"]) == 0


def test_the_csv_is_written_only(tmp_path: Path) -> None:
    path = tmp_path / "face.csv"
    with pytest.raises(UsageError, match=r"face\.csv: the sequence has no expression channel; drive .* facemesh"):
        write_sequence(path, replace(sequence(), expression=None))
    with pytest.raises(UsageError, match="nothing is known"):
        write_sequence(path, replace(sequence(), expression=unknown(4)))
    with pytest.raises(UsageError, match="needs one of the suffixes"):
        write_landmarks(path, sequence()[0])
    assert not is_landmark_file(path) and not path.exists()


@pytest.mark.parametrize(
    ("frame", "fps", "text"),
    [
        (0, 30, "00:00:00:00.000"),
        (59, 30, "00:00:01:29.000"),
        (30, 29.97, "00:00:01:00.030"),
        (108000, 30, "01:00:00:00.000"),
    ],
)
def test_time_codes(frame: int, fps: float, text: str) -> None:
    assert timecode(frame, fps) == text
