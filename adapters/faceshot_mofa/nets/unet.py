"""The video U-Net of Stable Video Diffusion with a place for the ControlNet's residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from torch import Tensor

from faceshot_mofa.nets.backbone import embed_step, run_block, use_cheaper_layers
from faceshot_mofa.nets.controlnet import Residuals


class MotionUNet(UNetSpatioTemporalConditionModel):
    """diffusers' U-Net, module tree and names unchanged, whose skip connections take residuals (spec section 4).

    Attributes:
        calls: batch items seen by :meth:`forward`.
    """

    calls: int = 0

    @classmethod
    def build(cls, config: Mapping[str, Any] | None = None) -> MotionUNet:
        """A U-Net with fresh weights; ``config`` as published in ``unet/config.json``, None for SVD's values."""
        fields = {key: value for key, value in (config or {}).items() if not key.startswith("_")}
        net = cls(**fields).eval()
        use_cheaper_layers(net)
        return net

    def forward(  # type: ignore[override]
        self,
        sample: Tensor,
        timestep: Tensor | float,
        encoder_hidden_states: Tensor,
        added_time_ids: Tensor,
        residuals: Residuals | None = None,
    ) -> Tensor:
        """The predicted velocity (B, T, 4, h, w).

        Args:
            sample: (B, T, 8, h, w) scaled noisy latent and picture latent.
            encoder_hidden_states: (B, 1, D) embedding of the picture. added_time_ids: (B, 3).
            residuals: of the ControlNet for the same B and T.
        """
        batch, frames = sample.shape[:2]
        self.calls += batch
        emb = embed_step(self, sample, timestep, added_time_ids)
        context = encoder_hidden_states.repeat_interleave(frames, dim=0)
        still = sample.new_zeros(batch, frames)

        x = self.conv_in(sample.flatten(0, 1))
        skips = [[x]]
        for block in self.down_blocks:
            x, found = run_block(block, x, emb, context, still)
            skips.append(list(found))
        flat = add_residuals([skips[0] + skips[1], *skips[2:]], residuals)
        x = run_block(self.mid_block, x, emb, context, still)
        if residuals is not None:
            x = x + residuals.mid
        for block in self.up_blocks:
            own = len(block.resnets)  # type: ignore[arg-type]
            taken, flat = flat[-own:], flat[:-own]
            size = flat[-1].shape[2:] if flat else None
            x = run_block(block, x, emb, context, still, res_hidden_states_tuple=tuple(taken), upsample_size=size)
        x = self.conv_out(self.conv_act(self.conv_norm_out(x)))
        return x.unflatten(0, (batch, frames))


def add_residuals(levels: Sequence[Sequence[Tensor]], residuals: Residuals | None) -> list[Tensor]:
    """The skips of all levels, in one list, with the residuals added as the weights expect it.

    Upstream adds the residuals of all levels so far after every level, so those of level i of L count L - i times:
    4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1.
    """
    flat = [skip for level in levels for skip in level]
    if residuals is None:
        return flat
    times = [len(levels) - i for i, level in enumerate(levels) for _ in level]
    return [
        torch.add(skip, residual, alpha=count)
        for skip, residual, count in zip(flat, residuals.down, times, strict=True)
    ]
