"""Small values a user types by hand: boxes, anchors, gains, part names. Checked here, before anything heavy."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshot.errors import InputError, UsageError
from faceshot.reading import read_json, whole_number

if TYPE_CHECKING:
    from faceshot.landmarks import FaceWish

Box = tuple[float, float, float, float]


def parse_number(text: str, what: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{what} must be a number, got {text!r}")
    return value


def parse_pairs(text: str | Iterable[str], option: str, *, lists: bool = False) -> dict[str, str]:
    """``a=1,b=2`` (or several ``a=1``) -> a dict; the option's name is for messages.

    With ``lists`` a value may hold commas: what follows one belongs to the value unless it is a pair itself.
    """
    items: list[str] = []
    for chunk in [text] if isinstance(text, str) else text:
        for k, part in enumerate(chunk.split(",")):
            if lists and k and "=" not in part:
                items[-1] += "," + part
            else:
                items.append(part)
    pairs: dict[str, str] = {}
    for item in filter(None, (item.strip() for item in items)):
        name, sign, value = item.partition("=")
        if not (sign and name.strip() and value.strip()):
            raise UsageError(f"{option} takes NAME=VALUE, got {item!r}")
        if name.strip() in pairs:
            raise UsageError(f"{option} names {name.strip()!r} twice")
        pairs[name.strip()] = value.strip()
    return pairs


def parse_box(text: str | None) -> Box | None:
    """``L,T,R,B`` in pixels."""
    if text is None:
        return None
    values = [parse_number(part, "every side of --box") for part in text.split(",")]
    if len(values) != 4:
        raise UsageError(f"--box takes LEFT,TOP,RIGHT,BOTTOM in pixels, got {text!r}")
    left, top, right, bottom = values
    return left, top, right, bottom


def parse_face(text: str | None) -> FaceWish | None:
    """``largest``, ``left``, ``right``, the number of a face, or a box around it in pixels.

    Raises:
        UsageError: none of these.
    """
    if text is None:
        return None
    from faceshot.landmarks import check_wish

    plain = text.strip().lower()
    if "," in plain:
        return check_wish(parse_box(plain))
    return check_wish(int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 5 else plain)


def parse_points(text: str | None) -> dict[str, tuple[float, float]] | None:
    """Hand-set anchors: ``right_eye=x,y;nose=x,y`` or a JSON file with an object of such pairs (pixels)."""
    if text is None:
        return None
    from faceshot.landmarks import check_anchors

    if "=" in text:
        raw: dict[str, Any] = {}
        for item in filter(None, (item.strip() for item in text.split(";"))):
            name, _, value = item.partition("=")
            raw[name.strip()] = value.split(",")
    else:
        raw = _points_file(Path(text))
    points = {}
    for name, value in raw.items():
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise UsageError(f"--points: {name} must be x,y in pixels, got {value!r}")
        points[name] = (parse_number(str(value[0]), f"x of {name}"), parse_number(str(value[1]), f"y of {name}"))
    check_anchors(points)
    return points


def _points_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"--points: {path} is neither a file nor NAME=x,y;NAME=x,y")
    data = read_json(path, "--points:")
    if not isinstance(data, dict):
        raise InputError(f'--points: {path} must hold an object such as {{"right_eye": [x, y], ...}}')
    return data


def parse_parts(text: str | None, option: str, known: Iterable[str]) -> frozenset[str] | None:
    """``a,b`` -> the set of names; ``eyes`` and ``brows`` stand for both sides."""
    if text is None:
        return None
    known = tuple(known)
    names = frozenset(name for part in text.split(",") if part.strip() for name in both_sides(part.strip()))
    unknown = sorted(names.difference(known))
    if unknown or not names:
        raise UsageError(
            f"{option}: unknown part {(unknown or [text])[0]!r}; parts are {', '.join(known)}, eyes, brows"
        )
    return names


def both_sides(name: str) -> tuple[str, ...]:
    """``eyes`` -> both eyes, ``brows`` -> both brows, any other name -> itself."""
    side = {"eyes": "eye", "brows": "brow"}.get(name)
    return (f"right_{side}", f"left_{side}") if side else (name,)


def parse_gain(text: str | None, known: Iterable[str]) -> dict[str, float]:
    """``mouth=1.2,eyes=0.8`` -> gain by part; ``all`` sets every part that is not named."""
    known = tuple(known)
    gains: dict[str, float] = {}
    pairs = parse_pairs(text or "", "--gain")
    default = pairs.pop("all", None)
    if default is not None:
        gains = dict.fromkeys(known, parse_number(default, "--gain all"))
    for name, value in pairs.items():
        for part in both_sides(name):
            if part not in (*known, "zoom"):
                raise UsageError(f"--gain: unknown part {name!r}; parts are {', '.join(known)}, eyes, brows, zoom, all")
            gains[part] = parse_number(value, f"--gain {name}")
    return gains


def parse_fps(text: str | None) -> Fraction | None:
    """``30``, ``29.97`` or ``30000/1001`` frames per second."""
    if text is None:
        return None
    from faceshot.landmarks import as_fps

    try:
        return as_fps(text)
    except InputError as error:
        raise UsageError(f"--fps: {error}") from error


def parse_size(text: str | None) -> tuple[int, int] | None:
    """``WxH`` in pixels."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    sides = whole_number(width, digits=5), whole_number(height, digits=5)
    if not (sides[0] and sides[1]):
        raise UsageError(f"--size takes WIDTHxHEIGHT in pixels, got {text!r}")
    return sides[0], sides[1]


def check_range(start: str, stop: str | None) -> None:
    """A range of frames, or of times, that can hold one; what both mean together is known once the rate is."""
    if start.isdecimal() and stop is not None and stop.isdecimal() and int(stop) <= int(start):
        raise UsageError(f"--start {start} --stop {stop} is no range; stop must be larger than start")
    from faceshot.media import frame_at

    for option, moment in (("--start", start), ("--stop", stop)):
        try:
            frame_at(moment or "0", Fraction(30))
        except UsageError as error:
            raise UsageError(f"{option}: {error}") from error


def parse_rest(text: str) -> int | None:
    """``auto`` -> None, else a frame number."""
    if text == "auto":
        return None
    number = whole_number(text)
    if number is None:
        raise UsageError(f"--rest takes a frame number (from 0) or auto, got {text!r}")
    return number
