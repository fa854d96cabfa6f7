"""``faceshot backends``, ``faceshot weights``, ``faceshot doctor``: what is there and what is missing."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from faceshot.cli_options import Common, with_common

weights = typer.Typer(help="List, fetch and check weight files.", no_args_is_help=True)


@with_common("quiet", "verbose", "as_json")
def backends(common: Common) -> None:
    """List animation backends and what they need.

    Shown are also those that are not installed, with the command that installs them."""
    from faceshot.backends import KNOWN, list_backends, load_backend
    from faceshot.errors import FaceShotError

    rows: list[dict[str, Any]] = []
    for name in list_backends():
        try:
            backend = load_backend(name)
        except FaceShotError as error:
            rows.append({"name": name, "state": "broken", "summary": "", "licence": "", "needs": [str(error)]})
            continue
        needs = backend.requires()
        rows.append(
            {
                "name": name,
                "state": "needs" if needs else "ready",
                "summary": backend.summary,
                "licence": backend.licence,
                "commercial": backend.commercial,
                "needs": needs,
            }
        )
    installed = {row["name"] for row in rows}
    rows += [
        {
            "name": known.name,
            "state": "not installed",
            "summary": known.summary,
            "licence": known.licence,
            "needs": [known.install],
        }
        for known in KNOWN
        if known.name not in installed
    ]
    lines = []
    for row in rows:
        lines.append(f"{row['name']}\t{row['state']}\t{row['licence']}\t{row['summary']}")
        lines += [f"\t{need}" for need in row["needs"]]
    common.give({"backends": rows}, lines)


@with_common("cache_dir", "quiet", "verbose", "as_json")
def doctor(common: Common) -> None:
    """Check this installation.

    Exit code 1 when something will fail.
    """
    from dataclasses import asdict

    from faceshot.doctor import diagnose

    found = diagnose(common.cache_dir)
    problems = sum(finding.state == "problem" for finding in found)
    mark = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}
    lines = [f"{mark[finding.state]}  {finding.topic}: {finding.text}" for finding in found]
    common.give({"problems": problems, "findings": [asdict(finding) for finding in found]}, lines)
    common.say("all well" if not problems else f"{problems} problem{'s' * (problems > 1)} found")
    if problems:
        raise typer.Exit(1)


_Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="All of them where none is named.")]


@weights.command("list")
@with_common("cache_dir", "quiet", "verbose", "as_json")
def list_(common: Common) -> None:
    """List weight files, their licences, and where they lie."""
    from faceshot.weights import list_weights, where

    rows = []
    for entry in list_weights():
        path = where(entry.name, cache_dir=common.cache_dir)
        rows.append(
            {
                "name": entry.name,
                "file": entry.file,
                "used_by": entry.used_by,
                "licence": entry.licence,
                "commercial": entry.commercial,
                "source": entry.source,
                "path": str(path) if path else None,
            }
        )
    lines = [
        f"{row['name']}\t{row['path'] or 'not here: faceshot weights fetch ' + str(row['name'])}"
        f"\t{row['licence']}\tfor {row['used_by']}"
        for row in rows
    ]
    common.give({"weights": rows}, lines)


@weights.command()
@with_common("offline", "cache_dir", "quiet", "verbose", "as_json")
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="See: faceshot weights list.")], common: Common
) -> None:
    """Fetch weight files that are not here yet."""
    from faceshot.weights import locate, where

    for name in names:
        where(name, cache_dir=common.cache_dir)
    paths = {name: str(locate(name, offline=common.offline, cache_dir=common.cache_dir)) for name in names}
    common.give(paths, paths.values())


@weights.command()
@with_common("cache_dir", "quiet", "verbose", "as_json")
def check(common: Common, names: _Names = None) -> None:
    """Check the hashes of the weight files that are here."""
    from faceshot.weights import check, list_weights, where

    present = [entry.name for entry in list_weights() if where(entry.name, cache_dir=common.cache_dir)]
    hashes = {name: check(name, cache_dir=common.cache_dir) for name in names or present}
    common.give(hashes, (f"{digest}  {name}" for name, digest in hashes.items()))


@weights.command("where")
@with_common("cache_dir", "quiet", "verbose", "as_json")
def where_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="See: faceshot weights list.")], common: Common
) -> None:
    """Print where a weight file lies; exit code 1 when it does not."""
    from faceshot.errors import MissingError
    from faceshot.weights import where

    path = where(name, cache_dir=common.cache_dir)
    if path is None:
        raise MissingError(f"{name} is not on this machine; run: faceshot weights fetch {name}")
    common.give({name: str(path)}, [str(path)])
