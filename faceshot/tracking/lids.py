"""How far an eye is open, measured by colour: optical flow loses the lid as soon as it covers the iris.

On the anchor frame the colours inside the eye opening and of the skin around it are learned as two densities. In
every later frame the opening is sampled in lid coordinates, t = 0 on the lower lid and t = 1 on the anchor's upper
lid, and the stretch of t whose colours look most like the inside of an eye is where the eye is open now. This needs
no texture, so it serves a drawn white eye on a flat face as well as a photograph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
RGB = npt.NDArray[Any]

_COLUMNS = 20
_BINS = 16
_ROWS = np.arange(-0.4, 2.0, 0.04)
#: Colour bandwidth of the densities, in levels; log-likelihood ratios are clipped to +-_CLIP.
_BANDWIDTH = 16.0
_CLIP = 3.0


class LidColours:
    """The opening of one eye relative to the anchor frame.

    Args:
        rgb: the anchor frame.
        eye: (6, 2) pixels, iBUG order from the image-left corner clockwise.
    """

    def __init__(self, rgb: RGB, eye: Array) -> None:
        self._width = float(np.linalg.norm(eye[3] - eye[0]))
        upper, lower = _lid_curves(eye)
        height = float(np.linalg.norm(upper - lower, axis=1).max())
        #: Whether eye and skin differ enough, and the eye is open enough, to measure anything.
        self.usable = False
        if height < 2.5 or self._width < 6:
            return
        inside = _sample(rgb, eye, np.linspace(0.1, 0.9, 21))[:, 3:-3].reshape(-1, 3)
        self._table = _log_ratio_table(inside, self._skin(rgb, eye))
        profile = self._profile(rgb, eye)
        # Lashes and the crease look like eye, too: rows beyond the anchor's lids count only for what they exceed.
        beyond = (_ROWS > 1.1) | (_ROWS < -0.1)
        self._bias = np.where(beyond, np.maximum(profile, 0) + 0.3, 0.0)
        self._start, self._full = _stretch(profile - self._bias)
        middle = (_ROWS > 0.15) & (_ROWS < 0.85)
        self.usable = bool(profile[middle].mean() > 0.25 and 0.5 < self._full - self._start < 1.6)

    def _skin(self, rgb: RGB, eye: Array) -> Array:
        upper, lower = _lid_curves(eye)
        normal = _down(eye)
        rings = []
        for distance in np.linspace(0.14, 0.34, 6) * self._width:
            rings += [_look(rgb, upper - distance * normal), _look(rgb, lower + distance * normal)]
        return np.concatenate(rings)

    def _profile(self, rgb: RGB, eye: Array) -> Array:
        """Mean log-likelihood ratio, eye against skin, of each row of lid coordinates."""
        bins = (_sample(rgb, eye, _ROWS) // (256 // _BINS)).astype(np.intp)
        return self._table[(bins[..., 0] * _BINS + bins[..., 1]) * _BINS + bins[..., 2]].mean(1)

    def measure(self, rgb: RGB, eye: Array) -> tuple[float, float]:
        """Where the lower lid is, and how far the upper one is above it.

        Args:
            rgb: the frame.
            eye: (6, 2) the anchor's (open) eye carried to this frame by its corners.

        Returns:
            Both in lid coordinates: (0, 1) as on the anchor; (y, 0) when the eye is shut along y.
        """
        start, stop = _stretch(self._profile(rgb, eye) - self._bias)
        scale = self._full - self._start
        start, stop = (start - self._start) / scale, (stop - self._start) / scale
        # The lower edge wavers while the eye is open; it matters where the lids meet: as the upper one comes down, or
        # when what is left lies high up (a smiling arch).
        matters = max(np.clip((0.8 - stop) / 0.4, 0, 1), np.clip((start - 0.35) / 0.15, 0, 1))
        low = start * float(matters)
        return low, stop - low


def _stretch(score: Array) -> tuple[float, float]:
    """Ends (t) of the stretch of rows with the largest sum of scores; empty at 0 when nothing is positive."""
    step = float(_ROWS[1] - _ROWS[0])
    total = np.concatenate([[0.0], np.cumsum(score)])
    lowest = np.minimum.accumulate(total)
    stop = int(np.argmax(total - lowest))
    if total[stop] - lowest[stop] <= 0:
        return 0.0, 0.0
    start = int(np.argmin(total[: stop + 1]))

    def edge(k: int) -> float:
        # Sub-row place: where the score crosses zero between the rows on either side of the end.
        if 0 < k < len(score):
            a, b = score[k - 1], score[k]
            share = a / (a - b) if a != b else 0.5
            return float(_ROWS[k - 1] + np.clip(share, 0, 1) * step)
        return float(_ROWS[min(k, len(_ROWS) - 1)])

    return edge(start), edge(stop)


def _down(eye: Array) -> Array:
    along = (eye[3] - eye[0]) / max(float(np.linalg.norm(eye[3] - eye[0])), 1e-6)
    return np.array([-along[1], along[0]])


def _lid_curves(eye: Array) -> tuple[Array, Array]:
    """Upper and lower lid as (_COLUMNS, 2) points, corner to corner without the corners themselves."""
    along = (eye[3] - eye[0]) / max(float(np.sum((eye[3] - eye[0]) ** 2)), 1e-6)
    where = np.linspace(0.12, 0.88, _COLUMNS)

    def curve(points: Array) -> Array:
        # Between the polyline, which cuts the lid's arch, and a parabola, which exaggerates it.
        t = np.maximum.accumulate((points - eye[0]) @ along + np.arange(4) * 1e-4)
        powers = np.vander(t, 3)
        bent = np.vander(where, 3) @ np.linalg.lstsq(powers, points, rcond=None)[0]
        straight = np.column_stack([np.interp(where, t, points[:, k]) for k in (0, 1)])
        return 0.5 * (straight + bent)

    return curve(eye[[0, 1, 2, 3]]), curve(eye[[0, 5, 4, 3]])


def _sample(rgb: RGB, eye: Array, rows: Array) -> Array:
    upper, lower = _lid_curves(eye)
    places = lower[None] + rows[:, None, None] * (upper - lower)[None]
    return _look(rgb, places.reshape(-1, 2)).reshape(len(rows), _COLUMNS, 3)


def _look(rgb: RGB, points: Array) -> Array:
    import cv2

    xy = points.astype(np.float32)[None]
    return cv2.remap(rgb, xy[..., 0], xy[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 3)


def _log_ratio_table(inside: Array, outside: Array) -> Array:
    """Log-likelihood ratio of every colour bin, from kernel densities of two colour samples (n, 3)."""
    centres = np.arange(_BINS) * (256 / _BINS) + 128 / _BINS

    def density(sample: Array) -> Array:
        sample = np.asarray(sample, np.float64)
        sample = sample[:: max(1, len(sample) // 240)]
        # A kernel is the product of one for each colour: (bins, samples) three times instead of every bin with each.
        red, green, blue = np.exp(-((centres[:, None] - sample.T[:, None]) ** 2) / (2 * _BANDWIDTH**2))
        both = (red[:, None] * green).reshape(_BINS * _BINS, -1)
        return np.asarray(both @ blue.T).ravel() / len(sample)

    return np.clip(np.log((density(inside) + 1e-3) / (density(outside) + 1e-3)), -_CLIP, _CLIP)
