"""One step of one window: ControlNet, video U-Net, guidance, Euler."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from faceshot_mofa.conditioning import time_ids
from faceshot_mofa.features import Features
from faceshot_mofa.guidance import guidance_ramp, guided, is_needed
from faceshot_mofa.nets.controlnet import Conditioning, Residuals
from faceshot_mofa.nets.legacy import TemporalContext
from faceshot_mofa.networks import Networks
from faceshot_mofa.schedule import Schedule


@dataclass
class Denoiser:
    """Takes the latents of a window one step further (:class:`faceshot.rendering.Stepper`).

    Attributes:
        embedding: of the picture (1, 1, D). latent: of the picture (1, 4, h, w).
        strongest: guidance at the end of a window; at 1 the half without a picture is not computed.
        batched: both halves of guidance in one call, else one after the other (less memory, equal up to rounding).
        reuse: False computes the conditioning anew at every step and for both halves, for comparison.
        context: what the temporal attention sees; ``upstream`` needs ``batched``.
    """

    networks: Networks
    features: Features
    schedule: Schedule
    embedding: Tensor
    latent: Tensor
    strongest: float
    batched: bool = True
    reuse: bool = True
    context: TemporalContext = "corrected"

    @property
    def steps(self) -> int:
        return len(self.schedule)

    @property
    def start(self) -> float:
        return self.schedule.start

    @property
    def device(self) -> torch.device:
        return self.networks.device

    def resident(self) -> AbstractContextManager[None]:
        """ControlNet and U-Net share the device while a window is sampled, but for ``low_vram=max``."""
        if self.networks.low_vram == "max":
            return nullcontext()
        return self.networks.using("controlnet", "unet")

    @torch.no_grad()
    def advance(self, latents: Tensor, frames: Sequence[int], step: int, window: Conditioning | None) -> Tensor:
        """Latents (T, 4, h, w) float32 of ``frames`` after ``step``; ``window`` is their conditioning."""
        self.networks.see(self.context)
        halves: list[list[float]] = [[0.0, 1.0]] if self.batched else [[0.0], [1.0]]
        if not is_needed(self.strongest):
            halves = [[1.0]]
        calls = [self._arguments(latents, step, shown) for shown in halves]
        with self.networks.using("controlnet"):
            residuals = [self._residuals(call, frames, window) for call in calls]
        with self.networks.using("unet"):
            found = [self.networks.unet(*call, residuals=residuals.pop(0)) for call in calls]
        velocity = torch.cat(found).float()
        if len(velocity) == 1:
            return self.schedule.step(latents, velocity[0], step)
        ramp = guidance_ramp(len(latents), self.strongest).to(latents.device)
        return self.schedule.step(latents, guided(velocity[0], velocity[1], ramp), step)

    def _arguments(self, latents: Tensor, step: int, shown: Sequence[float]) -> tuple[Tensor, ...]:
        """Sample, time step, embedding and ids of guidance halves: ``shown`` 0 sees no picture, 1 does."""
        dtype, device, batch = self.networks.dtype, latents.device, len(shown)
        share = torch.tensor(shown, device=device, dtype=dtype)
        noisy = self.schedule.scaled(latents, step).to(dtype).expand(batch, *latents.shape)
        picture = self.latent.to(dtype) * share.view(-1, 1, 1, 1)
        still = picture[:, None].expand(batch, *latents.shape)
        timestep = torch.tensor(float(self.schedule.timesteps[step]), device=device)
        embedding = self.embedding.to(dtype) * share.view(-1, 1, 1)
        return torch.cat([noisy, still], dim=2), timestep, embedding, time_ids(batch).to(device, dtype)

    def _residuals(self, call: tuple[Tensor, ...], frames: Sequence[int], window: Conditioning | None) -> Residuals:
        net, (sample, timestep, embedding, ids) = self.networks.controlnet, call
        if self.reuse:
            assert window is not None
            return net.step(sample, timestep, embedding, ids, window)
        raw = self.features.raw(frames)
        return net(sample, timestep, embedding, ids, raw.picture, raw.flow, raw.pose)

    def conditioning(self, frames: Sequence[int]) -> Conditioning | None:
        """Of a window, for :meth:`advance`."""
        if not self.reuse:
            return None
        with self.networks.using("controlnet"):
            return self.features.window(frames)
