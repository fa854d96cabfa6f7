"""Clips on their side, and clips with several faces, for the source that needs no detector."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faceshot.driving.lying import quarter_turns, turned, turned_back, turned_frames
from faceshot.driving.sources import drive
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture, Size
from tests.helpers import face_points
from tests.moving import first, moving_face, write_clip


class Seeing:
    """A matcher that knows the first frame, however it is turned."""

    threshold = 0.5

    def __init__(self, picture: np.ndarray, landmarks: Landmarks, faces: int = 1) -> None:
        self.picture, self.landmarks, self.faces = picture, landmarks, faces
        self.asked: list[dict[str, Any]] = []

    def match(self, picture: Picture, **how: Any) -> SimpleNamespace:
        self.asked.append(how)
        if how.get("box") is not None and len(self.asked) > 1:
            return SimpleNamespace(landmarks=self.landmarks, confidence=0.0, faces=1, box=(0, 0, 1, 1))
        apart = [np.abs(np.rot90(self.picture, k).astype(int) - picture.rgb).mean() for k in range(4)]
        found = turned(self.landmarks, int(np.argmin(apart)))
        return SimpleNamespace(landmarks=found, confidence=0.9, faces=self.faces, box=found.box())


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turning_there_and_back(turns: int) -> None:
    marks = Landmarks(face_points(100) * [1.2, 1.0], Size(120, 100))
    picture = np.zeros((100, 120, 3), np.uint8)
    x, y = (round(float(n)) for n in marks.xy[30])
    picture[y, x] = 255
    around = turned(marks, turns)
    image = next(turned_frames(iter([picture]), turns))
    assert image.shape[:2] == (around.size.height, around.size.width)
    rows, columns = np.nonzero(image[..., 0])
    assert abs(columns[0] - around.xy[30, 0]) < 0.6 and abs(rows[0] - around.xy[30, 1]) < 0.6
    assert quarter_turns(around.xy) == -turns % 4
    sequence = LandmarkSequence(around.xy[None], around.size, Fraction(25))
    assert np.allclose(turned_back(sequence, turns).xy[0], marks.xy, atol=1e-3)
    assert turned_back(sequence, turns).size == marks.size


@pytest.fixture(scope="module")
def face() -> Iterator[tuple[list[np.ndarray], LandmarkSequence]]:
    yield moving_face("cat", frames=8, size=160)


@pytest.mark.parametrize("turns", [1, 2])
def test_a_clip_on_its_side_is_tracked_upright(
    face: tuple[list[np.ndarray], LandmarkSequence], tmp_path: Path, turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    pictures, truth = face
    clip = write_clip(tmp_path / "lying.mp4", [np.ascontiguousarray(np.rot90(p, turns)) for p in pictures])
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        driven = drive(clip, source="track", matcher=Seeing(pictures[0], first(truth)))  # type: ignore[arg-type]
    wanted = np.stack([turned(truth[k], turns).xy for k in range(8)])
    across = np.linalg.norm(truth.xy[0, 36] - truth.xy[0, 45])
    assert np.linalg.norm(driven.xy - wanted, axis=-1).mean() / across < 0.06
    assert "lying.mp4 lies on its side" in caplog.text and driven.size == truth.size
    given = drive(clip, landmarks=turned(first(truth), turns))
    assert np.linalg.norm(given.xy - wanted, axis=-1).mean() / across < 0.06


def test_an_upright_clip_is_looked_at_once_and_several_faces_are_told(
    face: tuple[list[np.ndarray], LandmarkSequence], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pictures, truth = face
    clip = write_clip(tmp_path / "two.mp4", pictures[:3])
    matcher = Seeing(pictures[0], first(truth), faces=2)
    with caplog.at_level(logging.INFO, logger="faceshot"):
        drive(clip, source="track", matcher=matcher, face="left")  # type: ignore[arg-type]
    assert {"face": "left"} in matcher.asked and "2 faces; the one at" in caplog.text and "(left)" in caplog.text
    box = tuple(float(n) for n in first(truth).box())
    boxed = Seeing(pictures[0], first(truth))
    drive(clip, source="track", matcher=boxed, face=box)  # type: ignore[arg-type]
    assert boxed.asked[0] == {"box": box}
