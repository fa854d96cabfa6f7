"""The formats there are: what each writes, what it needs, and how its program is fed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True)
class Format:
    """One program's files.

    Attributes:
        name: as given to ``export``.
        summary: what is written, one line.
        run: how it is used there, one line.
        files: names of everything written into the folder, beside ``README.txt``. single: each of them is good on its
            own, so that one may be asked for by its suffix.
        extra: files written too where there is a picture.
        picture: whether the character's picture is needed, used where given, or of no use.
        writer: module of this package with ``write(job, target)``.
    """

    name: str
    summary: str
    run: str
    files: tuple[str, ...]
    single: bool = False
    extra: tuple[str, ...] = ()
    picture: Literal["needed", "used", "no"] = "no"
    writer: str = ""


_ALL = (
    Format(
        "arkit",
        "52 blendshapes and the head's turn: Live Link Face CSV, and the layout of Audio2Face's JSON",
        "Import face.csv as Live Link Face data (Unreal, Faceit for Blender), or face.json as Audio2Face weights.",
        ("face.csv", "face.json"),
        single=True,
        writer="arkit",
    ),
    Format(
        "after-effects",
        "a null layer for each of the 68 points, keyed in every frame; over the picture where there is one",
        "File > Scripts > Run Script File, choose import.jsx; it makes a composition of its own.",
        ("import.jsx", "keyframes.json"),
        extra=("picture.png",),
        picture="used",
        writer="after_effects",
    ),
    Format(
        "blender",
        "an empty for each of the 68 points, and the 52 blendshapes onto shape keys of the selected mesh",
        "Scripting workspace: open import_faceshot.py and run it, with a mesh selected that has ARKit's shape keys.",
        ("import_faceshot.py", "keyframes.json"),
        extra=("picture.png",),
        picture="used",
        writer="blender",
    ),
    Format(
        "lottie",
        "line art of the landmarks, one shape layer for each part of the face; a drawing, not the picture",
        "Play face.json in any Lottie player, or import it with Bodymovin or a LottieFiles plug-in.",
        ("face.json",),
        single=True,
        writer="lottie",
    ),
    Format(
        "spine",
        "a skeleton (4.2) whose one mesh holds the picture and follows the landmarks by vertex keys, and an atlas",
        "Spine: Import Data, choose character.json; a runtime loads character.json with character.atlas.",
        ("character.json", "character.atlas", "character.png"),
        picture="needed",
        writer="spine",
    ),
)

#: By name, in the order in which they are listed.
FORMATS: Mapping[str, Format] = MappingProxyType({one.name: one for one in _ALL})
