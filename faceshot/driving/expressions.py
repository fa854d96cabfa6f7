"""Expressions by hand: our own face posed by named amounts, and a timeline of such poses. They need no clip."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from faceshot.driving.motion_face import LOOK, MOVES, SIDE, Pose, face_points
from faceshot.errors import UsageError
from faceshot.landmarks import BLENDSHAPES, Expression, LandmarkSequence, as_fps

#: What can be posed, and how far; angles in degrees, 0 is the face at rest. Sides are the subject's; a face with
#: ``yaw`` turns to the image right, with ``pitch`` looks down, with ``roll`` tilts clockwise; eyes with ``gaze_x`` look
#: to the image right, with ``gaze_y`` down.
AMOUNTS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "blink_right": (0.0, 1.0),
        "blink_left": (0.0, 1.0),
        "brow_right": (-1.0, 1.0),
        "brow_left": (-1.0, 1.0),
        "frown": (0.0, 1.0),
        "jaw": (0.0, 1.0),
        "smile": (-1.0, 1.0),
        "pout": (0.0, 1.0),
        "yaw": (-25.0, 25.0),
        "pitch": (-20.0, 20.0),
        "roll": (-30.0, 30.0),
        "gaze_x": (-1.0, 1.0),
        "gaze_y": (-1.0, 1.0),
    }
)
_TURNS = ("yaw", "pitch", "roll")
_LONGEST = 60.0


def posed(amounts: Mapping[str, float]) -> LandmarkSequence:
    """Two frames, 512x512: our face at rest, which is the rest frame, and with the expression.

    Args:
        amounts: by names of :data:`AMOUNTS`; those left out are 0.

    Raises:
        UsageError: unknown name, no number, out of range.
    """
    values = np.array([[0.0] * len(AMOUNTS), _checked(amounts)])
    return _sequence(values, Fraction(30))


def expression_timeline(
    keys: Sequence[tuple[float, Mapping[str, float]]], *, fps: Any = Fraction(30)
) -> LandmarkSequence:
    """A clip, 512x512, that starts at rest, reaches each expression at its second, and ends with the last.

    Args:
        keys: (seconds, amounts as of :func:`posed`), one or more, at different times after 0 and up to 60.
        fps: frames per second.

    Raises:
        UsageError: no keys, bad times, and as of :func:`posed`. InputError: ``fps`` is not a positive rate.
    """
    if not keys:
        raise UsageError("the timeline is empty; add an expression at some second")
    order = sorted(((_seconds(at), _checked(amounts)) for at, amounts in keys), key=lambda key: key[0])
    times = [0.0, *(at for at, _ in order)]
    if len(set(times)) < len(times):
        raise UsageError("two expressions at the same second; leave one out")
    rate = as_fps(fps)
    stops = np.array([[0.0] * len(AMOUNTS), *(values for _, values in order)])
    t = np.arange(max(2, math.ceil(times[-1] * rate) + 1)) / float(rate)
    left = np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 2)
    start, end = np.array(times)[left], np.array(times)[left + 1]
    x = np.clip((t - start) / (end - start), 0, 1)[:, None]
    ease = x * x * (3 - 2 * x)
    return _sequence(stops[left] + ease * (stops[left + 1] - stops[left]), rate)


def _checked(amounts: Mapping[str, float]) -> list[float]:
    for name in amounts:
        if name not in AMOUNTS:
            raise UsageError(f"unknown expression {name!r}; expressions are {', '.join(AMOUNTS)}")
    values = []
    for name, (low, high) in AMOUNTS.items():
        value = amounts.get(name, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise UsageError(f"expression {name} must be a number from {low:g} to {high:g}, got {value!r}")
        values.append(float(value))
    return values


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST:
        raise UsageError(f"an expression's second must lie above 0 and up to {_LONGEST:g}, got {value!r}")
    return float(value)


def _sequence(values: np.ndarray, rate: Fraction) -> LandmarkSequence:
    """Our face with amounts (T, 13), with gaze in its expression channel."""
    column = dict(zip(AMOUNTS, values.T, strict=True))
    turns = {name: np.radians(column.pop(name)) for name in _TURNS}
    looks = np.stack([column.pop("gaze_x"), column.pop("gaze_y")], axis=1)
    down = looks[:, 1, None, None]
    lids = np.maximum(down, 0) * MOVES["lid_down"] + np.maximum(-down, 0) * MOVES["lid_up"]
    xy = face_points(Pose(round=column.pop("pout"), **column, **turns), lids).astype(np.float32)
    frames = len(values)
    expression = Expression(
        np.full((frames, len(BLENDSHAPES)), np.nan), np.repeat(np.eye(3)[None], frames, 0),
        np.repeat((looks * LOOK)[:, None], 2, 1), np.full(frames, np.nan),
    )  # type: ignore[arg-type]  # fmt: skip
    return LandmarkSequence(xy, (SIDE, SIDE), rate, expression=expression)  # type: ignore[arg-type]
