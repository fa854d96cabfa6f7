"""A head in three dimensions, and the features of the frontal drawing on its surface.

The solid is a stack of rows. Each row is a closed curve round the vertical axis: half an ellipse in front, from the
frontal outline's width and a profile of the kind (forehead, brow, jaw), with bumps for nose, lips, chin, muzzle or
beak, and half an ellipse behind. Seen from any side, a point of a row is hidden exactly if another one that comes
before it on the way round, counted from the near end, lies further out: a running maximum gives the visible surface
with every self-occlusion, and hidden parts of a curve collapse onto the contour that hides them, so that the painters
of the frontal drawing need not know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceshot_gallery.parts.anatomy import Anatomy, Points, Projector, along
from faceshot_gallery.parts.traits import Dice, Pose

Grid = npt.NDArray[np.float64]
ROWS, COLUMNS = 96, 136
#: The way round, from the back over the image left (-90 degrees) and the front (0) to the image right (90).
PHI = np.linspace(-np.pi, np.pi / 2, COLUMNS)
_HUMAN = ("person", "cartoon", "anime", "statue", "alien")
_LONG = {"dog": 0.7, "fox": 0.75, "horse": 0.9, "llama": 0.6, "mouse": 0.5, "pig": 0.4, "bear": 0.45, "seal": 0.3}
_SIDE_EYES = {
    "horse": 1.7,
    "rabbit": 1.5,
    "mouse": 1.4,
    "bird": 1.7,
    "llama": 1.5,
    "frog": 1.3,
    "fox": 1.15,
    "pig": 1.3,
}
_TOYS = ("robot", "smiley", "pumpkin")


@dataclass(frozen=True)
class Relief:
    """What a frontal drawing does not say: depths in head units.

    Attributes:
        kind: human, muzzle, beak or toy.
        front, back: from the axis to the face and to the back of the head. recede: how far the chin falls back.
        out: how far nose, muzzle or beak stand out. stop: how suddenly a muzzle does below the eyes.
        nape: height at which the back of the head ends. wrap: how far round the eyes sit (1: as seen from the front).
        lips, chin, brow: small bumps of the profile.
    """

    kind: str
    front: float
    back: float
    recede: float
    out: float
    stop: float
    nape: float
    wrap: float
    lips: float = 0.0
    chin: float = 0.0
    brow: float = 0.0


def relief(anatomy: Anatomy) -> Relief:
    """The relief of a character; every number follows from its seed."""
    c = anatomy.c
    d, h = Dice(c.seed, "relief"), c.head
    if c.mouth.kind == "beak":
        return Relief("beak", d.u(0.75, 1.0), d.u(0.8, 1.1), d.u(0.1, 0.5), d.u(0.35, 1.0), d.u(0.6, 1.4),
            h.bottom * d.u(0.5, 0.9), _SIDE_EYES.get(c.domain, 1.1) * d.u(0.9, 1.1))  # fmt: skip
    if c.domain in _TOYS or (c.domain in ("plush", "monster") and d.chance(0.5)):
        return Relief("toy", d.u(0.75, 1.1), d.u(0.75, 1.1), d.pick([1.0, d.u(0, 0.6)]), d.u(0, 0.2), 1.0,
            h.bottom * d.u(0.75, 0.98), 1.0)  # fmt: skip
    if c.domain in _HUMAN:
        soft = 0.5 if c.domain == "anime" else 1.0
        return Relief("human", d.u(0.8, 1.05), d.u(1.0, 1.3), d.u(0.02, 0.25), soft * d.u(0.14, 0.38), 1.0,
            h.bottom * d.u(0.25, 0.5), d.u(1.0, 1.1), d.u(0.02, 0.07), d.u(0.0, 0.08), soft * d.u(0, 0.06))  # fmt: skip
    long = _LONG.get(c.domain, 0.0)
    out = long * d.u(0.7, 1.35) if long else d.u(0.12, 0.38)
    return Relief("muzzle", d.u(0.7, 0.95), d.u(0.7, 1.1), d.u(0.05, 0.4), out, d.u(0.9, 3.0),
        h.bottom * d.u(0.5, 0.9), _SIDE_EYES.get(c.domain, 1.0) * d.u(1.0, 1.12), 0.0, 0.0, d.u(0, 0.05))  # fmt: skip


class Turned(Projector):
    """Head units -> pixels for any yaw: :class:`Projector` over a solid head. Lifts are the solid's own affair."""

    def __init__(self, anatomy: Anatomy, pose: Pose, size: int) -> None:
        super().__init__(anatomy.c, pose, size)
        self.a, self.relief = anatomy, relief(anatomy)
        self.way = -1.0 if pose.yaw < 0 else 1.0
        self.y = np.linspace(-self.top, float(anatomy.half[-1, 1]), ROWS)
        self.width = np.interp(self.y, anatomy.half[:, 1], anatomy.half[:, 0])
        x, z = self._surface()
        yaw = abs(self.yaw)
        self.x, self.z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
        self.flat = x
        first = self.x.argmin(1)
        ahead = np.arange(COLUMNS) >= first[:, None]
        self.shown = np.maximum.accumulate(np.where(ahead, self.x, self.x.min(1, keepdims=True)), axis=1)
        self.hidden = ~ahead | (self.x < self.shown - 0.012)
        self.fields = np.stack([self.shown, self.z, self.x, self.hidden], -1)
        self.light = self._normals(x, z)

    def _surface(self) -> tuple[Grid, Grid]:
        """(ROWS, COLUMNS) x and z of the head that looks at us."""
        r, y, h = self.relief, self.y[:, None], self.a.c.head
        low = float(self.y[-1])
        up, down = np.clip(-y / self.top, 0, 1), np.clip(y / low, 0, 1)
        dome = (1 - up**2.6) ** (1 / 2.2)
        face = np.sqrt(1 - down**2) if r.kind == "toy" and r.recede == 1 else 1 - r.recede * down**2
        z_front = r.front * np.where(y < 0, dome, face)
        ear = -0.05
        share = np.clip((y - h.side_y) / (low - h.side_y), 0, 1)
        z_jaw = ear + (z_front[-1:] - ear) * share**2.2
        centre = -0.25 * self.top
        reach = np.where(y < centre, self.top + centre, r.nape - centre)
        z_back = r.back * np.sqrt(np.clip(1 - ((y - centre) / reach) ** 2, 0, 1))
        x = self.width[:, None] * np.sin(PHI)
        cos = np.cos(PHI)
        z = z_jaw + np.where(cos > 0, (z_front - z_jaw) * np.sqrt(np.abs(cos)) ** 1.6, z_back * cos)
        return x, z + np.where(cos > 0, self._bumps(x, y), 0)

    def _bumps(self, x: Grid, y: Grid) -> Grid:
        c, r = self.a.c, self.relief
        n, m, e = c.nose, c.mouth, c.eyes
        if r.kind == "beak":
            top, tip, low = n.y - n.h, (n.y + m.y) / 2 + 0.02, m.y + m.thick_low + 0.02
            rise = np.clip((y - top) / (tip - top), 0, 1) ** r.stop
            fall = np.clip((low - y) / (low - tip), 0, 1) ** 0.8
            wide = m.w * np.clip(1.2 * np.minimum((y - top) / (tip - top), 1), 0.15, 1)
            return r.out * np.where(y < tip, rise, fall) * np.clip(1 - np.abs(x) / wide, 0, 1)
        if r.kind == "muzzle":
            middle = (n.y - n.h + m.y) / 2 + 0.08
            high = max(m.y - middle + 0.16, 0.2)
            broad = max(0.85 * c.muzzle.w if c.muzzle.kind != "none" else 0.0, m.w * 1.12, n.w * 1.3)
            at = (np.abs(x) / broad) ** 2.2 + (np.abs(y - middle) / high) ** 2.6
            bulge = np.clip(1 - at, 0, 1) ** (1 / 3)
            ramp = np.clip((y - e.y) / max(middle - e.y, 0.05), 0, 1) ** r.stop * (y < middle)
            ridge = ramp * np.exp(-((x / (0.7 * broad)) ** 2))
            return r.out * np.maximum(bulge, ridge) + r.brow * np.exp(-(((y - e.y + e.up) / 0.12) ** 2))
        tip = n.y + 0.3 * n.h
        if r.kind == "toy":
            return r.out * np.exp(-((x / max(n.w, 0.05)) ** 2) - ((y - n.y) / max(n.h, 0.05)) ** 2)
        rise = np.clip((y - n.root) / max(tip - n.root, 0.05), 0, 1)
        fall = np.clip((n.y + n.h + 0.03 - y) / (0.7 * n.h + 0.03), 0, 1) ** 0.6
        wide = max(n.w, 0.09) * (0.45 + 0.55 * rise)
        nose = r.out * np.where(y < tip, rise**1.3, fall) * np.exp(-((x / wide) ** 2))
        apart = 0.045 + 0.5 * (m.thick_up + m.thick_low)
        lips = sum(np.exp(-(((y - m.y - s * apart) / (0.8 * apart)) ** 2)) for s in (-1, 1))
        near = np.exp(-((x / max(1.2 * m.w, 0.15)) ** 2))
        chin = np.exp(-(((y - self.y[-1] + 0.12) / 0.13) ** 2)) * np.exp(-((x / 0.4) ** 2))
        brow = np.exp(-(((y - e.y + 0.25) / 0.12) ** 2)) - 1.2 * np.exp(-(((y - e.y) / 0.1) ** 2))
        return nose + r.lips * lips * near + r.chin * chin + r.brow * brow

    def _normals(self, x: Grid, z: Grid) -> Grid:
        """(ROWS, COLUMNS, 3) unit normals of the turned solid (x right, y down, z towards us)."""
        dx, dz = np.gradient(self.x, axis=1), np.gradient(self.z, axis=1)
        vx, vz, vy = np.gradient(self.x, axis=0), np.gradient(self.z, axis=0), np.full_like(x, self.y[1] - self.y[0])
        n = np.stack([-dz * vy, dz * vx - dx * vz, dx * vy], -1)  # (dx, 0, dz) x (vx, vy, vz)
        return np.asarray(n / np.maximum(np.linalg.norm(n, axis=-1, keepdims=True), 1e-9))

    def phi(self, points: Points) -> Grid:
        """Where points (N, 2) in head units lie on the way round, already mirrored to a turn to the right."""
        x, y = points[:, 0] * self.way, points[:, 1]
        wide = np.maximum(np.interp(y, self.y, self.width), 0.05)
        level = np.clip((self.a.c.nose.y - y) / 0.3, 0, 1)
        wrap = 1 + (self.relief.wrap - 1) * level
        return np.clip(wrap * np.arcsin(np.clip(x / wide, -1, 1)), -np.pi / 2, np.pi / 2)

    def look(self, phi: npt.ArrayLike, y: npt.ArrayLike) -> Grid:
        """(N, 4) visible x, z, true x and hiddenness (0..1) at places of the surface, bilinear."""
        row = np.clip((np.asarray(y, float) - self.y[0]) / (self.y[1] - self.y[0]), 0, ROWS - 1.001)
        column = np.clip((np.asarray(phi, float) - PHI[0]) / (PHI[1] - PHI[0]), 0, COLUMNS - 1.001)
        i, j = row.astype(int), column.astype(int)
        u, v = (row - i)[:, None], (column - j)[:, None]
        f = self.fields
        return np.asarray(
            (f[i, j] * (1 - v) + f[i, j + 1] * v) * (1 - u) + (f[i + 1, j] * (1 - v) + f[i + 1, j + 1] * v) * u
        )

    def place(self, x: npt.ArrayLike, y: npt.ArrayLike, z: npt.ArrayLike) -> Points:
        """Turned head units (x before mirroring, z towards us) -> pixels."""
        p = np.stack(np.broadcast_arrays(np.asarray(x, float) * self.way, y), 1).astype(float)
        p[:, 1] = p[:, 1] * self.cos_pitch + np.asarray(z) * self.sin_pitch
        return np.asarray(p @ self.turn + self.origin)

    def space(self, xyz: npt.ArrayLike) -> Points:
        """Points (N, 3) of the unturned head's space -> pixels."""
        x, y, z = (np.asarray(xyz, float) * [self.way, 1, 1]).T
        yaw = abs(self.yaw)
        return self.place(x * np.cos(yaw) + z * np.sin(yaw), y, z * np.cos(yaw) - x * np.sin(yaw))

    def round(self, phi: npt.ArrayLike, y: npt.ArrayLike, grow: float = 0.0) -> Points:
        """Places on the way round (for a turn to the right) -> pixels, ``grow`` head units outwards."""
        seen = self.look(phi, y)
        middle = float((self.x.min() + self.x.max()) / 2)
        out = 1 + grow / max(self.w, 0.3)
        return self.place(middle + (seen[:, 0] - middle) * out, np.asarray(y) * (1 + grow / self.top), seen[:, 1])

    def __call__(self, points: npt.ArrayLike, lift: npt.ArrayLike = 0.0, rim: bool = False) -> Points:
        """As :meth:`Projector.__call__`; what is hidden lies on the contour that hides it."""
        p = np.asarray(points, float)
        seen = self.look(self.phi(p), p[:, 1])
        wide = np.interp(p[:, 1], self.y, self.width)
        beyond = (p[:, 0] - np.clip(p[:, 0], -wide, wide)) * self.way * self.cos_yaw
        return self.place(seen[:, 0] + beyond, p[:, 1], seen[:, 1])

    # ---- contours ---------------------------------------------------------------------------------------------------
    def silhouette(self, grow: float = 0.0) -> Points:
        """Closed outline in pixels: from the top down the side the face looks to, round the chin, and up the back."""
        last = self.shown.argmax(1)
        rows = np.arange(ROWS)
        x = np.concatenate([self.shown[rows, last], self.x.min(1)[::-1]])
        z = np.concatenate([self.z[rows, last], self.z[rows, self.x.argmin(1)][::-1]])
        y = np.concatenate([self.y, self.y[::-1]])
        middle, out = float((self.x.min() + self.x.max()) / 2), 1 + grow / max(self.w, 0.3)
        return self.place(middle + (x - middle) * out, y * (1 + grow / self.top), z)

    def folds(self) -> list[Points]:
        """Contours inside the outline: where a nose, muzzle or beak hides what lies behind it."""
        end = self.shown[:, -1:]
        inner = self.hidden & (self.shown < end - 0.05) & (np.arange(COLUMNS) > self.x.argmin(1)[:, None])
        rows = np.flatnonzero(inner.any(1))
        if len(rows) == 0:
            return []
        column = inner[rows].argmax(1)
        points = self.place(self.shown[rows, column], self.y[rows], self.z[rows, column])
        pieces = np.split(points, np.flatnonzero(np.diff(rows) > 1) + 1)
        return [piece for piece in pieces if len(piece) > 2]

    # ---- landmarks --------------------------------------------------------------------------------------------------
    def landmarks(self) -> tuple[Points, npt.NDArray[np.bool_]]:
        """(68, 2) pixels and (68,) whether the solid hides them; hidden ones lie where they are behind it."""
        a = self.a
        brows = np.concatenate([along(a.brow(k), np.linspace(0, 1, 5)) for k in (False, True)])
        eyes = np.concatenate([a.eye_points(a.eye(k)) for k in (False, True)])
        inner = np.concatenate([brows, a.nose_points(), eyes, a.mouth_points()])
        seen = self.look(self.phi(inner), inner[:, 1])
        jaw = a.jaw
        on = jaw * [0.97, 1] - [0, 0.05]
        flat = self.look(self.phi(on), on[:, 1])
        yaw = abs(self.yaw)
        z = flat[:, 1] * np.cos(yaw) + flat[:, 2] * np.sin(yaw)  # back to the unturned head
        x = jaw[:, 0] * self.way * np.cos(yaw) + z * np.sin(yaw)
        depth = z * np.cos(yaw) - jaw[:, 0] * self.way * np.sin(yaw)
        edge = np.interp(jaw[:, 1], self.y, self.shown[:, -1])
        far = (jaw[:, 0] * self.way > 0.02) & (x < edge - 0.06)
        points = np.concatenate([self.place(x, jaw[:, 1], depth), self.place(seen[:, 2], inner[:, 1], seen[:, 1])])
        return points, np.concatenate([far, seen[:, 3] > 0.5])
