"""Putting the animated crop back into the picture at its full resolution, with a feathered border."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import RGBArray, Size
from faceshot_liveportrait.place import SIDE, Array, CropFrame, invert, warp

#: Width of the linear ramp at each border of the crop, in crop pixels.
FEATHER = 16
#: Width of the border between two faces, in face sizes.
_SOFT = 0.3


def feather(side: int = SIDE, width: int = FEATHER) -> npt.NDArray[np.uint8]:
    """(side, side) uint8: 255 inside, falling linearly to 0 over ``width`` pixels, with round corners."""
    at = np.arange(side, dtype=np.float64)
    out = np.maximum(np.maximum(width - at, at - (side - width)), 0.0)
    distance = np.hypot(out[:, None], out[None, :])
    return np.floor(255 * np.maximum(0.0, 1 - distance / width)).astype(np.uint8)


class Paster:
    """Pastes crops of one :class:`CropFrame` into pictures of one size.

    Attributes:
        box: (left, top, right, bottom) of what may change, whole pixels; None when the crop misses the picture.
        mask: (H', W', 1) float32 in 0..1 within the box.
    """

    def __init__(self, matrix: Array, size: Size) -> None:
        corners = np.array([(x, y) for x in (-1.0, SIDE) for y in (-1.0, SIDE)])
        self._back = invert(matrix)
        seen = corners @ self._back[:, :2].T + self._back[:, 2]
        low = np.clip(np.floor(seen.min(0)).astype(int) - 1, 0, size)
        high = np.clip(np.ceil(seen.max(0)).astype(int) + 2, 0, size)
        self.box: tuple[int, int, int, int] | None = None
        self._split: tuple[Any, Any, Any] | None = None
        self.mask: npt.NDArray[np.float32] = np.zeros((0, 0, 1), np.float32)
        if (high > low).all():
            self.box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
            self._back = np.column_stack([self._back[:, :2], self._back[:, 2] - low])
            self.mask = self._place(feather()).astype(np.float32)[..., None] / np.float32(255)

    @classmethod
    def of(cls, crop: CropFrame, size: Size) -> Paster:
        return cls(crop.matrix, size)

    def _place(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        assert self.box is not None
        left, top, right, bottom = self.box
        return warp(image, self._back, (right - left, bottom - top))

    def paste(self, canvas: npt.NDArray[np.uint8], crop: npt.NDArray[np.uint8]) -> None:
        """Blend ``crop`` (512, 512, 3) uint8 into ``canvas`` (H, W, 3) uint8, in place.

        Pixels where the mask is 0 keep their value bit for bit.
        """
        if self.box is None:
            return
        import cv2

        left, top, right, bottom = self.box
        under = canvas[top:bottom, left:right]
        placed = self._place(crop)
        inside, border, share = self._parts()
        mixed = share * placed[border] + (1 - share) * under[border]
        cv2.copyTo(placed, inside, under)
        # Truncated as published; the sliver keeps equal values equal where the mask is a fraction.
        under[border] = np.clip(mixed + 1e-3, 0, 255).astype(np.uint8)

    def _parts(self) -> tuple[Any, Any, Any]:
        """Where the mask is 1, (H', W') uint8; where it is a fraction, as indices; and those fractions (n, 1)."""
        if self._split is None:
            mask = self.mask[..., 0]
            border = np.nonzero((mask > 0) & (mask < 1))
            self._split = ((mask == 1).astype(np.uint8), border, mask[border][:, None])
        return self._split


def divide(pasters: Sequence[Paster], centres: npt.ArrayLike, radii: npt.ArrayLike) -> None:
    """Give every pixel to the nearest face, with soft borders, so that no crop paints over a neighbour's face.

    Args:
        centres: (n, 2) of the faces, picture pixels; radii: (n,) their sizes, in which distance counts.
    """
    at, size = np.asarray(centres, np.float32), np.asarray(radii, np.float32)
    if len(pasters) < 2:
        return
    for i, paster in enumerate(pasters):
        if paster.box is None:
            continue
        left, top, right, bottom = paster.box
        x, y = np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32)[:, None]
        far = [np.hypot(x - cx, y - cy) / max(float(r), 1e-3) for (cx, cy), r in zip(at, size, strict=True)]
        others = np.minimum.reduce([d for j, d in enumerate(far) if j != i])
        paster.mask = paster.mask * np.clip(0.5 + (others - far[i]) / _SOFT, 0, 1)[..., None].astype(np.float32)
        paster._split = None


def pasted(picture: RGBArray, crop: RGBArray, frame: CropFrame) -> RGBArray:
    """One crop in a copy of the picture."""
    out = picture.copy()
    Paster.of(frame, Size(picture.shape[1], picture.shape[0])).paste(out, crop)
    return out
