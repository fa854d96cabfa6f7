"""What the video U-Net and its ControlNet share: the embedding of the step, running a block, cheap cross-attention."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn


class SingleKeyProcessor(AttnProcessor2_0):
    """Attention to one token: its softmax is 1 whatever the query, so the value alone is the answer.

    All cross-attention of Stable Video Diffusion is of this kind (one embedding of the picture). More tokens than one
    fall back to the ordinary computation.
    """

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        *rest: Any,
        **more: Any,
    ) -> Tensor:
        context = encoder_hidden_states
        if context is None or context.shape[1] != 1 or hidden_states.ndim != 3 or rest or any(_given(more)):
            return super().__call__(attn, hidden_states, context, *rest, **more)
        value = attn.to_out[1](attn.to_out[0](attn.to_v(context)))
        return (value / attn.rescale_output_factor).expand(-1, hidden_states.shape[1], -1)


def _given(options: dict[str, Any]) -> list[bool]:
    return [value is not None for value in options.values()]


def use_single_key_attention(net: nn.Module) -> None:
    """Give every cross-attention of ``net`` (those are called ``attn2``) a :class:`SingleKeyProcessor`."""
    for name, module in net.named_modules():
        plain = isinstance(module, Attention) and not module.residual_connection and not module.norm_cross
        if name.endswith("attn2") and plain:
            module.set_processor(SingleKeyProcessor())


def embed_step(net: Any, sample: Tensor, timestep: Tensor | float, added_time_ids: Tensor) -> Tensor:
    """(B * T, C) embedding of the noise level and the three time ids, for ``sample`` (B, T, ...), in its dtype."""
    batch, frames = sample.shape[:2]
    steps = torch.as_tensor(timestep, device=sample.device).reshape(-1).expand(batch)
    emb = net.time_embedding(net.time_proj(steps).to(sample.dtype))
    ids = net.add_time_proj(added_time_ids.flatten()).reshape(batch, -1)
    emb = emb + net.add_embedding(ids.to(emb.dtype))
    return emb.repeat_interleave(frames, dim=0)


def run_block(block: nn.Module, x: Tensor, emb: Tensor, context: Tensor, still: Tensor, **more: Any) -> Any:
    """Call a spatio-temporal block of diffusers, with the context where it takes one.

    Args:
        context: (B * T, 1, D). still: (B, T) zeros: no frame is a single picture.
    """
    if getattr(block, "has_cross_attention", False):
        more["encoder_hidden_states"] = context
    return block(x, temb=emb, image_only_indicator=still, **more)
