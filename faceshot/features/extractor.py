"""Pictures -> diffusion features: encode, reach the noise level, read one layer, stop there.

The semantic correspondence of FaceShot (section 3.1): f = F_l(U(z_t, t, c)). Which model, layer and noise level is a
:class:`faceshot.models.Preset`; features of equal :attr:`FeatureSettings.digest` may be compared, others never.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.errors import InputError, UsageError, option
from faceshot.features.cost import FULL_GMACS, Speed, even_batches, last_gmacs, measure, picture_gmacs
from faceshot.features.inputs import image_prompts, square_pixels
from faceshot.features.timing import ANNOUNCE, Calls, Work
from faceshot.landmarks import RGBArray
from faceshot.models import DType, NoiseSchedule, Preset, Resident, adapter_scale, get_preset, recording, trajectory
from faceshot.threads import Turn, after_fork

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("faceshot")


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

    Threads may share one: they take turns, a :meth:`session` being one turn.

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
        image_encoder: Callable[[RGBArray], Tensor] | None = None,
        fingerprint: str = "",
        batch_size: int = 8,
        network: Any = None,
    ) -> None:
        """From parts; :meth:`from_preset` loads them.

        Args:
            preset: the settings.
            unet: ``UNet2DConditionModel`` in evaluation mode, with an IP-Adapter installed or without.
            schedule: its noise schedule.
            prompt_embeds: (1, tokens, channels) of the text prompt.
            vae: ``AutoencoderKL``, or a :class:`Resident` one, when ``preset.encoder`` is ``vae``.
            image_encoder: CLIP, for image prompts and embeddings; without it embeddings come from the U-Net.
            fingerprint: of the weights, see :func:`faceshot.models.fingerprint`.
            batch_size: pictures per network call.
            network: called instead of ``unet`` (:class:`faceshot.models.Graphed`).

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
        self.unet, self.schedule, self.image_encoder = unet, schedule, image_encoder
        self.vae = None if vae is None else Resident.of(vae)
        self.network = network
        self._turn = Turn()
        self._announced = False
        self._speed: Speed | None = None
        self._pace: float | None = None
        self.batch_size = batch_size
        self.device = str(unet.device)
        self.prompt_embeds = prompt_embeds.to(unet.device, unet.dtype)
        self.adapted = any(hasattr(p, "to_k_ip") for p in getattr(unet, "attn_processors", {}).values())

    @classmethod
    def from_preset(
        cls,
        name: str | Preset = "mini",
        *,
        device: str = "cpu",
        dtype: DType = "auto",
        offline: bool = False,
        low_vram: bool = False,
    ) -> FeatureExtractor:
        """Load a preset's model, or the model in a folder or file (:func:`faceshot.models.get_preset`).

        Args:
            low_vram: less memory on the device, more time; see :func:`faceshot.features.loading.load_parts`.

        Raises:
            UsageError: unknown preset, device or dtype; settings that cannot be.
            MissingError: files are not on this machine and cannot be fetched.
            InputError: files are damaged or do not fit together.
        """
        from faceshot.features.loading import load_parts

        preset = get_preset(name) if isinstance(name, str) else name
        parts = load_parts(preset, device=device, dtype=dtype, offline=offline, low_vram=low_vram)
        return cls(preset, **vars(parts))

    def encode(self, images: RGBArray | Tensor) -> Tensor:
        """Pictures -> latents (B, c, h, w) float32: a VAE's posterior mean, or pixels folded into channels.

        Args:
            images: (B, H, W, 3) uint8, or (B, 3, H, W) float in [-1, 1]; H = W = ``image_size``.

        Raises:
            InputError: another shape or dtype.
        """
        import torch
        from torch.nn.functional import pixel_unshuffle

        after_fork()
        pixels = square_pixels(images, self.image_size, self.device)
        if self.vae is None:
            return pixel_unshuffle(pixels, int(self.preset.encoder.partition(":")[2]))
        with self._turn, torch.no_grad(), self.vae.use() as vae:
            # The mean instead of a sample: same picture, same features, no seed. One by one: full resolution is large.
            means = [vae.encode(part.to(vae.dtype)).latent_dist.mean for part in pixels.split(1)]
            return torch.cat(means).float() * vae.config.scaling_factor

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

        after_fork()
        prompts = None
        if image_embeds is not None:
            if not self.adapted:
                raise UsageError(f"preset {self.preset.name} has no IP-Adapter, so it takes no image prompt")
            prompts = image_prompts(image_embeds.to(self.prompt_embeds), len(latents))
        batches = even_batches(len(latents), self.batch_size)
        with self._turn, torch.no_grad(), self._counted(len(latents), batches) as tick:
            done = [self._run(latents[part], None if prompts is None else prompts[part], tick) for part in batches]
        found = torch.cat(done)
        if not found.isfinite().all():
            raise InputError(f"features of preset {self.preset.name} are not finite; use {option('dtype', 'float32')}")
        return found

    def features_under(self, images: RGBArray | Tensor, image_embeds: Tensor) -> Tensor:
        """Feature maps (P, B, C, h, w) float32 of every picture under each of P image prompts (P, D).

        Pictures are encoded once, and all P x B inversions run batched.
        """
        latents = self.encode(images)
        count = len(image_embeds)
        each = image_embeds.repeat_interleave(len(latents), 0)
        maps = self.features_of_latents(latents.repeat(count, 1, 1, 1), image_embeds=each)
        return maps.reshape(count, len(latents), *maps.shape[1:])

    def work(self, pictures: int, *, encoded: int | None = None, embeds: int = 0) -> tuple[float, str] | None:
        """How long the features of so many pictures take on a CPU [s], and a line that says so; None where that is
        not worth saying (a GPU, a small network).

        Args:
            encoded: pictures that the VAE has yet to encode; None: all of them.
            embeds: pictures to embed besides.
        """
        if self.device != "cpu" or self.vae is None:
            return None
        gmacs = picture_gmacs(self.preset, self._full_calls(), self.unet.config.block_out_channels)
        if gmacs is None:
            return None
        self._speed = self._speed or measure(self.device, self.prompt_embeds.dtype)
        encoded = pictures if encoded is None else encoded
        work = Work(gmacs, self.image_size, encoded, pictures, embeds, self.image_encoder is not None)
        seconds = work.seconds(self._speed, self._pace)
        return seconds, work.describe(seconds, self.prompt_embeds.dtype)

    @contextmanager
    def embedding(self) -> Iterator[None]:
        """Several calls of :meth:`embed` in a row: the image encoder is loaded once for all of them."""
        with self._turn, ExitStack() as stack:
            if resident := getattr(self.image_encoder, "resident", None):
                stack.enter_context(resident.use())
            yield

    @contextmanager
    def session(self) -> Iterator[None]:
        """Work that calls :meth:`embed` now and then, such as a match: on a CPU the image encoder is read once in it
        and given back at its end. With ``low_vram`` it never lies in memory beside a running U-Net."""
        with self._turn, ExitStack() as stack:
            if resident := getattr(self.image_encoder, "resident", None):
                stack.enter_context(resident.session())
            yield

    def free(self) -> None:
        """Give the memory of the image encoder back; it is loaded again when it is needed."""
        with self._turn:
            if resident := getattr(self.image_encoder, "resident", None):
                resident.free()

    def embed(self, images: RGBArray | Tensor) -> Tensor:
        """Whole-picture embeddings (B, D) float32 of pictures as in :meth:`encode`.

        CLIP ``image_embeds`` (not normalised) where the model has an image encoder, for which uint8 pictures may
        have any size; otherwise the L2-normalised mean of the U-Net's middle block on the clean picture.
        """
        import torch
        from torch.nn.functional import normalize

        after_fork()
        if self.image_encoder is not None:
            if not isinstance(images, np.ndarray):
                images = ((images.permute(0, 2, 3, 1) + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()
            some = max(self.batch_size, 5)  # the five parts of a face in one go
            with self.embedding():
                parts = [self.image_encoder(images[i : i + some]) for i in range(0, len(images), some)]
            return torch.cat(parts).to(self.device)
        label = self.preset.t if self.preset.mode == "clean" else self.schedule.offset
        with self._turn, torch.no_grad():
            pooled = [
                self._read(part, label, "mid_block", None).mean((2, 3))
                for part in self.encode(images).split(self.batch_size)
            ]
        return normalize(torch.cat(pooled), dim=1)

    def _condition(self, batch: int, prompts: Tensor | None) -> dict[str, list[Tensor]] | None:
        """``added_cond_kwargs`` of the network; without an image prompt the adapter is switched off exactly."""
        if not self.adapted:
            return None
        scale = 0.0 if prompts is None else 1.0
        adapter_scale(self.unet, scale)
        if self.network is not None:
            self.network.variant = scale
        if prompts is None:
            width = self.unet.encoder_hid_proj.image_projection_layers[0].image_embeds.in_features
            prompts = self.prompt_embeds.new_zeros(batch, 1, width)
        return {"image_embeds": [prompts]}

    def _run(self, latents: Tensor, prompts: Tensor | None, tick: Callable[[], object]) -> Tensor:
        """Features of one batch; ``tick`` is called before every call of the network."""
        preset = self.preset
        if preset.mode == "inversion":
            text = self.prompt_embeds.expand(len(latents), -1, -1)
            added = self._condition(len(latents), prompts)
            network = self.network or self.unet
            for _, z in trajectory(network, self.schedule, latents, preset.t, preset.steps, text, added):
                tick()
                latents = z
        else:
            tick()
            if preset.mode == "one-step":
                latents = self.schedule.noisy(latents, preset.t, self._noise(latents))
        return self._read(latents, preset.t, preset.layer, prompts)

    def _full_calls(self) -> int:
        """Calls of the whole network before the last one, which stops at the layer."""
        preset = self.preset
        return len(self.schedule.path(preset.t, preset.steps)) - 1 if preset.mode == "inversion" else 0

    @contextmanager
    def _counted(self, pictures: int, batches: Sequence[slice]) -> Iterator[Calls]:
        """A count of the network's calls, for networks that take long enough to need one; announced once where slow."""
        preset = self.preset
        costs: list[float] = []
        expected = None
        if preset.encoder == "vae":
            each = [*[FULL_GMACS] * self._full_calls(), last_gmacs(preset)]
            scale = (preset.image_size / 512) ** 2
            costs = [(part.stop - part.start) * gmacs * scale for part in batches for gmacs in each]
            if (found := self.work(pictures, encoded=0)) is not None and found[0] > ANNOUNCE:
                expected = found[0]
                if not self._announced:
                    log.info("features of %d pictures: %s", pictures, found[1])
                self._announced = True
        calls = Calls(costs, expected)
        yield calls
        self._pace = calls.finish() or self._pace

    def _noise(self, latents: Tensor) -> Tensor:
        """(1, c, h, w): the same noise for every picture, on every device."""
        import torch

        generator = torch.Generator().manual_seed(self.preset.seed)
        return torch.randn((1, *latents.shape[1:]), generator=generator).to(latents)

    def _read(self, latents: Tensor, label: int, layer: str, prompts: Tensor | None) -> Tensor:
        """The output of ``layer`` in one network call that stops there."""
        text = self.prompt_embeds.expand(len(latents), -1, -1)
        added = self._condition(len(latents), prompts)
        if self.network is not None:
            return self.network(latents.to(text.dtype), label, text, added, layer=layer)[0].float()
        with recording(self.unet, [layer]) as seen:
            self.unet(latents.to(text.dtype), label, text, added_cond_kwargs=added, return_dict=False)
        return seen[layer].float()
