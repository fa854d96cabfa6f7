"""Landmarks numbered in other ways than iBUG 68: converted where a documented map exists, else named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError, option, speaks_flags
from faceshot.landmarks.topology import COCO_WHOLEBODY_FACE, MEDIAPIPE_TO_68, N_POINTS, WFLW_TO_68

Array = npt.NDArray[np.float64]
_MESH = (468, 478)
#: Numbers of points -> the scheme, where we know no map to 68.
_UNKNOWN = {
    17: "body key points (COCO)",
    19: "AFLW's 19 points",
    21: "AFLW's 21 points",
    29: "COFW's 29 points",
    39: "Multi-PIE's profile",
    51: "iBUG without the jaw",
    52: "blend shapes, or iBUG without the jaw",
    106: "106 points, which JD-landmark and InsightFace number in two ways",
    194: "HELEN's 194 points",
}


def to_ibug(points: npt.ArrayLike, name: str | Path) -> tuple[Array, bool]:
    """Points (n, 2), or of a clip (T, n, 2), as iBUG 68; a third coordinate is left out.

    Known are 68, 70 (OpenPose: 68 and two pupils), 98 (WFLW), 133 (COCO-WholeBody) and MediaPipe's mesh of 468 or 478.

    Returns:
        The points, and whether they lie in the unit square (MediaPipe's normalised coordinates) and not in pixels.

    Raises:
        InputError: another number of points; the message says what they are and what can be done.
    """
    xy = np.asarray(points, np.float64)[..., :2]
    count = xy.shape[-2]
    if count in (N_POINTS, 70):
        return xy[..., :N_POINTS, :], False
    if count == 133:
        return xy[..., slice(*COCO_WHOLEBODY_FACE), :], False
    if count == 98 or count in _MESH:
        table = WFLW_TO_68 if count == 98 else MEDIAPIPE_TO_68
        mapped = np.stack([xy[..., list(indices), :].mean(-2) for indices in table], axis=-2)
        finite = xy[np.isfinite(xy)]
        return mapped, count in _MESH and bool(finite.size and np.abs(finite).max() <= 2)
    raise InputError(f"{name} holds {count} points, shape {xy.shape}: {_named(xy)}")


def known_count(count: int) -> bool:
    """Whether :func:`to_ibug` takes this number of points."""
    return count in (N_POINTS, 70, 98, 133, *_MESH)


def _named(xy: Array) -> str:
    count = xy.shape[-2]
    if count == 5:
        if xy.ndim == 2 and np.isfinite(xy).all():
            names = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
            text = ";".join(f"{name}={x:.4g},{y:.4g}" for name, (x, y) in zip(names, xy, strict=True))
            points = option("points", f"'{text}'" if speaks_flags.get() else text)
            return f"eyes, nose and mouth corners; give them to the matcher as {points}"
        return "eyes, nose and mouth corners, too few to drive with"
    if count in _UNKNOWN:
        return f"{_UNKNOWN[count]}; there is no map to the 68 of iBUG here, label the picture again or match it"
    return (
        f"wanted are the {N_POINTS} of iBUG, or 98 (WFLW), 468 or 478 (MediaPipe), 70 (OpenPose), 133 (COCO-WholeBody)"
    )
