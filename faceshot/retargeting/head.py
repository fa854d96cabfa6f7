"""The head as a whole: its own frame at rest, and how it turns, grows and shifts over a clip.

Points are complex numbers x + iy, so that a turn by a is a product with exp(ia).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from faceshot.landmarks.topology import INNER_EYE_CORNERS, JAW, MIRROR_PAIRS, NOSE_BRIDGE, OUTER_EYE_CORNERS
from faceshot.retargeting.smoothing import average

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

#: Points that keep their place in the face: upper contour, eye corners, the nose's root.
_RIGID = (*JAW[:3], *JAW[-3:], *NOSE_BRIDGE[:2], *OUTER_EYE_CORNERS, *INNER_EYE_CORNERS)
ZOOM_RANGE = (0.4, 2.5)


class Head(NamedTuple):
    """A face at rest in its own frame: ``points`` = (picture - origin) * exp(-i angle)."""

    origin: complex
    angle: float
    points: Complex
    size: float


def own_frame(points: Complex) -> Head:
    """A face's own frame: x along the sum of all right-to-left pairs, origin between contour ends 0 and 16."""
    right, left = np.array(MIRROR_PAIRS).T
    across = (points[left] - points[right]).sum()
    angle = float(np.angle(across)) if abs(across) > 1e-9 else 0.0
    origin = complex((points[0] + points[16]) / 2)
    own = (points - origin) * np.exp(-1j * angle)
    size = float(np.sqrt(np.mean(np.abs(own - own.mean()) ** 2)))
    return Head(origin, angle, own, max(size, 1e-6))


def head_motion(
    driving: Complex, head: Head, rest: int, fps: float, visible: npt.NDArray[np.bool_] | None
) -> tuple[Array, Array, Complex]:
    """Turn (T,) in radians, zoom (T,) and shift (T,) of the driver's head origin since the rest frame."""
    rigid = [i for i in _RIGID if visible is None or visible[i]]
    rigid = rigid if len(rigid) >= 4 else list(_RIGID)
    at_rest = driving[rest, rigid]
    centre = at_rest.mean()
    spread = at_rest - centre
    now = driving[:, rigid]
    middle = now.mean(1)
    fit = (now * spread.conj()).sum(1) / max(float((np.abs(spread) ** 2).sum()), 1e-12)
    turn = np.unwrap(np.angle(fit))
    turn = turn - turn[rest]
    # Size is noisy and yaw narrows it too: a calm version is the zoom, the rest is left to the parts.
    zoom = np.clip(average(np.abs(fit), fps, 0.12), *ZOOM_RANGE)
    zoom = np.clip(zoom / zoom[rest], *ZOOM_RANGE)
    origin = middle + (head.origin - centre) * np.exp(1j * turn) * zoom
    return turn, zoom, origin - origin[rest]


def strangeness(ref: Complex, dri: Complex) -> float:
    """0 when the character *is* the driver at rest (up to place, turn and size), 1 from a small difference on.

    Corrections for unlike faces (full closure, limits) grow with it, so that a driver is given back exactly.
    """
    distance = float(np.sqrt(np.mean(np.abs(ref - dri) ** 2)))
    return float(np.clip((distance - 0.002) / 0.02, 0.0, 1.0))
