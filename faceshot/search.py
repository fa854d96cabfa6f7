"""Where to look for a face nobody has pointed out: square windows of falling size over the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceshot.crop import Crop
from faceshot.types import Size


@dataclass(frozen=True)
class SearchOptions:
    """How the face is looked for.

    Attributes:
        levels: window sides as shares of the picture's longer side, largest first; windows of a level overlap by half.
        enough: quality at which smaller windows are not tried. better: factor by which a smaller window has to beat
            the best so far, because a part of a face can look like a face.
        glances: of a level with more windows, this many of the most promising ones get a proper look.
        crop: side of the close-up, in sides of the face's box. upright: roll in degrees above which it is turned.
        domains: how many of the nearest domains of a part are averaged (the paper takes one).
        present: share of pictures of alike domains that must show a part, or it is called absent.
        least: windows below this many pixels are not worth a look.
    """

    levels: tuple[float, ...] = (1.0, 0.5, 0.25)
    enough: float = 0.6
    better: float = 1.15
    glances: int = 4
    crop: float = 1.5
    upright: float = 8.0
    domains: int = 3
    present: float = 0.3
    least: float = 32.0


def windows(size: Size, share: float, out: int) -> list[Crop]:
    """Square windows of ``share`` of the longer side, overlapping by half, each resampled to ``out`` pixels.

    A window larger than the shorter side is centred on it; windows never leave the picture along the other one.
    """
    side = share * max(size)
    counts = [max(1, int(np.ceil((extent - side) / (side / 2) - 1e-6)) + 1) for extent in size]
    crops = []
    for row in range(counts[1]):
        for column in range(counts[0]):
            left, top = (
                (extent - side) / 2 if count == 1 else (extent - side) * k / (count - 1)
                for extent, count, k in zip(size, counts, (column, row), strict=True)
            )
            crops.append(Crop(left, top, side, out))
    return crops
