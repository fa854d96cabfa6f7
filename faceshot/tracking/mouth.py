"""Put a mouth that slipped back where the matcher sees it.

Optical flow loses lips that meet and part. The matcher looks at single frames, so it cannot slip, but it is noisier,
and it is off by an amount that stays the same for one character. Therefore only *changes* of its answers since the
frames around the anchor are compared with the flow's, and only clear, lasting disagreements are corrected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import topology as topo

Array = npt.NDArray[Any]

_MOUTH = (*topo.OUTER_LIPS, *topo.INNER_LIPS)
#: Of these, the upper points of the facing pairs of both lips, and the lower ones.
_UPPER, _LOWER = (
    [_MOUTH.index(pair[side]) for pair in (*topo.OUTER_LIP_PAIRS, *topo.INNER_LIP_PAIRS)] for side in (0, 1)
)
#: Points that hardly move within a face; the head's motion is taken from them.
_STILL = (
    *topo.NOSE_BRIDGE,
    topo.SUBNASALE,
    *topo.OUTER_EYE_CORNERS,
    *topo.INNER_EYE_CORNERS,
    topo.JAW[0],
    topo.JAW[-1],
)
#: Disagreement, in eye distances, below which the flow is believed, and above which the matcher is.
BELIEVE_FLOW, BELIEVE_MATCHER = 0.03, 0.08
#: Mean disagreement, in eye distances, at which the matcher's mouth is not believed at all.
REFUSE = 0.16
#: Measurements nearest to the anchor frame that tell the matcher's constant offset.
REFERENCE = 7


def head_motion(xy: Array, anchor: int) -> tuple[Array, Array]:
    """Complex a, t (T,) of the similarity that takes every frame's still points to those of frame ``anchor``."""
    z = (xy[..., 0] + 1j * xy[..., 1])[:, list(_STILL)]
    target = z[anchor]
    centred, goal = z - z.mean(1, keepdims=True), target - target.mean()
    a = (centred.conj() * goal).sum(1) / np.maximum((np.abs(centred) ** 2).sum(1), 1e-9)
    return a, target.mean() - a * z.mean(1)


def correct_mouth(
    xy: Array, found: npt.NDArray[np.bool_], measured: Mapping[int, Array], anchor: int, parting: Array | None = None
) -> None:
    """Move mouth points of ``xy`` (T, 68, 2) toward where the matcher saw them; changes ``xy`` in place.

    Args:
        found: (T,) frames with a face. measured: frame -> the matcher's 68 points, frame ``anchor`` included.
        anchor: the frame whose landmarks the tracking started from.
        parting: (T,) 0..1, how surely ``xy`` already says how far the lips are apart. The matcher, which sees half of
            that at most, has half a say in it at 0 and none at 1.
    """
    frames = np.array(sorted(k for k in measured if found[k]))
    if anchor not in frames or len(frames) < 3:
        return
    # 1. Both answers in the head's own frame, as displacements from the anchor frame in eye distances.
    a, t = head_motion(xy, anchor)
    eye = float(np.linalg.norm(xy[anchor, topo.OUTER_EYE_CORNERS[0]] - xy[anchor, topo.OUTER_EYE_CORNERS[1]]))
    mouth = list(_MOUTH)
    flow = (a[:, None] * _complex(xy[:, mouth]) + t[:, None]) / max(eye, 1e-6)
    seen = np.stack([a[k] * _complex(measured[k][mouth]) + t[k] for k in frames]) / max(eye, 1e-6)
    gap = seen - flow[frames]
    # Near the anchor the flow has not had time to slip: what differs there is the matcher's own offset.
    near = np.argsort(np.abs(frames - anchor), kind="stable")[:REFERENCE]
    gap = gap - (np.median(gap[near].real, axis=0) + 1j * np.median(gap[near].imag, axis=0))
    if parting is not None:
        right, left = _complex(xy[anchor, list(topo.OUTER_EYE_CORNERS)])
        down = 1j * (left - right) / max(eye, 1e-6)
        apart = ((gap[:, _UPPER] - gap[:, _LOWER]) * np.conj(down)).real * down
        apart *= 0.5 * (0.5 + 0.5 * parting[frames, None])
        gap[:, _UPPER] -= apart
        gap[:, _LOWER] += apart
    # A mouth that would have to jump this far is the matcher's mistake, not the flow's.
    sane = np.abs(gap).mean(1) < REFUSE
    if sane.sum() < 3:
        return
    frames, gap = frames[sane], gap[sane]
    # 2. What lasts: a median of three measurements, lightly smoothed.
    padded = np.concatenate([gap[:1], gap, gap[-1:]])
    three = np.stack([padded[:-2], padded[1:-1], padded[2:]])
    lasting = np.median(three.real, axis=0) + 1j * np.median(three.imag, axis=0)
    order = np.arange(len(frames))
    weight = np.exp(-((order[:, None] - order) ** 2) / (2 * 0.7**2))
    lasting = (weight / weight.sum(1, keepdims=True)) @ lasting
    # 3. Clear disagreements only, spread over the frames between.
    share = np.clip((np.abs(lasting) - BELIEVE_FLOW) / (BELIEVE_MATCHER - BELIEVE_FLOW), 0, 1)
    every = np.arange(len(xy))
    shift = np.stack([np.interp(every, frames, column) for column in (share * lasting).T], 1)
    moved = (flow + shift) * eye
    back = (moved - t[:, None]) / np.where(np.abs(a) > 1e-9, a, 1)[:, None]
    xy[:, mouth] = np.stack([back.real, back.imag], -1)


def _complex(points: Array) -> Array:
    return np.asarray(points[..., 0] + 1j * points[..., 1])
