"""What the mesh says about gaze and about the inside of the mouth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot.facemesh.mesh import Mesh
from faceshot.landmarks import EYES, FloatArray
from faceshot.landmarks.topology import MESH_CHEEKS, MESH_EYES, MESH_INNER_LIPS

Array = npt.NDArray[np.float64]

#: From this blink score on the iris points are guesses.
_SHUT = 0.5
#: Iris displacement in eye widths of a look score of 1.
_REACH = 0.28
#: Eyes that differ by less (eye widths) look at the same thing.
_SQUINT = 0.05
#: A mouth with fewer pixels of the 256-pixel crop says nothing about teeth.
_LEAST = 24


def gaze(points: npt.ArrayLike, look: npt.ArrayLike, blink: npt.ArrayLike) -> Array:
    """Where both irises are, (T, 2, 2): right eye first, x and y in eye widths; see ``Expression.gaze``.

    The clip's usual place is that of the iris points; the way from there is that of the look scores, which read more
    than those: up and down the iris points hardly leave the lids, and sideways they follow a turned head (scores and
    iris points agree at r 0.97 where eyes move much). Behind shut lids the gaze goes straight from what it was before
    to what it is after.

    Args:
        points: (T, 478, 2 or 3) pixels, NaN in frames without a face.
        look: (T, 2, 2) scores of each eye for looking to the image right less left, and down less up.
        blink: (T, 2) blink scores, right eye first.
    """
    p = np.asarray(points, np.float64)[..., :2]
    place = np.empty((len(p), 2, 2))
    for k, name in enumerate(EYES):
        a, b, iris = (p[:, index] for index in MESH_EYES[name])
        along = (b - a) / np.maximum(((b - a) ** 2).sum(1, keepdims=True), 1e-9)
        d = iris - (a + b) / 2
        place[:, k] = np.stack([(d * along).sum(1), d[:, 1] * along[:, 0] - d[:, 0] * along[:, 1]], axis=1)
    seen = np.asarray(np.isfinite(place).all((1, 2)))
    wide = np.asarray(seen & (np.asarray(blink, np.float64).max(1) <= _SHUT))
    base = wide if wide.any() else seen
    if not base.any():
        return place
    away = _REACH * np.asarray(look, np.float64)
    both = away.mean(1, keepdims=True)
    apart = away - both
    away = both + np.sign(apart) * np.maximum(np.abs(apart) - _SQUINT, 0)
    out = np.median(place[base], axis=0) + away - np.median(away[base], axis=0)
    return _bridged(out, base, seen)


def _bridged(values: Array, good: npt.NDArray[np.bool_], wanted: npt.NDArray[np.bool_]) -> Array:
    """Frames that are wanted but not good, linear between the good ones; the rest NaN."""
    frames, known = np.arange(len(values)), np.flatnonzero(good)
    flat = values.reshape(len(values), -1)
    out = np.stack([np.interp(frames, known, flat[known, k]) for k in range(flat.shape[1])], axis=1)
    out[~wanted] = np.nan
    return out.reshape(values.shape)


def teeth_share(mesh: Mesh) -> float:
    """Share of the open mouth that shows teeth, 0..1; NaN where it is too little open to tell.

    Teeth are nearly as bright as the cheeks beside them, or brighter, and less coloured than these.
    """
    import cv2

    ring = mesh.inside[list(MESH_INNER_LIPS)]
    low = np.floor(ring.min(0)).astype(int).clip(0, 255)
    high = np.ceil(ring.max(0)).astype(int).clip(0, 255) + 1
    window = mesh.crop[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    mask = np.zeros(window.shape[:2], np.uint8)
    if min(mask.shape) < 3:
        return float("nan")
    cv2.fillPoly(mask, [np.round((ring - low) * 16).astype(np.int32)], 1, shift=4)
    # The mesh's edge lies on the lips; one pixel further in is mouth.
    inside = window[cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0]
    if len(inside) < _LEAST:
        return float("nan")
    spots = np.round(mesh.inside[list(MESH_CHEEKS)]).astype(int).clip(2, 253)
    skin = np.median([mesh.crop[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(0) for x, y in spots], axis=0)
    bright = inside.mean(1) > 0.62 * skin.mean()
    pale = _colour(inside) < 0.75 * _colour(skin[None])[0] + 0.04
    return float((bright & pale).mean())


def _colour(rgb: FloatArray) -> FloatArray:
    """How far from grey, 0..1."""
    high = rgb.max(1)
    return np.asarray((high - rgb.min(1)) / np.maximum(high, 1), np.float32)
