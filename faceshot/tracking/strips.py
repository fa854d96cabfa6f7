"""Where lips and brows are, by their look on the anchor frame.

Optical flow from frame to frame slides along lips that part, press together and part again, and a brow's points often
lie on bare forehead, which moves less than the brow. Strips of the head-stabilised anchor frame, each lip with the skin
beyond it and each brow, are looked for in every later frame instead, by correlation along the face's vertical. A strip
cannot drift; it may be taken for something else for a moment, so the places of the whole clip are decided together, as
the cheapest path near the flow. Where a part no longer looks as on the anchor (a sneer, a bared row of teeth), the flow
is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import topology as topo

Array = npt.NDArray[Any]
RGB = npt.NDArray[Any]

#: Correlation from which a strip begins to be believed, and from which it is believed altogether.
DOUBTFUL, SURE = 0.7, 0.85
#: Half the width of a lip's strip in mouth widths, and how far a strip may slip sideways in eye distances.
_HALF_WIDTH, _SIDEWAYS = 0.3, 0.06
#: Skin that belongs to a strip beyond its lip and above its brow, at most, in eye distances.
_ABOVE, _BELOW, _FOREHEAD = 0.12, 0.16, 0.06
#: A brow's strip reaches this far down from its points to the lid: points often lie above the hair.
_TO_THE_LID = 0.7
#: Cost of a lack of 1 of correlation is 1; of leaving the flow, per eye distance and up to a limit; of moving on.
_LEAVING, _LIMIT, _MOVING = 1.0, 0.3, 0.3
_OUTER = topo.OUTER_LIP_PAIRS[2]
#: The middle of each lip.
INNER = topo.INNER_LIP_PAIRS[1]


@dataclass(frozen=True)
class Part:
    """What moves with one strip.

    Attributes:
        reach: displacements searched, in eye distances down the face.
        middle: points whose mean displacement by flow is the strip's.
        shares: of the strip's displacement that each point takes.
    """

    reach: tuple[float, float]
    middle: tuple[int, ...]
    shares: Mapping[int, float]


def _lip(side: int, reach: tuple[float, float]) -> Part:
    tables = (topo.OUTER_LIP_PAIRS, (0.5, 0.9, 1.0, 0.9, 0.5)), (topo.INNER_LIP_PAIRS, (0.9, 1.0, 0.9))
    shares = {pair[side]: share for pairs, values in tables for pair, share in zip(pairs, values, strict=True)}
    return Part(reach, (INNER[side],), shares)


#: Upper lip, lower lip, right brow, left brow.
PARTS = (
    _lip(0, (-0.15, 0.15)),
    _lip(1, (-0.2, 0.5)),
    *(Part((-0.25, 0.15), brow[1:4], dict.fromkeys(brow, 1.0)) for brow in (topo.RIGHT_BROW, topo.LEFT_BROW)),
)
LIPS = (0, 1)


@dataclass(frozen=True, eq=False)
class StripLook:
    """What one frame says about the strips.

    Attributes:
        looked: to be :attr:`correlation`, which may be worked out in another thread.
        flow: (4,) displacement of the middle of each part by flow, eye distances down the face.
        down: (2,) one eye distance down the face, in frame pixels.
    """

    looked: Future[tuple[Array | None, ...]]
    flow: Array
    down: Array

    @property
    def correlation(self) -> tuple[Array | None, ...]:
        """Per strip, (N,) with the frame at every displacement of its grid; None where there is no strip."""
        return self.looked.result()


class Strips:
    """The strips of the anchor frame, and where they are looked for.

    Args:
        rgb: (S, S, 3) uint8 head-stabilised anchor frame.
        shape: (68, 2) landmarks on it, pixels.
        unit: eye distance in pixels.

    Attributes:
        grids: displacements looked at for each part, in eye distances.
        usable: of each part, whether there is enough of it to be looked for; lips only together.
    """

    def __init__(self, rgb: RGB, shape: Array, unit: float) -> None:
        self._unit = unit
        self.grids = tuple(
            np.arange(int(low * unit), int(high * unit) + 1) / unit for low, high in (p.reach for p in PARTS)
        )
        self._boxes = [*_lip_boxes(shape, unit), *_brow_boxes(shape, unit)]
        image = _smooth(rgb)
        self._strips = [image[top : bottom + 1, left : right + 1].copy() for left, top, right, bottom in self._boxes]
        good = [
            unit >= 20 and _inside(box, rgb.shape) and float(strip.std(axis=(0, 1)).max()) > 2.0
            for box, strip in zip(self._boxes, self._strips, strict=True)
        ]
        self.usable = tuple(all(good[k] for k in LIPS) if k in LIPS else good[k] for k in range(len(good)))

    def look(self, rgb: RGB) -> tuple[Array | None, ...]:
        """Correlation (-1..1) of each strip with a stabilised frame at every displacement of its grid."""
        return tuple(self._look(rgb, k) if usable else None for k, usable in enumerate(self.usable))

    def _look(self, rgb: RGB, part: int) -> Array:
        import cv2

        slip = round(_SIDEWAYS * self._unit)
        left, top, right, bottom = self._boxes[part]
        columns = slice(max(0, left - slip), min(rgb.shape[1], right + 1 + slip))
        first, last = (row + round(float(self.grids[part][k]) * self._unit) for row, k in ((top, 0), (bottom, -1)))
        inside = max(first, 0), min(last + 1, rgb.shape[0])
        seen = cv2.copyMakeBorder(
            _smooth(rgb[inside[0] : inside[1], columns]),
            *(inside[0] - first, last + 1 - inside[1], 0, 0),
            cv2.BORDER_REPLICATE,
        )
        best = cv2.matchTemplate(seen, self._strips[part], cv2.TM_CCOEFF_NORMED).max(1)
        return np.nan_to_num(np.clip(best, -1, 1), nan=-1.0).astype(np.float32)


def _lip_boxes(shape: Array, unit: float) -> list[tuple[int, int, int, int]]:
    """(left, top, right, bottom), inclusive, of both lips' strips."""
    corners = shape[list(topo.MOUTH_CORNERS)]
    middle, half = float(corners[:, 0].mean()), _HALF_WIDTH * float(np.linalg.norm(corners[1] - corners[0]))
    nose, chin = shape[topo.SUBNASALE, 1], shape[topo.CHIN, 1]
    above, below = shape[_OUTER[0], 1], shape[_OUTER[1], 1]
    rows = (
        (max(0.7 * nose + 0.3 * above, above - _ABOVE * unit), shape[INNER[0], 1]),
        (shape[INNER[1], 1], min(0.5 * (below + chin), below + _BELOW * unit)),
    )
    return [
        (round(middle - half), round(float(top)), round(middle + half), round(float(bottom))) for top, bottom in rows
    ]


