"""Animating from clips that are not ideal: cut, hidden, out of step."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import faceshot
from faceshot.errors import UsageError
from faceshot.formats.files import read_landmarks, read_sequence, write_sequence
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture, Size
from faceshot.media.video import probe
from tests.clips import click_times, make_clip_with_clicks
from tests.helpers import face_points

SIDE = 96
FPS = Fraction(30)


@pytest.fixture(scope="module")
def character() -> tuple[Picture, Landmarks]:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    rgb = np.stack([x * 2, y * 2, (x + y)], -1).astype(np.uint8)
    return Picture(rgb, name="pattern.png"), Landmarks(face_points(SIDE), Size(SIDE, SIDE))


def opening(frames: int = 90, *, opened: range = range(0)) -> LandmarkSequence:
    """A face whose mouth is open in the frames ``opened``."""
    xy = np.repeat(face_points(SIDE)[None], frames, 0)
    xy[opened.start : opened.stop, 55:60, 1] += 8
    xy[opened.start : opened.stop, 65:68, 1] += 8
    return LandmarkSequence(xy, Size(SIDE, SIDE), FPS)


def gap(sequence: LandmarkSequence, frame: int) -> float:
    """Inner lip gap of a frame [px]."""
    return float(np.linalg.norm(sequence.xy[frame, 62] - sequence.xy[frame, 66]))


def test_the_rest_frame_of_a_landmark_file_can_be_chosen(character: tuple[Picture, Landmarks], tmp_path: Path) -> None:
    """The file begins with an open mouth; measured from there, nothing would open."""
    picture, marks = character
    write_sequence(tmp_path / "open.npz", opening(opened=range(20)))
    still, moved = (
        faceshot.animate(
            picture, landmarks=marks, driving=tmp_path / "open.npz", output=tmp_path / f"{rest}.mp4", rest=rest
        ).sequence
        for rest in (None, 40)
    )
    assert gap(moved, 5) > gap(moved, 60) + 3 and gap(still, 5) == pytest.approx(gap(marks_of(marks), 0), abs=0.1)


def marks_of(marks: Landmarks) -> LandmarkSequence:
    return LandmarkSequence(marks.xy[None], marks.size, FPS)


@pytest.mark.parametrize("how", ["saved range", "start and stop", "cut ends"])
def test_the_sound_of_a_part_stays_in_step(character: tuple[Picture, Landmarks], tmp_path: Path, how: str) -> None:
    """Clicks at 0.5, 1.5, 2.5 s of the clip; the animation begins at its second 1."""
    picture, marks = character
    clip = make_clip_with_clicks(tmp_path / "clip.mp4", 3, fps=FPS)
    driving = opening()
    options: dict[str, object] = {}
    if how == "saved range":
        write_sequence(tmp_path / "part.json", driving[30:90])
        driving = read_sequence(tmp_path / "part.json")
    elif how == "start and stop":
        options = {"start": "1s", "stop": 90}
    else:
        found = np.arange(90) >= 30
        driving = LandmarkSequence(driving.xy, driving.size, FPS, found)
        options = {"gaps": "cut"}
    made = faceshot.animate(picture, landmarks=marks, driving=driving, audio=clip, output=tmp_path / "a.mp4", **options)
    assert len(made.sequence) == 60 and made.driving.start == 30
    np.testing.assert_allclose(click_times(made.output), [0.5, 1.5], atol=0.03)


def test_a_face_that_comes_late_keeps_length_and_sound(character: tuple[Picture, Landmarks], tmp_path: Path) -> None:
    picture, marks = character
    clip = make_clip_with_clicks(tmp_path / "clip.mp4", 3, fps=FPS)
    found = np.arange(90) >= 30
    driving = LandmarkSequence(opening().xy, Size(SIDE, SIDE), FPS, found)
    made = faceshot.animate(picture, landmarks=marks, driving=driving, audio=clip, output=tmp_path / "a.mp4")
    assert len(made.sequence) == 90
    np.testing.assert_allclose(click_times(made.output), [0.5, 1.5, 2.5], atol=0.03)


def test_the_sound_can_be_moved(
    character: tuple[Picture, Landmarks], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture, marks = character
    clip = make_clip_with_clicks(tmp_path / "clip.mp4", 3, fps=FPS)
    made = faceshot.animate(
        picture, landmarks=marks, driving=opening(), audio=clip, output=tmp_path / "a.mp4", audio_offset=-0.25
    )
    np.testing.assert_allclose(click_times(made.output), [0.25, 1.25, 2.25], atol=0.03)
    with pytest.raises(UsageError, match="audio_offset"):
        faceshot.animate(picture, landmarks=marks, driving=opening(), output=tmp_path / "b.mp4", audio_offset=1e9)


def test_a_song_is_sung_to_its_end(character: tuple[Picture, Landmarks], tmp_path: Path) -> None:
    picture, marks = character
    song = make_clip_with_clicks(tmp_path / "song.mp4", 9, fps=FPS)
    made = faceshot.animate(picture, landmarks=marks, motion="sing", audio=song, output=tmp_path / "a.mp4")
    assert made.sequence.seconds == pytest.approx(9, abs=0.1) and len(click_times(made.output)) == 9
    short = faceshot.animate(picture, landmarks=marks, motion="sing", audio=song, seconds=2, output=tmp_path / "b.mp4")
    assert probe(short.output).seconds == pytest.approx(2, abs=0.1)


def test_a_file_of_sound_alone_begins_at_its_beginning(
    character: tuple[Picture, Landmarks], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import av

    picture, marks = character
    clip = make_clip_with_clicks(tmp_path / "clip.mp4", 3, fps=FPS)
    with av.open(str(clip)) as source, av.open(str(tmp_path / "only.m4a"), "w", format="mp4") as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    with caplog.at_level(logging.INFO, logger="faceshot"):
        made = faceshot.animate(
            picture, landmarks=marks, driving=opening()[30:90], audio=tmp_path / "only.m4a", output=tmp_path / "a.mp4"
        )
    np.testing.assert_allclose(click_times(made.output), [0.5, 1.5], atol=0.03)
    assert "audio_offset=-1.00" in caplog.text


def test_the_longest_side_can_be_limited(character: tuple[Picture, Landmarks], tmp_path: Path) -> None:
    picture, marks = character
    large = Picture(np.repeat(np.repeat(picture.rgb, 2, 0), 3, 1), name="large.png")
    moving = marks.resized(large.size)
    made = faceshot.animate(
        large, landmarks=moving, driving=opening(6), output=tmp_path / "a.mp4", max_side=144,
        save_landmarks=tmp_path / "marks.json",
    )  # fmt: skip
    assert probe(made.output).size == (144, 96) and made.sequence.size == (144, 96)
    assert np.allclose(made.landmarks.xy, moving.xy) and read_landmarks(tmp_path / "marks.json").size == large.size
    with pytest.raises(UsageError, match="max_side"):
        faceshot.animate(large, landmarks=moving, driving=opening(6), output=tmp_path / "b.mp4", max_side=3)


def test_large_videos_are_noted(caplog: pytest.LogCaptureFixture) -> None:
    from faceshot.pipeline.delivery import note_size

    with caplog.at_level(logging.WARNING, logger="faceshot"):
        note_size(Path("a.mp4"), Size(3840, 2160), alpha=False)
        note_size(Path("a.webm"), Size(4000, 3000), alpha=False)
        assert not caplog.records
        note_size(Path("a.mp4"), Size(4000, 3000), alpha=False)
    assert "4000x3000 pixels are H.264 of level 6" in caplog.text


def test_a_sticker_is_cut_fitted_and_silent(
    character: tuple[Picture, Landmarks], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture, marks = character
    with caplog.at_level(logging.INFO, logger="faceshot"):
        made = faceshot.animate(
            picture, landmarks=marks, driving=opening(100), output=tmp_path / "a.webm", sticker="telegram"
        )
    info = probe(made.output)
    assert info.size == (512, 512) and info.seconds <= 3 and not info.has_audio
    assert made.output.stat().st_size <= 256_000 and "the first 3 of 3.3 s are used" in caplog.text
    for bad in ({"output": tmp_path / "a.mp4"}, {"audio": tmp_path / "song.mp3", "output": tmp_path / "b.webm"}):
        with pytest.raises(UsageError, match="telegram sticker"):
            faceshot.animate(picture, landmarks=marks, driving=opening(9), sticker="telegram", **bad)
