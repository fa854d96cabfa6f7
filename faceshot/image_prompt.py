"""Pictures as prompts: CLIP preprocessing, the CLIP image encoder, and the IP-Adapter in a U-Net's cross-attention."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from faceshot.errors import InputError
from faceshot.models import LOAD_ERRORS, first_line, quiet
from faceshot.types import FloatArray, RGBArray

if TYPE_CHECKING:
    from torch import Tensor

CLIP_SIZE: Final = 224
CLIP_MEAN: Final = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
CLIP_STD: Final = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


def clip_pixels(rgb: RGBArray) -> FloatArray:
    """(H, W, 3) uint8 -> (3, 224, 224) float32 as CLIP expects it.

    Shorter side to 224 (bicubic, antialiased), centre crop, channel mean and standard deviation. Pillow does the
    resizing, so that every installation gets the same numbers.
    """
    from PIL import Image

    height, width = rgb.shape[:2]
    short = min(height, width)
    size = (int(CLIP_SIZE * width / short), int(CLIP_SIZE * height / short))
    picture = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))
    top, left = (size[1] - CLIP_SIZE) // 2, (size[0] - CLIP_SIZE) // 2
    crop = (picture[top : top + CLIP_SIZE, left : left + CLIP_SIZE] / 255.0).astype(np.float32)
    return np.ascontiguousarray(((crop - CLIP_MEAN) / CLIP_STD).transpose(2, 0, 1))


class ImageEncoder:
    """A CLIP image encoder with projection (ViT-H/14 for SD 1.5): pictures -> ``image_embeds``."""

    def __init__(self, model: Any) -> None:
        """``model``: a ``transformers.CLIPVisionModelWithProjection`` in evaluation mode."""
        self.model = model

    @classmethod
    def from_folder(cls, folder: Path, *, device: str, dtype: Any) -> ImageEncoder:
        """Load from ``config.json`` and ``model.safetensors``; never from the network.

        Raises:
            InputError: files are missing or do not fit.
        """
        from transformers import CLIPVisionModelWithProjection

        try:
            with quiet():
                model: Any = CLIPVisionModelWithProjection.from_pretrained(
                    folder, torch_dtype=dtype, local_files_only=True
                )
        except LOAD_ERRORS as error:
            raise InputError(f"cannot load the CLIP image encoder from {folder}: {first_line(error)}") from error
        return cls(model.to(device).eval())

    def __call__(self, images: RGBArray) -> Tensor:
        """(B, H, W, 3) uint8 -> (B, D) float32, not normalised."""
        import torch

        pixels = torch.from_numpy(np.stack([clip_pixels(rgb) for rgb in images]))
        with torch.no_grad():
            embeds = self.model(pixels.to(self.model.device, self.model.dtype)).image_embeds
        return embeds.float()


def split_adapter(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """An IP-Adapter checkpoint as {"image_proj": {...}, "ip_adapter": {...}}; flat dotted names are split.

    Raises:
        InputError: names of another kind of checkpoint.
    """
    if set(state) == {"image_proj", "ip_adapter"}:
        return {key: dict(state[key]) for key in state}
    parts: dict[str, dict[str, Any]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in state.items():
        head, _, rest = name.partition(".")
        if head not in parts:
            raise InputError(f"tensor {name!r} is not part of an IP-Adapter; expected image_proj.* and ip_adapter.*")
        parts[head][rest] = tensor
    if "proj.weight" not in parts["image_proj"]:
        raise InputError("only the basic IP-Adapter (4 tokens, image_proj.proj.weight) is supported")
    unknown = [name for name in parts["ip_adapter"] if not re.fullmatch(r"\d+\.to_[kv]_ip\.weight", name)]
    if unknown or not parts["ip_adapter"]:
        raise InputError(f"unexpected IP-Adapter tensor {(unknown or ['none at all'])[0]!r}")
    return parts


def install_adapter(unet: Any, state: Mapping[str, Any]) -> None:
    """Give ``unet``'s cross-attention the keys and values of an IP-Adapter (paper, section 3.2).

    Afterwards every call needs ``added_cond_kwargs={"image_embeds": [E]}``, E of shape (B, images, D).

    Raises:
        InputError: the adapter does not fit the U-Net.
    """
    parts = split_adapter(state)
    expected = sum(not name.endswith("attn1.processor") for name in unet.attn_processors)
    if len(parts["ip_adapter"]) != 2 * expected:
        found = len(parts["ip_adapter"]) // 2
        raise InputError(f"the IP-Adapter has {found} cross-attentions, the U-Net has {expected}; use a matching pair")
    try:
        # The method behind pipeline.load_ip_adapter; importing a pipeline would cost seconds.
        with quiet():
            unet._load_ip_adapter_weights([parts], low_cpu_mem_usage=False)
    except (KeyError, RuntimeError) as error:
        raise InputError(f"the IP-Adapter does not fit the U-Net: {first_line(error)}") from error


def adapter_scale(unet: Any, scale: float) -> None:
    """Strength of the image prompt in every cross-attention; 0 skips it exactly."""
    for processor in unet.attn_processors.values():
        if hasattr(processor, "to_k_ip"):
            processor.scale = [scale] * len(processor.scale)
