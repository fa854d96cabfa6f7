"""The landmark ControlNet ("MOFA adapter"): picture, dense flow and pose pictures in, residuals of the U-Net out.

What does not depend on the denoising step is computed once per video as a :class:`Conditioning`; the step adds it to
the half-size U-Net at four scales. Names are those of the published ``ldmk_controlnet``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.unets.unet_3d_blocks import (
    CrossAttnDownBlockSpatioTemporal,
    DownBlockSpatioTemporal,
    UNetMidBlockSpatioTemporal,
)
from torch import Tensor, nn

from faceshot_mofa.nets.appearance import ConditionEmbedding, FlowEncoder, Occlusion
from faceshot_mofa.nets.backbone import embed_step, run_block, use_cheaper_layers
from faceshot_mofa.nets.splat import splat_average

#: Image pixels per feature pixel of the four scales.
STRIDES = (8, 16, 32, 64)


class Residuals(NamedTuple):
    """What the ControlNet adds to the U-Net: 12 maps (B * T, C, h, w) for the skips, one for the middle."""

    down: tuple[Tensor, ...]
    mid: Tensor


@dataclass(frozen=True)
class ControlNetConfig:
    """Sizes of the network; the defaults are the published ones.

    ``heads`` are not the U-Net's (5, 10, 20, 20): another number loads without complaint and is wrong.
    """

    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    heads: tuple[int, ...] = (5, 10, 10, 20)
    in_channels: int = 8
    context: int = 1024
    time_ids: int = 256
    layers: int = 2

    @classmethod
    def from_dict(cls, config: dict[str, Any]) -> ControlNetConfig:
        """From the field names of diffusers' configuration files."""
        return cls(
            channels=tuple(config["block_out_channels"]),
            heads=tuple(config["num_attention_heads"]),
            in_channels=config["in_channels"],
            context=config["cross_attention_dim"],
            time_ids=config["addition_time_embed_dim"],
            layers=config["layers_per_block"],
        )


class Appearance(NamedTuple):
    """Features of the first frame (1, C, h, w) at the four :data:`STRIDES`; once per video."""

    levels: tuple[Tensor, ...]


@dataclass(frozen=True)
class Conditioning:
    """What is added to the network at each scale, for T frames; guidance halves and steps share it.

    Attributes:
        added: (T, C, h, w) at the four :data:`STRIDES`: the moved features, and at 8 and 16 the landmarks' too.
        masks: (T, 1, h, w) there: 1 where a moved feature is kept, 0 where it is painted over (diagnostics).
    """

    added: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]

    def __len__(self) -> int:
        return self.added[0].shape[0]

    def select(self, frames: Sequence[int] | Tensor) -> Conditioning:
        """The given frames, in that order: a window is ``[0, a + 1, ..., a + w - 1]``."""
        index = torch.as_tensor(frames, dtype=torch.long, device=self.added[0].device)
        return Conditioning(*(tuple(x.index_select(0, index) for x in maps) for maps in (self.added, self.masks)))

    def to(self, *where: Any, **more: Any) -> Conditioning:
        """All tensors ``.to(...)`` a device, a dtype or both."""
        return Conditioning(*(tuple(x.to(*where, **more) for x in maps) for maps in (self.added, self.masks)))

    @staticmethod
    def cat(parts: Sequence[Conditioning]) -> Conditioning:
        """The frames of all parts, one after the other."""
        return Conditioning(
            tuple(map(torch.cat, zip(*(part.added for part in parts), strict=True))),
            tuple(map(torch.cat, zip(*(part.masks for part in parts), strict=True))),
        )


