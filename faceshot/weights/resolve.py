"""Weight files: a table of what they are, and the one way to find them.

Order: the path the user gave; the folder ``FACESHOT_WEIGHTS``; the cache (the Hugging Face cache for files of its hub,
ours for the rest); a download, unless offline; else an error that says where was looked and how to get the file.
A *group* is what works together and is fetched together: ``liveportrait``, ``sd15``, ``facexlib``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.reading import expanded
from faceshot.weights.hub import group_members, group_names, model_folder
from faceshot.weights.places import below, cache_folder, is_offline, places
from faceshot.weights.table import NEEDS, WEIGHTS, Weight
from faceshot.weights.text import REINSTALL, absent, command, lack
from faceshot.weights.trust import forget, trust

__all__ = [
    "NEEDS",
    "WEIGHTS",
    "Weight",
    "WeightStatus",
    "cache_folder",
    "check",
    "fetch",
    "find",
    "find_folder",
    "groups",
    "hub_file",
    "hub_folder",
    "is_offline",
    "list_weights",
    "locate",
    "members",
    "missing",
    "status",
    "where",
]


@dataclass(frozen=True)
class WeightStatus:
    """Where a weight file lies on this machine (``path`` None: it does not) and a line that says so."""

    name: str
    path: Path | None
    text: str


def list_weights() -> tuple[Weight, ...]:
    """Every weight file FaceShot knows."""
    return tuple(WEIGHTS.values())


def groups() -> tuple[str, ...]:
    """The names of what is fetched together, in the order of the table."""
    return group_names(WEIGHTS)


def members(name: str, *, needs: bool = True) -> tuple[Weight, ...]:
    """The records of a group, with those of the groups it needs; or the one record called ``name``.

    Raises:
        UsageError: no such name.
    """
    found = (WEIGHTS[name],) if name in WEIGHTS else group_members(WEIGHTS, name, needs=needs)
    if not found:
        single = [known for known in WEIGHTS if ":" not in known and known not in groups()]
        raise UsageError(f"unknown weights {name!r}; there are {', '.join([*groups(), *single])}")
    return found


def missing(name: str, *, folder: str | Path | None = None) -> tuple[str, ...]:
    """What a group lacks on this machine: one line per file that names it, its licence and the command that gets it.

    Cheap: reads folders, imports nothing heavy, never downloads. Made for ``Backend.requires``.

    Args:
        name: of a group, with all it needs (or of one record).
        folder: the user's folder of weights; nothing else is tried then.

    Raises:
        UsageError: no such name.
    """
    return tuple(lack(weight, name) for weight in members(name) if _present(weight, folder) is None)


def find(name: str, file: str, *, path: str | Path | None = None, offline: bool | None = None) -> Path:
    """One file of a group, downloaded if need be and allowed.

    Args:
        name: of the group, with all it needs.
        file: path inside the repository, or as much of its end as tells it from the others.
        path: the user's own copy: the file, or a folder that holds it; nothing else is tried then.
        offline: forbid the download; None: as ``HF_HUB_OFFLINE`` says.

    Raises:
        UsageError: no such name or file. InputError: ``path`` does not lead to it, or a download is damaged.
        MissingError: it is not on this machine and may not or cannot be downloaded.
    """
    return _obtain(_member(name, file), name, path=path, offline=offline)


def find_folder(name: str, part: str = "", *, path: str | Path | None = None, offline: bool | None = None) -> Path:
    """A folder in the published layout, for loaders that read several files; downloaded if need be and allowed.

    Args:
        name: of the group, with all it needs.
        part: folder inside the repository (or the end of its path), for instance ``ldmk_controlnet``; empty: its root.
        path: the user's own copy of that folder, or a folder that holds it; nothing else is tried then.
        offline: as in :func:`find`.

    Returns:
        A folder that holds everything of the group below ``part``.

    Raises:
        As :func:`find`.
    """
    part, files = _inside(name, part)
    candidates = [_candidates(weight, path) for weight in files]
    # The same root must hold them all: a U-Net of one place and a configuration of another may not fit together.
    for root in dict.fromkeys(_root(place, files[0].file, part) for place in candidates[0]):
        if root is not None and all((root / _rest(weight.file, part)).is_file() for weight in files):
            for weight in files if path is None else ():
                trust(weight, root / _rest(weight.file, part))
            return root
    if path is not None:
        raise InputError(f"{path} lacks {_first_gone(Path(path), part, files)} of {name}; give the folder it is in")
    if is_offline(offline):
        raise _missing_error(next((w for w in files if where(w.name) is None), files[0]), name, None, offline=True)
    fetched = [fetch(weight.name, asked=name) for weight in files]
    root = _root(fetched[0], files[0].file, part)
    assert root is not None
    return root


def hub_folder(repository: str, files: Sequence[str] = (), *, offline: bool | None = None) -> Path:
    """The folder of a hub repository that holds ``files`` (names or patterns; none: whatever there is).

    Looks in ``FACESHOT_WEIGHTS/<owner>/<repository>`` and ``FACESHOT_WEIGHTS/<repository>``, in the Hugging Face cache,
    there under other names of the same weights too, then downloads.

    Raises:
        MissingError: it is not on this machine and may not or cannot be downloaded; the message ends in the command.
    """
    return model_folder(WEIGHTS, repository, files, offline=offline)


def hub_file(repository: str, file: str) -> Path | None:
    """A file of any hub repository as far as it is on this machine; never downloads."""
    weight = Weight(f"{repository}:{file}", file, f"hub:{repository}", "", None, "")
    return next((place for place in places(weight, WEIGHTS.values()) if place.is_file()), None)


def locate(
    name: str,
    *,
    path: str | Path | None = None,
    offline: bool | None = False,
    cache_dir: str | Path | None = None,
    asked: str | None = None,
) -> Path:
    """The weight file of the record ``name``, downloaded into the cache if need be.

    Args:
        path: the user's own copy: the file, or a folder that holds it; nothing else is tried then.
        offline: forbid the download.
        cache_dir: instead of our cache folder.
        asked: name to put into the command of an error message, where it is not ``name``.

    Raises:
        UsageError: no such name. InputError: ``path`` does not lead to it, or a download is damaged.
        MissingError: it is not on this machine and may not or cannot be downloaded.
    """
    return _obtain(_weight(name), asked or name, path=path, offline=offline, cache_dir=cache_dir)


def where(name: str, *, path: str | Path | None = None, cache_dir: str | Path | None = None) -> Path | None:
    """Where the weight file of the record ``name`` lies on this machine, None if it does not; never downloads.

    Raises:
        UsageError: no such name. InputError: ``path`` was given and does not lead to the file.
    """
    return _where(_weight(name), path, cache_dir)


def fetch(name: str, *, cache_dir: str | Path | None = None, asked: str | None = None) -> Path:
    """Download the weight file of the record ``name`` into the cache, whether or not a copy lies elsewhere; check it.

    An interrupted download leaves nothing under the final name and is continued by the next.

    Args:
        asked: name to put into the command of an error message, where it is not ``name``.

    Raises:
        UsageError: no such name. MissingError: no network, or no such file there. InputError: the download is damaged.
    """
    from faceshot.weights.download import fetch_hub, fetch_url, hub_snapshot

    weight = _weight(name)
    if weight.source.startswith("package:"):
        return locate(name)
    failed = f"{absent(weight, cache_dir)}, and the download failed"
    how = command(asked or weight.group or name)
    if weight.repository and weight.whole:
        return hub_snapshot(weight.repository, (), failed, how) / weight.file
    if weight.repository:
        return fetch_hub(weight, failed, how)
    return fetch_url(weight, cache_folder(cache_dir) / "weights" / weight.file, failed, how)


def check(
    name: str, *, path: str | Path | None = None, cache_dir: str | Path | None = None, accept: bool = False
) -> str:
    """The sha256 of the local weight file of the record ``name``, after checking the file as far as anything is known.

    Size and hash are compared with the table and with what the hub's cache recorded; the structure is read (the whole
    header of safetensors files, the checksums of zip archives, JSON).

    Args:
        accept: a file that is not pinned may have changed since its first use; from now on it is the one that counts.

    Raises:
        MissingError: the file is not here. InputError: it is damaged or differs from the published one.
    """
    from faceshot.weights.checking import verify, verify_folder

    weight = _weight(name)
    found = where(name, path=path, cache_dir=cache_dir)
    if found is None:
        raise MissingError(f"{absent(weight, cache_dir)}; {command(weight.group or name)}")
    if found.is_dir():
        return verify_folder(found)
    if path is None:
        if accept:
            forget(weight, cache_dir)
        trust(weight, found, cache_dir=cache_dir)
    shipped = weight.source.startswith("package:") and path is None
    return verify(weight, found, REINSTALL if shipped else command(weight.group or name))


def status(*, cache_dir: str | Path | None = None) -> tuple[WeightStatus, ...]:
    """Every weight file and where it lies, without touching the network."""
    out = []
    for weight in list_weights():
        found = where(weight.name, cache_dir=cache_dir)
        text = str(found) if found else f"not here (for {weight.used_by}); {command(weight.name)}"
        out.append(WeightStatus(weight.name, found, text))
    return tuple(out)


def _weight(name: str) -> Weight:
    if name not in WEIGHTS:
        members(name)
        raise UsageError(f"{name} is a group of weight files; use one of {', '.join(w.name for w in members(name))}")
    return WEIGHTS[name]


def _member(name: str, file: str) -> Weight:
    wanted = PurePosixPath(file).parts
    known = members(name)
    found = [weight for weight in known if PurePosixPath(weight.file).parts[-len(wanted) :] == wanted]
    exact = [weight for weight in found if weight.file == file]
    own = [weight for weight in found if weight.group == name]
    chosen = exact or own or found
    if len(chosen) != 1:
        files = ", ".join(weight.file for weight in known)
        raise UsageError(f"weights {name} have {'several files' if found else 'no file'} {file!r}; they are {files}")
    return chosen[0]


def _inside(name: str, part: str) -> tuple[str, tuple[Weight, ...]]:
    """The full path of the folder ``part`` in the repository, and the group's files below it."""
    known = members(name)
    if not part:
        return "", tuple(weight for weight in known if (weight.group or weight.name) == name or weight.name == name)
    wanted = PurePosixPath(part).parts
    found: dict[str, list[Weight]] = {}
    for weight in known:
        folders = PurePosixPath(weight.file).parts[:-1]
        for end in range(len(wanted), len(folders) + 1):
            if folders[end - len(wanted) : end] == wanted:
                found.setdefault("/".join(folders[:end]), []).append(weight)
    full = part if part in found else next(iter(found), "")
    if not found or (len(found) > 1 and part not in found):
        raise UsageError(f"weights {name} have {'several folders' if found else 'no folder'} {part!r}")
    return full, tuple(found[full])


