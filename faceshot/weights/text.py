"""What is said about weight files that are not here: name, licence, where was looked, the command."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from faceshot.weights.places import looked_in
from faceshot.weights.table import Weight

#: What gets back what is shipped with us.
REINSTALL: Final = "run: pip install --force-reinstall faceshot"


def licence_note(weight: Weight) -> str:
    """Said where commercial use is not plainly allowed."""
    if weight.commercial:
        return ""
    rule = "no commercial use" if weight.commercial is False else "commercial use not stated"
    return f" (licence: {weight.licence}; {rule})"


def absent(weight: Weight, cache_dir: str | Path | None) -> str:
    source = weight.repository or weight.source
    return f"{weight.file} of {source}{licence_note(weight)} is not on this machine ({looked_in(weight, cache_dir)})"


def lack(weight: Weight, asked: str) -> str:
    if weight.source.startswith("package:"):
        return f"package {weight.source[8:]} is not installed; {REINSTALL}"
    use = {True: "", False: ", no commercial use", None: ", commercial use not stated"}[weight.commercial]
    source = weight.repository or weight.source.rpartition("/")[0]
    return f"{weight.file} of {source} (licence: {weight.licence}{use}) is not here; {command(asked)}"


def command(name: str) -> str:
    return f"run: faceshot weights fetch {name}"
