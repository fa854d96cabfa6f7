"""How long a run will take and how much memory it needs, from counted operations."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from faceshot.landmarks import Size
from faceshot.rendering import EFFICIENCY, Estimate, Window, parameters, speed, weight_bytes
from faceshot_aniportrait.networks import NAMES, Networks
from faceshot_aniportrait.options import AniPortraitOptions

#: Work at full network size and 512x512 [GMAC], counted with torch's flop counter on the meta device: per frame and
#: guidance half of a step, per pose picture, per decoded frame.
_STEP, _POSE, _DECODE = 565.0, 59.0, 1257.0
#: Parameters of the U-Net at full size, for scaling the above to other sizes of network.
_PARAMETERS = 1_313e6
#: Activations of a step per frame and guidance half at 512x512 in half precision [bytes]: the widest feed-forward
#: layer with its input, keys and values of two pictures, the skips.
_ACTIVE = 60e6


def estimate(
    networks: Networks, options: AniPortraitOptions, size: Size, frames: int, windows: Sequence[Window]
) -> Estimate:
    """From counted operations and the speed of one convolution, timed for a fraction of a second."""
    area = size.width * size.height / 512**2
    share = parameters([networks.unet]) / _PARAMETERS
    halves = 1 if options.guidance == 1 else 2
    calls = sum(map(len, windows)) * options.steps * halves
    work = (calls * _STEP * share + frames * (_POSE + _DECODE * min(share * 10, 1))) * area * 1e9
    seconds = work / (speed(networks.device, networks.dtype) * EFFICIENCY)
    weights = {name: weight_bytes(getattr(networks, name)) for name in NAMES}
    half = torch.tensor([], dtype=networks.dtype).element_size() / 2
    together = halves if networks.low_vram == "off" else 1
    width = networks.unet.config["block_out_channels"][0] / 320
    active = _ACTIVE * half * width * area * max(map(len, windows)) * together
    present = sum(weights.values()) if networks.low_vram == "off" else weights["unet"]
    memory = (present + active) / 1e9
    device = str(networks.device)
    return Estimate("aniportrait", frames, len(windows), options.steps, size, calls, seconds, memory, device)
