"""What the video U-Net and its ControlNet share: the embedding of the step, running a block, cheaper layers.

Both run in half precision: PyTorch's group norm, layer norm and attention sum in float32 whatever the dtype.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn

#: Tokens that go through a feed-forward layer together; its inner width is 8 times the outer one.
TOKENS = 1 << 16


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


class PartwiseFeedForward(FeedForward):
    """A feed-forward layer that takes ``tokens`` at a time: the largest intermediate result of a step is this one's."""

    tokens: int = TOKENS

    def forward(self, hidden_states: Tensor, *rest: Any, **more: Any) -> Tensor:
        rows = max(self.tokens // hidden_states.shape[1], 1)
        if hidden_states.shape[0] <= rows:
            return super().forward(hidden_states, *rest, **more)
        return torch.cat(
            [super(PartwiseFeedForward, self).forward(x, *rest, **more) for x in hidden_states.split(rows)]
        )


def use_cheaper_layers(net: nn.Module) -> None:
    """Exact replacements that need less time or memory; weights and names stay.

    Cross-attentions (called ``attn2``) get a :class:`SingleKeyProcessor`, feed-forward layers become partwise.
    """
    for name, module in net.named_modules():
        if type(module) is FeedForward:
            module.__class__ = PartwiseFeedForward
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
