"""Pose pictures for face ControlNets, so that these get characters: OpenPose's dots, MediaPipe's coloured lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import Landmarks, RGBArray, Size
from faceshot.landmarks.topology import MESH_CURVES, MESH_EYES

#: Colours (R, G, B) that the published MediaPipe-face ControlNet was trained with.
_COLOURS = {
    "face_oval": (10, 200, 10),
    "right_eye": (180, 200, 10),
    "right_brow": (180, 220, 10),
    "left_eye": (10, 200, 180),
    "left_brow": (10, 220, 180),
    "outer_lips": (10, 180, 10),
    "inner_lips": (10, 180, 10),
}
_IRISES = ((250, 200, 10), (10, 200, 250))
_SHIFT = 4  # fractional bits of OpenCV's drawing coordinates


def draw_openpose_face(
    landmarks: Landmarks | Sequence[Landmarks], size: tuple[int, int] | None = None, *, radius: float = 3.0
) -> RGBArray:
    """(H, W, 3) uint8: white dots on black at the 68 points and both pupils of one face or several.

    Args:
        size: (width, height) of the drawing; None is the landmarks' own, others are scaled to it.
        radius: of a dot [px]; parts that are absent have no dots.

    Raises:
        InputError: no face and no size, a radius that is not positive.
    """
    import cv2

    faces, size = _scaled(landmarks, size)
    if not radius > 0:
        raise InputError(f"radius must be positive, got {radius}")
    out = np.zeros((size[1], size[0], 3), np.uint8)
    for face in faces:
        seen = np.append(face.visible, ["eyes" not in face.absent] * 2)
        for point in face.to_openpose70()[seen]:
            cv2.circle(out, _fixed(point), round(radius * (1 << _SHIFT)), (255, 255, 255), -1, cv2.LINE_8, _SHIFT)
    return out


def draw_mediapipe_face(
    landmarks: Landmarks | Sequence[Landmarks], size: tuple[int, int] | None = None, *, width: int = 2
) -> RGBArray:
    """(H, W, 3) uint8: the mesh's contours in the colours of the MediaPipe-face ControlNet, irises as squares.

    Args:
        size: as of :func:`draw_openpose_face`. width: of the lines [px].

    Raises:
        InputError: no face and no size, a width under 1.
    """
    import cv2

    faces, size = _scaled(landmarks, size)
    if width < 1:
        raise InputError(f"width must be at least 1 pixel, got {width}")
    out = np.zeros((size[1], size[0], 3), np.uint8)
    for face in faces:
        points = face.to_mediapipe478(normalised=False)[:, :2]
        for name, (indices, closed) in MESH_CURVES.items():
            colour = _COLOURS[name.removesuffix("_upper").removesuffix("_lower")]
            for a, b in pairwise(indices + indices[:1] if closed else indices):
                cv2.line(out, _fixed(points[a]), _fixed(points[b]), colour, width, cv2.LINE_8, _SHIFT)
        for (_, _, iris), colour in zip(MESH_EYES.values(), _IRISES, strict=True):
            x, y = np.rint(points[iris]).astype(int).tolist()
            out[max(0, y - 2) : max(0, y + 2), max(0, x - 2) : max(0, x + 2)] = colour
    return out


def _scaled(landmarks: Any, size: tuple[int, int] | None) -> tuple[list[Landmarks], Size]:
    """The faces in pixels of one drawing, and its size."""
    faces = [landmarks] if isinstance(landmarks, Landmarks) else list(landmarks)
    if size is None:
        if not faces:
            raise InputError("nothing to draw and no size; give size=(width, height)")
        size = faces[0].size
    whole = Size(*size)
    return [face if face.size == whole else face.resized(whole) for face in faces], whole


def _fixed(point: Any) -> tuple[int, int]:
    x, y = np.clip(np.rint(np.asarray(point) * (1 << _SHIFT)), -(1 << 26), 1 << 26).astype(int).tolist()
    return x, y
