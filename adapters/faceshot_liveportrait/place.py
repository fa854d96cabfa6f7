"""From landmarks to LivePortrait's 512-pixel crop and back, and the ratios that say how open eyes and lips are.

Points are (x, y) pixels, pixel centres at integers; matrices (2, 3) take picture pixels to crop pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.landmarks import RGBArray
from faceshot.landmarks import topology as topo

Array = npt.NDArray[np.float64]

SIDE = 512
NETWORK_SIDE = 256
#: Side of the source's crop in sides of its landmarks' box, and its shift along the face (up is negative).
SOURCE_SCALE, SOURCE_SHIFT = 2.3, -0.125
DRIVING_SCALE, DRIVING_SHIFT = 2.2, -0.1
Border = Literal["edge", "black"]

#: Per landmark layout: groups of points whose means average to the eyes' middle, and those of the mouth's.
_ANCHORS: dict[int, tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]] = {
    5: (((0, 1),), (3, 4)),
    9: (((2, 3), (0, 1)), (5, 6)),
    68: (((36, 39), (42, 45)), topo.MOUTH_CORNERS),
    101: (((39, 42, 45, 48), (51, 54, 57, 60)), (75, 81)),
    106: (((33, 35, 40, 39), (87, 89, 94, 93)), (52, 61)),
    203: (((0, 6, 12, 18), (24, 30, 36, 42)), (48, 66)),
}


@dataclass(frozen=True, eq=False)
class CropFrame:
    """A turned square of the picture.

    Attributes:
        centre: (2,) in picture pixels; side: in picture pixels; angle: radians.
        matrix: (2, 3) picture pixels -> crop pixels; out: side of the crop in its own pixels.
    """

    centre: Array
    side: float
    angle: float
    matrix: Array
    out: int = SIDE

    @property
    def inverse(self) -> Array:
        """(2, 3) crop pixels -> picture pixels."""
        return invert(self.matrix)

    def to_units(self, xy: npt.ArrayLike) -> Array:
        """Picture pixels (..., 2) -> the keypoints' [-1, 1] square."""
        points = np.asarray(xy, np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return points * (2 / self.out) - 1

    def to_picture(self, units: npt.ArrayLike) -> Array:
        """The keypoints' square (..., 2) -> picture pixels."""
        points = (np.asarray(units, np.float64) + 1) * (self.out / 2)
        back = self.inverse
        return points @ back[:, :2].T + back[:, 2]


def invert(matrix: Array) -> Array:
    """The inverse of an affine (2, 3)."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def axes(points: Array) -> tuple[Array, Array]:
    """Unit vectors across the face and down it, from the eyes' and the mouth's middle of a known layout (N, 2)."""
    if len(points) not in _ANCHORS:
        raise InputError(f"landmarks must be of {', '.join(map(str, _ANCHORS))} points, got {len(points)}")
    eyes, mouth = _ANCHORS[len(points)]
    top = np.mean([points[list(group)].mean(0) for group in eyes], axis=0)
    down = points[list(mouth)].mean(0) - top
    length = float(np.hypot(*down))
    down = down / length if length > 1e-3 else np.array([0.0, 1.0])
    return np.array([down[1], -down[0]]), down


def face_crop(
    xy: npt.ArrayLike, *, scale: float = SOURCE_SCALE, shift: float = SOURCE_SHIFT, turned: bool = True, out: int = SIDE
) -> CropFrame:
    """The square about a face, upright in the crop.

    Args:
        xy: (N, 2) landmarks of 5, 9, 68, 101, 106 or 203 points.
        scale: side in sides of the landmarks' box; shift: of the centre down the face, in sides of the square.
        turned: False keeps the picture's axes.

    Raises:
        InputError: another number of points, or all on one spot.
    """
    points = np.asarray(xy, np.float64)
    across, down = axes(points)
    mean = points.mean(0)
    own = (points - mean) @ np.column_stack([across, down])
    low, high = own.min(0), own.max(0)
    side = scale * float((high - low).max())
    if not side > 1e-3:
        raise InputError("the face's landmarks lie on one spot; there is nothing to crop")
    middle = (low + high) / 2
    centre = mean + across * middle[0] + down * (middle[1] + shift * side)
    angle = math.copysign(math.acos(float(np.clip(across[0], -1, 1))), across[1]) if across[1] else 0.0
    if across[1] == 0 and across[0] < 0:
        angle = math.pi
    k, a = out / side, angle if turned else 0.0
    linear = k * np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
    matrix = np.column_stack([linear, out / 2 - linear @ centre])
    return CropFrame(centre, side, angle, matrix, out)


def driving_box(xy: npt.ArrayLike) -> Array:
    """(4,) left, top, right, bottom of the square a driving frame is cut by, along the picture's axes."""
    crop = face_crop(xy, scale=DRIVING_SCALE, shift=DRIVING_SHIFT)
    return np.concatenate([crop.centre - crop.side / 2, crop.centre + crop.side / 2])


def box_matrix(box: npt.ArrayLike, out: int = SIDE) -> Array:
    """(2, 3) of a square box to ``out`` pixels."""
    left, top, right, _ = (float(side) for side in np.asarray(box, np.float64))
    k = out / (right - left)
    return np.array([[k, 0.0, -k * left], [0.0, k, -k * top]])


def warp(image: npt.NDArray[Any], matrix: Array, size: tuple[int, int], border: Border = "black") -> npt.NDArray[Any]:
    """Resample by a (2, 3) matrix (input pixels -> output pixels) to ``size`` (width, height), bilinear.

    Reductions beyond 2.5 average whole blocks of pixels first, so that nothing flickers.
    """
    import cv2

    ratio = 1 / max(math.sqrt(abs(float(np.linalg.det(matrix[:, :2])))), 1e-12)
    mode = cv2.BORDER_REPLICATE if border == "edge" else cv2.BORDER_CONSTANT
    if ratio > 2.5:
        image, matrix = _reduced(image, matrix, size, int(ratio), mode)
    done: Any = cv2.warpAffine(
        np.ascontiguousarray(image), matrix, size, flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=0
    )
    return done


def _reduced(
    image: npt.NDArray[Any], matrix: Array, size: tuple[int, int], block: int, mode: int
) -> tuple[npt.NDArray[Any], Array]:
    """The part of the image that is seen, averaged in blocks, and the matrix that goes with it."""
    import cv2

    height, width = image.shape[:2]
    corners = np.array([(x, y) for x in (-1.0, size[0]) for y in (-1.0, size[1])])
    back = invert(matrix)
    seen = corners @ back[:, :2].T + back[:, 2]
    low = np.clip(np.floor(seen.min(0)).astype(int) - block, 0, (width - 1, height - 1))
    high = np.clip(np.ceil(seen.max(0)).astype(int) + block + 1, low + 1, (width, height))
    cut: Any = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
    spare = -np.array(cut.shape[:2]) % block
    cut = cv2.copyMakeBorder(cut, 0, int(spare[0]), 0, int(spare[1]), mode, value=0)
    cut = cv2.resize(cut, (cut.shape[1] // block, cut.shape[0] // block), interpolation=cv2.INTER_AREA)
    linear = matrix[:, :2] * block
    # A block's centre is at low + (block - 1) / 2 of its own first pixel.
    offset = matrix[:, :2] @ (low + (block - 1) / 2) + matrix[:, 2]
    return cut, np.column_stack([linear, offset])


def network_input(crops: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Crops (..., 512, 512, 3) uint8 -> (B, 3, 256, 256) float32 in 0..1, averaged two by two."""
    images = np.asarray(crops)
    images = images.reshape(-1, *images.shape[-3:]).astype(np.float32)
    half = (images[:, 0::2, 0::2] + images[:, 1::2, 0::2] + images[:, 0::2, 1::2] + images[:, 1::2, 1::2]) / 4
    # The published pipeline averages in 8 bits.
    return np.ascontiguousarray(np.floor(half + 0.5).transpose(0, 3, 1, 2) / np.float32(255))


def openness(xy: npt.ArrayLike) -> tuple[Array, Array]:
    """How open eyes and lips are: (..., 2) for the eyes on the image left and right, and (..., 1).

    Lid distance over eye width, inner lip distance over mouth width.

    Args:
        xy: (..., 68, 2) or (..., 203, 2) landmarks in any pixels.
    """
    p = np.asarray(xy, np.float64)
    if p.shape[-2] == 203:
        eyes = [_ratio(p, (a,), (b,), c, d) for a, b, c, d in ((6, 18, 0, 12), (30, 42, 24, 36))]
        return np.stack(eyes, -1), _ratio(p, (90,), (102,), 48, 66)[..., None]
    lids = zip(topo.LID_PAIRS.values(), (topo.RIGHT_EYE, topo.LEFT_EYE), strict=True)
    eyes = [
        _ratio(p, tuple(up for up, _ in pairs), tuple(low for _, low in pairs), eye[0], eye[3]) for pairs, eye in lids
    ]
    up, low = topo.INNER_LIP_PAIRS[1]
    return np.stack(eyes, -1), _ratio(p, (up,), (low,), *topo.MOUTH_CORNERS)[..., None]


def _ratio(p: Array, upper: tuple[int, ...], lower: tuple[int, ...], a: int, b: int) -> Array:
    gap = np.linalg.norm(p[..., list(upper), :].mean(-2) - p[..., list(lower), :].mean(-2), axis=-1)
    return gap / (np.linalg.norm(p[..., a, :] - p[..., b, :], axis=-1) + 1e-6)


def as_rgb(image: npt.NDArray[Any]) -> RGBArray:
    """Any RGB array as contiguous uint8."""
    return np.ascontiguousarray(image[..., :3], dtype=np.uint8)
