"""Casting of guests: animals that are not domains of their own."""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.cast.pets import animal, cat, dog, mouse, pig, rabbit
from faceshot_gallery.cast.wild import bear, bird, fox, frog, llama, monkey
from faceshot_gallery.parts.palette import INK, fur_colour
from faceshot_gallery.parts.traits import (
    Brows,
    Dice,
    Ears,
    Eyes,
    Hair,
    Mouth,
    Muzzle,
    Traits,
    hsv,
    mix,
    shade,
)


def bigcat(d: Dice, real: bool) -> Traits:
    """Tigers, leopards, lynxes: round ears, stripes or spots that cross the face, a white chin and ruff."""
    t = cat(d, real)
    skin = hsv(d.u(0.06, 0.12), d.u(0.15, 0.85), d.u(0.55, 0.98))
    t.update(
        skin=skin,
        body=skin,
        line=shade(skin, 0.3),
        skin2=(248, 243, 234),
        markings=("whitechin", d.pick(["tiger", "leopard"])),
        body_kind=d.pick(["ruff", "fur"]),
    )
    if d.chance(0.7):
        t["ears"] = Ears("round", d.u(0.66, 0.8), -d.u(0.5, 0.65), d.u(0.22, 0.3), d.u(0.22, 0.3), 40, shade(skin, 0.6))
    t["nose"] = replace(t["nose"], w=d.u(0.14, 0.22), h=d.u(0.09, 0.13), colour=d.jitter((205, 120, 115), 12))
    t["head"] = replace(t["head"], bottom=max(0.9, t["mouth"].y + 0.26), cheek=d.u(0, 0.2))
    t["extras"] = (*t["extras"], *(("cheekfur",) if d.chance(0.6) else ()))
    return t


def points(d: Dice, real: bool) -> Traits:
    """Pale animals with a dark face and ears: Siamese cats, pugs, sheep of some breeds, lemurs."""
    t = d.pick([cat, dog, mouse, llama])(d, real)
    skin = hsv(d.u(0.06, 0.12), d.u(0.05, 0.4), d.u(0.75, 0.97))
    dark = shade(skin, d.u(0.15, 0.45))
    t.update(skin=skin, body=skin, skin2=dark, line=shade(skin, 0.3), markings=(d.pick(["darkface", "darkmask"]),))
    t["ears"] = replace(t["ears"], inner=dark, tip=dark if t["ears"].kind == "tri" else None)
    t["muzzle"] = replace(t["muzzle"], kind=d.pick(["none", "ellipse"]), colour=shade(dark, 0.8))
    return t


def snouted(d: Dice, real: bool) -> Traits:
    """Wolves, shepherds, deer: a long snout that points at the camera."""
    t = d.pick([dog, fox, bear])(d, real)
    lift = d.u(0.35, 0.85)
    n, m = t["nose"], t["mouth"]
    t["nose"] = replace(n, lift=lift, w=n.w * d.u(1.0, 1.4), h=n.h * d.u(1.0, 1.3), colour=d.jitter(INK, 8))
    t["mouth"] = replace(m, lift=lift * 0.85, w=min(m.w * 1.2, 0.4))
    t["muzzle"] = Muzzle(
        "snout",
        y=(n.y + m.y) / 2 + 0.02,
        w=d.u(0.26, 0.4),
        h=d.u(0.26, 0.36),
        colour=mix(t["skin"], d.pick([(245, 240, 230), (40, 34, 34)]), d.u(0, 0.6)),
        lift=lift * 0.7,
    )
    t["markings"] = tuple(x for x in t["markings"] if x != "foxcheeks") + (("zones",) if d.chance(0.5) else ())
    if d.chance(0.3):
        t["extras"] = (*t["extras"], d.pick(["antlers", "goatee", "cheekfur"]))
    return t


def woolly(d: Dice, real: bool) -> Traits:
    """Sheep, alpacas, poodles, yaks: a bare or furry face in a ball of wool of the same colour."""
    t = llama(d, real) if d.chance(0.5) else dog(d, real)
    skin = t["skin"]
    wool = mix(skin, (252, 248, 240), d.u(0, 0.5))
    t["hair"] = Hair("wool", wool, line=t["eyes"].y - t["eyes"].up - d.u(0.02, 0.25), volume=d.u(0.1, 0.4))
    if d.chance(0.5):
        t["ears"] = Ears("flop", d.u(0.8, 1.0), -d.u(0.25, 0.5), d.u(0.5, 0.8), d.u(0.16, 0.24), d.u(80, 120), skin)
    t.update(body=wool, body_kind=d.pick(["longneck", "fur", "ruff"]), markings=(), coat="fur")
    t["extras"] = (*t["extras"], *(x for x, p in (("lobes", 0.35), ("cheekfur", 0.4), ("goatee", 0.2)) if d.chance(p)))
    return t


def horned(d: Dice, real: bool) -> Traits:
    """Goats, cows, deer, rams: ears to the side, horns, chin fur."""
    t = d.pick([llama, pig, animal])(d, real)
    skin = fur_colour(d)
    t.update(
        skin=skin,
        body=skin,
        line=shade(skin, 0.35),
        skin2=mix(skin, (250, 246, 240), d.u(0.4, 1.0)),
        markings=d.pick([("blaze",), ("zones",), ("calico",), ()]),
    )
    t["ears"] = Ears("long", 0.9, -d.u(0.25, 0.5), d.u(0.45, 0.7), d.u(0.15, 0.24), d.u(65, 105), (225, 170, 160))
    t["hair"] = Hair("none")
    t["eyes"] = replace(t["eyes"], x=d.u(0.5, 0.62) * t["head"].width, pupil_shape=d.pick(["bar", "round"]))
    t["extras"] = (d.pick(["horns", "antlers", "forelock"]), *(("goatee",) if d.chance(0.5) else ()))
    return t


