"""Colours to draw from: ink, human skin, hair, fur."""

from __future__ import annotations

from faceshot_gallery.parts.traits import Colour, Dice, hsv, mix

INK: Colour = (32, 26, 28)


def human_skin(d: Dice) -> Colour:
    """A human skin tone, from pale to dark, with some warmth variation."""
    t = d.u(0, 1)
    light, mid, dark = (250, 218, 195), (205, 150, 112), (96, 60, 42)
    c = mix(light, mid, t * 1.6) if t < 0.6 else mix(mid, dark, (t - 0.6) / 0.4)
    return d.jitter(c, 7)


def hair_colour(d: Dice) -> Colour:
    return d.jitter(
        d.pick([(30, 24, 24), (62, 40, 28), (110, 70, 40), (190, 150, 90), (150, 60, 35), (150, 150, 152)]), 10
    )


def fur_colour(d: Dice) -> Colour:
    kind = d.pick(["brown", "grey", "cream", "orange", "black", "any"], [5, 3, 3, 3, 1, 1])
    if kind == "any":
        return hsv(d.u(0, 1), d.u(0.2, 0.6), d.u(0.4, 0.95))
    table = {
        "brown": (d.u(0.05, 0.1), d.u(0.35, 0.65), d.u(0.35, 0.75)),
        "grey": (d.u(0, 1), d.u(0, 0.1), d.u(0.35, 0.8)),
        "cream": (d.u(0.08, 0.14), d.u(0.08, 0.3), d.u(0.8, 0.98)),
        "orange": (d.u(0.06, 0.1), d.u(0.55, 0.85), d.u(0.75, 1.0)),
        "black": (d.u(0, 1), d.u(0, 0.2), d.u(0.12, 0.25)),
    }
    return hsv(*table[kind])
