"""Pose pictures -> five feature maps.

Published code never leaves training mode, in which each batch norm takes mean and variance from the pictures at hand;
the stored averages belong to another range of values. So statistics are *measured* on a set of frames here, and may be
*kept* for others: the same pose then looks the same in every window.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn
from torch.nn.functional import batch_norm

Statistics = Literal["measured", "kept", "stored"]
#: Frames whose attention is computed in one call.
_TOGETHER: Final = 4


class PictureNorm(nn.BatchNorm2d):
    """Batch norm with a choice of whose mean and variance; never changes the stored ones."""

    statistics: Statistics = "measured"
    known: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, h, w) -> the same shape."""
        if self.statistics == "stored":
            mean, variance = self.running_mean, self.running_var
        elif self.statistics == "measured":
            # Over mostly black pictures single precision loses the variance.
            variance, mean = (value.to(x) for value in torch.var_mean(_exact(x), (0, 2, 3), correction=0))
            self.known = mean, variance
        else:
            assert self.known is not None
            mean, variance = self.known
        return batch_norm(x, mean, variance, self.weight, self.bias, training=False, eps=self.eps)


def _exact(x: Tensor) -> Tensor:
    return x if x.device.type == "mps" else x.double()  # Apple's GPUs have no double precision


def _convolutions(*layers: tuple[int, int, int, int]) -> nn.Sequential:
    """Layers (in, out, kernel, stride), each with norm and ReLU."""
    parts: list[nn.Module] = []
    for channels, out, kernel, stride in layers:
        parts += [nn.Conv2d(channels, out, kernel, stride, padding=1), PictureNorm(out), nn.ReLU()]
    return nn.Sequential(*parts)


class PoseGuider(nn.Module):
    """From 3 channels in eight steps of one stage and four more stages.

    Args:
        widths: channels of the five maps; the first is an eighth as wide as the pictures, each of three more half that.
    """

    def __init__(self, widths: tuple[int, ...] = (320, 320, 640, 1280, 1280)) -> None:
        super().__init__()
        self.conv_layers = _convolutions(
            (3, 3, 3, 1), (3, 16, 4, 2), (16, 16, 3, 1), (16, 32, 4, 2), (32, 32, 3, 1), (32, 64, 4, 2),
            (64, 64, 3, 1), (64, 128, 3, 1),
        )  # fmt: skip
        self.final_proj = nn.Conv2d(128, widths[0], 1)
        self.scale = nn.Parameter(torch.full((1,), 2.0))
        for stage in (1, 2, 3):
            before, width = widths[stage - 1], widths[stage]
            setattr(self, f"conv_layers_{stage}", _convolutions((before, before, 3, 1), (before, width, 3, 2)))
        self.conv_layers_4 = _convolutions((widths[3], widths[4], 3, 1))
        for stage in (1, 2, 3, 4):
            # Called cross-attention in the file; it has none.
            setattr(self, f"cross_attn{stage}", Transformer2DModel(16, 88, in_channels=widths[stage]))
        #: Frames that went through, for tests.
        self.frames = 0

    def use(self, statistics: Statistics) -> None:
        """Whose mean and variance normalise from now on."""
        for module in self.modules():
            if isinstance(module, PictureNorm):
                module.statistics = statistics

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """(n, 3, H, W), in -1..509 (``stored``: in -1..1) -> five maps (n, C, h, w)."""
        self.frames += len(pictures)
        maps = [self.final_proj(self.conv_layers(pictures)) * self.scale]
        for stage in (1, 2, 3, 4):
            x = getattr(self, f"conv_layers_{stage}")(maps[-1])
            attention = getattr(self, f"cross_attn{stage}")
            maps.append(torch.cat([attention(part, return_dict=False)[0] for part in x.split(_TOGETHER)]))
        return maps
