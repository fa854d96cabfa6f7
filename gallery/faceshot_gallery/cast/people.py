"""Casting of people: portraits, cartoons, anime, statues."""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.parts.palette import hair_colour, human_skin
from faceshot_gallery.parts.traits import Brows, Dice, Ears, Eyes, Hair, Head, Mouth, Nose, Traits, hsv, mix, shade

# The tables of ranges below are filled paragraphs, not one argument per line.
# fmt: off


def person(d: Dice, real: bool) -> Traits:
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
            width=d.u(0.88, 1.0), top=d.u(1.1, 1.35), bottom=bottom, p_bot=d.u(1.9, 3.0), q_bot=d.u(1.6, 2.3),
                p_top=2.2, q_top=2.1,
            cheek=d.u(-0.04, 0.06), cheek_y=d.u(0.2, 0.7), cheek_span=0.5, cheek_sharp=2, side_y=ey,
                jaw_drop=d.u(0.1, 0.18), depth=d.u(0.6, 0.85),
        ),
        "eyes": Eyes(
            "human" if d.chance(0.85) else d.pick(["dot", "sclera"]), d.u(0.38, 0.47), ey, w, w * o * d.u(0.9, 1.3),
                w * o * d.u(0.5, 0.9), p=2.0, q=d.u(1.1, 1.7), p_low=2.0, q_low=d.u(1.0, 1.7),
            slant=d.u(-5, 8), iris=d.u(0.85, 1.2), pupil=d.u(0.35, 0.55),
                colour=d.pick([(75, 48, 30), (100, 80, 45), (70, 110, 90), (80, 120, 165)]),
            white=d.jitter((240, 236, 230), 6), lash=d.u(0.015, 0.045 if female else 0.03), shine=d.u(0.15, 0.3),
                crease=d.chance(0.6),
        ),
        "brows": Brows(gap=d.u(0.2, 0.32), w=d.u(0.22, 0.3), arch=d.u(0.02, 0.09), tilt=d.u(-8, 10),
            thick=d.u(0.03, 0.09), colour=mix(hair, skin, d.u(0, 0.4)), shown=d.chance(0.94)),
        "nose": Nose("human" if real or d.chance(0.25) else d.pick(["line", "hook", "wedge"]), ny, d.u(0.14, 0.24),
            d.u(0.1, 0.16), ey - 0.03, d.u(0.15, 0.35), shade(skin, d.u(0.55, 0.8))),
        "mouth": Mouth("lips", 0.0, my, d.u(0.26, 0.4), d.u(0.03, 0.07), d.u(0.04, 0.09), d.u(-0.03, 0.05), 0.0,
            d.u(0, 0.025), colour=lip, inside=d.jitter((80, 22, 26), 8),
            teeth=d.pick(["top", "both", "none"], [3, 1, 1]), flat_top=d.u(0.1, 0.35), open_gain=d.u(0.35, 0.5),
            tilt=d.n(0, 1)),
        "ears": Ears("human", d.u(0.97, 1.03), ey + d.u(0.15, 0.3), d.u(0.2, 0.32), d.u(0.09, 0.17), d.u(5, 25),
            shade(skin, 0.85)) if d.chance(0.7) else Ears("none"),
        "hair": Hair(d.pick(["short", "fringe", "parted", "bald", "curly", "hood", "cap"],
            [4, 3, 4, 1, 2, 1.2, 0.8]), hair, ey - d.u(0.55, 0.75), d.u(0.08, 0.3), d.u(0.2, 1.4),
            back=female or d.chance(0.2), teeth=int(d.u(4, 11))),
        "skin": skin, "skin2": shade(skin, 1.3), "line": shade(skin, 0.35), "coat": "skin",
            "blush": d.pick([0.0, d.u(0.1, 0.4)]),
        "body": hsv(d.u(0, 1), d.u(0, 0.7), d.u(0.1, 0.95)), "body_kind": d.pick(["shoulders", "none"], [7, 1]),
        "extras": tuple(x for x, p in (("glasses", 0.1), ("beard", 0.0 if female else 0.2), ("earrings", 0.1),
            ("freckles", 0.08)) if d.chance(p)),
    }
    if d.chance(0.15):
        m: Mouth = t["mouth"]
        t["mouth"] = replace(m, kind="stroke", thick_up=d.u(0.01, 0.025), thick_low=d.u(0.01, 0.025),
            colour=shade(skin, 0.4))
    return t


