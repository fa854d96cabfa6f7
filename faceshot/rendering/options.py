"""A backend's own options, checked: values may be strings, as typed on a command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from faceshot.errors import InputError, UsageError
from faceshot.reading import expanded

T = TypeVar("T")
#: From how messages call the option (``mofa option steps``) and the value given to the value used.
Reader = Callable[[str, Any], Any]

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def read_options(backend: str, default: T, extra: Mapping[str, Any], readers: Mapping[str, Reader]) -> T:
    """``default``, a dataclass, with the values of ``extra`` where they are given.

    Raises:
        UsageError: a name that does not exist (the message lists those that do), or a bad value.
        InputError: a file or folder that is unusable.
    """
    names = [field.name for field in fields(default)]  # type: ignore[arg-type]
    for name in extra:
        if name not in names:
            raise UsageError(f"backend {backend!r} has no option {name!r}; its options are {', '.join(names)}")
    values = {name: readers[name](f"{backend} option {name}", value) for name, value in extra.items()}
    return replace(default, **values)  # type: ignore[type-var]


def whole(low: int, high: int, multiple: int = 1) -> Reader:
    """A whole number in ``low``..``high``, a multiple of ``multiple``."""

    def read(label: str, value: Any) -> int:
        found = _number(value)
        if isinstance(value, bool) or not low <= found <= high or found % multiple:
            what = "a whole number" if multiple == 1 else f"a multiple of {multiple}"
            raise UsageError(f"{label} must be {what} in {low}..{high}, got {value!r}")
        return int(found)

    return read


def number(low: float, high: float) -> Reader:
    """A number in ``low``..``high``."""

    def read(label: str, value: Any) -> float:
        found = _number(value)
        if isinstance(value, bool) or not low <= found <= high:
            raise UsageError(f"{label} must be a number in {low:g}..{high:g}, got {value!r}")
        return found

    return read


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def switch(label: str, value: Any) -> bool:
    """True or false, in one of their spellings."""
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise UsageError(f"{label} must be true or false, got {value!r}")
    return text in _TRUE


def choice(*values: str, switched: bool = False) -> Reader:
    """One of ``values``; with ``switched`` true and false stand for ``on`` and ``off``."""

    def read(label: str, value: Any) -> str:
        if switched and (isinstance(value, bool) or str(value).lower() in _TRUE + _FALSE):
            return "on" if switch(label, value) else "off"
        if value not in values:
            raise UsageError(f"{label} must be one of {', '.join(values)}, got {value!r}")
        return str(value)

    return read


def folder(label: str, value: Any) -> Path | None:
    """A folder, which need not exist."""
    if value is None:
        return None
    path = expanded(value, f"{label}:")
    if path.exists() and not path.is_dir():
        raise InputError(f"{label}: {path} is not a folder")
    return path
