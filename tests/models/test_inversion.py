"""DDIM inversion against its own forward process and diffusers' scheduler; upstream's goldens are in
``test_features_golden.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim_inverse import DDIMInverseScheduler

from faceshot.errors import InputError, UsageError
from faceshot.models.inversion import NoiseSchedule, invert
from tests.tiny_networks import SCHEDULER


@pytest.mark.parametrize(
    ("n", "count"),
    [(10, 4), (20, 7), (50, 16), (100, 31), (33, 11)],
)
def test_path_reaches_301(n: int, count: int) -> None:
    labels = NoiseSchedule.from_config(SCHEDULER).path(301, n)
    assert labels[0] == 1 and labels[-1] == 301 and len(labels) == count
    assert len(set(np.diff(labels))) == 1


@pytest.mark.parametrize("n", [25, 30, 3, 1])
def test_unreachable_t_is_refused_with_the_valid_steps(n: int) -> None:
    valid = [k for k in range(1, 101) if 300 % (1000 // k) == 0 and 300 // (1000 // k) < k]
    assert {10, 20, 33, 39, 40, 48, 49, 50, 100} <= set(valid)
    with pytest.raises(UsageError, match=f"t=301 cannot be reached with {n} steps .*: {', '.join(map(str, valid))}$"):
        NoiseSchedule.from_config(SCHEDULER).path(301, n)


@pytest.mark.parametrize(("t", "n"), [(301, 0), (301, 1001), (0, 50), (1001, 50)])
def test_t_and_steps_outside_the_schedule_are_refused(t: int, n: int) -> None:
    with pytest.raises(UsageError):
        NoiseSchedule.from_config(SCHEDULER).path(t, n)


@pytest.mark.parametrize(
    "change",
    [{"prediction_type": "flow"}, {"beta_schedule": "sigmoid"}],
)
def test_unknown_scheduler_settings_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(InputError, match=next(iter(change.values()))):
        NoiseSchedule.from_config({**SCHEDULER, **change})


@pytest.mark.parametrize(
    ("prediction", "extra"),
    [
        ("epsilon", {}),
        ("epsilon", {"set_alpha_to_one": True}),
        ("epsilon", {"rescale_betas_zero_snr": True}),
        ("epsilon", {"beta_schedule": "linear"}),
        ("epsilon", {"beta_schedule": "squaredcos_cap_v2"}),
        ("v_prediction", {}),
        ("v_prediction", {"rescale_betas_zero_snr": True}),
        ("sample", {}),
    ],
    ids=str,
)
def test_step_equals_diffusers(prediction: str, extra: dict[str, Any]) -> None:
    config = {**SCHEDULER, "prediction_type": prediction, **extra}
    theirs = DDIMInverseScheduler.from_config({**config, "clip_sample": False})
    theirs.set_timesteps(20)
    ours = NoiseSchedule.from_config(config)
    assert theirs.timesteps[:7].tolist() == ours.path(301, 20)
    z, output = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    for label in (1, 51, 301):
        expected = theirs.step(output, label, z).prev_sample
        assert torch.allclose(
            ours.ascend(z, output, label - 50, label), expected, atol=2e-5 if prediction != "sample" else 5e-4
        )


class _Oracle:
    """Knows the noise that was added, so inversion must land exactly on the noised latent."""

    def __init__(self, noise: torch.Tensor) -> None:
        self.noise, self.labels = noise, []

    def __call__(self, z: torch.Tensor, label: int, *_args: Any, **_kwargs: Any) -> tuple[torch.Tensor]:
        self.labels.append(label)
        return (self.noise,)


def test_inversion_with_a_perfect_network_is_the_closed_form() -> None:
    schedule = NoiseSchedule.from_config({**SCHEDULER, "prediction_type": "epsilon", "set_alpha_to_one": True})
    clean, noise = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    oracle = _Oracle(noise)
    got = invert(oracle, schedule, clean, 301, 50, torch.zeros(3, 1, 1))
    assert oracle.labels == list(range(1, 301, 20))  # the label runs one stride ahead of the latent
    assert torch.allclose(got, schedule.noisy(clean, 281, noise), atol=1e-5)
