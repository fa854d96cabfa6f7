"""Casting of the kinds that are kept out of all training: they measure how well a model does on what it never saw."""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.cast.pets import animal
from faceshot_gallery.parts.palette import INK
from faceshot_gallery.parts.traits import Brows, Dice, Ears, Eyes, Head, Mouth, Muzzle, Nose, Traits, hsv, mix, shade


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
        side_y=ey - 0.12,  # as the outlines of all animals
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
