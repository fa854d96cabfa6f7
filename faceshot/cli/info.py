"""``faceshot backends``, ``faceshot doctor``: what is there and what is missing."""

from __future__ import annotations

from typing import Any

import typer

from faceshot.cli.typed.options import Common, with_common


@with_common("quiet", "verbose", "as_json")
def backends(common: Common) -> None:
    """List animation backends and what they need.

    Shown are also those that are not installed, with the command that installs them."""
    from faceshot.errors import FaceShotError
    from faceshot.pipeline import KNOWN, list_backends, load_backend, requirements

    rows: list[dict[str, Any]] = []
    for name in list_backends():
        try:
            needs = requirements(backend := load_backend(name))
        except FaceShotError as error:
            rows.append({"name": name, "state": "broken", "summary": "", "licence": "", "needs": [str(error)]})
            continue
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
        lines.append(f"{row['name']}\t{_state(row)}\t{row['licence']}\t{row['summary']}")
        lines += [f"\t{need}" for need in row["needs"]]
    common.give({"backends": rows}, lines)


def _state(row: dict[str, Any]) -> str:
    """In words; a backend that lacks nothing but weights says in one go how to get them."""
    commands = {need.rpartition("run: ")[2] for need in row["needs"]}
    if row["state"] == "needs" and all(command.startswith("faceshot weights fetch ") for command in commands):
        return "installed, needs weights: " + "; ".join(sorted(commands))
    return str(row["state"])


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
