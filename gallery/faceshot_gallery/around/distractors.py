"""What draws the eye beside a face in training pictures: busy backgrounds, knobs, small faces, things in front."""

from __future__ import annotations

import cv2
import numpy as np

from faceshot_gallery.parts.anatomy import Points
from faceshot_gallery.parts.paint import Canvas, around, ellipse, rounded
from faceshot_gallery.parts.traits import Colour, Dice, hsv, shade


def _colour(d: Dice) -> Colour:
    return hsv(d.u(0, 1), d.u(0, 0.85), d.u(0.05, 1.0))


def scatter(k: Canvas, d: Dice) -> None:
    """Things behind the head: pick one or two kinds."""
    for _ in range(d.pick([1, 2], [3, 1])):
        d.pick([_knobs, _foliage, _bokeh, _bricks, _frames, _words, _small_face, _curtain])(k, d)


def _knobs(k: Canvas, d: Dice) -> None:
    """Round dark or shiny blobs, alone and in pairs: lamps, stones, buttons, berries."""
    n, r = k.size, d.u(0.015, 0.07) * k.size
    colour, shiny = d.pick([(15.0, 14.0, 16.0), _colour(d)]), d.chance(0.6)
    for _ in range(int(d.u(2, 9))):
        x, y = d.u(0, n), d.u(0, n)
        for s in d.pick([(0.0,), (-1.6, 1.6)]):
            k.fill(ellipse(x + s * r, y, r, r * d.u(0.8, 1.2), n=16), colour)
            if shiny:
                k.fill(ellipse(x + s * r - r * 0.3, y - r * 0.3, r * 0.25, r * 0.25, n=8), (255, 255, 255))


def _foliage(k: Canvas, d: Dice) -> None:
    """Leaves or petals, thick as a hedge."""
    n, base = k.size, d.colour((0.15, 0.45), (0.2, 0.8), (0.15, 0.7)) if d.chance(0.75) else _colour(d)
    long = d.u(0.04, 0.14) * n
    for _ in range(int(d.u(20, 60))):
        leaf = ellipse(d.u(0, n), d.u(0, n), long * d.u(0.6, 1.2), long * d.u(0.2, 0.4), d.u(0, 180), 8)
        k.fill(rounded(leaf, 1), shade(base, d.u(0.5, 1.4)))


def _bokeh(k: Canvas, d: Dice) -> None:
    for _ in range(int(d.u(5, 16))):
        r = d.u(0.03, 0.12) * k.size
        k.soft(ellipse(d.u(0, k.size), d.u(0, k.size), r, r, n=20), _colour(d), d.u(0.3, 0.9), r * d.u(0.05, 0.4))


def _bricks(k: Canvas, d: Dice) -> None:
    n, h = k.size, d.u(0.05, 0.15) * k.size
    w, colour = h * d.u(1.5, 3), _colour(d)
    for row in range(int(n / h) + 1):
        k.stroke([[0, row * h], [n, row * h]], colour, d.u(0.005, 0.01) * n)
        for x in np.arange((row % 2) * w / 2, n, w):
            k.stroke([[x, row * h], [x, row * h + h]], colour, 0.006 * n)


def _frames(k: Canvas, d: Dice) -> None:
    """Pictures on a wall, windows, shelves."""
    n = k.size
    for _ in range(int(d.u(1, 5))):
        x, y, w, h = d.u(0, n), d.u(0, n), d.u(0.1, 0.35) * n, d.u(0.1, 0.35) * n
        box = np.array([[x - w, y - h], [x + w, y - h], [x + w, y + h], [x - w, y + h]])
        k.fill(box, _colour(d))
        k.stroke(box, _colour(d), d.u(0.01, 0.04) * n, closed=True)
        if d.chance(0.4):
            k.stroke([[x, y - h], [x, y + h]], _colour(d), 0.015 * n)


def _words(k: Canvas, d: Dice) -> None:
    """Lines of print, a poster or a book page."""
    n, size = k.size, d.u(0.25, 0.9) * k.size / 128 * k.ss
    colour, y = _colour(d), d.u(0, 0.3) * n
    while y < n:
        word = "".join(chr(int(d.u(97, 123))) if d.chance(0.8) else " " for _ in range(24))
        at = k.up([d.u(-0.1, 0.05) * n, y]).astype(int)
        cv2.putText(
            k.rgb, word, (int(at[0]), int(at[1])), d.pick([0, 2, 3]), size, colour, max(1, round(size)), cv2.LINE_AA
        )
        y += d.u(0.08, 0.3) * n


