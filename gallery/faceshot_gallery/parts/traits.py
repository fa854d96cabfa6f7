"""What a drawn character is made of: frozen records of proportions and colours, in *head units*.

Head units: the origin is the middle of the head, x to the image right, y down, and the head is about 1 unit wide on
each side. Everything else (curves, landmarks, paint) is computed from these records, an expression and a pose.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

import numpy as np

Style = Literal["flat", "outline", "soft3d", "sketch", "painterly", "textured", "photo"]
STYLES: tuple[Style, ...] = get_args(Style)
Colour = tuple[float, float, float]
T = TypeVar("T")


@dataclass(frozen=True)
class Expression:
    """What the face does; zeros and open eyes are the character at rest.

    Lids and ``jaw_open``, ``lip_round`` run from 0 to 1; all others from -1 to 1 (``gaze`` is (right, down)).
    """

    right_eye_open: float = 1.0
    left_eye_open: float = 1.0
    gaze: tuple[float, float] = (0.0, 0.0)
    jaw_open: float = 0.0
    mouth_wide: float = 0.0
    smile: float = 0.0
    lip_round: float = 0.0
    right_brow: float = 0.0
    left_brow: float = 0.0
    brow_tilt: float = 0.0


@dataclass(frozen=True)
class Pose:
    """Where the head is: degrees of roll (clockwise), yaw (to the image right) and pitch (down), size and shift.

    Yaw goes to about 95 degrees, roll all the way round.
    ``scale`` 1 draws the head about 0.6 of the frame wide; ``dx``/``dy`` shift by fractions of the frame.
    """

    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    scale: float = 1.0
    dx: float = 0.0
    dy: float = 0.0


@dataclass(frozen=True)
class Head:
    """Outline x(y) = width (1 - |y/h|^p)^(1/q), with a cheek bump; h and the exponents differ above and below 0."""

    width: float = 1.0
    top: float = 1.1
    bottom: float = 1.1
    p_top: float = 2.0
    q_top: float = 2.0
    p_bot: float = 2.0
    q_bot: float = 2.0
    cheek: float = 0.0
    cheek_y: float = 0.3
    cheek_span: float = 0.4
    cheek_sharp: float = 1.0
    fuzz: float = 0.0
    depth: float = 0.75
    side_y: float = 0.0
    jaw_drop: float = 0.1
    chin: float = 0.4


@dataclass(frozen=True)
class Eyes:
    """Both eyes: centre, half width, lid heights and lid exponents, slant, and what is painted inside."""

    kind: str = "dot"
    x: float = 0.4
    y: float = -0.1
    w: float = 0.16
    up: float = 0.16
    low: float = 0.16
    p: float = 2.0
    q: float = 2.0
    p_low: float = 2.0
    q_low: float = 2.0
    slant: float = 0.0
    shut: float = 0.6
    iris: float = 0.7
    pupil: float = 0.5
    pupil_shape: str = "round"
    colour: Colour = (90, 60, 40)
    white: Colour = (250, 250, 250)
    dark: Colour = (25, 20, 22)
    lash: float = 0.03
    shine: float = 0.3
    crease: bool = False
    rim: float = 0.0
    patch: float = 0.0
    size_left: float = 1.0


@dataclass(frozen=True)
class Brows:
    """Both brows: height above the eye centre, half length, arch, tilt and stroke; thickness 0 means none.

    ``out`` moves them outwards, ``fall`` lets their outer ends fall.
    """

    gap: float = 0.3
    w: float = 0.24
    arch: float = 0.06
    tilt: float = 0.0
    thick: float = 0.05
    colour: Colour = (60, 40, 30)
    shown: bool = True
    out: float = 0.0
    fall: float = 0.0


@dataclass(frozen=True)
class Nose:
    """The nose: tip (x 0, y), half width, height of the pad, and the root of the bridge."""

    kind: str = "pad"
    y: float = 0.25
    w: float = 0.15
    h: float = 0.1
    root: float = -0.1
    lift: float = 0.25
    colour: Colour = (40, 30, 32)
    vee: float = 0.5
    bridge: bool = False
    shown: bool = True


@dataclass(frozen=True)
class Mouth:
    """The mouth: centre, half width, lip or stroke thickness, rest curve (smile, w) and what an open one shows."""

    kind: str = "stroke"
    x: float = 0.0
    y: float = 0.55
    w: float = 0.3
    thick_up: float = 0.02
    thick_low: float = 0.02
    smile: float = 0.08
    wave: float = 0.0
    cupid: float = 0.0
    rest_open: float = 0.0
    open_gain: float = 0.45
    flat_top: float = 0.4
    colour: Colour = (60, 30, 30)
    inside: Colour = (90, 20, 25)
    tongue: bool = True
    teeth: str = "none"
    tilt: float = 0.0
    lift: float = 0.15
    shown: bool = True


@dataclass(frozen=True)
class Ears:
    """A pair of ears: kind, base point, length, width, angle from straight up (degrees outwards)."""

    kind: str = "none"
    x: float = 0.6
    y: float = -0.8
    length: float = 0.6
    width: float = 0.35
    angle: float = 15.0
    inner: Colour = (240, 180, 170)
    tip: Colour | None = None


@dataclass(frozen=True)
class Muzzle:
    """A paler or darker bulge around nose and mouth; ``lift`` is how far it stands out of the face."""

    kind: str = "none"
    y: float = 0.4
    w: float = 0.45
    h: float = 0.35
    colour: Colour = (240, 230, 215)
    shade: float = 0.12
    lift: float = 0.12


@dataclass(frozen=True)
class Hair:
    """Hair, hat, hood or mane."""

    kind: str = "none"
    colour: Colour = (70, 45, 30)
    line: float = -0.5
    volume: float = 0.12
    length: float = 0.5
    back: bool = False
    teeth: int = 7


@dataclass(frozen=True)
class Character:
    """One drawn character; draw it with :func:`faceshot_gallery.illustrator.draw`."""

    domain: str
    seed: int
    style: Style
    head: Head
    eyes: Eyes
    brows: Brows
    nose: Nose
    mouth: Mouth
    ears: Ears = field(default_factory=Ears)
    muzzle: Muzzle = field(default_factory=Muzzle)
    hair: Hair = field(default_factory=Hair)
    skin: Colour = (240, 200, 170)
    skin2: Colour = (250, 240, 230)
    line: Colour = (40, 30, 30)
    line_width: float = 0.03
    coat: str = "skin"
    markings: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    body: Colour = (90, 110, 160)
    body_kind: str = "shoulders"
    blush: float = 0.0


class Dice:
    """A named, seeded stream of random choices."""

    def __init__(self, seed: int, name: str = "") -> None:
        self.rng = np.random.default_rng([int(seed) & 0xFFFFFFFFFFFF, zlib.crc32(name.encode())])

    def u(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def n(self, mean: float, sd: float) -> float:
        return float(self.rng.normal(mean, sd))

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        if weights is None:
            return options[int(self.rng.integers(len(options)))]
        w = np.asarray(weights, float)
        return options[int(self.rng.choice(len(options), p=w / w.sum()))]

    def colour(self, hue: tuple[float, float], sat: tuple[float, float], val: tuple[float, float]) -> Colour:
        """RGB in 0..255 from ranges of hue (turns), saturation and value."""
        return hsv(self.u(*hue), self.u(*sat), self.u(*val))

    def jitter(self, colour: Colour, amount: float = 12.0) -> Colour:
        c = np.clip(np.asarray(colour) + self.rng.normal(0, amount, 3), 0, 255)
        return (float(c[0]), float(c[1]), float(c[2]))


def hsv(h: float, s: float, v: float) -> Colour:
    """Hue in turns, saturation and value in 0..1 -> RGB in 0..255."""
    k = (np.array([5.0, 3.0, 1.0]) + (h % 1.0) * 6) % 6
    c = v - v * s * np.clip(np.minimum(k, 4 - k), 0, 1)
    return (float(c[0] * 255), float(c[1] * 255), float(c[2] * 255))


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """Linear blend of two colours, t = 0 gives a."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def shade(c: Colour, f: float) -> Colour:
    """Darker (f < 1) or lighter (f > 1) version of a colour."""
    return tuple(min(255.0, v * f) for v in c) if f <= 1 else mix(c, (255, 255, 255), min(f - 1, 1.0))  # type: ignore[return-value]


def luma(c: Colour) -> float:
    """Brightness in 0..255."""
    return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]


Traits = dict[str, Any]
