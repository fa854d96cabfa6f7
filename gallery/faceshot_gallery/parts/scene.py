"""The whole head on its background, back to front: scenery, body, hair, ears, head, markings, features, fringe."""

from __future__ import annotations

import cv2
import numpy as np

from faceshot_gallery.parts.anatomy import Anatomy, Points, Projector
from faceshot_gallery.parts.dressing import Dressing
from faceshot_gallery.parts.eyes import EyePainter
from faceshot_gallery.parts.hair import HairPainter
from faceshot_gallery.parts.marks import paint_mark
from faceshot_gallery.parts.nose_mouth import NoseMouthPainter
from faceshot_gallery.parts.paint import Canvas, Image, clouds, ellipse
from faceshot_gallery.parts.props import Props
from faceshot_gallery.parts.surfaces import SURFACES, surface
from faceshot_gallery.parts.traits import Dice, shade


class Scene:
    """Paints one character; every random detail comes from the character's seed, never from expression or pose."""

    def __init__(self, canvas: Canvas, anatomy: Anatomy, project: Projector) -> None:
        self.k, self.a, self.p = canvas, anatomy, project
        self.c = anatomy.c
        self.real = self.c.style in ("photo", "painterly", "soft3d", "textured")
        self.furry = self.c.coat == "fur" and self.c.style not in ("flat", "outline", "sketch")
        self.dressing = Dressing(canvas, anatomy, project)
        self.props = Props(canvas, anatomy, project)
        self.hair = HairPainter(canvas, anatomy, project)
        self.eyes = EyePainter(canvas, anatomy, project)
        self.mouth = NoseMouthPainter(canvas, anatomy, project)
        self.hull = self._hull()

    def dice(self, name: str) -> Dice:
        return Dice(self.c.seed, name)

    def px(self, length: float) -> float:
        return self.p.px(length)

    def _hull(self) -> Points:
        """Head outline in pixels, with tufts for fuzzy heads."""
        out = self.a.outline
        if self.c.head.fuzz > 0:
            rng = self.dice("tufts").rng
            n = len(out)
            t = rng.uniform(-1, 1, n) * np.resize([1.0, -0.6], n)
            out = out * (1 + (self.c.head.fuzz * t)[:, None])
        return self.p(out, rim=True)

    def line(self, points: Points, closed: bool = True, scale: float = 1.0) -> None:
        """The style's contour line."""
        if self.c.style in ("outline", "sketch"):
            self.k.stroke(points, self.c.line, self.px(self.c.line_width) * scale, closed)

    def paint(self, lit: bool = True) -> None:
        """Everything but the background; ``lit=False`` leaves the light to a later :meth:`light`."""
        before = self.k.rgb.copy() if self.real and lit else None
        self.dressing.body()
        self.hair.back_hair()
        self.props.stage("b")
        self.dressing.ears(self.line)
        self._head()
        if self.furry:
            self._fur()
        self._relief()
        self._surfaces()
        self.props.stage("u")
        self.eyes.eyes()
        self.mouth.nose()
        if "philtrum" in self.c.extras:
            self.mouth.philtrum()
        self.mouth.mouth()
        self.dressing.on_face()
        self.eyes.brows()
        self.hair.front_hair(self.line)
        self.props.stage("o")
        if before is not None:
            self.light(before)

    def _head(self) -> None:
        self.k.fill(self.hull, self.c.skin)
        self.mask = self.k.full_mask(self.hull)
        if self.c.markings or self.c.coat == "pumpkin":
            with self.k.clipped(self.hull):
                self._markings()
        self._muzzle()
        if "eyebumps" in self.c.extras:
            y = self.c.eyes
            for s in (-1, 1):
                bump = self.p(ellipse(s * y.x, y.y, y.w * 1.35, y.up * 1.35))
                self.k.fill(bump, self.c.skin)
                self.line(bump)
            self.k.fill(self.hull, self.c.skin) if self.c.style == "outline" else None
        self.line(self.hull)
        if self.c.blush > 0:
            y = self.c.eyes
            for s in (-1, 1):
                spot = ellipse(s * y.x * 1.3, y.y + y.low + 0.28, 0.17, 0.1)
                self.k.soft(self.p(spot), (235, 100, 100), self.c.blush, self.px(0.06))

    def _muzzle(self) -> None:
        m = self.c.muzzle
        if m.kind == "none":
            return
        if m.kind == "ellipse":
            shape = self.p(ellipse(0, m.y, m.w, m.h), lift=0.12)
            if self.furry:
                self.k.soft(shape, m.colour, 0.95, self.px(0.06), self.mask)
            else:
                self.k.fill(shape, m.colour)
        elif m.kind == "snout":
            self._snout()
        elif m.kind == "cheeks":
            for s in (-1, 1):
                shape = self.p(ellipse(s * m.w * 0.45, m.y, m.w * 0.52, m.h * 0.6), lift=0.12)
                self.k.soft(shape, m.colour, 0.9, self.px(0.05 if self.furry else 0.012), self.mask)
        else:
            shape = self.p(ellipse(0, m.y - 0.05, m.w, m.h), lift=0.12)
            self.k.soft(shape, m.colour, 0.7, self.px(0.15), self.mask)
        if self.real:
            under = ellipse(0, m.y + m.h * 0.8, m.w * 0.8, m.h * 0.25)
            self.k.soft(self.p(under, lift=0.1), shade(self.c.skin, 0.6), m.shade * 3, self.px(0.1), self.mask)

    def _surfaces(self) -> None:
        """Textures of the head (and of a furry body) that follow its turn."""
        for kind in SURFACES:
            if kind not in self.c.extras or self.c.style == "sketch":
                continue
            field = surface(kind, self.p, self.dice(kind), self.c.nose.y)
            where = self.mask | self.dressing.furry_mask(self.mask) if kind == "furflow" else self.mask
            side = self.k.rgb.shape[0]
            large = cv2.resize(field, (side, side), interpolation=cv2.INTER_LINEAR)
            lit = cv2.multiply(self.k.rgb, cv2.merge([large] * 3), dtype=cv2.CV_8U)
            cv2.copyTo(lit, cv2.inRange(where, 129, 255), self.k.rgb)

    def _snout(self) -> None:
        """A muzzle that stands out: the bridge from the brow to it, then its front, which a turned head shows aside."""
        m, y = self.c.muzzle, self.c.eyes
        root = self.p(ellipse(0, y.y + 0.05, m.w * 0.55, 0.1, n=16))
        front = self.p(ellipse(0, m.y, m.w, m.h), lift=m.lift)
        hull = cv2.convexHull(np.concatenate([root, front]).astype(np.float32))[:, 0].astype(float)
        low = self.p(ellipse(0, m.y + 0.12, m.w * 1.15, m.h * 0.9), lift=m.lift * 0.4)
        if not self.real:
            self.k.fill(front, m.colour)
            self.line(front, scale=0.6)
            return
        self.k.soft(low, shade(self.c.skin, 0.5), 0.45, self.px(0.14), self.mask)
        self.k.soft(hull, shade(self.c.skin, 1.12), 0.7, self.px(0.1), self.mask)
        self.k.soft(front, m.colour, 0.95, self.px(0.07), self.mask)

    def _relief(self) -> None:
        """Soft sockets, cheeks and a chin shadow on faces with volume."""
        if not self.real or self.c.coat not in ("skin", "stone", "fur"):
            return
        y, n = self.c.eyes, self.c.nose
        dark, light = shade(self.c.skin, 0.6), shade(self.c.skin, 1.3)
        for s in (-1, 1):
            self.k.soft(
                self.p(ellipse(s * y.x, y.y - 0.03, y.w * 1.35, y.up + 0.12)), dark, 0.3, self.px(0.1), self.mask
            )
            self.k.soft(self.p(ellipse(s * 0.5, n.y, 0.2, 0.15)), light, 0.25, self.px(0.12), self.mask)
        self.k.soft(
            self.p(ellipse(0, self.c.head.bottom * 0.97, 0.6, 0.1), rim=True), dark, 0.35, self.px(0.1), self.mask
        )

    def _markings(self) -> None:
        c, k, y = self.c, self.k, self.c.eyes
        d = self.dice("markings")
        dark = shade(c.skin, d.u(0.4, 0.75))
        for mark in c.markings:
            if mark == "tabby":
                for x in np.linspace(-0.3, 0.3, int(d.u(3, 6))):
                    w = d.u(0.03, 0.06)
                    k.fill(self.p([[x - w, -0.95], [x + w, -0.95], [x * 0.7, y.y - 0.22]]), dark)
                for s in (-1, 1):
                    for v in (0.1, 0.26, 0.42):
                        k.fill(self.p([[s * 1.1, v - 0.05], [s * 1.1, v + 0.04], [s * d.u(0.6, 0.75), v]]), dark)
            elif mark == "blaze":
                w = d.u(0.06, 0.16)
                k.fill(
                    self.p([[-w * 0.4, -1.2], [w * 0.4, -1.2], [w, y.y], [w * 4, 1.2], [-w * 4, 1.2], [-w, y.y]]),
                    c.skin2,
                )
            elif mark == "eyepatch":
                s = d.pick([-1, 1])
                k.fill(self.p(ellipse(s * y.x, y.y, y.w + 0.16, y.up + 0.2, 20)), dark)
            elif mark == "browspots":
                for s in (-1, 1):
                    k.soft(self.p(ellipse(s * y.x * 0.95, y.y - y.up - 0.14, 0.1, 0.06)), c.skin2, 0.9, self.px(0.03))
            elif mark == "monkeyface":
                r = y.x * d.u(0.9, 1.05) + 0.1
                h = self.c.head.bottom
                for s in (-1, 1):
                    k.fill(self.p(ellipse(s * y.x * 0.85, y.y, r * 0.72, y.up + d.u(0.2, 0.25))), c.skin2)
                k.fill(self.p(ellipse(0, (y.y + h) / 2 + 0.08, d.u(0.62, 0.78), (h - y.y) / 2 - 0.03)), c.skin2)
            elif mark == "facedisc":
                for s in (-1, 1):
                    k.fill(self.p(ellipse(s * y.x, y.y, y.w + d.u(0.14, 0.2), y.up + d.u(0.14, 0.2))), c.skin2)
            elif mark == "cap":
                k.fill(
                    self.p([[-1.3, -1.3], [1.3, -1.3], [1.3, y.y - 0.15], [0, y.y + 0.05], [-1.3, y.y - 0.15]]), dark
                )
            elif mark in ("zones", "foxcheeks"):
                paint_mark(k, self.a, self.p, mark, d)
            else:
                paint_mark(k, self.a, self.p, mark, self.dice(mark))
            if mark == "spots":
                for _ in range(9):
                    r = d.u(0.03, 0.12)
                    k.fill(self.p(ellipse(d.u(-0.9, 0.9), d.u(-0.8, 0.9), r, r * 0.8)), shade(c.skin, 0.8))
        if c.coat == "pumpkin":
            for x in (-0.75, -0.45, -0.15, 0.15, 0.45, 0.75):
                t = np.linspace(-1, 1, 15)
                rib = np.stack([x * (1.15 - 0.25 * t**2) * 1.05, t], 1)
                k.stroke(self.p(rib, rim=True), shade(c.skin, 0.8), self.px(0.03))

    def _fur(self) -> None:
        """Short hairs that modulate what is painted, and a fringe of hairs over the outline."""
        d = self.dice("fur")
        h, rng = self.c.head, d.rng
        n = int(d.u(300, 1100))
        x, y = rng.uniform(-1.25, 1.25, n) * h.width, rng.uniform(-1.1 * h.top, 1.9, n)
        length = rng.uniform(0.6, 1.4, n) * d.u(0.07, 0.16)
        ex, ey = x * 0.9, (y - self.c.nose.y) * 0.8 + 0.25
        r = np.maximum(np.hypot(ex, ey), 0.15)
        bend = rng.normal(0, 0.25, n)
        ux, uy = ex / r + bend * ey / r, ey / r - bend * ex / r
        t = np.linspace(0, 1, 4)[None, :, None]
        hairs = np.stack([x, y], 1)[:, None] + t * (np.stack([ux, uy], 1) * length[:, None])[:, None]
        flat = self.p(hairs.reshape(-1, 2), rim=True).reshape(n, 4, 2)
        layer = np.full(self.k.rgb.shape[:2], 128, np.uint8)
        fixed = np.round(self.k.up(flat) * 16).astype(np.int32)
        strength = d.u(10, 34)
        width = max(1, round(self.px(d.u(0.006, 0.022)) * self.k.ss))
        for i, level in enumerate((-1.0, -0.5, 0.5, 1.0, -0.7, 0.7)):
            part = list(fixed[i * n // 6 : (i + 1) * n // 6])
            cv2.polylines(layer, part, False, 128 + level * strength, width, cv2.LINE_AA, 4)
        where = cv2.bitwise_or(self.mask, self.dressing.furry_mask(self.mask))
        layer[where < 128] = 128
        self.k.rgb[:] = cv2.multiply(self.k.rgb, cv2.merge([layer] * 3), scale=1 / 128)
        if self.c.head.fuzz > 0:
            self._edge_hairs(d)

    def _edge_hairs(self, d: Dice) -> None:
        out, n = self.a.outline, 170
        pick = d.rng.integers(0, len(out), n)
        base = out[pick] * d.rng.uniform(0.9, 0.98, (n, 1))
        way = base / np.linalg.norm(base, axis=1, keepdims=True) + d.rng.normal(0, 0.3, (n, 2)) + [0, 0.35]
        tip = base + way * d.rng.uniform(0.05, d.u(0.1, 0.2), (n, 1))
        side = way[:, ::-1] * [1, -1] * d.u(0.012, 0.035)
        spikes = np.stack([base - side, tip, base + side], 1)
        flat = self.p(spikes.reshape(-1, 2), rim=True).reshape(n, 3, 2)
        self.k.spikes(flat, self.p((base * 0.95), rim=True), d.rng.uniform(0.88, 1.06, n))

    def light(self, before: Image | None) -> None:
        """Light from one side, over what differs from the picture ``before`` (over everything without it)."""
        if not self.real:
            return
        d = self.dice("light")
        n = 48
        size = self.p.size
        grid = (np.arange(n) + 0.5) / n * size - 0.5
        gx, gy = np.meshgrid(grid, grid)
        q = (np.stack([gx, gy], -1) - self.p.origin) @ np.linalg.inv(self.p.turn)
        nx, ny = q[..., 0] / self.p.w, q[..., 1] / np.where(q[..., 1] < 0, self.p.top, self.p.bottom)
        r = np.hypot(nx, ny)
        limit = np.where(r > 0.98, 0.98 / np.maximum(r, 1e-6), 1)
        nx, ny = nx * limit, ny * limit
        nz = np.sqrt(1 - nx**2 - ny**2)
        a, up = d.u(-1.3, 1.3), d.u(0.2, 1.0)
        light = np.array([np.sin(a), -up, 1.1])
        light /= np.linalg.norm(light)
        strong = d.pick([d.u(0.25, 0.5), d.u(0.5, 0.8)], [3, 1])
        dot = nx * light[0] + ny * light[1] + nz * light[2]
        field = (1 - strong) + strong * 1.25 * np.clip(dot, 0, 1)
        if self.c.style == "soft3d":
            field = field + 0.25 * np.clip(dot, 0, 1) ** 14
        side = self.k.rgb.shape[0]
        field = cv2.resize(field.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
        if self.c.coat == "stone" or self.c.style in ("photo", "textured"):
            field = field * (1 + clouds(d.rng, side, (6, 20, 60)) * d.u(0.02, 0.1))
        field = field.astype(np.float32)
        lit = cv2.multiply(self.k.rgb, cv2.merge([field] * 3), dtype=cv2.CV_8U)
        if before is None:
            self.k.rgb[:] = lit
            return
        apart: Image = np.asarray(cv2.absdiff(self.k.rgb, before), np.uint8)
        same = cv2.inRange(apart, (0, 0, 0), (0, 0, 0))
        cv2.copyTo(lit, cv2.bitwise_not(same), self.k.rgb)
