"""Tiny real networks with seeded weights, laid out on disk like the models we load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file

from faceshot.models.loading import load_model

SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def tiny_unet(seed: int = 0) -> UNet2DConditionModel:
    """A U-Net of the kind of our small model: 48 channels of folded pixels, three levels, 30 k parameters."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return UNet2DConditionModel(
            sample_size=16,
            in_channels=48,
            out_channels=48,
            block_out_channels=(8, 8, 16),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            norm_num_groups=4,
            cross_attention_dim=8,
            attention_head_dim=4,
        ).eval()


def tiny_adapter(unet: UNet2DConditionModel, width: int, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """An IP-Adapter checkpoint (flat names) for ``unet`` and image embeddings of ``width``."""
    generator = torch.Generator().manual_seed(seed)
    text = unet.config.cross_attention_dim
    state = {
        "image_proj.proj.weight": torch.randn(4 * text, width, generator=generator) / width**0.5,
        "image_proj.proj.bias": torch.zeros(4 * text),
        "image_proj.norm.weight": torch.ones(text),
        "image_proj.norm.bias": torch.randn(text, generator=generator),
    }
    names = [name for name in unet.attn_processors if not name.endswith("attn1.processor")]
    for i, name in enumerate(names):
        out = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for key in ("to_k_ip", "to_v_ip"):
            weight = torch.randn(out, text, generator=generator) / text**0.5
            state[f"ip_adapter.{2 * i + 1}.{key}.weight"] = weight
    return state


def diffusers_unet(folder: Path) -> UNet2DConditionModel:
    """The U-Net of a tiny model as diffusers loads it: one that takes adapters."""
    return load_model(UNet2DConditionModel, folder / "unet", torch.float32)


def write_byte_tokenizer(folder: Path) -> None:
    """A CLIP tokenizer without merges: 256 bytes, 256 bytes that end a word, begin and end of text."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [*map(chr, printable), *(chr(256 + i) for i in range(len(others)))]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    begin, end = words[-2:]
    special = {"bos_token": begin, "eos_token": end, "pad_token": end, "unk_token": end}
    (folder / "tokenizer_config.json").write_text(json.dumps({**special, "model_max_length": 77}))


def write_tiny_model(folder: Path, *, seed: int = 0, **settings: Any) -> Path:
    """Save a tiny model in the layout of ``faceshot_mini`` (half precision on disk) and return ``folder``."""
    tiny_unet(seed).half().save_pretrained(folder / "unet")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    prompt = torch.randn(1, 3, 8, generator=torch.Generator().manual_seed(seed))
    save_file({"prompt_embeds": prompt}, folder / "prompt.safetensors")
    data = {"image_size": 64, "layer": "up_blocks.2", "t": 1, "mode": "clean", "encoder": "pixel-unshuffle:4"}
    (folder / "mini.json").write_text(json.dumps({**data, **settings}))
    return folder
