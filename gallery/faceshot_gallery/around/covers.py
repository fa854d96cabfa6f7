"""What hides parts of a face: hands, masks, helmets, locks, dark glasses, cups. Each returns what it covers."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from faceshot.landmarks.topology import PART_POINTS
from faceshot_gallery.parts.anatomy import Points
from faceshot_gallery.parts.paint import Canvas, around, rounded
from faceshot_gallery.parts.traits import Colour, Dice, hsv, shade

_EYES = list(PART_POINTS["eyes"])
_MOUTH = list(PART_POINTS["mouth"])
_JAW = list(PART_POINTS["face_boundary"])
_NOSE = list(PART_POINTS["nose"])
_BROWS = list(PART_POINTS["eyebrows"])


def _any(d: Dice) -> Colour:
    return hsv(d.u(0, 1), d.u(0, 0.8), d.u(0.1, 1.0))


class Face:
    """The frame of a face in a picture: middle, size, and its own right and down."""

    def __init__(self, xy: Points) -> None:
        self.xy = xy
        eyes, mouth = xy[_EYES].mean(0), xy[_MOUTH].mean(0)
        down = mouth - eyes
        self.eyes, self.mouth = eyes, mouth
        self.down = down / max(float(np.linalg.norm(down)), 1e-6)
        self.right = np.array([self.down[1], -self.down[0]])
        self.size = float(np.sqrt(max(np.prod(np.ptp(xy, axis=0)), 1.0)))

    def at(self, middle: Points, x: float, y: float) -> Points:
        return np.asarray(middle + self.size * (x * self.right + y * self.down))


def cover(k: Canvas, d: Dice, xy: Points) -> npt.NDArray[np.bool_]:
    """Lay one thing over the face whose landmarks (68, 2) are given; returns (68,) which of them it hides."""
    f = Face(np.asarray(xy, float))
    painter = d.pick([_hand, _mask, _helmet, _lock, _shades, _cup, _scarf, _bubble], [3, 2, 1.5, 2, 1, 1, 1.5, 1])
    hidden = np.zeros(68, bool)
    for shape in painter(k, d, f):
        contour = np.asarray(shape, np.float32)[:, None]
        hidden |= np.array([cv2.pointPolygonTest(contour, (float(x), float(y)), False) > 0 for x, y in f.xy])
    return hidden


def _hand(k: Canvas, d: Dice, f: Face) -> list[Points]:
    """Four fingers and a palm, from a side or from below, over cheek, mouth, chin or an eye."""
    skin = d.pick([hsv(d.u(0.03, 0.09), d.u(0.2, 0.6), d.u(0.35, 0.98)), _any(d)], [3, 1])
    goal = f.xy[d.pick([*_JAW[2:15], *_MOUTH[:12], *_EYES])] + d.rng.normal(0, 0.05, 2) * f.size
    way = f.at(np.zeros(2), d.pick([-1, 1]) * d.u(0.3, 1), d.u(-0.1, 1.2))
    way = way / max(float(np.linalg.norm(way)), 1e-6)
    aside = np.array([-way[1], way[0]])
    w = f.size * d.u(0.07, 0.12)
    shapes = []
    for i in range(4):
        tip = goal + aside * (i - 1.5) * w * 1.05 + way * w * d.u(0, 1.2)
        base = goal + aside * (i - 1.5) * w * 0.9 + way * w * 5
        t = np.linspace(0, np.pi, 9)[:, None]
        end = tip + 0.5 * w * (np.cos(t) * aside - np.sin(t) * way)
        finger = np.concatenate([end, [base - 0.5 * w * aside, base + 0.5 * w * aside]])
        shapes.append(finger)
    palm = around(goal + way * w * 6.2, w * 2.6, w * 2.9)
    arm = np.array(
        [palm.mean(0) + s * aside * w * 1.6 + t * way * w * 20 for s, t in ((-1, 0), (1, 0), (1, 1), (-1, 1))]
    )
    k.fill(arm, d.pick([skin, _any(d)]))
    k.fill(palm, shade(skin, 0.96))
    for shape in shapes:
        k.fill(shape, skin)
        k.stroke(shape, shade(skin, 0.62), max(0.6, 0.07 * w), closed=True)
    return [*shapes, palm, arm]


def _mask(k: Canvas, d: Dice, f: Face) -> list[Points]:
    """A cloth or paper mask, or a breathing mask, from the bridge of the nose to the chin."""
    if d.chance(0.3):
        shape = rounded([f.xy[_NOSE[1]], f.at(f.mouth, 0.28, 0.0), f.at(f.mouth, 0.2, 0.22), f.at(f.mouth, -0.2, 0.22),
            f.at(f.mouth, -0.28, 0.0)])  # fmt: skip
        colour = d.pick([(190.0, 220.0, 205.0), (60.0, 62.0, 66.0), _any(d)])
    else:
        top = f.xy[_NOSE[int(d.u(1, 3))]]
        shape = rounded(np.concatenate([f.xy[_JAW[3:14]] + 0.03 * f.size * f.down, [top]]), 1)
        colour = d.pick([(235.0, 240.0, 242.0), (120.0, 175.0, 205.0), (30.0, 30.0, 34.0), _any(d)])
    k.fill(shape, colour)
    k.stroke(shape, shade(colour, 0.6), max(0.7, 0.012 * f.size), closed=True)
    for t in (-0.06, 0.02, 0.1):
        k.stroke([f.at(f.mouth, -0.22, t), f.at(f.mouth, 0.22, t)], shade(colour, 0.85), max(0.6, 0.01 * f.size))
    return [shape]


def _helmet(k: Canvas, d: Dice, f: Face) -> list[Points]:
    """A helmet, a hood or a cowl that leaves the middle of the face free."""
    brows = f.xy[_BROWS].mean(0)
    inner = 0.5 * f.size * np.array([d.u(0.72, 0.95), d.u(0.75, 1.0)])
    middle = (brows + f.xy[_JAW[8]]) / 2
    colour = _any(d)
    t = np.linspace(0, 2 * np.pi, 48)
    ring = np.stack([np.cos(t), np.sin(t)], 1)
    axes = np.stack([f.right, f.down])
    hole = middle + (ring * inner) @ axes
    outer = middle + (ring * f.size * np.array([d.u(0.68, 0.9), d.u(0.75, 1.0)]) - [0, 0.1 * f.size]) @ axes
    half = 24
    pieces = [np.concatenate([outer[a : b + 1], hole[a : b + 1][::-1]]) for a, b in ((0, half), (half, 47))]
    for piece in pieces:
        k.fill(piece, colour)
    k.stroke(hole, shade(colour, 0.5), max(1.0, 0.02 * f.size), closed=True)
    if d.chance(0.3):
        k.fill(hole, d.pick([(190.0, 215.0, 230.0), (40.0, 44.0, 60.0)]), d.u(0.1, 0.4))
    return pieces


def _lock(k: Canvas, d: Dice, f: Face) -> list[Points]:
    """A lock of hair over an eye and the cheek below it."""
    s = d.pick([-1, 1])
    eye = f.xy[_EYES[6:] if s > 0 else _EYES[:6]].mean(0)
    colour = hsv(d.u(0, 1) if d.chance(0.4) else d.u(0.02, 0.12), d.u(0.1, 0.8), d.u(0.05, 0.8))
    top, w = f.at(eye, 0.02 * s, -d.u(0.45, 0.7)), d.u(0.1, 0.2)
    low = f.at(eye, d.u(-0.1, 0.2) * s, d.u(0.1, 0.5))
    bend = f.at((top + low) / 2, d.n(0, 0.06), 0)
    side = f.size * w * f.right
    shape = rounded([top - 1.3 * side, bend - side, low, bend + side, top + 1.3 * side])
    k.fill(shape, colour)
    k.stroke(shape, shade(colour, 0.6), max(0.7, 0.012 * f.size), closed=True)
    return [shape]


def _shades(k: Canvas, d: Dice, f: Face) -> list[Points]:
    """Dark glasses: the eyes are where the glasses are, so nothing counts as hidden but the brows."""
    colour = d.pick([(18.0, 18.0, 22.0), (60.0, 40.0, 26.0), _any(d)])
    r, n = f.size * d.u(0.13, 0.2), d.pick([2.0, 4.0])
    t = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    lens = np.stack([np.sign(v) * np.abs(v) ** (2 / n) for v in (np.cos(t), 0.8 * np.sin(t))], 1) * r
    middles = [f.xy[_EYES[:6]].mean(0), f.xy[_EYES[6:]].mean(0)]
    k.stroke(middles, colour, 0.03 * f.size)
    for middle in middles:
        k.fill(middle + lens @ np.stack([f.right, f.down]), colour, d.u(0.85, 1.0))
        k.fill(around(middle - 0.3 * r * (f.right + f.down), 0.25 * r, 0.12 * r, 30), (255, 255, 255), 0.6)
    return []


def _cup(k: Canvas, d: Dice, f: Face) -> list[Points]:
    """A cup, a book or a phone before mouth or nose."""
    at = f.at(f.mouth, d.n(0, 0.1), d.u(-0.05, 0.2))
    w, h, colour = d.u(0.14, 0.28), d.u(0.12, 0.25), _any(d)
    box = np.array([f.at(at, *q) for q in ((-w, -h), (w, -h), (0.85 * w, h), (-0.85 * w, h))])
    k.fill(box, colour)
    k.stroke(box, shade(colour, 0.5), max(0.8, 0.015 * f.size), closed=True)
    if d.chance(0.5):
        k.fill(around(at, 0.35 * h * f.size, 0.35 * h * f.size), _any(d))
    return [box]


def _scarf(k: Canvas, d: Dice, f: Face) -> list[Points]:
    """A scarf, a collar turned up, or a blanket over the lower face."""
    edge, colour = d.u(-0.1, 0.16), _any(d)
    x = np.linspace(-0.75, 0.75, 9)
    top = np.array([f.at(f.mouth, v, edge + d.n(0, 0.01) + 0.12 * v**2) for v in x])
    shape = np.concatenate([top, [f.at(f.mouth, 0.9, 0.9), f.at(f.mouth, -0.9, 0.9)]])
    k.fill(shape, colour)
    for t in (0.15, 0.3, 0.45):
        k.stroke([f.at(p, 0, t) for p in top], shade(colour, 0.8), max(0.8, 0.02 * f.size))
    return [shape]


def _bubble(k: Canvas, d: Dice, f: Face) -> list[Points]:
    """A balloon, a ball, a bubble of gum before the mouth."""
    r, colour = d.u(0.1, 0.22) * f.size, d.pick([(240.0, 140.0, 180.0), _any(d)])
    ball = around(f.at(f.mouth, d.n(0, 0.03), d.u(-0.02, 0.1)), r, r)
    k.fill(ball, colour)
    k.fill(around(ball.mean(0) - 0.35 * r, 0.25 * r, 0.2 * r), (255, 255, 255), 0.8)
    return [ball]
