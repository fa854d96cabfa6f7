"""The MOFA backend's own options, parsed from ``AnimationOptions.extra``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from faceshot.errors import InputError, UsageError
from faceshot.reading import expanded
from faceshot_mofa.guidance import DEFAULT_GUIDANCE
from faceshot_mofa.windows import WINDOW

Fidelity = Literal["corrected", "upstream"]
Region = Literal["auto", "picture", "face"]
Origin = Literal["picture", "first"]
ClipInput = Literal["raw", "normalised"]
LowVram = Literal["off", "on", "max"]

#: Sides the work happens in are multiples of this [px]; 512 is what the networks were tuned for.
MULTIPLE: Final = 64


@dataclass(frozen=True)
class MofaOptions:
    """How the MOFA backend renders.

    Attributes:
        fidelity: ``upstream`` repeats what the published code does, faults included: windows sampled jointly with a
            doubled last one, the mixed-up temporal context of old diffusers, motion measured from the first frame.
        parts: whose landmarks drive; ``+`` between names, or upstream's numbers (``eyes+outer_lips``, ``456``).
        steps: of denoising, 1..200; fewer is faster and rougher.
        guidance: strength at the end of a window, 0..30; 1 halves the work.
        window: frames sampled together, 2..25.
        overlap: frames that neighbouring windows share at least (``corrected`` only).
        size: shorter side of the working picture [px], a multiple of 64 in 128..1024.
        region: animate the whole picture, or a cut around the face that is pasted back; ``auto`` cuts where the face
            is small in the picture.
        origin: motion is measured from the picture's own landmarks, or from the first frame's.
        clip: ``normalised`` applies CLIP's mean and deviation, which upstream leaves out.
        low_vram: ``on`` keeps only the networks in use on the device and runs the halves of guidance one after the
            other; ``max`` also takes turns between ControlNet and U-Net.
        resume: go on from the finished windows of an interrupted run with the same inputs and options.
        work: folder for finished windows instead of the user's cache.
    """

    fidelity: Fidelity = "corrected"
    parts: tuple[str, ...] = ("face", "brows", "nose", "eyes", "outer_lips", "inner_lips")
    steps: int = 25
    guidance: float = DEFAULT_GUIDANCE
    window: int = WINDOW
    overlap: int = 8
    size: int = 512
    region: Region = "auto"
    origin: Origin = "picture"
    clip: ClipInput = "raw"
    low_vram: LowVram = "off"
    resume: bool = False
    work: Path | None = None

    @property
    def joint(self) -> bool:
        """Whether windows are sampled jointly, as upstream does."""
        return self.fidelity == "upstream"


#: Options that cannot change a frame beyond rounding: an interrupted run may be resumed with others.
WITHOUT_EFFECT: Final = ("low_vram", "resume", "work")

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "fidelity": get_args(Fidelity),
    "region": get_args(Region),
    "origin": get_args(Origin),
    "clip": get_args(ClipInput),
    "low_vram": get_args(LowVram),
}
_WHOLE: Final = {"steps": (1, 200), "window": (2, WINDOW), "overlap": (0, WINDOW - 2), "size": (128, 1024)}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def parse_options(extra: Mapping[str, Any]) -> MofaOptions:
    """Check ``extra`` (values may be strings, as typed on a command line).

    Raises:
        UsageError: a name that does not exist, a value outside its choices or range, a contradiction.
        InputError: ``work`` is a file.
    """
    names = [field.name for field in fields(MofaOptions)]
    values: dict[str, Any] = {}
    for name, value in extra.items():
        if name not in names:
            raise UsageError(f"backend 'mofa' has no option {name!r}; its options are {', '.join(names)}")
        values[name] = _value(name, value)
    options = replace(MofaOptions(), **values)
    if options.joint:
        if "overlap" in values:
            raise UsageError("mofa option overlap contradicts fidelity=upstream, whose windows share half their frames")
        if values.get("origin") == "picture":
            raise UsageError("mofa option origin=picture contradicts fidelity=upstream, which measures from frame 0")
        options = replace(options, origin="first")
    return options


def _value(name: str, value: Any) -> Any:
    if name == "parts":
        return _parts(value)
    if name in _WHOLE:
        return _whole(name, value)
    if name == "guidance":
        return _guidance(value)
    if name == "resume":
        return _switch(name, value)
    if name in _CHOICES:
        if name == "low_vram" and (isinstance(value, bool) or str(value).lower() in _TRUE + _FALSE):
            return "on" if _switch(name, value) else "off"
        if value not in _CHOICES[name]:
            raise UsageError(f"mofa option {name} must be one of {', '.join(_CHOICES[name])}, got {value!r}")
        return value
    return _folder(name, value)


def _parts(value: Any) -> tuple[str, ...]:
    from faceshot_mofa.conditioning import PART_NAMES

    if isinstance(value, str):
        items: Iterable[Any] = list(value.strip()) if value.strip().isdecimal() else re.split(r"[+,\s]+", value.strip())
    elif isinstance(value, Iterable):
        items = value
    else:
        items = [value]
    parts: list[str] = []
    for item in items:
        text = str(item)
        name = PART_NAMES[int(text) - 1] if re.fullmatch(r"[1-6]", text) else text
        if name not in PART_NAMES:
            raise UsageError(f"unknown mofa part {text!r}; parts are {', '.join(PART_NAMES)}, joined by +, or 1..6")
        if name not in parts:
            parts.append(name)
    if not parts:
        raise UsageError(f"mofa option parts names no part; parts are {', '.join(PART_NAMES)}, joined by +")
    return tuple(parts)


def _whole(name: str, value: Any) -> int:
    low, high = _WHOLE[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    multiple = MULTIPLE if name == "size" else 1
    if isinstance(value, bool) or not low <= number <= high or number % multiple:
        what = f"a multiple of {MULTIPLE}" if name == "size" else "a whole number"
        raise UsageError(f"mofa option {name} must be {what} in {low}..{high}, got {value!r}")
    return int(number)


def _guidance(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not 0 <= number <= 30:
        raise UsageError(f"mofa option guidance must be a number in 0..30, got {value!r}")
    return number


def _switch(name: str, value: Any) -> bool:
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise UsageError(f"mofa option {name} must be true or false, got {value!r}")
    return text in _TRUE


def _folder(name: str, value: Any) -> Path | None:
    if value is None:
        return None
    path = expanded(value, "mofa option work:")
    if path.exists() and not path.is_dir():
        raise InputError(f"mofa option {name}: {path} is not a folder")
    return path
