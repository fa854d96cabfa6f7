"""Hair and ears that swing a little behind the head: a damped spring from frame to frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Natural frequency [Hz] and damping of hair and ears; below 1 they swing past the head.
_FREQUENCY, _DAMPING = 1.7, 0.45
#: They stay at most this far behind, in face sizes.
_MOST = 0.16
#: The spring is followed in steps of at most this many seconds.
_STEP = 1 / 120


def sway(tops: npt.NDArray, fps: float, unit: float, follow: float) -> npt.NDArray[np.float64]:
    """How far hair and ears are behind the head, (T, 2) pixels.

    Args:
        tops: (T, 2) where the top of the head is; it hangs still before the first frame.
        fps: frames per second.
        unit: size of the face in pixels.
        follow: 0 (rigid) .. 1.
    """
    pull = (2 * np.pi * _FREQUENCY) ** 2
    drag = 2 * _DAMPING * 2 * np.pi * _FREQUENCY
    steps = max(1, int(np.ceil(1 / (fps * _STEP))))
    dt = 1 / (fps * steps)
    place, speed = tops[0].astype(np.float64), np.zeros(2)
    out = np.zeros((len(tops), 2))
    for i in range(1, len(tops)):
        goal, pace = tops[i - 1].astype(np.float64), (tops[i] - tops[i - 1]) / steps
        for _ in range(steps):
            goal = goal + pace
            speed = speed + dt * (pull * (goal - place) - drag * speed)
            place = place + dt * speed
        behind = follow * (place - tops[i])
        size = float(np.hypot(*behind)) / (_MOST * unit)
        out[i] = behind * (np.tanh(size) / size if size > 1e-6 else 1.0)
    return out
