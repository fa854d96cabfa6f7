"""Finished windows on disk, so that an interrupted run can go on where it stopped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from faceshot.errors import InputError, option
from faceshot.reading import FOREIGN
from faceshot.weights import cache_folder

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger("faceshot")

#: Written when every frame was handed on; such a folder is kept until the next run, in case the video was not.
_DONE: Final = "done"
_NOTE: Final = "run.json"
#: What a run's folder is called and what lies in it (or half-written, with a dot before); anything else is not ours.
_RUN: Final = re.compile(r"run-[0-9a-f]{24}")
_OURS: Final = re.compile(r"\.?(done|run\.json|(anchor|course|step|window)_\d{6}\.safetensors)(\.\w+)?")
#: Interrupted runs nobody has come back to are removed after this many days.
STALE_DAYS: Final = 14


def digest(*parts: Any) -> str:
    """A name for everything that decides about the frames: arrays, numbers, texts, mappings of them."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.dtype}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).tobytes())
        else:
            found.update(json.dumps(part, sort_keys=True, default=str).encode())
        found.update(b"\0")
    return found.hexdigest()[:24]


def runs_folder(backend: str, work: Path | None) -> Path:
    """Where runs of a backend are kept: the user's choice, else in the cache."""
    return cache_folder() / backend if work is None else work


class Work:
    """The folder of one run.

    Args:
        base: :func:`runs_folder`. name: :func:`digest` of the run.
        resume: use what is there; otherwise it is removed and the run begins anew.

    Raises:
        InputError: the folder cannot be written.
    """

    def __init__(self, base: Path, name: str, *, resume: bool) -> None:
        self.folder = base / f"run-{name}"
        _sweep(base, self.folder)
        if not resume:
            if self.begun:
                logger.info("an interrupted run with these inputs and options begins anew; resume would go on with it")
            shutil.rmtree(self.folder, ignore_errors=True)
        elif not self.folder.is_dir():
            logger.info("no interrupted run with these inputs and options in %s; starting anew", base)
        else:
            with contextlib.suppress(OSError):
                (self.folder / _DONE).unlink()

    @property
    def begun(self) -> bool:
        """Whether there is something to go on with: windows or steps of a run that did not come to its end."""
        kept = (path for kind in ("window", "step") for path in self.folder.glob(f"{kind}_*.safetensors"))
        return not (self.folder / _DONE).exists() and next(kept, None) is not None

    def describe(self, note: Mapping[str, Any]) -> None:
        """Leave a note for people who look into the folder."""
        self._write(_NOTE, json.dumps(note, indent=2, default=str).encode())

    def store(self, kind: str, index: int, tensors: Mapping[str, Tensor]) -> None:
        """Write tensors under a temporary name, then rename: what is there is whole."""
        from safetensors.torch import save

        self._write(_file(kind, index), save({name: value.cpu().contiguous() for name, value in tensors.items()}))

    def load(self, kind: str, index: int) -> dict[str, Tensor] | None:
        """What :meth:`store` wrote, None where it is absent or damaged."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(self.folder / _file(kind, index))
        except (SafetensorError, *FOREIGN):
            return None

    def read(self, kind: str, index: int) -> dict[str, Tensor]:
        """As :meth:`load`, for what was there a moment ago.

        Raises:
            InputError: it is gone.
        """
        found = self.load(kind, index)
        if found is None:
            raise InputError(f"{self.folder / _file(kind, index)} is gone or damaged; run again without resume")
        return found

    def finished(self, kind: str) -> int:
        """How many of 0, 1, 2, ... are there and readable, without a gap."""
        count = 0
        while self.load(kind, count) is not None:
            count += 1
        return count

    def newest(self, kind: str) -> tuple[int, dict[str, Tensor]] | None:
        """The readable one with the highest number."""
        numbers = sorted(int(path.stem.rpartition("_")[2]) for path in self.folder.glob(f"{kind}_*.safetensors"))
        for number in reversed(numbers):
            if (found := self.load(kind, number)) is not None:
                return number, found
        return None

    def drop(self, kind: str, index: int) -> None:
        """Remove one, if it is there."""
        with contextlib.suppress(OSError):
            (self.folder / _file(kind, index)).unlink()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Around handing on the frames: all of them finishes the run; fewer, and the user is told how to go on."""
        try:
            yield
            self.finish()
        finally:
            if self.begun:
                logger.info(
                    "what is finished is kept in %s; the same again with %s goes on",
                    self.folder,
                    option("resume", True),
                )

    def finish(self) -> None:
        """Everything was handed on; the next run may remove the folder."""
        self._write(_DONE, b"")

    def _write(self, name: str, content: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(prefix=f".{name}.", dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(part).replace(self.folder / name)
            except BaseException:
                Path(part).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise InputError(
                f"cannot keep finished windows in {self.folder} ({error.strerror or error}); "
                f"choose another folder with the backend's option work=DIR"
            ) from error


def _file(kind: str, index: int) -> str:
    return f"{kind}_{index:06d}.safetensors"


def _sweep(base: Path, own: Path) -> None:
    """Remove other runs that are complete, or that nobody has come back to; never what a run did not make."""
    for folder in base.glob("run-*"):
        if folder == own or not _RUN.fullmatch(folder.name):
            continue
        with contextlib.suppress(OSError):
            held = list(folder.iterdir())
            if not all(_OURS.fullmatch(path.name) for path in held):
                continue
            age = time.time() - max(path.stat().st_mtime for path in [folder, *held])
            if (folder / _DONE).exists() or age > STALE_DAYS * 86_400:
                shutil.rmtree(folder, ignore_errors=True)
