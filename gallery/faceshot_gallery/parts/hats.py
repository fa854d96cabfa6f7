"""Hats, wigs and cloths on the head: closed outlines in head units and their colour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from faceshot_gallery.parts.anatomy import Points
from faceshot_gallery.parts.traits import Character, Colour, Dice, shade

Hat = Callable[[Character, Dice], tuple[Points, Colour]]


def _arc(c: Character, wide: float, high: float, low: float) -> Points:
    """From the image-right temple (at height ``low``) over the top to the image-left one."""
    a0 = np.arcsin(np.clip(low / c.head.top, -0.98, 0.98))
    t = np.linspace(a0, -np.pi - a0, 40)
    return np.stack([np.cos(t) * c.head.width * wide, np.sin(t) * c.head.top * high], 1)


def _rim(c: Character, line: float, dip: float, n: int = 20) -> Points:
    """Lower edge over the forehead, image left to image right, ``dip`` lower in the middle than at the sides."""
    x = np.linspace(-0.98, 0.98, n) * c.head.width
    return np.stack([x, line + dip * (1 - (x / c.head.width) ** 2)], 1)


def _line(c: Character) -> float:
    """Where a hat may end: above the brows or on them, never over the eyes."""
    return min(c.hair.line + 0.1, c.eyes.y - 1.15 * c.eyes.up)


def cowl(c: Character, d: Dice) -> tuple[Points, Colour]:
    """A hood drawn close around the face."""
    t = np.linspace(-np.pi * 1.2, np.pi * 0.2, 40)
    v, gap = d.u(1.15, 1.35), d.u(0.86, 0.98)
    outer = np.stack([np.cos(t) * c.head.width * v, np.sin(t) * c.head.top * v], 1)
    inner = np.stack([np.cos(t) * c.head.width * gap, np.sin(t) * c.head.top * d.u(0.6, 0.8)], 1)[::-1]
    return np.concatenate([outer, inner]), d.pick([c.hair.colour, c.body, shade(c.body, 1.2)])


def turban(c: Character, d: Dice) -> tuple[Points, Colour]:
    arc = _arc(c, d.u(1.12, 1.35), d.u(1.15, 1.5), _line(c)) * (1 + 0.02 * np.resize([1, 0, -1, 0], 40))[:, None]
    return np.concatenate([arc, _rim(c, _line(c), -d.u(0.0, 0.2))]), d.colour((0, 1), (0, 0.8), (0.3, 0.98))


def helmet(c: Character, d: Dice) -> tuple[Points, Colour]:
    """A helmet with cheek pieces, with or without a bar over the nose's root."""
    low, side = _line(c), d.u(0.0, 0.5)
    arc = _arc(c, d.u(1.06, 1.18), d.u(1.08, 1.25), 0.05)
    w, e = c.head.width, c.eyes
    cheek = np.array([[-1.06 * w, side], [-0.9 * w, side], [-min(0.88 * w, e.x + e.w + 0.1), low + 0.1]])
    nose = np.array([[-0.08, low + 0.02], [-0.05, e.y - 0.02], [0.05, e.y - 0.02], [0.08, low + 0.02]])
    middle = nose if d.chance(0.3) else np.array([[0.0, low - d.u(0, 0.15)]])
    colour = d.pick([c.hair.colour, (150, 150, 155), (180, 150, 80), (110, 85, 60)])
    return np.concatenate([arc, cheek, middle, (cheek * [-1, 1])[::-1]]), colour


def tophat(c: Character, d: Dice) -> tuple[Points, Colour]:
    """Top hats, fedoras, cowboy and witches' hats: a brim and a crown."""
    w, t, low = c.head.width, -c.head.top, min(_line(c), -c.head.top * 0.5)
    brim, high, tip = d.u(1.15, 1.8) * w, d.u(0.3, 1.0), d.pick([d.u(0.6, 1.0), d.u(0.02, 0.3)], [3, 1])
    sag = d.u(-0.2, 0.25)
    crown = [[0.85 * w, low - 0.1], [tip * 0.85 * w, t - high], [-tip * 0.85 * w, t - high], [-0.85 * w, low - 0.1]]
    under = [
        [-brim, low - 0.05 + sag],
        [-0.8 * w, low + 0.06],
        [0, low + 0.12],
        [0.8 * w, low + 0.06],
        [brim, low - 0.05 + sag],
    ]
    return np.array([*crown, *under]), d.pick([(30, 28, 30), (90, 60, 40), d.colour((0, 1), (0, 0.9), (0.2, 0.95))])


