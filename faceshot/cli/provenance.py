"""``faceshot provenance``: signed metadata, made and checked."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceshot.cli.typed.options import Common, with_common
from faceshot.errors import InputError

if TYPE_CHECKING:
    from faceshot.provenance import Watermark

provenance = typer.Typer(help="Sign results (C2PA), and check what files say of their making.", no_args_is_help=True)


@provenance.command()
@with_common("quiet", "verbose", "as_json")
def init(common: Common) -> None:
    """Make a key and certificates; from then on mp4, mov, WebP, PNG and GIF of faceshot animate are signed."""
    from faceshot.provenance import Chain, make_chain

    chain = Chain.own()
    make_chain(chain)
    common.say("It proves that a file has not changed since this key signed it, and which inputs it tells of.")
    common.say(
        "It does not prove who you are: programs will say 'signed, not trusted'; give root.pem to who knows you."
    )
    common.say(
        "Your own certificate: put it, with those above it, into chain.pem and its key into key.pem (chmod 600)."
    )
    common.give({"folder": str(chain.folder)}, [str(chain.folder)])


@provenance.command()
@with_common("quiet", "verbose", "as_json")
def check(common: Common, file: Annotated[Path, typer.Argument(metavar="FILE", help="Any picture or video.")]) -> None:
    """Tell what is signed, by whom, whether it holds, and from which inputs; exit code 1 where it does not hold."""
    from faceshot.provenance import inspect_file

    found = inspect_file(file)
    mark = _watermark(file)
    meaning = {
        "trusted": "signed with your certificate, unchanged since",
        "valid": "signed and unchanged, by a signer not known here",
        "invalid": "the signature does not hold",
        "unsigned": "not signed",
    }
    lines = [f"{file.name}: {meaning[found.state]}"]
    told = {"signer": found.signer, "made by": found.generator, "kind": found.source_type}
    lines += [f"  {name}: {text}" for name, text in told.items() if text]
    lines += [f"  input: {title}{' (signed itself)' if own else ''}" for title, own in found.inputs]
    lines += [f"  watermark: {mark.kind} {mark.value}"] if mark else []
    lines += [f"  problem: {code}" for code in found.problems]
    lines += [f"  tag {name}: {text}" for name, text in found.tags.items()]
    common.give({**asdict(found), "watermark": asdict(mark) if mark else None}, lines)
    if found.state == "invalid":
        raise InputError(f"{file.name} was changed after it was signed, or its signature is damaged")


def _watermark(file: Path) -> Watermark | None:
    """What 48 frames of the first 240 carry, or a picture; None where nothing can be decoded."""
    from faceshot.media import read_frames
    from faceshot.pipeline import as_picture
    from faceshot.provenance import read_watermark

    try:
        return read_watermark(islice(read_frames(file), 0, 240, 5))
    except InputError:
        try:
            return read_watermark([as_picture(file).flat()])
        except InputError:
            return None