def _rest(file: str, part: str) -> str:
    return file[len(part) :].lstrip("/")


def _root(place: Path, file: str, part: str) -> Path | None:
    """The folder that stands for ``part`` when ``file`` lies at ``place``; None when the names do not fit."""
    rest = PurePosixPath(_rest(file, part)).parts
    return place.parents[len(rest) - 1] if place.parts[-len(rest) :] == rest else None


def _candidates(weight: Weight, path: str | Path | None) -> list[Path]:
    if path is None:
        return places(weight, WEIGHTS.values())
    return below(expanded(path, "weights"), weight, WEIGHTS.values(), whole=False)


def _first_gone(folder: Path, part: str, files: Sequence[Weight]) -> str:
    return next((w.file for w in files if not any(p.is_file() for p in _candidates(w, folder))), files[0].file)


def _obtain(
    weight: Weight,
    asked: str,
    *,
    path: str | Path | None = None,
    offline: bool | None = None,
    cache_dir: str | Path | None = None,
) -> Path:
    found = _where(weight, path, cache_dir)
    if found is not None:
        return found if path is not None else trust(weight, found, cache_dir=cache_dir)
    if weight.source.startswith("package:"):
        raise MissingError(f"package {weight.source[8:]} is not installed; {REINSTALL}")
    if is_offline(offline):
        raise _missing_error(weight, asked, cache_dir, offline=True)
    return trust(weight, fetch(weight.name, cache_dir=cache_dir, asked=asked), cache_dir=cache_dir)


