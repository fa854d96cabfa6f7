"""What each piece of the matcher and of the model is worth: ablations in the shape of the paper's Tables 2 and 5.

    python benchmarks/ablations.py [--preset mini] [--drawn 24] [--only TEXT ...] [--json FILE]
                                   [--checkpoints "correspondence loss only=FOLDER" "denoising only=FOLDER" ...]

Every row changes one thing and measures again, on fresh drawings and on the real characters where they lie (see
`landmarks.py`). Features of other settings are derived into a temporary folder. A row that cannot be run says why.
`--checkpoints` adds models in the shape of the shipped one (unet/, scheduler/, prompt.safetensors, mini.json) that were
trained otherwise, each with its own features of the gallery.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ablations_rows import Bench, Made, rows
from landmarks_cases import SHARED, drawn_characters, real_characters
from landmarks_measure import Row, measure, summary
from landmarks_tables import number, table
from scenes import Cast

from faceshot.errors import FaceShotError


def run_row(bench: Bench, make: Callable[[Bench], Made], sets: dict[str, list[Cast]]) -> dict[str, Any]:
    """Measure one row on every set of pictures; ``why`` stands in for figures that cannot be had."""
    try:
        made = make(bench)
    except FaceShotError as error:
        return {"why": f"not measured: {error}"}
    if isinstance(made, str):
        return {"why": made}
    options: dict[str, Any] = {"regularise": made.regularise, "domains": made.domains}
    out: dict[str, Any] = {}
    for name, cases in sets.items():
        measured: list[Row] = measure(made.matcher, cases, **options)
        out[name] = {**summary(measured), "errors": [row.box for row in measured]}
        out[name]["seconds"] = float(np.median([row.seconds for row in measured]))
    return out


def printed(results: Sequence[tuple[str, str, dict[str, Any]]], names: Sequence[str]) -> str:
    """The table: mean box error, failures and difference from the first row, per set."""
    head = ["what", "row"]
    for name in names:
        head += [f"{name} box %", "+-", "vs shipped", "> 20 %"]
    first = results[0][2]
    lines: list[list[object]] = []
    for section, label, result in results:
        line: list[object] = [section, label]
        for name in names:
            if "why" in result:
                line += ["-", "", "", ""]
                continue
            error = 100 * np.array(result[name]["errors"])
            spread = float(error.std() / np.sqrt(len(error)))
            change = "" if "why" in first else f"{result[name]['box'] - first[name]['box']:+.2f}"
            line += [number(result[name]["box"]), number(spread), change, result[name]["failures"]]
        lines.append(line)
    notes = [f"- {label}: {result['why']}" for _, label, result in results if "why" in result]
    return "\n".join([table(head, lines, names=2), "", *notes])


def chosen(text: Sequence[str]) -> dict[str, Path]:
    """``name=folder`` arguments.

    Raises:
        SystemExit: not of that form, or no such folder.
    """
    out = {}
    for item in text:
        name, _, folder = item.partition("=")
        if not name or not folder or not Path(folder).is_dir():
            raise SystemExit(f"error: --checkpoints takes name=folder with a model's folder, got {item!r}")
        out[name] = Path(folder)
    return out


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--drawn", type=int, default=24, help="how many drawings of the trained kinds")
    parser.add_argument("--characters", type=Path, default=SHARED / "characters", help="folder of real characters")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="only rows whose name has one of these in it, and the shipped one")
    parser.add_argument("--checkpoints", nargs="+", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    from faceshot_gallery.cast.casting import DOMAINS

    checkpoints = chosen(args.checkpoints)
    sets = {"drawn": drawn_characters(args.drawn, args.seed, DOMAINS)}
    if args.characters.is_dir():
        sets["real"] = real_characters(args.characters)
    begin, results = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args.preset, Path(folder))
        for section, label, make in rows(checkpoints):
            wanted = not args.only or label == "as shipped" or any(text in f"{section} {label}" for text in args.only)
            if wanted:
                results.append((section, label, run_row(bench, make, sets)))
                print(f"{time.perf_counter() - begin:6.0f} s  {label}", flush=True)
    print(f"\n### {', '.join(f'{len(cases)} {name}' for name, cases in sets.items())} characters\n")
    print(printed(results, list(sets)))
    if args.json:
        report = [{"section": section, "row": label, **result} for section, label, result in results]
        args.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
