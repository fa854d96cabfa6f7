"""The AniPortrait backend's own options, parsed from ``AnimationOptions.extra``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from faceshot.errors import UsageError
from faceshot.rendering import MULTIPLE, Reader, Region, choice, folder, number, read_options, switch, whole

Fidelity = Literal["corrected", "upstream"]
PoseNorm = Literal["clip", "window", "stored"]
LowVram = Literal["off", "on"]

#: Frames the motion modules were trained on, and the most they have codes for.
WINDOW: Final = 16
LONGEST: Final = 32


@dataclass(frozen=True)
class AniPortraitOptions:
    """How the AniPortrait backend renders.

    Attributes:
        fidelity: ``upstream`` repeats what the published code does: windows sampled jointly, the last one running on
            into the clip's beginning, pose statistics of each window, noise drawn for all frames at once.
        steps: of denoising, 1..200; fewer is faster and rougher.
        guidance: strength, 1..30; 1 halves the work.
        window: frames sampled together, 2..32. overlap: frames that neighbouring windows share.
        every: generate one frame of so many, 1..4, and the last; those between are their neighbours, warped and mixed.
        size: shorter side of the working picture [px], a multiple of 64 in 128..1024.
        region: animate the whole picture, or a cut around the face that is pasted back; ``auto`` cuts where the face
            is small in the picture.
        pose_norm: whose mean and variance normalise the pose pictures: of frames of the whole clip, of each window, or
            those stored with the weights.
        low_vram: keep only the networks in use on the device and run the halves of guidance one after the other.
        resume: go on from what is finished of an interrupted run with the same inputs and options.
        work: folder for finished windows instead of the user's cache.
    """

    fidelity: Fidelity = "corrected"
    steps: int = 25
    guidance: float = 3.5
    window: int = WINDOW
    overlap: int = 4
    every: int = 1
    size: int = 512
    region: Region = "auto"
    pose_norm: PoseNorm = "clip"
    low_vram: LowVram = "off"
    resume: bool = False
    work: Path | None = None

    @property
    def joint(self) -> bool:
        """Whether windows are sampled jointly, as upstream does."""
        return self.fidelity == "upstream"


#: Options that cannot change a frame beyond rounding: an interrupted run may be resumed with others.
WITHOUT_EFFECT: Final = ("low_vram", "resume", "work")


def parse_options(extra: Mapping[str, Any]) -> AniPortraitOptions:
    """Check ``extra`` (values may be strings, as typed on a command line).

    Raises:
        UsageError: a name that does not exist, a value outside its choices or range, a contradiction.
        InputError: ``work`` is a file.
    """
    options = read_options("aniportrait", AniPortraitOptions(), extra, _READERS)
    if options.overlap >= options.window:
        raise UsageError(f"aniportrait option overlap={options.overlap} must be less than window={options.window}")
    if options.joint:
        if extra.get("pose_norm") == "clip":
            raise UsageError(
                "aniportrait option pose_norm=clip contradicts fidelity=upstream, which takes each window's"
            )
        options = replace(options, pose_norm="window") if "pose_norm" not in extra else options
    return options


_READERS: Final[dict[str, Reader]] = {
    "fidelity": choice(*get_args(Fidelity)),
    "steps": whole(1, 200),
    "guidance": number(1, 30),
    "window": whole(2, LONGEST),
    "overlap": whole(0, LONGEST - 1),
    "every": whole(1, 4),
    "size": whole(128, 1024, MULTIPLE),
    "region": choice(*get_args(Region)),
    "pose_norm": choice(*get_args(PoseNorm)),
    "low_vram": choice(*get_args(LowVram), switched=True),
    "resume": switch,
    "work": folder,
}
