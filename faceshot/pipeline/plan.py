"""What an animation was asked for, checked before any model is loaded, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.errors import InputError, UsageError, option
from faceshot.landmarks import (
    FaceWish,
    Landmarks,
    LandmarkSequence,
    Picture,
    RGBArray,
    Size,
    as_fps,
    check_anchors,
    check_box,
    check_wish,
)
from faceshot.output import check_outputs, named_files
from faceshot.pipeline.backends import Backend, MotionLength, motion_length, motion_readers
from faceshot.pipeline.delivery import check_delivery
from faceshot.pipeline.inputs import (
    DrivingLike,
    LandmarksLike,
    PictureLike,
    as_box,
    as_landmarks,
    as_picture,
    as_sequence,
    is_sequence_file,
)
from faceshot.pipeline.sidecar import is_left_over, sidecar_path, source_record, without_folders
from faceshot.pipeline.sound import check_sound, motion_seconds, sound_file, sound_start
from faceshot.provenance import Watermark, manifests
from faceshot.reading import expanded

if TYPE_CHECKING:
    from faceshot.matching import Regularise
    from faceshot.retargeting import RetargetMode, RetargetOptions


@dataclass(frozen=True)
class AnimateOptions:
    """How :meth:`faceshot.FaceShot.animate` works, beyond what goes in and out.

    Attributes:
        mode, gain, only, without, smooth, start_from_picture: as of :meth:`faceshot.FaceShot.retarget`.
        source, rest, model, start, stop, gaps, face: as of :meth:`faceshot.FaceShot.drive`; fps: of a driving array
            that has no rate, or of a built-in motion; seconds: how long a built-in motion lasts (its own length, or
            that of the sound file).
        box, points, regularise, domains: as of :meth:`faceshot.FaceShot.match`; character_face: its ``face``, which of
            several faces in the picture, or ``all``.
        audio: ``driving`` (the clip's sound), ``none``, or a media file; audio_offset: seconds it comes later.
        backend_options: the backend's own options by name.
        max_side: of the video [px]; a larger picture is scaled down. sticker: one of ``faceshot.media.STICKERS``, whose
            limits the output is brought to.
        watermark: ``auto`` or at most 8 bytes of text, which every frame carries unseen.
        save_landmarks, save_drive, save_sequence: files to keep the intermediate results in.
    """

    mode: RetargetMode = "stable"
    gain: Mapping[str, float] = field(default_factory=dict)
    only: Collection[str] | None = None
    without: Collection[str] = ()
    smooth: bool = False
    start_from_picture: bool = False
    source: str = "auto"
    rest: int | None = None
    model: str | Path | None = None
    start: int | str = 0
    stop: int | str | None = None
    gaps: str = "hold"
    face: FaceWish = "largest"
    fps: Fraction | float | str | None = None
    seconds: float | None = None
    box: Sequence[float] | None = None
    points: Mapping[str, tuple[float, float]] | None = None
    character_face: str | int | None = None
    regularise: Regularise = "robust"
    domains: Sequence[str] | None = None
    audio: str | Path = "driving"
    audio_offset: float = 0.0
    max_side: int | None = None
    sticker: str | None = None
    watermark: str | None = None
    backend_options: Mapping[str, Any] = field(default_factory=dict)
    save_landmarks: str | Path | None = None
    save_drive: str | Path | None = None
    save_sequence: str | Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fps", None if self.fps is None else as_fps(self.fps))
        object.__setattr__(self, "face", check_wish(self.face))
        if self.watermark is not None:
            Watermark.of(self.watermark)
        if self.character_face is not None:
            if self.box is not None or self.points:
                raise UsageError(
                    f"{option('character_face')} chooses among the faces found, {option('box')} and {option('points')} "
                    "say where it is; give one of them"
                )
            if self.character_face != "all":
                object.__setattr__(self, "character_face", check_wish(self.character_face))


@dataclass(frozen=True, eq=False)
class Plan:
    """One animation, everything read that is cheap to read.

    Attributes:
        picture: the character; output: the video; alpha: whether it keeps the picture's matte.
        landmarks: the character's, or None where they have to be matched.
        sequence: driving landmarks, or None where they have to be found in ``clip``.
        clip: the driving clip; motion_file: a file of the backend's own kind instead, and ``length``: how long it is.
        audio: file whose sound is kept, or None.
        sources: name and hash of everything that was given, for the sidecar.
        written, read: all files the run writes, and all it reads; nothing read is ever replaced.
        left_over: whether a sidecar lies there whose video is gone; it is replaced.
    """

    picture: Picture
    output: Path
    landmarks: Landmarks | None
    sequence: LandmarkSequence | None
    clip: Path | None
    motion_file: Path | None
    length: MotionLength | None
    audio: Path | None
    alpha: bool
    overwrite: bool
    options: AnimateOptions
    sources: Mapping[str, Any]
    written: tuple[Path, ...] = ()
    read: tuple[Path, ...] = ()
    left_over: bool = False

    @classmethod
    def make(
        cls,
        picture: PictureLike,
        output: Path,
        driving: DrivingLike | None,
        motion: str | None,
        landmarks: LandmarksLike | None,
        options: AnimateOptions,
        *,
        backend: Backend,
        seed: int,
        overwrite: bool,
    ) -> Plan:
        """Check and read what was asked for; ``backend`` need not be loaded.

        Raises:
            UsageError: contradictions, unknown names and formats. InputError: unusable files, refused outputs.
        """
        from faceshot.media import keeps_alpha

        # 1. Names, without opening anything.
        if (driving is None) == (motion is None):
            raise UsageError(
                f"give either {option('driving', 'CLIP')} or {option('motion', 'NAME')}"
                + (", not both" if motion else "")
            )
        if motion is not None:
            from faceshot.driving import MOTIONS

            if motion not in MOTIONS:
                raise UsageError(f"unknown motion {motion!r}; motions are {', '.join(MOTIONS)}")
        elif options.seconds is not None:
            cut = f"{option('start')} and {option('stop')}"
            raise UsageError(f"{option('seconds')} belongs to {option('motion')}; a clip is cut with {cut}")
        if motion is not None and (options.start != 0 or options.stop is not None):
            raise UsageError(
                f"{option('start')} and {option('stop')} belong to {option('driving')}; "
                f"{option('seconds')} says how long a built-in motion lasts"
            )
        if not abs(options.audio_offset) <= 86_400:
            raise UsageError(f"{option('audio_offset')} takes seconds, got {options.audio_offset}")
        retarget_options(options.gain, options.only, options.without, options.smooth, options.start_from_picture)
        written = outputs(output, options, backend)
        read = inputs(picture, driving, landmarks, options, backend)
        check_video(output, written, inputs=read, overwrite=overwrite)
        check_kept(options)
        check_delivery(output, options)
        # 2. Files.
        character = as_picture(picture)
        if options.box is not None:
            check_box(as_box(options.box), character.size)
        if options.points is not None:
            check_anchors(options.points)
        marks = None if landmarks is None else as_landmarks(landmarks, character.size, picture=character.name)
        length, sequence, clip = _own_motion(backend, driving, options), None, None
        if length is None:
            sequence, clip = _motion(driving, motion, options, character.size, seed)
        own = None if length is None else Path(str(driving))
        audio = None if options.sticker else sound_file(options.audio, clip)
        if audio is not None and audio != clip:
            check_sound(audio, output)
        sources = {"picture": source_record(picture)} | ({"landmarks": source_record(landmarks)} if marks else {})
        sources |= {"motion": {"name": motion}} if motion else {"driving": source_record(driving)}
        sources |= {"audio": source_record(audio)} if audio and audio != clip else {}
        alpha = character.alpha is not None and keeps_alpha(output)
        return cls(
            character, output, marks, sequence, clip, own, length, audio, alpha, overwrite, options, sources,
            tuple(written), tuple(read), is_left_over(output),
        )  # fmt: skip

    @property
    def driving(self) -> Path | None:
        """The file a backend may look at itself."""
        return self.clip or self.motion_file

    def still(self, landmarks: Landmarks) -> LandmarkSequence:
        """The character at rest for as long as ``motion_file`` lasts."""
        assert self.length is not None
        xy = np.broadcast_to(landmarks.xy, (self.length.frames, *landmarks.xy.shape))
        return LandmarkSequence(xy, landmarks.size, self.length.fps, absent=landmarks.absent, hidden=landmarks.hidden)

    def audio_start(self, driving: LandmarkSequence) -> Fraction:
        """Where in ``audio`` the first frame lies [seconds]."""
        if self.audio is None:
            return Fraction(0)
        return sound_start(self.audio, self.clip, driving, self.options.audio_offset)

    def opaque(self, frame: RGBArray) -> RGBArray:
        """The frame as the output can hold it: over white where the format knows no transparency."""
        if self.alpha or frame.shape[2] == 3:
            return frame
        return Picture(frame[..., :3], frame[..., 3]).flat()

    def keep(self, landmarks: Landmarks, driving: LandmarkSequence, moved: LandmarkSequence) -> None:
        """Write the intermediate results that were asked for."""
        from faceshot.formats import write_landmarks, write_sequence

        if self.options.save_landmarks is not None:
            write_landmarks(self.options.save_landmarks, landmarks, overwrite=self.overwrite)
        for path, sequence in ((self.options.save_drive, driving), (self.options.save_sequence, moved)):
            if path is not None:
                write_sequence(path, sequence, overwrite=self.overwrite)

    def record(self, moved: LandmarkSequence, **more: Any) -> dict[str, Any]:
        """What the sidecar says of this animation."""
        size = self.picture.size
        return {
            "output": {"name": self.output.name, "frames": len(moved), "fps": str(moved.fps), "size": list(size)},
            "sources": dict(self.sources),
            "options": options_record(self.options),
            **more,
        }


def options_record(options: AnimateOptions) -> dict[str, Any]:
    """Options as a sidecar tells them: it names files, it does not say where they lie, nor what was kept beside."""
    kept = {name: value for name, value in asdict(options).items() if not name.startswith("save_")}
    for name in ("audio", "model"):
        kept[name] = kept[name] if kept[name] is None else Path(kept[name]).name
    return kept | {"backend_options": without_folders(kept["backend_options"])}


def retarget_options(
    gain: Mapping[str, float] | None,
    only: Collection[str] | None,
    without: Collection[str],
    smooth: bool,
    start_from_picture: bool = False,
) -> RetargetOptions:
    """The controls of motion as :class:`faceshot.retargeting.RetargetOptions`.

    Raises:
        UsageError: unknown part, gain out of range, ``only`` together with ``without``.
    """
    from faceshot.landmarks.topology import MOTION_PARTS
    from faceshot.retargeting import RetargetOptions

    if only is not None and without:
        raise UsageError(
            f"{option('only')} and {option('without')} exclude each other; name the parts that move, or those that rest"
        )
    for name in (*(gain or ()), *(only or ()), *without):
        if name not in (*MOTION_PARTS, "zoom"):
            raise UsageError(f"unknown part {name!r}; parts are {', '.join(MOTION_PARTS)}")
    parts = tuple(part for part in MOTION_PARTS if (only is None or part in only) and part not in without)
    values: dict[str, Any] = dict(gain or {})
    return RetargetOptions(**values, parts=parts, smoothing=smooth, start_from_picture=start_from_picture)


def check_video(
    output: Path, written: Sequence[Path] = (), *, inputs: Sequence[str | Path] = (), overwrite: bool = False
) -> None:
    """Refuse what an animation would write: ``output``, its sidecar and all else in ``written``.

    A sidecar of ours whose video is gone does not block.

    Raises:
        UsageError: an unknown format, or one name for two of them. InputError: as of ``check_output``.
    """
    from faceshot.media import check_format

    check_format(output)
    sidecar = sidecar_path(output)
    check_outputs(
        written or [output, sidecar],
        overwrite=overwrite,
        inputs=inputs,
        replaced=[sidecar, *manifests(output)] if is_left_over(output) else (),
    )


def outputs(output: Path, options: AnimateOptions, backend: Backend) -> list[Path]:
    """Every file an animation writes: video, sidecar, what is kept, and what the backend writes beside it."""
    kept = [options.save_landmarks, options.save_drive, options.save_sequence]
    own = {name: options.backend_options.get(name) for name in getattr(backend, "writes", ())}
    beside = [expanded(path, f"option {name}:") for name, path in own.items() if path is not None]
    return [
        output,
        sidecar_path(output),
        *manifests(output),
        *(Path(path) for path in kept if path is not None),
        *beside,
    ]


def inputs(
    picture: PictureLike,
    driving: DrivingLike | None,
    landmarks: LandmarksLike | None,
    options: AnimateOptions,
    backend: Backend,
) -> list[Path]:
    """Every file an animation reads; what a backend's own options name too, unless the backend says it writes it."""
    written = getattr(backend, "writes", ())
    own = {name: value for name, value in options.backend_options.items() if name not in written}
    audio = None if options.audio in ("driving", "none") else options.audio
    return list(named_files([picture, driving, landmarks, options.model, audio, own]))


def check_kept(options: AnimateOptions) -> None:
    """Refuse names that intermediate results cannot be written under, before there are any.

    Raises:
        UsageError: with the suffixes there are.
    """
    from faceshot.formats import holds_one, is_landmark_file

    for name in ("save_landmarks", "save_drive", "save_sequence"):
        path = getattr(options, name)
        if path is not None and (not is_landmark_file(path) or (name != "save_landmarks" and holds_one(path))):
            known = ".json .npz .npy .coco.json" + (" .pts .labelme.json .xml" if name == "save_landmarks" else "")
            raise UsageError(f"{option(name)} {path} needs one of the suffixes {known}")


def _own_motion(backend: Backend, driving: DrivingLike | None, options: AnimateOptions) -> MotionLength | None:
    """How long the driving file is, where it holds motion of the backend's own kind.

    Raises:
        UsageError: the driving landmarks are to be kept, but there are none.
    """
    length = motion_length(backend, Path(driving)) if isinstance(driving, str | Path) else None
    if length is not None and (options.save_drive is not None or options.save_sequence is not None):
        kept = f"{option('save_drive')} and {option('save_sequence')}"
        raise UsageError(f"{driving} holds no landmarks to keep; leave out {kept}")
    if length is not None and (options.start != 0 or options.stop is not None):
        part = f"{option('start')} and {option('stop')}"
        raise UsageError(f"{driving} holds motion of the backend's own, which is not cut; leave out {part}")
    return length


def _motion(
    driving: DrivingLike | None, motion: str | None, options: AnimateOptions, size: Size, seed: int
) -> tuple[LandmarkSequence | None, Path | None]:
    """Driving landmarks where they are at hand, else the clip to find them in."""
    if motion is not None:
        from faceshot.driving import motion_template

        seconds = options.seconds or motion_seconds(options.audio)
        return motion_template(motion, fps=options.fps or Fraction(30), seconds=seconds, seed=seed), None
    assert driving is not None
    try:
        if not isinstance(driving, str | Path) or is_sequence_file(driving):
            from faceshot.driving import finish

            name = Path(driving).name if isinstance(driving, str | Path) else "the driving sequence"
            found = as_sequence(driving, options.fps, size)
            return finish(found, name, options.start, options.stop, rest=options.rest, gaps=options.gaps), None
        from faceshot.media import probe

        probe(driving)
    except InputError as error:
        if isinstance(driving, str | Path) and (readers := motion_readers(Path(driving))):
            raise UsageError(f"{driving} is motion for {option('backend', ' or '.join(readers))} only") from error
        raise
    return None, Path(driving)
