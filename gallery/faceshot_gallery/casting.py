"""Casting: from a domain and a seed to the traits of one character. All the randomness of proportions lives here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faceshot_gallery.traits import (
    STYLES,
    Brows,
    Character,
    Colour,
    Dice,
    Ears,
    Eyes,
    Hair,
    Head,
    Mouth,
    Muzzle,
    Nose,
    Style,
    Traits,
    hsv,
    luma,
    mix,
    shade,
)

INK: Colour = (32, 26, 28)


def human_skin(d: Dice) -> Colour:
    """A human skin tone, from pale to dark, with some warmth variation."""
    t = d.u(0, 1)
    light, mid, dark = (250, 218, 195), (205, 150, 112), (96, 60, 42)
    c = mix(light, mid, t * 1.6) if t < 0.6 else mix(mid, dark, (t - 0.6) / 0.4)
    return d.jitter(c, 7)


def hair_colour(d: Dice) -> Colour:
    return d.jitter(d.pick([(30, 24, 24), (62, 40, 28), (110, 70, 40), (190, 150, 90), (150, 60, 35), (150, 150, 152)]), 10)


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
        colour=iris, white=d.pick([iris, (245, 245, 240), (60, 40, 30)], [4, 1, 2]) if kind == "animal" else (250, 250, 250),
        lash=d.u(0.015, 0.04), shine=d.pick([0, d.u(0.2, 0.45)], [1, 4]), dark=d.jitter(INK, 6), shut=d.u(0.2, 0.9),
        rim=d.pick([0.0, d.u(0.02, 0.05)], [2, 1]) if real else 0.0,
    )  # fmt: skip


def stroke_mouth(d: Dice, y: float, w: float, *, wave: bool, frown: bool = False) -> Mouth:
    t = d.u(0.012, 0.045)
    m = Mouth(
        kind="stroke", y=y, w=w, thick_up=t, thick_low=t * d.u(0.9, 1.3), smile=d.u(-0.05, 0.14),
        wave=d.u(0.03, 0.12) if wave else 0.0, colour=d.jitter((50, 28, 30), 10),
        inside=d.jitter((120, 35, 40), 14), teeth=d.pick(["none", "fangs", "top"], [5, 1, 1]), tongue=d.chance(0.75),
        open_gain=d.u(0.3, 0.5), flat_top=d.u(0.05, 0.35), tilt=d.n(0, 2),
    )  # fmt: skip
    if frown or (wave and d.chance(0.2)):
        m = replace(m, wave=0.0, smile=-d.u(0.06, 0.16))
    return m


def _animal(d: Dice, real: bool, *, skin: Colour | None = None) -> Traits:
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
    }  # fmt: skip
    if d.chance(0.35):
        t["brows"] = replace(t["brows"], shown=d.chance(0.25), thick=d.u(0.03, 0.06), colour=shade(skin, 0.4))
    return t


def _cat(d: Dice, real: bool) -> Traits:
    t = _animal(d, real)
    h: Head = t["head"]
    t["head"] = replace(h, top=d.u(0.68, 0.85), bottom=max(d.u(0.62, 0.85), t["mouth"].y + 0.17), cheek=d.u(0.0, 0.15))
    t["ears"] = Ears("tri", d.u(0.5, 0.68), -d.u(0.4, 0.55), d.u(0.55, 0.85), d.u(0.36, 0.5), d.u(8, 24), d.jitter((235, 165, 160), 14))
    t["eyes"] = replace(t["eyes"], pupil_shape=d.pick(["slit", "round"]), slant=d.u(0, 12))
    t["nose"] = replace(t["nose"], w=d.u(0.06, 0.13), h=d.u(0.05, 0.09), vee=d.u(0.6, 1.0))
    t["extras"] += ("whiskers",) if d.chance(0.8) else ()
    t["markings"] = d.pick([("tabby",), ("blaze",), ()], [3, 1, 2])
    return t


def _dog(d: Dice, real: bool) -> Traits:
    t = _animal(d, real)
    kind = d.pick(["flop", "tri"], [3, 2])
    if kind == "flop":
        t["ears"] = Ears("flop", d.u(0.68, 0.85), -d.u(0.4, 0.65), d.u(0.7, 1.1), d.u(0.3, 0.45), d.u(120, 160), shade(t["skin"], 0.7))
    else:
        t["ears"] = Ears("tri", d.u(0.55, 0.72), -d.u(0.45, 0.6), d.u(0.45, 0.7), d.u(0.3, 0.42), d.u(10, 30), shade(t["skin"], 0.75))
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


def _bear(d: Dice, real: bool) -> Traits:
    skin = d.pick([hsv(d.u(0.04, 0.1), d.u(0.4, 0.65), d.u(0.3, 0.6)), (235, 232, 225), (60, 50, 48)], [5, 1, 1])
    t = _animal(d, real, skin=d.jitter(skin, 8))
    t["ears"] = Ears("round", d.u(0.68, 0.85), -d.u(0.5, 0.7), d.u(0.26, 0.38), d.u(0.24, 0.34), d.u(30, 50), t["skin2"])
    t["muzzle"] = replace(t["muzzle"], kind="ellipse", w=d.u(0.34, 0.5), h=d.u(0.3, 0.42))
    t["nose"] = replace(t["nose"], w=d.u(0.13, 0.2), vee=d.u(0.1, 0.6), colour=d.jitter(INK, 8))
    t["eyes"] = replace(t["eyes"], w=t["eyes"].w * 0.7, up=t["eyes"].up * 0.75, low=t["eyes"].low * 0.75)
    return t


def _panda(d: Dice, real: bool) -> Traits:
    t = _bear(d, real)
    t.update(skin=d.jitter((246, 244, 240), 4), skin2=(246, 244, 240), line=(60, 58, 60))
    t["ears"] = replace(t["ears"], inner=(45, 42, 45), tip=(45, 42, 45))
    t["eyes"] = replace(t["eyes"], patch=d.u(0.08, 0.17), shine=d.u(0.3, 0.45), kind=d.pick(["dot", "animal", "sclera"]), colour=(70, 45, 30))
    t["muzzle"] = replace(t["muzzle"], kind=d.pick(["none", "bulge"]), colour=(250, 248, 245))
    t["markings"] = ("darkears",)
    return t


def _koala(d: Dice, real: bool) -> Traits:
    t = _bear(d, real)
    grey = hsv(d.u(0.55, 0.7), d.u(0.02, 0.15), d.u(0.55, 0.75))
    t.update(skin=grey, skin2=shade(grey, 1.5), line=shade(grey, 0.4), body=grey)
    t["ears"] = replace(t["ears"], x=d.u(0.85, 1.0), y=-d.u(0.35, 0.6), length=d.u(0.5, 0.65), width=d.u(0.45, 0.55), inner=d.jitter((225, 190, 190)), angle=60)
    n: Nose = t["nose"]
    t["nose"] = replace(n, kind="ball", w=d.u(0.16, 0.24), h=d.u(0.24, 0.34), y=n.y - 0.12, colour=d.jitter((50, 46, 52), 6))
    t["mouth"] = replace(t["mouth"], y=n.y + d.u(0.25, 0.32), w=d.u(0.14, 0.24))
    t["head"] = replace(t["head"], bottom=max(t["head"].bottom, t["mouth"].y + 0.22))
    t["muzzle"] = replace(t["muzzle"], kind="none")
    return t


def _fox(d: Dice, real: bool) -> Traits:
    orange = d.pick([hsv(d.u(0.03, 0.09), d.u(0.7, 0.95), d.u(0.75, 1.0)), hsv(d.u(0.5, 0.7), d.u(0, 0.15), d.u(0.5, 0.9))], [5, 1])
    t = _animal(d, real, skin=orange)
    chin = d.u(0.85, 1.1)
    ny = chin - d.u(0.3, 0.42)
    t["head"] = Head(
        width=d.u(0.72, 0.85), top=d.u(0.75, 0.9), bottom=chin, p_bot=d.u(1.3, 1.8), q_bot=d.u(0.9, 1.1), cheek=d.u(0.25, 0.5),
        cheek_y=d.u(0.15, 0.35), cheek_span=d.u(0.55, 0.7), cheek_sharp=d.u(0.9, 1.2), fuzz=0.03 if real else 0,
        side_y=t["eyes"].y - 0.1, jaw_drop=0.05,
    )  # fmt: skip
    t["eyes"] = replace(t["eyes"], x=d.u(0.3, 0.38), slant=d.u(4, 18), w=t["eyes"].w * 0.85)
    t["nose"] = replace(t["nose"], y=ny, w=d.u(0.09, 0.15), h=d.u(0.07, 0.11), lift=0.4, colour=d.jitter(INK, 6))
    t["mouth"] = replace(t["mouth"], y=ny + d.u(0.15, 0.19), w=d.u(0.14, 0.24), thick_up=0.016, thick_low=0.016, wave=d.u(0.02, 0.05), smile=0.02)
    t["ears"] = Ears("tri", d.u(0.42, 0.55), -d.u(0.42, 0.55), d.u(0.7, 1.0), d.u(0.3, 0.42), d.u(6, 18), mix(orange, (40, 30, 30), 0.5), tip=(45, 38, 40))
    t.update(skin2=(248, 244, 238), markings=("foxcheeks",))
    t["muzzle"] = replace(t["muzzle"], kind="none")
    return t


def _rabbit(d: Dice, real: bool) -> Traits:
    t = _cat(d, real)
    t["ears"] = Ears("long", d.u(0.3, 0.45), -d.u(0.55, 0.7), d.u(1.1, 1.5), d.u(0.24, 0.32), d.u(-2, 18), d.jitter((240, 180, 180), 12))
    t["head"] = replace(t["head"], width=d.u(0.8, 0.95), p_bot=2.2, cheek=d.u(0, 0.15))
    t["mouth"] = replace(t["mouth"], w=d.u(0.12, 0.24))
    t["markings"] = ()
    t["extras"] = ("philtrum", "buckteeth") if d.chance(0.6) else ("philtrum", "whiskers")
    t["eyes"] = replace(t["eyes"], pupil_shape="round")
    return t


def _mouse(d: Dice, real: bool) -> Traits:
    t = _rabbit(d, real)
    t["ears"] = Ears("round", d.u(0.72, 0.9), -d.u(0.55, 0.75), d.u(0.42, 0.6), d.u(0.4, 0.56), d.u(30, 45), d.jitter((240, 180, 180), 12))
    t["head"] = replace(t["head"], p_bot=1.6, q_bot=1.15, bottom=max(0.95, t["mouth"].y + 0.2), cheek=0.1)
    t["nose"] = replace(t["nose"], kind="ball", w=d.u(0.08, 0.14), h=d.u(0.07, 0.11), colour=d.pick([(235, 130, 145), INK]))
    t["extras"] = ("philtrum", "whiskers")
    return t


def _monkey(d: Dice, real: bool) -> Traits:
    t = _animal(d, real, skin=d.jitter(d.pick([(110, 70, 45), (150, 110, 75), (60, 48, 42), (170, 150, 130)]), 10))
    face = d.jitter(d.pick([(240, 200, 160), (225, 170, 140), (80, 62, 56), (205, 150, 130)], [4, 3, 2, 2]), 8)
    t["ears"] = Ears("round", d.u(0.98, 1.08), -d.u(0.0, 0.2), d.u(0.26, 0.4), d.u(0.24, 0.36), 90, face)
    t.update(skin2=face, markings=("monkeyface",))
    t["muzzle"] = replace(t["muzzle"], kind=d.pick(["none", "bulge"]), colour=mix(face, (255, 240, 220), 0.2), w=d.u(0.5, 0.62), h=d.u(0.35, 0.45))
    t["nose"] = replace(t["nose"], kind=d.pick(["holes", "pad", "line"]), w=d.u(0.09, 0.16), h=d.u(0.06, 0.1), colour=shade(face, 0.4))
    lips = d.chance(0.45)
    w = d.u(0.28, 0.46)
    if lips:
        t["mouth"] = Mouth("lips", y=t["mouth"].y + 0.05, w=w, thick_up=d.u(0.05, 0.09), thick_low=d.u(0.06, 0.12), smile=d.u(-0.04, 0.06), colour=d.pick([(225, 90, 50), shade(face, 0.75)]), teeth=d.pick(["none", "top", "both"]))
    else:
        t["mouth"] = replace(t["mouth"], wave=0.0, smile=d.u(0.0, 0.14), w=w)
    t["extras"] = ()
    h: Head = t["head"]
    t["head"] = replace(h, width=d.u(0.88, 1.0), bottom=max(h.bottom, t["mouth"].y + 0.3), side_y=t["eyes"].y)
    return t


def _lion(d: Dice, real: bool) -> Traits:
    t = _cat(d, real)
    skin = hsv(d.u(0.08, 0.12), d.u(0.4, 0.75), d.u(0.75, 0.95))
    t.update(skin=skin, skin2=mix(skin, (255, 250, 235), 0.6), line=shade(skin, 0.4), markings=(), body=skin)
    t["hair"] = Hair("mane", shade(d.jitter(skin), d.u(0.4, 0.75)), volume=d.u(0.35, 0.6))
    t["ears"] = Ears("round", d.u(0.68, 0.8), -d.u(0.5, 0.65), d.u(0.24, 0.32), d.u(0.24, 0.3), 40, t["skin2"])
    t["nose"] = replace(t["nose"], w=d.u(0.15, 0.22), h=d.u(0.09, 0.13))
    t["head"] = replace(t["head"], bottom=max(0.95, t["mouth"].y + 0.28), width=d.u(0.85, 0.95))
    return t


def _pig(d: Dice, real: bool) -> Traits:
    t = _animal(d, real, skin=d.jitter((242, 175, 175), 12))
    n: Nose = t["nose"]
    t["nose"] = replace(n, kind="snout", y=n.y - 0.05, w=d.u(0.24, 0.34), h=d.u(0.18, 0.25), vee=0, colour=shade(t["skin"], d.u(0.82, 0.95)))
    t["mouth"] = replace(t["mouth"], y=n.y + d.u(0.26, 0.36), wave=0.0, smile=d.u(0.02, 0.14), w=d.u(0.2, 0.36))
    t["head"] = replace(t["head"], bottom=max(0.95, t["mouth"].y + 0.22), fuzz=0.0)
    t["muzzle"] = replace(t["muzzle"], kind="none")
    t["ears"] = Ears("tri", d.u(0.55, 0.7), -d.u(0.5, 0.62), d.u(0.4, 0.55), d.u(0.3, 0.42), d.u(25, 55), shade(t["skin"], 0.85))
    t.update(extras=(), coat="skin", line=shade(t["skin"], 0.5))
    return t


def _llama(d: Dice, real: bool) -> Traits:
    skin = d.pick([(244, 240, 234), (226, 208, 180), (150, 110, 80), (90, 72, 62)], [4, 2, 1, 1])
    t = _animal(d, real, skin=d.jitter(skin, 7))
    chin = d.u(1.05, 1.45)
    ny = chin - d.u(0.38, 0.55)
    ey = d.u(-0.3, 0.1)
    t["head"] = Head(
        width=d.u(0.72, 0.95), top=d.u(0.85, 1.05), bottom=chin, p_bot=d.u(1.7, 2.3), q_bot=d.u(1.2, 1.9), cheek=d.u(0, 0.1),
        fuzz=d.u(0.02, 0.05), side_y=ey - 0.2, jaw_drop=0.06,
    )  # fmt: skip
    t["eyes"] = replace(t["eyes"], x=d.u(0.4, 0.6) * t["head"].width, y=ey, kind=d.pick(["animal", "dot"], [3, 1]), colour=(70, 45, 30), white=(40, 28, 24))
    t["nose"] = replace(t["nose"], y=ny, root=ey, w=d.u(0.12, 0.22), h=d.u(0.07, 0.12), kind=d.pick(["pad", "holes"]), colour=d.jitter(d.pick([(90, 70, 66), (205, 150, 145)]), 12))
    t["mouth"] = replace(t["mouth"], y=ny + d.u(0.18, 0.26), w=d.u(0.15, 0.32), smile=d.u(0.02, 0.12), wave=d.u(0, 0.05))
    t["ears"] = Ears("long", d.u(0.5, 0.65), -d.u(0.55, 0.75), d.u(0.65, 0.95), d.u(0.2, 0.28), d.u(8, 25), d.jitter((225, 165, 160), 12))
    t["hair"] = Hair("wool", mix(skin, (255, 252, 246), 0.4), line=ey - d.u(0.25, 0.4), volume=d.u(0.1, 0.25))
    t["muzzle"] = replace(t["muzzle"], kind=d.pick(["none", "bulge", "ellipse"]), y=ny + 0.1, w=d.u(0.3, 0.42), h=d.u(0.26, 0.36))
    t.update(coat="fur", body_kind="longneck", markings=())
    return t


def _bird(d: Dice, real: bool) -> Traits:
    t = _animal(d, real, skin=hsv(d.u(0, 1), d.u(0.3, 0.85), d.u(0.45, 1.0)))
    ey = d.u(-0.25, 0.0)
    by = ey + d.u(0.28, 0.45)
    beak = d.pick([hsv(d.u(0.06, 0.13), d.u(0.7, 0.95), d.u(0.85, 1.0)), (70, 66, 70)], [5, 1])
    w = d.u(0.18, 0.34)
    t["nose"] = Nose("none", y=by - 0.06, w=w * 0.55, h=d.u(0.1, 0.2), root=ey, lift=0.4, shown=True)
    t["mouth"] = Mouth("beak", y=by + 0.06, w=w, thick_up=0.02, thick_low=d.u(0.1, 0.26), smile=d.u(-0.02, 0.1), colour=beak, lift=0.4, open_gain=0.35, flat_top=0.1)
    t["ears"] = Ears("none")
    t["extras"] = d.pick([("crest",), ()])
    t["muzzle"] = replace(t["muzzle"], kind="none")
    t["markings"] = d.pick([("facedisc",), ("cap",), ()], [1, 1, 3])
    t["eyes"] = replace(t["eyes"], y=ey)
    t["head"] = replace(t["head"], bottom=max(0.85, by + 0.4), cheek=0)
    return t


def _owl(d: Dice, real: bool) -> Traits:
    t = _bird(d, real)
    t.update(skin=fur_colour(d), markings=("facedisc",), extras=())
    t.update(body=t["skin"], line=shade(t["skin"], 0.35))
    t["skin2"] = mix(t["skin"], (250, 240, 225), d.u(0.4, 0.9))
    t["ears"] = Ears("tri", d.u(0.6, 0.8), -d.u(0.45, 0.6), d.u(0.35, 0.5), d.u(0.22, 0.32), d.u(15, 30), shade(t["skin"], 0.7))
    r = d.u(0.22, 0.32)
    t["eyes"] = Eyes(d.pick(["animal", "sclera"]), d.u(0.36, 0.44), t["eyes"].y, r, r, r, iris=d.u(0.75, 1.0), pupil=d.u(0.4, 0.7), colour=hsv(d.u(0.08, 0.15), 0.9, 0.95), white=d.pick([(250, 245, 235), (240, 190, 60)]), shine=0.3, lash=0.03)
    m: Mouth = t["mouth"]
    t["mouth"] = replace(m, w=d.u(0.1, 0.16), thick_low=d.u(0.12, 0.22))
    t["nose"] = replace(t["nose"], w=0.07, h=0.12)
    return t


def _frog(d: Dice, real: bool) -> Traits:
    t = _animal(d, False, skin=hsv(d.u(0.2, 0.42), d.u(0.4, 0.85), d.u(0.45, 0.9)))
    r = d.u(0.2, 0.3)
    ey = -d.u(0.45, 0.7)
    t["eyes"] = Eyes(d.pick(["sclera", "animal", "dot"], [3, 2, 1]), d.u(0.45, 0.62), ey, r, r, r, iris=d.u(0.5, 0.9), pupil=d.u(0.5, 0.95), pupil_shape=d.pick(["round", "bar"]), colour=d.pick([hsv(d.u(0.1, 0.16), 0.9, 0.9), INK]), lash=0.03, white=d.pick([(250, 250, 250), (235, 200, 70)]))
    t["head"] = Head(width=1.0, top=d.u(0.45, 0.6), bottom=d.u(0.7, 0.95), p_bot=2.2, p_top=2.2, side_y=-0.1, jaw_drop=0.08)
    t["nose"] = Nose("holes", y=d.u(-0.18, -0.05), w=d.u(0.06, 0.12), h=0.06, root=ey, colour=shade(t["skin"], 0.4), lift=0.2)
    t["mouth"] = stroke_mouth(d, d.u(0.15, 0.38), d.u(0.4, 0.75), wave=False)
    t["mouth"] = replace(t["mouth"], smile=d.u(0.0, 0.25))
    t["muzzle"] = Muzzle(d.pick(["none", "ellipse"]), y=0.5, w=0.7, h=0.35, colour=mix(t["skin"], (245, 250, 200), 0.55))
    t.update(ears=Ears("none"), extras=("eyebumps",), coat="skin", markings=d.pick([("spots",), ()]), body_kind=d.pick(["none", "fur"]))
    return t


def _person(d: Dice, real: bool) -> Traits:
    skin = human_skin(d)
    bottom = d.u(1.15, 1.45)
    ey = d.u(-0.12, 0.06)
    w = d.u(0.17, 0.25)
    o = d.u(0.36, 0.6)
    ny = ey + d.u(0.42, 0.58) * bottom / 1.25
    my = ny + d.u(0.3, 0.42) * bottom / 1.3
    hair = hair_colour(d)
    female = d.chance(0.5)
    lip = mix(skin, (190, 60, 70), d.u(0.35, 0.75) if female else d.u(0.18, 0.4))
    t: Traits = {
        "head": Head(
            width=d.u(0.88, 1.0), top=d.u(1.1, 1.35), bottom=bottom, p_bot=d.u(1.9, 3.0), q_bot=d.u(1.6, 2.3), p_top=2.2, q_top=2.1,
            cheek=d.u(-0.04, 0.06), cheek_y=d.u(0.2, 0.7), cheek_span=0.5, cheek_sharp=2, side_y=ey, jaw_drop=d.u(0.1, 0.18), depth=d.u(0.6, 0.85),
        ),
        "eyes": Eyes(
            "human" if d.chance(0.85) else d.pick(["dot", "sclera"]), d.u(0.38, 0.47), ey, w, w * o * d.u(0.9, 1.3), w * o * d.u(0.5, 0.9), p=2.0, q=d.u(1.1, 1.7), p_low=2.0, q_low=d.u(1.0, 1.7),
            slant=d.u(-5, 8), iris=d.u(0.85, 1.2), pupil=d.u(0.35, 0.55), colour=d.pick([(75, 48, 30), (100, 80, 45), (70, 110, 90), (80, 120, 165)]),
            white=d.jitter((240, 236, 230), 6), lash=d.u(0.015, 0.045 if female else 0.03), shine=d.u(0.15, 0.3), crease=d.chance(0.6),
        ),
        "brows": Brows(gap=d.u(0.2, 0.32), w=d.u(0.22, 0.3), arch=d.u(0.02, 0.09), tilt=d.u(-8, 10), thick=d.u(0.03, 0.09), colour=mix(hair, skin, d.u(0, 0.4)), shown=d.chance(0.94)),
        "nose": Nose("human" if real or d.chance(0.25) else d.pick(["line", "hook", "wedge"]), ny, d.u(0.14, 0.24), d.u(0.1, 0.16), ey - 0.03, d.u(0.15, 0.35), shade(skin, d.u(0.55, 0.8))),
        "mouth": Mouth("lips", 0.0, my, d.u(0.26, 0.4), d.u(0.03, 0.07), d.u(0.04, 0.09), d.u(-0.03, 0.05), 0.0, d.u(0, 0.025), colour=lip, inside=d.jitter((80, 22, 26), 8), teeth=d.pick(["top", "both", "none"], [3, 1, 1]), flat_top=d.u(0.1, 0.35), open_gain=d.u(0.35, 0.5), tilt=d.n(0, 1)),
        "ears": Ears("human", d.u(0.97, 1.03), ey + d.u(0.15, 0.3), d.u(0.2, 0.32), d.u(0.09, 0.17), d.u(5, 25), shade(skin, 0.85)) if d.chance(0.7) else Ears("none"),
        "hair": Hair(d.pick(["short", "fringe", "parted", "bald", "curly", "hood", "cap"], [4, 3, 4, 1, 2, 1.2, 0.8]), hair, ey - d.u(0.55, 0.75), d.u(0.08, 0.3), d.u(0.2, 1.4), back=female or d.chance(0.2), teeth=int(d.u(4, 11))),
        "skin": skin, "skin2": shade(skin, 1.3), "line": shade(skin, 0.35), "coat": "skin", "blush": d.pick([0.0, d.u(0.1, 0.4)]),
        "body": hsv(d.u(0, 1), d.u(0, 0.7), d.u(0.1, 0.95)), "body_kind": d.pick(["shoulders", "none"], [7, 1]),
        "extras": tuple(x for x, p in (("glasses", 0.1), ("beard", 0.0 if female else 0.2), ("earrings", 0.1), ("freckles", 0.08)) if d.chance(p)),
    }  # fmt: skip
    if d.chance(0.15):
        m: Mouth = t["mouth"]
        t["mouth"] = replace(m, kind="stroke", thick_up=d.u(0.01, 0.025), thick_low=d.u(0.01, 0.025), colour=shade(skin, 0.4))
    return t


def _cartoon(d: Dice, real: bool) -> Traits:
    t = _person(d, real and d.chance(0.4))
    if d.chance(0.2):
        t["skin"] = hsv(d.u(0, 1), d.u(0.2, 0.7), d.u(0.6, 1))
    skin = t["skin"]
    y: Eyes = t["eyes"]
    w = d.u(0.12, 0.27)
    a = d.u(0.6, 1.5)
    t["eyes"] = replace(y, kind=d.pick(["sclera", "dot", "human", "pie", "arc"], [4, 3, 2, 1.2, 0.7]), w=w, up=w * a, low=w * a * d.u(0.7, 1), q=d.u(1.2, 2.2), q_low=d.u(1.2, 2.2), iris=d.u(0.35, 0.8), pupil=d.u(0.45, 1.0), white=(252, 252, 252), lash=d.u(0.015, 0.045), shut=d.u(-0.8, 0.8))
    b: Brows = t["brows"]
    t["brows"] = replace(b, thick=d.u(0.04, 0.12), gap=max(t["eyes"].up + d.u(0.08, 0.2), 0.2), shown=d.chance(0.8))
    n: Nose = t["nose"]
    t["nose"] = replace(n, kind=d.pick(["line", "hook", "ball", "wedge", "triangle"], [3, 2, 2, 2, 0.5]), w=d.u(0.06, 0.2), h=d.u(0.05, 0.14), shown=d.chance(0.9), colour=shade(skin, 0.75))
    t["nose"] = replace(t["nose"], kind="none") if not t["nose"].shown else t["nose"]
    m: Mouth = t["mouth"]
    t["mouth"] = replace(m, kind=d.pick(["stroke", "lips"], [3, 1]), smile=d.u(-0.1, 0.2), w=d.u(0.15, 0.48), thick_up=d.u(0.012, 0.03), thick_low=d.u(0.012, 0.03), colour=shade(skin, 0.3), rest_open=d.pick([0.0, d.u(0.05, 0.25)], [3, 1]), cupid=0.0)
    h: Head = t["head"]
    t["head"] = replace(h, p_bot=d.u(1.7, 4), q_bot=d.u(1.4, 3), bottom=d.u(0.95, 1.35), cheek=d.u(-0.1, 0.15), cheek_sharp=1.6)
    if t["mouth"].y > t["head"].bottom - 0.2:
        t["mouth"] = replace(t["mouth"], y=t["head"].bottom - d.u(0.2, 0.3))
        t["nose"] = replace(t["nose"], y=min(t["nose"].y, t["mouth"].y - 0.22))
    if d.chance(0.12):
        t["mouth"] = replace(t["mouth"], x=d.u(-0.3, 0.3), tilt=d.u(-12, 12))
    return t


def _anime(d: Dice, real: bool) -> Traits:
    t = _person(d, False)
    skin = d.jitter(mix((253, 228, 212), (205, 160, 130), d.u(0, 0.6)), 5)
    hair = hsv(d.u(0, 1), d.u(0.05, 0.75), d.u(0.2, 0.95))
    bottom = d.u(0.9, 1.15)
    ey = d.u(0.05, 0.22)
    w = d.u(0.18, 0.27)
    a = d.u(0.8, 1.35)
    ny = ey + d.u(0.3, 0.42)
    t["head"] = Head(width=d.u(0.86, 1.0), top=d.u(1.0, 1.25), bottom=bottom, p_bot=d.u(1.35, 1.9), q_bot=d.u(0.85, 1.15), cheek=d.u(-0.04, 0.08), cheek_y=0.35, side_y=ey, jaw_drop=0.08, depth=0.7)
    t["eyes"] = Eyes("anime", d.u(0.38, 0.5), ey, w, w * a * 0.62, w * a * d.u(0.38, 0.62), p=d.u(2, 3), q=d.u(1.2, 2), p_low=2.2, q_low=d.u(1.1, 2), slant=d.u(-4, 10), iris=d.u(0.5, 0.85), pupil=d.u(0.3, 0.6), colour=hsv(d.u(0, 1), d.u(0.4, 0.9), d.u(0.4, 0.9)), lash=d.u(0.03, 0.065), shine=d.u(0.25, 0.5), crease=d.chance(0.5), dark=shade(hair, 0.2), shut=0.9, pupil_shape=d.pick(["round", "star", "heart"], [12, 1, 1]))
    t["brows"] = Brows(gap=t["eyes"].up + d.u(0.08, 0.2), w=d.u(0.16, 0.24), arch=d.u(0.02, 0.07), tilt=d.u(-8, 12), thick=d.u(0.015, 0.04), colour=shade(hair, 0.5), shown=d.chance(0.85))
    t["nose"] = Nose(d.pick(["line", "hook", "wedge"]), ny, d.u(0.03, 0.07), d.u(0.03, 0.06), ey, 0.2, shade(skin, 0.6))
    my = min(ny + d.u(0.17, 0.26), bottom - 0.17)
    t["mouth"] = Mouth("stroke", 0, my, d.u(0.1, 0.22), 0.01, d.u(0.01, 0.02), d.u(-0.03, 0.07), colour=shade(skin, 0.4), inside=(165, 60, 62), teeth=d.pick(["none", "top", "fangs"], [3, 1, 0.5]), flat_top=0.1, open_gain=d.u(0.25, 0.4), rest_open=d.pick([0, d.u(0.05, 0.2)], [3, 1]))
    t["hair"] = Hair(d.pick(["fringe", "spiky", "parted"], [3, 2, 1]), hair, ey - t["eyes"].up - d.u(-0.04, 0.3), d.u(0.12, 0.3), d.u(0.5, 1.8), back=d.chance(0.75), teeth=int(d.u(4, 9)))
    t["extras"] = tuple(x for x, p in (("glasses", 0.08), ("catears", 0.12), ("ribbon", 0.12)) if d.chance(p))
    t.update(skin=skin, line=shade(mix(skin, hair, 0.3), 0.4), blush=d.u(0, 0.5), skin2=shade(skin, 1.3))
    return t


def _statue(d: Dice, real: bool) -> Traits:
    t = _person(d, True)
    stone = hsv(d.pick([d.u(0.08, 0.15), d.u(0.4, 0.6)]), d.u(0, 0.2), d.u(0.4, 0.92))
    if d.chance(0.2):
        stone = hsv(d.u(0.07, 0.12), d.u(0.4, 0.7), d.u(0.3, 0.6))
    y: Eyes = t["eyes"]
    t["eyes"] = replace(y, kind="blank", pupil=d.pick([0.0, 0.5]), up=y.up * 1.1, white=shade(stone, 1.2), dark=shade(stone, 0.4), crease=True, shine=0, lash=0.018)
    t["brows"] = replace(t["brows"], colour=shade(stone, d.u(0.6, 0.85)), thick=d.u(0.03, 0.06), shown=d.chance(0.8))
    t["mouth"] = replace(t["mouth"], kind="lips", colour=shade(stone, d.u(0.75, 0.95)), inside=shade(stone, 0.3), teeth="none", tongue=False)
    t["nose"] = replace(t["nose"], kind="human")
    t["hair"] = replace(t["hair"], kind=d.pick(["curly", "parted", "cap", "short", "crown"]), colour=shade(stone, d.u(0.75, 0.95)))
    t["ears"] = replace(t["ears"], inner=shade(stone, 0.8))
    t.update(skin=stone, skin2=shade(stone, 1.2), line=shade(stone, 0.4), coat="stone", body=shade(stone, 0.85), blush=0.0, extras=())
    return t


def _robot(d: Dice, real: bool) -> Traits:
    metal = d.pick([hsv(d.u(0.5, 0.65), d.u(0, 0.3), d.u(0.45, 0.9)), hsv(d.u(0, 1), d.u(0.3, 0.8), d.u(0.4, 0.95))], [3, 2])
    sq = d.u(3, 14)
    ey = d.u(-0.3, -0.05)
    w = d.u(0.16, 0.3)
    a = d.u(0.6, 1.15)
    es = d.pick([2.0, 8.0], [2, 1])
    glow = hsv(d.u(0, 1), d.u(0, 0.9), d.u(0.85, 1))
    bottom = d.u(0.7, 1.15)
    ny = ey + d.u(0.25, 0.4)
    my = d.u(ny + 0.22, max(bottom - 0.22, ny + 0.25))
    return {
        "head": Head(width=d.u(0.8, 1.0), top=d.u(0.6, 0.95), bottom=max(bottom, my + 0.2), p_top=sq, q_top=sq, p_bot=sq * d.u(0.7, 1), q_bot=sq * d.u(0.7, 1), side_y=ey, jaw_drop=0.0, depth=0.5, chin=0.1),
        "eyes": Eyes(d.pick(["robot", "sclera", "dot"], [4, 2, 1]), d.u(0.36, 0.48), ey, w, w * a, w * a, es, es, es, es, iris=d.u(0.3, 0.7), pupil=d.pick([0.0, 0.4, 0.6]), colour=glow, white=d.pick([(255, 255, 255), glow]), dark=shade(metal, 0.25), lash=d.u(0.02, 0.05), shine=d.u(0, 0.3), rim=d.pick([0.0, d.u(0.03, 0.08)]), shut=0.2),
        "brows": Brows(gap=w * a + d.u(0.08, 0.16), w=d.u(0.18, 0.28), arch=0.02, thick=d.u(0.05, 0.09), colour=shade(metal, 0.4), shown=d.chance(0.3)),
        "nose": Nose(d.pick(["triangle", "ball", "none"], [2, 1, 1]), ny, d.u(0.07, 0.14), d.u(0.08, 0.16), ey, 0.15, hsv(d.u(0, 1), d.u(0.4, 0.9), d.u(0.5, 0.9)), shown=True),
        "mouth": Mouth("stroke", 0, my, d.u(0.25, 0.55), d.u(0.02, 0.035), d.u(0.02, 0.035), d.u(-0.03, 0.08), colour=shade(metal, 0.3), inside=shade(metal, 0.35), rest_open=d.pick([0.0, d.u(0.06, 0.2)], [1, 2]), teeth=d.pick(["grid", "none", "top"], [3, 2, 1]), tongue=False, flat_top=0.5, open_gain=0.3),
        "ears": Ears("block", 1.02, ey + d.u(-0.05, 0.3), d.u(0.14, 0.25), d.u(0.2, 0.4), 90, hsv(d.u(0, 1), 0.7, 0.8)) if d.chance(0.7) else Ears("none"),
        "skin": metal, "skin2": shade(metal, 1.3), "line": shade(metal, 0.35), "coat": "metal", "body": shade(metal, 0.8),
        "body_kind": d.pick(["none", "shoulders"], [3, 1]), "extras": tuple(x for x, p in (("antenna", 0.6), ("bolts", 0.5), ("panel", 0.4)) if d.chance(p)),
    }  # fmt: skip


def _smiley(d: Dice, real: bool) -> Traits:
    skin = d.pick([hsv(d.u(0.1, 0.15), d.u(0.6, 0.95), d.u(0.92, 1)), hsv(d.u(0, 1), d.u(0.3, 0.8), d.u(0.7, 1))], [4, 1])
    ey = d.u(-0.35, -0.08)
    w = d.u(0.09, 0.27)
    a = d.u(0.8, 1.9) if w < 0.2 else d.u(0.8, 1.15)
    dark = d.pick([INK, (70, 40, 20), (90, 55, 15)])
    r = d.u(0.92, 1.05)
    wide = d.u(0.25, 0.7)
    my = d.u(0.25, 0.45)
    op = d.pick([0.0, d.u(0.15, 0.5)])
    t = d.u(0.015, 0.06)
    return {
        "head": Head(width=1.0, top=r, bottom=r * d.u(0.95, 1.05), side_y=ey, jaw_drop=0.0, depth=0.85, chin=0.05),
        "eyes": Eyes(d.pick(["dot", "sclera", "pie", "arc", "star", "human"], [6, 3, 1, 1, 0.7, 0.5]), d.u(0.28, 0.44), ey, w, w * a, w * a, iris=d.u(0.45, 0.75), pupil=d.u(0.8, 1.0), colour=dark, dark=dark, shine=d.pick([0, d.u(0.2, 0.4)]), lash=d.u(0.02, 0.05), shut=d.u(-0.8, 0.6), pupil_shape=d.pick(["round", "star"])),
        "brows": Brows(gap=w * a + d.u(0.12, 0.25), w=d.u(0.15, 0.24), arch=d.u(0.03, 0.1), tilt=d.u(-12, 12), thick=d.u(0.03, 0.07), colour=dark, shown=d.chance(0.3)),
        "nose": Nose("none", ey + d.u(0.22, 0.3), 0.09, 0.06, ey, 0.1, shown=False),
        "mouth": Mouth("stroke", 0, my, wide, t, t * d.u(0.8, 1.4), d.u(-0.12, 0.32) if op == 0 else d.u(0.02, 0.2), colour=d.pick([dark, (110, 40, 20)]), inside=d.pick([(90, 45, 20), (110, 30, 35)]), rest_open=op, flat_top=d.u(0, 0.4), teeth=d.pick(["top", "none", "both"], [3, 2, 1]), tilt=d.n(0, 3), lift=0.05, open_gain=0.5),
        "skin": skin, "skin2": shade(skin, 1.3), "line": shade(skin, d.u(0.4, 0.7)), "body_kind": "none", "blush": d.pick([0.0, d.u(0.2, 0.6)]),
        "extras": d.pick([(), ("partyhat",), ("tear",), ("halo",)], [8, 1, 1, 0.5]),
    }  # fmt: skip


def _monster(d: Dice, real: bool) -> Traits:
    t = _cartoon(d, False)
    skin = hsv(d.u(0, 1), d.u(0.35, 0.85), d.u(0.4, 0.95))
    ey = d.u(-0.35, -0.05)
    w = d.u(0.14, 0.32)
    bottom = d.u(0.8, 1.25)
    my = d.u(0.3, bottom - 0.28)
    t["head"] = Head(width=1.0, top=d.u(0.7, 1.2), bottom=bottom, p_bot=d.u(1.6, 5), q_bot=d.u(1.5, 4), p_top=d.u(1.6, 4), q_top=d.u(1.5, 4), cheek=d.u(-0.15, 0.15), cheek_sharp=1.6, side_y=ey, jaw_drop=0.06, fuzz=d.pick([0, 0.05], [3, 1]))
    t["eyes"] = Eyes(d.pick(["sclera", "dot", "pie", "robot", "animal", "star"], [6, 2, 1, 1, 1, 0.4]), d.u(0.34, 0.5), ey, w, w * d.u(0.8, 1.2), w * d.u(0.8, 1.1), iris=d.u(0.2, 0.7), pupil=d.u(0.4, 1.0), pupil_shape=d.pick(["round", "slit", "star"], [5, 2, 1]), colour=d.pick([INK, hsv(d.u(0, 1), 0.8, 0.8)]), white=d.pick([(250, 250, 250), (240, 230, 120)], [4, 1]), lash=d.u(0.02, 0.045), size_left=d.pick([1.0, d.u(0.65, 1.3)], [4, 1]), shut=0.5)
    t["brows"] = Brows(gap=w * 1.1 + d.u(0.1, 0.2), w=d.u(0.16, 0.28), arch=d.u(0, 0.06), tilt=d.u(-15, 25), thick=d.u(0.04, 0.1), colour=shade(skin, 0.3), shown=d.chance(0.5))
    ny = (ey + my) / 2 + d.u(-0.05, 0.05)
    shown = d.chance(0.65)
    t["nose"] = Nose(d.pick(["triangle", "holes", "ball", "pad", "line"]) if shown else "none", ny, d.u(0.08, 0.2), d.u(0.07, 0.16), ey, 0.2, d.pick([shade(skin, 0.5), hsv(d.u(0, 1), 0.6, 0.7)]), shown=shown)
    t["mouth"] = Mouth("stroke", d.pick([0.0, d.u(-0.4, 0.4)], [3, 1]), my, d.u(0.16, 0.6), d.u(0.012, 0.035), d.u(0.012, 0.035), d.u(-0.12, 0.2), colour=shade(skin, 0.25), inside=d.pick([(60, 15, 30), (25, 15, 20)]), rest_open=d.pick([0, d.u(0.06, 0.3)]), teeth=d.pick(["fangs", "jag", "top", "none"]), tilt=d.n(0, 5), flat_top=d.u(0, 0.5))
    t["ears"] = Ears(d.pick(["none", "horn", "tri", "round"], [2, 3, 1, 1]), d.u(0.6, 0.85), -d.u(0.5, 0.65), d.u(0.35, 0.7), d.u(0.18, 0.3), d.u(5, 45), d.jitter((190, 110, 70)))
    t.update(skin=skin, skin2=mix(skin, (250, 245, 200), 0.5), line=shade(skin, 0.3), hair=Hair(d.pick(["none", "tuft"]), hsv(d.u(0, 1), 0.7, 0.5)), coat=d.pick(["skin", "fur"], [3, 1]), body=skin, body_kind=d.pick(["none", "fur"]), markings=d.pick([("spots",), ()]), extras=())
    return t


def _plush(d: Dice, real: bool) -> Traits:
    t = d.pick([_bear, _rabbit, _cat, _dog, _pig])(d, real)
    skin = d.pick([t["skin"], hsv(d.u(0, 1), d.u(0.2, 0.6), d.u(0.6, 0.98))])
    y: Eyes = t["eyes"]
    r = d.u(0.07, 0.14)
    t["eyes"] = replace(y, kind=d.pick(["button", "dot"]), w=r, up=r, low=r, slant=0, shine=d.u(0, 0.4), rim=0.0)
    t["mouth"] = replace(t["mouth"], rest_open=0.0, thick_up=d.u(0.012, 0.022), thick_low=d.u(0.012, 0.022))
    t["extras"] = (*(x for x in t["extras"] if x not in ("whiskers", "tongue")), "seam") if d.chance(0.5) else t["extras"]
    t.update(skin=skin, skin2=mix(skin, (255, 250, 240), 0.6), line=shade(skin, 0.5), coat="felt", markings=(), body=skin)
    return t


def _pumpkin(d: Dice, real: bool) -> Traits:
    skin = hsv(d.u(0.05, 0.1), d.u(0.75, 0.98), d.u(0.7, 1))
    w = d.u(0.16, 0.26)
    ey = d.u(-0.25, -0.05)
    lit = d.chance(0.6)
    dark = shade(skin, d.u(0.08, 0.25)) if not lit else d.pick([(60, 25, 5), (255, 200, 60)])
    q = d.pick([1.0, 2.0], [3, 1])
    my = d.u(0.35, 0.5)
    return {
        "head": Head(width=1.0, top=d.u(0.7, 0.95), bottom=d.u(0.75, 0.95), p_top=2.4, q_top=2.4, p_bot=2.5, q_bot=2.4, side_y=ey, jaw_drop=0.0, chin=0.05),
        "eyes": Eyes("carved", d.u(0.34, 0.45), ey, w, w * d.u(0.9, 1.4), w * d.u(0.1, 0.6), q, q, 2.0, 2.0, slant=d.u(-5, 15), iris=float(lit), colour=hsv(d.u(0.1, 0.15), 0.6, 1.0), dark=dark, shut=0.3),
        "brows": Brows(gap=w * 1.3 + 0.12, shown=False),
        "nose": Nose("triangle", d.u(0.08, 0.18), d.u(0.07, 0.12), d.u(0.1, 0.17), ey, 0.1, dark),
        "mouth": Mouth("stroke", 0, my, d.u(0.4, 0.65), 0.012, 0.012, d.u(0.06, 0.2), colour=dark, inside=dark if not lit else hsv(0.12, 0.7, 1.0), rest_open=d.u(0.1, 0.25), teeth=d.pick(["jag", "none", "none"]), tongue=False, flat_top=0.4, lift=0.05),
        "skin": skin, "skin2": shade(skin, 1.2), "line": shade(skin, 0.45), "coat": "pumpkin", "body_kind": "none", "extras": ("stem",),
    }  # fmt: skip


_CAST: dict[str, Any] = {
    "person": _person, "cartoon": _cartoon, "anime": _anime, "cat": _cat, "dog": _dog, "bear": _bear, "fox": _fox,
    "rabbit": _rabbit, "monkey": _monkey, "bird": _bird, "frog": _frog, "robot": _robot, "monster": _monster,
    "plush": _plush, "statue": _statue, "smiley": _smiley, "pumpkin": _pumpkin, "panda": _panda, "pig": _pig,
    "llama": _llama, "owl": _owl, "lion": _lion, "mouse": _mouse, "koala": _koala,
}  # fmt: skip
DOMAINS: tuple[str, ...] = tuple(_CAST)
FURRY = frozenset({"cat", "dog", "bear", "fox", "rabbit", "monkey", "panda", "llama", "owl", "lion", "mouse", "koala", "bird"})


def cast(domain: str, seed: int, style: Style | None = None) -> Character:
    """The character of a domain and seed.

    Raises:
        ValueError: unknown domain or style.
    """
    if domain not in _CAST:
        raise ValueError(f"unknown domain {domain!r}; domains are {', '.join(DOMAINS)}")
    if style is not None and style not in STYLES:
        raise ValueError(f"unknown style {style!r}; styles are {', '.join(STYLES)}")
    d = Dice(seed, domain)
    weights = [3.0, 3.0, 3.0, 1.5, 2.0, 2.5, 3.0]
    if domain in FURRY:
        weights = [2.0, 2.0, 2.5, 1.0, 2.0, 3.0, 6.0]
    if domain == "statue":
        weights = [0.3, 0.3, 2.0, 1.0, 2.0, 3.0, 5.0]
    rolled = d.pick(STYLES, weights)
    chosen = style or rolled
    real = chosen in ("photo", "painterly", "soft3d", "textured")
    traits = _CAST[domain](Dice(seed, domain + "-traits"), real)
    width = d.u(0.015, 0.05)
    if traits.get("coat") == "fur" and real:
        if d.chance(0.55):
            traits["markings"] = ("zones", *traits["markings"])
        if traits["body_kind"] == "fur" and d.chance(0.4):
            traits["body_kind"] = "ruff"
    if luma(traits["line"]) > 110 and chosen == "outline":
        traits["line"] = shade(traits["line"], 0.4)
    if chosen == "outline" and d.chance(0.6):
        traits["line"] = d.jitter(INK, 6)
    return Character(domain=domain, seed=seed, style=chosen, line_width=width, **traits)
