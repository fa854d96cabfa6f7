"""The head-stabilised frame: warping a face upright to a fixed size, its rigid part, and finding it again."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import RGBArray
from faceshot.landmarks import topology as topo
from faceshot.tracking.align import Matrix

Array = npt.NDArray[Any]
Gray = npt.NDArray[Any]


def gray(rgb: RGBArray) -> Gray:
    """Luminance of an RGB picture."""
    import cv2

    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def similarity(source: Array, target: Array) -> Matrix:
    """The least-squares similarity (2, 3), never mirrored, that moves points ``source`` (n, 2) onto ``target``."""
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    mean_a, mean_b = a.mean(0), b.mean(0)
    za, zb = (a - mean_a) @ [1, 1j], (b - mean_b) @ [1, 1j]
    power = float((np.abs(za) ** 2).sum())
    z = (np.conj(za) * zb).sum() / power if power > 1e-12 else 1.0 + 0j
    linear = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return np.column_stack([linear, mean_b - linear @ mean_a])


def warp(frame: Array, pose: Matrix, side: int, *, grey: bool = False) -> Array:
    """(side, side, ...) view of an RGB or grey frame; ``pose`` maps its pixels to the frame's. No aliasing.

    Args:
        grey: make the luminance of an RGB frame.
    """
    return warp_rectangle(frame, pose, (side, side), grey=grey)


def warp_rectangle(frame: Array, pose: Matrix, size: tuple[int, int], *, grey: bool = False) -> Array:
    """:func:`warp` for a view of ``size`` (height, width).

    A frame with more pixels than the view is halved while it has twice as many across, and then blurred as much as
    means over the view's pixels would blur it: that takes a third of the time of taking these means.
    """
    import cv2

    tall, wide = size
    scale = float(np.sqrt(abs(np.linalg.det(pose[:, :2]))))
    halvings = max(int(np.log2(max(scale, 1e-6))), 0)
    margin, step = 2 + 2 * int(scale), 2**halvings
    corners = np.array([[0, 0], [wide, 0], [0, tall], [wide, tall]]) @ pose[:, :2].T + pose[:, 2]
    left, top = np.floor(corners.min(0)).astype(int) - margin
    right, bottom = np.ceil(corners.max(0)).astype(int) + margin + 1
    height, width = frame.shape[:2]
    left, right = _whole(left, right, width, step)
    top, bottom = _whole(top, bottom, height, step)
    part: Any = frame[top:bottom, left:right]
    if grey and part.ndim == 3:
        part = gray(np.ascontiguousarray(part))
    matrix = pose.copy()
    matrix[:, 2] -= (left, top)
    halved = False
    for _ in range(halvings):
        if min(part.shape[:2]) < 2:
            break
        halved = True
        part = cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA)
        matrix = 0.5 * matrix
        matrix[:, 2] -= 0.25
        scale *= 0.5
    if scale > (1.1 if halved else 1.4):
        # Means over the view's pixels and linear interpolation between them have a variance of a quarter of the square
        # of the scale; halving and interpolation of the frame's pixels have a part of that already.
        spread = float(np.sqrt(scale**2 / 4 - (1 / 4 if halved else 1 / 6)))
        part = cv2.GaussianBlur(part, (5, 5), spread, borderType=cv2.BORDER_REPLICATE)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    view = cv2.warpAffine(part, matrix, (wide, tall), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(view, np.uint8)


def _whole(low: int, high: int, extent: int, step: int) -> tuple[int, int]:
    """The span ``low`` to ``high`` within 0 to ``extent``, never empty, in whole steps if there are enough pixels."""
    low, high = min(max(low, 0), extent - 1), max(min(high, extent), 1)
    high = max(high, low + 1)
    lacking = -(high - low) % step
    up = min(lacking, extent - high)
    return max(low - (lacking - up), 0), high + up


def rigid_mask(shape: Array, side: int) -> npt.NDArray[np.float32]:
    """(side, side) weights in 0..1: 1 on brows, nose and cheeks, less on what moves within the head, 0 off the face."""
    import cv2

    mask: Any = np.zeros((side, side), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(shape.astype(np.float32)).round().astype(np.int32), 1.0)
    mask = cv2.dilate(mask, np.ones((7, 7), np.uint8))
    mask[max(round(float(shape[topo.SUBNASALE, 1])), 0) :] *= 0.3
    for eye in (topo.RIGHT_EYE, topo.LEFT_EYE):
        points = shape[list(eye)]
        points = points.mean(0) + 1.3 * (points - points.mean(0))
        cv2.fillConvexPoly(mask, cv2.convexHull(points.astype(np.float32)).round().astype(np.int32), 0.2)
    return mask


def body_offsets(shape: Array, unit: float) -> Array:
    """(68, 2) where each point's window lies relative to the point: inner lip points are watched on the lip's body.

    A window centred on the line between closed lips sees both of them and follows either.
    """
    offsets = np.zeros((68, 2))
    for inner, outer in ((61, (49, 50)), (62, (51,)), (63, (52, 53)), (65, (55, 56)), (66, (57,)), (67, (58, 59))):
        away = shape[list(outer)].mean(0) - shape[inner]
        length = float(np.linalg.norm(away))
        if length > 1e-6:
            offsets[inner] = away / length * max(0.5 * length, 0.035 * unit)
    return offsets


class FaceSearch:
    """Finds the anchor's face again anywhere in a frame, by correlation of small grey pictures.

    Args:
        rgb: the anchor frame; pose: of its stabilised frame (``canvas`` pixels wide, the face ``face`` pixels).
    """

    _SIDE = 40

    def __init__(self, rgb: RGBArray, pose: Matrix, canvas: int, face: int) -> None:
        import cv2

        self._face_side, self._margin = face, (canvas - face) / 2
        picture = warp(gray(rgb), pose, canvas)
        low = (canvas - face) // 2
        self._face = cv2.resize(
            picture[low : low + face, low : low + face], (self._SIDE, self._SIDE), interpolation=cv2.INTER_AREA
        )

    def find(self, rgb: RGBArray, pose: Matrix) -> Matrix | None:
        """Pose (upright) of the likeliest place, at scales near ``pose``; None if nothing resembles the face."""
        import cv2

        base = float(np.sqrt(abs(np.linalg.det(pose[:, :2]))))
        best, found = 0.5, None
        frame = gray(rgb)
        for factor in (0.7, 0.84, 1.0, 1.19, 1.42):
            scale = base * factor * self._face_side / self._SIDE
            size = (round(rgb.shape[1] / scale), round(rgb.shape[0] / scale))
            if min(size) < self._SIDE or max(size) > 20 * self._SIDE:
                continue
            small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
            _, score, _, place = cv2.minMaxLoc(cv2.matchTemplate(small, self._face, cv2.TM_CCOEFF_NORMED))
            if score > best:
                best, zoom = score, base * factor
                left, top = ((v + 0.5) * scale - 0.5 - self._margin * zoom for v in place)
                found = np.array([[zoom, 0, left], [0, zoom, top]])
        return found
