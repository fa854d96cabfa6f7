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
from faceshot.pipeline.crowd import in_step, one_each, plan_faces, put_together, shares, sources_of
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
from faceshot.pipeline.rendering import frames_of, mark_record, prepare, render
from faceshot.pipeline.result import Animation
from faceshot.pipeline.sidecar import (
    container_metadata,
    model_record,
    plain_json,
    sidecar_path,
    source_type,
    write_sidecar,
)
from faceshot.provenance import require_signer, signed
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
    ) -> Animation:
        """Animate ``picture`` with a driving clip, a landmark sequence, or a built-in motion.

        Args:
            output: the video; its suffix is the format (``faceshot.media.VideoWriter``).
            driving: clip, sequence file or sequence, or a motion file of the backend's own kind; motion: one of
                ``faceshot.driving.MOTIONS`` instead, ``seconds`` long (its own length, or that of the sound file).
            landmarks: of the character; None matches them with ``box``, ``points``, ``regularise`` and ``domains``.
            character_face: of several faces ``largest``, ``left``, ``right``, the n-th from the left, or ``all``. Lists
                of landmarks and clips are for as many faces; rate and sound are the first's, the longest sets the end.
            mode to start_from_picture: as of :meth:`retarget`; source to face: as of :meth:`drive`; fps: of a driving
                array or a built-in motion [1/s].
            audio: ``driving`` (the clip's sound), ``none``, or a media file; audio_offset: how much later it comes [s].
            max_side [px], sticker (``whatsapp telegram discord web``), watermark (``auto`` or a text): of the video.
            backend_options: the backend's own, by name; save_landmarks, save_drive, save_sequence: files to keep.

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
            plans = plan_faces(
                picture, Path(output), driving, motion, landmarks, chosen, backend=backend, seed=self.seed,
                overwrite=overwrite,
            )  # fmt: skip
        self.check_names(domains=chosen.domains, match=plans[0].landmarks is None)
        settings = AnimationOptions(
            device=self.resolved_device, dtype=self.dtype, seed=self.seed, extra=self._extra(backend, chosen),
            driving=plans[0].driving, overwrite=overwrite, cache_dir=Path(self.cache_dir) if self.cache_dir else None,
            shaped=tuple(name for name in _SHAPING if getattr(chosen, name)),
        )  # fmt: skip
        require_signer()
        prepare(backend, settings)
        # 2. The stages; their results appear together or not at all.
        with protecting(self.reads, *(plan.read for plan in plans)), together(plans[0].written):
            return self._stages(plans, backend, settings)

    def _stages(self, plans: list[Plan], backend: Backend, settings: AnimationOptions) -> Animation:
        """Match, drive, retarget, render; everything the plans say is written. Mostly they are one."""
        plan, chosen, seconds = plans[0], plans[0].options, dict[str, float]()
        with _timed(seconds, "match"):
            cast = self._cast(plans)
        picture = shown(plan.picture, chosen)
        small = [marks if picture.size == marks.size else marks.resized(picture.size) for marks, _ in cast]
        with _timed(seconds, "drive"):
            once = {each.clip or each: each for each in plans}  # a clip is followed once, however many it moves
            found = {what: self._driving(each, small[0]) for what, each in once.items()}
            drives = [found[each.clip or each] for _, each in cast]
        with _timed(seconds, "retarget"):
            moved = [self._moved(each, drive, plan) for each, drive in zip(small, drives, strict=True)]
            moved = in_step([cut_to_sticker(sequence, chosen) for sequence in moved])
        own = {"backend": backend.name, "licence": backend.licence, "seed": self.seed, "device": settings.device}
        record = plan.record(moved[0], **own, dtype=self.dtype)
        record |= {"faces": len(cast), "sources": sources_of(plans)} if len(cast) > 1 else {}
        matcher = model_record(self.preset) if plan.landmarks is None else None
        record |= {"matcher": matcher, "digital_source_type": source_type(backend), **mark_record(plan)}
        read = [path for each in plans for path in each.read]
        replacing = plan.overwrite or plan.left_over
        with _timed(seconds, "animate"), signed(plan.output, plain_json(record), read, overwrite=replacing):
            note_size(plan.output, picture.size, alpha=plan.alpha)
            videos = [
                frames_of(backend, picture, marks, sequence, _driven(settings, each, drive))
                for marks, sequence, drive, (_, each) in zip(small, moved, drives, cast, strict=True)
            ]
            frames = videos[0] if len(videos) == 1 else put_together(videos, shares(picture.size, small))
            tags = container_metadata(source_type(backend))
            render(plan, frames, picture.size, moved[0], plan.audio_start(drives[0]), tags)
        marks, others = cast[0][0], tuple(moved[1:])
        made = Animation(plan.output, sidecar_path(plan.output), marks, drives[0], moved[0], seconds, others)
        plan.keep(marks, drives[0], moved[0])
        write_sidecar(plan.output, record, overwrite=replacing)
        return made

    def _cast(self, plans: list[Plan]) -> list[tuple[Landmarks, Plan]]:
        """The landmarks of every face that moves, and its plan.

        Raises:
            NoFaceError: nothing looks like a face. UsageError: as of :func:`one_each`.
        """
        plan = plans[0]
        if plan.landmarks is not None:
            return [(each.landmarks, each) for each in plans if each.landmarks is not None]
        if plan.options.character_face != "all":
            return [(self._matched(plan), plan)]
        found = self.match_all(plan.picture, regularise=plan.options.regularise, domains=plan.options.domains)
        return [(match.landmarks, each) for match, each in zip(found, one_each(plans, len(found)), strict=True)]

    def _driving(self, plan: Plan, marks: Landmarks) -> LandmarkSequence:
        """The landmarks that drive, found in the clip where they are not at hand."""
        if plan.length is not None:
            return plan.still(marks)
        if plan.sequence is not None:
            return plan.sequence
        assert plan.clip is not None
        chosen = plan.options
        return self.drive(
            plan.clip, source=chosen.source, rest=chosen.rest, model=chosen.model, start=chosen.start,
            stop=chosen.stop, gaps=chosen.gaps, face=chosen.face,
        )  # fmt: skip

    def _moved(self, marks: Landmarks, drive: LandmarkSequence, plan: Plan) -> LandmarkSequence:
        """The character's landmarks in every frame."""
        if plan.length is not None:
            return plan.still(marks)
        chosen = plan.options
        return self.retarget(
            marks, drive, mode=chosen.mode, gain=chosen.gain, only=chosen.only, without=chosen.without,
            smooth=chosen.smooth, start_from_picture=chosen.start_from_picture,
        )  # fmt: skip

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
                plan.picture.name or "the picture", found.faces, option("character_face", "left|right|N|all"),
            )  # fmt: skip
        return found.landmarks

    def _extra(self, backend: Backend, chosen: AnimateOptions) -> dict[str, Any]:
        """The backend's own options; ``low_vram`` is also one where the backend knows it."""
        sparing = {"low_vram": True} if self.low_vram and "low_vram" in getattr(backend, "flags", ()) else {}
        return {**sparing, **chosen.backend_options}


def _driven(settings: AnimationOptions, plan: Plan, drive: LandmarkSequence) -> AnimationOptions:
    """The settings for a face that ``drive`` moves."""
    return replace(settings, driving=plan.driving, driving_landmarks=drive if plan.clip is not None else None)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - begin
