"""What surrounds a face: body, ears, and what is worn on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from faceshot_gallery.parts.anatomy import Anatomy, Points, Projector
from faceshot_gallery.parts.paint import Canvas, Image, around, ellipse, rounded
from faceshot_gallery.parts.traits import Dice, Pose, mix, shade

Line = Callable[[Points], None]


class Dressing:
    """Paints everything around and on top of the bare face."""

    def __init__(self, canvas: Canvas, anatomy: Anatomy, project: Projector) -> None:
        self.k, self.a, self.p = canvas, anatomy, project
        self.c = anatomy.c
        pose = project.pose
        still = Pose(pose.roll - 0.75 * float(np.clip(pose.roll, -25, 25)), 0, 0, pose.scale, pose.dx, pose.dy)
        self.lean = Projector(anatomy.c, still, project.size)
        self.fur_shapes: list[Points] = []

    def dice(self, name: str) -> Dice:
        return Dice(self.c.seed, name)

    def rim(self, points: object) -> Points:
        return self.p(points, rim=True)  # type: ignore[arg-type]

    def torso(self, points: object) -> Points:
        """Project what belongs to the body: it does not turn, and leans a quarter as much as the head."""
        return self.lean(points, rim=True)  # type: ignore[arg-type]

    def px(self, length: float) -> float:
        return self.p.px(length)

    def _contour(self, points: Points, closed: bool = True) -> None:
        if self.c.style in ("outline", "sketch"):
            self.k.stroke(points, self.c.line, self.px(self.c.line_width), closed)

    # ---- behind the head --------------------------------------------------------------------------------------
    def body(self) -> None:
        c, b, d = self.c, self.c.head.bottom, self.dice("body")
        w = c.head.width
        if c.body_kind == "none":
            return
        if c.body_kind == "ruff":
            t = np.linspace(-0.15 * np.pi, 1.15 * np.pi, 70)
            r = d.u(1.05, 1.4) + d.rng.uniform(-0.06, 0.06, 70)
            drop = d.u(0.1, 0.6)
            ruff = np.stack([np.cos(t) * r * w, np.sin(t) * r * b + drop * np.clip(np.sin(t), 0, 1)], 1)
            half = np.array([[w, b * 0.5], [w * 1.2, b + 0.6], [w * 1.6, 5]])
            body = self.torso(rounded(np.concatenate([half, half[::-1] * [-1, 1]])))
            collar = self.rim(ruff)
            colour = d.pick([c.body, c.skin2, shade(c.skin, 0.9)], [3, 1, 1])
            self.k.fill(body, shade(colour, 0.88))
            self.k.fill(collar, colour)
            self.fur_shapes = [body, collar]
            return
        if c.body_kind in ("fur", "longneck"):
            top = w * (0.62 if c.body_kind == "longneck" else d.u(0.75, 1.0))
            low = w * (0.75 if c.body_kind == "longneck" else d.u(1.1, 1.7))
            shape = np.array(
                [
                    [-top, b * 0.2],
                    [top, b * 0.2],
                    [top * 1.05, b + 0.2],
                    [low, b + 1.2],
                    [low, 5],
                    [-low, 5],
                    [-low, b + 1.2],
                    [-top * 1.05, b + 0.2],
                ]
            )
            self.fur_shapes = [self.torso(rounded(shape))]
            self.k.fill(self.fur_shapes[0], mix(c.body, shade(c.body, 0.85), d.u(0, 1)))
            self._contour(self.fur_shapes[0])
        else:
            neck = w * d.u(0.42, 0.6)
            s = d.u(1.3, 2.0)
            cloth = np.array(
                [
                    [-neck, b + 0.25],
                    [neck, b + 0.25],
                    [s * 0.8, b + 0.5],
                    [s, b + 0.9],
                    [s + 0.1, 5],
                    [-s - 0.1, 5],
                    [-s, b + 0.9],
                    [-s * 0.8, b + 0.5],
                ]
            )
            self.k.fill(self.torso(rounded(cloth)), c.body)
            self._contour(self.torso(rounded(cloth)))
            skin = c.skin if c.coat != "metal" else shade(c.skin, 0.6)
            throat = np.array(
                [[-neck, b * 0.4], [neck, b * 0.4], [neck, b + 0.3], [0, b + d.u(0.4, 0.9)], [-neck, b + 0.3]]
            )
            self.k.fill(self.torso(throat), shade(skin, d.u(0.8, 1.0)))
            self._contour(self.torso(throat[1:]), closed=False)
            if d.chance(0.5):
                with self.k.clipped(self.torso(throat)):
                    self.k.soft(self.torso(ellipse(0, b + 0.05, neck, 0.16)), shade(skin, 0.5), 0.5, self.px(0.08))
        if "collar" in c.extras:
            band = np.array(
                [
                    [-0.75 * w, b + 0.02],
                    [0, b + 0.16],
                    [0.75 * w, b + 0.02],
                    [0.75 * w, b + 0.2],
                    [0, b + 0.34],
                    [-0.75 * w, b + 0.2],
                ]
            )
            self.k.fill(self.torso(band), d.colour((0, 1), (0.6, 0.9), (0.4, 0.9)))
            self.k.disc(self.torso([[0, b + 0.36]])[0], self.px(0.1), (235, 190, 60))

    def furry_mask(self, like: Image) -> Image:
        """Where a furry body lies (large picture)."""
        mask = np.zeros_like(like)
        for shape in self.fur_shapes:
            mask |= self.k.full_mask(shape)
        return mask

    def ears(self, line: Line) -> None:
        e, c = self.c.ears, self.c
        if e.kind == "none":
            return
        for s in (-1, 1):
            d = self.dice(f"ear{s}")
            outer, inner = ear_shape(e.kind, e.length, e.width)
            a = np.deg2rad(e.angle + d.n(0, 3)) * s
            turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
            base = np.array([s * e.x * c.head.width, e.y])

            def put(shape: Points, s: int = s, turn: Points = turn, base: Points = base) -> Points:
                return self.rim((shape * [s, 1]) @ turn + base)

            colour = (
                c.skin if (e.kind not in ("horn", "block") and e.tip is None) or e.kind in ("tri", "long") else e.inner
            )
            if "darkears" in c.markings or e.kind == "flop":
                colour = e.inner
            self.k.fill(put(outer), colour)
            if e.kind == "tri" and e.tip is not None:
                cut = outer[np.argsort(outer[:, 1])[: len(outer) // 3]]
                order = np.argsort(np.arctan2(*(cut - cut.mean(0)).T))
                self.k.fill(put(cut[order]), e.tip)
            if e.kind in ("tri", "long", "round", "human") and "darkears" not in c.markings:
                if c.style in ("photo", "painterly", "soft3d"):
                    self.k.soft(put(inner), e.inner, 0.9, self.px(0.03))
                else:
                    self.k.fill(put(inner), e.inner)
            line(put(outer))

    # ---- on the face ------------------------------------------------------------------------------------------
    def on_face(self) -> None:
        for extra in self.c.extras:
            painter = getattr(self, f"_x_{extra}", None)
            if painter is not None:
                painter()

    def _x_whiskers(self) -> None:
        n, m = self.c.nose, self.c.mouth
        d = self.dice("whiskers")
        y = (n.y + n.h + m.y) / 2
        colour = d.pick([(250, 250, 250), self.c.line])
        for s in (-1, 1):
            for i in (-1, 0, 1):
                x = np.linspace(0.26, d.u(0.9, 1.3), 8)
                v = y + i * 0.06 + (x - 0.26) * (i * 0.22 + d.u(-0.06, 0.06)) + 0.1 * (x - 0.26) ** 2
                self.k.stroke(self.p(np.stack([s * x, v], 1), lift=0.1), colour, self.px(0.013))

    def _x_tongue(self) -> None:
        q, m = self.a.mouth, self.c.mouth
        mid = q.inner_low[len(q.inner_low) // 2]
        w = m.w * 0.4
        t = np.linspace(0, np.pi, 15)
        tongue = np.stack([mid[0] + np.cos(t) * w, mid[1] + np.sin(t) * 0.24], 1)
        self.k.fill(self.p(tongue, lift=m.lift), (228, 110, 120))
        self.k.stroke(self.p([mid, mid + [0, 0.14]], lift=m.lift), (190, 80, 95), self.px(0.015))

    def _x_buckteeth(self) -> None:
        q = self.a.mouth
        mid = q.inner_low[len(q.inner_low) // 2]
        for s in (-1, 1):
            x = mid[0] + s * 0.045
            tooth = [[x - 0.04, mid[1]], [x + 0.04, mid[1]], [x + 0.036, mid[1] + 0.11], [x - 0.036, mid[1] + 0.11]]
            self.k.fill(self.p(tooth, lift=self.c.mouth.lift), (252, 250, 244))

    def _x_glasses(self) -> None:
        y = self.c.eyes
        d = self.dice("glasses")
        colour = d.pick([(30, 28, 30), (120, 80, 40), (170, 40, 50), (200, 200, 205)])
        r, n = max(y.w, y.up) * d.u(1.25, 1.6), d.pick([2.0, 5.0])
        r = min(r, y.x * 0.92)
        t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        cos, sin = np.cos(t), np.sin(t)
        ring = np.stack(
            [np.sign(cos) * np.abs(cos) ** (2 / n) * r, np.sign(sin) * np.abs(sin) ** (2 / n) * r * 0.85], 1
        )
        w = self.px(d.u(0.02, 0.05))
        for s in (-1, 1):
            self.k.stroke(self.p(ring + [s * y.x, y.y], lift=0.15), colour, w, closed=True)
            arm = np.array([[s * (y.x + r), y.y], [s * self.c.head.width * 0.99, y.y - 0.05]])
            self.k.stroke(self.p(arm, lift=0.1), colour, w)
        self.k.stroke(self.p([[-y.x + r, y.y], [0, y.y - 0.04], [y.x - r, y.y]], lift=0.2), colour, w)

    def _x_beard(self) -> None:
        h, m = self.c.hair, self.c.mouth
        if h.kind == "bald" and self.c.seed % 2:
            return
        jaw = self.a.jaw[2:15]
        x = np.linspace(1, -1, 15)
        top = np.stack([x * 0.75, m.y - 0.12 + 0.2 * np.abs(x) - 0.1 * np.cos(x * 3)], 1)
        self.k.soft(np.concatenate([self.rim(jaw), self.p(top)]), h.colour, 0.7, self.px(0.05))
        self.repaint_mouth()

    def repaint_mouth(self) -> None:
        from faceshot_gallery.parts.nose_mouth import NoseMouthPainter

        NoseMouthPainter(self.k, self.a, self.p).mouth()

    def _x_freckles(self) -> None:
        d = self.dice("freckles")
        for _ in range(26):
            at = np.array([[d.pick([-1, 1]) * d.u(0.1, 0.6), self.c.nose.y - d.u(-0.1, 0.22)]])
            self.k.fill(self.p(around(at[0], 0.016, 0.016, n=8)), shade(self.c.skin, 0.75))

    def _x_earrings(self) -> None:
        for s in (-1, 1):
            self.k.disc(
                self.rim([[s * self.c.head.width * 1.02, self.c.eyes.y + 0.6]])[0], self.px(0.06), (235, 195, 70)
            )

    def _x_tear(self) -> None:
        y = self.c.eyes
        self.k.fill(self.p(ellipse(y.x, y.y + y.low + 0.22, 0.07, 0.12)), (90, 180, 245))

    def _x_seam(self) -> None:
        h = self.c.head
        y = np.linspace(-h.top * 0.98, self.c.eyes.y - 0.2, 9)
        self.k.stroke(self.p(np.stack([0 * y, y], 1)), self.c.line, self.px(0.018))
        for v in y:
            self.k.stroke(self.p([[-0.05, v], [0.05, v]]), self.c.line, self.px(0.016))

    def _x_bolts(self) -> None:
        h = self.c.head
        for sx in (-1, 1):
            for v in (-h.top * 0.82, h.bottom * 0.86):
                self.k.fill(self.p(ellipse(sx * h.width * 0.84, v, 0.05, 0.05, n=16)), shade(self.c.skin, 0.55))

    def _x_panel(self) -> None:
        h, e, m = self.c.head, self.c.eyes, self.c.mouth
        box = np.array([[-0.9, e.y - e.up - 0.12], [0.9, e.y - e.up - 0.12], [0.9, m.y + 0.18], [-0.9, m.y + 0.18]]) * [
            h.width,
            1,
        ]
        self.k.stroke(self.p(box), shade(self.c.skin, 0.7), self.px(0.02), closed=True)


def ear_shape(kind: str, length: float, width: float) -> tuple[Points, Points]:
    """Outer and inner shape of an ear that points up from its base at (0, 0)."""
    if kind == "tri":
        v = np.linspace(0, 1, 12)
        half = width * (1 - v) ** 0.85
        outer = np.concatenate([np.stack([-half, -v * length], 1), np.stack([half, -v * length], 1)[::-1]])
        outer[:, 1] += length * 0.15
        return outer, outer * [0.6, 0.72] + [0, -length * 0.02]
    if kind in ("long", "flop", "horn"):
        v = np.linspace(0, 1, 20)
        half = width * (np.sin(np.pi * np.clip(v * 0.86 + 0.12, 0, 1)) if kind != "horn" else (1 - v) * 0.9)
        bend = (0.25 * width * v**2) if kind != "horn" else 0.9 * width * v**2
        outer = np.concatenate([np.stack([bend - half, -v * length], 1), np.stack([bend + half, -v * length], 1)[::-1]])
        return outer, outer * [0.55, 0.85] + [0, -length * 0.05]
    if kind == "block":
        outer = np.array([[-width, 0.0], [-width, -length], [width, -length], [width, 0.0]])
        return outer, outer * 0.6
    outer = ellipse(0, -length * 0.25, width, length)
    return outer, ellipse(0, -length * 0.25, width * 0.62, length * 0.62)