def beanie(c: Character, d: Dice) -> tuple[Points, Colour]:
    arc = _arc(c, d.u(1.03, 1.15), d.u(1.05, 1.45), _line(c))
    return np.concatenate([arc, _rim(c, _line(c), d.u(-0.1, 0.05))]), d.colour((0, 1), (0.1, 0.9), (0.2, 0.95))


def beret(c: Character, d: Dice) -> tuple[Points, Colour]:
    arc = _arc(c, d.u(1.1, 1.35), d.u(1.0, 1.15), -c.head.top * 0.6)
    lean = np.stack([d.u(-0.3, 0.3) * -arc[:, 1], 0 * arc[:, 1]], 1) * 0.5
    return np.concatenate([arc + lean, _rim(c, min(_line(c), -0.55 * c.head.top), 0.05)]), d.colour(
        (0, 1), (0.2, 0.9), (0.15, 0.8)
    )


def bonnet(c: Character, d: Dice) -> tuple[Points, Colour]:
    """A cap with a frill around the face, or a mob of lace."""
    t = np.linspace(np.pi * 0.12, -np.pi * 1.12, 41)
    v = 1.12 + 0.06 * np.resize([1, -1], 41)
    outer = np.stack([np.cos(t) * c.head.width * v, np.sin(t) * c.head.top * v * 1.05], 1)
    k = d.u(0.7, 0.88)
    inner = np.stack([np.cos(t) * c.head.width * 0.95, np.sin(t) * c.head.top * k], 1)[::-1]
    return np.concatenate([outer, inner]), d.pick([(245, 243, 238), d.colour((0, 1), (0.1, 0.5), (0.7, 0.98))])


def headband(c: Character, d: Dice) -> tuple[Points, Colour]:
    low, w = _line(c), c.head.width
    thick = d.u(0.12, 0.3)
    x = np.linspace(-1.0, 1.0, 15) * w
    top = np.stack([x, low - thick + 0.1 * (x / w) ** 2], 1)
    return np.concatenate([top, np.stack([x, low + 0.1 * (x / w) ** 2], 1)[::-1]]), d.colour(
        (0, 1), (0.1, 0.9), (0.2, 0.95)
    )


def wig(c: Character, d: Dice) -> tuple[Points, Colour]:
    """Large hair: powdered curls, an afro, a cloud of locks."""
    t = np.linspace(np.pi * 0.25, -np.pi * 1.25, 61)
    v = d.u(1.2, 1.55) * (1 + d.u(0.02, 0.07) * np.abs(np.sin(np.linspace(0, d.u(6, 16) * np.pi, 61))))
    outer = np.stack([np.cos(t) * c.head.width * v, np.sin(t) * c.head.top * v], 1)
    inner = np.stack([np.cos(t) * c.head.width * 0.95, np.sin(t) * c.head.top * d.u(0.55, 0.75)], 1)[::-1]
    return np.concatenate([outer, inner]), d.pick([c.hair.colour, (225, 222, 215)])


def laurel(c: Character, d: Dice) -> tuple[Points, Colour]:
    """A wreath: leaves up from a band."""
    low, w, n = _line(c), c.head.width, 21
    x = np.linspace(-1.05, 1.05, n) * w
    bow = 0.25 * (x / w) ** 2
    top = np.stack([x, low - 0.2 - np.resize([0.0, 0.16], n) + bow], 1)
    return np.concatenate([top, np.stack([x, low + bow + np.resize([0, 0.06], n)], 1)[::-1]]), d.pick(
        [c.hair.colour, d.colour((0.2, 0.4), (0.3, 0.8), (0.3, 0.7)), (205, 170, 80)]
    )


def bun(c: Character, d: Dice) -> tuple[Points, Colour]:
    """Hair combed back, with a knot on top or one at each side."""
    arc = _arc(c, d.u(1.02, 1.1), d.u(1.03, 1.12), 0.0)
    out = arc.copy()
    for at in d.pick([(20,), (11, 28)]):
        bump = np.exp(-(((np.arange(40) - at) / 2.5) ** 2)) * d.u(0.25, 0.45)
        out = out * (1 + bump)[:, None]
    x = np.linspace(-0.95, 0.95, 20) * c.head.width
    edge = c.hair.line - 0.1 + (0.15 - c.hair.line) * (np.abs(x) / c.head.width) ** d.u(2.5, 4)
    return np.concatenate([out, np.stack([x, edge], 1)]), c.hair.colour


HATS: dict[str, Hat] = {
    "cowl": cowl,
    "turban": turban,
    "helmet": helmet,
    "tophat": tophat,
    "beanie": beanie,
    "beret": beret,
    "bonnet": bonnet,
    "headband": headband,
    "wig": wig,
    "laurel": laurel,
    "bun": bun,
}
