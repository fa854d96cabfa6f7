"""Labelled pictures, several in one file: the one that is wanted, and what its labels say."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.formats.content import Content
from faceshot.formats.schemes import to_ibug
from faceshot.landmarks.topology import N_POINTS, PART_POINTS

log = logging.getLogger("faceshot")


@dataclass(frozen=True, eq=False)
class Labelled:
    """One face in one picture, as a labelling program keeps it.

    Attributes:
        name: of the picture's file, empty where unknown. size: [width, height] or None.
        points: (n, 2) in whatever order the program has. hidden: (n,) whether each is marked as occluded.
        unit: whether the points lie in the unit square.
    """

    name: str
    size: list[int] | None
    points: npt.NDArray[np.float64]
    hidden: npt.NDArray[np.bool_] | None = None
    unit: bool = False

    def content(self, path: Path) -> Content:
        """The face in iBUG's order.

        Raises:
            InputError: a number of points without a map.
        """
        xy, unit = to_ibug(self.points, path)
        absent: list[str] = []
        if self.hidden is not None and len(self.hidden) == N_POINTS:
            absent = absent_parts(self.hidden, path)
        return Content(xy, self.size, absent=absent, unit=self.unit or unit)


def pick(names: Sequence[str], picture: str | None, path: Path) -> int:
    """Which of several pictures is meant: the one called like ``picture``, its folder and, if need be, suffix aside.

    Raises:
        InputError: none or several are; the message names those there are.
    """
    if len(names) == 1:
        return 0
    short = [PurePosixPath(name.replace("\\", "/")).name for name in names]
    there = f"{len(names)} pictures ({', '.join(short[:6])}{', ...' if len(names) > 6 else ''})"
    if picture is None:
        raise InputError(f"{path} holds {there}; keep one, or name the picture by its file")
    wanted = PurePosixPath(picture).name
    same = [i for i, name in enumerate(short) if name == wanted]
    same = same or [i for i, name in enumerate(short) if PurePosixPath(name).stem == PurePosixPath(wanted).stem]
    if len(same) != 1:
        raise InputError(
            f"{path} holds {there}, {'none' if not same else 'several'} called {wanted}; rename or match it"
        )
    return same[0]


def absent_parts(hidden: npt.NDArray[np.bool_], path: str | Path) -> list[str]:
    """Parts of which every point is marked as hidden; none where all are, because a labeller means that otherwise."""
    if hidden.all():
        log.warning("%s marks every point as occluded; all parts are taken as there", path)
        return []
    return [part for part, indices in PART_POINTS.items() if hidden[list(indices)].all()]


def in_order(places: Sequence[tuple[str, tuple[float, float]]], path: str | Path) -> npt.NDArray[np.float64]:
    """Labelled points (n, 2) by the numbers in their labels (from 0 or 1), or as they come where labels are no numbers.

    Raises:
        InputError: a number is missing or there twice.
    """
    digits = [(re.findall(r"[0-9]+", label) or [""])[-1] for label, _ in places]
    points = np.array([place for _, place in places], np.float64).reshape(-1, 2)
    if not points.size or not all(digits) or len(set(digits)) == 1:
        return points
    numbers = np.array([int(text[-6:]) for text in digits])
    wanted = np.arange(len(numbers)) + numbers.min()
    order = np.argsort(numbers, kind="stable")
    if numbers.min() > 1 or (numbers[order] != wanted).any():
        odd = next(int(a) for a, b in zip(wanted, numbers[order], strict=True) if a != b) if numbers.min() <= 1 else 0
        raise InputError(f"{path}: point {odd} is missing or labelled twice")
    return points[order]
