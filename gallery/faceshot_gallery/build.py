"""Render the shipped appearance gallery: ``python -m faceshot_gallery.build OUT``.

``OUT/<domain>/images/<id>.png`` and ``OUT/<domain>/landmarks.json``; the same pictures every time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot_gallery.illustrator import DOMAINS, Character, Drawing, Expression, Pose, character, draw
from faceshot_gallery.parts.anatomy import Anatomy, Projector
from faceshot_gallery.parts.traits import Dice, Style

PER_DOMAIN = 10
SIDE = 256
FACE_SHARE = 0.6  # longer side of the landmarks' box, as a share of the frame
COLOUR_LIMIT = 40_000  # bytes; a larger PNG is stored with a palette of 256 colours
#: Characters are numbered from here; a domain's own list replaces a drawing that did not convince.
FIRST_SEED = 500
_STYLE_ORDER: tuple[Style, ...] = (
    *("flat", "photo", "outline", "soft3d", "painterly"),
    *("photo", "textured", "sketch", "soft3d", "photo"),
)


def framed(who: Character, expression: Expression, pose: Pose, share: float = FACE_SHARE, middle: float = 0.54) -> Pose:
    """The pose moved and scaled so that the landmarks' box is centred and takes ``share`` of the frame."""
    plain = Pose(pose.roll, pose.yaw, pose.pitch)
    points = Anatomy(who, expression).points(Projector(who, plain, 1000))
    low, high = points.min(0), points.max(0)
    scale = share / (float((high - low).max()) / 1000)
    centre = ((low + high) / 2 - 499.5) / 1000 * scale
    return Pose(pose.roll, pose.yaw, pose.pitch, scale, -float(centre[0]), middle - 0.5 - float(centre[1]))


def gallery_picture(domain: str, index: int) -> Drawing:
    """Picture ``index`` (0..PER_DOMAIN - 1) of a domain."""
    d = Dice(index, domain + "-gallery")
    who = character(domain, FIRST_SEED + index, style=_STYLE_ORDER[index % len(_STYLE_ORDER)])
    lids = d.u(0.85, 1.0)
    expression = Expression(
        right_eye_open=lids,
        left_eye_open=lids,
        gaze=(d.u(-0.3, 0.3), d.u(-0.2, 0.2)),
        jaw_open=d.pick([0.0, d.u(0.1, 0.4)], [3, 1]),
        smile=d.u(-0.15, 0.35),
        right_brow=d.u(-0.2, 0.2),
        left_brow=d.u(-0.2, 0.2),
    )
    pose = Pose(d.u(-8, 8), d.u(-8, 8), d.u(-5, 5))
    return draw(who, expression, framed(who, expression, pose), size=SIDE)


def save_picture(path: Path, rgb: npt.NDArray[np.uint8], limit: int = COLOUR_LIMIT) -> None:
    """Write a small PNG: true colour where that is small, otherwise an adaptive palette."""
    from PIL import Image

    picture = Image.fromarray(rgb)
    picture.save(path, optimize=True)
    if path.stat().st_size > limit:
        picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)


def build_domain(folder: Path, domain: str) -> None:
    """Render one domain into ``folder/<domain>``."""
    images = folder / domain / "images"
    images.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    for index in range(PER_DOMAIN):
        name = f"{domain}_{index:02d}"
        picture = gallery_picture(domain, index)
        save_picture(images / f"{name}.png", picture.rgb)
        entries.append(
            {
                "id": name,
                "file": f"images/{name}.png",
                "size": [SIDE, SIDE],
                "points": [[round(float(v), 2) for v in p] for p in picture.landmarks.xy],
                "absent": sorted(picture.landmarks.absent),
            }
        )
    write_landmarks(folder / domain / "landmarks.json", entries)


def write_landmarks(path: Path, entries: list[dict[str, Any]]) -> None:
    """One point list per line: readable, and a change of one picture is a change of one line."""
    rows = []
    for e in entries:
        head = {k: e[k] for k in ("id", "file", "size")}
        body = (
            json.dumps(head)[:-1]
            + ', "points": '
            + json.dumps(e["points"])
            + ', "absent": '
            + json.dumps(e["absent"])
            + "}"
        )
        rows.append("  " + body)
    path.write_text('{"schema": 1, "scheme": "ibug68", "images": [\n' + ",\n".join(rows) + "\n]}\n", encoding="utf-8")


def build_gallery(folder: Path, domains: Iterable[str] = DOMAINS) -> None:
    """Render the shipped gallery into ``folder``."""
    for domain in domains:
        build_domain(Path(folder), domain)


def contact_sheet(
    pictures: Sequence[npt.NDArray[np.uint8]], columns: int, *, gap: int = 4, paper: int = 255
) -> npt.NDArray[np.uint8]:
    """Equal pictures (H, W, 3) side by side on a grid, row by row."""
    h, w = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, 3), paper, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = gap + (i // columns) * (h + gap), gap + (i % columns) * (w + gap)
        sheet[y : y + h, x : x + w] = picture
    return sheet


#: A good drawing of every kind, for the documentation: domain, seed, style.
_SHOWCASE: tuple[tuple[str, int, Style], ...] = (
    ("cat", 46, "flat"),
    ("person", 48, "photo"),
    ("fox", 48, "photo"),
    ("robot", 48, "photo"),
    ("anime", 45, "soft3d"),
    ("dog", 49, "outline"),
    ("lion", 48, "photo"),
    ("smiley", 44, "photo"),
    ("rabbit", 47, "textured"),
    ("statue", 48, "photo"),
    ("frog", 42, "soft3d"),
    ("monster", 46, "flat"),
    ("panda", 46, "flat"),
    ("owl", 48, "photo"),
    ("llama", 49, "outline"),
    ("pumpkin", 51, "soft3d"),
    ("monkey", 47, "textured"),
    ("bird", 41, "outline"),
    ("plush", 45, "soft3d"),
    ("mouse", 49, "outline"),
    ("koala", 46, "flat"),
    ("cartoon", 49, "outline"),
    ("pig", 51, "soft3d"),
    ("bear", 46, "flat"),
)


def showcase(columns: int = 8, cell: int = 144) -> npt.NDArray[np.uint8]:
    """One drawing of every domain on a sheet, for the documentation."""
    pictures = []
    for domain, seed, style in _SHOWCASE:
        who, smile = character(domain, seed, style=style), Expression(smile=0.25)
        pictures.append(draw(who, smile, framed(who, smile, Pose(), share=0.56, middle=0.56), size=cell).rgb)
    return contact_sheet(pictures, columns)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write <domain>/images and <domain>/landmarks.json")
    parser.add_argument("--showcase", type=Path, help="also write the sheet of the documentation to this PNG")
    parser.add_argument("--domain", action="append", choices=DOMAINS, help="only these domains")
    options = parser.parse_args(arguments)
    build_gallery(options.folder, options.domain or DOMAINS)
    if options.showcase:
        save_picture(options.showcase, showcase(), limit=600_000)


if __name__ == "__main__":
    main()
