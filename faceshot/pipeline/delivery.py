"""What a video has to be for those who get it: its size, whether phones play it, and the limits of stickers."""

from __future__ import annotations

import logging
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING

from faceshot.errors import UsageError, option
from faceshot.landmarks import LandmarkSequence, Picture, Size

if TYPE_CHECKING:
    from faceshot.pipeline.plan import AnimateOptions

log = logging.getLogger("faceshot")

#: Macroblocks of 16x16 a frame of H.264 may have up to level 5.2, the highest that phones and televisions decode.
_PHONE_BLOCKS = 36_864
_H264 = (".mp4", ".mov", ".mkv")


def check_delivery(output: Path, options: AnimateOptions) -> None:
    """Refuse an impossible size, an unknown sticker, and a sticker in another format or with a sound of its own.

    Raises:
        UsageError: with what can be used.
    """
    from faceshot.media import check_sticker

    if options.max_side is not None and not 48 <= options.max_side <= 16_384:
        raise UsageError(f"{option('max_side')} must lie in 48..16384 pixels, got {options.max_side}")
    if options.sticker is not None:
        check_sticker(options.sticker, output)
        if options.audio not in ("driving", "none"):
            sound = option("audio", str(options.audio))
            raise UsageError(f"a {options.sticker} sticker has no sound; leave out {sound}")


def shown(picture: Picture, options: AnimateOptions) -> Picture:
    """The picture as it is animated: scaled down where ``max_side`` or the sticker ask for less."""
    from faceshot.media import STICKERS, fit_side

    sides = [options.max_side, STICKERS[options.sticker].side if options.sticker else None]
    return picture.scaled(fit_side(picture.size, min((side for side in sides if side is not None), default=None)))


def note_size(output: Path, size: Size, *, alpha: bool) -> None:
    """Say so where few devices will play the video."""
    blocks = -(-size.width // 16) * -(-size.height // 16)
    if output.suffix.lower() in _H264 and not alpha and blocks > _PHONE_BLOCKS:
        note = "%s: %dx%d pixels are H.264 of level 6, which phones do not play; %s makes it smaller"
        log.warning(note, output.name, size.width, size.height, option("max_side", "1920"))


def cut_to_sticker(moved: LandmarkSequence, options: AnimateOptions) -> LandmarkSequence:
    """The part of a motion that fits into the sticker."""
    from faceshot.media import STICKERS

    longest = STICKERS[options.sticker].seconds if options.sticker else None
    if longest is None or moved.seconds <= longest:
        return moved
    note = "a %s sticker lasts %g s at most; the first %g of %.1f s are used"
    log.warning(note, options.sticker, longest, longest, moved.seconds)
    return moved[: max(1, floor(longest * moved.fps))]
