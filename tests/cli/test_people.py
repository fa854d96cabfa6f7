"""``faceshot drive`` on people: which of them, and their blendshapes as a file for other programs."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from faceshot.cli.typed.values import parse_face
from faceshot.errors import NoFaceError, UsageError
from faceshot.formats.files import read_sequence
from faceshot.media.writer import VideoWriter
from tests.helpers import Run


@pytest.fixture(scope="module")
def two_people(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of two portraits beside each other, the right one larger."""
    import cv2

    pytest.importorskip("ai_edge_litert")
    folder = shared / "characters" / "images"
    if not folder.is_dir() or not (shared / "models" / "face_landmarker.task").is_file():
        pytest.skip(f"no {folder} or no model")
    left, right = (cv2.imread(str(folder / f"{name}.png"))[..., ::-1] for name in ("lp_s9", "lp_s5"))
    path = tmp_path_factory.mktemp("people") / "two.mp4"
    with VideoWriter(path, (480, 240), Fraction(10)) as writer:
        for t in range(6):
            frame = np.full((240, 480, 3), 100, np.uint8)
            frame[40:200, 20 + t : 180 + t] = cv2.resize(left, (160, 160))
            frame[20:220, 240:440] = cv2.resize(right, (200, 200))
            writer.write(frame)
    return path


def test_the_wished_person_drives(
    two_people: Path, shared: Path, tmp_path: Path, cli: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(shared / "models"))
    middle = {}
    for wish in ("largest", "left", "2", "10,30,200,210"):
        out = tmp_path / f"{wish}.npz"
        run = cli("drive", two_people, "-o", out, "--face", wish)
        assert run.code == 0, run.err
        found = read_sequence(out)
        assert found.expression is not None and len(found) == 6
        middle[wish] = float(found.xy[:, 30, 0].mean())
    assert middle["left"] == middle["10,30,200,210"] < 200 and middle["largest"] == middle["2"] > 260
    run = cli("drive", two_people, "-o", tmp_path / "none.npz", "--face", "3")
    assert run.code == 1 and "there is no face 3: there are 2 faces, from the left at" in run.err
    assert not (tmp_path / "none.npz").exists()


def test_blendshapes_as_csv(
    two_people: Path, shared: Path, tmp_path: Path, cli: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(shared / "models"))
    out = tmp_path / "face.csv"
    run = cli("drive", two_people, "-o", out)
    assert run.code == 0, run.err
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and rows[5]["Timecode"] == "00:00:00:05.000"
    assert all(0 <= float(rows[0][name]) <= 1 for name in ("EyeBlinkLeft", "JawOpen", "TongueOut"))
    assert abs(float(rows[0]["HeadYaw"])) < 0.8
    run = cli("drive", two_people, "-o", tmp_path / "no.csv", "--source", "track")
    assert run.code == 2 and "blendshapes come from source facemesh only" in run.err


def test_without_the_model_track_serves_and_says_what_would_be_better(
    tmp_path: Path, cli: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceshot.driving import sources

    def tracked(*_: object) -> None:
        raise NoFaceError("tracked instead")

    monkeypatch.setattr(sources, "_track", tracked)
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, (64, 64), Fraction(10)) as writer:
        for _ in range(3):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    run = cli("drive", clip, "-o", tmp_path / "a.npz", "--offline")
    assert run.code == 1 and "tracked instead" in run.err and "driving source: track" in run.err
    assert "for people source facemesh would be better, but" in run.err and "fetch" in run.err
    monkeypatch.setattr("faceshot.facemesh.bundle.has_runtime", lambda: False)
    run = cli("drive", clip, "-o", tmp_path / "a.npz", "--offline")
    assert "driving source: track" in run.err and "pip install ai-edge-litert" in run.err
    run = cli("drive", clip, "-o", tmp_path / "a.npz", "--source", "facemesh")
    assert run.code == 1 and "needs the package ai-edge-litert" in run.err


def test_the_model_is_fetched_once_and_that_is_said(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from faceshot.driving.sources import _best_source
    from faceshot.weights import table

    pytest.importorskip("ai_edge_litert")
    model = shared / "models" / "face_landmarker.task"
    if not model.is_file():
        pytest.skip(f"no {model}")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    published = replace(table.WEIGHTS["face_landmarker"], source=model.as_uri())
    monkeypatch.setattr("faceshot.weights.resolve.WEIGHTS", {"face_landmarker": published})
    with caplog.at_level(logging.INFO, logger="faceshot"):
        assert [_best_source(None, False, tmp_path) for _ in range(2)] == ["facemesh"] * 2
    assert caplog.text.count("fetching the face mesh model once") == 1
    assert (tmp_path / "weights" / "face_landmarker.task").read_bytes() == model.read_bytes()


@pytest.mark.parametrize(
    ("text", "wish"), [("largest", "largest"), (" LEFT ", "left"), ("3", 3), ("1,2,30,40.5", (1.0, 2.0, 30.0, 40.5))]
)
def test_faces_as_typed(text: str, wish: object) -> None:
    assert parse_face(text) == wish


@pytest.mark.parametrize("text", ["middle", "0", "-1", "1,2,3", "5,5,4,9", ""])
def test_faces_that_cannot_be(text: str) -> None:
    with pytest.raises(UsageError):
        parse_face(text)
