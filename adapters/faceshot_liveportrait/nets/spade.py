"""G: a warped feature map (256x64x64) to a 512x512 picture; SPADE blocks (arXiv 1903.07291)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2


class SpectralConv2d(nn.Module):
    """A convolution stored as published: ``weight_orig`` with the vectors of its spectral norm.

    The weight is ``weight_orig / sigma`` with sigma = u . W v from the stored vectors (no iteration in inference).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight_orig = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.register_buffer("weight_u", torch.empty(outputs))
        self.register_buffer("weight_v", torch.empty(inputs * kernel * kernel))
        nn.init.kaiming_uniform_(self.weight_orig, a=5**0.5)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
        if not self.weight_orig.is_meta:
            matrix = self.weight_orig.detach().flatten(1)
            left = matrix.sum(1)
            for _ in range(8):  # power iteration
                right = F.normalize(matrix.T @ left, dim=0)
                left = F.normalize(matrix @ right, dim=0)
            self.weight_u.copy_(left)
            self.weight_v.copy_(right)

    weight_u: Tensor
    weight_v: Tensor

    @property
    def sigma(self) -> Tensor:
        """The norm the weight is divided by, a scalar."""
        return torch.dot(self.weight_u, torch.mv(self.weight_orig.flatten(1), self.weight_v))

    @property
    def weight(self) -> Tensor:
        """The weight in use, (outputs, inputs, k, k)."""
        return self.weight_orig / self.sigma

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W)."""
        return F.conv2d(x, self.weight, self.bias, padding=self.weight_orig.shape[-1] // 2)


class SpadeNorm(nn.Module):
    """Instance norm whose scale and shift are painted by convolutions of the feature map."""

    def __init__(self, channels: int, feature: int, hidden: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(feature, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, feature: Tensor) -> Tensor:
        """x (B, C, H, W), feature (B, F, h, w), resized to x by repetition -> (B, C, H, W)."""
        hidden = self.mlp_shared(F.interpolate(feature, size=x.shape[-2:], mode="nearest"))
        return F.instance_norm(x) * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)


class SpadeBlock(nn.Module):
    """Residual block of SPADE norms; the shortcut is learned where the channels change."""

    def __init__(self, inputs: int, outputs: int, feature: int, hidden: int, *, spectral: bool) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.norm_0, self.norm_1 = SpadeNorm(inputs, feature, hidden), SpadeNorm(middle, feature, hidden)
        self.conv_0 = _conv(inputs, middle, 3, spectral)
        self.conv_1 = _conv(middle, outputs, 3, spectral)
        self.learned = inputs != outputs
        if self.learned:
            self.conv_s = _conv(inputs, outputs, 1, spectral, bias=False)
            self.norm_s = SpadeNorm(inputs, feature, hidden)

    def forward(self, x: Tensor, feature: Tensor) -> Tensor:
        """x (B, inputs, H, W), feature (B, F, h, w) -> (B, outputs, H, W)."""
        h = self.conv_0(F.leaky_relu(self.norm_0(x, feature), SLOPE))
        h = self.conv_1(F.leaky_relu(self.norm_1(h, feature), SLOPE))
        return (self.conv_s(self.norm_s(x, feature)) if self.learned else x) + h


class SpadeGenerator(nn.Module):
    """Generator G.

    Args:
        width: channels of the middle blocks (published: 512).
        feature: channels of the feature map (published: 256).
        hidden: channels inside every SPADE norm (published: 128).
        spectral: hold the weights as published (with spectral norm); False: plain convolutions.
    """

    def __init__(self, width: int = 512, feature: int = 256, hidden: int = 128, *, spectral: bool = True) -> None:
        super().__init__()
        self.fc = nn.Conv2d(feature, width, 3, padding=1)
        for index in range(6):
            setattr(self, f"G_middle_{index}", SpadeBlock(width, width, feature, hidden, spectral=spectral))
        self.up_0 = SpadeBlock(width, width // 2, feature, hidden, spectral=spectral)
        self.up_1 = SpadeBlock(width // 2, width // 8, feature, hidden, spectral=spectral)
        self.conv_img = nn.Sequential(nn.Conv2d(width // 8, 3 * 2 * 2, 3, padding=1))

    @property
    def middle(self) -> tuple[SpadeBlock, ...]:
        """The six blocks at the feature map's size."""
        return tuple(getattr(self, f"G_middle_{index}") for index in range(6))

    def forward(self, feature: Tensor) -> Tensor:
        """(B, 256, 64, 64) -> RGB (B, 3, 512, 512) in 0..1."""
        return torch.sigmoid(self.logits(feature))

    def logits(self, feature: Tensor) -> Tensor:
        """The picture before its sigmoid."""
        x = self.fc(feature)
        for block in self.middle:
            x = block(x, feature)
        x = self.up_0(F.interpolate(x, scale_factor=2, mode="nearest"), feature)
        x = self.up_1(F.interpolate(x, scale_factor=2, mode="nearest"), feature)
        return F.pixel_shuffle(self.conv_img(F.leaky_relu(x, SLOPE)), 2)


def fold_spectral(network: nn.Module) -> nn.Module:
    """Replace every :class:`SpectralConv2d` in ``network`` by the plain convolution it amounts to; returns it."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, SpectralConv2d):
                setattr(parent, name, _folded(child))
    return network


@torch.no_grad()
def _folded(conv: SpectralConv2d) -> nn.Conv2d:
    outputs, inputs, kernel, _ = conv.weight_orig.shape
    device = conv.weight_orig.device
    plain = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=conv.bias is not None, device="meta").to_empty(
        device=device
    )
    plain.weight.copy_(conv.weight)
    if conv.bias is not None and plain.bias is not None:
        plain.bias.copy_(conv.bias)
    return plain.train(conv.training).requires_grad_(conv.weight_orig.requires_grad)


def _conv(inputs: int, outputs: int, kernel: int, spectral: bool, *, bias: bool = True) -> nn.Module:
    if spectral:
        return SpectralConv2d(inputs, outputs, kernel, bias=bias)
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
