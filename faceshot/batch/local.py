"""Tasks in processes of this machine: each with its own models, and a process that dies takes nothing with it."""

from __future__ import annotations

import multiprocessing as mp
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faceshot.batch.report import Outcome
from faceshot.batch.worker import Result, Task, Worker

#: What is said of a task whose process died while it alone was being done.
DIED = "the process doing it died; the system may have ended it for want of memory: try fewer workers"
#: Tasks handed out ahead, for each process.
_AHEAD = 2
_worker: Worker | None = None


def _start(parent: int, devices: Any, place: tuple[Path, Path], settings: Mapping[str, Any]) -> None:
    global _worker
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    device = devices.get()
    _worker = Worker(*place, settings if device is None else {**settings, "device": device})


def _leave_with(parent: int) -> None:
    """End with the process that started this one, however that ended."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _work(task: Task) -> Result:
    assert _worker is not None
    return _worker(task)


class Local:
    """The executor ``local``.

    Args:
        workers: processes. devices: one after another they get these (``cuda:0``, ``cuda:1``); empty: as the settings
            say. place: folders of store and claims. settings: as of :class:`Worker`.
    """

    def __init__(
        self, workers: int, place: tuple[Path, Path], settings: Mapping[str, Any], devices: Sequence[str] = ()
    ) -> None:
        self.workers, self.place, self.settings, self.devices = workers, place, settings, devices

    def __call__(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results as they come. A task whose process died is done again, alone; if that dies too it has failed."""
        waiting, suspects = deque(tasks), deque[Task]()
        while waiting or suspects:
            alone = bool(suspects)
            queue = suspects if alone else waiting
            lost = yield from self._until_one_dies(queue, 1 if alone else self.workers)
            if alone and lost:
                yield Result(lost[0], Outcome(lost[0].job.number, "failed", DIED))
                lost = lost[1:]
            suspects.extend(lost)

    def _until_one_dies(self, queue: deque[Task], workers: int) -> Any:
        """Yield results; returns the tasks that were being done, or about to be, when a process died."""
        limit = workers * _AHEAD if workers > 1 else 1
        running: dict[Future[Result], Task] = {}
        with _threads(self.workers), self._pool(workers) as pool:
            try:
                while queue or running:
                    while queue and len(running) < limit:
                        running[pool.submit(_work, queue[0])] = queue[0]
                        queue.popleft()
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        yield future.result()
                        del running[future]
            except BrokenProcessPool:
                return list(running.values())
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return []

    def _pool(self, workers: int) -> ProcessPoolExecutor:
        context = mp.get_context("spawn")
        devices = context.Queue()
        for k in range(workers):
            devices.put(self.devices[k % len(self.devices)] if self.devices else None)
        values = (os.getpid(), devices, self.place, self.settings)
        return ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=values)


@contextmanager
def _threads(workers: int) -> Iterator[None]:
    """Each of several processes computes with its share of the cores."""
    share = str(max(1, (os.cpu_count() or 1) // workers))
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    os.environ.update({name: share for name, value in before.items() if value is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
