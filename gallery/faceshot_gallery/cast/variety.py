"""Variety for training: changes to a cast character that make it less of a type.

Used by :func:`faceshot_gallery.illustrator.sample` alone, so the appearance gallery keeps its cast.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from faceshot_gallery.cast.casting import DOMAINS, FURRY
from faceshot_gallery.parts.traits import Character, Dice, mix, shade

#: Coat -> (surface, how often it shows).
_TEXTURES = {"knit": ("knit", 0.9), "wood": ("wood", 0.9), "stone": ("stone", 0.5), "felt": ("cloth", 0.12)}


def vary(c: Character, d: Dice) -> Character:
    """Another character of the same kind: other proportions, and fur, snout or hair as photographs have them."""
    if d.chance(0.7):
        c = proportions(c, d)
    own = Dice(c.seed, "unheard of")
    if c.domain in DOMAINS and own.chance(0.14):
        c = unheard_of(c, own)
    if c.coat == "fur" or (c.domain in FURRY and d.chance(0.4)):
        c = fur(c, d)
    if c.domain in FURRY and c.nose.kind in ("pad", "ball", "triangle", "snout") and d.chance(0.15):
        c = snout(c, d)
    elif c.domain in ("person", "cartoon", "statue") and d.chance(0.15):
        c = replace(c, extras=(*c.extras, d.pick(["strands", "wrinkles", "scarf", "lapels", "stripes", "buttons"])))
    texture = _TEXTURES.get(c.coat)
    if texture is not None and d.chance(texture[1]):
        c = replace(c, extras=(*c.extras, texture[0]))
    if d.chance(0.06):
        c = replace(c, extras=(*c.extras, d.pick(["hands", "flower", "brow_goggles", "facepaint", "gloss"])))
    if c.domain in DOMAINS and c.body_kind == "shoulders" and own.chance(0.35):
        c = replace(c, extras=(*c.extras, "neckline"))
    return settled(c)


def settled(c: Character) -> Character:
    """The character with its features in the order of a face: eyes apart, nose over mouth, mouth over chin."""
    y, n, m, h = c.eyes, c.nose, c.mouth, c.head
    eyes = replace(y, w=min(y.w, 0.9 * y.x / max(1.0, y.size_left)))
    lip = m.y + min(m.smile, 0.0) - 0.35 * m.wave - m.thick_up - (m.rest_open + 0.4 * m.open_gain) * m.flat_top
    tip = min(n.y, lip - 0.03)
    nose = replace(n, y=tip, root=min(n.root, tip - 0.08))
    low = m.y + m.thick_low + max(m.smile, 0.0) + 0.07
    head = replace(h, bottom=max(h.bottom, low))
    return replace(c, eyes=eyes, nose=nose, head=head)


def proportions(c: Character, d: Dice) -> Character:
    """Features moved and scaled by a fifth or so, in their order from brow to chin."""
    y, n, m, h = c.eyes, c.nose, c.mouth, c.head
    k = float(np.exp(d.n(0, 0.13)))
    wide = float(np.exp(d.n(0, 0.1)))
    x = float(np.clip(y.x * np.exp(d.n(0, 0.1)), y.w * k * wide / 0.9, 0.72 * h.width))
    eyes = replace(y, x=x, w=min(y.w * k * wide, 0.9 * x), up=y.up * k, low=y.low * k, slant=y.slant + d.n(0, 3))
    bottom = h.bottom * float(np.exp(d.n(0, 0.07)))
    bottom = max(bottom, m.y + m.thick_low + max(m.smile, 0.0) + 0.12)
    room = bottom - 0.12 - m.thick_low - max(m.smile, 0.0) - m.rest_open * 0.6
    my = float(np.clip(m.y + d.n(0, 0.05), min(n.y + n.h + 0.07, m.y), max(room, m.y)))
    head = replace(
        h,
        width=max(h.width * float(np.exp(d.n(0, 0.05))), x + 0.4 * y.w),
        bottom=bottom,
        cheek=h.cheek + d.n(0, 0.05),
        q_bot=h.q_bot * float(np.exp(d.n(0, 0.12))),
        p_bot=h.p_bot * float(np.exp(d.n(0, 0.1))),
    )
    nose = replace(n, w=n.w * float(np.exp(d.n(0, 0.15))), h=n.h * float(np.exp(d.n(0, 0.1))))
    mouth = replace(m, y=my, w=min(m.w * float(np.exp(d.n(0, 0.15))), 0.8 * h.width))
    return replace(c, eyes=eyes, head=head, nose=nose, mouth=mouth)


def unheard_of(c: Character, d: Dice) -> Character:
    """Eyes, mouth or head of any shape at all, so that no outline or lid is known from the kind it belongs to."""
    y, n, m, h = c.eyes, c.nose, c.mouth, c.head
    if d.chance(0.6):
        w = d.u(0.09, 0.36)
        up, low = w * d.u(0.35, 1.5), w * d.u(0.35, 1.3)
        k = min(1.0, 0.34 / max(up, low))
        p, q, p_low, q_low = (d.u(0.9, 2.4) for _ in range(4))
        x = float(np.clip(max(y.x, w / 0.88), 0.2, 0.7 * h.width))
        y = replace(
            y, x=x, w=min(w, 0.88 * x), up=up * k, low=low * k, slant=d.n(0, 13), p=p, q=q, p_low=p_low, q_low=q_low
        )
        if y.kind in ("dot", "animal", "sclera"):
            y = replace(y, kind=d.pick(["dot", "animal", "sclera"]), shine=d.pick([0.0, d.u(0.15, 0.5)], [1, 2]))
        c = replace(c, eyes=y, brows=replace(c.brows, gap=max(c.brows.gap, y.up + d.u(0.07, 0.2))))
    if d.chance(0.5) and m.kind in ("stroke", "lips"):
        c = replace(c, mouth=replace(m, w=d.u(0.09, 0.55), smile=d.n(0.02, 0.07)))
    if d.chance(0.6):
        head = replace(
            h,
            width=max(d.u(0.8, 1.12), c.eyes.x + 0.6 * c.eyes.w),
            top=d.u(0.65, 1.45),
            bottom=max(d.u(0.7, 1.3), m.y + d.u(0.12, 0.4)),
            p_top=d.u(1.6, 4.0),
            q_top=d.u(1.6, 3.5),
            p_bot=d.u(1.25, 4.0),
            q_bot=d.u(0.95, 3.5),
            cheek=d.n(0, 0.07),
            cheek_y=d.u(0.1, 0.5),
        )
        c = replace(c, head=head, nose=replace(n, y=min(n.y, m.y - 0.06)))
    return c


def fur(c: Character, d: Dice) -> Character:
    """One colour over head and body, or ruffs, cheek fur, dark muzzles, stripes: what photographs of animals show."""
    look = d.pick(["one", "dark muzzle", "marked", "ruff", "as cast"], [4, 1.5, 2, 2, 3])
    if look == "one":
        near = mix(c.skin, c.skin2, d.u(0, 0.3))
        muzzle = replace(c.muzzle, kind=d.pick(["none", "bulge", c.muzzle.kind]), colour=near)
        body = d.jitter(shade(c.skin, d.u(0.9, 1.0)), 3)
        kind = c.body_kind if c.body_kind == "longneck" else d.pick(["fur", "ruff"])
        c = replace(
            c, skin2=near, muzzle=muzzle, body=body, body_kind=kind, markings=d.pick([(), ("zones",), c.markings])
        )
        if c.hair.kind in ("wool", "mane"):
            c = replace(c, hair=replace(c.hair, colour=d.jitter(near, 4)))
    elif look == "dark muzzle":
        dark = shade(c.skin, d.u(0.12, 0.45))
        m = replace(c.muzzle, kind="ellipse", colour=dark, w=max(c.muzzle.w, 0.36), y=(c.nose.y + c.mouth.y) / 2 + 0.05)
        c = replace(c, muzzle=m)
    elif look == "marked":
        mark = d.pick(["tiger", "leopard", "whitechin", "darkface", "darkmask", "badger", "raccoon", "calico"])
        c = replace(c, markings=(*c.markings, mark), skin2=shade(c.skin, 0.3) if mark.startswith("dark") else c.skin2)
    elif look == "ruff":
        extras = (*c.extras, *(x for x, p in (("cheekfur", 0.8), ("goatee", 0.3)) if d.chance(p)))
        c = replace(c, body_kind="ruff", body=d.pick([c.skin, c.skin2, c.body]), extras=extras)
    if d.chance(0.65 if c.style in ("photo", "painterly", "soft3d", "textured") else 0.15):
        c = replace(c, extras=(*c.extras, "furflow"))
    if d.chance(0.6):
        c = replace(c, extras=("chinshadow", *c.extras))
    if c.head.fuzz == 0 and d.chance(0.4):
        c = replace(c, head=replace(c.head, fuzz=d.u(0.01, 0.05)))
    return c


def snout(c: Character, d: Dice) -> Character:
    """A muzzle that points at the camera: nose and mouth stand out of the face and shift as it turns."""
    lift = d.u(0.35, 0.8)
    pale = mix(c.skin, c.muzzle.colour if c.muzzle.kind != "none" else c.skin2, d.u(0, 1))
    middle = (c.nose.y + c.mouth.y) / 2 + 0.03
    high = max(0.24, c.mouth.y - c.nose.y + 0.12)
    return replace(
        c,
        nose=replace(c.nose, lift=lift),
        mouth=replace(c.mouth, lift=lift * 0.85),
        muzzle=replace(c.muzzle, kind="snout", y=middle, w=max(c.mouth.w, 0.26), h=high, colour=pale, lift=lift * 0.7),
    )
