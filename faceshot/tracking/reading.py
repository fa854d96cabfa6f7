"""From crops to openings: several looks at each, references of the clip's own, doubt where the looks disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from faceshot.tracking.networks import CELL, EYE_SCALE, EYE_SIZE, MOUTH_SCALE, MOUTH_SIZE, EyeNetwork

Array = npt.NDArray[Any]


class Look(NamedTuple):
    """One way to look at a kept crop: shift (right, down) in widths, size of what is seen, mirrored or not."""

    right: float = 0.0
    down: float = 0.0
    size: float = 1.0
    mirrored: bool = False


_PLAIN = Look()
_EYE_LOOKS: Final = (_PLAIN, Look(0.06, 0.03, 1.08, True), Look(-0.06, -0.03, 0.93))
_MOUTH_LOOKS: Final = (_PLAIN, Look(0.02, 0.02, 1.06, True))
#: Quantiles of an eye's opening whose frames are its references, and of the mouth's.
_OPEN: Final = (0.8, 0.88, 0.95)
_CLOSED: Final = 0.1
_BATCH = 32
#: Columns of the gap that are measured, as shares of the mouth's width, as the inner lip points are.
_COLUMNS = (0.32, 0.5, 0.68)


class _Frame(NamedTuple):
    """(height, width) of what a network sees, and pixels of it per eye or mouth width."""

    size: tuple[int, int]
    scale: float


_EYE: Final = _Frame(EYE_SIZE, EYE_SCALE)
_MOUTH: Final = _Frame(MOUTH_SIZE, MOUTH_SCALE)


class EyeReference(NamedTuple):
    """Where an eye lies in its kept crops, and its open frames.

    Attributes:
        place: shift and size that put the eye's own corners where the network expects them.
        open: (3, 3, h, w) normalised crops.
    """

    place: Look
    open: Tensor


class MouthReference(NamedTuple):
    """Likewise for a mouth; ``shut`` is (1, 3, h, w)."""

    place: Look
    shut: Tensor


def read_eye(network: nn.Module, crops: Array, known: EyeReference | None) -> tuple[Array, EyeReference]:
    """What the network says of an eye's kept crops (T, H, W, 3) uint8.

    Returns:
        (T, 6): opening over width and share of the full opening without a reference, ratio to three references, and
        the spread of the ratios; and the reference, to be handed in with the next crops of the same eye.
    """
    if known is None:
        few = np.unique(np.linspace(0, len(crops) - 1, 24).round().astype(int))
        place = _PLAIN
        for _ in range(2):
            place = _eye_place(_ask(network, crops[few], _EYE, place), place)
    else:
        place = known.place
    alone = _ask(network, crops, _EYE, place)
    height, share = alone.opening.numpy(), alone.share.numpy()
    if known is None:
        level = _median3(share)
        order = np.argsort(level, kind="stable")
        picks = [int(order[min(len(order) - 1, round(q * (len(order) - 1)))]) for q in _OPEN]
        known = EyeReference(place, _views(crops[picks], _EYE, place))
    ratios = []
    for k, look in enumerate(_EYE_LOOKS):
        ratios.append(_ask(network, crops, _EYE, _combined(place, look), known.open[k : k + 1]).ratio.numpy())
    out = np.column_stack([height, share, *ratios, np.std([*ratios, share], 0)])
    return out, known


def read_mouth(
    network: nn.Module, crops: Array, known: MouthReference | None, each: Callable[..., Iterable[Any]] = map
) -> tuple[Array, MouthReference]:
    """What the network says of kept mouth crops (T, H, W, 3) uint8.

    Args:
        each: instead of ``map``, to look in several threads.

    Returns:
        (T, 4): mean gap over the mouth's width, its spread over the looks, how far below the middle of the crop the
        gap's middle lies in widths, how clearly it is seen (the mask's own mean); and the reference.
    """
    if known is None:
        place = _PLAIN
        few = np.unique(np.linspace(0, len(crops) - 1, 20).round().astype(int))
        for _ in range(2):
            place = _mouth_place(_ask(network, crops[few], _MOUTH, place), place)
        some = crops[np.unique(np.linspace(0, len(crops) - 1, 64).round().astype(int))]
        gap = _median3(_gap(_ask(network, some, _MOUTH, place))[0])
        pick = int(np.argsort(gap, kind="stable")[round(_CLOSED * (len(gap) - 1))])
        known = MouthReference(place, _views(some[pick : pick + 1], _MOUTH, place))
    place, shut = known
    rows = list(each(lambda look: _gap(_ask(network, crops, _MOUTH, _combined(place, look), shut)), _MOUTH_LOOKS))
    gap, middle, clear = np.mean(rows, 0)
    return np.column_stack([gap, np.std([row[0] for row in rows], 0), middle, clear]), known


def _combined(first: Look, then: Look) -> Look:
    return Look(first.right + then.right, first.down + then.down, first.size * then.size, then.mirrored)


def _views(crops: Array, frame: _Frame, look: Look) -> Tensor:
    """(T, 3, h, w) normalised views of kept crops (T, H, W, 3)."""
    kept = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2)
    (h, w), (tall, wide) = frame.size, kept.shape[-2:]
    turn = -look.size if look.mirrored else look.size
    x = (torch.arange(w) - (w - 1) / 2) * turn + look.right * frame.scale
    y = (torch.arange(h) - (h - 1) / 2) * look.size + look.down * frame.scale
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1) * torch.tensor([2 / wide, 2 / tall])
    view = functional.grid_sample(
        kept.float() / 255, grid.expand(len(kept), -1, -1, -1), padding_mode="border", align_corners=False
    )
    mean = view.mean((1, 2, 3), keepdim=True)
    return (view - mean) / view.std((1, 2, 3), keepdim=True).clamp_min(1e-2)


@torch.inference_mode()
def _ask(network: nn.Module, crops: Array, frame: _Frame, look: Look, reference: Tensor | None = None) -> Any:
    """The network's answer for all crops as looked at, each with the one reference (1, 3, h, w)."""
    other = torch.zeros(1, 3, *frame.size) if reference is None else reference
    other = other.flip(-1) if look.mirrored else other
    answers = []
    with torch.autocast("cpu", torch.bfloat16, enabled=_fast_in_half()):
        for start in range(0, len(crops), _BATCH):
            views = _views(crops[start : start + _BATCH], frame, look)
            pair = torch.cat([views, other.expand(len(views), -1, -1, -1)], 1)
            answers.append(network(pair.contiguous(memory_format=torch.channels_last)))
    return type(answers[0])(*(torch.cat(values).float() for values in zip(*answers, strict=True)))


