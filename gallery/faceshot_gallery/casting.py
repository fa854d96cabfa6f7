"""Casting: from a domain and a seed to the traits of one character."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from faceshot_gallery import cast_people as people
from faceshot_gallery import cast_pets as pets
from faceshot_gallery import cast_things as things
from faceshot_gallery import cast_wild as wild
from faceshot_gallery.palette import INK
from faceshot_gallery.traits import STYLES, Character, Dice, Style, Traits, luma, shade

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
}
DOMAINS: tuple[str, ...] = tuple(_CAST)
FURRY = frozenset(
    {"cat", "dog", "bear", "fox", "rabbit", "monkey", "panda", "llama", "owl", "lion", "mouse", "koala", "bird"}
)


def cast(domain: str, seed: int, style: Style | None = None) -> Character:
    """The character of a domain and seed.

    Raises:
        ValueError: unknown domain or style.
    """
    if domain not in _CAST:
        raise ValueError(f"unknown domain {domain!r}; domains are {', '.join(DOMAINS)}")
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
    traits = _CAST[domain](Dice(seed, domain + "-traits"), real)
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
    return Character(domain=domain, seed=seed, style=chosen, line_width=width, **traits)
