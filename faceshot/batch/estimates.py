"""What a batch will take, from the sizes of its inputs and rates that were measured (``benchmarks/batch.py``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceshot.batch.jobs import Job
from faceshot.batch.running import finds
from faceshot.driving import motion_template
from faceshot.errors import FaceShotError

#: Seconds of one core: a picture matched, a frame driven, a megapixel rendered by ``warp``.
MATCH_SECONDS, DRIVE_SECONDS, WARP_SECONDS = 0.25, 0.09, 0.05
#: Memory of a worker without a GPU [bytes]; bytes of a megapixel of H.264.
WORKER_BYTES, VIDEO_BYTES = 7e8, 2e4


@dataclass(frozen=True)
class Estimate:
    """What is to be done, and what it takes.

    Attributes:
        videos, matches, drives: how many; frames: of all videos together.
        seconds: with so many workers, None where a backend renders of which nothing was measured here.
        memory, disk: bytes.
    """

    videos: int
    matches: int
    drives: int
    frames: int
    seconds: float | None
    memory: float
    disk: float

    def lines(self) -> list[str]:
        """For people."""
        time = "unknown: see docs/backends.md" if self.seconds is None else f"about {self.seconds / 60:.0f} min"
        return [
            f"{self.videos} videos of {self.matches} pictures and {self.drives} clips, {self.frames} frames in all",
            f"time {time}, memory {self.memory / 1e9:.1f} GB, disk {self.disk / 1e9:.2f} GB",
        ]


def estimate(jobs: Sequence[Job], workers: int) -> Estimate:
    """What ``jobs`` take with ``workers`` processes of a core each; files that cannot be read count for nothing."""
    tasks = finds(jobs)
    clips = {task.job.driving for task in tasks if task.kind == "drive"}
    length = {clip: _frames(clip) for clip in clips if clip is not None}
    pixels = {job.picture: _megapixels(job.picture) for job in jobs}
    frames = {job.number: length.get(job.driving, 0) if job.driving else _motion_frames(job) for job in jobs}
    drawn = sum(frames[job.number] * pixels[job.picture] for job in jobs)
    matches = sum(task.kind == "match" for task in tasks)
    work = MATCH_SECONDS * matches + DRIVE_SECONDS * sum(length.values()) + WARP_SECONDS * drawn
    known = all(job.backend == "warp" for job in jobs)
    return Estimate(
        len(jobs), matches, len(length), sum(frames.values()), work / workers if known else None,
        WORKER_BYTES * workers, VIDEO_BYTES * drawn,
    )  # fmt: skip


def _frames(clip: Path) -> int:
    from faceshot.media import probe

    try:
        return probe(clip).frames or 0
    except FaceShotError:
        return 0


def _motion_frames(job: Job) -> int:
    chosen = {name: job.options[name] for name in ("fps", "seconds") if job.options.get(name) is not None}
    return len(motion_template(job.motion, **chosen))  # type: ignore[arg-type]


def _megapixels(path: Path) -> float:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.width * image.height / 1e6
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return 0.0
