"""What may be written: refused before any work, with the fix."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from faceshot.errors import InputError, UsageError, option
from faceshot.output.inputs import protected

#: Names of the pictures in a PNG sequence; a folder with anything else in it is never replaced.
FRAME_NAME = re.compile(r"frame_\d{6,}\.png")


def check_output(path: str | Path, *, overwrite: bool = False, inputs: Iterable[str | Path | None] = ()) -> Path:
    """Refuse an output that exists (unless ``overwrite``), is one of the user's inputs, or cannot be written.

    Inputs are ``inputs`` and those of :func:`faceshot.output.protecting`. Call it before any work, so that a long run
    does not end in a refusal.

    Raises:
        InputError: with the path and the fix.
    """
    path = Path(path)
    try:
        if protected(path, inputs):
            raise InputError(f"output {path} is or holds an input; choose another name, inputs are never replaced")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"output name {str(path)[:80]!r} cannot be used ({error}); choose another") from error
    if taken(path) and not overwrite:
        raise InputError(f"output {path} exists; use {option('overwrite', True)} or another name")
    if path.is_dir() and not all(FRAME_NAME.fullmatch(entry.name) for entry in path.iterdir()):
        raise InputError(f"output folder {path} holds files that are not ours; choose a new or empty folder")
    folder = path.parent
    existing = next((p for p in (folder, *folder.parents) if p.exists()), Path())
    if not existing.is_dir():
        raise InputError(f"output folder {existing} is not a folder")
    if not os.access(existing, os.W_OK):
        raise InputError(f"output folder {existing} is not writable; choose another")
    return path


def check_outputs(
    outputs: Sequence[str | Path],
    *,
    overwrite: bool = False,
    inputs: Iterable[str | Path | None] = (),
    replaced: Collection[Path] = (),
) -> None:
    """All results of a run at once: each as :func:`check_output`, and none in another's place.

    What lies at the outputs named in ``replaced`` may go, whatever ``overwrite`` says.

    Raises:
        UsageError: one name for two outputs, or one output inside another. InputError: as :func:`check_output`.
    """
    inputs = list(inputs)
    places: dict[Path, Path] = {}
    for path in map(Path, outputs):
        place = Path(os.path.abspath(path))  # noqa: PTH100 - links are not followed, what they lead to is not replaced
        if place in places:
            raise UsageError(f"{path} is given for two outputs; choose different names")
        places[place] = path
    for place, path in places.items():
        holder = next((places[parent] for parent in place.parents if parent in places), None)
        if holder is not None:
            raise UsageError(f"output {path} lies inside output {holder}; choose different names")
        check_output(path, overwrite=overwrite or path in replaced, inputs=inputs)


def taken(path: Path) -> bool:
    """Whether something would be lost: an existing file, or a folder with anything in it."""
    return os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir()))
