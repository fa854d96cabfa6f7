"""The painter's tools: filled and stroked curves with soft edges, soft shadows, noise and fur. OpenCV, one thread."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_gallery.parts.traits import Colour, Style, luma, mix

Image = npt.NDArray[np.uint8]
SHIFT = 4


def _fixed(points: npt.ArrayLike) -> npt.NDArray[np.int32]:
    p = np.clip(np.asarray(points, float), -20000, 20000)
    return np.round(p * (1 << SHIFT)).astype(np.int32)


class Canvas:
    """An RGB picture that is drawn at ``ss`` times its final size and averaged down.

    All coordinates are pixels of the *final* picture; integers are pixel centres.
    """

    def __init__(self, size: int, ss: int, style: Style, fill: Colour = (255, 255, 255)) -> None:
        self.size, self.ss, self.style = size, ss, style
        self.rgb: Image = np.empty((size * ss, size * ss, 3), np.uint8)
        self.flood(fill)
        self.offset = np.zeros(2)

    def flood(self, colour: Colour) -> None:
        """One colour everywhere."""
        low = self.rgb.shape[0] - 1
        cv2.rectangle(self.rgb, (0, 0), (low, low), [round(v) for v in colour], -1)

    def up(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Final pixels -> pixels of the large picture."""
        return (np.asarray(points, float) + 0.5) * self.ss - 0.5 - self.offset

    @cached_property
    def wobble(self) -> np.random.Generator:
        """What makes the lines of a sketch uncertain."""
        return np.random.default_rng(7)

    @contextmanager
    def clipped(self, points: npt.ArrayLike, alpha: float = 1.0) -> Iterator[None]:
        """Everything painted in this context shows only inside a polygon."""
        mask, roi = self.mask(points)
        if roi is None:
            mask, roi = np.zeros((1, 1), np.uint8), (slice(0, 1), slice(0, 1))
        whole, offset = self.rgb, self.offset
        self.rgb = whole[roi].copy()
        self.offset = offset + [roi[1].start, roi[0].start]
        try:
            yield
        finally:
            window, self.rgb, self.offset = self.rgb, whole, offset
            self.blend(mask, roi, window, alpha)

    def ink(self, colour: Colour) -> Colour:
        """The colour as this style lays it down: a sketch is pale grey paper."""
        if self.style != "sketch":
            return colour
        g = luma(colour)
        v = 255 - (255 - g) * (0.28 if g > 60 else 0.95)
        return mix((v, v, v), colour, 0.06)

    def sample(self, points: npt.ArrayLike) -> Colour:
        """Median colour of the picture at some points."""
        p = np.clip(np.round(self.up(points)).astype(int), 0, np.array(self.rgb.shape[1::-1]) - 1)
        c = np.median(self.rgb[p[:, 1], p[:, 0]], axis=0)
        return (float(c[0]), float(c[1]), float(c[2]))

    def fill(self, points: npt.ArrayLike, colour: Colour, alpha: float = 1.0) -> None:
        """Fill a closed polygon."""
        poly = [_fixed(self.up(points))]
        c = self.ink(colour)
        if alpha >= 0.999:
            cv2.fillPoly(self.rgb, poly, c, cv2.LINE_AA, SHIFT)
            return
        mask, roi = self.mask(points)
        if roi is not None:
            self.blend(mask, roi, c, alpha)

    def stroke(self, points: npt.ArrayLike, colour: Colour, width: float, closed: bool = False) -> None:
        """A line of the given width (final pixels) with round joints; thin lines fade instead of vanishing."""
        p = self.up(points)
        w = width * self.ss
        if self.style == "sketch" and len(p) > 3:
            for _ in range(2):
                noise = cv2.GaussianBlur(self.wobble.normal(0, 1, (len(p), 2)), (1, 0), 3.0) if len(p) > 6 else 0
                self._line(p + noise * 1.2 * self.ss, (45, 45, 48), max(1.0, w * 0.6), closed)
            return
        if w < 1:
            colour, w = mix(tuple(self.rgb.reshape(-1, 3)[0].astype(float)), colour, 1.0), 1.0  # type: ignore[arg-type]
        self._line(p, self.ink(colour) if self.style == "sketch" else colour, w, closed)

    def _line(self, p: npt.NDArray[np.float64], colour: Colour, w: float, closed: bool) -> None:
        thick = max(1, round(w))
        cv2.polylines(self.rgb, [_fixed(p)], closed, colour, thick, cv2.LINE_AA, SHIFT)

    def strokes(self, lines: npt.ArrayLike, colour: Colour, width: float) -> None:
        """Many lines (K, N, 2) of one colour."""
        fixed = _fixed(self.up(lines))
        c = self.ink(colour)
        cv2.polylines(self.rgb, list(fixed), False, c, max(1, round(width * self.ss)), cv2.LINE_AA, SHIFT)

    def spikes(self, triangles: npt.ArrayLike, roots: npt.ArrayLike, light: npt.ArrayLike) -> None:
        """Many small triangles (K, 3, 2), each in the colour found at its root (K, 2) times ``light`` (K,)."""
        p = np.clip(np.round(self.up(roots)).astype(int), 0, np.array(self.rgb.shape[1::-1]) - 1)
        colours = np.clip(self.rgb[p[:, 1], p[:, 0]] * np.asarray(light)[:, None], 0, 255).tolist()
        for triangle, colour in zip(_fixed(self.up(triangles)), colours, strict=True):
            cv2.fillConvexPoly(self.rgb, triangle, colour, cv2.LINE_AA, SHIFT)

    def disc(self, centre: npt.ArrayLike, radius: float, colour: Colour) -> None:
        """A filled circle."""
        c = _fixed(self.up(np.asarray(centre, float)))
        r = max(1, round(radius * self.ss * (1 << SHIFT)))
        cv2.circle(self.rgb, (int(c[0]), int(c[1])), r, self.ink(colour), -1, cv2.LINE_AA, SHIFT)

    def mask(self, points: npt.ArrayLike, pad: float = 0.0) -> tuple[Image, tuple[slice, slice] | None]:
        """Coverage mask of a polygon inside its own window (rows, columns); None when it lies outside."""
        p = self.up(points)
        n = np.array([self.rgb.shape[1], self.rgb.shape[0]])
        lo = np.maximum(np.floor(p.min(0) - 2 - pad * self.ss).astype(int), 0)
        hi = np.minimum(np.ceil(p.max(0) + 3 + pad * self.ss).astype(int), n)
        if (hi <= lo).any():
            return np.zeros((0, 0), np.uint8), None
        mask = np.zeros((hi[1] - lo[1], hi[0] - lo[0]), np.uint8)
        cv2.fillPoly(mask, [_fixed(p - lo)], 255, cv2.LINE_AA, SHIFT)
        return mask, (slice(lo[1], hi[1]), slice(lo[0], hi[0]))

    def blend(
        self, mask: npt.NDArray[Any], roi: tuple[slice, slice], colour: Colour | Image, alpha: float = 1.0
    ) -> None:
        """Lay a colour (or a picture of the window's size) over a window through a mask."""
        a = mask.astype(np.float32)[..., None] * (alpha / 255)
        here = self.rgb[roi].astype(np.float32)
        self.rgb[roi] = (here + (np.asarray(colour, np.float32) - here) * a + 0.5).astype(np.uint8)

    def soft(
        self, points: npt.ArrayLike, colour: Colour, alpha: float, blur: float, clip: npt.NDArray[Any] | None = None
    ) -> None:
        """A blurred translucent shape (blush, shadow, bulge); ``clip`` is a mask of the whole large picture."""
        mask: npt.NDArray[Any]
        mask, roi = self.mask(points, pad=blur * 1.5)
        if roi is None:
            return
        k = max(1, round(blur * self.ss))
        mask = cv2.blur(cv2.blur(mask, (k, k)), (k, k))
        if clip is not None:
            mask = cv2.multiply(mask, clip[roi], scale=1 / 255)
        self.blend(mask, roi, self.ink(colour), alpha)

    def full_mask(self, points: npt.ArrayLike) -> Image:
        """Coverage mask of a polygon in the whole large picture."""
        mask = np.zeros(self.rgb.shape[:2], np.uint8)
        cv2.fillPoly(mask, [_fixed(self.up(points))], 255, cv2.LINE_AA, SHIFT)
        return mask

    def done(self) -> Image:
        """The picture at its final size."""
        if self.ss == 1:
            return self.rgb
        return np.asarray(cv2.resize(self.rgb, (self.size, self.size), interpolation=cv2.INTER_AREA), np.uint8)


