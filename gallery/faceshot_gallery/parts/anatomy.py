"""From traits, an expression and a pose to curves and the 68 landmarks: the only place where shape is decided.

The painters draw exactly these curves, so the landmarks are exact by construction. Curves are made in head units
and projected together: a small rotation of a half-ellipsoid (yaw, pitch), then a similarity (roll, scale, shift).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from faceshot_gallery.parts.traits import Character, Expression, Eyes, Pose

Points = npt.NDArray[np.float64]
HEAD_UNIT = 0.3  # share of the frame that one head unit takes at scale 1


def _lobe(u: Points, p: float, q: float) -> Points:
    return np.power(np.clip(1.0 - np.power(np.abs(u), p), 0, 1), 1.0 / q)


def along(curve: Points, shares: npt.ArrayLike) -> Points:
    """Points at the given shares (0..1) of a polyline's length."""
    step = np.hypot(*np.diff(curve, axis=0).T)
    s = np.concatenate([[0.0], np.cumsum(step)])
    t = np.asarray(shares, float) * s[-1]
    return np.stack([np.interp(t, s, curve[:, 0]), np.interp(t, s, curve[:, 1])], 1)


@dataclass(frozen=True)
class EyeCurves:
    """One eye in head units: upper and lower lid from the image-left to the image-right corner, both as drawn now
    and fully open, the centre, and how open it is (0..1)."""

    upper: Points
    lower: Points
    wide_upper: Points
    wide_lower: Points
    centre: Points
    open: float

    @property
    def outline(self) -> Points:
        return np.concatenate([self.upper, self.lower[::-1]])

    @property
    def wide_outline(self) -> Points:
        return np.concatenate([self.wide_upper, self.wide_lower[::-1]])


@dataclass(frozen=True)
class MouthCurves:
    """The four lip curves in head units, image left to image right, and the height of the gap at the middle."""

    outer_up: Points
    outer_low: Points
    inner_up: Points
    inner_low: Points
    gap: float