def _brow_boxes(shape: Array, unit: float) -> list[tuple[int, int, int, int]]:
    boxes = []
    for brow, eye in ((topo.RIGHT_BROW, topo.RIGHT_EYE), (topo.LEFT_BROW, topo.LEFT_EYE)):
        points = shape[list(brow)]
        top = float(points[:, 1].min()) - _FOREHEAD * unit
        mean, lid = float(points[:, 1].mean()), float(shape[list(eye[1:3]), 1].min())
        bottom = mean + max(_TO_THE_LID * (lid - mean), 0.05 * unit)
        boxes.append((round(float(points[:, 0].min())), round(top), round(float(points[:, 0].max())), round(bottom)))
    return boxes


def _inside(box: tuple[int, int, int, int], size: tuple[int, ...]) -> bool:
    left, top, right, bottom = box
    return left >= 0 and top >= 0 and right < size[1] and bottom < size[0] and right - left >= 6 and bottom - top >= 3


def place_strips(xy: Array, looks: Sequence[StripLook | None], grids: Sequence[Array]) -> Array:
    """Move lips and brows of ``xy`` (T, 68, 2) to where their strips are, as far as those are believed; in place.

    Args:
        looks: of each frame; None where the face is lost.
        grids: of :class:`Strips`.

    Returns:
        (T,) how far the strips of both lips are believed, 0..1.
    """
    believed = np.zeros((len(looks), len(PARTS)))
    seen = [k for k, look in enumerate(looks) if look is not None]
    known = [look for look in looks if look is not None]
    for k, (part, grid) in enumerate(zip(PARTS, grids, strict=True)):
        found = [one for look in known if (one := look.correlation[k]) is not None]
        if not found:
            continue
        flow = np.array([look.flow[k] for look in known])
        place, sure = _cheapest(np.stack(found), grid, flow)
        trust = np.clip((sure - DOUBTFUL) / (SURE - DOUBTFUL), 0, 1)
        believed[seen, k] = trust
        shift = (trust * (place - flow))[:, None] * np.stack([look.down for look in known])
        for point, share in part.shares.items():
            xy[seen, point] += share * shift
    return np.asarray(believed[:, list(LIPS)].min(1))


def _cheapest(correlation: Array, grid: Array, flow: Array) -> tuple[Array, Array]:
    """Displacement (T,) of a strip and its correlation there (T,): the cheapest path through all frames."""
    cost = 1 - correlation + _LEAVING * np.minimum(np.abs(grid[None] - flow[:, None]), _LIMIT)
    moving = _MOVING * np.abs(grid[:, None] - grid[None])
    total = cost[0]
    came = np.zeros(cost.shape, np.int32)
    for t in range(1, len(cost)):
        reach = total[None] + moving
        came[t] = reach.argmin(1)
        total = reach.min(1) + cost[t]
    path = np.zeros(len(cost), np.intp)
    path[-1] = total.argmin()
    for t in range(len(cost) - 1, 0, -1):
        path[t - 1] = came[t, path[t]]
    every = np.arange(len(cost))
    inner = np.clip(path, 1, len(grid) - 2)
    before, here, after = (correlation[every, inner + k] for k in (-1, 0, 1))
    bend = before - 2 * here + after
    # The top of a parabola through three neighbours, where they have one.
    peak = (bend < -1e-6) & (here >= before) & (here >= after) & (inner == path)
    offset = np.where(peak, 0.5 * (before - after) / np.where(peak, bend, 1.0), 0.0)
    return grid[path] + offset * float(grid[1] - grid[0]), correlation[every, path]


def _smooth(rgb: RGB) -> Array:
    import cv2

    lab = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), 1.2))
