"""M: a 256x256 picture to head pose, expression and 21 canonical keypoints; ConvNeXt V2 (arXiv 2301.00808) Tiny."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POINTS, BINS = 21, 66
EPS = 1e-6

#: Outputs of the linear heads by the name of their answer.
HEADS = {"kp": 3 * POINTS, "scale": 1, "pitch": BINS, "yaw": BINS, "roll": BINS, "t": 3, "exp": 3 * POINTS}


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class ResponseNorm(nn.Module):
    """Global response normalisation of (B, H, W, C): channels weighed by their share of the picture's energy."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) -> the same shape."""
        energy = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)
        share = energy / (energy.mean(-1, keepdim=True) + EPS)
        return self.gamma * (x * share) + self.beta + x


class ConvNextBlock(nn.Module):
    """Depthwise 7x7, layer norm, widened four times with GELU and response norm, narrowed, plus the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.grn = ResponseNorm(4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        h = self.norm(self.dwconv(x).movedim(1, -1))
        h = self.pwconv2(self.grn(F.gelu(self.pwconv1(h))))
        return x + h.movedim(-1, 1)


class Detector(nn.Module):
    """The trunk and its linear heads (published names start with ``detector.``)."""

    def __init__(self, depths: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.downsample_layers = nn.ModuleList([nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0]))])
        for before, after in itertools.pairwise(widths):
            self.downsample_layers.append(nn.Sequential(ChannelNorm(before), nn.Conv2d(before, after, 2, 2)))
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNextBlock(width) for _ in range(depth)))
            for depth, width in zip(depths, widths, strict=True)
        )
        self.norm = nn.LayerNorm(widths[-1], eps=EPS)
        for head, outputs in HEADS.items():
            setattr(self, f"fc_{head}", nn.Linear(widths[-1], outputs))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) -> the flat answer of every head."""
        for down, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(down(x))
        pooled = self.norm(x.mean((-2, -1)))
        return {head: getattr(self, f"fc_{head}")(pooled) for head in HEADS}


class MotionExtractor(nn.Module):
    """Motion extractor M (published: depths 3, 3, 9, 3; widths 96, 192, 384, 768)."""

    def __init__(self, depths: Sequence[int] = (3, 3, 9, 3), widths: Sequence[int] = (96, 192, 384, 768)) -> None:
        super().__init__()
        self.detector = Detector(depths, widths)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """RGB (B, 3, 256, 256) in 0..1 -> raw heads.

        ``pitch``, ``yaw``, ``roll`` (B, 66) logits of angle bins; ``t`` (B, 3); ``scale`` (B, 1); ``exp`` and ``kp``
        (B, 21, 3), components x, y, z.
        """
        heads = self.detector(image)
        return heads | {name: heads[name].unflatten(1, (POINTS, 3)) for name in ("exp", "kp")}
