"""What the networks are shown: pose pictures, sparse flow, the picture for CLIP and for the VAE, time ids.

Everything here follows the published inference code to the pixel, its odd sides included: the trained weights expect
them. Landmarks stay float32 throughout (upstream casts them to half precision first, which shows as jitter).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from faceshot.errors import UsageError
from faceshot.landmarks import FloatArray, RGBArray, Size
from faceshot.landmarks import topology as topo

if TYPE_CHECKING:
    from torch import Tensor

#: Side of the canvas on which poses are drawn, and of the frame CMP works in [px].
CANVAS: Final = 320
CMP_SIDE: Final = 384
#: Frames per second, motion bucket and noise level as the U-Net is told them, whatever the clip.
TIME_IDS: Final = (6.0, 128.0, 0.02)
#: Standard deviation of the noise on the picture before the VAE, matching the last of the time ids.
PICTURE_NOISE: Final = 0.02
#: Side of the picture CLIP sees, and the statistics it was trained with (not applied by upstream).
CLIP_SIDE: Final = 224
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

#: Parts that may drive, by the numbers of upstream's command line.
PART_NAMES: Final = ("face", "brows", "nose", "eyes", "outer_lips", "inner_lips")
_POINTS = {
    "face": topo.JAW,
    "brows": topo.RIGHT_BROW + topo.LEFT_BROW,
    "nose": topo.NOSE_BRIDGE + topo.NOSE_BASE,
    "eyes": topo.RIGHT_EYE + topo.LEFT_EYE,
    "outer_lips": topo.OUTER_LIPS,
    "inner_lips": topo.INNER_LIPS,
}
_OUTER, _INNER = topo.OUTER_LIPS, topo.INNER_LIPS
#: (part, polyline, colour of array channels 0, 1, 2) in drawing order: later lines cover earlier ones.
_LINES: Final = (
    ("face", topo.JAW, (10, 200, 10)),
    ("eyes", (*topo.LEFT_EYE, topo.LEFT_EYE[0]), (180, 200, 10)),
    ("brows", topo.LEFT_BROW, (180, 220, 10)),
    ("eyes", (*topo.RIGHT_EYE, topo.RIGHT_EYE[0]), (10, 200, 180)),
    ("brows", topo.RIGHT_BROW, (10, 220, 180)),
    ("nose", topo.NOSE_BRIDGE, (10, 200, 250)),
    ("nose", topo.NOSE_BASE, (250, 200, 10)),
    ("outer_lips", _OUTER[6:10], (10, 180, 20)),
    ("outer_lips", (_OUTER[0], *_OUTER[11:8:-1]), (20, 10, 180)),
    ("inner_lips", _INNER[4:7], (100, 100, 30)),
    ("inner_lips", (_INNER[0], *_INNER[7:5:-1]), (100, 150, 50)),
    ("outer_lips", _OUTER[3:7], (20, 80, 100)),
    ("outer_lips", _OUTER[3::-1], (80, 100, 20)),
    ("inner_lips", _INNER[2:5], (120, 100, 200)),
    ("inner_lips", _INNER[2::-1], (150, 120, 100)),
)


def part_points(parts: Sequence[str] = PART_NAMES) -> npt.NDArray[np.intp]:
    """(n,) indices of the landmarks that drive, parts concatenated in the order given.

    Raises:
        UsageError: unknown part.
    """
    for part in parts:
        if part not in _POINTS:
            raise UsageError(f"unknown part {part!r}; parts are {', '.join(PART_NAMES)}")
    return np.array([index for part in parts for index in _POINTS[part]], np.intp)


def draw_pose(xy: npt.NDArray, size: Size, parts: Sequence[str] = PART_NAMES) -> RGBArray:
    """One frame's landmarks (68, 2), pixels of ``size``, as lines on the 320x320 canvas: uint8 (320, 320, 3).

    The canvas does not keep the aspect; end points are cut, not rounded, to whole pixels (spec of the pose branch).
    """
    import cv2

    canvas = np.zeros((CANVAS, CANVAS, 3))
    scaled = np.asarray(xy, np.float32) / np.array(size, np.float32) * np.float32(CANVAS)
    # Lines far outside only cost time; beyond about 2^15 OpenCV's fixed-point clipping overflows.
    points = np.clip(np.trunc(scaled), -16_000, 16_000).astype(int)
    for part, line, colour in _LINES:
        if part in parts:
            for begin, end in pairwise(line):
                cv2.line(canvas, tuple(map(int, points[begin])), tuple(map(int, points[end])), colour, 2)
    return canvas.astype(np.uint8)


def pose_pictures(xy: npt.NDArray, size: Size, parts: Sequence[str] = PART_NAMES) -> Tensor:
    """Landmarks (T, 68, 2) in pixels of ``size`` -> pose pictures (T, 3, H, W) float32 in 0..1.

    The canvas is enlarged *bilinearly*: nearest was meant upstream, but its flag sits in the wrong argument.
    """
    import cv2
    import torch

    out = np.empty((len(xy), 3, size.height, size.width), np.float32)
    for index, points in enumerate(xy):
        canvas = draw_pose(points, size, parts).astype(np.float64)
        large = cv2.resize(canvas, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
        out[index] = large.astype(np.float32).transpose(2, 0, 1) / np.float32(255)
    return torch.from_numpy(out)


def sparse_flow(
    origin: npt.NDArray, xy: npt.NDArray, size: Size, side: Size, parts: Sequence[str] = PART_NAMES
) -> tuple[FloatArray, FloatArray]:
    """Motion from ``origin`` (68, 2) to each of ``xy`` (T, 68, 2), written at the origin's pixels.

    Args:
        size: the picture the landmarks are pixels of.
        side: size of the maps, and the pixels the flow is counted in.

    Returns:
        flow (T, 2, h, w), channels x and y, and mask (2, h, w), 1 where there is a landmark; float32. Rows and columns
        are cut toward zero, then clamped into the map; of two points on one pixel the later one stays.
    """
    whole, target = np.array(size, np.float32), np.array(side, np.float32)
    index = part_points(parts)
    # Divided first and multiplied then, in float32: the same roundings as upstream's.
    start = np.asarray(origin, np.float32)[index] / whole * target
    motion = np.asarray(xy, np.float32)[:, index] / whole * target - start
    limits = np.array(side) - 1
    column, row = np.clip(np.trunc(np.clip(start, -1e6, 1e6)).astype(int), 0, limits).T
    flow = np.zeros((len(motion), 2, side.height, side.width), np.float32)
    mask = np.zeros((2, side.height, side.width), np.float32)
    for point in range(len(index)):  # one by one: which of two points on a pixel wins must not depend on numpy
        flow[:, :, row[point], column[point]] = motion[:, point]
        mask[:, row[point], column[point]] = 1
    return flow, mask


def cmp_hints(
    origin: npt.NDArray, xy: npt.NDArray, size: Size, parts: Sequence[str] = PART_NAMES
) -> tuple[FloatArray, FloatArray]:
    """:func:`sparse_flow` in the 384x384 frame of CMP: flow (T, 2, 384, 384) and mask (2, 384, 384)."""
    return sparse_flow(origin, xy, size, Size(CMP_SIDE, CMP_SIDE), parts)


def unit_picture(rgb: RGBArray) -> Tensor:
    """uint8 (H, W, 3) -> float32 (1, 3, H, W) in 0..1."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1))).float().div(255)[None]


