"""Motion templates: talk, laugh, nod, shake, wink, surprise, sing, idle. They need no clip.

Every template drives our own parametric face (``motion_face``) with time curves. It starts at rest, ends
where it starts (so it loops), and is the same for the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from faceshot.driving.motion_face import SIDE, Pose, face_points
from faceshot.errors import UsageError
from faceshot.landmarks import LandmarkSequence, as_fps

Array = npt.NDArray[np.float64]
MotionName = Literal["talk", "laugh", "nod", "shake", "wink", "surprise", "sing", "idle"]
MOTIONS: tuple[MotionName, ...] = get_args(MotionName)
MIN_SECONDS, MAX_SECONDS = 0.5, 600.0

#: Mouth shapes of speech: jaw, wide, round, upper lip, lower lip, press.
_VISEMES = {
    "_": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "A": (0.66, 0.10, 0.00, 0.25, 0.25, 0.0),
    "E": (0.42, 0.55, 0.00, 0.30, 0.50, 0.0),
    "I": (0.20, 0.85, 0.00, 0.25, 0.50, 0.0),
    "O": (0.50, 0.00, 0.75, 0.00, 0.10, 0.0),
    "U": (0.25, 0.00, 1.00, 0.00, 0.00, 0.0),
    "M": (0.04, 0.00, 0.10, 0.00, 0.00, 1.0),
    "F": (0.12, 0.20, 0.00, 0.60, -0.5, 0.5),
    "S": (0.08, 0.45, 0.10, 0.25, 0.45, 0.0),
    "L": (0.36, 0.20, 0.00, 0.15, 0.20, 0.0),
}
_MOUTH = ("jaw", "wide", "round", "upper_lip", "lower_lip", "press")
#: Seconds over which a mouth shape blends into its neighbours: the jaw is quick, rounding is prepared early.
_BLEND = (0.045, 0.055, 0.075, 0.040, 0.040, 0.026)
_PHRASES = ("MALOSE", "FIMA", "SOLAMI", "MEAFUL", "LOMEA", "SIFOMA", "AMELU", "MUSALI", "FALOE")


def motion_template(
    name: str, *, fps: Any = Fraction(30), seconds: float | None = None, seed: int = 0
) -> LandmarkSequence:
    """A built-in motion as landmarks of a drawn human face, 512x512.

    Args:
        name: one of :data:`MOTIONS`.
        fps: frames per second.
        seconds: duration, 0.5 .. 600 s; by default each motion's own length. Gestures repeat to fill it.
        seed: of the small irregularities (blinks, sway, the syllables of ``talk``), 0 or more.

    Returns:
        A sequence whose frame 0 is the neutral face (``rest = 0``) and whose last frame flows into the first.

    Raises:
        UsageError: unknown name, duration or seed out of range.
        InputError: ``fps`` is not a positive rate.
    """
    if name not in MOTIONS:
        raise UsageError(f"unknown motion {name!r}; motions are {', '.join(MOTIONS)}")
    rate = as_fps(fps)
    natural, make = _TEMPLATES[name]
    seconds = natural if seconds is None else seconds
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise UsageError(f"seconds must be a number, got {seconds!r}")
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise UsageError(f"seconds must lie in {MIN_SECONDS:g}..{MAX_SECONDS:g}, got {seconds:g}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"seed must be a whole number of at least 0, got {seed!r}")
    frames = max(2, round(seconds * rate))
    t = np.arange(frames) / float(rate)
    pose = make(t, frames / float(rate), np.random.default_rng([seed, MOTIONS.index(name)]))
    return LandmarkSequence(face_points(pose), (SIDE, SIDE), rate)  # type: ignore[arg-type]


def _ease(x: Array) -> Array:
    """0 .. 1 with flat ends (quintic)."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * x * (x * (6 * x - 15) + 10)


def _pulse(t: Array, start: float, rise: float, hold: float, fall: float) -> Array:
    """Up within ``rise`` seconds from ``start``, hold, down within ``fall``."""
    return _ease((t - start) / rise) * (1 - _ease((t - start - rise - hold) / fall))


def _blink(t: Array, start: float, hold: float = 0.03) -> Array:
    """A blink: shut within 0.1 s, open again within 0.2 s."""
    return _pulse(t, start, 0.10, hold, 0.20)


