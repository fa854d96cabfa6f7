"""``faceshot animate``: picture and motion in, video out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceshot.cli.motion import motion_flags
from faceshot.cli.typed.options import (
    CONSENT,
    UNSIGNED,
    BoxFlag,
    ClipFlags,
    Common,
    DomainFlag,
    FpsFlag,
    GainFlag,
    GalleryFlag,
    ModeFlag,
    NoProvenanceFlag,
    OnlyFlag,
    PointsFlag,
    PresetFlag,
    RegulariseFlag,
    SkipFlag,
    SmoothFlag,
    StartFlag,
    WithoutFlag,
    load_shot,
    with_common,
)
from faceshot.cli.typed.paths import as_typed
from faceshot.cli.typed.tasks import Task, run_all, unfinished
from faceshot.cli.typed.values import parse_box, parse_face, parse_fps, parse_pairs, parse_points
from faceshot.cli.typed.videos import VideoFormat, backend_among, check_videos, plan, split
from faceshot.errors import UsageError

if TYPE_CHECKING:
    from faceshot.pipeline import FaceShot

#: What a picture does when nothing says what.
DEFAULT_MOTION = "talk"

_Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="VIDEO|DIR/",
        help=".mp4 .mov .mkv .webm .webp .png .gif, or a folder: of frames (of one picture) or of videos (of several). "
        "Default: PICTURE.mp4, beside the picture.",
    ),
]
_Driving = Annotated[
    Path | None,
    typer.Option(
        "--driving",
        "-d",
        metavar="CLIP|DRIVE",
        help="Clip, a file of faceshot drive, or a motion template (liveportrait: .npz, .pkl).",
    ),
]
_Motion = Annotated[
    str | None, typer.Option(metavar="NAME", help="Built-in motion: talk laugh nod shake wink surprise sing idle.")
]
_Seconds = Annotated[
    float | None,
    typer.Option(metavar="S", help="How long --motion lasts, 0.5 to 600 (default: its own length, 2.2 to 7.2)."),
]
_Format = Annotated[VideoFormat, typer.Option(help="Of videos that -o does not name.")]
_Frames = Annotated[bool, typer.Option("--frames", help="A folder of PNG frames instead of a video.")]
_Landmarks = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="The character's landmarks, instead of matching them (repeated: of several)."),
]
_CharacterFace = Annotated[
    str | None,
    typer.Option(metavar="largest|left|right|N", help="Which of several faces in the picture (--face is the clip's)."),
]
_Every = Annotated[
    bool,
    typer.Option("--all", help="Every face of the picture moves: PICTURE CLIP, or a clip each, PICTURE CLIP CLIP."),
]
_BackendOption = Annotated[
    list[str] | None, typer.Option(metavar="K=V", help="The backend's own option (may be repeated).")
]
_Region = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="liveportrait: only this moves, exp, pose, lip, eyes, or all; wan: picture, face, or auto."
    ),
]
_Parts = Annotated[
    str | None,
    typer.Option(
        metavar="PARTS", help="mofa: only these drive, e.g. eyes+inner_lips (also: face, brows, nose, outer_lips)."
    ),
]
_Fidelity = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="mofa, aniportrait: corrected, or upstream, the published code's faults included."
    ),
]
_Resume = Annotated[bool, typer.Option("--resume", help="mofa, aniportrait: go on from the same run, interrupted.")]


@dataclass(frozen=True)
class Delivery:
    """The flags of what the video is for: its sound, its size, a messenger's limits."""

    audio: Annotated[
        str, typer.Option(metavar="driving|none|FILE", help="Sound: the driving clip's, none, or a file's.")
    ] = "driving"
    audio_offset: Annotated[
        float, typer.Option(metavar="S", help="Seconds the sound comes later, or earlier if negative.")
    ] = 0.0
    max_side: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Longest side of the video; a larger picture is scaled down.", min=48),
    ] = None
    sticker: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Meet a messenger's limits: whatsapp (.webp), telegram (.webm), discord (.png), web (.webp).",
        ),
    ] = None

    watermark: Annotated[
        str | None,
        typer.Option(metavar="TEXT|auto", help="Carried unseen by every frame: at most 8 bytes, or an id (auto)."),
    ] = None
    no_provenance: NoProvenanceFlag = False

    def options(self) -> dict[str, Any]:
        """As arguments of :meth:`faceshot.FaceShot.animate`."""
        sound = {"audio": as_typed(self.audio), "audio_offset": self.audio_offset}
        return {**sound, "max_side": self.max_side, "watermark": self.watermark}


_SaveLandmarks = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keep the character's landmarks, for editing.")
]
_Pictures = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PICTURE [CLIP]", help="The character, and what drives it; or a folder of them."),
]
_SaveDrive = Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the driving landmarks.")]
_SaveSequence = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keep the character's landmarks of every frame.")
]


