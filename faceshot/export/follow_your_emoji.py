"""Follow-Your-Emoji: MediaPipe's 478 points for every frame, out of 68.

Its loader reads a pickled array of one dictionary a frame. ``lmks`` (478, 3), in shares of the frame, is drawn as it is
where its own detector finds no face in the reference, which is so for most characters. Where it does find one,
``lmks3d``, ``trans_mat`` and ``bs`` count, which are written in its units (centimetres, y up), flat: not tried there.
Points that its drawing leaves out, and that 68 points do not tell, lie in the middle of the face.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.driving import BlendshapeEstimator, with_blendshapes
from faceshot.export.clips import letterboxed, place_in, still
from faceshot.export.job import Job, Target
from faceshot.landmarks import Picture, Size
from faceshot.landmarks.topology import FLIP, LEFT_EYE, MEDIAPIPE_TO_68, MESH_EYES, MESH_FROM_68, RIGHT_EYE
from faceshot.output import writing

Points = npt.NDArray[np.float64]

_SIZE = Size(512, 512)
_MESH, _WITHOUT_IRISES = 478, 468
#: Radius of an iris in widths of the eye; centimetres between the outer corners of the eyes.
_IRIS, _APART = 0.21, 8.9


def write(job: Job, target: Target) -> None:
    """Write points and reference."""
    path = target.path("landmarks.npy")
    assert job.picture is not None and path is not None
    frames = np.empty(1 + len(job.sequence), object)
    frames[:] = landmarks(job)
    with writing(path, overwrite=target.overwrite) as part:
        np.save(part, frames, allow_pickle=True)
    target.picture("reference.png", Picture(letterboxed(job.picture.flat(), _SIZE, fill=255)))


def landmarks(job: Job) -> list[dict[str, Any]]:
    """One dictionary for the rest frame, and one for every frame."""
    assert job.picture is not None
    sequence = with_blendshapes(job.sequence)
    shown = sequence.expression
    assert shown is not None
    rest = still(sequence)
    flat = BlendshapeEstimator(rest)
    gaze = np.nan_to_num(shown.gaze - shown.gaze[sequence.rest])
    out = []
    for k in (sequence.rest, *range(len(sequence))):
        mesh = mesh_points(place_in(sequence.xy[k], job.picture.size, _SIZE), gaze[k])
        frontal, head = flat.frontal(sequence.xy[k].astype(np.float64))
        solid = mesh_points(frontal, np.zeros((2, 2)))[:_WITHOUT_IRISES] * (_APART, -_APART)
        matrix = np.eye(4)
        matrix[:3, :3] = head
        out.append(
            {
                "lmks": np.c_[(mesh + 0.5) / _SIZE, np.zeros(_MESH)].astype(np.float32),
                "lmks3d": np.c_[solid, np.zeros(_WITHOUT_IRISES)].astype(np.float32),
                "trans_mat": matrix.astype(np.float32),
                "bs": np.nan_to_num(shown.blendshapes[k]).tolist(),
                "width": _SIZE.width,
                "height": _SIZE.height,
            }
        )
    return out


def mesh_points(xy: Points, gaze: npt.ArrayLike) -> Points:
    """(478, 2) of MediaPipe out of the 68 points (68, 2); ``gaze`` (2, 2) in widths of the eyes."""
    out = np.repeat(xy.mean(0)[None], _MESH, axis=0)
    for (mine, mirror), weights in MESH_FROM_68.items():
        out[mine] = sum(weight * xy[k] for k, weight in weights)
        out[mirror] = sum(weight * xy[FLIP[k]] for k, weight in weights)
    told = {index for pair in MESH_FROM_68 for index in pair}
    for point, indices in zip(xy, MEDIAPIPE_TO_68, strict=True):
        for index in indices:
            if index not in told or len(indices) == 1:
                out[index] = point
    for eye, points, looks in zip(MESH_EYES, (RIGHT_EYE, LEFT_EYE), np.asarray(gaze, np.float64), strict=True):
        across = xy[points[3]] - xy[points[0]]
        down = np.array([-across[1], across[0]])
        centre = xy[list(points)].mean(0) + looks[0] * across + looks[1] * down
        first = MESH_EYES[eye][2]
        ring = (across, -down, -across, down)
        out[first] = centre
        for k, way in enumerate(ring, 1):
            out[first + k] = centre + _IRIS * way
    return out
