"""Contact sheets of every drawn kind, landmarks on top: ``python -m faceshot_gallery.sheets --out docs/kinds``.

Writes ``<kind>.webp`` for all of ``DOMAINS`` and ``HELD_OUT`` into the folder and a page that shows them beside it.
The upper row is what a gallery is drawn from (one character per style), the lower what training sees. The sheets
``turned``, ``hard`` and ``crowds`` show what training sees of every kind beyond that.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from faceshot.media import OverlayOptions, overlay
from faceshot_gallery.anyone import anyone, crowd
from faceshot_gallery.build import contact_sheet, framed
from faceshot_gallery.illustrator import DOMAINS, HELD_OUT, STYLES, Drawing, Expression, Pose, character, draw, sample
from faceshot_gallery.parts.traits import Dice

COLUMNS, CELL = 6, 160
#: Sheets of all kinds: what they show, for the page.
HARDER = {
    "turned": "Heads turned by 60 to 90 degrees: the solid of a kind, dressed and lit. Pale points are hidden by the "
    "head and lie where they are behind it",
    "hard": "Lying and hanging heads, covers, missing parts, odd layouts, lines on paper, sprites, pelts, bows, prints",
    "crowds": "Several faces in one picture, for measuring",
}
LIMIT = 120_000  # bytes of one sheet
#: What a kind is, for the page.
ABOUT = {
    "person": "people and painted portraits: hats, hoods, veils, beards, strong side light",
    "cartoon": "cartoon people: odd eyes, masks, moustaches, glasses",
    "anime": "anime and manga: huge eyes, pointed chins, dots for noses, locks over the eyes",
    "cat": "cats, and as guests tigers, leopards and Siamese cats",
    "dog": "dogs, wolves, pugs, poodles",
    "bear": "bears, and heads with long snouts or masks",
    "fox": "foxes, raccoons, badgers",
    "rabbit": "rabbits and other small soft animals",
    "monkey": "monkeys and apes with bare faces",
    "bird": "birds, ducks, penguins",
    "frog": "frogs, turtles, lizards, fishes",
    "robot": "robots with lamps, screens and grilles",
    "monster": "monsters with horns, fins, spines",
    "plush": "plush toys, dolls, wooden and knitted puppets",
    "statue": "statues, busts and masks of stone, wood and metal",
    "smiley": "smileys and emoji, and things with faces",
    "pumpkin": "pumpkins, and cups, screens, fruit, clouds, suns, boxes with faces",
    "panda": "pandas and other masked faces",
    "pig": "pigs, cows, goats",
    "llama": "llamas, sheep, goats: wool and long necks",
    "owl": "owls",
    "lion": "lions and other big cats",
    "mouse": "mice, hamsters, hedgehogs",
    "koala": "koalas",
    "horse": "held out: horses, long faces with eyes far from the mouth",
    "seal": "held out: seals, smooth round heads without ears",
    "alien": "held out: aliens, skulls like eggs and slanted dark eyes",
}


def _marked(drawing: Drawing) -> npt.NDArray[np.uint8]:
    """The picture with its landmarks; parts that are not drawn are dashed."""
    return overlay(drawing.rgb, drawing.landmarks, OverlayOptions(width=1.0))


def sheet(kind: str, first: int = 700) -> npt.NDArray[np.uint8]:
    """Twelve pictures of a kind, six to a row."""
    pictures = []
    for i in range(COLUMNS):
        d = Dice(first + i, kind + "-sheet")
        who = character(kind, first + i, style=STYLES[(i + 1) % len(STYLES)])
        mood = Expression(jaw_open=d.pick([0.0, 0.35]), smile=d.u(-0.1, 0.4), gaze=(d.u(-0.3, 0.3), 0.0))
        pose = framed(who, mood, Pose(d.u(-8, 8), d.u(-15, 15), d.u(-5, 5)), 0.62)
        pictures.append(_marked(draw(who, mood, pose, size=CELL)))
    start = first + 100 * (*DOMAINS, *HELD_OUT).index(kind)
    pictures += [_marked(sample(start + i, size=CELL, domain=kind)) for i in range(COLUMNS)]
    return contact_sheet(pictures, COLUMNS)


def _dotted(drawing: Drawing) -> npt.NDArray[np.uint8]:
    """The picture with its points: red ones can be seen, pale ones are hidden or not drawn."""
    import cv2

    out = drawing.rgb.copy()
    for (x, y), seen in zip(drawing.landmarks.xy.tolist(), drawing.visible, strict=True):
        cv2.circle(out, (round(x), round(y)), 1, (225, 30, 30) if seen else (150, 190, 210), -1, cv2.LINE_AA)
    return out


def harder(name: str, rows: int = 4) -> npt.NDArray[np.uint8]:
    """A sheet of ``HARDER``."""
    count = rows * COLUMNS
    if name == "crowds":
        pictures = []
        for k in range(rows // 2 * COLUMNS):
            rgb, faces = crowd(k, 2 + k % 4, size=CELL)
            for face in faces:
                rgb = overlay(rgb, face, OverlayOptions(width=1.0))
            pictures.append(rgb)
        return contact_sheet(pictures, COLUMNS)
    kinds = [DOMAINS[k % len(DOMAINS)] for k in range(count)]
    turned = True if name == "turned" else None
    drawn = [anyone(9000 + k, size=CELL, domain=kind, turned=turned) for k, kind in enumerate(kinds)]
    return contact_sheet([_dotted(drawing) for drawing in drawn], COLUMNS)


def save(path: Path, rgb: npt.NDArray[np.uint8]) -> None:
    """WebP of at most ``LIMIT`` bytes."""
    for quality in (86, 78, 68, 55):
        Image.fromarray(rgb).save(path, quality=quality, method=6)
        if path.stat().st_size <= LIMIT:
            return


def page(folder: str, kinds: Sequence[str]) -> str:
    """The Markdown page that shows the sheets."""
    lines = [
        "# The drawn kinds",
        "",
        "What `mini` is trained on and matched against, with the landmarks of each drawing. Upper rows: characters as",
        "the appearance gallery draws them; lower rows: training pictures, with other proportions, guests, damage.",
        "The kinds under *Held out* are never trained on and never in the gallery: they measure how far training",
        "carries. Dashes mark parts that a character does not have: they are not matched and weigh little in training.",
        "Made by `python -m faceshot_gallery.sheets --out docs/kinds`.",
        "",
    ]
    for kind in kinds:
        if kind == HELD_OUT[0]:
            lines += ["# Held out", ""]
        about = ABOUT[kind].removeprefix("held out: ")
        lines += [f"## {kind}", "", f"{about[0].upper()}{about[1:]}.", "", f"![{kind}]({folder}/{kind}.webp)", ""]
    lines += ["# Harder pictures of every kind", ""]
    for name, about in HARDER.items():
        lines += [f"{about}.", "", f"![{name}]({folder}/{name}.webp)", ""]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the sheets; the page is written beside it")
    choices = (*DOMAINS, *HELD_OUT, *HARDER)
    parser.add_argument("--kind", action="append", choices=choices, help="only these sheets, and no page")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for kind in options.kind or choices:
        save(options.out / f"{kind}.webp", harder(kind) if kind in HARDER else sheet(kind))
    if not options.kind:
        options.out.with_suffix(".md").write_text(page(options.out.name, (*DOMAINS, *HELD_OUT)), encoding="utf-8")


if __name__ == "__main__":
    main()
