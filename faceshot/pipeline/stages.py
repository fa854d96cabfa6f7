"""The stages as functions, for scripts and for other people's pipelines: ``faceshot.match(image).landmarks.xy``.

Each takes its own arguments and those of :class:`faceshot.FaceShot`. The last pipeline is kept, so a second picture
costs no second load of the model. Threads may call them side by side and share that model.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshot.landmarks import LandmarkSequence
from faceshot.pipeline.faceshot import Animation, FaceShot
from faceshot.pipeline.inputs import DrivingLike, LandmarksLike, PictureLike

if TYPE_CHECKING:
    from faceshot.matching import Match

#: Arguments of :class:`faceshot.FaceShot`.
_PIPELINE = ("preset", "galleries", "backend", "device", "dtype", "seed", "offline", "cache_dir")


_turn = threading.Lock()


@lru_cache(maxsize=1)
def _kept(settings: tuple[tuple[str, Any], ...]) -> FaceShot:
    return FaceShot(**dict(settings))


def _split(options: dict[str, Any]) -> tuple[FaceShot, dict[str, Any]]:
    """The pipeline for these options, and what is left of them for the stage."""
    settings = {name: options.pop(name) for name in _PIPELINE if name in options}
    if "galleries" in settings:
        settings["galleries"] = tuple(settings["galleries"])
    with _turn:  # two threads must not end up with a model each
        return _kept(tuple(sorted(settings.items()))), options


def match(picture: PictureLike, **options: Any) -> Match:
    """Landmarks of a character: ``.landmarks.xy`` is float32 (68, 2), pixels of the picture, ``.confidence`` 0..1.

    Args:
        picture: path, PIL image, uint8 array (H, W, 3) or (H, W, 4), or :class:`faceshot.Picture`.
        options: of :meth:`faceshot.FaceShot.match` and of :class:`faceshot.FaceShot`.

    Raises:
        InputError: unusable picture. NoFaceError: nothing looks like a face.
    """
    shot, own = _split(options)
    return shot.match(picture, **own)


def drive(clip: str | Path, **options: Any) -> LandmarkSequence:
    """Landmarks of every frame of a clip; options of :meth:`faceshot.FaceShot.drive` and :class:`faceshot.FaceShot`."""
    shot, own = _split(options)
    return shot.drive(clip, **own)


def retarget(landmarks: LandmarksLike, driving: DrivingLike, **options: Any) -> LandmarkSequence:
    """The character's landmarks in every frame; options of :meth:`faceshot.FaceShot.retarget`."""
    shot, own = _split(options)
    return shot.retarget(landmarks, driving, **own)


def animate(picture: PictureLike, *, output: str | Path, **options: Any) -> Animation:
    """Picture and motion -> video; options of :meth:`faceshot.FaceShot.animate` and :class:`faceshot.FaceShot`."""
    shot, own = _split(options)
    return shot.animate(picture, output=output, **own)
