"""A person frame by frame, as a camera gives them: nothing looks ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceshot.facemesh.chase import Chase
from faceshot.facemesh.clip import expression
from faceshot.facemesh.eyes_mouth import teeth_share
from faceshot.facemesh.landmarker import FaceMesh
from faceshot.facemesh.smoothing import OneEuro
from faceshot.landmarks import BLENDSHAPES, FaceWish, RGBArray, Size
from faceshot.landmarks.topology import MEDIAPIPE_TO_68

Float32 = npt.NDArray[np.float32]
#: Iris displacement in eye widths of a look score of 1.
_REACH = 0.28


@dataclass(frozen=True, eq=False)
class Seen:
    """A face in one frame.

    Attributes:
        xy: (68, 2) pixels of the frame. blendshapes: (52,) in 0..1, NaN where unknown.
        head: (3, 3) rotation, as of :class:`faceshot.landmarks.Expression`.
        gaze: (2, 2) how far each iris is from straight on, right eye first, in widths of the eye; NaN where unknown.
        teeth: 0..1, NaN where unknown.
    """

    xy: Float32
    blendshapes: Float32
    head: Float32
    gaze: Float32
    teeth: float


class FaceStream:
    """Follows one face through frames as they come.

    Args:
        mesh: the networks. face: which of several, see :func:`faceshot.landmarks.choose`.
    """

    def __init__(self, mesh: FaceMesh, face: FaceWish = "largest") -> None:
        self._mesh, self._chase = mesh, Chase(mesh, face)
        self._calm = OneEuro()

    def __call__(self, frame: RGBArray, milliseconds: int) -> Seen | None:
        """The face in the next frame, taken at this time; None where there is none."""
        found = self._chase(frame)
        if found is None:
            self._calm = OneEuro()
            return None
        size = Size(frame.shape[1], frame.shape[0])
        raw = found.pixels(*size)
        points = self._calm(raw, float(np.ptp(raw[:, :2], axis=0).mean()), milliseconds)
        told = [np.array([value], np.float32) for value in (teeth_share(found), found.tongue)]
        shown = expression(self._mesh, points[None], np.ones(1, bool), size, *told)
        xy = np.stack([points[list(indices), :2].mean(0) for indices in MEDIAPIPE_TO_68]) - np.float32(0.5)
        shapes = shown.blendshapes[0]
        return Seen(xy.astype(np.float32), shapes, shown.head[0], looks(shapes), float(shown.teeth[0]))


def looks(shapes: Float32) -> Float32:
    """(2, 2) of blendshapes (52,): see :attr:`Seen.gaze`."""

    def score(name: str) -> float:
        return float(shapes[BLENDSHAPES.index(name)])

    rows = []
    for side, inwards in (("Right", 1.0), ("Left", -1.0)):
        aside = inwards * (score(f"eyeLookIn{side}") - score(f"eyeLookOut{side}"))
        rows.append((aside, score(f"eyeLookDown{side}") - score(f"eyeLookUp{side}")))
    return (_REACH * np.array(rows)).astype(np.float32)
