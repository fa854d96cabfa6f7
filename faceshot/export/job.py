"""What is exported, and where its files go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceshot.errors import UsageError
from faceshot.export.table import Format
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.output import writing

README = "README.txt"


@dataclass(frozen=True)
class Job:
    """What a writer works on.

    Attributes:
        name: of the motion, without folder or suffix.
        sequence: the driver's points, or the character's where there is a ``picture``; every frame found.
        picture: the character. landmarks: its points at rest, in pixels of the picture.
        clip: the clip whose landmarks ``sequence`` holds, where there is one and no picture.
    """

    name: str
    sequence: LandmarkSequence
    picture: Picture | None = None
    landmarks: Landmarks | None = None
    clip: Path | None = None

    def frames(self) -> Iterator[RGBArray]:
        """The pictures of the motion: the character's, moved by backend ``warp``, or those of the clip itself.

        Raises:
            UsageError: there is neither a character nor a clip.
        """
        if self.picture is not None and self.landmarks is not None:
            from faceshot.pipeline import AnimationOptions, frames_of, load_backend

            warp, settings = load_backend("warp"), AnimationOptions()
            warp.load(settings)
            yield from frames_of(warp, self.picture, self.landmarks, self.sequence, settings)
            return
        if self.clip is None:
            raise UsageError("this format needs frames: give the character's picture, or a clip instead of landmarks")
        from faceshot.media import read_frames

        start = self.sequence.start
        yield from read_frames(self.clip, start=start, stop=start + len(self.sequence))


class Target:
    """Where the files of one export go: into a folder, or one of them under a name of the user's.

    Args:
        place: folder, or file. form: the format. pictured: there is a character's picture.
        overwrite: what is there may be replaced.

    Raises:
        UsageError: a single file that the format does not have.
    """

    def __init__(self, place: Path, form: Format, *, pictured: bool, overwrite: bool = False) -> None:
        self.overwrite = overwrite
        names = (*form.files, *form.extra) if pictured else form.files
        if place.suffix and not place.is_dir():
            alike = [name for name in form.files if form.single and name.endswith(place.suffix.lower())]
            if not alike:
                raise UsageError(
                    f"{place} is one file, but {form.name} is a folder of {', '.join(names)}; name a folder"
                )
            self.paths = {alike[0]: place}
        else:
            self.paths = {name: place / name for name in (*names, README)}

    def path(self, name: str) -> Path | None:
        """Where a file of the format goes; None where it is not wanted."""
        return self.paths.get(name)

    def text(self, name: str, make: Callable[[], str]) -> None:
        """Write a text file, if it is wanted."""
        path = self.path(name)
        if path is not None:
            content = make()
            with writing(path, overwrite=self.overwrite) as part:
                part.write_text(content, encoding="utf-8")

    def json(self, name: str, make: Callable[[], Any]) -> None:
        """Write a value as JSON without blanks, if it is wanted."""
        self.text(name, lambda: json.dumps(make(), separators=(",", ":"), allow_nan=False) + "\n")

    def picture(self, name: str, picture: Picture) -> None:
        """Write a picture, with its matte where it has one, if it is wanted."""
        from faceshot.media import write_picture

        path = self.path(name)
        if path is not None:
            write_picture(path, picture.rgb, picture.alpha, overwrite=self.overwrite)
