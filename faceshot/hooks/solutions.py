"""Stands in for ``mediapipe.solutions.face_mesh``, which MediaPipe dropped and many programs still ask for. RGB in."""

from __future__ import annotations

import threading
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import FaceShotError, InputError, MissingError
from faceshot.hooks.finder import as_rgb, faces
from faceshot.landmarks import RGBArray
from faceshot.landmarks.topology import MESH_CURVES, MESH_EYES

FloatArray = npt.NDArray[np.float32]
Connections = frozenset[tuple[int, int]]

#: A network is for one thread at a time.
turn = threading.Lock()


@lru_cache(maxsize=2)
def mesh_of(model: str) -> Any:
    """The networks of a ``.task`` file, None where they cannot be read or run here."""
    from faceshot.facemesh import FaceMesh

    try:
        return FaceMesh(Path(model))
    except (InputError, MissingError):
        return None


def meshes(rgb: RGBArray, most: int, mesh: Any = None) -> list[FloatArray]:
    """At most ``most`` faces (478, 3) in fractions of the picture: people by ``mesh``, else what our matcher finds."""
    if mesh is not None:
        with turn:
            people = [one.points for one in mesh.faces(rgb, most)]
        if people:
            return people
    return [one.landmarks.to_mediapipe478() for one in faces(rgb)[:most]]


class FaceMesh:
    """Of its settings ``max_num_faces`` and ``refine_landmarks`` count; every frame is a picture of its own."""

    def __init__(
        self, static_image_mode: bool = False, max_num_faces: int = 1, refine_landmarks: bool = False,
        min_detection_confidence: float = 0.5, min_tracking_confidence: float = 0.5,
    ) -> None:  # fmt: skip
        from faceshot.weights import where

        self._most, self._points = max_num_faces, 478 if refine_landmarks else 468
        try:
            file = where("face_landmarker")
        except FaceShotError:  # a damaged copy: people are then found as characters are
            file = None
        self._mesh = mesh_of(str(file)) if file else None

    def process(self, image: Any) -> SimpleNamespace:
        """``multi_face_landmarks``: per face ``.landmark``, 468 or 478 points with x, y, z; None without a face."""
        found = [
            SimpleNamespace(landmark=[SimpleNamespace(x=x, y=y, z=z) for x, y, z in points[: self._points].tolist()])
            for points in meshes(as_rgb(image), self._most, self._mesh)
        ]
        return SimpleNamespace(multi_face_landmarks=found or None)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> FaceMesh:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lines(*names: str) -> Connections:
    """The connections of curves of ``topology.MESH_CURVES``."""
    out: set[tuple[int, int]] = set()
    for name in names:
        indices, closed = MESH_CURVES[name]
        out |= set(pairwise(indices + indices[:1] if closed else indices))
    return frozenset(out)


def _ring(centre: int) -> Connections:
    return frozenset(pairwise((centre + 1, centre + 2, centre + 3, centre + 4, centre + 1)))


FACEMESH_FACE_OVAL = _lines("face_oval")
FACEMESH_LIPS = _lines("outer_lips", "inner_lips")
FACEMESH_RIGHT_EYE, FACEMESH_LEFT_EYE = _lines("right_eye"), _lines("left_eye")
FACEMESH_RIGHT_EYEBROW = _lines("right_brow_upper", "right_brow_lower")
FACEMESH_LEFT_EYEBROW = _lines("left_brow_upper", "left_brow_lower")
FACEMESH_RIGHT_IRIS, FACEMESH_LEFT_IRIS = (_ring(eye[2]) for eye in MESH_EYES.values())
FACEMESH_IRISES = FACEMESH_RIGHT_IRIS | FACEMESH_LEFT_IRIS
FACEMESH_CONTOURS = frozenset().union(
    FACEMESH_FACE_OVAL, FACEMESH_LIPS, FACEMESH_RIGHT_EYE, FACEMESH_LEFT_EYE, FACEMESH_RIGHT_EYEBROW,
    FACEMESH_LEFT_EYEBROW,
)  # fmt: skip

#: ``mediapipe.solutions.face_mesh`` and ``face_mesh_connections``.
face_mesh = face_mesh_connections = SimpleNamespace(
    FaceMesh=FaceMesh, **{name: value for name, value in list(globals().items()) if name.startswith("FACEMESH_")}
)
