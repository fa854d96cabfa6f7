"""Networks that take turns on a device too small for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Shelves:
    """Networks by name, in evaluation mode: all on ``device``, or waiting in main memory until they are used.

    Args:
        networks: to look after; their weights must not change.
        device: where they work.
        sparing: whether they come for their use only.
        always: names of small ones that stay on the device all the same.

    Attributes:
        present: names of those that came for a use that has not ended.
    """

    def __init__(
        self, networks: Mapping[str, nn.Module], device: torch.device, *, sparing: bool, always: tuple[str, ...] = ()
    ) -> None:
        self.device, self.present = device, set[str]()
        self._shelves: dict[str, list[tuple[dict[str, Any], str, Tensor]]] = {}
        for name, net in networks.items():
            net.eval().requires_grad_(False)
            if not sparing or name in always:
                net.to(device)
                continue
            net.to("cpu")
            self._shelves[name] = [
                (tensors, key, tensor)
                for module in net.modules()
                for tensors in (module._parameters, module._buffers)
                for key, tensor in tensors.items()
                if tensor is not None
            ]

    @contextmanager
    def using(self, *names: str) -> Iterator[None]:
        """These networks are on the device inside; those that came for it leave it afterwards."""
        from torch import nn

        coming = {name for name in names if name in self._shelves} - self.present
        shelved = [entry for name in coming for entry in self._shelves[name]]
        try:
            for tensors, key, at_home in shelved:
                there = at_home.to(self.device)
                tensors[key] = nn.Parameter(there, requires_grad=False) if isinstance(at_home, nn.Parameter) else there
            self.present |= coming
            yield
        finally:
            self.present -= coming
            for tensors, key, at_home in shelved:  # weights do not change, so nothing has to be copied back
                tensors[key] = at_home
