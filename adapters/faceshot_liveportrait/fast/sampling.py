"""Reading feature volumes at shifted grids (axis by axis) and at free positions (eight neighbours of a table)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def shift_matrices(shift: Tensor, size: int) -> Tensor:
    """Linear interpolation along one axis of ``size`` cells for whole-grid shifts.

    Row i of a matrix reads position ((g_i + shift + 1) size - 1) / 2 with g_i = 2 i / (size - 1) - 1, as
    :func:`faceshot_liveportrait.nets.warping.sample` does along this axis for the identity grid plus ``shift``; what
    lies outside counts as zero.

    Args:
        shift: (...) in units of the -1..1 cube.

    Returns:
        (..., size, size) in the dtype of ``shift``.
    """
    at = torch.linspace(-1, 1, size, device=shift.device, dtype=shift.dtype)
    position = ((at + shift[..., None] + 1) * size - 1) / 2
    cells = torch.arange(size, device=shift.device, dtype=shift.dtype)
    return (1 - (position[..., None] - cells).abs()).clamp_min(0)


def shifted(volume: Tensor, shifts: Tensor) -> Tensor:
    """``volume`` (C, D, H, W) read at the identity grid plus each of ``shifts`` (N, 3) -> (N, C, D, H, W)."""
    channels, depth, height, width = volume.shape
    across = shift_matrices(shifts[:, 0], width)
    down = shift_matrices(shifts[:, 1], height)
    inward = shift_matrices(shifts[:, 2], depth)
    count = len(shifts)
    x = volume.reshape(1, -1, width) @ across.mT  # (N, C D H, W)
    x = down[:, None] @ x.view(count, channels * depth, height, width)
    return (inward[:, None] @ x.view(count, channels, depth, height * width)).view(count, *volume.shape)


def as_table(volume: Tensor) -> Tensor:
    """A volume (C, D, H, W) as rows (D H W, C)."""
    return volume.flatten(1).T.contiguous()


def read_table(table: Tensor, size: tuple[int, int, int], flow: Tensor) -> Tensor:
    """Trilinear reading with zeros outside, as ``sample`` does, of a volume made a table by :func:`as_table`.

    Args:
        table: (D H W, C). size: D, H, W.
        flow: (P, 3) positions x, y, z in -1..1.

    Returns:
        (P, C).
    """
    depth, height, width = size
    x, y, z = (_two_cells(flow[:, axis], n) for axis, n in enumerate((width, height, depth)))
    rows, weights = [], []
    for cell_z, weight_z in z:
        for cell_y, weight_y in y:
            row, weight = (cell_z * height + cell_y) * width, weight_z * weight_y
            for cell_x, weight_x in x:
                rows.append(row + cell_x)
                weights.append(weight * weight_x)
    return F.embedding_bag(
        torch.stack(rows, 1), table, per_sample_weights=torch.stack(weights, 1).to(table.dtype), mode="sum"
    )


def _two_cells(at: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    """The two cells about each position of one axis and their weights, zero for cells outside."""
    position = ((at + 1) * size - 1) / 2
    below = position.floor().clamp_(-2, size)
    part = position - below
    found = []
    for cell, weight in ((below, 1 - part), (below + 1, part)):
        inside = cell.clamp(0, size - 1)
        found.append((inside.int(), weight * (cell == inside)))
    return found
