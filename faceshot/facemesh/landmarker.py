"""The networks together: the faces of one picture and what they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.facemesh.bundle import Bundle, read_bundle
from faceshot.facemesh.crop import Roi
from faceshot.facemesh.detector import Found, detect
from faceshot.facemesh.mesh import Mesh, blendshapes, find_mesh
from faceshot.facemesh.pose import head_matrix, metric_mesh
from faceshot.landmarks import RGBArray

Float32 = npt.NDArray[np.float32]


class FaceMesh:
    """A face landmarker: 478 points, 52 blendshapes, the head's pose.

    Args:
        model: the ``.task`` file.
        threads: of the networks' runtime. confidence: of the detector, presence: of the mesh; both in 0..1.

    Raises:
        MissingError: the runtime is not installed. InputError: ``model`` is not such a file.
    """

    def __init__(self, model: Path, *, threads: int = 1, confidence: float = 0.5, presence: float = 0.5) -> None:
        self.bundle: Bundle = read_bundle(model, threads=threads)
        self.confidence, self.presence = confidence, presence

    def detect(self, picture: RGBArray) -> list[Found]:
        """Where faces are, surest first; faces narrower than a tenth of the picture are not seen."""
        return detect(self.bundle.detector, picture, self.confidence)

    def mesh(self, picture: RGBArray, roi: Roi) -> Mesh | None:
        """The mesh of the face in a rectangle, None where there is none."""
        return find_mesh(self.bundle.landmarks, picture, roi, self.presence)

    def faces(self, picture: RGBArray, most: int | None = None) -> list[Mesh]:
        """The meshes of all faces of one picture, surest first, at most ``most``."""
        height, width = picture.shape[:2]
        found = self.detect(picture)[:most]
        meshes = (self.mesh(picture, face.roi(width, height)) for face in found)
        return [mesh for mesh in meshes if mesh is not None]

    def blendshapes(self, pixels: Float32) -> Float32:
        """(52,) scores in 0..1 of a mesh (478, 2 or 3) in pixels."""
        return blendshapes(self.bundle.blendshapes, pixels)

    def head(self, pixels: Float32, width: int, height: int) -> npt.NDArray[np.float64] | None:
        """The head's pose (4, 4) of a mesh (478, 3) in pixels; see :func:`faceshot.facemesh.pose.head_matrix`."""
        unit = pixels / np.array([width, height, width], np.float32)
        return head_matrix(unit, (width, height), self.bundle.canonical, self.bundle.weights)

    def metric(self, pixels: Float32, width: int, height: int) -> tuple[npt.NDArray[np.float32], ...]:
        """The head's pose (4, 4) and the mesh (468, 3) in the canonical face's space [cm], both float32.

        Raises:
            InputError: a face without extent.
        """
        unit = pixels / np.array([width, height, width], np.float32)
        found = metric_mesh(unit, (width, height), self.bundle.canonical, self.bundle.weights)
        if found is None:
            raise InputError("a face whose points all coincide has no pose")
        return found[0].astype(np.float32), found[1].astype(np.float32)