class Anatomy:
    """All curves of a character with one expression, in head units."""

    def __init__(self, character: Character, expression: Expression) -> None:
        self.c, self.e = character, expression

    @cached_property
    def half(self) -> Points:
        """(N, 2) outline of the image-right half from the top of the head to the chin."""
        h = self.c.head
        t = np.linspace(0, np.pi, 61)
        k = -np.cos(t)
        p = np.where(k < 0, h.p_top, h.p_bot)
        q = np.where(k < 0, h.q_top, h.q_bot)
        y = k * np.where(k < 0, h.top, h.bottom)
        x = h.width * np.power(np.clip(1 - np.power(np.abs(k), p), 0, 1), 1 / q)
        bump = np.clip(1 - np.abs(y - h.cheek_y) / h.cheek_span, 0, 1) ** h.cheek_sharp
        x = x + h.cheek * bump * np.clip((h.bottom - y) / (0.35 * h.bottom), 0, 1)
        drop = np.clip(y / h.bottom, 0, 1) ** 2 * h.jaw_drop * self.e.jaw_open
        return np.stack([x, y + drop], 1)

    @cached_property
    def outline(self) -> Points:
        """Closed head outline, from the top down the image right, round the chin and up the image left."""
        return np.concatenate([self.half, (self.half * [-1, 1])[::-1][1:-1]])

    @cached_property
    def jaw(self) -> Points:
        """(17, 2) from beside the eye on the image left round the chin to the image right."""
        side = self.half[self.half[:, 1] >= self.c.head.side_y]
        x0 = np.interp(self.c.head.side_y, self.half[:, 1], self.half[:, 0])
        side = np.concatenate([[[x0, self.c.head.side_y]], side])
        right = along(side[::-1], np.linspace(0, 1, 9))
        return np.concatenate([(right * [-1, 1])[::-1], right[1:]])

    def eye(self, left: bool) -> EyeCurves:
        """The subject's left (image right) or right eye."""
        return self.eyes[left]

    @cached_property
    def eyes(self) -> tuple[EyeCurves, EyeCurves]:
        """The subject's right and left eye."""
        return self._eye(False), self._eye(True)

    def _eye(self, left: bool) -> EyeCurves:
        y: Eyes = self.c.eyes
        o = self.e.left_eye_open if left else self.e.right_eye_open
        u = np.linspace(-1, 1, 41)
        u = np.sin(u * np.pi / 2)
        k = y.size_left if left else 1.0
        wide_up, wide_low = -y.up * k * _lobe(u, y.p, y.q), y.low * k * _lobe(u, y.p_low, y.q_low)
        height = y.up + y.low
        shut = (y.shut * 0.5 * height * k) * (1 - u**2)
        shut = shut if y.shut < 0 else np.minimum(shut, y.low * k * _lobe(u, y.p_low, y.q_low) + 1e-9)
        up = shut + (wide_up - shut) * o
        low = shut + (wide_low - shut) * min(1.0, 0.25 + 0.75 * o) if o > 0 else shut
        low = np.where(low < up, up, low)
        if y.kind == "arc":
            middle = -y.up * k * _lobe(u, 2, 1) if y.shut <= 0 else y.low * k * _lobe(u, 2, 1)
            up, low = middle - 0.7 * y.lash, middle + 0.7 * y.lash
            wide_up, wide_low = up, low
        x = u * y.w * k
        centre = np.array([y.x if left else -y.x, y.y])
        a = np.deg2rad(y.slant) * (-1 if left else 1)
        turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])

        def place(v: Points) -> Points:
            return np.stack([x, v], 1) @ turn + centre

        return EyeCurves(place(up), place(low), place(wide_up), place(wide_low), centre, float(np.clip(o, 0, 1)))

    @staticmethod
    def eye_points(curves: EyeCurves) -> Points:
        """(6, 2) in iBUG order."""
        up = along(curves.upper, [0, 1 / 3, 2 / 3, 1])
        low = along(curves.lower, [2 / 3, 1 / 3])
        return np.concatenate([up, low])

    def brow(self, left: bool) -> Points:
        """(21, 2) middle line from the image left to the image right."""
        b, y = self.c.brows, self.c.eyes
        raised = self.e.left_brow if left else self.e.right_brow
        s = np.linspace(-1, 1, 21)  # outer (-1) to inner (1)
        v = -b.arch * (1 - ((s + 0.2) / 1.2) ** 2)
        tilt = np.deg2rad(b.tilt + 18 * self.e.brow_tilt)
        x, v = s * b.w, v + s * b.w * np.sin(tilt) + b.fall * ((1 - s) / 2) ** 2
        v = v + y.y - b.gap - raised * (0.1 + 0.25 * max(y.up, 0.08))
        right = np.stack([-y.x * 1.02 - b.out + x, v], 1)
        return (right * [-1, 1])[::-1] if left else right

    def nose_points(self) -> Points:
        """(9, 2): bridge 27..30 and base 31..35."""
        n = self.c.nose
        bridge = np.stack([np.zeros(4), np.linspace(n.root, n.y, 4)], 1)
        u = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
        return np.concatenate([bridge, self.nose_rim(u)])

    def nose_rim(self, u: Points) -> Points:
        """Lower rim of the nose for u in -1..1 (image left to right)."""
        n = self.c.nose
        if n.kind in ("human", "line", "hook", "holes", "none", "wedge", "dot"):
            v = n.h * (0.72 + 0.28 * (1 - u**2))
            return np.stack([u * n.w, n.y + v], 1)
        if n.kind == "triangle":
            return np.stack([u * n.w, np.full_like(u, n.y + n.h * 0.5)], 1)
        # a pad: sides at 70 % of the width, the middle lowest, between round (vee 0) and pointed (vee 1)
        round_, vee = np.sqrt(np.clip(1 - (u * 0.92) ** 2, 0, 1)), 1 - np.abs(u) * 0.9
        return np.stack([u * n.w * 0.9, n.y + n.h * (round_ + (vee - round_) * n.vee)], 1)

    @cached_property
    def mouth(self) -> MouthCurves:
        m, e = self.c.mouth, self.e
        u = np.sin(np.linspace(-1, 1, 49) * np.pi / 2)
        w = m.w * (1 + 0.3 * e.mouth_wide) * (1 - 0.45 * e.lip_round)
        curl = m.smile + 0.45 * m.w * e.smile
        wave = m.wave * (1 - 0.7 * e.jaw_open)
        mid = curl * (1 - np.abs(u) ** 1.8) + wave * (np.abs(np.sin(np.pi * u)) - 0.35 * (1 - u**2))
        gap = m.rest_open + m.open_gain * e.jaw_open
        gap = gap * (1 + 0.25 * e.lip_round)
        h = self.c.head  # the lower lip stays on the chin
        room = h.bottom + h.jaw_drop * e.jaw_open - 0.05 - m.y - m.thick_low - max(curl, 0.0)
        gap = min(gap, max(room, 0.02) / (1 - m.flat_top))
        lobe = _lobe(u, 2.2, 1.8 if e.lip_round < 0.5 else 2.2)
        up, low = mid - gap * m.flat_top * lobe, mid + gap * (1 - m.flat_top) * lobe
        if gap > 0.06 and curl > 0:
            up = up - curl * 0.5 * (1 - u**2) * np.clip(gap / 0.4, 0, 1)
        edge = np.ones_like(u)
        if m.kind == "lips":
            edge = 0.35 + 0.65 * _lobe(u, 2.0, 1.0)
        elif m.kind == "beak":
            edge = _lobe(u, 1.4, 1.2)
        bow = m.cupid * (np.exp(-(((np.abs(u) - 0.25) / 0.2) ** 2)) - 0.6 * np.exp(-((u / 0.12) ** 2)))
        thick = 1 + 0.3 * e.lip_round
        o_up = up - (m.thick_up * edge + bow * 0.6) * thick
        o_low = low + m.thick_low * edge * thick
        inner_w = w - (0.3 if m.kind == "lips" else 0.6) * (m.thick_up + m.thick_low) / 2
        corner = (o_up[[0, -1]] + o_low[[0, -1]]) / 2
        taper = np.clip((1 - np.abs(u)) / 0.06, 0, 1)
        mid_ends = np.interp(u, [-1, 1], corner)
        o_up, o_low = mid_ends + (o_up - mid_ends) * taper, mid_ends + (o_low - mid_ends) * taper
        a = np.deg2rad(m.tilt)
        turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])

        def place(width: float, v: Points) -> Points:
            return np.stack([u * width, v], 1) @ turn + [m.x, m.y]

        return MouthCurves(place(w, o_up), place(w, o_low), place(inner_w, up), place(inner_w, low), float(gap))

    def mouth_points(self) -> Points:
        """(20, 2) in iBUG order."""
        m = self.mouth
        # shares of the half length: the corners' neighbours sit at about a third of the half lip
        top = _at(m.outer_up, [-1, -0.64, -0.28, 0, 0.28, 0.64, 1])
        low = _at(m.outer_low, [0.64, 0.3, 0, -0.3, -0.64])
        inner_top, inner_low = _at(m.inner_up, [-1, -0.42, 0, 0.42, 1]), _at(m.inner_low, [0.42, 0, -0.42])
        return np.concatenate([top, low, inner_top, inner_low])

    def points(self, project: Projector) -> Points:
        """(68, 2) landmarks in pixels."""
        n, m = self.c.nose, self.c.mouth
        right, left = self.eye(False), self.eye(True)
        b1, b2 = (along(self.brow(k), np.linspace(0, 1, 5)) for k in (False, True))
        nose = self.nose_points()
        return np.concatenate(
            [
                project(self.jaw, rim=True),
                project(np.concatenate([b1, b2]), lift=0.05),
                project(nose, lift=n.lift * np.r_[np.linspace(0.1, 1, 4), np.full(5, 0.8)]),
                project(self.eye_points(right)),
                project(self.eye_points(left)),
                project(self.mouth_points(), lift=m.lift),
            ]
        )

    def absent(self) -> frozenset[str]:
        """Parts that are not drawn."""
        shown = {"eyebrows": self.c.brows.shown, "nose": self.c.nose.shown, "mouth": self.c.mouth.shown}
        return frozenset(part for part, there in shown.items() if not there)


