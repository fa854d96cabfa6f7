"""Pictures as prompts: the IP-Adapter in a U-Net's cross-attention; its eye is :mod:`faceshot.models.clip_vision`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from faceshot.errors import InputError
from faceshot.models.clip_vision import ImageEncoder, clip_pixels
from faceshot.models.loading import first_line, quiet

__all__ = ["ImageEncoder", "adapter_scale", "clip_pixels", "install_adapter", "split_adapter"]


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
    """Give ``unet``'s cross-attention the keys and values of an IP-Adapter (paper, section 3.1).

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
