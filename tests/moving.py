"""Drawn characters that move, with exact landmarks in every frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from faceshot.landmarks.types import Landmarks, LandmarkSequence, Size

FPS = Fraction(30)


def moving_face(
    domain: str = "cat", *, frames: int = 24, size: int = 240, style: str = "flat", seed: int = 3
) -> tuple[list[np.ndarray], LandmarkSequence]:
    """A clip of a character that nods, turns, talks and blinks once (frame 12 is the closed one), and its truth."""
    from faceshot_gallery.illustrator import Expression, Pose, character, draw

    who = character(domain, seed, style=style)  # type: ignore[arg-type]
    pictures, points = [], []
    for i in range(frames):
        t = 2 * np.pi * i / float(FPS)
        lids = min(1.0, abs(i - 12) / 3)
        expression = Expression(
            right_eye_open=lids, left_eye_open=lids, jaw_open=max(0.0, 0.5 * np.sin(t)), smile=0.4 * np.sin(0.7 * t)
        )
        pose = Pose(roll=6 * np.sin(0.6 * t), yaw=8 * np.sin(0.5 * t), dx=0.03 * np.sin(0.4 * t))
        drawing = draw(who, expression, pose, size=size, background="plain")
        pictures.append(drawing.rgb)
        points.append(drawing.landmarks.xy)
    truth = LandmarkSequence(np.stack(points), Size(size, size), FPS, absent=drawing.landmarks.absent)
    return pictures, truth


def write_clip(path: Path, pictures: list[np.ndarray], fps: Fraction = FPS) -> Path:
    """Write pictures as a video."""
    from faceshot.media.video import VideoWriter

    with VideoWriter(path, Size(pictures[0].shape[1], pictures[0].shape[0]), fps) as writer:
        for picture in pictures:
            writer.write(picture)
    return path


def first(truth: LandmarkSequence) -> Landmarks:
    """The landmarks of the first frame."""
    landmarks: Landmarks = truth[0]
    return landmarks
