"""From landmarks to the video: a backend is loaded, its frames are checked one by one and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.errors import BackendError, MissingError, UsageError
from faceshot.landmarks import FloatArray, Landmarks, LandmarkSequence, Picture, RGBArray, Size
from faceshot.pipeline.backends import AnimationOptions, Backend, guard, named, requirements
from faceshot.pipeline.sidecar import plain_json
from faceshot.progress import progress
from faceshot.provenance import Watermark, marked
from faceshot.threads import after_fork

if TYPE_CHECKING:
    from faceshot.pipeline.plan import Plan


def prepare(backend: Backend, settings: AnimationOptions) -> None:
    """Load a backend, once its options are known to be good.

    Raises:
        UsageError: options it does not know. MissingError: what it lacks, with the command that gets it.
        BackendError: it fails.
    """
    after_fork()
    with guard(named(backend)):
        try:
            backend.load(settings)  # refuses bad options first, then says what is missing and where it looked
        except ImportError as error:
            said = "; ".join(requirements(backend)) or error
            raise MissingError(f"backend {backend.name!r} is not ready: {said}") from error
    if lacking := requirements(backend):  # asked now: an option may have named what was missing
        raise MissingError(f"backend {backend.name!r} is not ready: {'; '.join(lacking)}")


def frames_of(
    backend: Backend, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
) -> Iterator[RGBArray]:
    """The backend's frames, each checked: uint8 (H, W, 3) or (H, W, 4) of the picture's size, one per entry.

    Raises:
        BackendError: the backend fails, or gives something else.
    """
    who, total, end = named(backend), len(sequence), object()
    with guard(who):
        given = backend.animate(picture, landmarks, sequence, options)
        frames = iter(given) if hasattr(given, "__iter__") else None
    if frames is None:
        raise BackendError(f"{who} gave {type(given).__name__}, not frames; does its animate() yield?")
    count = 0
    try:
        while True:
            with guard(who):
                frame: Any = next(frames, end)
            if frame is end:
                break
            if count == total:
                raise BackendError(f"{who} gave more frames than the {total} asked for")
            if (fault := _fault(frame, picture)) is not None:
                raise BackendError(f"{who} gave, as frame {count}, {fault}")
            yield frame
            count += 1
            del frame  # nobody but the caller keeps it
    finally:
        if hasattr(frames, "close"):
            frames.close()
    if count < total:
        raise BackendError(f"{who} gave {count} of {total} frames")


def _fault(frame: Any, picture: Picture) -> str | None:
    width, height = picture.size
    wanted = f"wanted is a uint8 array of shape ({height}, {width}, 3)"
    if not isinstance(frame, np.ndarray):
        return f"{type(frame).__name__}; {wanted}"
    if frame.dtype != np.uint8 or frame.shape not in ((height, width, 3), (height, width, 4)):
        return f"{frame.dtype} of shape {frame.shape}; {wanted}"
    return None


def watermark_of(plan: Plan) -> Watermark | None:
    """The mark that the frames of an animation carry; ``auto`` is the same for the same inputs and options."""
    from faceshot.pipeline.plan import options_record

    if plan.options.watermark is None:
        return None
    about = plain_json({"sources": dict(plan.sources), "options": options_record(plan.options)})
    return Watermark.of(plan.options.watermark, about)


def mark_record(plan: Plan) -> dict[str, dict[str, str]]:
    """What the sidecar says of the mark, if there is one."""
    mark = watermark_of(plan)
    return {"watermark": {"kind": mark.kind, "value": mark.value}} if mark else {}


def render(
    plan: Plan, frames: Iterator[RGBArray], size: Size, moved: LandmarkSequence, audio_start: Fraction,
    tags: dict[str, str],
) -> None:  # fmt: skip
    """Stream ``frames`` of ``size`` into the video; nothing holds more than one of them, but a sticker."""
    from faceshot.media import STICKERS, StickerWriter, VideoWriter

    if (mark := watermark_of(plan)) is not None:
        frames = marked(frames, mark)
    if plan.options.sticker is not None:
        kind = STICKERS[plan.options.sticker]
        with StickerWriter(plan.output, kind, moved.fps, overwrite=plan.overwrite, metadata=tags) as sticker:
            for frame in progress(frames, "animate", total=len(moved)):
                sticker.write(frame)
        return
    with VideoWriter(
        plan.output, size, moved.fps, audio_from=plan.audio, audio_start=audio_start,
        alpha=plan.alpha, overwrite=plan.overwrite, metadata=tags,
    ) as writer:  # fmt: skip
        for frame in progress(frames, "animate", total=len(moved)):
            writer.write(plan.opaque(frame))


def poser(
    backend: Backend, picture: Picture, landmarks: Landmarks, settings: AnimationOptions
) -> Callable[..., RGBArray]:
    """One character, prepared once, drawn at once for any landmarks (68, 2): what a live preview needs.

    The function may also be given, by name, what else the backend's can draw (``warp``: ``gaze``, ``teeth``).

    Raises:
        UsageError: the backend draws clips only. MissingError, BackendError: as of :func:`prepare`.
    """
    make = getattr(backend, "poser", None)
    if make is None:
        raise UsageError(f"backend {backend.name!r} draws no single frames; backend 'warp' does")
    prepare(backend, settings)
    with guard(named(backend)):
        draw = make(picture, landmarks, settings)

    def frame(xy: FloatArray, **more: Any) -> RGBArray:
        with guard(named(backend)):
            drawn: Any = draw(xy, **more)
        if (fault := _fault(drawn, picture)) is not None:
            raise BackendError(f"{named(backend)} gave {fault}")
        return drawn

    return frame
