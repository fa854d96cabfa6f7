"""How long features take on a slow machine: said before it starts, shown meanwhile, corrected where it was wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from faceshot.errors import InputError, MissingError, option
from faceshot.features.cost import (
    CLIP_GMACS,
    SD_CHANNELS,
    UNET_GMACS,
    VAE_GMACS,
    Speed,
    duration,
    full_calls,
    half_precision_gain,
    loading_seconds,
    measure,
    picture_gmacs,
)
from faceshot.models import Preset, weight_files
from faceshot.progress import progress
from faceshot.reading import check_config

log = logging.getLogger("faceshot")

#: A run longer than this [s] on a CPU is announced, and an announcement that is off by this factor corrected.
ANNOUNCE: Final = 10.0
FACTOR: Final = 1.4
#: A look at a character: it and its mirror image, under the prompts of one to five domains; five parts for CLIP.
LOOK_PICTURES: Final = 2
LOOK_DOMAINS: Final = 5
LOOK_PARTS: Final = 5


@dataclass(frozen=True)
class Work:
    """What is to be done: so many pictures through a model of Stable Diffusion's size.

    Attributes:
        pictures: through the VAE. features: through the U-Net (a picture counts once for every prompt).
        embeds: pictures whose embedding is wanted. clip: CLIP gives it, otherwise the U-Net's middle block.
        gmacs: of one picture's features (:func:`faceshot.features.cost.picture_gmacs`).
        side: of the pictures [px].
    """

    gmacs: float
    side: int
    pictures: int
    features: int
    embeds: int = 0
    clip: bool = True

    @property
    def total(self) -> float:
        """GMAC of everything."""
        scale = (self.side / 512) ** 2
        each = CLIP_GMACS if self.clip else (VAE_GMACS + UNET_GMACS["mid_block"]) * scale
        return self.features * self.gmacs + self.pictures * VAE_GMACS * scale + self.embeds * each

    def seconds(self, speed: Speed, pace: float | None = None) -> float:
        """How long it takes; ``pace`` [s per GMAC] is what the U-Net was seen to take, where it ran already."""
        unet = self.features * self.gmacs
        found = speed.vae(self.pictures, self.side)
        if self.clip:
            found += speed.clip(self.embeds)
        else:
            unet += self.embeds * UNET_GMACS["mid_block"] * (self.side / 512) ** 2
            found += speed.vae(self.embeds, self.side)
        return found + (speed.unet(unet) if pace is None else unet * pace)

    def describe(self, seconds: float, dtype: Any) -> str:
        """A line for the user."""
        name = str(dtype).removeprefix("torch.")
        return f"about {duration(seconds)} ({self.total:.0f} GMAC in {name} on this processor)"


def announce_model(preset: Preset, place: Path, image_prompt: Sequence[Path], device: str, dtype: Any) -> None:
    """Say before anything large is read how long reading it and a look at a character will take; on a CPU only.

    Args:
        place: the model's folder or file.
        image_prompt: the IP-Adapter's file, and what CLIP is loaded from.
    """
    import torch

    if device != "cpu" or not log.isEnabledFor(logging.INFO):
        return
    gmacs = picture_gmacs(preset, full_calls(preset), _channels(place))
    if gmacs is None:
        return
    speed = measure(device, dtype)
    adapter, clip = [path for path in image_prompt[:1] if path.is_file()], _files(image_prompt[1:])
    model = [*_model_files(place), *adapter]
    line = f"loading {_gigabytes(model)} takes about {duration(loading_seconds(model))}"
    prompts = (1, LOOK_DOMAINS) if preset.domain_prompts else (1,)
    embeds = LOOK_PARTS if preset.domain_prompts else LOOK_PICTURES if preset.guidance == "self" else 0
    reading = loading_seconds(clip) if clip and embeds else 0.0
    looks = [
        Work(gmacs, preset.image_size, LOOK_PICTURES, LOOK_PICTURES * count, embeds).seconds(speed) + reading
        for count in prompts
    ]
    span = f"about {duration(looks[0])}"
    if len(looks) > 1:
        span = f"from {duration(looks[0])} (its parts look like one gallery domain) to {duration(looks[1])} (like five)"
    line += f", a look at a character {span}; it gets one or two"
    if dtype == torch.float32 and (gain := half_precision_gain(speed)) > 1.3:
        line += f"; {option('dtype', 'bfloat16')} is about {gain:.1f} times as fast on this machine"
    log.info("%s on this processor: %s", preset.name, line)


def _channels(place: Path) -> tuple[int, ...]:
    """Widths of the model's U-Net; a checkpoint in one file is judged by its size."""
    if place.is_file():
        return SD_CHANNELS if place.stat().st_size > 1_500_000_000 else ()
    try:
        return tuple(check_config(place / "unet" / "config.json")["block_out_channels"])
    except (InputError, KeyError, TypeError):
        return ()  # whoever loads it says what is wrong


def _model_files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    parts = ["unet", "vae", *([] if (place / "prompt.safetensors").is_file() else ["text_encoder"])]
    return _files([place / part for part in parts])


def _files(places: Sequence[Path]) -> list[Path]:
    """The weight files in folders; a file stands for itself."""
    out: list[Path] = []
    for place in places:
        try:
            out += [place] if place.is_file() else weight_files(place)
        except MissingError:
            continue
    return out


def _gigabytes(files: Sequence[Path]) -> str:
    return f"{sum(path.stat().st_size for path in files) / 1e9:.1f} GB"


class Calls:
    """A bar over the calls of a network, which measures them and says so where they were expected otherwise.

    Call it before every call of the network, and :meth:`finish` after the last.
    """

    def __init__(self, costs: Sequence[float], expected: float | None = None) -> None:
        """
        Args:
            costs: GMAC of each call; none: no bar.
            expected: seconds that were announced for all of them; None: nothing was.
        """
        self._costs, self._expected = costs, expected
        self._bar = progress(range(len(costs)), "features", total=len(costs), unit="call")
        self._begin = 0.0
        self._count = 0

    def __call__(self) -> None:
        if not self._costs:
            return
        next(self._bar, None)
        if self._count == 0:
            self._begin = time.perf_counter()
        else:
            self._correct(time.perf_counter() - self._begin)
        self._count += 1

    def _correct(self, elapsed: float) -> None:
        """Say what is to be expected now, where that has become something else than was said last."""
        if self._expected is None:
            return
        total = elapsed * sum(self._costs) / sum(self._costs[: self._count])
        if total - elapsed > ANNOUNCE and not 1 / FACTOR < total / self._expected < FACTOR:
            self._expected = total
            took, rest = duration(elapsed), duration(total - elapsed)
            log.info("%d of %d calls took %s: about %s to go", self._count, len(self._costs), took, rest)

    def finish(self) -> float | None:
        """Seconds per GMAC of all calls together; None where there were none."""
        next(self._bar, None)  # the last call is done: the bar ends itself
        return (time.perf_counter() - self._begin) / sum(self._costs) if self._count else None
