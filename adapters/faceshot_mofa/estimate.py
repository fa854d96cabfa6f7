"""How long a run will take and how much memory it needs, from counted operations."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from faceshot.landmarks import Size
from faceshot.rendering import EFFICIENCY, Estimate, Window, parameters, speed, weight_bytes
from faceshot_mofa.guidance import is_needed
from faceshot_mofa.networks import NAMES, Networks
from faceshot_mofa.options import MofaOptions

#: Work at full network size and 512x512 [GMAC], counted with torch's flop counter on the meta device: per frame and
#: guidance half of a step (U-Net 608, ControlNet 219), per frame (warping and landmarks 34, CMP 13), per decoded frame.
_STEP, _FRAME, _DECODE = 828.0, 46.0, 1521.0
#: Parameters of U-Net and ControlNet at full size, for scaling the above to other sizes of network.
_PARAMETERS = 2_247e6
#: Activations of a step per frame and guidance half at 512x512 in half precision [bytes]: the widest feed-forward
#: layer with its input, and the skips of both networks.
_ACTIVE = 85e6


def estimate(networks: Networks, options: MofaOptions, size: Size, frames: int, windows: Sequence[Window]) -> Estimate:
    """From counted operations and the speed of one convolution, timed for a fraction of a second."""
    area = size.width * size.height / 512**2
    share = parameters([networks.unet, networks.controlnet]) / _PARAMETERS
    halves = 2 if is_needed(options.guidance) else 1
    calls = sum(map(len, set(windows))) * options.steps * halves  # a doubled window is computed once
    work = (calls * _STEP * share + frames * (_FRAME * share + _DECODE * min(share * 10, 1))) * area * 1e9
    seconds = work / (speed(networks.device, networks.dtype) * EFFICIENCY)
    memory = _memory(networks, options, area, windows, halves)
    return Estimate("mofa", frames, len(windows), options.steps, size, calls, seconds, memory, str(networks.device))


def _memory(networks: Networks, options: MofaOptions, area: float, windows: Sequence[Window], halves: int) -> float:
    """Gigabytes on the device at the fullest moment: weights there, and the activations of one call."""
    weights = {name: weight_bytes(getattr(networks, name)) for name in NAMES}
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
