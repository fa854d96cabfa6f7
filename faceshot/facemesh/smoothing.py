"""The filter that the networks' makers put over video: a One-Euro filter whose speeds count in box sides."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
#: Cut-off at rest and of the speed in Hz, and Hz per box side per second.
_CUTOFF, _SPEED_CUTOFF, _SLOPE = 0.05, 1.0, 80.0
#: Rate taken after a frame at time 0, which the makers' code takes for "no frame yet".
_FIRST_RATE = 30.0


class OneEuro:
    """State of the filter over the points (n, d) of one face; made anew whenever the face is lost."""

    def __init__(self) -> None:
        self._raw: Float32 | None = None
        self._value: Float32 | None = None
        self._speed: Float32 | None = None
        self._time = 0.0

    def __call__(self, raw: Float32, side: float, milliseconds: int) -> Float32:
        """The filtered points.

        Args:
            raw: (n, d) pixels. side: mean of width and height of their box in pixels.
            milliseconds: time of the frame; a frame that is no later than the last comes back as it is.
        """
        if self._raw is None or self._value is None or self._speed is None:
            self._raw, self._value, self._speed, self._time = raw, raw, np.zeros_like(raw), milliseconds
            return raw
        if milliseconds <= self._time:
            return raw
        rate = _FIRST_RATE if self._time == 0 else 1000.0 / (milliseconds - self._time)
        speed = ((raw - self._raw).astype(np.float64) * (rate / side)).astype(np.float32)
        self._speed = mix(self._speed, speed, share(_SPEED_CUTOFF, rate))
        cutoff = _CUTOFF + _SLOPE * np.abs(self._speed.astype(np.float64))
        self._value = mix(self._value, raw, share(cutoff, rate))
        self._raw, self._time = raw, milliseconds
        return self._value


def share(cutoff: npt.ArrayLike, rate: float) -> npt.NDArray[np.float64]:
    """The weight of a new sample in an exponential average with this cut-off [Hz] at this rate [Hz]."""
    return np.asarray(1 / (1 + rate / (2 * math.pi * np.asarray(cutoff, np.float64))))


def mix(old: Float32, new: Float32, weight: npt.NDArray[np.float64]) -> Float32:
    """``weight`` of the new value, the rest of the old one."""
    w = weight.astype(np.float32)
    return np.asarray(w * new + (np.float32(1) - w) * old, np.float32)
