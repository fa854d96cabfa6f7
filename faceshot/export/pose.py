"""Pose and face as Wan2.2-Animate takes them.

The pose is drawn as OpenPose does, of what a face tells: nose, eyes, ears, and a neck and shoulders that stand still
below the chin at rest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import RGBArray, Size
from faceshot.landmarks import topology as topo
from faceshot.rendering import head_boxes

Points = npt.NDArray[np.float64]

FACE = Size(512, 512)
#: How much of the surroundings a crop has, in sides of the head's box.
_MARGIN = 1.25
#: Limbs between nose, neck, shoulders, eyes and ears, the right one first; colours as OpenPose has them.
_LIMBS = (
    ((1, 2), (255, 0, 0)),
    ((1, 3), (255, 85, 0)),
    ((1, 0), (0, 0, 255)),
    ((0, 4), (85, 0, 255)),
    ((4, 6), (170, 0, 255)),
    ((0, 5), (255, 0, 255)),
    ((5, 7), (255, 0, 170)),
)


def pose_drawing(xy: Points, rest: Points, size: Size) -> RGBArray:
    """The pose of a head with these landmarks (68, 2) over a body that stands as at ``rest``."""
    import cv2

    out = np.zeros((size.height, size.width, 3), np.uint8)
    points = _body(xy, rest)
    width = max(round(min(size) / 90), 2)
    for (a, b), colour in _LIMBS:
        ends = [tuple(round(float(v)) for v in points[k]) for k in (a, b)]
        cv2.line(out, ends[0], ends[1], colour, width, cv2.LINE_AA)
    for point in points:
        cv2.circle(out, tuple(round(float(v)) for v in point), width, (255, 255, 255), -1, cv2.LINE_AA)  # type: ignore[arg-type]
    return out


def _body(xy: Points, rest: Points) -> Points:
    """(8, 2): nose, neck, shoulders, eyes, ears; the subject's right first."""
    eyes = [xy[list(eye)].mean(0) for eye in (topo.RIGHT_EYE, topo.LEFT_EYE)]
    ears = [xy[topo.JAW[0]], xy[topo.JAW[-1]]]
    width = float(np.ptp(rest[list(topo.JAW), 0]))
    neck = rest[topo.CHIN] + (0, 0.45 * width)
    shoulders = [neck + (way * 0.8 * width, 0.1 * width) for way in (-1, 1)]
    return np.stack([xy[topo.NOSE_TIP], neck, *shoulders, *eyes, *ears])


def face_side(rest: npt.NDArray[np.float32]) -> float:
    """Of the square about a head with these landmarks (68, 2)."""
    left, top, right, bottom = head_boxes(rest)
    return _MARGIN * float(max(right - left, bottom - top))


def crop(frame: RGBArray, middle: Points, side: float) -> RGBArray:
    """A square of the frame at the size of a face; beyond the frame its edge goes on."""
    import cv2

    scale = side / FACE.width
    corner = middle - side / 2
    matrix = np.array([[scale, 0, corner[0] + scale / 2], [0, scale, corner[1] + scale / 2]])
    flags = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    made = cv2.warpAffine(frame, matrix, FACE, flags=flags | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(made, np.uint8)
