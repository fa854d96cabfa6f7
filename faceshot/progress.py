"""Progress of long work: a bar on a terminal, nothing in a pipe, nothing at all unless switched on."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

#: Whether bars may be shown; the command line and the demo switch it on.
show_progress: ContextVar[bool] = ContextVar("show_progress", default=False)


def progress(items: Iterable[T], label: str, *, total: int | None = None, unit: str = "frame") -> Iterator[T]:
    """Yield ``items``, drawing a bar on stderr when it is a terminal and :data:`show_progress` is set."""
    if not (show_progress.get() and sys.stderr.isatty()):
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, desc=label, total=total, unit=unit, leave=False, file=sys.stderr)
