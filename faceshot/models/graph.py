"""CUDA graphs for calls of a fixed shape: a step of a diffusion U-Net launches over a thousand small kernels, and
replaying them as one graph leaves the processor out of it.

Written for GPUs we could not try it on; whatever goes wrong while a graph is recorded is logged once, and the network
runs as it is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from faceshot.models.layers import recording
from faceshot.models.loading import first_line

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("faceshot")

#: Graphs kept at a time; each is a few megabytes, their working memory is one pool (see :class:`_Graph`).
KEEP: Final = 8


class Graphed:
    """A U-Net whose calls are recorded at their second occurrence of a shape and replayed from then on.

    Called like the U-Net itself (``(z, label, text, added_cond_kwargs=..., return_dict=False)``), or with ``layer`` to
    get that module's output and stop there. The image prompt's scale is part of what is recorded; ``variant`` tells
    calls of different scale apart.
    """

    def __init__(self, unet: Any) -> None:
        self.unet = unet
        self.variant: Any = None
        self._graphs: dict[Any, _Graph | None] = {}
        self._pool: Any = None
        self._works = True

    def __call__(
        self,
        z: Tensor,
        label: int,
        text: Tensor,
        added_cond_kwargs: dict[str, list[Tensor]] | None = None,
        return_dict: bool = False,
        layer: str | None = None,
    ) -> tuple[Tensor]:
        prompts = None if added_cond_kwargs is None else added_cond_kwargs["image_embeds"][0]
        shapes = [tuple(z.shape), tuple(text.shape), None if prompts is None else tuple(prompts.shape)]
        key = (*shapes, z.dtype, self.variant, layer)
        if self._works and key in self._graphs:
            graph = self._graphs[key] or self._record(key, z, label, text, prompts, layer)
            if graph is not None:
                return (graph.replay(z, label, text, prompts),)
        elif self._works:
            if len(self._graphs) >= KEEP:
                self._graphs.clear()
            self._graphs[key] = None
        return (_call(self.unet, z, label, text, prompts, layer),)

    def _record(
        self, key: Any, z: Tensor, label: int, text: Tensor, prompts: Tensor | None, layer: str | None
    ) -> _Graph | None:
        try:
            if self._pool is None:
                import torch

                self._pool = torch.cuda.graph_pool_handle()
            graph = _Graph(self.unet, z, label, text, prompts, layer, self._pool)
        except (RuntimeError, AssertionError, NotImplementedError, AttributeError) as error:
            self._works = False
            self._graphs.clear()
            log.warning("CUDA graphs do not work here, the network runs without them: %s", first_line(error))
            return None
        self._graphs[key] = graph
        return graph


class _Graph:
    """One recorded call: inputs are copied into fixed places, the output out of one.

    Graphs of one ``pool`` work in the same memory, which would otherwise be kept once per graph. That is safe because
    they run one at a time and each output is copied out before the next one runs.
    """

    def __init__(
        self, unet: Any, z: Tensor, label: int, text: Tensor, prompts: Tensor | None, layer: str | None, pool: Any
    ) -> None:
        import torch

        # 1. Fixed places for the inputs; the label as a tensor, because a number would be recorded as it is now.
        self.z, self.text = z.clone(), text.clone()
        self.prompts = None if prompts is None else prompts.clone()
        self.label = torch.full((1,), label, dtype=torch.int64, device=z.device)
        self.graph = torch.cuda.CUDAGraph()
        # 2. A call on a side stream lets libraries make their choices before the recording.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            _call(unet, self.z, self.label, self.text, self.prompts, layer)
        torch.cuda.current_stream().wait_stream(stream)
        # 3. The recording.
        with torch.cuda.graph(self.graph, pool=pool):
            self.out = _call(unet, self.z, self.label, self.text, self.prompts, layer)

    def replay(self, z: Tensor, label: int, text: Tensor, prompts: Tensor | None) -> Tensor:
        self.z.copy_(z)
        self.text.copy_(text)
        self.label.fill_(label)
        if self.prompts is not None and prompts is not None:
            self.prompts.copy_(prompts)
        self.graph.replay()
        return self.out.clone()


def _call(unet: Any, z: Tensor, label: Any, text: Tensor, prompts: Tensor | None, layer: str | None) -> Tensor:
    """The network's output, or that of ``layer``, after which nothing runs."""
    added = None if prompts is None else {"image_embeds": [prompts]}
    if layer is None:
        return unet(z, label, text, added_cond_kwargs=added, return_dict=False)[0]
    with recording(unet, [layer]) as seen:
        unet(z, label, text, added_cond_kwargs=added, return_dict=False)
    return seen[layer]
