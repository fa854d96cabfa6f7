"""The loop: the newest moment, the face in it, the character as the face, out to whoever looks on.

Three threads pass on only what is newest: the camera's, one that finds the face, and the caller's, which draws. Where
one is slower than the one before it, moments are skipped; none waits in a queue, so that the delay cannot grow.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import UsageError
from faceshot.facemesh import Seen
from faceshot.landmarks import RGBArray
from faceshot.live.character import EXPRESSIONS, Character
from faceshot.live.slot import Slot
from faceshot.live.sources import Shot, Source, playing

#: Finds the face in a frame of this time [ms].
Follow = Callable[[RGBArray, int], Seen | None]
#: Is given every drawn frame, what was seen, and the moment it shows [s].
Output = Callable[[RGBArray, Seen | None, float], None]

#: Frames that a neutral face is the median of.
_NEUTRAL = 8
#: Seconds in which an expression comes or goes, and after which a lost face counts as gone.
_EASE, _GONE = 0.2, 0.7
#: Frames that rate and latency are told of.
_WINDOW = 90


@dataclass(frozen=True)
class Report:
    """How it went.

    Attributes:
        frames: drawn so far. skipped: moments that were left out. seconds: since the start.
        fps: lately. latency_ms, latency_p95_ms: from the camera's moment to the drawn frame, lately.
        seen: a face is in the picture. character: which, from 0.
    """

    frames: int = 0
    skipped: int = 0
    seconds: float = 0.0
    fps: float = 0.0
    latency_ms: float = 0.0
    latency_p95_ms: float = 0.0
    seen: bool = False
    character: int = 0


class Live:
    """A character in front of a source.

    Args:
        characters: the first is shown at first.
        source: what moves. follow: finds faces, for sources of pictures.
        outputs: told of every frame.
    """

    def __init__(
        self,
        characters: Sequence[Character],
        source: Source,
        *,
        follow: Follow | None = None,
        outputs: Sequence[Output] = (),
    ) -> None:
        if not characters:
            raise UsageError("give at least one character")
        if source.pictures and follow is None:
            raise UsageError("a source of pictures needs something that follows faces in them")
        self.characters, self.source, self.follow, self.outputs = characters, source, follow, list(outputs)
        self._asked: SimpleQueue[str] = SimpleQueue()
        self._rest: npt.NDArray[np.float32] | None = source.rest
        self.rest_head: npt.NDArray[Any] | None = None
        self._near: deque[Seen] = deque(maxlen=_NEUTRAL)
        self._settling = source.rest is None
        self._chosen = 0
        self._targets: set[str] = set()
        self._held: dict[str, float] = {}
        self._behind: deque[float] = deque(maxlen=_WINDOW)
        self._times: deque[float] = deque(maxlen=_WINDOW)
        self._report = Report()
        self._stop = threading.Event()

    def do(self, what: str) -> None:
        """Ask for something, from any thread: ``neutral``, an expression's name (again to end it), ``clear``,
        ``character:N`` counted from 1, ``quit``.

        Raises:
            UsageError: something else.
        """
        kind, _, number = what.partition(":")
        character = kind == "character" and number.isdigit() and 1 <= int(number) <= len(self.characters)
        if not character and what not in ("neutral", "clear", "quit", *EXPRESSIONS):
            raise UsageError(f"cannot do {what!r}")
        if what == "quit":
            self._stop.set()
        self._asked.put(what)

    def report(self) -> Report:
        """How it goes, from any thread."""
        return self._report

    def run(self, *, seconds: float | None = None) -> Report:
        """Draw until the source ends, ``quit`` is asked for, or ``seconds`` have passed.

        Raises:
            InputError: the source cannot be read on.
        """
        begin = last = time.perf_counter()
        frames, lost_at = 0, 0.0
        with playing(self.source) as camera, self._followed(camera) as faces:
            while not self._stop.is_set() and (seconds is None or time.perf_counter() - begin < seconds):
                shot = faces.take(0.1)
                if shot is None:
                    if faces.closed:
                        break
                    continue
                now = time.perf_counter()
                self._obey()
                self._ease(now - last)
                last = now
                character = self.characters[self._chosen]
                if shot.seen is not None:
                    lost_at = now
                    self._settle(shot.seen)
                    assert self._rest is not None
                    frame = character.frame(self._rest, shot.seen, self._held)
                elif now - lost_at > _GONE:
                    frame = character.still()
                else:
                    continue
                for output in self.outputs:
                    output(frame, shot.seen, shot.moment)
                frames += 1
                self._count(frames, camera.skipped + faces.skipped, begin, shot)
        return self._report

    @contextmanager
    def _followed(self, camera: Slot[Shot]) -> Iterator[Slot[Shot]]:
        """The newest moments with the face in them."""
        follow = self.follow
        if not self.source.pictures or follow is None:
            yield camera
            return
        faces: Slot[Shot] = Slot()
        stop = threading.Event()

        def run() -> None:
            try:
                while not stop.is_set():
                    shot = camera.take(0.1)
                    if shot is not None and shot.frame is not None:
                        faces.put(Shot(shot.moment, seen=follow(shot.frame, int(shot.moment * 1000))))
                    elif camera.closed:
                        break
            except Exception as error:  # noqa: BLE001 - raised where the faces are taken
                faces.close(error)
            faces.close()

        thread = threading.Thread(target=run, name="follow", daemon=True)
        thread.start()
        try:
            yield faces
        finally:
            stop.set()
            thread.join(timeout=5)

    def _obey(self) -> None:
        while True:
            try:
                what = self._asked.get_nowait()
            except Empty:
                return
            if what == "neutral":
                self._near.clear()
                self._settling = True
            elif what == "clear":
                self._targets.clear()
            elif what in EXPRESSIONS:
                self._targets ^= {what}
            elif what.startswith("character:"):
                self._chosen = int(what.partition(":")[2]) - 1

    def _ease(self, seconds: float) -> None:
        """Bring expressions in or out."""
        step = seconds / _EASE
        for name in {*self._held, *self._targets}:
            goal = float(name in self._targets)
            was = self._held.get(name, 0.0)
            self._held[name] = min(was + step, goal) if goal > was else max(was - step, goal)
        self._held = {name: strength for name, strength in self._held.items() if strength > 0}

    def _settle(self, seen: Seen) -> None:
        """Learn the neutral face, where that was asked for: the median of a few frames."""
        if not self._settling:
            return
        self._near.append(seen)
        self._rest = np.median([one.xy for one in self._near], axis=0).astype(np.float32)
        self.rest_head = seen.head
        self._settling = len(self._near) < _NEUTRAL

    def _count(self, frames: int, skipped: int, begin: float, shot: Shot) -> None:
        now = time.perf_counter()
        self._behind.append(1000 * (now - shot.moment))
        self._times.append(now)
        span = self._times[-1] - self._times[0]
        self._report = replace(
            self._report,
            frames=frames,
            skipped=skipped,
            seconds=now - begin,
            fps=(len(self._times) - 1) / span if span > 0 else 0.0,
            latency_ms=float(np.median(self._behind)),
            latency_p95_ms=float(np.percentile(self._behind, 95)),
            seen=shot.seen is not None,
            character=self._chosen,
        )
