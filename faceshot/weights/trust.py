"""Weight files must stay what they are: pinned ones the published bytes, others those of their first use.

The first use of a file that is not pinned leaves a note in the cache: ``weights-seen.json``, name and place -> hash. A
note is only ever added; to accept another file, its line is removed by ``faceshot weights check NAME --accept``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Final

from faceshot.errors import InputError
from faceshot.output import writing
from faceshot.reading import read_json
from faceshot.weights.checking import sha256
from faceshot.weights.places import cache_folder, hub_cache
from faceshot.weights.table import Weight
from faceshot.weights.text import command

logger = logging.getLogger("faceshot")

_NOTES: Final = "weights-seen.json"
#: Of larger files without a name that is their hash only samples are read: other weights differ everywhere.
_SMALL: Final = 1 << 26


def trust(weight: Weight, path: Path, *, cache_dir: str | Path | None = None) -> Path:
    """``path``, where it is the pinned file or has not changed since its first use.

    Cheap: the hub's cache names files by their hash. Files of the user's own folders are the user's to change.

    Raises:
        InputError: it is another file; says which was expected, and how to accept it.
    """
    place = _place(weight, path, cache_dir)
    if place is None:
        return path
    found = _identity(path)
    if weight.sha256 is not None:
        if re.fullmatch(r"[0-9a-f]{64}", found) and found != weight.sha256:
            raise InputError(
                f"{path} is not the published {weight.file} (sha256 {found[:12]}..., "
                f"expected {weight.sha256[:12]}...); delete it and {command(weight.group or weight.name)}"
            )
        return path
    key = f"{weight.name} {place}"
    notes = _read(cache_dir)
    known = notes.get(key)
    if known is None:
        _write({**notes, key: found}, cache_dir)
    elif known != found:
        raise InputError(
            f"{path} has changed since its first use ({known[:12]}..., now {found[:12]}...); if that is meant, run: "
            f"faceshot weights check {weight.group or weight.name} --accept"
        )
    return path


def forget(weight: Weight, cache_dir: str | Path | None = None) -> None:
    """Let the next use of a file be its first."""
    notes = _read(cache_dir)
    kept = {key: value for key, value in notes.items() if not key.startswith(f"{weight.name} ")}
    if kept != notes:
        _write(kept, cache_dir)


def _place(weight: Weight, path: Path, cache_dir: str | Path | None) -> Path | None:
    """The cache ``path`` lies in; None where it is shipped with us or in a folder of the user's."""
    roots = [hub_cache()] if weight.repository else [cache_folder(cache_dir) / "weights"]
    return next((root for root in roots if root in path.parents), None)


def _identity(path: Path) -> str:
    """The hash by which the hub's cache calls a file, else its own."""
    name = path.resolve().name
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name):
        return name
    size = path.stat().st_size
    if size <= _SMALL:
        return sha256(path)
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for k in range(64):
            file.seek((size - (1 << 16)) * k // 63)
            digest.update(file.read(1 << 16))
    return f"sampled-{digest.hexdigest()}"


def _read(cache_dir: str | Path | None) -> dict[str, str]:
    path = cache_folder(cache_dir) / _NOTES
    if not path.is_file():
        return {}
    try:
        notes = read_json(path, "notes on weights")
    except InputError as error:
        logger.warning("%s; first uses are noted anew", error)
        return {}
    return {str(key): str(value) for key, value in notes.items()} if isinstance(notes, dict) else {}


def _write(notes: dict[str, str], cache_dir: str | Path | None) -> None:
    path = cache_folder(cache_dir) / _NOTES
    try:
        with writing(path, overwrite=True) as part:
            part.write_text(json.dumps(notes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    except InputError as error:
        logger.debug("first use of weights is not noted: %s", error)
