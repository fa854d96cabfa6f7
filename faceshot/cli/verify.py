"""``faceshot verify``: golden numbers, speed and memory on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from faceshot.cli.typed.options import Common, with_common
from faceshot.errors import UsageError


@with_common("device", "dtype", "overwrite", "quiet", "verbose", "as_json")
def verify(
    common: Common,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Presets and backends; default: all there are.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Report, .json; a page to read is written beside it, .md."),
    ] = None,
    backend_option: Annotated[
        list[str] | None,
        typer.Option(metavar="BACKEND.NAME=VALUE", help="A backend's own option: x-portrait.checkout=DIR."),
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds for each preset or backend.")] = 900,
) -> None:
    """Try out presets and backends on this machine and its weights: golden numbers, speed, memory; a report to share.

    Nothing is downloaded. What lacks weights is skipped, and it is said why. The report names neither files nor users.
    Exit code 1 when something failed or differs from its reference.
    """
    from faceshot.output import check_outputs, together, writing
    from faceshot.verify import verify as run

    options: dict[str, dict[str, str]] = {}
    for text in backend_option or ():
        where, _, value = text.partition("=")
        backend, dot, name = where.partition(".")
        if not dot or not value or not name:
            raise UsageError(f"--backend-option is BACKEND.NAME=VALUE, got {text!r}")
        options.setdefault(backend, {})[name] = value
    files: list[Path] = []
    if output is not None:
        stem = output.with_suffix("") if output.suffix in (".json", ".md") else output
        files = [stem.with_name(stem.name + suffix) for suffix in (".json", ".md")]
    check_outputs(files, overwrite=common.overwrite)
    report = run(names or (), device=common.device, dtype=common.dtype, options=options, timeout=timeout)
    if files:
        with together(files):
            for path, text in zip(files, (json.dumps(report.json(), indent=1) + "\n", report.page()), strict=True):
                with writing(path, overwrite=common.overwrite) as part:
                    part.write_text(text, encoding="utf-8")
    common.give(report.json(), report.lines())
    if not report.good:
        common.say("something failed or differs from its reference; please report it, with this report")
        raise typer.Exit(1)
