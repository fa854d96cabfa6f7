"""Classifier-free guidance that grows with the place in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor

#: Strength at the end of a window: FaceShot's driver script (MOFA-Video's own keypoint script uses 3).
DEFAULT_GUIDANCE: Final = 7.5


def guidance_ramp(window: int, strongest: float) -> Tensor:
    """(window,) float32 from 1 at the anchor frame to ``strongest`` at the last frame of the window."""
    import torch

    return torch.linspace(1.0, strongest, window)


def is_needed(strongest: float) -> bool:
    """Whether the half without a picture is looked at at all; at strength 1 it cancels out and is not computed."""
    return strongest != 1.0


def guided(free: Tensor, shown: Tensor, ramp: Tensor) -> Tensor:
    """Both halves' predictions (T, C, h, w), weighted per frame by ``ramp`` (T,)."""
    return free + ramp.view(-1, 1, 1, 1).to(free) * (shown - free)
