"""Weight files and configurations of models, looked at before a library builds anything from them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Final

from faceshot.errors import InputError
from faceshot.reading.errors import edge
from faceshot.reading.limits import MAX_HEADER_BYTES, MAX_LAYERS, MAX_WIDTH
from faceshot.reading.text import check_regular, read_json

#: Entries of configurations that count modules, each of which costs time to make.
_COUNTS: Final = ("layers", "blocks", "num_hidden", "depth")


def check_weights(path: Path) -> None:
    """Refuse weight files whose contents cannot be theirs: headers beyond the file, archives that unpack to far more.

    Raises:
        InputError: with the file and what is wrong.
    """
    with edge(f"cannot read {path}: it is damaged ({{}}); fetch it again"):
        check_regular(path, "weight file")
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
            if path.suffix.lower() == ".safetensors":
                _check_header(path, int.from_bytes(head, "little"), size, file.read(min(size, MAX_HEADER_BYTES)))
        if head.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(info.file_size for info in archive.infolist())
            if unpacked > 4 * size + (1 << 20):  # tensors do not shrink
                raise InputError(f"cannot read {path}: {size} bytes that unpack to {unpacked}; fetch it again")


def _check_header(path: Path, length: int, size: int, data: bytes) -> None:
    if not 2 <= length <= min(size - 8, MAX_HEADER_BYTES):
        raise InputError(f"cannot read {path}: it is damaged, its header does not fit the file; fetch it again")
    header = json.loads(data[:length])
    notes = header.get("__metadata__") or {}
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in notes.items()):
        raise InputError(f"cannot read {path}: it is damaged, its notes are not texts; fetch it again")


def check_config(path: Path) -> dict[str, Any]:
    """A model's ``config.json``, after refusing sizes that no model has and that would be allocated.

    Raises:
        InputError: not a JSON object, or with an entry beyond the bounds; the message names the entry and the bound.
    """
    data = read_json(path, "configuration")
    if not isinstance(data, dict):
        raise InputError(f"configuration {path} is not an object; fetch the model again")
    _check_entries(path, data, "", 0)
    return data


def _check_entries(path: Path, value: Any, name: str, depth: int) -> None:
    if isinstance(value, dict | list):
        if len(value) > (MAX_LAYERS if isinstance(value, list) else 1000) or depth > 6:
            raise InputError(f"configuration {path}: {name or 'it'} has {len(value)} entries; at most {MAX_LAYERS}")
        items = value.items() if isinstance(value, dict) else ((name, item) for item in value)
        for key, item in items:
            _check_entries(path, item, str(key), depth + 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        most = MAX_LAYERS if any(word in name for word in _COUNTS) else MAX_WIDTH
        if not abs(value) <= most and name not in ("scaling_factor", "shift_factor"):
            raise InputError(f"configuration {path}: {name} is {str(value)[:20]}; at most {most} is read")
