"""The backend's own options, parsed from ``AnimationOptions.extra``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from faceshot.errors import UsageError
from faceshot.export import PROMPT
from faceshot.reading import expanded
from faceshot.rendering import Reader, Region, choice, folder, number, read_options, whole

Model = Literal["animate-2", "animate-2-distilled", "animate"]
Driver = Literal["proxy", "clip"]
LowVram = Literal["off", "on", "max"]


@dataclass(frozen=True)
class Family:
    """What the published programs of a model do: its weights group, repository and index, pixels, steps, guidance, and
    the first diffusers that has it."""

    group: str
    repository: str
    index: str
    pixels: int
    steps: int
    guidance: float
    since: str


_SECOND = ("wan-animate-2", "Wan-AI/Wan2.2-Animate-2-14B-Diffusers", "modular_model_index.json", 800 * 640)
FAMILIES: Final[dict[Model, Family]] = {
    "animate-2": Family(*_SECOND, 40, 3.0, "0.40"),
    "animate-2-distilled": Family(*_SECOND, 10, 1.0, "0.40"),
    "animate": Family(
        "wan-animate", "Wan-AI/Wan2.2-Animate-14B-Diffusers", "model_index.json", 1280 * 720, 20, 1.0, "0.36"
    ),
}


@dataclass(frozen=True)
class WanOptions:
    """How Wan renders.

    Attributes:
        model: Wan-Animate-2, its distilled form, or Wan2.2-Animate.
        weights: folder in diffusers' layout, instead of the hub's cache.
        transformer: one file to take the transformer from: safetensors, or GGUF (needs the package ``gguf``).
        prompt, negative: texts.
        driver: what moves the character: its own warp, or the actor's clip.
        steps: of denoising, 1..200; 0: as published for the model.
        guidance: 1..20; 1 halves the work, 0: as published. The distilled model knows none.
        pixels: area of the working picture, 1024..4000000; 0: as published.
        segment: most frames sampled together, 4 k + 1 in 5..81.
        rate: frames a second that are generated, up to 60; 0: those of the clip.
        region: as of ``mofa``: the whole picture, a cut around the face, or what suits.
        low_vram: ``on`` keeps only the network in use on the device, ``max`` only its layer.
    """

    model: Model = "animate-2"
    weights: Path | None = None
    transformer: Path | None = None
    prompt: str = PROMPT.strip()
    negative: str = ""
    driver: Driver = "proxy"
    steps: int = 0
    guidance: float = 0
    pixels: int = 0
    segment: int = 81
    rate: float = 0
    region: Region = "picture"
    low_vram: LowVram = "off"

    @property
    def family(self) -> Family:
        """What is published about the model."""
        return FAMILIES[self.model]

    @property
    def actual_steps(self) -> int:
        """Steps that are taken."""
        return self.steps or self.family.steps

    @property
    def actual_guidance(self) -> float:
        """Guidance that is used."""
        return self.guidance or self.family.guidance


def parse_options(extra: Mapping[str, Any]) -> WanOptions:
    """Check ``extra`` (values may be strings, as typed on a command line).

    Raises:
        UsageError: a name that does not exist, a value outside its choices or range. InputError: no folder.
    """
    options = read_options("wan", WanOptions(), extra, _READERS)
    if options.model == "animate-2-distilled" and options.guidance > 1:
        raise UsageError(f"wan option guidance={options.guidance:g} contradicts the distilled model, which knows none")
    return options


def _segment(label: str, value: Any) -> int:
    frames = int(whole(5, 81)(label, value))
    if frames % 4 != 1:
        raise UsageError(f"{label} must be one more than a multiple of 4 (5, 9, ..., 81), got {value!r}")
    return frames


def _none_or(low: int, high: int, kind: Any) -> Reader:
    """0, or a number in ``low``..``high``."""

    def read(label: str, value: Any) -> Any:
        return 0 if str(value) in ("0", "0.0") else kind(low, high)(label, value)

    return read


_READERS: Final[dict[str, Reader]] = {
    "model": choice(*get_args(Model)),
    "weights": folder,
    "transformer": lambda label, value: expanded(value, f"{label}:"),
    "prompt": lambda _, value: str(value),
    "negative": lambda _, value: str(value),
    "driver": choice(*get_args(Driver)),
    "steps": _none_or(1, 200, whole),
    "guidance": _none_or(1, 20, number),
    "pixels": _none_or(1024, 4_000_000, whole),
    "segment": _segment,
    "rate": _none_or(1, 60, number),
    "region": choice(*get_args(Region)),
    "low_vram": choice(*get_args(LowVram), switched=True),
}
