"""``faceshot weights``: which weight files there are, where they lie, how to get them, whether they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceshot.cli.typed.options import Common, with_common

if TYPE_CHECKING:
    from faceshot.weights import Weight

weights = typer.Typer(help="List, fetch and check weight files.", no_args_is_help=True)

_Commercial = Annotated[bool, typer.Option("--commercial-only", help="Only what may be used commercially.")]
_Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME...]", help="sd15, liveportrait, ... (see: faceshot weights list); default: all."),
]
_USE = {True: "commercial use allowed", False: "no commercial use", None: "commercial use not stated"}


@weights.command("list")
@with_common("cache_dir", "quiet", "verbose", "as_json")
def list_(
    common: Common,
    commercial_only: _Commercial = False,
    files: Annotated[bool, typer.Option("--files", help="Every file on a line of its own.")] = False,
) -> None:
    """List weights: what for, present or missing and where, size, licence, and whether their bytes are pinned.

    Files that are pinned must have the published hash; others must not change after their first use.

    "about" and "?" are sizes that are published rounded, or not at all.
    """
    from faceshot.weights import NEEDS, groups, members

    rows = []
    for name in groups():
        own = members(name, needs=False)
        if not commercial_only or all(weight.commercial for weight in members(name)):
            rows.append({**_row(name, own, common.cache_dir), "needs": list(NEEDS.get(name, ()))})
    common.give({"weights": rows}, [line for row in rows for line in _lines(row, files)])


@weights.command()
@with_common("offline", "cache_dir", "quiet", "verbose", "as_json")
def fetch(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="sd15, liveportrait, ... (see: faceshot weights list).")
    ],
    common: Common,
    commercial_only: _Commercial = False,
) -> None:
    """Fetch weights that are not here yet, with all they need.

    The licence is shown first. Interrupted downloads are continued the next time.
    """
    from faceshot.errors import UsageError
    from faceshot.weights import is_offline, locate, members, remote_bytes, where

    wanted: dict[str, tuple[str, Weight]] = {}
    for name in names:
        for weight in members(name):
            if commercial_only and not weight.commercial:
                raise UsageError(
                    f"{name} needs {weight.file}, {_USE[weight.commercial]} (licence: {weight.licence}); "
                    "leave out --commercial-only"
                )
            wanted.setdefault(weight.name, (name, weight))
    absent = [weight for _, weight in wanted.values() if where(weight.name, cache_dir=common.cache_dir) is None]
    for licence in dict.fromkeys((weight.licence, weight.commercial, _origin(weight)) for weight in absent):
        common.say(f"{licence[2]}: licence {licence[0]} ({_USE[licence[1]]})")
    if absent and not is_offline(common.offline):
        total = remote_bytes(absent)
        amount = _size(absent) if total is None else _megabytes(total)
        common.say(f"fetching {len(absent)} file{'s' * (len(absent) > 1)}, {amount}")
    paths = {
        name: str(locate(name, offline=common.offline, cache_dir=common.cache_dir, asked=asked))
        for name, (asked, _) in wanted.items()
    }
    common.give(paths, paths.values())


@weights.command()
@with_common("cache_dir", "quiet", "verbose", "as_json")
def check(
    common: Common,
    names: _Names = None,
    commercial_only: _Commercial = False,
    accept: Annotated[bool, typer.Option("--accept", help="Files that are not pinned may have changed.")] = False,
) -> None:
    """Check the weights that are here: sizes, hashes, and that the files can be read.

    Everything is checked before the exit code says whether something is wrong (1).
    """
    from faceshot.errors import FaceShotError, MissingError
    from faceshot.progress import progress
    from faceshot.weights import check, list_weights, members, where

    asked: dict[Weight, str] = {}
    for name in names or ():
        for weight in members(name):
            asked.setdefault(weight, name)
    chosen = list(asked) or [w for w in list_weights() if where(w.name, cache_dir=common.cache_dir)]
    chosen = [weight for weight in chosen if weight.commercial or not commercial_only]
    absent = [weight for weight in chosen if where(weight.name, cache_dir=common.cache_dir) is None]
    hashes: dict[str, str] = {}
    problems: list[FaceShotError] = []
    present = [weight for weight in chosen if weight not in absent]
    for weight in progress(present, "checking", total=len(present), unit="file"):
        try:
            hashes[weight.name] = check(weight.name, cache_dir=common.cache_dir, accept=accept)
        except FaceShotError as error:
            problems.append(error)
    for name in dict.fromkeys(asked[weight] for weight in absent):
        gone = [weight for weight in absent if asked[weight] == name]
        problems.append(MissingError(_gone(gone, name, common.cache_dir)))
    for problem in problems[:-1]:
        typer.echo(f"error: {problem}", err=True)
    if problems:
        raise problems[-1]
    common.give(hashes, (f"{digest}  {name}" for name, digest in hashes.items()))


@weights.command("where")
@with_common("cache_dir", "quiet", "verbose", "as_json")
def where_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="See: faceshot weights list.")], common: Common
) -> None:
    """Print where weights lie; exit code 1 when some do not."""
    from faceshot.errors import MissingError
    from faceshot.weights import members, where

    chosen = members(name)
    found = {weight.name: where(weight.name, cache_dir=common.cache_dir) for weight in chosen}
    if absent := [weight for weight in chosen if found[weight.name] is None]:
        raise MissingError(_gone(absent, name, common.cache_dir))
    common.give({key: str(path) for key, path in found.items()}, map(str, found.values()))


def _gone(absent: list[Weight], asked: str, cache_dir: Path | None) -> str:
    """One line about files of ``asked`` that are not here, however many."""
    from faceshot.weights import REINSTALL, command, licence_note, looked_in

    first = absent[0]
    if first.source.startswith("package:"):
        return f"package {first.source[8:]} is not installed; {REINSTALL}"
    what = f"{first.file} of {_origin(first)}{licence_note(first)}"
    if len(absent) > 1:
        what = f"{len(absent)} files of {asked} are not on this machine, the first is {what}"
        return f"{what} ({looked_in(first, cache_dir)}); {command(asked)}"
    return f"{what} is not on this machine ({looked_in(first, cache_dir)}); {command(asked)}"


def _row(name: str, own: tuple[Weight, ...], cache_dir: Path | None) -> dict[str, Any]:
    from faceshot.weights import where

    entries = []
    for weight in own:
        path = where(weight.name, cache_dir=cache_dir)
        entries.append(
            {
                "name": weight.name,
                "file": weight.file,
                "bytes": weight.bytes,
                "about_bytes": weight.about,
                "sha256": weight.sha256,
                "path": str(path) if path else None,
            }
        )
    here = sum(entry["path"] is not None for entry in entries)
    first = own[0]
    return {
        "name": name,
        "state": "present" if here == len(own) else "missing" if not here else f"{here} of {len(own)} files",
        "used_by": first.used_by,
        "licence": first.licence,
        "commercial": first.commercial,
        "source": first.source,
        "size": _size(own),
        "pinned": _pinned(own),
        "files": entries,
    }


def _lines(row: dict[str, Any], files: bool) -> list[str]:
    """``name, state, size, pinned, licence, what for, where`` with tabs; the folder rather than one of many files."""
    paths = [entry["path"] for entry in row["files"] if entry["path"]]
    place = paths[0] if len(row["files"]) == 1 and paths else _common(paths)
    where = place if row["state"] == "present" else f"faceshot weights fetch {row['name']}"
    use = {True: "", False: ", no commercial use", None: ", commercial use not stated"}[row["commercial"]]
    about = f"{row['size']}\t{row['pinned']}\t{row['licence']}{use}\tfor {row['used_by']}"
    lines = [f"{row['name']}\t{row['state']}\t{about}\t{where}"]
    if files:
        for entry in row["files"]:
            pin = f"sha256 {entry['sha256'][:12]}" if entry["sha256"] else "not pinned"
            lines.append(f"\t{entry['file'] or entry['name']}\t{pin}\t{entry['path'] or 'missing'}")
    return lines


def _pinned(own: tuple[Weight, ...]) -> str:
    """How many of the files must have a hash that is published; the others must stay what they were at first use."""
    count = sum(weight.sha256 is not None for weight in own)
    return "pinned" if count == len(own) else f"{count} of {len(own)} pinned" if count else "not pinned"


def _common(paths: list[str]) -> str:
    import os.path

    return os.path.commonpath([str(Path(path).parent) for path in paths]) if paths else ""


def _size(chosen: tuple[Weight, ...] | list[Weight]) -> str:
    """Total in MB: exact, rounded (about), or the part that is known (over)."""
    known = [weight.bytes if weight.bytes is not None else weight.about for weight in chosen]
    total = sum(size for size in known if size is not None)
    if not total:
        return "shipped" if all(weight.source.startswith("package:") for weight in chosen) else "size ?"
    text = _megabytes(total)
    if None in known:
        return f"over {text}"
    return text if all(weight.bytes is not None for weight in chosen) else f"about {text}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count < 1e8 else f"{count / 1e6:.0f} MB"


def _origin(weight: Weight) -> str:
    return weight.repository or weight.source
