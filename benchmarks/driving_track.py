"""Lids, lips and motion of the source ``track`` against reference points of the same frames.

The clips of the development material next to the repository (or FACESHOT_SHARED) where present, with the points that
lie beside them; the drawn actor, whose truth is exact; clips of your own, with facemesh's points of them; and pictures
moved by ``warp`` and tracked again.

    python benchmarks/driving_track.py [--warped CHARACTERS] [--save FOLDER] [CLIP ...]

Closed: the opening (lid gap over corner distance) is below half of the clip's own 90th percentile, eyes counted
singly. A false wink: one eye below 0.35 and the other above 0.65 of its usual opening where the reference's differ by
less than 0.3. Mouth: mean gap of the inner lips over the distance of the corners; gain is the slope of ours on the
reference. Motion: mean difference per part, eye distances. Last, frames per second of processor time, decoding
included.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.driving import drive
from faceshot.landmarks import Landmarks, LandmarkSequence, motion_difference
from faceshot.landmarks.topology import INNER_LIP_PAIRS, LEFT_EYE, LID_PAIRS, MOUTH_CORNERS, RIGHT_EYE
from faceshot.media import read_frames

Array = npt.NDArray[Any]
REPO = Path(__file__).resolve().parents[1]


def eye_openings(xy: Array) -> Array:
    """(T, 2) opening of both eyes over their clip's 90th percentile."""
    out = []
    for name, eye in (("right_eye", RIGHT_EYE), ("left_eye", LEFT_EYE)):
        gap = np.mean([np.linalg.norm(xy[:, a] - xy[:, b], axis=1) for a, b in LID_PAIRS[name]], axis=0)  # type: ignore[index]
        gap = gap / np.maximum(np.linalg.norm(xy[:, eye[3]] - xy[:, eye[0]], axis=1), 1e-6)
        out.append(gap / max(float(np.percentile(gap, 90)), 1e-6))
    return np.stack(out, 1)


def mouth_opening(xy: Array) -> Array:
    """(T,) mean gap of the inner lips over the distance of the mouth's corners."""
    gap = np.mean([np.linalg.norm(xy[:, a] - xy[:, b], axis=1) for a, b in INNER_LIP_PAIRS], axis=0)
    right, left = MOUTH_CORNERS
    return np.asarray(gap / np.maximum(np.linalg.norm(xy[:, left] - xy[:, right], axis=1), 1e-6))


def compare(found: LandmarkSequence, truth: Array, known: npt.NDArray[np.bool_]) -> dict[str, float]:
    """The figures of one clip; ``truth`` (T, 68, 2), ``known`` (T,) where it is one."""
    known = known & np.asarray(found.found)
    xy, truth = found.xy[known].astype(np.float64), truth[known].astype(np.float64)
    ours, theirs = eye_openings(xy), eye_openings(truth)
    shut, said = theirs < 0.5, ours < 0.5
    odd = (ours.min(1) < 0.35) & (ours.max(1) > 0.65) & (np.ptp(theirs, axis=1) < 0.3)
    a, b = (mouth_opening(points) - mouth_opening(points).mean() for points in (xy, truth))
    figures = {"closed": int(shut.sum()), "found": int((shut & said).sum()), "false": int((said & ~shut).sum())}
    figures |= {"winks": int(odd.sum())}
    figures |= {"mouth_r": float((a * b).sum() / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))}
    figures |= {"mouth_gain": float((a * b).sum() / max(float((b * b).sum()), 1e-9))}
    return figures | motion_difference(xy, truth)


def f1(rows: list[dict[str, float]]) -> float:
    """F1 of closed eyes over several clips."""
    hit, false, true = (sum(row[name] for row in rows) for name in ("found", "false", "closed"))
    return 2 * hit / max(true + hit + false, 1)


def references(shared: Path, wanted: list[Path]) -> Iterator[tuple[Path, Array, npt.NDArray[np.bool_]]]:
    """Clips with the points beside them, else those of facemesh, and the drawn actor with its own."""
    from faceshot.formats import read_sequence

    model = shared / "models" / "face_landmarker.task"
    for clip in wanted or [*sorted((shared / "clips").glob("*.mp4")), REPO / "examples" / "actor.mp4"]:
        points = [clip.with_suffix(".mediapipe.npz"), clip.with_suffix(".landmarks.npz")]
        beside = next((path for path in points if path.is_file()), None)
        if beside is None:
            truth = drive(clip, source="facemesh", model=model if model.is_file() else None, rest=0)
        else:
            truth = read_sequence(beside)
        yield clip, truth.xy, np.asarray(truth.found)


