"""Variations of a batch of crops at every use, on the training device: place, shape, light and damage.

A crop and its reference share what one camera and one face share (place, bend, colours, light) and differ by what
changes from frame to frame (a small shift, blur, noise, coding).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Jitter:
    """Spreads of the common shift and size, and of each crop's own, in widths; ``grow`` is the mean of log size.

    ``bend`` is the largest spread of a smooth bend that both share: no face is even.
    """

    shift: float
    grow: float
    size: float
    turn: float = 0.06
    own_shift: float = 0.05
    own_size: float = 0.04
    own_turn: float = 0.04
    bend: float = 0.03


#: An eye's corners as tracked are off by this much, and lie too far apart rather than too near; a mouth's less so.
EYE_JITTER = Jitter(0.10, 0.10, 0.2)
MOUTH_JITTER = Jitter(0.06, 0.02, 0.13, turn=0.11, own_turn=0.07, bend=0.05)


class Warp:
    """Where the crops (B, 2 of crop and reference) look in the kept pictures, in pixels from their middles."""

    def __init__(self, count: int, size: tuple[int, int], scale: float, jitter: Jitter, gen: torch.Generator) -> None:
        device = gen.device

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=gen, device=device)

        grow = torch.exp(jitter.grow + jitter.size * normal(count, 1) + jitter.own_size * normal(count, 2))
        turn = jitter.turn * normal(count, 1) + jitter.own_turn * normal(count, 2)
        stretch = torch.exp(0.08 * normal(count, 1)).expand(-1, 2)
        mirror = torch.where(torch.rand(count, 1, generator=gen, device=device) < 0.5, -1.0, 1.0).expand(-1, 2)
        cos, sin = torch.cos(turn), torch.sin(turn)
        across = torch.stack([cos, sin], -1) * (grow * stretch * mirror)[..., None]
        down = torch.stack([-sin, cos], -1) * (grow / stretch)[..., None]
        #: (B, 2, 2, 2) columns: one pixel of the crop to the right and down.
        self.linear = torch.stack([across, down], -1)
        self.mirror = mirror[:, 0] < 0
        shift = jitter.shift * normal(count, 1, 2) + jitter.own_shift * normal(count, 2, 2)
        self.shift = shift * scale
        bend = normal(count, 2, 4, 5) * (jitter.bend * scale * torch.rand(count, 1, 1, 1, generator=gen, device=device))
        self.bend = functional.interpolate(bend, size, mode="bicubic", align_corners=True)
        self.size = size

    def look(self, pictures: Tensor, which: int) -> Tensor:
        """(B, C, h, w) float views of kept pictures (B, C, H, W) float for the crop (0) or the reference (1)."""
        (h, w), (tall, wide) = self.size, pictures.shape[-2:]
        device = pictures.device
        y = torch.arange(h, device=device) - (h - 1) / 2
        x = torch.arange(w, device=device) - (w - 1) / 2
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
        at = torch.einsum("bij,hwj->bhwi", self.linear[:, which], grid) + self.shift[:, which, None, None]
        at = at + self.bend.permute(0, 2, 3, 1)
        at = at * torch.tensor([2 / wide, 2 / tall], device=device)
        return functional.grid_sample(pictures, at, padding_mode="border", align_corners=False)

    def points(self, points: Tensor) -> Tensor:
        """Where points (B, n, 2) of the kept picture (pixels from its middle) lie in the crop."""
        inverse = torch.linalg.inv(self.linear[:, 0])
        half = torch.tensor([self.size[1], self.size[0]], device=points.device) / 2
        bent = torch.zeros_like(points)
        found = points
        for _ in range(3):
            found = torch.einsum("bij,bnj->bni", inverse, points - self.shift[:, None, 0] - bent)
            at = (found / half).clamp(-1, 1)[:, None]
            bent = functional.grid_sample(self.bend, at, align_corners=False, padding_mode="border")[:, :, 0].mT
        return found


def recolour(pair: Tensor, gen: torch.Generator) -> Tensor:
    """Light and damage for (B, 2, 3, h, w) in 0..1."""
    count, _, _, height, width = pair.shape
    device = pair.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=gen, device=device)

    def chance(p: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=gen, device=device) < p

    # 1. What both share: gamma, contrast, mixed channels, tint, grey, broad light, and a little of each of its own.
    own = 0.25
    gamma = torch.exp(0.3 * normal(count, 1, 1, 1, 1) + own * 0.3 * normal(count, 2, 1, 1, 1))
    pair = pair.clamp(1e-3, 1) ** gamma
    mean = pair.mean((1, 2, 3, 4), keepdim=True)
    pair = mean + (pair - mean) * torch.exp(0.3 * normal(count, 1, 1, 1, 1) + own * 0.3 * normal(count, 2, 1, 1, 1))
    mixing = torch.eye(3, device=device) + 0.12 * normal(count, 1, 3, 3)
    pair = torch.einsum("bkij,bkjhw->bkihw", mixing.expand(-1, 2, -1, -1), pair)
    pair = pair + 0.06 * normal(count, 1, 3, 1, 1)
    weights = torch.tensor([0.3, 0.59, 0.11], device=device).view(1, 1, 3, 1, 1)
    grey = (pair * weights).sum(2, keepdim=True).expand_as(pair)
    pair = torch.where(chance(0.25, count, 1, 1, 1, 1), grey, pair)
    light = normal(count, 1, 3, 4) + own * normal(count, 2, 3, 4)
    light = functional.interpolate(light.flatten(0, 1)[:, None], (height, width), mode="bicubic", align_corners=True)
    strength = 0.35 * torch.rand(count, 1, 1, 1, 1, generator=gen, device=device)
    pair = pair * torch.exp(strength * light.view(count, 2, 1, height, width))
    # 2. What each has: blur, low resolution, noise, coding, something at the edge.
    flat = pair.flatten(0, 1)
    n = len(flat)
    flat = torch.where(chance(0.3, n, 1, 1, 1), _blur(flat, torch.rand(n, generator=gen, device=device) * 1.6), flat)
    for factor in (2, 3):
        small = functional.interpolate(flat, scale_factor=1 / factor, mode="area")
        low = functional.interpolate(small, (height, width), mode="bilinear", align_corners=False)
        flat = torch.where(chance(0.12, n, 1, 1, 1), low, flat)
    level = 0.05 * torch.rand(n, 1, 1, 1, generator=gen, device=device) * chance(0.4, n, 1, 1, 1)
    flat = flat + level * normal(n, 3, height, width)
    quality = torch.exp(torch.rand(n, 1, 1, 1, 1, 1, generator=gen, device=device) * 2.5) * 0.012
    flat = torch.where(chance(0.35, n, 1, 1, 1), _coded(flat, quality), flat)
    return _covered(flat, gen).view(count, 2, 3, height, width).clamp(-0.2, 1.3)


def _blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Each picture of (n, c, h, w) blurred by its own sigma [pixels]."""
    n, c, h, w = x.shape
    taps = torch.arange(-4, 5, device=x.device)
    kernel = torch.exp(-(taps**2) / (2 * (sigma[:, None] + 0.2) ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)
    flat = functional.pad(x.reshape(1, n * c, h, w), (4, 4, 4, 4), mode="replicate")
    flat = functional.conv2d(flat, kernel[:, None, None, :], groups=n * c)
    return functional.conv2d(flat, kernel[:, None, :, None], groups=n * c).view(n, c, h, w)


def _coded(x: Tensor, step: Tensor) -> Tensor:
    """Rounded 8x8 cosine transforms, coarser for high frequencies, as JPEG and video do."""
    n, c, h, w = x.shape
    k = torch.arange(8, device=x.device)
    basis = torch.cos(math.pi * (2 * k[None] + 1) * k[:, None] / 16) * 0.5
    basis[0] = 1 / math.sqrt(8)
    blocks = x.reshape(n, c, h // 8, 8, w // 8, 8).permute(0, 1, 2, 4, 3, 5)
    spectrum = basis @ blocks @ basis.T
    table = step * (1 + 1.0 * (k[:, None] + k[None]))
    blocks = basis.T @ (torch.round(spectrum / table) * table) @ basis
    return blocks.permute(0, 1, 2, 4, 3, 5).reshape(n, c, h, w)


def _covered(x: Tensor, gen: torch.Generator) -> Tensor:
    """Sometimes something of one colour reaches in from an edge: hair, a hand, a microphone."""
    n, c, h, w = x.shape
    device = x.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=gen, device=device)

    angle = 2 * math.pi * uniform(n, 1, 1)
    y = torch.linspace(-1, 1, h, device=device).view(1, h, 1)
    x_ = torch.linspace(-1, 1, w, device=device).view(1, 1, w)
    reach = x_ * torch.cos(angle) + y * torch.sin(angle) + 0.25 * torch.sin(6 * uniform(n, 1, 1) + 4 * (x_ - y))
    mask = torch.sigmoid(20 * (reach - (0.75 + 0.5 * uniform(n, 1, 1))))
    mask = (mask * (uniform(n, 1, 1) < 0.12))[:, None]
    return x + mask * (uniform(n, c, 1, 1) - x)


def normalised(pair: Tensor) -> Tensor:
    """Every picture of (..., 3, h, w) less its mean over its spread."""
    mean = pair.mean((-3, -2, -1), keepdim=True)
    return (pair - mean) / pair.std((-3, -2, -1), keepdim=True).clamp_min(1e-2)
