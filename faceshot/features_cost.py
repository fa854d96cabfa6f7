"""What features cost: multiplications by layer, how fast this machine is, how many pictures fit into one call."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any, Final

from faceshot.inversion import NoiseSchedule
from faceshot.presets_record import Preset

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
#: Channels of the networks this table is about.
SD_CHANNELS: Final = (320, 640, 1280, 1280)
#: Memory of one more picture in a call at 512 px in float32, and what is kept free [bytes]. Estimated generously from
#: the largest activations (about 150 MB); benchmarks/features_gpu.py shows the real peak.
PICTURE_BYTES: Final = 600_000_000
SPARE_BYTES: Final = 1_000_000_000
MOST_PICTURES: Final = 16


def picture_gmacs(preset: Preset, schedule: NoiseSchedule, unet: Any) -> float | None:
    """GMAC of one picture's features without the VAE; None for networks of another size than Stable Diffusion's."""
    if preset.encoder != "vae" or tuple(unet.config.block_out_channels) != SD_CHANNELS:
        return None
    stage = next((name for name in UNET_GMACS if f"{preset.layer}.".startswith(f"{name}.")), "up_blocks.3")
    full = len(schedule.path(preset.t, preset.steps)) - 1 if preset.mode == "inversion" else 0
    return (full * FULL_GMACS + UNET_GMACS[stage]) * (preset.image_size / 512) ** 2


def gmacs_per_second(device: str, dtype: Any) -> float:
    """How fast this machine multiplies: the 3x3 convolution of the U-Net's first level, the best of three."""
    import torch

    x = torch.full((1, 320, 64, 64), 0.01, dtype=dtype, device=device).to(memory_format=torch.channels_last)
    weight = torch.full((320, 320, 3, 3), 0.01, dtype=dtype, device=device).to(memory_format=torch.channels_last)
    best = float("inf")
    with torch.no_grad():
        for _ in range(3):
            begin = time.perf_counter()
            torch.nn.functional.conv2d(x, weight, padding=1).sum().item()
            best = min(best, time.perf_counter() - begin)
    return 320 * 320 * 9 * 64 * 64 / 1e9 / best


def duration(seconds: float) -> str:
    """A time a person can read: ``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def estimate(gmacs: float, device: str, dtype: Any) -> tuple[float, str]:
    """Seconds that so many GMAC take here, and a line for the user that says so.

    On a CPU in float32 the line also says when bfloat16 would be faster.
    """
    import torch

    speed = gmacs_per_second(device, dtype)
    name = str(dtype).removeprefix("torch.")
    line = f"about {duration(gmacs / speed)} ({gmacs:.0f} GMAC at {speed:.0f} GMAC/s, {name} on {device})"
    if device == "cpu" and dtype == torch.float32:
        half = gmacs_per_second(device, torch.bfloat16)
        if half > 1.3 * speed:
            line += f"; --dtype bfloat16 is about {half / speed:.1f} times as fast on this machine"
    return gmacs / speed, line


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
