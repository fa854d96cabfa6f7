"""Clips that lie on their side, because their rotation flag was lost: turned for tracking, landmarks turned back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from faceshot.errors import FaceShotError
from faceshot.landmarks import Landmarks, LandmarkSequence, RGBArray, Size
from faceshot.landmarks import topology as topo


class Lying(FaceShotError):
    """The face in the first good frame lies on its side or stands on its head.

    Attributes:
        turns: quarter turns, counter-clockwise, that make it upright, 1..3.
    """

    def __init__(self, turns: int) -> None:
        super().__init__(f"the face lies on its side; the clip has to be turned by {90 * turns} degrees")
        self.turns = turns


def quarter_turns(xy: npt.ArrayLike) -> int:
    """Quarter turns, counter-clockwise, after which a face (68, 2) stands as upright as such turns can make it."""
    points = np.asarray(xy, np.float64)
    across = points[list(topo.LEFT_EYE)].mean(0) - points[list(topo.RIGHT_EYE)].mean(0)
    return round(float(np.arctan2(across[1], across[0])) / (np.pi / 2)) % 4


def turned_frames(frames: Iterator[RGBArray], turns: int) -> Iterator[RGBArray]:
    """Frames (H, W, 3) turned counter-clockwise."""
    return (np.ascontiguousarray(np.rot90(frame, turns)) for frame in frames) if turns else frames


def turned(landmarks: Landmarks, turns: int) -> Landmarks:
    """The landmarks in the picture turned counter-clockwise."""
    xy, size = _turned(landmarks.xy, landmarks.size, turns)
    return replace(landmarks, xy=xy, size=size)


def turned_back(sequence: LandmarkSequence, turns: int) -> LandmarkSequence:
    """A sequence of a clip that was turned, in the pixels of the clip as it is."""
    xy, size = _turned(sequence.xy, sequence.size, -turns % 4)
    return replace(sequence, xy=xy, size=size)


def _turned(xy: npt.NDArray[np.float32], size: Size, turns: int) -> tuple[npt.NDArray[np.float32], Size]:
    for _ in range(turns):
        # Of numpy's rot90: what was at (x, y) is at (y, width - 1 - x).
        xy = np.stack([xy[..., 1], size.width - 1 - xy[..., 0]], axis=-1)
        size = Size(size.height, size.width)
    return xy, size
