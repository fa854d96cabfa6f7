"""The published files of MOFA-Video and Stable Video Diffusion, and how each becomes a network.

Every name and shape must fit: a file that does not is refused. Nothing is unpickled but tensors.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from faceshot.errors import InputError, MissingError
from faceshot.reading import FOREIGN, check_config, check_weights, expanded

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKLTemporalDecoder
    from torch import Tensor, nn
    from transformers import CLIPVisionModelWithProjection

    from faceshot_mofa.nets.cmp import CMP
    from faceshot_mofa.nets.controlnet import ControlNetConfig, LandmarkControlNet
    from faceshot_mofa.nets.unet import MotionUNet

    Net = TypeVar("Net", bound=nn.Module)


#: In a folder, the first of these that is there.
_CANDIDATES = (
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors",
    "model.fp16.safetensors",
    "model.safetensors",
)


def load_cmp(path: str | Path, device: str | torch.device = "cpu") -> CMP:
    """CMP from ``ckpt_iter_42000.pth.tar`` (or a file of its ``state_dict``); always float32.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    import torch

    from faceshot.models import load_tensors
    from faceshot_mofa.nets.cmp import CMP

    file = _file(path)
    content: Any = load_tensors(file)
    found = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise InputError(f"{file} is not a CMP checkpoint (no state_dict in it); fetch it again")
    tensors = {name.removeprefix("module."): value for name, value in found.items()}
    net = CMP()
    # Counters of training steps, unused; old files lack them.
    counters = {name: value for name, value in net.state_dict().items() if name.endswith("num_batches_tracked")}
    return _fill(net, (counters | tensors).items(), file, torch.float32).to(device)


def load_controlnet(
    path: str | Path,
    dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu",
    config: ControlNetConfig | None = None,
) -> LandmarkControlNet:
    """The landmark ControlNet from its safetensors file or the folder of it.

    The sizes are the published ones unless ``config`` is given: the ``config.json`` beside the file may be wrong.

    Args:
        dtype: of the weights; None keeps the file's.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    from faceshot_mofa.nets.controlnet import LandmarkControlNet

    return _load(lambda: LandmarkControlNet(config), _file(path), dtype, device)


def load_unet(path: str | Path, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> MotionUNet:
    """The video U-Net; ``config.json`` is read from beside the file, SVD's values are used where there is none.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    from faceshot_mofa.nets.unet import MotionUNet

    file = _file(path)
    config = _config(file, MotionUNet)
    return _load(lambda: MotionUNet.build(config), file, dtype, device)


def load_vae(
    path: str | Path, dtype: torch.dtype | None = None, device: str | torch.device = "cpu"
) -> AutoencoderKLTemporalDecoder:
    """SVD's autoencoder; ``config.json`` is read from beside the file, SVD's values are used where there is none.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    from diffusers import AutoencoderKLTemporalDecoder

    file = _file(path)
    config = _config(file, AutoencoderKLTemporalDecoder) or {
        "block_out_channels": (128, 256, 512, 512),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "layers_per_block": 2,
        "sample_size": 768,
        "scaling_factor": 0.18215,
        "force_upcast": True,
    }
    # The library does not type its own class as a module.
    return _load(lambda: AutoencoderKLTemporalDecoder(**config), file, dtype, device)  # type: ignore[type-var]


def load_image_encoder(
    path: str | Path, dtype: torch.dtype | None = None, device: str | torch.device = "cpu"
) -> CLIPVisionModelWithProjection:
    """SVD's image encoder, CLIP ViT-H/14; ``config.json`` is read from beside the file, else its known values are used.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    file = _file(path)
    config = _json(file)
    config = (
        config
        if config is not None
        else {
            "hidden_size": 1280,
            "intermediate_size": 5120,
            "num_hidden_layers": 32,
            "num_attention_heads": 16,
            "patch_size": 14,
            "image_size": 224,
            "projection_dim": 1024,
            "hidden_act": "gelu",
        }
    )
    build = CLIPVisionConfig.from_dict(config)
    # Position numbers were once stored; the network makes them itself.
    return _load(lambda: CLIPVisionModelWithProjection(build), file, dtype, device, ignore="embeddings.position_ids")


def _load(
    build: Callable[[], Net],
    file: Path,
    dtype: torch.dtype | None,
    device: str | torch.device,
    ignore: str | None = None,
) -> Net:
    """Build without memory for weights, then read one tensor after the other onto the device in its final type."""
    from accelerate import init_empty_weights
    from safetensors import SafetensorError, safe_open

    from faceshot.models import LOAD_ERRORS, first_line

    try:
        with init_empty_weights(include_buffers=False):
            net = build()
    except LOAD_ERRORS as error:
        raise InputError(f"{file.parent / 'config.json'} describes no such network: {first_line(error)}") from error
    check_weights(file)
    try:
        with safe_open(file, framework="pt", device=str(device)) as content:
            names = [name for name in content.keys() if not (ignore and name.endswith(ignore))]  # noqa: SIM118
            shapes = {name: tuple(content.get_slice(name).get_shape()) for name in names}
            _check(net, shapes, file)
            return _fill(net, ((name, content.get_tensor(name)) for name in names), file, dtype).to(device)
    except (SafetensorError, *FOREIGN) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file} is not a safetensors file ({first_line(error)}); fetch it again") from error


def _fill(net: Net, tensors: Iterable[tuple[str, Tensor]], file: Path, dtype: torch.dtype | None) -> Net:
    state = {name: value.to(dtype) if dtype and value.is_floating_point() else value for name, value in tensors}
    _check(net, {name: tuple(value.shape) for name, value in state.items()}, file)
    net.load_state_dict(state, strict=True, assign=True)
    return net.requires_grad_(False).eval()


def _check(net: nn.Module, shapes: Mapping[str, tuple[int, ...]], file: Path) -> None:
    expected = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    missing = [name for name in expected if name not in shapes]
    extra = [name for name in shapes if name not in expected]
    wrong = [f"{n} {shapes[n]} instead of {expected[n]}" for n in expected if n in shapes and shapes[n] != expected[n]]
    parts = [
        f"{len(names)} {what} (first: {names[0]})"
        for what, names in (("tensors missing", missing), ("unknown tensors", extra), ("of another shape", wrong))
        if names
    ]
    if parts:
        raise InputError(f"{file} does not fit {type(net).__name__}: {', '.join(parts)}; fetch the published file")


def _file(path: str | Path) -> Path:
    given = expanded(path, "weights")
    if given.is_dir():
        for name in _CANDIDATES:
            if (given / name).is_file():
                return given / name
        raise MissingError(f"{given} holds none of {', '.join(_CANDIDATES)}; fetch the published files")
    if not given.is_file():
        raise MissingError(f"{given} does not exist; fetch the published file")
    return given


def _json(file: Path) -> dict[str, Any] | None:
    config = file.parent / "config.json"
    if not config.is_file():
        return None
    return check_config(config)


def _config(file: Path, kind: type) -> dict[str, Any] | None:
    """The fields of ``config.json`` that the class takes; others come from other versions of it."""
    content = _json(file)
    known = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    return None if content is None else {name: value for name, value in content.items() if name in known}
