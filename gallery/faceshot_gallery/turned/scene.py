"""Paint a turned head: the frontal painters on the solid, with ears, hair and light of its own."""

from __future__ import annotations

import cv2
import numpy as np

from faceshot_gallery.parts.anatomy import Anatomy, Points
from faceshot_gallery.parts.dressing import ear_shape
from faceshot_gallery.parts.paint import Canvas, Image, clouds, rounded
from faceshot_gallery.parts.scene import Scene
from faceshot_gallery.parts.traits import mix, shade
from faceshot_gallery.turned.solid import COLUMNS, ROWS, Turned

#: What is worn on the face and drawn by the frontal painters as it is.
_WORN = ("whiskers", "tongue", "glasses", "freckles", "tear", "buckteeth", "panel")
_LIGHT = 96


class TurnedScene(Scene):
    """A head of any yaw on its background, back to front."""

    p: Turned

    def __init__(self, canvas: Canvas, anatomy: Anatomy, project: Turned) -> None:
        super().__init__(canvas, anatomy, project)

    def _hull(self) -> Points:
        hull = self.p.silhouette()
        if self.c.head.fuzz > 0:
            rng = self.dice("tufts").rng
            middle = hull.mean(0)
            wave = rng.uniform(-1, 1, len(hull)) * np.resize([1.0, -0.6], len(hull))
            hull = middle + (hull - middle) * (1 + 0.7 * self.c.head.fuzz * wave[:, None])
        return hull

    def paint(self, lit: bool = True) -> None:
        before = self.k.rgb.copy() if self.real and lit else None
        self.dressing.body()
        self._back_hair()
        self._ear(1)
        if self.c.ears.kind in ("tri", "long", "round", "horn"):
            self._ear(-1)
        self._head()
        if self.furry:
            self._fur()
        self._relief()
        self._folds()
        self.eyes.eyes()
        self.mouth.nose()
        if "philtrum" in self.c.extras:
            self.mouth.philtrum()
        if self.c.mouth.kind == "beak" and self.c.mouth.shown:
            self._beak()
        else:
            self.mouth.mouth()
        for extra in self.c.extras:
            if extra in _WORN:
                getattr(self.dressing, f"_x_{extra}")()
        self.eyes.brows()
        self._beard()
        if self.c.ears.kind not in ("tri", "long", "round", "horn"):
            self._ear(-1)
        self._hair()
        if before is not None:
            self.light(before)

    # ---- pieces -----------------------------------------------------------------------------------------------------
    def _folds(self) -> None:
        """The contour of nose, muzzle or beak before the far cheek."""
        for fold in self.p.folds():
            if self.c.style in ("outline", "sketch"):
                self.k.stroke(fold, self.c.line, self.px(self.c.line_width) * 0.9)
            else:
                self.k.stroke(fold, shade(self.c.skin, 0.72), self.px(0.02))

    def _beak(self) -> None:
        """Both halves of the beak, the whole way round."""
        n, m, k, gape = self.c.nose, self.c.mouth, self.k, self.a.mouth.gap
        tip = (n.y + m.y) / 2 + 0.02
        y = np.linspace(n.y - n.h, m.y, 14)
        half = m.w * np.clip((y - y[0]) / (tip - y[0]), 0.12, 1)
        upper = np.concatenate([np.stack([-half, y], 1), np.stack([half, y], 1)[::-1]])
        v = np.linspace(m.y + gape * 0.7, m.y + gape * 0.7 + m.thick_low, 8)
        under = 0.9 * m.w * np.sqrt(np.clip(1 - (v - v[0]) / max(m.thick_low, 0.02), 0, 1))
        lower = np.concatenate([np.stack([-under, v], 1), np.stack([under, v], 1)[::-1]])
        if gape > 0.02:
            slit = np.array([[-m.w, m.y], [0, m.y], [m.w, m.y], [0.8 * m.w, v[0]], [-0.8 * m.w, v[0]]])
            k.fill(self.p(slit), m.inside)
        for shape, colour in ((lower, shade(m.colour, 0.8)), (upper, m.colour)):
            k.fill(self.p(shape), colour)
            self.line(self.p(shape))
        lips = np.stack([np.linspace(-m.w, m.w, 21), np.full(21, m.y)], 1)
        k.stroke(self.p(lips), shade(m.colour, 0.45), self.px(0.02))
        nostril = np.array([[-m.w * 0.35 * self.p.way, n.y - 0.2 * n.h]])
        k.disc(self.p(nostril)[0], self.px(0.022), shade(m.colour, 0.4))

    def _ear(self, side: int) -> None:
        """The far (1) or near (-1) ear."""
        e, c, p = self.c.ears, self.c, self.p
        if e.kind == "none" or (side > 0 and e.kind in ("human", "flop", "block") and abs(p.pose.yaw) > 35):
            return
        yaw = abs(p.yaw)
        turned = float(np.sin(yaw))
        outer, inner = ear_shape(e.kind, e.length, e.width)
        grown = {"human": 1 + 0.7 * turned, "flop": 1.0}.get(e.kind, 1 - 0.3 * turned)
        a = np.deg2rad(e.angle) * side * (np.cos(yaw) if e.kind != "flop" else 1.0)
        if e.kind in ("tri", "long", "round", "horn"):
            a -= turned * self.dice("ear lean").u(0.0, 0.5)
        turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        wide = min(e.x * c.head.width, float(np.interp(e.y, p.y, p.width)) + 0.05)
        z = -0.12 if e.kind != "flop" else 0.0
        x = side * wide * np.cos(yaw) + z * turned
        at = (outer * [side * grown, 1]) @ turn + [x, e.y]
        into = (inner * [side * grown, 1]) @ turn + [x, e.y]
        flip = np.zeros(len(at))
        put, put_in = p.place(at[:, 0], at[:, 1], flip), p.place(into[:, 0], into[:, 1], flip[: len(into)])
        self.k.fill(put, e.inner if e.kind == "flop" or "darkears" in c.markings else c.skin)
        if e.kind in ("tri", "long", "round", "human") and "darkears" not in c.markings:
            self.k.fill(put_in, mix(e.inner, c.skin, 0.3), 0.9)
        if not self.real:
            self.line(put)
        elif e.kind == "human":
            self.k.stroke(put, shade(c.skin, 0.75), self.px(0.015), closed=True)

    def _hairline(self) -> tuple[Points, Points]:
        """Angles and heights from the forehead over temple and ear to the nape."""
        h, r = self.c.hair, self.p.relief
        d = self.dice("hairline")
        phi = np.deg2rad([90, 40, 0, -30, -50, -62, -72, -84, -92, -98, -110, -130, -155, -180.0])
        burn, ear = d.u(0.0, 0.35), self.c.eyes.y + d.u(-0.1, 0.1)
        nape = min(r.nape + d.u(-0.15, 0.1), r.nape)
        line = max(h.line, -0.85 * self.c.head.top)
        y = [line, line, line, line + 0.05, line + 0.14, ear - 0.2, ear + burn, ear + burn, ear - 0.1, ear - 0.05]
        return phi, np.array([*y, nape - 0.1, nape - 0.02, nape, nape])

    def _hair(self) -> None:
        h = self.c.hair
        if h.kind in ("none", "mane", "wool") or (self.c.domain not in ("person", "cartoon", "anime", "statue")):
            return
        colour = mix(self.c.skin, h.colour, 0.12) if h.kind == "bald" else h.colour
        volume = 0.0 if h.kind == "bald" else max(h.volume, 0.04)
        phi, y = self._hairline()
        t = np.linspace(0, len(phi) - 1, 60)
        phi, y = np.interp(t, np.arange(len(phi)), phi), np.interp(t, np.arange(len(y)), y)
        if h.kind == "fringe":
            y = y + 0.1 * np.resize([0, 1], len(y)) * (np.abs(phi) < 1)
        inner = self.p.round(phi, y, 0.01)
        outline = self.p.silhouette(volume)
        front, back = outline[:ROWS], outline[ROWS:]
        top = front[self.p.y <= y[0]][::-1]
        rear = back[::-1][self.p.y <= y[-1]]
        cap = np.concatenate([top, rear, inner[::-1]])
        self.k.fill(cap, colour)
        if self.real and h.kind != "bald":
            self._locks(cap, colour)
        self.line(cap)

    def _locks(self, cap: Points, colour: tuple[float, float, float]) -> None:
        """Strands from the crown down the sides."""
        rng = self.dice("locks").rng
        n = 50
        phi, y = rng.uniform(-np.pi, 0.6, n), rng.uniform(-0.95, 0.3, n) * self.p.top
        steps = np.linspace(0, 1, 5)
        lines = self.p.round(
            (phi[:, None] - 0.5 * steps).ravel(), np.minimum(y[:, None] + 0.45 * steps, self.p.y[-1]).ravel()
        )
        with self.k.clipped(cap, 0.8):
            for part, f in ((lines[: n // 2 * 5], 0.78), (lines[n // 2 * 5 :], 1.15)):
                self.k.strokes(part.reshape(-1, 5, 2), shade(colour, f), self.px(0.02))

    def _back_hair(self) -> None:
        h, p = self.c.hair, self.p
        d = self.dice("back-hair")
        if h.kind in ("mane", "wool"):
            t = np.linspace(0, 2 * np.pi, 70, endpoint=False)
            ring = 1 + h.volume + d.rng.uniform(-0.08, 0.08, 70)
            shift = -0.35 * abs(p.sin_yaw)
            x, y = np.cos(t) * ring * p.w + shift, np.sin(t) * ring + 0.05
            self.k.fill(p.place(x, y, 0 * x), shade(h.colour, 0.9))
            self.line(p.place(x, y, 0 * x))
            return
        if not h.back or h.kind in ("none", "bald"):
            return
        v, end = 0.05 + h.volume, h.length * 1.3
        left, hinge = float(p.x.min()), float(np.interp(0.2, p.y, p.x[:, COLUMNS // 3]))
        y = np.linspace(-0.9 * p.top, 0, 12)
        edge = np.interp(y, p.y, p.x.min(1)) - v
        low = np.linspace(left - v - d.u(-0.1, 0.3), hinge + d.u(-0.2, 0.3), 7)
        hem = np.stack([low, end + 0.1 * np.resize([0, 1], 7)], 1)
        shape = np.concatenate([np.stack([edge, y], 1), hem, [[hinge, 0.0], [hinge, -0.8 * p.top]]])
        shape = rounded(shape, 1)
        put = p.place(shape[:, 0], shape[:, 1], 0 * shape[:, 0])
        self.k.fill(put, shade(h.colour, 0.8))
        self.line(put)

    def _beard(self) -> None:
        if "beard" not in self.c.extras:
            return
        m, low = self.c.mouth, float(self.p.y[-1])
        t = np.linspace(-1.4, 1.4, 25)
        y = m.y + 0.12 - 0.25 * np.abs(t) + 0 * t
        top = self.p.round(t, y, 0.02)
        bottom = self.p.round(t[::-1], np.full(25, low - 0.01), 0.06)
        self.k.soft(np.concatenate([top, bottom]), self.c.hair.colour, 0.75, self.px(0.04))
        self.dressing.repaint_mouth()

    def _relief(self) -> None:
        """Soft shadow under the chin; everything else is the light's work."""
        if self.real:
            jaw = self.p(np.asarray(self.a.jaw) * [0.95, 1])
            dark = shade(self.c.skin, 0.6)
            self.k.soft(np.concatenate([jaw, jaw[::-1] + [0, self.px(0.08)]]), dark, 0.3, self.px(0.06), self.mask)

    def _fur(self) -> None:
        """Hairs on the visible surface that point back and down."""
        d, p = self.dice("fur"), self.p
        n = int(d.u(350, 900))
        phi = d.rng.uniform(-2.6, 1.2, n)
        y = d.rng.uniform(p.y[0], p.y[-1], n)
        keep = p.look(phi, y)[:, 3] < 0.5
        phi, y = phi[keep], y[keep]
        n = len(phi)
        long = d.u(0.06, 0.15) * d.rng.uniform(0.6, 1.4, n)
        t = np.linspace(0, 1, 4)
        sway = d.rng.normal(0, 0.4, n)
        lines = p.round(
            (phi[:, None] - np.sign(phi + 0.2)[:, None] * -1 * t * (long * 0.8)[:, None]).ravel(),
            np.clip(y[:, None] + t * (long * (0.7 + 0.3 * sway))[:, None], p.y[0], p.y[-1]).ravel(),
        ).reshape(n, 4, 2)
        layer = np.full(self.k.rgb.shape[:2], 128, np.uint8)
        fixed = np.round(self.k.up(lines) * 16).astype(np.int32)
        strength, width = d.u(10, 36), max(1, round(p.px(d.u(0.006, 0.022)) * self.k.ss))
        for i, level in enumerate((-1.0, -0.5, 0.5, 1.0)):
            part = list(fixed[i * n // 4 : (i + 1) * n // 4])
            cv2.polylines(layer, part, False, 128 + level * strength, width, cv2.LINE_AA, 4)
        layer[self.mask < 128] = 128
        self.k.rgb[:] = cv2.multiply(self.k.rgb, cv2.merge([layer] * 3), scale=1 / 128)

    def light(self, before: Image | None) -> None:
        """Light from one side by the solid's normals, over what differs from ``before``."""
        d, p = self.dice("light"), self.p
        a, up = d.u(-1.3, 1.3), d.u(0.2, 1.0)
        way = np.array([np.sin(a), -up, 1.1])
        way /= np.linalg.norm(way)
        strong = d.pick([d.u(0.25, 0.5), d.u(0.5, 0.8)], [3, 1])
        dot = p.light @ (way * [p.way, 1, 1])
        field = (1 - strong) + strong * 1.25 * np.clip(dot, 0, 1)
        if self.c.style == "soft3d":
            field = field + 0.25 * np.clip(dot, 0, 1) ** 14
        low, high = float(p.x.min()), float(p.x.max())
        across = np.linspace(low, high, _LIGHT)
        lit = np.stack([np.interp(across, row, value) for row, value in zip(p.shown, field, strict=True)])
        cells = np.array([[(high - low) / (_LIGHT - 1), 0], [0, (p.y[-1] - p.y[0]) / (ROWS - 1)]])
        start = np.array([[low, p.y[0]]])
        mirror = np.array([p.way, p.cos_pitch])
        k = self.k
        linear = cells @ np.diag(mirror) @ p.turn * k.ss
        shift = k.up((start * mirror) @ p.turn + p.origin)[0]
        side = k.rgb.shape[0]
        rest = np.full((ROWS // 8, _LIGHT), 1 - 0.4 * strong)  # a body below the chin has no part in the head's light
        lit = cv2.GaussianBlur(np.concatenate([lit, rest]).astype(np.float32), (0, 0), 1.0)
        large = cv2.warpAffine(
            lit,
            np.hstack([linear.T, shift[:, None]]),
            (side, side),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if self.c.coat == "stone" or self.c.style in ("photo", "textured"):
            large = large * (1 + clouds(d.rng, side, (6, 20, 60)) * d.u(0.02, 0.1))
        done = cv2.multiply(k.rgb, cv2.merge([large.astype(np.float32)] * 3), dtype=cv2.CV_8U)
        if before is None:
            k.rgb[:] = done
            return
        apart: Image = np.asarray(cv2.absdiff(k.rgb, before), np.uint8)
        same = cv2.inRange(apart, (0, 0, 0), (0, 0, 0))
        cv2.copyTo(done, cv2.bitwise_not(same), k.rgb)
