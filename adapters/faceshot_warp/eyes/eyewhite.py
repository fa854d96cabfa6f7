"""Eyes whose landmarks lie on the pupil alone: finds the white around it, which a lid must cover too."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_warp.controls import EyeRest

#: Side of the patch, in pixels, in which the white is looked for.
_PATCH = 160
#: The white reaches at most this many sizes of the marked eye from its middle.
_REACH = 1.5
#: Share of its convex hull that an eye, white and what it encloses, fills at least.
_SOLID = 0.9


def whole_eye(rgb: npt.NDArray[np.uint8], eye: EyeRest) -> EyeRest:
    """The eye with the bright, even, closed shape around its landmarks; the same eye where there is none.

    Args:
        rgb: (H, W, 3) the picture.
    """
    size = max(eye.width, eye.gap)
    centre = eye.points.mean(0)
    reach = int(np.ceil(_REACH * size)) + 2
    low = np.maximum(np.floor(centre).astype(int) - reach, 0)
    high = np.minimum(np.floor(centre).astype(int) + reach + 1, [rgb.shape[1], rgb.shape[0]])
    if (high - low).min() < 12:
        return eye
    patch = rgb[low[1] : high[1], low[0] : high[0]]
    scale = min(1.0, _PATCH / max(patch.shape[:2]))
    small = cv2.resize(patch, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    outline = ((eye.points - low + 0.5) * scale - 0.5).astype(np.float32)
    solid = _white(np.asarray(small, np.uint8), outline, size * scale)
    if solid is None:
        return eye
    place = (np.argwhere(solid)[:, ::-1] + 0.5) / scale - 0.5 + low
    return _fitted(eye, place)


def _white(patch: npt.NDArray[np.uint8], outline: npt.NDArray[np.float32], size: float) -> npt.NDArray | None:
    """Mask of the white with all it encloses, or None."""
    core = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillConvexPoly(core, cv2.convexHull(np.round(outline).astype(np.int32)), 1)
    away = cv2.distanceTransform(1 - core, cv2.DIST_L2, 5)
    ring = (away > 0.03 * size) & (away < 0.35 * size)
    if ring.sum() < 12 or not core.any():
        return None
    colours = patch.astype(np.float32)
    light = colours[ring].mean(-1)
    tone = np.median(colours[ring][light >= np.percentile(light, 70)], axis=0)
    # White stands out from what it encloses.
    if tone.mean() < 150 or tone.mean() - np.median(colours[core > 0], axis=0).mean() < 60:
        return None
    alike = np.abs(colours - tone).max(-1) < 36
    if alike[ring].mean() < 0.3:
        return None
    _, labels = cv2.connectedComponents(alike.astype(np.uint8), connectivity=4)
    counts = np.bincount(labels[ring & alike])
    counts[0] = 0
    white = labels == int(counts.argmax())
    if white[[0, -1]].any() or white[:, [0, -1]].any():
        return None  # the skin itself, not a shape on it
    shapes, _ = cv2.findContours(white.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(core.shape, np.uint8)
    cv2.drawContours(filled, shapes, -1, 1, cv2.FILLED)
    hull = cv2.convexHull(np.concatenate(shapes))
    if filled.sum() < _SOLID * cv2.contourArea(hull) or filled[core > 0].mean() < 0.8:
        return None
    return filled > 0


def _fitted(eye: EyeRest, place: npt.NDArray) -> EyeRest:
    """The eye with six landmarks around the pixels ``place`` (n, 2)."""
    s, n = place @ eye.axis, place @ eye.normal
    (left, right), (top, bottom) = np.percentile(s, [0.5, 99.5]), np.percentile(n, [0.5, 99.5])
    half, tall = (right - left) / 2 + 0.5, (bottom - top) / 2 + 0.5
    turn = np.deg2rad([180, 240, 300, 0, 60, 120])
    along, depth = (left + right) / 2 + half * np.cos(turn), (top + bottom) / 2 + tall * np.sin(turn)
    points = along[:, None] * eye.axis + depth[:, None] * eye.normal
    return replace(eye, points=points, width=2 * half, gap=float(2 * tall * np.sin(np.pi / 3)))
