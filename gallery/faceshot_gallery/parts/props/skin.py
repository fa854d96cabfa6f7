"""What is painted on a face or grows in it: masks, cracks, seams, wrinkles, paint, screens."""

from __future__ import annotations

import numpy as np

from faceshot_gallery.parts.paint import ellipse, rounded
from faceshot_gallery.parts.props.behind import BehindPainter
from faceshot_gallery.parts.traits import luma, shade


class SkinPainter(BehindPainter):
    """Painters named ``_u_...``; see :mod:`.props`."""

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
        y = self.c.eyes
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
        h, e, m = self.c.head, self.c.eyes, self.c.mouth
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
