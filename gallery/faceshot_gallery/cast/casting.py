"""Casting: from a domain and a seed to the traits of one character."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from faceshot_gallery.cast import held, people, pets, things, wild
from faceshot_gallery.cast.guests import GUESTS
from faceshot_gallery.parts.palette import INK
from faceshot_gallery.parts.traits import STYLES, Brows, Character, Dice, Ears, Head, Style, Traits, luma, shade

_CAST: dict[str, Callable[[Dice, bool], Traits]] = {
    "person": people.person,
    "cartoon": people.cartoon,
    "anime": people.anime,
    "cat": pets.cat,
    "dog": pets.dog,
    "bear": wild.bear,
    "fox": wild.fox,
    "rabbit": pets.rabbit,
    "monkey": wild.monkey,
    "bird": wild.bird,
    "frog": wild.frog,
    "robot": things.robot,
    "monster": things.monster,
    "plush": things.plush,
    "statue": people.statue,
    "smiley": things.smiley,
    "pumpkin": things.pumpkin,
    "panda": wild.panda,
    "pig": pets.pig,
    "llama": wild.llama,
    "owl": wild.owl,
    "lion": wild.lion,
    "mouse": pets.mouse,
    "koala": wild.koala,
    "horse": wild.horse,
}
#: Kinds that are never trained on and never in the gallery: what they measure is how far training carries.
_HELD: dict[str, Callable[[Dice, bool], Traits]] = {"seal": held.seal, "alien": held.alien}
DOMAINS: tuple[str, ...] = tuple(_CAST)
HELD_OUT: tuple[str, ...] = tuple(_HELD)
FURRY = frozenset(
    {"cat", "dog", "bear", "fox", "rabbit", "monkey", "panda", "llama", "owl", "lion", "mouse", "koala", "bird"}
) | {"horse", "seal"}


def cast(domain: str, seed: int, style: Style | None = None, *, guests: bool = False) -> Character:
    """The character of a domain (of ``DOMAINS`` or ``HELD_OUT``) and seed.

    With ``guests``, a share of a domain's seeds give a relative of it (:mod:`.cast_guests`) under its name.

    Raises:
        ValueError: unknown domain or style.
    """
    painter = _CAST.get(domain) or _HELD.get(domain)
    if painter is None:
        raise ValueError(f"unknown domain {domain!r}; domains are {', '.join((*DOMAINS, *HELD_OUT))}")
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
    if guests and domain in GUESTS:
        share, invited = GUESTS[domain]
        g = Dice(seed, domain + "-guest")
        if g.chance(share):
            painter = g.pick(invited)
    traits = painter(Dice(seed, domain + "-traits"), real)
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
    eyes = traits["eyes"]
    traits["eyes"] = replace(eyes, w=min(eyes.w, 0.88 * eyes.x))  # two eyes never touch
    traits["head"] = _levelled(traits)
    if domain in ("person", "cartoon", "anime", "statue"):
        traits["brows"] = _reaching(traits["brows"], Dice(seed, domain + "-brows"))
    return Character(domain=domain, seed=seed, style=chosen, line_width=width, **traits)


def _levelled(traits: Traits) -> Head:
    """The head whose outline begins at ear level, as iBUG's does: half-way up to ears that sit above the eyes."""
    head, ears, eyes = traits["head"], traits.get("ears", Ears()), traits["eyes"]
    if ears.kind in ("none", "human", "block", "horn") or ears.y >= eyes.y:
        return head
    return replace(head, side_y=max(min(head.side_y, (eyes.y + ears.y) / 2), -0.85 * head.top))


def _reaching(brows: Brows, d: Dice) -> Brows:
    """Brows that reach past the eyes and whose outer ends fall, as people's do."""
    reach = d.u(0, 0.16)
    return replace(brows, w=brows.w + reach / 2, out=reach / 2, fall=d.u(0, 0.14))
