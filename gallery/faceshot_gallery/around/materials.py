"""Pelts and plumage as photographs show them, and pixel art from 16 pixels up."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_gallery.parts.paint import Canvas, Image, clouds
from faceshot_gallery.parts.traits import Colour, Dice

_WAYS = 4


def _streaks(side: int, length: int, angle: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Noise drawn out along ``angle``, zero mean and unit deviation."""
    n = 2 * (length // 2) + 1
    kernel = np.zeros((n, n), np.float32)
    end = (n // 2) * np.array([np.cos(angle), np.sin(angle)])
    a, b = np.rint(n // 2 - end).astype(int), np.rint(n // 2 + end).astype(int)
    cv2.line(kernel, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), 1.0)
    noise = rng.normal(0, 1, (side, side)).astype(np.float32)
    return np.asarray(cv2.filter2D(noise, -1, kernel / np.sqrt(kernel.sum())), np.float32)


def pelt(canvas: Canvas, mask: Image, middle: npt.ArrayLike, unit: float, other: Colour, d: Dice) -> None:
    """Fur or feathers over ``mask`` (large picture): hairs away from ``middle`` (large pixels), blotches of ``other``.

    ``unit`` is a head unit in large pixels.
    """
    side = mask.shape[0]
    half = side // 2
    x, y = np.meshgrid(np.linspace(0, side, half), np.linspace(0, side, half))
    mx, my = np.asarray(middle, float)
    angle = np.arctan2((y - my) * 0.8 + 0.25 * unit, x - mx) + 0.6 * clouds(d.rng, half, (3, 7))
    length = int(np.clip(unit * d.u(0.03, 0.1), 3, 15))
    hairs = np.zeros((half, half), np.float32)
    for k in range(_WAYS):
        share = np.clip(np.cos(angle - np.pi * k / _WAYS), -1, 1) ** 4
        hairs += share.astype(np.float32) * _streaks(half, length, np.pi * k / _WAYS, d.rng)
    if d.chance(0.3):  # feathers, or locks: the same, coarser, in scales
        coarse = cv2.resize(hairs[: half // 2, : half // 2], (half, half), interpolation=cv2.INTER_CUBIC)
        hairs = 0.6 * hairs + 0.8 * coarse
    field = cv2.resize(1 + d.u(0.06, 0.3) * hairs, (side, side), interpolation=cv2.INTER_LINEAR)
    blotch = np.clip(clouds(d.rng, side, (3, 6, 13)) * d.u(0, 1.2) - d.u(-0.1, 0.3), 0, d.u(0.2, 0.8))
    cover = cv2.GaussianBlur(mask, (0, 0), max(1.0, 0.01 * unit)).astype(np.float32) / 255
    here = canvas.rgb.astype(np.float32)
    blotch = (blotch * cover)[..., None].astype(np.float32)
    here += (np.asarray(other, np.float32) - here) * blotch
    here *= (1 + (field - 1) * cover)[..., None]
    canvas.rgb[:] = np.clip(here, 0, 255).astype(np.uint8)


def sprite(rgb: Image, d: Dice, share: float) -> Image:
    """Pixel art: the face ``12`` to about ``100`` large pixels high, few colours, at times an edge round everything.

    ``share`` is how much of the frame the face takes.
    """
    side = rgb.shape[0]
    few = int(np.clip(float(np.exp(d.u(np.log(14), np.log(80)))) / max(share, 0.2), 14, side))
    small = cv2.resize(rgb, (few, few), interpolation=d.pick([cv2.INTER_AREA, cv2.INTER_NEAREST], [3, 1]))
    if d.chance(0.7):
        step = d.pick([16.0, 32.0, 51.0, 64.0])
        small = np.clip(np.round(small / step) * step, 0, 255).astype(np.uint8)
    if d.chance(0.3):
        small = np.clip((small.astype(np.float32) - 128) * d.u(1.1, 1.8) + 128, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)
