"""W: moves the source's feature volume from its keypoints to the driving ones, and flattens it for G."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from faceshot_liveportrait.nets.blocks import ConvNorm2d, DownBlock3d, UpBlock3d

POINTS = 21
SPREAD = 0.01  # variance of the keypoints' heatmaps, in units of the -1..1 cube


class Warped(NamedTuple):
    """What W answers: ``feature`` (B, 256, 64, 64), ``occlusion`` (B, 1, 64, 64), ``flow`` (B, 16, 64, 64, 3)."""

    feature: Tensor
    occlusion: Tensor
    flow: Tensor


def identity_grid(size: tuple[int, int, int], like: Tensor) -> Tensor:
    """Coordinates (D, H, W, 3) of a volume's cells: -1..1 from first to last along every axis, order x, y, z."""
    axes = [torch.linspace(-1, 1, n, device=like.device, dtype=like.dtype) for n in size]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack((x, y, z), -1)


def sample(volume: Tensor, flow: Tensor) -> Tensor:
    """Read ``volume`` (B, C, D, H, W) at ``flow`` (B, D, H, W, 3): trilinear, zeros outside.

    The flow's -1..1 means outer edges of cells (``align_corners=False``) while :func:`identity_grid` puts it on
    their centres; the published weights were trained with this mismatch.
    """
    return F.grid_sample(volume, flow, mode="bilinear", padding_mode="zeros", align_corners=False)


def heatmaps(grid: Tensor, points: Tensor) -> Tensor:
    """Gaussians of variance ``SPREAD`` about ``points`` (B, K, 3) on ``grid`` (D, H, W, 3) -> (B, K, D, H, W)."""
    distance = (grid - points[:, :, None, None, None, :]).square().sum(-1)
    return torch.exp(-0.5 * distance / SPREAD)


class Encoder(nn.Module):
    """Five halvings; keeps what every level came from."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.down_blocks = nn.ModuleList(DownBlock3d(before, after) for before, after in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, C, D, H, W) -> the input and the output of every level."""
        levels = [x]
        for block in self.down_blocks:
            levels.append(block(levels[-1]))
        return levels


class Decoder(nn.Module):
    """Five doublings, each joined with the encoder's volume of that size, then a convolution at full size."""

    def __init__(self, widths: tuple[int, ...], narrowest: int) -> None:
        super().__init__()
        ups, joined = [], widths[-1]
        for width, skip in zip((*widths[-2:0:-1], narrowest), widths[-2::-1], strict=True):
            ups.append(UpBlock3d(joined, width))
            joined = width + skip
        self.up_blocks = nn.ModuleList(ups)
        self.outputs = joined
        self.conv = nn.Conv3d(joined, joined, 3, padding=1)
        self.norm = nn.BatchNorm3d(joined)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """The encoder's volumes, widest last -> (B, outputs, D, H, W)."""
        x = levels[-1]
        for block, skip in zip(self.up_blocks, levels[-2::-1], strict=True):
            x = torch.cat((block(x), skip), 1)
        return F.relu(self.norm(self.conv(x)))


class Hourglass(nn.Module):
    """Encoder and decoder of W's dense motion (depth is never reduced)."""

    def __init__(self, inputs: int, width: int, widest: int) -> None:
        super().__init__()
        widths = (inputs, *(min(widest, width << level) for level in range(1, 6)))
        self.encoder = Encoder(widths)
        self.decoder = Decoder(widths, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, D, H, W) -> (B, width + inputs, D, H, W)."""
        return self.decoder(self.encoder(x))


class DenseMotion(nn.Module):
    """Blends one flow per keypoint and standing still into a flow per cell, and says what came into view."""

    def __init__(self, channels: int, depth: int, compressed: int, width: int, widest: int) -> None:
        super().__init__()
        self.compress = nn.Conv3d(channels, compressed, 1)
        self.norm = nn.BatchNorm3d(compressed)
        self.hourglass = Hourglass((POINTS + 1) * (compressed + 1), width, widest)
        outputs = self.hourglass.decoder.outputs
        self.mask = nn.Conv3d(outputs, POINTS + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(outputs * depth, 1, 7, padding=3)

    def candidates(self, volume: Tensor, x_s: Tensor, x_d: Tensor) -> tuple[Tensor, Tensor]:
        """The hourglass's input (B, 22 * 5, D, H, W) and the candidate flows (B, 22, D, H, W, 3)."""
        small = F.relu(self.norm(self.compress(volume)))
        batch, channels, *size = small.shape
        grid = identity_grid((size[0], size[1], size[2]), x_s)
        shifts = F.pad(x_s - x_d, (0, 0, 1, 0))  # the first candidate stands still
        flows = grid + shifts[:, :, None, None, None, :]
        count = flows.shape[1]
        moved = sample(small.repeat_interleave(count, 0), flows.flatten(0, 1)).view(batch, count, channels, *size)
        heat = F.pad(heatmaps(grid, x_d) - heatmaps(grid, x_s), (0, 0, 0, 0, 0, 0, 1, 0))
        return torch.cat((heat[:, :, None], moved), 2).flatten(1, 2), flows

    def forward(self, volume: Tensor, x_s: Tensor, x_d: Tensor) -> tuple[Tensor, Tensor]:
        """f_s (B, C, D, H, W) and keypoints (B, 21, 3) -> flow (B, D, H, W, 3) and occlusion (B, 1, H, W)."""
        given, flows = self.candidates(volume, x_s, x_d)
        features = self.hourglass(given)
        weights = torch.softmax(self.mask(features), 1)
        flow = torch.einsum("bkdhw,bkdhwc->bdhwc", weights, flows)
        return flow, torch.sigmoid(self.occlusion(features.flatten(1, 2)))


class WarpingModule(nn.Module):
    """Warping module W.

    Args:
        channels, depth: of the feature volume.
        compressed: channels that the dense motion looks at (published: 4).
        width, widest: channels of the hourglass, half its first level and its limit (published: 32, 1024).
        feature: channels of the flattened answer (published: 256).
    """

    def __init__(
        self,
        channels: int = 32,
        depth: int = 16,
        compressed: int = 4,
        width: int = 32,
        widest: int = 1024,
        feature: int = 256,
    ) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotion(channels, depth, compressed, width, widest)
        self.third = ConvNorm2d(channels * depth, feature, leak=0.01)
        self.fourth = nn.Conv2d(feature, feature, 1)

    def forward(self, volume: Tensor, x_s: Tensor, x_d: Tensor) -> Warped:
        """f_s (B, 32, 16, 64, 64), x_s and x_d (B, 21, 3) in the crop's -1..1 -> :class:`Warped`."""
        flow, occlusion = self.dense_motion_network(volume, x_s, x_d)
        feature = self.fourth(self.third(sample(volume, flow).flatten(1, 2)))
        return Warped(feature * occlusion, occlusion, flow)
