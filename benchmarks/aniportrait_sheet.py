"""The paper's Fig. 11 for AniPortrait: characters its own detector refuses, and what it is told of them by ours.

Each row: the picture; the drawing that the published code makes of it, or its refusal; the drawings made of landmarks
that were matched, at rest and in two moments of a laugh; where the weights are here, the frames of those moments.

    python benchmarks/aniportrait_sheet.py out.png [--pictures FOLDER] [--model face_landmarker.task]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from landmarks_mediapipe import detector
from warp_sheet import CAST, camera

from faceshot.driving import motion_template
from faceshot.landmarks import Landmarks, Picture, RGBArray
from faceshot.media import read_picture
from faceshot.pipeline import AnimationOptions, FaceShot, load_backend
from faceshot.retargeting import retarget
from faceshot_aniportrait.drawing import draw_pose
from faceshot_gallery.illustrator import character, draw

_SIDE, _TILE = 512, 160


def pictures(folder: Path | None) -> Iterator[Picture]:
    """Those of a folder, else drawn characters."""
    for domain, seed, style in CAST if folder is None else ():
        rgb = draw(character(domain, seed, style=style), size=_SIDE).rgb  # type: ignore[arg-type]
        yield Picture(camera(rgb) if style == "photo" else rgb)
    for path in sorted(folder.iterdir()) if folder else ():
        yield read_picture(path)


def told(picture: Picture, marks: Landmarks, render: bool) -> list[RGBArray]:
    """Drawings at rest and in two moments, and frames of these where there are weights."""
    moved = retarget(marks, motion_template("laugh", fps=Fraction(16), seconds=1))
    widest = int(np.abs(moved.xy - marks.xy).mean((1, 2)).argmax())
    moments = [widest // 2, widest]
    tiles = [draw_pose(xy + np.float32(0.5), marks.size) for xy in (marks.xy, *moved.xy[moments])]
    if render:
        frames = list(load_backend("aniportrait").animate(picture, marks, moved, AnimationOptions()))
        tiles += [frames[k][..., :3] for k in moments]
    return tiles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--pictures", type=Path, help="a folder of pictures instead of drawn characters")
    parser.add_argument("--model", type=Path, help="MediaPipe's face_landmarker.task, the published code's detector")
    arguments = parser.parse_args()
    theirs, render = detector(arguments.model), not load_backend("aniportrait").requires()
    shot, rows, refused, moving = FaceShot(), [], 0, 0
    for picture in pictures(arguments.pictures):
        xy = next(iter(theirs.detect([np.ascontiguousarray(picture.flat())], Fraction(1)))).xy
        found = shot.match(picture, strict=False)
        refused, moving = refused + (xy is None), moving + (found.confidence >= shot.matcher.threshold)
        blank = np.zeros((_SIDE, _SIDE, 3), np.uint8)
        if xy is None:
            cv2.putText(blank, "no face", (90, 280), cv2.FONT_HERSHEY_SIMPLEX, 2.5, (200, 60, 60), 6, cv2.LINE_AA)
        tiles = [picture.flat(), blank if xy is None else draw_pose(xy + 0.5, picture.size)]
        tiles += told(picture, found.landmarks, render)
        rows.append(np.hstack([cv2.resize(tile, (_TILE, _TILE), interpolation=cv2.INTER_AREA) for tile in tiles]))
    cv2.imwrite(str(arguments.output), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"of {len(rows)} pictures the published code's detector refuses {refused}, our matcher trusts {moving}")
    if not render:
        print("no frames: the weights are not here (faceshot weights fetch aniportrait)")


if __name__ == "__main__":
    main()
