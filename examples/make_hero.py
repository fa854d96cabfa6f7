"""Render the README's picture: `python examples/make_hero.py [OUT.png]`. The actor drives four drawn characters.

Everything runs as a user would run it: landmarks by the matcher, the clip followed by `track`, frames by `warp`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from faceshot import FaceShot
from faceshot.media import read_frames, write_picture

HERE = Path(__file__).resolve().parent
CHARACTERS = ("fox", "robot", "anime", "pumpkin")
CELL = 168


def strip(clip: Path, at: list[int]) -> np.ndarray:
    """The frames ``at`` of a clip side by side, CELL pixels each."""
    import cv2

    frames = list(read_frames(clip))
    cells = []
    for index in at:
        frame = frames[index]
        side = min(frame.shape[:2])
        left = (frame.shape[1] - side) // 2
        cells.append(cv2.resize(frame[:side, left : left + side], (CELL, CELL), interpolation=cv2.INTER_AREA))
    return np.hstack(cells)


def main() -> None:
    """Animate, cut out frames, write the sheet."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "docs" / "hero.png"
    shot = FaceShot()
    drive = shot.drive(HERE / "actor.mp4", source="track")
    at = [round(k * (len(drive) - 1) / 17) for k in (0, 3, 5, 8, 11, 15)]
    rows = [strip(HERE / "actor.mp4", at)]
    with tempfile.TemporaryDirectory() as folder:
        for name in CHARACTERS:
            video = Path(folder) / f"{name}.mp4"
            shot.animate(HERE / f"{name}.png", driving=drive, output=video)
            rows.append(strip(video, at))
    write_picture(out, np.vstack(rows), overwrite=True)


if __name__ == "__main__":
    main()
