"""From a sequence's gaze to pixels of its picture."""

from __future__ import annotations

import numpy as np

from faceshot.landmarks.topology import LEFT_EYE, RIGHT_EYE
from faceshot.landmarks.types import FloatArray, LandmarkSequence


def iris_shift(sequence: LandmarkSequence) -> FloatArray | None:
    """How far each iris is from where it is in the rest frame, (T, 2, 2) pixels, right eye first; None without gaze.

    The eye's own motion is not in it: add the shift to where the iris would be if it only went along with the corners
    of its eye. What is not known counts as no shift. Whoever draws keeps the iris within the lids of its picture.
    """
    if sequence.expression is None:
        return None
    gaze = sequence.expression.gaze.astype(np.float64)
    away = np.nan_to_num(gaze - gaze[sequence.rest])
    out = np.empty_like(away)
    for k, eye in enumerate((RIGHT_EYE, LEFT_EYE)):
        along = (sequence.xy[:, eye[3]] - sequence.xy[:, eye[0]]).astype(np.float64)
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        out[:, k] = away[:, k, :1] * along + away[:, k, 1:] * across
    return out.astype(np.float32)
