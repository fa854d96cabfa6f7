"""How the source ``track`` moves compared with MediaPipe on the same frames, and how fast the sources are.

Uses the clips and the model of the development material next to the repository (or FACESHOT_SHARED) where present,
the drawn actor always. `track` starts from our matcher, as it does for users, or with `--anchor mediapipe` from
MediaPipe's first frame.

    python benchmarks/driving.py [--anchor matcher|mediapipe] [--save FOLDER] [CLIP ...]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

from faceshot.driving import drive
from faceshot.errors import FaceShotError
from faceshot.landmarks import LandmarkSequence, motion_difference
from faceshot.matching import Matcher
from faceshot.media import read_frames

REPO = Path(__file__).resolve().parents[1]


def timed(clip: Path, **options: object) -> tuple[LandmarkSequence, float]:
    """The sequence, and frames per second of processor time (decoding included; a busy machine does not count)."""
    begin = time.process_time()
    found = drive(clip, rest=0, **options)  # type: ignore[arg-type]
    return found, len(found) / (time.process_time() - begin)


def strip(clip: Path, sequences: list[LandmarkSequence], out: Path, count: int = 12, side: int = 300) -> None:
    """Twelve frames of the clip around the face; the first sequence in green, the second in red."""
    import cv2

    from faceshot.landmarks.topology import CURVES

    wanted = set(np.linspace(0, len(sequences[0]) - 1, count).astype(int).tolist())
    tiles = []
    for index, frame in enumerate(read_frames(clip)):
        if index not in wanted:
            continue
        low, high = sequences[0].xy[index].min(0), sequences[0].xy[index].max(0)
        half = float((high - low).max()) * 0.62
        zoom, corner = side / (2 * half), (low + high) / 2 - half
        matrix = np.array([[zoom, 0, -corner[0] * zoom], [0, zoom, -corner[1] * zoom]])
        tile = cv2.warpAffine(frame, matrix, (side, side), flags=cv2.INTER_AREA)
        for sequence, colour in zip(sequences, ((0, 255, 0), (255, 0, 0)), strict=False):
            points = sequence.xy[index] @ matrix[:, :2].T + matrix[:, 2]
            for curve, closed in CURVES:
                line = np.round(points[list(curve)] * 8).astype(np.int32).reshape(-1, 1, 2)
                cv2.polylines(tile, [line], closed, colour, 1, cv2.LINE_AA, 3)
        tiles.append(tile)
    columns = 4
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles) - columns + 1, columns)]
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument(
        "--anchor", choices=("matcher", "mediapipe"), default="matcher", help="first landmarks of track"
    )
    parser.add_argument("--save", type=Path, help="folder for strips of frames with both results")
    arguments = parser.parse_args()
    shared = Path(os.environ.get("FACESHOT_SHARED") or REPO.parent / "shared")
    model = shared / "models" / "face_landmarker.task"
    clips = arguments.clips or [*sorted((shared / "clips").glob("*.mp4")), REPO / "examples" / "actor.mp4"]
    matcher = Matcher() if arguments.anchor == "matcher" else None
    print("mean difference of motion, track against mediapipe (eye distances), and frames per second of processor time")
    for clip in (clip for clip in clips if clip.is_file()):
        try:
            detected, detector_speed = timed(clip, source="mediapipe", model=model if model.is_file() else None)
        except FaceShotError as error:
            print(f"{clip.stem}: {error}", file=sys.stderr)
            continue
        first = {"landmarks": detected[0]} if matcher is None else {"matcher": matcher}
        tracked, tracker_speed = timed(clip, source="track", **first)
        both = np.asarray(tracked.found) & np.asarray(detected.found)
        difference = motion_difference(tracked.xy[both], detected.xy[both])
        figures = "  ".join(f"{name} {value:.3f}" for name, value in difference.items())
        print(
            f"{clip.stem:12s} {len(tracked):4d} frames  {figures}  "
            f"mediapipe {detector_speed:.0f}/s  track {tracker_speed:.0f}/s"
        )
        if arguments.save:
            strip(clip, [detected, tracked], arguments.save / f"driving_{clip.stem}.png")


if __name__ == "__main__":
    main()
