"""The ``x-portrait`` and ``hunyuan-portrait`` backends: those programs, run in the user's own clone and environment.

Nothing of theirs is here. FaceShot prepares what their detectors would have found (:mod:`faceshot.rendering`), calls
their inference in a process of its own and pastes the square it returns back into the picture.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshot.errors import MissingError, option
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.opencv import require_opencv
from faceshot.pipeline import AnimationOptions

if TYPE_CHECKING:
    from faceshot.rendering import PortraitInputs, ProxyClip
    from faceshot_runners.options import Options

__all__ = ["HunyuanPortrait", "XPortrait"]

_CHECKPOINT = "checkpoint/model_state-415001.th"


class _Runner:
    """A program in a clone (see :class:`faceshot.pipeline.backends.Backend`); options in ``faceshot_runners.options``.

    Attributes:
        program: as its makers call it. home: where its clone comes from. variable: of the environment, names a clone.
        files: of the clone, without which it cannot run.
        known: what is published about time and memory.
    """

    name: str
    summary: str
    licence: str
    commercial: bool
    recodes = True
    digital_source_type = "trainedAlgorithmicMedia"
    program: str
    home: str
    variable: str
    files: tuple[str, ...]
    known: str

    def __init__(self) -> None:
        self._checkout: Path | None = None

    def requires(self) -> list[str]:
        """A line where no clone is known; one is named by an option, or for good by a variable of the environment."""
        return [] if self._checkout or os.environ.get(self.variable) else [self._lacking()]

    def load(self, options: AnimationOptions) -> None:
        """Check options, clone and interpreter; the program's own networks are loaded in its process.

        Raises:
            UsageError: unknown option or bad value. InputError: a file or folder that is none.
            MissingError: no clone, a file of it is not there, or no interpreter.
        """
        self._parsed(options.extra)
        require_opencv()

    def animate(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> Iterator[RGBArray]:
        """Yield the frames; frames without a face repeat the last position.

        Raises:
            As :meth:`load`; InputError: landmarks or sequence are in pixels of another size than the picture's.
            BackendError: the program fails, is killed, takes too long or gives something else.
        """
        from faceshot.rendering import ProxyClip, check_sizes
        from faceshot_runners.running import rendered

        parsed = self._parsed(options.extra)
        check_sizes(picture, landmarks, sequence.size)
        inputs = self._inputs(ProxyClip(picture, landmarks, sequence), parsed)
        return rendered(self, picture, inputs, parsed, self._settings(parsed, options))

    def _parsed(self, extra: Mapping[str, Any]) -> Options:
        from faceshot_runners.options import interpreter, parse_options

        parsed = parse_options(self.name, extra)
        checkout = parsed.checkout or os.environ.get(self.variable)
        if not checkout:
            raise MissingError(f"backend {self.name!r} is not ready: {self._lacking()}")
        self._checkout = Path(checkout).expanduser().absolute()
        for file in self.files:
            if not (self._checkout / file).exists():
                raise MissingError(
                    f"{self._checkout} is no clone of {self.program} ({file} is not in it): "
                    f"git clone {self.home} and follow its README"
                )
        return parsed.at(self._checkout, interpreter(self.name, parsed.python, self._checkout))

    def _lacking(self) -> str:
        return (
            f"it runs {self.program} in your clone: git clone {self.home}, follow its README for environment and "
            f"weights, then give {option('backend_option', 'checkout=DIR')} or set {self.variable}"
        )

    def _inputs(self, clip: ProxyClip, parsed: Any) -> PortraitInputs:
        raise NotImplementedError

    def _settings(self, parsed: Any, options: AnimationOptions) -> dict[str, Any]:
        return {"seed": options.seed, "steps": parsed.steps}


class XPortrait(_Runner):
    """X-Portrait (arXiv 2403.15931)."""

    name = "x-portrait"
    summary = "X-Portrait in your own clone, driven by the warped character; for a GPU"
    licence = "code Apache-2.0; weights CreativeML Open RAIL-M, with use restrictions"
    commercial = True
    program, home, variable = "X-Portrait", "https://github.com/bytedance/X-Portrait", "FACESHOT_X_PORTRAIT"
    files = ("core/test_xportrait.py", "config/cldm_v15_appearance_pose_local_mm.yaml")
    known = "50 frames took 133 s on an H800 (FaceShot, Table 7); 24 GB of memory are scarce, 58 GB were seen"

    def _parsed(self, extra: Mapping[str, Any]) -> Any:
        parsed: Any = super()._parsed(extra)
        weights = parsed.weights or parsed.checkout / _CHECKPOINT
        if not weights.is_file():
            raise MissingError(
                f"X-Portrait's checkpoint {weights} is not there; its README says where it is published, "
                f"or give {option('backend_option', 'weights=FILE')}"
            )
        return replace(parsed, weights=weights)

    def _inputs(self, clip: ProxyClip, parsed: Any) -> PortraitInputs:
        from faceshot.rendering import x_portrait_inputs

        return x_portrait_inputs(clip)

    def _settings(self, parsed: Any, options: AnimationOptions) -> dict[str, Any]:
        own = {"guidance": parsed.guidance, "half": parsed.half, "weights": str(parsed.weights)}
        return {**super()._settings(parsed, options), **own}


class HunyuanPortrait(_Runner):
    """HunyuanPortrait (arXiv 2503.18860)."""

    name = "hunyuan-portrait"
    summary = "HunyuanPortrait in your own clone, driven by the warped character; for a GPU"
    licence = "Tencent's own: academic use only; Stable Video Diffusion under Stability AI's own licence"
    commercial = False
    program, home = "HunyuanPortrait", "https://github.com/Tencent-Hunyuan/HunyuanPortrait"
    variable = "FACESHOT_HUNYUAN_PORTRAIT"
    files = ("inference.py", "config/hunyuan-portrait.yaml")
    known = "tested by its makers with 24 GB; 30 s of video were seen to take 40 GB"

    def _inputs(self, clip: ProxyClip, parsed: Any) -> PortraitInputs:
        from faceshot.rendering import hunyuan_inputs

        return hunyuan_inputs(clip, drawn=parsed.pose == "drawn")

    def _settings(self, parsed: Any, options: AnimationOptions) -> dict[str, Any]:
        return {**super()._settings(parsed, options), "identity": parsed.identity}
