"""Casting of guests: relatives that training draws now and then in place of a domain's own characters.

They widen what a network sees (tigers among cats, cups and clouds among smileys, knights among statues) without a
place in the appearance gallery, so a guest is drawn by :func:`faceshot_gallery.illustrator.sample` only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from faceshot_gallery.cast_people import anime, cartoon, person, statue
from faceshot_gallery.cast_pets import animal, cat, dog, mouse, pig, rabbit
from faceshot_gallery.cast_things import monster, plush, robot, smiley
from faceshot_gallery.cast_wild import bear, bird, fox, frog, llama, monkey
from faceshot_gallery.palette import INK, fur_colour
from faceshot_gallery.traits import Brows, Dice, Ears, Eyes, Hair, Head, Mouth, Muzzle, Traits, hsv, luma, mix, shade

# The tables of ranges below are filled paragraphs, not one argument per line.
# fmt: off


# ---- animals -----------------------------------------------------------------------------------------------------
def bigcat(d: Dice, real: bool) -> Traits:
    """Tigers, leopards, lynxes: round ears, stripes or spots that cross the face, a white chin and ruff."""
    t = cat(d, real)
    skin = hsv(d.u(0.06, 0.12), d.u(0.15, 0.85), d.u(0.55, 0.98))
    t.update(skin=skin, body=skin, line=shade(skin, 0.3), skin2=(248, 243, 234),
        markings=("whitechin", d.pick(["tiger", "leopard"])), body_kind=d.pick(["ruff", "fur"]))
    if d.chance(0.7):
        t["ears"] = Ears("round", d.u(0.66, 0.8), -d.u(0.5, 0.65), d.u(0.22, 0.3), d.u(0.22, 0.3), 40, shade(skin, 0.6))
    t["nose"] = replace(t["nose"], w=d.u(0.14, 0.22), h=d.u(0.09, 0.13), colour=d.jitter((205, 120, 115), 12))
    t["head"] = replace(t["head"], bottom=max(0.9, t["mouth"].y + 0.26), cheek=d.u(0, 0.2))
    t["extras"] = (*t["extras"], *(("cheekfur",) if d.chance(0.6) else ()))
    return t


def points(d: Dice, real: bool) -> Traits:
    """Pale animals with a dark face and ears: Siamese cats, pugs, sheep of some breeds, lemurs."""
    t = d.pick([cat, dog, mouse, llama])(d, real)
    skin = hsv(d.u(0.06, 0.12), d.u(0.05, 0.4), d.u(0.75, 0.97))
    dark = shade(skin, d.u(0.15, 0.45))
    t.update(skin=skin, body=skin, skin2=dark, line=shade(skin, 0.3), markings=(d.pick(["darkface", "darkmask"]),))
    t["ears"] = replace(t["ears"], inner=dark, tip=dark if t["ears"].kind == "tri" else None)
    t["muzzle"] = replace(t["muzzle"], kind=d.pick(["none", "ellipse"]), colour=shade(dark, 0.8))
    return t


def snouted(d: Dice, real: bool) -> Traits:
    """Wolves, shepherds, deer: a long snout that points at the camera."""
    t = d.pick([dog, fox, bear])(d, real)
    lift = d.u(0.35, 0.85)
    n, m = t["nose"], t["mouth"]
    t["nose"] = replace(n, lift=lift, w=n.w * d.u(1.0, 1.4), h=n.h * d.u(1.0, 1.3), colour=d.jitter(INK, 8))
    t["mouth"] = replace(m, lift=lift * 0.85, w=min(m.w * 1.2, 0.4))
    t["muzzle"] = Muzzle("snout", y=(n.y + m.y) / 2 + 0.02, w=d.u(0.26, 0.4), h=d.u(0.26, 0.36),
        colour=mix(t["skin"], d.pick([(245, 240, 230), (40, 34, 34)]), d.u(0, 0.6)), lift=lift * 0.7)
    t["markings"] = tuple(x for x in t["markings"] if x != "foxcheeks") + (("zones",) if d.chance(0.5) else ())
    if d.chance(0.3):
        t["extras"] = (*t["extras"], d.pick(["antlers", "goatee", "cheekfur"]))
    return t


def woolly(d: Dice, real: bool) -> Traits:
    """Sheep, alpacas, poodles, yaks: a bare or furry face in a ball of wool of the same colour."""
    t = llama(d, real) if d.chance(0.5) else dog(d, real)
    skin = t["skin"]
    wool = mix(skin, (252, 248, 240), d.u(0, 0.5))
    t["hair"] = Hair("wool", wool, line=t["eyes"].y - t["eyes"].up - d.u(0.02, 0.25), volume=d.u(0.1, 0.4))
    if d.chance(0.5):
        t["ears"] = Ears("flop", d.u(0.8, 1.0), -d.u(0.25, 0.5), d.u(0.5, 0.8), d.u(0.16, 0.24), d.u(80, 120), skin)
    t.update(body=wool, body_kind=d.pick(["longneck", "fur", "ruff"]), markings=(), coat="fur")
    t["extras"] = (*t["extras"], *(x for x, p in (("lobes", 0.35), ("cheekfur", 0.4), ("goatee", 0.2)) if d.chance(p)))
    return t


def horned(d: Dice, real: bool) -> Traits:
    """Goats, cows, deer, rams: ears to the side, horns, chin fur."""
    t = d.pick([llama, pig, animal])(d, real)
    skin = fur_colour(d)
    t.update(skin=skin, body=skin, line=shade(skin, 0.35), skin2=mix(skin, (250, 246, 240), d.u(0.4, 1.0)),
        markings=d.pick([("blaze",), ("zones",), ("calico",), ()]))
    t["ears"] = Ears("long", 0.9, -d.u(0.25, 0.5), d.u(0.45, 0.7), d.u(0.15, 0.24), d.u(65, 105), (225, 170, 160))
    t["hair"] = Hair("none")
    t["eyes"] = replace(t["eyes"], x=d.u(0.5, 0.62) * t["head"].width, pupil_shape=d.pick(["bar", "round"]))
    t["extras"] = (d.pick(["horns", "antlers", "forelock"]), *(("goatee",) if d.chance(0.5) else ()))
    return t


def masked(d: Dice, real: bool) -> Traits:
    """Raccoons, badgers, ferrets, red pandas, hedgehogs: bands of dark and white across or down the face."""
    t = d.pick([fox, mouse, bear, cat])(d, real)
    t.update(markings=(d.pick(["badger", "raccoon", "whitechin"]),), skin2=(245, 242, 235))
    t["extras"] = (*t["extras"], *(x for x, p in (("spines", 0.2), ("cheekfur", 0.5)) if d.chance(p)))
    return t


def ape(d: Dice, real: bool) -> Traits:
    """Gorillas, orangutans, macaques: a bare wrinkled face, a heavy brow, a wide long upper lip, hair all round."""
    t = monkey(d, real)
    skin = d.jitter(d.pick([(45, 40, 40), (150, 75, 35), (140, 120, 100), (205, 195, 180)]), 10)
    face = d.pick([shade(skin, d.u(0.5, 0.9)), d.jitter((190, 120, 110), 12), d.jitter((215, 175, 145), 10)])
    t.update(skin=skin, skin2=face, body=skin, line=shade(skin, 0.4), coat="fur", body_kind=d.pick(["fur", "ruff"]))
    h, m = t["head"], t["mouth"]
    t["eyes"] = replace(t["eyes"], x=d.u(0.24, 0.34), w=d.u(0.09, 0.13), up=0.09, low=0.07, kind=d.pick(["animal", "dot"]))
    t["nose"] = replace(t["nose"], kind=d.pick(["holes", "human"]), w=d.u(0.12, 0.22), h=d.u(0.08, 0.14))
    t["mouth"] = replace(m, y=m.y + 0.06, w=d.u(0.26, 0.4))
    t["head"] = replace(h, bottom=max(h.bottom, m.y + 0.38), cheek=d.u(0, 0.3), cheek_y=0.3, fuzz=0.04 if real else 0.0)
    t["muzzle"] = Muzzle(d.pick(["bulge", "ellipse", "snout"]), y=t["mouth"].y - 0.04, w=d.u(0.42, 0.6), h=d.u(0.28, 0.38),
        colour=mix(face, d.pick([(255, 235, 215), (40, 30, 30)]), d.u(0, 0.35)), lift=d.u(0.12, 0.3))
    t["extras"] = tuple(x for x, p in (("wrinkles", 0.6), ("cheekfur", 0.4), ("goatee", 0.4)) if d.chance(p))
    return t


def reptile(d: Dice, real: bool) -> Traits:
    """Turtles, lizards, dragons, fishes: no ears, slit eyes, a wide mouth, scales, horns or fins."""
    t = frog(d, real)
    skin = hsv(d.u(0, 1), d.u(0.2, 0.8), d.u(0.35, 0.9))
    y: Eyes = t["eyes"]
    t["eyes"] = replace(y, y=-d.u(0.05, 0.35), x=d.u(0.45, 0.62), kind=d.pick(["animal", "sclera", "dot"]),
        pupil_shape=d.pick(["slit", "round"]), colour=hsv(d.u(0, 0.3), 0.8, 0.9))
    t["head"] = replace(t["head"], top=d.u(0.65, 0.95), bottom=d.u(0.8, 1.15), q_bot=d.u(1.2, 2.2))
    t["nose"] = replace(t["nose"], y=t["eyes"].y + d.u(0.2, 0.35), root=t["eyes"].y)
    t["mouth"] = replace(t["mouth"], y=d.u(0.4, 0.55), w=d.u(0.3, 0.65))
    t.update(skin=skin, skin2=shade(skin, 1.3), body=skin, line=shade(skin, 0.3), markings=d.pick([("scales",), ("spots",), ("tiger",)]),
        extras=tuple(x for x, p in (("fins", 0.3), ("horns", 0.3), ("gloss", 0.3)) if d.chance(p)))
    return t


def fowl(d: Dice, real: bool) -> Traits:
    """Ducks, penguins, parrots, chickens: broad or long beaks, bare or dark heads."""
    t = bird(d, real)
    m: Mouth = t["mouth"]
    skin = d.pick([(250, 215, 70), (40, 42, 50), (245, 245, 240), t["skin"]])
    t.update(skin=d.jitter(skin, 6), body=skin, line=shade(skin, 0.35), markings=d.pick([("facedisc",), ("cap",), ("badger",), ()]))
    t["skin2"] = (246, 246, 242)
    t["mouth"] = replace(m, w=d.u(0.14, 0.5), thick_low=d.u(0.06, 0.2))
    t["extras"] = d.pick([("crest",), ("forelock",), ()])
    return t


# ---- things with faces -------------------------------------------------------------------------------------------
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
    t["head"] = Head(width=w, top=top, bottom=bottom, p_top=p, q_top=p, p_bot=p, q_bot=q, depth=d.u(0.2, 0.8), jaw_drop=0.0,
        cheek=d.u(-0.12, 0.12) if kind in ("fruit", "stone", "tooth") else 0.0, cheek_sharp=1.6, chin=0.05)
    skin = hsv(d.u(0, 1), d.pick([d.u(0, 0.2), d.u(0.3, 0.95)]), d.u(0.25, 1.0))
    extras = {"cup": ("handle",), "screen": ("bezel", "stand"), "fruit": ("leaves", "stem"), "cloud": ("lobes",), "sun": ("rays",)}
    t.update(skin=skin, skin2=d.pick([shade(skin, 1.3), (20, 26, 36)]), line=shade(skin, d.u(0.25, 0.6)), body=skin,
        extras=(*extras.get(kind, ()), *(x for x, c in (("gloss", 0.4), ("cracks", 0.15 if kind == "stone" else 0.02),
            ("hands", 0.1), ("tear", 0.05)) if d.chance(c))))
    if d.chance(0.6):
        t["eyes"] = replace(t["eyes"], kind=d.pick(["dot", "goggle", "sclera", "spiral", "arc", "star", "ring"]))
    return _thing_face(d, t)


def puppet(d: Dice, real: bool) -> Traits:
    """Knitted and wooden toys, dolls, clay figures, garden gnomes: plain eyes, painted cheeks, hard highlights."""
    t = cartoon(d, False) if d.chance(0.6) else plush(d, real)
    t["eyes"] = replace(t["eyes"], kind=d.pick(["button", "dot", "goggle", "sclera", "human"]), shine=d.u(0, 0.4))
    t["coat"] = d.pick(["knit", "wood", "felt", "metal"])
    t["blush"] = d.pick([0.0, d.u(0.3, 0.8)])
    t["nose"] = replace(t["nose"], shown=True, kind=d.pick(["ball", "triangle", t["nose"].kind]) if t["nose"].kind != "none" else "ball",
        colour=d.pick([t["nose"].colour, (210, 60, 50), shade(t["skin"], 0.8)]))
    t["extras"] = (*t["extras"], *(x for x, p in (("gloss", 0.4), ("stitches", 0.4), ("scarf", 0.2), ("buttons", 0.3),
        ("bowtie", 0.1), ("wrinkles", 0.1)) if d.chance(p)))
    return t


def machine(d: Dice, real: bool) -> Traits:
    """Robots with screens, visors, grilles for a mouth, round lamps for eyes."""
    t = robot(d, real)
    p = d.u(2.0, 10)
    t["head"] = replace(t["head"], p_top=p, q_top=p, p_bot=d.u(2, 10), q_bot=d.u(2, 10), width=d.u(0.75, 1.05))
    t["eyes"] = replace(t["eyes"], kind=d.pick(["ring", "robot", "led", "goggle", "dot"]), lash=d.u(0.02, 0.06))
    t["mouth"] = replace(t["mouth"], teeth=d.pick(["grille", "grid", "none"]), rest_open=d.u(0.08, 0.28), smile=d.u(-0.05, 0.05))
    t["extras"] = (*t["extras"], *(x for x, c in (("bezel", 0.3), ("antennae", 0.2), ("gloss", 0.4), ("fins", 0.08)) if d.chance(c)))
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
        t["eyes"] = replace(y, kind=kind, w=min(r, y.x * 0.9), up=min(r, y.x) * d.u(0.9, 1.2), low=min(r, y.x) * d.u(0.9, 1.2),
            pupil_shape=d.pick(["star", "heart"]), pupil=d.u(0.3, 0.8))
    t["extras"] = tuple(x for x, p in (("hands", 0.2), ("joytears", 0.12), ("sweat", 0.12), ("shades", 0.08), ("monocle", 0.06),
        ("bowtie", 0.08), ("gloss", 0.35), ("moustache", 0.06), ("partyhat", 0.08), ("tongue", 0.12), ("catears", 0.04),
        ("horns", 0.06), ("tear", 0.08)) if d.chance(p))
    return t


# ---- people ------------------------------------------------------------------------------------------------------
_HATS = ["cowl", "turban", "helmet", "tophat", "beanie", "beret", "bonnet", "headband", "wig", "laurel", "bun"]


def sitter(d: Dice, real: bool) -> Traits:
    """Painted portraits: hats, hoods, veils, ruffs, beards, low contrast between face and ground."""
    t = person(d, True)
    hair: Hair = t["hair"]
    if d.chance(0.75):
        t["hair"] = replace(hair, kind=d.pick(_HATS))
    cloth = d.jitter(d.pick([(30, 26, 26), (70, 30, 28), (40, 50, 45), (110, 85, 50), (225, 218, 205), (30, 40, 75)]), 10)
    t["body"] = cloth
    bearded = "beard" in t["extras"] or d.chance(0.2)
    t["extras"] = (*t["extras"], *(x for x, p in (("backhood", 0.3), ("neckruff", 0.15), ("lapels", 0.15), ("wrinkles", 0.3),
        ("moustache", 0.5 if bearded else 0.05), ("longbeard", 0.4 if bearded else 0.02), ("flower", 0.06), ("shades", 0.03),
        ("brow_goggles", 0.02), ("scarf", 0.08), ("facepaint", 0.03)) if d.chance(p)))
    if d.chance(0.25):  # hardly any brow, as fashion or fading has it
        t["brows"] = replace(t["brows"], thick=0.02, colour=mix(t["skin"], hair.colour, 0.3))
    return t


def hero(d: Dice, real: bool) -> Traits:
    """Carved heads and masks: helmets, turbans, wreaths, hollow or blank eyes, cracks, paint, gilding."""
    t = statue(d, True)
    stone = t["skin"]
    if d.chance(0.35):
        stone = d.pick([hsv(d.u(0.1, 0.13), d.u(0.5, 0.8), d.u(0.5, 0.9)), hsv(d.u(0.4, 0.5), d.u(0.2, 0.5), d.u(0.35, 0.7)),
            hsv(d.u(0.02, 0.07), d.u(0.4, 0.7), d.u(0.3, 0.6)), (238, 236, 230)])
    t.update(skin=stone, skin2=shade(stone, 1.2), line=shade(stone, 0.4), body=shade(stone, d.u(0.6, 1.0)), coat=d.pick(["stone", "wood", "metal"]))
    t["eyes"] = replace(t["eyes"], kind=d.pick(["blank", "dot", "human", "carved"], [5, 1, 1, 1]), white=shade(stone, 1.2),
        dark=shade(stone, 0.25), colour=shade(stone, 0.5), iris=d.u(0.5, 1.0))
    t["mouth"] = replace(t["mouth"], colour=d.pick([shade(stone, 0.85), (150, 60, 55)], [5, 1]), inside=shade(stone, 0.25))
    t["hair"] = replace(t["hair"], kind=d.pick([*_HATS[:4], "laurel", "bald", "curly", "crown", "none", "wig"]),
        colour=shade(stone, d.u(0.7, 1.0)))
    t["brows"] = replace(t["brows"], colour=shade(stone, 0.7))
    t["extras"] = tuple(x for x, p in (("cracks", 0.5), ("rays", 0.1), ("longbeard", 0.2), ("wrinkles", 0.3), ("facepaint", 0.12),
        ("gloss", 0.2), ("neckruff", 0.06), ("horns", 0.06)) if d.chance(p))
    return t


def manga(d: Dice, real: bool) -> Traits:
    """Anime at its extremes: huge eyes, a chin like a V, a dot or no nose, tiny mouths, locks over the eyes."""
    t = anime(d, real)
    k = d.u(0.9, 1.35)
    y: Eyes = t["eyes"]
    w = min(y.w * k, 0.3)
    t["eyes"] = replace(y, w=w, up=min(y.up * k, 0.34), low=min(y.low * k, 0.26), x=max(y.x, w / 0.85), lash=d.u(0.02, 0.07),
        kind=d.pick(["anime", "dot", "sclera", "pie"], [8, 1, 1, 0.5]))
    h: Head = t["head"]
    t["head"] = replace(h, p_bot=d.u(1.15, 1.9), q_bot=d.u(0.75, 1.1), bottom=d.u(0.8, 1.1), cheek=d.u(-0.02, 0.16), cheek_y=d.u(0.2, 0.45))
    bottom = t["head"].bottom
    my = bottom - d.u(0.15, 0.24)
    ny = min(max(y.y + d.u(0.2, 0.38), y.y + 0.2), my - 0.12)
    t["nose"] = replace(t["nose"], kind=d.pick(["dot", "line", "wedge", "hook", "none"]), y=ny, w=d.u(0.015, 0.05), h=d.u(0.015, 0.04))
    if t["nose"].kind == "none":
        t["nose"] = replace(t["nose"], shown=False)
    t["mouth"] = replace(t["mouth"], y=my, w=d.u(0.05, 0.2), open_gain=d.u(0.12, 0.3))
    t["extras"] = (*t["extras"], *(x for x, p in (("strands", 0.5), ("hairshine", 0.5), ("blushlines", 0.25), ("flower", 0.1),
        ("scarf", 0.08), ("brow_goggles", 0.05), ("horns", 0.05), ("sweat", 0.05), ("lapels", 0.1)) if d.chance(p)))
    if d.chance(0.2):
        t["hair"] = replace(t["hair"], kind=d.pick(["bun", "headband", "beanie", "beret"]))
    return t


def toon(d: Dice, real: bool) -> Traits:
    """Cartoon people with hats, masks, moustaches, glasses, odd eyes."""
    t = cartoon(d, real)
    y: Eyes = t["eyes"]
    t["eyes"] = replace(y, kind=d.pick([y.kind, "goggle", "pie", "ring", "star", "cross"], [6, 2, 1, 1, 0.4, 0.4]),
        pupil_shape=d.pick(["round", "star", "heart", "slit"], [6, 1, 1, 1]))
    if d.chance(0.5):
        t["hair"] = replace(t["hair"], kind=d.pick([*_HATS, "none"]), colour=hsv(d.u(0, 1), d.u(0, 0.8), d.u(0.15, 0.95)))
    t["extras"] = (*t["extras"], *(x for x, p in (("domino", 0.12), ("moustache", 0.15), ("longbeard", 0.1), ("hairshine", 0.2),
        ("shades", 0.05), ("brow_goggles", 0.07), ("backhood", 0.1), ("scarf", 0.12), ("buttons", 0.15), ("stripes", 0.15), ("lapels", 0.15),
        ("bowtie", 0.1), ("wrinkles", 0.12), ("facepaint", 0.08), ("strands", 0.12), ("hands", 0.07), ("sweat", 0.04), ("gloss", 0.15)) if d.chance(p)))
    return t


def beast(d: Dice, real: bool) -> Traits:
    """Monsters with more: horns, fins, spines, masks, scales, spiral eyes."""
    t = monster(d, real)
    y: Eyes = t["eyes"]
    t["eyes"] = replace(y, kind=d.pick([y.kind, "goggle", "spiral", "ring", "cross"], [4, 2, 1, 1, 0.5]))
    t["extras"] = tuple(x for x, p in (("horns", 0.3), ("fins", 0.15), ("spines", 0.15), ("gloss", 0.3),
        ("forelock", 0.15), ("leaves", 0.1), ("lobes", 0.1), ("stripes", 0.1), ("facepaint", 0.1), ("cracks", 0.1)) if d.chance(p))
    t["markings"] = d.pick([("spots",), ("tiger",), ("scales",), ()])
    return t


def bunny(d: Dice, real: bool) -> Traits:
    """Small soft animals of one colour: hamsters, chinchillas, rabbits, squirrels."""
    t = d.pick([rabbit, mouse])(d, real)
    t["eyes"] = replace(t["eyes"], kind="dot", x=d.u(0.42, 0.6), shine=d.u(0.2, 0.4))
    t.update(markings=d.pick([("zones",), ("whitechin",), ("badger",)]), coat="fur", body_kind=d.pick(["fur", "ruff"]))
    t["brows"] = Brows(gap=t["eyes"].up + 0.14, shown=False, w=0.2)
    return t


#: Domain -> (share of its training pictures that are guests, the guests).
GUESTS: dict[str, tuple[float, tuple[Callable[[Dice, bool], Traits], ...]]] = {
    "person": (0.45, (sitter,)),
    "cartoon": (0.45, (toon,)),
    "anime": (0.55, (manga,)),
    "statue": (0.5, (hero,)),
    "cat": (0.4, (bigcat, points)),
    "dog": (0.5, (snouted, points, woolly)),
    "bear": (0.35, (snouted, ape, masked)),
    "fox": (0.4, (snouted, masked)),
    "rabbit": (0.3, (bunny,)),
    "monkey": (0.5, (ape,)),
    "bird": (0.5, (fowl,)),
    "frog": (0.45, (reptile,)),
    "robot": (0.5, (machine,)),
    "monster": (0.5, (beast,)),
    "plush": (0.55, (puppet,)),
    "smiley": (0.6, (gag, thing)),
    "pumpkin": (0.55, (thing,)),
    "panda": (0.3, (masked, ape)),
    "pig": (0.4, (horned,)),
    "llama": (0.4, (woolly, horned)),
    "owl": (0.25, (fowl,)),
    "lion": (0.35, (bigcat,)),
    "mouse": (0.35, (bunny, masked)),
    "koala": (0.3, (masked, bunny)),
}
