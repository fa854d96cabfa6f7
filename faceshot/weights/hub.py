"""Whole models of the Hugging Face hub: the folder that holds them, or how to get it."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from faceshot.errors import MissingError
from faceshot.weights.places import is_offline, looked_in, snapshots, weights_folder
from faceshot.weights.table import NEEDS, Weight
from faceshot.weights.text import command, licence_note
from faceshot.weights.trust import trust


def model_folder(
    table: Mapping[str, Weight], repository: str, files: Sequence[str] = (), *, offline: bool | None = None
) -> Path:
    """The work of :func:`faceshot.weights.hub_folder`, for the weights of ``table``."""
    names = [repository, *_aliases(table, repository)]
    heads = {PurePosixPath(file).parts[0] for file in files}
    root = weights_folder()
    ends = [end for name in names for end in (name, name.rpartition("/")[2])]
    own = [folder for folder in (root / end for end in ends) if folder.is_dir()] if root else []
    for folder in own:
        # A folder of the user's own may hold other variants of the files; the loaders judge those.
        if all((folder / head).exists() for head in heads):
            return folder
    for folder in (folder for name in names for folder in snapshots(name)):
        if not _lacking(folder, files):
            return _trusted(table, names, folder)
    for folder in own:
        if any((folder / head).exists() for head in heads):
            return folder
    candidates = [*own, *(folder for name in names for folder in snapshots(name))]
    gone = _absent_model(table, repository, files, _lacking(candidates[0], files) if candidates else list(files))
    how = _how(table, names, files)
    if is_offline(offline):
        raise MissingError(f"{gone}; {how}")
    from faceshot.weights.download import hub_snapshot

    kept = {weight.repository for weight in table.values()}
    source = next((name for name in names if name in kept), repository)
    folder = hub_snapshot(source, files, f"{gone}, and the download failed", how)
    if lacking := _lacking(folder, files):
        raise MissingError(f"{lacking[0]} is missing: {gone}; {how}")
    return _trusted(table, names, folder)


def _trusted(table: Mapping[str, Weight], names: Sequence[str], folder: Path) -> Path:
    """``folder``, after a look at those of its files that the table knows."""
    for weight in table.values():
        if weight.repository in names and (folder / weight.file).is_file():
            trust(weight, folder / weight.file)
    return folder


def _names(weight: Weight) -> tuple[str, ...]:
    return (*([weight.repository] if weight.repository else []), *(name for name, _ in weight.also))


def _aliases(table: Mapping[str, Weight], repository: str) -> list[str]:
    """Other repositories of the hub that hold the same files under the same names."""
    out: dict[str, None] = {}
    for weight in table.values():
        same = [name for name, file in weight.also if file == weight.file]
        if weight.repository and repository in (weight.repository, *same):
            out.update(dict.fromkeys([weight.repository, *same]))
    return [name for name in out if name != repository]


def _lacking(folder: Path, files: Sequence[str]) -> list[str]:
    """Which of ``files`` a folder lacks; of a pattern, one match is enough."""
    out = []
    for file in files:
        if "*" in file:
            parent = folder / PurePosixPath(file).parent
            names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
            if not fnmatch.filter(names, PurePosixPath(file).name):
                out.append(file)
        elif not (folder / file).is_file():
            out.append(file)
    return out


def _absent_model(table: Mapping[str, Weight], repository: str, files: Sequence[str], lacking: Sequence[str]) -> str:
    """Which of the files is not here, and where was looked."""
    known = next((w for w in table.values() if repository in _names(w) and (not files or w.file in files)), None)
    note = licence_note(known) if known else ""
    looked = looked_in(known or Weight(repository, "", f"hub:{repository}", "", None, ""))
    if not lacking:
        return f"model {repository}{note} is not on this machine ({looked})"
    others = f" and {len(lacking) - 1} more files" if len(lacking) > 1 else ""
    return f"{lacking[0]}{others} of {repository}{note} {'are' if others else 'is'} not on this machine ({looked})"


def _how(table: Mapping[str, Weight], names: Sequence[str], files: Sequence[str]) -> str:
    """The command that gets a model: ours where the table knows it all, else the hub's."""
    for group in group_names(table):
        own = [weight for weight in group_members(table, group) if set(_names(weight)) & set(names)]
        known = {weight.file for weight in own}
        if own and all(file in known or fnmatch.filter(known, file) for file in files):
            return command(group)
    include = "".join(f" --include '{name}'" for name in files)
    return f"run: hf download {names[0]}{include}"


def group_names(table: Mapping[str, Weight]) -> tuple[str, ...]:
    """The groups of a table, in its order."""
    return tuple(dict.fromkeys(weight.group or weight.name for weight in table.values()))


def group_members(table: Mapping[str, Weight], name: str, *, needs: bool = True) -> tuple[Weight, ...]:
    """The records of a group, with those of the groups it needs; of an unknown group none."""
    wanted = [weight for weight in table.values() if (weight.group or weight.name) == name]
    for other in NEEDS.get(name, ()) if needs else ():
        wanted += [weight for weight in group_members(table, other) if weight not in wanted]
    return tuple(wanted)
