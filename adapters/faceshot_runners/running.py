"""A program in a process of its own: started, watched, stopped; its frames put back into the picture."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from faceshot.errors import BackendError, InputError, MissingError, option
from faceshot.landmarks import Picture, RGBArray
from faceshot.progress import progress
from faceshot.rendering import PortraitInputs, unmixed
from faceshot_runners.options import Options

logger = logging.getLogger("faceshot")

#: Seconds between looks at the program, and those it has to end when asked to.
_LOOK, _GRACE = 0.2, 5.0
#: Variables that belong to our interpreter and would mislead another one.
_OURS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
#: How the line of a traceback begins that says what is wrong.
_FAULT: Final = re.compile(r"^[\w.]*(Error|Exception|Interrupt|Exit|Warning)\b")
_TAIL = 20_000


def rendered(
    backend: Any, picture: Picture, inputs: PortraitInputs, options: Options, settings: dict[str, Any]
) -> Iterator[RGBArray]:
    """Run the program and yield its frames in the picture; nothing is left on disk afterwards, however it ends.

    Raises:
        BackendError: the program fails, is killed, takes too long or gives something else.
        MissingError: the interpreter cannot be started. InputError: the disk refuses.
    """
    with tempfile.TemporaryDirectory(prefix="faceshot-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        inputs.write(lambda file: folder / file, **settings)
        logger.info("%s: %d frames, %d steps; %s", backend.name, inputs.count, settings["steps"], backend.known)
        assert options.checkout is not None and options.python is not None
        command = [str(options.python), str(folder / "run.py"), str(options.checkout)]
        run(backend.name, command, folder, options.checkout, options.timeout)
        mattes = None if picture.alpha is None else np.load(folder / "matte.npy", mmap_mode="r")
        yield from _pasted(backend.name, picture, inputs, folder / "result.mp4", mattes)
        del mattes


def run(who: str, command: list[str], folder: Path, cwd: Path, timeout: float) -> None:
    """Run a command to its end, without a shell; what it says goes into files of ``folder``.

    Raises:
        BackendError: it fails, is killed or takes longer than ``timeout`` [s]; with what it said last, in one line.
        MissingError: it cannot be started.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    told = folder / "errors.txt"
    with (folder / "output.txt").open("wb") as output, told.open("wb") as errors:
        try:
            process = subprocess.Popen(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise MissingError(f"{who}: {command[0]} cannot be started: {error.strerror or error}") from error
        try:
            for _ in progress(_until_done(process, time.monotonic() + timeout), who, unit="look"):
                pass
        finally:
            late = process.poll() is None
            _stop(process)
    if late:
        raise BackendError(
            f"{who} took longer than {timeout:g} s and was stopped; "
            f"allow more with {option('backend_option', 'timeout=SECONDS')}"
        )
    logger.debug("%s said: %s", who, _tail(told))
    if process.returncode:
        raise BackendError(f"{who} {_ending(process.returncode)}: {last_fault(_tail(told))}")


def _until_done(process: subprocess.Popen[bytes], end: float) -> Iterator[None]:
    while process.poll() is None and time.monotonic() < end:
        yield
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it started; does nothing once all of it is gone."""
    for way in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, way)
            elif process.poll() is None:
                process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
            return


def _ending(code: int) -> str:
    if code > 0:
        return f"failed (exit code {code})"
    name = signal.Signals(-code).name
    return f"was killed ({name}{', often for want of memory' if name == 'SIGKILL' else ''})"


def _tail(file: Path) -> str:
    with file.open("rb") as text:
        text.seek(max(file.stat().st_size - _TAIL, 0))
        return text.read().decode("utf-8", "replace")


def last_fault(text: str) -> str:
    """The line of a program's errors that says what went wrong, at most 300 letters."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    faults = [line for line in lines if _FAULT.match(line)]
    return " ".join((faults or lines or ["it did not say why"])[-1].split())[:300]


def _pasted(who: str, picture: Picture, inputs: PortraitInputs, video: Path, mattes: Any) -> Iterator[RGBArray]:
    from faceshot.media import read_frames

    size, under, count = inputs.place.size, picture.flat(), 0
    try:
        frames = read_frames(video)
    except InputError as error:
        raise BackendError(f"{who} ended without a video") from error
    for frame in frames:
        if count == inputs.count:
            break  # short clips are held to the frames its networks see at a time
        if frame.shape != (size.height, size.width, 3):
            raise BackendError(
                f"{who} gave frames of {frame.shape[1]}x{frame.shape[0]}, not {size.width}x{size.height}"
            )
        if count == 0 and frame.std() < 1:
            hint = f"; try {option('backend_option', 'half=false')}" if who == "x-portrait" else ""
            raise BackendError(f"{who} gave an empty picture{hint}")
        pasted = inputs.place.give(frame, under)
        if mattes is None or picture.alpha is None:
            yield pasted
        else:
            alpha = inputs.place.give(np.array(mattes[count]), picture.alpha)
            yield np.dstack([unmixed(pasted, alpha), alpha])
        count += 1
    if count < inputs.count:
        raise BackendError(f"{who} gave {count} of {inputs.count} frames")
