"""From noise to latents, window after window or all windows together; what a network does in a step is the caller's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from faceshot.landmarks import RGBArray
from faceshot.progress import progress
from faceshot.rendering.resume import Work
from faceshot.rendering.windows import Window, blend_weights, emitted


def draw_noise(seed: int, label: str | int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal float32 on the CPU that depends on seed and label only: the same on every device."""
    digest = hashlib.sha256(f"{seed}:{label}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.randn(shape, generator=generator)


class Noise(Protocol):
    """(n, 4, h, w) standard normal float32 for these frames."""

    def __call__(self, frames: Sequence[int]) -> Tensor: ...


def frame_noise(seed: int, shape: tuple[int, ...]) -> Noise:
    """Noise of ``shape`` that depends on a frame's number, not on the window it is sampled in."""
    return lambda frames: torch.stack([draw_noise(seed, frame, shape) for frame in frames])


class Stepper(Protocol):
    """Takes the latents of a window one step further.

    Attributes:
        steps: of a run. start: factor on standard normal noise that gives the first latents.
        device: where latents lie while a window is sampled.
    """

    @property
    def steps(self) -> int: ...
    @property
    def start(self) -> float: ...
    @property
    def device(self) -> torch.device: ...

    def conditioning(self, frames: Sequence[int]) -> Any:
        """What the networks are told about these frames, for :meth:`advance`."""

    def advance(self, latents: Tensor, frames: Sequence[int], step: int, window: Any) -> Tensor:
        """Latents (T, 4, h, w) float32 of ``frames`` after ``step``; ``window`` is their conditioning."""

    def resident(self) -> AbstractContextManager[None]:
        """Keeps the networks of a step on the device while steps follow each other, where there is room."""


@dataclass(frozen=True)
class Final:
    """Latents (n, 4, h, w) float32 of finished, consecutive ``frames``."""

    frames: range
    latents: Tensor


def sample_jointly(
    stepper: Stepper, noise: Noise, frames: int, windows: Sequence[Window], work: Work | None = None
) -> Iterator[Final]:
    """All windows take a step, overlapping frames are averaged, then the next. Yields once, everything.

    An anchor is taken from the first window.
    """
    latents, begin = noise(range(frames)).to(stepper.device) * stepper.start, 0
    if work is not None and (stored := work.newest("step")) is not None:
        begin, tensors = stored[0] + 1, stored[1]
        latents = tensors["latents"].to(stepper.device)
    for step in progress(range(begin, stepper.steps), "denoise", total=stepper.steps - begin, unit="step"):
        with stepper.resident():
            latents = joint_step(stepper, latents, windows, step)
        if work is not None:
            work.store("step", step, {"latents": latents})
            work.drop("step", step - 1)
    yield Final(range(frames), latents)


def joint_step(stepper: Stepper, latents: Tensor, windows: Sequence[Window], step: int) -> Tensor:
    """All latents (N, 4, h, w) after ``step``, the mean over the windows that hold a frame."""
    total, count = torch.zeros_like(latents), latents.new_zeros(len(latents), 1, 1, 1)
    before, after = None, latents
    for index, window in enumerate(windows):
        frames = list(window.frames)
        if window != before:  # a doubled window counts twice; it need not be computed twice
            after = stepper.advance(latents[frames], frames, step, stepper.conditioning(frames))
        before = window
        skip = 0 if index == 0 else window.lead
        total[frames[skip:]] += after[skip:]
        count[frames[skip:]] += 1
    return total / count


def sample_in_turn(
    stepper: Stepper, noise: Noise, windows: Sequence[Window], work: Work | None = None
) -> Iterator[Final]:
    """One window after another, each blended into the course the one before took (see :mod:`windows`).

    Yields frames as soon as no later window touches them. With ``work`` finished windows are stored, and those found
    there are not computed again.
    """
    done = 0 if work is None else work.finished("window")
    anchor: Tensor | None = None
    tail: Tensor | None = None
    if work is not None and 0 < done < len(windows):
        shared, kept = work.load("course", done - 1), work.load("anchor", 0) if windows[0].anchored else {}
        if shared is None or kept is None:
            done = 0
        else:
            anchor, tail = kept.get("course"), shared["course"]
    for index, window in enumerate(windows):
        now = emitted(list(windows), index)
        if index < done:
            assert work is not None
            yield Final(now, work.read("window", index)["latents"])
            continue
        following = windows[index + 1] if index + 1 < len(windows) else None
        label = f"window {index + 1}/{len(windows)}"
        latents, course, tail = run_window(stepper, noise, window, following, anchor, tail, label)
        anchor = course if anchor is None and window.anchored else anchor
        places = [window.frames.index(frame) for frame in now]
        if work is not None:
            if index == 0 and anchor is not None:
                work.store("anchor", 0, {"course": anchor})
            if tail is not None:
                work.store("course", index, {"course": tail})
            work.store("window", index, {"latents": latents[places]})
            work.drop("course", index - 1)
        yield Final(now, latents[places])


def run_window(
    stepper: Stepper,
    noise: Noise,
    window: Window,
    following: Window | None,
    anchor: Tensor | None,
    before: Tensor | None,
    label: str,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """One window from noise to the end.

    Args:
        anchor: (steps, 4, h, w) course of the anchor, None in the first window. before: (steps, overlap, 4, h, w)
            course of the shared frames in the window before.

    Returns:
        latents (T, 4, h, w), the course of its first frame, and that of the frames shared with the window that follows.
    """
    frames, lead = list(window.frames), window.lead
    latents = noise(frames).to(stepper.device) * stepper.start
    conditioning = stepper.conditioning(frames)
    shared = [] if following is None else list(range(len(frames) - following.overlap, len(frames)))
    own = slice(lead, lead + window.overlap)
    weights = torch.from_numpy(blend_weights(window.overlap)).view(-1, 1, 1, 1).to(stepper.device)
    first, tail = [], []
    with stepper.resident():
        for step in progress(range(stepper.steps), label, total=stepper.steps, unit="step"):
            latents = stepper.advance(latents, frames, step, conditioning)
            if anchor is not None:
                latents[0] = anchor[step].to(stepper.device)
            if before is not None and window.overlap:
                latents[own] += weights * (before[step].to(stepper.device) - latents[own])
            first.append(latents[0].cpu())
            tail.append(latents[shared].cpu())
    return latents, torch.stack(first), None if following is None else torch.stack(tail)


def decoded(
    decode: Callable[[Tensor], Tensor], finals: Iterator[Final], first: int, together: int
) -> Iterator[tuple[int, RGBArray]]:
    """Frames from ``first`` on with their numbers, decoded ``together`` at a time however they come."""
    waiting: list[Tensor] = []
    number = first
    for final in finals:
        waiting += [latents for frame, latents in zip(final.frames, final.latents, strict=True) if frame >= first]
        while len(waiting) >= together:
            chunk, waiting = waiting[:together], waiting[together:]
            for rgb in decode(torch.stack(chunk)).numpy():
                yield number, rgb
                number += 1
    if waiting:
        for rgb in decode(torch.stack(waiting)).numpy():
            yield number, rgb
            number += 1
