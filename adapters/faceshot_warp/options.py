"""The warp backend's own options, parsed from ``AnimationOptions.extra``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from faceshot.errors import InputError, UsageError

Teeth = Literal["auto", "on", "off"]
Head = Literal["move", "still"]
Lids = Literal["draw", "off"]


@dataclass(frozen=True)
class WarpOptions:
    """How the warp backend draws.

    Attributes:
        teeth: upper teeth in a drawn mouth; ``auto`` gives them to characters with eyebrows (people, most toons).
        mouth_picture: picture of the inside of a mouth, shown between the lips instead of the drawn cavity.
        head: ``still`` leaves out the motion of the head as a whole and keeps the expression.
        lids: ``off`` never draws a lid.
        edge_fade: width of the border strip over which motion dies out, in face sizes, 0.02..2. Borders whose
            background is plain (or transparent) need no strip and have none.
        follow: how far hair and ears swing behind the head, 0 (not at all) .. 1.
        reach: how far around the head its motion carries the surroundings along, in face sizes, 0.1..3.
    """

    teeth: Teeth = "auto"
    mouth_picture: Path | None = None
    head: Head = "move"
    lids: Lids = "draw"
    edge_fade: float = 0.3
    reach: float = 0.8
    follow: float = 0.0


_CHOICES = {"teeth": get_args(Teeth), "head": get_args(Head), "lids": get_args(Lids)}
_RANGES = {"edge_fade": (0.02, 2.0), "reach": (0.1, 3.0), "follow": (0.0, 1.0)}


def parse_options(extra: Mapping[str, Any]) -> WarpOptions:
    """Check ``extra`` (values may be strings, as typed on a command line).

    Raises:
        UsageError: a name that does not exist, or a value outside its choices or range.
        InputError: ``mouth_picture`` is not a file.
    """
    names = [field.name for field in fields(WarpOptions)]
    values: dict[str, Any] = {}
    for name, value in extra.items():
        if name not in names:
            raise UsageError(f"backend 'warp' has no option {name!r}; its options are {', '.join(names)}")
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                raise UsageError(f"warp option {name} must be one of {', '.join(_CHOICES[name])}, got {value!r}")
            values[name] = value
        elif name in _RANGES:
            values[name] = _number(name, value)
        elif value is not None:
            path = Path(value)
            if not path.is_file():
                raise InputError(f"warp option mouth_picture: no such file: {path}")
            values[name] = path
    return WarpOptions(**values)


def _number(name: str, value: Any) -> float:
    low, high = _RANGES[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not low <= number <= high:
        raise UsageError(f"warp option {name} must be a number in {low:g}..{high:g}, got {value!r}")
    return number
