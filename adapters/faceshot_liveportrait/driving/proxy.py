"""Mode ``proxy``: the warp backend moves the character's crop, M reads the frames, LivePortrait renders.

No identity gap and no gains to tune: the driver is the character itself, and its rest frame is the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray, Size
from faceshot.progress import progress
from faceshot.rendering import ProxyClip
from faceshot_liveportrait.driving.motion import Motion, smoothed
from faceshot_liveportrait.driving.video import Driver, joined, read_frames_motion
from faceshot_liveportrait.place import SIDE, CropFrame, openness


def read_proxy(
    engine: Any,
    crop: RGBArray,
    frame: CropFrame,
    landmarks: Landmarks,
    sequence: LandmarkSequence,
    own: Motion,
    *,
    smoothing: float = 0.0,
) -> tuple[Driver, Any]:
    """M's reading of the warped crop in every frame.

    Args:
        engine: with ``read_motion``.
        crop: (512, 512, 3) the source's crop, cut by ``frame``.
        landmarks, sequence: the character's, pixels of the picture.
        own: M's reading of the crop itself; it is the driver's frame 0, the rest.
        smoothing: variance of M's noise, 0 for none.

    Returns:
        A driver of 1 + N frames, and (N,) bool: where the warped frame is the crop itself.
    """
    rest, moved = (_in_crop(frame, xy) for xy in (landmarks.xy, sequence.xy))
    marks = replace(landmarks, xy=rest, size=Size(SIDE, SIDE), score=None)
    clip = replace(sequence, xy=moved, size=marks.size, score=None)
    proxy = ProxyClip(Picture(crop), marks, clip)
    same: list[bool] = []

    def frames() -> Iterator[RGBArray]:
        for made in proxy.frames():
            same.append(bool(np.array_equal(made, crop)))
            yield made

    read = read_frames_motion(engine, progress(frames(), "read the proxy", total=len(clip)))
    if smoothing > 0:
        read = smoothed(read, smoothing)
    still = np.array(same)
    motion = joined([own, read])
    for name in ("rotation", "exp", "scale", "t"):
        values = getattr(motion, name)
        values[1:][still] = values[0]
    eyes, lips = openness(np.concatenate([rest[None], np.where(np.isfinite(moved), moved, rest)]))
    return Driver(motion, eyes, lips, rest=0), still


def _in_crop(frame: CropFrame, xy: np.ndarray) -> np.ndarray:
    return (np.asarray(xy, np.float64) @ frame.matrix[:, :2].T + frame.matrix[:, 2]).astype(np.float32)
