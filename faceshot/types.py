"""The data that every part of FaceShot speaks, for plug-ins: ``from faceshot.types import Landmarks``."""

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

__all__ = ["BoolArray", "FloatArray", "LandmarkSequence", "Landmarks", "Picture", "RGBArray", "Size", "as_fps"]
