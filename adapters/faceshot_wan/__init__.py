"""The ``wan`` backend: Wan-Animate-2 and Wan2.2-Animate through diffusers, driven by the warped character.

These models eat a driving video. Here that is the character itself, moved by ``warp``, so no detector is needed and no
other face leaks in; or the actor's own clip.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.errors import MissingError, UsageError, option
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.opencv import require_opencv
from faceshot.pipeline import AnimationOptions

if TYPE_CHECKING:
    from faceshot_wan.networks import Networks
    from faceshot_wan.options import WanOptions
    from faceshot_wan.script import Script

__all__ = ["Backend"]

logger = logging.getLogger("faceshot")


class Backend:
    """Wan (see :class:`faceshot.pipeline.backends.Backend`); options in ``faceshot_wan.options``.

    Args:
        networks: to use instead of the published weights.
    """

    name = "wan"
    summary = "Wan-Animate-2 and Wan2.2-Animate, 14 billion weights, driven by the warped character; for a large GPU"
    licence = "Apache-2.0, weights Apache-2.0"
    commercial = True
    recodes = True
    digital_source_type = "trainedAlgorithmicMedia"
    flags = ("low_vram", "region")

    def __init__(self, networks: Networks | None = None) -> None:
        self._networks, self._own = networks, networks is not None
        self._loaded: tuple[object, ...] = ()

    def requires(self) -> list[str]:
        """A line where the weights of neither model are on this machine."""
        from faceshot.weights import missing

        if self._networks is not None:
            return []
        lines = {group: missing(group) for group in ("wan-animate-2", "wan-animate")}
        return [] if not all(lines.values()) else list(lines["wan-animate-2"])

    def load(self, options: AnimationOptions) -> None:
        """Check the options and load the networks; never downloads.

        Raises:
            UsageError: unknown option or bad value. InputError: a file is damaged or of another model.
            MissingError: the weights are not here, or this diffusers is too old; says how to get them.
        """
        from faceshot_wan.options import parse_options

        parsed = parse_options(options.extra)
        if parsed.driver == "clip" and options.driving is None:
            raise UsageError(f"wan option driver=clip needs a driving clip; give one with {option('driving', 'CLIP')}")
        wanted = (options.device, options.dtype, parsed.low_vram, parsed.model, parsed.weights, parsed.transformer)
        if self._own or (self._networks is not None and self._loaded == wanted):
            return
        require_opencv()
        folder = _folder(parsed)
        from faceshot.models import pick_device, pick_dtype
        from faceshot_wan.networks import load_networks

        device = pick_device(options.device)
        # The type the weights are published in.
        wish = "bfloat16" if options.dtype == "auto" and not device.startswith("cpu") else options.dtype
        dtype = pick_dtype(wish, device, "vae")  # type: ignore[arg-type]
        self._networks = None  # make room first
        self._networks, self._loaded = load_networks(folder, parsed, device, dtype), wanted

    def animate(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> Iterator[RGBArray]:
        """Yield the frames; frames without a face repeat the last position.

        Raises:
            As :meth:`load`; UsageError: ``driver=clip`` without a clip.
            InputError: landmarks or sequence are in pixels of another size than the picture's.
        """
        from faceshot_wan.options import parse_options
        from faceshot_wan.script import Script

        parsed = parse_options(options.extra)
        script = Script.write(picture, landmarks, sequence, parsed)
        self.load(options)
        return self._frames(script, picture, parsed, options)

    def _frames(
        self, script: Script, picture: Picture, parsed: WanOptions, options: AnimationOptions
    ) -> Iterator[RGBArray]:
        from faceshot.rendering import unmixed
        from faceshot_wan.estimate import estimate

        assert self._networks is not None
        logger.info("%s", estimate(self._networks, parsed, script))
        clips, mattes = _driving(script, parsed, options)
        reference = np.ascontiguousarray(script.clip.picture.flat())
        length = script.segments.length
        made = self._networks.render(parsed, reference, clips, length, options.seed)
        under = picture.flat()
        for index in script.shown:
            frame = script.place.give(made[index], under)
            if picture.alpha is None:
                yield frame
                continue
            alpha = script.place.give(mattes[index], picture.alpha)
            yield np.dstack([unmixed(frame, alpha), alpha])


def _driving(script: Script, parsed: WanOptions, options: AnimationOptions) -> tuple[dict[str, list[Any]], list[Any]]:
    """Driving pictures by the pipeline's names, in whole segments, and the mattes of the warped character."""
    from faceshot_wan.script import actor, faces

    xy, rest = script.clip.sequence.xy, script.clip.sequence.rest
    frames: Iterator[RGBArray] = iter(())
    mattes: list[Any] = []
    if parsed.driver == "proxy" or script.clip.picture.alpha is not None:
        moved = list(script.moved())
        frames, mattes = iter([rgb for rgb, _ in moved]), [matte for _, matte in moved]
    if parsed.driver == "clip":
        frames, marks = actor(script, options)
        xy, rest = marks.xy, marks.rest
    if parsed.model == "animate":
        clips = {"pose_video": list(script.poses()), "face_video": list(faces(frames, xy, rest))}
    else:
        clips = {"driving_video": list(frames)}
    return {name: script.padded(pictures) for name, pictures in clips.items()}, mattes


def _folder(options: WanOptions) -> Path:
    """Where the model lies.

    Raises:
        MissingError: it is not on this machine.
    """
    from faceshot.weights import hub_folder, missing

    family = options.family
    if options.weights is not None:
        if not (options.weights / "transformer").is_dir():
            raise MissingError(f"{options.weights} is no folder in diffusers' layout (no transformer in it)")
        return options.weights
    if lines := missing(family.group):
        raise MissingError(f"backend 'wan' is not ready: {lines[0]}")
    return hub_folder(family.repository, (family.index, "transformer/*.safetensors"), offline=True)
