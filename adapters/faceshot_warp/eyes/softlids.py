"""Eyelids of photographs: the picture's own lid, lashes and all, slides over the eye, which keeps its size.

Drawn into the picture before the warp, as :mod:`faceshot_warp.eyes.lids` does for drawings. Each column of the eye is
cut at both lids: above the upper one skin stretches between brow and lashes, below the lower one between lashes and
cheek, and in between lies the eyeball. The further the eye closes, the more of the lid is skin that was folded away:
that of the surroundings, with the lashes of the picture on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_warp.controls import EyeRest
from faceshot_warp.eyes.eyeball import eyeball
from faceshot_warp.eyes.lids import Lid, rounded_outline
from faceshot_warp.field import Plane, sample, smooth

#: Half the width, in eye widths, over which lids move skin to the sides of the eye.
_SIDE = 0.75
#: Width of the lash line that moves with a lid unstretched, in eye widths.
_LASHES = 0.1
#: Half the thickness of the line of a shut eye, in eye widths, and how strong it is.
_LINE, _STRONG = 0.05, 1.0
#: Skin that a moving lid stretches or gathers: at least and at most, in eye widths; below the eye.
_LEAST, _MOST, _BELOW = 0.3, 0.9, 0.55
#: Share of the eye's height at either lid that stretches where the eye opens wider than in the picture.
_UNDER_LID = 0.4
#: Gaze, in eye widths, from which the eyeball is drawn with what the lids of the picture hide of it.
_AWAY = 0.1
#: Entries of a table over the eye.
_TABLE = 129


@dataclass(frozen=True)
class SoftLid:
    """One eye's lids.

    Attributes:
        left, top: place of the patch in the picture.
        eye: (h, w, 3) uint8 the picture.
        skin: (h, w, 3) float32 the same place with the eye gone.
        lashes: (h, w, 3) float32 what is thin and darker than its surroundings, negative.
        line: (3,) colour of the upper lid's edge in the picture.
        rest: the eye in the picture.
        centre: (2,) its middle.
        s, n: (h, w) pixels along and across the eye from its middle.
        index: (h, w, 2) where in a table over the eye each pixel looks.
        upper, lower: (_TABLE,) n of both lids in the picture.
        above, below: (_TABLE,) pixels of skin that move with the upper and the lower lid.
        edge: pixels by which the eyeball keeps away from the lids' own edge in the picture.
        touched: (h, w) pixels the lids may change.
    """

    left: int
    top: int
    eye: npt.NDArray[np.uint8]
    skin: Plane
    lashes: Plane
    line: npt.NDArray[np.float32]
    rest: EyeRest
    centre: npt.NDArray[np.float64]
    s: Plane
    n: Plane
    index: Plane
    upper: npt.NDArray[np.float32]
    lower: npt.NDArray[np.float32]
    above: npt.NDArray[np.float32]
    below: npt.NDArray[np.float32]
    edge: float
    touched: npt.NDArray[np.bool_]

    @property
    def place(self) -> tuple[slice, slice, slice]:
        """Where the patch lies in an array (H, W, 3 or 4)."""
        height, width = self.n.shape
        return np.s_[self.top : self.top + height, self.left : self.left + width, :3]

    @cached_property
    def whole(self) -> npt.NDArray[np.uint8]:
        """(h, w, 3) the eyeball with what the lids hide of it; only eyes that look around need it."""
        edges = sample(np.stack([self.upper, self.lower], -1)[None], self.index)
        inside = np.minimum(self.n - edges[..., 0], edges[..., 1] - self.n)
        return eyeball(self.eye, inside, self.s, self.rest.width)

    def draw(self, closure: float, lids: npt.NDArray, gaze: npt.NDArray | None = None) -> npt.NDArray[np.uint8]:
        """The patch (h, w, 3) uint8 with the lids' landmarks moved by ``lids`` (6,) pixels down, in iBUG order, and the
        eyeball by ``gaze`` (2,) pixels along and across the eye; ``closure`` is 1 when shut."""
        upper, lower = _lid_tables(self.rest, self.centre, lids)
        lower = np.maximum(lower, upper)
        dense = sample(np.stack([upper, lower, self.upper, self.lower, self.above, self.below], -1)[None], self.index)
        now_up, now_low, up, low, above, below = np.moveaxis(dense, -1, 0)
        lash = np.float32(_LASHES * self.rest.width)
        over, under = now_up - self.n, self.n - now_low  # pixels above the upper, below the lower lid
        down, raised = now_up - up, now_low - low
        # Linear between the lashes and where the skin stays: never folds, whichever way the lid goes.
        follow = np.clip(1 - (over - lash) / np.maximum(above + down - lash, 1), 0, 1)
        follow_low = np.clip(1 - (under - lash) / np.maximum(below - raised - lash, 1), 0, 1)
        ball = self._ball(now_up, now_low, up, low, gaze)
        skin = self.n - np.where(over > -(now_low - now_up) / 2, down * follow, raised * follow_low)
        places = self._places(self.s, skin)
        drawn = sample(self.eye, places).astype(np.float32)
        fresh = float(smooth(np.float32((closure - 0.2) / 0.5)))
        if fresh > 0:
            # What the moving lid leaves behind, and what it brings along: only near its edge, where the lashes are.
            near = np.clip(2 - over / lash, 0, 1) * np.clip(over + 1, 0, 1)
            lid = self.skin + sample(self.lashes, places) * near[..., None]
            dark = np.exp(-((over / np.float32(_LINE * self.rest.width)) ** 2))
            line = np.float32(_STRONG) * dark * np.clip(self.rest.width / 2 - np.abs(self.s), 0, 1)
            lid = np.minimum(lid, self.skin + line[..., None] * (self.line - self.skin))
            drawn += fresh * (lid - drawn)
        shown = sample(self.eye, self._places(*ball)).astype(np.float32)
        away = 0.0 if gaze is None else float(smooth(np.array(np.hypot(*gaze) / (_AWAY * self.rest.width))))
        if away > 0:
            # The further it looks away, the more is seen of what the lids hide.
            shown += away * (sample(self.whole, self._places(*ball)) - shown)
        cover = np.clip(0.5 - over, 0, 1) * np.clip(0.5 - under, 0, 1) * np.clip(now_low - now_up, 0, 1)
        out = drawn + cover[..., None] * (shown - drawn)
        return np.clip(out + 0.5, 0, 255).astype(np.uint8)

    def _ball(
        self, now_up: Plane, now_low: Plane, up: Plane, low: Plane, gaze: npt.NDArray | None
    ) -> tuple[Plane, Plane]:
        """Where in the picture the eyeball is seen: in its place, stretched only where the eye is wider than it was."""
        # Only what lies near the lids is stretched: the pupil stays round.
        high, deep = up + _UNDER_LID * (low - up), low - _UNDER_LID * (low - up)
        top = np.clip((high - self.n) / np.maximum(high - now_up, 0.5), 0, 1)
        bottom = np.clip((self.n - deep) / np.maximum(now_low - deep, 0.5), 0, 1)
        s, n = self.s, self.n + np.maximum(up - now_up, 0) * top - np.maximum(now_low - low, 0) * bottom
        if gaze is None:
            # Lids follow the eye up and down; so, without a word about the gaze, the eye follows its lids.
            n = n - (now_up - up + now_low - low) / 2
        elif np.abs(gaze).max() > 0.01:
            return s - np.float32(gaze[0]), n - np.float32(gaze[1])
        inset = np.minimum(0.12 * (low - up), self.edge)
        return s, np.clip(n, up + inset, low - inset)

    def _places(self, s: Plane, n: Plane) -> Plane:
        axis, normal = self.rest.axis, self.rest.normal
        x, y = self.centre - (self.left, self.top)
        across = np.float32(x) + s * np.float32(axis[0]) + n * np.float32(normal[0])
        return np.dstack([across, np.float32(y) + s * np.float32(axis[1]) + n * np.float32(normal[1])])


def make_soft_lid(
    rgb: npt.NDArray[np.uint8], eye: EyeRest, brow: npt.NDArray, lid: Lid | None, *, edge: float = 1.5
) -> SoftLid | None:
    """Prepare the lids of an eye; None when it is outside the picture, or closed in it.

    Args:
        rgb: (H, W, 3) the picture.
        brow: (n, 2) points of the brow over this eye, or none.
        lid: the drawn lid of the eye, whose skin is used.
        edge: see :class:`SoftLid`.
    """
    if eye.closed:
        return None
    centre = eye.points.mean(0)
    reach = int(np.ceil(max((0.5 + _MOST) * eye.width, eye.gap + _MOST * eye.width))) + 2
    left, top = (int(v) for v in np.maximum(np.floor(centre) - reach, 0))
    right, bottom = (int(v) for v in np.minimum(np.floor(centre) + reach + 1, [rgb.shape[1], rgb.shape[0]]))
    if right - left < 3 or bottom - top < 3:
        return None
    x = (np.arange(left, right) - centre[0]).astype(np.float32)
    y = (np.arange(top, bottom) - centre[1]).astype(np.float32)[:, None]
    s = x * np.float32(eye.axis[0]) + y * np.float32(eye.axis[1])
    n = x * np.float32(eye.normal[0]) + y * np.float32(eye.normal[1])
    upper, lower = _lid_tables(eye, centre, np.zeros(6))
    room = _MOST * eye.width
    if len(brow):
        along, depth = (brow - centre) @ eye.axis, (brow - centre) @ eye.normal
        order = np.argsort(along)
        room = 0.85 * (upper - np.interp(_spots(eye), along[order], depth[order]))
    above = np.clip(room, _LEAST * eye.width, _MOST * eye.width).astype(np.float32) + np.zeros(_TABLE, np.float32)
    below = np.full(_TABLE, _BELOW * eye.width, np.float32)
    index = (s / np.float32(2 * _SIDE * eye.width) + np.float32(0.5)) * np.float32(_TABLE - 1)
    touched = (np.abs(s) < _SIDE * eye.width) & (n > float((upper - above).min())) & (n < float((lower + below).max()))
    rows, columns = np.flatnonzero(touched.any(1)), np.flatnonzero(touched.any(0))
    if not len(rows):
        return None
    cut = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    left, top = left + int(columns[0]), top + int(rows[0])
    box = np.s_[top : top + touched[cut].shape[0], left : left + touched[cut].shape[1]]
    patch = rgb[box].copy()
    skin = _without_eye(rgb, lid, (left, top), patch)
    places = np.dstack([index, np.zeros_like(index)])[cut]
    planes = s[cut], n[cut], np.ascontiguousarray(places)
    up, low = np.moveaxis(sample(np.stack([upper, lower], -1)[None], planes[2]), -1, 0)
    opening = np.clip(np.minimum(planes[1] - up, low - planes[1]) + 0.5, 0, 1)[..., None]
    lashes = _thin_and_dark(patch + opening * (skin - patch), _LASHES * eye.width)
    rim = (np.abs(planes[1] - up) < 0.5 * _LASHES * eye.width + 0.5) & (np.abs(planes[0]) < 0.35 * eye.width)
    line = np.percentile(patch[rim], 30, axis=0).astype(np.float32) if rim.any() else skin.mean((0, 1))
    return SoftLid(
        left, top, patch, skin, lashes, line, eye, centre, *planes, upper, lower, above, below, edge, touched[cut]
    )


def _without_eye(
    rgb: npt.NDArray[np.uint8], lid: Lid | None, corner: tuple[int, int], patch: npt.NDArray[np.uint8]
) -> Plane:
    """(h, w, 3) float32: the patch of the picture at ``corner`` (left, top) with skin where the eye is."""
    out: Plane = patch.astype(np.float32)
    if lid is None:
        return out
    low = np.maximum([lid.left, lid.top], corner)
    size = np.array(lid.mask.shape[::-1])
    high = np.minimum(np.array([lid.left, lid.top]) + size, np.array(corner) + patch.shape[1::-1])
    if (high <= low).any():
        return out
    there = np.s_[low[1] - lid.top : high[1] - lid.top, low[0] - lid.left : high[0] - lid.left]
    here = np.s_[low[1] - corner[1] : high[1] - corner[1], low[0] - corner[0] : high[0] - corner[0]]
    out[here] += lid.mask[there][..., None] * (lid.skin[there] - out[here])
    return out


def _thin_and_dark(image: Plane, width: float) -> Plane:
    """What closing with a window twice as wide as ``width`` pixels takes away: negative, 0 where nothing is thin."""
    side = 2 * max(1, round(width)) + 1
    closed: Plane = cv2.morphologyEx(image.astype(np.float32), cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return np.minimum(image - closed, 0).astype(np.float32)


def _spots(eye: EyeRest) -> npt.NDArray[np.float64]:
    """(_TABLE,) pixels along the eye of the entries of a table."""
    return np.linspace(-_SIDE, _SIDE, _TABLE) * eye.width


def _lid_tables(
    eye: EyeRest, centre: npt.NDArray, lids: npt.NDArray
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """n of the upper and the lower lid along the eye, with the landmarks moved by ``lids`` (6,) pixels down."""
    outline = np.stack([(eye.points - centre) @ eye.axis, (eye.points - centre) @ eye.normal + lids], -1)
    curve = rounded_outline(outline)
    half = len(curve) // 2
    tables = []
    for part in (curve[: half + 1], np.r_[curve[half:], curve[:1]]):
        order = np.argsort(part[:, 0], kind="stable")
        tables.append(np.interp(_spots(eye), part[order, 0], part[order, 1]).astype(np.float32))
    return tables[0], tables[1]
