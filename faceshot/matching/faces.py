"""From looks at parts of a picture to the faces in it: where to look next, when to stop, which looks are one face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from faceshot.landmarks import Crop, Size
from faceshot.matching.result import Look
from faceshot.matching.search import Candidate, SearchOptions

Looking = Callable[[Sequence[Crop]], list[Look]]
#: Quarter turns of a picture, in degrees, apart from the one it is in.
TURNS = (180.0, 90.0, 270.0)


def seek(
    look: Looking,
    suspects: Callable[[int], list[Candidate]],
    size: Size,
    side: int,
    options: SearchOptions,
    *,
    thorough: bool = False,
) -> list[Look]:
    """Look at the whole picture, then at the places landmarks vote for, at ever finer sizes, then at quarter turns.

    Args:
        look: what squares of the picture show. suspects: where faces may be, for one of ``options.sides``.
        size: of the picture. side: of the network's square.
        thorough: look at every size, for all faces; otherwise stop as soon as one face is sure.

    Returns:
        Different faces (:func:`distinct`), the one to take first; never empty.
    """
    whole = look([Crop.whole(size, side)])[0]
    seen, best = [whole], whole
    alone = float(np.ptp(whole.xy, axis=0).max()) >= options.alone * max(size)
    finer = [count for count in options.sides if count * side <= options.enlarge * max(size)]
    if not thorough and whole.quality >= options.enough and alone:
        finer = []
    for count in finer:
        found = look([candidate.crop(options, side) for candidate in suspects(count)])
        found = [one for one in found if not part_of(one, best, options)]
        seen += found
        level = max(found, key=lambda one: one.quality, default=whole)
        if level.quality > options.better * best.quality:
            best = level
        if not thorough and best.quality >= options.enough:
            break
    if best.quality < options.upright_enough:
        turned = look([replace(Crop.whole(size, side), angle=angle) for angle in TURNS])
        surest = max(turned, key=lambda one: one.quality)
        if surest.logit > best.logit + options.surer_turned:
            best, seen = surest, [*seen, surest]
    others = [one for one in distinct(seen, options) if not same(one, best) and not part_of(one, best, options)]
    return [best, *others]


def part_of(look: Look, face: Look, options: SearchOptions) -> bool:
    """Whether a look shows a part of a face already found (nostrils and mouth of a muzzle look like one)."""
    low, high = face.xy.min(0), face.xy.max(0)
    inside = (look.xy.mean(0) > low).all() and (look.xy.mean(0) < high).all()
    smaller = np.ptp(look.xy, axis=0).max() < options.part * np.ptp(face.xy, axis=0).max()
    return bool(inside and smaller and look.logit - face.logit < options.surer)


def same(one: Look, other: Look) -> bool:
    """Whether two looks show one face: the centre of one lies in the middle of the other, and their sizes are alike."""
    extent = [float(np.ptp(look.xy, axis=0).max()) for look in (one, other)]
    apart = float(np.linalg.norm(one.xy.mean(0) - other.xy.mean(0)))
    return apart < 0.5 * max(extent) and min(extent) > 0.4 * max(extent)


def distinct(looks: Sequence[Look], options: SearchOptions) -> list[Look]:
    """Each face once, the surest first; parts of a face are left out, and faces around a surer one."""
    kept: list[Look] = []
    for look in sorted(looks, key=lambda one: -one.logit):
        if not any(same(look, face) or part_of(look, face, options) or part_of(face, look, options) for face in kept):
            kept.append(look)
    return kept