def _small_face(k: Canvas, d: Dice) -> None:
    """A small badge, toy or print with eyes and a mouth: not the face that is meant."""
    n, r = k.size, d.u(0.03, 0.08) * k.size
    x, y = d.pick([0.0, 1.0]) * n + d.n(0, 0.1) * n, d.u(0, 1) * n
    skin, ink = _colour(d), d.pick([(20.0, 20.0, 20.0), _colour(d)])
    k.fill(ellipse(x, y, r, r * d.u(0.8, 1.2)), skin)
    for s in (-1, 1):
        k.fill(ellipse(x + s * r * 0.4, y - r * 0.2, r * 0.13, r * 0.16, n=12), ink)
    t = np.linspace(0.2, np.pi - 0.2, 9)
    k.stroke(np.stack([x + np.cos(t) * r * 0.5, y + r * 0.15 + np.sin(t) * r * d.u(0.1, 0.4)], 1), ink, r * 0.12)


def _curtain(k: Canvas, d: Dice) -> None:
    n, colour, w = k.size, _colour(d), d.u(0.04, 0.2) * k.size
    for x in np.arange(-w, n + w, w * d.u(1.2, 2.2)):
        sway = d.n(0, 0.1) * n
        k.soft([[x, 0], [x + w, 0], [x + w + sway, n], [x + sway, n]], shade(colour, d.u(0.5, 1.3)), 0.8, w * 0.3)


# ---- in front ------------------------------------------------------------------------------------------------------
def in_front(k: Canvas, d: Dice, jaw: Points, middle: Points) -> None:
    """Something over a part of the outline: a leaf, a hand, a microphone, a bubble of text, a lock, a drop of rain."""
    at = jaw[int(d.rng.integers(17))]
    out = at + (at - middle) * d.u(0.05, 0.5)
    size = float(np.linalg.norm(jaw[16] - jaw[0])) * d.u(0.08, 0.2)
    d.pick([_leaf, _hand, _microphone, _bubble, _twig])(k, d, out, size, at - middle)


def _leaf(k: Canvas, d: Dice, at: Points, size: float, way: Points) -> None:
    leaf = rounded(ellipse(at[0], at[1], size * 1.6, size * 0.7, d.u(0, 180), 8), 1)
    k.fill(leaf, d.colour((0.1, 0.4), (0.3, 0.8), (0.2, 0.8)))


def _hand(k: Canvas, d: Dice, at: Points, size: float, way: Points) -> None:
    """Fingers that come from outside and point at the face."""
    skin = d.pick([hsv(d.u(0.03, 0.09), d.u(0.25, 0.6), d.u(0.4, 0.95)), _colour(d)])
    u = -way / max(float(np.linalg.norm(way)), 1e-6)
    v = np.array([-u[1], u[0]])
    for i in range(4):
        root = at + v * (i - 1.5) * size * 0.6
        k.stroke([root - u * size * 2, root + u * size * d.u(0.6, 1.1)], shade(skin, 0.96 + 0.02 * i), size * 0.5)
    palm = around(at - u * size * 1.8, size * 1.5, size * 1.5)
    k.fill(palm, skin)


def _microphone(k: Canvas, d: Dice, at: Points, size: float, way: Points) -> None:
    """A round head on a stick: a microphone, a lollipop, a spoon, a magnifier's handle."""
    k.stroke([at, at + way * 2 + [d.n(0, size), abs(way[1]) + size]], _colour(d), size * 0.35)
    k.fill(ellipse(at[0], at[1], size * 0.9, size * 0.9), _colour(d))


def _bubble(k: Canvas, d: Dice, at: Points, size: float, way: Points) -> None:
    box = around(at + way * 0.4, size * 2.2, size * 1.4)
    k.fill(box, (252, 252, 250))
    k.stroke(box, (20, 20, 22), max(0.7, size * 0.06), closed=True)
    for i in (-0.4, 0.0, 0.4):
        y = at[1] + way[1] * 0.4 + i * size
        k.stroke([[at[0] + way[0] * 0.4 - size, y], [at[0] + way[0] * 0.4 + size, y]], (40, 40, 44), size * 0.12)


def _twig(k: Canvas, d: Dice, at: Points, size: float, way: Points) -> None:
    """Grass blades, wires, a fence."""
    colour = d.pick([d.colour((0.1, 0.4), (0.3, 0.8), (0.2, 0.8)), (50.0, 40.0, 34.0), _colour(d)])
    for _ in range(int(d.u(1, 4))):
        end = at + d.rng.normal(0, size * 3, 2)
        k.stroke([at + way, (at + end) / 2 + d.rng.normal(0, size * 0.4, 2), end], colour, size * d.u(0.06, 0.25))
