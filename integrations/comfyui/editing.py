"""What the editor in the node shows, and what was moved in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np


def stamp(rgb: np.ndarray, landmarks: Any) -> str:
    """Of a picture and the landmarks found in it: edits belong to both."""
    whole = hashlib.sha256(rgb.tobytes())
    whole.update(landmarks.xy.tobytes())
    return whole.hexdigest()[:16]


def apply(landmarks: Any, edits: str, of: str) -> tuple[Any, list[int], str]:
    """The landmarks with what was moved by hand, which points these are, and a line for the user.

    Args:
        edits: JSON with ``of``, ``points`` [[x, y], ...] in pixels, ``edited`` (their numbers) and ``absent`` (parts);
            those of another picture are passed over.

    Raises:
        faceshot.InputError: anything else.
    """
    import faceshot

    if not edits.strip():
        return landmarks, [], "As found. Drag what is off, and run again."
    try:
        given = json.loads(edits)
        if given["of"] != of:
            return landmarks, [], "Another picture: its points are as they were found."
        edited = sorted({int(k) for k in given["edited"]})
        points = np.array(given["points"], np.float32)
        if points.shape != (68, 2) or not np.isfinite(points).all() or any(not 0 <= k < 68 for k in edited):
            raise ValueError("68 finite points are wanted")
        xy = landmarks.xy.copy()
        xy[edited] = points[edited]
        moved = replace(landmarks, xy=xy, absent=frozenset(map(str, given["absent"])))
    except (ValueError, KeyError, TypeError) as error:
        raise faceshot.InputError(f"edits are not what the editor writes ({error}); clear them") from error
    return moved, edited, f"{len(edited)} point{'s' * (len(edited) != 1)} moved by hand."


def value(landmarks: Any, found: Any, edited: list[int], note: str, of: str) -> dict[str, Any]:
    """What the editor's script is handed, but the picture's address."""
    width, height = landmarks.size
    score = None if landmarks.score is None else np.asarray(landmarks.score, float).tolist()
    marks = {"points": landmarks.xy.tolist(), "score": score, "absent": sorted(landmarks.absent), "edited": edited}
    return {
        "stamp": f"{of}-{len(edited)}",
        "of": of,
        "picture": {"width": width, "height": height, "drawn": [width, height]},
        "stem": "picture",
        "landmarks": marks,
        "found": found.xy.tolist(),
        "faces": [],
        "chosen": None,
        "ask": None,
        "note": note,
    }
