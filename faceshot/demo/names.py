"""What the editor knows of the 68 points: their names, parts, lines and handles, as plain values for its script."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from faceshot.landmarks import topology as topo
from faceshot.media import CONFIDENCE_COLOURS

#: Along one eye, as seen from its outer corner; the left eye of the 68 begins at the inner one.
_EYE = ("outer corner", "outer upper lid", "inner upper lid", "inner corner", "inner lower lid", "outer lower lid")
_EYE_FROM_INSIDE = (*_EYE[3:0:-1], _EYE[0], *_EYE[:3:-1])
_BROW = ("outer end", "outer middle", "middle", "inner middle", "inner end")
_BRIDGE = ("root", "upper bridge", "lower bridge", "tip")
_BASE = ("right nostril", "right of the middle", "middle below", "left of the middle", "left nostril")
_UPPER_LIP = ("right corner", "upper lip, right", "upper lip, right of the middle", "upper lip, middle",
              "upper lip, left of the middle", "upper lip, left", "left corner")  # fmt: skip
_LOWER_LIP = ("lower lip, left", "lower lip, left of the middle", "lower lip, middle",
              "lower lip, right of the middle", "lower lip, right")  # fmt: skip
_INNER = ("right corner", "upper lip, right", "upper lip, middle", "upper lip, left", "left corner",
          "lower lip, left", "lower lip, middle", "lower lip, right")  # fmt: skip


#: The files of the editor's script, one after another: what is declared in one is known in all that follow.
_EDITOR = ("state", "drawing", "moving", "pointers", "view", "controls")


def asset(name: str) -> str:
    """A script, style or template of this package."""
    return (Path(__file__).parent / "assets" / name).read_text(encoding="utf-8")


def editor_script() -> str:
    """The landmark editor's script, whole."""
    return "\n".join(asset(f"editor/{name}.js") for name in _EDITOR)


def editor_parts() -> dict[str, Any]:
    """The landmark editor for another program's page: ``template``, ``style``, ``vocabulary``, and its ``script``.

    The script is the body of a function of ``element`` (which holds the template), ``props`` (an object with
    ``vocabulary`` and ``value``), ``trigger(event)``, called with "change" after ``props.value`` got moved points, and
    ``watch("value", function)``, which registers what is to be called when somebody else sets it.
    """
    return {
        "template": asset("editor/editor.html"), "style": asset("page.css"), "script": editor_script(),
        "vocabulary": vocabulary(),
    }  # fmt: skip


def point_names() -> list[str]:
    """The 68 names, e.g. ``outer corner, right eye (37)``: sides are the subject's, numbers those of iBUG, from 1."""
    jaw = [f"outline, {8 - i} from the chin, right" for i in range(8)] + ["chin"]
    jaw += [f"outline, {i} from the chin, left" for i in range(1, 9)]
    groups = [
        (topo.JAW, jaw),
        (topo.RIGHT_BROW, [f"{name}, right brow" for name in _BROW]),
        (topo.LEFT_BROW, [f"{name}, left brow" for name in reversed(_BROW)]),
        (topo.NOSE_BRIDGE, [f"{name}, nose" for name in _BRIDGE]),
        (topo.NOSE_BASE, [f"{name}, nose" for name in _BASE]),
        (topo.RIGHT_EYE, [f"{name}, right eye" for name in _EYE]),
        (topo.LEFT_EYE, [f"{name}, left eye" for name in _EYE_FROM_INSIDE]),
        (topo.OUTER_LIPS, [f"outer {name}" for name in (*_UPPER_LIP, *_LOWER_LIP)]),
        (topo.INNER_LIPS, [f"inner {name}" for name in _INNER]),
    ]
    named = {index: name for indices, names in groups for index, name in zip(indices, names, strict=True)}
    return [f"{named[i]} ({i + 1})" for i in range(topo.N_POINTS)]


def vocabulary() -> dict[str, Any]:
    """Everything above as the editor's script reads it."""
    outlines = {"jaw": (topo.JAW, False), "right_brow": (topo.RIGHT_BROW, False), "left_brow": (topo.LEFT_BROW, False),
                "nose": (topo.NOSE_BRIDGE[:1] + topo.NOSE_BASE, True), "right_eye": (topo.RIGHT_EYE, True),
                "left_eye": (topo.LEFT_EYE, True), "mouth": (topo.OUTER_LIPS, True)}  # fmt: skip
    parts = [
        {"name": name, "points": list(topo.GROUPS[name]), "outline": list(line), "closed": closed}
        for name, (line, closed) in outlines.items()
    ]
    right, left = topo.MOUTH_CORNERS
    return {
        "names": point_names(),
        "partOf": [topo.part_of(i) for i in range(topo.N_POINTS)],
        "parts": parts,
        "curves": [{"indices": list(curve), "closed": closed} for curve, closed in topo.CURVES],
        "flip": list(topo.FLIP),
        "eyes": [list(topo.RIGHT_EYE), list(topo.LEFT_EYE)],
        "colours": [list(colour) for colour in CONFIDENCE_COLOURS],
        "anchors": [
            _anchor("right eye", topo.RIGHT_EYE, topo.RIGHT_EYE),
            _anchor("left eye", topo.LEFT_EYE, topo.LEFT_EYE),
            _anchor("nose", (topo.NOSE_TIP,), topo.GROUPS["nose"]),
            _anchor("right corner of the mouth", (right,), topo.GROUPS["mouth"], pivot=left),
            _anchor("left corner of the mouth", (left,), topo.GROUPS["mouth"], pivot=right),
            _anchor("chin", (topo.CHIN,), topo.JAW, weights=[_ease(i) for i in topo.JAW]),
        ],
    }


def _anchor(
    name: str, at: tuple[int, ...], carries: tuple[int, ...], *, pivot: int | None = None,
    weights: list[float] | None = None,
) -> dict[str, Any]:  # fmt: skip
    share = weights or [1.0] * len(carries)
    return {"name": name, "at": list(at), "carries": list(carries), "weights": share, "pivot": pivot}


def _ease(i: int) -> float:
    """How much of the chin's way a point of the outline goes: all at the chin, nothing at the ears."""
    return 0.5 + 0.5 * math.cos(math.pi * abs(i - topo.CHIN) / topo.CHIN)
