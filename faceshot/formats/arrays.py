"""Landmarks as numpy files: bare ``.npy`` arrays, and ``.npz`` with everything a clip holds, exact to the bit."""

from __future__ import annotations

import zipfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import InputError
from faceshot.formats import expression
from faceshot.formats.content import Content
from faceshot.formats.schemes import known_count, to_ibug
from faceshot.landmarks.topology import N_POINTS

_VERSION = 1
_LOAD_ERRORS = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError, SyntaxError)


def of_array(value: Any, name: str | Path) -> Content:
    """An array (68, 2) or (T, 68, 2) of anything that numpy reads, or of another scheme, see ``formats/schemes.py``.

    A frame that is NaN or zero throughout has no face.

    Raises:
        InputError: no numbers, or another shape; the message begins with ``name``.
    """
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists, tensors on a GPU
        raise InputError(f"{name} is no array of numbers: {error}") from error
    xy, unit = _landmark_array(array, name)
    return Content(xy, found=_found(xy, name), unit=unit)


def read_npy(path: Path) -> Content:
    """A bare array, see :func:`of_array`.

    Raises:
        InputError: damaged, pickled, of another shape or type; the message names the file.
    """
    array = _load(path)
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(f"{path} is an archive of arrays; rename it to .npz")
    return of_array(array, path)


def read_npz(path: Path) -> Content:
    """An archive with ``xy`` and, optionally, size, fps, found, score, absent, rest, start, and the expression channel.

    Raises:
        InputError: damaged, pickled, no landmarks in it; the message names the file.
    """
    archive = _load(path)
    if isinstance(archive, np.ndarray):
        raise InputError(f"{path} is a bare array; rename it to .npy")
    with archive:
        try:
            arrays = {name: archive[name] for name in archive.files}
        except _LOAD_ERRORS as error:
            raise InputError(f"{path} is damaged or holds pickled objects, which are never loaded ({error})") from error
    if "version" in arrays and arrays["version"].size == 1 and arrays["version"].item() != _VERSION:
        raise InputError(f"{path}: version {arrays['version'].item()} is unknown, this FaceShot reads {_VERSION}")
    if "xy" not in arrays and len(arrays) != 1:
        raise InputError(f"{path} holds no array named xy; found {', '.join(sorted(arrays)[:8]) or 'nothing'}")
    xy, unit = _landmark_array(arrays["xy"] if "xy" in arrays else next(iter(arrays.values())), path)
    try:
        fps = Fraction(*(int(n) for n in np.ravel(arrays["fps"]))) if "fps" in arrays else None
        size = [int(n) for n in np.ravel(arrays["size"])] if "size" in arrays else None
        rest, start = (int(arrays[name]) if name in arrays else 0 for name in ("rest", "start"))
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(f"{path}: size, fps (numerator, denominator), rest or start is malformed ({error})") from error
    absent = [str(part) for part in np.ravel(arrays.get("absent", []))]
    shown = expression.from_arrays(arrays, len(xy), path) if xy.ndim == 3 else None
    score = arrays.get("score")
    if score is not None and score.ndim and score.shape[-1] != N_POINTS and known_count(score.shape[-1]):
        score = None  # of another scheme's points
    return Content(xy, size, fps, arrays.get("found", _found(xy, path)), score, absent, rest, start, shown, unit)


def write_npy(path: Path, content: Content) -> None:
    """The bare coordinates, float32; NaN in frames without a face."""
    xy = content.xy
    if content.found is not None:
        xy = np.where(content.found[:, None, None], xy, np.float32(np.nan))
    with path.open("wb") as file:
        np.save(file, xy, allow_pickle=False)


def write_npz(path: Path, content: Content) -> None:
    """Everything; float32 as it is, fps as two integers."""
    arrays: dict[str, Any] = {"version": np.int64(_VERSION), "xy": content.xy}
    if content.size is not None:
        arrays["size"] = np.array(content.size, np.int64)
    if content.fps is not None:
        arrays["fps"] = np.array([content.fps.numerator, content.fps.denominator], np.int64)
        arrays["rest"], arrays["start"] = np.int64(content.rest), np.int64(content.start)
    if content.found is not None:
        arrays["found"] = content.found
    if content.score is not None:
        arrays["score"] = content.score
    if content.absent:
        arrays["absent"] = np.array(sorted(content.absent), np.str_)
    if content.expression is not None:
        arrays |= expression.to_arrays(content.expression)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _load(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except _LOAD_ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "pickle" in reason.lower():
            reason = "not numpy's format, or pickled objects, which are never loaded"
        raise InputError(f"{path} is not a readable numpy file ({reason}); write it again with numpy.save") from error


def _landmark_array(array: np.ndarray, path: str | Path) -> tuple[np.ndarray, bool]:
    """The points as float32 in iBUG's order, and whether they lie in the unit square."""
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path} holds values of type {array.dtype}; landmarks are numbers")
    if array.ndim == 4 and array.shape[1] == 1:  # (T, one face, n, 2), as detectors give it
        array = array[:, 0]
    if array.ndim not in (2, 3) or array.shape[-1] not in (2, 3) or array.shape[-2] < 5:
        raise InputError(f"{path} holds an array of shape {array.shape}; wanted ({N_POINTS}, 2) or (T, {N_POINTS}, 2)")
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite and is refused as such
        xy, unit = to_ibug(array, path)
        return xy.astype(np.float32), unit


def _found(xy: np.ndarray, path: str | Path) -> np.ndarray | None:
    """(T,) which frames hold a face; None for a single one."""
    zero = (xy == 0).all(axis=(-2, -1))
    if xy.ndim == 3:
        return np.asarray(~(zero | np.isnan(xy).all(axis=(-2, -1))))
    if zero:
        raise InputError(f"{path}: every point is 0,0, so no face was found there")
    return None
