"""Stable Diffusion's U-Net twice: one looks at the picture, one paints the frames and looks at what the first one saw.

Blocks and names are those of diffusers; the way through them is written here, because so much need not be computed
again: what the picture's U-Net saw enters as keys and values made once, and the text side is a single token, whose
attention is a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from faceshot_aniportrait.nets.motion import MotionModule

#: Of Stable Diffusion 1.5.
CONFIG: Final[Mapping[str, Any]] = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
#: Around a spatial transformer: (the transformer, its input (n, C, h, w)) -> its output.
Attend = Callable[[Any, Tensor], Tensor]


@dataclass(frozen=True)
class Memory:
    """What one transformer of the frames' U-Net knows of the picture.

    Attributes:
        keys, values: (1, heads, tokens, width) of what the picture's U-Net saw there; None for nothing.
        told: (2, 1, C) output of the attention to the picture's embedding: without the picture, with it.
    """

    keys: Tensor | None
    values: Tensor | None
    told: Tensor


class WalkedUNet(UNet2DConditionModel):
    """The stock U-Net with a forward pass that hands its transformers to a function."""

    down_blocks: Any
    mid_block: Any
    up_blocks: Any

    def __init__(self, config: Mapping[str, Any] = CONFIG) -> None:
        super().__init__(**config)
        #: Calls in frames and guidance halves, for tests.
        self.calls = 0
        for name, module in self.named_modules():
            if isinstance(module, Transformer2DModel):
                module.place = name  # type: ignore[assignment]  # a plain attribute

    def walk(self, x: Tensor, timestep: float, attend: Attend, pose: Sequence[Tensor] = (), frames: int = 1) -> Tensor:
        """(n, 4, h, w) -> the last block's map; ``attend`` may give more rows than it takes, ``pose`` is per frame."""
        time = torch.full((1,), timestep, device=x.device)
        emb = self.time_embedding(self.time_proj(time).to(x.dtype))  # of one row: all rows see the same time

        def layer(block: Any, index: int, x: Tensor) -> Tensor:
            if hasattr(block, "attentions"):
                x = attend(block.attentions[index], x)
            return block.motion_modules[index](x, frames) if hasattr(block, "motion_modules") else x

        x = self.conv_in(x)
        x = x + pose[0] if pose else x
        skips = [x]
        for level, block in enumerate(self.down_blocks):
            for index, resnet in enumerate(block.resnets):
                x = layer(block, index, resnet(x, emb))
                skips.append(x)
            for down in block.downsamplers or ():
                x = down(x)
                skips.append(x)
            x = (x.unflatten(0, (-1, frames)) + pose[level + 1]).flatten(0, 1) if pose else x
        x = self.mid_block.resnets[1](layer(self.mid_block, 0, self.mid_block.resnets[0](x, emb)), emb)
        for block in self.up_blocks:
            for index, resnet in enumerate(block.resnets):
                skip = skips.pop()
                x = layer(block, index, resnet(torch.cat([x, skip.repeat(len(x) // len(skip), 1, 1, 1)], 1), emb))
            for up in block.upsamplers or ():
                x = up(x)
        return x


class ReferenceUNet(WalkedUNet):
    """Looks at the picture once; its head is not in the file and not needed."""

    def __init__(self, config: Mapping[str, Any] = CONFIG) -> None:
        super().__init__(config)
        del self.conv_norm_out, self.conv_out

    def forward(self, latent: Tensor, embedding: Tensor) -> tuple[Tensor, dict[str, Tensor]]:  # type: ignore[override]
        """What it sees in the picture.

        Args:
            latent: (1, 4, h, w), scaled. embedding: (1, 1, D) of CLIP.

        Returns:
            the last block's map, which nobody needs, and by the transformer's place the tokens (1, h * w, C) that
            enter its self-attention.
        """
        seen: dict[str, Tensor] = {}
        self.calls += len(latent)

        def attend(transformer: Any, x: Tensor) -> Tensor:
            block = transformer.transformer_blocks[0]
            tokens = _tokens(transformer, x)
            seen[transformer.place] = block.norm1(tokens)
            return _finished(transformer, x, tokens + block.attn1(seen[transformer.place]), told_of(block, embedding))

        return self.walk(latent, 0.0, attend), seen


class DenoisingUNet(WalkedUNet):
    """Paints the frames of a window, with motion modules after each pair of layers."""

    def __init__(self, config: Mapping[str, Any] = CONFIG) -> None:
        super().__init__(config)
        widths = list(self.config["block_out_channels"])
        self.mid_block.motion_modules = nn.ModuleList([MotionModule(widths[-1])])
        for blocks, channels in ((self.down_blocks, widths), (self.up_blocks, widths[::-1])):
            for block, width in zip(blocks, channels, strict=True):
                block.motion_modules = nn.ModuleList(MotionModule(width) for _ in block.resnets)

    def remember(self, seen: Mapping[str, Tensor] | None, embedding: Tensor) -> dict[str, Memory]:
        """What each transformer needs of the picture, once per video.

        Args:
            seen: of :class:`ReferenceUNet`. embedding: (1, 1, D) of CLIP; without the picture it is zeros.
        """
        both, out = torch.cat([torch.zeros_like(embedding), embedding]), {}
        for transformer in self.modules():
            if not isinstance(transformer, Transformer2DModel):
                continue
            block, place = transformer.transformer_blocks[0], str(transformer.place)
            keys, values = (None, None) if seen is None else (
                _heads(block.attn1, layer(seen[place])) for layer in (block.attn1.to_k, block.attn1.to_v)
            )  # fmt: skip
            out[place] = Memory(keys, values, told_of(block, both))
        return out

    def forward(  # type: ignore[override]
        self,
        latents: Tensor,
        timestep: float,
        memory: Mapping[str, Memory],
        pose: Sequence[Tensor] = (),
        shown: Sequence[int] = (0, 1),
    ) -> Tensor:
        """The prediction for each guidance half.

        Args:
            latents: (f, 4, h, w) of a window. memory: of :meth:`remember`.
            pose: five maps (f, C, h, w), or none.
            shown: of each half, whether it sees the picture; up to the first transformer they are one.

        Returns:
            (halves, f, 4, h, w).
        """
        frames = len(latents)
        self.calls += frames * len(shown)

        def attend(transformer: Any, x: Tensor) -> Tensor:
            block, known = transformer.transformer_blocks[0], memory[transformer.place]
            tokens = _tokens(transformer, x)
            found = _looked(block.attn1, block.norm1(tokens), known, shown, frames)
            more = len(found) // len(x)
            told = known.told[list(shown)].repeat_interleave(frames, 0)
            return _finished(transformer, x.repeat(more, 1, 1, 1), tokens.repeat(more, 1, 1) + found, told)

        x = self.walk(latents, timestep, attend, pose, frames)
        return self.conv_out(self.conv_act(self.conv_norm_out(x))).unflatten(0, (len(shown), frames))


def told_of(block: Any, embedding: Tensor) -> Tensor:
    """Attention to a single token (n, 1, D) does not depend on who asks: (n, 1, C)."""
    return block.attn2.to_out[0](block.attn2.to_v(embedding))


def _tokens(transformer: Any, x: Tensor) -> Tensor:
    """(n, C, h, w) -> (n, h * w, C), normalised and projected."""
    return transformer.proj_in(transformer.norm(x)).flatten(2).transpose(1, 2)


def _finished(transformer: Any, x: Tensor, tokens: Tensor, told: Tensor) -> Tensor:
    """The rest of a transformer after its self-attention: ``x`` (n, C, h, w) is its input."""
    block = transformer.transformer_blocks[0]
    tokens = tokens + told
    tokens = tokens + block.ff(block.norm3(tokens))
    return x + transformer.proj_out(tokens.transpose(1, 2).reshape(x.shape))


def _heads(attention: Any, x: Tensor) -> Tensor:
    """(n, tokens, C) -> (n, heads, tokens, width)."""
    return x.unflatten(2, (attention.heads, -1)).transpose(1, 2)


def _looked(attention: Any, x: Tensor, known: Memory, shown: Sequence[int], frames: int) -> Tensor:
    """Self-attention of (n, tokens, C), in the halves that see the picture over its tokens as well."""
    query, key, value = (_heads(attention, layer(x)) for layer in (attention.to_q, attention.to_k, attention.to_v))
    found = []
    for half, sees in enumerate(shown):
        rows = slice(half * frames, (half + 1) * frames) if len(x) > frames else slice(None)
        keys, values = key[rows], value[rows]
        if sees and known.keys is not None and known.values is not None:
            size = (frames, -1, -1, -1)
            keys = torch.cat([keys, known.keys.expand(size)], 2)
            values = torch.cat([values, known.values.expand(size)], 2)
        found.append(scaled_dot_product_attention(query[rows], keys, values))
    return attention.to_out[0](torch.cat(found).transpose(1, 2).flatten(2))