def masked(d: Dice, real: bool) -> Traits:
    """Raccoons, badgers, ferrets, red pandas, hedgehogs: bands of dark and white across or down the face."""
    t = d.pick([fox, mouse, bear, cat])(d, real)
    t.update(markings=(d.pick(["badger", "raccoon", "whitechin"]),), skin2=(245, 242, 235))
    t["extras"] = (*t["extras"], *(x for x, p in (("spines", 0.2), ("cheekfur", 0.5)) if d.chance(p)))
    return t


def ape(d: Dice, real: bool) -> Traits:
    """Gorillas, orangutans, macaques: a bare wrinkled face, a heavy brow, a wide long upper lip, hair all round."""
    t = monkey(d, real)
    skin = d.jitter(d.pick([(45, 40, 40), (150, 75, 35), (140, 120, 100), (205, 195, 180)]), 10)
    face = d.pick([shade(skin, d.u(0.5, 0.9)), d.jitter((190, 120, 110), 12), d.jitter((215, 175, 145), 10)])
    t.update(skin=skin, skin2=face, body=skin, line=shade(skin, 0.4), coat="fur", body_kind=d.pick(["fur", "ruff"]))
    h, m = t["head"], t["mouth"]
    t["eyes"] = replace(
        t["eyes"], x=d.u(0.24, 0.34), w=d.u(0.09, 0.13), up=0.09, low=0.07, kind=d.pick(["animal", "dot"])
    )
    t["nose"] = replace(t["nose"], kind=d.pick(["holes", "human"]), w=d.u(0.12, 0.22), h=d.u(0.08, 0.14))
    t["mouth"] = replace(m, y=m.y + 0.06, w=d.u(0.26, 0.4))
    t["head"] = replace(h, bottom=max(h.bottom, m.y + 0.38), cheek=d.u(0, 0.3), cheek_y=0.3, fuzz=0.04 if real else 0.0)
    t["muzzle"] = Muzzle(
        d.pick(["bulge", "ellipse", "snout"]),
        y=t["mouth"].y - 0.04,
        w=d.u(0.42, 0.6),
        h=d.u(0.28, 0.38),
        colour=mix(face, d.pick([(255, 235, 215), (40, 30, 30)]), d.u(0, 0.35)),
        lift=d.u(0.12, 0.3),
    )
    t["extras"] = tuple(x for x, p in (("wrinkles", 0.6), ("cheekfur", 0.4), ("goatee", 0.4)) if d.chance(p))
    return t


def reptile(d: Dice, real: bool) -> Traits:
    """Turtles, lizards, dragons, fishes: no ears, slit eyes, a wide mouth, scales, horns or fins."""
    t = frog(d, real)
    skin = hsv(d.u(0, 1), d.u(0.2, 0.8), d.u(0.35, 0.9))
    y: Eyes = t["eyes"]
    t["eyes"] = replace(
        y,
        y=-d.u(0.05, 0.35),
        x=d.u(0.45, 0.62),
        kind=d.pick(["animal", "sclera", "dot"]),
        pupil_shape=d.pick(["slit", "round"]),
        colour=hsv(d.u(0, 0.3), 0.8, 0.9),
    )
    t["head"] = replace(t["head"], top=d.u(0.65, 0.95), bottom=d.u(0.8, 1.15), q_bot=d.u(1.2, 2.2))
    t["nose"] = replace(t["nose"], y=t["eyes"].y + d.u(0.2, 0.35), root=t["eyes"].y)
    t["mouth"] = replace(t["mouth"], y=d.u(0.4, 0.55), w=d.u(0.3, 0.65))
    t.update(
        skin=skin,
        skin2=shade(skin, 1.3),
        body=skin,
        line=shade(skin, 0.3),
        markings=d.pick([("scales",), ("spots",), ("tiger",)]),
        extras=tuple(x for x, p in (("fins", 0.3), ("horns", 0.3), ("gloss", 0.3)) if d.chance(p)),
    )
    return t


def fowl(d: Dice, real: bool) -> Traits:
    """Ducks, penguins, parrots, chickens: broad or long beaks, bare or dark heads."""
    t = bird(d, real)
    m: Mouth = t["mouth"]
    skin = d.pick([(250, 215, 70), (40, 42, 50), (245, 245, 240), t["skin"]])
    t.update(
        skin=d.jitter(skin, 6),
        body=skin,
        line=shade(skin, 0.35),
        markings=d.pick([("facedisc",), ("cap",), ("badger",), ()]),
    )
    t["skin2"] = (246, 246, 242)
    t["mouth"] = replace(m, w=d.u(0.14, 0.5), thick_low=d.u(0.06, 0.2))
    t["extras"] = d.pick([("crest",), ("forelock",), ()])
    return t


def bunny(d: Dice, real: bool) -> Traits:
    """Small soft animals of one colour: hamsters, chinchillas, rabbits, squirrels."""
    t = d.pick([rabbit, mouse])(d, real)
    t["eyes"] = replace(t["eyes"], kind="dot", x=d.u(0.42, 0.6), shine=d.u(0.2, 0.4))
    t.update(markings=d.pick([("zones",), ("whitechin",), ("badger",)]), coat="fur", body_kind=d.pick(["fur", "ruff"]))
    t["brows"] = Brows(gap=t["eyes"].up + 0.14, shown=False, w=0.2)
    return t
