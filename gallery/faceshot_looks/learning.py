"""Batches and losses: what each of the two networks is asked and how wrong an answer is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from faceshot.tracking import (
    CELL,
    EYE_SCALE,
    EYE_SIZE,
    MOUTH_SCALE,
    MOUTH_SIZE,
    EyeAnswer,
    EyeNetwork,
    MouthAnswer,
    MouthNetwork,
)
from faceshot_looks.augment import EYE_JITTER, MOUTH_JITTER, Jitter, Warp, normalised, recolour
from faceshot_looks.drawings import FRAMES, Crops

#: Share of samples without a reference, so that one network answers with and without.
ALONE = 0.4
#: An eye is shut below this share of its full opening.
SHUT = 0.3
#: Errors below this, in widths, count by their square.
_BETA = 0.05


class Task(ABC):
    """One part of the face of all characters, on the training device.

    Attributes:
        part: its name. network: what learns it. size, scale, jitter: of its crops.
        pictures: (N, FRAMES, H, W, 3) uint8 kept crops.
    """

    part: ClassVar[str]
    network: ClassVar[type[nn.Module]]
    size: ClassVar[tuple[int, int]]
    scale: ClassVar[float]
    jitter: ClassVar[Jitter]
    pictures: Tensor

    def __init__(self, crops: Sequence[Crops], device: torch.device) -> None:
        self._crops, self._device = crops, device

    def _joined(self, name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([getattr(c, name) for c in self._crops])).to(self._device)

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, count: int, gen: torch.Generator, rows: slice) -> tuple[Tensor, dict[str, Tensor]]:
        """Input (B, 6, h, w), crop and reference, and truth of random crops of ``rows``."""
        device = gen.device
        start, stop, _ = rows.indices(len(self))
        who = torch.randint(start, stop, (count,), generator=gen, device=device)
        frame = torch.randint(FRAMES, (count,), generator=gen, device=device)
        warp = Warp(count, self.size, self.scale, self.jitter, gen)
        views = []
        for k, f in enumerate((frame, torch.zeros_like(frame))):
            views.append(warp.look(self.pictures[who, f].permute(0, 3, 1, 2).float() / 255, k))
        pair = normalised(recolour(torch.stack(views, 1), gen))
        alone = torch.rand(count, generator=gen, device=device) < ALONE
        pair[alone, 1] = 0
        return pair.flatten(1, 2), {**self.truth(who, frame, warp), "alone": alone}

    @abstractmethod
    def truth(self, who: Tensor, frame: Tensor, warp: Warp) -> dict[str, Tensor]:
        """What is to be said of crops (B,) of characters ``who`` in ``frame``, seen through ``warp``."""


class EyeTask(Task):
    """Eyes."""

    part, network = "eyes", EyeNetwork
    size, scale, jitter = EYE_SIZE, EYE_SCALE, EYE_JITTER

    def __init__(self, crops: Sequence[Crops], device: torch.device) -> None:
        super().__init__(crops, device)
        self.pictures, self.lids, self.points = self._joined("eyes"), self._joined("lids"), self._joined("points")
        self.full = self._joined("full").clamp_min(1e-2)

    def truth(self, who: Tensor, frame: Tensor, warp: Warp) -> dict[str, Tensor]:
        """Lids: points, openings and mask."""
        cover = warp.look(self.lids[who, frame][:, None].float() / 255, 0)
        points = self.points[who, frame].flatten(1, 2) * EYE_SCALE
        here = warp.points(points).view(len(who), 2, 5, 2) / EYE_SCALE
        here = torch.where(warp.mirror[:, None, None, None], here.flip(2), here)
        gap = (here[:, 1, 1:4] - here[:, 0, 1:4]).norm(dim=-1).mean(1)
        # The warp enlarges all alike, so shares are taken before it.
        flat = (self.points[who, frame], self.points[who, 0])
        now, first = ((p[:, 1, 1:4] - p[:, 0, 1:4]).norm(dim=-1).mean(1) for p in flat)
        return {
            "points": here,
            "opening": gap,
            "ratio": (now / first.clamp_min(0.02)).clamp(0, 1.5),
            "share": (now / self.full[who]).clamp(0, 1.2),
            "mask": functional.avg_pool2d(cover, CELL)[:, 0],
        }

    @staticmethod
    def loss(answer: EyeAnswer, truth: dict[str, Tensor]) -> dict[str, Tensor]:
        """Terms of the loss."""
        known = (~truth["alone"]).float()
        ratio = functional.smooth_l1_loss(answer.ratio, truth["ratio"], reduction="none", beta=_BETA)
        mask, cover = torch.sigmoid(answer.mask.float()), truth["mask"]
        return {
            "points": 2 * functional.smooth_l1_loss(answer.points, truth["points"], beta=_BETA),
            "opening": 2 * functional.smooth_l1_loss(answer.opening, truth["opening"], beta=_BETA),
            "ratio": (ratio * known).sum() / known.sum().clamp_min(1),
            "share": functional.smooth_l1_loss(answer.share, truth["share"], beta=_BETA),
            "shut": 0.2 * functional.binary_cross_entropy_with_logits(answer.shut, (truth["share"] < SHUT).float()),
            "mask": 0.5 * functional.binary_cross_entropy_with_logits(answer.mask.float(), cover)
            + 0.3 * _heights(mask, cover, EYE_SCALE),
        }

    @staticmethod
    def errors(answer: EyeAnswer, truth: dict[str, Tensor]) -> dict[str, float]:
        """What is reported: mean errors and F1 of shut eyes, by share."""
        shut, said = truth["share"] < 0.5, answer.share < 0.5
        f1 = 2 * (shut & said).sum() / (shut.sum() + said.sum()).clamp_min(1)
        return {
            "share_error": float((answer.share - truth["share"]).abs().mean()),
            "ratio_error": float((answer.ratio - truth["ratio"]).abs()[~truth["alone"]].mean()),
            "point_error": float((answer.points - truth["points"]).norm(dim=-1).mean()),
            "shut_f1": float(f1),
        }


class MouthTask(Task):
    """Mouths."""

    part, network = "mouth", MouthNetwork
    size, scale, jitter = MOUTH_SIZE, MOUTH_SCALE, MOUTH_JITTER

    def __init__(self, crops: Sequence[Crops], device: torch.device) -> None:
        super().__init__(crops, device)
        self.pictures, self.lips = self._joined("mouths"), self._joined("lips")

    def truth(self, who: Tensor, frame: Tensor, warp: Warp) -> dict[str, Tensor]:
        """Lips: both masks and the gap."""
        cover = functional.avg_pool2d(warp.look(self.lips[who, frame].float() / 255, 0), CELL)
        between, lips = cover.unbind(1)
        wide = (lips.amax(1) > 0.5).sum(1).clamp_min(4).float()
        return {"between": between, "lips": lips, "gap": between.sum((1, 2)) / wide**2, "wide": wide}

    @staticmethod
    def loss(answer: MouthAnswer, truth: dict[str, Tensor]) -> dict[str, Tensor]:
        """Terms of the loss; heights also by their roots, so that small gaps count."""
        between, lips = answer.between.float(), answer.lips.float()
        entropy = functional.binary_cross_entropy_with_logits
        inside = torch.sigmoid(between)
        said, true = inside.sum(1) / MOUTH_SCALE * CELL, truth["between"].sum(1) / MOUTH_SCALE * CELL
        return {
            "between": 3 * entropy(between, truth["between"]),
            "lips": entropy(lips, truth["lips"]),
            "heights": _heights(inside, truth["between"], MOUTH_SCALE)
            + 0.3 * _heights(torch.sigmoid(lips), truth["lips"], MOUTH_SCALE),
            "roots": 0.5 * functional.smooth_l1_loss((said + 2e-3).sqrt(), (true + 2e-3).sqrt(), beta=0.03),
            "gap": functional.smooth_l1_loss(answer.gap, truth["gap"], beta=0.03),
        }

    @staticmethod
    def errors(answer: MouthAnswer, truth: dict[str, Tensor]) -> dict[str, float]:
        """What is reported: gain, correlation and error of the gap."""
        said = torch.sigmoid(answer.between.float()).sum((1, 2)) / truth["wide"] ** 2
        true = truth["gap"]
        a, b = said - said.mean(), true - true.mean()
        gain = (a * b).sum() / (b * b).sum().clamp_min(1e-9)
        r = (a * b).sum() / (a.norm() * b.norm()).clamp_min(1e-9)
        return {"gain": float(gain), "r": float(r), "gap_error": float((said - true).abs().mean())}


def _heights(said: Tensor, true: Tensor, scale: float) -> Tensor:
    """Error of the height of every column of a mask, in widths."""
    return functional.smooth_l1_loss(said.sum(1) / scale * CELL, true.sum(1) / scale * CELL, beta=_BETA)


TASKS: dict[str, Any] = {"eyes": EyeTask, "mouth": MouthTask}
