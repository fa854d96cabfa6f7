"""Clips in and out: the frames of anything that moves, one at a time, and a writer that never leaves half a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from faceshot.errors import InputError
from faceshot.landmarks import RGBArray
from faceshot.media.clip import VideoInfo, resample
from faceshot.media.container import container_frames, probe_container
from faceshot.media.frames import animation_frames, folder_frames, is_animation, probe_animation, probe_folder
from faceshot.media.image import check_file
from faceshot.media.writer import VideoWriter, keeps_alpha

__all__ = ["VideoInfo", "VideoWriter", "keeps_alpha", "probe", "read_frames"]


def probe(path: str | Path) -> VideoInfo:
    """Size, rate and length of a video, an animated GIF, WebP or PNG, or a folder of numbered pictures.

    Reads headers and decodes at most a few frames; the number of frames can be an estimate.

    Raises:
        InputError: missing, damaged, no video, only sound.
    """
    path = Path(path)
    if path.is_dir():
        return probe_folder(path)
    if is_animation(check_file(path, "clip")):
        return probe_animation(path)
    return probe_container(path)


def read_frames(
    path: str | Path, *, start: int = 0, stop: int | None = None, max_side: int | None = None
) -> Iterator[RGBArray]:
    """Yield frames ``start`` to ``stop`` (exclusive), uint8 (H, W, 3), upright, at the rate ``probe(path).fps``.

    A variable clock is resampled (each frame shows what is nearest in time), rotation and non-square pixels are
    applied, transparent pictures go over white. Memory does not depend on the length. ``max_side`` scales down while
    decoding, never up. Damage after the first good frame thins or ends the clip, with a logged warning.

    Raises:
        InputError: as :func:`probe`, at once; an impossible range; no frame at all in the range, while reading.
    """
    if start < 0 or (stop is not None and stop <= start):
        raise InputError(f"frames {start} to {stop} are no range; start is 0 or more and stop is larger")
    if max_side is not None and max_side < 1:
        raise InputError(f"max_side must be at least 1 pixel, got {max_side}")
    path = Path(path)
    fps = probe(path).fps
    if path.is_dir():
        timed = folder_frames(path, fps, max_side)
    elif is_animation(path):
        timed = animation_frames(path, max_side)
    else:
        timed = container_frames(path, max_side)
    return _range(path, resample(timed, fps, start=start, stop=stop), start)


def _range(path: Path, frames: Iterator[RGBArray], start: int) -> Iterator[RGBArray]:
    count = 0
    for frame in frames:
        count += 1
        yield frame
    if count == 0:
        raise InputError(f"clip {path} ends before frame {start}; choose an earlier start")
