"""``faceshot demo``: a page in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceshot.cli.typed.options import CONSENT, Common, GalleryFlag, PresetFlag, load_shot, with_common


@with_common("device", "dtype", "low_vram", "seed", "offline", "cache_dir", "quiet", "verbose")
def demo(
    common: Common,
    port: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=65535, help="Port (default: the first free one from 7860).")
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; others need --auth.")] = "127.0.0.1",
    share: Annotated[
        bool, typer.Option("--share", help="Also through Gradio's public tunnel; needs --auth and the network.")
    ] = False,
    auth: Annotated[str | None, typer.Option(metavar="USER:PASSWORD", help="Who may use the page.")] = None,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="A picture to begin with.")] = None,
    landmarks: Annotated[Path | None, typer.Option(metavar="FILE", help="Its landmarks, instead of matching.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    preset: PresetFlag = "mini",
    gallery: GalleryFlag = None,
) -> None:
    """Open a page in the browser: drop a picture, drag landmarks, choose a motion, get a video.

    The address is printed; Ctrl-C ends it. Only this machine can reach the page unless --host or --share say otherwise.
    """
    from faceshot.demo import serve

    shot = load_shot(common, preset=preset, gallery=gallery)
    common.say("starting; Ctrl-C ends it")
    try:
        serve(
            shot, host=host, port=port, share=share, auth=auth, picture=picture, landmarks=landmarks, browser=browser,
            ready=_announce,
        )  # fmt: skip
    except KeyboardInterrupt:
        common.say("\nclosed; what visitors left is deleted")


def _announce(address: str) -> None:
    import sys

    typer.echo(address)
    sys.stdout.flush()


demo.__doc__ = f"{demo.__doc__}\n\n{CONSENT} Every video says that it is generated."
