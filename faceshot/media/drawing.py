"""Looking at landmarks: overlays for pictures and clips, and contact sheets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import BoolArray, FloatArray, Landmarks, LandmarkSequence, RGBArray, Size, visible_mask
from faceshot.landmarks.topology import CURVES, LEFT_BROW, N_POINTS, NOSE_BRIDGE, RIGHT_BROW
from faceshot.progress import progress

if TYPE_CHECKING:
    from PIL import ImageFont

#: Confidence 0, 1/2 and 1: red, amber, green-blue; light enough for dark pictures, with a dark rim for light ones.
CONFIDENCE_COLOURS = ((255, 64, 72), (255, 190, 40), (38, 222, 178))
#: Lines of landmarks without confidence.
PLAIN_COLOUR = (64, 200, 255)
_RIM = np.array((14, 18, 28), np.float32)
_RIM_OPACITY = 0.62
_FAINT_OPACITY = 0.75
#: Brow labels go above, those of the nose bridge to its side; the others away from the middle of their curve.
_LABEL_ORIGINS = {RIGHT_BROW: (0, 1000), LEFT_BROW: (0, 1000), NOSE_BRIDGE: (-1000, 0)}
_SHIFT = 4  # fractional bits of OpenCV's drawing coordinates


@dataclass(frozen=True)
class OverlayOptions:
    """How landmarks are drawn.

    Attributes:
        width: of the lines in pixels; None scales it with face and picture.
        indices: write the number 0..67 beside each point.
        legend: show the colour scale of confidence in the corner.
    """

    width: float | None = None
    indices: bool = False
    legend: bool = False


def confidence_colours(score: FloatArray | None) -> RGBArray:
    """(68, 3) uint8 colours of confidences (68,), or the plain colour 68 times."""
    if score is None:
        return np.tile(np.array(PLAIN_COLOUR, np.uint8), (N_POINTS, 1))
    table = np.array(CONFIDENCE_COLOURS, np.float64)
    channels = [np.interp(score, (0.0, 0.5, 1.0), table[:, c]) for c in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def overlay(rgb: RGBArray, landmarks: Landmarks, options: OverlayOptions = OverlayOptions()) -> RGBArray:
    """A copy of the picture (H, W, 3) with the landmarks drawn as connected lines, coloured by confidence.

    Absent parts are dashed and faint, so are lines to hidden points, and these are hollow. Landmarks of another picture
    size are scaled to this one.

    Raises:
        InputError: ``rgb`` is not uint8 (H, W, 3), or a width that is not positive.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise InputError(f"a picture must be uint8 of shape (H, W, 3), got {rgb.dtype} of {rgb.shape}")
    if options.width is not None and not options.width > 0:
        raise InputError(f"line width must be positive, got {options.width}")
    size = Size(rgb.shape[1], rgb.shape[0])
    if landmarks.size != size:
        landmarks = landmarks.resized(size)
    out = np.ascontiguousarray(rgb).copy()
    width = options.width or _line_width(landmarks, size)
    colours = confidence_colours(landmarks.score)
    _draw_unseen(out, landmarks, width)
    _draw_hollow(out, landmarks, colours, width)
    _draw_lines(out, landmarks, colours, width)
    if options.indices:
        _draw_indices(out, landmarks, width)
    if options.legend and landmarks.score is not None:
        _draw_legend(out)
    return out


def overlay_video(
    clip: str | Path,
    sequence: LandmarkSequence,
    out: str | Path,
    *,
    options: OverlayOptions = OverlayOptions(),
    overwrite: bool = False,
) -> None:
    """Write the clip, sound included, with the landmarks drawn into each frame; frames without a face say so.

    Frame and landmarks meet by time, so the sequence may have another rate or picture size than the clip; it ends
    with the shorter of both.

    Raises:
        InputError: as :func:`faceshot.media.read_frames` and :class:`faceshot.media.VideoWriter`.
    """
    from faceshot.media.video import VideoWriter, probe, read_frames

    info = probe(clip)
    with VideoWriter(out, info.size, info.fps, audio_from=clip, overwrite=overwrite) as writer:
        frames = progress(read_frames(clip), "overlay", total=info.frames)
        for frame in drawn_frames(frames, sequence, info.fps, options):
            writer.write(frame)


