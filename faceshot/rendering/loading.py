"""Published weight files -> networks, strictly: every tensor by its name and shape, none left over, nothing unpickled
but tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from faceshot.errors import InputError, MissingError
from faceshot.models import LOAD_ERRORS, first_line, load_tensors
from faceshot.reading import FOREIGN, check_config, check_weights, expanded

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    Net = TypeVar("Net", bound=nn.Module)

#: In a folder, the first of these that is there.
_CANDIDATES = (
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors",
    "model.fp16.safetensors",
    "model.safetensors",
)


def read_network(
    build: Callable[[], Net],
    path: str | Path,
    dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu",
    *,
    rename: Callable[[str], str | None] | None = None,
) -> Net:
    """Build without memory for weights, then read one tensor after the other onto the device in its final type.

    Args:
        path: a safetensors file, a pickle of tensors by name, or the folder of one.
        dtype: of the weights; None keeps the file's.
        rename: a name in the file -> the network's; None for a tensor nobody needs.

    Raises:
        MissingError: no such file. InputError: damaged, more than tensors, or of another network.
    """
    file = weight_file(path)
    net = empty(build, file)
    new = rename or str
    if file.suffix != ".safetensors":
        return fill(net, renamed(tensors_of(file), new).items(), file, dtype).to(device)
    from safetensors import SafetensorError, safe_open

    check_weights(file)
    try:
        with safe_open(file, framework="pt", device=str(device)) as content:
            names = {name: into for name in content.keys() if (into := new(name)) is not None}  # noqa: SIM118
            check_fits(net, {into: tuple(content.get_slice(name).get_shape()) for name, into in names.items()}, file)
            read = ((into, content.get_tensor(name)) for name, into in names.items())
            return fill(net, read, file, dtype).to(device)
    except (SafetensorError, *FOREIGN) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file} is not a safetensors file ({first_line(error)}); fetch it again") from error


def empty(build: Callable[[], Net], file: Path) -> Net:
    """A network whose weights take no memory yet.

    Raises:
        InputError: the configuration beside ``file`` describes none.
    """
    from accelerate import init_empty_weights

    try:
        with init_empty_weights(include_buffers=False):
            return build()
    except LOAD_ERRORS as error:
        raise InputError(f"{file.parent / 'config.json'} describes no such network: {first_line(error)}") from error


def tensors_of(file: Path) -> dict[str, Tensor]:
    """A flat file of named tensors; a level ``state_dict`` around them is opened.

    Raises:
        MissingError: no such file. InputError: damaged, or it holds something else.
    """
    import torch

    held: Any = load_tensors(file)
    found = held.get("state_dict", held) if isinstance(held, Mapping) else None
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise InputError(f"{file} is no checkpoint (no state_dict in it); fetch it again")
    return dict(found)


def renamed(tensors: Mapping[str, Tensor], rename: Callable[[str], str | None]) -> dict[str, Tensor]:
    """Tensors under a network's own names; those renamed to None are left out."""
    return {into: value for name, value in tensors.items() if (into := rename(name)) is not None}


def fill(net: Net, tensors: Iterable[tuple[str, Tensor]], file: Path, dtype: torch.dtype | None) -> Net:
    """The network with these weights, in evaluation mode.

    Raises:
        InputError: they are not exactly its own.
    """
    state = {name: value.to(dtype) if dtype and value.is_floating_point() else value for name, value in tensors}
    check_fits(net, {name: tuple(value.shape) for name, value in state.items()}, file)
    net.load_state_dict(state, strict=True, assign=True)
    return net.requires_grad_(False).eval()


def check_fits(net: nn.Module, shapes: Mapping[str, tuple[int, ...]], file: Path, what: str = "") -> None:
    """Refuse tensors of ``shapes`` that are not exactly those of ``net``, called ``what`` (its class).

    Raises:
        InputError: naming how many are missing, unknown or of another shape, and the first of each.
    """
    expected = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    missing = [name for name in expected if name not in shapes]
    extra = [name for name in shapes if name not in expected]
    wrong = [f"{n} {shapes[n]} instead of {expected[n]}" for n in expected if n in shapes and shapes[n] != expected[n]]
    parts = [
        f"{len(names)} {kind} (first: {names[0]})"
        for kind, names in (("tensors missing", missing), ("unknown tensors", extra), ("of another shape", wrong))
        if names
    ]
    if parts:
        name = what or type(net).__name__
        raise InputError(f"{file} does not fit {name}: {', '.join(parts)}; fetch the published file")


def weight_file(path: str | Path) -> Path:
    """The weight file at ``path``, or in it where that is a folder.

    Raises:
        MissingError: there is none.
    """
    given = expanded(path, "weights")
    if given.is_dir():
        for name in _CANDIDATES:
            if (given / name).is_file():
                return given / name
        raise MissingError(f"{given} holds none of {', '.join(_CANDIDATES)}; fetch the published files")
    if not given.is_file():
        raise MissingError(f"{given} does not exist; fetch the published file")
    return given


def config_beside(path: str | Path, kind: type | None = None) -> dict[str, Any] | None:
    """``config.json`` beside a weight file, None without one; with ``kind`` the entries that class takes.

    Raises:
        MissingError: no weight file. InputError: damaged, or with sizes that no network has.
    """
    config = weight_file(path).parent / "config.json"
    if not config.is_file():
        return None
    content = check_config(config)
    if kind is None:
        return content
    known = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    return {name: value for name, value in content.items() if name in known}
