"""A character in named poses: each its own retargeting, all drawn by one warp."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from faceshot.driving import NamedPose
from faceshot.landmarks import BLENDSHAPES, Expression, Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.pipeline import AnimationOptions, frames_of, load_backend
from faceshot.retargeting import retarget


def moved_to(landmarks: Landmarks, poses: Sequence[NamedPose]) -> LandmarkSequence:
    """The character at rest, which is frame 0, and in every pose, one a frame."""
    moved = [retarget(landmarks, pose.sequence()) for pose in poses]
    gaze = np.zeros((1 + len(moved), 2, 2), np.float32)
    for k, one in enumerate(moved, 1):
        assert one.expression is not None
        gaze[k] = one.expression.gaze[1] - one.expression.gaze[0]
    frames = len(gaze)
    unknown = np.full((frames, len(BLENDSHAPES)), np.nan, np.float32)
    head = np.repeat(np.eye(3, dtype=np.float32)[None], frames, 0)
    expression = Expression(unknown, head, gaze, np.full(frames, np.nan, np.float32))
    xy = np.stack([landmarks.xy, *(one.xy[1] for one in moved)])
    return LandmarkSequence(xy, landmarks.size, Fraction(1), absent=landmarks.absent, expression=expression)


def draw_poses(picture: Picture, landmarks: Landmarks, poses: Sequence[NamedPose]) -> Iterator[RGBArray]:
    """The picture at rest and in every pose: uint8 (H, W, 3), or (H, W, 4) with a matte; what does not move is equal
    to the pixel."""
    warp, settings = load_backend("warp"), AnimationOptions()
    warp.load(settings)
    yield from frames_of(warp, picture, landmarks, moved_to(landmarks, poses), settings)
