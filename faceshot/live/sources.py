"""What moves: a camera, a clip that pretends to be one, or a landmark file played in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import FaceShotError, InputError, option
from faceshot.facemesh import Seen
from faceshot.landmarks import LandmarkSequence, RGBArray
from faceshot.live.slot import Slot

#: Seconds without a picture after which a camera counts as gone.
_GONE = 2.0


@dataclass(frozen=True, eq=False)
class Shot:
    """One moment: when it was [s, ``time.perf_counter``], and its picture, or the face in it.

    A moment with neither shows nobody.
    """

    moment: float
    frame: RGBArray | None = None
    seen: Seen | None = None


@dataclass(frozen=True)
class Source:
    """Something that gives moments.

    Attributes:
        name: for messages. fps: pictures per second. rest: the face at rest (68, 2) where it is known.
        moments: gives them in time, as long as the event is not set.
        pictures: whether these are pictures, in which a face has to be found.
    """

    name: str
    fps: float
    moments: Callable[[threading.Event], Iterator[Shot]]
    pictures: bool = True
    rest: Any = None


def open_source(camera: str | Path, *, loop: bool = False) -> Source:
    """A camera by its number, a clip, or a landmark file.

    Args:
        loop: begin again at the end of a file.

    Raises:
        InputError: no such file or camera, or the camera is busy.
    """
    text = str(camera)
    if text.isdigit() and not Path(text).exists():
        return _device(int(text))
    from faceshot.formats import is_landmark_file

    path = Path(camera)
    if path.is_file() and is_landmark_file(path):
        from faceshot.driving import drive

        return _landmarks(path.name, drive(path), loop)
    return _clip(path, loop)


def _device(index: int) -> Source:
    import cv2

    capture = cv2.VideoCapture(index)
    if not capture.isOpened() or not capture.read()[0]:
        capture.release()
        raise InputError(
            f"camera {index} is not there, or another program uses it; close that, or try {option('camera', '1')}"
        )
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def moments(stop: threading.Event) -> Iterator[Shot]:
        try:
            last = time.perf_counter()
            while not stop.is_set():
                good, picture = capture.read()
                now = time.perf_counter()
                if good:
                    last = now
                    yield Shot(now, np.ascontiguousarray(picture[..., ::-1]))
                elif now - last > _GONE:
                    raise InputError(f"camera {index} gives no more pictures; was it unplugged?")
                else:
                    time.sleep(0.02)
        finally:
            capture.release()

    return Source(f"camera {index}", float(capture.get(cv2.CAP_PROP_FPS)) or 30.0, moments)


def _clip(path: Path, loop: bool) -> Source:
    from faceshot.media import probe, read_frames

    fps = float(probe(path).fps)

    def moments(stop: threading.Event) -> Iterator[Shot]:
        while True:
            for due, frame in _in_time(read_frames(path), fps, stop):
                yield Shot(due, frame)
            if not loop or stop.is_set():
                return

    return Source(path.name, fps, moments)


def _landmarks(name: str, sequence: LandmarkSequence, loop: bool) -> Source:
    from faceshot.driving import with_blendshapes

    fps = float(sequence.fps)
    shown = with_blendshapes(sequence).expression
    assert shown is not None
    rest = sequence.rest
    gaze = shown.gaze - shown.gaze[rest]
    faces = [
        Seen(sequence.xy[k], shown.blendshapes[k], shown.head[k], gaze[k], float(shown.teeth[k]))
        for k in range(len(sequence))
    ]

    def moments(stop: threading.Event) -> Iterator[Shot]:
        while True:
            for due, seen in _in_time(iter(faces), fps, stop):
                yield Shot(due, seen=seen)
            if not loop or stop.is_set():
                return

    return Source(name, fps, moments, pictures=False, rest=sequence.xy[rest])


def _in_time(items: Iterator[Any], fps: float, stop: threading.Event) -> Iterator[tuple[float, Any]]:
    """Each item when it is due; those that are long due are left out, as a camera would."""
    begin = time.perf_counter()
    for count, item in enumerate(items):
        due = begin + count / fps
        wait = due - time.perf_counter()
        if wait > 0 and stop.wait(wait):
            return
        if stop.is_set():
            return
        if wait > -1 / fps:
            yield due, item


@contextmanager
def playing(source: Source) -> Iterator[Slot[Shot]]:
    """The source's newest moment, read in a thread of its own until the end of the block."""
    slot: Slot[Shot] = Slot()
    stop = threading.Event()

    def run() -> None:
        try:
            for shot in source.moments(stop):
                slot.put(shot)
        except FaceShotError as error:
            slot.close(error)
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits for pictures
            slot.close(InputError(f"{source.name} cannot be read on ({error})"))
        else:
            slot.close()

    thread = threading.Thread(target=run, name="camera", daemon=True)
    thread.start()
    try:
        yield slot
    finally:
        stop.set()
        thread.join(timeout=5)
