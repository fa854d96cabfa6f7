"""What lets the frames of a window look at each other: AnimateDiff's transformer, its norm per frame."""

from __future__ import annotations

import math
from typing import Final

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

#: Frames there are position codes for.
LONGEST: Final = 32
HEADS: Final = 8
#: Pixels attended to in one call; CUDA kernels take at most 65,535 rows.
_ROWS: Final = 32_768


class Positions(nn.Module):
    """Sine and cosine codes of the places 0..31 in a window."""

    pe: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        place = torch.arange(LONGEST)[:, None]
        angle = place * torch.exp(torch.arange(0, channels, 2) * (-math.log(10_000) / channels))
        self.register_buffer("pe", torch.stack([angle.sin(), angle.cos()], -1).view(1, LONGEST, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(rows, frames, C) with the codes added."""
        return x + self.pe[:, : x.shape[1]]


class TemporalAttention(Attention):
    """Self-attention over frames; queries, keys and values all carry the position codes."""

    def __init__(self, channels: int) -> None:
        super().__init__(query_dim=channels, heads=HEADS, dim_head=channels // HEADS)
        self.pos_encoder = Positions(channels)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # attends to itself only
        """(rows, frames, C) -> the same shape."""
        return torch.cat([super(TemporalAttention, self).forward(self.pos_encoder(part)) for part in x.split(_ROWS)])


class TemporalBlock(nn.Module):
    """Two attentions over frames and a feed-forward layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList(TemporalAttention(channels) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.ff = FeedForward(channels, activation_fn="geglu")
        self.ff_norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, frames, C) -> the same shape."""
        for attention, norm in zip(self.attention_blocks, self.norms, strict=True):
            x = x + attention(norm(x))
        return x + self.ff(self.ff_norm(x))


class TemporalTransformer(nn.Module):
    """Between single-frame norm and a projection back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(channels)])
        self.proj_out = nn.Linear(channels, channels)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """(b * frames, C, h, w), frames fastest -> the same shape."""
        _, channels, height, width = x.shape
        y = self.norm(x).view(-1, frames, channels, height * width).permute(0, 3, 1, 2)
        y = self.proj_in(y).flatten(0, 1)
        y = self.proj_out(self.transformer_blocks[0](y))
        y = y.view(-1, height * width, frames, channels).permute(0, 2, 3, 1)
        return x + y.reshape(x.shape)


class MotionModule(nn.Module):
    """As the published file names it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.temporal_transformer = TemporalTransformer(channels)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """(b * frames, C, h, w), frames fastest -> the same shape."""
        return self.temporal_transformer(x, frames)
