"""Casting of things with faces: robots, emoji, monsters, plush toys, pumpkins."""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.cast.people import cartoon
from faceshot_gallery.cast.pets import cat, dog, pig, rabbit
from faceshot_gallery.cast.wild import bear
from faceshot_gallery.parts.palette import INK
from faceshot_gallery.parts.traits import Brows, Dice, Ears, Eyes, Hair, Head, Mouth, Nose, Traits, hsv, mix, shade

# The tables of ranges below are filled paragraphs, not one argument per line.
# fmt: off


def robot(d: Dice, real: bool) -> Traits:
    metal = d.pick([hsv(d.u(0.5, 0.65), d.u(0, 0.3), d.u(0.45, 0.9)), hsv(d.u(0, 1), d.u(0.3, 0.8), d.u(0.4, 0.95))],
        [3, 2])
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
        "head": Head(width=d.u(0.8, 1.0), top=d.u(0.6, 0.95), bottom=max(bottom, my + 0.2), p_top=sq, q_top=sq,
            p_bot=sq * d.u(0.7, 1), q_bot=sq * d.u(0.7, 1), side_y=ey, jaw_drop=0.0, depth=0.5, chin=0.1),
        "eyes": Eyes(d.pick(["robot", "sclera", "dot"], [4, 2, 1]), d.u(0.36, 0.48), ey, w, w * a, w * a, es, es, es,
            es, iris=d.u(0.3, 0.7), pupil=d.pick([0.0, 0.4, 0.6]), colour=glow,
            white=d.pick([(255, 255, 255), glow]), dark=shade(metal, 0.25), lash=d.u(0.02, 0.05), shine=d.u(0, 0.3),
            rim=d.pick([0.0, d.u(0.03, 0.08)]), shut=0.2),
        "brows": Brows(gap=w * a + d.u(0.08, 0.16), w=d.u(0.18, 0.28), arch=0.02, thick=d.u(0.05, 0.09),
            colour=shade(metal, 0.4), shown=d.chance(0.3)),
        "nose": Nose(d.pick(["triangle", "ball", "none"], [2, 1, 1]), ny, d.u(0.07, 0.14), d.u(0.08, 0.16), ey, 0.15,
            hsv(d.u(0, 1), d.u(0.4, 0.9), d.u(0.5, 0.9)), shown=True),
        "mouth": Mouth("stroke", 0, my, d.u(0.25, 0.55), d.u(0.02, 0.035), d.u(0.02, 0.035), d.u(-0.03, 0.08),
            colour=shade(metal, 0.3), inside=shade(metal, 0.35), rest_open=d.pick([0.0, d.u(0.06, 0.2)], [1, 2]),
            teeth=d.pick(["grid", "none", "top"], [3, 2, 1]), tongue=False, flat_top=0.5, open_gain=0.3),
        "ears": Ears("block", 1.02, ey + d.u(-0.05, 0.3), d.u(0.14, 0.25), d.u(0.2, 0.4), 90,
            hsv(d.u(0, 1), 0.7, 0.8)) if d.chance(0.7) else Ears("none"),
        "skin": metal, "skin2": shade(metal, 1.3), "line": shade(metal, 0.35), "coat": "metal",
            "body": shade(metal, 0.8),
        "body_kind": d.pick(["none", "shoulders"], [3, 1]), "extras": tuple(x for x,
            p in (("antenna", 0.6), ("bolts", 0.5), ("panel", 0.4)) if d.chance(p)),
    }


