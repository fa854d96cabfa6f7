"""The training objective: a correspondence loss shaped like the matcher, and denoising (v-prediction)."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def sample_cells(features: torch.Tensor, xy: torch.Tensor, size: int) -> torch.Tensor:
    """Bilinear samples (B, N, C) of ``features`` (B, C, h, w) at pixels ``xy`` (B, N, 2) of a ``size`` square."""
    grid = (xy + 0.5) / size * 2 - 1
    return F.grid_sample(features, grid[:, :, None], align_corners=False, padding_mode="border")[..., 0].transpose(1, 2)


def soft_targets(xy: torch.Tensor, size: int, cells: int) -> torch.Tensor:
    """(B, N, cells * cells) bilinear weights of the four cells around each point; zero for points outside."""
    at = (xy + 0.5) * cells / size - 0.5
    inside = ((at > -0.5) & (at < cells - 0.5)).all(-1)
    at = at.clamp(0, cells - 1)
    base = at.floor().clamp(max=cells - 2)
    fraction = at - base
    target = torch.zeros(*xy.shape[:2], cells * cells, device=xy.device)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        wx = fraction[..., 0] if dx else 1 - fraction[..., 0]
        wy = fraction[..., 1] if dy else 1 - fraction[..., 1]
        index = (base[..., 1] + dy) * cells + base[..., 0] + dx
        target.scatter_add_(2, index.long()[..., None], (wx * wy)[..., None])
    return target * inside[..., None]


def elsewhere(xy: torch.Tensor, picks: torch.Tensor, size: int, cells: int, near: float = 0.25) -> torch.Tensor:
    """(68, P) whether a landmark is *not* at a cell: further than ``near`` sides of the face's box away.

    Args:
        xy: (B, 68, 2) pixels of a ``size`` square. picks: (P,) indices into the B * cells * cells cells.
    """
    picture, cell = picks // cells**2, picks % cells**2
    at = torch.stack([cell % cells, cell // cells], -1) * (size / cells) + (size / cells - 1) / 2
    side = (xy.amax(1) - xy.amin(1)).prod(-1).clamp(min=1).sqrt()
    apart = torch.linalg.vector_norm(xy[picture] - at[:, None], dim=-1)
    return (apart > near * side[picture, None]).T


def correspondence_loss(
    features: torch.Tensor,
    xy: torch.Tensor,
    weight: torch.Tensor,
    size: int,
    temperature: torch.Tensor,
    picks: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """InfoNCE over all cells of a picture, as the matcher sees it.

    Each landmark is looked for with its prototype (mean feature over the *other* pictures of the batch), and with the
    feature of one other picture; every cell is a negative, so left-right confusions are covered. A third term tells
    the 68 landmarks apart; a fourth tells them from what other pictures show elsewhere, so that scores of different
    pictures compare (the search and the confidence rely on that), and from the place of a part that is missing.

    Args:
        features: (B, C, h, w), any scale; they are normalised here.
        xy: (B, 68, 2) pixels of a ``size`` square; far outside in pictures without a face.
        weight: (B, 68) in 0..1, 0 for what is hidden; negative where a face lacks the part that is otherwise there.
        temperature: softmax temperature, a positive scalar tensor.
        picks: (P,) cells of the whole batch that the fourth term uses.
    """
    batch, channels, cells, _ = features.shape
    unit = F.normalize(features.float(), dim=1)
    flat = unit.reshape(batch, channels, -1)
    target = soft_targets(xy, size, cells)
    inside = target.sum(-1) > 0.5
    missing = (weight < 0) & inside
    weight = weight.clamp(min=0) * inside
    points = F.normalize(sample_cells(unit, xy, size), dim=-1)
    weighted = points * weight[..., None]
    others = F.normalize(weighted.sum(0, keepdim=True) - weighted, dim=-1)
    partner = points.roll(1, 0)
    both = weight * weight.roll(1, 0)

    def search(vectors: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        log_p = F.log_softmax(vectors @ flat / temperature, dim=-1)
        return -((log_p * target).sum(-1) * w).sum() / w.sum().clamp(min=1)

    by_prototype = search(others, weight)
    by_partner = search(partner, both)
    which = torch.einsum("bic,bjc->bij", points, others) / temperature
    labels = torch.arange(which.shape[1], device=which.device).expand(batch, -1)
    apart = F.cross_entropy(which.reshape(-1, which.shape[-1]), labels.reshape(-1), reduction="none")
    apart = (apart * weight.reshape(-1)).sum() / weight.sum().clamp(min=1)
    pool = unit.permute(0, 2, 3, 1).reshape(-1, channels)[picks]
    own = (others * points).sum(-1, keepdim=True) / temperature
    strange = (others @ pool.T / temperature).masked_fill(~elsewhere(xy, picks, size, cells), -torch.inf)
    lacking = torch.einsum("aic,bic->aib", others, points) / temperature
    lacking = lacking.masked_fill(~missing.T[None], -torch.inf)
    foreign = torch.logsumexp(torch.cat([own, strange, lacking], -1), -1) - own[..., 0]
    foreign = (foreign * weight).sum() / weight.sum().clamp(min=1)
    total = by_prototype + 0.5 * by_partner + 0.2 * apart + 0.3 * foreign
    return total, {"prototype": by_prototype, "partner": by_partner, "apart": apart, "foreign": foreign}