@with_common()
def animate(
    *,
    common: Common,
    picture: _Pictures = None,
    output: _Output = None,
    driving: _Driving = None,
    motion: _Motion = None,
    seconds: _Seconds = None,
    landmarks: _Landmarks = None,
    backend: Annotated[str, typer.Option(metavar="NAME", help="See: faceshot backends.")] = "warp",
    backend_option: _BackendOption = None,
    region: _Region = None,
    parts: _Parts = None,
    fidelity: _Fidelity = None,
    resume: _Resume = False,
    delivery: Delivery,
    format: _Format = "mp4",
    frames: _Frames = False,
    skip_existing: SkipFlag = False,
    mode: ModeFlag = "stable",
    gain: GainFlag = None,
    only: OnlyFlag = None,
    without: WithoutFlag = None,
    smooth: SmoothFlag = False,
    start_from_picture: StartFlag = False,
    how: ClipFlags,
    fps: FpsFlag = None,
    box: BoxFlag = None,
    points: PointsFlag = None,
    character_face: _CharacterFace = None,
    every: _Every = False,
    regularise: RegulariseFlag = "robust",
    domain: DomainFlag = None,
    preset: PresetFlag = "mini",
    gallery: GalleryFlag = None,
    save_landmarks: _SaveLandmarks = None,
    save_drive: _SaveDrive = None,
    save_sequence: _SaveSequence = None,
) -> None:
    """Animate pictures with a driving clip or a built-in motion."""
    words, backend = backend_among(picture or [], backend)
    if not words:
        raise UsageError(f"nothing to animate; for example: faceshot animate {_named(backend)}cat.png me.mp4")
    pictures, clips = split(words, driving, motion, several=every)
    preset, sticker, format = _delivered(preset, delivery.sticker, format)
    tasks = plan(pictures, output, format, frames, clips, common)
    own = {"landmarks": landmarks or None, "box": box, "points": points, "save_landmarks": save_landmarks}
    own |= {"save_drive": save_drive, "save_sequence": save_sequence}
    if len(tasks) > 1 and (given := [name for name, value in own.items() if value is not None]):
        raise UsageError(f"--{given[0].replace('_', '-')} belongs to one picture; give a single one")
    options = {
        **own,
        "mode": mode,
        "fps": parse_fps(fps),
        "seconds": seconds,
        "box": parse_box(box),
        "points": parse_points(points),
        "character_face": _whose(character_face, every),
        "regularise": regularise,
        "domains": domain,
        "sticker": sticker,
        "backend_options": _own_options(
            backend, backend_option, {"region": region, "parts": parts, "fidelity": fidelity, "resume": resume or None}
        ),
        **delivery.options(),
        **how.options(),
        **motion_flags(gain, only, without, smooth, start_from_picture),
    }
    if not clips and motion is None:
        motion = DEFAULT_MOTION
        common.say(f"motion {motion}; another: --motion NAME, a clip's: faceshot animate {words[0]} CLIP")
    shot = load_shot(common, preset=preset, gallery=gallery, backend=backend)
    todo = unfinished(tasks, skip_existing, common)
    check_videos(todo, [*clips, *(landmarks or [])], common)
    options |= {"driving": clips or None, "motion": motion}
    work = partial(_one, shot, common=common, signs=not delivery.no_provenance, options=options)
    if len(tasks) == 1 and todo:
        common.give(*work(todo[0]))
    else:
        run_all(todo, work, common, alone=False, label="pictures", done_word="animated")


def _delivered(preset: str, sticker: str | None, format: VideoFormat) -> tuple[str, str | None, VideoFormat]:
    """The matcher's preset, the sticker, and the format of names that -o does not say; ``--preset telegram`` means the
    sticker, because the matcher has no preset of such a name."""
    from faceshot.media import STICKERS

    if preset in STICKERS:
        if sticker not in (None, preset):
            raise UsageError(f"--preset {preset} and --sticker {sticker} exclude each other; give one")
        preset, sticker = "mini", preset
    if sticker is not None and sticker not in STICKERS:
        raise UsageError(f"--sticker: unknown {sticker!r}; stickers are {', '.join(STICKERS)}")
    own = STICKERS[sticker].suffixes if sticker else ()
    return preset, sticker, own[0][1:] if own and f".{format}" not in own else format  # type: ignore[return-value]


def _whose(character_face: str | None, every: bool) -> Any:
    if every and character_face is not None:
        raise UsageError("--all takes every face; --character-face does not go with it")
    return "all" if every else parse_face(character_face)


def _named(backend: str) -> str:
    return f"--backend {backend} " if backend != "warp" else ""


def _one(
    shot: FaceShot,
    task: Task,
    *,
    common: Common,
    signs: bool,
    options: dict[str, Any],
) -> tuple[dict[str, Any], list[str]]:
    from faceshot.provenance import unsigned

    with unsigned(off=not signs):
        made = shot.animate(task.picture, output=task.output, overwrite=common.overwrite, **options)
    if not signs:
        common.say(f"{made.output.name} is {UNSIGNED}")
    common.say(
        f"{task.picture.name}: {len(made.sequence)} frames at {float(made.sequence.fps):.5g} fps "
        f"in {sum(made.seconds.values()):.1f} s{f', {1 + len(made.others)} faces' if made.others else ''}"
    )
    result = {
        "picture": str(task.picture),
        "faces": 1 + len(made.others),
        "video": str(made.output),
        "sidecar": str(made.sidecar),
        "frames": len(made.sequence),
        "fps": str(made.sequence.fps),
        "seconds": {stage: round(value, 3) for stage, value in made.seconds.items()},
    }
    return result, [str(made.output)]


def _own_options(backend: str, pairs: list[str] | None, flags: dict[str, Any]) -> dict[str, Any]:
    """The backend's own options, typed as pairs or as the flags that some backends have (``--low-vram`` is not here:
    it is for the matcher too, and the pipeline hands it on)."""
    from faceshot.pipeline import with_flags

    given = {name: value for name, value in flags.items() if value is not None}
    return with_flags(backend, given, parse_pairs(pairs or [], "--backend-option", lists=True))


animate.__doc__ = f"{animate.__doc__}\n\n{CONSENT} The video says that it is generated."
