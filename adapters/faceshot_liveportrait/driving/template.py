"""Motion templates: what M read from a driver, kept in a file. Ours are ``.npz``; LivePortrait's ``.pkl`` are read.

A pickle can run anything when it is loaded. Ours is loaded by an unpickler that hands out inert stand-ins for the
four numpy names such files need and refuses every other; arrays are made from their bytes afterwards.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.landmarks import as_fps
from faceshot.media import check_file
from faceshot.output import writing
from faceshot.reading import FOREIGN, MAX_FRAMES, edge, is_zip, member_names, read_npz, reason
from faceshot_liveportrait.driving.motion import N_KEYPOINTS, Motion
from faceshot_liveportrait.driving.video import Driver

FORMAT = "faceshot-motion-template"
VERSION = 1
#: Largest pickle that is looked at; an hour of motion takes about 60 MB.
_MOST_BYTES = 512 * 2**20
#: Element types an array of a template may have.
_TYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
_ENTRIES = ("format", "version", "fps", "rest", "rotation", "exp", "scale", "t", "eyes", "lips")


@dataclass(frozen=True, eq=False)
class Template:
    """A driver's motion and its frame rate."""

    driver: Driver
    fps: Fraction


def write_template(path: str | Path, template: Template, *, overwrite: bool = False) -> None:
    """Write a template (``.npz``).

    Raises:
        InputError: as :func:`faceshot.output.check_output`.
    """
    driver = template.driver
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "fps": np.array(str(template.fps)),
        "rest": np.array(driver.rest),
        "rotation": driver.motion.rotation,
        "exp": driver.motion.exp,
        "scale": driver.motion.scale,
        "t": driver.motion.t,
    }
    arrays |= {name: value for name in ("eyes", "lips") if (value := getattr(driver, name)) is not None}
    with writing(path, overwrite=overwrite) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def is_template(path: Path) -> bool:
    """Whether a file is a motion template: a pickle by its name, ours by what it says of itself."""
    if path.suffix.lower() == ".pkl":
        return path.is_file()
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        return "format" in member_names(path, "file") and _text(read_npz(path, "file", {"format"})["format"]) == FORMAT
    except InputError:
        return False


def read_template(path: str | Path) -> Template:
    """Read a template of ours (``.npz``) or LivePortrait's (``.pkl``).

    Raises:
        InputError: missing, damaged, not a template, or a pickle that holds more than numbers and arrays.
    """
    path = check_file(path, "motion template")
    return _read_npz(path) if is_zip(path) else _read_pickle(path)


def _read_npz(path: Path) -> Template:
    held = read_npz(path, "motion template", _ENTRIES)
    if "format" not in held or _text(held["format"]) != FORMAT:
        raise InputError(f"{path} is not a motion template; write one with save_template=FILE.npz")
    with edge(f"motion template {path} is malformed ({{}}); write it again"):
        return _from_arrays(path, held)


def _from_arrays(path: Path, held: Mapping[str, npt.NDArray[Any]]) -> Template:
    if int(held.get("version", np.zeros(1)).item()) > VERSION:
        raise InputError(f"motion template {path} is of version {held['version']}; update FaceShot")
    n = _length(path, len(np.atleast_1d(held.get("exp", np.zeros(0)))))
    shapes = {"rotation": (n, 3, 3), "exp": (n, N_KEYPOINTS, 3), "scale": (n,), "t": (n, 3)}
    motion = Motion(**{name: _numbers(path, held.get(name), shape, name) for name, shape in shapes.items()})
    eyes, lips = (
        _numbers(path, held[name], (n, width), name) if name in held else None
        for name, width in (("eyes", 2), ("lips", 1))
    )
    rest = int(held["rest"].item()) if "rest" in held else 0
    if not 0 <= rest < n:
        raise InputError(f"motion template {path}: rest frame {rest} is outside its {n} frames")
    return Template(Driver(motion, eyes, lips, rest), as_fps(_text(held["fps"]) if "fps" in held else "25"))


