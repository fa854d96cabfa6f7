"""The eyeball behind the lids: white and iris continued beyond the opening, for eyes that look elsewhere."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_warp.field import Plane
from faceshot_warp.skin import membrane

#: Contrast, in levels, from which an eye has a white beside its iris, and the share of the eye it fills at least:
#: highlights fill less, and they lie on the iris, not at the corners (this share of the eye on either side).
_CONTRAST, _SHARE, _CORNER = 50.0, 0.22, 0.15


def eyeball(eye: npt.NDArray[np.uint8], inside: Plane, along: Plane, width: float) -> npt.NDArray[np.uint8]:
    """(h, w, 3) uint8: the picture within the opening, and what is likely to lie behind its lids around it.

    An eye without a white (a dot, a button) goes on as it is at its rim.

    Args:
        eye: (h, w, 3) the picture.
        inside: (h, w) pixels inside the opening, negative outside.
        along: (h, w) pixels along the eye.
        width: width of the eye in pixels.
    """
    margin = max(0.06 * width, 1.0)
    known = inside > margin
    if known.sum() < 12:
        known = inside > 0
    if known.sum() < 4:
        return eye
    light = cv2.cvtColor(eye, cv2.COLOR_RGB2GRAY).astype(np.float32)
    dark_end, light_end = np.percentile(light[known], [12, 88])
    behind = membrane(eye, known, width / 3)
    middle = (dark_end + light_end) / 2
    white = known & (light > middle)
    left, right = np.quantile(along[known], [_CORNER, 1 - _CORNER])
    cornered = max(white[known & end].mean() for end in (along <= left, along >= right)) > 0.5
    if light_end - dark_end > _CONTRAST and white.sum() > _SHARE * known.sum() and cornered:
        behind = membrane(eye, white, width / 3)
        iris = _disc(known & (light <= middle))
        if iris is not None:
            colours = membrane(eye, known & (light <= middle), width / 5)
            behind += iris[..., None] * (colours - behind)
    seen = np.clip((inside - margin) / max(0.5 * margin, 0.7) + 0.5, 0, 1)[..., None]
    out = behind + seen * (eye - behind)
    return np.clip(out + 0.5, 0, 255).astype(np.uint8)


def _disc(dark: npt.NDArray[np.bool_]) -> Plane | None:
    """(h, w) 0..1: the whole round of an iris of which the lids leave the part ``dark``; None without one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dark.astype(np.uint8), connectivity=4)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    rows, columns = np.nonzero(labels == largest)
    spans = np.bincount(rows)
    radius = max(float(np.percentile(spans[spans > 0], 90)), float(np.ptp(rows) + 1)) / 2
    # Where the lids cut it evenly the middle of what is seen is its middle; else its widest row.
    widest = np.flatnonzero(spans >= 0.95 * spans.max()).mean()
    centre = columns.mean(), widest
    y, x = np.mgrid[: dark.shape[0], : dark.shape[1]]
    return np.clip(radius - np.hypot(x - centre[0], y - centre[1]) + 0.5, 0, 1).astype(np.float32)
