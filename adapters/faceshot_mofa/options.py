"""The MOFA backend's own options, parsed from ``AnimationOptions.extra``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from faceshot.errors import UsageError
from faceshot.rendering import MULTIPLE, Reader, Region, choice, folder, number, read_options, switch, whole
from faceshot_mofa.guidance import DEFAULT_GUIDANCE

Fidelity = Literal["corrected", "upstream"]
Origin = Literal["picture", "first"]
ClipInput = Literal["raw", "normalised"]
LowVram = Literal["off", "on", "max"]

#: Frames the networks were trained on.
WINDOW: Final = 25


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


def parse_options(extra: Mapping[str, Any]) -> MofaOptions:
    """Check ``extra`` (values may be strings, as typed on a command line).

    Raises:
        UsageError: a name that does not exist, a value outside its choices or range, a contradiction.
        InputError: ``work`` is a file.
    """
    options = read_options("mofa", MofaOptions(), extra, _READERS)
    if options.joint:
        if "overlap" in extra:
            raise UsageError("mofa option overlap contradicts fidelity=upstream, whose windows share half their frames")
        if extra.get("origin") == "picture":
            raise UsageError("mofa option origin=picture contradicts fidelity=upstream, which measures from frame 0")
        options = replace(options, origin="first")
    return options


def _parts(_: str, value: Any) -> tuple[str, ...]:
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


_READERS: Final[dict[str, Reader]] = {
    "fidelity": choice(*get_args(Fidelity)),
    "parts": _parts,
    "steps": whole(1, 200),
    "guidance": number(0, 30),
    "window": whole(2, WINDOW),
    "overlap": whole(0, WINDOW - 2),
    "size": whole(128, 1024, MULTIPLE),
    "region": choice(*get_args(Region)),
    "origin": choice(*get_args(Origin)),
    "clip": choice(*get_args(ClipInput)),
    "low_vram": choice(*get_args(LowVram), switched=True),
    "resume": switch,
    "work": folder,
}
