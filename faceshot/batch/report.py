"""``report.csv``: what became of every row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from faceshot.batch.jobs import Job
from faceshot.errors import InputError
from faceshot.output import writing
from faceshot.pipeline import sidecar_path

Status = Literal["done", "failed", "there"]
NAME = "report.csv"
_COLUMNS = ("row", "status", "error", "seconds", "score", "picture", "driving", "motion", "output", "sidecar")


@dataclass(frozen=True)
class Outcome:
    """What became of one job: ``done`` now, ``there`` already, or ``failed`` with one line that says why."""

    number: int
    status: Status
    error: str = ""
    seconds: float = 0.0
    score: float | None = None


def write_report(out: Path, jobs: Iterable[Job], outcomes: Mapping[int, Outcome]) -> Path:
    """Write ``report.csv`` in ``out``: a line for every job that has an outcome, with the cells it carried."""
    rows, carried = [], dict[str, None]()
    for job in jobs:
        outcome = outcomes.get(job.number)
        if outcome is None:
            continue
        carried.update(dict.fromkeys(f"{name}_" if name in _COLUMNS else name for name in job.carried))
        rows.append(_line(job, outcome))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_COLUMNS, *carried], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = out / NAME
    with writing(path, overwrite=True) as part:
        part.write_text(text.getvalue(), encoding="utf-8")
    return path


def _line(job: Job, outcome: Outcome) -> dict[str, Any]:
    made = outcome.status != "failed"
    return {
        **{f"{name}_" if name in _COLUMNS else name: value for name, value in job.carried.items()},
        "row": job.number,
        "status": outcome.status,
        "error": outcome.error,
        "seconds": f"{outcome.seconds:.2f}",
        "score": "" if outcome.score is None else f"{outcome.score:.3f}",
        "picture": job.picture,
        "driving": job.driving or "",
        "motion": job.motion or "",
        "output": job.output if made else "",
        "sidecar": sidecar_path(job.output) if made else "",
    }


def read_report(out: Path) -> dict[int, str]:
    """Status by row of an earlier run in ``out``; empty where there was none.

    Raises:
        InputError: the report is damaged.
    """
    path = out / NAME
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return {int(row["row"]): row["status"] for row in csv.DictReader(stream)}
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise InputError(f"{path} is no report of a batch ({error}); delete it") from error
