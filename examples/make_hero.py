"""Render the README's moving pictures: ``python examples/make_hero.py [FOLDER]``.

``hero.webp``: the actor's clip and eight drawn characters that follow it. ``motions.webp``: built-in motions, no clip.
Everything runs as a user would run it: landmarks by the matcher, the clip followed by ``track``, frames by ``warp``;
every character, the actor included, is drawn by ``faceshot_gallery``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from faceshot import FaceShot
from faceshot.media import read_frames, write_picture
from faceshot_gallery.build import framed
from faceshot_gallery.illustrator import Expression, Pose, character, draw

HERE = Path(__file__).resolve().parent
#: Pixels of one character; the actor has two rows and columns.
CELL = 184
#: Of two frames one is kept.
STEP, MILLISECONDS = 2, 67
QUALITY = 72
#: Characters that examples/ does not hold: domain, seed.
DRAWN = {"lion": 11, "dog": 11, "owl": 7, "rabbit": 11, "statue": 3}
HERO = ("cat", "lion", "robot", "anime", "dog", "fox", "pumpkin", "owl")
MOTIONS = {"sing": "bear", "laugh": "lion", "wink": "cat", "surprise": "rabbit", "nod": "statue", "talk": "fox"}


def picture_of(name: str, folder: Path) -> Path:
    """The picture of one character: an example, or drawn like a photograph."""
    if name not in DRAWN:
        return HERE / f"{name}.png"
    who = character(name, DRAWN[name], style="photo")
    pose = framed(who, Expression(smile=0.3), Pose(), share=0.56, middle=0.55)
    path = folder / f"{name}.png"
    write_picture(path, draw(who, Expression(smile=0.3), pose, size=512, background="plain").rgb, overwrite=True)
    return path


def cell(clip: Path, side: int = CELL) -> list[np.ndarray]:
    """The middle square of the frames that are kept, ``side`` pixels each."""
    import cv2

    cells = []
    for frame in list(read_frames(clip))[::STEP]:
        edge = min(frame.shape[:2])
        left = (frame.shape[1] - edge) // 2
        cells.append(cv2.resize(frame[:edge, left : left + edge], (side, side), interpolation=cv2.INTER_AREA))
    return cells


def write(path: Path, frames: list[np.ndarray]) -> None:
    """An animated WebP that loops for ever."""
    from PIL import Image

    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=rest, duration=MILLISECONDS, loop=0, quality=QUALITY, method=6)
    print(f"{path}: {len(frames)} frames, {path.stat().st_size / 1e6:.2f} MB")


def hero(shot: FaceShot, folder: Path) -> list[np.ndarray]:
    """The actor at the left, two rows of characters beside."""
    drive = shot.drive(HERE / "actor.mp4", source="track")
    cells = []
    for name in HERO:
        video = folder / f"{name}.mp4"
        shot.animate(picture_of(name, folder), driving=drive, output=video)
        cells.append(cell(video))
    half = len(cells) // 2
    actor = cell(HERE / "actor.mp4", 2 * CELL)
    return [
        np.hstack([big, np.vstack([np.hstack(small[:half]), np.hstack(small[half:])])])
        for big, *small in zip(actor, *cells, strict=True)
    ]


def motions(shot: FaceShot, folder: Path) -> list[np.ndarray]:
    """One built-in motion each, all of one length so that the loop closes."""
    cells = []
    for motion, name in MOTIONS.items():
        path = picture_of(name, folder)
        video = folder / f"{motion}.mp4"
        shot.animate(path, motion=motion, seconds=3.2, output=video)
        cells.append(cell(video))
    return [np.hstack(row) for row in zip(*cells, strict=True)]


def main() -> None:
    """Animate, lay out, write."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "docs"
    shot = FaceShot()
    with tempfile.TemporaryDirectory() as folder:
        write(out / "hero.webp", hero(shot, Path(folder)))
        write(out / "motions.webp", motions(shot, Path(folder)))


if __name__ == "__main__":
    main()
