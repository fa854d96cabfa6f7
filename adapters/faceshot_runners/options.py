"""The runners' own options, parsed from ``AnimationOptions.extra``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from faceshot.errors import MissingError, option
from faceshot.reading import expanded
from faceshot.rendering import Reader, choice, folder, number, read_options, switch, whole

Self = TypeVar("Self", bound="Options")
#: Where environments lie in a clone, usually.
_ENVIRONMENTS = (".venv", "venv", "env")


@dataclass(frozen=True)
class Options:
    """How a program is run.

    Attributes:
        checkout: the clone, weights and all.
        python: interpreter of its environment; without it that of ``.venv``, ``venv`` or ``env`` in the clone.
        timeout: seconds after which it is stopped, 1 .. 604800.
        steps: of denoising, 1 .. 200.
    """

    checkout: Path | None = None
    python: Path | None = None
    timeout: float = 4 * 3600
    steps: int = 25

    def at(self: Self, checkout: Path, python: Path) -> Self:
        """With clone and interpreter found."""
        return replace(self, checkout=checkout, python=python)


@dataclass(frozen=True)
class XPortraitOptions(Options):
    """X-Portrait's.

    Attributes:
        guidance: 1 .. 20. half: half precision; where its pictures come out black, switch it off.
        weights: the checkpoint, instead of the one in the clone.
    """

    steps: int = 30
    guidance: int = 5
    half: bool = True
    weights: Path | None = None


@dataclass(frozen=True)
class HunyuanOptions(Options):
    """HunyuanPortrait's.

    Attributes:
        pose: ``drawn`` gives it a drawing of the face as well, which the published program leaves black: the head may
            then follow shifts, which it does not as published (untested with its weights).
        identity: whether ArcFace looks at the character; off for faces no such network understands.
    """

    pose: Literal["off", "drawn"] = "off"
    identity: bool = True


def _file(label: str, value: Any) -> Path:
    return expanded(value, f"{label}:") if label.endswith("python") else expanded(value, f"{label}:").absolute()


_READERS: Final[dict[str, Reader]] = {
    "checkout": folder,
    "python": _file,
    "timeout": number(1, 604_800),
    "steps": whole(1, 200),
    "guidance": whole(1, 20),
    "half": switch,
    "weights": _file,
    "pose": choice("off", "drawn"),
    "identity": switch,
}
_DEFAULTS: Final[dict[str, Options]] = {"x-portrait": XPortraitOptions(), "hunyuan-portrait": HunyuanOptions()}


def parse_options(backend: str, extra: Mapping[str, Any]) -> Options:
    """Check ``extra`` (values may be strings, as typed on a command line).

    Raises:
        UsageError: a name that does not exist, a value outside its choices or range.
        InputError: ``checkout`` is a file.
    """
    return read_options(backend, _DEFAULTS[backend], extra, _READERS)


def interpreter(backend: str, given: Path | None, checkout: Path) -> Path:
    """The Python that runs the program.

    Raises:
        MissingError: none is there.
    """
    inside = Path("Scripts", "python.exe") if os.name == "nt" else Path("bin", "python")
    likely = [checkout / name / inside for name in _ENVIRONMENTS]
    for python in likely if given is None else [given]:
        if found := shutil.which(python):
            return Path(found).absolute()  # not resolved: it is the link that belongs to the environment
    fix = f"give {option('backend_option', 'python=FILE')}, the interpreter of the environment its README makes"
    if given is not None:
        raise MissingError(f"{backend}: {given} is no interpreter that can be started; {fix}")
    raise MissingError(f"{backend}: no environment in {checkout} ({', '.join(_ENVIRONMENTS)}); {fix}")
