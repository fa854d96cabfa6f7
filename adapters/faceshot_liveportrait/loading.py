"""Published weight files -> networks, strictly: every tensor by its name and shape, none left over.

Files may be the published pickles (read with ``weights_only=True``) or safetensors with the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor, nn

from faceshot.errors import InputError
from faceshot.models import load_tensors
from faceshot.rendering import check_fits
from faceshot_liveportrait.nets import (
    AppearanceExtractor,
    MotionExtractor,
    SpadeGenerator,
    StitchingRetargeting,
    WarpingModule,
)
from faceshot_liveportrait.nets.spade import fold_spectral
from faceshot_liveportrait.nets.stitching import SIZES

#: The published file of every network (the same names for people and for animals).
FILES: Final = MappingProxyType(
    {
        "appearance": "appearance_feature_extractor.pth",
        "motion": "motion_extractor.pth",
        "warping": "warping_module.pth",
        "spade": "spade_generator.pth",
        "stitching": "stitching_retargeting_module.pth",
    }
)
_WRAPPERS = ("state_dict", "model", "params")  # dict levels that other tools put around a state dict
_DEPTH: Final = 4


def build(kind: str, *, spectral: bool = True) -> nn.Module:
    """The full-size network ``kind`` (a key of ``FILES``) in inference mode; weights are the module's own."""
    if kind == "spade":
        return SpadeGenerator(spectral=spectral).eval()
    makers: dict[str, type[nn.Module]] = {
        "appearance": AppearanceExtractor,
        "motion": MotionExtractor,
        "warping": WarpingModule,
        "stitching": StitchingRetargeting,
    }
    return makers[kind]().eval()


def load_network(kind: str, path: str | Path, *, fold: bool = True) -> nn.Module:
    """The network ``kind`` (a key of ``FILES``) with the weights of ``path``: float32, CPU, inference mode.

    Args:
        fold: turn the generator's spectral norm into plain weights.

    Raises:
        InputError: the file is missing, damaged, or not this network's; the message names the first differences.
    """
    path = Path(path)
    state = tidy(kind, read_tensors(path))
    with torch.device("meta"):
        network = build(kind, spectral=not _is_folded(state))
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    check_fits(network, shapes, path, f"the {kind} network ({FILES[kind]})")
    network.load_state_dict(state, strict=True, assign=True)
    if fold:
        fold_spectral(network)
    return network.requires_grad_(False)


def read_tensors(path: str | Path) -> dict[str, Any]:
    """What a weight file holds, without running anything from it.

    Raises:
        InputError: missing, damaged, or more than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"weight file {path} does not exist")
    held: Any = load_tensors(path)
    if not isinstance(held, Mapping):
        raise InputError(f"weight file {path} holds a {type(held).__name__}, not named tensors; fetch it again")
    return dict(held)


def tidy(kind: str, held: Mapping[str, Any]) -> dict[str, Tensor]:
    """The flat state dict of network ``kind`` in what a file of it holds.

    Dict levels around the tensors are opened, ``module.`` is dropped wherever it occurs, and of the stitching file
    only its three perceptrons are taken.
    """
    for _ in range(_DEPTH):
        inner = next((held[name] for name in _WRAPPERS if name in held), None)
        if not isinstance(inner, Mapping):
            break
        held = inner
    flat = {name.replace("module.", ""): value for name, value in _flatten(held)}
    if kind == "stitching":
        flat = {name: value for name, value in flat.items() if name.partition(".")[0] in SIZES}
    return {name: value.float() if value.is_floating_point() else value for name, value in flat.items()}


def _flatten(held: Mapping[str, Any], prefix: str = "", depth: int = 0) -> list[tuple[str, Tensor]]:
    """Named tensors; levels deeper than any published file has, a mapping inside itself for one, are left out."""
    found: list[tuple[str, Tensor]] = []
    for name, value in held.items():
        if isinstance(value, Mapping) and depth < _DEPTH:
            found += _flatten(value, f"{prefix}{name}.", depth + 1)
        elif isinstance(value, Tensor):
            found.append((f"{prefix}{name}", value))
    return found


def _is_folded(state: Mapping[str, Tensor]) -> bool:
    return not any(name.endswith("weight_orig") for name in state)
