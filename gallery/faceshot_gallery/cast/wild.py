"""Casting of wild animals."""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.cast.pets import animal, animal_eyes, cat, stroke_mouth
from faceshot_gallery.parts.palette import INK, fur_colour
from faceshot_gallery.parts.traits import (
    Brows,
    Dice,
    Ears,
    Eyes,
    Hair,
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


def bear(d: Dice, real: bool) -> Traits:
    skin = d.pick([hsv(d.u(0.04, 0.1), d.u(0.4, 0.65), d.u(0.3, 0.6)), (235, 232, 225), (60, 50, 48)], [5, 1, 1])
    t = animal(d, real, skin=d.jitter(skin, 8))
    t["ears"] = Ears("round", d.u(0.68, 0.85), -d.u(0.5, 0.7), d.u(0.26, 0.38), d.u(0.24, 0.34), d.u(30, 50),
        t["skin2"])
    t["muzzle"] = replace(t["muzzle"], kind="ellipse", w=d.u(0.34, 0.5), h=d.u(0.3, 0.42))
    t["nose"] = replace(t["nose"], w=d.u(0.13, 0.2), vee=d.u(0.1, 0.6), colour=d.jitter(INK, 8))
    t["eyes"] = replace(t["eyes"], w=t["eyes"].w * 0.7, up=t["eyes"].up * 0.75, low=t["eyes"].low * 0.75)
    return t


def panda(d: Dice, real: bool) -> Traits:
    t = bear(d, real)
    t.update(skin=d.jitter((246, 244, 240), 4), skin2=(246, 244, 240), line=(60, 58, 60))
    t["ears"] = replace(t["ears"], inner=(45, 42, 45), tip=(45, 42, 45))
    t["eyes"] = replace(t["eyes"], patch=d.u(0.08, 0.17), shine=d.u(0.3, 0.45),
        kind=d.pick(["dot", "animal", "sclera"]), colour=(70, 45, 30))
    t["muzzle"] = replace(t["muzzle"], kind=d.pick(["none", "bulge"]), colour=(250, 248, 245))
    t["markings"] = ("darkears",)
    return t


def koala(d: Dice, real: bool) -> Traits:
    t = bear(d, real)
    grey = hsv(d.u(0.55, 0.7), d.u(0.02, 0.15), d.u(0.55, 0.75))
    t.update(skin=grey, skin2=shade(grey, 1.5), line=shade(grey, 0.4), body=grey)
    t["ears"] = replace(t["ears"], x=d.u(0.85, 1.0), y=-d.u(0.35, 0.6), length=d.u(0.5, 0.65), width=d.u(0.45, 0.55),
        inner=d.jitter((225, 190, 190)), angle=60)
    n: Nose = t["nose"]
    t["nose"] = replace(n, kind="ball", w=d.u(0.16, 0.24), h=d.u(0.24, 0.34), y=n.y - 0.12,
        colour=d.jitter((50, 46, 52), 6))
    t["mouth"] = replace(t["mouth"], y=n.y + d.u(0.25, 0.32), w=d.u(0.14, 0.24))
    t["head"] = replace(t["head"], bottom=max(t["head"].bottom, t["mouth"].y + 0.22))
    t["muzzle"] = replace(t["muzzle"], kind="none")
    return t


def fox(d: Dice, real: bool) -> Traits:
    orange = d.pick([hsv(d.u(0.03, 0.09), d.u(0.7, 0.95), d.u(0.75, 1.0)),
        hsv(d.u(0.5, 0.7), d.u(0, 0.15), d.u(0.5, 0.9))], [5, 1])
    t = animal(d, real, skin=orange)
    chin = d.u(0.85, 1.1)
    ny = chin - d.u(0.3, 0.42)
    t["head"] = Head(
        width=d.u(0.72, 0.85), top=d.u(0.75, 0.9), bottom=chin, p_bot=d.u(1.3, 1.8), q_bot=d.u(0.9, 1.1),
            cheek=d.u(0.25, 0.5),
        cheek_y=d.u(0.15, 0.35), cheek_span=d.u(0.55, 0.7), cheek_sharp=d.u(0.9, 1.2), fuzz=0.03 if real else 0,
        side_y=t["eyes"].y - 0.1, jaw_drop=0.05,
    )
    t["eyes"] = replace(t["eyes"], x=d.u(0.3, 0.38), slant=d.u(4, 18), w=t["eyes"].w * 0.85)
    t["nose"] = replace(t["nose"], y=ny, w=d.u(0.09, 0.15), h=d.u(0.07, 0.11), lift=0.4, colour=d.jitter(INK, 6))
    t["mouth"] = replace(t["mouth"], y=ny + d.u(0.15, 0.19), w=d.u(0.14, 0.24), thick_up=0.016, thick_low=0.016,
        wave=d.u(0.02, 0.05), smile=0.02)
    t["ears"] = Ears("tri", d.u(0.42, 0.55), -d.u(0.42, 0.55), d.u(0.7, 1.0), d.u(0.3, 0.42), d.u(6, 18),
        mix(orange, (40, 30, 30), 0.5), tip=(45, 38, 40))
    t.update(skin2=(248, 244, 238), markings=("foxcheeks",))
    t["muzzle"] = replace(t["muzzle"], kind="none")
    return t


def monkey(d: Dice, real: bool) -> Traits:
    t = animal(d, real, skin=d.jitter(d.pick([(110, 70, 45), (150, 110, 75), (60, 48, 42), (170, 150, 130)]), 10))
    face = d.jitter(d.pick([(240, 200, 160), (225, 170, 140), (80, 62, 56), (205, 150, 130)], [4, 3, 2, 2]), 8)
    t["ears"] = Ears("round", d.u(0.98, 1.08), -d.u(0.0, 0.2), d.u(0.26, 0.4), d.u(0.24, 0.36), 90, face)
    t.update(skin2=face, markings=("monkeyface",))
    t["muzzle"] = replace(t["muzzle"], kind=d.pick(["none", "bulge"]), colour=mix(face, (255, 240, 220), 0.2),
        w=d.u(0.5, 0.62), h=d.u(0.35, 0.45))
    t["nose"] = replace(t["nose"], kind=d.pick(["holes", "pad", "line"]), w=d.u(0.09, 0.16), h=d.u(0.06, 0.1),
        colour=shade(face, 0.4))
    lips = d.chance(0.45)
    w = d.u(0.28, 0.46)
    if lips:
        t["mouth"] = Mouth("lips", y=t["mouth"].y + 0.05, w=w, thick_up=d.u(0.05, 0.09), thick_low=d.u(0.06, 0.12),
            smile=d.u(-0.04, 0.06), colour=d.pick([(225, 90, 50), shade(face, 0.75)]),
            teeth=d.pick(["none", "top", "both"]))
    else:
        t["mouth"] = replace(t["mouth"], wave=0.0, smile=d.u(0.0, 0.14), w=w)
    t["extras"] = ()
    h: Head = t["head"]
    t["head"] = replace(h, width=d.u(0.88, 1.0), bottom=max(h.bottom, t["mouth"].y + 0.3), side_y=t["eyes"].y)
    return t


def lion(d: Dice, real: bool) -> Traits:
    t = cat(d, real)
    skin = hsv(d.u(0.08, 0.12), d.u(0.4, 0.75), d.u(0.75, 0.95))
    t.update(skin=skin, skin2=mix(skin, (255, 250, 235), 0.6), line=shade(skin, 0.4), markings=(), body=skin)
    t["hair"] = Hair("mane", shade(d.jitter(skin), d.u(0.4, 0.75)), volume=d.u(0.35, 0.6))
    t["ears"] = Ears("round", d.u(0.68, 0.8), -d.u(0.5, 0.65), d.u(0.24, 0.32), d.u(0.24, 0.3), 40, t["skin2"])
    t["nose"] = replace(t["nose"], w=d.u(0.15, 0.22), h=d.u(0.09, 0.13))
    t["head"] = replace(t["head"], bottom=max(0.95, t["mouth"].y + 0.28), width=d.u(0.85, 0.95))
    return t


def llama(d: Dice, real: bool) -> Traits:
    skin = d.pick([(244, 240, 234), (226, 208, 180), (150, 110, 80), (90, 72, 62)], [4, 2, 1, 1])
    t = animal(d, real, skin=d.jitter(skin, 7))
    chin = d.u(1.05, 1.45)
    ny = chin - d.u(0.38, 0.55)
    ey = d.u(-0.3, 0.1)
    t["head"] = Head(
        width=d.u(0.72, 0.95), top=d.u(0.85, 1.05), bottom=chin, p_bot=d.u(1.7, 2.3), q_bot=d.u(1.2, 1.9),
            cheek=d.u(0, 0.1),
        fuzz=d.u(0.02, 0.05), side_y=ey - 0.2, jaw_drop=0.06,
    )
    t["eyes"] = replace(t["eyes"], x=d.u(0.4, 0.6) * t["head"].width, y=ey, kind=d.pick(["animal", "dot"], [3, 1]),
        colour=(70, 45, 30), white=(40, 28, 24))
    t["nose"] = replace(t["nose"], y=ny, root=ey, w=d.u(0.12, 0.22), h=d.u(0.07, 0.12),
        kind=d.pick(["pad", "holes"]), colour=d.jitter(d.pick([(90, 70, 66), (205, 150, 145)]), 12))
    t["mouth"] = replace(t["mouth"], y=ny + d.u(0.18, 0.26), w=d.u(0.15, 0.32), smile=d.u(0.02, 0.12),
        wave=d.u(0, 0.05))
    t["ears"] = Ears("long", d.u(0.5, 0.65), -d.u(0.55, 0.75), d.u(0.65, 0.95), d.u(0.2, 0.28), d.u(8, 25),
        d.jitter((225, 165, 160), 12))
    t["hair"] = Hair("wool", mix(skin, (255, 252, 246), 0.4), line=ey - d.u(0.25, 0.4), volume=d.u(0.1, 0.25))
    t["muzzle"] = replace(t["muzzle"], kind=d.pick(["none", "bulge", "ellipse"]), y=ny + 0.1, w=d.u(0.3, 0.42),
        h=d.u(0.26, 0.36))
    t.update(coat="fur", body_kind="longneck", markings=())
    return t


def bird(d: Dice, real: bool) -> Traits:
    t = animal(d, real, skin=hsv(d.u(0, 1), d.u(0.3, 0.85), d.u(0.45, 1.0)))
    ey = d.u(-0.25, 0.0)
    by = ey + d.u(0.28, 0.45)
    beak = d.pick([hsv(d.u(0.06, 0.13), d.u(0.7, 0.95), d.u(0.85, 1.0)), (70, 66, 70)], [5, 1])
    w = d.u(0.18, 0.34)
    t["nose"] = Nose("none", y=by - 0.06, w=w * 0.55, h=d.u(0.1, 0.2), root=ey, lift=0.4, shown=True)
    t["mouth"] = Mouth("beak", y=by + 0.06, w=w, thick_up=0.02, thick_low=d.u(0.1, 0.26), smile=d.u(-0.02, 0.1),
        colour=beak, lift=0.4, open_gain=0.35, flat_top=0.1)
    t["ears"] = Ears("none")
    t["extras"] = d.pick([("crest",), ()])
    t["muzzle"] = replace(t["muzzle"], kind="none")
    t["markings"] = d.pick([("facedisc",), ("cap",), ()], [1, 1, 3])
    t["eyes"] = replace(t["eyes"], y=ey)
    t["head"] = replace(t["head"], bottom=max(0.85, by + 0.4), cheek=0)
    return t


def owl(d: Dice, real: bool) -> Traits:
    t = bird(d, real)
    t.update(skin=fur_colour(d), markings=("facedisc",), extras=())
    t.update(body=t["skin"], line=shade(t["skin"], 0.35))
    t["skin2"] = mix(t["skin"], (250, 240, 225), d.u(0.4, 0.9))
    t["ears"] = Ears("tri", d.u(0.6, 0.8), -d.u(0.45, 0.6), d.u(0.35, 0.5), d.u(0.22, 0.32), d.u(15, 30),
        shade(t["skin"], 0.7))
    r = d.u(0.22, 0.32)
    t["eyes"] = Eyes(d.pick(["animal", "sclera"]), d.u(0.36, 0.44), t["eyes"].y, r, r, r, iris=d.u(0.75, 1.0),
        pupil=d.u(0.4, 0.7), colour=hsv(d.u(0.08, 0.15), 0.9, 0.95), white=d.pick([(250, 245, 235), (240, 190, 60)]),
        shine=0.3, lash=0.03)
    m: Mouth = t["mouth"]
    t["mouth"] = replace(m, w=d.u(0.1, 0.16), thick_low=d.u(0.12, 0.22))
    t["nose"] = replace(t["nose"], w=0.07, h=0.12)
    return t


def frog(d: Dice, real: bool) -> Traits:
    t = animal(d, False, skin=hsv(d.u(0.2, 0.42), d.u(0.4, 0.85), d.u(0.45, 0.9)))
    r = d.u(0.2, 0.3)
    ey = -d.u(0.45, 0.7)
    t["eyes"] = Eyes(d.pick(["sclera", "animal", "dot"], [3, 2, 1]), d.u(0.45, 0.62), ey, r, r, r,
        iris=d.u(0.5, 0.9), pupil=d.u(0.5, 0.95), pupil_shape=d.pick(["round", "bar"]),
        colour=d.pick([hsv(d.u(0.1, 0.16), 0.9, 0.9), INK]), lash=0.03,
        white=d.pick([(250, 250, 250), (235, 200, 70)]))
    t["head"] = Head(width=1.0, top=d.u(0.45, 0.6), bottom=d.u(0.7, 0.95), p_bot=2.2, p_top=2.2, side_y=-0.1,
        jaw_drop=0.08)
    t["nose"] = Nose("holes", y=d.u(-0.18, -0.05), w=d.u(0.06, 0.12), h=0.06, root=ey, colour=shade(t["skin"], 0.4),
        lift=0.2)
    t["mouth"] = stroke_mouth(d, d.u(0.15, 0.38), d.u(0.4, 0.75), wave=False)
    t["mouth"] = replace(t["mouth"], smile=d.u(0.0, 0.25))
    t["muzzle"] = Muzzle(d.pick(["none", "ellipse"]), y=0.5, w=0.7, h=0.35,
        colour=mix(t["skin"], (245, 250, 200), 0.55))
    t.update(ears=Ears("none"), extras=("eyebumps",), coat="skin", markings=d.pick([("spots",), ()]),
        body_kind=d.pick(["none", "fur"]))
    return t


def horse(d: Dice, real: bool) -> Traits:
    """A long wedge of a face, eyes far apart and high, wide nostrils far down, a blaze, a forelock."""
    skin = d.jitter(d.pick([(120, 70, 42), (165, 110, 65), (70, 48, 38), (205, 198, 190), (48, 42, 42)]), 8)
    t = animal(d, real, skin=skin)
    chin, ey = d.u(1.35, 1.7), -d.u(0.3, 0.5)
    ny = chin - d.u(0.42, 0.52)
    width = d.u(0.62, 0.74)
    t["head"] = Head(
        width=width,
        top=d.u(0.95, 1.1),
        bottom=chin,
        p_top=2.3,
        q_top=2.0,
        p_bot=d.u(2.6, 4.0),
        q_bot=d.u(1.9, 2.8),
        cheek=-d.u(0.08, 0.16),
        cheek_y=d.u(0.5, 0.75),
        cheek_span=0.6,
        cheek_sharp=1.6,
        side_y=ey - 0.05,
        jaw_drop=0.05,
        depth=0.7,
    )
    t["eyes"] = replace(
        animal_eyes(d, width * 0.74, ey, 0.115, real),
        kind=d.pick(["animal", "dot", "sclera"], [5, 2, 1]),
        white=(40, 28, 24),
        colour=d.jitter((70, 44, 28), 10),
        pupil_shape="round",
        slant=d.u(-22, -6),
        rim=0.0,
    )
    mouth_y = ny + d.u(0.24, 0.3)
    t["nose"] = Nose("holes", ny, d.u(0.22, 0.3), d.u(0.11, 0.16), ey, 0.3, d.jitter((36, 26, 26), 6))
    t["mouth"] = replace(
        t["mouth"],
        y=mouth_y,
        w=d.u(0.2, 0.3),
        wave=0.0,
        smile=d.u(-0.02, 0.07),
        tilt=0.0,
        teeth=d.pick(["none", "top", "both"]),
        open_gain=0.3,
    )
    t["ears"] = Ears(
        "tri",
        d.u(0.55, 0.72),
        -d.u(0.75, 0.88),
        d.u(0.5, 0.75),
        d.u(0.16, 0.22),
        d.u(0, 20),
        shade(skin, d.u(0.5, 1.1)),
    )
    t["hair"] = Hair("none", shade(d.jitter(d.pick([(40, 32, 30), (230, 215, 180), skin]), 6), d.u(0.8, 1)))
    t["muzzle"] = Muzzle(
        d.pick(["none", "ellipse", "bulge"]),
        y=ny + 0.12,
        w=width * 0.72,
        h=0.42,
        colour=d.pick([shade(skin, 0.45), mix(skin, (235, 200, 190), 0.6)]),
    )
    t["brows"] = Brows(gap=0.28, w=0.14, shown=False)
    t["extras"] = tuple(x for x, p in (("forelock", 0.75), ("bridle", 0.35)) if d.chance(p))
    t.update(
        markings=d.pick([("blaze",), ("star",), (), ("zones",)], [3, 2, 3, 1]),
        skin2=(246, 243, 238),
        body=skin,
        body_kind=d.pick(["longneck", "none"], [4, 1]),
    )
    return t
