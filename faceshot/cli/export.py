"""``faceshot export``: a motion as files for another program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceshot.cli.typed.options import CONSENT, ClipFlags, Common, GalleryFlag, PresetFlag, load_shot, with_common
from faceshot.cli.typed.paths import beside
from faceshot.errors import UsageError


@with_common()
def export(
    common: Common,
    how: ClipFlags,
    driving: Annotated[
        Path | None, typer.Argument(metavar="CLIP|DRIVE", help="Clip, animation of ours, or file of faceshot drive.")
    ] = None,
    program: Annotated[
        str | None, typer.Option("--for", metavar="NAME", help="The program; --list tells which there are.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE",
            help="Folder, or one file where its suffix says which. Default: CLIP-NAME/, beside the clip.",
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A character the motion is brought onto first.")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its landmarks, instead of matching them.")
    ] = None,
    motion: Annotated[
        str | None, typer.Option(metavar="NAME", help="Built-in motion: talk laugh nod shake wink surprise sing idle.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long --motion lasts, 0.5 to 600.")] = None,
    preset: PresetFlag = "mini",
    gallery: GalleryFlag = None,
    list_all: Annotated[bool, typer.Option("--list", help="Tell what each program gets, and stop.")] = False,
) -> None:
    """Write a motion as the files another program reads: rigs, editors, game engines, other renderers."""
    from faceshot.export import FORMATS
    from faceshot.export import export as write

    if list_all:
        rows = {name: {"writes": form.summary, "files": list(form.files), "run": form.run, "picture": form.picture}
                for name, form in FORMATS.items()}  # fmt: skip
        needs = {"needed": " (--picture)", "used": " (--picture, if you like)", "no": ""}
        lines = [f"{name:22} {form.summary}{needs[form.picture]}" for name, form in FORMATS.items()]
        common.give(rows, lines)
        return
    if program is None:
        raise UsageError("for which program? For example: faceshot export me.mp4 --for blender (--list tells all)")
    if output is None:
        source = driving or picture
        name = f"{(motion or 'motion') if driving is None else driving.name.split('.')[0] or 'clip'}-{program}"
        output = Path(name) if source is None else beside(source, name)
    shot = load_shot(common, preset=preset, gallery=gallery)
    paths = write(
        driving, program, output, picture=picture, landmarks=landmarks, motion=motion, seconds=seconds,
        overwrite=common.overwrite, shot=shot, **how.options(),
    )  # fmt: skip
    common.give({"program": program, "files": [str(path) for path in paths]}, [str(path) for path in paths])


export.__doc__ = f"{export.__doc__}\n\n{CONSENT}"
