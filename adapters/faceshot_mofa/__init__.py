"""The ``mofa`` backend: MOFA-Video, the paper's renderer. Stable Video Diffusion steered by landmarks.

A ControlNet over a dense flow network moves the features of the picture along with the landmarks; the video U-Net
paints what moves. The networks stand in ``faceshot_mofa.nets``, the order of things in ``faceshot_mofa.pipeline``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.pipeline import AnimationOptions
from faceshot.rendering import NetworkBackend

__all__ = ["Backend"]

#: The files of the weights group ``mofa`` (by their ends) that a run cannot do without; configurations of the published
#: sizes are built in.
_FILES = {
    "cmp": "ckpt_iter_42000.pth.tar",
    "controlnet": "ldmk_controlnet/diffusion_pytorch_model.safetensors",
    "unet": "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae": "vae/diffusion_pytorch_model.fp16.safetensors",
    "image_encoder": "image_encoder/model.fp16.safetensors",
}


class Backend(NetworkBackend):
    """MOFA-Video by landmarks (see :class:`faceshot.pipeline.backends.Backend`); options in ``faceshot_mofa.options``.

    The frames are generated: that of unchanged landmarks looks like the picture, it is not a copy of it.
    """

    name = "mofa"
    summary = "MOFA-Video: the paper's renderer, Stable Video Diffusion steered by landmarks; for a GPU"
    licence = (
        "code Apache-2.0; weights: of MOFA-Video not stated, see its page on the hub; Stable Video Diffusion under "
        "Stability AI's own licence"
    )
    commercial = False
    recodes = True
    digital_source_type = "trainedAlgorithmicMedia"
    flags = ("fidelity", "low_vram", "parts", "resume")
    files = _FILES

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
        from faceshot_mofa.pipeline import Renderer

        return Renderer(self._networks, parsed).render(picture, landmarks, sequence, options.seed)

    def _parse(self, extra: Mapping[str, Any]) -> Any:
        from faceshot_mofa.options import parse_options

        return parse_options(extra)

    def _read(self, files: dict[str, Path], device: str, dtype: Any, low_vram: Any) -> Any:
        from faceshot_mofa.networks import load_networks

        return load_networks(files, device, dtype, low_vram)
