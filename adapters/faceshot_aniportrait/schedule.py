"""The noise levels of AniPortrait and one DDIM step between them (v-prediction, ending in pure noise).

Stateless on purpose: windows of a long clip take the same step at different times.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

#: Betas are linear though training scaled them: so does the published inference.
_CONFIG = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "linear",
    "rescale_betas_zero_snr": True,
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "clip_sample": False,
}


@dataclass(frozen=True)
class Schedule:
    """Noise levels of a run.

    Attributes:
        timesteps: what the networks are told, falling. kept: share of the picture's variance before each step.
        after: the same after each step, 1 at the end.
    """

    timesteps: tuple[int, ...]
    kept: tuple[float, ...]
    after: tuple[float, ...]

    @classmethod
    def of(cls, steps: int) -> Schedule:
        """The schedule with this many steps, 1 or more."""
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler

        made = DDIMScheduler(**_CONFIG)
        made.set_timesteps(steps)
        times, levels = made.timesteps.tolist(), made.alphas_cumprod.tolist()
        following = [time - 1000 // steps for time in times]
        after = [levels[time] if time >= 0 else 1.0 for time in following]
        return cls(tuple(times), tuple(levels[time] for time in times), tuple(after))

    def __len__(self) -> int:
        return len(self.timesteps)

    def step(self, latents: Tensor, velocity: Tensor, step: int) -> Tensor:
        """The latents (float32) after ``step``; linear in both, so means may be taken before or after."""
        clear, noisy = self.kept[step] ** 0.5, (1 - self.kept[step]) ** 0.5
        picture, noise = clear * latents - noisy * velocity, clear * velocity + noisy * latents
        return self.after[step] ** 0.5 * picture + (1 - self.after[step]) ** 0.5 * noise
