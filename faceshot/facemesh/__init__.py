"""People: a mesh of 478 points per face, what the face does, and one face followed through a clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.facemesh.bundle import has_runtime as has_runtime
    from faceshot.facemesh.bundle import require_runtime as require_runtime
    from faceshot.facemesh.clip import SCORES as SCORES
    from faceshot.facemesh.clip import follow_clip as follow_clip
    from faceshot.facemesh.landmarker import FaceMesh as FaceMesh
    from faceshot.facemesh.stream import FaceStream as FaceStream
    from faceshot.facemesh.stream import Seen as Seen

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "bundle": "has_runtime require_runtime",
        "clip": "SCORES follow_clip",
        "landmarker": "FaceMesh",
        "stream": "FaceStream Seen",
    },
)
