"""The two small networks that read lids and lips from a stabilised crop, and how they are kept on disk.

Both look at a crop and, where there is one, at a reference crop of the same face (eyes open, lips shut); a missing
reference is all zeros. They are trained on drawings alone (package ``faceshot_looks``).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

#: (height, width) of an eye's crop and pixels of it per eye width; of a mouth's crop and per mouth width.
EYE_SIZE: Final = (48, 64)
EYE_SCALE: Final = 32.0
MOUTH_SIZE: Final = (96, 96)
MOUTH_SCALE: Final = 44.0
#: Cells of the masks are squares of this many pixels of the crop.
CELL: Final = 2
#: Points per lid, corners included, evenly spaced along it.
LID_POINTS: Final = 5


class EyeAnswer(NamedTuple):
    """What :class:`EyeNetwork` says of B crops.

    Attributes:
        points: (B, 2, 5, 2) of the upper and the lower lid, x and y from the crop's middle, in eye widths.
        opening: (B,) mean distance of the lids in eye widths. ratio: (B,) opening over that of the reference.
        share: (B,) opening over the eye's own full opening. shut: (B,) logit of a closed eye.
        mask: (B, 24, 32) logit of lying between the lids; (B, 0, 0) where nobody asked for it.
    """

    points: Tensor
    opening: Tensor
    ratio: Tensor
    share: Tensor
    shut: Tensor
    mask: Tensor


class MouthAnswer(NamedTuple):
    """What :class:`MouthNetwork` says of B crops: logits (B, 48, 48) of lying between the lips and of lying inside the
    outer lips, and ``gap`` (B,), the area between the lips over the squared width of the mouth."""

    between: Tensor
    lips: Tensor
    gap: Tensor


def _convolution(source: int, target: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(source, target, size, stride, size // 2, bias=False), nn.BatchNorm2d(target), nn.ReLU(inplace=True)
    )


class _Block(nn.Module):
    """Two convolutions and a way round them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


class _Pyramid(nn.Module):
    """Halve the crop several times and come back to half its size; sums where the two ways meet."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(6, widths[0], 5, 2), _Block(widths[0]))
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Sequential(_convolution(a, b, 3, 2), _Block(b)) for a, b in pairs)
        self.side = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.up = nn.ModuleList(_Block(a) for a, _ in pairs)

    def descend(self, x: Tensor) -> list[Tensor]:
        """Features of every level, the smallest last."""
        levels = [self.stem(x)]
        for step in self.down:
            levels.append(step(levels[-1]))
        return levels

    def ascend(self, levels: list[Tensor]) -> Tensor:
        """Features of the largest level, told what the smaller ones saw."""
        x = levels[-1]
        for k in reversed(range(len(self.down))):
            x = functional.interpolate(self.side[k](x), levels[k].shape[-2:], mode="bilinear", align_corners=False)
            x = self.up[k](x + levels[k])
        return x


class EyeNetwork(nn.Module):
    """Lids of one eye from (B, 6, 48, 64): crop and reference, each less its mean over its spread.

    Attributes:
        masked: whether the mask is worked out, which is half of the work.
    """

    def __init__(self) -> None:
        super().__init__()
        self.masked = True
        self.pyramid = _Pyramid((24, 48, 96))
        self.squeeze = nn.Conv2d(96, 24, 1)
        self.hidden = nn.Linear(24 * 48 + 96, 128)
        self.out = nn.Linear(128, 4 * LID_POINTS + 4)
        self.mask = nn.Conv2d(24, 1, 1)

    def forward(self, x: Tensor) -> EyeAnswer:
        levels = self.pyramid.descend(x)
        small = levels[-1]
        flat = torch.cat([functional.relu(self.squeeze(small)).flatten(1), small.mean((2, 3))], 1)
        out = self.out(functional.relu(self.hidden(flat)))
        opening, ratio, share, shut = out[:, -4:].unbind(1)
        points = out[:, :-4].reshape(-1, 2, LID_POINTS, 2)
        mask = self.mask(self.pyramid.ascend(levels))[:, 0] if self.masked else x.new_zeros(len(x), 0, 0)
        return EyeAnswer(points, opening, ratio, share, shut, mask)


class MouthNetwork(nn.Module):
    """Lips from (B, 6, 96, 96): crop and reference, each less its mean over its spread."""

    def __init__(self) -> None:
        super().__init__()
        self.pyramid = _Pyramid((24, 48, 80, 96))
        self.masks = nn.Conv2d(24, 2, 1)
        self.gap = nn.Sequential(nn.Linear(96, 48), nn.ReLU(inplace=True), nn.Linear(48, 1))

    def forward(self, x: Tensor) -> MouthAnswer:
        levels = self.pyramid.descend(x)
        masks = self.masks(self.pyramid.ascend(levels))
        return MouthAnswer(masks[:, 0], masks[:, 1], self.gap(levels[-1].mean((2, 3)))[:, 0])


def save_network(network: nn.Module, path: Path, settings: Mapping[str, str]) -> None:
    """Weights as half-precision safetensors, whole or not at all."""
    from safetensors.torch import save_file

    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    part = path.with_suffix(".part")
    save_file(tensors, part, metadata=dict(settings))
    part.replace(path)


def load_network(network: nn.Module, path: Path) -> nn.Module:
    """Weights of :func:`save_network` into ``network``, ready to answer.

    Raises:
        InputError: the file holds other tensors.
    """
    from safetensors.torch import load_file

    from faceshot.errors import InputError

    found = {name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()}
    wanted = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}
    if set(found) != wanted or any(network.state_dict()[name].shape != value.shape for name, value in found.items()):
        odd = sorted(set(found) ^ wanted)
        raise InputError(
            f"{path} does not hold this network's weights" + (f" (first odd one: {odd[0]})" if odd else "")
        )
    network.load_state_dict(found, strict=False)
    return network.eval()
