"""Long work beside the page: it tells how far it is, and stops when nobody waits for it any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextvars import copy_context
from typing import Generic, TypeVar

from faceshot.progress import watcher

T = TypeVar("T")


class Cancelled(BaseException):
    """Ends work from within, as Ctrl-C does, so that everything half written is tidied away."""


class Job(Generic[T]):
    """``work`` in a thread of its own; to be followed with :meth:`steps`, then ``result``."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work, self._stop = work, threading.Event()
        self._state: tuple[str, int, int | None] = ("starting", 0, None)
        self.result: T

    def steps(self, every: float = 0.2) -> Iterator[tuple[str, int, int | None]]:
        """Run; yields what is worked on, how much is done, and of how much. Closing it cancels the work.

        Raises:
            What the work raises.
        """
        pool = ThreadPoolExecutor(1, thread_name_prefix="faceshot-job")
        future = pool.submit(copy_context().run, self._watched)
        try:
            while True:
                try:
                    self.result = future.result(timeout=every)
                    return
                except NotYet:
                    if future.done():  # the work itself ran into a timeout
                        raise
                    yield self._state
        finally:
            self._stop.set()
            pool.shutdown(wait=False)

    def _watched(self) -> T:
        watcher.set(self._tell)
        return self._work()

    def _tell(self, label: str, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise Cancelled
        self._state = (label, done, total)
