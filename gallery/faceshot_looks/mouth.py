"""What real mouths have and drawn ones lack, painted over a crop: thin and pale lips, teeth, chins, folds, stubble.

A :class:`MouthLook` is thrown once for a character and painted on all its frames, so that only the expression changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceshot_gallery.parts.traits import Dice
from faceshot_looks.touch import Array, Brush, Points, noise


@dataclass(frozen=True)
class MouthCurve:
    """The four lip curves in a crop's pixels, image left to right, the rim of the nose and the chin's line."""

    outer_up: Points
    outer_low: Points
    inner_up: Points
    inner_low: Points
    nose: Points
    chin: Points

    @property
    def lips(self) -> Points:
        return np.concatenate([self.outer_up, self.outer_low[::-1]])

    @property
    def between(self) -> Points:
        return np.concatenate([self.inner_up, self.inner_low[::-1]])


class MouthLook:
    """How one character's mouth looks.

    Args:
        d: decides everything. real: a person (or nearly): most of it; otherwise little.
    """

    def __init__(self, d: Dice, real: bool) -> None:
        often = 1.0 if real else 0.2
        self.seed = int(d.rng.integers(1 << 30))
        self.fade = d.pick([0.0, d.u(0, 0.6), d.u(0.6, 1.0)], [2, 3, 2]) if real else 0.0
        self.tint = d.rng.uniform([0.75, 0.5, 0.5], [1.08, 0.98, 0.98]) if d.chance(0.75 * often) else None
        self.lower_light = d.u(0.92, 1.3)
        self.tint_alpha = d.u(0.4, 1.0)
        self.round = d.u(0.0, 0.3) if d.chance(0.7 * often) else 0.0
        self.teeth = d.pick(["none", "band", "full", "dark"], [1, 6, 4, 2]) if d.chance(0.85 * often) else "none"
        self.teeth_colour = d.u(110, 255) * np.array([1, d.u(0.9, 1), d.u(0.72, 1)])
        self.teeth_depth, self.teeth_arc = d.u(0.06, 0.28), d.u(-0.1, 0.7)
        self.teeth_low = d.u(0.03, 0.12) if d.chance(0.35) else 0.0
        self.teeth_count, self.teeth_round, self.teeth_lines = d.u(6, 13), d.u(0.0, 0.3), d.u(0.0, 0.5)
        self.teeth_reach, self.teeth_fall = d.u(0.45, 1.1), d.u(0.1, 0.9)
        self.gums = d.u(0.01, 0.06) if d.chance(0.12) else 0.0
        self.cavity = d.u(0.02, 0.4)
        self.corners = d.u(0.2, 0.8)
        self.tongue = d.pick([0.0, d.u(0.2, 0.9)], [3, 2])
        self.tongue_colour = d.u(50, 180) * np.array([1, d.u(0.4, 0.65), d.u(0.4, 0.65)])
        self.seam = d.u(0.3, 0.95) if d.chance(0.85 * often) else 0.0
        self.seam_width = d.u(0.008, 0.03)
        self.below = d.u(0.08, 0.5) if d.chance(0.75 * often) else 0.0
        self.chin = d.u(0.05, 0.45) if d.chance(0.6 * often) else 0.0
        self.chin_light = d.u(0.03, 0.2) if d.chance(0.5 * often) else 0.0
        self.chin_edge = d.u(0.1, 0.6) if d.chance(0.5 * often) else 0.0
        self.folds = d.u(0.08, 0.45) if d.chance(0.65 * often) else 0.0
        self.fold_blur = d.u(0.6, 3.5)
        self.stubble = int(d.u(100, 900)) if d.chance(0.25 * often) else 0
        self.shadow = d.u(0.1, 0.35) if d.chance(0.3 * often) else 0.0
        self.moustache = int(d.u(40, 160)) if d.chance(0.12 * often) else 0
        self.hair = d.rng.uniform(10, 110) * np.array([1, d.u(0.75, 1), d.u(0.5, 0.95)])
        self.shine = d.u(0.1, 0.6) if d.chance(0.45 * often) else 0.0
        self.creases = int(d.u(4, 16)) if d.chance(0.35 * often) else 0
        self.philtrum = d.u(0.05, 0.25) if d.chance(0.5 * often) else 0.0
        self.grain = d.u(1, 8) if d.chance(0.7 * often) else 0.0
        self.upper_dark = d.u(0.65, 1.05) if d.chance(0.7 * often) else 1.0

    def paint(self, rgb: Array, mouth: MouthCurve) -> None:
        """Paint over ``rgb`` (H, W, 3) float32 in place."""
        b = Brush(rgb, np.random.default_rng((self.seed, 3)))
        w = float(np.linalg.norm(mouth.outer_up[-1] - mouth.outer_up[0]))
        along = (mouth.outer_up[-1] - mouth.outer_up[0]) / max(w, 1e-6)
        down = np.array([-along[1], along[0]])
        skin = b.sample(
            np.concatenate([mouth.outer_low[8:-8] + 0.18 * w * down, mouth.outer_up[[0, -1]] + 0.1 * w * down])
        )
        lips, between = b.area(mouth.lips), b.area(mouth.between)
        self._skin(b, mouth, w, along, down, lips)
        self._lips(b, mouth, w, down, skin, lips, between)
        self._inside(b, mouth, w, down, between)
        self._seam(b, mouth, w, skin)
        self._beard(b, mouth, w, along, down, lips)
        if self.grain:
            b.rgb += (self.grain * noise(b.rng, b.shape, 40) * (1 - between))[..., None]
        np.clip(b.rgb, 0, 255, out=b.rgb)

    def _skin(self, b: Brush, mouth: MouthCurve, w: float, along: Points, down: Points, lips: Array) -> None:
        """Shadow under the lip, the chin's crease, light and edge, folds from the nose, the philtrum."""
        half = len(mouth.outer_low) // 2
        low = mouth.outer_low[half]
        arc = np.linspace(-1, 1, 17)[:, None]
        bare = 1 - lips
        if self.below:
            line = low + 0.06 * w * down + arc * 0.28 * w * along - 0.05 * w * arc**2 * down
            b.shade(b.line(line, 0.07 * w, 0.04 * w) * bare, 1 - self.below)
        room = float((mouth.chin.mean(0) - low) @ down)
        if self.chin:
            line = low + max(0.12 * w, 0.4 * room) * down + arc * 0.24 * w * along + 0.06 * w * arc**2 * down
            b.shade(b.line(line, 0.04 * w, 0.02 * w + self.fold_blur) * bare, 1 - self.chin)
        if self.chin_light and room > 0:
            blob = (
                low
                + 0.7 * room * down
                + 0.22
                * w
                * np.concatenate(
                    [arc * along - (1 - arc**2) * 0.5 * down, (arc * along + (1 - arc**2) * 0.5 * down)[::-1]]
                )
            )
            b.shade(b.area(blob, 0.08 * w) * bare, 1 + self.chin_light)
        if self.chin_edge:
            b.shade(b.line(mouth.chin + 0.03 * w * down, 0.08 * w, 0.04 * w) * bare, 1 - self.chin_edge)
        if self.folds:
            for side, end, nose in ((-1, mouth.outer_up[0], mouth.nose[0]), (1, mouth.outer_up[-1], mouth.nose[-1])):
                stop = end + side * 0.16 * w * along + 0.12 * w * down
                knee = 0.5 * (nose + stop) + side * 0.1 * w * along
                b.shade(
                    b.line([nose + side * 0.05 * w * along, knee, stop], 0.035 * w, self.fold_blur) * bare,
                    1 - self.folds,
                )
        if self.philtrum:
            top = mouth.nose[len(mouth.nose) // 2] + 0.03 * w * down
            bottom = mouth.outer_up[half]
            b.shade(b.line([top, bottom], 0.06 * w, 0.025 * w) * bare, 1 - self.philtrum)

    def _lips(
        self, b: Brush, mouth: MouthCurve, w: float, down: Points, skin: Array, lips: Array, between: Array
    ) -> None:
        """Of another tint than drawn, the lower one lighter, rounded by light; pale, with creases and a shine."""
        red = lips * (1 - between)
        halves = [
            b.area(np.concatenate([outer, inner[::-1]]), 0.5) * red
            for outer, inner in ((mouth.outer_up, mouth.inner_up), (mouth.outer_low, mouth.inner_low))
        ]
        if self.tint is not None:
            for half, light in zip(halves, (1.0, self.lower_light), strict=True):
                b.lay(half, skin * self.tint * light, self.tint_alpha)
        if self.round:
            middle = 0.5 * mouth.inner_low + 0.5 * mouth.outer_low
            b.shade(b.line(middle[6:-6], 0.05 * w, 0.03 * w) * halves[1], 1 + self.round)
            b.shade(b.line(mouth.outer_low, 0.03 * w, 0.02 * w) * halves[1], 1 - self.round)
            b.shade(b.line(mouth.inner_up, 0.05 * w, 0.03 * w) * halves[0], 1 - self.round)
        if self.fade:
            b.lay(red, skin * [1.0, 0.95, 0.95], self.fade)
        if self.upper_dark != 1:
            b.shade(halves[0], self.upper_dark)
        if self.creases:
            u = np.linspace(0.2, 0.8, self.creases)
            top, low = (_at(curve, u) for curve in (mouth.inner_low, mouth.outer_low))
            b.shade(b.strokes(np.stack([top, low], 1), 0.5) * red, 0.85)
        if self.shine:
            middle = 0.45 * mouth.inner_low + 0.55 * mouth.outer_low
            b.lay(b.line(_at(middle, np.linspace(0.35, 0.65, 7)), 0.03 * w, 0.8) * red, 250.0, self.shine)

    def _inside(self, b: Brush, mouth: MouthCurve, w: float, down: Points, between: Array) -> None:
        """Dark, tongue and rows of teeth; the lips' shade on them, most so towards the corners."""
        gap = (mouth.inner_low - mouth.inner_up) @ down
        if gap.max() < 0.01 * w or self.teeth == "none":
            return
        b.lay(between, 255 * self.cavity * np.array([0.9, 0.5, 0.45]), 0.9)
        if self.tongue and gap.max() > 0.1 * w:
            low = _at(mouth.inner_low, np.linspace(0.15, 0.85, 9))
            arch = self.tongue * np.interp(np.linspace(0.15, 0.85, 9), np.linspace(0, 1, len(gap)), gap)
            top = low - (arch * (1 - 0.5 * np.linspace(-1, 1, 9) ** 2))[:, None] * down
            mask = b.area(np.concatenate([low + 2 * down, top[::-1]]), 0.03 * w) * between
            b.lay(mask, self.tongue_colour, 0.85)
            b.shade(b.line([low[4], top[4]], 0.04 * w, 0.03 * w) * mask, 0.85)
        if self.teeth != "dark":
            light = self._light(b, mouth, w)
            if self.teeth_low:
                self._row(b, mouth.inner_low, -down, self.teeth_low * w, between, 0.9 * light)
            depth = self.teeth_depth * w if self.teeth == "band" else gap.max() + 2
            self._row(b, mouth.inner_up, down, depth, between, light)
            if self.gums:
                gums = np.concatenate([mouth.inner_up - 2 * down, (mouth.inner_up + self.gums * w * down)[::-1]])
                b.lay(b.area(gums, 0.5) * between, self.teeth_colour * [0.85, 0.5, 0.5], 0.8)
        b.shade(b.line(mouth.inner_up, 0.04 * w, 0.015 * w) * between, 1 - 0.6 * self.corners)

    def _light(self, b: Brush, mouth: MouthCurve, w: float) -> Array:
        """(H, W) how light teeth are: the front ones catch it, those behind lie in the dark beside the cheeks."""
        ends = mouth.outer_up[[0, -1]]
        across = (ends[1] - ends[0]) / max(w * w / 2, 1e-6)
        y, x = np.mgrid[: b.shape[0], : b.shape[1]]
        u = np.abs((x - ends[:, 0].mean()) * across[0] + (y - ends[:, 1].mean()) * across[1])
        return np.asarray((1 - self.teeth_fall * np.clip(u, 0, 1) ** 2) / (1 + np.exp(25 * (u - self.teeth_reach))))

    def _row(self, b: Brush, gum: Points, way: Points, depth: float, between: Array, light: Array) -> None:
        """One row of teeth that hangs ``depth`` pixels from a lip, shorter to the sides, each tooth rounded."""
        u = np.linspace(0, 1, 97)
        within = np.abs((u * self.teeth_count) % 1 * 2 - 1)
        length = depth * (1 - self.teeth_arc * (2 * u - 1) ** 2) * (1 - self.teeth_round * within**4)
        top = _at(gum, u)
        mask = b.area(np.concatenate([top - 2 * way, (top + length[:, None] * way)[::-1]]), 0.4) * between
        b.lay(mask, light[..., None] * self.teeth_colour, 0.95)
        if self.teeth_lines:
            edges = np.arange(1, self.teeth_count) / self.teeth_count
            top = _at(gum, edges)
            b.shade(b.strokes(np.stack([top, top + depth * way], 1), 0.5) * mask, 1 - self.teeth_lines)

    def _seam(self, b: Brush, mouth: MouthCurve, w: float, skin: Array) -> None:
        """The dark line where lips meet, fainter once they are apart."""
        if self.seam:
            gap = float(np.linalg.norm(mouth.inner_low - mouth.inner_up, axis=1).max()) / w
            b.lay(b.line(mouth.inner_up, self.seam_width * w, 0.4), skin * 0.25, self.seam / (1 + 8 * gap))
            ends = np.concatenate([mouth.outer_up[:1], mouth.outer_up[-1:]])
            for end in ends:
                b.shade(b.area(end + 0.025 * w * np.array([[-1, 0], [0, -1], [1, 0], [0, 1]]), 0.02 * w), 0.6)

    def _beard(self, b: Brush, mouth: MouthCurve, w: float, along: Points, down: Points, lips: Array) -> None:
        """Shadow of a shave, stubble, moustache."""
        if not (self.shadow or self.stubble or self.moustache):
            return
        low = mouth.outer_low.mean(0)
        rim = low + w * np.array(
            [[-0.75, -0.35], [-0.45, -0.32], [0.45, -0.32], [0.75, -0.35], [0.6, 0.7], [0, 0.95], [-0.6, 0.7]]
        ) @ np.stack([along, down])
        field = b.area(rim, 0.08 * w) * (1 - lips)
        if self.shadow:
            b.lay(field, self.hair, self.shadow)
        if self.stubble:
            root = low + b.rng.normal(0, [0.4 * w, 0.35 * w], (self.stubble, 2)) @ np.stack([along, down])
            tip = root + b.rng.normal(0, 1.0, (self.stubble, 2)) + 1.5 * down
            b.lay(b.strokes(np.stack([root, tip], 1), 0.5) * field, self.hair, 0.6)
        if self.moustache:
            u = b.rng.uniform(0.05, 0.95, self.moustache)
            top = _at(mouth.outer_up, u)
            root = top - b.rng.uniform(0.0, 0.16, self.moustache)[:, None] * w * down
            tip = root + b.rng.uniform(0.05, 0.13, self.moustache)[:, None] * w * (
                down + np.sign(u - 0.5)[:, None] * 0.5 * along
            )
            b.lay(b.strokes(np.stack([root, tip], 1), 0.8), self.hair, 0.7)


def _at(curve: Points, u: Points) -> Points:
    grid = np.linspace(0, 1, len(curve))
    return np.stack([np.interp(u, grid, curve[:, k]) for k in (0, 1)], 1)
