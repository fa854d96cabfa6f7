"""``faceshot match``: landmarks of one picture, of several, or of a folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from faceshot.cli.typed.options import (
    AcceptFlag,
    BoxFlag,
    Common,
    DomainFlag,
    FaceFlag,
    GalleryFlag,
    GuidanceFlag,
    PointsFlag,
    PresetFlag,
    RegulariseFlag,
    SkipFlag,
    StepsFlag,
    SureFlag,
    load_shot,
    with_common,
)
from faceshot.cli.typed.paths import as_typed, beside, expand
from faceshot.cli.typed.tasks import Task, run_all, tasks_of, unfinished
from faceshot.cli.typed.values import parse_box, parse_face, parse_points
from faceshot.errors import InputError, NoFaceError, UsageError

if TYPE_CHECKING:
    from faceshot.landmarks import Picture
    from faceshot.matching import Match
    from faceshot.pipeline import FaceShot

Format = Literal["json", "npy", "npz", "pts", "coco.json", "labelme.json", "xml"]
FORMATS = (".coco.json", ".labelme.json", ".json", ".npy", ".npz", ".pts", ".xml")


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
    face: FaceFlag = None,
    every: Annotated[bool, typer.Option("--all", help="Every face: one file each, numbered from the left.")] = False,
    min_confidence: SureFlag = None,
    accept: AcceptFlag = False,
    regularise: RegulariseFlag = "robust",
    domain: DomainFlag = None,
    preset: PresetFlag = "mini",
    gallery: GalleryFlag = None,
    guidance: GuidanceFlag = None,
    steps: StepsFlag = None,
) -> None:
    """Find the 68 landmarks of characters.

    One picture gives FILE (.json .npy .npz .pts .coco.json .labelme.json .xml); several, or a folder, give one file
    each in DIR, named after the picture. Where nothing looks like a face, the attempt is drawn and written beside the
    output, to be corrected and given back with --landmarks, and the exit code is 1.
    """
    from faceshot.models import with_settings
    from faceshot.output import check_outputs, protecting

    if not picture:
        raise UsageError("nothing to match; for example: faceshot match cat.png")
    options: dict[str, Any] = {"box": parse_box(box), "points": parse_points(points), "face": parse_face(face)}
    _check_faces(options, every, output, accept, min_confidence)
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
            _to_stdout(shot, tasks[0], options, 0.0 if accept else min_confidence, common)
        else:
            least = 0.0 if accept else min_confidence
            one = partial(_every, shot, options=options) if every else partial(_one, shot, options=options, least=least)
            work = partial(one, overlay=draw, common=common)
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


def _to_stdout(shot: FaceShot, task: Task, options: dict[str, Any], least: float | None, common: Common) -> None:
    from tempfile import TemporaryDirectory

    from faceshot.formats import write_landmarks

    found = _found(shot, task, options, least, common)[1]
    with TemporaryDirectory() as folder:
        file = Path(folder) / task.output.name
        write_landmarks(file, found.landmarks)
        typer.echo(file.read_bytes(), nl=False)


def _found(
    shot: FaceShot, task: Task, options: dict[str, Any], least: float | None, common: Common
) -> tuple[Picture, Match]:
    """The picture and its match; where nothing looks like a face, the attempt is kept and an error raised."""
    from faceshot.media import read_picture
    from faceshot.pipeline import no_face_message

    picture = read_picture(task.picture)
    found = shot.match(picture, **options, strict=False)
    least = shot.matcher.threshold if least is None else least
    if found.confidence < least:
        message = no_face_message(task.picture.name, found.confidence, least)
        raise NoFaceError(f"{message}; {_keep_refused(task, picture, found, common)}")
    common.say(f"{task.picture.name}: confidence {found.confidence:.2f}")
    if found.faces > 1 and options["face"] is None:
        common.say(f"{task.picture.name}: {found.faces} faces, this is one; choose with --face left|right|N or --all")
    return picture, found


def _one(
    shot: FaceShot, task: Task, *, options: dict[str, Any], least: float | None, overlay: bool, common: Common
) -> tuple[dict[str, Any], list[str]]:
    from faceshot.formats import write_landmarks
    from faceshot.output import together

    picture, found = _found(shot, task, options, least, common)
    files = [task.output] + [drawn(task, "overlay")] * overlay
    with together(files):
        write_landmarks(task.output, found.landmarks, overwrite=common.overwrite)
        if overlay:
            _draw(drawn(task, "overlay"), picture, found, common.overwrite)
    return _record(task, task.output, files[1] if overlay else None, found), [str(file) for file in files]


def _every(
    shot: FaceShot, task: Task, *, options: dict[str, Any], overlay: bool, common: Common
) -> tuple[dict[str, Any], list[str]]:
    """All faces of a picture: ``cat.1.landmarks.json``, ``cat.2.landmarks.json``, ..., and one drawing of all."""
    from faceshot.formats import write_landmarks
    from faceshot.media import overlay as draw_over
    from faceshot.media import read_picture, write_picture
    from faceshot.output import check_outputs, together

    picture = read_picture(task.picture)
    found = shot.match_all(picture, regularise=options["regularise"], domains=options["domains"])
    ending = task.output.name[len(task.stem.name) :]
    files = [task.output.with_name(f"{task.stem.name}.{k}{ending}") for k in range(1, len(found) + 1)]
    drawing = drawn(task, "overlay") if overlay else None
    written = [*files, *([drawing] if drawing else [])]
    check_outputs(written, overwrite=common.overwrite, inputs=[task.picture])
    with together(written):
        for file, match in zip(files, found, strict=True):
            write_landmarks(file, match.landmarks, overwrite=common.overwrite)
        if drawing:
            rgb = picture.flat()
            for match in found:
                rgb = draw_over(rgb, match.landmarks)
            write_picture(drawing, rgb, overwrite=common.overwrite)
    common.say(f"{task.picture.name}: {len(found)} face{'s' * (len(found) > 1)}")
    faces = [_record(task, file, drawing, match) for file, match in zip(files, found, strict=True)]
    return {"picture": str(task.picture), "faces": faces}, [str(file) for file in written]


def _record(task: Task, file: Path, drawing: Path | None, found: Match) -> dict[str, Any]:
    """What ``--json`` says of a face."""
    return {
        "picture": str(task.picture),
        "landmarks": str(file),
        "overlay": str(drawing) if drawing else None,
        "confidence": round(float(found.confidence), 4),
        "box": [round(float(side), 2) for side in found.box],
        "faces": found.faces,
        "domains": dict(found.domains),
    }


def _check_faces(
    options: dict[str, Any], every: bool, output: str | None, accept: bool, min_confidence: float | None
) -> None:
    given = {"--box": options["box"], "--points": options["points"], "--face": options["face"]}
    asked = [name for name, value in given.items() if value]
    if every and (asked or output == "-"):
        raise UsageError(f"--all takes every face; {asked[0] if asked else '-o -'} does not go with it")
    if options["face"] and len(asked) > 1:
        raise UsageError(f"--face chooses among the faces found; {asked[0]} says where it is; give one of them")
    if accept and min_confidence is not None:
        raise UsageError("--accept takes any confidence, --min-confidence names the least; give one of them")


def _draw(path: Path, picture: Picture, found: Match, overwrite: bool) -> None:
    from faceshot.media import overlay, write_picture

    write_picture(path, overlay(picture.flat(), found.landmarks), overwrite=overwrite)


def _keep_refused(task: Task, picture: Picture, found: Match, common: Common) -> str:
    """Draw and write the attempt, for the user to judge and correct; what the message says about it."""
    from faceshot.formats import write_landmarks
    from faceshot.output import protected

    path, marks = drawn(task, "refused"), task.stem.with_name(f"{task.stem.name}.refused.json")
    if protected(path) or protected(marks):
        return f"the attempt is not kept, {path if protected(path) else marks} is an input"
    if (path.exists() or marks.exists()) and not common.overwrite:
        return f"an earlier attempt is drawn in {path}"
    _draw(path, picture, found, common.overwrite)
    write_landmarks(marks, found.landmarks, overwrite=common.overwrite)
    return f"the attempt is drawn in {path}; correct its landmarks in {marks}, or take them with --accept"
