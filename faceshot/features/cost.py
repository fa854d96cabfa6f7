"""What features cost: multiplications by part, how fast this machine is, how many pictures fit into one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from faceshot.models import OFFSET, TRAINING_STEPS, Preset

#: Billions of multiply-accumulates of Stable Diffusion 1.x and 2.x from the start up to the end of a module, at
#: 64x64 latents (512 px), attention products included.
UNET_GMACS: Final = {
    "down_blocks.0": 54.8,
    "down_blocks.1": 89.0,
    "down_blocks.2": 120.9,
    "down_blocks.3": 124.7,
    "mid_block": 130.7,
    "up_blocks.0": 143.6,
    "up_blocks.1": 219.4,
    "up_blocks.2": 302.8,
    "up_blocks.3": 401.6,
}
FULL_GMACS: Final = UNET_GMACS["up_blocks.3"]
#: The VAE's encoder per picture of 512 px, and CLIP ViT-H/14 per picture.
VAE_GMACS: Final = 558.0
CLIP_GMACS: Final = 167.0
#: How long each kind of work is timed.
MEASURE_SECONDS: Final = 0.3
#: How much of a weight file is read to see how fast reading is.
SAMPLE_BYTES: Final = 1 << 25
#: Channels of the networks this table is about.
SD_CHANNELS: Final = (320, 640, 1280, 1280)
#: Memory of one more picture in a call at 512 px in float32, and what is kept free [bytes]. Estimated generously from
#: the largest activations (about 150 MB); benchmarks/features_gpu.py shows the real peak.
PICTURE_BYTES: Final = 600_000_000
SPARE_BYTES: Final = 1_000_000_000
MOST_PICTURES: Final = 16


def picture_gmacs(preset: Preset, full_calls: int, channels: Sequence[int]) -> float | None:
    """GMAC of one picture's features without the VAE; None for networks of another size than Stable Diffusion's.

    Args:
        full_calls: of the whole network, before the one that stops at the layer (:func:`full_calls`).
        channels: ``block_out_channels`` of the U-Net.
    """
    if preset.encoder != "vae" or tuple(channels) != SD_CHANNELS:
        return None
    return (full_calls * FULL_GMACS + last_gmacs(preset)) * (preset.image_size / 512) ** 2


def last_gmacs(preset: Preset) -> float:
    """GMAC of the call that stops at the preset's layer, at 512 px."""
    stage = next((name for name in UNET_GMACS if f"{preset.layer}.".startswith(f"{name}.")), "up_blocks.3")
    return UNET_GMACS[stage]


def full_calls(preset: Preset, *, length: int = TRAINING_STEPS, offset: int = OFFSET) -> int:
    """Calls of the whole network before the last one; arguments as ``check_reach``."""
    return (preset.t - offset) // (length // preset.steps) if preset.mode == "inversion" else 0


@dataclass(frozen=True)
class Speed:
    """How fast a machine multiplies [GMAC/s], by kind of work, each with the elementwise work that comes with it.

    A processor is two to three times as fast at convolutions as at the rest, so one figure would not do.
    """

    conv: float
    linear: float
    attention: float

    def unet(self, gmacs: float) -> float:
        """Seconds of a U-Net's ``gmacs``: by their shares in Stable Diffusion's (counted at 64x64 latents)."""
        return gmacs * (0.553 / self.conv + 0.290 / self.linear + 0.157 / self.attention)

    def vae(self, pictures: int, side: int) -> float:
        """Seconds of encoding pictures of ``side`` pixels: nearly all convolutions."""
        return pictures * VAE_GMACS * (side / 512) ** 2 / self.conv

    def clip(self, pictures: int) -> float:
        """Seconds of CLIP ViT-H/14: nearly all linear layers."""
        return pictures * CLIP_GMACS / self.linear


