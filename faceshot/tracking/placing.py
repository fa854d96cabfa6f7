"""Put lids and lips of a tracked clip where the networks read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import topology as topo
from faceshot.tracking.face import EYES
from faceshot.tracking.looks import Reading

Array = npt.NDArray[Any]
Found = npt.NDArray[np.bool_]

#: What one eye says counts this much of its own opening, both the rest; less the more they differ.
_OWN = 0.6
#: A wink: one eye below, the other above these shares, the looks at both agree this well, for so many frames.
_WINK_SHUT, _WINK_OPEN, _AGREED, _LASTING = 0.35, 0.75, 0.15, 5
#: Shut eyes read up to this; the range up to _UNTOUCHED is stretched to reach _SHUT.
_DEEPEST, _UNTOUCHED, _SHUT = 0.35, 0.65, 0.04
#: An eye opens at most this much wider than on the anchor frame, and an anchor's eye is at least this open.
_WIDEST, _ANCHOR_OPEN = 1.4, 0.3
#: Corners that were read are believed from twice as far off, in eye widths; a single look may be wrong by this.
_SAME_EYE = 0.1
#: Where a closing eye's lids meet, as a share of the way up.
_MEETING = 0.15
#: Clearness from which the lips' gap begins to be believed, and from which it is believed altogether.
_DIM, _CLEAR = 0.5, 0.65
#: What a shut mouth may read, over its width, and how far the anchor's own gap may be from what is read there.
_SHUT_GAP, _OFFSET = 0.06, (-0.02, 0.08)
#: How far facing points of the lips may slide past each other, in mouth widths: they part along the face's vertical.
_SLIDE = 0.04
#: Share of a correction that the lower lip takes.
_LOWER_LIP = 0.65
#: Share of the lips' correction that each pair of inner and outer points takes.
_INNER, _OUTER = (0.9, 1.2, 0.9), (0.45, 0.9, 1.1, 0.9, 0.45)


def openings(reading: Reading, found: Found) -> Array:
    """(T, 2) how open the right and the left eye are, 1 as usual, from all that the networks say of them."""
    one = np.stack([_opening(reading.eyes[:, k, :5], found) for k in (0, 1)], 1)
    doubt = reading.eyes[:, :, 5]
    # 1. Both together, the surer one first.
    weight = 1 / (0.08**2 + doubt**2)
    both = (one * weight).sum(1, keepdims=True) / weight.sum(1, keepdims=True)
    own = _OWN * np.clip(1 - (np.ptp(one, axis=1, keepdims=True) - 0.2) / 0.3, 0, 1)
    together = own * one + (1 - own) * both
    # 2. A wink must be plain, and last.
    low, high = one.min(1), one.max(1)
    plain = (low < _WINK_SHUT) & (high > _WINK_OPEN) & (doubt.max(1) < _AGREED)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], plain.astype(int), [0]])))
    winks = np.zeros(len(plain), bool)
    for start, stop in edges.reshape(-1, 2):
        winks[start:stop] = stop - start >= _LASTING
    share = np.where(winks[:, None], one, together)
    return np.stack([_stretched(share[:, k], found) for k in (0, 1)], 1)


def _opening(said: Array, found: Found) -> Array:
    """Mean (T,) of several measures (T, n) of one eye's opening, each over its own wide-open level."""
    calm = np.stack([_median3(column) for column in said.T], 1)
    usual = np.percentile(calm[found] if found.any() else calm, 90, axis=0)
    return np.asarray((np.clip(calm, 0, None) / np.maximum(usual, 0.05)).mean(1))


def _stretched(share: Array, found: Found) -> Array:
    """The low end stretched so that the clip's own blinks are shut."""
    low = share[found & (share < 0.55)]
    closed = min(float(np.percentile(low, 25)), _DEEPEST) if len(low) else _SHUT
    scaled = _SHUT + (share - closed) / (_UNTOUCHED - closed) * (_UNTOUCHED - _SHUT)
    return np.maximum(np.where(share < _UNTOUCHED, scaled, share), 0.0)


