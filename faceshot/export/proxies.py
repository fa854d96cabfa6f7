"""Renderers driven by a video: the character's own warp is the driver, so no other face leaks in.

* Wan-Animate-2 takes a driving clip and its rate, and resolves a target area by the reference picture's shape.
* SCAIL-2 takes a driving clip and masks in fixed colours: the character blue, over black in the driver, over white in
  the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from faceshot.export.clips import (
    PROMPT,
    Mask,
    area_size,
    at_rate,
    grey,
    held,
    letterboxed,
    proxy,
    side_size,
    split,
    write_videos,
)
from faceshot.export.job import Job, Target
from faceshot.landmarks import Picture, RGBArray, Size
from faceshot.progress import progress

#: Wan-Animate-2: area, step of sides, rate.
_AREA, _STEP, _RATE = 800 * 640, 16, Fraction(24)
#: SCAIL-2: shorter side, step of sides, colours of the character and of its surroundings in driver and reference.
_SIDE, _COARSE = 512, 32
_BLUE, _BLACK, _WHITE = (0, 0, 255), (0, 0, 0), (255, 255, 255)


def wan_animate_2(job: Job, target: Target) -> None:
    """Write driving clip, matte, reference and prompt."""
    job = at_rate(job, _RATE)
    assert job.picture is not None
    size = area_size(job.picture.size, _AREA, _STEP)
    write_videos(
        target,
        ("driving.mp4", "matte.mp4"),
        ((rgb, grey(mask)) for rgb, mask in _frames(job, size)),
        (size, size),
        _RATE,
    )
    target.picture("reference.png", Picture(letterboxed(job.picture.flat(), size)))
    target.text("prompt.txt", lambda: PROMPT)


def scail_2(job: Job, target: Target) -> None:
    """Write driving clip and reference with their masks, and the prompt; 4k + 1 frames, the last one held."""
    assert job.picture is not None
    size = side_size(job.picture.size, _SIDE, _COARSE)
    count = -(-(len(job.sequence) - 1) // 4) * 4 + 1
    frames = ((rgb, painted(mask, _BLACK)) for rgb, mask in _frames(job, size))
    write_videos(target, ("driving.mkv", "driving_mask.mkv"), held(frames, count), (size, size), job.sequence.fps)
    whole = job.picture.rgb if job.picture.alpha is None else np.dstack([job.picture.rgb, job.picture.alpha])
    rgb, mask = split(whole)
    target.picture("reference.png", Picture(letterboxed(rgb, size)))
    target.picture("reference_mask.png", Picture(painted(letterboxed(mask, size), _WHITE)))
    target.text("prompt.txt", lambda: PROMPT)


def _frames(job: Job, size: Size) -> Iterator[tuple[RGBArray, Mask]]:
    clip = proxy(job)
    for frame in progress(clip.frames(), "draw", total=len(clip)):
        rgb, mask = split(frame)
        yield letterboxed(rgb, size), letterboxed(mask, size)


def painted(mask: Mask, around: tuple[int, int, int]) -> RGBArray:
    """A mask (H, W) in the model's colours: blue from half opacity on."""
    colours = np.array([around, _BLUE], np.uint8)
    return np.asarray(colours[(mask >= 128).astype(np.intp)])
