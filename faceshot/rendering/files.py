"""The published files a backend needs: which are missing, where the others lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from faceshot.errors import MissingError
from faceshot.weights import find, looked_in, members, missing, where


def missing_files(group: str, files: Mapping[str, str]) -> list[str]:
    """A line for every file of a weights group that is not here, with its licence and the command that fetches it.

    Args:
        files: by a name of the caller's: the end of a file's path, or (before the first ``/``) nothing else.
    """
    ends = tuple(files.values())
    return [line for line in missing(group) if line.partition(" of ")[0].endswith(ends)]


def found_files(group: str, files: Mapping[str, str]) -> dict[str, Path]:
    """Where they lie, by the caller's names; never downloads.

    Raises:
        MissingError: one is not on this machine; says which, where was looked, its licence and how to get it.
    """
    for weight in members(group):
        if weight.file.endswith(tuple(files.values())) and where(weight.name) is None:
            raise MissingError(
                f"{weight.file} of {weight.repository} (licence: {weight.licence}) is not on this machine "
                f"({looked_in(weight)}); run: faceshot weights fetch {group}"
            )
    return {name: find(group, file, offline=True) for name, file in files.items()}
