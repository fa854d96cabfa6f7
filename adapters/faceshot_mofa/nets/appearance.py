"""The small convolutional parts of the landmark ControlNet: picture embeddings, their pyramid, the occlusion net."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConditionEmbedding(nn.Module):
    """A picture (n, 3, H, W) as features (n, C, H / 8, W / 8)."""

    def __init__(self, outer: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList()
        for inner, wider in pairwise(widths):
            self.blocks.append(nn.Conv2d(inner, inner, 3, padding=1))
            self.blocks.append(nn.Conv2d(inner, wider, 3, padding=1, stride=2))
        self.conv_out = nn.Conv2d(widths[-1], outer, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        x = F.silu(self.conv_in(picture))
        for block in self.blocks:
            x = F.silu(block(x))
        return self.conv_out(x)


class _Half(nn.Module):
    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(inner, outer, 3, padding=1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.conv_in(x))


class FlowEncoder(nn.Module):
    """Successive halves of the first frame's features (despite its published name it sees no flow)."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.encoders = nn.ModuleList([_Half(inner, outer) for inner, outer in pairwise(widths)])

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = []
        for encoder in self.encoders:
            x = encoder(x)
            levels.append(x)
        return levels


class _Block(nn.Module):
    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x), inplace=True)


class _Encoder(nn.Module):
    def __init__(self, inner: int) -> None:
        super().__init__()
        self.down_blocks = nn.ModuleList([_Block(inner, 128), _Block(128, 256), _Block(256, 512)])


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up_blocks = nn.ModuleList([_Block(512, 256), _Block(512, 128), _Block(256, 64)])


class _Hourglass(nn.Module):
    """An hourglass in channels only: nothing is pooled."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.encoder = _Encoder(inner)
        self.decoder = _Decoder()

    def forward(self, x: Tensor) -> Tensor:
        down, up = self.encoder.down_blocks, self.decoder.up_blocks
        narrow = down[0](x)
        middle = down[1](narrow)
        x = torch.cat([middle, up[0](down[2](middle))], 1)
        return up[2](torch.cat([narrow, up[1](x)], 1))


class Occlusion(nn.Module):
    """What to paint into the holes that moving leaves, and where.

    Input (n, 2C + 2, h, w): still features, flow, moved features. Output: paint (n, C, h, w); mask (n, 1, h, w) in
    [0, 1], 1 where the moved features are kept.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.hourglass = _Hourglass(2 * channels + 2)
        self.matting_mask = nn.Conv2d(64, 1, 7, padding=3)
        self.matting = nn.Conv2d(64, channels, 7, padding=3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.hourglass(x)
        return self.matting(x), self.matting_mask(x).sigmoid()
