"""The five networks as one object: read motion, take the appearance, correct keypoints, render frames."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from faceshot.errors import InputError, UsageError
from faceshot_liveportrait.fast.choices import pick_batch, pick_dtype
from faceshot_liveportrait.frames import Frames, Speedup
from faceshot_liveportrait.loading import FILES, load_network

POINTS = 21


class LivePortrait:
    """LivePortrait's networks on one device; make it with :meth:`load` or :meth:`from_modules`."""

    def __init__(
        self, networks: Mapping[str, nn.Module], *, device: str = "cpu", dtype: str = "auto", speedup: Speedup = "none"
    ) -> None:
        self.device = torch.device(device)
        self.dtype = pick_dtype(dtype, self.device)
        nets = {name: net.eval().requires_grad_(False) for name, net in networks.items()}
        self._frames = Frames(nets.pop("warping"), nets.pop("spade"), self.device, self.dtype, speedup)
        self._nets = {name: net.to(self.device) for name, net in nets.items()}
        self._seconds: float | None = None

    @classmethod
    def load(
        cls, files: Mapping[str, Path], *, device: str = "cpu", dtype: str = "auto", speedup: Speedup = "none"
    ) -> LivePortrait:
        """Load the published files.

        Args:
            files: a path for each of ``appearance``, ``motion``, ``warping``, ``spade``, ``stitching``.
            device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
            dtype: of the rendering networks: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
            speedup: ``none``, ``compile`` (torch.compile) or ``graph`` (CUDA graphs); worth their start in long clips.

        Raises:
            InputError: a file is missing, damaged or another network's.
            UsageError: unknown dtype or speedup, or a dtype that this device cannot use.
        """
        missing = [name for name in FILES if name not in files]
        if missing:
            raise InputError(f"no file given for {', '.join(missing)}; give {', '.join(FILES)}")
        pick_dtype("float32" if dtype == "auto" else dtype, torch.device(device))  # refuse before reading 500 MB
        nets = {name: load_network(name, files[name]) for name in FILES}
        return cls(nets, device=device, dtype=dtype, speedup=speedup)

    @classmethod
    def from_modules(
        cls,
        appearance: nn.Module,
        motion: nn.Module,
        warping: nn.Module,
        spade: nn.Module,
        stitching: nn.Module,
        *,
        device: str = "cpu",
        dtype: str = "auto",
        speedup: Speedup = "none",
    ) -> LivePortrait:
        """Use networks at hand: those of ``nets``, of any width, or others with the same calls.

        They are moved to ``device``; the generator's spectral norm is folded in place.
        """
        nets = {
            "appearance": appearance,
            "motion": motion,
            "warping": warping,
            "spade": spade,
            "stitching": stitching,
        }
        return cls(nets, device=device, dtype=dtype, speedup=speedup)

    @torch.inference_mode()
    def read_motion(self, crops: Tensor) -> dict[str, Tensor]:
        """Crops (B, 3, 256, 256) in 0..1 -> raw heads, float32 on the CPU.

        ``pitch``, ``yaw``, ``roll`` (B, 66) bins; ``t`` (B, 3); ``scale`` (B, 1); ``exp`` and ``kp`` (B, 21, 3).
        """
        return {name: value.float().cpu() for name, value in self._nets["motion"](self._to(crops)).items()}

    @torch.inference_mode()
    def appearance(self, crop: Tensor) -> Tensor:
        """A crop (1, 3, 256, 256) in 0..1 -> f_s (1, 32, 16, 64, 64), float32 on the engine's device."""
        return self._nets["appearance"](self._to(crop)).float()

    @torch.inference_mode()
    def stitch(self, x_s: Tensor, x_d: Tensor) -> Tensor:
        """Keypoints (B, 21, 3) or (1, 21, 3) each -> (B, 65): change of x_d (63) and a shift of all points (tx, ty)."""
        return self._perceptron("stitch", x_s, x_d)

    @torch.inference_mode()
    def retarget_eyes(self, x_s: Tensor, ratios: Tensor) -> Tensor:
        """x_s (B, 21, 3), ratios (B, 3): the source's two and the wanted one -> change of x_d (B, 63)."""
        return self._perceptron("eyes", x_s, ratios)

    @torch.inference_mode()
    def retarget_lips(self, x_s: Tensor, ratio: Tensor) -> Tensor:
        """x_s (B, 21, 3), ratio (B, 2): the source's and the wanted one -> change of x_d (B, 63)."""
        return self._perceptron("lips", x_s, ratio)

    def render(self, f_s: Tensor, x_s: Tensor, x_d: Tensor, *, batch: int | None = None) -> Iterator[np.ndarray]:
        """Yield a uint8 RGB frame (512, 512, 3) for each row of x_d (N, 21, 3), in order.

        Frames that repeat the one before are computed once, and where x_d is x_s the frame is :meth:`recode`'s.

        Args:
            f_s: appearance (1, 32, 16, 64, 64). x_s: the source's keypoints (1, 21, 3).
            batch: frames computed together; None: as many as memory and device suit.

        Raises:
            InputError: shapes do not fit, values are not finite, or a half-precision dtype overflowed.
        """
        _check(f_s, x_s, x_d, batch)
        return self._render(f_s, x_s, x_d, batch or pick_batch(self.device, self.dtype))

    def recode(self, f_s: Tensor, x_s: Tensor) -> np.ndarray:
        """The source itself through the networks (x_d = x_s): uint8 RGB (512, 512, 3)."""
        _check(f_s, x_s, x_s, None)
        return next(self._frames.render(self._frames.start(f_s, x_s), x_s, 1))

    def features(self, f_s: Tensor, x_s: Tensor, x_d: Tensor) -> Iterator[np.ndarray]:
        """Yield what a frame is drawn from, float32 (256, 64, 64), for each row of x_d (N, 21, 3)."""
        _check(f_s, x_s, x_d, None)
        feature = self._frames.feature(f_s, x_s)
        for points in x_d:
            with torch.inference_mode():
                yield feature(self._to(points[None]))[0].float().cpu().contiguous().numpy()

    def estimate(self, frames: int) -> float:
        """Seconds that rendering ``frames`` different frames will take, by those rendered so far or a probe of one."""
        if self._seconds is None:
            volume, points = torch.zeros(self._frames.volume_shape), torch.zeros(1, POINTS, 3)
            batch = pick_batch(self.device, self.dtype)
            step = self._frames.start(volume, points)
            x_d = 0.01 * torch.ones(batch, POINTS, 3)
            if self.device.type != "cpu":  # its first run chooses algorithms
                list(self._frames.render(step, x_d, batch))
            begin = time.perf_counter()
            list(self._frames.render(step, x_d, batch))
            self._seconds = (time.perf_counter() - begin) / batch
        return frames * self._seconds

    def _render(self, f_s: Tensor, x_s: Tensor, x_d: Tensor, batch: int) -> Iterator[np.ndarray]:
        if not len(x_d):
            return
        x_s, x_d = x_s.detach().cpu().float(), x_d.detach().cpu().float()
        distinct, which = torch.unique_consecutive(x_d, return_inverse=True, dim=0)
        rest = (distinct == x_s).flatten(1).all(1)
        step = self._frames.start(f_s, x_s)
        still = next(self._frames.render(step, x_s, 1)) if rest.any() else None
        moving = self._timed(self._frames.render(step, distinct[~rest], batch), batch)
        last, frame = -1, still
        for index in which.tolist():
            if index != last:
                frame, last = (still if rest[index] else next(moving)), index
            assert frame is not None
            yield frame.copy()

    def _timed(self, frames: Iterator[np.ndarray], batch: int) -> Iterator[np.ndarray]:
        """The frames; remembers the seconds each took, which is the last full batch's share."""
        spent = 0.0
        for index in itertools.count(1):
            begin = time.perf_counter()
            frame = next(frames, None)
            if frame is None:
                return
            spent += time.perf_counter() - begin
            if index % batch == 0:
                self._seconds, spent = spent / batch, 0.0
            yield frame

    def _perceptron(self, which: str, x_s: Tensor, rest: Tensor) -> Tensor:
        x_s, rest = self._to(x_s).flatten(1), self._to(rest).flatten(1)
        count = max(len(x_s), len(rest))
        given = torch.cat((x_s.expand(count, -1), rest.expand(count, -1)), 1)
        answer: Tensor = getattr(self._nets["stitching"], which)(given)
        return answer.cpu()

    def _to(self, value: Tensor) -> Tensor:
        return value.to(self.device, torch.float32)


def _check(f_s: Tensor, x_s: Tensor, x_d: Tensor, batch: int | None) -> None:
    for name, value, wanted in (("x_s", x_s, (1, POINTS, 3)), ("x_d", x_d, (len(x_d), POINTS, 3))):
        if tuple(value.shape) != wanted:
            raise InputError(f"{name} has shape {tuple(value.shape)}, expected {wanted}")
        if not torch.isfinite(value).all():
            raise InputError(f"{name} holds values that are not finite; fill frames without a face first")
    if f_s.ndim != 5 or len(f_s) != 1:
        raise InputError(f"f_s has shape {tuple(f_s.shape)}, expected (1, 32, 16, 64, 64)")
    if batch is not None and batch < 1:
        raise UsageError(f"batch is {batch}, expected at least 1")
