"""The published files of AniPortrait and its companions, and how each becomes a network: strictly, tensors only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch

from faceshot.rendering import config_beside, empty, fill, read_image_encoder, read_network, tensors_of, weight_file
from faceshot_aniportrait.nets.pose_guider import PoseGuider
from faceshot_aniportrait.nets.unet import DenoisingUNet, ReferenceUNet

#: CLIP ViT-L/14.
_CLIP: Final = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "image_size": 224,
    "projection_dim": 768,
    "hidden_act": "quick_gelu",
}
_VAE: Final = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
#: Parts of names in the autoencoder's file -> those of today.
_RENAMED: Final = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}


def load_reference(path: str | Path, dtype: torch.dtype | None = None, device: str = "cpu") -> ReferenceUNet:
    """``reference_unet.pth``.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    return read_network(ReferenceUNet, path, dtype, device)


def load_denoiser(
    path: str | Path, motion: str | Path, dtype: torch.dtype | None = None, device: str = "cpu"
) -> DenoisingUNet:
    """``denoising_unet.pth`` with the modules of ``motion_module.pth`` in it.

    What else the first holds is of its training and not needed.

    Raises:
        MissingError: a file is absent. InputError: they do not fit.
    """
    file, modules = weight_file(path), tensors_of(weight_file(motion))
    net: Any = empty(DenoisingUNet, file)
    own = net.state_dict()
    still = {name: value for name, value in tensors_of(file).items() if name in own}
    moving = {name: value for name, value in modules.items() if "motion_module" in name}
    return fill(net, (still | moving).items(), file, dtype).to(device)


def load_pose_guider(path: str | Path, device: str = "cpu") -> PoseGuider:
    """``pose_guider.pth``; always float32, for its statistics are of mostly black pictures.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    return read_network(PoseGuider, path, torch.float32, device)


def load_vae(path: str | Path, dtype: torch.dtype | None = None, device: str = "cpu") -> Any:
    """The autoencoder, by today's names or those of old diffusers.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    from diffusers import AutoencoderKL

    config = config_beside(path, AutoencoderKL) or _VAE

    def rename(name: str) -> str:
        for old, new in _RENAMED.items():
            name = name.replace(old, new)
        return name

    return read_network(lambda: AutoencoderKL(**config), path, dtype, device, rename=rename)  # type: ignore[type-var]


def load_image_encoder(path: str | Path, dtype: torch.dtype | None = None, device: str = "cpu") -> Any:
    """The image encoder of the image variations of Stable Diffusion.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    return read_image_encoder(path, _CLIP, dtype, device)
