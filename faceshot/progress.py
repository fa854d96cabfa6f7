"""Progress of long work: a bar on a terminal, nothing in a pipe, nothing at all unless switched on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

#: Whether bars may be shown; the command line switches it on.
show_progress: ContextVar[bool] = ContextVar("show_progress", default=False)
#: Told before every item what is worked on, how many are done and how many there are (None: not known). What it raises
#: ends the work, which tidies up after itself.
watcher: ContextVar[Callable[[str, int, int | None], None] | None] = ContextVar("watcher", default=None)


def progress(items: Iterable[T], label: str, *, total: int | None = None, unit: str = "frame") -> Iterator[T]:
    """Yield ``items``, drawing a bar on stderr when it is a terminal and :data:`show_progress` is set."""
    tell = watcher.get()
    if tell is not None:
        for done, item in enumerate(items):
            tell(label, done, total)
            yield item
        return
    if not (show_progress.get() and sys.stderr.isatty()):
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, desc=label, total=total, unit=unit, leave=False, file=sys.stderr)
