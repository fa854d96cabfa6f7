"""What renderers made of Stable Diffusion do alike with their networks."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from faceshot.rendering.loading import config_beside, read_network

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import CLIPVisionModelWithProjection


def files_identity(files: Mapping[str, Path]) -> str:
    """Which files these are, for telling runs apart."""
    found = ((name, path.stat()) for name, path in sorted(files.items()))
    return ";".join(f"{name}:{about.st_size}:{about.st_mtime_ns}" for name, about in found)


def read_image_encoder(
    path: str | Path, known: Mapping[str, Any], dtype: torch.dtype | None = None, device: str | torch.device = "cpu"
) -> CLIPVisionModelWithProjection:
    """CLIP's image side; ``config.json`` is read from beside the file, else the ``known`` values are used.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    found = config_beside(path)
    config = CLIPVisionConfig.from_dict(dict(known) if found is None else found)

    def rename(name: str) -> str | None:
        # Position numbers were once stored; the network makes them itself.
        return None if name.endswith("embeddings.position_ids") else name

    return read_network(lambda: CLIPVisionModelWithProjection(config), path, dtype, device, rename=rename)


def latent_mean(vae: Any, picture: Tensor, dtype: torch.dtype) -> Tensor:
    """Latent (1, 4, h, w) in ``dtype``, not scaled, of a ``picture`` (1, 3, H, W) in -1..1 on the device."""
    parts = [vae.encoder, vae.quant_conv]
    if dtype == torch.float16 and vae.config.force_upcast:
        # The encoder overflows in half precision; a float32 copy of it (0.14 GB) lives for this one picture.
        parts = [copy.deepcopy(part).float() for part in parts]
    moments = parts[1](parts[0](picture.to(next(parts[0].parameters()).dtype)))
    # The mode of the Gaussian is its mean, the first half of the channels.
    return moments.chunk(2, dim=1)[0].to(dtype)


def to_frames(decoded: Tensor) -> Tensor:
    """What a decoder gives, (n, 3, H, W) about -1..1 -> uint8 (n, H, W, 3) on the CPU."""
    return (decoded.float() / 2 + 0.5).clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu()
