"""Temporary folders that a killed process left: recognised as ours, and removed once nobody can be using them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import time
from pathlib import Path
from typing import Final

#: Of a holder: what is being written, what is being replaced, and who does it.
NEW: Final = "new"
OLD: Final = "old"
_OWNER: Final = "owner"
#: ``.NAME.<32 hex digits>.part``; nothing else is ever looked at.
_HOLDER: Final = re.compile(r"\..*\.[0-9a-f]{32}\.part", re.DOTALL)
DAY: Final = 86_400.0
#: Owners on other machines cannot be asked; after so many days they are taken for dead.
FAR_DAYS: Final = 7
_swept: set[Path] = set()


def sign(holder: Path) -> None:
    """Say in a holder whose it is: this machine, this process, when it began."""
    pid = os.getpid()
    (holder / _OWNER).write_text(f"{socket.gethostname()} {pid} {_began(pid)}\n", encoding="utf-8")


def sweep(folder: Path, *, again: bool = False) -> None:
    """Remove what killed runs left in ``folder``: older than a day, owner gone; once per process and folder.

    Where a run was killed while it replaced a folder, and nothing stands in its place, the old one is put back.
    """
    place = folder.absolute()
    if place in _swept and not again:
        return
    _swept.add(place)
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if _HOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _tidy(Path(entry.path))


def _tidy(holder: Path) -> None:
    age = time.time() - max(path.lstat().st_mtime for path in (holder, *holder.rglob("*")))
    dead = _dead(holder)
    if dead is False or (dead is None and age < DAY):
        return
    olds = list((holder / OLD).iterdir()) if (holder / OLD).is_dir() else []
    for old in olds:
        if not os.path.lexists(holder.parent / old.name):
            old.rename(holder.parent / old.name)
    if age >= (FAR_DAYS * DAY if dead is None and _elsewhere(holder) else DAY):
        shutil.rmtree(holder, ignore_errors=True)


def _dead(holder: Path) -> bool | None:
    """Whether the owner is gone; None where that cannot be known."""
    try:
        host, pid, began = (holder / _OWNER).read_text(encoding="utf-8").split()
        number = int(pid)
    except (OSError, ValueError):
        return None
    if host != socket.gethostname():
        return None
    now = _began(number)
    if now != "?":
        return now != began
    if os.name == "nt":
        return None  # os.kill would end it
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _elsewhere(holder: Path) -> bool:
    """Whether the owner, as far as it came to sign, runs where it cannot be asked."""
    try:
        return (holder / _OWNER).read_text(encoding="utf-8").split()[0] != socket.gethostname() or os.name == "nt"
    except (OSError, ValueError, IndexError):
        return False  # killed before it had signed


def _began(pid: int) -> str:
    """When a process began, in the system's own count; ``?`` where the system does not say or there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "?"
