"""Casting of the furry kinds that live with people, and the generic furry head all others start from."""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.parts.palette import INK, fur_colour
from faceshot_gallery.parts.traits import (
    Brows,
    Colour,
    Dice,
    Ears,
    Eyes,
    Head,
    Mouth,
    Muzzle,
    Nose,
    Traits,
    hsv,
    mix,
    shade,
)

# The tables of ranges below are filled paragraphs, not one argument per line.
# fmt: off


def animal_eyes(d: Dice, x: float, y: float, size: float, real: bool) -> Eyes:
    """Solid dark eyes for drawn animals, iris-filled eyes for realistic ones."""
    w = size * d.u(0.75, 1.3)
    kind = d.pick(["dot", "animal", "sclera", "button"], [2, 6, 0.3, 0.2] if real else [6, 2, 2.2, 0.5])
    aspect = d.u(0.7, 1.05) if kind == "animal" else d.u(0.85, 1.65)
    q = d.u(1.2, 2.0) if kind == "animal" else 2.0
    iris = hsv(d.pick([d.u(0.05, 0.13), d.u(0.2, 0.35), d.u(0.5, 0.6)], [6, 2, 1]), d.u(0.3, 0.9), d.u(0.15, 0.85))
    return Eyes(
        kind=kind, x=x * d.u(0.88, 1.12), y=y, w=w, up=w * aspect, low=w * aspect * d.u(0.75, 1.0), q=q, q_low=q,
        slant=d.u(-4, 14) if kind == "animal" else d.u(-8, 8), iris=d.u(0.8, 1.05), pupil=d.u(0.4, 0.95),
        colour=iris, white=d.pick([iris, (245, 245, 240), (60, 40, 30)], [4, 1, 2]) if kind == "animal" else (250,
            250, 250),
        lash=d.u(0.015, 0.04), shine=d.pick([0, d.u(0.2, 0.45)], [1, 4]), dark=d.jitter(INK, 6), shut=d.u(0.2, 0.9),
        rim=d.pick([0.0, d.u(0.02, 0.05)], [2, 1]) if real else 0.0,
    )


def stroke_mouth(d: Dice, y: float, w: float, *, wave: bool, frown: bool = False) -> Mouth:
    t = d.u(0.012, 0.045)
    m = Mouth(
        kind="stroke", y=y, w=w, thick_up=t, thick_low=t * d.u(0.9, 1.3), smile=d.u(-0.05, 0.14),
        wave=d.u(0.03, 0.12) if wave else 0.0, colour=d.jitter((50, 28, 30), 10),
        inside=d.jitter((120, 35, 40), 14), teeth=d.pick(["none", "fangs", "top"], [5, 1, 1]), tongue=d.chance(0.75),
        open_gain=d.u(0.3, 0.5), flat_top=d.u(0.05, 0.35), tilt=d.n(0, 2),
    )
    if frown or (wave and d.chance(0.2)):
        m = replace(m, wave=0.0, smile=-d.u(0.06, 0.16))
    return m


def animal(d: Dice, real: bool, *, skin: Colour | None = None) -> Traits:
    """A generic furry head that the animals below change."""
    skin = fur_colour(d) if skin is None else skin
    pale = mix(skin, (250, 245, 238), d.u(0.45, 0.95))
    top, bottom = d.u(0.75, 1.0), d.u(0.72, 1.05)
    eye_y = d.u(-0.25, 0.05)
    nose_y = eye_y + d.u(0.3, 0.6) * bottom
    nose_h = d.u(0.07, 0.15)
    mouth_y = nose_y + nose_h + d.u(0.06, 0.22)
    t: Traits = {
        "head": Head(
            width=1.0, top=top, bottom=max(bottom, mouth_y + 0.22), p_top=d.u(1.9, 2.6), q_top=d.u(1.9, 2.4),
            p_bot=d.u(1.8, 2.6), q_bot=d.u(1.6, 2.5), cheek=d.u(-0.05, 0.15), cheek_y=d.u(0.15, 0.45),
            cheek_span=d.u(0.4, 0.7), cheek_sharp=d.u(1, 2), fuzz=d.u(0.0, 0.05) if real else d.pick([0, 0.02]),
            side_y=eye_y - 0.12, jaw_drop=d.u(0.03, 0.1), depth=d.u(0.5, 0.8), chin=0.25,
        ),
        "eyes": animal_eyes(d, d.u(0.34, 0.5), eye_y, 0.15, real),
        "nose": Nose(
            kind="pad", y=nose_y, w=d.u(0.1, 0.2), h=nose_h, root=eye_y, lift=d.u(0.15, 0.35), vee=d.u(0.1, 0.9),
            colour=d.pick([INK, d.jitter((70, 45, 45)), d.jitter((225, 140, 145), 15)], [5, 2, 2]),
        ),
        "mouth": stroke_mouth(d, mouth_y, d.u(0.16, 0.36), wave=True),
        "brows": Brows(gap=d.u(0.24, 0.36), shown=False, w=d.u(0.16, 0.24)),
        "muzzle": Muzzle(
            kind=d.pick(["none", "ellipse", "cheeks", "bulge"], [2, 3, 2, 2]), y=(nose_y + mouth_y) / 2 + 0.08,
            w=d.u(0.32, 0.55), h=d.u(0.26, 0.45), colour=pale if d.chance(0.8) else shade(skin, d.u(0.3, 0.7)),
        ),
        "skin": skin, "skin2": pale, "coat": "fur" if real else d.pick(["skin", "fur"], [3, 1]),
        "line": shade(skin, 0.35), "markings": (), "extras": ("philtrum",), "body": skin,
        "body_kind": d.pick(["none", "fur"], [1, 4]) if real else d.pick(["none", "fur", "shoulders"], [5, 3, 1]),
    }
    if d.chance(0.35):
        t["brows"] = replace(t["brows"], shown=d.chance(0.25), thick=d.u(0.03, 0.06), colour=shade(skin, 0.4))
    return t


