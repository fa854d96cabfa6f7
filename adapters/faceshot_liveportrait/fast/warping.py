"""W rearranged for many frames of one source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from faceshot_liveportrait.fast.convolution import Conv, RepeatedConv, Target, folded, widened
from faceshot_liveportrait.fast.sampling import as_table, read_table, shifted
from faceshot_liveportrait.nets.warping import POINTS, SPREAD, WarpingModule, identity_grid, sample

CANDIDATES = POINTS + 1


@dataclass(frozen=True)
class Source:
    """What the source decides: kept for all its frames (all float32).

    Attributes:
        volume: f_s (1, C, D, H, W). table: the same as rows (D H W, C), None on CUDA.
        small: the compressed volume (c, D, H, W). still: ``small`` at the identity grid.
        points: x_s (1, 21, 3). heat: its heatmaps (1, 21, D, H, W).
    """

    volume: Tensor
    table: Tensor | None
    small: Tensor
    still: Tensor
    points: Tensor
    heat: Tensor


class FastWarping:
    """Same answer as :class:`WarpingModule`; grids, positions, softmax and sampling are float32 in every dtype.

    The hourglass sees its channels in another order (heatmaps, then features; the heatmap of standing still is
    always zero and left out) and widened to a multiple of 16; its first and last weights are reordered to match.
    """

    def __init__(self, net: WarpingModule, target: Target) -> None:
        motion: Any = net.dense_motion_network
        self.dtype = target.dtype
        self.compress = folded(motion.compress, motion.norm)
        decoder, encoder = motion.hourglass.decoder, motion.hourglass.encoder
        self.compressed: int = motion.compress.out_channels
        order = _order(self.compressed)
        self.given = -(-len(order) // 16) * 16
        spare = self.given - len(order)
        self.downs = []
        for level, block in enumerate(encoder.down_blocks):
            weight, bias = folded(block.conv, block.norm)
            if level == 0:
                weight, bias = widened(weight[:, order], bias, inputs=spare)
            self.downs.append(Conv(weight, bias, target))
        self.ups = [RepeatedConv(*folded(block.conv, block.norm), 2, target) for block in decoder.up_blocks]
        self.widths: list[int] = [block.conv.out_channels for block in decoder.up_blocks]
        own = self.widths[-1]
        weight, bias = folded(decoder.conv, decoder.norm)
        weight = torch.cat((weight[:, :own], weight[:, own:][:, order]), 1)
        extra = -len(weight) % 16
        self.last = Conv(*widened(weight, bias, inputs=spare, outputs=extra), target)
        self.mask = SlicedConv(*folded(motion.mask), extra, target)
        self.occlusion = DeepConv(*folded(motion.occlusion), decoder.outputs, extra, target)
        self.channels, self.depth = _volume(net, decoder.outputs)
        weight, bias = folded(net.third.conv, net.third.norm)
        weight = weight.unflatten(1, (self.channels, self.depth)).transpose(1, 2).flatten(1, 2)
        self.third, self.leak = Conv(weight, bias, target), net.third.leak
        self.fourth = Conv(*folded(net.fourth), target)

    def prepare(self, volume: Tensor, x_s: Tensor) -> Source:
        """Keep what f_s (1, C, D, H, W) and x_s (1, 21, 3), both float32, decide for all frames."""
        weight, bias = (value.to(volume) for value in self.compress)
        small = F.relu(F.conv3d(volume, weight, bias))
        depth, height, width = volume.shape[2:]
        grid = identity_grid((depth, height, width), x_s)
        table = as_table(volume[0]) if volume.device.type != "cuda" else None
        return Source(volume, table, small[0], sample(small, grid[None])[0], x_s, self._heat(x_s, small))

    def __call__(self, source: Source, x_d: Tensor) -> Tensor:
        """x_d (B, 21, 3) -> feature (B, 256, H, W), channels-last, in this network's dtype."""
        features = self._hourglass(self._given(source, x_d))
        weights = torch.softmax(self.mask(features)[:, :CANDIDATES].float(), 1)
        shifts = F.pad(source.points - x_d, (0, 0, 1, 0))
        # The candidates are the grid plus a shift each, and the weights add up to 1.
        flow = weights.permute(0, 2, 3, 4, 1).flatten(1, 3) @ shifts
        depth, height, width = features.shape[2:]
        flow = flow.view(-1, depth, height, width, 3) + identity_grid((depth, height, width), x_d)
        seen = torch.sigmoid(self.occlusion(features))
        x = F.leaky_relu_(self.third(self._warped(source, flow)), self.leak)
        return self.fourth(x) * seen.to(self.dtype)

    def _heat(self, points: Tensor, like: Tensor) -> Tensor:
        """Heatmaps (B, 21, D, H, W) as products of one Gaussian per axis."""
        x, y, z = (
            torch.exp(-0.5 / SPREAD * (torch.linspace(-1, 1, n, device=points.device) - points[..., axis, None]) ** 2)
            for axis, n in enumerate(reversed(like.shape[-3:]))
        )
        return z[..., :, None, None] * (y[..., :, None] * x[..., None, :])[:, :, None]

    def _given(self, source: Source, x_d: Tensor) -> Tensor:
        """The hourglass's input (B, given, D, H, W): 21 heatmaps, then 22 compressed volumes, then zeros."""
        count, size = len(x_d), source.small.shape[1:]
        out = torch.zeros((count, *size, self.given), dtype=self.dtype, device=x_d.device).movedim(-1, 1)
        out[:, :POINTS] = self._heat(x_d, source.small) - source.heat
        features = out[:, POINTS : POINTS + CANDIDATES * self.compressed].unflatten(1, (CANDIDATES, self.compressed))
        features[:, 0] = source.still
        moved = shifted(source.small, (source.points - x_d).flatten(0, 1))
        features[:, 1:] = moved.unflatten(0, (count, POINTS))
        return out

    def _hourglass(self, x: Tensor) -> Tensor:
        levels = [x]
        for down in self.downs:
            levels.append(_halved(down(levels[-1]).relu_()))
        x = levels[-1]
        for up, width, skip in zip(self.ups, self.widths, levels[-2::-1], strict=True):
            count, channels, *size = skip.shape
            joined = torch.empty((count, *size, width + channels), dtype=x.dtype, device=x.device).movedim(-1, 1)
            up(x, [joined[:, :width]])
            joined[:, width:] = skip
            x = joined
        return self.last(x).relu_()

    def _warped(self, source: Source, flow: Tensor) -> Tensor:
        """f_s at ``flow`` (B, D, H, W, 3) -> (B, D C, H, W), depth-major, channels-last."""
        count, depth, height, width, _ = flow.shape
        if source.table is None:
            read = sample(source.volume.expand(count, -1, -1, -1, -1), flow).transpose(1, 2).flatten(1, 2)
            return read.to(self.dtype, memory_format=torch.channels_last)
        positions = flow.permute(0, 2, 3, 1, 4).reshape(-1, 3)
        read = read_table(source.table, (depth, height, width), positions)
        return read.to(self.dtype).view(count, height, width, -1).movedim(-1, 1)


