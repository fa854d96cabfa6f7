"""Pictures and image prompts as networks take them; what is of another shape is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import RGBArray

if TYPE_CHECKING:
    from torch import Tensor


def square_pixels(images: RGBArray | Tensor, side: int, device: str) -> Tensor:
    """(B, ``side``, ``side``, 3) uint8 or (B, 3, ``side``, ``side``) float in [-1, 1] -> the latter, float32.

    Raises:
        InputError: another shape or dtype.
    """
    import torch

    if isinstance(images, np.ndarray):
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (side, side, 3) or not len(images):
            raise InputError(f"pictures must be uint8 (B, {side}, {side}, 3), got {images.dtype} {images.shape}")
        batch = torch.from_numpy(np.ascontiguousarray(images)).to(device)
        return batch.permute(0, 3, 1, 2).float() / 127.5 - 1
    if not images.is_floating_point() or images.ndim != 4 or tuple(images.shape[1:]) != (3, side, side):
        raise InputError(f"pictures must be float (B, 3, {side}, {side}), got {images.dtype} {tuple(images.shape)}")
    return images.to(device).float()


def image_prompts(embeds: Tensor, batch: int) -> Tensor:
    """(D,) for all, (B, D) one each, or (B, k, D) several each -> (B, images, D).

    Raises:
        InputError: another shape.
    """
    if embeds.ndim == 1:
        embeds = embeds.expand(batch, -1)
    if embeds.ndim == 2:
        embeds = embeds[:, None]
    if embeds.ndim != 3 or len(embeds) != batch:
        raise InputError(f"image_embeds must be (D,), ({batch}, D) or ({batch}, k, D), got {tuple(embeds.shape)}")
    return embeds