@lru_cache(maxsize=32)
def _circle(n: int) -> npt.NDArray[np.float64]:
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([np.cos(t), np.sin(t)], 1)


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0, n: int = 40) -> npt.NDArray[np.float64]:
    """(n, 2) points of an ellipse."""
    p: npt.NDArray[np.float64] = _circle(n) * (rx, ry)
    if angle:
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        p = p @ np.array([[c, s], [-s, c]])
    p += (x, y)
    return p


def rounded(points: npt.ArrayLike, rounds: int = 2) -> npt.NDArray[np.float64]:
    """A closed polygon with its corners cut off again and again (Chaikin): soft shoulders from a few points."""
    p = np.asarray(points, float)
    for _ in range(rounds):
        q = np.roll(p, -1, axis=0)
        p = np.stack([0.75 * p + 0.25 * q, 0.25 * p + 0.75 * q], 1).reshape(-1, 2)
    return p


def around(centre: npt.ArrayLike, rx: float, ry: float, angle: float = 0.0, n: int = 40) -> npt.NDArray[np.float64]:
    """(n, 2) points of an ellipse about a centre (2,)."""
    x, y = np.asarray(centre, float)
    return ellipse(float(x), float(y), rx, ry, angle, n)


def clouds(rng: np.random.Generator, size: int, octaves: tuple[int, ...] = (4, 9, 24)) -> npt.NDArray[np.float32]:
    """(size, size) smooth noise with zero mean and unit range, about -1..1."""
    out = np.zeros((size, size), np.float32)
    for i, cells in enumerate(octaves):
        grid = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        out += cv2.resize(grid, (size, size), interpolation=cv2.INTER_LINEAR) * 0.6**i
    return out / 2.2
