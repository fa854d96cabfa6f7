"""What lies over a face, and all props together: each piece is one short painter.

A piece is asked for by its name in ``Character.extras``; its painter is ``_b_name`` (behind the head), ``_u_name``
(on the skin, under eyes, nose and mouth) or ``_o_name`` (over everything).
"""

from __future__ import annotations

import numpy as np

from faceshot_gallery.parts.anatomy import Points
from faceshot_gallery.parts.paint import ellipse, rounded
from faceshot_gallery.parts.props.skin import SkinPainter
from faceshot_gallery.parts.traits import mix, shade


class Props(SkinPainter):
    """Paints the pieces of one character."""

    def stage(self, letter: str) -> None:
        """Paint all pieces of a stage: b (behind), u (under the features) or o (over)."""
        for extra in self.c.extras:
            painter = getattr(self, f"_{letter}_{extra}", None)
            if painter is not None:
                painter()

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
        self.k.fill(shape, colour)
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
        y = self.c.eyes
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
