"""Whether a weight file is what it should be: size, hash, and a structure that can be read."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

from faceshot.errors import InputError
from faceshot.reading import FOREIGN, read_json
from faceshot.weights.table import Weight

#: How far a file may be from a size that was published rounded.
ROUNDED = 0.2


def verify(weight: Weight, path: Path, how: str) -> str:
    """Check ``path`` against everything known about it; returns its sha256.

    Args:
        how: the command that gets the file, for the message.

    Raises:
        InputError: it differs from the published file, or is damaged.
    """
    size, digest = path.stat().st_size, sha256(path)
    again = f"delete it and {how}"
    expected = next((known for known in (weight.sha256, recorded(path)) if known is not None), None)
    if (weight.bytes is not None and size != weight.bytes) or (expected is not None and digest != expected):
        wanted = [f"{weight.bytes} bytes"] if weight.bytes is not None else []
        wanted += [f"sha256 {expected[:12]}..."] if expected is not None else []
        raise InputError(
            f"{path} is not the published {weight.file} ({size} bytes, sha256 {digest[:12]}..., "
            f"expected {', '.join(wanted)}); {again}"
        )
    if weight.about is not None and not weight.whole and abs(size / weight.about - 1) > ROUNDED:
        raise InputError(
            f"{path} has {size / 1e6:.1f} MB, the published {weight.file} about {weight.about / 1e6:.1f}; {again}"
        )
    if problem := structure(path):
        raise InputError(f"{path} is damaged ({problem}); {again}")
    return digest


def verify_folder(folder: Path) -> str:
    """Check the weight files in a package's folder; returns one digest over them.

    Raises:
        InputError: one is damaged.
    """
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.suffix in (".safetensors", ".json")):
        if problem := structure(file):
            raise InputError(f"{file} is damaged ({problem}); run: pip install --force-reinstall faceshot")
        digest.update(file.name.encode() + sha256(file).encode())
    return digest.hexdigest()


def recorded(path: Path) -> str | None:
    """The sha256 by which the Hugging Face cache calls this file, where it is kept there under its hash."""
    name = path.resolve().name
    return name if re.fullmatch(r"[0-9a-f]{64}", name) else None


def structure(path: Path) -> str | None:
    """What is wrong with a file's structure, judged by its suffix; None when nothing is."""
    if path.stat().st_size == 0:
        return "it is empty"
    if path.suffix == ".safetensors":
        return _safetensors(path)
    if path.suffix == ".json":
        try:
            read_json(path, "file")
        except InputError:
            return "no JSON, or cut off"
        return None
    if path.suffix == ".task" or (path.suffix in (".pt", ".pth", ".bin", ".tar", ".ckpt") and _starts(path, b"PK")):
        return _archive(path)
    return _markup(path)


def _safetensors(path: Path) -> str | None:
    """Header, dtypes, and that the tensors fill the file exactly; nothing is loaded."""
    size = path.stat().st_size
    if size < 8:
        return "shorter than a safetensors header"
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, 100_000_000):
            return "its safetensors header does not fit the file" + (f"; {text}" if (text := _markup(path)) else "")
        try:
            header = json.loads(file.read(length))
            ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
        except FOREIGN as error:
            return f"its safetensors header cannot be read: {type(error).__name__}"
    expected = 8 + length + max(ends, default=0)
    return None if expected == size else f"{size} bytes, its safetensors header says {expected}"


def _archive(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except FOREIGN as error:
        return f"not a whole archive: {error}"
    return None if bad is None else f"{bad} in it has a wrong checksum"


def _markup(path: Path) -> str | None:
    """Pages and pointers that were saved instead of the file they stand for."""
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "it is a web page"
    return "it is a Git LFS pointer, not the file" if start.startswith(b"version https://git-lfs") else None


def _starts(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def sha256(path: Path) -> str:
    """Of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
