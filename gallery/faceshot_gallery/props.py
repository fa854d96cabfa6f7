"""What stands behind, is worn on, grows on or is painted over a face: each piece is one short painter.

A piece is asked for by its name in ``Character.extras``; its painter is ``_b_name`` (behind the head), ``_u_name``
(on the skin, under eyes, nose and mouth) or ``_o_name`` (over everything).
"""

from __future__ import annotations

import numpy as np

from faceshot_gallery.anatomy import Points
from faceshot_gallery.dressing import Dressing
from faceshot_gallery.paint import ellipse, rounded
from faceshot_gallery.traits import Colour, luma, mix, shade


class Props(Dressing):
    """Paints the pieces of one character."""

    def stage(self, letter: str) -> None:
        """Paint all pieces of a stage: b (behind), u (under the features) or o (over)."""
        for extra in self.c.extras:
            painter = getattr(self, f"_{letter}_{extra}", None)
            if painter is not None:
                painter()

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

    # ---- around the neck (behind the head, before the body's folds) --------------------------------------------
    def _b_neckruff(self) -> None:
        """A pleated collar, a lace ruff or a clown's frill."""
        h, d = self.c.head, self.dice("neckruff")
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

    # ---- on the skin -------------------------------------------------------------------------------------------
    def _u_domino(self) -> None:
        """A mask or a band of dark fur over the eyes."""
        y, d = self.c.eyes, self.dice("domino")
        colour = d.pick([(28, 26, 30), shade(self.c.skin, 0.35), d.colour((0, 1), (0.4, 0.9), (0.3, 0.9))])
        up, low = y.up + d.u(0.08, 0.2), y.low + d.u(0.06, 0.16)
        x = np.linspace(-1, 1, 25) * min(self.c.head.width * 0.96, y.x + y.w + d.u(0.12, 0.4))
        dip = 0.5 * np.exp(-((x / 0.16) ** 2))
        shape = np.concatenate([np.stack([x, y.y - up * (1 - dip)], 1), np.stack([x, y.y + low * (1 - dip)], 1)[::-1]])
        self.put(self.p(rounded(shape, 1)), colour)

    def _u_cracks(self) -> None:
        """Cracks and chips of old stone, clay or paint."""
        d = self.dice("cracks")
        for _ in range(int(d.u(1, 5))):
            at, a = np.array([d.u(-0.8, 0.8), d.u(-0.9, 0.9)]), d.u(0, 2 * np.pi)
            walk = [at]
            for _ in range(int(d.u(3, 8))):
                a += d.n(0, 0.6)
                walk.append(walk[-1] + np.array([np.cos(a), np.sin(a)]) * d.u(0.05, 0.18))
            self.k.stroke(self.p(np.array(walk)), shade(self.c.skin, 0.45), self.px(d.u(0.008, 0.02)))
        for _ in range(int(d.u(0, 7))):
            r = d.u(0.02, 0.09)
            chip = self.p(ellipse(d.u(-0.9, 0.9), d.u(-0.9, 1.0), r, r * d.u(0.4, 1), d.u(0, 90), 7))
            self.k.fill(chip, shade(self.c.skin, d.u(0.5, 0.8)))
            self.k.soft(chip + self.px(0.012), shade(self.c.skin, 1.2), 0.5, self.px(0.02))

    def _u_blushlines(self) -> None:
        y, d = self.c.eyes, self.dice("blushlines")
        for s in (-1, 1):
            for i in (-1, 0, 1):
                x, v = s * y.x * 1.1 + i * 0.07, min(y.y + y.low + 0.14, self.c.mouth.y - 0.05)
                self.k.stroke(self.p([[x + 0.02, v - 0.04], [x - 0.02, v + 0.05]]), (225, 110, 110), self.px(0.018))

    def _u_stitches(self) -> None:
        """Seams of a stuffed toy: one round the muzzle or down the cheeks."""
        h, d = self.c.head, self.dice("stitches")
        colour = d.pick([self.c.line, shade(self.c.skin, 0.6), (245, 240, 230)])
        a = np.linspace(0.15, 0.85, 18) * np.pi
        for s in (-1, 1):
            x = s * d.u(0.5, 0.8) * h.width
            v = np.linspace(-h.top * 0.75, h.bottom * 0.75, 14)
            seam = np.stack([x * np.sin(a[: len(v)] * 0.9 + 0.3), v], 1)
            self.k.stroke(self.p(seam), colour, self.px(0.014))
            for q in seam[1::2]:
                self.k.stroke(self.p([q - [0.04, 0], q + [0.04, 0]]), colour, self.px(0.013))

    def _u_wrinkles(self) -> None:
        y, d, dark = self.c.eyes, self.dice("wrinkles"), shade(self.c.skin, 0.7)
        x = np.linspace(-0.45, 0.45, 9)
        for i in range(int(d.u(1, 4))):
            self.k.stroke(
                self.p(np.stack([x, y.y - y.up - 0.4 - 0.1 * i + 0.05 * np.cos(x * 6)], 1)), dark, self.px(0.014)
            )
        m, n = self.c.mouth, self.c.nose
        for s in (-1, 1):
            fold = np.array(
                [[s * n.w * 1.15, n.y], [s * (m.w + 0.05), (n.y + m.y) / 2 + 0.03], [s * (m.w + 0.1), m.y + 0.05]]
            )
            self.k.stroke(self.p(fold), dark, self.px(0.014))
            bag = np.stack(
                [s * y.x + np.linspace(-1, 1, 9) * y.w, y.y + y.low + 0.06 + 0.05 * (1 - np.linspace(-1, 1, 9) ** 2)], 1
            )
            self.k.stroke(self.p(bag), dark, self.px(0.012))

    def _u_facepaint(self) -> None:
        """Painted marks on the cheeks and brow: a clown, a warrior, a sugar skull."""
        y, d = self.c.eyes, self.dice("facepaint")
        colour = d.colour((0, 1), (0.5, 1), (0.3, 1))
        v = self.c.nose.y
        kind = d.pick(["discs", "bars", "diamond", "third"])
        for s in (-1, 1):
            if kind == "discs":
                self.k.fill(self.p(ellipse(s * y.x * 1.25, v, 0.14, 0.14)), colour)
            elif kind == "bars":
                for i in (0, 1):
                    u = v - 0.05 + i * 0.14
                    self.k.fill(
                        self.p([[s * 0.35, u], [s * 0.75, u - 0.05], [s * 0.75, u + 0.02], [s * 0.35, u + 0.06]]),
                        colour,
                    )
            elif kind == "diamond":
                self.k.fill(self.p(ellipse(s * y.x, y.y, y.w * 0.4, y.up + 0.28, 0, 4)), colour)
        if kind == "third":
            self.k.fill(self.p(ellipse(0, y.y - y.up - 0.35, 0.07, 0.1)), colour)

    def _u_bezel(self) -> None:
        """A robot's or a computer's screen: the face lies on a glowing pane."""
        h, e, m, d = self.c.head, self.c.eyes, self.c.mouth, self.dice("bezel")
        w = min(0.9 * h.width, max(e.x + e.w, m.w) + 0.16)
        up, low = max(-0.9 * h.top, e.y - e.up - 0.25), min(h.bottom * 0.92, m.y + 0.3)
        pane = rounded([[-w, up], [w, up], [w, low], [-w, low]], 2)
        dark = self.c.skin2 if luma(self.c.skin2) < 90 else (22, 28, 38)
        self.k.fill(self.p(pane * 1.06), shade(self.c.skin, 0.5))
        self.k.fill(self.p(pane), dark)

    def _u_whiskerdots(self) -> None:
        n, m, d = self.c.nose, self.c.mouth, self.dice("whiskerdots")
        for s in (-1, 1):
            for i in range(7):
                at = [s * (0.22 + 0.08 * (i % 4) + d.u(-0.01, 0.01)), (n.y + m.y) / 2 + 0.08 * (i // 4) + 0.02]
                self.k.fill(self.p(ellipse(at[0], at[1], 0.014, 0.014, n=8), lift=0.1), shade(self.c.skin, 0.35))

    def _o_bridle(self) -> None:
        """Straps over the nose and up the cheeks."""
        h, n, y, d = self.c.head, self.c.nose, self.c.eyes, self.dice("bridle")
        colour, w = d.jitter((70, 42, 30), 20), self.px(d.u(0.05, 0.09))
        v = n.y - 0.3
        x = np.linspace(-0.92, 0.92, 11) * h.width * 0.85
        self.k.stroke(self.p(np.stack([x, v - 0.05 * (x / h.width) ** 2], 1), lift=0.1), colour, w)
        for s in (-1, 1):
            self.k.stroke(
                self.p([[s * h.width * 0.78, v], [s * h.width * 0.93, y.y - 0.1], [s * h.width * 0.9, -0.7]]), colour, w
            )
            self.k.disc(self.p([[s * h.width * 0.78, v]], lift=0.1)[0], self.px(0.06), (190, 180, 150))

    # ---- over everything ---------------------------------------------------------------------------------------
    def _o_gloss(self) -> None:
        """The hard highlights of vinyl, glass and glazed clay."""
        h, d = self.c.head, self.dice("gloss")
        s = d.pick([-1, 1])
        spots = [(s * d.u(0.3, 0.6), -h.top * d.u(0.5, 0.75), d.u(0.1, 0.3), d.u(0.05, 0.14), -s * d.u(10, 40))]
        if d.chance(0.5):
            spots.append((s * 0.78, h.bottom * 0.2, 0.04, 0.2, 0.0))
        for x, y, rx, ry, a in spots:
            shape = self.p(ellipse(x * h.width, y, rx, ry, a))
            self.k.soft(shape, (255, 255, 255), d.u(0.4, 0.95), self.px(d.u(0.01, 0.06)))

    def _o_moustache(self) -> None:
        n, m, d = self.c.nose, self.c.mouth, self.dice("moustache")
        y = (n.y + n.h + m.y - m.thick_up) / 2
        w, t, curl = m.w * d.u(0.7, 1.4), d.u(0.04, 0.1), d.u(-0.12, 0.14)
        x = np.linspace(0, 1, 12)
        half = t * (1 - x) ** 0.5 * (0.5 + np.sin(np.pi * np.clip(x * 1.2, 0, 1)))
        mid = y - curl * x**2 + 0.03 * np.sin(np.pi * x)
        for s in (-1, 1):
            shape = np.concatenate([np.stack([s * x * w, mid - half], 1), np.stack([s * x * w, mid + half], 1)[::-1]])
            self.put(self.p(shape, lift=0.15), self.c.hair.colour)

    def _o_longbeard(self) -> None:
        """A beard that hides the chin's outline; lips stay free."""
        h, m, d = self.c.head, self.c.mouth, self.dice("longbeard")
        colour = d.pick([self.c.hair.colour, (225, 222, 218), (120, 110, 105)], [3, 1, 1])
        long = h.bottom + d.u(0.1, 0.9)
        side = self.a.jaw[1 : d.pick([3, 4])]
        tips = np.linspace(0.8, -0.8, 13)
        hem = np.stack(
            [
                -tips * h.width * 0.8,
                h.bottom + (long - h.bottom) * (1 - np.abs(tips) ** 1.6) + d.rng.uniform(-0.05, 0.05, 13),
            ],
            1,
        )
        left = side[::1]
        right = (side * [-1, 1])[::-1]
        x = np.linspace(1, -1, 17)
        top = np.stack([x * m.w * 1.6, m.y - 0.1 + 0.22 * np.abs(x) ** 1.5 - 0.02], 1)
        low = np.concatenate([left, hem, right])
        shape = np.concatenate([self.rim(low), self.p(top)])
        self.put(shape, colour)
        n = 40
        u = d.rng.uniform(-0.75, 0.75, n)
        v0 = d.rng.uniform(m.y + 0.15, long - 0.1, n)
        lines = np.stack([np.stack([u, v0], 1), np.stack([u * 1.02, v0 + 0.2], 1)], 1)
        with self.k.clipped(shape, 0.7):
            self.k.strokes(
                self.rim(lines.reshape(-1, 2)).reshape(n, 2, 2), shade(colour, d.pick([0.75, 1.2])), self.px(0.02)
            )
        self.repaint_mouth()

    def _tufts(self, base: Points, way: Points, long: float, name: str) -> None:
        """Hairs from base points (N, 2) along unit-like vectors (N, 2), in the colour they grow from."""
        d = self.dice(name)
        n = len(base)
        way = way + d.rng.normal(0, 0.25, (n, 2))
        tip = base + way * (long * d.rng.uniform(0.5, 1.2, (n, 1)))
        side = way[:, ::-1] * [1, -1] * 0.03
        spikes = np.stack([base - side, tip, base + side], 1)
        flat = self.rim(spikes.reshape(-1, 2)).reshape(n, 3, 2)
        self.k.spikes(flat, self.rim(base * 0.96), d.rng.uniform(0.85, 1.1, n))

    def _o_goatee(self) -> None:
        n, d = 40, self.dice("goatee")
        x = d.rng.uniform(-0.3, 0.3, n)
        base = np.stack([x, np.full(n, self.c.head.bottom - 0.06) - 0.12 * np.abs(x)], 1)
        self._tufts(base, np.stack([x * 0.5, np.ones(n)], 1), d.u(0.15, 0.5), "goatee")

    def _o_cheekfur(self) -> None:
        """Tufts that stand off the cheeks."""
        half, d = self.a.half, self.dice("cheekfur")
        low, high = sorted((d.u(-0.1, 0.3), d.u(0.4, 0.9)))
        side = half[(half[:, 1] > low * self.c.head.bottom) & (half[:, 1] < high * self.c.head.bottom)]
        if len(side) == 0:
            return
        pick = side[d.rng.integers(0, len(side), 36)] * 0.95
        long = d.u(0.15, 0.45)
        for s in (-1, 1):
            self._tufts(pick * [s, 1], np.tile([s * 1.0, d.u(0.1, 0.8)], (36, 1)), long, f"cheekfur{s}")

    def _o_forelock(self) -> None:
        t, d, n = -self.c.head.top, self.dice("forelock"), 7
        colour = mix(self.c.hair.colour, self.c.skin, 0.2)
        limit = self.c.eyes.y - 0.3 * self.c.eyes.up
        for x in d.rng.uniform(-0.25, 0.25, n):
            tip = [x * d.u(0.5, 2.2), min(t + d.u(0.4, 0.9), limit)]
            self.put(self.rim([[x - 0.12, t - 0.02], [x + 0.12, t - 0.02], tip]), shade(colour, d.u(0.8, 1.1)))

    def _o_strands(self) -> None:
        """Locks of a fringe that fall between and beside the eyes."""
        y, h, d = self.c.eyes, self.c.hair, self.dice("strands-over")
        top = -self.c.head.top * 0.8
        for x in (0.0, -y.x - y.w, y.x + y.w, d.u(-0.3, 0.3))[: int(d.u(1, 5))]:
            x += d.n(0, 0.08)
            bend, end = d.n(0, 0.15), y.y + d.u(-0.2, 0.45)
            mid = [x + bend, (top + end) / 2]
            w = d.u(0.06, 0.14)
            lock = [
                [x - w, top],
                [x + w, top],
                [mid[0] + w * 0.8, mid[1]],
                [x + bend * 0.3, end],
                [mid[0] - w * 0.8, mid[1]],
            ]
            self.put(self.rim(rounded(lock, 1)), shade(h.colour, d.u(0.9, 1.08)), d.pick([1.0, 0.75]))

    def _o_hairshine(self) -> None:
        """The light band of drawn hair."""
        h, d = self.c.head, self.dice("hairshine")
        x = np.linspace(-0.75, 0.75, 25) * h.width
        v = -h.top * d.u(0.6, 0.8) + 0.25 * (x / h.width) ** 2
        saw = d.u(0.03, 0.1) * np.resize([0, 1], 25)
        band = np.concatenate([np.stack([x, v - saw - 0.03], 1), np.stack([x, v + saw + 0.04], 1)[::-1]])
        self.k.fill(self.rim(band), shade(self.c.hair.colour, 1.45), 0.7)

    def _o_shades(self) -> None:
        """Dark or coloured glasses; one can often see through them."""
        y, d = self.c.eyes, self.dice("shades")
        colour = d.pick([(18, 18, 22), d.colour((0, 1), (0.3, 0.9), (0.2, 0.8))], [2, 1])
        alpha, r = d.u(0.45, 0.95), min(max(y.w, y.up) * d.u(1.3, 1.7), y.x * 0.95)
        n = d.pick([4, 40])
        for s in (-1, 1):
            lens = ellipse(s * y.x, y.y, r, r * d.u(0.7, 0.9), 45 if n == 4 else 0, n)
            self.k.fill(self.p(rounded(lens, 1), lift=0.12), colour, alpha)
            self.k.stroke(
                self.p([[s * (y.x + r * 0.9), y.y], [s * self.c.head.width, y.y - 0.06]], lift=0.1),
                colour,
                self.px(0.04),
            )
            self.k.fill(
                self.p(ellipse(s * y.x - r * 0.3, y.y - r * 0.3, r * 0.2, r * 0.08, -30), lift=0.12),
                (255, 255, 255),
                0.6,
            )
        self.k.stroke(self.p([[-y.x + r, y.y - 0.05], [y.x - r, y.y - 0.05]], lift=0.2), colour, self.px(0.05))

    def _o_brow_goggles(self) -> None:
        """Goggles or sunglasses pushed up on the forehead: round and dark, but not eyes."""
        y, t, d = self.c.eyes, -self.c.head.top, self.dice("goggles")
        v = max(t * 0.75, y.y - y.up - 0.55)
        colour, lens = d.jitter((60, 45, 40), 20), d.colour((0, 1), (0, 0.8), (0.1, 0.8))
        self.k.stroke(self.rim([[-self.c.head.width * 0.95, v], [self.c.head.width * 0.95, v]]), colour, self.px(0.1))
        r = d.u(0.16, 0.26)
        for s in (-1, 1):
            self.k.fill(self.p(ellipse(s * (r + 0.06), v, r, r * 0.9)), colour)
            self.k.fill(self.p(ellipse(s * (r + 0.06), v, r * 0.75, r * 0.66)), lens)

    def _o_hands(self) -> None:
        """Hands or paws at the chin or the cheeks."""
        h, d = self.c.head, self.dice("hands")
        colour = d.pick([self.c.skin, shade(self.c.skin, 0.85), (245, 245, 245), (220, 170, 130)])
        for s in d.pick([(-1,), (1,), (-1, 1)]):
            at = np.array([s * d.u(0.75, 1.1) * h.width, h.bottom * d.u(0.7, 1.0)])
            r = d.u(0.16, 0.28)
            for i in range(4):
                a = np.deg2rad(-90 - s * 30 + s * i * 28)
                finger = np.array([at, at + np.array([np.cos(a) * -0.2, np.sin(a)]) * r * 1.7])
                self.k.stroke(self.rim(finger), colour, self.px(r * 0.5))
            self.put(self.rim(ellipse(at[0], at[1], r, r * 0.9)), colour)

    def _o_sweat(self) -> None:
        h, d = self.c.head, self.dice("sweat")
        s, v = d.pick([-1, 1]), -h.top * d.u(0.2, 0.6)
        drop = ellipse(s * 0.72 * h.width, v, 0.08, 0.12)
        drop[30] = [s * 0.72 * h.width, v - 0.24]
        self.put(self.p(drop), (120, 195, 245))

    def _o_joytears(self) -> None:
        y, d = self.c.eyes, self.dice("joytears")
        for s in (-1, 1):
            self.k.fill(
                self.p(ellipse(s * (y.x + y.w + 0.14), y.y + y.low + 0.12, 0.2, 0.12, -s * 40)), (110, 190, 245), 0.9
            )

    def _o_bowtie(self) -> None:
        b, d = self.c.head.bottom, self.dice("bowtie")
        colour = d.colour((0, 1), (0.5, 0.95), (0.4, 0.95))
        bow = [[0, b + 0.12], [0.4, b - 0.04], [0.4, b + 0.32], [0, b + 0.16], [-0.4, b + 0.32], [-0.4, b - 0.04]]
        self.put(self.torso(bow), colour)

    def _o_flower(self) -> None:
        h, d = self.c.head, self.dice("flower")
        at = np.array([d.pick([-1, 1]) * h.width * d.u(0.6, 0.9), -h.top * d.u(0.5, 0.8)])
        colour = d.colour((0, 1), (0.3, 0.9), (0.7, 1))
        for a in np.linspace(0, 2 * np.pi, 5, endpoint=False):
            self.k.fill(self.rim(ellipse(at[0] + np.cos(a) * 0.14, at[1] + np.sin(a) * 0.14, 0.1, 0.1)), colour)
        self.k.disc(self.rim([at])[0], self.px(0.08), (250, 220, 90))

    def _o_monocle(self) -> None:
        y, d = self.c.eyes, self.dice("monocle")
        s, r = d.pick([-1, 1]), min(max(y.w, y.up) * 1.4, y.x)
        self.k.stroke(self.p(ellipse(s * y.x, y.y, r, r), lift=0.1), (200, 170, 80), self.px(0.035), closed=True)
        self.k.stroke(
            self.p([[s * (y.x + r), y.y], [s * (y.x + r), y.y + 0.7]], lift=0.1), (200, 170, 80), self.px(0.015)
        )
