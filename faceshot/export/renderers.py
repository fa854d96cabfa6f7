"""What renderers driven by a video are given, as frames: for files here, and for programs that hold pictures in memory.

* ``wan-animate-2`` takes a driving clip and its rate, and resolves a target area by the reference picture's shape.
* ``scail-2`` takes a driving clip and masks in fixed colours: the character blue, over black in the driver, over white
  in the reference; 4k + 1 frames.
* ``wan-animate`` takes a drawing of the pose and crops of the face.
* ``x-portrait`` and ``hunyuan-portrait`` are programs of their own: their folders hold a script that runs them.

All are drawn from the character's own warp, so no other face leaks in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from faceshot.errors import UsageError
from faceshot.export.clips import (
    PROMPT,
    Mask,
    area_size,
    grey,
    held,
    letterboxed,
    place_in,
    side_size,
    still,
    write_videos,
)
from faceshot.export.job import Job, Target
from faceshot.export.pose import FACE, crop, face_side, pose_drawing
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray, Size
from faceshot.progress import progress
from faceshot.rendering import ProxyClip, hunyuan_inputs, x_portrait_inputs
from faceshot.retargeting import resample

_BLUE, _BLACK, _WHITE = (0, 0, 255), (0, 0, 0), (255, 255, 255)
#: Target areas; sides are multiples of 16. SCAIL-2: shorter side, and what sides are multiples of.
_AREA_2, _AREA, _STEP = 800 * 640, 1280 * 720, 16
_SIDE, _COARSE = 512, 32


def wan_animate_2(job: Job, target: Target) -> None:
    """Write driving clip, matte, reference and prompt."""
    _write("wan-animate-2", job, target, ("driving.mp4", "matte.mp4"))


def scail_2(job: Job, target: Target) -> None:
    """Write driving clip and reference with their masks, and the prompt."""
    _write("scail-2", job, target, ("driving.mkv", "driving_mask.mkv"))


def wan_animate(job: Job, target: Target) -> None:
    """Write pose, face, reference and prompt."""
    _write("wan-animate", job, target, ("pose.mp4", "face.mp4"))


def x_portrait(job: Job, target: Target) -> None:
    """Write the square's driving frames, where its windows lie, source and script."""
    x_portrait_inputs(_clip(job)).write(target.path, overwrite=target.overwrite)


def hunyuan_portrait(job: Job, target: Target) -> None:
    """Write the crops motion is read from, the points, the source's pictures and the script."""
    hunyuan_inputs(_clip(job)).write(target.path, overwrite=target.overwrite)


def _clip(job: Job) -> ProxyClip:
    assert job.picture is not None and job.landmarks is not None
    return ProxyClip(job.picture, job.landmarks, job.sequence)


def _write(form: str, job: Job, target: Target, names: tuple[str, str]) -> None:
    assert job.picture is not None and job.landmarks is not None
    made = renderer_inputs(form, job.picture, job.landmarks, job.sequence)
    sizes = (made.size, FACE if form == "wan-animate" else made.size)
    write_videos(target, names, made.frames, sizes, made.fps)
    target.picture("reference.png", Picture(made.reference))
    if made.reference_mask is not None:
        target.picture("reference_mask.png", Picture(made.reference_mask))
    target.text("prompt.txt", lambda: PROMPT)


@dataclass(frozen=True)
class RendererInputs:
    """What one renderer is given; all but ``faces`` of ``size``.

    Attributes:
        fps: of the clip. count: its frames.
        frames: driving picture and its mask, (H, W, 3) each; with ``wan-animate`` pose and face crop (512, 512, 3).
        reference: the character (H, W, 3). reference_mask: of it, (H, W, 3); None where the renderer takes none.
    """

    size: Size
    fps: Fraction
    count: int
    frames: Iterator[tuple[RGBArray, RGBArray]]
    reference: RGBArray
    reference_mask: RGBArray | None = None


def renderer_inputs(form: str, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence) -> RendererInputs:
    """Driving frames and reference of a character for a renderer.

    Args:
        form: one of :data:`RENDERERS`.
        landmarks, sequence: where the character's points are and go, in pixels of the picture.

    Raises:
        UsageError: another renderer. MissingError: OpenCV is not installed (when frames are drawn).
    """
    if form not in RENDERERS:
        raise UsageError(f"unknown renderer {form!r}; there are {', '.join(RENDERERS)}")
    make, rate = RENDERERS[form]
    at = sequence if rate is None or sequence.fps == rate else resample(sequence, rate)
    return make(ProxyClip(picture, landmarks, at))


def _wan_animate_2(clip: ProxyClip) -> RendererInputs:
    size = area_size(clip.size, _AREA_2, _STEP)
    frames = ((rgb, grey(mask)) for rgb, mask in _drawn(clip, size))
    return RendererInputs(size, clip.fps, len(clip), frames, letterboxed(clip.picture.flat(), size))


def _scail_2(clip: ProxyClip) -> RendererInputs:
    size = side_size(clip.size, _SIDE, _COARSE)
    count = -(-(len(clip) - 1) // 4) * 4 + 1
    frames = ((rgb, painted(mask, _BLACK)) for rgb, mask in _drawn(clip, size))
    alpha = clip.picture.alpha
    mask = np.full((clip.size.height, clip.size.width), 255, np.uint8) if alpha is None else alpha
    reference = letterboxed(clip.picture.flat(), size), painted(letterboxed(mask, size), _WHITE)
    return RendererInputs(size, clip.fps, count, held(frames, count), *reference)


def _wan_animate(clip: ProxyClip) -> RendererInputs:
    size = area_size(clip.size, _AREA, _STEP)
    reference = letterboxed(clip.picture.flat(), size)
    return RendererInputs(size, clip.fps, len(clip), _poses(clip, size), reference)


def _drawn(clip: ProxyClip, size: Size) -> Iterator[tuple[RGBArray, Mask]]:
    for rgb, mask in progress(clip.flat(), "draw", total=len(clip)):
        yield letterboxed(rgb, size), letterboxed(mask, size)


def _poses(clip: ProxyClip, size: Size) -> Iterator[tuple[RGBArray, RGBArray]]:
    rest = still(clip.sequence)
    poses = place_in(clip.sequence.xy, clip.size, size)
    neutral = place_in(rest, clip.size, size)
    boxes = clip.boxes().astype(np.float64)
    # One size for the whole clip, so that the face does not breathe.
    side = face_side(rest)
    for (rgb, _), xy, box in zip(progress(clip.flat(), "draw", total=len(clip)), poses, boxes, strict=True):
        yield pose_drawing(xy, neutral, size), crop(rgb, (box[:2] + box[2:]) / 2, side)


def painted(mask: npt.NDArray[np.uint8], around: tuple[int, int, int]) -> RGBArray:
    """A mask (H, W) in SCAIL-2's colours: blue from half opacity on."""
    colours = np.array([around, _BLUE], np.uint8)
    return np.asarray(colours[(mask >= 128).astype(np.intp)])


#: Renderer -> what makes its inputs, and the rate it wants (None: any).
RENDERERS: Final[dict[str, tuple[Callable[[ProxyClip], RendererInputs], Fraction | None]]] = {
    "wan-animate-2": (_wan_animate_2, Fraction(24)),
    "scail-2": (_scail_2, None),
    "wan-animate": (_wan_animate, Fraction(30)),
}