def drawn_frames(
    frames: Iterator[RGBArray], sequence: LandmarkSequence, fps: Fraction, options: OverlayOptions = OverlayOptions()
) -> Iterator[RGBArray]:
    """Overlays of a stream of frames at ``fps``, until the landmarks end."""
    assert sequence.found is not None
    steady: OverlayOptions | None = None
    for number, frame in enumerate(frames):
        index = round(number * sequence.fps / fps)
        if index >= len(sequence):
            return
        if sequence.found[index]:
            steady = steady or _steady(options, sequence, Size(frame.shape[1], frame.shape[0]))
            yield overlay(frame, sequence[index], steady)
        else:
            yield _captioned(frame, f"frame {number}: no face")


def _steady(options: OverlayOptions, sequence: LandmarkSequence, size: Size) -> OverlayOptions:
    """One line width for the whole clip, so that lines do not swell and shrink with the face's pose."""
    if options.width is not None:
        return options
    assert sequence.found is not None
    shown = np.flatnonzero(sequence.found)
    some = shown[:: max(1, len(shown) // 100)]
    widths = []
    for index in some.tolist():
        landmarks = sequence[index]
        widths.append(_line_width(landmarks if landmarks.size == size else landmarks.resized(size), size))
    return replace(options, width=float(np.median(widths)))


def contact_sheet(items: Sequence[tuple[RGBArray, str]], *, columns: int | None = None, cell: int = 256) -> RGBArray:
    """One picture (H, W, 3) with all ``items`` (rgb, label) in a grid, each fitted into ``cell`` x ``cell`` pixels.

    Raises:
        InputError: nothing to show, or a cell under 32 pixels.
    """
    from PIL import Image, ImageDraw

    if not items or cell < 32 or (columns is not None and columns < 1):
        raise InputError(f"a contact sheet needs pictures, cells of at least 32 pixels and columns; got {len(items)}")
    columns = min(len(items), columns or math.ceil(math.sqrt(len(items) * 1.4)))
    rows = math.ceil(len(items) / columns)
    gap, font = max(4, cell // 24), _font(max(10, cell // 14))
    strip = round(font.size * 1.6)
    width, height = columns * (cell + gap) + gap, rows * (cell + strip + gap) + gap
    sheet = Image.new("RGB", (width, height), (250, 250, 248))
    draw = ImageDraw.Draw(sheet)
    for index, (rgb, label) in enumerate(items):
        row, column = divmod(index, columns)
        left, top = gap + column * (cell + gap), gap + row * (cell + strip + gap)
        scale = cell / max(rgb.shape[:2])
        fitted = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        picture = Image.fromarray(rgb).resize(fitted, Image.Resampling.LANCZOS)
        sheet.paste(picture, (left + (cell - fitted[0]) // 2, top + (cell - fitted[1]) // 2))
        while label and draw.textlength(label, font=font) > cell:
            label = label[:-2] + "…" if len(label) > 2 else ""
        draw.text((left + cell / 2, top + cell + strip / 2), label, (40, 44, 52), font=font, anchor="mm")
    return np.asarray(sheet).copy()


def _line_width(landmarks: Landmarks, size: Size) -> float:
    """Pixels: about 1/150 of the face, never so thin that it vanishes when the whole picture is looked at."""
    left, top, right, bottom = landmarks.box()
    face = max(right - left, bottom - top)
    return float(np.clip(face / 150, max(1.0, min(size) / 512), max(1.5, min(size) / 160)))


def _segments(landmarks: Landmarks, mask: BoolArray) -> Iterator[tuple[int, int]]:
    """Pairs of indices to connect, both ends inside ``mask``."""
    for indices, closed in CURVES:
        ring = indices + indices[:1] if closed else indices
        for a, b in pairwise(ring):
            if mask[a] and mask[b]:
                yield a, b


def _fixed(point: FloatArray) -> tuple[int, int]:
    """OpenCV's fixed-point coordinates; far-off points are held where its arithmetic is safe."""
    x, y = np.clip(np.rint(point * (1 << _SHIFT)), -(1 << 26), 1 << 26).astype(int).tolist()
    return x, y


def _draw_lines(out: RGBArray, landmarks: Landmarks, colours: RGBArray, width: float) -> None:
    """The visible parts: a dark rim first, so that the colours read on any ground, then lines, then points."""
    import cv2

    xy, visible = landmarks.xy, landmarks.visible
    segments = list(_segments(landmarks, visible))
    left, top, right, bottom = landmarks.box()
    dots = visible if max(right - left, bottom - top) >= 100 else np.zeros_like(visible)  # they would fill a small eye
    thick, radius = max(1, round(width)), max(1.1, 1.2 * width)
    rim = max(0.6, 0.5 * width)
    mask = np.zeros(out.shape[:2], np.uint8)
    for a, b in segments:
        cv2.line(mask, _fixed(xy[a]), _fixed(xy[b]), 255, thick + max(1, round(2 * rim)), cv2.LINE_AA, _SHIFT)
    for point in xy[dots]:
        cv2.circle(mask, _fixed(point), round((radius + rim) * (1 << _SHIFT)), 255, -1, cv2.LINE_AA, _SHIFT)
    _blend(out, mask, _RIM, _RIM_OPACITY)
    for a, b in segments:
        middle = (xy[a] + xy[b]) / 2
        cv2.line(out, _fixed(xy[a]), _fixed(middle), colours[a].tolist(), thick, cv2.LINE_AA, _SHIFT)
        cv2.line(out, _fixed(middle), _fixed(xy[b]), colours[b].tolist(), thick, cv2.LINE_AA, _SHIFT)
    for point, colour in zip(xy[dots], colours[dots], strict=True):
        centre = _fixed(point)
        light = (colour.astype(int) + 2 * 255) // 3
        cv2.circle(out, centre, round(radius * (1 << _SHIFT)), colour.tolist(), -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(out, centre, round(0.55 * radius * (1 << _SHIFT)), light.tolist(), -1, cv2.LINE_AA, _SHIFT)


def _draw_unseen(out: RGBArray, landmarks: Landmarks, width: float) -> None:
    """Lines of parts the character lacks, and to hidden points: dashes, light on a dark rim."""
    import cv2

    visible = landmarks.visible
    unseen = [(a, b) for a, b in _segments(landmarks, np.ones_like(visible)) if not (visible[a] and visible[b])]
    if not unseen:
        return
    lines, rims = np.zeros(out.shape[:2], np.uint8), np.zeros(out.shape[:2], np.uint8)
    thin, dash = max(1, round(0.6 * width)), max(3.0, 3.2 * width)
    for a, b in unseen:
        start, end = landmarks.xy[a], landmarks.xy[b]
        count = max(1, round(float(np.linalg.norm(end - start)) / (2 * dash)))
        for k in range(min(count, 1000)):
            first, last = (_fixed(start + (end - start) * t) for t in ((k + 0.25) / count, (k + 0.75) / count))
            cv2.line(rims, first, last, 255, thin + 2, cv2.LINE_AA, _SHIFT)
            cv2.line(lines, first, last, 255, thin, cv2.LINE_AA, _SHIFT)
    _blend(out, rims, _RIM, 0.45)
    _blend(out, lines, np.array((225, 228, 235), np.float32), _FAINT_OPACITY)


def _draw_hollow(out: RGBArray, landmarks: Landmarks, colours: RGBArray, width: float) -> None:
    """Hidden points of parts that are there: rings in the colour of their confidence."""
    import cv2

    radius, thin = round(max(2.0, 1.5 * width) * (1 << _SHIFT)), max(1, round(0.5 * width))
    for index in sorted(landmarks.hidden):
        if visible_mask(landmarks.absent)[index]:
            centre = _fixed(landmarks.xy[index])
            cv2.circle(out, centre, radius, _RIM.tolist(), thin + 2, cv2.LINE_AA, _SHIFT)
            cv2.circle(out, centre, radius, colours[index].tolist(), thin, cv2.LINE_AA, _SHIFT)


def _blend(out: RGBArray, mask: RGBArray, colour: FloatArray, opacity: float) -> None:
    """Mix ``colour`` into ``out`` where ``mask`` (0..255) is set."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    weight = mask[box][..., None].astype(np.float32) * np.float32(opacity / 255)
    out[box] = np.rint(out[box] + (colour - out[box]) * weight).astype(np.uint8)


def _font(size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)  # type: ignore[return-value]


def _draw_indices(out: RGBArray, landmarks: Landmarks, width: float) -> None:
    """Numbers beside the points."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(out)
    draw = ImageDraw.Draw(picture)
    font = _font(max(8, round(4.2 * width)))
    for indices, _closed in CURVES:
        points = landmarks.xy[list(indices)]
        centre = points.mean(0) + _LABEL_ORIGINS.get(indices, (0, 0))
        for index, point in zip(indices, points, strict=True):
            away = point - centre
            x, y = point + away / max(1e-6, float(np.linalg.norm(away))) * (2.6 * width + font.size * 0.55)
            draw.text(
                (float(x), float(y)), str(index), (255, 255, 255), font, "mm",
                stroke_width=max(1, round(font.size / 9)), stroke_fill=(14, 18, 28),
            )  # fmt: skip
    out[:] = np.asarray(picture)


def _draw_legend(out: RGBArray) -> None:
    """The colour scale in the lower left corner."""
    from PIL import Image, ImageDraw

    height, width = out.shape[:2]
    font = _font(max(9, min(height, width) // 34))
    long, thick, pad = max(60, min(height, width) // 4), max(4, round(font.size * 0.55)), round(font.size * 0.6)
    box_w, box_h = long + 2 * pad, round(font.size * 2.5) + thick
    if box_w + 2 * pad > width or box_h + 2 * pad > height:
        return
    left, top = pad, height - pad - box_h
    picture = Image.fromarray(out)
    draw = ImageDraw.Draw(picture, "RGBA")
    draw.rounded_rectangle((left, top, left + box_w, top + box_h), pad, (14, 18, 28, 190))
    steps = np.linspace(0, 1, long, dtype=np.float32)
    ramp = np.stack([np.interp(steps, (0, 0.5, 1), np.array(CONFIDENCE_COLOURS)[:, c]) for c in range(3)], axis=1)
    bar = np.tile(ramp.round().astype(np.uint8), (thick, 1, 1))
    x, y = left + pad, top + round(font.size * 1.55)
    picture.paste(Image.fromarray(bar), (x, y))
    white = (240, 242, 246, 255)
    draw.text((x, top + font.size * 0.9), "0", white, font, "lm")
    draw.text((x + long / 2, top + font.size * 0.9), "confidence", white, font, "mm")
    draw.text((x + long, top + font.size * 0.9), "1", white, font, "rm")
    out[:] = np.asarray(picture)


def _captioned(frame: RGBArray, text: str) -> RGBArray:
    """The frame with a line of text in its upper left corner."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(frame)
    draw = ImageDraw.Draw(picture, "RGBA")
    font = _font(max(9, min(picture.size) // 28))
    pad = font.size * 0.6
    box = draw.textbbox((2 * pad, 2 * pad), text, font=font)
    draw.rounded_rectangle((box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad), pad, (150, 24, 34, 210))
    draw.text((2 * pad, 2 * pad), text, (255, 255, 255, 255), font)
    return np.asarray(picture).copy()
