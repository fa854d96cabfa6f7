"""The U-Net of latent diffusion in its plain form, in torch alone.

Tensor names, numbers and the config file are those of diffusers' ``UNet2DConditionModel``, so one folder serves both.
Importing diffusers takes longer than everything else `faceshot match` does with a small model, which this spares.
What is not plain (extra conditions, IP-Adapter, other blocks) is left to diffusers, see :func:`is_plain`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceshot.errors import InputError
from faceshot.models.loading import LOAD_ERRORS, first_line, load_tensors
from faceshot.models.presets import weight_files
from faceshot.reading import check_config

#: Settings this module reads, with diffusers' defaults.
_READ: Final[dict[str, Any]] = {
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "norm_num_groups": 32,
    "norm_eps": 1e-5,
    "cross_attention_dim": 1280,
    "attention_head_dim": 8,
    "use_linear_projection": False,
}
#: Settings that must have these values where they are given; any other setting must be null or false.
_FIXED: Final[dict[str, Any]] = {
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "mid_block_scale_factor": 1,
    "downsample_padding": 1,
    "act_fn": "silu",
    "transformer_layers_per_block": 1,
    "resnet_time_scale_shift": "default",
    "resnet_out_scale_factor": 1.0,
    "time_embedding_type": "positional",
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "attention_type": "default",
}
#: Settings without effect on what is computed here.
_IDLE: Final = ("sample_size", "dropout", "addition_embed_type_num_heads")
_BLOCKS: Final = {
    "DownBlock2D": False,
    "UpBlock2D": False,
    "CrossAttnDownBlock2D": True,
    "CrossAttnUpBlock2D": True,
}


def is_plain(config: Mapping[str, Any]) -> bool:
    """Whether :class:`UNet` computes what diffusers' ``UNet2DConditionModel`` would with this configuration."""
    for name, value in config.items():
        if name.startswith("_") or name in _READ or name in _IDLE:
            continue
        if value not in ((_FIXED[name],) if name in _FIXED else (None, False)):
            return False
    read = _READ | {name: value for name, value in config.items() if name in _READ}
    blocks = (*read["down_block_types"], *read["up_block_types"])
    single = all(isinstance(read[name], int) for name in ("layers_per_block", "cross_attention_dim"))
    return single and all(name in _BLOCKS for name in blocks)


def load_unet(folder: Path, dtype: torch.dtype) -> UNet | None:
    """The network in ``folder`` (``config.json`` and weights), or None if it is not a plain one.

    Raises:
        MissingError: no weights. InputError: a file is damaged, there is no configuration, or the two do not fit.
    """
    try:
        config = check_config(folder / "config.json")
        if not is_plain(config):
            return None
        with torch.device("meta"):
            unet = UNet(config)
    except InputError:
        raise
    except LOAD_ERRORS as error:
        raise InputError(f"cannot load {folder}: {first_line(error)}") from error
    files = weight_files(folder)
    tensors = {name: tensor.to(dtype) for path in files for name, tensor in load_tensors(path).items()}
    wanted = {name: tensor.shape for name, tensor in unet.state_dict().items()}
    wrong = sorted(name for name in wanted.keys() | tensors.keys() if _shape(tensors, name) != wanted.get(name))
    if wrong:
        raise InputError(f"{folder}: weights and config.json do not fit, e.g. {wrong[0]} ({len(wrong)} tensors)")
    unet.load_state_dict(tensors, assign=True)
    return unet.eval().requires_grad_(False)


def _shape(tensors: Mapping[str, Tensor], name: str) -> torch.Size | None:
    return tensors[name].shape if name in tensors else None


class UNet(nn.Module):
    """Latents (B, c, h, w), a timestep and a text encoding (B, tokens, width) -> prediction (B, c', h, w).

    Args:
        config: entries of diffusers' ``config.json``, for which :func:`is_plain` holds.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        read = _READ | {name: value for name, value in config.items() if name in _READ}
        self.config = SimpleNamespace(**read)
        widths: Sequence[int] = tuple(read["block_out_channels"])
        heads = read["attention_head_dim"]  # which is their number, under a name that stuck
        heads = [heads] * len(widths) if isinstance(heads, int) else list(heads)
        layers: int = read["layers_per_block"]
        rest = (4 * widths[0], read["norm_num_groups"], read["norm_eps"])
        text = (read["cross_attention_dim"], read["use_linear_projection"])
        self.conv_in = nn.Conv2d(read["in_channels"], widths[0], 3, padding=1)
        self.time_embedding = _TimeEmbedding(widths[0])
        # 1. Down: every layer's output is kept for the way up.
        skips, self.down_blocks = [widths[0]], nn.ModuleList()
        for i, (kind, width) in enumerate(zip(read["down_block_types"], widths, strict=True)):
            inputs = [skips[-1], *[width] * (layers - 1)]
            last = i == len(widths) - 1
            attention = (heads[i], *text) if _BLOCKS[kind] else None
            self.down_blocks.append(_Stage(inputs, width, *rest, attention, None if last else "downsamplers"))
            skips += [width] * (layers + (not last))
        # 2. The middle.
        width = widths[-1]
        self.mid_block = _Stage([width, width], width, *rest, (heads[-1], *text), None, between=True)
        # 3. Up: every layer takes one of what was kept.
        self.up_blocks = nn.ModuleList()
        back = list(zip(read["up_block_types"], reversed(widths), reversed(heads), strict=True))
        for i, (kind, out, count) in enumerate(back):
            inputs = [before + skips.pop() for before in (width, *[out] * layers)]
            attention = (count, *text) if _BLOCKS[kind] else None
            self.up_blocks.append(_Stage(inputs, out, *rest, attention, "upsamplers" if i < len(back) - 1 else None))
            width = out
        self.conv_norm_out = nn.GroupNorm(read["norm_num_groups"], widths[0], eps=read["norm_eps"])
        self.conv_out = nn.Conv2d(widths[0], read["out_channels"], 3, padding=1)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.conv_in.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Number type of the weights."""
        return self.conv_in.weight.dtype

    def forward(
        self, z: Tensor, label: int | Tensor, text: Tensor, added_cond_kwargs: None = None, return_dict: bool = False
    ) -> tuple[Tensor]:
        """Called as diffusers' network is; ``label`` is the timestep, a number or (1,) or (B,)."""
        if added_cond_kwargs is not None or return_dict:
            raise ValueError("the plain U-Net takes no further conditions and returns a tuple")
        at = torch.as_tensor(label, device=z.device).reshape(-1)
        time = F.silu(self.time_embedding(at, z.dtype))
        x = self.conv_in(z)
        kept = [x]
        for stage in self.down_blocks:
            x = stage(x, time, text, kept=kept)
        x = self.mid_block(x, time, text)
        for stage in self.up_blocks:
            x = stage(x, time, text, taken=kept)
        return (self.conv_out(F.silu(self.conv_norm_out(x))),)