def smiley(d: Dice, real: bool) -> Traits:
    skin = d.pick([hsv(d.u(0.1, 0.15), d.u(0.6, 0.95), d.u(0.92, 1)), hsv(d.u(0, 1), d.u(0.3, 0.8), d.u(0.7, 1))],
        [4, 1])
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
        "eyes": Eyes(d.pick(["dot", "sclera", "pie", "arc", "star", "human"], [6, 3, 1, 1, 0.7, 0.5]),
            d.u(0.28, 0.44), ey, w, w * a, w * a, iris=d.u(0.45, 0.75), pupil=d.u(0.8, 1.0), colour=dark, dark=dark,
            shine=d.pick([0, d.u(0.2, 0.4)]), lash=d.u(0.02, 0.05), shut=d.u(-0.8, 0.6),
            pupil_shape=d.pick(["round", "star"])),
        "brows": Brows(gap=w * a + d.u(0.12, 0.25), w=d.u(0.15, 0.24), arch=d.u(0.03, 0.1), tilt=d.u(-12, 12),
            thick=d.u(0.03, 0.07), colour=dark, shown=d.chance(0.3)),
        "nose": Nose("none", ey + d.u(0.22, 0.3), 0.09, 0.06, ey, 0.1, shown=False),
        "mouth": Mouth("stroke", 0, my, wide, t, t * d.u(0.8, 1.4), d.u(-0.12, 0.32) if op == 0 else d.u(0.02, 0.2),
            colour=d.pick([dark, (110, 40, 20)]), inside=d.pick([(90, 45, 20), (110, 30, 35)]), rest_open=op,
            flat_top=d.u(0, 0.4), teeth=d.pick(["top", "none", "both"], [3, 2, 1]), tilt=d.n(0, 3), lift=0.05,
            open_gain=0.5),
        "skin": skin, "skin2": shade(skin, 1.3), "line": shade(skin, d.u(0.4, 0.7)), "body_kind": "none",
            "blush": d.pick([0.0, d.u(0.2, 0.6)]),
        "extras": d.pick([(), ("partyhat",), ("tear",), ("halo",)], [8, 1, 1, 0.5]),
    }


def monster(d: Dice, real: bool) -> Traits:
    t = cartoon(d, False)
    skin = hsv(d.u(0, 1), d.u(0.35, 0.85), d.u(0.4, 0.95))
    ey = d.u(-0.35, -0.05)
    w = d.u(0.14, 0.32)
    bottom = d.u(0.8, 1.25)
    my = d.u(0.3, bottom - 0.28)
    t["head"] = Head(width=1.0, top=d.u(0.7, 1.2), bottom=bottom, p_bot=d.u(1.6, 5), q_bot=d.u(1.5, 4),
        p_top=d.u(1.6, 4), q_top=d.u(1.5, 4), cheek=d.u(-0.15, 0.15), cheek_sharp=1.6, side_y=ey, jaw_drop=0.06,
        fuzz=d.pick([0, 0.05], [3, 1]))
    t["eyes"] = Eyes(d.pick(["sclera", "dot", "pie", "robot", "animal", "star"], [6, 2, 1, 1, 1, 0.4]),
        d.u(0.34, 0.5), ey, w, w * d.u(0.8, 1.2), w * d.u(0.8, 1.1), iris=d.u(0.2, 0.7), pupil=d.u(0.4, 1.0),
        pupil_shape=d.pick(["round", "slit", "star"], [5, 2, 1]), colour=d.pick([INK, hsv(d.u(0, 1), 0.8, 0.8)]),
        white=d.pick([(250, 250, 250), (240, 230, 120)], [4, 1]), lash=d.u(0.02, 0.045),
        size_left=d.pick([1.0, d.u(0.65, 1.3)], [4, 1]), shut=0.5)
    t["brows"] = Brows(gap=w * 1.1 + d.u(0.1, 0.2), w=d.u(0.16, 0.28), arch=d.u(0, 0.06), tilt=d.u(-15, 25),
        thick=d.u(0.04, 0.1), colour=shade(skin, 0.3), shown=d.chance(0.5))
    ny = (ey + my) / 2 + d.u(-0.05, 0.05)
    shown = d.chance(0.65)
    t["nose"] = Nose(d.pick(["triangle", "holes", "ball", "pad", "line"]) if shown else "none", ny, d.u(0.08, 0.2),
        d.u(0.07, 0.16), ey, 0.2, d.pick([shade(skin, 0.5), hsv(d.u(0, 1), 0.6, 0.7)]), shown=shown)
    t["mouth"] = Mouth("stroke", d.pick([0.0, d.u(-0.4, 0.4)], [3, 1]), my, d.u(0.16, 0.6), d.u(0.012, 0.035),
        d.u(0.012, 0.035), d.u(-0.12, 0.2), colour=shade(skin, 0.25), inside=d.pick([(60, 15, 30), (25, 15, 20)]),
        rest_open=d.pick([0, d.u(0.06, 0.3)]), teeth=d.pick(["fangs", "jag", "top", "none"]), tilt=d.n(0, 5),
        flat_top=d.u(0, 0.5))
    t["ears"] = Ears(d.pick(["none", "horn", "tri", "round"], [2, 3, 1, 1]), d.u(0.6, 0.85), -d.u(0.5, 0.65),
        d.u(0.35, 0.7), d.u(0.18, 0.3), d.u(5, 45), d.jitter((190, 110, 70)))
    t.update(skin=skin, skin2=mix(skin, (250, 245, 200), 0.5), line=shade(skin, 0.3),
        hair=Hair(d.pick(["none", "tuft"]), hsv(d.u(0, 1), 0.7, 0.5)), coat=d.pick(["skin", "fur"], [3, 1]),
        body=skin, body_kind=d.pick(["none", "fur"]), markings=d.pick([("spots",), ()]), extras=())
    return t


