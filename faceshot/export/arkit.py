"""ARKit's blendshapes: Live Link Face CSV, and the JSON layout of Audio2Face, which rigging add-ons read."""

from __future__ import annotations

from typing import Any

import numpy as np

from faceshot.driving import with_blendshapes
from faceshot.export.job import Job, Target
from faceshot.formats import live_link_text
from faceshot.landmarks import BLENDSHAPES, LandmarkSequence


def write(job: Job, target: Target) -> None:
    """Write what the sequence's expression channel says, or what its points tell."""
    shown = with_blendshapes(job.sequence)
    estimated = shown is not job.sequence
    target.text("face.csv", lambda: live_link_text(shown))
    target.json("face.json", lambda: weights(shown, estimated, job.name))


def weights(sequence: LandmarkSequence, estimated: bool, name: str) -> dict[str, Any]:
    """The JSON's content; frames of which nothing is known repeat the last known one, unknown shapes are 0."""
    shown = sequence.expression
    assert shown is not None
    known = np.asarray(np.isfinite(shown.blendshapes).any(1))
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    order = np.where(last < 0, np.argmax(known), last)
    table = np.nan_to_num(shown.blendshapes[order])
    unknown = [shape for k, shape in enumerate(BLENDSHAPES) if not np.isfinite(shown.blendshapes[:, k]).any()]
    return {
        "exportFps": float(sequence.fps),
        "trackPath": name,
        "numPoses": len(BLENDSHAPES),
        "numFrames": len(sequence),
        "facsNames": list(BLENDSHAPES),
        "weightMat": [[round(float(v), 4) for v in row] for row in table],
        "estimatedFrom68Points": estimated,
        "unknown": unknown,
    }
