"""What real eyes have and drawn ones lack, painted over a crop: lashes, creases, bags, sockets, glasses, grey whites.

An :class:`EyeLook` is thrown once for a character and painted on all its frames, so that only the expression changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceshot_gallery.parts.traits import Dice
from faceshot_looks.touch import Array, Brush, Points, noise


@dataclass(frozen=True)
class EyeCurve:
    """One eye in a crop's pixels: both lids as they are and fully open, from the nose's side on, and how open it is."""

    upper: Points
    lower: Points
    wide_upper: Points
    wide_lower: Points
    open: float

    @property
    def outline(self) -> Points:
        return np.concatenate([self.upper, self.lower[::-1]])

    @property
    def wide_outline(self) -> Points:
        return np.concatenate([self.wide_upper, self.wide_lower[::-1]])

    @property
    def width(self) -> float:
        return float(np.linalg.norm(self.upper[-1] - self.upper[0]))

    @property
    def down(self) -> Points:
        along = (self.upper[-1] - self.upper[0]) / max(self.width, 1e-6)
        down = np.array([-along[1], along[0]])
        return down if (self.wide_lower.mean(0) - self.wide_upper.mean(0)) @ down >= 0 else -down


class EyeLook:
    """How one character's eyes look.

    Args:
        d: decides everything. real: a person (or nearly): most of it; otherwise little.
    """

    def __init__(self, d: Dice, real: bool) -> None:
        often = 1.0 if real else 0.25
        self.seed = int(d.rng.integers(1 << 30))
        self.socket = d.u(0, 0.5) if d.chance(0.7 * often) else 0.0
        self.inner = d.u(0, 0.4) if d.chance(0.5 * often) else 0.0
        self.grey = d.u(0.1, 0.75) if d.chance(0.8 * often) else 0.0
        self.grey_level = d.u(0.35, 0.95)
        self.under = d.u(0.2, 0.8) if d.chance(0.8 * often) else 0.0
        self.lid = d.pick([0.0, d.u(-0.25, 0.2)], [1, 2]) if real else 0.0
        self.liner = d.u(0.02, 0.11) if d.chance(0.6 * often) else 0.0
        self.lower_line = d.u(0.01, 0.05) if d.chance(0.6 * often) else 0.0
        self.waterline = d.u(0.1, 0.5) if d.chance(0.3 * often) else 0.0
        self.lashes = int(d.u(8, 34)) if d.chance(0.65 * often) else 0
        self.lash = d.u(0.06, 0.26)
        self.lash_low = d.chance(0.3)
        self.crease = d.u(0.06, 0.3) if d.chance(0.75 * often) else 0.0
        self.crease_dark = d.u(0.45, 0.9)
        self.hood = d.u(0.1, 0.5) if d.chance(0.2 * often) else 0.0
        self.bags = [(d.u(0.1, 0.55), d.u(0.6, 0.95), d.u(0.5, 3.0)) for _ in range(int(d.u(0, 3.2) * often))]
        self.bulge = d.u(0.03, 0.25) if d.chance(0.7 * often) else 0.0
        self.seam = d.u(0.25, 0.8) if d.chance(0.85 * often) else 0.0
        self.seam_width = d.u(0.02, 0.08)
        self.crow = int(d.u(2, 5)) if d.chance(0.3 * often) else 0
        self.gloss = d.chance(0.4 * often)
        self.shadow = d.rng.uniform(30, 230, 3) if d.chance(0.14 * often) else None
        self.glasses = d.chance(0.14) if real else d.chance(0.03)
        self.frame = (d.u(0.02, 0.1), d.rng.uniform(0, 90, 3), d.u(0.8, 1.15), d.u(0.5, 0.85), d.u(-0.05, 0.3))
        self.glint = d.u(0.15, 0.6) if d.chance(0.5) else 0.0
        self.grain = d.u(1, 7) if d.chance(0.7 * often) else 0.0

    def paint(self, rgb: Array, eye: EyeCurve, left: bool) -> None:
        """Paint over ``rgb`` (H, W, 3) float32 in place."""
        b = Brush(rgb, np.random.default_rng((self.seed, left)))
        w, down = eye.width, eye.down
        middle = eye.wide_outline.mean(0)
        skin = b.sample(np.concatenate([eye.wide_lower + 0.3 * w * down, eye.wide_upper - 0.3 * w * down]))
        inside = b.area(eye.outline)
        self._around(b, eye, w, down, middle, inside)
        self._ball(b, eye, w, down, inside)
        self._lid(b, eye, w, down, skin, inside)
        self._lines(b, eye, w, down, skin)
        self._lashes(b, eye, w, down, left)
        if self.grain:
            b.rgb += (self.grain * noise(b.rng, b.shape, 30) * (1 - inside))[..., None]
        if self.glasses:
            self._glasses(b, eye, w, down, middle)
        np.clip(b.rgb, 0, 255, out=b.rgb)

    def _around(self, b: Brush, eye: EyeCurve, w: float, down: Points, middle: Points, inside: Array) -> None:
        """Socket and inner corner lie in shade."""
        angle = np.linspace(0, 2 * np.pi, 24)
        along = (eye.upper[-1] - eye.upper[0]) / max(w, 1e-6)
        ring = np.cos(angle)[:, None] * along * 0.75 * w + np.sin(angle)[:, None] * down * 0.5 * w
        if self.socket:
            b.shade(b.area(middle - 0.12 * w * down + ring, 0.22 * w) * (1 - inside), 1 - self.socket)
        if self.inner:
            b.shade(b.area(eye.upper[0] - 0.15 * w * along + 0.35 * ring, 0.12 * w) * (1 - inside), 1 - self.inner)

    def _ball(self, b: Brush, eye: EyeCurve, w: float, down: Points, inside: Array) -> None:
        """Whites are grey and lie in the upper lid's shadow."""
        if self.grey:
            level = self.grey_level * 255 * np.array([1, 0.96, 0.94])
            bright = np.clip((b.rgb.mean(2) - 110) / 80, 0, 1)
            b.lay(inside * bright, level, self.grey)
        if self.under:
            band = np.concatenate([eye.upper, (eye.upper + (0.16 * w) * down)[::-1]])
            b.shade(b.area(band, 0.05 * w) * inside, 1 - self.under)
        if self.gloss and eye.open > 0.3:
            at = eye.outline.mean(0) + b.rng.uniform(-0.12, 0.12, 2) * w - 0.04 * w * down
            size = b.rng.uniform(0.02, 0.05) * w
            b.lay(b.area(at + size * np.array([[-1, 0], [0, -1], [1, 0], [0, 1]]), 0.4) * inside, 250.0, 0.9)

    def _lid(self, b: Brush, eye: EyeCurve, w: float, down: Points, skin: Array, inside: Array) -> None:
        """The upper lid's skin, paler or darker, the ball that bulges under it, and where it meets the lower one."""
        top = eye.wide_upper - (self.crease or 0.1) * w * down
        flap = b.area(np.concatenate([top, eye.upper[::-1]]), 0.6) * (1 - inside)
        if self.lid:
            b.shade(flap, 1 + self.lid)
        if self.shadow is not None:
            b.lay(flap, self.shadow, 0.45)
        if self.bulge and eye.open < 0.8:
            angle = np.linspace(0, 2 * np.pi, 20)
            along = (eye.upper[-1] - eye.upper[0]) / max(w, 1e-6)
            at = 0.5 * (eye.wide_upper.mean(0) + eye.upper.mean(0))
            blob = at + np.cos(angle)[:, None] * along * 0.25 * w + np.sin(angle)[:, None] * down * 0.12 * w
            b.shade(b.area(blob, 0.1 * w) * flap, 1 + self.bulge)
        if self.seam and eye.open < 0.5:
            strength = self.seam * min(1.0, (0.5 - eye.open) / 0.3)
            b.lay(b.line(eye.upper, self.seam_width * w, 0.5), skin * 0.3, strength)

    def _lines(self, b: Brush, eye: EyeCurve, w: float, down: Points, skin: Array) -> None:
        """Crease, hood, bags, crow's feet, rims of the lids."""
        part = slice(4, -3)
        if self.crease:
            way = 0.35 * (1 - eye.open) * (eye.wide_upper - eye.upper)
            line = eye.wide_upper - self.crease * w * down - 0.2 * way
            b.shade(
                b.line(line[part], 0.035 * w, 0.02 * w),
                self.crease_dark + 0.25 * (1 - eye.open) * (1 - self.crease_dark),
            )
        if self.hood and eye.open > 0.3:
            fold = np.concatenate([eye.upper - 0.02 * w * down, (eye.wide_upper - 0.2 * w * down)[::-1]])
            b.shade(b.area(fold, 0.05 * w), 1 - 0.5 * self.hood)
        squint = 0.06 * w * (1 - eye.open)
        for depth, dark, blur in self.bags:
            bag = eye.wide_lower + (depth * w - squint) * down
            b.shade(b.line(bag[part], 0.05 * w, blur), dark)
        if self.crow:
            outer = eye.upper[-1]
            along = (eye.upper[-1] - eye.upper[0]) / max(w, 1e-6)
            for k in range(self.crow):
                slope = (k - self.crow / 2 + 0.5) * 0.35
                start = outer + 0.1 * w * along + slope * 0.2 * w * down
                end = start + 0.3 * w * along + slope * 0.3 * w * down
                b.shade(b.line([start, end], 0.03 * w, 0.5), 0.75 + 0.15 * eye.open)
        if self.lower_line:
            b.lay(b.line(eye.lower, self.lower_line * w, 0.4), skin * 0.45, 0.6)
        if self.waterline and eye.open > 0.2:
            b.lay(b.line(eye.lower - 0.015 * w * down, 0.03 * w, 0.3), skin * [1.05, 0.9, 0.88], self.waterline)
        if self.liner:
            b.lay(b.line(eye.upper - 0.3 * self.liner * w * down, self.liner * w, 0.35), skin * 0.2, 0.8)

    def _lashes(self, b: Brush, eye: EyeCurve, w: float, down: Points, left: bool) -> None:
        """Up and outwards when open, down when shut."""
        if not self.lashes:
            return
        rng = np.random.default_rng((self.seed, 5, left))
        place = np.sort(rng.uniform(0.15, 1.0, self.lashes))
        spread = rng.normal(0, 0.12, self.lashes)
        length = self.lash * w * rng.uniform(0.5, 1.0, self.lashes) * (0.5 + 0.5 * place)
        tilt = 2.0 * min(max(eye.open, 0.0), 1.0) ** 0.7 - 1.0
        along = (eye.upper[-1] - eye.upper[0]) / max(w, 1e-6)
        curves = [(eye.upper, -tilt * down + 0.35 * along, 1.0)]
        if self.lash_low:
            curves.append((eye.lower, down + 0.25 * along, 0.45))
        for curve, way, share in curves:
            grid = np.linspace(0, 1, len(curve))
            root = np.stack([np.interp(place, grid, curve[:, k]) for k in (0, 1)], 1)
            direction = way + ((place - 0.5) * 0.8 + spread)[:, None] * along
            tip = root + share * length[:, None] * direction
            bend = 0.5 * (root + tip) + 0.12 * length[:, None] * down
            b.lay(b.strokes(np.stack([root, bend, tip], 1), 0.5), [18.0, 14.0, 14.0], 0.75)

    def _glasses(self, b: Brush, eye: EyeCurve, w: float, down: Points, middle: Points) -> None:
        thick, colour, half, tall, low = self.frame
        angle = np.linspace(0, 2 * np.pi, 48)
        along = (eye.upper[-1] - eye.upper[0]) / max(w, 1e-6)
        square = (
            np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.6,
            np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.6,
        )
        rim = middle + low * w * down + square[0][:, None] * along * half * w + square[1][:, None] * down * tall * w
        if self.glint:
            at = middle + b.rng.uniform(-0.4, 0.4, 2) * w
            patch = at + w * b.rng.uniform(0.1, 0.45) * np.array([[-1, 0.6], [0.2, -1], [1, -0.5], [0, 0.8]])
            b.lay(b.area(patch, 1.5), 245.0, self.glint)
        b.lay(b.line(rim, thick * w, 0.3), colour, 0.95)
