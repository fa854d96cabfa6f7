"""What every part of FaceShot speaks, for plug-ins and annotations: ``from faceshot.types import Landmarks``."""

from __future__ import annotations

from faceshot.landmarks.types import (
    BoolArray,
    FloatArray,
    Landmarks,
    LandmarkSequence,
    Picture,
    RGBArray,
    Size,
    as_fps,
)
from faceshot.matching.result import Match
from faceshot.pipeline.inputs import DrivingLike, LandmarksLike, PictureLike
from faceshot.pipeline.result import Animation

__all__ = [
    "Animation",
    "BoolArray",
    "DrivingLike",
    "FloatArray",
    "LandmarkSequence",
    "Landmarks",
    "LandmarksLike",
    "Match",
    "Picture",
    "PictureLike",
    "RGBArray",
    "Size",
    "as_fps",
]
