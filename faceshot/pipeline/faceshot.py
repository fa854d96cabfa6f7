"""``FaceShot``: the stages in order. It holds models and passes values on; all arithmetic is in the stages."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from faceshot.errors import option
from faceshot.landmarks import FaceWish, Landmarks, LandmarkSequence
from faceshot.matching import Regularise
from faceshot.opencv import require_opencv
from faceshot.output import protecting, together
from faceshot.pipeline.backends import AnimationOptions, Backend, load_backend
from faceshot.pipeline.delivery import cut_to_sticker, note_size, shown
from faceshot.pipeline.inputs import (
    DrivingLike,
    LandmarksLike,
    PictureLike,
    as_landmarks,
    as_sequence,
)
from faceshot.pipeline.matching import Matching
from faceshot.pipeline.plan import AnimateOptions, Plan, retarget_options
from faceshot.pipeline.rendering import prepare, render
from faceshot.pipeline.result import Animation
from faceshot.pipeline.sidecar import model_record, sidecar_path, write_sidecar
from faceshot.retargeting import RetargetMode

logger = logging.getLogger("faceshot")
#: Arguments that shape the motion of landmarks.
_SHAPING = ("gain", "only", "without", "smooth", "start_from_picture")


class FaceShot(Matching):
    """Character picture + driving motion -> video, each step also on its own.

    Nothing is loaded at construction; the matcher's model is loaded at its first use and kept. Threads may share one.

    Args:
        preset: diffusion model of the matcher (name or folder).
        galleries: appearance galleries to combine; empty means the shipped one.
        backend: animation backend, see :func:`faceshot.list_backends`.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``mps``; dtype: ``auto``, ``float32``, ...
        seed: of every random draw.
        offline: never touch the network; cache_dir: instead of the user's cache folder.
        low_vram: networks share the device's memory in turns, a backend's too where it can; slower.
    """

    def drive(
        self,
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
    ) -> LandmarkSequence:
        """The 68 landmarks of every frame of a driving clip, see :func:`faceshot.driving.drive`.

        Args:
            source: ``auto``, ``facemesh``, ``facexlib`` or ``track``; model: its model file.
            rest: frame that motion is measured from; None chooses one.
            start, stop: range, as frame numbers or times ("1.5s"); landmarks: of its first frame, for ``track``
                (instead of matching).
            gaps: what happens where the face is gone for longer than half a second, ``hold``, ``rest``, ``cut`` or
                ``refuse``, see :func:`faceshot.driving.drive`.
            face: which of several people: ``largest``, ``left``, ``right``, the n-th from the left, or a box.
        """
        from faceshot.driving import drive
        from faceshot.media import probe

        require_opencv()
        first = None if landmarks is None else as_landmarks(landmarks, probe(clip).size)
        return drive(
            clip, source=source, rest=rest, model=model, start=start, stop=stop, gaps=gaps,
            face=face, matcher=lambda: self.matcher, landmarks=first, device=self.resolved_device, offline=self.offline,
            cache_dir=self.cache_dir,
        )  # fmt: skip

    def retarget(
        self,
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

        Args:
            mode: ``stable``, ``faceshot`` for the paper's algorithm as released, or ``paper`` for it as written.
            gain: factor 0..3 per part of ``topology.MOTION_PARTS``, and of ``zoom``; only, without: the parts that
                move, or that rest.
            smooth: One-Euro filter on the driving landmarks, for jittery detectors; it softens fast speech.
            start_from_picture: frame 0 is the untouched picture and the motion eases in within half a second; without
                it, frame 0 shows what the driver does there, which is the picture only if the driver is at rest.
            size: (width, height) of the character's picture, for landmarks that state none (an array, ``.npy``,
                ``.pts``). Mode ``stable`` does without: the result then has the size of the smallest picture that
                holds the character. fps: of a driving array, 30 unless given.
        """
        from faceshot.retargeting import bridge_gaps, retarget

        options = retarget_options(gain, only, without, smooth, start_from_picture)
        marks = as_landmarks(landmarks, sizeless=mode == "stable") if size is None else as_landmarks(landmarks, size)
        moving = as_sequence(driving, fps, marks.size)
        return retarget(marks, bridge_gaps(moving), mode=mode, options=options)

    def animate(
        self,
        picture: PictureLike,
        *,
        output: str | Path,
        driving: DrivingLike | None = None,
        motion: str | None = None,
        landmarks: LandmarksLike | None = None,
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
        backend_options: Mapping[str, Any] | None = None,
        save_landmarks: str | Path | None = None,
        save_drive: str | Path | None = None,
        save_sequence: str | Path | None = None,
    ) -> Animation:
        """Animate ``picture`` with a driving clip, a landmark sequence, or a built-in motion.

        Args:
            output: the video; its suffix is the format (``faceshot.media.VideoWriter``).
            driving: clip, sequence file or sequence, or a motion file of the backend's own kind; motion: one of
                ``faceshot.driving.MOTIONS`` instead, ``seconds`` long (its own length, or that of the sound file).
            landmarks: of the character; None matches them with ``box``, ``points``, ``regularise`` and ``domains``.
            character_face: of several faces in the picture ``largest``, ``left``, ``right`` or the n-th from the left.
            mode, gain, only, without, smooth, start_from_picture: as of :meth:`retarget`; source, rest, model, start,
                stop, gaps, face: as of :meth:`drive`; fps: of a driving array or a built-in motion [1/s].
            audio: ``driving`` (the clip's sound), ``none``, or a media file; audio_offset: how much later it comes [s].
            max_side: of the video [px], smaller than the picture; sticker: ``whatsapp``, ``telegram``, ``discord`` or
                ``web``, whose limits the output meets.
            backend_options: the backend's own options by name.
            save_landmarks, save_drive, save_sequence: files to keep the intermediate results in.

        Raises:
            UsageError: options that contradict each other or do not exist. InputError: unusable files.
            MissingError: a weight file or package is missing. NoFaceError: no face in picture or clip.
            BackendError: the backend fails, or its frames are not those of its contract.
        """
        given = locals()
        names = [field.name for field in fields(AnimateOptions) if given[field.name] is not None]
        chosen = AnimateOptions(**{name: given[name] for name in names})
        # 1. Everything that can be refused cheaply.
        backend = load_backend(self.backend_name)
        with protecting(self.reads):
            plan = Plan.make(
                picture, Path(output), driving, motion, landmarks, chosen, backend=backend, seed=self.seed,
                overwrite=overwrite,
            )  # fmt: skip
        self.check_names(domains=chosen.domains, match=plan.landmarks is None)
        settings = AnimationOptions(
            device=self.resolved_device, dtype=self.dtype, seed=self.seed, extra=self._extra(backend, chosen),
            driving=plan.driving, overwrite=overwrite,
            cache_dir=None if self.cache_dir is None else Path(self.cache_dir),
            shaped=tuple(name for name in _SHAPING if getattr(chosen, name)),
        )  # fmt: skip
        prepare(backend, settings)
        # 2. The stages; their results appear together or not at all.
        with protecting(self.reads, plan.read), together(plan.written):
            return self._stages(plan, backend, settings)

    def _stages(self, plan: Plan, backend: Backend, settings: AnimationOptions) -> Animation:
        """Match, drive, retarget, render; everything the plan says is written."""
        chosen, seconds = plan.options, dict[str, float]()
        with _timed(seconds, "match"):
            marks = plan.landmarks or self._matched(plan)
        picture = shown(plan.picture, chosen)
        small = marks if picture.size == marks.size else marks.resized(picture.size)
        with _timed(seconds, "drive"):
            if plan.length is not None:
                drive = plan.still(small)
            elif plan.sequence is not None:
                drive = plan.sequence
            else:
                assert plan.clip is not None
                drive = self.drive(
                    plan.clip, source=chosen.source, rest=chosen.rest, model=chosen.model, start=chosen.start,
                    stop=chosen.stop, gaps=chosen.gaps, face=chosen.face,
                )  # fmt: skip
                settings = replace(settings, driving_landmarks=drive)
        with _timed(seconds, "retarget"):
            moved = drive
            if plan.length is None:
                moved = self.retarget(
                    small, drive, mode=chosen.mode, gain=chosen.gain, only=chosen.only, without=chosen.without,
                    smooth=chosen.smooth,
                    start_from_picture=chosen.start_from_picture,
                )  # fmt: skip
        with _timed(seconds, "animate"):
            moved = cut_to_sticker(moved, chosen)
            note_size(plan.output, picture.size, alpha=plan.alpha)
            render(plan, backend, picture, small, moved, settings, plan.audio_start(drive))
        made = Animation(plan.output, sidecar_path(plan.output), marks, drive, moved, seconds)
        plan.keep(marks, drive, moved)
        record = plan.record(moved, backend=backend.name, licence=backend.licence)
        record |= {"seed": self.seed, "device": settings.device, "dtype": self.dtype}
        record |= {"matcher": model_record(self.preset) if plan.landmarks is None else None}
        write_sidecar(plan.output, record, overwrite=plan.overwrite or plan.left_over)
        return made

    def _matched(self, plan: Plan) -> Landmarks:
        """The landmarks of the character; that there were other faces to choose from is said."""
        chosen = plan.options
        found = self.match(
            plan.picture, box=chosen.box, points=chosen.points, face=chosen.character_face,
            regularise=chosen.regularise, domains=chosen.domains,
        )  # fmt: skip
        if found.faces > 1 and chosen.character_face is None:
            logger.info(
                "%s: %d faces, this is one; choose with %s",
                plan.picture.name or "the picture", found.faces, option("character_face", "left|right|N"),
            )  # fmt: skip
        return found.landmarks

    def _extra(self, backend: Backend, chosen: AnimateOptions) -> dict[str, Any]:
        """The backend's own options; ``low_vram`` is also one where the backend knows it."""
        sparing = {"low_vram": True} if self.low_vram and "low_vram" in getattr(backend, "flags", ()) else {}
        return {**sparing, **chosen.backend_options}


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - begin
