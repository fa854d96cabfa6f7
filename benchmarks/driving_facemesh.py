"""Source ``facemesh`` beside MediaPipe's own program on the same frames: points, scores, speed.

Needs ``pip install 'faceshot[bench]'`` for MediaPipe, the model and clips of the development material next to the
repository (or FACESHOT_SHARED), or clips of your own.

    OMP_NUM_THREADS=1 python benchmarks/driving_facemesh.py [--model FILE] [CLIP ...]

Columns: distance of the points as drive gives them [% of the inter-ocular distance], mean and worst frame; against
MediaPipe's scores: F1 of closed eyes (eyeBlink > 0.5), slope of the mouth opening (inner lips), correlation of gaze
with the look scores, sideways and up and down; milliseconds of processor time per frame, theirs and ours.
"""

from __future__ import annotations

import argparse
import os
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.facemesh import FaceMesh, follow_clip
from faceshot.landmarks import BLENDSHAPES, LandmarkSequence
from faceshot.landmarks.topology import MEDIAPIPE_TO_68
from faceshot.media import probe, read_frames

REPO = Path(__file__).resolve().parents[1]
CLOSED = 0.5


def theirs(model: Path, frames: list[np.ndarray], fps: Fraction) -> tuple[np.ndarray, np.ndarray, float]:
    """MediaPipe's points (T, 478, 2) in pixels, its scores (T, 52) in ARKit's order, seconds of processor time."""
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=model.read_bytes()),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    size = np.array([frames[0].shape[1], frames[0].shape[0]])
    points, scores = np.full((len(frames), 478, 2), np.nan), np.full((len(frames), 52), np.nan)
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        landmarker_time = time.process_time()
        for index, frame in enumerate(frames):
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
            answer = landmarker.detect_for_video(image, int(index * 1000 / fps))
            if not answer.face_landmarks:
                continue
            points[index] = np.array([(p.x, p.y) for p in answer.face_landmarks[0]]) * size
            named = {entry.category_name: entry.score for entry in answer.face_blendshapes[0]}
            scores[index] = [named.get(name, 0.0) for name in BLENDSHAPES]
        return points, scores, time.process_time() - landmarker_time


def apart(ours: LandmarkSequence, points: np.ndarray) -> np.ndarray:
    """(T,) mean distance of the 68 points in percent of the inter-ocular distance."""
    merged = np.stack([points[:, list(indices)].mean(1) for indices in MEDIAPIPE_TO_68], axis=1) - 0.5
    eyes = [merged[:, list(range(*span))].mean(1) for span in ((36, 42), (42, 48))]
    unit = np.linalg.norm(eyes[0] - eyes[1], axis=1)
    return 100 * np.linalg.norm(ours.xy - merged, axis=2).mean(1) / unit


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    """Of two (n,) bool; 1 where both are empty."""
    both = int((found & truth).sum())
    return 2 * both / (int(found.sum()) + int(truth.sum())) if found.any() or truth.any() else 1.0


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's, over the frames in which both are known."""
    good = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[good], b[good])[0, 1])


def measures(ours: LandmarkSequence, points: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Blinks, mouth and gaze against MediaPipe's."""
    shown = ours.expression
    assert shown is not None

    def score(*names: str) -> np.ndarray:
        return np.asarray(sum(scores[:, BLENDSHAPES.index(name)] for name in names)) / len(names)

    closed = [(shown.shape(name) > CLOSED, score(name) > CLOSED) for name in ("eyeBlinkRight", "eyeBlinkLeft")]
    gap = np.linalg.norm(ours.xy[:, 62] - ours.xy[:, 66], axis=1)
    true_gap = np.linalg.norm(points[:, 13] - points[:, 14], axis=1)
    # Eyes shut for MediaPipe look nowhere.
    open_ = score("eyeBlinkRight", "eyeBlinkLeft") < CLOSED
    side = np.where(
        open_, score("eyeLookInRight", "eyeLookOutLeft") - score("eyeLookOutRight", "eyeLookInLeft"), np.nan
    )
    down = np.where(
        open_, score("eyeLookDownRight", "eyeLookDownLeft") - score("eyeLookUpRight", "eyeLookUpLeft"), np.nan
    )
    gaze = shown.gaze.astype(np.float64).mean(1)
    good = np.isfinite(true_gap)
    return {
        "blink": f1(np.concatenate([a for a, _ in closed]), np.concatenate([b for _, b in closed])),
        "mouth": float(np.polyfit(true_gap[good], gap[good], 1)[0]),
        "side": correlation(gaze[:, 0], side),
        "down": correlation(gaze[:, 1], down),
    }


def compare(mesh: FaceMesh, model: Path, clip: Path) -> dict[str, Any]:
    """One row of the table."""
    fps = probe(clip).fps
    frames = list(read_frames(clip))
    points, scores, their_time = theirs(model, frames, fps)
    before = time.process_time()
    driven = follow_clip(mesh, frames, fps)
    our_time = time.process_time() - before
    assert driven is not None
    off = apart(driven, points)
    row = measures(driven, points, scores)
    return row | {
        "frames": len(frames),
        "mean": float(np.nanmean(off)),
        "most": float(np.nanmax(off)),
        "theirs": 1000 * their_time / len(frames),
        "ours": 1000 * our_time / len(frames),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--model", type=Path, help="face_landmarker.task")
    arguments = parser.parse_args()
    shared = Path(os.environ.get("FACESHOT_SHARED") or REPO.parent / "shared")
    model = arguments.model or shared / "models" / "face_landmarker.task"
    mesh = FaceMesh(model)
    print(
        "| clip | frames | points %, mean / most | blink F1 | mouth slope | gaze r, side / down | ms, theirs / ours |"
    )
    print("|---|---|---|---|---|---|---|")
    for clip in arguments.clips or sorted((shared / "clips").glob("*.mp4")):
        row = compare(mesh, model, clip)
        print(
            f"| {clip.stem} | {row['frames']} | {row['mean']:.5f} / {row['most']:.5f} | {row['blink']:.3f} "
            f"| {row['mouth']:.3f} | {row['side']:.3f} / {row['down']:.3f} | {row['theirs']:.2f} / {row['ours']:.2f} |"
        )


if __name__ == "__main__":
    main()