class _Stage(nn.Module):
    """Residual layers of one resolution, each followed by attention to the text where there is any, and a change of
    resolution. ``between`` puts attention between the layers only."""

    def __init__(
        self,
        inputs: Sequence[int],
        width: int,
        time: int,
        groups: int,
        eps: float,
        attention: tuple[int, int, bool] | None,
        resize: str | None,
        between: bool = False,
    ) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(_Residual(count, width, time, groups, eps) for count in inputs)
        self.between = between
        if attention is not None:
            count = len(inputs) - between
            self.attentions = nn.ModuleList(_Transformer(width, groups, *attention) for _ in range(count))
        if resize is not None:
            setattr(self, resize, nn.ModuleList([_Resize(width, 2 if resize == "downsamplers" else 1)]))

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        text: Tensor,
        *,
        kept: list[Tensor] | None = None,
        taken: list[Tensor] | None = None,
    ) -> Tensor:
        """``kept`` collects every output on the way down, ``taken`` gives them back on the way up."""
        attentions = getattr(self, "attentions", ())
        for i, residual in enumerate(self.resnets):
            if self.between and i:
                x = attentions[i - 1](x, text)
            x = residual(x if taken is None else torch.cat([x, taken.pop()], 1), time)
            if attentions and not self.between:
                x = attentions[i](x, text)
            if kept is not None:
                kept.append(x)
        down, up = getattr(self, "downsamplers", None), getattr(self, "upsamplers", None)
        if down is not None:
            x = down[0](x)
            if kept is not None:
                kept.append(x)
        if up is not None and taken is not None:
            x = up[0](F.interpolate(x, size=taken[-1].shape[2:], mode="nearest"))
        return x


class _Residual(nn.Module):
    def __init__(self, inputs: int, width: int, time: int, groups: int, eps: float) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=eps)
        self.conv1 = nn.Conv2d(inputs, width, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, width)
        self.norm2 = nn.GroupNorm(groups, width, eps=eps)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, width, 1) if inputs != width else None

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(time)[:, :, None, None]
        y = self.conv2(F.silu(self.norm2(y)))
        return y + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class _Resize(nn.Module):
    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class _Transformer(nn.Module):
    """Attention among the cells and to the text, around which the features pass by."""

    def __init__(self, width: int, groups: int, heads: int, text: int, linear: bool) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.linear = linear
        self.proj_in = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([_Block(width, heads, text)])
        self.proj_out = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        batch, width, height, wide = x.shape
        y = self.norm(x)
        if not self.linear:
            y = self.proj_in(y)
        y = y.permute(0, 2, 3, 1).reshape(batch, height * wide, width)
        if self.linear:
            y = self.proj_in(y)
        for block in self.transformer_blocks:
            y = block(y, text)
        if self.linear:
            y = self.proj_out(y)
        y = y.reshape(batch, height, wide, width).permute(0, 3, 1, 2)
        return x + (y if self.linear else self.proj_out(y))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, text: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attn1 = _Attention(width, heads, width)
        self.attn2 = _Attention(width, heads, text)
        self.ff = _FeedForward(width)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attn1(y, y)
        x = x + self.attn2(self.norm2(x), text)
        return x + self.ff(self.norm3(x))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, source: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(source, width, bias=False)
        self.to_v = nn.Linear(source, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor, source: Tensor) -> Tensor:
        q, k, v = (
            y.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for y in (self.to_q(x), self.to_k(source), self.to_v(source))
        )
        return self.to_out[0](F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        # Places 0 and 2 have weights; between them diffusers keeps a dropout.
        self.net = nn.ModuleList([_Gated(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2](self.net[0](x))


class _Gated(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class _TimeEmbedding(nn.Module):
    """Timesteps (B,) -> (B, 4 width): cosines and sines of falling frequency, and two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.linear_1 = nn.Linear(width, 4 * width)
        self.linear_2 = nn.Linear(4 * width, 4 * width)

    def forward(self, at: Tensor, dtype: torch.dtype) -> Tensor:
        half = self.width // 2
        rates = torch.exp(torch.arange(half, device=at.device, dtype=torch.float32) * (-math.log(10_000) / half))
        angles = at.float()[:, None] * rates
        waves = torch.cat([angles.cos(), angles.sin()], 1).to(dtype)
        return self.linear_2(F.silu(self.linear_1(waves)))