@cache
def _fast_in_half() -> bool:
    """Whether this CPU multiplies bfloat16 itself: 2.3 times as fast, and shares differ by less than 0.01."""
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())


def _eye_place(answer: Any, place: Look) -> Look:
    """``place`` corrected by the corners that the network itself sees."""
    ends = answer.points[:, :, [0, -1]].mean(1).numpy()
    sure = answer.share.numpy() > 0.4
    ends = np.median(ends[sure] if sure.sum() >= 4 else ends, axis=0)
    middle, width = ends.mean(0), float(np.linalg.norm(ends[1] - ends[0]))
    return _limited(
        Look(place.right + place.size * middle[0], place.down + place.size * middle[1], place.size * max(width, 0.3))
    )


def _limited(place: Look) -> Look:
    right, down = (float(np.clip(value, -0.3, 0.3)) for value in (place.right, place.down))
    return Look(right, down, float(np.clip(place.size, 0.55, 1.3)))


def _mouth_place(answer: Any, place: Look) -> Look:
    """``place`` corrected by where the network sees the lips."""
    lips = torch.sigmoid(answer.lips).numpy()
    there = lips.max(1) > 0.5
    count = there.sum(1)
    good = count >= 6
    if good.sum() < 4:
        return place
    first, last = there.argmax(1)[good], there.shape[1] - 1 - there[:, ::-1].argmax(1)[good]
    width = float(np.median(last - first + 1)) * CELL / MOUTH_SCALE
    across = float(np.median((first + last) / 2 - (there.shape[1] - 1) / 2)) * CELL / MOUTH_SCALE
    return _limited(Look(place.right + place.size * across, place.down, place.size * width))


def _gap(answer: Any) -> tuple[Array, Array, Array]:
    """Mean gap (T,) over the mouth's width, the height (T,) of its middle below the crop's, and how clear it is."""
    between, lips = torch.sigmoid(answer.between).numpy(), torch.sigmoid(answer.lips).numpy()
    cells = between.shape[-1]
    there = lips.max(1) > 0.5
    seen = there.any(1)
    first = np.where(seen, there.argmax(1), cells // 4)
    last = np.where(seen, cells - 1 - there[:, ::-1].argmax(1), cells - 1 - cells // 4)
    wide = np.maximum(_median3((last - first + 1).astype(float)), 4.0)
    start = (first + last + 1 - wide) / 2
    places = start[:, None] + wide[:, None] * np.array(_COLUMNS) - 0.5
    left = np.clip(np.floor(places).astype(int), 0, cells - 2)
    part = np.clip(places - left, 0, 1)
    heights = between.sum(1)
    rows = np.arange(len(heights))[:, None]
    gap = (heights[rows, left] * (1 - part) + heights[rows, left + 1] * part).mean(1) / wide
    mass = np.maximum(between.sum((1, 2)), 1e-3)
    middle = (between.sum(2) * (np.arange(cells) - (cells - 1) / 2)).sum(1) / mass * CELL / MOUTH_SCALE
    return gap, middle, (between**2).sum((1, 2)) / mass


def _median3(values: Array) -> Array:
    """Median of three neighbours; the ends as they are."""
    if len(values) < 3:
        return values
    out = values.copy()
    out[1:-1] = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return out


def fused(network: nn.Module) -> nn.Module:
    """The network with every batch norm folded into the convolution before it, and without the mask of an eye, which
    is not read here: the same answers, faster."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for k, (first, second) in enumerate(pairwise(list(module))):
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    module[k], module[k + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    if isinstance(network, EyeNetwork):
        network.masked = False
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
