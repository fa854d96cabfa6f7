"""A folder that another program's inference reads: pictures, frames as plain arrays, facts, and a script that runs it.

Everything its detectors would have found is in the folder; the script puts that in their place, calls the program as
it is, in the environment of the program, and leaves ``result.mp4``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import RGBArray, Size
from faceshot.output import writing
from faceshot.rendering.place import Place

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PortraitInputs:
    """What one program is given.

    Attributes:
        script: in ``programs``, the one that runs it.
        place: where in the picture the program works. fps, count: of the frames.
        pictures: (H, W, 3) by file name.
        shapes: file name of an array -> shape of one of its entries, uint8; there is one for every frame.
        frames: (H, W, 3) driving frame for ``driving.mp4``, and the entries by file name.
        facts: further values for the script. settings: how it is to run; a runner may change them.
    """

    script: str
    place: Place
    fps: Fraction
    count: int
    pictures: Mapping[str, RGBArray]
    shapes: Mapping[str, tuple[int, ...]]
    frames: Iterator[tuple[RGBArray, Mapping[str, Bytes]]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Callable[[str], Path | None], *, overwrite: bool = False, **settings: Any) -> None:
        """Write everything once.

        Args:
            path: where a file of this name goes; None leaves it out.
            settings: instead of the given ones.

        Raises:
            InputError: the disk refuses. MissingError: OpenCV is not installed.
        """
        from faceshot.media import write_picture

        for name, rgb in self.pictures.items():
            if (at := path(name)) is not None:
                write_picture(at, rgb, overwrite=overwrite)
        with ExitStack() as stack:
            self._write_frames(path, stack, overwrite)
        job = {
            "program": self.script,
            "fps": float(self.fps),
            "frames": self.count,
            "square": list(self.place.box),
            **self.facts,
            "settings": {**self.settings, **settings},
        }
        script = files("faceshot.rendering.portrait.programs").joinpath(f"{self.script}.py").read_text("utf-8")
        for name, text in (("job.json", json.dumps(job)), ("run.py", script)):
            if (at := path(name)) is not None:
                with writing(at, overwrite=overwrite) as part:
                    part.write_text(text, encoding="utf-8")

    def _write_frames(self, path: Callable[[str], Path | None], stack: ExitStack, overwrite: bool) -> None:
        from faceshot.media import VideoWriter

        size, arrays = Size(*self.place.size), {}
        for name, shape in self.shapes.items():
            if (at := path(name)) is not None:
                part = stack.enter_context(writing(at, overwrite=overwrite))
                arrays[name] = np.lib.format.open_memmap(part, "w+", np.uint8, (self.count, *shape))
        at = path("driving.mp4")
        assert at is not None
        video = stack.enter_context(VideoWriter(at, size, self.fps, overwrite=overwrite))
        for index, (frame, entries) in enumerate(self.frames):
            video.write(frame)
            for name, array in arrays.items():
                array[index] = entries[name]
        for array in arrays.values():
            array.flush()
