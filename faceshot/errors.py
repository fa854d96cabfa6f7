"""The errors a user can meet. Each message is one line that names the value and the fix."""

from __future__ import annotations

from contextvars import ContextVar

#: Whether the caller writes flags; the command line says so, anybody else calls functions.
speaks_flags: ContextVar[bool] = ContextVar("speaks_flags", default=False)


class FaceShotError(Exception):
    """Something FaceShot refuses or could not do; the command line prints the message and exits with 1."""

    exit_code = 1


class InputError(FaceShotError, ValueError):
    """A file or value the user gave is unusable (missing, damaged, wrong shape, unknown name)."""


class UsageError(InputError):
    """Options that cannot be used as given (unknown name, contradiction); exits with 2."""

    exit_code = 2


class MissingError(FaceShotError):
    """A package or weight file is not on this machine; the message says how to get it."""


class BackendError(FaceShotError):
    """An animation backend failed, or gave what its contract does not allow; the message names it."""


class NoFaceError(FaceShotError):
    """Nothing in the picture or clip looks like a face well enough to go on."""


def option(name: str, value: str | bool | None = None) -> str:
    """How the caller writes an option: ``overwrite=True`` in Python, ``--overwrite`` on the command line.

    Args:
        name: the argument's; without a value it is only named.
        value: True, a value, or a placeholder in capitals (``CLIP``; ``L,T,R,B`` for several numbers).
    """
    if speaks_flags.get():
        flag = f"--{name.replace('_', '-')}"
        return flag if value is None or value is True else f"{flag} {value}"
    if value is None:
        return name
    if not isinstance(value, str):
        return f"{name}={value}"
    if value.isupper():
        return f"{name}=({value.replace(',', ', ')})" if "," in value else f"{name}={value}"
    return f"{name}={value}" if value.lstrip("-").replace(".", "", 1).isdigit() else f'{name}="{value}"'
