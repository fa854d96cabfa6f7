"""The ``mofa`` backend: MOFA-Video, the paper's renderer. Stable Video Diffusion steered by landmarks.

A ControlNet over a dense flow network moves the features of the picture along with the landmarks; the video U-Net
paints what moves. The networks stand in ``faceshot_mofa.nets``, the order of things in ``faceshot_mofa.pipeline``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.opencv import require_opencv
from faceshot.pipeline import AnimationOptions

if TYPE_CHECKING:
    from faceshot_mofa.networks import Networks

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


class Backend:
    """MOFA-Video by landmarks (see :class:`faceshot.pipeline.backends.Backend`); options in ``faceshot_mofa.options``.

    The frames are generated: that of unchanged landmarks looks like the picture, it is not a copy of it.

    Args:
        networks: to use instead of the published weights.
    """

    name = "mofa"
    summary = "MOFA-Video: the paper's renderer, Stable Video Diffusion steered by landmarks; for a GPU"
    licence = (
        "code Apache-2.0; weights: of MOFA-Video not stated, see its page on the hub; Stable Video Diffusion under "
        "Stability AI's own licence"
    )
    commercial = False
    recodes = True
    flags = ("fidelity", "low_vram", "parts", "resume")

    def __init__(self, networks: Networks | None = None) -> None:
        self._networks, self._own = networks, networks is not None
        self._loaded: tuple[object, ...] = ()

    def requires(self) -> list[str]:
        """The weight files that are not here, each with its licence and the command that fetches it."""
        if self._own:
            return []
        from faceshot.rendering import missing_files

        return missing_files("mofa", _FILES)

    def load(self, options: AnimationOptions) -> None:
        """Check the options and load the networks; never downloads.

        Raises:
            UsageError: unknown option or bad value. InputError: a weight file does not fit.
            MissingError: a weight file is absent; says which, where was looked, its licence and how to get it.
        """
        from faceshot_mofa.options import parse_options

        parsed = parse_options(options.extra)
        wanted = (options.device, options.dtype, parsed.low_vram)
        if self._own or (self._networks is not None and self._loaded == wanted):
            return
        from faceshot.rendering import found_files

        files = found_files("mofa", _FILES)
        require_opencv()
        from faceshot.models import pick_device, pick_dtype
        from faceshot_mofa.networks import load_networks

        device = pick_device(options.device)
        dtype = pick_dtype(options.dtype, device, "vae")  # type: ignore[arg-type]
        self._networks = None  # make room first
        self._networks, self._loaded = load_networks(files, device, dtype, parsed.low_vram), wanted

    def animate(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> Iterator[RGBArray]:
        """Yield the frames; frames without a face repeat the last position.

        Raises:
            UsageError: unknown option or bad value.
            InputError: landmarks or sequence are in pixels of another size than the picture's.
            MissingError: a weight file is absent.
        """
        self.load(options)
        assert self._networks is not None
        from faceshot_mofa.options import parse_options
        from faceshot_mofa.pipeline import Renderer

        parsed = parse_options(options.extra)
        if parsed.work is None and options.cache_dir is not None:
            parsed = replace(parsed, work=options.cache_dir / "mofa")
        return Renderer(self._networks, parsed).render(picture, landmarks, sequence, options.seed)
