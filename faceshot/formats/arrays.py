"""Landmarks as numpy files: bare ``.npy`` arrays, and ``.npz`` with everything a clip holds, exact to the bit."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from faceshot import reading
from faceshot.errors import InputError
from faceshot.formats import expression
from faceshot.formats.content import Content
from faceshot.formats.schemes import known_count, to_ibug
from faceshot.landmarks.topology import N_POINTS
from faceshot.reading import MAX_FRAMES, is_zip, member_names

_VERSION = 1
_ENTRIES = ("version", "size", "fps", "found", "score", "absent", "hidden", "rest", "start")


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
    if is_zip(path):
        raise InputError(f"{path} is an archive of arrays; rename it to .npz")
    return of_array(reading.read_npy(path, "landmark file"), path)


def read_npz(path: Path) -> Content:
    """An archive with ``xy`` and, optionally, size, fps, found, score, absent, hidden, rest, start, expression.

    Raises:
        InputError: damaged, pickled, no landmarks in it; the message names the file.
    """
    if not is_zip(path):
        with path.open("rb") as file:
            bare = file.read(6) == b"\x93NUMPY"
        raise InputError(f"{path} is {'a bare array; rename it to .npy' if bare else 'not a readable numpy file'}")
    names = member_names(path, "landmark file")
    if "xy" not in names and len(names) != 1:
        raise InputError(f"{path} holds no array named xy; found {', '.join(sorted(names)[:8]) or 'nothing'}")
    main = "xy" if "xy" in names else next(iter(names))
    arrays = reading.read_npz(path, "landmark file", {main, *_ENTRIES, *expression.ENTRIES})
    version = arrays.get("version")
    if version is not None and (version.size != 1 or version.item() != _VERSION):
        found = ", ".join(map(str, version.ravel()[:2].tolist()))[:20]
        raise InputError(f"{path}: version {found} is unknown, this FaceShot reads {_VERSION}")
    xy, unit = _landmark_array(arrays[main], path)
    for name, most in (("fps", 2), ("size", 2), ("rest", 1), ("start", 1), ("absent", 16), ("hidden", N_POINTS)):
        if name in arrays and arrays[name].size > most:
            raise InputError(f"{path}: {name} has {arrays[name].size} entries, at most {most} mean something")
    try:
        fps = Fraction(*(int(n) for n in np.ravel(arrays["fps"]))) if "fps" in arrays else None
        size = [int(n) for n in np.ravel(arrays["size"])] if "size" in arrays else None
        hidden = [int(n) for n in np.ravel(arrays.get("hidden", []))]
        rest, start = (int(arrays[name].item()) if name in arrays else 0 for name in ("rest", "start"))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise InputError(f"{path}: size, fps (two integers), hidden, rest or start is malformed ({error})") from error
    absent = [str(part) for part in np.ravel(arrays.get("absent", []))]
    shown = expression.from_arrays(arrays, len(xy), path) if xy.ndim == 3 else None
    score = arrays.get("score")
    if score is not None and score.ndim and score.shape[-1] != N_POINTS and known_count(score.shape[-1]):
        score = None  # of another scheme's points
    there = arrays.get("found", _found(xy, path))
    return Content(xy, size, fps, there, score, absent, rest, start, shown, unit, hidden=hidden)


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
    if content.hidden:
        arrays["hidden"] = np.array(sorted(content.hidden), np.int64)
    if content.expression is not None:
        arrays |= expression.to_arrays(content.expression)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _landmark_array(array: np.ndarray, path: str | Path) -> tuple[np.ndarray, bool]:
    """The points as float32 in iBUG's order, and whether they lie in the unit square."""
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path} holds values of type {array.dtype}; landmarks are numbers")
    if array.ndim == 4 and array.shape[1] == 1:  # (T, one face, n, 2), as detectors give it
        array = array[:, 0]
    if array.ndim not in (2, 3) or array.shape[-1] not in (2, 3) or array.shape[-2] < 5:
        raise InputError(f"{path} holds an array of shape {array.shape}; wanted ({N_POINTS}, 2) or (T, {N_POINTS}, 2)")
    if array.ndim == 3 and (len(array) > MAX_FRAMES or array.size > 4 * N_POINTS * MAX_FRAMES):
        raise InputError(f"{path} holds {len(array)} frames; at most {MAX_FRAMES} are read, cut it")
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold becomes infinite, and is refused
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
