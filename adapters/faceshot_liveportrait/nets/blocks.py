"""Blocks that F and W share: convolution + batch norm + ReLU in 2-D and 3-D, with pooling or upsampling."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm2d(nn.Module):
    """Convolution 3x3, batch norm, ReLU (or leaky ReLU of slope ``leak``), then average pooling by ``pool``."""

    def __init__(self, inputs: int, outputs: int, *, pool: int = 1, leak: float = 0.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.pool, self.leak = pool, leak

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / pool, W / pool)."""
        x = F.leaky_relu(self.norm(self.conv(x)), self.leak)
        return F.avg_pool2d(x, self.pool) if self.pool > 1 else x


class DownBlock3d(nn.Module):
    """Convolution 3x3x3, batch norm, ReLU, then height and width halved by averaging; depth stays."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm3d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, D, H, W) -> (B, outputs, D, H / 2, W / 2)."""
        return F.avg_pool3d(F.relu(self.norm(self.conv(x))), (1, 2, 2))


class UpBlock3d(nn.Module):
    """Height and width doubled by repetition, then convolution 3x3x3, batch norm, ReLU; depth stays."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm3d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, D, H, W) -> (B, outputs, D, 2H, 2W)."""
        x = F.interpolate(x, scale_factor=(1, 2, 2), mode="nearest")
        return F.relu(self.norm(self.conv(x)))


class ResBlock3d(nn.Module):
    """Pre-activation residual block: twice (batch norm, ReLU, convolution 3x3x3), plus the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm3d(channels)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) -> the same shape."""
        h = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(h)))
