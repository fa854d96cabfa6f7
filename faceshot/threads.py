"""numpy's BLAS on one thread while networks run.

BLAS threads go on spinning after a product, in the way of torch's own: on two cores a match took twice as long because
of a few products of numpy's that gain nothing from a second thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_held = threading.Lock()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """While inside, numpy's BLAS uses one thread; torch is left alone.

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