def _blinks(t: Array, period: float, rng: np.random.Generator, every: float = 3.0) -> Array:
    """Irregular blinks, about one per ``every`` seconds, none across the ends."""
    count = max(1, round(period / every)) if period >= 1.2 else 0
    slot = period / max(count, 1)
    starts = [(k + 0.35 + 0.35 * rng.random()) * slot for k in range(count)]
    return _union([_blink(t, min(start, period - 0.5)) for start in starts], t)


def _union(curves: Sequence[Array], t: Array) -> Array:
    return np.max(np.stack([np.zeros_like(t), *curves]), axis=0)


def _sway(t: Array, period: float, rng: np.random.Generator, amount: float, hertz: float = 0.3) -> Array:
    """Slow, irregular to and fro around 0 that loops and starts at 0."""
    out = np.zeros_like(t)
    for scale, factor in ((1.0, 1.0), (0.45, 2.1), (0.2, 3.3)):
        turns = max(1, round(hertz * factor * period))
        out += scale * rng.choice((-1.0, 1.0)) * np.sin(2 * np.pi * turns * t / period)
    return amount * out / 1.4


def _lagged(curve: Array, period: float, seconds: float) -> Array:
    """The curve as something heavy follows it: delayed and averaged, looping."""
    n = len(curve)
    frequency = np.fft.rfftfreq(n, period / n)
    response = np.exp(-0.5 * (2 * np.pi * frequency * seconds * 0.7) ** 2 - 2j * np.pi * frequency * seconds)
    out = np.fft.irfft(np.fft.rfft(curve) * response, n)
    return out - out[0]


def _gestures(t: Array, period: float, natural: float) -> tuple[Array, float]:
    """Time within one of the gestures that fill the period, at the gesture's natural pace as far as possible."""
    count = max(1, round(period / natural))
    return np.mod(t, period / count) * (natural * count / period), natural


def _speak(t: Array, period: float, shapes: Sequence[tuple[float, str]]) -> dict[str, Array]:
    """Mouth curves from (time, viseme) with co-articulation: every shape blends into the ones around it."""
    step = 1 / 240
    fine = np.arange(max(8, round(period / step))) * step
    index = np.searchsorted([start for start, _ in shapes], fine, side="right") - 1
    table = np.array([_VISEMES[shapes[k][1]] if k >= 0 else _VISEMES["_"] for k in index])
    frequency = np.fft.rfftfreq(len(fine), step)
    out = {}
    for column, (name, blend) in enumerate(zip(_MOUTH, _BLEND, strict=True)):
        gauss = np.exp(-2 * (np.pi * frequency * blend) ** 2)
        curve = np.fft.irfft(np.fft.rfft(table[:, column]) * gauss, len(fine))
        out[name] = np.interp(t, fine, curve, period=period)
    # Both ends are at rest exactly; the speech stops 0.2 s before them, so this only removes rounding.
    fade = _ease(t / 0.12) * _ease((period - t) / 0.12)
    return {name: curve * fade for name, curve in out.items()}


def _syllables(period: float, rng: np.random.Generator, rate: float = 9.0) -> list[tuple[float, str]]:
    """A made-up utterance: phrases of open and closed shapes with pauses, quiet at both ends."""
    shapes: list[tuple[float, str]] = [(0.0, "_")]
    now, end = 0.22, period - 0.3
    while now < end - 0.2:
        phrase = str(rng.choice(_PHRASES)) + str(rng.choice(_PHRASES))
        for letter in phrase:
            if now >= end:
                break
            shapes.append((now, letter))
            now += (1.25 if letter in "AEIOU" else 0.8) / rate * rng.uniform(0.8, 1.25)
        shapes.append((now, "_"))
        now += rng.uniform(0.18, 0.4)
    shapes.append((min(now, end), "_"))
    return shapes


def _talk(t: Array, period: float, rng: np.random.Generator) -> Pose:
    shapes = [s for s in _syllables(period, rng) if s[0] <= period - 0.3] + [(period - 0.3, "_")]
    mouth = _speak(t, period, shapes)
    effort = _lagged(mouth["jaw"], period, 0.12)
    stress = _union([_pulse(t, s, 0.18, 0.25, 0.4) for s in _pauses(shapes)], t)
    brow = 0.45 * stress
    return Pose(
        **mouth,
        smile=0.12 * _lagged(mouth["wide"], period, 0.1),
        brow_right=brow,
        brow_left=0.9 * brow,
        blink_right=(blink := _blinks(t, period, rng, 2.2)),
        blink_left=blink,
        yaw=_sway(t, period, rng, 0.10, 0.35),
        pitch=0.07 * effort + _sway(t, period, rng, 0.035, 0.5) - 0.03 * _lagged(stress, period, 0.1),
        roll=_sway(t, period, rng, 0.045, 0.3),
        x=_sway(t, period, rng, 3.0, 0.3),
        y=4.0 * effort + _sway(t, period, rng, 1.5, 0.4),
    )


