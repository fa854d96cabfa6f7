"""What `landmarks.py` measures on: real characters, drawings of trained and of held-out kinds, pictures without a face.

Nothing here is used by training, by the gallery or by the calibration: drawn characters have seeds of their own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scenes import Cast

from faceshot.errors import InputError
from faceshot.formats import read_landmarks
from faceshot.landmarks import Landmarks, Picture, Size
from faceshot.landmarks.topology import PARTS
from faceshot.media import SUFFIXES, read_picture

REPO = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FACESHOT_SHARED") or REPO.parent / "shared")
#: Landmark files beside a picture, the first that is there.
MARKS = (".json", ".coco.json", ".npz", ".pts", ".npy", ".landmarks.json")
#: Seeds of drawings start here; training and calibration stay below.
FIRST = 2**31 + 10_000_000


def real_characters(folder: Path = SHARED / "characters") -> list[Cast]:
    """Every character of a folder with ``landmarks.json`` and ``images/``, or of :func:`annotated`."""
    if not (folder / "landmarks.json").is_file():
        return annotated(folder)
    data = json.loads((folder / "landmarks.json").read_text())
    size = Size(data["image_size"], data["image_size"])
    rows = []
    for name, entry in data["characters"].items():
        absent = frozenset(part for part in PARTS if not entry["visible"][part])
        truth = Landmarks(np.asarray(entry["points"], np.float32), size, absent=absent)
        rows.append(Cast(entry["group"], name, read_picture(folder / "images" / f"{name}.png"), truth))
    return rows


def annotated(folder: Path) -> list[Cast]:
    """Every picture below ``folder`` that has a landmark file of its name beside it; its folder is its group.

    Raises:
        InputError: there is none, or one cannot be read.
    """
    rows = []
    for path in sorted(folder.rglob("*")):
        found = [path.with_name(path.stem + suffix) for suffix in MARKS if path.with_name(path.stem + suffix).is_file()]
        if path.suffix.lower() not in SUFFIXES or not found:
            continue
        picture = read_picture(path)
        marks = read_landmarks(found[0], size=picture.size)
        group = folder.name if path.parent == folder else path.parent.relative_to(folder).as_posix()
        rows.append(Cast(group, path.stem, picture, marks))
    if not rows:
        raise InputError(f"{folder} holds no picture with landmarks beside it ({' '.join(MARKS)})")
    return rows


def drawn_characters(count: int, seed: int, kinds: Sequence[str]) -> list[Cast]:
    """Drawings as hard as in training (turned, cut, damaged), ``kinds`` in turn, of seeds training does not use."""
    from faceshot_gallery.illustrator import sample

    rows = []
    for k in range(count):
        kind = kinds[k % len(kinds)]
        drawing = sample(FIRST + 1_000 * seed + k, size=256, domain=kind)
        rows.append(Cast(kind, f"{kind}-{k}", Picture(drawing.rgb, name=f"{kind}-{k}"), drawing.landmarks))
    return rows


def without_face(count: int, seed: int) -> list[tuple[str, bool, Picture]]:
    """(kind, whether the calibration knows the kind, picture) of pictures without a face, kinds in turn."""
    from faceshot_mini.faceless import KINDS, UNSEEN, faceless

    kinds = [*KINDS, *UNSEEN]
    rows = []
    for k in range(count):
        kind = kinds[k % len(kinds)]
        picture = Picture(faceless(FIRST + 1_000 * seed + k, kind), name=f"{kind}-{k}")
        rows.append((kind, kind in KINDS, picture))
    return rows
