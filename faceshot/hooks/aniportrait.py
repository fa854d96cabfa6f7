"""Stands in for the ``LMKExtractor`` of AniPortrait and of programs that took it over (Follow-Your-Emoji). BGR in.

People are found by MediaPipe's networks, characters by our matcher (:mod:`faceshot.hooks.mediapipe`); pose and metric
mesh are computed from the points as MediaPipe does. The triangles (``faces``), which no inference reads, are not given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from faceshot.hooks import solutions
from faceshot.hooks.finder import as_rgb

REPLACED = {"src.utils.mp_utils": ("LMKExtractor",), "media_pipe.mp_utils": ("LMKExtractor",)}
COMPLETED: dict[str, tuple[str, ...]] = {}


class LMKExtractor:
    """Loads the face landmarker's file, fetched on first use.

    Raises:
        MissingError: it is not here and cannot be fetched, or its runtime is not installed.
    """

    def __init__(self, FPS: float = 25) -> None:
        from faceshot.facemesh import FaceMesh
        from faceshot.weights import locate

        self._mesh = FaceMesh(locate("face_landmarker"))

    def __call__(self, img: Any) -> dict[str, Any] | None:
        """Of the surest face, None without: ``lmks`` (478, 3) in fractions of the picture, ``lmks3d`` (468, 3) cm in
        the face's own space, ``trans_mat`` (4, 4), ``bs`` 51 blendshapes in 0..1 (without the neutral one)."""
        rgb = as_rgb(img, "bgr")
        found = solutions.meshes(rgb, 1, self._mesh)
        if not found:
            return None
        height, width = rgb.shape[:2]
        pixels = found[0] * np.array([width, height, width], np.float32)
        with solutions.turn:
            scores = self._mesh.blendshapes(pixels)
        matrix, shape = self._mesh.metric(pixels, width, height)
        return {
            "lmks": found[0].astype(np.float64),
            "lmks3d": shape,
            "trans_mat": matrix,
            "bs": scores[1:].tolist(),
        }
