"""What looks like a mouth or a face below one: bows, collars, ties, badges, prints, necklaces."""

from __future__ import annotations

import numpy as np

from faceshot_gallery.parts.anatomy import Anatomy, Projector
from faceshot_gallery.parts.dressing import Dressing
from faceshot_gallery.parts.paint import Canvas, ellipse
from faceshot_gallery.parts.traits import Colour, Dice, hsv, shade


def _any(d: Dice) -> Colour:
    return hsv(d.u(0, 1), d.u(0.1, 0.9), d.u(0.1, 1.0))


class Adorned(Dressing):
    """Dressing with something on the chest."""

    def __init__(self, canvas: Canvas, anatomy: Anatomy, project: Projector, d: Dice) -> None:
        super().__init__(canvas, anatomy, project)
        self.d = d

    def body(self) -> None:
        super().body()
        for _ in range(self.d.pick([1, 2], [3, 1])):
            self.d.pick([self._bow, self._ruff, self._print, self._tie, self._chain, self._smile])()

    def _bow(self) -> None:
        d, b = self.d, self.c.head.bottom
        y, w, h, colour = b + d.u(0.1, 0.45), d.u(0.2, 0.6), d.u(0.1, 0.3), _any(d)
        for s in (-1, 1):
            wing = self.torso([[0, y], [s * w, y - h], [s * w * 1.05, y + h]])
            self.k.fill(wing, shade(colour, 0.9 + 0.1 * s))
            self._contour(wing)
        self.k.fill(self.torso(ellipse(0, y, 0.25 * w, 0.35 * h + 0.03)), shade(colour, 0.75))

    def _ruff(self) -> None:
        """A white or coloured collar of two points or of lace."""
        d, b = self.d, self.c.head.bottom
        colour, low = d.pick([(250.0, 250.0, 248.0), _any(d)]), b + d.u(0.3, 0.7)
        for s in (-1, 1):
            flap = self.torso([[0, b + 0.15], [s * 0.75, b + 0.05], [s * 0.8, b + 0.35], [s * 0.3, low]])
            self.k.fill(flap, colour)
            self.k.stroke(flap, shade(colour, 0.55), self.px(0.02), closed=True)

    def _print(self) -> None:
        """A logo: a disc, a star, letters, or a small face."""
        d, b = self.d, self.c.head.bottom
        x, y, r = d.n(0, 0.25), b + d.u(0.5, 1.0), d.u(0.12, 0.4)
        ground, ink = _any(d), d.pick([_any(d), (20.0, 20.0, 22.0), (250.0, 250.0, 250.0)])
        self.k.fill(self.torso(ellipse(x, y, r * d.u(0.8, 1.5), r)), ground)
        kind = d.pick(["face", "stripes", "ring"])
        if kind == "face":
            for s in (-1, 1):
                self.k.fill(self.torso(ellipse(x + s * 0.35 * r, y - 0.25 * r, 0.13 * r, 0.18 * r)), ink)
            t = np.linspace(0.3, np.pi - 0.3, 9)
            smile = np.stack([x + 0.5 * r * np.cos(t), y + 0.1 * r + 0.4 * r * np.sin(t)], 1)
            self.k.stroke(self.torso(smile), ink, self.px(0.1 * r))
        elif kind == "stripes":
            for v in (-0.4, 0.0, 0.4):
                self.k.stroke(self.torso([[x - 0.6 * r, y + v * r], [x + 0.6 * r, y + v * r]]), ink, self.px(0.14 * r))
        else:
            self.k.stroke(self.torso(ellipse(x, y, 0.5 * r, 0.5 * r)), ink, self.px(0.15 * r), closed=True)

    def _tie(self) -> None:
        d, b = self.d, self.c.head.bottom
        y, colour = b + d.u(0.15, 0.3), _any(d)
        tie = self.torso([[-0.12, y], [0.12, y], [0.07, y + 0.2], [0.2, y + 1.2], [0, y + 1.5], [-0.2, y + 1.2],
            [-0.07, y + 0.2]])  # fmt: skip
        self.k.fill(tie, colour)
        self._contour(tie)

    def _chain(self) -> None:
        """Beads, a chain with a medal, or a dog's collar with its tag."""
        d, b = self.d, self.c.head.bottom
        t = np.linspace(0.1, np.pi - 0.1, int(d.u(7, 16)))
        drop, colour = d.u(0.15, 0.6), _any(d)
        beads = np.stack([0.7 * np.cos(t), b + 0.05 + drop * np.sin(t)], 1)
        if d.chance(0.5):
            self.k.stroke(self.torso(beads), colour, self.px(d.u(0.03, 0.15)))
        else:
            for bead in self.torso(beads):
                self.k.disc(bead, self.px(d.u(0.04, 0.08)), colour)
        if d.chance(0.6):
            self.k.disc(self.torso([[0, b + 0.12 + drop]])[0], self.px(d.u(0.07, 0.15)), (235, 190, 60))

    def _smile(self) -> None:
        """A neckline or a seam curved like a mouth."""
        d, b = self.d, self.c.head.bottom
        t = np.linspace(-1, 1, 15)
        y = b + d.u(0.15, 0.6) + d.u(-0.15, 0.25) * (1 - t**2)
        self.k.stroke(self.torso(np.stack([d.u(0.2, 0.6) * t, y], 1)), _any(d), self.px(d.u(0.02, 0.1)))
