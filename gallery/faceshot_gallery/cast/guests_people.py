"""Casting of guests: people in paint, stone, manga and cartoons."""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.cast.people import anime, cartoon, person, statue
from faceshot_gallery.parts.hats import HATS
from faceshot_gallery.parts.traits import (
    Dice,
    Eyes,
    Hair,
    Head,
    Traits,
    hsv,
    mix,
    shade,
)

_HATS = list(HATS)


def sitter(d: Dice, real: bool) -> Traits:
    """Painted portraits: hats, hoods, veils, ruffs, beards, low contrast between face and ground."""
    t = person(d, True)
    hair: Hair = t["hair"]
    if d.chance(0.75):
        t["hair"] = replace(hair, kind=d.pick(_HATS))
    cloth = d.jitter(
        d.pick([(30, 26, 26), (70, 30, 28), (40, 50, 45), (110, 85, 50), (225, 218, 205), (30, 40, 75)]), 10
    )
    t["body"] = cloth
    bearded = "beard" in t["extras"] or d.chance(0.2)
    t["extras"] = (
        *t["extras"],
        *(
            x
            for x, p in (
                ("backhood", 0.3),
                ("neckruff", 0.15),
                ("lapels", 0.15),
                ("wrinkles", 0.3),
                ("moustache", 0.5 if bearded else 0.05),
                ("longbeard", 0.4 if bearded else 0.02),
                ("flower", 0.06),
                ("shades", 0.03),
                ("brow_goggles", 0.02),
                ("scarf", 0.08),
                ("facepaint", 0.03),
            )
            if d.chance(p)
        ),
    )
    if d.chance(0.25):  # hardly any brow, as fashion or fading has it
        t["brows"] = replace(t["brows"], thick=0.02, colour=mix(t["skin"], hair.colour, 0.3))
    return t


def hero(d: Dice, real: bool) -> Traits:
    """Carved heads and masks: helmets, turbans, wreaths, hollow or blank eyes, cracks, paint, gilding."""
    t = statue(d, True)
    stone = t["skin"]
    if d.chance(0.35):
        stone = d.pick(
            [
                hsv(d.u(0.1, 0.13), d.u(0.5, 0.8), d.u(0.5, 0.9)),
                hsv(d.u(0.4, 0.5), d.u(0.2, 0.5), d.u(0.35, 0.7)),
                hsv(d.u(0.02, 0.07), d.u(0.4, 0.7), d.u(0.3, 0.6)),
                (238, 236, 230),
            ]
        )
    t.update(
        skin=stone,
        skin2=shade(stone, 1.2),
        line=shade(stone, 0.4),
        body=shade(stone, d.u(0.6, 1.0)),
        coat=d.pick(["stone", "wood", "metal"]),
    )
    t["eyes"] = replace(
        t["eyes"],
        kind=d.pick(["blank", "dot", "human", "carved"], [5, 1, 1, 1]),
        white=shade(stone, 1.2),
        dark=shade(stone, 0.25),
        colour=shade(stone, 0.5),
        iris=d.u(0.5, 1.0),
    )
    t["mouth"] = replace(
        t["mouth"], colour=d.pick([shade(stone, 0.85), (150, 60, 55)], [5, 1]), inside=shade(stone, 0.25)
    )
    t["hair"] = replace(
        t["hair"],
        kind=d.pick([*_HATS[:4], "laurel", "bald", "curly", "crown", "none", "wig"]),
        colour=shade(stone, d.u(0.7, 1.0)),
    )
    t["brows"] = replace(t["brows"], colour=shade(stone, 0.7))
    t["extras"] = tuple(
        x
        for x, p in (
            ("cracks", 0.5),
            ("rays", 0.1),
            ("longbeard", 0.2),
            ("wrinkles", 0.3),
            ("facepaint", 0.12),
            ("gloss", 0.2),
            ("neckruff", 0.06),
            ("horns", 0.06),
        )
        if d.chance(p)
    )
    return t


def manga(d: Dice, real: bool) -> Traits:
    """Anime at its extremes: huge eyes, a chin like a V, a dot or no nose, tiny mouths, locks over the eyes."""
    t = anime(d, real)
    k = d.u(0.9, 1.35)
    y: Eyes = t["eyes"]
    w = min(y.w * k, 0.3)
    t["eyes"] = replace(
        y,
        w=w,
        up=min(y.up * k, 0.34),
        low=min(y.low * k, 0.26),
        x=max(y.x, w / 0.85),
        lash=d.u(0.02, 0.07),
        kind=d.pick(["anime", "dot", "sclera", "pie"], [8, 1, 1, 0.5]),
    )
    h: Head = t["head"]
    t["head"] = replace(
        h,
        p_bot=d.u(1.15, 1.9),
        q_bot=d.u(0.75, 1.1),
        bottom=d.u(0.8, 1.1),
        cheek=d.u(-0.02, 0.16),
        cheek_y=d.u(0.2, 0.45),
    )
    bottom = t["head"].bottom
    my = bottom - d.u(0.15, 0.24)
    ny = min(max(y.y + d.u(0.2, 0.38), y.y + 0.2), my - 0.12)
    t["nose"] = replace(
        t["nose"], kind=d.pick(["dot", "line", "wedge", "hook", "none"]), y=ny, w=d.u(0.015, 0.05), h=d.u(0.015, 0.04)
    )
    if t["nose"].kind == "none":
        t["nose"] = replace(t["nose"], shown=False)
    t["mouth"] = replace(t["mouth"], y=my, w=d.u(0.05, 0.2), open_gain=d.u(0.12, 0.3))
    t["extras"] = (
        *t["extras"],
        *(
            x
            for x, p in (
                ("strands", 0.5),
                ("hairshine", 0.5),
                ("blushlines", 0.25),
                ("flower", 0.1),
                ("scarf", 0.08),
                ("brow_goggles", 0.05),
                ("horns", 0.05),
                ("sweat", 0.05),
                ("lapels", 0.1),
            )
            if d.chance(p)
        ),
    )
    if d.chance(0.2):
        t["hair"] = replace(t["hair"], kind=d.pick(["bun", "headband", "beanie", "beret"]))
    return t


def toon(d: Dice, real: bool) -> Traits:
    """Cartoon people with hats, masks, moustaches, glasses, odd eyes."""
    t = cartoon(d, real)
    y: Eyes = t["eyes"]
    t["eyes"] = replace(
        y,
        kind=d.pick([y.kind, "goggle", "pie", "ring", "star", "cross"], [6, 2, 1, 1, 0.4, 0.4]),
        pupil_shape=d.pick(["round", "star", "heart", "slit"], [6, 1, 1, 1]),
    )
    if d.chance(0.5):
        t["hair"] = replace(
            t["hair"], kind=d.pick([*_HATS, "none"]), colour=hsv(d.u(0, 1), d.u(0, 0.8), d.u(0.15, 0.95))
        )
    t["extras"] = (
        *t["extras"],
        *(
            x
            for x, p in (
                ("domino", 0.12),
                ("moustache", 0.15),
                ("longbeard", 0.1),
                ("hairshine", 0.2),
                ("shades", 0.05),
                ("brow_goggles", 0.07),
                ("backhood", 0.1),
                ("scarf", 0.12),
                ("buttons", 0.15),
                ("stripes", 0.15),
                ("lapels", 0.15),
                ("bowtie", 0.1),
                ("wrinkles", 0.12),
                ("facepaint", 0.08),
                ("strands", 0.12),
                ("hands", 0.07),
                ("sweat", 0.04),
                ("gloss", 0.15),
            )
            if d.chance(p)
        ),
    )
    return t
