"""Points in time as plain JSON, which the import scripts for After Effects and Blender read."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from faceshot.driving import with_blendshapes
from faceshot.export.job import Job
from faceshot.landmarks import BLENDSHAPES
from faceshot.landmarks.topology import CURVES, GROUPS

_PARTS = ("jaw", "right_brow", "left_brow", "nose", "right_eye", "left_eye", "outer_lips", "inner_lips")
#: A name for each of the 68 points: its part and its place in it, from 1.
POINT_NAMES: Final = tuple(f"{part}_{k:02d}" for part in _PARTS for k, _ in enumerate(GROUPS[part], 1))


def keyframes(job: Job) -> dict[str, Any]:
    """The content of ``keyframes.json``: pixels of the stated size, y down, integers at pixel centres."""
    sequence = job.sequence
    shown = with_blendshapes(sequence).expression
    assert shown is not None
    return {
        "format": "faceshot-keyframes",
        "version": 1,
        "name": job.name,
        "fps": [sequence.fps.numerator, sequence.fps.denominator],
        "size": list(sequence.size),
        "rest": sequence.rest,
        "points": list(POINT_NAMES),
        "curves": [{"points": list(points), "closed": closed} for points, closed in CURVES],
        "frames": [[round(float(v), 3) for v in xy.reshape(-1)] for xy in sequence.xy],
        "blendshapes": list(BLENDSHAPES),
        "weights": [[round(float(v), 4) for v in row] for row in np.nan_to_num(shown.blendshapes)],
        "picture": None if job.picture is None else "picture.png",
    }
