"""Frames with 256 colours, as GIF wants them."""

from __future__ import annotations

from typing import Any

import numpy as np

from faceshot.landmarks import RGBArray


class Palette:
    """256 colours for GIF frames, kept from frame to frame while they still fit, because changes would shimmer."""

    def __init__(self) -> None:
        self.table: Any = None
        self.colours = np.zeros((256, 4), np.uint8)
        self.fit = 0.0

    def frame(self, pixels: RGBArray) -> Any:
        """A pal8 video frame; entry 255 is transparent."""
        import av
        from PIL import Image

        picture = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
        indices = None
        if self.table is not None:
            indices = self._map(picture)
            if self._error(pixels, indices) > 1.15 * self.fit + 0.5:
                indices = None
        if indices is None:
            self.table = _flattened(pixels).quantize(255, method=Image.Quantize.MEDIANCUT, kmeans=2)
            table = np.array(self.table.getpalette()[: 255 * 3], np.uint8).reshape(-1, 3)
            self.colours[:] = 0
            self.colours[: len(table), 1:], self.colours[:255, 0] = table, 255
            indices = self._map(picture)
            self.fit = self._error(pixels, indices)
        if pixels.shape[2] == 4:
            indices[pixels[..., 3] < 128] = 255
        both: Any = (indices, self.colours)
        return av.VideoFrame.from_ndarray(both, format="pal8")

    def _map(self, picture: Any) -> RGBArray:
        from PIL import Image

        return np.array(picture.quantize(palette=self.table, dither=Image.Dither.FLOYDSTEINBERG))

    def _error(self, pixels: RGBArray, indices: RGBArray) -> float:
        """Worst tile's colour error: a small new patch (an opening mouth) must count, not drown in the mean."""
        shown = self.colours[indices, 1:].astype(np.int16)
        wrong = np.abs(shown - pixels[..., :3]).mean(2)
        rows, columns = (max(1, n // 16) for n in wrong.shape)
        edges_y, edges_x = np.arange(0, wrong.shape[0], rows), np.arange(0, wrong.shape[1], columns)
        tiles = np.add.reduceat(np.add.reduceat(wrong, edges_y, 0), edges_x, 1) / (rows * columns)
        return float(tiles.max())


def _flattened(pixels: RGBArray) -> Any:
    """A picture of the same colours, the frequent ones thinned by a power of their count.

    Median cut counts pixels: it would spend all entries on hair and wall and none on a small red mouth.
    """
    from PIL import Image

    shown = pixels[pixels[..., 3] >= 128] if pixels.shape[2] == 4 else pixels.reshape(-1, 3)
    if len(shown) == 0:
        shown = np.zeros((1, 3), np.uint8)
    red, green, blue = (shown[:, :3] >> 2).astype(np.int32).T
    counts = np.bincount(red << 12 | green << 6 | blue)
    codes = np.flatnonzero(counts)
    colours = np.stack([codes >> 12, codes >> 6 & 63, codes & 63], axis=1).astype(np.uint8) << 2 | 2
    return Image.fromarray(np.repeat(colours, np.ceil(counts[codes] ** 0.4).astype(int), axis=0)[None])
