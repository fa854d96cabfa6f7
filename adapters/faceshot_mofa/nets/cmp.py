"""Conditional motion propagation (CMP): a still picture and a few moving points in, a dense flow field out.

ResNet-50 sees the picture, a small encoder the points; a decoder with four pyramid levels and two skip connections
classifies each pixel's motion into 99 bins per axis. Always float32: the flow moves pixels. Spec names are those of
``ckpt_iter_42000.pth.tar`` without their ``module.`` prefix.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 384
BINS, LIMIT = 99, 50.0
#: The largest flow the bins can express, in pixels of a 384 pixel frame.
MAX_FLOW = LIMIT - LIMIT / BINS


class CMPImage(NamedTuple):
    """What the decoder needs of the picture, for every frame the same."""

    features: Tensor  #: (1, 256, 48, 48)
    skip4: Tensor  #: (1, 128, 96, 96)
    skip2: Tensor  #: (1, 32, 192, 192)


def _norm_relu(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels), nn.ReLU(inplace=True)


def _cbr(inner: int, outer: int) -> list[nn.Module]:
    return [nn.Conv2d(inner, outer, 3, padding=1), *_norm_relu(outer)]


def _resize(x: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


class _Bottleneck(nn.Module):
    def __init__(self, inner: int, width: int, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = None
        if project:
            convolution = nn.Conv2d(inner, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def _layer(inner: int, width: int, blocks: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    first = _Bottleneck(inner, width, stride, dilation, project=True)
    rest = [_Bottleneck(4 * width, width, 1, dilation, project=False) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


class _ImageEncoder(nn.Module):
    """ResNet-50 whose last two stages keep 1/8 resolution by dilation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _layer(64, 64, 3)
        self.layer2 = _layer(256, 128, 4, stride=2)
        self.layer3 = _layer(512, 256, 6, dilation=2)
        self.layer4 = _layer(1024, 512, 3, dilation=4)
        self.conv5 = nn.Conv2d(2048, 256, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features at 1/8 (256 channels), layer 1 at 1/4 (256), the first convolution at 1/2 (64)."""
        first = F.relu(self.bn1(self.conv1(image)))
        layer1 = self.layer1(F.max_pool2d(first, 3, 2, padding=1))
        return self.conv5(self.layer4(self.layer3(self.layer2(layer1)))), layer1, first


class _SparseEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(4, 16, 5, 2, padding=2),
            *_norm_relu(16),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 3, padding=1),
            *_norm_relu(16),
            nn.AvgPool2d(2),
        )

    def forward(self, sparse: Tensor) -> Tensor:
        return self.features(sparse)


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        def pyramid() -> list[nn.Module]:
            return [*_cbr(272, 128), *_cbr(128, 128), *_cbr(128, 128)]

        self.decoder1 = nn.Sequential(*pyramid())
        self.decoder2 = nn.Sequential(nn.MaxPool2d(2), *pyramid())
        self.decoder4 = nn.Sequential(nn.MaxPool2d(4), *pyramid())
        self.decoder8 = nn.Sequential(nn.MaxPool2d(8), *pyramid())
        self.fusion8 = nn.Sequential(*_cbr(512, 256))
        self.skipconv4 = nn.Sequential(*_cbr(256, 128))
        self.fusion4 = nn.Sequential(*_cbr(384, 128))
        self.skipconv2 = nn.Sequential(*_cbr(64, 32))
        self.fusion2 = nn.Sequential(*_cbr(160, 64))
        self.head = nn.Conv2d(64, 2 * BINS, 1)

    def forward(self, image: CMPImage, sparse: Tensor) -> Tensor:
        """Logits (n, 198, 192, 192) of ``sparse`` (n, 16, 48, 48)."""
        n = sparse.shape[0]
        z = torch.cat([image.features.expand(n, -1, -1, -1), sparse], 1)
        levels = [_resize(d(z), z.shape[2:]) for d in (self.decoder2, self.decoder4, self.decoder8)]
        x = self.fusion8(torch.cat([self.decoder1(z), *levels], 1))
        x = torch.cat([_resize(x, image.skip4.shape[2:]), image.skip4.expand(n, -1, -1, -1)], 1)
        x = self.fusion4(x)
        x = torch.cat([_resize(x, image.skip2.shape[2:]), image.skip2.expand(n, -1, -1, -1)], 1)
        return self.head(self.fusion2(x))


class CMP(nn.Module):
    """Sparse to dense flow at 384 x 384, float32 (spec section 2).

    Attributes:
        counts: how many pictures went through ``image_encoder`` and how many frames through ``decoder``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.image_encoder = _ImageEncoder()
        self.flow_encoder = _SparseEncoder()
        self.flow_decoder = _Decoder()
        self.counts: Counter[str] = Counter()
        self.eval()

    def encode_image(self, image: Tensor) -> CMPImage:
        """What the decoder needs of ``image`` (1, 3, 384, 384) in [0, 1]; once per video."""
        self.counts["image_encoder"] += image.shape[0]
        features, layer1, first = self.image_encoder(2 * image.float() - 1)
        return CMPImage(features, self.flow_decoder.skipconv4(layer1), self.flow_decoder.skipconv2(first))

    def logits(self, encoded: CMPImage, sparse: Tensor, mask: Tensor) -> Tensor:
        """(n, 198, 192, 192): 99 bins of x motion, then 99 of y motion; arguments as in :meth:`decode`."""
        self.counts["decoder"] += sparse.shape[0]
        hints = torch.cat([sparse.float(), mask.float().expand_as(sparse)], 1)
        return self.flow_decoder(encoded, self.flow_encoder(hints))

    def decode(self, encoded: CMPImage, sparse: Tensor, mask: Tensor, chunk: int = 4) -> Tensor:
        """Dense flow (n, 2, 384, 384) in pixels of the 384 frame, at most :data:`MAX_FLOW` either way.

        Args:
            sparse: (n, 2, 384, 384) motion of the points in pixels, 0 elsewhere; channel 0 is x.
            mask: (1 or n, 2, 384, 384), 1 at the points.
            chunk: frames at a time; about 100 MB each.
        """
        mask = mask.expand(sparse.shape[0], -1, -1, -1)
        parts = [
            _resize(expectation(self.logits(encoded, flow, where)), (SIZE, SIZE))
            for flow, where in zip(sparse.split(chunk), mask.split(chunk), strict=True)
        ]
        return torch.cat(parts) if parts else sparse.float()

    def forward(self, image: Tensor, sparse: Tensor, mask: Tensor) -> Tensor:
        """As :meth:`decode`, with the picture encoded anew for every frame (for comparison: the same result)."""
        mask = mask.expand(sparse.shape[0], -1, -1, -1)
        frames = [
            self.decode(self.encode_image(image), sparse[i : i + 1], mask[i : i + 1]) for i in range(sparse.shape[0])
        ]
        return torch.cat(frames)


def bin_centres(device: torch.device | None = None) -> Tensor:
    """(99,) motions in pixels that the bins stand for."""
    return (torch.arange(BINS, device=device, dtype=torch.float32) + 0.5) * (2 * LIMIT / BINS) - LIMIT


def expectation(logits: Tensor) -> Tensor:
    """(n, 2, h, w) mean motion under the softmax of (n, 198, h, w) ``logits``."""
    share = logits.unflatten(1, (2, BINS)).softmax(2)
    return (share * bin_centres(logits.device).view(1, 1, -1, 1, 1)).sum(2)


def resize_image(image: Tensor) -> Tensor:
    """The picture (1, 3, H, W) at 384 x 384, nearest pixel as in training."""
    return image if image.shape[2:] == (SIZE, SIZE) else F.interpolate(image, size=(SIZE, SIZE), mode="nearest")


def resize_flow(flow: Tensor, height: int, width: int) -> Tensor:
    """CMP's flow (n, 2, 384, 384) at height x width and in its pixels: nearest pixel, values scaled."""
    scale = flow.new_tensor([width / flow.shape[3], height / flow.shape[2]]).view(1, 2, 1, 1)
    if flow.shape[2:] != (height, width):
        flow = F.interpolate(flow, size=(height, width), mode="nearest")
    return flow * scale
