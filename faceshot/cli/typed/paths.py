"""Names of files as people type, paste and drop them, and where results go when nobody says."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from pathlib import Path
from typing import Any

from faceshot.errors import InputError, UsageError

log = logging.getLogger("faceshot")

#: Pictures as ``match`` and ``animate`` find them in a folder.
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jfif", ".heic")
#: Of those, what may also be an animation, and so a clip.
MOVING = (".png", ".webp", ".gif", ".avif")
_QUOTES = {"'": "'", '"': '"', "“": "”", "‘": "’", "«": "»"}


def as_typed(text: str) -> str:
    """The file that ``text`` means: quotes that arrived, blanks of drag and drop, ``file://`` and ``~`` are undone.

    A file of exactly this name comes first, whatever its name looks like.

    Raises:
        UsageError: an address of the web.
    """
    if _exists(text):
        return text
    plain = text.strip()
    while len(plain) > 2 and _QUOTES.get(plain[0]) == plain[-1]:
        plain = plain[1:-1].strip()
    # One slash will do: a Path has folded the two of an address into one. One letter is a drive of Windows.
    if address := re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", plain):
        scheme, rest = address.groups()
        if scheme.lower() != "file":
            raise UsageError(f"{scheme}://{rest}: addresses are not supported; download it first and name the file")
        from urllib.request import url2pathname

        plain = url2pathname("/" + rest.removeprefix("localhost/"))
    with contextlib.suppress(RuntimeError):  # ~nobody
        plain = str(Path(plain).expanduser()) if plain.startswith("~") else plain
    return plain


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a name, not a name at all
        return False


def clean(value: Any) -> Any:
    """``value`` with every path in it as :func:`as_typed`."""
    if isinstance(value, Path):
        return Path(as_typed(str(value)))
    return [clean(item) for item in value] if isinstance(value, list) else value


def beside(source: Path, name: str) -> Path:
    """``name`` in the folder of ``source``, or in the working folder where that cannot be written."""
    return source.parent / name if os.access(source.parent, os.W_OK) else Path(name)


def expand(given: list[Path]) -> list[Path]:
    """Folders become the pictures in them, sorted, our own drawings left out; the same file given twice counts once.

    Raises:
        InputError: a folder without pictures.
    """
    from faceshot.media import pictures_in

    found: dict[Path, None] = {}
    for path in given:
        if path.is_dir():
            inside = pictures_in(path)
            ours = (".overlay.png", ".refused.png")
            pictures = [entry for entry in inside.pictures if not entry.name.endswith(ours)]
            if not pictures:
                raise InputError(f"folder {path} holds no pictures ({' '.join(PICTURES)})")
            if (note := inside.note()) is not None:
                log.warning("folder %s: %s", path, note)
            found.update(dict.fromkeys(pictures))
        else:
            found[path] = None
    return list(found)
