"""The matching of :mod:`faceshot.features.similarity` on a torch device, for feature maps of a large network on a GPU.

The same arithmetic in float64, so the same matches; a tenth of a second of numpy becomes a few milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.features.similarity import bilinear_weights
from faceshot.landmarks import FloatArray, Size

if TYPE_CHECKING:
    from torch import Tensor


def match_points(
    features: np.ndarray, vectors: np.ndarray, size: Size, device: str, *, window: int = 9, temperature: float = 0.02
) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Best pixels (N, 2) int64 and scores (N,) as ``similarity.best_matches``, and the sub-pixel places
    (N, 2) as ``similarity.refine``.

    Args:
        features: (C, h, w) raw features. vectors: (N, C). size: resolution of the score maps in pixels.
        device: torch device with float64 (``cuda``, ``cpu``).
    """
    import torch

    with torch.no_grad():
        f = torch.from_numpy(np.ascontiguousarray(features)).to(device).double()
        v = torch.from_numpy(np.ascontiguousarray(vectors)).to(device).double()
        rows, columns = (
            [torch.from_numpy(each).to(device) for each in bilinear_weights(cells, pixels)]
            for cells, pixels in ((f.shape[1], size.height), (f.shape[2], size.width))
        )
        coarse = torch.tensordot(v, f, 1)
        (y0, y1, b), (x0, x1, a) = rows, columns
        wide = coarse[:, :, x0] * (1 - a) + coarse[:, :, x1] * a
        tall = wide[:, y0] * (1 - b)[:, None] + wide[:, y1] * b[:, None]
        scores = (tall / _upsampled_norms(f, rows, columns).clamp_min(1e-12)).float()
        # The first of several equal maxima, in row-major order: argmax of torch does not promise that.
        best = scores.flatten(1).amax(1)
        order = torch.arange(size.width * size.height, device=device)
        index = torch.where(scores.flatten(1) == best[:, None], order, order.numel()).amin(1)
        at = torch.stack([index % size.width, torch.div(index, size.width, rounding_mode="floor")], 1)
        refined = _refine(scores, at, window, temperature)
    return at.cpu().numpy(), best.cpu().numpy(), refined.cpu().numpy()


def _upsampled_norms(f: Tensor, rows: Any, columns: Any) -> Tensor:
    """(H, W) norms of the upsampled features (C, h, w): a quadratic form in the inner products of four cells."""
    import torch

    (y0, _, b), (x0, _, a) = rows, columns
    b, a = b[:, None], a[None, :]
    weights = ((1 - b) * (1 - a), (1 - b) * a, b * (1 - a), b * a)
    right = torch.cat([f[:, :, 1:], f[:, :, -1:]], 2)
    cells = (f, right, torch.cat([f[:, 1:], f[:, -1:]], 1), torch.cat([right[:, 1:], right[:, -1:]], 1))
    squared = torch.zeros(len(y0), len(x0), dtype=f.dtype, device=f.device)
    for i in range(4):
        for j in range(i, 4):
            products = (cells[i] * cells[j]).sum(0)[y0][:, x0]
            squared += (1 if i == j else 2) * weights[i] * weights[j] * products
    return squared.clamp_min(0).sqrt()


def _refine(scores: Tensor, at: Tensor, window: int, temperature: float) -> Tensor:
    """Soft-argmax in a window around each peak."""
    import torch

    reach = window // 2
    height, width = scores.shape[1:]
    step = torch.arange(-reach, reach + 1, device=scores.device)
    x = at[:, 0, None, None] + step[None, None, :]
    y = at[:, 1, None, None] + step[None, :, None]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    which = torch.arange(len(at), device=scores.device)[:, None, None]
    values = scores[which, y.clamp(0, height - 1), x.clamp(0, width - 1)]
    weight = ((values - values.amax((1, 2), keepdim=True)) / temperature).exp() * inside
    total = weight.sum((1, 2))
    return torch.stack([(weight * x).sum((1, 2)) / total, (weight * y).sum((1, 2)) / total], 1).float()
