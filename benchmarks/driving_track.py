"""Lids, lips and motion of the source ``track`` against reference points of the same frames.

The clips of the development material next to the repository (or FACESHOT_SHARED) where present, with the points that
lie beside them; the drawn actor, whose truth is exact; and pictures moved by ``warp`` and tracked again.

    python benchmarks/driving_track.py [--warped CHARACTERS] [CLIP ...]

Closed: the opening (lid gap over corner distance) is below half of the clip's own 90th percentile, eyes counted
singly. A false wink: one eye below 0.35 and the other above 0.65 of its usual opening where the reference's differ by
less than 0.3. Mouth: mean gap of the inner lips over the distance of the corners; gain is the slope of ours on the
reference.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.driving import drive
from faceshot.landmarks import Landmarks, LandmarkSequence, motion_difference
from faceshot.landmarks.topology import INNER_LIP_PAIRS, LEFT_EYE, LID_PAIRS, MOUTH_CORNERS, RIGHT_EYE

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
    """Clips with points beside them, and the drawn actor with its own."""
    from faceshot.formats import read_sequence

    for clip in wanted or [*sorted((shared / "clips").glob("*.mp4")), REPO / "examples" / "actor.mp4"]:
        points = [clip.with_suffix(".mediapipe.npz"), clip.with_suffix(".landmarks.npz")]
        beside = next((path for path in points if path.is_file()), None)
        if beside is not None:
            truth = read_sequence(beside)
            yield clip, truth.xy, np.asarray(truth.found)


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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--warped", type=Path, help="folder of pictures with landmarks.json, moved by warp and tracked")
    arguments = parser.parse_args()
    shared = Path(os.environ.get("FACESHOT_SHARED") or REPO.parent / "shared")
    rows = []
    results: Iterator[tuple[str, dict[str, float]]] = (
        warped(arguments.warped)
        if arguments.warped
        else (
            (clip.stem, compare(drive(clip, source="track", rest=0), truth, known))
            for clip, truth, known in references(shared, arguments.clips)
        )
    )
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
