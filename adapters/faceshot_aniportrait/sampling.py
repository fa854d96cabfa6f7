"""What the U-Net is told about each frame, and one step of one window: U-Net, guidance, DDIM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from faceshot.landmarks import Size
from faceshot_aniportrait.drawing import pose_pictures
from faceshot_aniportrait.nets.pose_guider import Statistics
from faceshot_aniportrait.nets.unet import Memory
from faceshot_aniportrait.networks import Networks
from faceshot_aniportrait.options import WINDOW, PoseNorm
from faceshot_aniportrait.schedule import Schedule


class Poses:
    """The pose maps of the frames of one video; each is computed once, or once per window where that decides.

    Args:
        xy: (N, 68, 2) float32 landmarks in pixels of the working picture, which has ``size``.
        norm: whose mean and variance are used. keep: how many frames are remembered at least.
    """

    def __init__(self, networks: Networks, xy: npt.NDArray[np.float32], size: Size, norm: PoseNorm, keep: int) -> None:
        self.networks, self.xy, self.size, self.norm, self.keep = networks, xy, size, norm, keep
        self._home = torch.device("cpu") if networks.low_vram != "off" else networks.device
        self._measured: dict[int, list[Tensor]] = {}
        self._maps: dict[int | tuple[int, ...], list[Tensor]] = {}

    def pictures(self, frames: Sequence[int]) -> npt.NDArray[np.uint8]:
        """(n, H, W, 3) uint8 pose pictures."""
        # Drawn from the picture's edge, as MediaPipe counts; ours are from the middle of the first pixel.
        return pose_pictures(self.xy[list(frames)] + np.float32(0.5), self.size)

    def window(self, frames: Sequence[int]) -> list[Tensor]:
        """Five maps (n, C, h, w) of these frames, on the device."""
        if self.norm == "window":
            key = tuple(frames)
            if key not in self._maps:
                self._trim(len(frames), ())
                self._maps[key] = self._at_home(self.networks.pose(self.pictures(frames), "measured"))
            return [found.to(self.networks.device) for found in self._maps[key]]
        each = [self._frame(frame, frames) for frame in frames]
        return [torch.cat(maps).to(self.networks.device) for maps in zip(*each, strict=True)]

    def _frame(self, frame: int, wanted: Sequence[int]) -> list[Tensor]:
        if self.norm == "clip" and not self._measured:
            spread = sorted(set(np.rint(np.linspace(0, len(self.xy) - 1, WINDOW)).astype(int).tolist()))
            maps = self._at_home(self.networks.pose(self.pictures(spread), "measured"))
            self._measured = {at: [found[i : i + 1] for found in maps] for i, at in enumerate(spread)}
        if frame in self._measured:
            return self._measured[frame]
        if frame not in self._maps:
            self._trim(1, wanted)
            statistics: Statistics = "kept" if self.norm == "clip" else "stored"
            self._maps[frame] = self._at_home(self.networks.pose(self.pictures([frame]), statistics))
        return self._maps[frame]

    def _at_home(self, maps: list[Tensor]) -> list[Tensor]:
        return [found.to(self._home) for found in maps]

    def _trim(self, frames: int, wanted: Sequence[int]) -> None:
        """Forget the oldest that are not wanted until this many frames more fit."""
        room = self.keep // frames
        for key in [key for key in self._maps if key not in wanted][: max(len(self._maps) + 1 - room, 0)]:
            del self._maps[key]


@dataclass
class Denoiser:
    """Takes the latents of a window one step further (:class:`faceshot.rendering.Stepper`).

    Attributes:
        memory: of the picture. guidance: at 1 the half without the picture is not computed.
    """

    networks: Networks
    poses: Poses
    schedule: Schedule
    memory: Mapping[str, Memory]
    guidance: float
    #: Standard normal noise is where denoising begins.
    start: float = 1.0

    @property
    def steps(self) -> int:
        return len(self.schedule)

    @property
    def device(self) -> torch.device:
        return self.networks.device

    def resident(self) -> AbstractContextManager[None]:
        """The U-Net stays on the device while a window is sampled."""
        return self.networks.using("unet")

    def conditioning(self, frames: Sequence[int]) -> list[Tensor]:
        """Pose maps of a window, for :meth:`advance`."""
        return self.poses.window(frames)

    @torch.no_grad()
    def advance(self, latents: Tensor, frames: Sequence[int], step: int, window: list[Tensor]) -> Tensor:
        """Latents (T, 4, h, w) float32 of ``frames`` after ``step``; ``window`` is their conditioning."""
        net, time = self.networks.unet, float(self.schedule.timesteps[step])
        halves = [[1]] if self.guidance == 1 else [[0, 1]] if self.networks.low_vram == "off" else [[0], [1]]
        noisy = latents.to(self.networks.dtype)
        with self.networks.using("unet"):
            found = torch.cat([net(noisy, time, self.memory, window, shown) for shown in halves]).float()
        velocity = found[0] if len(found) == 1 else torch.lerp(found[0], found[1], self.guidance)
        return self.schedule.step(latents, velocity, step)
