"""Characters beyond the types: parts that are missing, layouts no face has, drawings of lines alone.

Used by :mod:`faceshot_gallery.anyone` alone, so the appearance gallery keeps its cast.
"""

from __future__ import annotations

from dataclasses import replace

from faceshot_gallery.parts.traits import Character, Colour, Dice, hsv

_MOUTHED = ("philtrum", "tongue", "buckteeth", "beard", "goatee")


def lacking(c: Character, part: str) -> Character:
    """Without ``nose`` or ``mouth`` (a beak is both, and stays)."""
    if c.mouth.kind == "beak":
        return c
    if part == "nose":
        extras = tuple(x for x in c.extras if x != "philtrum")
        return replace(c, nose=replace(c.nose, shown=False), extras=extras)
    extras = tuple(x for x in c.extras if x not in _MOUTHED)
    return replace(c, mouth=replace(c.mouth, shown=False), extras=extras)


def layout(c: Character, d: Dice) -> Character:
    """Eyes wide apart, a mouth between them, everything crowded together or spread to the rim."""
    y, n, m, h = c.eyes, c.nose, c.mouth, c.head
    kind = d.pick(["wide", "between", "crowded", "low", "tiny"], [3, 2, 1, 1, 1])
    if kind == "wide":
        w = min(y.w, 0.24)
        x = d.u(0.6, 0.88) * h.width
        return replace(c, eyes=replace(y, x=x, w=w, up=min(y.up, 0.26), low=min(y.low, 0.26)))
    if m.kind == "beak":
        return c
    if kind == "between":
        x = max(y.x, d.u(0.42, 0.66))
        w = min(y.w, 0.42 * x)
        c = lacking(replace(c, muzzle=replace(c.muzzle, kind="none")), "nose")
        mouth = replace(m, y=y.y + d.u(-0.02, 0.22), w=(x - w) * d.u(0.4, 0.85), rest_open=min(m.rest_open, 0.1))
        return replace(c, eyes=replace(y, x=x, w=w), mouth=mouth, nose=replace(c.nose, y=y.y - 0.02, root=y.y - 0.1))
    k = {"crowded": d.u(0.5, 0.7), "tiny": d.u(0.35, 0.5), "low": d.u(0.6, 0.8)}[kind]
    shift = 0.25 * h.bottom if kind == "low" else 0.0
    eyes = replace(y, x=y.x * k, w=y.w * k, up=y.up * k, low=y.low * k, y=y.y * k + shift)
    nose = replace(n, y=n.y * k + shift, w=n.w * k, h=n.h * k, root=n.root * k + shift)
    mouth = replace(m, y=min(m.y * k + shift, h.bottom - 0.12), w=m.w * k, open_gain=m.open_gain * k)
    muzzle = replace(c.muzzle, y=c.muzzle.y * k + shift, w=c.muzzle.w * k, h=c.muzzle.h * k)
    brows = replace(c.brows, gap=c.brows.gap * k, w=c.brows.w * k)
    return replace(c, eyes=eyes, nose=nose, mouth=mouth, muzzle=muzzle, brows=brows)


def unfilled(c: Character, paper: Colour, d: Dice) -> Character:
    """Lines on paper: every surface has the colour of the paper, every line one dark colour."""
    ink = d.pick([(20.0, 20.0, 24.0), hsv(d.u(0, 1), 0.7, 0.35)], [4, 1])
    eyes = replace(c.eyes, white=paper, dark=ink, colour=ink if d.chance(0.5) else paper, lash=max(c.eyes.lash, 0.02))
    return replace(
        c,
        style="outline",
        skin=paper,
        skin2=paper,
        line=ink,
        line_width=d.u(0.012, 0.05),
        body=paper,
        coat="skin",
        blush=0.0,
        markings=(),
        eyes=eyes,
        hair=replace(c.hair, colour=paper if d.chance(0.75) else c.hair.colour),
        muzzle=replace(c.muzzle, colour=paper),
        ears=replace(c.ears, inner=paper, tip=None),
        nose=replace(c.nose, colour=ink),
        mouth=replace(c.mouth, colour=ink, inside=d.pick([paper, ink])),
        brows=replace(c.brows, colour=ink),
    )


def strange(c: Character, d: Dice) -> Character:
    """Most often the character as it is; else a part missing or another layout."""
    if d.chance(0.08):
        c = layout(c, d)
    if d.chance(0.09):
        c = lacking(c, "nose")
    if d.chance(0.09):
        c = lacking(c, "mouth")
    return c
