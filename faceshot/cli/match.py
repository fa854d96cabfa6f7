"""``faceshot match``: landmarks of one picture, of several, or of a folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from faceshot.cli.batch import Task, run_all, tasks_of, unfinished
from faceshot.cli.options import (
    BoxFlag,
    Common,
    DomainFlag,
    GalleryFlag,
    GuidanceFlag,
    PointsFlag,
    PresetFlag,
    RegulariseFlag,
    SkipFlag,
    StepsFlag,
    load_shot,
    with_common,
)
from faceshot.cli.paths import as_typed, beside, expand
from faceshot.cli.values import parse_box, parse_points
from faceshot.errors import InputError, NoFaceError, UsageError

if TYPE_CHECKING:
    from faceshot.landmarks import Picture
    from faceshot.matching import Match
    from faceshot.pipeline import FaceShot

Format = Literal["json", "npy", "npz", "pts", "coco.json"]
FORMATS = (".coco.json", ".json", ".npy", ".npz", ".pts")


@with_common()
def match(
    common: Common,
    picture: Annotated[
        list[Path] | None, typer.Argument(metavar="PICTURE", help="Pictures, or folders of pictures.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR|-",
            help="Landmark file, a folder, or - for stdout. Default: PICTURE.landmarks.json and an overlay, beside "
            "the picture.",
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="Of files that -o does not name.")] = "json",
    overlay: Annotated[
        bool | None,
        typer.Option(
            "--overlay/--no-overlay", help="Also draw the landmarks over the picture (default: where -o is left out)."
        ),
    ] = None,
    skip_existing: SkipFlag = False,
    box: BoxFlag = None,
    points: PointsFlag = None,
    regularise: RegulariseFlag = "robust",
    domain: DomainFlag = None,
    preset: PresetFlag = "mini",
    gallery: GalleryFlag = None,
    guidance: GuidanceFlag = None,
    steps: StepsFlag = None,
) -> None:
    """Find the 68 landmarks of characters.

    One picture gives FILE (.json .npy .npz .pts .coco.json); several, or a folder, give one file each in DIR, named
    after the picture. Where nothing looks like a face, the attempt is drawn beside the output and the exit code is 1.
    """
    from faceshot.models import with_settings
    from faceshot.output import check_outputs, protecting

    if not picture:
        raise UsageError("nothing to match; for example: faceshot match cat.png")
    options: dict[str, Any] = {"box": parse_box(box), "points": parse_points(points)}
    if output == "-":
        _check_stdout(picture, overlay, common)
    tasks = plan(picture, output, format)
    if (box or points) and len(tasks) > 1:
        raise UsageError("--box and --points belong to one picture; give a single one")
    draw = output is None if overlay is None else overlay
    alone = len(tasks) == 1
    if output != "-":
        tasks = unfinished(tasks, skip_existing, common)
    shot = load_shot(common, preset=with_settings(preset, guidance=guidance, steps=steps), gallery=gallery)
    read = [*(task.picture for task in tasks), *shot.reads]
    if output != "-":
        written = [path for task in tasks for path in [task.output] + [drawn(task, "overlay")] * draw]
        check_outputs(written, overwrite=common.overwrite, inputs=read)
    if alone and tasks:
        from faceshot.media import check_file

        check_file(tasks[0].picture, "picture")
    shot.check_names(domains=domain)
    options |= {"regularise": regularise, "domains": domain}
    with protecting(read):
        if output == "-":
            _to_stdout(shot, tasks[0], options, common)
        else:
            work = partial(_one, shot, options=options, overlay=draw, common=common)
            run_all(tasks, work, common, alone=alone, label="match", done_word="matched")


def plan(pictures: list[Path], output: str | None, format: str) -> list[Task]:
    """Which picture goes to which file.

    Raises:
        InputError: an empty folder, two pictures for one file, a suffix that is no landmark format.
    """
    if output is None:
        return tasks_of(expand(pictures), lambda path: beside(path, f"{path.stem}.landmarks.{format}"))
    if output == "-":
        return tasks_of(pictures, lambda path: Path(f"{path.stem}.{format}"))
    place = Path(as_typed(output))
    many = len(pictures) > 1 or any(path.is_dir() for path in pictures)
    named = place.name.lower().endswith(FORMATS) and not place.is_dir()
    if not many and named:
        return [Task(pictures[0], place, place.with_name(place.name.split(".")[0] or place.name))]
    if named:
        raise UsageError(f"-o {place} is one file, but there are several pictures; name a folder")
    if place.suffix and not place.is_dir() and not many:
        known = " ".join(FORMATS)
        raise UsageError(f"-o {place}: unknown landmark format {place.suffix!r}; use one of {known}, or a folder")
    if place.exists() and not place.is_dir():
        raise InputError(f"-o {place} is a file, a folder is needed here")
    return tasks_of(expand(pictures), lambda path: place / f"{path.stem}.{format}")


def drawn(task: Task, kind: str) -> Path:
    """Where a drawing goes: ``cat.overlay.png``, or ``cat.refused.png`` when nothing looked like a face."""
    return task.stem.with_name(f"{task.stem.name}.{kind}.png")


def _check_stdout(pictures: list[Path], overlay: bool | None, common: Common) -> None:
    if len(pictures) > 1 or pictures[0].is_dir():
        raise UsageError("-o - holds the landmarks of one picture; give a single one, or name a folder")
    if overlay or common.as_json:
        raise UsageError(f"-o - and {'--overlay' if overlay else '--json'} exclude each other; name a file with -o")


def _to_stdout(shot: FaceShot, task: Task, options: dict[str, Any], common: Common) -> None:
    from tempfile import TemporaryDirectory

    from faceshot.formats import write_landmarks

    found = _found(shot, task, options, common)[1]
    with TemporaryDirectory() as folder:
        file = Path(folder) / task.output.name
        write_landmarks(file, found.landmarks)
        typer.echo(file.read_bytes(), nl=False)


def _found(shot: FaceShot, task: Task, options: dict[str, Any], common: Common) -> tuple[Picture, Match]:
    """The picture and its match; where nothing looks like a face, the attempt is drawn and an error raised."""
    from faceshot.media import read_picture
    from faceshot.pipeline import no_face_message

    picture = read_picture(task.picture)
    found = shot.match(picture, **options, strict=False)
    if found.confidence < shot.matcher.threshold:
        message = no_face_message(task.picture.name, found.confidence, shot.matcher.threshold)
        raise NoFaceError(f"{message}; {_draw_refused(task, picture, found, common)}")
    common.say(f"{task.picture.name}: confidence {found.confidence:.2f}")
    return picture, found


def _one(
    shot: FaceShot, task: Task, *, options: dict[str, Any], overlay: bool, common: Common
) -> tuple[dict[str, Any], list[str]]:
    from faceshot.formats import write_landmarks
    from faceshot.output import together

    picture, found = _found(shot, task, options, common)
    files = [task.output] + [drawn(task, "overlay")] * overlay
    with together(files):
        write_landmarks(task.output, found.landmarks, overwrite=common.overwrite)
        if overlay:
            _draw(drawn(task, "overlay"), picture, found, common.overwrite)
    result = {
        "picture": str(task.picture),
        "landmarks": str(task.output),
        "overlay": str(files[1]) if overlay else None,
        "confidence": round(float(found.confidence), 4),
        "box": [round(float(side), 2) for side in found.box],
        "domains": dict(found.domains),
    }
    return result, [str(file) for file in files]


def _draw(path: Path, picture: Picture, found: Match, overwrite: bool) -> None:
    from faceshot.media import overlay, write_picture

    write_picture(path, overlay(picture.flat(), found.landmarks), overwrite=overwrite)


def _draw_refused(task: Task, picture: Picture, found: Match, common: Common) -> str:
    """Draw the attempt for the user to judge; what the message says about it."""
    from faceshot.output import protected

    path = drawn(task, "refused")
    if protected(path):
        return f"the attempt is not drawn, {path} is an input"
    if path.exists() and not common.overwrite:
        return f"an earlier attempt is drawn in {path}"
    _draw(path, picture, found, common.overwrite)
    return f"the attempt is drawn in {path}"
