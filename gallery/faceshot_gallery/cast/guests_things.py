"""Casting of guests: things with faces, toys, machines, emoji in every mood."""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.cast.people import cartoon
from faceshot_gallery.cast.things import monster, plush, robot, smiley
from faceshot_gallery.parts.traits import (
    Dice,
    Eyes,
    Head,
    Traits,
    hsv,
    luma,
    shade,
)


def _thing_face(d: Dice, t: Traits) -> Traits:
    """Smaller and odder features, anywhere on the thing: low, high, close together, pale on dark."""
    y, m, h = t["eyes"], t["mouth"], t["head"]
    k, drop = d.u(0.5, 1.0), d.u(-0.1, 0.3)
    close = d.u(0.6, 1.15)
    t["eyes"] = replace(y, x=y.x * close, y=y.y + drop, w=y.w * k, up=y.up * k, low=y.low * k)
    my = min(max(m.y * d.u(0.6, 1.0) + drop, t["eyes"].y + t["eyes"].low + 0.17), h.bottom - 0.2)
    t["mouth"] = replace(m, y=my, w=m.w * d.u(0.35, 1.0))
    ny = (t["eyes"].y + my) / 2
    t["nose"] = replace(t["nose"], y=ny, root=t["eyes"].y)
    if luma(t["skin"]) < 80 or "bezel" in t["extras"]:
        pale = hsv(d.u(0, 1), d.u(0, 0.7), 1.0)
        t["eyes"] = replace(t["eyes"], dark=pale)
        t["mouth"] = replace(t["mouth"], colour=pale)
    t["head"] = replace(h, side_y=t["eyes"].y)
    return t


def thing(d: Dice, real: bool) -> Traits:
    """Cups, screens, toast, fruit, clouds, suns, flowers, stones, eggs, boxes with a face."""
    t = smiley(d, real)
    kind = d.pick(["cup", "screen", "fruit", "cloud", "sun", "stone", "egg", "box", "tooth"])
    p = {"cup": 9.0, "screen": d.u(5, 12), "box": 14.0, "tooth": 3.2}.get(kind, d.u(1.9, 2.8))
    w, top, bottom = d.u(0.8, 1.0), d.u(0.75, 1.15), d.u(0.75, 1.1)
    if kind == "egg":
        w, top = 0.82, d.u(1.1, 1.3)
    q = d.u(1.5, 2.0) if kind == "fruit" else p
    t["head"] = Head(
        width=w,
        top=top,
        bottom=bottom,
        p_top=p,
        q_top=p,
        p_bot=p,
        q_bot=q,
        depth=d.u(0.2, 0.8),
        jaw_drop=0.0,
        cheek=d.u(-0.12, 0.12) if kind in ("fruit", "stone", "tooth") else 0.0,
        cheek_sharp=1.6,
        chin=0.05,
    )
    skin = hsv(d.u(0, 1), d.pick([d.u(0, 0.2), d.u(0.3, 0.95)]), d.u(0.25, 1.0))
    extras = {
        "cup": ("handle",),
        "screen": ("bezel", "stand"),
        "fruit": ("leaves", "stem"),
        "cloud": ("lobes",),
        "sun": ("rays",),
    }
    t.update(
        skin=skin,
        skin2=d.pick([shade(skin, 1.3), (20, 26, 36)]),
        line=shade(skin, d.u(0.25, 0.6)),
        body=skin,
        extras=(
            *extras.get(kind, ()),
            *(
                x
                for x, c in (
                    ("gloss", 0.4),
                    ("cracks", 0.15 if kind == "stone" else 0.02),
                    ("hands", 0.1),
                    ("tear", 0.05),
                )
                if d.chance(c)
            ),
        ),
    )
    if d.chance(0.6):
        t["eyes"] = replace(t["eyes"], kind=d.pick(["dot", "goggle", "sclera", "spiral", "arc", "star", "ring"]))
    return _thing_face(d, t)