def measure(device: str, dtype: Any) -> Speed:
    """How fast this machine is now, other programs included: small pieces of the U-Net's first level, for a second."""
    import torch
    from torch.nn import functional as f

    def filled(*shape: int) -> Any:
        return torch.full(shape, 0.01, dtype=dtype, device=device)

    def rate(gmacs: float, run: Callable[[], Any]) -> float:
        def seconds(runs: int) -> float:
            begin = time.perf_counter()
            for _ in range(runs):
                run().flatten()[:1].item()
            return max(time.perf_counter() - begin, 1e-6)

        # The first call chooses how. On a busy machine one call says little, so they are repeated for a while.
        first = min(seconds(1), MEASURE_SECONDS)
        runs = max(1, round(MEASURE_SECONDS / first))
        return runs * gmacs / seconds(runs)

    x = filled(1, 320, 32, 64).to(memory_format=torch.channels_last)
    kernel = filled(320, 320, 3, 3).to(memory_format=torch.channels_last)
    tokens, wide, narrow = filled(1024, 320), filled(2560, 320), filled(320, 1280)
    query = filled(1, 1, 4096, 40)

    def feed_forward() -> Any:
        value, gate = f.linear(f.layer_norm(tokens, (320,)), wide).chunk(2, -1)
        return f.linear(value * f.gelu(gate), narrow)

    with torch.no_grad():
        return Speed(
            conv=rate(1.887, lambda: f.conv2d(f.silu(f.group_norm(x, 32)), kernel, padding=1)),
            linear=rate(1.258, feed_forward),
            attention=rate(1.342, lambda: f.scaled_dot_product_attention(query, query, query)),
        )


def half_precision_gain(speed: Speed) -> float:
    """How many times as fast as ``speed`` (float32) a CPU runs a U-Net in bfloat16; 1 where it has no instructions for
    it, which a small product tells: there the whole measurement would take long."""
    import torch

    def seconds(dtype: Any) -> float:
        rows, columns = torch.ones(256, 320, dtype=dtype), torch.ones(320, 320, dtype=dtype)
        rows @ columns
        begin = time.perf_counter()
        for _ in range(4):
            rows @ columns
        return time.perf_counter() - begin

    if seconds(torch.bfloat16) > 2 * seconds(torch.float32):
        return 1.0
    half = measure("cpu", torch.bfloat16).unet(1)
    # Before and after: another program's pause must not pass for the other number type's merit.
    return min(speed.unet(1), measure("cpu", torch.float32).unet(1)) / half


def loading_seconds(files: Sequence[Path]) -> float:
    """How long reading weight files and laying them out in memory takes, from a piece of the largest."""
    largest = max(files, key=lambda path: path.stat().st_size)
    total = sum(path.stat().st_size for path in files)
    begin = time.perf_counter()
    with largest.open("rb") as file:
        file.seek(max(0, (largest.stat().st_size - SAMPLE_BYTES) // 2))
        piece = np.frombuffer(file.read(SAMPLE_BYTES), np.uint8)
    # Once into memory as it is, once into the order the network wants.
    rows = piece[: len(piece) // 4096 * 4096].reshape(-1, 4096)
    np.ascontiguousarray(rows.view(np.uint32).T)
    return total * (time.perf_counter() - begin) / max(len(piece), 1)


def duration(seconds: float) -> str:
    """A time a person can read: ``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def pictures_per_call(preset: Preset, device: str, dtype: Any, *, low_vram: bool = False) -> int:
    """How many pictures the network sees at a time; call it when the network is on its device.

    A CPU gains little from more than a picture and its mirror image; a GPU takes what fits.
    """
    if preset.encoder != "vae":
        return 8
    if low_vram:
        return 1
    if not device.startswith("cuda"):
        return 2
    import torch

    free, _ = torch.cuda.mem_get_info(torch.device(device))
    each = PICTURE_BYTES * (preset.image_size / 512) ** 2 * torch.empty((), dtype=dtype).element_size() / 4
    return int(max(1, min(MOST_PICTURES, (free - SPARE_BYTES) // each)))


def even_batches(count: int, most: int) -> list[slice]:
    """``count`` things in as few batches of at most ``most`` as possible, all of nearly the same size."""
    batches = max(1, -(-count // most))
    bounds = [count * i // batches for i in range(batches + 1)]
    return [slice(a, b) for a, b in pairwise(bounds)]
