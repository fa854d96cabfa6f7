"""Painters of eyes and brows: they draw the curves of :mod:`.anatomy`, nothing else."""

from __future__ import annotations

import numpy as np

from faceshot_gallery.parts.anatomy import Anatomy, EyeCurves, Points, Projector
from faceshot_gallery.parts.paint import Canvas, around, ellipse
from faceshot_gallery.parts.traits import mix, shade


class EyePainter:
    """Draws the eyes and brows of one face on a canvas."""

    def __init__(self, canvas: Canvas, anatomy: Anatomy, project: Projector) -> None:
        self.k, self.a, self.p = canvas, anatomy, project
        self.c = anatomy.c
        self.real = self.c.style in ("photo", "painterly", "soft3d")

    def px(self, length: float) -> float:
        return self.p.px(length)

    # ---- eyes -------------------------------------------------------------------------------------------------
    def eyes(self) -> None:
        for left in (False, True):
            self._eye(self.a.eye(left), left)

    def _eye(self, eye: EyeCurves, left: bool) -> None:
        y, k = self.c.eyes, self.k
        outline, wide = self.p(eye.outline), self.p(eye.wide_outline)
        if y.patch > 0:
            self._patch(eye, left)
        if y.rim > 0:
            ring = eye.outline if y.kind in ("dot", "star", "button", "cross") else eye.wide_outline
            k.fill(self.p(_grown(ring, eye.centre, y.rim)), mix(y.dark, self.c.skin2, 0.15))
        if y.kind == "arc":
            k.stroke(self.p(_grown(eye.upper, eye.centre, 0)), y.dark, self.px(y.lash * 1.4))
            return
        gap = float(np.max(np.linalg.norm(eye.upper - eye.lower, axis=1)))
        if eye.open < 0.97 and y.kind not in ("dot", "carved", "star", "cross"):
            ring = self.p(_grown(eye.wide_outline, eye.centre, 0.04 + y.rim)[::4])
            k.fill(wide, shade(k.sample(ring), {"blank": 1.0, "anime": 0.98, "human": 0.96}.get(y.kind, 0.88)))
            if y.kind not in ("human", "anime", "animal", "blank"):
                k.stroke(wide, shade(self.c.skin, 0.5), self.px(y.lash), closed=True)
        if self.real and y.kind in ("human", "blank", "animal"):
            k.soft(wide, shade(self.c.skin, 0.55), 0.5, self.px(0.05))
        if gap > 0.012:
            with k.clipped(outline):
                self._inside(eye, outline)
        self._lids(eye, gap)

    def _patch(self, eye: EyeCurves, left: bool) -> None:
        y = self.c.eyes
        dark = self.c.skin2 if self.c.domain != "panda" else (40.0, 38.0, 42.0)
        tilt = 35 if left else -35
        r = y.patch
        blob = around(eye.centre * [1.06, 1] + [0, 0.06], y.w + r * 0.8, max(y.up, y.low) + r * 1.25, -tilt)
        self.k.fill(self.p(blob), dark)

    def _lids(self, eye: EyeCurves, gap: float) -> None:
        y, k = self.c.eyes, self.k
        if y.kind in ("dot", "carved", "star", "button", "cross"):
            if gap <= 0.03:
                k.stroke(self.p(eye.upper), y.dark, self.px(max(0.02, y.lash)))
            return
        lash = y.lash
        colour = y.dark if y.kind != "blank" else shade(self.c.skin, 0.5)
        if y.kind in ("sclera", "pie", "robot", "goggle", "spiral", "ring", "led"):
            k.stroke(self.p(eye.outline), colour, self.px(lash), closed=True)
            return
        k.stroke(self.p(eye.upper), colour, self.px(lash))
        if y.kind == "animal":
            k.stroke(self.p(eye.lower), colour, self.px(lash * 0.8))
        elif y.kind != "anime" or gap < 0.03:
            k.stroke(self.p(eye.lower), mix(colour, self.c.skin, 0.55), self.px(lash * 0.5))
        if y.kind == "anime" and gap > 0.03:
            k.stroke(self.p(eye.lower[12:30]), mix(colour, self.c.skin, 0.3), self.px(lash * 0.35))
            side = -1 if eye.centre[0] < 0 else 1
            corner = eye.upper[0 if side < 0 else -1]
            k.stroke(self.p([corner, corner + [0.05 * side, -0.03]]), colour, self.px(lash * 0.8))
        if y.crease:
            crease = eye.wide_upper - [0, 0.05 + 0.02 * (1 - eye.open)]
            k.stroke(self.p(crease[6:-6]), mix(colour, self.c.skin, 0.6), self.px(0.014))

    def _inside(self, eye: EyeCurves, outline: Points) -> None:
        """Everything seen through the lids, clipped by them."""
        y, k = self.c.eyes, self.k
        height = y.up + y.low
        gx, gy = self.a.e.gaze
        middle = eye.centre + [0, (y.low - y.up) / 2]
        if y.kind in ("dot", "arc"):
            k.fill(outline, y.dark)
            self._shine(middle, y.w * 0.62, height * 0.31, y.shine)
        elif y.kind == "button":
            k.fill(outline, y.dark)
            for dx, dy in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
                k.disc(
                    self.p([middle + [dx * y.w * 0.28, dy * y.w * 0.28]])[0], self.px(y.w * 0.11), shade(y.dark, 0.35)
                )
        elif y.kind == "carved":
            k.fill(outline, y.dark)
            inner = (outline - outline.mean(0)) * 0.72 + outline.mean(0) + [0, self.px(height * 0.1)]
            k.soft(inner, y.colour, 0.9 * y.iris, self.px(0.05))
        elif y.kind == "star":
            k.fill(outline, shade(self.c.skin, 0.97) if y.rim == 0 else y.white)
            k.fill(self.p(_star(middle, y.w, height / 2, 5 if y.pupil_shape == "star" else 2)), y.dark)
        elif y.kind == "robot":
            k.fill(outline, shade(y.colour, 0.6))
            k.soft(self.p(around(middle, y.w * 0.7, height * 0.35)), shade(y.colour, 1.5), 0.9, self.px(0.06))
            if y.pupil > 0.3:
                k.disc(self.p([middle + [gx * y.w * 0.4, gy * height * 0.2]])[0], self.px(y.w * y.pupil * 0.7), y.dark)
        elif y.kind in ("goggle", "spiral", "ring", "led", "cross"):
            self._odd(eye, outline, middle)
        elif y.kind == "blank":
            k.fill(outline, mix(self.c.skin, y.white, 0.25))
            k.soft(self.p(eye.upper), shade(self.c.skin, 0.6), 0.6, self.px(0.05))
            if y.pupil > 0.3:
                k.stroke(self.p(around(middle, y.w * 0.4, y.w * 0.4)), shade(self.c.skin, 0.7), self.px(0.012), True)
        else:
            self._eyeball(eye, outline, middle + [gx * y.w * (1 - y.iris * 0.8) * 0.8, gy * height * 0.22])

    def _odd(self, eye: EyeCurves, outline: Points, middle: Points) -> None:
        """Googly, spiral, ringed, crossed and lamp eyes."""
        y, k = self.c.eyes, self.k
        rx, ry = y.w, (y.up + y.low) / 2
        gx, gy = self.a.e.gaze
        if y.kind == "goggle":  # a loose disc under clear plastic: the two need not agree
            roll = (self.c.seed % 7) * 0.9 + (0 if eye.centre[0] < 0 else self.c.seed % 3)
            at = middle + [rx * 0.4 * np.cos(roll), ry * 0.4 * np.sin(roll)]
            k.fill(outline, (250, 250, 250))
            k.fill(self.p(around(at, rx * 0.5, ry * 0.5)), (18, 18, 20))
            k.fill(self.p(around(middle - [rx * 0.35, ry * 0.45], rx * 0.16, ry * 0.1)), (255, 255, 255), 0.8)
        elif y.kind == "spiral":
            k.fill(outline, y.white)
            t = np.linspace(0, 1, 40)
            turn = t * 2 * np.pi * 2.6
            k.stroke(
                self.p(middle + np.stack([np.cos(turn) * t * rx, np.sin(turn) * t * ry], 1)), y.dark, self.px(0.035)
            )
        elif y.kind == "ring":
            for i, f in enumerate((1.0, 0.78, 0.56, 0.3)):
                colour = (y.dark, shade(y.colour, 0.7), y.dark, shade(y.colour, 1.4))[i]
                k.fill(self.p(around(middle + np.array([gx, gy]) * rx * 0.15 * (1 - f), rx * f, ry * f)), colour)
        elif y.kind == "led":
            k.fill(outline, shade(y.dark, 0.6))
            for column in (-0.66, 0.0, 0.66):
                for row in (-0.66, 0.0, 0.66):
                    lamp = ellipse(middle[0] + column * rx, middle[1] + row * ry, rx * 0.3, ry * 0.3, 45, 4)
                    k.fill(self.p(lamp), y.colour)
        else:
            w = self.px(min(rx, ry) * 0.4)
            for s in (-1, 1):
                k.stroke(self.p([middle - [s * rx * 0.8, ry * 0.8], middle + [s * rx * 0.8, ry * 0.8]]), y.dark, w)

    def _eyeball(self, eye: EyeCurves, outline: Points, at: Points) -> None:
        """White, iris, pupil, highlight."""
        y, k = self.c.eyes, self.k
        height = y.up + y.low
        k.fill(outline, y.white)
        if y.kind == "anime":
            ry, rx = height * 0.5 * (0.75 + 0.35 * y.iris), y.w * (0.45 + 0.4 * y.iris)
        elif y.kind == "pie":
            rx, ry = y.w * y.iris, height / 2 * y.iris
        else:
            rx = ry = max(y.w if y.kind == "animal" else 0.0, height / 2) * y.iris
        k.fill(self.p(around(at, rx, ry)), shade(y.colour, 0.55))
        k.fill(self.p(around(at, rx * 0.86, ry * 0.88)), y.colour)
        if y.kind in ("anime", "human", "animal"):
            k.soft(
                self.p(ellipse(at[0], at[1] + ry * 0.45, rx * 0.7, ry * 0.4)),
                shade(y.colour, 1.4),
                0.6,
                self.px(rx * 0.4),
            )
            k.soft(
                self.p(ellipse(at[0], at[1] - ry * 0.75, rx, ry * 0.35)), shade(y.colour, 0.35), 0.7, self.px(rx * 0.4)
            )
        self._pupil(at, rx * y.pupil, ry * y.pupil)
        self._shine(at, rx, ry, y.shine)

    def _pupil(self, at: Points, rx: float, ry: float) -> None:
        y, k = self.c.eyes, self.k
        shape = y.pupil_shape
        if shape == "slit":
            k.fill(self.p(around(at, rx * 0.35, ry * 1.35)), y.dark)
        elif shape == "bar":
            k.fill(self.p(around(at, rx * 1.4, ry * 0.5)), y.dark)
        elif shape in ("star", "heart"):
            k.fill(self.p(_star(at, rx * 1.4, ry * 1.4, 5 if shape == "star" else 2)), y.dark)
        else:
            k.fill(self.p(around(at, rx, ry)), y.dark)
        if y.kind == "pie":
            a = np.deg2rad(np.linspace(-70, -20, 8) if self.c.seed % 2 else np.linspace(200, 250, 8))
            arc = at + np.stack([np.cos(a) * rx * 1.1, np.sin(a) * ry * 1.1], 1)
            k.fill(self.p(np.concatenate([[at], arc])), y.white)

    def _shine(self, at: Points, rx: float, ry: float, amount: float) -> None:
        if amount <= 0:
            return
        r = min(rx, ry) * amount
        k = self.k
        k.fill(self.p(ellipse(at[0] - rx * 0.3, at[1] - ry * 0.38, r, r * 1.1)), (255, 255, 255))
        if amount > 0.25:
            k.fill(self.p(ellipse(at[0] + rx * 0.32, at[1] + ry * 0.35, r * 0.5, r * 0.5)), (255, 255, 255), 0.8)

    # ---- brows ------------------------------------------------------------------------------------------------
    def brows(self) -> None:
        b = self.c.brows
        if not b.shown:
            return
        for left in (False, True):
            mid = self.a.brow(left)
            s = np.linspace(-1, 1, len(mid)) * (-1 if left else 1)  # 1 at the inner end
            half = b.thick / 2 * (0.35 + 0.65 * np.clip((s + 1.15) / 1.0, 0, 1))
            if self.c.style in ("flat", "outline", "textured") and self.c.domain in ("monster", "robot", "cartoon"):
                half[:] = b.thick / 2
            up, low = mid - np.stack([0 * half, half], 1), mid + np.stack([0 * half, half], 1)
            shape = self.p(np.concatenate([up, low[::-1]]), lift=0.05)
            if self.real and self.c.domain in ("person", "statue"):
                self.k.soft(shape, b.colour, 0.85, self.px(0.018))
                continue
            self.k.fill(shape, b.colour)


def _grown(points: Points, centre: Points, by: float) -> Points:
    d = points - centre
    r = np.linalg.norm(d, axis=1, keepdims=True)
    return points + d / np.maximum(r, 1e-6) * by


def _star(at: Points, rx: float, ry: float, tips: int) -> Points:
    if tips == 2:  # a heart
        t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        x = np.sin(t) ** 3
        y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 15
        return np.asarray(at) + np.stack([x * rx, y * ry], 1)
    a = np.arange(2 * tips) * np.pi / tips - np.pi / 2
    r = np.where(np.arange(2 * tips) % 2, 0.45, 1.0)
    return np.asarray(at) + np.stack([np.cos(a) * rx * r, np.sin(a) * ry * r], 1)
