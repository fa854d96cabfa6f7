"""The stages as functions, for scripts and for other people's pipelines: ``faceshot.match(image).landmarks.xy``.

Each takes its own arguments and those of :class:`faceshot.FaceShot`. The last pipeline is kept, so a second picture
costs no second load of the model. Threads may call them side by side and share that model.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from faceshot.errors import FaceShotError
from faceshot.landmarks import FaceWish, LandmarkSequence
from faceshot.matching import Match, Regularise
from faceshot.models import DType
from faceshot.pipeline.faceshot import FaceShot
from faceshot.pipeline.inputs import DrivingLike, LandmarksLike, PictureLike
from faceshot.pipeline.result import Animation
from faceshot.retargeting import RetargetMode

#: Arguments of :class:`faceshot.FaceShot` and their defaults.
_PIPELINE = {name: given.default for name, given in inspect.signature(FaceShot).parameters.items()}

_turn = threading.Lock()


@lru_cache(maxsize=1)
def _kept(settings: tuple[tuple[str, Any], ...]) -> FaceShot:
    return FaceShot(**dict(settings))


def _split(given: Mapping[str, Any]) -> tuple[FaceShot, dict[str, Any]]:
    """The pipeline for the arguments of a stage, and what is left of them for its method."""
    settings = {name: given.get(name, default) for name, default in _PIPELINE.items()}
    settings["galleries"] = tuple(settings["galleries"])
    with _turn:  # two threads must not end up with a model each
        shot = _kept(tuple(sorted(settings.items())))
    return shot, {name: value for name, value in given.items() if name not in _PIPELINE}


def match(
    picture: PictureLike,
    *,
    box: Sequence[float] | None = None,
    points: Mapping[str, tuple[float, float]] | None = None,
    face: str | int | None = None,
    regularise: Regularise = "robust",
    domains: Sequence[str] | None = None,
    strict: bool = True,
    preset: str = "mini",
    galleries: Sequence[str | Path] = (),
    device: str = "auto",
    dtype: DType = "auto",
    offline: bool = False,
    cache_dir: str | Path | None = None,
    low_vram: bool = False,
) -> Match:
    """Landmarks of a character: ``.landmarks.xy`` is float32 (68, 2), pixels of the picture, ``.confidence`` 0..1.

    Args:
        picture: path, PIL image, uint8 array (H, W, 3) or (H, W, 4), or :class:`faceshot.Picture`.
        box: approximate face box (left, top, right, bottom) [px]; points: hand-set anchors by name [px].
        face: of several faces ``largest``, ``left``, ``right`` or the n-th from the left, from 1.
        regularise: ``robust``, ``faceshot`` or ``none``; domains: use these gallery domains only.
        strict: raise where nothing looks enough like a face; otherwise look at ``.confidence``.
        preset, galleries, device, dtype, offline, cache_dir, low_vram: as of :class:`faceshot.FaceShot`.

    Raises:
        InputError: unusable picture, box or points. NoFaceError: nothing looks like a face.
    """
    shot, own = _split(locals())
    return shot.match(**own)


def match_all(
    picture: PictureLike,
    *,
    regularise: Regularise = "robust",
    domains: Sequence[str] | None = None,
    preset: str = "mini",
    galleries: Sequence[str | Path] = (),
    device: str = "auto",
    dtype: DType = "auto",
    offline: bool = False,
    cache_dir: str | Path | None = None,
    low_vram: bool = False,
) -> list[Match]:
    """Landmarks of every face in a picture, from left to right; arguments as of :func:`match`.

    Raises:
        InputError: unusable picture. NoFaceError: nothing looks like a face.
    """
    shot, own = _split(locals())
    return shot.match_all(**own)


def match_many(
    pictures: Iterable[PictureLike],
    *,
    regularise: Regularise = "robust",
    domains: Sequence[str] | None = None,
    strict: bool = True,
    preset: str = "mini",
    galleries: Sequence[str | Path] = (),
    device: str = "auto",
    dtype: DType = "auto",
    offline: bool = False,
    cache_dir: str | Path | None = None,
    low_vram: bool = False,
) -> list[Match | FaceShotError]:
    """Landmarks of many characters, in order; where one fails its error stands in its place and the rest goes on.

    Arguments as of :func:`match`.

    Raises:
        UsageError, MissingError: what would fail for every picture: unknown names, missing weights.
    """
    shot, own = _split(locals())
    return shot.match_many(**own)


def drive(
    clip: str | Path,
    *,
    source: str = "auto",
    rest: int | None = None,
    model: str | Path | None = None,
    start: int | str = 0,
    stop: int | str | None = None,
    gaps: str = "hold",
    face: FaceWish = "largest",
    landmarks: LandmarksLike | None = None,
    preset: str = "mini",
    galleries: Sequence[str | Path] = (),
    device: str = "auto",
    dtype: DType = "auto",
    offline: bool = False,
    cache_dir: str | Path | None = None,
    low_vram: bool = False,
) -> LandmarkSequence:
    """Landmarks of every frame of a clip: ``.xy`` is float32 (T, 68, 2), pixels of its frames.

    Args:
        source: ``auto``, ``facemesh``, ``facexlib`` or ``track``; model: its model file.
        rest: frame that motion is measured from; None chooses one.
        start, stop: range, as frame numbers or times ("1.5s"); landmarks: of its first frame, for ``track`` (instead
            of matching); gaps: ``hold``, ``rest``, ``cut`` or ``refuse`` where the face is gone for long;
            face: which of several people, ``largest``, ``left``, ``right``, the n-th from the left, or a box.
        preset, galleries, device, dtype, offline, cache_dir, low_vram: as of :class:`faceshot.FaceShot`.

    Raises:
        InputError: unusable clip. NoFaceError: no face in it. MissingError: the source is not ready here.
    """
    shot, own = _split(locals())
    return shot.drive(**own)


def retarget(
    landmarks: LandmarksLike,
    driving: DrivingLike,
    *,
    mode: RetargetMode = "stable",
    gain: Mapping[str, float] | None = None,
    only: Collection[str] | None = None,
    without: Collection[str] = (),
    smooth: bool = False,
    start_from_picture: bool = False,
    size: tuple[int, int] | None = None,
    fps: Fraction | float | str | None = None,
) -> LandmarkSequence:
    """The character's landmarks in every frame of ``driving``, in pixels of the character's picture.

    Arguments and errors as of :meth:`faceshot.FaceShot.retarget`.
    """
    return FaceShot().retarget(**locals())  # takes no model, so the one that is kept stays


def animate(
    picture: PictureLike,
    *,
    output: str | Path,
    driving: DrivingLike | Sequence[DrivingLike] | None = None,
    motion: str | None = None,
    landmarks: LandmarksLike | Sequence[LandmarksLike] | None = None,
    overwrite: bool = False,
    mode: RetargetMode = "stable",
    gain: Mapping[str, float] | None = None,
    only: Collection[str] | None = None,
    without: Collection[str] = (),
    smooth: bool = False,
    start_from_picture: bool = False,
    source: str = "auto",
    rest: int | None = None,
    model: str | Path | None = None,
    start: int | str = 0,
    stop: int | str | None = None,
    gaps: str = "hold",
    face: FaceWish = "largest",
    fps: Fraction | float | str | None = None,
    seconds: float | None = None,
    box: Sequence[float] | None = None,
    points: Mapping[str, tuple[float, float]] | None = None,
    character_face: str | int | None = None,
    regularise: Regularise = "robust",
    domains: Sequence[str] | None = None,
    audio: str | Path = "driving",
    audio_offset: float = 0.0,
    max_side: int | None = None,
    sticker: str | None = None,
    watermark: str | None = None,
    backend_options: Mapping[str, Any] | None = None,
    save_landmarks: str | Path | None = None,
    save_drive: str | Path | None = None,
    save_sequence: str | Path | None = None,
    preset: str = "mini",
    galleries: Sequence[str | Path] = (),
    backend: str = "warp",
    device: str = "auto",
    dtype: DType = "auto",
    seed: int = 0,
    offline: bool = False,
    cache_dir: str | Path | None = None,
    low_vram: bool = False,
) -> Animation:
    """Picture and motion -> video, ``.output``, with its sidecar beside it.

    Arguments and errors as of :meth:`faceshot.FaceShot.animate`; preset to low_vram as of :class:`faceshot.FaceShot`.
    """
    shot, own = _split(locals())
    return shot.animate(**own)