def _read_pickle(path: Path) -> Template:
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"motion template {path} is larger than {_MOST_BYTES // 2**20} MB; cut the driving clip")
    held = load_numbers(path)
    frames = held.get("motion") if isinstance(held, Mapping) else None
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, Mapping) for frame in frames):
        raise InputError(f"{path} is not a motion template of LivePortrait: no list of motion in it")
    n = _length(path, len(frames))

    def column(names: tuple[str, ...], shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        rows = [next((frame[name] for name in names if name in frame), None) for frame in frames]
        return np.stack([_numbers(path, row, shape, names[0]) for row in rows])

    motion = Motion(column(("R", "R_d"), (3, 3)), column(("exp",), (N_KEYPOINTS, 3)), column(("scale",), ()),
                    column(("t",), (3,)))  # fmt: skip
    eyes = _ratios(path, held, ("c_eyes_lst", "c_d_eyes_lst"), n, 2)
    lips = _ratios(path, held, ("c_lip_lst", "c_d_lip_lst"), n, 1)
    return Template(Driver(motion, eyes, lips), as_fps(held.get("output_fps", 25)))


def _length(path: Path, n: int) -> int:
    if n > MAX_FRAMES:
        raise InputError(f"motion template {path} has {n} frames; at most {MAX_FRAMES} are read, cut it")
    return n


def _text(array: npt.NDArray[Any]) -> str:
    return str(array.item()) if array.size == 1 else ""


def _spread(value: Any, known: dict[int, int]) -> int:
    """How many values nested lists hold once they are written out; each list is counted once."""
    if not isinstance(value, list):
        return int(getattr(value, "size", 1))
    if id(value) not in known:
        known[id(value)] = sum(_spread(item, known) for item in value)
    return known[id(value)]


def _ratios(
    path: Path, held: Mapping[str, Any], names: tuple[str, ...], n: int, width: int
) -> npt.NDArray[np.float64] | None:
    values = next((held[name] for name in names if name in held), None)
    if not isinstance(values, list) or len(values) != n:
        return None
    return np.stack([_numbers(path, value, (width,), names[0]) for value in values])


def _numbers(path: Path, value: Any, shape: tuple[int, ...], name: str) -> npt.NDArray[np.float64]:
    """``value`` as finite float64 of ``shape``; leading axes of length 1 are dropped."""
    try:
        if not isinstance(value, np.ndarray) and _spread(value, {}) != math.prod(shape):
            raise ValueError("another number of values")  # lists that repeat each other may stand for billions
        array = np.asarray(value, np.float64)
        array = array.reshape(shape)
    except (TypeError, ValueError) as error:
        raise InputError(f"motion template {path}: {name} must have shape {shape}") from error
    if not array.size or not np.isfinite(array).all():
        raise InputError(f"motion template {path}: {name} is empty or not finite")
    return array


# --- pickles -------------------------------------------------------------------------------------------------------


class _Name:
    """Stand-in for one of numpy's names; calling it gives an inert record of the call."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, *arguments: Any) -> _Call:
        if self.kind == "ndarray":
            raise pickle.UnpicklingError("numpy.ndarray is called directly")
        return _Call(self.kind, arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("state for a name")


class _Call:
    """A call that was not made, and the state its result would have been given."""

    __slots__ = ("arguments", "kind", "state")

    def __init__(self, kind: str, arguments: tuple[Any, ...]) -> None:
        self.kind, self.arguments, self.state = kind, arguments, None

    def __setstate__(self, state: Any) -> None:
        self.state = state


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_ALLOWED = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    **{(module, "_reconstruct"): "array" for module in _MULTIARRAY},
    **{(module, "scalar"): "scalar" for module in _MULTIARRAY},
    **{(module, "_frombuffer"): "buffer" for module in _NUMERIC},
}


class _NumbersOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        kind = _ALLOWED.get((module, name))
        if kind is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _Name(kind)

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to something outside the file")


def load_numbers(path: str | Path) -> Any:
    """A pickle of dicts, lists, texts, numbers and numeric arrays; nothing of it is ever run.

    Raises:
        InputError: damaged, or it holds anything else; the message says what.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        _check_memo(data)
        return _Resolver().resolve(_NumbersOnly(io.BytesIO(data)).load(), 0)
    except (ImportError, *FOREIGN) as error:
        raise InputError(f"{path} is refused: not a pickle of numbers and numeric arrays ({reason(error)})") from error


def _check_memo(data: bytes) -> None:
    """Refuse places in the unpickler's memory that no honest file of this size needs: they would be allocated."""
    for code, argument, _ in pickletools.genops(data):
        if "PUT" in code.name and int(argument or 0) > len(data):
            raise pickle.UnpicklingError("it asks for too much memory")


class _Resolver:
    """Plain values as they are, recorded calls as the arrays they describe; shared values are resolved once."""

    def __init__(self) -> None:
        self._known: dict[int, Any] = {}

    def resolve(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float | str | bytes):
            return value
        if depth > 8:
            raise ValueError("nested too deeply")
        if id(value) not in self._known:
            self._known[id(value)] = self._resolved(value, depth + 1)
        return self._known[id(value)]

    def _resolved(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            return {key: self.resolve(item, depth) for key, item in value.items() if isinstance(key, str | int)}
        if isinstance(value, list | tuple):
            return [self.resolve(item, depth) for item in value]
        if isinstance(value, _Call):
            return _made(value)
        raise ValueError(f"a {type(value).__name__}")


def _made(call: _Call) -> Any:
    if call.kind == "array":
        if not isinstance(call.state, tuple) or len(call.state) != 5:
            raise ValueError("an array without content")
        _, shape, kind, fortran, content = call.state
        return _array(shape, _dtype(kind), "F" if fortran else "C", content)
    if call.kind == "buffer":
        content, kind, shape, order = call.arguments
        return _array(shape, _dtype(kind), "F" if order == "F" else "C", content)
    if call.kind == "scalar":
        kind, content = call.arguments
        return _array((), _dtype(kind), "C", content)[()]
    raise ValueError(f"a bare {call.kind}")


def _dtype(call: Any) -> np.dtype[Any]:
    """A numeric element type from its recorded call; byte order from the state."""
    if not isinstance(call, _Call) or call.kind != "dtype" or not call.arguments:
        raise ValueError("an array of unknown type")
    code = call.arguments[0]
    if code not in _TYPES:
        raise ValueError(f"an array of {code!r}, not of numbers")
    order = call.state[1] if isinstance(call.state, tuple) and len(call.state) > 1 else "|"
    if order not in ("<", ">", "|", "="):
        raise ValueError("an unknown byte order")
    return np.dtype(code).newbyteorder("=" if order == "|" else order)


def _array(shape: Any, kind: np.dtype[Any], order: Any, content: Any) -> npt.NDArray[Any]:
    if isinstance(content, _Call) and content.kind == "encode":  # how old protocols write bytes
        text, coding = content.arguments
        if coding not in ("latin1", "latin-1") or not isinstance(text, str):
            raise ValueError("bytes in an unknown coding")
        content = text.encode("latin-1")
    if not isinstance(content, bytes | bytearray) or not isinstance(shape, tuple) or len(shape) > 8:
        raise ValueError("an array without bytes")
    if not all(isinstance(side, int) and 0 <= side < 2**31 for side in shape):
        raise ValueError("an array of impossible shape")
    if math.prod(shape) * kind.itemsize != len(content):
        raise ValueError("an array whose bytes do not fit its shape")
    native = np.frombuffer(content, kind).astype(kind.newbyteorder("="))
    return native.reshape(shape, order=order)
