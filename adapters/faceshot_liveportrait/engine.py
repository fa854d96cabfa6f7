"""The five networks as one object: read motion, take the appearance, correct keypoints, render frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from faceshot.errors import InputError, UsageError
from faceshot_liveportrait.loading import FILES, load_network
from faceshot_liveportrait.nets.spade import fold_spectral

POINTS = 21


class LivePortrait:
    """LivePortrait's networks on one device; make it with :meth:`load` or :meth:`from_modules`."""

    def __init__(self, networks: Mapping[str, nn.Module], *, device: str = "cpu", dtype: str = "auto") -> None:
        self.device = torch.device(device)
        self._nets = {name: net.eval().requires_grad_(False).to(self.device) for name, net in networks.items()}

    @classmethod
    def load(cls, files: Mapping[str, Path], *, device: str = "cpu", dtype: str = "auto") -> LivePortrait:
        """Load the published files.

        Args:
            files: a path for each of ``appearance``, ``motion``, ``warping``, ``spade``, ``stitching``.
            device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
            dtype: of the rendering networks: ``auto``, ``float32``, ``bfloat16`` or ``float16``.

        Raises:
            InputError: a file is missing, damaged or another network's. UsageError: unknown dtype.
        """
        missing = [name for name in FILES if name not in files]
        if missing:
            raise InputError(f"no file given for {', '.join(missing)}; give {', '.join(FILES)}")
        return cls({name: load_network(name, files[name]) for name in FILES}, device=device, dtype=dtype)

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
    ) -> LivePortrait:
        """Use networks at hand: those of ``nets``, of any width, or others with the same calls."""
        return cls(
            {
                "appearance": appearance,
                "motion": motion,
                "warping": warping,
                "spade": fold_spectral(spade),
                "stitching": stitching,
            },
            device=device,
            dtype=dtype,
        )

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

        Args:
            f_s: appearance (1, 32, 16, 64, 64). x_s: the source's keypoints (1, 21, 3).
            batch: frames computed together; None: as many as memory and device suit.

        Raises:
            InputError: shapes do not fit.
        """
        _check(f_s, x_s, x_d, batch)
        return self._render(f_s, x_s, x_d, batch or 1)

    def recode(self, f_s: Tensor, x_s: Tensor) -> np.ndarray:
        """The source itself through the networks (x_d = x_s): uint8 RGB (512, 512, 3)."""
        return next(self.render(f_s, x_s, x_s))

    def _render(self, f_s: Tensor, x_s: Tensor, x_d: Tensor, batch: int) -> Iterator[np.ndarray]:
        volume, start = self._to(f_s), self._to(x_s)
        for points in x_d.split(batch):
            yield from self._frames(volume, start, self._to(points))

    @torch.inference_mode()
    def _frames(self, volume: Tensor, x_s: Tensor, x_d: Tensor) -> np.ndarray:
        count = len(x_d)
        warped = self._nets["warping"](volume.expand(count, -1, -1, -1, -1), x_s.expand(count, -1, -1), x_d)
        return to_pixels(self._nets["spade"](warped.feature))

    def _perceptron(self, which: str, x_s: Tensor, rest: Tensor) -> Tensor:
        x_s, rest = self._to(x_s).flatten(1), self._to(rest).flatten(1)
        count = max(len(x_s), len(rest))
        given = torch.cat((x_s.expand(count, -1), rest.expand(count, -1)), 1)
        answer: Tensor = getattr(self._nets["stitching"], which)(given)
        return answer.cpu()

    def _to(self, value: Tensor) -> Tensor:
        return value.to(self.device, torch.float32)


def to_pixels(image: Tensor) -> np.ndarray:
    """RGB (B, 3, H, W) in 0..1 -> uint8 (B, H, W, 3), truncated as the reference does."""
    scaled = image.float().clamp(0, 1).mul(255).to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()


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
