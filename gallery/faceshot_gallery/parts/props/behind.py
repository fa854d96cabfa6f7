"""What stands behind a head or hangs below it: handles, rays, horns, hoods, collars, clothes."""

from __future__ import annotations

import numpy as np

from faceshot_gallery.parts.anatomy import Points
from faceshot_gallery.parts.dressing import Dressing
from faceshot_gallery.parts.paint import ellipse, rounded
from faceshot_gallery.parts.traits import Colour, mix, shade


class BehindPainter(Dressing):
    """Painters named ``_b_...``; see :mod:`.props`."""

    def put(self, points: Points, colour: Colour, alpha: float = 1.0) -> None:
        """Fill and outline a polygon in pixels."""
        self.k.fill(points, colour, alpha)
        self._contour(points)

    # ---- behind the head --------------------------------------------------------------------------------------
    def _b_handle(self) -> None:
        h, d = self.c.head, self.dice("handle")
        s = d.pick([-1, 1])
        ring = ellipse(s * h.width * 1.02, h.bottom * 0.15, d.u(0.28, 0.42), d.u(0.35, 0.55))
        self.k.stroke(self.rim(ring), shade(self.c.skin, 0.85), self.px(d.u(0.1, 0.18)), closed=True)

    def _b_stand(self) -> None:
        h, d = self.c.head, self.dice("stand")
        b, w = h.bottom, d.u(0.1, 0.3)
        foot = np.array(
            [[-w, b * 0.8], [w, b * 0.8], [w * 1.1, b + 0.3], [0.7, b + 0.42], [-0.7, b + 0.42], [-w, b + 0.3]]
        )
        self.put(self.rim(foot), shade(self.c.skin, d.u(0.4, 0.8)))

    def _b_lobes(self) -> None:
        """A cloud's or bush's bumps around the head."""
        h, d = self.c.head, self.dice("lobes")
        n = int(d.u(7, 13))
        for i in range(n):
            a = 2 * np.pi * (i + d.u(-0.2, 0.2)) / n
            r = d.u(0.2, 0.36)
            y = np.sin(a) * (h.bottom if np.sin(a) > 0 else h.top)
            bump = self.rim(ellipse(np.cos(a) * h.width * 0.93, y * 0.93, r, r * d.u(0.8, 1.1)))
            self.put(bump, self.c.skin)

    def _b_leaves(self) -> None:
        t, d = -self.c.head.top, self.dice("leaves")
        green = d.colour((0.22, 0.4), (0.4, 0.9), (0.3, 0.8))
        for a in np.linspace(-60, 60, int(d.u(2, 7))) + d.u(-10, 10):
            v = np.linspace(0, 1, 9)
            half = d.u(0.06, 0.14) * np.sin(np.pi * v**0.8)
            r = np.deg2rad(a)
            way, side = np.array([np.sin(r), -np.cos(r)]), np.array([np.cos(r), np.sin(r)])
            mid = np.array([0, t + 0.15]) + np.outer(v * d.u(0.4, 0.75), way)
            leaf = np.concatenate([mid + np.outer(half, side), (mid - np.outer(half, side))[::-1]])
            self.put(self.rim(leaf), shade(green, d.u(0.7, 1.1)))

    def _b_rays(self) -> None:
        """A sun's rays or a flower's petals."""
        h, d = self.c.head, self.dice("rays")
        n, long, petal = int(d.u(8, 18)), d.u(0.25, 0.6), d.chance(0.5)
        colour = d.colour((0, 1), (0.3, 0.95), (0.7, 1))
        for i in range(n):
            a = 2 * np.pi * i / n
            if petal:
                shape = ellipse(
                    np.cos(a) * (1 + long * 0.35), np.sin(a) * (1 + long * 0.35), long, 2.6 / n, np.rad2deg(a)
                )
            else:
                b = a + np.array([-1, 0, 1]) * np.pi / n * 0.8
                r = np.array([0.95, 1 + long, 0.95])
                shape = np.stack([np.cos(b) * r, np.sin(b) * r], 1)
            self.put(self.rim(shape * [h.width, (h.top + h.bottom) / 2] + [0, (h.bottom - h.top) / 2]), colour)

    def _b_spines(self) -> None:
        h, d = self.c.head, self.dice("spines")
        a = np.linspace(-np.pi * 1.15, np.pi * 0.15, 61)
        r = np.resize([1.05, d.u(1.25, 1.5)], 61) + d.rng.uniform(-0.05, 0.05, 61)
        spines = np.stack([np.cos(a) * r * h.width, np.sin(a) * r * h.top], 1)
        self.put(self.rim(np.concatenate([spines, [[0, h.bottom * 0.4]]])), shade(self.c.skin, d.u(0.3, 0.7)))

    def _b_antlers(self) -> None:
        t, d = -self.c.head.top * 0.85, self.dice("antlers")
        colour, w = d.jitter((130, 95, 65), 15), d.u(0.06, 0.12)
        long, out = d.u(0.6, 1.1), d.u(0.3, 0.7)
        for s in (-1, 1):
            v = np.linspace(0, 1, 8)
            beam = np.stack([s * (0.3 + out * v**0.7), t - long * v], 1)
            self.k.stroke(self.rim(beam), colour, self.px(w))
            for at in (3, 5):
                tip = beam[at] + [s * -0.12, -0.25]
                self.k.stroke(self.rim([beam[at], tip]), colour, self.px(w * 0.8))

    def _b_horns(self) -> None:
        """Curved or straight horns of cattle, goats, rams, devils."""
        h, d = self.c.head, self.dice("horns")
        colour = d.jitter(d.pick([(220, 205, 175), (90, 75, 65), (60, 50, 50), (180, 60, 50)]), 12)
        turn, long, w = d.u(-1.5, 4.5), d.u(0.5, 1.0), d.u(0.09, 0.17)
        out = d.u(0.1, 1.3)
        for s in (-1, 1):
            v = np.linspace(0, 1, 14)
            a = out + turn * v
            mid = np.cumsum(np.stack([np.sin(a), -np.cos(a)], 1) * long / 13, 0) + [0.5 * h.width, -0.75 * h.top]
            side = np.stack([np.cos(a), np.sin(a)], 1) * (w * (1 - v) ** 0.7)[:, None]
            self.put(self.rim(np.concatenate([mid + side, (mid - side)[::-1]]) * [s, 1]), colour)

    def _b_antennae(self) -> None:
        t, d = -self.c.head.top * 0.9, self.dice("antennae")
        long, ball = d.u(0.3, 0.8), d.u(0.05, 0.13)
        spread, colour = d.u(0.2, 0.6), d.pick([self.c.skin, shade(self.c.skin, 0.5)])
        for s in (-1, 1):
            v = np.linspace(0, 1, 8)
            stalk = np.stack([s * (0.25 + spread * v**1.5), t - long * v], 1)
            self.k.stroke(self.rim(stalk), colour, self.px(0.05))
            self.k.disc(self.rim(stalk[-1:])[0], self.px(ball), colour)

    def _b_backhood(self) -> None:
        """A hood, cowl, veil or cape around head and shoulders."""
        h, d = self.c.head, self.dice("backhood")
        v = d.u(1.1, 1.4)
        t = np.linspace(-np.pi * 1.1, np.pi * 0.1, 40)
        arc = np.stack([np.cos(t) * h.width * v, np.sin(t) * h.top * v], 1)
        flare = d.u(1.1, 1.9)
        cape = np.concatenate(
            [arc, [[flare, h.bottom + 0.7], [flare + 0.5, 5], [-flare - 0.5, 5], [-flare, h.bottom + 0.7]]]
        )
        colour = mix(self.c.hair.colour, self.c.body, d.u(0, 1))
        self.put(self.torso(rounded(cape)), colour)
        for x in d.rng.uniform(-1.2, 1.2, 5):
            self.k.soft(
                self.torso([[x, -1.2], [x + 0.1, -1.2], [x * 1.4, 3], [x * 1.4 - 0.15, 3]]),
                shade(colour, 0.6),
                0.5,
                self.px(0.1),
            )

    def _b_fins(self) -> None:
        h, d = self.c.head, self.dice("fins")
        colour = d.colour((0, 1), (0.2, 0.8), (0.4, 0.95))
        for s in (-1, 1):
            fan = np.array([[0.9, -0.2], [1.35, -0.5], [1.25, -0.1], [1.5, 0.1], [1.25, 0.25], [1.3, 0.55], [0.9, 0.4]])
            self.put(self.rim(fan * [s * h.width, 1]), colour)

    def _b_chinshadow(self) -> None:
        """What tells a head from a body of its colour: the shadow that it throws on the neck."""
        if self.c.body_kind == "none":
            return
        d = self.dice("chinshadow")
        below = self.rim(self.a.outline[::3] * [0.95, 1.0] + [0, d.u(0.08, 0.22)])
        self.k.soft(below, shade(self.c.body, d.u(0.3, 0.7)), d.u(0.35, 0.8), self.px(d.u(0.08, 0.2)))

    # ---- around the neck (behind the head, before the body's folds) --------------------------------------------
    def _b_neckruff(self) -> None:
        """A pleated collar, a lace ruff or a clown's frill."""
        h = self.c.head
        a = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        for r, f in ((1.0, 0.85), (0.85, 1.0)):
            rr = r * (1 + 0.06 * np.resize([1, -1], 60))
            ring = np.stack([np.cos(a) * rr * h.width * 1.15, h.bottom * 0.95 + np.sin(a) * rr * 0.45], 1)
            self.put(self.torso(ring), shade((250, 248, 240), f))

    def _b_scarf(self) -> None:
        h, d = self.c.head, self.dice("scarf")
        colour, stripe = (d.colour((0, 1), (0.2, 0.9), (0.3, 0.95)) for _ in range(2))
        b = h.bottom
        self.put(self.torso(ellipse(0, b + 0.1, h.width * 0.95, 0.36)), colour)
        x = d.pick([-0.35, 0.35])
        self.put(
            self.torso([[x - 0.2, b + 0.2], [x + 0.2, b + 0.2], [x + 0.25, b + 1.5], [x - 0.2, b + 1.5]]),
            shade(colour, 0.9),
        )
        for v in np.linspace(-0.8, 0.8, 7):
            self.k.stroke(self.torso([[v * h.width, b], [v * h.width * 0.9, b + 0.4]]), stripe, self.px(0.06))

    def _b_buttons(self) -> None:
        """Round buttons, spots or a face-like print on the chest."""
        b, d = self.c.head.bottom, self.dice("buttons")
        colour = d.pick([(20, 20, 22), (240, 235, 225), d.colour((0, 1), (0.3, 0.9), (0.3, 1))])
        if d.chance(0.5):
            for v in np.arange(b + 0.45, b + 2.0, d.u(0.25, 0.5)):
                for x in d.pick([(0.0,), (-0.25, 0.25)]):
                    self.k.disc(self.torso([[x, v]])[0], self.px(0.07), colour)
            return
        for s in (-1, 1):
            self.k.fill(self.torso(ellipse(s * 0.25, b + 0.8, 0.1, d.u(0.08, 0.16))), colour)
        self.k.fill(self.torso(ellipse(0, b + 1.15, 0.25, 0.06)), colour)

    def _b_stripes(self) -> None:
        b, d = self.c.head.bottom, self.dice("stripes")
        colour, w = d.colour((0, 1), (0, 0.9), (0.1, 1)), d.u(0.05, 0.14)
        x = np.linspace(-1.0, 1.0, 9)
        for v in np.arange(b + 0.6, b + 2.4, w * d.u(2, 3.5)):
            self.k.stroke(self.torso(np.stack([x, v + 0.08 * x**2], 1)), colour, self.px(w))

    def _b_lapels(self) -> None:
        b, d = self.c.head.bottom, self.dice("lapels")
        self.k.fill(
            self.torso([[-0.4, b + 0.2], [0.4, b + 0.2], [0, b + 1.4]]),
            d.pick([(245, 245, 245), (200, 215, 235), (40, 40, 44)]),
        )
        dark = shade(self.c.body, 0.7)
        for s in (-1, 1):
            self.put(self.torso([[s * 0.42, b + 0.15], [s * 0.75, b + 0.55], [s * 0.15, b + 1.5]]), dark)
        if d.chance(0.6):
            tie = d.colour((0, 1), (0.4, 0.9), (0.3, 0.9))
            self.put(
                self.torso([[-0.08, b + 0.35], [0.08, b + 0.35], [0.14, b + 1.3], [0, b + 1.5], [-0.14, b + 1.3]]), tie
            )

    def _b_neckline(self) -> None:
        """A garment open below the chin, whose skin, edge and folds look a little like a mouth."""
        b, d = self.c.head.bottom, self.dice("neckline")
        wide, deep, at = d.u(0.12, 0.5), d.u(0.15, 0.7), b + d.u(-0.12, 0.1)
        t = np.linspace(-1, 1, 17)
        low = {"v": 1 - np.abs(t), "round": np.sqrt(1 - t**2), "square": np.clip(4 * (1 - np.abs(t)), 0, 1)}
        edge = np.stack([wide * t, at + deep * low[d.pick(["v", "round", "square"], [3, 2, 1])]], 1)
        under = d.pick([self.c.skin, shade(self.c.skin, 0.85), d.colour((0, 1), (0, 0.8), (0.1, 1))], [4, 2, 2])
        self.put(self.torso([[-wide, at - 0.4], *edge, [wide, at - 0.4]]), under)
        band = d.pick([shade(self.c.body, d.u(0.5, 1.4)), d.colour((0, 1), (0, 0.8), (0.1, 1))])
        if d.chance(0.7):
            self.k.stroke(self.torso(edge), band, self.px(d.u(0.03, 0.14)))
        if d.chance(0.4):  # one side crosses over the other
            s = d.pick([-1, 1])
            fold = [[s * wide, at - 0.1], [s * (wide + 0.2), at - 0.1], [-s * 0.4 * wide, at + deep + 0.9]]
            self.put(self.torso([*fold, [-s * 0.8 * wide, at + deep + 0.6]]), band)
        if d.chance(0.25):  # braces or the straps of a bag
            x = d.u(0.35, 0.6)
            for s in (-1, 1):
                self.k.stroke(self.torso([[s * x, at - 0.2], [s * x * 1.1, b + 2.5]]), band, self.px(d.u(0.08, 0.2)))
