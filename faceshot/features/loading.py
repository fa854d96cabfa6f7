"""The parts of a feature extractor from files: everything is found and checked before any weight is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshot.errors import InputError
from faceshot.features.cost import pictures_per_call
from faceshot.features.timing import announce_model
from faceshot.landmarks import RGBArray
from faceshot.models import (
    LOAD_ERRORS,
    Checkpoint,
    DType,
    Graphed,
    ImageEncoder,
    NoiseSchedule,
    Preset,
    Resident,
    Stay,
    fingerprint,
    first_line,
    install_adapter,
    load_model,
    load_tensors,
    locate,
    pick_device,
    pick_dtype,
    trim,
)
from faceshot.models import prompt_embeds as read_prompt
from faceshot.reading import check_config

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Parts:
    """What a :class:`faceshot.features.FeatureExtractor` is made of; see there."""

    unet: Any
    schedule: NoiseSchedule
    prompt_embeds: Tensor
    vae: Resident | None
    image_encoder: LazyImageEncoder | None
    fingerprint: str
    batch_size: int
    network: Graphed | None


class LazyImageEncoder:
    """A CLIP image encoder that takes memory only around its calls (see :class:`Resident`)."""

    def __init__(self, folder: Path, *, device: str, dtype: Any, stay: Stay) -> None:
        """``folder``: what :meth:`ImageEncoder.from_folder` takes."""
        self.resident = Resident(
            lambda: ImageEncoder.from_folder(folder, device="cpu", dtype=dtype).model, device=device, stay=stay
        )

    def __call__(self, images: RGBArray) -> Tensor:
        """(B, H, W, 3) uint8 -> (B, D) float32, not normalised."""
        with self.resident.use() as model:
            return ImageEncoder(model)(images)

    def free(self) -> None:
        """Forget the network until it is needed again."""
        self.resident.free()


def load_parts(
    preset: Preset, *, device: str = "cpu", dtype: DType = "auto", offline: bool = False, low_vram: bool = False
) -> Parts:
    """Load a preset's networks.

    Args:
        low_vram: image encoder and VAE wait in main memory and come to the device only while they are used; pictures
            go through the network one by one.

    Raises:
        As :meth:`faceshot.features.FeatureExtractor.from_preset`.
    """

    device = pick_device(device)
    torch_dtype = pick_dtype(dtype, device, preset.encoder)
    # 1. Find everything, and check the settings against it.
    place = locate(preset.source, files=preset.files, offline=offline)
    adapter, encoder = _find_image_prompt(preset, place, offline=offline)
    mark = fingerprint(place, adapter)
    announce_model(preset, place, [path for path in (adapter, encoder) if path is not None], device, torch_dtype)
    # 2. The text encoder first: it is gone before the U-Net comes.
    unet, vae, schedule, text = (
        _from_file(preset, place, torch_dtype) if place.is_file() else _from_folder(preset, place, torch_dtype)
    )
    if adapter is not None:
        install_adapter(unet, load_tensors(adapter))
    if preset.encoder == "vae" and preset.mode != "inversion":
        trim(unet, preset.layer if preset.layer.startswith("up_blocks") else "mid_block")
    # 3. What is used now and then stays out of the way: a CPU reads it again sooner than it would swap.
    stay: Stay = "park" if low_vram else "keep"
    encoder_stay: Stay = stay if device != "cpu" else "drop" if low_vram else "session"
    unet = _settled(unet.to(device))
    return Parts(
        unet=unet,
        schedule=schedule,
        prompt_embeds=text,
        vae=None if vae is None else Resident(lambda: vae, device=device, stay=stay),
        image_encoder=None
        if encoder is None
        else LazyImageEncoder(encoder, device=device, dtype=torch_dtype, stay=encoder_stay),
        fingerprint=mark,
        batch_size=pictures_per_call(preset, device, torch_dtype, low_vram=low_vram),
        network=Graphed(unet) if device.startswith("cuda") and not low_vram else None,
    )


def _from_folder(preset: Preset, folder: Path, dtype: Any) -> tuple[Any, Any, NoiseSchedule, Tensor]:
    """U-Net, VAE, noise schedule and text encoding from a folder in diffusers' layout."""
    from dataclasses import replace

    schedule = NoiseSchedule.from_folder(folder / "scheduler")
    if preset.prediction is not None:
        schedule = replace(schedule, prediction=preset.prediction)
    if preset.mode == "inversion":
        schedule.path(preset.t, preset.steps)
    text = read_prompt(folder, preset.prompt)
    vae = None
    if preset.encoder == "vae":
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        vae = _encoder_only(load_model(AutoencoderKL, folder / "vae", dtype))
    return _unet(preset, folder / "unet", dtype), vae, schedule, text


