"""What libraries raise on damaged, foreign and malicious files, and how it becomes an error of ours."""

from __future__ import annotations

import lzma
import pickle
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from faceshot.errors import FaceShotError, InputError

#: Everything a decoder was seen to raise on bad bytes. Wide, so it belongs around a library's calls only: around code
#: of ours it would blame the user's file for our mistakes.
FOREIGN: Final = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError),
    *(RuntimeError, SyntaxError, MemoryError, BufferError, struct.error, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, zipfile.LargeZipFile, pickle.PickleError, tokenize.TokenError),
)


@contextmanager
def edge(says: str) -> Iterator[None]:
    """A library reads a file of the user's in this block; whatever it raises becomes an InputError.

    Args:
        says: the message, with ``{}`` where the library's reason goes; it names the file and the fix.

    Raises:
        InputError: as said. Errors of ours pass as they are.
    """
    try:
        yield
    except FaceShotError:
        raise
    except FOREIGN as error:
        raise InputError(says.replace("{}", reason(error))) from error


def reason(error: BaseException) -> str:
    """The first line of an error of another library, short enough for a message of ours."""
    if isinstance(error, MemoryError):
        return "not enough memory for it"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    text = str(getattr(error, "strerror", None) or error).strip()
    line = next(iter(text.splitlines()), "") or type(error).__name__
    return line if len(line) <= 120 else f"{line[:117]}..."