def cartoon(d: Dice, real: bool) -> Traits:
    t = person(d, real and d.chance(0.4))
    if d.chance(0.2):
        t["skin"] = hsv(d.u(0, 1), d.u(0.2, 0.7), d.u(0.6, 1))
    skin = t["skin"]
    y: Eyes = t["eyes"]
    w = d.u(0.12, 0.27)
    a = d.u(0.6, 1.5)
    t["eyes"] = replace(y, kind=d.pick(["sclera", "dot", "human", "pie", "arc"], [4, 3, 2, 1.2, 0.7]), w=w, up=w * a,
        low=w * a * d.u(0.7, 1), q=d.u(1.2, 2.2), q_low=d.u(1.2, 2.2), iris=d.u(0.35, 0.8), pupil=d.u(0.45, 1.0),
        white=(252, 252, 252), lash=d.u(0.015, 0.045), shut=d.u(-0.8, 0.8))
    b: Brows = t["brows"]
    t["brows"] = replace(b, thick=d.u(0.04, 0.12), gap=max(t["eyes"].up + d.u(0.08, 0.2), 0.2), shown=d.chance(0.8))
    n: Nose = t["nose"]
    t["nose"] = replace(n, kind=d.pick(["line", "hook", "ball", "wedge", "triangle"], [3, 2, 2, 2, 0.5]),
        w=d.u(0.06, 0.2), h=d.u(0.05, 0.14), shown=d.chance(0.9), colour=shade(skin, 0.75))
    t["nose"] = replace(t["nose"], kind="none") if not t["nose"].shown else t["nose"]
    m: Mouth = t["mouth"]
    t["mouth"] = replace(m, kind=d.pick(["stroke", "lips"], [3, 1]), smile=d.u(-0.1, 0.2), w=d.u(0.15, 0.48),
        thick_up=d.u(0.012, 0.03), thick_low=d.u(0.012, 0.03), colour=shade(skin, 0.3),
        rest_open=d.pick([0.0, d.u(0.05, 0.25)], [3, 1]), cupid=0.0)
    h: Head = t["head"]
    t["head"] = replace(h, p_bot=d.u(1.7, 4), q_bot=d.u(1.4, 3), bottom=d.u(0.95, 1.35), cheek=d.u(-0.1, 0.15),
        cheek_sharp=1.6)
    if t["mouth"].y > t["head"].bottom - 0.2:
        t["mouth"] = replace(t["mouth"], y=t["head"].bottom - d.u(0.2, 0.3))
        t["nose"] = replace(t["nose"], y=min(t["nose"].y, t["mouth"].y - 0.22))
    if d.chance(0.12):
        t["mouth"] = replace(t["mouth"], x=d.u(-0.3, 0.3), tilt=d.u(-12, 12))
    return t


