"""The network of ``mini``: a diffusers U-Net on pixel-unshuffled RGB, small enough for a laptop CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

#: Pixels per feature cell; RGB is folded into 3 * 4 * 4 = 48 channels.
UNSHUFFLE = 4
#: The layer whose output is matched: the last decoder block, one cell per 4 x 4 pixels.
LAYER = "up_blocks.2"
PROMPT_TOKENS = 4

UNET_CONFIG: dict[str, Any] = {
    "sample_size": 32,
    "in_channels": 48,
    "out_channels": 48,
    "block_out_channels": (64, 128, 192),
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "cross_attention_dim": 64,
    "attention_head_dim": 4,  # which diffusers reads as the number of heads
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
}

SCHEDULER_CONFIG: dict[str, Any] = {
    "_class_name": "DDIMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "v_prediction",
    "timestep_spacing": "leading",
}


def build_unet() -> UNet2DConditionModel:
    """A fresh, randomly initialised U-Net of ``mini``'s shape."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return UNet2DConditionModel(**UNET_CONFIG)


def save(folder: Path, unet: UNet2DConditionModel, prompt: torch.Tensor, settings: dict[str, Any]) -> None:
    """Write the published layout (half precision): ``unet/``, ``scheduler/``, ``prompt.safetensors``, ``mini.json``."""
    import torch
    from safetensors.torch import save_file

    half = build_unet()
    half.load_state_dict(unet.state_dict())
    half.half().save_pretrained(folder / "unet", safe_serialization=True)
    (folder / "scheduler").mkdir(parents=True, exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER_CONFIG, indent=2) + "\n")
    save_file({"prompt_embeds": prompt.detach().to(torch.float16).contiguous()}, folder / "prompt.safetensors")
    (folder / "mini.json").write_text(json.dumps(settings, indent=2) + "\n")
