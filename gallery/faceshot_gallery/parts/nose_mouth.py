"""Painters of nose and mouth: they draw the curves of :mod:`.anatomy`, nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot_gallery.parts.anatomy import Anatomy, Points, Projector
from faceshot_gallery.parts.paint import Canvas, ellipse
from faceshot_gallery.parts.traits import luma, shade


class NoseMouthPainter:
    """Draws the nose and mouth of one face on a canvas."""

    def __init__(self, canvas: Canvas, anatomy: Anatomy, project: Projector) -> None:
        self.k, self.a, self.p = canvas, anatomy, project
        self.c = anatomy.c
        self.real = self.c.style in ("photo", "painterly", "soft3d")

    def px(self, length: float) -> float:
        return self.p.px(length)

    # ---- nose -------------------------------------------------------------------------------------------------
    def nose(self) -> None:
        n = self.c.nose
        if not n.shown:
            return
        painter = getattr(self, f"_nose_{n.kind}", self._nose_pad)
        painter()

    def _np(self, points: Points) -> Points:
        return self.p(points, lift=self.c.nose.lift * 0.9)

    def _nose_pad(self) -> None:
        n, k = self.c.nose, self.k
        u = np.linspace(-1, 1, 31)
        rim = self.a.nose_rim(u)
        top = np.stack([u[::-1] * n.w * 0.9, n.y - n.h * (0.55 + 0.3 * np.sqrt(1 - (0.85 * u[::-1]) ** 2))], 1)
        shape = np.concatenate([_round_ends(rim, n.w), _round_ends(top, n.w)])
        if self.c.style == "outline":
            k.stroke(self._np(shape), self.c.line, self.px(self.c.line_width), closed=True)
        k.fill(self._np(shape), n.colour)
        if luma(n.colour) > 70 or self.real:
            for side in (-1, 1):
                k.fill(
                    self._np(ellipse(side * n.w * 0.45, n.y + n.h * 0.25, n.w * 0.17, n.h * 0.2)), shade(n.colour, 0.45)
                )
        k.soft(
            self._np(ellipse(-n.w * 0.2, n.y - n.h * 0.4, n.w * 0.4, n.h * 0.16)), (255, 255, 255), 0.6, self.px(0.02)
        )

    def _nose_ball(self) -> None:
        n, k = self.c.nose, self.k
        k.fill(self._np(ellipse(0, n.y, n.w, n.h)), n.colour)
        if self.c.style == "outline":
            k.stroke(self._np(ellipse(0, n.y, n.w, n.h)), self.c.line, self.px(self.c.line_width), closed=True)
        k.soft(
            self._np(ellipse(-n.w * 0.3, n.y - n.h * 0.4, n.w * 0.3, n.h * 0.2)), (255, 255, 255), 0.6, self.px(0.03)
        )

    def _nose_snout(self) -> None:
        n, k = self.c.nose, self.k
        shape = ellipse(0, n.y, n.w, n.h)
        k.fill(self._np(shape), n.colour)
        k.stroke(self._np(shape), shade(n.colour, 0.7), self.px(0.02), closed=True)
        for s in (-1, 1):
            k.fill(self._np(ellipse(s * n.w * 0.38, n.y, n.w * 0.14, n.h * 0.3)), shade(n.colour, 0.45))

    def _nose_triangle(self) -> None:
        n = self.c.nose
        tri = np.array([[-n.w, n.y + n.h * 0.5], [n.w, n.y + n.h * 0.5], [0, n.y - n.h * 0.9]])
        self.k.fill(self._np(tri), n.colour)
        if self.c.style == "outline":
            self.k.stroke(self._np(tri), self.c.line, self.px(self.c.line_width), closed=True)

    def _nose_holes(self) -> None:
        n = self.c.nose
        for s in (-1, 1):
            self.k.fill(self._np(ellipse(s * n.w * 0.6, n.y + n.h * 0.6, n.w * 0.22, n.h * 0.45, s * 25)), n.colour)

    def _nose_line(self) -> None:
        n = self.c.nose
        self.k.stroke(self._np(self.a.nose_rim(np.linspace(-1, 1, 21))), n.colour, self.px(self.c.line_width * 1.1))

    def _nose_hook(self) -> None:
        n = self.c.nose
        side = 1 if self.c.seed % 2 else -1
        top = np.array([[side * 0.01, n.y - n.h * 1.3], [side * n.w * 0.6, n.y]])
        rim = self.a.nose_rim(np.linspace(side * 0.7, -side * 0.9, 15))
        self.k.stroke(self._np(np.concatenate([top, rim])), n.colour, self.px(self.c.line_width * 0.9))

    def _nose_wedge(self) -> None:
        """A small shadow below the nose, as in flat vector portraits and anime."""
        n = self.c.nose
        rim = self.a.nose_rim(np.linspace(-1, 1, 21))
        top = np.array([[n.w * 0.5, n.y], [-n.w * 0.5, n.y]])
        self.k.fill(self._np(np.concatenate([rim, top])), n.colour)

    def _nose_dot(self) -> None:
        """A single dot or a short dash."""
        n = self.c.nose
        self.k.fill(self._np(ellipse(0, n.y + n.h * 0.4, max(n.w * 0.6, 0.018), max(n.h * 0.5, 0.014))), n.colour)

    def _nose_none(self) -> None:
        return

    def _nose_human(self) -> None:
        """Shaded bridge, wings and nostrils."""
        n, k = self.c.nose, self.k
        dark, light = shade(self.c.skin, 0.66), shade(self.c.skin, 1.25)
        side = 1 if self.c.seed % 2 else -1
        x = np.array([0.35, 0.3, 0.55, 1.0]) * n.w * side
        y = np.linspace(n.root, n.y + n.h * 0.6, 4)
        wall = np.concatenate([np.stack([x * 0.35, y], 1), np.stack([x[::-1] * 1.05, y[::-1]], 1)])
        k.soft(self._np(wall), dark, 0.45, self.px(0.05))
        k.soft(self._np(ellipse(0, (n.root + n.y) / 2, n.w * 0.22, (n.y - n.root) / 2)), light, 0.35, self.px(0.05))
        rim = self.a.nose_rim(np.linspace(-1, 1, 21))
        k.soft(self._np(np.concatenate([rim, rim[::-1] + [0, n.h * 0.5]])), dark, 0.6, self.px(0.04))
        for s in (-1, 1):
            k.soft(
                self._np(ellipse(s * n.w * 0.5, n.y + n.h * 0.8, n.w * 0.24, n.h * 0.16)),
                shade(dark, 0.4),
                0.9,
                self.px(0.012),
            )
        k.soft(self._np(ellipse(-side * n.w * 0.1, n.y, n.w * 0.3, n.h * 0.3)), light, 0.5, self.px(0.03))

    # ---- mouth ------------------------------------------------------------------------------------------------
    def _mp(self, points: npt.ArrayLike) -> Points:
        return self.p(points, lift=self.c.mouth.lift)

    def philtrum(self) -> None:
        """The line from nose to mouth of many animals."""
        m = self.c.mouth
        top = self.a.nose_rim(np.zeros(1))[0]
        bottom = self.a.mouth.inner_up[len(self.a.mouth.inner_up) // 2]
        if bottom[1] > top[1] + 0.01:
            self.k.stroke(self._mp(np.linspace(top, bottom, 5)), m.colour, self.px(max(0.014, m.thick_up * 0.9)))

    def mouth(self) -> None:
        m, k = self.c.mouth, self.k
        if not m.shown:
            return
        q = self.a.mouth
        outer = self._mp(np.concatenate([q.outer_up, q.outer_low[::-1]]))
        if self.real and m.kind == "lips":
            k.soft(self._mp(q.outer_low + [0, 0.05]), shade(self.c.skin, 0.7), 0.4, self.px(0.05))
        if m.kind == "beak":
            self._beak()
        elif m.kind == "lips" and self.real:
            k.soft(outer, m.colour, 0.95, self.px(0.012))
            k.soft(self._mp(_band(q.outer_low, q.inner_low, 0.5)), shade(m.colour, 1.35), 0.45, self.px(0.02))
        elif m.kind != "none":
            k.fill(outer, m.colour)
        if q.gap > 0.02:
            inner = np.concatenate([q.inner_up, q.inner_low[::-1]])
            with k.clipped(self._mp(inner)):
                self._cavity(inner)
        if m.kind == "lips":
            line = shade(m.colour, 0.45)
            k.stroke(self._mp(q.inner_up), line, self.px(0.014))
            if self.c.style == "outline" or self.c.style == "sketch":
                k.stroke(outer, shade(m.colour, 0.5), self.px(0.012), closed=True)

    def _beak(self) -> None:
        q, m, k = self.a.mouth, self.c.mouth, self.k
        n = self.c.nose
        up = np.concatenate([q.inner_up, [[n.w * 0.7, n.y], [0, n.y - n.h], [-n.w * 0.7, n.y]]])
        low = np.concatenate([q.outer_low, q.inner_low[::-1]])
        k.fill(self._mp(low), shade(m.colour, 0.8))
        k.fill(self._mp(up), m.colour)
        k.stroke(self._mp(q.inner_up), shade(m.colour, 0.45), self.px(0.02))
        if self.c.style == "outline":
            k.stroke(self._mp(up), self.c.line, self.px(self.c.line_width), closed=True)

    def _cavity(self, inner: Points) -> None:
        """What an open mouth shows: dark inside, tongue, teeth; clipped by the inner lips."""
        m, k, q = self.c.mouth, self.k, self.a.mouth
        k.fill(self._mp(inner), m.inside)
        mid, w = inner.mean(0), np.ptp(q.inner_up[:, 0]) / 2
        if m.tongue and q.gap > 0.08:
            k.fill(self._mp(ellipse(mid[0], q.inner_low[:, 1].max(), w * 0.55, q.gap * 0.42)), (214, 92, 98))
        if m.teeth == "fangs":
            for s in (-0.5, 0.5):
                t = _near(q.inner_up, s)
                k.fill(self._mp([t - [0.05, 0.02], t + [0.05, -0.02], t + [0, 0.13]]), (250, 248, 240))
        elif m.teeth in ("top", "both", "grid"):
            depth = q.gap * (0.55 if m.teeth == "grid" else 0.28)
            k.fill(self._mp(np.concatenate([q.inner_up, q.inner_up[::-1] + [0, depth]])), (248, 246, 240))
            if m.teeth != "top":
                low = q.inner_low - [0, depth * (1 if m.teeth == "grid" else 0.7)]
                k.fill(self._mp(np.concatenate([q.inner_low, low[::-1]])), (244, 242, 236))
            if m.teeth == "grid":
                for s in np.linspace(-0.75, 0.75, 6):
                    k.stroke(self._mp([_near(q.inner_up, s), _near(q.inner_low, s)]), (90, 90, 95), self.px(0.02))
        elif m.teeth == "grille":
            for s in np.linspace(-0.85, 0.85, 8):
                k.stroke(self._mp([_near(q.inner_up, s), _near(q.inner_low, s)]), m.colour, self.px(0.03))
            k.stroke(self._mp((q.inner_up + q.inner_low) / 2), shade(m.colour, 1.4), self.px(0.02))
        elif m.teeth == "jag":
            for s in np.linspace(-0.7, 0.7, 5):
                t = _near(q.inner_up, s)
                k.fill(self._mp([t - [w * 0.14, 0.03], t + [w * 0.14, -0.03], t + [0, q.gap * 0.5]]), (250, 248, 240))


def _near(curve: Points, u: float) -> Points:
    return curve[round((u + 1) / 2 * (len(curve) - 1))]


def _band(a: Points, b: Points, t: float) -> Points:
    """The strip from curve a to the curve t of the way to b."""
    return np.concatenate([a, (a + (b - a) * t)[::-1]])


def _round_ends(curve: Points, w: float) -> Points:
    """Pull the ends of a rim out to the full half width."""
    out = curve.copy()
    out[:, 0] = np.clip(curve[:, 0] * 1.08, -w, w)
    return out
