"""Networks that are not needed all the time: loaded at first use, and kept, parked in main memory, or forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

#: After use: stays on the device; waits in main memory; stays to the end of the session; is forgotten at once. What is
#: forgotten is loaded again when it is needed.
Stay = Literal["keep", "park", "session", "drop"]


class Resident:
    """A network that takes memory only while it has to.

    Args:
        load: returns the network on the CPU, in evaluation mode.
        device: where it runs.
        stay: what happens after use.
    """

    def __init__(self, load: Callable[[], Any], *, device: str, stay: Stay = "keep") -> None:
        self._load, self._device, self._stay = load, device, stay
        self._network: Any = None
        self._users = 0
        self._sessions = 0

    @classmethod
    def of(cls, network: Any) -> Resident:
        """A network that is loaded already, and stays where it is."""
        return network if isinstance(network, cls) else cls(lambda: network, device=str(network.device))

    @property
    def loaded(self) -> bool:
        """Whether it takes memory now."""
        return self._network is not None

    @contextmanager
    def use(self) -> Iterator[Any]:
        """The network, on its device; uses may be nested, the outermost one ends the stay."""
        if self._network is None:
            self._network = self._load()
        if self._users == 0:
            self._network.to(self._device)
        self._users += 1
        try:
            yield self._network
        finally:
            self._users -= 1
            if self._users == 0:
                self._leave()

    @contextmanager
    def session(self) -> Iterator[None]:
        """A stretch of work with uses now and then: a network that stays for the session is loaded once in it.

        Loads nothing by itself; sessions may be nested, the outermost one counts.
        """
        self._sessions += 1
        try:
            yield
        finally:
            self._sessions -= 1
            if self._users == 0:
                self._leave()

    def _leave(self) -> None:
        if self._stay == "drop" or (self._stay == "session" and self._sessions == 0):
            self._network = None
        elif self._stay == "park" and self._network is not None:
            self._network.to("cpu")

    def free(self) -> None:
        """Forget it now, unless it is in use; the next use loads it again."""
        if self._users == 0:
            self._network = None
