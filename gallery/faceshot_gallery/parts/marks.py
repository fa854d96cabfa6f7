"""Markings of fur and scales that cross a face: stripes, rosettes, masks, patches."""

from __future__ import annotations

import numpy as np

from faceshot_gallery.parts.anatomy import Anatomy, Projector
from faceshot_gallery.parts.paint import Canvas, ellipse, rounded
from faceshot_gallery.parts.traits import Dice, shade


def paint_mark(k: Canvas, a: Anatomy, p: Projector, mark: str, d: Dice) -> None:
    """Paint one marking over the head; the caller clips to the head. Unknown names paint nothing."""
    painter = MARKS.get(mark)
    if painter is not None:
        painter(k, a, p, d)


def _tiger(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    dark, h, y = shade(a.c.skin, d.u(0.12, 0.4)), a.c.head, a.c.eyes
    for s in (-1, 1):
        for _ in range(int(d.u(5, 10))):
            v = d.u(-0.9, 0.95) * h.bottom
            inner, w = d.u(0.35, 0.75), d.u(0.025, 0.06)
            k.fill(p([[s * 1.3, v - w - 0.1], [s * 1.3, v + w - 0.1], [s * inner, v + d.u(-0.1, 0.1)]]), dark)
    for i in range(int(d.u(2, 5))):
        v, half, w = y.y - y.up - 0.15 - 0.14 * i, d.u(0.12, 0.4), d.u(0.02, 0.045)
        x = np.linspace(-half, half, 9)
        k.stroke(p(np.stack([x, v + 0.08 * (x / half) ** 2], 1)), dark, p.px(w))


def _leopard(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    dark, ring = shade(a.c.skin, d.u(0.15, 0.45)), d.chance(0.3)
    for _ in range(int(d.u(25, 60))):
        x, y, r = d.u(-1, 1) * a.c.head.width, d.u(-1, 1), d.u(0.02, 0.06)
        spot = p(ellipse(x, y, r, r * d.u(0.6, 1.1), d.u(0, 90), 9))
        k.fill(spot, dark)
        if ring:
            k.fill(p(ellipse(x, y, r * 0.5, r * 0.4, 0, 7)), shade(a.c.skin, 0.8))


def _scales(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    step, dark = d.u(0.12, 0.25), shade(a.c.skin, 0.75)
    t = np.linspace(0, np.pi, 5)
    rows, columns = np.arange(-1.1, 1.2, step), np.arange(-1.1, 1.2, step)
    at = np.array([[x + (i % 2) * step / 2, y] for i, y in enumerate(rows) for x in columns])
    arcs = at[:, None] + np.stack([np.cos(t), np.sin(t)], 1)[None] * step * 0.52
    k.strokes(p(arcs.reshape(-1, 2)).reshape(-1, 5, 2), dark, p.px(0.014))


def _whitechin(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    n, m, w = a.c.nose, a.c.mouth, d.u(0.3, 0.6)
    k.soft(p(ellipse(0, m.y + 0.18, w, d.u(0.25, 0.4)), lift=0.1), a.c.skin2, 0.95, p.px(0.08))
    for s in (-1, 1):
        k.soft(p(ellipse(s * (n.w + 0.12), (n.y + m.y) / 2 + 0.06, 0.2, 0.15), lift=0.1), a.c.skin2, 0.9, p.px(0.05))
        if d.chance(0.6):
            y = a.c.eyes
            k.soft(p(ellipse(s * y.x, y.y - y.up - 0.1, y.w, 0.08)), a.c.skin2, 0.8, p.px(0.04))


def _darkface(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    """All features in one dark patch that fades towards the outline."""
    y, b = a.c.eyes, a.c.head.bottom
    mid = (y.y + b) / 2
    shape = ellipse(0, mid, d.u(0.55, 0.8) * a.c.head.width, (b - y.y) / 2 + d.u(0.0, 0.3))
    k.soft(p(shape, lift=0.05), a.c.skin2, d.u(0.8, 1), p.px(d.u(0.05, 0.3)))


def _darkmask(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    """A dark muzzle with a stripe up to the brow."""
    n, m, y = a.c.nose, a.c.mouth, a.c.eyes
    k.soft(p(ellipse(0, (n.y + m.y) / 2 + 0.05, d.u(0.35, 0.6), d.u(0.3, 0.42)), lift=0.1), a.c.skin2, 0.95, p.px(0.08))
    if d.chance(0.6):
        k.soft(p([[-0.1, y.y - 0.3], [0.1, y.y - 0.3], [0.25, n.y], [-0.25, n.y]]), a.c.skin2, 0.8, p.px(0.08))


def _badger(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    """Dark bands down through the eyes, or a pale blaze between them."""
    y, w = a.c.eyes, d.u(0.14, 0.26)
    for s in (-1, 1):
        band = [
            [s * (y.x - w) * 0.9, -1.3],
            [s * (y.x + w), -1.3],
            [s * (y.x + w), y.y],
            [s * (y.x + w * 0.4), 0.6],
            [s * (y.x - w) * 0.6, 0.6],
            [s * (y.x - w), y.y],
        ]
        k.fill(p(rounded(band, 1)), shade(a.c.skin, d.u(0.15, 0.5)))
    k.fill(p(rounded([[-0.1, -1.3], [0.1, -1.3], [0.16, 0.2], [-0.16, 0.2]], 1)), a.c.skin2)


def _raccoon(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    y, dark = a.c.eyes, shade(a.c.skin, d.u(0.12, 0.35))
    r, drop = d.u(0.08, 0.16), d.u(15, 45)
    for s in (-1, 1):
        at = (s * (y.x + r), y.y + r * 0.4)
        k.fill(p(ellipse(at[0], at[1], y.w + r * 2, y.up + r * 1.6, s * drop)), a.c.skin2)
        k.fill(p(ellipse(at[0], at[1] + 0.04, y.w + r * 1.7, y.up + r, s * drop)), dark)
    _whitechin(k, a, p, d)


def _calico(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    """Large patches that care for no symmetry."""
    for _ in range(int(d.u(2, 5))):
        t = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        r = d.u(0.25, 0.7) * d.rng.uniform(0.6, 1.2, 9)
        blob = np.stack([np.cos(t) * r + d.u(-0.9, 0.9), np.sin(t) * r + d.u(-0.9, 0.9)], 1)
        k.fill(p(rounded(blob)), d.pick([a.c.skin2, shade(a.c.skin, 0.3), shade(a.c.skin, 0.65)]))


def _star(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    k.fill(p(ellipse(0, a.c.eyes.y - 0.15, d.u(0.07, 0.14), d.u(0.12, 0.22), 0, 4)), a.c.skin2)


def _zones(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    """Soft symmetrical patches of lighter and darker fur, as on most real animals."""
    c = a.c
    for _ in range(int(d.u(2, 6))):
        x, y = abs(d.n(0, 0.5)), d.u(-0.9, 1.0)
        rx, ry, turn = d.u(0.12, 0.5), d.u(0.12, 0.5), d.u(-60, 60)
        colour = d.pick([c.skin2, shade(c.skin, d.u(0.25, 0.75)), shade(c.skin, d.u(1.1, 1.4))])
        alpha, blur = d.u(0.3, 0.95), d.u(0.06, 0.25)
        for s in (-1, 1):
            k.soft(p(ellipse(s * x, y, rx, ry, s * turn), rim=True), colour, alpha, p.px(blur))


def _fox_cheeks(k: Canvas, a: Anatomy, p: Projector, d: Dice) -> None:
    ny, y, b = a.c.nose.y, a.c.eyes, a.c.head.bottom
    inner = d.u(0.06, 0.14)
    for s in (-1, 1):
        edge = [
            [s * 1.6, a.c.head.cheek_y - 0.35],
            [s * 0.62, y.y + 0.34],
            [s * inner, ny - 0.1],
            [s * inner, ny + 0.02],
        ]
        k.fill(p([*edge, [s * 0.02, b + 0.4], [s * 1.6, b + 0.4]]), a.c.skin2)


#: Names for ``Character.markings``.
MARKS = {
    "tiger": _tiger,
    "leopard": _leopard,
    "scales": _scales,
    "whitechin": _whitechin,
    "darkface": _darkface,
    "darkmask": _darkmask,
    "badger": _badger,
    "raccoon": _raccoon,
    "calico": _calico,
    "star": _star,
    "zones": _zones,
    "foxcheeks": _fox_cheeks,
}