def put_corners(xy: Array, places: Array) -> None:
    """Move and resize the eyes of ``xy`` (T, 68, 2) to the corners that were read, where those are clearly others; in
    place.

    The matcher draws many a photographed eye too wide, and all motion is measured in the distance of the eyes.
    """
    away = np.abs(np.column_stack([places[:, :2], np.log(places[:, 2])])).max(1)
    for (eye, _), (right, down, size), off in zip(EYES, places, away, strict=True):
        share = np.clip((off - _SAME_EYE) / _SAME_EYE, 0, 1)
        points = xy[:, list(eye)]
        across = (points[:, 3] - points[:, 0])[:, None]
        middle = 0.5 * (points[:, :1] + points[:, 3:4])
        shift = right * across + down * np.stack([-across[..., 1], across[..., 0]], -1)
        xy[:, list(eye)] = points + share * (shift + (size - 1) * (points - middle))


def place_eyes(xy: Array, carried: Array, share: Array, anchored: int) -> None:
    """Put the lids of ``xy`` (T, 68, 2) at the given openings (T, 2); in place.

    Args:
        carried: (T, 68, 2) the anchor's eyes carried to every frame by their corners.
        anchored: the anchor frame, whose eyes stay as they are.
    """
    for k, (_, pairs) in enumerate(EYES):
        at_anchor = max(float(share[anchored, k]), _ANCHOR_OPEN)
        width = np.minimum(share[:, k] / at_anchor, _WIDEST / at_anchor)[:, None]
        raised = _MEETING * np.clip(1 - share[:, k] / max(at_anchor, 0.8), 0, 1)[:, None]
        for upper, lower in pairs:
            reach = carried[:, upper] - carried[:, lower]
            low = carried[:, lower] + raised * reach
            xy[:, upper] = low + width * reach
            xy[:, lower] = low


def gap_trust(reading: Reading, found: Found) -> float:
    """How far the gap that was read is believed in this clip, 0..1: masks of half-sure pixels are not."""
    if not found.any():
        return 0.0
    gap, clear = reading.mouth[found, 0], reading.mouth[found, 3]
    seen = float((gap * clear).sum() / max(float(gap.sum()), 1e-6))
    return float(np.clip((seen - _DIM) / (_CLEAR - _DIM), 0, 1))


def place_gap(xy: Array, reading: Reading, found: Found, anchored: int) -> None:
    """Open or close the lips of ``xy`` (T, 68, 2) to the gap that was read; in place.

    The anchor's own gap is kept as far as a shut mouth may differ between two conventions.
    """
    trust = gap_trust(reading, found)
    if trust == 0:
        return
    gap = _median3(reading.mouth[:, 0])
    right, left = topo.MOUTH_CORNERS
    across = xy[:, left] - xy[:, right]
    width = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    down = np.stack([-across[:, 1], across[:, 0]], 1) / width[:, None]
    now = np.stack([((xy[:, b] - xy[:, a]) * down).sum(1) for a, b in topo.INNER_LIP_PAIRS], 1).mean(1) / width
    shut = min(float(np.percentile(gap[found], 5)), _SHUT_GAP)
    offset = float(np.clip(now[anchored] - (gap[anchored] - shut), *_OFFSET))
    wanted = np.maximum(gap - shut + offset, 0.0)
    way = (trust * (wanted - now) * width)[:, None] * down
    for table, shares in ((topo.INNER_LIP_PAIRS, _INNER), (topo.OUTER_LIP_PAIRS, _OUTER)):
        for (upper, lower), share in zip(table, shares, strict=True):
            xy[:, upper] -= (1 - _LOWER_LIP) * share * way
            xy[:, lower] += _LOWER_LIP * share * way


def limit_slide(xy: Array, anchored: int) -> None:
    """Let facing points of the lips of ``xy`` (T, 68, 2) lie no further aside of each other than on the anchor frame,
    but for a little; in place. A lip is the same all along, so that flow lets points drift along it."""
    right, left = topo.MOUTH_CORNERS
    across = xy[:, left] - xy[:, right]
    square = np.maximum((across**2).sum(1), 1e-9)
    for upper, lower in (*topo.INNER_LIP_PAIRS, *topo.OUTER_LIP_PAIRS):
        slide = ((xy[:, lower] - xy[:, upper]) * across).sum(1) / square
        slide -= slide[anchored]
        shift = 0.5 * (slide - np.clip(slide, -_SLIDE, _SLIDE))[:, None] * across
        xy[:, upper] += shift
        xy[:, lower] -= shift


def _median3(values: Array) -> Array:
    """Median of three neighbours; the ends as they are."""
    if len(values) < 3:
        return values
    out = values.copy()
    out[1:-1] = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return out
