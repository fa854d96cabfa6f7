"""Single keys from the terminal, where there is one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from faceshot.errors import UsageError


@contextmanager
def pressed(do: Callable[[str], None], keys: dict[str, str]) -> Iterator[bool]:
    """Call ``do`` with what a pressed key stands for, until the end of the block; yields whether keys are heard.

    A terminal of Windows, or none at all, hears no keys; the page's work everywhere.
    """
    try:
        import select
        import termios
        import tty

        stream = sys.stdin.fileno()
        before = termios.tcgetattr(stream)
    except (ImportError, OSError, ValueError, AttributeError, termios.error):
        yield False
        return
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            if select.select([stream], [], [], 0.2)[0]:
                with suppress(UsageError):
                    key = sys.stdin.read(1)
                    if key in keys:
                        do(keys[key])

    try:
        tty.setcbreak(stream)
        threading.Thread(target=listen, name="keys", daemon=True).start()
        yield True
    finally:
        stop.set()
        termios.tcsetattr(stream, termios.TCSADRAIN, before)