def _where(weight: Weight, path: str | Path | None, cache_dir: str | Path | None) -> Path | None:
    if path is not None:
        given = expanded(path, "weights")
        found = given
        if given.is_dir() and weight.file:
            candidates = below(given, weight, WEIGHTS.values(), whole=False)
            found = next((place for place in candidates if place.is_file()), given / weight.file)
        if not found.exists():
            raise InputError(f"weights {found} do not exist; give the file {weight.file} or the folder it is in")
        return found
    return _present(weight, None, cache_dir)


def _present(weight: Weight, folder: str | Path | None, cache_dir: str | Path | None = None) -> Path | None:
    if weight.source.startswith("package:"):
        spec = importlib.util.find_spec(weight.source[8:])
        inside = spec.submodule_search_locations if spec else None
        shipped = Path(next(iter(inside))) / weight.file if inside else None
        return shipped if shipped is not None and shipped.is_file() else None
    if folder is not None:
        candidates = below(expanded(folder, "weights"), weight, WEIGHTS.values(), whole=False)
    else:
        candidates = places(weight, WEIGHTS.values(), cache_dir)
    return next((place for place in candidates if place.is_file()), None)


def _missing_error(weight: Weight, asked: str, cache_dir: str | Path | None, *, offline: bool) -> MissingError:
    reason = ", and downloads are off (offline)" if offline else ""
    return MissingError(f"{absent(weight, cache_dir)}{reason}; {command(asked)}")
