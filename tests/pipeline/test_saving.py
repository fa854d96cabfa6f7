"""Frames drawn elsewhere become videos like our own."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from faceshot.errors import InputError, UsageError
from faceshot.media import probe, read_frames
from faceshot.pipeline import save_frames

FRAMES = [np.full((32, 48, 3), 40 * k, np.uint8) for k in range(6)]


def test_frames_come_back_at_their_rate(tmp_path: Path) -> None:
    made = save_frames(iter(FRAMES), tmp_path / "a.mp4", 29.97)
    assert probe(made).fps == Fraction(30000, 1001)
    assert [round(float(frame.mean()) / 40) for frame in read_frames(made)] == list(range(6))


def test_bad_wishes_cost_no_frame(tmp_path: Path) -> None:
    def never():
        raise AssertionError("a frame was asked for")
        yield FRAMES[0]

    (tmp_path / "there.mp4").write_bytes(b"mine")
    for output, rate, error, words in (
        (tmp_path / "a.doc", 25, UsageError, "needs one of the suffixes"),
        (tmp_path / "there.mp4", 25, InputError, "exists"),
        (tmp_path / "a.mp4", 0, InputError, "fps must lie in"),
    ):
        with pytest.raises(error, match=words):
            save_frames(never(), output, rate)
    with pytest.raises(InputError, match="there are no frames"):
        save_frames([], tmp_path / "a.mp4", 25)
    with pytest.raises(InputError):
        save_frames([*FRAMES, FRAMES[0][:16]], tmp_path / "b.mp4", 25)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there.mp4"]
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"