def cat(d: Dice, real: bool) -> Traits:
    t = animal(d, real)
    h: Head = t["head"]
    t["head"] = replace(h, top=d.u(0.68, 0.85), bottom=max(d.u(0.62, 0.85), t["mouth"].y + 0.17),
        cheek=d.u(0.0, 0.15))
    t["ears"] = Ears("tri", d.u(0.5, 0.68), -d.u(0.4, 0.55), d.u(0.55, 0.85), d.u(0.36, 0.5), d.u(8, 24),
        d.jitter((235, 165, 160), 14))
    t["eyes"] = replace(t["eyes"], pupil_shape=d.pick(["slit", "round"]), slant=d.u(0, 12))
    t["nose"] = replace(t["nose"], w=d.u(0.06, 0.13), h=d.u(0.05, 0.09), vee=d.u(0.6, 1.0))
    t["extras"] += ("whiskers",) if d.chance(0.8) else ()
    t["markings"] = d.pick([("tabby",), ("blaze",), ()], [3, 1, 2])
    return t


def dog(d: Dice, real: bool) -> Traits:
    t = animal(d, real)
    kind = d.pick(["flop", "tri"], [3, 2])
    if kind == "flop":
        t["ears"] = Ears("flop", d.u(0.68, 0.85), -d.u(0.4, 0.65), d.u(0.7, 1.1), d.u(0.3, 0.45), d.u(120, 160),
            shade(t["skin"], 0.7))
    else:
        t["ears"] = Ears("tri", d.u(0.55, 0.72), -d.u(0.45, 0.6), d.u(0.45, 0.7), d.u(0.3, 0.42), d.u(10, 30),
            shade(t["skin"], 0.75))
    t["nose"] = replace(t["nose"], w=d.u(0.13, 0.24), h=d.u(0.1, 0.17), vee=d.u(0, 0.5), colour=d.jitter(INK, 8))
    m: Muzzle = t["muzzle"]
    t["muzzle"] = replace(m, kind=d.pick(["ellipse", "bulge"]), w=d.u(0.4, 0.55), h=d.u(0.36, 0.5))
    t["head"] = replace(t["head"], width=d.u(0.85, 1.0), cheek=d.u(0, 0.2))
    t["markings"] = d.pick([("blaze",), ("eyepatch",), ("browspots",), ()], [2, 1, 2, 2])
    if d.chance(0.4):
        t["extras"] += ("tongue",)
    if d.chance(0.4):
        t["extras"] += ("collar",)
    return t


def rabbit(d: Dice, real: bool) -> Traits:
    t = cat(d, real)
    t["ears"] = Ears("long", d.u(0.3, 0.45), -d.u(0.55, 0.7), d.u(1.1, 1.5), d.u(0.24, 0.32), d.u(-2, 18),
        d.jitter((240, 180, 180), 12))
    t["head"] = replace(t["head"], width=d.u(0.8, 0.95), p_bot=2.2, cheek=d.u(0, 0.15))
    t["mouth"] = replace(t["mouth"], w=d.u(0.12, 0.24))
    t["markings"] = ()
    t["extras"] = ("philtrum", "buckteeth") if d.chance(0.6) else ("philtrum", "whiskers")
    t["eyes"] = replace(t["eyes"], pupil_shape="round")
    return t


def mouse(d: Dice, real: bool) -> Traits:
    t = rabbit(d, real)
    t["ears"] = Ears("round", d.u(0.72, 0.9), -d.u(0.55, 0.75), d.u(0.42, 0.6), d.u(0.4, 0.56), d.u(30, 45),
        d.jitter((240, 180, 180), 12))
    t["head"] = replace(t["head"], p_bot=1.6, q_bot=1.15, bottom=max(0.95, t["mouth"].y + 0.2), cheek=0.1)
    t["nose"] = replace(t["nose"], kind="ball", w=d.u(0.08, 0.14), h=d.u(0.07, 0.11),
        colour=d.pick([(235, 130, 145), INK]))
    t["extras"] = ("philtrum", "whiskers")
    return t


def pig(d: Dice, real: bool) -> Traits:
    t = animal(d, real, skin=d.jitter((242, 175, 175), 12))
    n: Nose = t["nose"]
    t["nose"] = replace(n, kind="snout", y=n.y - 0.05, w=d.u(0.24, 0.34), h=d.u(0.18, 0.25), vee=0,
        colour=shade(t["skin"], d.u(0.82, 0.95)))
    t["mouth"] = replace(t["mouth"], y=n.y + d.u(0.26, 0.36), wave=0.0, smile=d.u(0.02, 0.14), w=d.u(0.2, 0.36))
    t["head"] = replace(t["head"], bottom=max(0.95, t["mouth"].y + 0.22), fuzz=0.0)
    t["muzzle"] = replace(t["muzzle"], kind="none")
    t["ears"] = Ears("tri", d.u(0.55, 0.7), -d.u(0.5, 0.62), d.u(0.4, 0.55), d.u(0.3, 0.42), d.u(25, 55),
        shade(t["skin"], 0.85))
    t.update(extras=(), coat="skin", line=shade(t["skin"], 0.5))
    return t
