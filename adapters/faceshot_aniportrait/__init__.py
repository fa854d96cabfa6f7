"""The ``aniportrait`` backend: AniPortrait, Stable Diffusion with motion modules, steered by drawn landmarks.

One U-Net looks at the picture, a second one paints the frames. The networks stand in ``faceshot_aniportrait.nets``,
the order of things in ``faceshot_aniportrait.pipeline``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.pipeline import AnimationOptions
from faceshot.rendering import NetworkBackend

__all__ = ["Backend"]


class Backend(NetworkBackend):
    """AniPortrait by landmarks (see :class:`faceshot.pipeline.Backend`); options in ``faceshot_aniportrait.options``.

    The frames are generated: that of unchanged landmarks looks like the picture, it is not a copy of it.
    """

    name = "aniportrait"
    summary = "AniPortrait: Stable Diffusion steered by drawn landmarks; for a GPU"
    licence = (
        "code and weights of AniPortrait Apache-2.0, made of Stable Diffusion 1.5 and its image variations: CreativeML "
        "Open RAIL-M, with use restrictions"
    )
    commercial = True
    recodes = True
    digital_source_type = "trainedAlgorithmicMedia"
    flags = ("fidelity", "low_vram", "resume")
    files: ClassVar[Mapping[str, str]] = {
        "reference": "reference_unet.pth",
        "unet": "denoising_unet.pth",
        "motion": "motion_module.pth",
        "pose_guider": "pose_guider.pth",
        "vae": "diffusion_pytorch_model.safetensors",
        "image_encoder": "image_encoder/pytorch_model.bin",
    }

    def animate(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> Iterator[RGBArray]:
        """Yield the frames; frames without a face repeat the last position.

        Raises:
            UsageError: unknown option or bad value.
            InputError: landmarks or sequence are in pixels of another size than the picture's.
            MissingError: a weight file is absent.
        """
        parsed = self._ready(options)
        from faceshot_aniportrait.pipeline import Renderer

        return Renderer(self._networks, parsed).render(picture, landmarks, sequence, options.seed)

    def _parse(self, extra: Mapping[str, Any]) -> Any:
        from faceshot_aniportrait.options import parse_options

        return parse_options(extra)

    def _read(self, files: dict[str, Path], device: str, dtype: Any, low_vram: Any) -> Any:
        from faceshot_aniportrait.networks import load_networks

        return load_networks(files, device, dtype, low_vram)
