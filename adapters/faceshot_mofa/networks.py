"""The five networks of a run, and which of them lie on the device at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from faceshot.rendering import Shelves, files_identity, latent_mean, to_frames
from faceshot_mofa.nets.legacy import TemporalContext, set_temporal_context
from faceshot_mofa.options import LowVram

if TYPE_CHECKING:
    from faceshot_mofa.nets.cmp import CMP
    from faceshot_mofa.nets.controlnet import LandmarkControlNet
    from faceshot_mofa.nets.unet import MotionUNet

NAMES: Final = ("cmp", "controlnet", "unet", "vae", "image_encoder")
#: Frames decoded together; the decoder mixes neighbours, so another number is another picture.
DECODE_FRAMES: Final = 8
#: CMP works in float32 and its flow moves pixels; it is small, so it always stays on the device.
_SMALL: Final = ("cmp",)


@dataclass
class Networks:
    """Networks, loaded, in evaluation mode.

    Attributes:
        cmp: sparse to dense flow, float32. controlnet, unet, vae, image_encoder: in ``dtype``.
        device: where they work; dtype: of everything but CMP.
        low_vram: ``off`` keeps all of them there, else they come one group at a time.
        identity: which weights these are, for telling runs apart.
    """

    cmp: CMP
    controlnet: LandmarkControlNet
    unet: MotionUNet
    vae: Any
    image_encoder: Any
    device: torch.device
    dtype: torch.dtype
    low_vram: LowVram = "off"
    identity: str = ""
    shelves: Shelves = field(init=False, repr=False)
    _context: TemporalContext = field(default="corrected", repr=False)

    def __post_init__(self) -> None:
        nets = {name: getattr(self, name) for name in NAMES}
        self.shelves = Shelves(nets, self.device, sparing=self.low_vram != "off", always=_SMALL)

    def using(self, *names: str) -> AbstractContextManager[None]:
        """These networks are on the device inside; with ``low_vram`` those that came for it leave it afterwards."""
        return self.shelves.using(*names)

    def see(self, context: TemporalContext) -> None:
        """Which embedding the temporal attention sees from now on (:mod:`faceshot_mofa.nets.legacy`)."""
        if context != self._context:
            for net in (self.unet, self.controlnet):
                set_temporal_context(net, context)
            self._context = context

    @torch.no_grad()
    def embed(self, pixels: Tensor) -> Tensor:
        """CLIP's embedding (1, 1, D) of ``pixels`` (1, 3, 224, 224)."""
        with self.using("image_encoder"):
            return self.image_encoder(pixels.to(self.device, self.dtype)).image_embeds[:, None]

    @torch.no_grad()
    def encode(self, picture: Tensor) -> Tensor:
        """Latent (1, 4, h, w), not scaled, of the noisy ``picture`` (1, 3, H, W) in -1..1."""
        with self.using("vae"):
            return latent_mean(self.vae, picture.to(self.device), self.dtype)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """At most 8 consecutive frames (n, 4, h, w) float32 -> uint8 (n, H, W, 3) on the CPU."""
        with self.using("vae"):
            scaled = (latents.to(self.device) / self.vae.config.scaling_factor).to(self.dtype)
            return to_frames(self.vae.decode(scaled, num_frames=len(latents)).sample)


def load_networks(
    files: dict[str, Path], device: str, dtype: torch.dtype, low_vram: LowVram = "off"
) -> Networks:  # pragma: no cover - needs gigabytes
    """Networks from the published files by name (``cmp``, ``controlnet``, ``unet``, ``vae``, ``image_encoder``).

    Raises:
        MissingError: a file is absent. InputError: a file does not fit.
    """
    from faceshot_mofa import loading

    home = "cpu" if low_vram != "off" else device
    return Networks(
        cmp=loading.load_cmp(files["cmp"], device),
        controlnet=loading.load_controlnet(files["controlnet"], dtype, home),
        unet=loading.load_unet(files["unet"], dtype, home),
        vae=loading.load_vae(files["vae"], dtype, home),
        image_encoder=loading.load_image_encoder(files["image_encoder"], dtype, home),
        device=torch.device(device),
        dtype=dtype,
        low_vram=low_vram,
        identity=files_identity(files),
    )
