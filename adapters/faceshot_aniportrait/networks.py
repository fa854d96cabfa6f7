"""The five networks of a run, and which of them lie on the device at a time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from faceshot.landmarks import RGBArray
from faceshot.rendering import Shelves, files_identity, latent_mean, to_frames
from faceshot_aniportrait.nets.pose_guider import PoseGuider, Statistics
from faceshot_aniportrait.nets.unet import DenoisingUNet, Memory, ReferenceUNet
from faceshot_aniportrait.options import LowVram

NAMES: Final = ("reference", "unet", "pose_guider", "vae", "image_encoder")
#: Frames decoded together; they do not see each other.
DECODE_FRAMES: Final = 4
CLIP_SIDE: Final = 224
_MEAN = np.array((0.48145466, 0.4578275, 0.40821073), np.float32)
_STD = np.array((0.26862954, 0.26130258, 0.27577711), np.float32)


@dataclass
class Networks:
    """Networks, loaded, in evaluation mode.

    Attributes:
        reference, unet, vae, image_encoder: in ``dtype``. pose_guider: in float32.
        device: where they work. low_vram: ``off`` keeps all of them there, else they come when they are used.
        identity: which weights these are, for telling runs apart.
    """

    reference: ReferenceUNet
    unet: DenoisingUNet
    pose_guider: PoseGuider
    vae: Any
    image_encoder: Any
    device: torch.device
    dtype: torch.dtype
    low_vram: LowVram = "off"
    identity: str = ""
    shelves: Shelves = field(init=False, repr=False)

    def __post_init__(self) -> None:
        nets = {name: getattr(self, name) for name in NAMES}
        self.shelves = Shelves(nets, self.device, sparing=self.low_vram != "off")

    def using(self, *names: str) -> AbstractContextManager[None]:
        """These networks are on the device inside; with ``low_vram`` those that came for it leave it afterwards."""
        return self.shelves.using(*names)

    @torch.no_grad()
    def picture(self, rgb: RGBArray) -> tuple[Tensor, Tensor]:
        """Of a picture (H, W, 3) uint8 the latent (1, 4, h, w), scaled, and CLIP's embedding (1, 1, D)."""
        with self.using("image_encoder"):
            embedding = self.image_encoder(clip_pixels(rgb).to(self.device, self.dtype)).image_embeds[:, None]
        with self.using("vae"):
            picture = torch.from_numpy(rgb.transpose(2, 0, 1).copy())[None].to(self.device)
            latent = latent_mean(self.vae, picture / 127.5 - 1, self.dtype) * self.vae.config.scaling_factor
        return latent, embedding

    @torch.no_grad()
    def look(self, rgb: RGBArray) -> dict[str, Memory]:
        """All that the frames' U-Net needs of the picture (H, W, 3) uint8."""
        latent, embedding = self.picture(rgb)
        with self.using("reference"):
            _, seen = self.reference(latent, embedding)
        with self.using("unet"):
            return self.unet.remember(seen, embedding)

    @torch.no_grad()
    def pose(self, pictures: npt.NDArray[np.uint8], statistics: Statistics) -> list[Tensor]:
        """Pose pictures (n, H, W, 3) uint8 -> five maps (n, C, h, w) in ``dtype`` on the device.

        The published code forgets to divide by 255, and only the stored statistics were not taken from such input.
        """
        kind = next(self.pose_guider.parameters()).dtype
        x = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).to(self.device, kind)
        with self.using("pose_guider"):
            self.pose_guider.use(statistics)
            maps = self.pose_guider(x / 127.5 - 1 if statistics == "stored" else 2 * x - 1)
        return [found.to(self.dtype) for found in maps]

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """(n, 4, h, w) float32 -> uint8 (n, H, W, 3) on the CPU."""
        with self.using("vae"):
            scaled = (latents.to(self.device) / self.vae.config.scaling_factor).to(self.dtype)
            return to_frames(self.vae.decode(scaled).sample)


def clip_pixels(rgb: RGBArray) -> Tensor:
    """The picture as CLIP sees it: (1, 3, 224, 224), its aspect not kept."""
    from PIL import Image

    small = np.asarray(Image.fromarray(rgb).resize((CLIP_SIDE, CLIP_SIDE), Image.Resampling.BICUBIC), np.float32)
    normal = (small / 255 - _MEAN) / _STD
    return torch.from_numpy(normal.transpose(2, 0, 1).copy())[None]


def load_networks(files: Mapping[str, Path], device: str, dtype: torch.dtype, low_vram: LowVram = "off") -> Networks:
    """Networks from the published files by name (``motion`` holds the U-Net's motion modules).

    Raises:
        MissingError: a file is absent. InputError: a file does not fit.
    """
    from faceshot_aniportrait import loading

    home = "cpu" if low_vram != "off" else device
    return Networks(
        reference=loading.load_reference(files["reference"], dtype, home),
        unet=loading.load_denoiser(files["unet"], files["motion"], dtype, home),
        pose_guider=loading.load_pose_guider(files["pose_guider"], home),
        vae=loading.load_vae(files["vae"], dtype, home),
        image_encoder=loading.load_image_encoder(files["image_encoder"], dtype, home),
        device=torch.device(device),
        dtype=dtype,
        low_vram=low_vram,
        identity=files_identity(files),
    )
