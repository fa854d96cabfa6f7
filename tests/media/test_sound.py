"""Sound that is not simple: holes, several tracks, files that hold nothing else."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot.landmarks.types import Size
from faceshot.media.audio import probe_sound
from faceshot.media.video import VideoWriter
from tests.clips import click_times, clicks, make_clip, make_clip_with_clicks, numbered_frame


def sounding(
    path: Path, tracks: list[np.ndarray], *, hole: tuple[float, float] | None = None, codec: str = "pcm_s16le"
) -> Path:
    """A Matroska file of sound only (48 kHz mono); samples that begin inside ``hole`` [seconds] are not stored."""
    import av

    with av.open(str(path), "w") as out:
        streams: list[Any] = [out.add_stream(codec, rate=48_000) for _ in tracks]
        for number, stream in enumerate(streams):
            stream.layout = "mono"
            stream.disposition = 0x1 if number == len(tracks) - 1 else 0
        for stream, samples in zip(streams, tracks, strict=True):
            for start in range(0, len(samples), 960):
                if hole and hole[0] <= start / 48_000 < hole[1]:
                    continue
                block = samples[None, start : start + 960]
                frame = av.AudioFrame.from_ndarray((block * 32767).astype(np.int16), format="s16", layout="mono")
                frame.rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return path


def written(path: Path, sound: Path, seconds: float = 4.0, start: float = 0.0) -> Path:
    grey = np.full((64, 64, 3), 90, np.uint8)
    with VideoWriter(path, Size(64, 64), Fraction(30), audio_from=sound, audio_start=start) as writer:
        for _ in range(round(seconds * 30)):
            writer.write(grey)
    return path


@pytest.mark.parametrize("name", ["out.mp4", "out.webm"])
def test_a_hole_in_the_sound_stays_a_hole(tmp_path: Path, name: str) -> None:
    """Clicks at 0.5, 1.5, 2.5, 3.5 s; the sound is missing from 1.7 to 2.2 s."""
    source = sounding(tmp_path / "hole.mkv", [clicks(4, 48_000)], hole=(1.7, 2.2))
    np.testing.assert_allclose(click_times(written(tmp_path / name, source)), [0.5, 1.5, 2.5, 3.5], atol=0.02)


def test_a_hole_at_the_cut_and_sound_that_comes_later(tmp_path: Path) -> None:
    source = sounding(tmp_path / "hole.mkv", [clicks(4, 48_000)], hole=(0.7, 1.3))
    late = written(tmp_path / "late.webm", source, start=1.0)
    np.testing.assert_allclose(click_times(late), [0.5, 1.5, 2.5], atol=0.02)
    early = written(tmp_path / "early.mp4", source, start=-0.25)
    np.testing.assert_allclose(click_times(early), [0.75, 1.75, 2.75, 3.75], atol=0.02)


def test_the_track_marked_as_default_is_heard(tmp_path: Path) -> None:
    other = np.zeros(4 * 48_000, np.float32)
    source = sounding(tmp_path / "two.mkv", [other, clicks(4, 48_000)])
    assert len(click_times(written(tmp_path / "out.mp4", source))) == 4


def test_what_a_sound_file_is(tmp_path: Path) -> None:
    only = probe_sound(sounding(tmp_path / "only.mkv", [clicks(3, 48_000)]))
    assert only.seconds == pytest.approx(3, abs=0.05) and not only.has_picture
    clip = probe_sound(make_clip_with_clicks(tmp_path / "clip.mp4", 2))
    assert clip.seconds == pytest.approx(2, abs=0.05) and clip.has_picture
    with pytest.raises(InputError, match="has no sound"):
        probe_sound(make_clip(tmp_path / "silent.mp4", [numbered_frame(0)]))
