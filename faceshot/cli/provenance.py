"""``faceshot provenance``: signed metadata, made and checked."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from faceshot.cli.typed.options import Common, with_common
from faceshot.errors import InputError

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
    lines += [f"  problem: {code}" for code in found.problems]
    lines += [f"  tag {name}: {text}" for name, text in found.tags.items()]
    common.give(asdict(found), lines)
    if found.state == "invalid":
        raise InputError(f"{file.name} was changed after it was signed, or its signature is damaged")
