"""How far the lips are apart, by the look of each lip on the anchor frame.

Optical flow from frame to frame slides along lips that part, press together and part again. Two strips of the
head-stabilised anchor frame, the upper lip with the skin above it and the lower lip with the skin below, are looked for
in every later frame instead, by correlation along the face's vertical. A strip cannot drift; it may be taken for
something else for a moment, so the places of the whole clip are decided together, as the cheapest path near the flow.
Where a lip no longer looks as on the anchor (a sneer, a bared row of teeth), the flow is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import topology as topo

Array = npt.NDArray[Any]
RGB = npt.NDArray[Any]

#: Displacements searched, in eye distances down the face, of the upper and the lower lip.
REACH = ((-0.15, 0.15), (-0.2, 0.5))
#: Correlation from which a strip begins to be believed, and from which it is believed altogether.
DOUBTFUL, SURE = 0.7, 0.85
#: Half the width of a strip in mouth widths, and how far it may slip sideways in eye distances.
_HALF_WIDTH, _SIDEWAYS = 0.3, 0.06
#: Skin that belongs to a strip beyond its lip, at most, in eye distances.
_ABOVE, _BELOW = 0.12, 0.16
#: Cost of a lack of 1 of correlation is 1; of leaving the flow, per eye distance and up to a limit; of moving on.
_LEAVING, _LIMIT, _MOVING = 1.0, 0.3, 0.3
_OUTER = topo.OUTER_LIP_PAIRS[2]
#: The middle of each lip.
INNER = topo.INNER_LIP_PAIRS[1]
#: Per lip, its points but the corners, and the share of the strip's displacement that each takes.
_POINTS = tuple(
    {pair[side]: share for pairs, shares in ((topo.OUTER_LIP_PAIRS, (0.5, 0.9, 1.0, 0.9, 0.5)),
                                             (topo.INNER_LIP_PAIRS, (0.9, 1.0, 0.9)))
     for pair, share in zip(pairs, shares, strict=True)}
    for side in (0, 1)
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class LipLook:
    """What one frame says about the lips.

    Attributes:
        correlation: (N,) per lip, of its strip at every displacement of its grid.
        flow: (2,) displacement of the middle of each lip by flow, eye distances down the face.
        down: (2,) one eye distance down the face, in frame pixels.
    """

    correlation: tuple[Array, Array]
    flow: Array
    down: Array


class LipStrips:
    """The two strips of the anchor frame, and where they are looked for.

    Args:
        rgb: (S, S, 3) uint8 head-stabilised anchor frame.
        shape: (68, 2) landmarks on it, pixels.
        unit: eye distance in pixels.
    """

    def __init__(self, rgb: RGB, shape: Array, unit: float) -> None:
        self._unit = unit
        middle = shape[list(topo.MOUTH_CORNERS)].mean(0)
        half = _HALF_WIDTH * float(np.linalg.norm(np.diff(shape[list(topo.MOUTH_CORNERS)], axis=0)))
        self._left, self._right = round(float(middle[0] - half)), round(float(middle[0] + half)) + 1
        nose, chin = shape[topo.SUBNASALE, 1], shape[topo.CHIN, 1]
        above, below = shape[_OUTER[0], 1], shape[_OUTER[1], 1]
        upper = max(0.7 * nose + 0.3 * above, above - _ABOVE * unit), shape[INNER[0], 1]
        lower = shape[INNER[1], 1], min(0.5 * (below + chin), below + _BELOW * unit)
        ends = [round(float(value)) for value in (*upper, *lower)]
        #: Displacements of each grid, in eye distances.
        self.grids = tuple(np.arange(int(low * unit), int(high * unit) + 1) / unit for low, high in REACH)
        #: First and last row of each strip.
        self._rows = ((ends[0], ends[1]), (ends[2], ends[3]))
        self.usable = bool(
            unit >= 20
            and self._right - self._left >= 6
            and min(self._left, ends[0]) >= 0
            and self._right <= rgb.shape[1]
            and max(ends) < rgb.shape[0]
            and min(ends[1] - ends[0], ends[3] - ends[2]) >= 3
        )
        if not self.usable:
            return
        image = _smooth(rgb)
        self._strips = [image[first : last + 1, self._left : self._right].copy() for first, last in self._rows]
        # A strip of one colour is found everywhere.
        self.usable = all(float(strip.std(axis=(0, 1)).max()) > 2.0 for strip in self._strips)

    def look(self, rgb: RGB) -> tuple[Array, Array]:
        """Correlation (-1..1) of each strip with a stabilised frame, at every displacement of its grid."""
        import cv2

        slip = round(_SIDEWAYS * self._unit)
        left, right = max(0, self._left - slip), min(rgb.shape[1], self._right + slip)
        found = []
        for strip, rows, grid in zip(self._strips, self._rows, self.grids, strict=True):
            first, last = (row + round(float(grid[k]) * self._unit) for row, k in zip(rows, (0, -1), strict=True))
            inside = max(first, 0), min(last + 1, rgb.shape[0])
            part = cv2.copyMakeBorder(
                _smooth(rgb[inside[0] : inside[1], left:right]),
                *(inside[0] - first, last + 1 - inside[1], 0, 0),
                cv2.BORDER_REPLICATE,
            )
            best = cv2.matchTemplate(part, strip, cv2.TM_CCOEFF_NORMED).max(1)
            found.append(np.nan_to_num(np.clip(best, -1, 1), nan=-1.0).astype(np.float32))
        return found[0], found[1]


def place_lips(xy: Array, looks: Sequence[LipLook | None], grids: Sequence[Array]) -> Array:
    """Move the lips of ``xy`` (T, 68, 2) to where their strips are, as far as those are believed; in place.

    Args:
        looks: of each frame; None where the face is lost.
        grids: of :class:`LipStrips`.

    Returns:
        (T,) how far the strips of both lips are believed, 0..1.
    """
    believed = np.zeros(len(looks))
    seen = [k for k, look in enumerate(looks) if look is not None]
    if not seen:
        return believed
    believed[seen] = 1.0
    known = [look for look in looks if look is not None]
    down = np.stack([look.down for look in known])
    for lip, grid in enumerate(grids):
        correlation = np.stack([look.correlation[lip] for look in known])
        flow = np.array([look.flow[lip] for look in known])
        place, sure = _cheapest(correlation, grid, flow)
        trust = np.clip((sure - DOUBTFUL) / (SURE - DOUBTFUL), 0, 1)
        believed[seen] = np.minimum(believed[seen], trust)
        shift = (trust * (place - flow))[:, None] * down
        for point, share in _POINTS[lip].items():
            xy[seen, point] += share * shift
    return believed


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
