"""Pictures -> diffusion features: encode, reach the noise level, read one layer, stop there.

The semantic correspondence of FaceShot (section 3.2): f = F_l(U(z_t, t, c)). Which model, layer and noise level is a
:class:`faceshot.presets.Preset`; features of equal :attr:`FeatureSettings.digest` may be compared, others never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.errors import InputError, UsageError
from faceshot.image_prompt import ImageEncoder, adapter_scale, install_adapter
from faceshot.inversion import NoiseSchedule, invert
from faceshot.layers import recording
from faceshot.models import DType, load_model, load_tensors, pick_device, pick_dtype, prompt_embeds
from faceshot.presets import Preset, fingerprint, get_preset, locate
from faceshot.types import RGBArray

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class FeatureSettings:
    """What a feature depends on.

    Attributes:
        preset: the record the extractor was made from.
        fingerprint: of the weights and configurations.
        digest: of both; equal digests mean comparable features.
    """

    preset: Preset
    fingerprint: str

    @property
    def digest(self) -> str:
        return self.preset.digest(self.fingerprint)

    def describe(self) -> dict[str, Any]:
        """JSON-ready: what a stored feature file says about itself."""
        return {
            "preset": self.preset.name,
            **self.preset.settings(),
            "weights": self.fingerprint,
            "digest": self.digest,
        }


class FeatureExtractor:
    """Square pictures -> feature maps and whole-picture embeddings, batched, always float32.

    Attributes:
        settings: what the features depend on.
        image_size: side of the squares [px].
        device: where the network runs and the results lie.
    """

    def __init__(
        self,
        preset: Preset,
        unet: Any,
        schedule: NoiseSchedule,
        prompt_embeds: Tensor,
        *,
        vae: Any = None,
        image_encoder: ImageEncoder | None = None,
        fingerprint: str = "",
        batch_size: int = 8,
    ) -> None:
        """From parts; :meth:`from_preset` loads them.

        Args:
            preset: the settings.
            unet: ``UNet2DConditionModel`` in evaluation mode, with an IP-Adapter installed or without.
            schedule: its noise schedule.
            prompt_embeds: (1, tokens, channels) of the text prompt.
            vae: ``AutoencoderKL`` when ``preset.encoder`` is ``vae``.
            image_encoder: CLIP, for image prompts and embeddings; without it embeddings come from the U-Net.
            fingerprint: of the weights, see :func:`faceshot.presets.fingerprint`.
            batch_size: pictures per network call.

        Raises:
            UsageError: t cannot be reached with the preset's steps, or the network has no such layer.
        """
        if preset.mode == "inversion":
            schedule.path(preset.t, preset.steps)
        elif not 0 <= preset.t < len(schedule):
            raise UsageError(f"preset {preset.name}: t={preset.t} is outside 0..{len(schedule) - 1}")
        if (preset.encoder == "vae") != (vae is not None):
            raise UsageError(
                f"preset {preset.name}: encoder {preset.encoder!r} {'needs a' if vae is None else 'has no'} VAE"
            )
        with recording(unet, [preset.layer]):
            pass
        self.settings = FeatureSettings(preset, fingerprint)
        self.preset = preset
        self.image_size = preset.image_size
        self.unet, self.schedule, self.vae, self.image_encoder = unet, schedule, vae, image_encoder
        self.batch_size = batch_size
        self.device = str(unet.device)
        self.prompt_embeds = prompt_embeds.to(unet.device, unet.dtype)
        self.adapted = any(hasattr(p, "to_k_ip") for p in unet.attn_processors.values())

    @classmethod
    def from_preset(
        cls, name: str | Preset = "mini", *, device: str = "cpu", dtype: DType = "auto", offline: bool = False
    ) -> FeatureExtractor:
        """Load a preset's model, or the model in a folder.

        Raises:
            UsageError: unknown preset, device or dtype; settings that cannot be.
            MissingError: files are not on this machine and cannot be fetched.
            InputError: files are damaged or do not fit together.
        """
        import torch
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        preset = get_preset(name) if isinstance(name, str) else name
        device = pick_device(device)
        torch_dtype = pick_dtype(dtype, device, preset.encoder)
        # 1. Find everything and check the settings before any weight is read.
        folder = locate(preset.source, files=preset.files, offline=offline)
        prompt = preset.image_prompt
        adapter = None if prompt is None else locate(prompt.source, files=prompt.files, offline=offline)
        weights = None if adapter is None or prompt is None else adapter / prompt.weights
        mark = fingerprint(folder, weights)
        schedule = NoiseSchedule.from_folder(folder / "scheduler")
        if preset.mode == "inversion":
            schedule.path(preset.t, preset.steps)
        # 2. Load.
        unet = load_model(UNet2DConditionModel, folder / "unet", torch_dtype)
        encoder = None
        if weights is not None and adapter is not None and prompt is not None:
            install_adapter(unet, load_tensors(weights))
            encoder = ImageEncoder.from_folder(adapter / prompt.image_encoder, device=device, dtype=torch_dtype)
        vae = None
        if preset.encoder == "vae":
            from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

            vae = load_model(AutoencoderKL, folder / "vae", torch_dtype).to(device)
        return cls(
            preset,
            unet.to(device, memory_format=torch.channels_last),  # a few per cent faster on a CPU, more on a GPU
            schedule,
            prompt_embeds(folder, preset.prompt),
            vae=vae,
            image_encoder=encoder,
            fingerprint=mark,
        )

    def encode(self, images: RGBArray | Tensor) -> Tensor:
        """Pictures -> latents (B, c, h, w) float32: a VAE's posterior mean, or pixels folded into channels.

        Args:
            images: (B, H, W, 3) uint8, or (B, 3, H, W) float in [-1, 1]; H = W = ``image_size``.

        Raises:
            InputError: another shape or dtype.
        """
        import torch
        from torch.nn.functional import pixel_unshuffle

        pixels = self._pixels(images)
        with torch.no_grad():
            if self.vae is None:
                return pixel_unshuffle(pixels, int(self.preset.encoder.partition(":")[2]))
            # The mean instead of a sample: same picture, same features, no seed.
            means = [
                self.vae.encode(part.to(self.vae.dtype)).latent_dist.mean for part in pixels.split(self.batch_size)
            ]
            return torch.cat(means).float() * self.vae.config.scaling_factor

    def features(self, images: RGBArray | Tensor, *, image_embeds: Tensor | None = None) -> Tensor:
        """Feature maps (B, C, h, w) float32 of the preset's layer.

        Args:
            images: as :meth:`encode`.
            image_embeds: image prompts, (D,) for all, (B, D) one each or (B, k, D) several each; None: no image
                prompt, or the picture itself with guidance ``self``.

        Raises:
            InputError: pictures of another shape.
            UsageError: an image prompt, but the model has no IP-Adapter.
        """
        if image_embeds is None and self.adapted and self.preset.guidance == "self":
            image_embeds = self.embed(images)
        return self.features_of_latents(self.encode(images), image_embeds=image_embeds)

    def features_of_latents(self, latents: Tensor, *, image_embeds: Tensor | None = None) -> Tensor:
        """As :meth:`features`, from the latents (B, c, h, w) of :meth:`encode`."""
        import torch

        prompts = self._image_prompts(image_embeds, len(latents))
        with torch.no_grad():
            done = [
                self._run(
                    latents[i : i + self.batch_size], None if prompts is None else prompts[i : i + self.batch_size]
                )
                for i in range(0, len(latents), self.batch_size)
            ]
        return torch.cat(done)

    def embed(self, images: RGBArray | Tensor) -> Tensor:
        """Whole-picture embeddings (B, D) float32 of pictures as in :meth:`encode`.

        CLIP ``image_embeds`` (not normalised) where the model has an image encoder, for which uint8 pictures may
        have any size; otherwise the L2-normalised mean of the U-Net's middle block on the clean picture.
        """
        import torch
        from torch.nn.functional import normalize

        if self.image_encoder is not None:
            if not isinstance(images, np.ndarray):
                images = ((images.permute(0, 2, 3, 1) + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()
            parts = [images[i : i + self.batch_size] for i in range(0, len(images), self.batch_size)]
            return torch.cat([self.image_encoder(part) for part in parts]).to(self.device)
        label = self.preset.t if self.preset.mode == "clean" else self.schedule.offset
        with torch.no_grad():
            pooled = [
                self._read(part, label, "mid_block", None).mean((2, 3))
                for part in self.encode(images).split(self.batch_size)
            ]
        return normalize(torch.cat(pooled), dim=1)

    def _pixels(self, images: RGBArray | Tensor) -> Tensor:
        """(B, 3, H, W) float32 in [-1, 1] on the device."""
        import torch

        side = self.image_size
        if isinstance(images, np.ndarray):
            if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (side, side, 3) or not len(images):
                raise InputError(f"pictures must be uint8 (B, {side}, {side}, 3), got {images.dtype} {images.shape}")
            batch = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
            return batch.permute(0, 3, 1, 2).float() / 127.5 - 1
        if not images.is_floating_point() or images.ndim != 4 or tuple(images.shape[1:]) != (3, side, side):
            raise InputError(f"pictures must be float (B, 3, {side}, {side}), got {images.dtype} {tuple(images.shape)}")
        return images.to(self.device).float()

    def _image_prompts(self, embeds: Tensor | None, batch: int) -> Tensor | None:
        """(B, images, D) in the network's dtype."""
        if embeds is None:
            return None
        if not self.adapted:
            raise UsageError(f"preset {self.preset.name} has no IP-Adapter, so it takes no image prompt")
        embeds = embeds.to(self.prompt_embeds)
        if embeds.ndim == 1:
            embeds = embeds.expand(batch, -1)
        if embeds.ndim == 2:
            embeds = embeds[:, None]
        if embeds.ndim != 3 or len(embeds) != batch:
            raise InputError(f"image_embeds must be (D,), ({batch}, D) or ({batch}, k, D), got {tuple(embeds.shape)}")
        return embeds

    def _condition(self, batch: int, prompts: Tensor | None) -> dict[str, list[Tensor]] | None:
        """``added_cond_kwargs`` of the network; without an image prompt the adapter is switched off exactly."""
        if not self.adapted:
            return None
        adapter_scale(self.unet, 0.0 if prompts is None else 1.0)
        if prompts is None:
            width = self.unet.encoder_hid_proj.image_projection_layers[0].image_embeds.in_features
            prompts = self.prompt_embeds.new_zeros(batch, 1, width)
        return {"image_embeds": [prompts]}

    def _run(self, latents: Tensor, prompts: Tensor | None) -> Tensor:
        """Features of one batch."""
        preset = self.preset
        if preset.mode == "inversion":
            text = self.prompt_embeds.expand(len(latents), -1, -1)
            added = self._condition(len(latents), prompts)
            latents = invert(self.unet, self.schedule, latents, preset.t, preset.steps, text, added)
        elif preset.mode == "one-step":
            latents = self.schedule.noisy(latents, preset.t, self._noise(latents))
        return self._read(latents, preset.t, preset.layer, prompts)

    def _noise(self, latents: Tensor) -> Tensor:
        """(1, c, h, w): the same noise for every picture, on every device."""
        import torch

        generator = torch.Generator().manual_seed(self.preset.seed)
        return torch.randn((1, *latents.shape[1:]), generator=generator).to(latents)

    def _read(self, latents: Tensor, label: int, layer: str, prompts: Tensor | None) -> Tensor:
        """The output of ``layer`` in one network call that stops there."""
        text = self.prompt_embeds.expand(len(latents), -1, -1)
        added = self._condition(len(latents), prompts)
        with recording(self.unet, [layer]) as seen:
            self.unet(latents.to(text.dtype), label, text, added_cond_kwargs=added, return_dict=False)
        return seen[layer].float()
