"""Pictures with a matte: what the networks see beyond it, and how it follows the head."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Picture, RGBArray
from faceshot_liveportrait.paste import Paster
from faceshot_liveportrait.place import Array, CropFrame

#: Reach of the matted colours beyond the matte, in shares of the crop's side; white follows.
_REACH = 0.03
#: From how far below the chin to where the head's motion dies out, crop units.
_NECK = (0.05, 0.45)


def behind(picture: Picture, crop: CropFrame) -> RGBArray:
    """(H, W, 3) the picture; around the crop its colours are carried a little beyond the matte, with white after that.

    So a head that moves out of its old outline brings its own colour and no fringe.
    """
    if picture.alpha is None:
        return picture.rgb
    reach = max(_REACH * crop.side, 0.5)
    half = crop.side * 0.75 + 4 * reach  # a turned square reaches further than its side
    low = np.clip(np.floor(crop.centre - half).astype(int), 0, picture.size)
    high = np.clip(np.ceil(crop.centre + half).astype(int) + 1, low, picture.size)
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    if (high <= low).any():
        return picture.rgb
    rgb, weight = picture.rgb[part], picture.alpha[part].astype(np.float32)[..., None] / np.float32(255)
    colour = rgb * weight
    filled = np.full(rgb.shape, 255, np.float32)
    # Wider blurs first: the nearest colours win.
    for share in (1.0, 0.5, 0.25):
        sigma = max(reach * share, 0.5)
        near = _blur(weight, sigma)
        mean = _blur(colour, sigma) / np.maximum(near, 1e-4)
        much = np.clip(near * 4, 0, 1)
        filled = much * mean + (1 - much) * filled
    out = picture.rgb.copy()
    out[part] = np.clip(weight * rgb + (1 - weight) * filled + 0.5, 0, 255).astype(np.uint8)
    return out


def _blur(image: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """(H, W, C) blurred; wide blurs are made on a smaller picture."""
    import cv2

    height, width = image.shape[:2]
    block = max(1, int(sigma / 2))
    small: Any = image
    if block > 1:
        size = (max(width // block, 1), max(height // block, 1))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / block)
    if block > 1:
        small = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return small.reshape(image.shape)


class Matte:
    """The matte of one face in motion, within the pasted region.

    The head is turned, grown and shifted like its keypoints on the whole; below the chin this dies out.

    Args:
        xy: (68, 2) the face's landmarks, picture pixels; x_s: (21, 3) its keypoints.
    """

    def __init__(self, crop: CropFrame, paster: Paster, xy: npt.ArrayLike, x_s: npt.ArrayLike) -> None:
        self._paster = paster
        to_units = np.vstack([crop.matrix * (2 / crop.out), [0, 0, 1]])
        to_units[:2, 2] -= 1
        self._to_units = to_units
        self._x_s = np.asarray(x_s, np.float64).reshape(-1, 3)[:, :2]
        self._chin = float(crop.to_units(xy)[:, 1].max())
        self._grid: tuple[Any, Any, Any] | None = None

    def follow(self, alpha: npt.NDArray[np.uint8], x_d: npt.ArrayLike) -> None:
        """Move ``alpha`` (H, W) uint8 in place by the motion from x_s to ``x_d`` (21, 3)."""
        import cv2

        change = np.asarray(x_d, np.float64).reshape(-1, 3)[:, :2] - self._x_s
        if self._paster.box is None or not change.any():
            return
        affine = np.vstack([_similarity(self._x_s, change), [0, 0, 1]])
        back = np.linalg.inv(self._to_units) @ np.linalg.inv(affine) @ self._to_units - np.eye(3)
        x, y, share = self._fade()
        left, top, right, bottom = self._paster.box
        from_x, from_y = (
            at + share * (row[0] * x + row[1] * y + row[2])
            for at, row in zip((x, y), back[:2].astype(np.float32), strict=True)
        )
        moved: Any = cv2.remap(alpha, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        under, mask = alpha[top:bottom, left:right], self._paster.mask[..., 0]
        under[...] = (mask * moved + (1 - mask) * under + 0.5).astype(np.uint8)

    def _fade(self) -> tuple[Any, Any, Any]:
        """Pixel coordinates x and y (H', W') of the region, and how much each takes part in the head's motion."""
        if self._grid is None:
            assert self._paster.box is not None
            left, top, right, bottom = self._paster.box
            x, y = np.meshgrid(np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32))
            row = self._to_units[1].astype(np.float32)
            below = (row[0] * x + row[1] * y + row[2] - self._chin - _NECK[0]) / (_NECK[1] - _NECK[0])
            below = np.clip(below, 0, 1)
            self._grid = x, y, 1 - below * below * (3 - 2 * below)
        return self._grid


def _similarity(points: Array, change: Array) -> Array:
    """(2, 3) of the similarity that moves ``points`` (n, 2) by ``change`` in least squares."""
    p = (points - points.mean(0)) @ [1, 1j]
    q = (change - change.mean(0)) @ [1, 1j]
    z = 1 + (q * p.conj()).sum() / max(float((np.abs(p) ** 2).sum()), 1e-12)
    linear = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return np.column_stack([linear, points.mean(0) + change.mean(0) - linear @ points.mean(0)])
