"""Writing results safely: a temporary name first, the final name only when complete, never over an existing file."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from faceshot.errors import InputError

#: Names of the pictures in a PNG sequence; a folder with anything else in it is never replaced.
FRAME_NAME = re.compile(r"frame_\d{6}\.png")


def check_output(path: str | Path, *, overwrite: bool = False, inputs: Iterable[str | Path | None] = ()) -> Path:
    """Refuse an output that exists (unless ``overwrite``), is one of the user's inputs, or cannot be written.

    Call it before any work, so that a long run does not end in a refusal.

    Raises:
        InputError: with the path and the fix.
    """
    path = Path(path)
    try:
        exists = path.exists()
        for given in inputs:
            if given is None or not exists or not Path(given).exists():
                continue
            if Path(given).samefile(path) or path.resolve() in Path(given).resolve().parents:
                raise InputError(f"output {path} is or holds an input; choose another name, inputs are never replaced")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"output name {str(path)[:80]!r} cannot be used ({error}); choose another") from error
    if _taken(path) and not overwrite:
        raise InputError(f"output {path} exists; use --overwrite or another name")
    if path.is_dir() and not all(FRAME_NAME.fullmatch(entry.name) for entry in path.iterdir()):
        raise InputError(f"output folder {path} holds files that are not ours; choose a new or empty folder")
    folder = path.parent
    existing = next((p for p in (folder, *folder.parents) if p.exists()), Path())
    if not existing.is_dir():
        raise InputError(f"output folder {existing} is not a folder")
    if not os.access(existing, os.W_OK):
        raise InputError(f"output folder {existing} is not writable; choose another with -o")
    return path


@contextlib.contextmanager
def writing(path: str | Path, *, overwrite: bool = False, folder: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (same suffix); rename it to ``path`` on success, delete it on failure.

    With ``folder`` the temporary path is an existing empty directory. An interruption (Ctrl-C) counts as failure.

    Raises:
        InputError: as :func:`check_output`, or when the disk refuses the write (full, read-only).
    """
    path = check_output(path, overwrite=overwrite)
    made = [parent for parent in path.parents if not parent.exists()]
    # Named before it is made: whenever an interruption comes, it is known what to remove.
    holder = path.parent / f".{path.name[:40]}.{uuid.uuid4().hex}.part"
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            holder.mkdir(mode=0o700)
        except OSError as error:
            raise InputError(f"cannot write in {path.parent}: {error.strerror or error}") from error
        part = holder / path.name
        if folder:
            part.mkdir()
        yield part
        if _taken(path) and not overwrite:
            raise InputError(f"output {path} appeared while working; use --overwrite or another name")
        _replace(part, path, holder / "replaced")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(holder, ignore_errors=True)
        with contextlib.suppress(OSError):  # folders made for a result that did not come are empty: remove them
            for parent in made:
                parent.rmdir()


def _taken(path: Path) -> bool:
    """Whether something would be lost: an existing file, or a folder with anything in it."""
    return path.exists() and not (path.is_dir() and not any(path.iterdir()))


def _replace(part: Path, path: Path, aside: Path) -> None:
    """Give ``part`` its final name; a folder in its place is moved ``aside`` first, and back if that fails."""
    if not path.is_dir():
        part.replace(path)
        return
    path.rename(aside)
    try:
        part.replace(path)
    except OSError:
        aside.rename(path)
        raise