def _at(curve: Points, u: list[float]) -> Points:
    """Points of a curve sampled at sin-spaced u, at the wanted u in -1..1."""
    grid = np.sin(np.linspace(-1, 1, len(curve)) * np.pi / 2)
    return np.stack([np.interp(u, grid, curve[:, 0]), np.interp(u, grid, curve[:, 1])], 1)


class Projector:
    """Head units -> pixels of a square frame (integers are pixel centres)."""

    def __init__(self, character: Character, pose: Pose, size: int) -> None:
        h = character.head
        self.pose, self.size = pose, size
        self.w, self.top, self.bottom, self.depth = h.width, h.top, h.bottom, h.depth
        self.chin = h.chin
        self.unit = size * HEAD_UNIT * pose.scale
        self.yaw, self.pitch = np.deg2rad(pose.yaw), np.deg2rad(pose.pitch)
        self.sin_yaw, self.cos_yaw = float(np.sin(self.yaw)), float(np.cos(self.yaw))
        self.sin_pitch, self.cos_pitch = float(np.sin(self.pitch)), float(np.cos(self.pitch))
        r = np.deg2rad(pose.roll)
        self.turn = np.array([[np.cos(r), np.sin(r)], [-np.sin(r), np.cos(r)]]) * self.unit
        self.origin = np.array([size / 2 - 0.5 + pose.dx * size, size / 2 - 0.5 + pose.dy * size])

    def __call__(self, points: npt.ArrayLike, lift: npt.ArrayLike = 0.0, rim: bool = False) -> Points:
        """Project (N, 2); ``lift`` raises points above the head's surface, ``rim`` is for silhouettes."""
        p = np.asarray(points, float)
        x, y = p[:, 0], p[:, 1]
        if rim:
            # a silhouette stays where it is, but the chin is in front of the turning axis
            z = self.chin * self.depth * np.clip(y / self.bottom, 0, 1.2) ** 2 + np.asarray(lift)
            # and the near side, which turns towards us, moves in
            near = 1 - (1 - self.cos_yaw) * np.clip(-x * (np.sign(self.yaw) / (0.5 * self.w)), 0, 1)
            px, py = x * near + z * self.sin_yaw, y + 0.35 * z * self.sin_pitch
        else:
            b = np.where(y < 0, max(self.top, 0.8 * self.bottom), self.bottom)
            # a dome without an edge, so that features near or outside the outline keep their shape
            z = self.depth * np.exp(-0.8 * (x / self.w) ** 2 - 0.6 * (y / b) ** 2) + np.asarray(lift)
            px = x * self.cos_yaw + z * self.sin_yaw
            z = z * self.cos_yaw - x * self.sin_yaw
            py = y * self.cos_pitch + z * self.sin_pitch
        (a, b), (c, e) = self.turn.tolist()
        out = np.empty((len(p), 2))
        out[:, 0], out[:, 1] = px * a + py * c + self.origin[0], px * b + py * e + self.origin[1]
        return out

    def px(self, length: float) -> float:
        """A length in head units, in pixels."""
        return length * self.unit
