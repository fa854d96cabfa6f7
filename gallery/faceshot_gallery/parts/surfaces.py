"""Textures that lie on a head and turn with it: flowing fur, knitted wool, wood, printed cloth."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_gallery.parts.anatomy import Projector
from faceshot_gallery.parts.paint import clouds
from faceshot_gallery.parts.traits import Dice

Field = npt.NDArray[np.float32]


def head_grid(p: Projector, n: int) -> tuple[Field, Field]:
    """Head coordinates (x, y) of an (n, n) grid of pixel centres over the frame; a turn of the head shifts them."""
    at = (np.arange(n, dtype=np.float32) + 0.5) / n * p.size - 0.5
    gx, gy = np.meshgrid(at - np.float32(p.origin[0]), at - np.float32(p.origin[1]))
    (a, b), (c, e) = np.linalg.inv(p.turn).astype(np.float32).tolist()
    x, y = gx * a + gy * c, gx * b + gy * e
    return x - p.depth * p.sin_yaw * 0.7, y - p.depth * p.sin_pitch * 0.7


def fur(p: Projector, d: Dice, n: int, nose_y: float) -> Field:
    """Streaks that run away from the nose, bent and clumped by noise."""
    x, y = head_grid(p, n)
    y = (y - nose_y) * 0.8 + 0.3
    rough = clouds(d.rng, n, (5, 14)) * d.u(0.03, 0.12)
    angle = np.arctan2(y, x) / (2 * np.pi) + 0.5 + rough
    radius = np.sqrt(x * x + y * y) + rough * 2
    across, along = int(d.u(70, 170)), int(d.u(5, 14))
    noise = d.rng.normal(0, 1, (along, across)).astype(np.float32)
    fx, fy = (angle * across).astype(np.float32), (radius * along / 1.6).astype(np.float32)
    streaks = cv2.remap(noise, fx, fy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    depth = np.clip(radius / 0.4, 0.15, 1) * np.float32(d.u(0.05, 0.16))  # fur is short about the nose
    return np.asarray(1 + streaks * depth, np.float32)


def knit(p: Projector, d: Dice, n: int) -> Field:
    """Columns of V-shaped stitches."""
    x, y = head_grid(p, n)
    k = d.u(5, 11)
    column = x * k
    lean = np.abs(column - np.floor(column) - 0.5)
    wave = np.sin((y * k * d.u(0.9, 1.4) + lean * 1.2) * 2 * np.pi)
    seam = np.exp(-((lean / 0.09) ** 2)) + np.exp(-(((0.5 - lean) / 0.09) ** 2))
    return np.asarray(1 + d.u(0.08, 0.2) * wave - d.u(0.1, 0.25) * seam, np.float32)


def wood(p: Projector, d: Dice, n: int) -> Field:
    """Grain along the head with a knot somewhere."""
    x, y = head_grid(p, n)
    if d.chance(0.4):
        x, y = y, x
    kx, ky = d.u(-0.8, 0.8), d.u(-0.8, 0.8)
    r = np.sqrt((x - kx) ** 2 + ((y - ky) * 0.35) ** 2)
    rough = clouds(d.rng, n, (4, 9))
    rings = np.sin((r * d.u(5, 14) + x * d.u(0, 3) + rough * d.u(0.1, 0.5)) * 2 * np.pi)
    return np.asarray(1 + d.u(0.05, 0.18) * rings, np.float32)


def cloth(p: Projector, d: Dice, n: int) -> Field:
    """Checks, stripes or dots."""
    x, y = head_grid(p, n)
    k, turn = d.u(2, 7), d.u(0, np.pi)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    a, b = np.sin(u * k * 2 * np.pi), np.sin(v * k * 2 * np.pi)
    kind = d.pick(["stripes", "checks", "dots"])
    field = {
        "stripes": np.tanh(4 * a),
        "checks": (np.tanh(4 * a) + np.tanh(4 * b)) / 2,
        "dots": np.tanh(6 * (a * b - 0.4)),
    }
    return np.asarray(1 + d.u(0.06, 0.22) * field[kind], np.float32)


def stone(p: Projector, d: Dice, n: int) -> Field:
    """Marble veins, pitted limestone, streaks of weather."""
    rough = clouds(d.rng, n, (4, 9, 24))
    x, y = head_grid(p, n)
    vein = np.exp(-((np.sin((x * d.u(0.3, 1) + y * d.u(0.3, 1) + rough) * 2 * np.pi) / d.u(0.1, 0.3)) ** 2))
    streak = cv2.blur(clouds(d.rng, n, (40, 70)), (1, max(3, n // 6))) * d.u(0, 0.35)
    return np.asarray(1 - d.u(0, 0.3) * vein + streak + rough * d.u(0, 0.12), np.float32)


def surface(kind: str, p: Projector, d: Dice, nose_y: float) -> Field:
    """(size, size) brightness factors of a texture: ``furflow``, ``knit``, ``wood``, ``cloth`` or ``stone``."""
    if kind == "furflow":
        return fur(p, d, p.size, nose_y)
    return {"knit": knit, "wood": wood, "cloth": cloth, "stone": stone}[kind](p, d, p.size)


#: Names in ``Character.extras`` that :class:`faceshot_gallery.parts.scene.Scene` hands to :func:`surface`.
SURFACES = ("furflow", "knit", "wood", "cloth", "stone")
