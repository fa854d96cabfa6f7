"""A generic head in depth: what a turn carries further than the rest, and what stays behind it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks
from faceshot.landmarks import topology as topo

#: Depth of the middle of a face over its rim, and of the nose or the muzzle over that, in half widths of the face.
_FACE, _NOSE, _MUZZLE = 0.8, 0.32, 0.45
#: Half the height of the face, in half widths, and the power with which its depth falls toward chin and crown. Those of
#: people lie well before their ears, a face of fur is as round in height as in width.
_PEOPLE, _ANIMALS = (1.6, 4), (1.25, 2)
#: Ears and hair lie at most this far behind the rim.
_BEHIND = 0.5


def head_depth(landmarks: Landmarks, xy: npt.NDArray) -> npt.NDArray[np.float32]:
    """Depth toward the viewer, in pixels, of points ``xy`` (..., 2) of the picture; 0 at the rim of the face.

    A dome over the face that goes on behind the rim, with a nose on the bridge's line, for people; a rounder one with a
    muzzle around nose and mouth for animals (characters without eyebrows); neither nose nor muzzle where there is none.
    """
    points = landmarks.xy.astype(np.float64)
    eyes = points[list(topo.RIGHT_EYE + topo.LEFT_EYE)].mean(0)
    mouth = points[list(topo.OUTER_LIPS)].mean(0)
    down = mouth - eyes
    tall = max(float(np.hypot(*down)), 1e-3)
    down = down / tall
    right = np.array([down[1], -down[0]])
    rim = points[list(topo.PART_POINTS["face_boundary"])]
    half = max(float(np.ptp(rim @ right)) / 2, 0.6 * tall)
    middle = eyes + 0.35 * tall * down + ((rim @ right).mean() - eyes @ right) * 0.5 * right
    height, power = _ANIMALS if "eyebrows" in landmarks.absent else _PEOPLE
    x, y = (xy - middle) @ right / half, (xy - middle) @ down / (height * half)
    face = 1 - x**2 - y**power
    # Behind the rim the surface levels off.
    face = np.where(face > 0, face, _BEHIND / _FACE * np.tanh(face * _FACE / _BEHIND))
    depth = _FACE * half * face
    if "nose" not in landmarks.absent:
        depth = depth + _nose(landmarks, xy, right, down, half)
    return depth.astype(np.float32)


def _nose(
    landmarks: Landmarks, xy: npt.NDArray, right: npt.NDArray, down: npt.NDArray, half: float
) -> npt.NDArray[np.float64]:
    points = landmarks.xy.astype(np.float64)
    tip, root = points[topo.NOSE_BRIDGE[-1]], points[topo.NOSE_BRIDGE[0]]
    long = max(float((tip - root) @ down), 0.2 * half)
    if "eyebrows" in landmarks.absent:
        centre = (tip + points[list(topo.OUTER_LIPS)].mean(0)) / 2
        x, y = (xy - centre) @ right / (0.5 * half), (xy - centre) @ down / (0.5 * half)
        return _MUZZLE * half * np.exp(-(x**2) - y**2)
    x, y = (xy - tip) @ right / (0.24 * half), (xy - tip) @ down
    y = np.where(y < 0, y / (0.7 * long), y / (0.35 * long))
    return _NOSE * half * np.exp(-(x**2) - y**2)
