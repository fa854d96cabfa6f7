"""From noise to latents: one step of one window, and the two ways of sampling clips longer than a window."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from faceshot.progress import progress
from faceshot_mofa.conditioning import time_ids
from faceshot_mofa.features import Features
from faceshot_mofa.guidance import guidance_ramp, guided, is_needed
from faceshot_mofa.nets.controlnet import Conditioning, Residuals
from faceshot_mofa.nets.legacy import TemporalContext
from faceshot_mofa.networks import Networks
from faceshot_mofa.resume import Work
from faceshot_mofa.schedule import Schedule
from faceshot_mofa.windows import Window, blend_weights, emitted


def draw_noise(seed: int, label: str | int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal float32 on the CPU that depends on seed and label only: the same on every device."""
    digest = hashlib.sha256(f"{seed}:{label}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.randn(shape, generator=generator)


class Noise(Protocol):
    """(n, 4, h, w) standard normal float32 for these frames."""

    def __call__(self, frames: Sequence[int]) -> Tensor: ...


@dataclass
class Denoiser:
    """Takes the latents of a window one step further.

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


@dataclass(frozen=True)
class Final:
    """Latents (n, 4, h, w) float32 of finished, consecutive ``frames``."""

    frames: range
    latents: Tensor


def sample_jointly(
    denoiser: Denoiser, noise: Noise, frames: int, windows: Sequence[Window], work: Work | None = None
) -> Iterator[Final]:
    """Upstream's way: all windows take a step, overlapping frames are averaged, then the next (spec section 5.4).

    Frame 0 is taken from the first window. Yields once, everything.
    """
    device, steps = denoiser.networks.device, len(denoiser.schedule)
    latents, begin = noise(range(frames)).to(device) * denoiser.schedule.start, 0
    if work is not None and (stored := work.newest("step")) is not None:
        begin, tensors = stored[0] + 1, stored[1]
        latents = tensors["latents"].to(device)
    for step in progress(range(begin, steps), "denoise", total=steps - begin, unit="step"):
        with denoiser.networks.using("controlnet", "unet") if _resident(denoiser) else nullcontext():
            latents = joint_step(denoiser, latents, windows, step)
        if work is not None:
            work.store("step", step, {"latents": latents})
            work.drop("step", step - 1)
    yield Final(range(frames), latents)


def joint_step(denoiser: Denoiser, latents: Tensor, windows: Sequence[Window], step: int) -> Tensor:
    """All latents (N, 4, h, w) after ``step``, the mean over the windows that hold a frame."""
    total, count = torch.zeros_like(latents), latents.new_zeros(len(latents), 1, 1, 1)
    before, after = None, latents
    for index, window in enumerate(windows):
        frames = list(window.frames)
        if window != before:  # a doubled window counts twice; it need not be computed twice
            after = denoiser.advance(latents[frames], frames, step, denoiser.conditioning(frames))
        before = window
        skip = 0 if index == 0 else 1
        total[frames[skip:]] += after[skip:]
        count[frames[skip:]] += 1
    return total / count


def sample_in_turn(
    denoiser: Denoiser, noise: Noise, windows: Sequence[Window], work: Work | None = None
) -> Iterator[Final]:
    """Our way: one window after another, each blended into the course the one before took (see :mod:`windows`).

    Yields frames as soon as no later window touches them. With ``work`` finished windows are stored, and those found
    there are not computed again.
    """
    done = 0 if work is None else work.finished("window")
    anchor: Tensor | None = None
    tail: Tensor | None = None
    if work is not None and 0 < done < len(windows):
        kept = (work.load("anchor", 0), work.load("course", done - 1))
        if kept[0] is None or kept[1] is None:
            done = 0
        else:
            anchor, tail = kept[0]["course"], kept[1]["course"]
    for index, window in enumerate(windows):
        now = emitted(list(windows), index)
        if index < done:
            assert work is not None
            yield Final(now, work.read("window", index)["latents"])
            continue
        following = windows[index + 1] if index + 1 < len(windows) else None
        label = f"window {index + 1}/{len(windows)}"
        latents, course, tail = _run_window(denoiser, noise, window, following, anchor, tail, label)
        anchor = course if anchor is None else anchor
        places = [window.frames.index(frame) for frame in now]
        if work is not None:
            if index == 0:
                work.store("anchor", 0, {"course": anchor})
            if tail is not None:
                work.store("course", index, {"course": tail})
            work.store("window", index, {"latents": latents[places]})
            work.drop("course", index - 1)
        yield Final(now, latents[places])


def _run_window(
    denoiser: Denoiser,
    noise: Noise,
    window: Window,
    following: Window | None,
    anchor: Tensor | None,
    before: Tensor | None,
    label: str,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """One window from noise to the end.

    Args:
        anchor: (steps, 4, h, w) course of frame 0, None in the first window. before: (steps, overlap, 4, h, w) course
            of the shared frames in the window before.

    Returns:
        latents (T, 4, h, w), the course of frame 0, and that of the frames shared with the window that follows.
    """
    frames, steps = list(window.frames), len(denoiser.schedule)
    device = denoiser.networks.device
    latents = noise(frames).to(device) * denoiser.schedule.start
    conditioning = denoiser.conditioning(frames)
    shared = [] if following is None else list(range(len(frames) - following.overlap, len(frames)))
    weights = torch.from_numpy(blend_weights(window.overlap)).view(-1, 1, 1, 1).to(device)
    first, tail = [], []
    with denoiser.networks.using("controlnet", "unet") if _resident(denoiser) else nullcontext():
        for step in progress(range(steps), label, total=steps, unit="step"):
            latents = denoiser.advance(latents, frames, step, conditioning)
            if anchor is not None:
                latents[0] = anchor[step].to(device)
            if before is not None and window.overlap:
                own = latents[1 : 1 + window.overlap]
                latents[1 : 1 + window.overlap] = own + weights * (before[step].to(device) - own)
            first.append(latents[0].cpu())
            tail.append(latents[shared].cpu())
    return latents, torch.stack(first), None if following is None else torch.stack(tail)


def _resident(denoiser: Denoiser) -> bool:
    """Whether ControlNet and U-Net may share the device while a window is sampled."""
    return denoiser.networks.low_vram != "max"
