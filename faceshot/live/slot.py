"""The newest of something, from one thread to another: what nobody took in time is left out."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds one value. Putting never waits; taking waits for a value that was not taken yet."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._value: T | None = None
        self._count = self._taken = 0
        self._closed = False
        self._error: BaseException | None = None
        self.skipped = 0

    def put(self, value: T) -> None:
        """Offer a value in place of the one that waits."""
        with self._ready:
            self.skipped += self._count > self._taken
            self._value, self._count = value, self._count + 1
            self._ready.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """Nothing comes any more; ``error`` is raised where the next value would have been taken."""
        with self._ready:
            self._closed, self._error = True, self._error or error
            self._ready.notify_all()

    def take(self, timeout: float | None = None) -> T | None:
        """The newest value, once; None after ``timeout`` seconds, or when nothing comes any more.

        Raises:
            What the other side was closed with.
        """
        with self._ready:
            self._ready.wait_for(lambda: self._count > self._taken or self._closed, timeout)
            if self._count > self._taken:
                self._taken = self._count
                return self._value
            if self._error is not None:
                raise self._error
            return None

    @property
    def closed(self) -> bool:
        """Whether nothing comes any more, and nothing waits."""
        with self._ready:
            return self._closed and self._count == self._taken
