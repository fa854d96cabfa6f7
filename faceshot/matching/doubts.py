"""Annotations that look wrong: what the rest of the gallery would put elsewhere, and pictures that come twice."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import Crop, FloatArray, Landmarks, Picture, RGBArray, Size, nme
from faceshot.landmarks.topology import FLIP, PART_POINTS, PARTS, Part
from faceshot.progress import progress

if TYPE_CHECKING:
    from faceshot.gallery import Domain
    from faceshot.matching.matcher import Matcher

#: How far a part may lie, in the mean, from where the matcher finds it, in sides of a square with the area of the
#: face's box: beyond the farthest of the 75 pictures of the shipped gallery and of the 24 real characters.
_PART: Final[dict[Part, float]] = {
    "face_boundary": 0.15,
    "eyebrows": 0.14,
    "nose": 0.13,
    "eyes": 0.10,
    "mouth": 0.10,
}
#: The same for a single point, in multiples of the above.
_POINT: Final = 1.8
#: Confidence below which the matcher does not judge: perhaps it does not know this kind, which is why it is added.
_SURE: Final = 0.3
#: Error above which sides are compared, and the share of it that the swapped sides must leave.
_SWAPPED: Final = (0.12, 0.6)
#: Side of the small grey faces that are compared [px], and their correlation from which two are one.
_THUMB, _TWIN = 32, 0.985
#: Longest side that small pictures are drawn at, at least [px].
_DRAWN: Final = 480


@dataclass(frozen=True)
class Doubt:
    """Something about an annotated picture that deserves a look.

    Attributes:
        picture: its id. kind: ``points`` lie far from where the gallery puts them, ``sides`` are swapped, it is a
            ``twin`` of another. points: indices in doubt, 0..67. message: the same in words.
        found: where the matcher puts the landmarks; None for twins.
    """

    picture: str
    kind: Literal["points", "sides", "twin"]
    message: str
    points: tuple[int, ...] = ()
    found: Landmarks | None = None

    def told(self) -> dict[str, object]:
        """As JSON has it."""
        return {"picture": self.picture, "kind": self.kind, "points": list(self.points), "message": self.message}


def review(domain: Domain, matcher: Matcher, others: Sequence[Domain] = ()) -> list[Doubt]:
    """What looks wrong about the annotations of a domain, picture by picture; nothing is changed.

    Args:
        matcher: of a gallery without this domain, or it would judge itself.
        others: domains whose pictures must not come again.

    Raises:
        InputError: a picture of the domain cannot be read.
    """
    from faceshot.media import read_picture

    doubts, known = [], _Twins()
    for other in others:
        for entry in other.pictures:
            with suppress(InputError):  # what cannot be read is no twin
                known.add(read_picture(entry.path).flat(), entry.landmarks, f"{other.name}/{entry.id}")
    for entry in progress(domain.pictures, "review", total=len(domain.pictures)):
        rgb = read_picture(entry.path).flat()
        twin = known.add(rgb, entry.landmarks, entry.id)
        if twin is not None:
            doubts.append(Doubt(entry.id, "twin", f"{entry.id} shows the same as {twin}; one of them is enough"))
            continue
        doubts += _judged(entry.id, rgb, entry.landmarks, matcher)
    return doubts


def draw_doubts(rgb: RGBArray, marks: Landmarks, doubts: Sequence[Doubt]) -> RGBArray:
    """A picture (H, W, 3) and its annotation, what is in doubt in red, with lines to where the matcher puts it."""
    from PIL import Image, ImageDraw

    from faceshot.media import overlay

    enlarge = max(1, -(-_DRAWN // max(marks.size)))
    score = np.ones(len(marks.xy), np.float32)
    for doubt in doubts:
        score[list(doubt.points)] = 0
    large = np.repeat(np.repeat(rgb, enlarge, axis=0), enlarge, axis=1)
    size = Size(large.shape[1], large.shape[0])
    mine = replace(marks, score=score).resized(size)
    image = Image.fromarray(overlay(large, mine))
    pen = ImageDraw.Draw(image)
    for doubt in doubts:
        if doubt.found is None or doubt.kind == "sides":  # lines all across the face would say nothing
            continue
        there = doubt.found.resized(size).xy
        for i in doubt.points:
            (x, y), (u, v) = mine.xy[i].tolist(), there[i].tolist()
            for colour, width in (("black", 3), ("white", 1)):
                pen.line((x, y, u, v), fill=colour, width=width)
            pen.ellipse((u - 3, v - 3, u + 3, v + 3), fill="white", outline="black")
    return np.asarray(image)


def _judged(name: str, rgb: RGBArray, marks: Landmarks, matcher: Matcher) -> list[Doubt]:
    low, high = marks.xy.min(0), marks.xy.max(0)
    limit = np.array(marks.size, np.float32) - 1
    low, high = np.clip(low, 0, limit), np.clip(high, 0, limit)
    match = matcher.match(Picture(rgb, name=name), box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])))
    if match.confidence < _SURE:
        return []
    found, seen = match.landmarks, marks.visible & match.landmarks.visible
    wrong, share = _SWAPPED
    error = nme(found.xy, marks.xy, visible=seen)
    if error > wrong and nme(found.xy, marks.xy[list(FLIP)], visible=seen[list(FLIP)]) < share * error:
        message = f"{name}: left and right are swapped; points 36 to 41 are the subject's right eye"
        return [Doubt(name, "sides", message, tuple(range(len(marks.xy))), found)]
    far = np.linalg.norm(found.xy - marks.xy, axis=1) / float(np.sqrt(np.prod(np.maximum(high - low, 1))))
    doubts = []
    for part in PARTS:
        index = np.array(PART_POINTS[part])[seen[list(PART_POINTS[part])]]
        if not index.size:
            continue
        mean, alone = float(far[index].mean()), index[far[index] > _POINT * _PART[part]]
        if mean > _PART[part]:
            alone = index
        if alone.size:
            gap = round(100 * float(far[alone].mean()))
            message = f"{name}: {part.replace('_', ' ')} {_ranges(alone)}: {gap} % of the face from where it is found"
            doubts.append(Doubt(name, "points", message, tuple(int(i) for i in alone), found))
    return doubts


def _ranges(indices: Sequence[int] | np.ndarray) -> str:
    """``31-35, 48`` for indices in order."""
    runs: list[list[int]] = []
    for i in map(int, indices):
        if runs and i == runs[-1][-1] + 1:
            runs[-1].append(i)
        else:
            runs.append([i])
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


class _Twins:
    """Small grey faces by name."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._faces = np.empty((0, _THUMB * _THUMB), np.float32)

    def add(self, rgb: RGBArray, marks: Landmarks, name: str) -> str | None:
        """The name of a known face that is the same, the mirror image counts too; else this one is known from now."""
        square = Crop.around(marks.xy, scale=1.3, out=_THUMB).apply(rgb).astype(np.float32).mean(2)
        for face in (square, square[:, ::-1]):
            alike = self._faces @ _standard(face)
            if alike.size and alike.max() > _TWIN:
                return self._names[int(alike.argmax())]
        self._names.append(name)
        self._faces = np.vstack([self._faces, _standard(square)[None]])
        return None


def _standard(face: FloatArray) -> FloatArray:
    flat = (face - face.mean()).ravel()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-6), np.float32)
