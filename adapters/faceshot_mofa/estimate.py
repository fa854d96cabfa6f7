"""How long a run will take and how much memory it needs, said before it starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch

from faceshot.landmarks import Size
from faceshot_mofa.guidance import is_needed
from faceshot_mofa.networks import Networks
from faceshot_mofa.options import MofaOptions
from faceshot_mofa.windows import Window

#: Work at full network size and 512x512 [GMAC], counted with torch's flop counter on the meta device: per frame and
#: guidance half of a step (U-Net 608, ControlNet 219), per frame (warping and landmarks 34, CMP 13), per decoded frame.
_STEP, _FRAME, _DECODE = 828.0, 46.0, 1521.0
#: Parameters of U-Net and ControlNet at full size, for scaling the above to other sizes of network.
_PARAMETERS = 2_247e6
#: Share of the speed of a plain convolution that the networks reach as a whole (norms, attention, copies).
_EFFICIENCY = 0.55
#: Activations of a step per frame and guidance half at 512x512 in half precision [bytes]: the widest feed-forward
#: layer with its input, and the skips of both networks.
_ACTIVE = 85e6


@dataclass(frozen=True)
class Estimate:
    """Rough figures of a run: ``seconds``, ``gigabytes`` on the device, ``calls`` of the U-Net (frames and halves)."""

    frames: int
    windows: int
    steps: int
    size: Size
    calls: int
    seconds: float
    gigabytes: float
    device: str

    def __str__(self) -> str:
        units = ((5400, 3600, "h"), (120, 60, "min"), (0, 1, "s"))
        _, unit, word = next(entry for entry in units if self.seconds >= entry[0])
        length = f"{self.seconds / unit:.{1 if unit == 3600 else 0}f} {word}"
        return (
            f"mofa: {self.frames} frames in {self.windows} windows of {self.steps} steps at {self.size.width}x"
            f"{self.size.height}; about {length} and {self.gigabytes:.1f} GB on {self.device} (a rough estimate)"
        )


def estimate(networks: Networks, options: MofaOptions, size: Size, frames: int, windows: Sequence[Window]) -> Estimate:
    """From counted operations and the speed of one convolution, timed for a fraction of a second."""
    area = size.width * size.height / 512**2
    parameters = sum(p.numel() for net in (networks.unet, networks.controlnet) for p in net.parameters())
    share = parameters / _PARAMETERS
    halves = 2 if is_needed(options.guidance) else 1
    calls = sum(map(len, set(windows))) * options.steps * halves  # a doubled window is computed once
    work = (calls * _STEP * share + frames * (_FRAME * share + _DECODE * min(share * 10, 1))) * area * 1e9
    seconds = work / (_speed(networks.device, networks.dtype) * _EFFICIENCY)
    return Estimate(
        frames, len(windows), options.steps, size, calls, seconds, _memory(networks, options, area, windows, halves),
        str(networks.device),
    )  # fmt: skip


def _memory(networks: Networks, options: MofaOptions, area: float, windows: Sequence[Window], halves: int) -> float:
    """Gigabytes on the device at the fullest moment: weights there, and the activations of one call."""
    weights = {
        name: sum(p.numel() * p.element_size() for p in getattr(networks, name).parameters())
        for name in ("cmp", "controlnet", "unet", "vae", "image_encoder")
    }
    together = 1 if networks.low_vram != "off" and not options.joint else halves
    half = torch.tensor([], dtype=networks.dtype).element_size() / 2
    width = getattr(networks.unet.config, "block_out_channels", (320,))[0] / 320
    active = _ACTIVE * half * width * area * max(map(len, windows)) * together
    if networks.low_vram == "off":
        present = sum(weights.values())
    elif networks.low_vram == "on":
        present = weights["cmp"] + weights["unet"] + weights["controlnet"]
    else:
        present = weights["cmp"] + max(weights["unet"], weights["controlnet"])
    return (present + active) / 1e9


@cache
def _speed(device: torch.device, dtype: torch.dtype) -> float:
    """Multiply-adds per second of a 3x3 convolution like those of the U-Net's first level."""
    channels, side = (320, 64) if device.type != "cpu" else (160, 32)
    image = torch.zeros(8 if device.type != "cpu" else 1, channels, side, side, device=device, dtype=dtype)
    kernel = torch.zeros(channels, channels, 3, 3, device=device, dtype=dtype)
    operations = image.shape[0] * side * side * channels * channels * 9

    def once(repeats: int) -> float:
        begin = time.perf_counter()
        for _ in range(repeats):
            torch.nn.functional.conv2d(image, kernel, padding=1)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()
        return (time.perf_counter() - begin) / repeats

    with torch.no_grad():
        once(2)
        return operations / once(20 if device.type != "cpu" else 3)