class LandmarkControlNet(nn.Module):
    """Landmark-driven FlowControlNet of MOFA-Video (spec section 3).

    Attributes:
        counts: frames through ``appearance``, ``landmarks`` and ``warp`` (splat and occlusion at all scales), and batch
            items through ``step``.
    """

    def __init__(self, config: ControlNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ControlNetConfig()
        widths, first = config.channels, config.channels[0]
        self.counts: Counter[str] = Counter()
        self._build_backbone(config)
        skips = [first] + [
            width for i, width in enumerate(widths) for _ in range(config.layers + (i < len(widths) - 1))
        ]
        self.controlnet_down_blocks = nn.ModuleList([nn.Conv2d(width, width, 1) for width in skips])
        self.controlnet_mid_block = nn.Conv2d(widths[-1], widths[-1], 1)
        self.controlnet_cond_embedding = ConditionEmbedding(first, (16, 32, 96, 256))
        self.controlnet_ldmk_embedding = ConditionEmbedding(first, (16, 32, 64, 128))
        scales = (first, *widths[:3])
        self.flow_encoder = FlowEncoder(scales)
        self.zero_outs = nn.ModuleDict({str(s): nn.Conv2d(c, c, 1) for s, c in zip(STRIDES, scales, strict=True)})
        self.occlusions = nn.ModuleDict({str(s): Occlusion(c) for s, c in zip(STRIDES, scales, strict=True)})
        use_cheaper_layers(self)
        self.eval()

    def _build_backbone(self, config: ControlNetConfig) -> None:
        widths, first = config.channels, config.channels[0]
        depth = 4 * first
        self.conv_in = nn.Conv2d(config.in_channels, first, 3, padding=1)
        self.time_proj = Timesteps(first, True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(first, depth)
        self.add_time_proj = Timesteps(config.time_ids, True, downscale_freq_shift=0)
        self.add_embedding = TimestepEmbedding(3 * config.time_ids, depth)
        self.down_blocks = nn.ModuleList()
        for i, (inner, outer) in enumerate(zip((first, *widths), widths, strict=False)):
            common: dict[str, Any] = dict(
                in_channels=inner, out_channels=outer, temb_channels=depth, num_layers=config.layers
            )
            if i < len(widths) - 1:
                heads: dict[str, Any] = dict(num_attention_heads=config.heads[i], cross_attention_dim=config.context)
                self.down_blocks.append(CrossAttnDownBlockSpatioTemporal(**common, **heads))
            else:
                self.down_blocks.append(DownBlockSpatioTemporal(**common, add_downsample=False))
        self.mid_block = UNetMidBlockSpatioTemporal(
            widths[-1],
            temb_channels=depth,
            num_attention_heads=config.heads[-1],
            cross_attention_dim=config.context,
        )

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.conv_in.weight.dtype

    @property
    def device(self) -> torch.device:
        """Of the weights."""
        return self.conv_in.weight.device

    # ---- once per video ----------------------------------------------------------------------------------------

    def encode_appearance(self, picture: Tensor) -> Appearance:
        """Features of the first frame ``picture`` (1, 3, H, W) in [-1, 1]; H and W are multiples of 64."""
        if any(side % STRIDES[-1] for side in picture.shape[2:]):
            raise ValueError(f"height and width must be multiples of 64, not {tuple(picture.shape[2:])}")
        self.counts["appearance"] += picture.shape[0]
        levels = [self.controlnet_cond_embedding(picture.to(self.dtype))]
        levels += self.flow_encoder(levels[0])
        return Appearance(tuple(levels))

    def encode_first(self, appearance: Appearance, pose: Tensor) -> Conditioning:
        """Frame 0, whose features stay where they are; ``pose`` (1, 3, H, W) in [0, 1]."""
        masks = tuple(torch.ones_like(level[:, :1]) for level in appearance.levels)
        return self._add_landmarks(appearance.levels, masks, pose)

    def encode_frames(self, appearance: Appearance, flow: Tensor, pose: Tensor, chunk: int = 4) -> Conditioning:
        """Frames other than the first.

        Args:
            flow: (n, 2, H, W) float32 motion from frame 0 to each frame in pixels, channel 0 is x.
            pose: (n, 3, H, W) pose pictures in [0, 1].
            chunk: frames at a time; at 512 x 512 about 100 MB each in half precision.
        """
        if flow.shape[0] != pose.shape[0] or flow.shape[2:] != pose.shape[2:] or not len(flow):
            raise ValueError(f"flow {tuple(flow.shape)} does not go with pose pictures {tuple(pose.shape)}")
        parts = []
        for motion, drawing in zip(flow.split(chunk), pose.split(chunk), strict=True):
            self.counts["warp"] += motion.shape[0]
            pairs = [self.warp(appearance, motion, scale) for scale in range(len(STRIDES))]
            moved, masks = zip(*pairs, strict=True)
            parts.append(self._add_landmarks(moved, masks, drawing))
        return Conditioning.cat(parts)

    def warp(self, appearance: Appearance, flow: Tensor, scale: int) -> tuple[Tensor, Tensor]:
        """The features of ``STRIDES[scale]`` moved along ``flow``, holes painted over: (n, C, h, w), (n, 1, h, w)."""
        features, stride = appearance.levels[scale], STRIDES[scale]
        motion = flow[..., ::stride, ::stride].float() / stride
        moved = splat_average(features, motion).to(features.dtype)
        still = features.expand(moved.shape[0], -1, -1, -1)
        paint, mask = self.occlusions[str(stride)](torch.cat([still, motion.to(features.dtype), moved], 1))
        return self.zero_outs[str(stride)](moved * mask + paint * (1 - mask)), mask

    def embed_landmarks(self, pose: Tensor) -> Tensor:
        """(n, C, H / 8, W / 8) of pose pictures (n, 3, H, W) in [0, 1]."""
        self.counts["landmarks"] += pose.shape[0]
        return self.controlnet_ldmk_embedding(pose.to(self.dtype))

    def _add_landmarks(self, moved: Sequence[Tensor], masks: Sequence[Tensor], pose: Tensor) -> Conditioning:
        marks = self.embed_landmarks(pose)
        added = (moved[0] + marks, moved[1] + marks[..., ::2, ::2], *moved[2:])
        return Conditioning(added, tuple(masks))

    def prepare(self, picture: Tensor, flow: Tensor, pose: Tensor, chunk: int = 4) -> Conditioning:
        """Of a whole video: ``picture`` (1, 3, H, W), ``flow`` (T-1, 2, H, W), ``pose`` (T, 3, H, W)."""
        appearance = self.encode_appearance(picture)
        first = self.encode_first(appearance, pose[:1])
        if pose.shape[0] == 1:
            return first
        return Conditioning.cat([first, self.encode_frames(appearance, flow, pose[1:], chunk)])

    # ---- once per step -----------------------------------------------------------------------------------------

    def step(
        self,
        sample: Tensor,
        timestep: Tensor | float,
        encoder_hidden_states: Tensor,
        added_time_ids: Tensor,
        conditioning: Conditioning | Sequence[Conditioning],
        scale: float = 1.0,
    ) -> Residuals:
        """The residuals of one denoising step.

        Args:
            sample: (B, T, 8, h, w) scaled noisy latent and picture latent.
            encoder_hidden_states: (B, 1, D). added_time_ids: (B, 3).
            conditioning: of the T frames, for all B items; or one for each item.
            scale: factor of all residuals.
        """
        batch, frames = sample.shape[:2]
        self.counts["step"] += batch
        added = _per_item(conditioning, batch, frames)
        emb = embed_step(self, sample, timestep, added_time_ids)
        context = encoder_hidden_states.repeat_interleave(frames, dim=0)
        still = sample.new_zeros(batch, frames)

        x = _plus(self.conv_in(sample.flatten(0, 1)), added[0])
        skips = [x]
        for i, block in enumerate(self.down_blocks):
            x, found = run_block(block, x, emb, context, still)
            skips += found
            x = _plus(x, added[min(i + 1, len(added) - 1)])
        x = run_block(self.mid_block, _plus(x, added[-1]), emb, context, still)
        maps = [head(skip) for head, skip in zip(self.controlnet_down_blocks, skips, strict=True)]
        maps.append(self.controlnet_mid_block(x))
        if scale != 1.0:
            maps = [residual * scale for residual in maps]
        return Residuals(tuple(maps[:-1]), maps[-1])

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | float,
        encoder_hidden_states: Tensor,
        added_time_ids: Tensor,
        picture: Tensor,
        flow: Tensor,
        pose: Tensor,
        scale: float = 1.0,
        chunk: int = 4,
    ) -> Residuals:
        """:meth:`prepare` and :meth:`step` in one, the former anew for every batch item (for comparison)."""
        conditioning = [self.prepare(picture, flow, pose, chunk) for _ in range(sample.shape[0])]
        return self.step(sample, timestep, encoder_hidden_states, added_time_ids, conditioning, scale)


def _per_item(conditioning: Conditioning | Sequence[Conditioning], batch: int, frames: int) -> list[Tensor]:
    """Per scale: (1 or B, T, C, h, w) to add."""
    items = [conditioning] if isinstance(conditioning, Conditioning) else list(conditioning)
    if len(items) not in (1, batch) or any(len(item) != frames for item in items):
        raise ValueError(f"conditioning of {[len(item) for item in items]} frames for a batch of {batch} x {frames}")
    levels = zip(*(item.added for item in items), strict=True)
    return [maps[0][None] if len(maps) == 1 else torch.stack(maps) for maps in levels]


def _plus(x: Tensor, added: Tensor) -> Tensor:
    return (x.view(-1, *added.shape[1:]) + added).flatten(0, 1)
