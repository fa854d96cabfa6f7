"""Forward warping: every pixel is thrown along its flow and shared between the four pixels around where it lands.

The usual implementation adds with atomics, so its sums depend on the order in which a GPU's threads arrive. Here the
contributions are sorted by target and summed one target after the other (a sparse matrix times a dense one, which
``embedding_bag`` is): the same bits on every run, and nothing is added twice to memory.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Added to the sum of weights before the division, as in training; it pulls pixels that were barely hit towards 0.
EPSILON = 1e-7


def splat_average(features: Tensor, flow: Tensor) -> Tensor:
    """``features`` moved along ``flow``: the weighted mean of what lands on each pixel, exactly 0 where nothing does.

    A source pixel (x, y) lands on (x + u, y + v) and counts at the four pixels around it with bilinear weights.
    Pixels outside the map and targets that are not finite are left out. Pixel centres are integers.

    Args:
        features: (1 or N, C, H, W), finite; one item is shared by all flows.
        flow: (N, 2, H, W) in pixels, channel 0 is x.

    Returns:
        (N, C, H, W), float64 if ``features`` are, else float32. Deterministic on the CPU and on CUDA.

    Raises:
        ValueError: shapes do not go together.
    """
    count, two, height, width = flow.shape
    if two != 2 or features.shape[0] not in (1, count) or features.shape[-2:] != flow.shape[-2:]:
        raise ValueError(f"features {tuple(features.shape)} do not go with flow {tuple(flow.shape)}")
    dtype = torch.float64 if features.dtype == torch.float64 else torch.float32
    if features.device.type not in ("cpu", "cuda"):  # others lack an operation; once per video, the copy costs little
        return splat_average(features.cpu(), flow.cpu()).to(features.device)
    channels, pixels = features.shape[1], height * width
    if count == 0 or pixels == 0:
        return features.new_zeros((count, channels, height, width), dtype=dtype)

    targets, weights = corners(flow.to(dtype))
    # Equal targets keep the order of corners and source pixels: the order of summation is part of the result.
    bags, order = torch.sort(targets.flatten(), stable=True)
    source = order % pixels
    if features.shape[0] > 1:
        source = source + torch.div(order, 4 * pixels, rounding_mode="floor") * pixels
    starts = torch.searchsorted(bags, torch.arange(count * pixels + 1, device=bags.device, dtype=bags.dtype))
    share = weights.flatten()[order]

    # Contiguous, since strided tables take a slow path (batches of one are strided after a permutation).
    table = features.to(dtype).permute(0, 2, 3, 1).reshape(-1, channels).contiguous()
    weight = _sums(table.new_ones(table.shape[0], 1), source, starts, share)[:, 0] + EPSILON
    share = share / weight[bags]  # the mean, so that no second pass over the sums has to divide
    result = table.new_empty(count, channels, pixels)
    # On a CPU frame by frame: the sums of one stay in its cache until they are transposed.
    step = count if features.is_cuda else 1
    for first in range(0, count, step):
        own = starts[first * pixels : (first + step) * pixels + 1]
        begin, end = int(own[0]), int(own[-1])
        rows = _sums(table, source[begin:end], own - begin, share[begin:end]).view(step, pixels, channels)
        for frame in range(step):
            result[first + frame].copy_(rows[frame].T)  # one matrix at a time has a fast transpose on the CPU
    return result.view(count, channels, height, width)


def _sums(table: Tensor, source: Tensor, starts: Tensor, share: Tensor) -> Tensor:
    """Weighted sums of the rows ``source`` of ``table``, one for each part of them between two ``starts``."""
    return F.embedding_bag(source, table, starts, mode="sum", per_sample_weights=share, include_last_offset=True)


def corners(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel of (N, 2, H, W) ``flow`` lands: (N, 4, H*W) indices into all N*H*W pixels, and their weights.

    A corner that must be skipped keeps weight 0 at its own pixel, where it disturbs nothing; gathered at one place
    such corners would make one sum very long.
    """
    count, _, height, width = flow.shape
    columns = torch.arange(width, device=flow.device, dtype=flow.dtype)
    rows = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None]
    x, y = columns + flow[:, 0], rows + flow[:, 1]
    left, top = x.floor(), y.floor()
    own = torch.arange(height * width, device=flow.device).view(height, width)
    frame = torch.arange(count, device=flow.device).view(-1, 1, 1) * (height * width)
    targets, weights = [], []
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        i, j = left + column, top + row
        # Comparisons with NaN are false; infinities are out of range.
        inside = (i >= 0) & (i <= width - 1) & (j >= 0) & (j <= height - 1)
        i, j = torch.where(inside, i, 0).long(), torch.where(inside, j, 0).long()
        targets.append(torch.where(inside, j * width + i, own) + frame)
        weight = (1 - (x - (left + column)).abs()) * (1 - (y - (top + row)).abs())
        weights.append(torch.where(inside, weight, 0))
    return torch.stack(targets, 1).flatten(2), torch.stack(weights, 1).flatten(2)
