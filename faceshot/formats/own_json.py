"""Our own JSON, version 1: stable, made for diffs and for editing by hand.

A face has one point per line; a clip has one part (jaw, brows, nose, eyes, mouth) per line and null for a frame
without a face. Coordinates are pixels, 0-based, integers at pixel centres, rounded to 3 decimals.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import InputError
from faceshot.formats import expression
from faceshot.formats.content import Content, number, numbers, points
from faceshot.landmarks.topology import N_POINTS, PART_POINTS
from faceshot.reading import MAX_FRAMES, read_json

log = logging.getLogger("faceshot")

VERSION = 1
SCHEME = "ibug68"
LANDMARKS = "faceshot.landmarks"
SEQUENCE = "faceshot.sequence"
_ENDS = tuple(accumulate(len(indices) for indices in PART_POINTS.values()))
_KEYS = {
    LANDMARKS: {"schema", "version", "scheme", "size", "absent", "hidden", "points", "score", "edited"},
    SEQUENCE: {
        *("schema", "version", "scheme", "size", "fps", "rest", "start", "absent", "not_found", "points", "score"),
        *("expression", "hidden"),
    },
}


def parse(path: Path) -> Any:
    """The JSON value of a file.

    Raises:
        InputError: not text, not JSON, cut off; with the line.
    """
    return read_json(path, "landmark file")


def read(path: Path, value: Any) -> Content:
    """The content of a parsed file of ours, of either kind.

    Raises:
        InputError: another schema, version or scheme, missing or malformed entries; the message names the file.
    """
    try:
        return _read(path, value)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read(path: Path, value: Any) -> Content:
    if not isinstance(value, dict) or str(value.get("schema")) not in _KEYS:
        found = value.get("schema") if isinstance(value, dict) else type(value).__name__
        raise InputError(f"not a landmark file: schema is {str(found)[:40]!r}, wanted {LANDMARKS!r} or {SEQUENCE!r}")
    schema = value["schema"]
    if value.get("version") != VERSION or isinstance(value.get("version"), bool):
        raise InputError(
            f"version {str(value.get('version'))[:20]} of {schema} is unknown, this FaceShot reads version {VERSION}; "
            "update FaceShot or convert the file"
        )
    if value.get("scheme", SCHEME) != SCHEME:
        raise InputError(f"scheme {str(value['scheme'])[:20]!r} is unknown; convert the points to {SCHEME}")
    missing = sorted({"size", "points"} - set(value)) or (["fps"] if schema == SEQUENCE and "fps" not in value else [])
    if missing:
        raise InputError(f"the entry {missing[0]!r} is missing")
    for key in sorted(set(value) - _KEYS[schema]):
        log.warning("%s: entry %r is unknown and ignored", path, key)
    size = value["size"]  # null where nobody knows it
    if size is not None:
        size = [int(n) if float(n).is_integer() else n for n in numbers(size, 2, "size").tolist()]
    absent = value.get("absent", [])
    if not isinstance(absent, list) or not all(isinstance(part, str) for part in absent):
        raise InputError(f"absent must be a list of parts, got {str(absent)[:40]}")
    hidden = _indices(value.get("hidden", []), "hidden", N_POINTS)
    score = value.get("score")
    if schema == LANDMARKS:
        score = None if score is None else numbers(score, N_POINTS, "score")
        edited = _indices(value.get("edited", []), "edited", N_POINTS)
        return Content(points(value["points"]), size, score=score, absent=absent, edited=edited, hidden=hidden)
    return replace(_sequence(path, value, size, absent, score), hidden=hidden)


def _sequence(path: Path, value: dict[str, Any], size: list[int] | None, absent: list[str], score: Any) -> Content:
    frames = value["points"]
    if not isinstance(frames, list) or not frames:
        raise InputError("points must be a list of at least one frame")
    if len(frames) > MAX_FRAMES:
        raise InputError(f"points holds {len(frames)} frames; at most {MAX_FRAMES} are read, cut it")
    xy = np.full((len(frames), N_POINTS, 2), np.nan)
    found = np.ones(len(frames), bool)
    for i, frame in enumerate(frames):
        if frame is None:
            found[i] = False
        else:
            xy[i] = points(frame, f"frame {i}")
    not_found = value.get("not_found", [])
    if not isinstance(not_found, list):
        raise InputError("not_found must be a list of frame numbers")
    for entry in not_found:
        index = number(entry, "an entry of not_found")
        if not index.is_integer() or not 0 <= index < len(frames):
            raise InputError(f"not_found names frame {entry}, the clip has frames 0..{len(frames) - 1}")
        found[int(index)] = False
    if score is not None:
        if not isinstance(score, list) or len(score) != len(frames):
            raise InputError(f"score must be a list of {len(frames)} frames")
        score = np.stack([numbers(row, N_POINTS, f"score of frame {i}") for i, row in enumerate(score)])
    rest, start = (number(value.get(name, 0), name) for name in ("rest", "start"))
    if not (rest.is_integer() and start.is_integer()):
        raise InputError(f"rest and start must be frame numbers, got {rest} and {start}")
    fps = value["fps"]
    if isinstance(fps, bool) or not isinstance(fps, str | int | float):
        raise InputError(f'fps must be a number or a fraction like "30000/1001", got {str(fps)[:40]}')
    shown = value.get("expression")
    if shown is not None:
        shown = expression.from_json(shown, len(frames), path)
    return Content(xy, size, fps, found, score, absent, int(rest), int(start), shown)


def _indices(values: Any, what: str, count: int) -> tuple[int, ...]:
    """A JSON list of numbers of points, each once and in order."""
    if not isinstance(values, list):
        raise InputError(f"{what} must be a list of points, got {str(values)[:40]}")
    found = {number(entry, f"an entry of {what}") for entry in values}
    if wrong := [index for index in found if not index.is_integer() or not 0 <= index < count]:
        raise InputError(f"{what} names point {wrong[0]:g}; points are 0..{count - 1}")
    return tuple(sorted(int(index) for index in found))


def text(content: Content) -> str:
    """The file for ``content``; equal content gives equal bytes."""
    if content.xy.ndim == 2:
        head = _head(content, LANDMARKS)
        rows = [f"    {_pair(pair)}" for pair in content.xy]
        blocks = ['  "points": [\n' + ",\n".join(rows) + "\n  ]"]
        if content.score is not None:
            blocks.append('  "score": [\n' + _by_part([_short(s, 4) for s in content.score], "    ") + "\n  ]")
    else:
        assert content.found is not None
        broken = ~np.isfinite(content.xy).all(axis=(1, 2))
        head = _head(content, SEQUENCE)
        blocks = [f'  "not_found": {json.dumps(np.flatnonzero(~content.found).tolist())}']
        frames = [
            "    null" if bad else "    [\n" + _by_part([_pair(pair) for pair in frame], "      ") + "\n    ]"
            for frame, bad in zip(content.xy, broken, strict=True)
        ]
        blocks.append('  "points": [\n' + ",\n".join(frames) + "\n  ]")
        if content.score is not None:
            scores = ["    [" + ", ".join(_short(s, 4) for s in frame) + "]" for frame in content.score]
            blocks.append('  "score": [\n' + ",\n".join(scores) + "\n  ]")
        if content.expression is not None:
            blocks.append(f'  "expression": {expression.json_text(content.expression)}')
    return "{\n" + ",\n".join(head + blocks) + "\n}\n"


def _head(content: Content, schema: str) -> list[str]:
    entries: dict[str, Any] = {"schema": schema, "version": VERSION, "scheme": SCHEME, "size": content.size}
    if schema == SEQUENCE:
        entries |= {"fps": str(content.fps), "rest": content.rest}
        entries |= {"start": content.start} if content.start else {}
    entries["absent"] = sorted(content.absent)
    if content.hidden:
        entries["hidden"] = sorted(content.hidden)
    if content.edited:
        entries["edited"] = list(content.edited)
    return [f'  "{key}": {json.dumps(entry)}' for key, entry in entries.items()]


def _short(value: Any, decimals: int) -> str:
    return json.dumps(round(float(value), decimals) + 0.0)


def _pair(pair: np.ndarray) -> str:
    return f"[{_short(pair[0], 3)}, {_short(pair[1], 3)}]"


def _by_part(items: Sequence[str], indent: str) -> str:
    """68 items, one line per part."""
    starts = (0, *_ENDS[:-1])
    return ",\n".join(indent + ", ".join(items[a:b]) for a, b in zip(starts, _ENDS, strict=True))
