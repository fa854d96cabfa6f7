"""The network of ``mini``: a plain U-Net on pixel-unshuffled RGB, small enough for a laptop CPU.

Tensor names and the configuration are those of diffusers, which is not needed to train or to match.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from faceshot.models import UNet

#: Pixels per feature cell; RGB is folded into 3 * 4 * 4 = 48 channels.
UNSHUFFLE = 4
#: The layer whose output is matched: the last decoder block, one cell per 4 x 4 pixels.
LAYER = "up_blocks.2"
PROMPT_TOKENS = 4
WEIGHTS, PROMPT = "diffusion_pytorch_model.safetensors", "prompt.safetensors"

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


def build_unet() -> UNet:
    """A fresh, randomly initialised U-Net of ``mini``'s shape."""
    from faceshot.models import UNet

    return UNet(UNET_CONFIG)


def save(folder: Path, unet: UNet, prompt: torch.Tensor, settings: dict[str, Any]) -> None:
    """Write the published layout (half precision): ``unet/``, ``scheduler/``, ``prompt.safetensors``, ``mini.json``."""
    import torch
    from safetensors.torch import save_file

    for name in ("unet", "scheduler"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    tensors = {name: t.detach().to("cpu", torch.float16).contiguous() for name, t in unet.state_dict().items()}
    save_file(tensors, folder / "unet" / WEIGHTS)
    config = {"_class_name": "UNet2DConditionModel", **UNET_CONFIG}
    (folder / "unet" / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER_CONFIG, indent=2) + "\n")
    save_file({"prompt_embeds": prompt.detach().to("cpu", torch.float16).contiguous()}, folder / PROMPT)
    (folder / "mini.json").write_text(json.dumps(settings, indent=2) + "\n")


def split(published: Path, folder: Path, most: int = 15 << 20) -> list[Path]:
    """Copy a published layout into one flat ``folder`` of files of at most ``most`` bytes.

    For machines that only hand back small files; :func:`join` is the way back.
    """
    from safetensors.torch import load_file, save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = load_file(published / "unet" / WEIGHTS)
    shards: list[dict[str, torch.Tensor]] = [{}]
    room = most - (1 << 16)  # the header
    for name, tensor in tensors.items():
        if shards[-1] and sum(t.nbytes for t in shards[-1].values()) + tensor.nbytes > room:
            shards.append({})
        shards[-1][name] = tensor
    paths = []
    for k, shard in enumerate(shards):
        paths.append(folder / f"unet-{k}.safetensors")
        save_file(shard, paths[-1])
    for name in (PROMPT, "mini.json"):
        paths.append(folder / name)
        paths[-1].write_bytes((published / name).read_bytes())
    return paths


def join(folder: Path, published: Path) -> None:
    """Put what :func:`split` wrote into a published layout (the confidence of another network is dropped)."""
    from safetensors.torch import load_file

    tensors = {name: t for path in sorted(folder.glob("unet-*.safetensors")) for name, t in load_file(path).items()}
    unet = build_unet().half()
    unet.load_state_dict(tensors)
    settings = json.loads((folder / "mini.json").read_text())
    save(published, unet, load_file(folder / PROMPT)["prompt_embeds"], settings)