def plush(d: Dice, real: bool) -> Traits:
    t = d.pick([bear, rabbit, cat, dog, pig])(d, real)
    skin = d.pick([t["skin"], hsv(d.u(0, 1), d.u(0.2, 0.6), d.u(0.6, 0.98))])
    y: Eyes = t["eyes"]
    r = d.u(0.07, 0.14)
    t["eyes"] = replace(y, kind=d.pick(["button", "dot"]), w=r, up=r, low=r, slant=0, shine=d.u(0, 0.4), rim=0.0)
    t["mouth"] = replace(t["mouth"], rest_open=0.0, thick_up=d.u(0.012, 0.022), thick_low=d.u(0.012, 0.022))
    t["extras"] = (*(x for x in t["extras"] if x not in ("whiskers", "tongue")),
        "seam") if d.chance(0.5) else t["extras"]
    t.update(skin=skin, skin2=mix(skin, (255, 250, 240), 0.6), line=shade(skin, 0.5), coat="felt", markings=(),
        body=skin)
    t["head"] = replace(t["head"], fuzz=0.0)
    return t


def pumpkin(d: Dice, real: bool) -> Traits:
    skin = hsv(d.u(0.05, 0.1), d.u(0.75, 0.98), d.u(0.7, 1))
    w = d.u(0.16, 0.26)
    ey = d.u(-0.25, -0.05)
    lit = d.chance(0.6)
    dark = shade(skin, d.u(0.08, 0.25)) if not lit else d.pick([(60, 25, 5), (255, 200, 60)])
    q = d.pick([1.0, 2.0], [3, 1])
    my = d.u(0.35, 0.5)
    return {
        "head": Head(width=1.0, top=d.u(0.7, 0.95), bottom=d.u(0.75, 0.95), p_top=2.4, q_top=2.4, p_bot=2.5,
            q_bot=2.4, side_y=ey, jaw_drop=0.0, chin=0.05),
        "eyes": Eyes("carved", d.u(0.34, 0.45), ey, w, w * d.u(0.9, 1.4), w * d.u(0.1, 0.6), q, q, 2.0, 2.0,
            slant=d.u(-5, 15), iris=float(lit), colour=hsv(d.u(0.1, 0.15), 0.6, 1.0), dark=dark, shut=0.3),
        "brows": Brows(gap=w * 1.3 + 0.12, shown=False),
        "nose": Nose("triangle", d.u(0.08, 0.18), d.u(0.07, 0.12), d.u(0.1, 0.17), ey, 0.1, dark),
        "mouth": Mouth("stroke", 0, my, d.u(0.4, 0.65), 0.012, 0.012, d.u(0.06, 0.2), colour=dark,
            inside=dark if not lit else hsv(0.12, 0.7, 1.0), rest_open=d.u(0.1, 0.25),
            teeth=d.pick(["jag", "none", "none"]), tongue=False, flat_top=0.4, lift=0.05),
        "skin": skin, "skin2": shade(skin, 1.2), "line": shade(skin, 0.45), "coat": "pumpkin", "body_kind": "none",
            "extras": ("stem",),
    }