def _pauses(shapes: Sequence[tuple[float, str]]) -> list[float]:
    """Where phrases begin: the first sound after a pause."""
    return [b[0] for a, b in pairwise(shapes) if a[1] == "_" and b[1] != "_"]


def _laugh(t: Array, period: float, rng: np.random.Generator) -> Pose:
    u, length = _gestures(t, period, 3.2)
    mirth = _pulse(u, 0.05, 0.45, 1.7, length - 2.3)
    bursts = _pulse(u, 0.35, 0.25, 1.0, 1.1)
    beat = 0.5 - 0.5 * np.cos(2 * np.pi * 4.6 * np.maximum(u - 0.35, 0))
    jaw = bursts * (0.38 + 0.34 * beat)
    bounce = bursts * (beat - 0.4)
    blink = 0.55 * _pulse(u, 0.5, 0.3, 0.9, 0.7) + 0.35 * bursts * beat
    return Pose(
        jaw=jaw,
        smile=mirth,
        upper_lip=0.5 * bursts,
        squint=0.8 * mirth,
        blink_right=blink,
        blink_left=blink,
        brow_right=0.35 * mirth - 0.1 * bounce,
        brow_left=0.35 * mirth - 0.1 * bounce,
        pitch=-0.14 * _pulse(u, 0.25, 0.5, 0.7, 1.2) + 0.035 * bounce,
        roll=0.06 * _pulse(u, 0.3, 0.6, 0.8, 1.1) * rng.choice((-1, 1)),
        yaw=_sway(t, period, rng, 0.03),
        y=5.0 * bounce,
    )


def _nod(t: Array, period: float, rng: np.random.Generator) -> Pose:
    u, length = _gestures(t, period, 2.2)
    swing = _pulse(u, 0.0, 0.25, 1.35, length - 1.65)
    dip = 0.5 - 0.5 * np.cos(2 * np.pi * 1.45 * np.clip(u - 0.08, 0, 3 / 1.45))
    fade = 1 - 0.22 * np.floor(np.clip((u - 0.08) * 1.45, 0, 2))
    pitch = 0.30 * dip * fade
    blink = _blink(u, 0.32)
    return Pose(
        pitch=pitch,
        y=9.0 * dip * fade,
        smile=0.3 * swing,
        brow_right=0.25 * swing * (1 - dip),
        brow_left=0.25 * swing * (1 - dip),
        blink_right=blink,
        blink_left=blink,
        yaw=_sway(t, period, rng, 0.02),
    )


def _shake(t: Array, period: float, rng: np.random.Generator) -> Pose:
    u, length = _gestures(t, period, 2.4)
    swing = _pulse(u, 0.05, 0.4, 1.2, length - 1.85)
    side = float(rng.choice((-1.0, 1.0)))
    yaw = side * 0.42 * swing * np.sin(2 * np.pi * 1.35 * np.maximum(u - 0.05, 0))
    blink = _blink(u, 0.30)
    return Pose(
        yaw=yaw,
        roll=0.12 * _lagged(yaw, period, 0.08),
        x=10 * _lagged(yaw, period, 0.05),
        pitch=0.05 * swing,
        frown=0.55 * swing,
        press=0.6 * swing,
        smile=-0.25 * swing,
        blink_right=blink,
        blink_left=blink,
    )


def _wink(t: Array, period: float, rng: np.random.Generator) -> Pose:
    u, _ = _gestures(t, period, 2.4)
    wink = _pulse(u, 0.55, 0.13, 0.38, 0.24)
    charm = _pulse(u, 0.25, 0.4, 0.75, 0.8)
    return Pose(
        blink_right=wink,
        squint=0.25 * wink,
        smirk=0.85 * charm,
        smile=0.3 * charm,
        brow_right=-0.35 * wink + 0.15 * charm,
        brow_left=0.5 * charm,
        roll=-0.10 * _pulse(u, 0.3, 0.45, 0.55, 0.9),
        yaw=-0.10 * charm,
        pitch=0.05 * wink + _sway(t, period, rng, 0.01),
        jaw=0.08 * charm,
    )


