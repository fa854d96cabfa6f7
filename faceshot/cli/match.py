"""``faceshot match``: landmarks of one picture, of several, or of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from faceshot.cli.options import (
    BoxFlag,
    Common,
    DomainFlag,
    GalleryFlag,
    GuidanceFlag,
    PointsFlag,
    PresetFlag,
    RegulariseFlag,
    StepsFlag,
    load_shot,
    with_common,
)
from faceshot.cli.values import parse_box, parse_points
from faceshot.errors import FaceShotError, InputError, NoFaceError, UsageError

if TYPE_CHECKING:
    from faceshot.landmarks import Picture
    from faceshot.matching import Match
    from faceshot.pipeline import FaceShot

Format = Literal["json", "npy", "npz", "pts", "coco.json"]
FORMATS = (".coco.json", ".json", ".npy", ".npz", ".pts")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")


@dataclass(frozen=True)
class Task:
    """One picture and where its landmarks go; ``stem`` begins the names of overlays."""

    picture: Path
    output: Path
    stem: Path


@with_common()
def match(
    picture: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Pictures, or folders of pictures.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE|DIR", help="Landmark file, or a folder.")],
    common: Common,
    format: Annotated[Format, typer.Option(help="Of the files in a folder.")] = "json",
    overlay: Annotated[bool, typer.Option("--overlay", help="Also draw the landmarks over the picture.")] = False,
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

    options: dict[str, Any] = {"box": parse_box(box), "points": parse_points(points)}
    tasks = plan(picture, output, format)
    if (box or points) and len(tasks) > 1:
        raise UsageError("--box and --points belong to one picture; give a single one")
    shot = load_shot(common, preset=with_settings(preset, guidance=guidance, steps=steps), gallery=gallery)
    written = [path for task in tasks for path in [task.output] + [drawn(task, "overlay")] * overlay]
    read = [*(task.picture for task in tasks), *shot.reads]
    check_outputs(written, overwrite=common.overwrite, inputs=read)
    if len(tasks) == 1:
        from faceshot.media import check_file

        check_file(tasks[0].picture, "picture")
    shot.check_names(domains=domain)
    options |= {"regularise": regularise, "domains": domain}
    with protecting(read):
        _run(shot, tasks, options, overlay, common)


def plan(pictures: Sequence[Path], output: Path, format: str) -> list[Task]:
    """Which picture goes to which file.

    Raises:
        InputError: an empty folder, two pictures for one file, a suffix that is no landmark format.
    """
    many = len(pictures) > 1 or any(path.is_dir() for path in pictures)
    named = output.name.lower().endswith(FORMATS) and not output.is_dir()
    if not many and named:
        return [Task(pictures[0], output, output.with_name(output.name.split(".")[0] or output.name))]
    if named:
        raise UsageError(f"-o {output} is one file, but there are several pictures; name a folder")
    if output.suffix and not output.is_dir() and not many:
        known = " ".join(FORMATS)
        raise UsageError(f"-o {output}: unknown landmark format {output.suffix!r}; use one of {known}, or a folder")
    if output.exists() and not output.is_dir():
        raise InputError(f"-o {output} is a file, a folder is needed here")
    tasks: dict[Path, Task] = {}
    for path in _expand(pictures):
        target = output / f"{path.stem}.{format}"
        if target in tasks:
            raise InputError(f"{tasks[target].picture} and {path} would both become {target}; rename one of them")
        tasks[target] = Task(path, target, output / path.stem)
    return list(tasks.values())


def _expand(pictures: Sequence[Path]) -> list[Path]:
    """Folders become the pictures in them, sorted; the same file given twice counts once."""
    found: dict[Path, None] = {}
    for path in pictures:
        if path.is_dir():
            inside = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in PICTURES and entry.is_file())
            if not inside:
                raise InputError(f"folder {path} holds no pictures ({' '.join(PICTURES)})")
            found.update(dict.fromkeys(inside))
        else:
            found[path] = None
    return list(found)


def drawn(task: Task, kind: str) -> Path:
    """Where a drawing goes: ``cat.overlay.png``, or ``cat.refused.png`` when nothing looked like a face."""
    return task.stem.with_name(f"{task.stem.name}.{kind}.png")


def _run(shot: FaceShot, tasks: list[Task], options: dict[str, Any], overlay: bool, common: Common) -> None:
    from faceshot.progress import progress

    done, failed = [], []
    for task in progress(tasks, "match", total=len(tasks), unit="picture"):
        try:
            result = _one(shot, task, options, overlay, common)
            done.append(result)
            if not common.as_json:
                typer.echo(result["landmarks"])
        except FaceShotError as error:
            # One picture: its own error and exit code. Several: one bad picture must not stop the others.
            if len(tasks) == 1:
                raise
            failed.append({"picture": str(task.picture), "error": str(error)})
            typer.echo(f"error: {error}", err=True)
    if common.as_json:
        common.give({"results": done, "failed": failed}, ())
    if failed:
        typer.echo(f"{len(done)} of {len(tasks)} pictures matched, {len(failed)} failed", err=True)
        raise typer.Exit(1)


def _one(shot: FaceShot, task: Task, options: dict[str, Any], overlay: bool, common: Common) -> dict[str, Any]:
    from faceshot.formats import write_landmarks
    from faceshot.media import read_picture
    from faceshot.output import together
    from faceshot.pipeline import no_face_message

    picture = read_picture(task.picture)
    found = shot.match(picture, **options, strict=False)
    if found.confidence < shot.matcher.threshold:
        message = no_face_message(task.picture.name, found.confidence, shot.matcher.threshold)
        raise NoFaceError(f"{message}; {_draw_refused(task, picture, found, common)}")
    with together([task.output, drawn(task, "overlay")]):
        write_landmarks(task.output, found.landmarks, overwrite=common.overwrite)
        if overlay:
            _draw(drawn(task, "overlay"), picture, found, common.overwrite)
    return {
        "picture": str(task.picture),
        "landmarks": str(task.output),
        "overlay": str(drawn(task, "overlay")) if overlay else None,
        "confidence": round(float(found.confidence), 4),
        "box": [round(float(side), 2) for side in found.box],
        "domains": dict(found.domains),
    }


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