def _unet(preset: Preset, folder: Path, dtype: Any) -> Any:
    """The U-Net: a small plain one without diffusers, whose import would take longer than the rest of the work."""
    if preset.encoder != "vae" and preset.image_prompt is None:
        from faceshot.models import load_unet

        if (unet := load_unet(folder, dtype)) is not None:
            return unet
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return load_model(UNet2DConditionModel, folder, dtype)


def _from_file(preset: Preset, path: Path, dtype: Any) -> tuple[Any, Any, NoiseSchedule, Tensor]:
    """The same from a checkpoint in one file."""
    checkpoint = Checkpoint.read(path)
    schedule = checkpoint.schedule(preset.prediction)
    text = checkpoint.prompt_embeds(preset.prompt)
    return checkpoint.unet(dtype), _encoder_only(checkpoint.vae(dtype)), schedule, text


def _encoder_only(vae: Any) -> Any:
    """A VAE without its decoder, 60 % of it."""
    vae.decoder, vae.post_quant_conv = None, None
    return _settled(vae)


def _settled(network: Any) -> Any:
    """``network`` in memory of its own, in the order convolutions like (a few per cent faster on a CPU, more on a GPU).

    As loaded, its tensors are pages of the file. Were only the convolutions laid out anew, the rest would hold on to
    the whole file: 2 GB of Stable Diffusion twice.
    """
    import torch

    for tensor in (*network.parameters(), *network.buffers()):
        order = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
        tensor.data = tensor.data.clone(memory_format=order)
    return network


def _find_image_prompt(preset: Preset, place: Path, *, offline: bool) -> tuple[Path | None, Path | None]:
    """The IP-Adapter's file and what CLIP is loaded from, or nothing where the preset has no image prompt.

    Raises:
        MissingError: not on this machine. InputError: the adapter is for another width of the text encoding.
    """
    prompt = preset.image_prompt
    if prompt is None:
        return None, None
    folder = locate(prompt.source, files=(prompt.weights,), offline=offline)
    adapter, encoder = folder / prompt.weights, folder / prompt.image_encoder
    if not (encoder / "model.safetensors").is_file():
        from faceshot.models import find_image_encoder

        encoder = find_image_encoder(offline=offline)
    _check_width(place, adapter)
    return adapter, encoder


def _check_width(place: Path, adapter: Path) -> None:
    """Refuse the adapter of SD 1.x for a 2.x before anything large is read."""
    if not place.is_dir() or adapter.suffix != ".safetensors" or not adapter.is_file():
        return
    from safetensors import safe_open

    try:
        width = check_config(place / "unet" / "config.json").get("cross_attention_dim")
        with safe_open(adapter, framework="numpy") as file:
            own = file.get_slice("image_proj.norm.weight").get_shape()[0]
    except LOAD_ERRORS as error:
        raise InputError(f"cannot read {adapter} or {place / 'unet' / 'config.json'}: {first_line(error)}") from error
    if width is not None and width != own:
        raise InputError(f"the IP-Adapter takes text of {own} channels, the model has {width}; use guidance=none")
