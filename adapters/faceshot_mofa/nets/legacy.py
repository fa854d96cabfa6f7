"""The temporal context as diffusers before 0.28 laid it out, which upstream runs with (spec section 4.3)."""

from __future__ import annotations

from typing import Any, Literal

from diffusers.models.attention import TemporalBasicTransformerBlock
from torch import Tensor, nn

TemporalContext = Literal["corrected", "upstream"]


def set_temporal_context(net: nn.Module, mode: TemporalContext) -> None:
    """Choose which embedding the temporal cross-attention of ``net`` sees.

    ``corrected``: each guidance half its own. ``upstream``: with B items in a batch, pixel p of the B * h * w rows sees
    that of item p mod B, so alternate pixels of both halves see the wrong one. The two agree at batch 1: to reproduce
    upstream, both guidance halves must run in one batch, the unconditional one first.
    """
    for handle in getattr(net, "_temporal_context_hooks", ()):
        handle.remove()
    blocks = [module for module in net.modules() if isinstance(module, TemporalBasicTransformerBlock)]
    hooks = [block.register_forward_pre_hook(_mix_up, with_kwargs=True) for block in blocks if mode == "upstream"]
    net._temporal_context_hooks = hooks  # type: ignore[assignment]


def _mix_up(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    hidden: Tensor = args[0]
    context: Tensor = kwargs["encoder_hidden_states"]
    batch, pixels = hidden.shape[0] // kwargs["num_frames"], hidden.shape[1]
    rows = context.reshape(batch, pixels, *context.shape[1:]).transpose(0, 1).reshape(context.shape)
    return args, {**kwargs, "encoder_hidden_states": rows}
