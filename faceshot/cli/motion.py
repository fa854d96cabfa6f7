"""``faceshot drive`` and ``faceshot retarget``: motion out of a clip, and onto a character."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceshot.cli.typed.options import (
    CONSENT,
    BoxFlag,
    ClipFlags,
    Common,
    FpsFlag,
    GainFlag,
    ModeFlag,
    OnlyFlag,
    SmoothFlag,
    StartFlag,
    WithoutFlag,
    load_shot,
    with_common,
)
from faceshot.cli.typed.paths import beside
from faceshot.cli.typed.values import parse_box, parse_fps, parse_gain, parse_parts, parse_size
from faceshot.errors import UsageError

if TYPE_CHECKING:
    from faceshot.landmarks import LandmarkSequence


@with_common()
def drive(
    *,
    common: Common,
    clip: Annotated[
        Path | None, typer.Argument(metavar="CLIP", help="Video, animated picture or folder of frames.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Sequence file (.npz .json .npy; .csv for blendshapes). Default: CLIP.landmarks.npz, beside the clip.",
        ),
    ] = None,
    how: ClipFlags,
    box: BoxFlag = None,
    landmarks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of the first frame, for track, instead of matching them.")
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(metavar="VIDEO", help="Also draw the landmarks over the clip.")
    ] = None,
) -> None:
    """Find the 68 landmarks in every frame of a driving clip; a landmark file is cut and completed."""
    from faceshot.formats import is_landmark_file, write_sequence
    from faceshot.media import check_file, check_format, probe
    from faceshot.output import check_outputs, together

    if clip is None:
        raise UsageError("nothing to look at; for example: faceshot drive me.mp4")
    options = how.options()
    if box is not None and how.face is not None:
        raise UsageError("--box and --face exclude each other; give one")
    if box is not None:
        options["face"] = parse_box(box)
    output = output or beside(clip, f"{clip.stem}.landmarks.npz")
    check_sequence_suffix(output)
    if output.suffix.lower() == ".csv" and (options["source"] in ("track", "facexlib") or landmarks is not None):
        raise UsageError(f"-o {output}: blendshapes come from source facemesh only; use --source facemesh")
    written = [output] if overlay is None else [output, overlay]
    check_outputs(written, overwrite=common.overwrite, inputs=[clip, options["model"], landmarks])
    if overlay is not None:
        check_format(overlay)
    if not clip.is_dir():
        check_file(clip, "clip")
    if not is_landmark_file(clip):
        probe(clip)
    elif overlay is not None or landmarks is not None:
        raise UsageError(f"{clip} is a landmark file: there is no clip to draw over or to track in")
    sequence = load_shot(common).drive(clip, landmarks=landmarks, **options)
    with together(written):
        write_sequence(output, sequence, overwrite=common.overwrite)
        if overlay is not None:
            _draw_over(clip, sequence, overlay, common.overwrite)
    lines = [str(path) for path in written]
    result = {
        "sequence": str(output),
        "overlay": str(overlay) if overlay else None,
        "frames": len(sequence),
        "fps": str(sequence.fps),
        "rest": sequence.rest,
        "start": sequence.start,
        "size": list(sequence.size),
    }
    common.give(result, lines)


def _draw_over(clip: Path, sequence: LandmarkSequence, output: Path, overwrite: bool) -> None:
    """The part of the clip that the sequence is of, with the landmarks drawn into every frame; streamed."""
    from faceshot.media import VideoWriter, drawn_frames, probe, read_frames
    from faceshot.progress import progress

    info = probe(clip)
    start = sequence.start
    frames = progress(read_frames(clip, start=start, stop=start + len(sequence)), "overlay", total=len(sequence))
    with VideoWriter(
        output, info.size, info.fps, audio_from=clip, audio_start=start / info.fps, overwrite=overwrite
    ) as writer:
        for frame in drawn_frames(frames, sequence, info.fps):
            writer.write(frame)


drive.__doc__ = f"{drive.__doc__}\n\n{CONSENT}"


@with_common()
def retarget(
    common: Common,
    landmarks: Annotated[
        Path | None, typer.Argument(metavar="LANDMARKS", help="The character's landmark file.")
    ] = None,
    driving: Annotated[Path | None, typer.Argument(metavar="DRIVE", help="Sequence file from faceshot drive.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="SEQ",
            help="Sequence file of the character. Default: LANDMARKS.moved.npz, beside them.",
        ),
    ] = None,
    mode: ModeFlag = "stable",
    gain: GainFlag = None,
    only: OnlyFlag = None,
    without: WithoutFlag = None,
    smooth: SmoothFlag = False,
    start_from_picture: StartFlag = False,
    fps: FpsFlag = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Picture size, kept where LANDMARKS has none (.npy, .pts).")
    ] = None,
) -> None:
    """Move a character's landmarks as a driving sequence moves."""
    from faceshot.formats import read_content, write_sequence
    from faceshot.output import check_output

    if landmarks is None or driving is None:
        raise UsageError("retarget takes two files; for example: faceshot retarget cat.landmarks.json me.landmarks.npz")
    options = motion_flags(gain, only, without, smooth, start_from_picture)
    output = output or beside(landmarks, f"{landmarks.name.split('.')[0] or landmarks.name}.moved.npz")
    rate, pixels = parse_fps(fps), parse_size(size)
    check_sequence_suffix(output)
    check_output(output, overwrite=common.overwrite, inputs=[landmarks, driving])
    moved = load_shot(common).retarget(landmarks, driving, mode=mode, size=pixels, fps=rate, **options)
    sized = pixels is not None or read_content(landmarks).size is not None
    write_sequence(output, moved, overwrite=common.overwrite, sized=sized)
    common.give({"sequence": str(output), "frames": len(moved), "fps": str(moved.fps)}, [str(output)])


def motion_flags(
    gain: str | None, only: str | None, without: str | None, smooth: bool, start_from_picture: bool
) -> dict[str, Any]:
    """The flags of motion as arguments of :meth:`faceshot.FaceShot.retarget`."""
    from faceshot.landmarks.topology import MOTION_PARTS

    return {
        "gain": parse_gain(gain, MOTION_PARTS),
        "only": parse_parts(only, "--only", MOTION_PARTS),
        "without": parse_parts(without, "--without", MOTION_PARTS) or frozenset(),
        "smooth": smooth,
        "start_from_picture": start_from_picture,
    }


def check_sequence_suffix(path: Path) -> None:
    """A sequence can be written under this name."""
    if path.suffix.lower() not in (".json", ".npy", ".npz", ".csv"):
        raise UsageError(
            f"-o {path}: unknown sequence format {path.suffix!r}; use .npz, .json or .npy, or .csv for blendshapes"
        )
