"""What a run will take, from counts of operations and sizes of networks."""

from __future__ import annotations

from typing import Any

import torch

from faceshot.rendering import EFFICIENCY, Estimate, parameters, speed, weight_bytes
from faceshot_wan.networks import Networks
from faceshot_wan.options import WanOptions
from faceshot_wan.script import Script

#: Activations of a layer, in token vectors that are alive at once.
_ALIVE = 24


def estimate(networks: Networks, options: WanOptions, script: Script) -> Estimate:
    """Of all transformer calls of a clip; text, CLIP and VAE are left out of the time."""
    transformer: Any = networks.components["transformer"]
    config, size, segments = transformer.config, script.place.size, script.segments
    second = options.model != "animate"
    heads = config.num_heads if second else config.num_attention_heads
    width = config.dim if second else heads * config.attention_head_dim
    grid = (size.width // 16) * (size.height // 16)
    tokens = ((segments.length - 1) // 4 + 2) * grid
    halves = 2 if options.actual_guidance > 1 else 1
    calls = segments.count * (options.actual_steps * halves + int(second))
    seen = 2 * tokens if second else tokens  # Wan-Animate-2 looks at the driver's tokens too
    work = calls * tokens * (parameters([transformer]) + 2 * seen * width * config.num_layers)
    per_value = next(transformer.parameters()).element_size()
    nets = [part for part in networks.components.values() if isinstance(part, torch.nn.Module)]
    # Low memory: of one network at a time, or of one layer.
    there = {"off": sum(map(weight_bytes, nets)), "on": max(map(weight_bytes, nets)), "max": 0}[networks.low_vram]
    cache = 2 * config.num_layers * tokens * width * per_value if second else 0
    memory = there + cache + _ALIVE * tokens * width * per_value
    rate = speed(networks.device, transformer.dtype if networks.device.type != "cpu" else torch.float32)
    return Estimate(
        "wan", len(script.clip), segments.count, options.actual_steps, size, calls, work / (rate * EFFICIENCY),
        memory / 1e9, str(networks.device),
    )  # fmt: skip
