"""``faceshot sheet``: one picture in every pose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceshot.cli.typed.options import (
    CONSENT,
    UNSIGNED,
    BoxFlag,
    Common,
    GalleryFlag,
    NoProvenanceFlag,
    PointsFlag,
    PresetFlag,
    load_shot,
    with_common,
)
from faceshot.cli.typed.paths import beside
from faceshot.cli.typed.values import parse_box, parse_points
from faceshot.errors import UsageError


@with_common()
def sheet(
    common: Common,
    picture: Annotated[Path | None, typer.Argument(metavar="PICTURE", help="The character.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder. Default: PICTURE-sheet, beside it.")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The character's landmarks, instead of matching them.")
    ] = None,
    box: BoxFlag = None,
    points: PointsFlag = None,
    only: Annotated[
        str | None,
        typer.Option(metavar="GROUPS", help="Of arkit, visemes, emotions, blinks, gaze, pngtuber; e.g. visemes,gaze."),
    ] = None,
    max_side: Annotated[
        int | None, typer.Option(metavar="PX", min=48, help="Shrink the picture to this longer side first.")
    ] = None,
    preset: PresetFlag = "mini",
    gallery: GalleryFlag = None,
    no_provenance: NoProvenanceFlag = False,
) -> None:
    """Draw a character in 88 poses: ARKit's 52, visemes, emotions, blinks, looks, and the states of a PNGTuber.

    Every pose is a PNG of the picture's size, transparent where the picture is; beside them a contact sheet, a JSON
    file with the landmarks of each, and a page for OBS.
    """
    from faceshot.media import read_picture
    from faceshot.provenance import unsigned
    from faceshot.sheet import make_sheet

    if picture is None:
        raise UsageError("which character? For example: faceshot sheet cat.png")
    groups = None if only is None else [word.strip() for word in only.split(",") if word.strip()]
    output = output or beside(picture, f"{picture.name.split('.')[0] or 'picture'}-sheet")
    shot = load_shot(common, preset=preset, gallery=gallery)
    shown = read_picture(picture)
    given = landmarks
    if landmarks is None and (box is not None or points is not None):
        given = shot.match(shown, box=parse_box(box), points=parse_points(points)).landmarks  # type: ignore[assignment]
    if shown.alpha is None:
        common.say(f"{picture.name} has no transparency, so the poses have none; cut it out first if you want some")
    with unsigned(off=no_provenance):
        paths = make_sheet(
            picture, output, landmarks=given, groups=groups, max_side=max_side, overwrite=common.overwrite, shot=shot
        )
    if no_provenance:
        common.say(f"the pictures are {UNSIGNED}")
    common.give({"sheet": str(output), "files": [str(path) for path in paths]}, [str(output / "sheet.png")])


sheet.__doc__ = f"{sheet.__doc__}\n\n{CONSENT}"
