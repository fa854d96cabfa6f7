"""Ways to spare the GPU's launch overhead and memory traffic; each falls back to plain execution with a warning."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

logger = logging.getLogger("faceshot")

Step = Callable[[Tensor], Tensor]


def compiled(step: Step, *, backend: str | Callable[..., Any] = "inductor") -> Step:
    """``step`` through ``torch.compile`` for its first input's shape; plain if that does not work here."""
    faster = torch.compile(step, dynamic=False, backend=backend)
    working = True

    def call(x: Tensor) -> Tensor:
        nonlocal working
        if working:
            try:
                return faster(x)
            except torch.OutOfMemoryError:
                raise
            except (RuntimeError, ImportError, OSError) as error:  # no compiler, an operation it cannot do, ...
                working = False
                logger.warning("torch.compile does not work here (%s); going on without", _line(error))
        return step(x)

    return call


def recorded(step: Step, example: Tensor) -> Step:
    """``step`` recorded as a CUDA graph for inputs of ``example``'s shape; others and failures run plainly.

    The answer is overwritten by the next call.
    """
    try:
        given = example.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):  # lets libraries choose their algorithms before recording
                step(given)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            answer = step(given)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        logger.warning("CUDA graphs do not work here (%s); going on without", _line(error))
        return step

    def call(x: Tensor) -> Tensor:
        if x.shape != given.shape:
            return step(x)
        given.copy_(x)
        graph.replay()
        return answer

    return call


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
