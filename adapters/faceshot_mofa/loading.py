"""The published files of MOFA-Video and Stable Video Diffusion, and how each becomes a network.

Every name and shape must fit: a file that does not is refused. Nothing is unpickled but tensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faceshot.rendering import config_beside, fill, read_image_encoder, read_network, tensors_of, weight_file

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKLTemporalDecoder
    from transformers import CLIPVisionModelWithProjection

    from faceshot_mofa.nets.cmp import CMP
    from faceshot_mofa.nets.controlnet import ControlNetConfig, LandmarkControlNet
    from faceshot_mofa.nets.unet import MotionUNet


def load_cmp(path: str | Path, device: str | torch.device = "cpu") -> CMP:
    """CMP from ``ckpt_iter_42000.pth.tar`` (or a file of its ``state_dict``); always float32.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    import torch

    from faceshot_mofa.nets.cmp import CMP

    file = weight_file(path)
    tensors = {name.removeprefix("module."): value for name, value in tensors_of(file).items()}
    net = CMP()
    # Counters of training steps, unused; old files lack them.
    counters = {name: value for name, value in net.state_dict().items() if name.endswith("num_batches_tracked")}
    return fill(net, (counters | tensors).items(), file, torch.float32).to(device)


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

    return read_network(lambda: LandmarkControlNet(config), path, dtype, device)


def load_unet(path: str | Path, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> MotionUNet:
    """The video U-Net; ``config.json`` is read from beside the file, SVD's values are used where there is none.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    from faceshot_mofa.nets.unet import MotionUNet

    config = config_beside(path, MotionUNet)
    return read_network(lambda: MotionUNet.build(config), path, dtype, device)


def load_vae(
    path: str | Path, dtype: torch.dtype | None = None, device: str | torch.device = "cpu"
) -> AutoencoderKLTemporalDecoder:
    """SVD's autoencoder; ``config.json`` is read from beside the file, SVD's values are used where there is none.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    from diffusers import AutoencoderKLTemporalDecoder

    config = config_beside(path, AutoencoderKLTemporalDecoder) or {
        "block_out_channels": (128, 256, 512, 512),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "layers_per_block": 2,
        "sample_size": 768,
        "scaling_factor": 0.18215,
        "force_upcast": True,
    }
    # The library does not type its own class as a module.
    return read_network(lambda: AutoencoderKLTemporalDecoder(**config), path, dtype, device)  # type: ignore[type-var]


def load_image_encoder(
    path: str | Path, dtype: torch.dtype | None = None, device: str | torch.device = "cpu"
) -> CLIPVisionModelWithProjection:
    """SVD's image encoder, CLIP ViT-H/14; ``config.json`` is read from beside the file, else its known values are used.

    Raises:
        MissingError: no such file. InputError: it is another file.
    """
    known = {
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "patch_size": 14,
        "image_size": 224,
        "projection_dim": 1024,
        "hidden_act": "gelu",
    }
    return read_image_encoder(path, known, dtype, device)