def tracked(shared: Path, wanted: list[Path], save: Path | None) -> Iterator[tuple[str, dict[str, float]]]:
    """The figures of clips, and sheets of both points in ``save``."""
    for clip, truth, known in references(shared, wanted):
        begin = time.process_time()
        found = drive(clip, source="track", rest=0)
        speed = len(found) / (time.process_time() - begin)
        if save is not None:
            strip(clip, [truth, found.xy], save / f"driving_{clip.stem}.png")
        yield clip.stem, compare(found, truth, known) | {"frames/s": speed}


def warped(characters: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Pictures moved by ``warp`` with a drawn driver that blinks and talks, tracked from their true landmarks."""
    from faceshot import FaceShot
    from faceshot.landmarks import Size

    table = json.loads((characters / "landmarks.json").read_text(encoding="utf-8"))
    shot = FaceShot(backend="warp")
    for name, points in sorted((name, row) for name, row in table["characters"].items()):
        landmarks = Landmarks(np.asarray(points["points"], np.float32), Size(512, 512))
        with tempfile.TemporaryDirectory() as folder:
            video = Path(folder) / "moved.mp4"
            result = shot.animate(
                characters / "images" / f"{name}.png", output=video, motion="talk", landmarks=landmarks, seconds=4
            )
            found = drive(video, source="track", rest=0, landmarks=landmarks)
        yield name, compare(found, np.asarray(result.sequence.xy), np.ones(len(found), bool))


def strip(clip: Path, points: list[Array], out: Path, count: int = 12, side: int = 300) -> None:
    """Twelve frames of the clip around the face; the first points (T, 68, 2) in green, the second in red."""
    import cv2

    from faceshot.landmarks.topology import CURVES

    wanted = set(np.linspace(0, len(points[0]) - 1, count).astype(int).tolist())
    tiles = []
    for index, frame in enumerate(read_frames(clip)):
        if index not in wanted:
            continue
        low, high = points[0][index].min(0), points[0][index].max(0)
        half = float((high - low).max()) * 0.62
        zoom, corner = side / (2 * half), (low + high) / 2 - half
        matrix = np.array([[zoom, 0, -corner[0] * zoom], [0, zoom, -corner[1] * zoom]])
        tile = cv2.warpAffine(frame, matrix, (side, side), flags=cv2.INTER_AREA)
        for xy, colour in zip(points, ((0, 255, 0), (255, 0, 0)), strict=False):
            moved = xy[index] @ matrix[:, :2].T + matrix[:, 2]
            for curve, closed in CURVES:
                line = np.round(moved[list(curve)] * 8).astype(np.int32).reshape(-1, 1, 2)
                cv2.polylines(tile, [line], closed, colour, 1, cv2.LINE_AA, 3)
        tiles.append(tile)
    columns = 4
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles) - columns + 1, columns)]
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--warped", type=Path, help="folder of pictures with landmarks.json, moved by warp and tracked")
    parser.add_argument("--save", type=Path, help="folder for sheets of frames with both points")
    arguments = parser.parse_args()
    shared = Path(os.environ.get("FACESHOT_SHARED") or REPO.parent / "shared")
    rows = []
    results = warped(arguments.warped) if arguments.warped else tracked(shared, arguments.clips, arguments.save)
    for name, row in results:
        rows.append(row)
        parts = "  ".join(f"{part} {row[part]:.3f}" for part in row if part not in _HEAD)
        print(
            f"{name:14s} closed {row['closed']:3.0f} found {row['found']:3.0f} false {row['false']:3.0f}  winks "
            f"{row['winks']:.0f}  mouth r {row['mouth_r']:.2f} gain {row['mouth_gain']:.2f}  {parts}",
            flush=True,
        )
    print(f"closed eyes, all: F1 {f1(rows):.3f}; false winks {sum(row['winks'] for row in rows):.0f}")


_HEAD = ("closed", "found", "false", "winks", "mouth_r", "mouth_gain")


if __name__ == "__main__":
    main()
