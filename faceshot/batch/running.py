"""A batch from its jobs to its report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceshot.batch.jobs import Job
from faceshot.batch.report import Outcome, read_report, write_report
from faceshot.batch.store import content
from faceshot.batch.worker import Result, Task
from faceshot.errors import InputError, option
from faceshot.progress import progress
from faceshot.provenance import require_signer

#: Tasks -> results, in any order; what a machine, or a cluster, is to a batch.
Executor = Callable[[Sequence[Task]], Iterable[Result]]
#: The report is written again after so many seconds, so that little is missing after a power cut.
_KEEP = 5.0


@dataclass
class Batch:
    """Jobs, and what became of them.

    Attributes:
        out: folder of the report. seed, preset: of the run, which decide whether an output is what was asked for.
        overwrite: outputs that are there, and are not what was asked for, may be replaced.
        outcomes: by number of the row. computed: how often pictures were matched, and clips driven.
    """

    jobs: Sequence[Job]
    out: Path
    seed: int = 0
    preset: str = "mini"
    overwrite: bool = False
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    computed: dict[str, int] = field(default_factory=lambda: {"match": 0, "drive": 0})

    @property
    def failed(self) -> int:
        """Rows that failed."""
        return sum(outcome.status == "failed" for outcome in self.outcomes.values())

    def todo(self) -> list[Job]:
        """Jobs whose outputs are not there yet; the others have their outcome now.

        Raises:
            InputError: an output is there that would have to be replaced.
        """
        left = []
        for job in progress(self.jobs, "looking", total=len(self.jobs), unit="row"):
            if job.done(self.seed, self.preset):
                self.outcomes[job.number] = Outcome(job.number, "there")
            else:
                left.append(job)
        taken = [] if self.overwrite else [job for job in left if job.output.exists()]
        if taken:
            raise InputError(
                f"{len(taken)} outputs are there and made in another way, the first is {taken[0].output}; "
                f"use {option('overwrite', True)} or another folder"
            )
        return left

    def run(self, executor: Executor) -> Path:
        """Find everything that is missing in pictures and clips, each once, then render; returns the report.

        Raises:
            InputError: outputs would have to be replaced, ``report.csv`` is another program's, or results cannot be
                signed although there is a chain. MissingError: for that, c2pa-python is missing.
        """
        read_report(self.out)
        signs = require_signer()
        self.out.mkdir(parents=True, exist_ok=True)
        left = self.todo()
        kept = time.monotonic()
        try:
            for result in self._shown(executor, finds(left), "pictures and clips"):
                self._count(result.computed)
            for result in self._shown(executor, [Task("render", job, self.overwrite, signs) for job in left], "videos"):
                self._count(result.computed)
                self.outcomes[result.outcome.number] = result.outcome
                if time.monotonic() > kept + _KEEP:
                    write_report(self.out, self.jobs, self.outcomes)
                    kept = time.monotonic()
        finally:
            path = write_report(self.out, self.jobs, self.outcomes)
        return path

    def _shown(self, executor: Executor, tasks: Sequence[Task], label: str) -> Iterator[Result]:
        results = executor(tasks) if tasks else []
        return progress(results, label, total=len(tasks), unit="")

    def _count(self, computed: Mapping[str, int]) -> None:
        for kind, count in computed.items():
            self.computed[kind] += count


def finds(jobs: Iterable[Job]) -> list[Task]:
    """What has to be found for jobs, each picture and each clip once for every way it is looked at."""
    tasks: dict[Any, Task] = {}
    for job in jobs:
        for kind in job.finds:
            file = job.picture if kind == "match" else job.driving
            assert file is not None
            how = repr(sorted((k, v) for k, v in job.options.items() if k in _HOW[kind]))
            tasks.setdefault((kind, content(file), how), Task(kind, job))
    return list(tasks.values())


_HOW = {
    "match": ("box", "points", "character_face", "regularise", "domains"),
    "drive": ("source", "rest", "model", "start", "stop", "gaps", "face"),
}
