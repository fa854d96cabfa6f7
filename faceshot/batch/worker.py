"""The worker of a batch: models loaded once, one task after another; the same in a process here and on a cluster."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from faceshot.batch.jobs import Job
from faceshot.batch.report import Outcome
from faceshot.batch.store import Store, Stored
from faceshot.errors import FaceShotError, InputError
from faceshot.pipeline import AnimateOptions
from faceshot.provenance import Chain, require_signer, unsigned

_NO_CHAIN = (
    "this batch is signed, but this machine has no chain in {}: let FACESHOT_CONFIG name a folder that all machines see"
)


@dataclass(frozen=True)
class Task:
    """A picture to match, a clip to drive, or a whole job to render.

    Attributes:
        overwrite: its output may be replaced. signs: it is signed, with the chain of the machine that renders it.
    """

    kind: Literal["match", "drive", "render"]
    job: Job
    overwrite: bool = False
    signs: bool = False


@dataclass(frozen=True)
class Result:
    """What became of a task; ``computed``: how many entries of the store had to be worked out, by kind."""

    task: Task
    outcome: Outcome
    computed: Mapping[str, int] = field(default_factory=dict)


class Worker:
    """Does tasks of a batch.

    Args:
        store: folder of the store. claims: folder of the locks by which two runs share the work.
        settings: of :class:`faceshot.FaceShot`, without the backend.
    """

    def __init__(self, store: Path, claims: Path, settings: Mapping[str, Any]) -> None:
        self.store, self.claims, self.settings = Store(store), claims, dict(settings)
        self.finder = Stored(self.store, **self.settings)
        self._renderers: dict[str, Stored] = {}

    def __call__(self, task: Task) -> Result:
        """Do a task; whatever goes wrong in it becomes an outcome of one line."""
        before, begin = dict(self.finder.computed), time.perf_counter()
        self.finder.score = None
        status, error = "done", ""
        try:
            status = self._render(task) if task.kind == "render" else self._find(task)
        except Exception as problem:  # noqa: BLE001  one row must not end a night's run
            known = isinstance(problem, FaceShotError | OSError)
            status, error = "failed", ("" if known else f"{type(problem).__name__}: ") + " ".join(str(problem).split())
        seconds = time.perf_counter() - begin
        outcome = Outcome(task.job.number, status, error, seconds, self.finder.score)  # type: ignore[arg-type]
        return Result(task, outcome, {kind: n - before[kind] for kind, n in self.finder.computed.items()})

    def _find(self, task: Task) -> str:
        """Have the store know the picture's landmarks, or the clip's; asked for as ``animate`` will ask."""
        job, how = task.job, AnimateOptions(**task.job.options)
        if task.kind == "match":
            self.finder.match(
                job.picture, box=how.box, points=how.points, face=how.character_face, regularise=how.regularise,
                domains=how.domains,
            )  # fmt: skip
        elif job.driving is not None:
            self.finder.drive(
                job.driving, source=how.source, rest=how.rest, model=how.model, start=how.start, stop=how.stop,
                gaps=how.gaps, face=how.face,
            )  # fmt: skip
        return "done"

    def _render(self, task: Task) -> str:
        job = task.job
        name = hashlib.sha256(str(job.output.absolute()).encode()).hexdigest()[:32]
        with self.store.claim(self.claims / name):
            if job.done(self.finder.seed, self.finder.preset):
                return "there"
            for kind in job.finds:
                self._find(Task(kind, job))
            job.output.parent.mkdir(parents=True, exist_ok=True)
            with unsigned(off=not task.signs):
                if task.signs and not require_signer():
                    raise InputError(_NO_CHAIN.format(Chain.own().folder))
                self._renderer(job.backend).animate(job.picture, overwrite=task.overwrite, **job.arguments)
        return "done"

    def _renderer(self, backend: str) -> Stored:
        if backend not in self._renderers:
            self._renderers[backend] = Stored(self.store, backend=backend, **self.settings)
        return self._renderers[backend]
