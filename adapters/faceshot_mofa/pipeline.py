"""Picture and landmarks in, frames out: the steps of the backend in order."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.rendering import (
    Final,
    Place,
    Window,
    Work,
    check_sizes,
    decoded,
    digest,
    draw_noise,
    find_place,
    frame_noise,
    joint_windows,
    moved_matte,
    runs_folder,
    sample_in_turn,
    sample_jointly,
    sequential_windows,
    unmixed,
    without_gaps,
    working_rgb,
)
from faceshot_mofa.conditioning import clip_pixels, saturates, vae_picture
from faceshot_mofa.estimate import estimate
from faceshot_mofa.features import Features
from faceshot_mofa.networks import DECODE_FRAMES, Networks
from faceshot_mofa.options import WITHOUT_EFFECT, MofaOptions
from faceshot_mofa.sampling import Denoiser
from faceshot_mofa.schedule import Schedule

logger = logging.getLogger("faceshot")

#: Version of the arithmetic; a change makes stored windows of older runs useless.
_REVISION = 1
#: Frames that a joint run remembers the conditioning of (4 MB each at 512 x 512); longer ones compute it again.
_JOINT_KEPT = 400
#: The drivable parts that belong to a part a character may lack.
_OF_PART = {
    "face_boundary": ("face",),
    "eyebrows": ("brows",),
    "nose": ("nose",),
    "eyes": ("eyes",),
    "mouth": ("outer_lips", "inner_lips"),
}


@dataclass(frozen=True)
class Script:
    """What is to be rendered, in working pixels.

    Attributes:
        place: where in the picture. rgb: (H, W, 3) uint8 working picture.
        xy: (N, 68, 2) float32; frame 0 is the anchor.
        first: the first frame that is shown: 1 where the anchor is not a frame of the clip, else 0.
        parts: whose landmarks drive.
    """

    place: Place
    rgb: RGBArray
    xy: npt.NDArray[np.float32]
    first: int
    parts: tuple[str, ...]

    @classmethod
    def write(cls, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: MofaOptions) -> Script:
        """Fill gaps, choose anchor and place.

        Raises:
            InputError: landmarks or sequence are in pixels of another size than the picture's.
        """
        check_sizes(picture, landmarks, sequence.size)
        xy = without_gaps(landmarks, sequence)
        place = find_place(landmarks, xy, options.size, options.region)
        parts = options.parts
        if not options.joint:
            lacking = {name for part in landmarks.absent for name in _OF_PART[part]}
            parts = tuple(part for part in parts if part not in lacking)
        # Motion is measured from the picture: unless the clip begins there, its landmarks are a frame before the first.
        own = options.origin == "picture" and not np.array_equal(xy[0], landmarks.xy)
        work = place.to_work(np.concatenate([landmarks.xy[None], xy]) if own else xy)
        return cls(place, working_rgb(picture, place), work, int(own), parts)

    def windows(self, options: MofaOptions) -> list[Window]:
        """How the frames are grouped."""
        if options.joint:
            return joint_windows(len(self.xy), options.window)
        return sequential_windows(len(self.xy), options.window, options.overlap)


class Renderer:
    """Renders clips with networks that are loaded once.

    Args:
        networks: see :class:`faceshot_mofa.networks.Networks`.
        options: see :class:`faceshot_mofa.options.MofaOptions`.
        reuse: False switches off all caching, for comparison.
    """

    def __init__(self, networks: Networks, options: MofaOptions, *, reuse: bool = True) -> None:
        self.networks, self.options, self.reuse = networks, options, reuse

    def render(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, seed: int
    ) -> Iterator[RGBArray]:
        """One frame (H, W, 3), or (H, W, 4) where the picture has a matte, per entry of ``sequence``.

        Raises:
            InputError: sizes do not agree; the folder for finished windows cannot be written.
        """
        script = Script.write(picture, landmarks, sequence, self.options)
        return self._frames(script, picture, seed)

    def _frames(self, script: Script, picture: Picture, seed: int) -> Iterator[RGBArray]:
        options, windows = self.options, script.windows(self.options)
        share = saturates(script.xy[0], script.xy, script.place.size, script.parts)
        if share:
            logger.warning(
                "%.0f %% of the frames move further than the flow network can say; they lag behind", 100 * share
            )
        plan = estimate(self.networks, options, script.place.size, len(script.xy), windows)
        logger.info("%s", plan)
        work = Work(runs_folder("mofa", options.work), self.name(script, picture, seed), resume=options.resume)
        work.describe({"picture": picture.name, "frames": len(script.xy), "windows": len(windows), "seed": seed})
        keep = min(len(script.xy), _JOINT_KEPT) if options.joint else 2 * options.window
        features = Features(self.networks, script.rgb, script.xy, script.parts, keep)
        finals = self.latents(features, windows, seed, work)
        under = picture.flat()
        with work.kept():
            for frame, rgb in decoded(self.networks.decode, finals, script.first, DECODE_FRAMES):
                found = script.place.give(rgb, under)
                yield (
                    found if picture.alpha is None else self._with_matte(script, picture.alpha, features, frame, found)
                )

    def latents(self, features: Features, windows: Sequence[Window], seed: int, work: Work | None) -> Iterator[Final]:
        """Final latents, in order, as they come."""
        denoiser = self.denoiser(features, seed)
        noise = frame_noise(seed, (4, features.size.height // 8, features.size.width // 8))
        if self.options.joint:
            return sample_jointly(denoiser, noise, len(features.xy), windows, work)
        return sample_in_turn(denoiser, noise, windows, work)

    def denoiser(self, features: Features, seed: int) -> Denoiser:
        """With what the networks know of the picture: CLIP's embedding and the VAE's latent."""
        options, networks = self.options, self.networks
        picture = features.picture.cpu()
        noise = draw_noise(seed, "picture", tuple(picture.shape))
        return Denoiser(
            networks,
            features,
            Schedule.of(options.steps),
            embedding=networks.embed(clip_pixels(picture, normalise=options.clip == "normalised")),
            latent=networks.encode(vae_picture(picture, noise)),
            strongest=options.guidance,
            batched=networks.low_vram == "off" or options.joint,
            reuse=self.reuse,
            context="upstream" if options.joint else "corrected",
        )

    def name(self, script: Script, picture: Picture, seed: int) -> str:
        """The digest of everything that decides about the frames of a run."""
        chosen = {name: value for name, value in asdict(self.options).items() if name not in WITHOUT_EFFECT}
        alpha: Any = "opaque" if picture.alpha is None else picture.alpha
        where = f"{self.networks.device.type} {self.networks.dtype} torch {torch.__version__}"
        return digest(
            _REVISION, picture.rgb, alpha, script.xy, asdict(script.place), script.parts, script.first, chosen, seed,
            where, self.networks.identity,
        )  # fmt: skip

    def _with_matte(
        self, script: Script, alpha: npt.NDArray[np.uint8], features: Features, frame: int, rgb: RGBArray
    ) -> RGBArray:
        """(H, W, 4): a frame in the size of the picture with the matte where the character went."""
        if frame:
            alpha = moved_matte(alpha, features.flow(frame)[0].cpu().numpy(), script.place)
        return np.dstack([unmixed(rgb, alpha), alpha])