def anime(d: Dice, real: bool) -> Traits:
    t = person(d, False)
    skin = d.jitter(mix((253, 228, 212), (205, 160, 130), d.u(0, 0.6)), 5)
    hair = hsv(d.u(0, 1), d.u(0.05, 0.75), d.u(0.2, 0.95))
    bottom = d.u(0.9, 1.15)
    ey = d.u(0.05, 0.22)
    w = d.u(0.18, 0.27)
    a = d.u(0.8, 1.35)
    ny = ey + d.u(0.3, 0.42)
    t["head"] = Head(width=d.u(0.86, 1.0), top=d.u(1.0, 1.25), bottom=bottom, p_bot=d.u(1.35, 1.9),
        q_bot=d.u(0.85, 1.15), cheek=d.u(-0.04, 0.08), cheek_y=0.35, side_y=ey, jaw_drop=0.08, depth=0.7)
    t["eyes"] = Eyes("anime", d.u(0.38, 0.5), ey, w, w * a * 0.62, w * a * d.u(0.38, 0.62), p=d.u(2, 3),
        q=d.u(1.2, 2), p_low=2.2, q_low=d.u(1.1, 2), slant=d.u(-4, 10), iris=d.u(0.5, 0.85), pupil=d.u(0.3, 0.6),
        colour=hsv(d.u(0, 1), d.u(0.4, 0.9), d.u(0.4, 0.9)), lash=d.u(0.03, 0.065), shine=d.u(0.25, 0.5),
        crease=d.chance(0.5), dark=shade(hair, 0.2), shut=0.9,
        pupil_shape=d.pick(["round", "star", "heart"], [12, 1, 1]))
    t["brows"] = Brows(gap=t["eyes"].up + d.u(0.08, 0.2), w=d.u(0.16, 0.24), arch=d.u(0.02, 0.07), tilt=d.u(-8, 12),
        thick=d.u(0.015, 0.04), colour=shade(hair, 0.5), shown=d.chance(0.85))
    t["nose"] = Nose(d.pick(["line", "hook", "wedge"]), ny, d.u(0.03, 0.07), d.u(0.03, 0.06), ey, 0.2,
        shade(skin, 0.6))
    my = min(ny + d.u(0.17, 0.26), bottom - 0.17)
    t["mouth"] = Mouth("stroke", 0, my, d.u(0.1, 0.22), 0.01, d.u(0.01, 0.02), d.u(-0.03, 0.07),
        colour=shade(skin, 0.4), inside=(165, 60, 62), teeth=d.pick(["none", "top", "fangs"], [3, 1, 0.5]),
        flat_top=0.1, open_gain=d.u(0.25, 0.4), rest_open=d.pick([0, d.u(0.05, 0.2)], [3, 1]))
    t["hair"] = Hair(d.pick(["fringe", "spiky", "parted"], [3, 2, 1]), hair, ey - t["eyes"].up - d.u(-0.04, 0.3),
        d.u(0.12, 0.3), d.u(0.5, 1.8), back=d.chance(0.75), teeth=int(d.u(4, 9)))
    t["extras"] = tuple(x for x, p in (("glasses", 0.08), ("catears", 0.12), ("ribbon", 0.12)) if d.chance(p))
    t.update(skin=skin, line=shade(mix(skin, hair, 0.3), 0.4), blush=d.u(0, 0.5), skin2=shade(skin, 1.3))
    return t


def statue(d: Dice, real: bool) -> Traits:
    t = person(d, True)
    stone = hsv(d.pick([d.u(0.08, 0.15), d.u(0.4, 0.6)]), d.u(0, 0.2), d.u(0.4, 0.92))
    if d.chance(0.2):
        stone = hsv(d.u(0.07, 0.12), d.u(0.4, 0.7), d.u(0.3, 0.6))
    y: Eyes = t["eyes"]
    t["eyes"] = replace(y, kind="blank", pupil=d.pick([0.0, 0.5]), up=y.up * 1.1, white=shade(stone, 1.2),
        dark=shade(stone, 0.4), crease=True, shine=0, lash=0.018)
    t["brows"] = replace(t["brows"], colour=shade(stone, d.u(0.6, 0.85)), thick=d.u(0.03, 0.06), shown=d.chance(0.8))
    t["mouth"] = replace(t["mouth"], kind="lips", colour=shade(stone, d.u(0.75, 0.95)), inside=shade(stone, 0.3),
        teeth="none", tongue=False)
    t["nose"] = replace(t["nose"], kind="human")
    t["hair"] = replace(t["hair"], kind=d.pick(["curly", "parted", "cap", "short", "crown"]),
        colour=shade(stone, d.u(0.75, 0.95)))
    t["ears"] = replace(t["ears"], inner=shade(stone, 0.8))
    t.update(skin=stone, skin2=shade(stone, 1.2), line=shade(stone, 0.4), coat="stone", body=shade(stone, 0.85),
        blush=0.0, extras=())
    return t
