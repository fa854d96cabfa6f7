"""G rearranged: fewer products for the painted norms, one instance norm where two saw the same map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from faceshot_liveportrait.fast.convolution import Conv, RepeatedConv, Target, folded
from faceshot_liveportrait.nets.spade import SLOPE, SpadeBlock, SpadeGenerator, SpadeNorm

EPS = 1e-5


class FastGenerator:
    """Same answer as :class:`SpadeGenerator`; sums, norms' statistics and the last convolution are float32."""

    def __init__(self, net: SpadeGenerator, target: Target) -> None:
        self.dtype = target.dtype
        self.fc = Conv(*folded(net.fc), target)
        self.middle = [FastBlock(block, 1, target) for block in net.middle]
        self.ups = [FastBlock(net.up_0, 2, target), FastBlock(net.up_1, 4, target)]
        self.image = Conv(*folded(net.conv_img[0]), Target(torch.float32, target.device))

    def __call__(self, feature: Tensor) -> Tensor:
        """(B, 256, H, W) channels-last -> RGB (B, 3, 8H, 8W) in 0..1, float32."""
        feature = feature.to(self.dtype)
        x = self.fc(feature).float()
        for block in (*self.middle, *self.ups):
            x = block(x, feature)
        return torch.sigmoid_(F.pixel_shuffle(self.image(F.leaky_relu_(x, SLOPE)), 2))


class FastBlock:
    """A SPADE block at ``factor`` times the feature map's size.

    Factors above 1 are blocks with a learned shortcut, whose input is still to be doubled by repetition: its
    statistics are those of the small map, and normalised values are repeated only while they are scaled.
    """

    def __init__(self, block: SpadeBlock, factor: int, target: Target) -> None:
        self.factor, self.dtype = factor, target.dtype
        norms = [block.norm_0, block.norm_1, *([block.norm_s] if block.learned else [])]
        weight, bias = (torch.cat(both) for both in zip(*(folded(norm.mlp_shared[0]) for norm in norms), strict=True))
        self.count, self.width = len(norms), block.norm_0.mlp_gamma.in_channels
        self.shared = Conv(weight, bias, target) if factor == 1 else RepeatedConv(weight, bias, factor, target)
        self.conv_0, self.conv_1 = Conv(*folded(block.conv_0), target), Conv(*folded(block.conv_1), target)
        self.scale_0, self.shift_0 = _scale(block.norm_0, target), Conv(*folded(block.norm_0.mlp_beta), target)
        self.scale_1, self.shift_1 = _scale(block.norm_1, target), Conv(*folded(block.norm_1.mlp_beta), target)
        self.learned = block.learned
        if block.learned:
            # No activation follows this norm, so its shift and the 1x1 convolution after it are one convolution.
            mix, _ = folded(block.conv_s)
            weight, bias = folded(block.norm_s.mlp_beta)
            mix = mix[:, :, 0, 0]
            self.scale_s = _scale(block.norm_s, target)
            self.shift_s = Conv(torch.einsum("oi,ikyx->okyx", mix, weight), mix @ bias, target)
            self.conv_s = Conv(mix[:, :, None, None], None, target)

    def __call__(self, x: Tensor, feature: Tensor) -> Tensor:
        """x float32 (B, I, h, w), to be doubled if ``factor`` > 1; feature (B, F, H, W) -> float32 (B, O, ...)."""
        hidden = self._hidden(feature)
        normal = _normalised(x, self.dtype)
        if self.learned:
            out = self.shift_s(hidden[2])
            out = out.float() + self.conv_s(_painted(self.scale_s(hidden[2]), normal))
        else:
            out = x
        h = _painted(self.scale_0(hidden[0]), normal, self.shift_0(hidden[0]))
        h = self.conv_0(F.leaky_relu_(h, SLOPE))
        h = _painted(self.scale_1(hidden[1]), _normalised(h, self.dtype), self.shift_1(hidden[1]))
        return out + self.conv_1(F.leaky_relu_(h, SLOPE))

    def _hidden(self, feature: Tensor) -> list[Tensor]:
        """The norms' hidden maps (B, 128, factor H, factor W)."""
        if isinstance(self.shared, Conv):
            return [
                part.contiguous(memory_format=torch.channels_last)
                for part in self.shared(feature).relu_().split(self.width, 1)
            ]
        count, _, height, width = feature.shape
        size = (count, height * self.factor, width * self.factor, self.width)
        maps = [torch.empty(size, dtype=self.dtype, device=feature.device).movedim(-1, 1) for _ in range(self.count)]
        self.shared(feature, maps)
        return maps


def _scale(norm: SpadeNorm, target: Target) -> Conv:
    """The convolution that paints 1 + gamma."""
    weight, bias = folded(norm.mlp_gamma)
    return Conv(weight, bias + 1, target)


def _normalised(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Instance norm of (B, C, H, W) without weights; statistics in float32."""
    if x.device.type == "cpu":
        # Batch norm of one sample is the same and the one channels-last norm that is fast on the CPU.
        return torch.cat([F.batch_norm(one, None, None, training=True, eps=EPS) for one in x.split(1)]).to(dtype)
    variance, mean = torch.var_mean(x.float(), (2, 3), correction=0, keepdim=True)
    factor = torch.rsqrt(variance + EPS)
    return torch.addcmul(-mean * factor, x.float(), factor).to(dtype)


def _painted(scale: Tensor, normal: Tensor, shift: Tensor | None = None) -> Tensor:
    """``scale * normal + shift`` in place; ``normal`` is repeated twice per axis where it is half the size."""
    double = scale.shape[-1] // normal.shape[-1]
    small = normal.permute(0, 2, 3, 1)[:, :, None, :, None]
    big = scale.permute(0, 2, 3, 1).unflatten(1, (-1, double)).unflatten(3, (-1, double))
    if shift is None:
        big.mul_(small)
        return scale
    shift.permute(0, 2, 3, 1).unflatten(1, (-1, double)).unflatten(3, (-1, double)).addcmul_(big, small)
    return shift