def vae_picture(picture: Tensor, noise: Tensor) -> Tensor:
    """The picture (1, 3, H, W) in 0..1 as the VAE encodes it: in -1..1, with a little ``noise`` (standard normal)."""
    return picture * 2 - 1 + PICTURE_NOISE * noise


def clip_pixels(picture: Tensor, *, normalise: bool = False) -> Tensor:
    """The picture (1, 3, H, W) in 0..1 as CLIP sees it: (1, 3, 224, 224), blurred against aliasing, bicubic.

    ``normalise`` applies CLIP's mean and deviation, as stock SVD does and the published landmark inference does not.
    """
    import torch
    from torch.nn.functional import interpolate

    small = picture
    for axis in (2, 3):
        small = _blurred(small, axis, picture.shape[axis] / CLIP_SIDE)
    small = interpolate(small, size=(CLIP_SIDE, CLIP_SIDE), mode="bicubic", align_corners=True)
    if not normalise:
        return small
    mean, std = (torch.tensor(values).view(1, 3, 1, 1).to(small) for values in (_CLIP_MEAN, _CLIP_STD))
    return (small - mean) / std


def _blurred(picture: Tensor, axis: int, factor: float) -> Tensor:
    """A Gaussian along one axis, as wide as a reduction by ``factor`` asks for."""
    import torch
    from torch.nn.functional import conv2d, pad

    sigma = max((factor - 1) / 2, 0.001)
    taps = int(max(4 * sigma, 3)) | 1
    at = torch.arange(taps, dtype=torch.float32) - taps // 2
    kernel = torch.exp(-at.square() / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).to(picture)
    half = taps // 2
    columns = axis == 3
    padded = pad(picture, (half, half, 0, 0) if columns else (0, 0, half, half), mode="reflect")
    kernel = kernel.view(1, 1, 1, taps) if columns else kernel.view(1, 1, taps, 1)
    return conv2d(padded, kernel.expand(picture.shape[1], -1, -1, -1), groups=picture.shape[1])


def time_ids(batch: int) -> Tensor:
    """(batch, 3) float32, always the same."""
    import torch

    return torch.tensor([TIME_IDS] * batch)


def saturates(origin: npt.NDArray, xy: npt.NDArray, size: Size, parts: Sequence[str] = PART_NAMES) -> float:
    """The share of frames in which a landmark moves further than CMP can say (49.5 px of 384 along an axis)."""
    limit = 50.0 - 50.0 / 99.0
    index = part_points(parts)
    scale = CMP_SIDE / np.array(size, np.float64)
    motion = np.abs((np.asarray(xy, np.float64) - np.asarray(origin, np.float64))[:, index] * scale)
    return float((motion.max(axis=(1, 2)) > limit).mean()) if motion.size and math.isfinite(motion.sum()) else 0.0
