"""Writing results safely: a temporary name first, final names only when everything is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from faceshot.errors import InputError, option
from faceshot.output.checks import check_output
from faceshot.output.place import Part, commit
from faceshot.output.stale import sweep


class _Run:
    """The results of one run that are to appear together."""

    def __init__(self, outputs: Iterable[str | Path]) -> None:
        self.names = {Path(path).absolute() for path in outputs}
        self.parts: list[Part] = []


_run: ContextVar[_Run | None] = ContextVar("run", default=None)
_finish: ContextVar[Callable[[Path], None] | None] = ContextVar("finish", default=None)


@contextmanager
def finishing(finish: Callable[[Path], None]) -> Iterator[None]:
    """Everything the block writes goes through ``finish(temporary path)``, complete, before it gets its name."""
    token = _finish.set(finish)
    try:
        yield
    finally:
        _finish.reset(token)


@contextmanager
def together(outputs: Iterable[str | Path]) -> Iterator[None]:
    """What the block writes under these names appears at its end, all of it or, on any failure, none.

    Anything else it writes (caches) appears as soon as it is complete.

    Raises:
        InputError: an output has appeared meanwhile, or the disk refuses.
    """
    run = _Run(outputs)
    token = _run.set(run)
    try:
        yield
        _commit(run.parts)
    finally:
        _run.reset(token)
        _clear(run.parts)


@contextmanager
def writing(
    path: str | Path, *, overwrite: bool = False, folder: bool = False, finished: bool = False
) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (same suffix); it becomes ``path`` on success and is deleted on failure.

    With ``folder`` the temporary path is an existing empty directory. An interruption (Ctrl-C) counts as failure.
    Inside :func:`together`, success is that of the whole run. What has come through :func:`finishing` is ``finished``.

    Raises:
        InputError: as :func:`check_output`, when the name was taken meanwhile, or when the disk refuses the write
            (full, read-only).
    """
    path = check_output(path, overwrite=overwrite)
    sweep(path.parent)
    run = _run.get()
    waiting = run is not None and path.absolute() in run.names
    part = Part(path, overwrite)
    try:
        try:
            part.open(folder=folder)
        except OSError as error:
            raise InputError(f"cannot write in {path.parent}: {error.strerror or error}") from error
        yield part.new
        if (finish := _finish.get()) is not None and not finished:
            finish(part.new)
        if run is not None and waiting:
            run.parts.append(part)
        else:
            _commit([part])
    except BaseException as error:
        waiting = False
        if isinstance(error, OSError):
            raise InputError(f"cannot write {path}: {error.strerror or error}") from error
        raise
    finally:
        if not waiting:
            _clear([part])


@contextmanager
def removing(path: Path) -> Iterator[None]:
    """Take a folder away: out of sight in one step, deleted afterwards; an interruption leaves all of it or nothing.

    Raises:
        OSError: the disk refuses.
    """
    sweep(path.parent)
    part = Part(path, overwrite=True)
    try:
        part.open(folder=False)
        gone = part.new
        path.rename(gone)
        yield
    finally:
        _clear([part])


def _commit(parts: list[Part]) -> None:
    try:
        commit(parts)
    except FileExistsError as error:
        raise InputError(
            f"output {error.filename} appeared while working; use {option('overwrite', True)} or another name"
        ) from error
    except OSError as error:
        where = error.filename2 or error.filename or (parts[0].path if parts else "")
        raise InputError(f"cannot write {where}: {error.strerror or error}") from error


def _clear(parts: list[Part]) -> None:
    for part in parts:
        part.clear()
    for part in parts:
        part.clear_folders()
