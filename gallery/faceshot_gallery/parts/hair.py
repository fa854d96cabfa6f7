"""Hair, manes and hats."""

from __future__ import annotations

import numpy as np

from faceshot_gallery.parts.anatomy import Anatomy, Points, Projector
from faceshot_gallery.parts.dressing import Line
from faceshot_gallery.parts.hats import HATS
from faceshot_gallery.parts.paint import Canvas, ellipse
from faceshot_gallery.parts.traits import Colour, Dice, mix, shade


class HairPainter:
    """Paints hair, hats and manes, behind and over the face."""

    def __init__(self, canvas: Canvas, anatomy: Anatomy, project: Projector) -> None:
        self.k, self.a, self.p = canvas, anatomy, project
        self.c = anatomy.c

    def dice(self, name: str) -> Dice:
        return Dice(self.c.seed, name)

    def rim(self, points: object) -> Points:
        return self.p(points, rim=True)  # type: ignore[arg-type]

    def px(self, length: float) -> float:
        return self.p.px(length)

    def _contour(self, points: Points, closed: bool = True) -> None:
        if self.c.style in ("outline", "sketch"):
            self.k.stroke(points, self.c.line, self.px(self.c.line_width), closed)

    def back_hair(self) -> None:
        h, head = self.c.hair, self.c.head
        d = self.dice("back-hair")
        if h.kind == "mane":
            a = np.linspace(0, 2 * np.pi, 90, endpoint=False)
            r = 1 + h.volume + d.rng.uniform(-0.08, 0.08, 90) + 0.07 * np.resize([1, -1, 0], 90)
            for k, f in ((1.0, 0.8), (0.86, 1.0)):
                mane = np.stack([np.cos(a) * r * head.width * k, np.sin(a) * r * 1.02 * k + 0.05], 1)
                self.k.fill(self.rim(mane), shade(h.colour, f))
                self._contour(self.rim(mane))
            return
        if h.kind == "hood":
            t = np.linspace(-np.pi * 1.2, np.pi * 0.2, 40)
            v = 1.12 + h.volume * 0.5
            arc = np.stack([np.cos(t) * head.width * v, np.sin(t) * head.top * v], 1)
            cape = np.concatenate([arc, [[1.5, 2.2], [1.8, 4], [-1.8, 4], [-1.5, 2.2]]])
            self.k.fill(self.rim(cape), shade(h.colour, 0.85))
            self._contour(self.rim(cape))
            return
        if not h.back or h.kind in ("none", "bald"):
            return
        v = 1.05 + h.volume
        t = np.linspace(-np.pi, 0, 30)
        arc = np.stack([np.cos(t) * head.width * v, np.sin(t) * head.top * (1 + h.volume * 0.6)], 1)
        end = h.length * 1.3
        flare = d.u(-0.1, 0.25)
        tips = np.linspace(1, -1, 9)
        hem = np.stack([tips * head.width * (v + flare), end + 0.12 * np.resize([0, 1], 9)], 1)
        shape = np.concatenate([arc, hem])
        self.k.fill(self.rim(shape), shade(h.colour, 0.78))
        self._contour(self.rim(shape))

    # ---- over the forehead ------------------------------------------------------------------------------------
    def front_hair(self, line: Line) -> None:
        self._hats(line)
        h = self.c.hair
        painter = getattr(self, f"_h_{h.kind}", None)
        if painter is not None or h.kind in HATS:
            shape, colour = painter() if painter is not None else HATS[h.kind](self.c, self.dice("hat-shape"))
            px = self.rim(shape)
            self.k.fill(px, colour)
            if h.kind != "bald" and self.c.style in ("photo", "painterly", "soft3d", "textured"):
                self._strands(shape, colour)
            line(px)

    def _strands(self, shape: Points, colour: Colour) -> None:
        d = self.dice("strands")
        n = 60
        x = d.rng.uniform(-1.3, 1.3, n)
        y = d.rng.uniform(-1.5, 0.5, n)
        sway = d.rng.normal(0, 0.06, n) + x * 0.3
        t = np.linspace(0, 1, 6)
        lines = np.stack([x[:, None] + t * sway[:, None], y[:, None] + t * 0.6 + 0 * x[:, None]], -1)
        px = self.rim(lines.reshape(-1, 2)).reshape(n, 6, 2)
        with self.k.clipped(self.rim(shape), 0.8):
            for part, f in ((px[: n // 2], 0.8), (px[n // 2 :], 1.12)):
                self.k.strokes(part, shade(colour, f), self.px(0.02))

    def _cap_arc(self, volume: float, low: float) -> Points:
        """From the image-left temple over the top to the image-right one."""
        h = self.c.head
        a0 = np.arcsin(np.clip(low / h.top, -0.98, 0.98))
        t = np.linspace(-np.pi - a0, a0, 40)
        return np.stack([np.cos(t) * h.width * (1.02 + volume * 0.5), np.sin(t) * h.top * (1 + volume)], 1)

    def _h_short(self) -> tuple[Points, Colour]:
        h, w, d = self.c.hair, self.c.head.width, self.dice("hair")
        arc = self._cap_arc(h.volume, d.u(-0.3, 0.05))
        x = np.linspace(0.97, -0.97, 24) * w
        edge = h.line + 0.35 * (np.abs(x) / w) ** 4 + d.u(-0.15, 0.15) * x
        return np.concatenate([arc, np.stack([x, edge], 1)]), h.colour

    def _h_bald(self) -> tuple[Points, Colour]:
        """A shaven head: a slightly darker crown."""
        h, w = self.c.hair, self.c.head.width
        arc = self._cap_arc(0.0, -0.1)
        x = np.linspace(0.95, -0.95, 20) * w
        return np.concatenate([arc, np.stack([x, h.line - 0.1 + 0.4 * (np.abs(x) / w) ** 3], 1)]), mix(
            self.c.skin, h.colour, 0.12
        )

    def _h_fringe(self) -> tuple[Points, Colour]:
        h, w, d = self.c.hair, self.c.head.width, self.dice("hair")
        side = d.u(-0.2, h.length * 0.8)
        arc = self._cap_arc(h.volume, 0.0)
        n = 2 * h.teeth + 1
        x = np.linspace(0.86, -0.86, n) * w
        cut = d.u(0.03, 0.3)
        tips = h.line + np.resize([0.0, cut], n) + d.rng.uniform(-0.06, 0.06, n) + 0.15 * np.abs(x) ** 2
        tips = np.minimum(tips, self._fringe_limit())
        lock = [[1.06 * w, side], [0.95 * w, side + 0.15], [0.88 * w, 0.0]]
        other = [[-0.88 * w, 0.0], [-0.95 * w, side + 0.15], [-1.06 * w, side]]
        return np.concatenate([arc, lock, np.stack([x, tips], 1), other]), h.colour

    def _h_spiky(self) -> tuple[Points, Colour]:
        h, w, d = self.c.hair, self.c.head.width, self.dice("hair")
        arc = self._cap_arc(h.volume, 0.0)
        r = 1 + np.resize([0.0, 0.02, 0.22, 0.04], len(arc)) * d.u(0.5, 1.3)
        r[:4] = r[-4:] = 1
        n = 2 * h.teeth + 1
        x = np.linspace(0.9, -0.9, n) * w
        tips = h.line + np.resize([-0.15, 0.18], n) + d.rng.uniform(-0.1, 0.1, n)
        tips = np.minimum(tips, self._fringe_limit())
        return np.concatenate([arc * r[:, None], np.stack([x, tips], 1)]), h.colour

    def _fringe_limit(self) -> float:
        """A fringe may hide the brows but not the eyes."""
        y = self.c.eyes
        return y.y - 0.6 * y.up

    def _h_parted(self) -> tuple[Points, Colour]:
        h, w, d = self.c.hair, self.c.head.width, self.dice("hair")
        part = d.u(-0.5, 0.5) * w
        side = d.u(-0.1, h.length * 0.7)
        arc = self._cap_arc(h.volume, 0.0)
        right = np.linspace(0.9 * w, part, 12)
        left = np.linspace(part, -0.9 * w, 12)
        f1 = np.abs(right - part) / (0.9 * w - part)
        f2 = np.abs(left - part) / (0.9 * w + part)
        top = h.line - 0.12
        edge1 = np.stack([right, top + (0.1 - top) * f1**2.2], 1)
        edge2 = np.stack([left, top + (0.1 - top) * f2**2.2], 1)
        lock = [[1.05 * w, side], [0.95 * w, side + 0.2]]
        other = [[-0.95 * w, side + 0.2], [-1.05 * w, side]]
        return np.concatenate([arc, lock, edge1, edge2, other]), h.colour

    def _h_curly(self) -> tuple[Points, Colour]:
        h, w, d = self.c.hair, self.c.head.width, self.dice("hair")
        arc = self._cap_arc(h.volume + 0.1, 0.05)
        arc = arc * (1 + 0.05 * np.abs(np.sin(np.linspace(0, 14 * np.pi, len(arc)))))[:, None]
        x = np.linspace(0.92, -0.92, 50) * w
        edge = h.line + 0.3 * (np.abs(x) / w) ** 3 + 0.06 * np.abs(np.sin(np.linspace(0, d.u(6, 10) * np.pi, 50)))
        return np.concatenate([arc, np.stack([x, edge], 1)]), h.colour

    def _h_hood(self) -> tuple[Points, Colour]:
        h, w = self.c.hair, self.c.head.width
        t = np.linspace(-np.pi * 1.05, np.pi * 0.05, 40)
        v = 1.14 + h.volume * 0.5
        arc = np.stack([np.cos(t) * w * v, np.sin(t) * self.c.head.top * v], 1)
        inner = np.stack([np.cos(t) * w * 0.97, np.sin(t) * self.c.head.top * 0.75], 1)[::-1]
        return np.concatenate([arc, inner]), h.colour

    def _h_cap(self) -> tuple[Points, Colour]:
        h, w = self.c.hair, self.c.head.width
        arc = self._cap_arc(h.volume * 0.6, h.line)
        brim = [[1.15 * w, h.line + 0.06], [0, h.line + 0.14], [-1.15 * w, h.line + 0.06]]
        return np.concatenate([arc, brim]), self.c.body

    def _h_crown(self) -> tuple[Points, Colour]:
        h, w = self.c.hair, self.c.head.width
        x = np.linspace(-1.02, 1.02, 15) * w
        top = np.stack([x, -self.c.head.top * 0.85 - np.resize([0.0, 0.45], 15)], 1)
        low = np.stack([x[::-1], np.full(15, h.line) + 0.1 * (x / w) ** 2], 1)
        return np.concatenate([top, low]), h.colour

    def _h_wool(self) -> tuple[Points, Colour]:
        h, w, d = self.c.hair, self.c.head.width, self.dice("hair")
        a = np.linspace(-np.pi, 0, 40)
        bumps = 1 + 0.07 * np.abs(np.sin(np.linspace(0, 9 * np.pi, 40)))
        arc = (
            np.stack([np.cos(a) * w * 0.72, h.line + np.sin(a) * (self.c.head.top + h.line + h.volume)], 1)
            * bumps[:, None]
        )
        x = np.linspace(0.7, -0.7, 15) * w
        hem = np.stack([x, h.line + d.rng.uniform(-0.04, 0.14, 15)], 1)
        return np.concatenate([arc, hem]), h.colour

    def _h_tuft(self) -> tuple[Points, Colour]:
        t = -self.c.head.top
        return np.array(
            [
                [-0.35, t + 0.2],
                [-0.3, t - 0.35],
                [-0.12, t + 0.02],
                [0, t - 0.5],
                [0.14, t + 0.02],
                [0.34, t - 0.3],
                [0.34, t + 0.2],
                [0, t + 0.28],
            ]
        ), self.c.hair.colour

    def _hats(self, line: Line) -> None:
        """Antenna, stem, crest, party hat, halo, cat ears, ribbon."""
        c, t = self.c, -self.c.head.top
        d = self.dice("hat")
        if "antenna" in c.extras:
            self.k.stroke(self.rim([[0, t + 0.02], [0, t - 0.35]]), shade(c.skin, 0.6), self.px(0.06))
            self.k.disc(self.rim([[0, t - 0.4]])[0], self.px(0.11), d.colour((0, 1), (0.7, 1), (0.7, 1)))
        if "stem" in c.extras:
            stem = self.rim([[-0.12, t + 0.08], [-0.08, t - 0.22], [0.1, t - 0.28], [0.12, t + 0.08]])
            self.k.fill(stem, (95, 115, 50))
            line(stem)
        if "crest" in c.extras:
            crest = self.rim(
                [
                    [-0.2, t + 0.15],
                    [-0.3, t - 0.25],
                    [-0.05, t - 0.05],
                    [0, t - 0.4],
                    [0.1, t - 0.05],
                    [0.3, t - 0.3],
                    [0.2, t + 0.15],
                ]
            )
            self.k.fill(crest, shade(c.skin, 0.8))
            line(crest)
        if "partyhat" in c.extras:
            hat = self.rim([[-0.4, t + 0.22], [0.05, t - 0.7], [0.45, t + 0.22]])
            self.k.fill(hat, d.colour((0, 1), (0.5, 0.9), (0.6, 0.95)))
            line(hat)
        if "halo" in c.extras:
            self.k.stroke(self.rim(ellipse(0, t - 0.15, 0.55, 0.13)), (120, 200, 250), self.px(0.09), closed=True)
        if "catears" in c.extras:
            for s in (-1, 1):
                ear = self.rim([[s * 0.3, t - 0.02], [s * 0.72, t - 0.5], [s * 0.88, t + 0.35]])
                self.k.fill(ear, c.hair.colour)
                line(ear)
        if "ribbon" in c.extras:
            x = d.pick([-0.6, 0.6])
            bow = self.rim(
                [[x, t], [x + 0.35, t - 0.22], [x + 0.35, t + 0.2], [x, t], [x - 0.35, t + 0.2], [x - 0.35, t - 0.22]]
            )
            self.k.fill(bow, d.colour((0.9, 1.1), (0.6, 0.9), (0.7, 0.95)))
            line(bow)
