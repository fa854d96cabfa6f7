"""The expression channel in our files: version 1, its own number beside the file's."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import InputError
from faceshot.formats.content import number
from faceshot.landmarks import BLENDSHAPES, Expression

log = logging.getLogger("faceshot")

VERSION = 1
#: Entry of the JSON -> numbers per frame, decimals on disk.
_PARTS = {"blendshapes": (len(BLENDSHAPES), 4), "head": (9, 6), "gaze": (4, 5), "teeth": (1, 3)}
_SHAPES: dict[str, tuple[int, ...]] = {"blendshapes": (len(BLENDSHAPES),), "head": (3, 3), "gaze": (2, 2), "teeth": ()}
_PREFIX = "expression_"
#: Names of its arrays in an ``.npz``.
ENTRIES = tuple(f"{_PREFIX}{part}" for part in (*_PARTS, "version", "names"))


def json_text(expression: Expression) -> str:
    """The value of the entry ``expression``; a frame per line, null for what is not known."""
    blocks = [f'    "version": {VERSION}', f'    "names": {json.dumps(BLENDSHAPES)}']
    for part, (_, decimals) in _PARTS.items():
        rows = getattr(expression, part).reshape(len(expression), -1)
        lines = [
            "null" if np.isnan(row).any() else json.dumps([round(float(v), decimals) + 0.0 for v in row])
            for row in rows
        ]
        blocks.append(f'    "{part}": [\n      ' + ",\n      ".join(lines) + "\n    ]")
    return "{\n" + ",\n".join(blocks) + "\n  }"


def from_json(value: Any, frames: int, path: Path) -> Expression | None:
    """The entry ``expression`` of a file with so many frames; None, with a warning, for a version we do not know.

    Raises:
        InputError: malformed.
    """
    if not isinstance(value, dict):
        raise InputError(f"expression must be an object, got {type(value).__name__}")
    if not _known(value.get("version"), path):
        return None
    order = _order(value.get("names"))
    arrays = {}
    for part, (count, _) in _PARTS.items():
        rows = value.get(part)
        width = len(order) if part == "blendshapes" else count
        if not isinstance(rows, list) or len(rows) != frames:
            raise InputError(f"{part} of the expression must be a list of {frames} frames")
        table = np.full((frames, width), np.nan)
        for i, row in enumerate(rows):
            if row is None:
                continue
            if not isinstance(row, list) or len(row) != width:
                raise InputError(f"frame {i} of {part} must be null or a list of {width} numbers")
            table[i] = [number(entry, f"{part} of frame {i}") for entry in row]
        arrays[part] = table
    return _made(arrays, order, frames)


def to_arrays(expression: Expression) -> dict[str, np.ndarray]:
    """Arrays for an ``.npz``."""
    arrays = {f"{_PREFIX}{part}": getattr(expression, part) for part in _PARTS}
    return arrays | {
        f"{_PREFIX}version": np.array(VERSION, np.int64),
        f"{_PREFIX}names": np.array(BLENDSHAPES, np.str_),
    }


def from_arrays(arrays: Mapping[str, np.ndarray], frames: int, path: Path) -> Expression | None:
    """The channel out of the arrays of an ``.npz``; None where there is none, or (with a warning) of a later version.

    Raises:
        InputError: malformed.
    """
    if f"{_PREFIX}version" not in arrays:
        return None
    stated = arrays[f"{_PREFIX}version"]
    if not _known(stated.item() if stated.size == 1 else None, path):
        return None
    try:
        order = _order(arrays[f"{_PREFIX}names"].ravel().tolist())
        found = {part: np.asarray(arrays[f"{_PREFIX}{part}"], np.float64).reshape(frames, -1) for part in _PARTS}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its expression channel is malformed ({error})") from error
    return _made(found, order, frames)


def _known(version: Any, path: Path) -> bool:
    if version == VERSION and not isinstance(version, bool):
        return True
    log.warning("%s: its expression channel is of version %s and ignored; we read version %s", path, version, VERSION)
    return False


def _order(names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise InputError("names of the expression must be a list of different blendshape names")
    return names


def _made(arrays: dict[str, np.ndarray], order: list[str], frames: int) -> Expression:
    """By name, so that a file may list them otherwise; a blendshape that is not listed is unknown."""
    table = np.full((frames, len(BLENDSHAPES)), np.nan)
    for column, name in enumerate(order):
        if name in BLENDSHAPES:
            table[:, BLENDSHAPES.index(name)] = arrays["blendshapes"][:, column]
    try:
        parts = {part: arrays[part].reshape(frames, *_SHAPES[part]) for part in _PARTS if part != "blendshapes"}
    except ValueError as error:
        raise InputError(f"the expression channel is malformed ({error})") from error
    return Expression(table, **parts)  # type: ignore[arg-type]
