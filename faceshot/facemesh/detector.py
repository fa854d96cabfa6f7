"""Where faces are: BlazeFace short range (Bazarevsky et al. 2019), its anchors, its boxes, its suppression."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from faceshot.facemesh.bundle import Network
from faceshot.facemesh.crop import F, Roi, cut, whole
from faceshot.landmarks import RGBArray

Float32 = npt.NDArray[np.float32]
_SIDE = 128
#: (cells along a side, anchors per cell) of the two layers.
_LAYERS = ((16, 2), (8, 6))
_KEYPOINTS = 6
#: Boxes that share more than this are one face.
_SAME = 0.5
#: What the landmarks' square adds around a face's box.
GROW = F(1.5)


class Found(NamedTuple):
    """A face: box (left, top, right, bottom) and six keypoints (6, 2) in fractions of the picture, score 0..1."""

    box: Float32
    keypoints: Float32
    score: np.float32

    def roi(self, width: int, height: int) -> Roi:
        """The rectangle to look for landmarks in: the box, half as large again, turned with the eyes."""
        left, top, right, bottom = self.box
        w, h = right - left, bottom - top
        (ax, ay), (bx, by) = self.keypoints[:2] * np.array([width, height], np.float32)
        return Roi(left + w / F(2), top + h / F(2), w * GROW, h * GROW, turn(ax, ay, bx, by))


def turn(ax: np.float32, ay: np.float32, bx: np.float32, by: np.float32) -> np.float32:
    """The angle of the line a -> b in pixels, in [-pi, pi), clockwise."""
    angle = F(-F(math.atan2(float(-(by - ay)), float(bx - ax))))
    return F(float(angle) - 2 * math.pi * math.floor((float(angle) + math.pi) / (2 * math.pi)))


def sigmoid(logits: Float32) -> Float32:
    """In float32 but for the exponential, which must be rounded correctly."""
    power = np.exp(-np.clip(logits.astype(np.float64), -80, 80)).astype(np.float32)
    return np.asarray(F(1) / (F(1) + power), np.float32)


@cache
def anchors() -> Float32:
    """(896, 2) centres of the anchors, row by row, in fractions of the square."""
    out = []
    for cells, repeats in _LAYERS:
        rows, columns = np.divmod(np.arange(cells * cells), cells)
        centres = (np.stack([columns, rows], axis=1) + 0.5) / cells
        out.append(np.repeat(centres, repeats, axis=0))
    return np.concatenate(out).astype(np.float32)


def detect(network: Network, picture: RGBArray, confidence: float = 0.5) -> list[Found]:
    """All faces of a picture (H, W, 3), surest first.

    Args:
        confidence: scores from here on are faces.
    """
    height, width = picture.shape[:2]
    square = cut(picture, whole(width, height), _SIDE, fill=True)
    boxes, logits = network((square.astype(np.float32) * F(2 / 255) - F(1))[None])
    faces = suppress(*decode(boxes[0], logits[0, :, 0], confidence))
    side = F(max(width, height))
    scale = side / np.array([width, height], np.float32)
    shift = (F(1) - scale) / F(2)
    return [
        Found((face.box.reshape(2, 2) * scale + shift).ravel(), face.keypoints * scale + shift, face.score)
        for face in faces
    ]


def decode(raw: Float32, logits: Float32, confidence: float) -> tuple[Float32, Float32, Float32]:
    """The network's answer (896, 16), (896,) -> boxes (n, 4), keypoints (n, 6, 2), scores (n,), those that are faces.

    All in fractions of the square.
    """
    score = sigmoid(logits)
    kept = np.flatnonzero((score >= F(confidence)) & (raw[:, 2:4] >= 0).all(1))
    values = raw[kept].reshape(-1, 2 + _KEYPOINTS, 2) / F(_SIDE)
    centre = values[:, 0] + anchors()[kept]
    half = values[:, 1] / F(2)
    low = centre - half
    size = (centre + half) - low
    boxes = np.concatenate([low, low + size], axis=1)
    return boxes, values[:, 2:] + anchors()[kept][:, None], score[kept]


def suppress(boxes: Float32, keypoints: Float32, scores: Float32) -> list[Found]:
    """Weighted suppression: each best box takes the mean of all that overlap it, weighted by their scores."""
    order = np.argsort(-scores, kind="stable")
    out = []
    while len(order):
        best = order[0]
        same = overlaps(boxes[order], boxes[best]) > _SAME
        cluster = order[same]
        if not len(cluster):  # a box without area overlaps nothing, itself included
            order = order[1:]
            continue
        values = np.concatenate([boxes[cluster], keypoints[cluster].reshape(len(cluster), -1)], axis=1)
        total, mean = F(0), np.zeros(values.shape[1], np.float32)
        for value, score in zip(values, scores[cluster], strict=True):  # summed in this order, in float32
            total, mean = total + score, mean + value * score
        mean = mean / total
        low, high = mean[:2], mean[2:4]
        out.append(Found(np.concatenate([low, low + (high - low)]), mean[4:].reshape(-1, 2), scores[best]))
        order = order[~same]
    return out


def overlaps(boxes: Float32, box: Float32) -> Float32:
    """Intersection over union (n,) of boxes (n, 4) with one (4,), in float32."""
    inner = np.maximum(np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2]), 0)
    shared = inner[:, 0] * inner[:, 1]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    union = areas + (box[2] - box[0]) * (box[3] - box[1]) - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0).astype(np.float32)
