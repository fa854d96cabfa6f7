"""The mesh of one face: 478 points out of a crop, and the rectangle to look into in the next frame."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from faceshot.facemesh.bundle import Network
from faceshot.facemesh.crop import F, Roi, cut, projection
from faceshot.facemesh.detector import GROW, sigmoid, turn
from faceshot.landmarks import RGBArray
from faceshot.landmarks.topology import MESH_BLENDSHAPE_POINTS, MESH_OUTER_EYE_CORNERS

Float32 = npt.NDArray[np.float32]
_SIDE = 256
POINTS = 478


class Mesh(NamedTuple):
    """One face of one picture.

    Attributes:
        points: (478, 3) float32: x and y as fractions of width and height (0 is the outer edge), z as a fraction of
            the width, smaller is nearer.
        presence: how sure the network is that this is a face, 0..1.
        tongue: the network's own measure of a tongue put out.
        crop: (256, 256, 3) uint8, what the network saw. inside: (478, 2) the points in pixels of it.
    """

    points: Float32
    presence: float
    tongue: float
    crop: RGBArray
    inside: Float32

    def pixels(self, width: int, height: int) -> Float32:
        """(478, 3) in pixels, as the networks' makers count them: 0 is the picture's outer edge."""
        return self.points * np.array([width, height, width], np.float32)

    def box(self) -> Float32:
        """(4,) left, top, right, bottom of all points, fractions."""
        low, high = self.points[:, :2].min(0), self.points[:, :2].max(0)
        return np.concatenate([low, high])

    def next_roi(self, width: int, height: int) -> Roi:
        """Where the face is looked for in the next frame: a square half as large again, turned with the eyes."""
        left, top, right, bottom = self.box()
        w, h = right - left, bottom - top
        long = np.maximum(w * F(width), h * F(height))
        a, b = (self.points[i, :2] * np.array([width, height], np.float32) for i in MESH_OUTER_EYE_CORNERS)
        return Roi(
            left + w / F(2),
            top + h / F(2),
            long / F(width) * GROW,
            long / F(height) * GROW,
            turn(a[0], a[1], b[0], b[1]),
        )


def find_mesh(network: Network, picture: RGBArray, roi: Roi, confidence: float = 0.5) -> Mesh | None:
    """The face in a rectangle of a picture; None where there is none (presence not above ``confidence``)."""
    height, width = picture.shape[:2]
    if not roi.usable(width, height):
        return None
    crop = cut(picture, roi, _SIDE)
    raw, presence, tongue = network((crop.astype(np.float32) * F(1 / 255))[None])
    sure = sigmoid(presence.ravel())[0]
    if not sure > F(confidence):
        return None
    local = raw.reshape(POINTS, 3)
    unit = local / F(_SIDE)
    matrix, depth = projection(roi, width, height)
    x = unit[:, 0] * matrix[0, 0] + unit[:, 1] * matrix[0, 1] + matrix[0, 2]
    y = unit[:, 0] * matrix[1, 0] + unit[:, 1] * matrix[1, 1] + matrix[1, 2]
    points = np.stack([x, y, unit[:, 2] * depth], axis=1)
    return Mesh(points, float(sure), float(tongue.ravel()[0]), crop, local[:, :2].copy())


def blendshapes(network: Network, pixels: Float32) -> Float32:
    """(52,) scores in 0..1 in the network's order, its first a meaningless ``_neutral``; ``pixels`` is (478, 3)."""
    wanted = np.ascontiguousarray(pixels[list(MESH_BLENDSHAPE_POINTS), :2], np.float32)
    return np.clip(network(wanted[None])[0].ravel(), 0, 1)
