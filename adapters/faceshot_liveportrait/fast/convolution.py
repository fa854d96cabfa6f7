"""Convolutions with everything folded in that does not change between frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Target:
    """Where and in which dtype a network is to run."""

    dtype: torch.dtype
    device: torch.device = CPU


def folded(conv: Any, norm: Any = None) -> tuple[Tensor, Tensor]:
    """Weight and bias of ``conv``, or of ``conv`` then batch norm ``norm`` (inference statistics); float64, CPU."""
    weight = conv.weight.detach().to(CPU, torch.float64)
    bias = weight.new_zeros(len(weight)) if conv.bias is None else conv.bias.detach().to(weight)
    if norm is None:
        return weight, bias
    mean, variance, scale, shift = (
        value.detach().to(weight) for value in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    factor = scale / (variance + norm.eps).sqrt()
    return weight * factor.view(-1, *[1] * (weight.ndim - 1)), (bias - mean) * factor + shift


def widened(weight: Tensor, bias: Tensor, *, inputs: int = 0, outputs: int = 0) -> tuple[Tensor, Tensor]:
    """The same convolution with zero channels added, so that vector units are filled."""
    more = [0, 0] * (weight.ndim - 2) + [0, inputs, 0, outputs]
    return F.pad(weight, more), F.pad(bias, (0, outputs))


class Conv:
    """A convolution (2-D or 3-D by its weight) in channels-last order.

    Args:
        weight: (O, I, k, k) or (O, I, k, k, k), odd kernels keep the size. bias: (O,) or None.
        padding: instead of that of odd kernels.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, target: Target, padding: Sequence[int] = ()) -> None:
        self.layout = torch.channels_last_3d if weight.ndim == 5 else torch.channels_last
        self.weight = weight.to(target.device, target.dtype).contiguous(memory_format=self.layout)
        self.bias = None if bias is None else bias.to(target.device, target.dtype)
        self.padding = tuple(padding) or tuple(size // 2 for size in weight.shape[2:])
        self.call = F.conv3d if weight.ndim == 5 else F.conv2d

    def __call__(self, x: Tensor) -> Tensor:
        """(B, I, ...) -> (B, O, ...), both channels-last."""
        return self.call(x, self.weight, self.bias, padding=self.padding)  # type: ignore[operator]


class RepeatedConv:
    """A convolution of a map that was enlarged by repetition, computed on the small map.

    Among ``factor`` neighbours that repeat one value, a kernel of three sees at most two values; its taps on equal
    values are summed beforehand. Per axis this leaves two distinct results of two taps (factor 2) or three of two,
    one and two taps (factor 4) instead of ``factor`` results of three: 16 instead of 36 products, or 25 instead of 144.

    Args:
        weight: (O, I, 3, 3) or (O, I, 3, 3, 3), whose last two axes are those enlarged. bias: (O,).
        factor: 2 or 4.
    """

    def __init__(self, weight: Tensor, bias: Tensor, factor: int, target: Target) -> None:
        self.factor = factor
        self.which = (0, 1) if factor == 2 else (0, 1, 1, 2)  # distinct result of every neighbour
        self.parts = {}
        for row, down in enumerate(_taps(weight, -2, factor)):
            for column, both in enumerate(_taps(down, -1, factor)):
                padding = [size // 2 for size in both.shape[2:]]
                self.parts[row, column] = Conv(both, bias, target, padding)
        self.starts = (0, 1) if factor == 2 else (0, 0, 1)

    def __call__(self, x: Tensor, into: Sequence[Tensor]) -> None:
        """Write ReLU of the result for x (B, I, [D], H, W), split along the channels, into the given maps.

        Args:
            into: maps (B, part of O, [D], factor H, factor W) whose channels add up to O.
        """
        height, width = x.shape[-2:]
        sizes = [out.shape[1] for out in into]
        for (row, column), conv in self.parts.items():
            top, left = self.starts[row], self.starts[column]
            part = conv(x)[..., top : top + height, left : left + width].relu()
            for out, values in zip(into, part.split(sizes, 1), strict=True):
                for y in (i for i, kind in enumerate(self.which) if kind == row):
                    for z in (i for i, kind in enumerate(self.which) if kind == column):
                        out[..., y :: self.factor, z :: self.factor].copy_(values)


def _taps(weight: Tensor, axis: int, factor: int) -> list[Tensor]:
    """The kernels along ``axis`` that the distinct neighbours see."""
    a, b, c = weight.unbind(axis)
    first, last = torch.stack((a, b + c), axis), torch.stack((a + b, c), axis)
    return [first, last] if factor == 2 else [first, (a + b + c).unsqueeze(axis), last]
