"""Clips in and out, for plug-ins and other programs: ``from faceshot.video import read_frames``."""

from __future__ import annotations

from faceshot.media.clip import VideoInfo
from faceshot.media.video import VideoWriter, keeps_alpha, probe, read_frames

__all__ = ["VideoInfo", "VideoWriter", "keeps_alpha", "probe", "read_frames"]
