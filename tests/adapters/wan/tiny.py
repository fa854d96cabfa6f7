"""The classes of diffusers that Wan's pipelines are made of, at their smallest, with weights drawn from a seed."""

from __future__ import annotations

from typing import Any

import torch


def components(model: str) -> dict[str, Any]:
    """Of a model by its name as an option."""
    from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        CLIPVisionModel,
        PreTrainedTokenizerFast,
        UMT5Config,
        UMT5EncoderModel,
    )

    words = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "cat": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    wide = 1280 if model != "animate" else 32  # the transformer of Wan-Animate-2 knows no other
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = {
            "tokenizer": PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]"),
            "text_encoder": UMT5EncoderModel(
                UMT5Config(vocab_size=8, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
            ),
            "image_encoder": CLIPVisionModel(
                CLIPVisionConfig(
                    hidden_size=wide,
                    intermediate_size=32,
                    num_hidden_layers=2,
                    num_attention_heads=16,
                    patch_size=112,
                    image_size=224,
                )
            ),
            "vae": AutoencoderKLWan(
                base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
            ),
            "transformer": transformer(model, wide),
            "scheduler": FlowMatchEulerDiscreteScheduler(shift=5.0),
        }
    if model == "animate":
        made["image_processor"] = CLIPImageProcessor(size=224, crop_size=224)
    return made


def transformer(model: str, wide: int) -> Any:
    """Two layers of 24 channels."""
    from diffusers import WanAnimate2Transformer3DModel, WanAnimateTransformer3DModel

    if model != "animate":
        return WanAnimate2Transformer3DModel(dim=24, ffn_dim=32, text_dim=32, num_heads=2, num_layers=2)
    return WanAnimateTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, text_dim=32, ffn_dim=32, num_layers=2, image_dim=wide,
        motion_encoder_channel_sizes={"4": 16, "8": 16, "16": 16}, motion_encoder_size=16, motion_style_dim=8,
        motion_dim=4, motion_encoder_dim=16, face_encoder_hidden_dim=16, face_encoder_num_heads=2,
        inject_face_latents_blocks=2,
    )  # fmt: skip


def tiny_networks(model: str) -> Any:
    """For ``Backend(networks)``."""
    from faceshot_wan.networks import Networks

    return Networks(components(model), torch.device("cpu"))
