"""Contact sheets of measured pictures: the truth in thin white under our landmarks, the worst easy to find."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from landmarks_measure import BAD, FAILURE, Row
from PIL import Image, ImageDraw, ImageFont

from faceshot.landmarks import Crop, Landmarks, RGBArray, Size
from faceshot.landmarks.topology import CURVES
from faceshot.media import OverlayOptions, overlay

PAPER, INK, FAINT = (250, 250, 248), (34, 38, 46), (120, 126, 136)
#: Colour of an error: as found, doubtful, elsewhere.
GOOD, DOUBTFUL, LOST = (22, 128, 92), (196, 120, 16), (200, 40, 52)
_SHIFT = 4
GUTTER = 6


def drawn(row: Row, side: int, *, close: bool = False) -> RGBArray:
    """(side, side, 3): the picture, true landmarks in thin white, ours over them, coloured by confidence.

    Args:
        close: only the square about both faces, as for scenes; otherwise the whole picture.
    """
    size = row.picture.size
    crop = Crop.whole(size, side)
    if close:
        points = [row.truth.xy] if row.found is None else [row.truth.xy, row.found.xy]
        crop = Crop.around(np.concatenate(points), scale=1.35, out=side)
    out = crop.apply(row.picture.flat())
    truth = crop.to_crop(row.truth.xy)
    _curves(out, truth, row.truth.visible, (20, 24, 32), 3)
    _curves(out, truth, row.truth.visible, (255, 255, 255), 1)
    if row.found is None:
        return out
    ours = Landmarks(crop.to_crop(row.found.xy), Size(side, side), row.found.score, row.found.absent)
    return overlay(out, ours, OverlayOptions(width=max(1.0, side / 190)))


def _curves(out: RGBArray, xy: np.ndarray, visible: np.ndarray, colour: tuple[int, int, int], width: int) -> None:
    for indices, closed in CURVES:
        index = [i for i in indices if visible[i]]
        if len(index) > 1:
            line = np.round(xy[index] * (1 << _SHIFT)).astype(np.int32)
            cv2.polylines(out, [line], closed, colour, width, cv2.LINE_AA, _SHIFT)


def error_colour(error: float) -> tuple[int, int, int]:
    """Green up to 10 %, amber up to 20 %, red beyond."""
    return GOOD if error <= BAD else DOUBTFUL if error <= FAILURE else LOST


def sheet(
    title: str, rows: Sequence[Row], *, columns: int = 6, cell: int = 288, close: bool = False, threshold: float = 0.0
) -> RGBArray:
    """A sheet (H, W, 3) of all rows, group by group, the best first; captions say name, box error and confidence.

    Confidences below ``threshold`` (a warning) are marked ``?``. With ``close`` every tile is a close-up with the whole
    picture beside it.
    """
    groups = [(g, sorted((r for r in rows if r.group == g), key=lambda r: r.box)) for g in _groups(rows)]
    gap, strip, head = cell // 18, cell // 8, cell // 7
    high = sum(head + -(-len(some) // columns) * (cell + strip + gap) for _, some in groups)
    wide = _tile_width(cell, close)
    width = columns * (wide + gap) + gap
    top = gap + cell // 5
    page = Image.new("RGB", (width, top + high + gap), PAPER)
    pen = ImageDraw.Draw(page)
    big, small = _font(cell // 12), _font(cell // 17)
    mean = 100 * float(np.mean([row.box for row in rows]))
    pen.text((gap, gap), title, INK, _font(cell // 10))
    legend = f"mean {mean:.2f} %   white: truth   coloured: found, red to green by confidence   ?: match warns"
    pen.text((width - gap, gap + cell // 24), legend, FAINT, small, anchor="ra")
    y = top
    for group, some in groups:
        error = 100 * float(np.mean([row.box for row in some]))
        pen.text((gap, y), f"{group.replace('_', ' ')}", INK, big)
        pen.text((width - gap, y), f"{len(some)} pictures, mean {error:.2f} %", FAINT, small, anchor="ra")
        y += head
        for index, row in enumerate(some):
            line, column = divmod(index, columns)
            at = (gap + column * (wide + gap), y + line * (cell + strip + gap))
            _tile(page, pen, row, at, cell, close, threshold, small)
        y += -(-len(some) // columns) * (cell + strip + gap)
    return np.asarray(page).copy()


def _tile(
    page: Image.Image,
    pen: ImageDraw.ImageDraw,
    row: Row,
    at: tuple[int, int],
    cell: int,
    close: bool,
    threshold: float,
    font: ImageFont.FreeTypeFont,
) -> None:
    """One picture with its caption; with ``close`` the whole frame stands beside the close-up, the face boxed."""
    close_up = Image.fromarray(drawn(row, cell, close=close))
    wide = _tile_width(cell, close)
    page.paste(close_up, at)
    if close:
        frame = Image.fromarray(row.picture.flat())
        frame.thumbnail((wide - cell - GUTTER, cell), Image.Resampling.LANCZOS)
        scale = frame.width / row.picture.size.width
        box = np.concatenate([row.truth.xy.min(0), row.truth.xy.max(0)]) * scale
        marker = ImageDraw.Draw(frame)
        marker.rectangle(tuple((box + [-3, -3, 3, 3]).tolist()), outline=INK, width=1)
        marker.rectangle(tuple((box + [-2, -2, 2, 2]).tolist()), outline=(255, 255, 255), width=2)
        page.paste(frame, (at[0] + cell + GUTTER, at[1] + (cell - frame.height) // 2))
    colour = error_colour(row.box)
    pen.rectangle((at[0], at[1] + cell, at[0] + wide - 1, at[1] + cell + 3), fill=colour)
    middle = at[1] + cell + 4 + cell // 17
    doubt = " ?" if row.confidence < threshold else ""
    right = f"{100 * row.box:.1f} %   {row.confidence:.2f}{doubt}"
    name, room = row.name.replace("_", " "), wide - pen.textlength(right, font=font) - 8
    while len(name) > 2 and pen.textlength(name, font=font) > room:
        name = name[:-2] + "…"
    pen.text((at[0], middle), name, INK, font, anchor="lm")
    pen.text((at[0] + wide, middle), right, colour, font, anchor="rm")


def _tile_width(cell: int, close: bool) -> int:
    """A close-up, with ``close`` and a frame of 4:3 beside it."""
    return cell + (GUTTER + round(cell * 4 / 3) if close else 0)


def _groups(rows: Sequence[Row]) -> list[str]:
    return sorted({row.group for row in rows})


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(max(9, size))  # type: ignore[return-value]
