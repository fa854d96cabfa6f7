"""DDIM inversion: from a picture's latent to the latent that enters the U-Net at timestep t.

Arithmetic on tensors only; works with any network called like diffusers' ``UNet2DConditionModel`` and with the noise
schedule of any diffusers scheduler configuration. The label given to the network is **one step ahead** of the noise
level of the latent it sees (FaceShot, section 3.1, in the convention of the released code and of diffusers'
``DDIMInverseScheduler``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.models.inversion_steps import check_reach
from faceshot.models.preset import Prediction
from faceshot.reading import check_config, edge

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """How much of the picture is left at each training timestep.

    Attributes:
        alphas_cumprod: (N,) float64 A_t in (0, 1], falling: z_t = sqrt(A_t) z_0 + sqrt(1 - A_t) noise.
        clean: A before the first timestep (1, or A_0 when the configuration says ``set_alpha_to_one: false``).
        offset: first timestep of the leading-spaced schedule (``steps_offset``).
        prediction: what the network predicts.
    """

    alphas_cumprod: npt.NDArray[np.float64]
    clean: float
    offset: int
    prediction: Prediction

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NoiseSchedule:
        """From a diffusers scheduler configuration, whatever its class; ``clip_sample`` is not applied.

        Raises:
            InputError: unknown beta schedule or prediction type.
        """
        alphas = np.cumprod(1 - _betas(config))
        if config.get("rescale_betas_zero_snr"):
            # Shift and scale sqrt(A) so that the last step is pure noise (Lin et al. 2023, algorithm 1).
            root = np.sqrt(alphas)
            alphas = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
        prediction = config.get("prediction_type", "epsilon")
        if prediction not in get_args(Prediction):
            known = ", ".join(get_args(Prediction))
            raise InputError(f"scheduler prediction_type {prediction!r} is not supported; known are {known}")
        clean = 1.0 if config.get("set_alpha_to_one", True) and prediction != "sample" else float(alphas[0])
        return cls(alphas.astype(np.float64), clean, int(config.get("steps_offset", 0)), prediction)

    @classmethod
    def from_folder(cls, folder: Path) -> NoiseSchedule:
        """From ``scheduler_config.json`` in ``folder``.

        Raises:
            InputError: the file is missing or damaged.
        """
        path = Path(folder) / "scheduler_config.json"
        with edge(f"cannot read the scheduler configuration {path}: {{}}"):
            return cls.from_config(check_config(path))

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    def alpha(self, t: int) -> float:
        """A_t; below the first timestep the value of the clean picture."""
        return float(self.alphas_cumprod[t]) if t >= 0 else self.clean

    def path(self, t: int, n: int) -> list[int]:
        """The timesteps of the leading-spaced n-step schedule up to and including ``t``.

        Raises:
            UsageError: ``t`` is not in that schedule; see :func:`faceshot.models.inversion_steps.check_reach`.
        """
        check_reach(t, n, length=len(self), offset=self.offset)
        return list(range(self.offset, t + 1, len(self) // n))

    def noisy(self, latents: Tensor, t: int, noise: Tensor) -> Tensor:
        """``latents`` (B, C, h, w) noised in one step: sqrt(A_t) z + sqrt(1 - A_t) noise."""
        a = self.alpha(t)
        return a**0.5 * latents + (1 - a) ** 0.5 * noise

    def ascend(self, latents: Tensor, output: Tensor, level: int, target: int) -> Tensor:
        """One deterministic DDIM step from noise level ``level`` up to ``target`` given the network's ``output``."""
        a, b = self.alpha(level), self.alpha(target)
        # 1. The clean latent and the noise that the network sees in the latent.
        if self.prediction == "epsilon":
            noise = output
            clean = (latents - (1 - a) ** 0.5 * noise) / a**0.5
        elif self.prediction == "v_prediction":
            clean = a**0.5 * latents - (1 - a) ** 0.5 * output
            noise = a**0.5 * output + (1 - a) ** 0.5 * latents
        else:
            clean = output
            noise = (latents - a**0.5 * clean) / (1 - a) ** 0.5
        # 2. Mix them again at the higher level.
        return b**0.5 * clean + (1 - b) ** 0.5 * noise


def trajectory(
    unet: Any,
    schedule: NoiseSchedule,
    latents: Tensor,
    t: int,
    n: int,
    encoder_hidden_states: Tensor,
    added_cond_kwargs: Mapping[str, Any] | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """Yield (timestep label, latents that enter the network with it) from the first label up to ``t``.

    The network runs between two yields, not after the last. Latents stay float32 whatever the network's dtype.

    Args:
        unet: called as ``unet(z, timestep, text, added_cond_kwargs=..., return_dict=False)[0]``.
        latents: (B, C, h, w) of the clean pictures.
        t: the label to stop at; must be in the schedule, see :meth:`NoiseSchedule.path`.
        n: DDIM steps of the full schedule.
        encoder_hidden_states: (B, tokens, channels).

    Raises:
        UsageError: ``t`` cannot be reached with ``n`` steps.
    """
    labels = schedule.path(t, n)
    stride = len(schedule) // n
    z = latents.float()
    for label in labels[:-1]:
        yield label, z
        output = unet(
            z.to(encoder_hidden_states.dtype),
            label,
            encoder_hidden_states,
            added_cond_kwargs=added_cond_kwargs,
            return_dict=False,
        )[0]
        z = schedule.ascend(z, output.float(), label - stride, label)
    yield labels[-1], z


def invert(
    unet: Any,
    schedule: NoiseSchedule,
    latents: Tensor,
    t: int,
    n: int,
    encoder_hidden_states: Tensor,
    added_cond_kwargs: Mapping[str, Any] | None = None,
) -> Tensor:
    """The latents (B, C, h, w) that enter the network at label ``t``; arguments as :func:`trajectory`.

    Their noise level is one stride (``N // n``) below ``t``.
    """
    *_, (_, entering) = trajectory(unet, schedule, latents, t, n, encoder_hidden_states, added_cond_kwargs)
    return entering


def _betas(config: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """(N,) noise variances per training step."""
    if config.get("trained_betas") is not None:
        return np.asarray(config["trained_betas"], np.float64)
    n = int(config.get("num_train_timesteps", 1000))
    start, end = float(config.get("beta_start", 1e-4)), float(config.get("beta_end", 0.02))
    kind = config.get("beta_schedule", "linear")
    if kind == "linear":
        return np.linspace(start, end, n)
    if kind == "scaled_linear":
        return np.linspace(start**0.5, end**0.5, n) ** 2
    if kind == "squaredcos_cap_v2":
        bar = np.cos((np.arange(n + 1) / n + 0.008) / 1.008 * np.pi / 2) ** 2
        return np.minimum(1 - bar[1:] / bar[:-1], 0.999)
    raise InputError(f"beta_schedule {kind!r} is not supported; known are linear, scaled_linear, squaredcos_cap_v2")
