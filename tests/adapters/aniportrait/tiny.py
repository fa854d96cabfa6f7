"""Tiny AniPortrait networks for tests: real classes, small sizes, seeded weights."""

from __future__ import annotations

from typing import Any

import torch

from faceshot_aniportrait.nets.pose_guider import PoseGuider
from faceshot_aniportrait.nets.unet import DenoisingUNet, ReferenceUNet
from faceshot_aniportrait.networks import Networks

POSE_WIDTHS = (32, 32, 64, 128, 128)
CONFIG = {
    "sample_size": 16,
    "block_out_channels": (32, 64, 128, 128),
    "cross_attention_dim": 32,
    "attention_head_dim": 8,
}


def tiny_vae() -> Any:
    """A tiny VAE, one eighth as the real one."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(32, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
    )


def tiny_clip(projection: int) -> Any:
    """A tiny CLIP image encoder whose embedding is ``projection`` wide."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, patch_size=56,
        image_size=224, projection_dim=projection,
    )  # fmt: skip
    return CLIPVisionModelWithProjection(config)


def tiny_networks(low_vram: str = "off", seed: int = 0) -> Networks:
    """All five."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        nets = {
            "reference": ReferenceUNet(CONFIG),
            "unet": DenoisingUNet(CONFIG),
            "pose_guider": PoseGuider(POSE_WIDTHS),
            "vae": tiny_vae(),
            "image_encoder": tiny_clip(CONFIG["cross_attention_dim"]),  # type: ignore[arg-type]
        }
        for net in nets.values():
            net.eval().requires_grad_(False)
        return Networks(
            **nets,
            device=torch.device("cpu"),
            dtype=torch.float32,
            low_vram=low_vram,  # type: ignore[arg-type]
            identity=f"tiny {seed}",
        )
