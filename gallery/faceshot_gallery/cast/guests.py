"""Guests: relatives that training draws now and then in place of a domain's own characters.

They widen what a network sees (tigers among cats, cups and clouds among smileys, knights among statues) without a
place in the appearance gallery, so a guest is drawn by :func:`faceshot_gallery.illustrator.sample` only.
"""

from __future__ import annotations

from collections.abc import Callable

from faceshot_gallery.cast.guests_animals import (
    ape,
    bigcat,
    bunny,
    fowl,
    horned,
    masked,
    points,
    reptile,
    snouted,
    woolly,
)
from faceshot_gallery.cast.guests_people import hero, manga, sitter, toon
from faceshot_gallery.cast.guests_things import beast, gag, machine, puppet, thing
from faceshot_gallery.parts.traits import Dice, Traits

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
