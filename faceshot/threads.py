"""Threads and processes: whose turn it is, numpy's BLAS beside networks, torch after a fork."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
_held = threading.Lock()
_home: int | None = None
_shares = threading.local()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """While inside, numpy's BLAS uses one thread; torch is left alone.

    BLAS threads go on spinning after a product, in the way of torch's own: on two cores a match took twice as long
    because of a few products of numpy's that gain nothing from a second thread.

    Whoever comes first sets the number and sets it back: OpenBLAS takes it from the thread that set it before only. For
    all that come while one is inside, nothing happens; if the first leaves before them, they lose speed and no more.
    """
    if not _held.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _held.release()


def ahead(items: Iterable[T], count: int = 4) -> Iterator[T]:
    """``items`` in order, up to ``count`` of them made beforehand in a thread of its own.

    An error comes where it would have come anyway; whoever stops early stops the thread too.
    """
    source, end = iter(items), object()
    value: Any
    with ThreadPoolExecutor(1, "ahead") as worker:
        waiting = deque(worker.submit(next, source, end) for _ in range(count))  # type: ignore[call-overload]
        try:
            while (value := waiting.popleft().result()) is not end:
                waiting.append(worker.submit(next, source, end))  # type: ignore[call-overload]
                yield value
        finally:
            for future in waiting:
                future.cancel()


def done(value: T) -> Future[T]:
    """A result that is there already."""
    future: Future[T] = Future()
    future.set_result(value)
    return future


class Beside:
    """Calls made in a thread beside this one, in order, at most ``count`` of them waiting."""

    def __init__(self, name: str, count: int = 8) -> None:
        self._name, self._waiting = name, deque[Future[Any]](maxlen=count)

    def __enter__(self) -> Beside:
        self._worker = ThreadPoolExecutor(1, self._name)
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(cancel_futures=True)

    def call(self, function: Callable[..., T], *values: Any) -> Future[T]:
        """``function(*values)``, now or a little later; waits while too many do."""
        if len(self._waiting) == self._waiting.maxlen:
            wait([self._waiting[0]])
        future = self._worker.submit(function, *values)
        self._waiting.append(future)
        return future


def after_fork() -> None:
    """To be called before networks are loaded or run: keeps torch to one thread in a forked process.

    OpenMP's threads do not survive a fork, and torch would wait for them for ever. The process of the first call
    counts as the one that was forked.
    """
    global _home
    if _home == os.getpid():
        return
    if _home is not None and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    _home = os.getpid()


def wait_asleep() -> None:
    """OpenMP's threads are to sleep while they wait for each other, instead of turning on the spot.

    For a process that is ours alone, before torch is loaded; a policy of the user's own stays. On a machine that has
    other work, spinning threads hold up the very ones they wait for: driving took several times as long.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def share_processors(workers: int) -> None:
    """From now on torch, where it is loaded, gives the calling thread its share of the processors among ``workers``.

    Threads that each run a small network in parallel parts wait for each other at every layer. OpenMP keeps the number
    for every thread apart, so that no other is told.
    """
    if "torch" not in sys.modules or getattr(_shares, "told", False):
        return
    from threadpoolctl import ThreadpoolController

    _shares.told = True
    # Asking makes torch set the thread's number, which it would otherwise do later.
    count = max(1, sys.modules["torch"].get_num_threads() // workers)
    for library in ThreadpoolController().select(user_api="openmp").lib_controllers:
        library.set_num_threads(count)


class Turn:
    """A lock for what runs networks: nests, and is free again in a forked process (see :func:`after_fork`)."""

    def __init__(self) -> None:
        self._lock, self._process = threading.RLock(), os.getpid()

    def __enter__(self) -> None:
        after_fork()
        if self._process != os.getpid():
            self._lock, self._process = threading.RLock(), os.getpid()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
