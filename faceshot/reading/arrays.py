"""Numpy files, read by hand: sizes are checked before anything is unpacked or allocated, objects are never loaded.

``numpy.load`` unpacks whatever an archive holds, trusts the shape in a header, and raises a dozen kinds of errors.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from faceshot.errors import InputError
from faceshot.reading.errors import edge
from faceshot.reading.limits import MAX_ARRAY_BYTES, MAX_MEMBERS
from faceshot.reading.text import check_regular

if TYPE_CHECKING:
    import numpy as np

_AGAIN: Final = "write it again with numpy"
_MAGIC: Final = b"\x93NUMPY"
#: Booleans, integers, floats and texts; everything else needs Python objects or means nothing to us.
_KINDS: Final = "biufUS"
_HEADER: Final = 1 << 16


def is_zip(path: Path) -> bool:
    """Whether the file begins as a zip archive does."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def read_npy(path: Path, what: str) -> np.ndarray:
    """The array of a ``.npy`` file.

    Raises:
        InputError: damaged, objects (never loaded), larger than the bound; the message names the file.
    """
    with edge(f"{what} {path} is not a readable numpy file ({{}}); {_AGAIN}.save"):
        check_regular(path, what)
        size = path.stat().st_size
        if size > MAX_ARRAY_BYTES:
            raise _too_large(path, what, "it")
        with path.open("rb") as file:
            return _array(file, size, f"{what} {path}")


def member_names(path: Path, what: str) -> frozenset[str]:
    """The names of the arrays in a ``.npz`` file; nothing is unpacked.

    Raises:
        InputError: not an archive, or one with more members than the bound.
    """
    with edge(f"{what} {path} is not a readable numpy file ({{}}); {_AGAIN}.savez"):
        check_regular(path, what)
        with zipfile.ZipFile(path) as archive:
            return frozenset(_members(archive, path, what))


def read_npz(path: Path, what: str, names: Collection[str]) -> dict[str, np.ndarray]:
    """Those arrays of a ``.npz`` file that are called one of ``names``; others are not even unpacked.

    Raises:
        InputError: damaged, encrypted, objects (never loaded), larger than the bound; the message names the file.
    """
    with edge(f"{what} {path} is damaged ({{}}); {_AGAIN}.savez"):
        check_regular(path, what)
        with zipfile.ZipFile(path) as archive:
            members = {name: info for name, info in _members(archive, path, what).items() if name in names}
            if sum(info.file_size for info in members.values()) > MAX_ARRAY_BYTES:
                raise _too_large(path, what, "its arrays, unpacked,")
            out = {}
            for name, info in members.items():
                if info.flag_bits & 1:
                    raise InputError(f"{what} {path}: {name} is encrypted; {_AGAIN}.savez")
                with archive.open(info) as file:
                    out[name] = _array(file, info.file_size, f"{what} {path}: {name}")
            return out


def _members(archive: zipfile.ZipFile, path: Path, what: str) -> dict[str, zipfile.ZipInfo]:
    found = archive.infolist()
    if len(found) > MAX_MEMBERS:
        raise InputError(f"{what} {path} has {len(found)} members; at most {MAX_MEMBERS} are read")
    return {info.filename.removesuffix(".npy"): info for info in found}


def _array(file: IO[bytes], size: int, what: str) -> np.ndarray:
    """One array of ``size`` bytes, header included."""
    import numpy as np

    begin = file.read(min(size, 10))
    if not begin.startswith(_MAGIC):
        raise InputError(
            f"{what} is not a readable numpy file, or holds pickled objects, which are never loaded; {_AGAIN}.save"
        )
    width = 2 if begin[6] == 1 else 4
    begin += file.read(width - 2)
    length = int.from_bytes(begin[8 : 8 + width], "little")
    if length > _HEADER:
        raise InputError(f"{what} has a header of {length} bytes; at most {_HEADER} are read")
    head = io.BytesIO(begin + file.read(length))
    version = np.lib.format.read_magic(head)
    if version not in ((1, 0), (2, 0)):
        raise InputError(f"{what} is of numpy's format {version[0]}.{version[1]}; {_AGAIN}.save")
    read: Any = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, kind = read(head, max_header_size=_HEADER)
    if kind.kind not in _KINDS or kind.hasobject:
        if kind.hasobject:
            raise InputError(f"{what} holds pickled objects, which are never loaded; {_AGAIN}.save")
        raise InputError(f"{what} holds values of type {kind}; wanted numbers or texts")
    count, rest = math.prod(shape), size - len(head.getvalue())
    if any(side < 0 for side in shape) or count * kind.itemsize != rest:
        raise InputError(f"{what} is cut off or damaged: {rest} bytes where its header says {shape} of {kind}")
    flat = np.frombuffer(file.read(rest), kind)
    return flat.reshape(shape, order="F" if fortran else "C")


def _too_large(path: Path, what: str, part: str) -> InputError:
    return InputError(f"{what} {path} is too large: {part} may have {MAX_ARRAY_BYTES >> 20} MB; cut it")
