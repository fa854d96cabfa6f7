"""Drawn characters and clips of their own, a few frames long."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceshot.media import write_picture
from tests.moving import moving_face, write_clip


def make_inputs(folder: Path, pictures: int, clips: int, size: int = 160) -> Path:
    """``folder/faces`` and ``folder/clips``; no two alike."""
    from faceshot_gallery.illustrator import sample

    for name in ("faces", "clips"):
        (folder / name).mkdir(parents=True)
    kinds = ("cat", "person", "dog", "robot", "bear")
    for k in range(pictures):
        drawn = sample(900 + k, size=size, domain=kinds[k % len(kinds)])
        write_picture(folder / "faces" / f"face{k:02}.png", drawn.rgb)
    for k in range(clips):
        frames, _ = moving_face("cat", frames=6 + k, size=size, seed=3)
        write_clip(folder / "clips" / f"clip{k}.mp4", frames)
    return folder


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_inputs(tmp_path_factory.mktemp("batch"), 3, 2)