def puppet(d: Dice, real: bool) -> Traits:
    """Knitted and wooden toys, dolls, clay figures, garden gnomes: plain eyes, painted cheeks, hard highlights."""
    t = cartoon(d, False) if d.chance(0.6) else plush(d, real)
    t["eyes"] = replace(t["eyes"], kind=d.pick(["button", "dot", "goggle", "sclera", "human"]), shine=d.u(0, 0.4))
    t["coat"] = d.pick(["knit", "wood", "felt", "metal"])
    t["blush"] = d.pick([0.0, d.u(0.3, 0.8)])
    t["nose"] = replace(
        t["nose"],
        shown=True,
        kind=d.pick(["ball", "triangle", t["nose"].kind]) if t["nose"].kind != "none" else "ball",
        colour=d.pick([t["nose"].colour, (210, 60, 50), shade(t["skin"], 0.8)]),
    )
    t["extras"] = (
        *t["extras"],
        *(
            x
            for x, p in (
                ("gloss", 0.4),
                ("stitches", 0.4),
                ("scarf", 0.2),
                ("buttons", 0.3),
                ("bowtie", 0.1),
                ("wrinkles", 0.1),
            )
            if d.chance(p)
        ),
    )
    return t


def machine(d: Dice, real: bool) -> Traits:
    """Robots with screens, visors, grilles for a mouth, round lamps for eyes."""
    t = robot(d, real)
    p = d.u(2.0, 10)
    t["head"] = replace(t["head"], p_top=p, q_top=p, p_bot=d.u(2, 10), q_bot=d.u(2, 10), width=d.u(0.75, 1.05))
    t["eyes"] = replace(t["eyes"], kind=d.pick(["ring", "robot", "led", "goggle", "dot"]), lash=d.u(0.02, 0.06))
    t["mouth"] = replace(
        t["mouth"], teeth=d.pick(["grille", "grid", "none"]), rest_open=d.u(0.08, 0.28), smile=d.u(-0.05, 0.05)
    )
    t["extras"] = (
        *t["extras"],
        *(x for x, c in (("bezel", 0.3), ("antennae", 0.2), ("gloss", 0.4), ("fins", 0.08)) if d.chance(c)),
    )
    if "bezel" in t["extras"]:
        glow = hsv(d.u(0, 1), d.u(0, 0.9), 1.0)
        t["eyes"] = replace(t["eyes"], dark=glow, colour=glow)
        t["mouth"] = replace(t["mouth"], colour=glow)
    return t


def gag(d: Dice, real: bool) -> Traits:
    """Emoji in every mood: spirals, stars and hearts for eyes, hands, tears, hats, glasses."""
    t = smiley(d, real)
    y: Eyes = t["eyes"]
    r = max(y.w, d.u(0.14, 0.24))
    kind = d.pick(["star", "goggle", "spiral", "ring", "pie", "cross", y.kind])
    if kind != y.kind:
        t["eyes"] = replace(
            y,
            kind=kind,
            w=min(r, y.x * 0.9),
            up=min(r, y.x) * d.u(0.9, 1.2),
            low=min(r, y.x) * d.u(0.9, 1.2),
            pupil_shape=d.pick(["star", "heart"]),
            pupil=d.u(0.3, 0.8),
        )
    t["extras"] = tuple(
        x
        for x, p in (
            ("hands", 0.2),
            ("joytears", 0.12),
            ("sweat", 0.12),
            ("shades", 0.08),
            ("monocle", 0.06),
            ("bowtie", 0.08),
            ("gloss", 0.35),
            ("moustache", 0.06),
            ("partyhat", 0.08),
            ("tongue", 0.12),
            ("catears", 0.04),
            ("horns", 0.06),
            ("tear", 0.08),
        )
        if d.chance(p)
    )
    return t


def beast(d: Dice, real: bool) -> Traits:
    """Monsters with more: horns, fins, spines, masks, scales, spiral eyes."""
    t = monster(d, real)
    y: Eyes = t["eyes"]
    t["eyes"] = replace(y, kind=d.pick([y.kind, "goggle", "spiral", "ring", "cross"], [4, 2, 1, 1, 0.5]))
    t["extras"] = tuple(
        x
        for x, p in (
            ("horns", 0.3),
            ("fins", 0.15),
            ("spines", 0.15),
            ("gloss", 0.3),
            ("forelock", 0.15),
            ("leaves", 0.1),
            ("lobes", 0.1),
            ("stripes", 0.1),
            ("facepaint", 0.1),
            ("cracks", 0.1),
        )
        if d.chance(p)
    )
    t["markings"] = d.pick([("spots",), ("tiger",), ("scales",), ()])
    return t
