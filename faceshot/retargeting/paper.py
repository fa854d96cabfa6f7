"""Coordinate-based retargeting as the paper writes it (FaceShot, section 3.3, Eq. 5 and 6), for comparison.

Five parts (appendix): contour, brows, nose, eyes and mouth. A part's own frame has its origin in the middle of its two
endpoints and its x axis along them: theta = arctan(dy / dx), which folds a face on its side or upside down, as written.
The head's frame is the contour's. R(a) = [[cos a, -sin a], [sin a, cos a]]; driving frame 0 is at rest.

* Eq. 5, the head: q = R(dtheta) (p - O) + O + dO, about the head's origin, the driver's shift in its own pixels.
* The parts: each origin moves, and each frame turns, by what the driver's does beyond its head.
* Eq. 6, the points: every coordinate in the part's frame is multiplied by the driver's ratio d_m / d_0.

Differences from mode ``faceshot`` (the released code): one rotation about the head's origin instead of one about each
part's; an unrotated shift; five parts instead of thirteen chains; no limits from neighbours, no snapping below a
pixel, no rescue of ratios above 1.5, no smoothing of outliers. The paper does not say what happens where d_0 is 0; the
coordinate then stays as it is. Small d_0 enlarges noise without bound: this is what the formula says.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot.landmarks.topology import JAW, MOUTH_CORNERS, NOSE_BASE, OUTER_EYE_CORNERS, PART_POINTS

Array = npt.NDArray[np.float64]

#: First and last point of each part's axis.
PART_ENDS: dict[str, tuple[int, int]] = {
    "face_boundary": (JAW[0], JAW[-1]),
    "eyebrows": (PART_POINTS["eyebrows"][0], PART_POINTS["eyebrows"][-1]),
    "nose": (NOSE_BASE[0], NOSE_BASE[-1]),
    "eyes": OUTER_EYE_CORNERS,
    "mouth": MOUTH_CORNERS,
}


def retarget_paper(reference: npt.ArrayLike, driving: npt.ArrayLike) -> Array:
    """Move a character's landmarks with a driver's motion (paper, Eq. 5 and 6).

    Args:
        reference: (68, 2) pixels, the character at rest.
        driving: (M, 68, 2) pixels; frame 0 is at rest.

    Returns:
        (M, 68, 2) float64 pixels; frame 0 is ``reference`` (to rounding).
    """
    ref, dri = np.asarray(reference, np.float64), np.asarray(driving, np.float64)
    ends = PART_ENDS["face_boundary"]
    head_ref, _ = _frame(ref[None], ends)
    head, turn = _frame(dri, ends)
    turned, moved = turn - turn[0], head - head[0]
    out = np.empty((len(dri), 68, 2))
    for name, (first, last) in PART_ENDS.items():
        points = list(PART_POINTS[name])  # type: ignore[index]
        origin_ref, theta_ref = _frame(ref[None], (first, last))
        origin, theta = _frame(dri, (first, last))
        # Eq. 6: the ratio of the driver's coordinates, in the part's own frames.
        own_ref = _rotated(ref[None, points] - origin_ref[:, None], -theta_ref)
        own = _rotated(dri[:, points] - origin[:, None], -theta)
        still = own[:1] == 0
        ratio = np.where(still, 1.0, own / np.where(still, 1.0, own[:1]))
        local = own_ref * ratio
        # The part beyond its head: where the origin goes, how far the frame turns.
        beyond = (origin - origin[0]) - (
            _rotated((origin[0] - head[0])[None, None], turned)[:, 0] + head[0] + moved - origin[0]
        )
        placed = _rotated(local, theta_ref + (theta - theta[0] - turned)) + origin_ref[:, None]
        # Eq. 5: the head turns about its origin and shifts.
        out[:, points] = _rotated(placed - head_ref[:, None], turned) + head_ref[:, None] + (moved + beyond)[:, None]
    return out


def _frame(xy: Array, ends: tuple[int, int]) -> tuple[Array, Array]:
    """Origin (M, 2) and angle (M,) of a part's axis; the angle is an arctan, as written."""
    first, last = xy[:, ends[0]], xy[:, ends[1]]
    dx, dy = (last - first).T
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = np.arctan(np.where(dx == 0, np.copysign(np.inf, dy), dy / dx))
    return (first + last) / 2, np.where((dx == 0) & (dy == 0), 0.0, theta)


def _rotated(points: Array, angle: Array) -> Array:
    """Points (M, n, 2) turned by angles (M,)."""
    cos, sin = (value[:, None] for value in (np.cos(angle), np.sin(angle)))
    x, y = points[..., 0], points[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], -1)
