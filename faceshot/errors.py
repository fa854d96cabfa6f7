"""The errors a user can meet. Each message is one line that names the value and the fix."""

from __future__ import annotations


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