class SlicedConv:
    """A 3-D convolution with few outputs as a 2-D one with an output per depth tap, whose slices are then added.

    Args:
        weight: (O, I, k, k, k), k odd. bias: (O,). extra: zero inputs to add.
    """

    def __init__(self, weight: Tensor, bias: Tensor, extra: int, target: Target) -> None:
        self.outputs, self.taps = len(weight), weight.shape[2]
        weight, _ = widened(weight, bias, inputs=extra)
        self.conv = Conv(weight.movedim(2, 0).flatten(0, 1), None, target)
        self.bias = bias.to(target.device, torch.float32)

    def __call__(self, x: Tensor) -> Tensor:
        """(B, I, D, H, W) -> (B, O, D, H, W), float32."""
        count, _, depth, height, width = x.shape
        slices = x.transpose(1, 2).flatten(0, 1)
        parts = self.conv(slices).unflatten(0, (count, depth)).unflatten(2, (self.taps, self.outputs))
        out = self.bias.view(1, 1, -1, 1, 1).expand(count, depth, -1, height, width).contiguous()
        for tap in range(self.taps):
            offset = tap - self.taps // 2
            first, last = max(0, -offset), min(depth, depth - offset)
            if first < last:
                out[:, first:last] += parts[:, first + offset : last + offset, tap]
        return out.transpose(1, 2)


def _halved(x: Tensor) -> Tensor:
    """Height and width averaged in pairs; a 2-D pooling, as depth and batch are one in channels-last order."""
    count = len(x)
    small = F.avg_pool2d(x.transpose(1, 2).flatten(0, 1), 2)
    return small.unflatten(0, (count, -1)).transpose(1, 2)


def _order(compressed: int) -> list[int]:
    """Published channel of each of ours: published are 22 groups of a heatmap and ``compressed`` features."""
    group = compressed + 1
    heat = [group * index for index in range(1, CANDIDATES)]
    return heat + [group * index + 1 + channel for index in range(CANDIDATES) for channel in range(compressed)]


class DeepConv:
    """A 2-D convolution to one channel that takes channels and depth as one: a product per tap, then their sum.

    Args:
        weight: (1, C D, k, k), channel-major, k odd. bias: (1,). channels: C. extra: zero channels to add.
    """

    def __init__(self, weight: Tensor, bias: Tensor, channels: int, extra: int, target: Target) -> None:
        self.size = weight.shape[-1]
        taps = F.pad(weight.flatten(2).unflatten(1, (channels, -1)), (0, 0, 0, 0, 0, extra))[0]
        # A cell adds to its neighbours what they would read of it: the mirrored kernel.
        self.taps = taps.flip(2).transpose(0, 1).to(target.device, target.dtype).contiguous()  # (D, C, k k)
        self.bias = bias.to(target.device, torch.float32)

    def __call__(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) -> (B, 1, H, W), float32."""
        height, width = x.shape[-2:]
        cells = x.permute(0, 2, 3, 4, 1).flatten(2, 3)  # (B, D, H W, C)
        parts = torch.matmul(cells, self.taps).float().sum(1)  # (B, H W, k k): what each cell gives to its neighbours
        edge = self.size - 1
        whole = F.fold(parts.transpose(1, 2), (height + edge, width + edge), self.size)
        middle = whole[..., edge // 2 : edge // 2 + height, edge // 2 : edge // 2 + width]
        return middle + self.bias.view(1, 1, 1, 1)


def _volume(net: WarpingModule, outputs: int) -> tuple[int, int]:
    """Channels and depth of f_s."""
    depth = net.dense_motion_network.occlusion.in_channels // outputs
    return net.third.conv.in_channels // depth, depth
