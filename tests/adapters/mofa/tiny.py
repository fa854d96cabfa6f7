"""Tiny MOFA networks for tests: real classes, small sizes, seeded weights."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import nn

from faceshot_mofa.nets.cmp import CMPImage
from faceshot_mofa.nets.controlnet import ControlNetConfig, LandmarkControlNet
from faceshot_mofa.nets.unet import MotionUNet
from faceshot_mofa.networks import Networks

WIDTHS = (32, 32, 32, 32)
CONTEXT = 16


class SmoothFlow(nn.Module):
    """In CMP's place where its 13 GMAC a frame would make a test slow: spreads the hints with a wide blur."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def encode_image(self, image: torch.Tensor) -> CMPImage:
        self.counts["image_encoder"] += image.shape[0]
        return CMPImage(image, image, image)

    def decode(self, encoded: CMPImage, sparse: torch.Tensor, mask: torch.Tensor, chunk: int = 4) -> torch.Tensor:
        self.counts["decoder"] += sparse.shape[0]
        blur = [nn.functional.avg_pool2d(x, 31, 8, 15) for x in (sparse, mask.expand_as(sparse))]
        return nn.functional.interpolate(blur[0] / (blur[1] + 1e-4), size=384, mode="bilinear")


def unet_config(widths: tuple[int, ...] = WIDTHS, context: int = CONTEXT) -> dict[str, Any]:
    """Of a tiny U-Net, in the words of ``config.json``."""
    return {
        "in_channels": 8,
        "out_channels": 4,
        "block_out_channels": widths,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 24,
        "cross_attention_dim": context,
        "layers_per_block": 1,
        "num_attention_heads": (1, 1, 1, 1),
        "num_frames": 4,
    }


def tiny_vae(context: int = CONTEXT) -> Any:
    """A tiny VAE with a temporal decoder, one eighth as the real one."""
    from diffusers import AutoencoderKLTemporalDecoder

    return AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 4, layers_per_block=1
    )


def tiny_clip(context: int = CONTEXT) -> Any:
    """A tiny CLIP image encoder."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, patch_size=56,
        image_size=224, projection_dim=context,
    )  # fmt: skip
    return CLIPVisionModelWithProjection(config)


def tiny_networks(*, cmp: nn.Module | None = None, low_vram: str = "off", seed: int = 0) -> Networks:
    """All five; the ControlNet's last layers are not zero, so that landmarks matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = ControlNetConfig(WIDTHS, (1, 1, 1, 1), 8, CONTEXT, 8, 1)
        return Networks(
            cmp=SmoothFlow() if cmp is None else cmp,  # type: ignore[arg-type]
            controlnet=LandmarkControlNet(config),
            unet=MotionUNet.build(unet_config()),
            vae=tiny_vae(),
            image_encoder=tiny_clip(),
            device=torch.device("cpu"),
            dtype=torch.float32,
            low_vram=low_vram,  # type: ignore[arg-type]
            identity=f"tiny {seed}",
        )
