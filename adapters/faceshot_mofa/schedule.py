"""The noise levels of Stable Video Diffusion and one Euler step between them (Karras et al. 2022, v-prediction).

Stateless on purpose: windows of a long clip take the same step at different times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

SIGMA_MIN: Final = 0.002
SIGMA_MAX: Final = 700.0
#: Bend of the Karras schedule: larger means more steps at low noise.
RHO: Final = 7.0


@dataclass(frozen=True)
class Schedule:
    """Noise levels of a run.

    Attributes:
        sigmas: (steps + 1,) float32, falling from 700 to 0.002, then 0.
        timesteps: (steps,) float32, what the networks are told: ln(sigma) / 4.
    """

    sigmas: npt.NDArray[np.float32]
    timesteps: npt.NDArray[np.float32]

    @classmethod
    def of(cls, steps: int) -> Schedule:
        """The schedule with this many steps, 1 or more."""
        ramp = np.linspace(0, 1, steps)
        low, high = SIGMA_MIN ** (1 / RHO), SIGMA_MAX ** (1 / RHO)
        sigmas = ((high + ramp * (low - high)) ** RHO).astype(np.float32)
        return cls(np.append(sigmas, np.float32(0)), (0.25 * np.log(sigmas)).astype(np.float32))

    def __len__(self) -> int:
        return len(self.timesteps)

    @property
    def start(self) -> float:
        """Factor on standard normal noise that gives the first latents."""
        return float((np.float64(self.sigmas[0]) ** 2 + 1) ** 0.5)

    def scaled(self, latents: Any, step: int) -> Any:
        """The latents as the networks take them at ``step``."""
        return latents / (float(self.sigmas[step]) ** 2 + 1) ** 0.5

    def step(self, latents: Tensor, velocity: Tensor, step: int) -> Tensor:
        """The latents (float32) after ``step``, given the networks' v-prediction."""
        sigma, after = float(self.sigmas[step]), float(self.sigmas[step + 1])
        clean = velocity * (-sigma / (sigma**2 + 1) ** 0.5) + latents / (sigma**2 + 1)
        return latents + (latents - clean) / sigma * (after - sigma)
