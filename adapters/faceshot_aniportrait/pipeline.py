"""From landmarks to frames: the steps of the backend in order."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.rendering import (
    Final,
    Place,
    ProxyClip,
    Window,
    Work,
    check_sizes,
    decoded,
    digest,
    find_place,
    frame_noise,
    in_between,
    kept_frames,
    runs_folder,
    sample_in_turn,
    sample_jointly,
    sequential_windows,
    unmixed,
    without_gaps,
    working_rgb,
    wrapping_windows,
)
from faceshot_aniportrait.estimate import estimate
from faceshot_aniportrait.networks import DECODE_FRAMES, Networks
from faceshot_aniportrait.options import WITHOUT_EFFECT, AniPortraitOptions
from faceshot_aniportrait.sampling import Denoiser, Poses
from faceshot_aniportrait.schedule import Schedule

logger = logging.getLogger("faceshot")

#: Version of the arithmetic; a change makes stored windows of older runs useless.
_REVISION = 1
#: Frames that a joint run remembers the pose maps of (4 MB each at 512 x 512); longer ones compute them again.
_JOINT_KEPT = 600


class Renderer:
    """Renders clips with networks that are loaded once."""

    def __init__(self, networks: Networks, options: AniPortraitOptions) -> None:
        self.networks, self.options = networks, options

    def render(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, seed: int
    ) -> Iterator[RGBArray]:
        """One frame (H, W, 3), or (H, W, 4) where the picture has a matte, per entry of ``sequence``.

        Raises:
            InputError: sizes do not agree; the folder for finished windows cannot be written.
        """
        check_sizes(picture, landmarks, sequence.size)
        xy = without_gaps(landmarks, sequence)
        place = find_place(landmarks, xy, self.options.size, self.options.region)
        mattes = ProxyClip(picture, landmarks, LandmarkSequence(xy, sequence.size, sequence.fps)).mattes()
        return self._frames(picture, place, place.to_work(xy), mattes, seed)

    def _frames(
        self,
        picture: Picture,
        place: Place,
        xy: npt.NDArray[np.float32],
        mattes: Iterator[npt.NDArray[np.uint8] | None],
        seed: int,
    ) -> Iterator[RGBArray]:
        options, whole = self.options, xy
        xy = whole[kept_frames(len(whole), options.every)]
        windows = self.windows(len(xy))
        logger.info("%s", estimate(self.networks, options, place.size, len(xy), windows))
        rgb = working_rgb(picture, place)
        work = Work(runs_folder("aniportrait", options.work), self.name(rgb, xy, seed), resume=options.resume)
        work.describe({"picture": picture.name, "frames": len(xy), "windows": len(windows), "seed": seed})
        keep = _JOINT_KEPT if options.joint else 2 * options.window
        poses = Poses(self.networks, xy, place.size, options.pose_norm, keep)
        finals, under = self.latents(poses, rgb, windows, seed, work), picture.flat()
        with work.kept():
            made = (frame for _, frame in decoded(self.networks.decode, finals, 0, DECODE_FRAMES))
            for frame, alpha in zip(in_between(made, whole, options.every), mattes, strict=True):
                given = place.give(frame, under)
                yield given if alpha is None else np.dstack([unmixed(given, alpha), alpha])

    def windows(self, frames: int) -> list[Window]:
        """How the frames are grouped."""
        window, overlap = self.options.window, self.options.overlap
        if self.options.joint:
            return wrapping_windows(frames, window, overlap)
        return sequential_windows(frames, window, overlap, anchored=False)

    def latents(
        self, poses: Poses, rgb: RGBArray, windows: Sequence[Window], seed: int, work: Work | None
    ) -> Iterator[Final]:
        """Final latents, in order, as they come."""
        options, networks = self.options, self.networks
        shape = (4, poses.size.height // 8, poses.size.width // 8)
        denoiser = Denoiser(networks, poses, Schedule.of(options.steps), networks.look(rgb), options.guidance)

        def at_once(frames: Sequence[int]) -> torch.Tensor:
            generator = torch.Generator().manual_seed(seed)
            return torch.randn((1, 4, len(frames), *shape[1:]), generator=generator)[0].transpose(0, 1)

        if options.joint:
            return sample_jointly(denoiser, at_once, len(poses.xy), windows, work)
        return sample_in_turn(denoiser, frame_noise(seed, shape), windows, work)

    def name(self, rgb: RGBArray, xy: npt.NDArray[np.float32], seed: int) -> str:
        """The digest of everything that decides about the latents of a run."""
        chosen: dict[str, Any] = {n: v for n, v in asdict(self.options).items() if n not in WITHOUT_EFFECT}
        where = f"{self.networks.device.type} {self.networks.dtype} torch {torch.__version__}"
        return digest(_REVISION, rgb, xy, chosen, seed, where, self.networks.identity)