def _surprise(t: Array, period: float, rng: np.random.Generator) -> Pose:
    u, _ = _gestures(t, period, 2.8)
    flinch = _blink(u, 0.10, 0.0)
    shock = _pulse(u, 0.20, 0.22, 0.95, 0.9)
    late = _pulse(u, 0.24, 0.28, 0.85, 0.9)
    blink = np.maximum(0.9 * flinch, _blink(u, 1.75, 0.02))
    return Pose(
        brow_right=1.15 * shock,
        brow_left=1.15 * shock,
        wide_eyes=shock,
        jaw=0.78 * late,
        round=0.42 * late,
        blink_right=blink,
        blink_left=blink,
        pitch=-0.10 * late + 0.04 * flinch,
        y=-5.0 * late,
        zoom=-0.025 * late,
        yaw=_sway(t, period, rng, 0.02),
    )


def _sing(t: Array, period: float, rng: np.random.Generator) -> Pose:
    beat = 0.6
    shapes: list[tuple[float, str]] = [(0.0, "_")]
    now, notes = 0.3, []
    while now < period - 0.75:
        length = min(beat * float(rng.choice((1, 1, 2, 3))), period - 0.35 - now)
        shapes += [(now, str(rng.choice(list("LMFS")))), (now + 0.11, str(rng.choice(list("AAOEOU"))))]
        notes.append((now + 0.1, length - 0.1))
        now += length
    shapes.append((now, "_"))
    mouth = _speak(t, period, shapes)
    long = _union([_pulse(t, s + 0.3, 0.4, max(n - 0.9, 0.05), 0.5) for s, n in notes if n > 0.9], t)
    mouth["jaw"] = mouth["jaw"] * (1.1 + 0.05 * long * np.sin(2 * np.pi * 5.5 * t)) + 0.08 * long * mouth["jaw"]
    turns = max(1, round(period / (4 * beat)))
    roll = 0.10 * np.sin(2 * np.pi * turns * t / period)
    shut = np.maximum(0.92 * long, _blinks(t, period, rng, 3.0))
    return Pose(
        **mouth,
        smile=0.25 * _lagged(mouth["wide"] + 0.5 * long, period, 0.1),
        brow_right=0.7 * long,
        brow_left=0.7 * long,
        blink_right=shut,
        blink_left=shut,
        roll=roll,
        yaw=0.12 * _lagged(roll / 0.1, period, 0.25) + _sway(t, period, rng, 0.03),
        pitch=-0.09 * _lagged(long, period, 0.15) + 0.04 * _lagged(mouth["jaw"], period, 0.12),
        x=70 * roll,
        y=3.0 * (np.cos(4 * np.pi * turns * t / period) - 1),
    )


def _idle(t: Array, period: float, rng: np.random.Generator) -> Pose:
    breaths = max(1, round(period * 0.26))
    breath = 0.5 - 0.5 * np.cos(2 * np.pi * breaths * t / period)
    blink = _blinks(t, period, rng, 2.6)
    mood = _pulse(t, 0.25 * period, 0.2 * period, 0.1 * period, 0.25 * period)
    return Pose(
        y=-2.2 * breath + _sway(t, period, rng, 1.0, 0.2),
        zoom=0.004 * breath,
        pitch=-0.018 * breath + _sway(t, period, rng, 0.02, 0.2),
        yaw=_sway(t, period, rng, 0.075, 0.17),
        roll=_sway(t, period, rng, 0.03, 0.17),
        x=_sway(t, period, rng, 2.0, 0.17),
        smile=0.25 * mood,
        brow_right=0.12 * mood + 0.05 * breath,
        brow_left=0.10 * mood + 0.05 * breath,
        blink_right=blink,
        blink_left=blink,
    )


_Maker = Callable[[Array, float, np.random.Generator], Pose]
#: Natural length in seconds and the curves of every template.
_TEMPLATES: MappingProxyType[str, tuple[float, _Maker]] = MappingProxyType(
    {
        "talk": (5.0, _talk),
        "laugh": (3.2, _laugh),
        "nod": (2.2, _nod),
        "shake": (2.4, _shake),
        "wink": (2.4, _wink),
        "surprise": (2.8, _surprise),
        "sing": (7.2, _sing),
        "idle": (6.0, _idle),
    }
)
