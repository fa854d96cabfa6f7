"""What ``faceshot animate`` was asked for: which words are pictures, which the clip, and where each video goes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from faceshot.cli.typed.options import Common
from faceshot.cli.typed.paths import MOVING, PICTURES, as_typed, beside, expand
from faceshot.cli.typed.tasks import Task, tasks_of
from faceshot.errors import InputError, UsageError

VideoFormat = Literal["mp4", "mov", "mkv", "webm", "webp", "png", "gif"]


def backend_among(words: list[Path], backend: str) -> tuple[list[Path], str]:
    """The words without one that names a backend and no file, and that backend (``animate mofa cat.png me.mp4``)."""
    bare = [word for word in words if not word.suffix and len(word.parts) == 1 and not word.exists()]
    if bare:
        from faceshot.pipeline import list_backends

        named = [word for word in bare if str(word) in list_backends()]
        if len(named) == 1 and backend in ("warp", str(named[0])):
            return [word for word in words if word != named[0]], str(named[0])
    return words, backend


def split(
    words: list[Path], driving: Path | None, motion: str | None, *, several: bool = False
) -> tuple[list[Path], list[Path]]:
    """Pictures, and the clip that drives them: the last of several words, unless it is a still picture. With
    ``several`` all words behind the picture are clips.

    Raises:
        UsageError: a clip among the words, and ``--driving`` or ``--motion`` besides.
    """
    named = [driving] if driving is not None else []
    if len(words) < 2 or _is_still(words[-1]):
        return words, named
    if driving is None and motion is None:
        first = next(k for k, word in enumerate(words) if k and not _is_still(word)) if several else -1
        return words[:first], words[first:]
    if words[-1].is_dir() or words[-1].suffix.lower() in PICTURES:
        return words, named
    given = f"--motion {motion}" if driving is None else f"--driving {driving}"
    raise UsageError(f"{words[-1]} and {given} would both drive; give one of them")


def _is_still(path: Path) -> bool:
    """Whether a word can only be a picture."""
    if path.is_dir() or path.suffix.lower() not in PICTURES:
        return False
    if path.suffix.lower() not in MOVING or not path.is_file():
        return True
    from faceshot.media import probe

    try:
        return probe(path).frames < 2
    except InputError:
        return True  # refused as a picture, in the words for pictures


#: Names nobody gives to a video: a folder of frames is meant, as with a slash behind them. Scripts lose slashes easily.
FOLDERS = frozenset({"frames", "out"})


def plan(
    pictures: list[Path],
    output: str | None,
    format: str,
    frames: bool,
    inputs: Sequence[Path | None],
    common: Common,
) -> list[Task]:
    """Which picture becomes which video, or with ``frames`` which folder of frames.

    Raises:
        InputError: an empty folder, two pictures for one video. UsageError: a file for several videos.
    """
    many = len(pictures) > 1 or any(path.is_dir() for path in pictures)
    found = expand(pictures)
    if output is None:
        taken = {path.absolute() for path in (*found, *inputs) if path is not None}

        def default(path: Path) -> Path:
            file = beside(path, f"{_name(path, format, frames)}{'_frames' * frames}")
            return file.with_name(f"{file.stem}.animated{file.suffix}") if file.absolute() in taken else file

        return tasks_of(found, default)
    place = Path(as_typed(output))
    slash = output.rstrip(" '\"").endswith(("/", os.sep)) or (place.name.lower() in FOLDERS and not place.exists())
    if place.suffix and not (slash or place.is_dir()) and (many or frames):
        what = "--frames makes a folder" if frames else "there are several pictures"
        raise UsageError(f"-o {place} is one file, but {what}; name a folder")
    if many:
        return tasks_of(found, lambda path: place / _name(path, format, frames))
    video = _name(found[0], format, False)
    output_of = _folder_of_frames(place, video) if slash or frames else _one_video(place, video, common)
    return tasks_of(found, lambda _: output_of)


def _name(picture: Path, format: str, frames: bool) -> str:
    return picture.stem.replace(".", "_") if frames else f"{picture.stem}.{format}"


def _folder_of_frames(place: Path, video: str) -> Path:
    """``place`` itself; refused where other things lie in it, as somebody who writes ``videos/`` may mean them."""
    from faceshot.output import FRAME_NAME

    inside = place.iterdir() if place.is_dir() else ()
    if other := next((entry for entry in inside if not FRAME_NAME.fullmatch(entry.name)), None):
        raise InputError(
            f"-o {place}/ means a folder of frames, and it holds {other.name}; for a video: -o {place / video}"
        )
    return place


def _one_video(place: Path, video: str, common: Common) -> Path:
    """Where the video goes, said where it is not as typed."""
    if place.suffix and not place.is_dir():
        return place
    place = place / video if place.is_dir() else place.with_name(f"{place.name}{Path(video).suffix}")
    common.say(f"writing {place} (for a folder of frames: --frames)")
    return place


def check_videos(tasks: Sequence[Task], inputs: Sequence[Path | None], common: Common) -> None:
    """Refuse outputs before any work, of all the pictures."""
    from faceshot.pipeline import check_video

    given = [path for path in (*(task.picture for task in tasks), *inputs) if path is not None]
    for task in tasks:
        check_video(task.output, inputs=given, overwrite=common.overwrite)
