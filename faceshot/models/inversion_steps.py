"""Which timesteps an n-step DDIM schedule visits ("leading" spacing), and what to say when t is not among them."""

from __future__ import annotations

from typing import Final

from faceshot.errors import UsageError

#: Training steps and first timestep of Stable Diffusion 1.x and 2.x.
TRAINING_STEPS: Final = 1000
OFFSET: Final = 1


def reaches(t: int, n: int, *, length: int = TRAINING_STEPS, offset: int = OFFSET) -> bool:
    """Whether ``t`` is a timestep of the ``n``-step schedule."""
    index, rest = divmod(t - offset, length // n)
    return rest == 0 and 0 <= index < n and t < length


def check_reach(t: int, n: int, *, length: int = TRAINING_STEPS, offset: int = OFFSET) -> None:
    """Refuse a ``t`` that the ``n``-step schedule skips.

    Raises:
        UsageError: with the timesteps nearest to ``t`` for this n, and the n (up to 100) that reach ``t``.
    """
    if not 1 <= n <= length:
        raise UsageError(f"steps must lie in 1..{length}, got {n}")
    if reaches(t, n, length=length, offset=offset):
        return
    valid = [k for k in range(1, 101) if reaches(t, k, length=length, offset=offset)]
    if not valid:
        raise UsageError(f"t={t} is in no schedule of up to 100 steps (first timestep {offset})")
    stride = length // n
    visited = [s for s in range(offset, length, stride)][:n]
    near = sorted(sorted(visited, key=lambda s: abs(s - t))[:2])
    raise UsageError(
        f"t={t} cannot be reached with {n} steps (they visit t={' and '.join(map(str, near))}); "
        f"steps that reach it: {', '.join(map(str, valid))}"
    )
