"""A sheet of drivers that are no people: a drawn dog and a drawn cartoon, followed by ``track``, move other characters.

    python benchmarks/driving_sheet.py docs/driving_animals.jpg

Each block: the driver with the points that were tracked, and below it the character that follows. Everything runs as a
user would run it, from the drivers' videos; the drivers nod, turn, talk, blink and (the dog) wink once.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from faceshot import FaceShot
from faceshot.landmarks import Size
from faceshot.landmarks.topology import CURVES
from faceshot.media import VideoWriter, read_frames
from faceshot_gallery.illustrator import Expression, Pose, character, draw

REPO = Path(__file__).resolve().parents[1]
#: Driver: (domain, seed, style), whether it winks; and the example that follows it.
BLOCKS = ((("dog", 11, "photo"), True, "fox"), (("cartoon", 7, "soft3d"), False, "robot"))
FPS, FRAMES, SIZE, TILE = 25, 75, 480, 200
SHOWN = (0, 12, 20, 31, 44, 52, 60, 70)


def driver(who: tuple[str, int, str], winks: bool, path: Path) -> None:
    """A clip of a drawn character."""
    domain, seed, style = who
    drawn = character(domain, seed, style=style)  # type: ignore[arg-type]
    with VideoWriter(path, Size(SIZE, SIZE), Fraction(FPS)) as writer:
        for frame in range(FRAMES):
            t = frame / FPS
            blink = min(1.0, abs(frame - 20) / 3)
            right = min(blink, 0.0 if winks and 48 <= frame <= 56 else 1.0)
            jaw = max(0.0, 0.6 * np.sin(5 * t)) * (t > 0.3)
            pose = Pose(roll=7 * np.sin(1.7 * t), yaw=10 * np.sin(1.3 * t), pitch=5 * np.sin(2.2 * t))
            face = Expression(right_eye_open=right, left_eye_open=blink, jaw_open=jaw, smile=0.3)
            writer.write(draw(drawn, face, pose, size=SIZE, background="plain").rgb)


def marked(frame: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """The frame with the 68 points as lines."""
    out = frame.copy()
    for curve, closed in CURVES:
        line = np.round(xy[list(curve)] * 8).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(out, [line], closed, (40, 220, 90), 2, cv2.LINE_AA, 3)
    return out


def block(shot: FaceShot, who: tuple[str, int, str], winks: bool, name: str, folder: Path) -> np.ndarray:
    """Two rows: the driver and the character, in the moments SHOWN."""
    clip, video = folder / f"{who[0]}.mp4", folder / f"{name}.mp4"
    driver(who, winks, clip)
    shot.animate(REPO / "examples" / f"{name}.png", driving=clip, output=video, source="track")
    followed = shot.drive(clip, source="track")
    above = [marked(frame, followed.xy[k]) for k, frame in enumerate(read_frames(clip)) if k in SHOWN]
    below = [frame for k, frame in enumerate(read_frames(video)) if k in SHOWN]
    rows = [[cv2.resize(one, (TILE, TILE), interpolation=cv2.INTER_AREA) for one in row] for row in (above, below)]
    return np.vstack([np.hstack(row) for row in rows])


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    shot = FaceShot(backend="warp")
    with tempfile.TemporaryDirectory() as folder:
        sheet = np.vstack([block(shot, *row, Path(folder)) for row in BLOCKS])
    cv2.imwrite(str(arguments.output), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
