"""What suits a device: the dtype of the rendering networks, and how many frames at once."""

from __future__ import annotations

import logging
import time

import torch
import torch.nn.functional as F

from faceshot.errors import UsageError

logger = logging.getLogger("faceshot")

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
#: bfloat16 on the CPU must be this much faster than float32 to be worth its coarser numbers.
WORTH = 1.3
#: Elements alive per frame at the peak: 90 million measured on the CPU, the rest is room for a GPU's work space.
FRAME_ELEMENTS = 150_000_000
#: What a frame batch may take of the GPU; more than this gains nothing.
GPU_BYTES = 2_500_000_000
LARGEST_BATCH = 8


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """The dtype called ``name``; ``auto``: float16 on CUDA, on the CPU bfloat16 where it measures faster, else float32.

    Raises:
        UsageError: no such dtype, or float16 on the CPU.
    """
    if name == "auto":
        if device.type == "cuda":
            return torch.float16
        return torch.bfloat16 if device.type == "cpu" and _bfloat16_gain() > WORTH else torch.float32
    if name not in DTYPES:
        raise UsageError(f"unknown dtype {name!r}; there are auto, {', '.join(DTYPES)}")
    if name == "float16" and device.type == "cpu":
        raise UsageError("float16 is not usable on the CPU; choose float32, bfloat16 or auto")
    return DTYPES[name]


def pick_batch(device: torch.device, dtype: torch.dtype) -> int:
    """Frames to render together: one on the CPU, on CUDA as many as its free memory and our limit allow."""
    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    frame = FRAME_ELEMENTS * torch.empty((), dtype=dtype).element_size()
    return max(1, min(LARGEST_BATCH, int(min(0.7 * free, GPU_BYTES) // frame)))


def _bfloat16_gain() -> float:
    """How many times faster than float32 a typical convolution is in bfloat16 on this CPU."""
    x, weight = torch.ones(1, 256, 32, 32), torch.ones(256, 256, 3, 3)
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = x.to(dtype, memory_format=torch.channels_last)
        b = weight.to(dtype, memory_format=torch.channels_last)
        F.conv2d(a, b, padding=1)
        seconds[dtype] = min(_seconds(a, b) for _ in range(5))
    gain = seconds[torch.float32] / seconds[torch.bfloat16]
    logger.info("convolutions in bfloat16 are %.1f times as fast as in float32 on this CPU", gain)
    return gain


def _seconds(x: torch.Tensor, weight: torch.Tensor) -> float:
    start = time.perf_counter()
    F.conv2d(x, weight, padding=1)
    return time.perf_counter() - start
