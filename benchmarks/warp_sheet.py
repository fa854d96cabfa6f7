"""A sheet of what ``warp`` draws: twelve drawn characters, six of them as a camera would see them, in six moments.

python benchmarks/warp_sheet.py out.png
python benchmarks/warp_sheet.py out.png --before earlier.png   # every row twice: as an earlier checkout drew it, as now
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from faceshot.driving import motion_template
from faceshot.landmarks import Landmarks, Picture
from faceshot.retargeting import retarget
from faceshot_gallery.illustrator import character, draw
from faceshot_warp.compose import Animator
from faceshot_warp.options import WarpOptions

#: (domain, seed, style)
CAST = (
    ("person", 11, "photo"),
    ("person", 23, "photo"),
    ("statue", 11, "photo"),
    ("monkey", 11, "photo"),
    ("dog", 11, "photo"),
    ("cat", 11, "photo"),
    ("person", 5, "flat"),
    ("anime", 4, "outline"),
    ("cartoon", 7, "soft3d"),
    ("fox", 3, "textured"),
    ("bear", 11, "flat"),
    ("robot", 2, "soft3d"),
)
_SIZE, _TILE = 512, 180


def camera(rgb: np.ndarray) -> np.ndarray:
    """Soft edges and grain."""
    soft = cv2.GaussianBlur(rgb, (0, 0), 1.7).astype(np.float32)
    grain = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 12, rgb.shape).astype(np.float32), (0, 0), 0.8)
    return np.clip(soft + grain + 0.5, 0, 255).astype(np.uint8)


def peak(landmarks: Landmarks, name: str, part: slice = slice(None)) -> np.ndarray:
    """The liveliest frame of a built-in motion, by the points ``part``."""
    xy = retarget(landmarks, motion_template(name)).xy
    return xy[int(np.abs(xy - landmarks.xy)[:, part].mean((1, 2)).argmax())]


def moments(landmarks: Landmarks) -> list[np.ndarray]:
    """Six sets of landmarks (68, 2): eyes shut, talking, laughing, nodding, turned, and far away."""
    talk, laugh = peak(landmarks, "talk", slice(48, 68)), peak(landmarks, "laugh")
    blink = landmarks.xy.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        blink[upper] += 0.9 * (landmarks.xy[lower] - landmarks.xy[upper])
    middle = landmarks.xy.mean(0)
    angle = np.deg2rad(14)
    turn = 1.12 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    far = (laugh - middle) @ turn.T + middle + np.ptp(landmarks.xy, axis=0) * [0.22, -0.2]
    return [blink, talk, laugh, peak(landmarks, "nod"), peak(landmarks, "shake"), far.astype(np.float32)]


def row(domain: str, seed: int, style: str) -> np.ndarray:
    """The picture and its six moments, side by side."""
    drawing = draw(character(domain, seed, style=style), size=_SIZE)  # type: ignore[arg-type]
    rgb = camera(drawing.rgb) if style == "photo" else drawing.rgb
    animator = Animator(Picture(rgb), drawing.landmarks, WarpOptions())
    tiles = [rgb, *(animator.frame(xy) for xy in moments(drawing.landmarks))]
    return np.hstack([cv2.resize(tile, (_TILE, _TILE), interpolation=cv2.INTER_AREA) for tile in tiles])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--before", type=Path, help="the sheet of an earlier checkout")
    arguments = parser.parse_args()
    rows = [row(*who) for who in CAST]
    if arguments.before:
        earlier = cv2.imread(str(arguments.before))[..., ::-1]
        rows = [np.vstack([earlier[i * _TILE : (i + 1) * _TILE], now]) for i, now in enumerate(rows)]
    cv2.imwrite(str(arguments.output), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
