"""The layout of Stable Diffusion checkpoints in one file, for tests: our networks' tensors under CompVis' names."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

Tensors = Mapping[str, torch.Tensor]

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_OUTSIDE = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def unet_to_ldm(state: Tensors) -> dict[str, torch.Tensor]:
    """diffusers' U-Net names (four levels, two layers each) -> ``model.diffusion_model.*``."""
    return {f"model.diffusion_model.{_unet_name(name)}": tensor for name, tensor in state.items()}


def _unet_name(name: str) -> str:
    head, kind = name.rsplit(".", 1)
    if head in _OUTSIDE:
        return f"{_OUTSIDE[head]}.{kind}"
    if found := re.fullmatch(r"(down|up)_blocks\.(\d)\.(resnets|attentions)\.(\d)\.(.+)", name):
        way, level, what, layer, rest = found.groups()
        index = 3 * int(level) + int(layer) + (way == "down")
        place = f"{'input' if way == 'down' else 'output'}_blocks.{index}.{int(what == 'attentions')}"
        return f"{place}.{_resnet(rest) if what == 'resnets' else rest}"
    if found := re.fullmatch(r"down_blocks\.(\d)\.downsamplers\.0\.conv\.(.+)", name):
        return f"input_blocks.{3 * (int(found[1]) + 1)}.0.op.{found[2]}"
    if found := re.fullmatch(r"up_blocks\.(\d)\.upsamplers\.0\.conv\.(.+)", name):
        return f"output_blocks.{3 * int(found[1]) + 2}.{1 if found[1] == '0' else 2}.conv.{found[2]}"
    if found := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", name):
        what, layer, rest = found.groups()
        return f"middle_block.{1 if what == 'attentions' else 2 * int(layer)}." + (
            _resnet(rest) if what == "resnets" else rest
        )
    raise AssertionError(f"no place for {name}")


def _resnet(rest: str) -> str:
    head, kind = rest.rsplit(".", 1)
    return f"{_RESNET[head]}.{kind}"


def vae_to_ldm(state: Tensors) -> dict[str, torch.Tensor]:
    """diffusers' VAE names (four levels) -> ``first_stage_model.*``; attention is made of 1x1 convolutions there."""
    out = {}
    for name, tensor in state.items():
        if "mid_block.attentions.0" in name and name.endswith("weight") and "group_norm" not in name:
            tensor = tensor[:, :, None, None]
        for pattern, change in (
            (r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2"),
            (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
            (r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}"),
            (r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample"),
            (r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}"),
            (r"mid_block\.attentions\.0", "mid.attn_1"),
            (r"\.group_norm\.", ".norm."),
            (r"\.to_out\.0\.", ".proj_out."),
            (r"\.to_([qkv])\.", r".\1."),
            (r"conv_shortcut", "nin_shortcut"),
            (r"conv_norm_out", "norm_out"),
        ):
            name = re.sub(pattern, change, name)
        out[f"first_stage_model.{name}"] = tensor
    return out


def text_to_ldm(state: Tensors) -> dict[str, torch.Tensor]:
    """transformers' CLIP text encoder as in 1.x: its own names, prefixed."""
    return {f"cond_stage_model.transformer.text_model.{k.removeprefix('text_model.')}": v for k, v in state.items()}


def text_to_open_clip(state: Tensors) -> dict[str, torch.Tensor]:
    """transformers' CLIP text encoder as in 2.x: under open_clip's names, query, key and value in one."""
    out: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        name = name.removeprefix("text_model.")
        if found := re.fullmatch(r"encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.(weight|bias)", name):
            if found[2] == "q":
                stem = name.replace(".q_proj.", ".{}_proj.")
                full = {k.removeprefix("text_model."): v for k, v in state.items()}
                joined = torch.cat([full[stem.format(letter)] for letter in "qkv"])
                out[f"transformer.resblocks.{found[1]}.attn.in_proj_{found[3]}"] = joined
            continue
        for old, new in (
            ("encoder.layers.", "transformer.resblocks."),
            ("self_attn.out_proj", "attn.out_proj"),
            ("layer_norm1", "ln_1"),
            ("layer_norm2", "ln_2"),
            ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"),
            ("final_layer_norm", "ln_final"),
            ("embeddings.token_embedding", "token_embedding"),
            ("embeddings.position_embedding.weight", "positional_embedding"),
        ):
            name = name.replace(old, new)
        out[name] = tensor
    return {f"cond_stage_model.model.{name}": tensor for name, tensor in out.items()}
