"""A clip becomes a landmark sequence: sources, gaps, ranges, the rest frame."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from faceshot.driving.sources import drive, rest_frame
from faceshot.errors import InputError, MissingError, NoFaceError, UsageError
from faceshot.formats.files import write_sequence
from faceshot.landmarks.metrics import motion_difference
from faceshot.landmarks.topology import LID_PAIRS
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture, Size
from tests.helpers import face_points
from tests.moving import first, moving_face, write_clip

NTSC = Fraction(30000, 1001)


@dataclass
class KnownFace:
    """A matcher that knows the answer for the first frame."""

    landmarks: Landmarks
    confidence: float = 0.9
    threshold: float = 0.5
    asked: int = 0

    def match(self, picture: Picture, *, box: object = None) -> SimpleNamespace:
        if box is not None:  # about the mouth in a later frame, of which it knows nothing
            return SimpleNamespace(landmarks=self.landmarks, confidence=0.0)
        self.asked += 1
        return SimpleNamespace(landmarks=self.landmarks, confidence=self.confidence)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LandmarkSequence]:
    pictures, truth = moving_face("cat", frames=16)
    return write_clip(tmp_path_factory.mktemp("clip") / "cat.mp4", pictures, NTSC), truth


def plain(frames: int = 20, size: int = 200) -> np.ndarray:
    """(T, 68, 2) of a still face, mouth closed."""
    xy = np.repeat(face_points(size)[None], frames, axis=0)
    middle = (xy[:, 61:64] + xy[:, 67:64:-1]) / 2
    xy[:, 61:64], xy[:, 67:64:-1] = middle, middle
    return xy


def sequence(xy: np.ndarray, found: np.ndarray | None = None) -> LandmarkSequence:
    return LandmarkSequence(xy, Size(200, 200), Fraction(30), found)


def test_track_drives_a_video_of_a_cat(clip: tuple[Path, LandmarkSequence]) -> None:
    path, truth = clip
    matcher = KnownFace(first(truth))
    driven = drive(path, source="track", matcher=matcher)  # type: ignore[arg-type]
    assert matcher.asked == 1
    assert driven.fps == NTSC and driven.size == truth.size and len(driven) == 16
    assert driven.found is not None and driven.found.all()
    distance = np.linalg.norm(truth.xy[0, 36] - truth.xy[0, 45])
    assert np.linalg.norm(driven.xy - truth.xy, axis=-1).mean() / distance < 0.05
    made = drive(path, source="track", matcher=lambda: matcher, start=2, stop=5, rest=1)  # type: ignore[arg-type]
    assert len(made) == 3 and made.rest == 1


def test_given_landmarks_need_no_matcher(clip: tuple[Path, LandmarkSequence]) -> None:
    path, truth = clip
    driven = drive(path, landmarks=first(truth), stop=3)
    assert np.allclose(driven.xy[0], truth.xy[0], atol=1e-3)


def test_auto_takes_track_without_a_model_and_says_so(
    clip: tuple[Path, LandmarkSequence], caplog: pytest.LogCaptureFixture
) -> None:
    path, truth = clip
    matcher = KnownFace(first(truth))
    with caplog.at_level(logging.INFO, logger="faceshot"):
        drive(path, matcher=matcher, stop=3)  # type: ignore[arg-type]
    assert matcher.asked == 1 and "driving source: track" in caplog.text


def test_auto_falls_back_to_track_where_the_mesh_sees_nobody(
    clip: tuple[Path, LandmarkSequence], shared: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("ai_edge_litert")
    path, truth = clip
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(shared / "models"))
    matcher = KnownFace(first(truth))
    with caplog.at_level(logging.INFO, logger="faceshot"):
        driven = drive(path, matcher=matcher, stop=6)  # type: ignore[arg-type]
    assert "driving source: facemesh" in caplog.text and "tracking it instead" in caplog.text
    assert len(driven) == 6
    with pytest.raises(NoFaceError, match="no face in any frame"):
        drive(path, source="mediapipe", stop=3)  # its name before


def test_an_unsure_matcher_ends_in_no_face(clip: tuple[Path, LandmarkSequence]) -> None:
    path, truth = clip
    with pytest.raises(NoFaceError, match=r"cat\.mp4: nothing like a face in frames 0"):
        drive(path, source="track", matcher=KnownFace(first(truth), confidence=0.1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"source": "magic"}, UsageError, "unknown source 'magic'"),
        ({"start": -1}, UsageError, "no place in a clip"),
        ({"start": 5, "stop": 5}, UsageError, "no range"),
        ({"rest": -2}, UsageError, "rest must be"),
        ({"rest": "first"}, UsageError, "rest must be"),
        ({"bridge": -1.0}, UsageError, "bridge"),
        ({"source": "facemesh", "offline": True}, MissingError, "weights fetch face_landmarker"),
    ],
)
def test_mistakes_are_named(clip: tuple[Path, LandmarkSequence], options: dict, error: type, words: str) -> None:
    if options.get("source") == "facemesh":
        pytest.importorskip("ai_edge_litert")
    with pytest.raises(error, match=words):
        drive(clip[0], **options)


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        drive(tmp_path / "nowhere.mp4")


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_a_landmark_file_drives(tmp_path: Path, suffix: str) -> None:
    xy = plain() + np.arange(20, dtype=np.float32)[:, None, None]
    found = np.ones(20, bool)
    found[5:9] = False
    path = tmp_path / f"drive{suffix}"
    write_sequence(path, sequence(np.where(found[:, None, None], xy, np.nan), found))
    driven = drive(path, start=2, stop=18)
    assert len(driven) == 16 and driven.found is not None and driven.found.all()
    assert np.allclose(driven.xy, xy[2:18], atol=0.01)


def test_a_long_gap_names_the_frames(tmp_path: Path) -> None:
    found = np.ones(60, bool)
    found[20:40] = False
    path = tmp_path / "gap.npz"
    write_sequence(path, sequence(np.where(found[:, None, None], plain(60), np.nan), found))
    with pytest.raises(NoFaceError, match=r"20-39"):
        drive(path, gaps="refuse")
    assert drive(path, bridge=1.0).found.all()  # type: ignore[union-attr]


def spoiled(kind: str) -> np.ndarray:
    """A clip of which every frame but number 7 is no rest."""
    xy = plain()
    bad = np.arange(20) != 7
    if kind == "eyes shut":
        for pairs in LID_PAIRS.values():
            for upper, lower in pairs:
                # A few frames are open, or nothing would say what open means for this eye.
                shut = bad & (np.arange(20) % 4 != 0)
                xy[shut, upper] = xy[shut, lower]
        xy[np.arange(20) % 4 == 0, 64:68, 1] += 20
    elif kind == "mouth open":
        xy[bad, 65:68, 1] += 12
        xy[bad, 55:60, 1] += 12
    elif kind == "turned":
        xy[np.abs(np.arange(20) - 7) > 1, 27:36, 0] += 14
    else:
        xy[bad, 0:27] += np.random.default_rng(0).normal(0, 4, (19, 27, 2)).astype(np.float32)
        xy[6:9] = xy[7]
    return xy


@pytest.mark.parametrize("kind", ["eyes shut", "mouth open", "turned", "restless"])
def test_the_rest_frame_is_at_rest(kind: str) -> None:
    chosen = rest_frame(sequence(spoiled(kind)))
    assert chosen == 7 or (kind in ("turned", "restless") and chosen in (6, 7, 8))


def test_a_rest_frame_is_one_with_a_face() -> None:
    xy = plain()
    found = np.ones(20, bool)
    found[:10] = False
    assert rest_frame(sequence(np.where(found[:, None, None], xy, np.nan), found)) >= 10


@pytest.mark.slow
def test_track_moves_as_the_mesh_does(shared: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    path, model = shared / "clips" / "ravdess_01.mp4", shared / "models" / "face_landmarker.task"
    if not path.is_file() or not model.is_file():
        pytest.skip(f"no {path} or {model}")
    detected = drive(path, source="facemesh", model=model, stop=70, rest=0)
    tracked = drive(path, source="track", landmarks=detected[0], stop=70, rest=0)
    difference = motion_difference(tracked.xy, detected.xy)
    assert max(difference.values()) < 0.06, difference
