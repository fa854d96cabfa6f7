"""From keypoints to pixels: W and G, in the form and dtype that suit the device."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from faceshot.errors import InputError, UsageError
from faceshot_liveportrait.fast.convolution import Target
from faceshot_liveportrait.fast.replay import compiled, recorded
from faceshot_liveportrait.fast.spade import FastGenerator
from faceshot_liveportrait.fast.warping import FastWarping
from faceshot_liveportrait.nets import SpadeGenerator, WarpingModule
from faceshot_liveportrait.nets.spade import fold_spectral

logger = logging.getLogger("faceshot")

Speedup = Literal["none", "compile", "graph"]
Step = Callable[[Tensor], Tensor]


class Pending:
    """A batch on its way: uint8 ``pixels`` (B, H, W, 3), whether they are ``sane``, and the event of its arrival."""

    def __init__(self, pixels: Tensor, sane: Tensor, event: torch.cuda.Event | None) -> None:
        self.pixels, self.sane, self.event = pixels, sane, event


class Frames:
    """W and G for one device and dtype.

    Networks of :mod:`faceshot_liveportrait.nets` (of any width) are rearranged as :mod:`faceshot_liveportrait.fast`
    describes; others are called as they are, in float32.

    Args:
        speedup: ``compile`` (torch.compile) or ``graph`` (a CUDA graph per source); both fall back to ``none``.
    """

    def __init__(
        self, warping: nn.Module, spade: nn.Module, device: torch.device, dtype: torch.dtype, speedup: Speedup = "none"
    ) -> None:
        if speedup not in ("none", "compile", "graph"):
            raise UsageError(f"unknown speedup {speedup!r}; there are none, compile, graph")
        self.device, self.dtype, self.speedup = device, dtype, speedup
        self._warping: Any = warping
        self._spade: Any = spade
        if isinstance(warping, WarpingModule):
            self._warping = FastWarping(warping, Target(dtype, device))
        else:
            warping.to(device)
        if isinstance(spade, SpadeGenerator):
            fold_spectral(spade)
            self._spade = FastGenerator(spade, Target(dtype, device))
        else:
            spade.to(device)

    @property
    def volume_shape(self) -> tuple[int, ...]:
        """Shape of f_s."""
        if isinstance(self._warping, FastWarping):
            return (1, self._warping.channels, self._warping.depth, 64, 64)
        return (1, 32, 16, 64, 64)

    @torch.inference_mode()
    def start(self, f_s: Tensor, x_s: Tensor) -> Step:
        """Keep what the source decides; returns the function from x_d (B, 21, 3) to RGB (B, 3, 512, 512) in 0..1."""
        feature = self.feature(f_s, x_s)

        def step(x_d: Tensor) -> Tensor:
            return self._spade(feature(x_d))

        return compiled(step) if self.speedup == "compile" else step

    @torch.inference_mode()
    def feature(self, f_s: Tensor, x_s: Tensor) -> Step:
        """As :meth:`start`, but to what G draws from: the warped volume, flattened (B, 256, 64, 64)."""
        volume, points = (value.to(self.device, torch.float32) for value in (f_s, x_s))
        if isinstance(self._warping, FastWarping):
            warping, source = self._warping, self._warping.prepare(volume, points)
            return lambda x_d: warping(source, x_d)

        def feature(x_d: Tensor) -> Tensor:
            count = len(x_d)
            return self._warping(volume.expand(count, -1, -1, -1, -1), points.expand(count, -1, -1), x_d).feature

        return feature

    def render(self, step: Step, x_d: Tensor, batch: int) -> Iterator[np.ndarray]:
        """Yield the pixels (512, 512, 3) of each row of x_d (N, 21, 3).

        On CUDA the next batch is computed while the caller works on the frames of the last one. A batch that does
        not fit into memory is halved.

        Raises:
            InputError: numbers overflowed in a half-precision dtype.
        """
        waiting: Pending | None = None
        done, recording = 0, self.speedup == "graph" and self.device.type == "cuda"
        while done < len(x_d):
            points = x_d[done : done + batch].to(self.device, torch.float32)
            try:
                if recording:
                    step, recording = self._recorded(step, points), False
                pending = self._launch(step, points)
            except torch.OutOfMemoryError:
                if len(points) == 1:
                    raise
                batch = len(points) // 2
                logger.warning("%d frames at once do not fit into memory; going on with %d", len(points), batch)
                continue
            done += len(points)
            if self.device.type != "cuda":
                yield from self._finished(pending)
                continue
            if waiting is not None:
                yield from self._finished(waiting)
            waiting = pending
        if waiting is not None:
            yield from self._finished(waiting)

    @torch.inference_mode()
    def _recorded(self, step: Step, points: Tensor) -> Step:
        return recorded(step, points)

    @torch.inference_mode()
    def _launch(self, step: Step, points: Tensor) -> Pending:
        image = step(points)
        pixels, sane = to_pixels(image), torch.isfinite(image).all()
        if self.device.type != "cuda":
            return Pending(pixels.cpu(), sane.cpu(), None)
        host = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=True)
        mark = torch.empty((), dtype=torch.bool, pin_memory=True)
        host.copy_(pixels, non_blocking=True)
        mark.copy_(sane, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        return Pending(host, mark, event)

    def _finished(self, pending: Pending) -> np.ndarray:
        if pending.event is not None:
            pending.event.synchronize()
        if not pending.sane:
            name = str(self.dtype).removeprefix("torch.")
            raise InputError(f"a frame overflowed in {name} on {self.device}; use dtype float32 (or bfloat16)")
        return pending.pixels.numpy()


def to_pixels(image: Tensor) -> Tensor:
    """RGB (B, 3, H, W) in 0..1 -> uint8 (B, H, W, 3), truncated as the reference does."""
    scaled = image.float().clamp(0, 1).mul(255).to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous()
