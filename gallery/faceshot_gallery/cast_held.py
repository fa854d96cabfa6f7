"""Casting of the kinds that are kept out of all training: they measure how well a model does on what it never saw."""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.cast_pets import animal, animal_eyes
from faceshot_gallery.palette import INK
from faceshot_gallery.traits import Brows, Dice, Ears, Eyes, Hair, Head, Mouth, Muzzle, Nose, Traits, hsv, mix, shade


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


def seal(d: Dice, real: bool) -> Traits:
    """A round smooth head without ears, huge dark eyes, nose and whisker pads in one bump high on the face."""
    skin = d.jitter(d.pick([(120, 122, 126), (222, 220, 215), (92, 80, 70), (160, 150, 140)]), 8)
    t = animal(d, real, skin=skin)
    bottom, ey = d.u(0.72, 0.9), d.u(-0.2, 0.02)
    r = d.u(0.15, 0.23)
    ny = ey + d.u(0.3, 0.42)
    t["head"] = Head(
        width=1.0,
        top=d.u(0.72, 0.9),
        bottom=bottom,
        p_top=2.0,
        q_top=2.0,
        p_bot=d.u(2.0, 2.6),
        q_bot=d.u(1.8, 2.3),
        cheek=d.u(-0.02, 0.08),
        cheek_y=0.3,
        side_y=ey,
        jaw_drop=0.05,
        depth=0.85,
        chin=0.2,
    )
    t["eyes"] = Eyes(
        d.pick(["dot", "animal"], [3, 1]),
        d.u(0.42, 0.56),
        ey,
        r,
        r,
        r * d.u(0.85, 1.0),
        slant=d.u(-6, 10),
        dark=d.jitter(INK, 5),
        colour=(45, 32, 28),
        white=(30, 24, 24),
        iris=1.0,
        pupil=0.8,
        shine=d.u(0.2, 0.4),
        lash=0.025,
        rim=d.pick([0.0, 0.03]),
        shut=d.u(0.3, 0.8),
    )
    my = min(ny + d.u(0.22, 0.28), bottom - 0.16)
    t["nose"] = replace(
        t["nose"],
        kind="pad",
        y=ny,
        w=d.u(0.12, 0.18),
        h=d.u(0.06, 0.09),
        root=ey,
        vee=d.u(0.7, 1.0),
        lift=0.35,
        colour=d.jitter((34, 30, 32), 6),
    )
    t["mouth"] = replace(t["mouth"], y=my, w=d.u(0.2, 0.3), wave=d.u(0.05, 0.1), smile=0.02, tilt=0.0)
    t["muzzle"] = Muzzle(
        "cheeks",
        y=ny + 0.16,
        w=d.u(0.5, 0.62),
        h=d.u(0.3, 0.38),
        colour=mix(skin, d.pick([(245, 242, 238), (60, 55, 55)], [3, 1]), d.u(0.3, 0.8)),
    )
    t["brows"] = Brows(gap=r + 0.14, w=0.12, thick=0.04, colour=shade(skin, 0.6), shown=d.chance(0.35))
    t["extras"] = ("philtrum", "whiskers", "whiskerdots") if d.chance(0.7) else ("philtrum",)
    t.update(
        ears=Ears("none"),
        markings=d.pick([("spots",), (), ("zones",)]),
        body=mix(skin, shade(skin, 0.8), d.u(0, 1)),
        body_kind="fur",
        coat="fur" if real and d.chance(0.4) else "skin",
    )
    return t


def alien(d: Dice, real: bool) -> Traits:
    """A skull like an egg on its tip, slanted almond eyes without white, slits for a nose, a tiny mouth."""
    skin = d.pick(
        [
            hsv(d.u(0.22, 0.45), d.u(0.2, 0.7), d.u(0.5, 0.95)),
            hsv(d.u(0.5, 0.8), d.u(0.1, 0.5), d.u(0.5, 0.95)),
            hsv(d.u(0, 1), d.u(0, 0.1), d.u(0.5, 0.9)),
        ]
    )
    bottom, ey = d.u(1.0, 1.3), d.u(0.0, 0.2)
    w = d.u(0.26, 0.36)
    up = w * d.u(0.42, 0.75)
    ny = ey + d.u(0.34, 0.44)
    my = min(ny + d.u(0.2, 0.28), bottom - 0.16)
    ink = d.pick([INK, hsv(d.u(0, 1), 0.6, 0.25), hsv(d.u(0, 1), d.u(0.3, 0.9), 0.95)], [4, 1, 1])
    return {
        "head": Head(
            width=d.u(0.92, 1.05),
            top=d.u(1.15, 1.5),
            bottom=bottom,
            p_top=d.u(2.0, 2.6),
            q_top=d.u(1.9, 2.3),
            p_bot=d.u(1.3, 1.6),
            q_bot=d.u(0.9, 1.1),
            side_y=ey - 0.05,
            jaw_drop=0.06,
            depth=0.75,
        ),
        "eyes": Eyes(
            d.pick(["dot", "animal"], [4, 1]),
            d.u(0.4, 0.5),
            ey,
            w,
            up,
            up * d.u(0.8, 1.1),
            p=2.0,
            q=d.u(1.0, 1.5),
            p_low=2.0,
            q_low=d.u(1.0, 1.5),
            slant=d.u(14, 34),
            dark=ink,
            colour=ink,
            white=hsv(d.u(0, 1), 0.4, 0.9),
            iris=0.8,
            pupil=0.6,
            pupil_shape=d.pick(["slit", "round"]),
            shine=d.pick([0.0, d.u(0.2, 0.45)], [1, 3]),
            lash=d.u(0.015, 0.035),
            shut=0.4,
            rim=d.pick([0.0, 0.03]),
        ),
        "brows": Brows(gap=up + 0.24, w=0.22, tilt=14.0, thick=0.05, colour=shade(skin, 0.6), shown=d.chance(0.2)),
        "nose": Nose("holes", ny, d.u(0.05, 0.09), d.u(0.05, 0.08), ey, 0.2, shade(skin, 0.4)),
        "mouth": Mouth(
            d.pick(["stroke", "lips"], [3, 1]),
            0.0,
            my,
            d.u(0.09, 0.2),
            d.u(0.012, 0.025),
            d.u(0.012, 0.03),
            d.u(-0.04, 0.06),
            colour=shade(skin, 0.45),
            inside=shade(skin, 0.2),
            open_gain=0.25,
            tongue=False,
        ),
        "skin": skin,
        "skin2": shade(skin, 1.25),
        "line": shade(skin, 0.3),
        "coat": "skin",
        "body": d.pick([skin, hsv(d.u(0, 1), d.u(0.1, 0.7), d.u(0.2, 0.95))]),
        "body_kind": d.pick(["shoulders", "none"]),
        "markings": d.pick([(), ("spots",)], [3, 1]),
        "extras": d.pick([(), ("antennae",), ("gloss",)], [2, 1, 1]),
    }
