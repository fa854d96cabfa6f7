"""The files a run reads, known to everything that writes: none is ever replaced, whatever may be overwritten."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

#: Files in a folder that is read which nobody reads: videos, and the sidecars of videos.
_NEVER_READ = (".mp4", ".mov", ".mkv", ".webm")
_reads: ContextVar[tuple[Path, ...]] = ContextVar("reads", default=())


@contextmanager
def protecting(*values: Any) -> Iterator[None]:
    """Until the end of the block nothing that ``values`` name is replaced.

    Values are what a caller was given, whether or not they name files: paths, texts (several paths between ``;``),
    lists and mappings of such; see :func:`named_files`. Blocks inside each other add up.
    """
    token = _reads.set((*_reads.get(), *named_files(values)))
    try:
        yield
    finally:
        _reads.reset(token)


def named_files(value: Any) -> Iterator[Path]:
    """Every file or folder that is there and that ``value`` names."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from named_files(item)
    elif isinstance(value, os.PathLike | str):
        text = os.fspath(value)
        texts = [text, *text.split(";")] if isinstance(value, str) else [text]
        for item in dict.fromkeys(os.path.expanduser(str(text).strip()) for text in texts):  # noqa: PTH111 - never raises
            if item and os.path.lexists(item):
                yield Path(item)


def protected(path: Path, more: Iterable[str | Path | None] = ()) -> bool:
    """Whether writing ``path`` would replace a file that is read: one of ``more``, or of a block of :func:`protecting`.

    A folder that is read stands for the files in it; a folder that is written for all it holds. Links do not hide
    what they lead to.

    Raises:
        OSError, ValueError: ``path`` cannot be a name.
    """
    try:
        path.lstat()
        own = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    key = (own.st_dev, own.st_ino)
    for given in (*(place for place in more if place is not None), *_reads.get()):
        try:
            found = Path(given).stat()
        except (OSError, ValueError):
            continue
        if (found.st_dev, found.st_ino) == key:
            return True
        if stat.S_ISDIR(own.st_mode) and path.resolve() in Path(given).resolve().parents:
            return True
        if stat.S_ISDIR(found.st_mode) and not stat.S_ISDIR(own.st_mode) and _inside(path, Path(given), key):
            return True
    return False


def _inside(file: Path, folder: Path, key: tuple[int, int]) -> bool:
    """Whether ``file`` lies in ``folder`` (a link in it may lead there) and may be read with it."""
    place = file.resolve()
    if place.name.removesuffix(".json").lower().endswith(_NEVER_READ):
        return False
    if folder.resolve() in place.parents:
        return True
    try:
        with os.scandir(folder) as entries:
            inner = (entry.stat() for entry in entries if entry.is_file())
            return any((found.st_dev, found.st_ino) == key for found in inner)
    except OSError:
        return False
