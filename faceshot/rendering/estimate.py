"""How long a run will take and how much memory it needs, said before it starts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

import torch

from faceshot.landmarks import Size

#: Share of the speed of a plain convolution that a U-Net reaches as a whole (norms, attention, copies).
EFFICIENCY: Final = 0.55


@dataclass(frozen=True)
class Estimate:
    """Rough figures of a run: ``seconds``, ``gigabytes`` on the device, ``calls`` of the U-Net (frames and halves)."""

    backend: str
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
            f"{self.backend}: {self.frames} frames in {self.windows} windows of {self.steps} steps at "
            f"{self.size.width}x{self.size.height}; about {length} and {self.gigabytes:.1f} GB on {self.device} "
            "(a rough estimate)"
        )


def weight_bytes(net: torch.nn.Module) -> int:
    """Memory of the weights of a network."""
    return sum(p.numel() * p.element_size() for p in net.parameters())


def parameters(nets: Iterable[torch.nn.Module]) -> int:
    """How many weights networks have together."""
    return sum(p.numel() for net in nets for p in net.parameters())


@cache
def speed(device: torch.device, dtype: torch.dtype) -> float:
    """Multiply-adds per second of a 3x3 convolution like those of a U-Net's first level; timed for a moment, once."""
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
