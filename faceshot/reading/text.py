"""Texts, JSON, numbers and names, each within its bounds."""

from __future__ import annotations

import json
import re
import stat
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from faceshot.errors import InputError
from faceshot.reading.errors import reason
from faceshot.reading.limits import MAX_DIGITS, MAX_EXPONENT, MAX_LISTS, MAX_TEXT_BYTES

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e(?P<power>[+-]?\d+))?(/\d+)?", re.ASCII | re.IGNORECASE)


def check_regular(path: Path, what: str) -> None:
    """Refuse pipes, sockets and devices, which may have no end, or wait for ever to be opened.

    Raises:
        InputError: ``path`` is one. OSError, ValueError: the system's own opinion of the name.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{what} {path} is a pipe or a device; give a file (save it first)")


def read_text(path: str | Path, what: str, *, most: int = MAX_TEXT_BYTES) -> str:
    """A text file in UTF-8, with or without its mark; ``what`` begins the message of an error.

    Raises:
        InputError: missing, not a file, not text, larger than ``most`` bytes.
    """
    path = Path(path)
    try:
        check_regular(path, what)
        with path.open("rb") as file:
            data = file.read(most + 1)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {what} {path}: {reason(error)}") from error
    if len(data) > most:
        raise InputError(f"{what} {path} is larger than the {most / 2**20:g} MB read; make it smaller")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} {path} is not a text file (UTF-8)") from error


def read_json(path: str | Path, what: str) -> Any:
    """The value of a JSON file.

    Raises:
        InputError: as :func:`read_text`; not JSON, cut off (with the line), or with more lists than anyone needs.
    """
    text = read_text(path, what)
    if text.count("[") + text.count("{") > MAX_LISTS:
        raise InputError(f"{what} {path} holds more than the {MAX_LISTS} lists read; is it what it should be?")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{what} {path} is not complete JSON: {error.msg} in line {error.lineno}") from error
    except RecursionError as error:
        raise InputError(f"{what} {path} is nested too deeply") from error
    except (ValueError, MemoryError) as error:  # numbers of thousands of digits
        raise InputError(f"{what} {path} cannot be read: {reason(error)}") from error


def whole_number(text: str, *, digits: int = 18) -> int | None:
    """``12`` -> 12; None for anything but up to ``digits`` digits 0 to 9 (``str.isdigit`` takes others too)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def fraction(text: str) -> Fraction:
    """A number or a fraction (``29.97``, ``30000/1001``), exactly.

    Raises:
        ValueError: something else, or longer than anyone writes it. ZeroDivisionError: a denominator of zero.
    """
    text = text.strip()
    found = _NUMBER.fullmatch(text) if len(text) <= MAX_DIGITS else None
    if found is None or abs(int(found["power"] or 0)) > MAX_EXPONENT:
        raise ValueError(f"not a number of up to {MAX_DIGITS} characters")
    return Fraction(text)


def expanded(path: str | Path, what: str = "path") -> Path:
    """``~`` and ``~user`` replaced by their home folders.

    Raises:
        InputError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"{what} {path}: there is no home folder of that name; write the path in full") from error
