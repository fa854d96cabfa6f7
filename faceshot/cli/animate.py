"""``faceshot animate``: picture and motion in, video out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from faceshot.cli.motion import motion_flags
from faceshot.cli.options import (
    CONSENT,
    BoxFlag,
    ClipFlags,
    Common,
    DomainFlag,
    FpsFlag,
    GainFlag,
    GalleryFlag,
    ModeFlag,
    OnlyFlag,
    PointsFlag,
    PresetFlag,
    RegulariseFlag,
    SmoothFlag,
    WithoutFlag,
    load_shot,
    with_common,
)
from faceshot.cli.values import parse_box, parse_fps, parse_pairs, parse_points

_Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="VIDEO", help=".mp4 .mov .mkv .webm .webp .png .gif, or a folder of frames."
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
_Landmarks = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The character's landmarks, instead of matching them.")
]
_BackendOption = Annotated[
    list[str] | None, typer.Option(metavar="K=V", help="The backend's own option (may be repeated).")
]
_Region = Annotated[
    str | None, typer.Option(metavar="NAME", help="liveportrait: only this moves, exp, pose, lip, eyes, or all.")
]
_Parts = Annotated[
    str | None,
    typer.Option(
        metavar="PARTS", help="mofa: only these drive, e.g. eyes+inner_lips (also: face, brows, nose, outer_lips)."
    ),
]
_Fidelity = Annotated[
    str | None, typer.Option(metavar="NAME", help="mofa: corrected, or upstream, the published code's faults included.")
]
_Resume = Annotated[bool, typer.Option("--resume", help="mofa: go on from the same run, interrupted.")]
_Audio = Annotated[str, typer.Option(metavar="driving|none|FILE", help="Sound: the driving clip's, none, or a file's.")]
_AudioOffset = Annotated[
    float, typer.Option(metavar="S", help="Seconds the sound comes later, or earlier if negative.")
]
_SaveLandmarks = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keep the character's landmarks, for editing.")
]
_SaveDrive = Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the driving landmarks.")]
_SaveSequence = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keep the character's landmarks of every frame.")
]


@with_common()
def animate(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The character.")],
    output: _Output,
    how: ClipFlags,
    common: Common,
    driving: _Driving = None,
    motion: _Motion = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long --motion lasts.")] = None,
    landmarks: _Landmarks = None,
    backend: Annotated[str, typer.Option(metavar="NAME", help="See: faceshot backends.")] = "warp",
    backend_option: _BackendOption = None,
    region: _Region = None,
    parts: _Parts = None,
    fidelity: _Fidelity = None,
    resume: _Resume = False,
    audio: _Audio = "driving",
    audio_offset: _AudioOffset = 0.0,
    mode: ModeFlag = "stable",
    gain: GainFlag = None,
    only: OnlyFlag = None,
    without: WithoutFlag = None,
    smooth: SmoothFlag = False,
    fps: FpsFlag = None,
    box: BoxFlag = None,
    points: PointsFlag = None,
    regularise: RegulariseFlag = "robust",
    domain: DomainFlag = None,
    preset: PresetFlag = "mini",
    gallery: GalleryFlag = None,
    save_landmarks: _SaveLandmarks = None,
    save_drive: _SaveDrive = None,
    save_sequence: _SaveSequence = None,
) -> None:
    """Animate a picture with a driving clip or a built-in motion."""
    options = {
        "mode": mode,
        "fps": parse_fps(fps),
        "seconds": seconds,
        "box": parse_box(box),
        "points": parse_points(points),
        "regularise": regularise,
        "domains": domain,
        "audio": audio,
        "audio_offset": audio_offset,
        "backend_options": _own_options(
            backend, backend_option, {"region": region, "parts": parts, "fidelity": fidelity, "resume": resume or None}
        ),
        "save_landmarks": save_landmarks,
        "save_drive": save_drive,
        "save_sequence": save_sequence,
        **how.options(),
        **motion_flags(gain, only, without, smooth),
    }
    shot = load_shot(common, preset=preset, gallery=gallery, backend=backend)
    made = shot.animate(
        picture,
        driving=driving,
        motion=motion,
        landmarks=landmarks,
        output=output,
        overwrite=common.overwrite,
        **options,
    )
    common.say(
        f"{len(made.sequence)} frames at {float(made.sequence.fps):.5g} fps in {sum(made.seconds.values()):.1f} s"
    )
    result = {
        "video": str(made.output),
        "sidecar": str(made.sidecar),
        "frames": len(made.sequence),
        "fps": str(made.sequence.fps),
        "seconds": {stage: round(value, 3) for stage, value in made.seconds.items()},
    }
    common.give(result, [str(made.output)])


def _own_options(backend: str, pairs: list[str] | None, flags: dict[str, Any]) -> dict[str, Any]:
    """The backend's own options, typed as pairs or as the flags that some backends have (``--low-vram`` is not here:
    it is for the matcher too, and the pipeline hands it on)."""
    from faceshot.pipeline import with_flags

    given = {name: value for name, value in flags.items() if value is not None}
    return with_flags(backend, given, parse_pairs(pairs or [], "--backend-option", lists=True))


animate.__doc__ = f"{animate.__doc__}\n\n{CONSENT} The video says that it is generated."
