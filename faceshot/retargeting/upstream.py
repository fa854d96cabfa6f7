"""Coordinate-based retargeting exactly as the released FaceShot code does it, for research parity.

Everything visible in this algorithm is kept, its faults included (snapping, sign flips, jumps at the ratio 1.5,
swapped clamps). For pictures that people look at use mode ``stable`` of :mod:`faceshot.retargeting.modes`.

R(a) = [[cos a, -sin a], [sin a, cos a]]; a chain's own frame has its origin in the middle of its two endpoints and
its x axis from the first endpoint to the last (FaceShot, section 3.2). All arrays are float64, frames come first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot.landmarks.topology import CHAINS, ENDPOINTS

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_FACE, _NOSE_BASE, _BRIDGE = 0, 3, 12
_INNER_LIPS = (4, 5)
_SMOOTHED = range(10)
_THRESHOLD = 1.5
_SNAP = 1.0
#: Neighbours that limit the translation of chains 1..12: up/down (y) and right/left (x); a chain number, a landmark
#: ("p", index), or None for "no limit".
_P0, _P8, _P16 = ("p", 0), ("p", 8), ("p", 16)
_LIPS = (_NOSE_BASE, _P8, _P0, _P16)
_NEIGHBOURS = (
    _LIPS,
    _LIPS,
    (_BRIDGE, 1, _P0, _P16),
    _LIPS,
    _LIPS,
    (10, _BRIDGE, _P0, 8),
    (10, _BRIDGE, _P0, 8),
    (11, _BRIDGE, 6, _P16),
    (11, _BRIDGE, 6, _P16),
    (_P8, 6, _P0, 11),
    (_P8, 8, 10, _P16),
    (None, None, None, None),
)


def retarget_upstream(reference: npt.ArrayLike, driving: npt.ArrayLike) -> Array:
    """Move a character's landmarks with a driver's motion as upstream FaceShot does (paper, Eq. 5 and 6).

    Args:
        reference: (68, 2) the character's landmarks in pixels of a 512x512 square (thresholds are in pixels).
        driving: (M, 68, 2) the driver's landmarks in pixels of a 512x512 square; frame 0 is the rest frame.

    Returns:
        (M, 68, 2) float64 pixels; frame 0 is ``reference``.
    """
    ref = np.asarray(reference, np.float64)
    dri = np.asarray(driving, np.float64)
    scale = boundary_scale(ref, dri[0])
    ref_o, ref_theta = chain_frames(ref[None])
    dri_o, dri_theta = chain_frames(dri)
    out = np.repeat(ref[None], len(dri), axis=0)
    turn_g = dri_theta[:, _FACE] - dri_theta[0, _FACE]
    shift_g = dri_o[:, _FACE] - dri_o[0, _FACE]
    no_limit = np.ones(4)
    for i, chain in enumerate(CHAINS):
        points = list(chain)
        moved = _move_chain(
            i,
            _local(dri[:, points], dri_o[:, i], dri_theta[:, i]),
            _local(ref[None, points], ref_o[:, i], ref_theta[:, i])[0],
        )
        p = _rotate(moved, ref_theta[:, i]) + ref_o[0, i]
        p = _place(p, ref_o[:, i], ref_theta[0, _FACE], dri_theta[:, _FACE], turn_g, shift_g, no_limit)
        if i != _FACE:
            centre = (p[:, 0] + p[:, -1]) / 2
            turn = dri_theta[:, i] - dri_theta[0, i] - turn_g
            shift = dri_o[:, i] - dri_o[0, i] - shift_g
            p = _place(p, centre, ref_theta[0, i] + turn_g, dri_theta[:, i], turn, shift, scale[i - 1])
        out[1:, points] = p[1:]
    return out


def chain_frames(xy: Array) -> tuple[Array, Array]:
    """Origin (M, 13, 2) and angle (M, 13) in radians of the 13 chains; the nose base takes the bridge's origin."""
    first, last = np.array(ENDPOINTS).T
    a, b = xy[:, first], xy[:, last]
    origin = (a + b) / 2
    origin[:, _NOSE_BASE] = origin[:, _BRIDGE]
    delta = b - a
    return origin, np.arctan2(delta[..., 1], delta[..., 0])


def boundary_scale(reference: Array, driving_rest: Array) -> Array:
    """(12, 4) limits of chains 1..12 for moves down, up, right, left: at most 1, NaN where both gaps are 0."""
    ref, dri = _in_face_frame(reference), _in_face_frame(driving_rest)
    scale = np.ones((12, 4))
    for i, neighbours in enumerate(_NEIGHBOURS, start=1):
        for k, neighbour in enumerate(neighbours):
            if neighbour is None:
                continue
            key = neighbour if isinstance(neighbour, tuple) else ("c", neighbour)
            axis = 1 if k < 2 else 0
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.abs(ref[key][axis] - ref["c", i][axis]) / np.abs(dri[key][axis] - dri["c", i][axis])
            scale[i - 1, k] = np.minimum(1.0, ratio)
    return scale


def _in_face_frame(xy: Array) -> dict[tuple[str, int], Array]:
    """The chains' origins and the landmarks 0, 8, 16 in the face's own frame."""
    first, last = np.array(ENDPOINTS).T
    origins = (xy[first] + xy[last]) / 2
    delta = xy[last[_FACE]] - xy[first[_FACE]]
    theta = np.arctan2(delta[1], delta[0])
    points = _rotate(np.concatenate([origins, xy[[0, 8, 16]]]) - origins[_FACE], -theta)
    keys = [*(("c", i) for i in range(len(CHAINS))), _P0, _P8, _P16]
    return dict(zip(keys, points, strict=True))


def _rotate(v: Array, angle: Array | float) -> Array:
    """R(angle) v for vectors (..., 2); ``angle`` has the leading shape of ``v`` or one axis fewer."""
    angle = np.asarray(angle)
    c, s = np.cos(angle), np.sin(angle)
    if angle.ndim == v.ndim - 2 and angle.ndim:
        c, s = c[..., None], s[..., None]
    x, y = v[..., 0], v[..., 1]
    return np.stack([c * x - s * y, s * x + c * y], axis=-1)


def _local(points: Array, origin: Array, theta: Array) -> Array:
    """Points (M, n, 2) in their chain's frame, components under one pixel snapped to zero."""
    local = _rotate(points - origin[:, None], -theta)
    local[np.abs(local) < _SNAP] = 0.0
    return local


def _place(p: Array, centre: Array, th0: Array, th1: Array, turn: Array, shift: Array, limits: Array) -> Array:
    """Turn points (M, n, 2) about ``centre``, then translate with the direction's limit (down, up, right, left)."""
    w = _rotate(shift, th1)
    w_x = w[:, 0] * np.where(w[:, 0] < 0, limits[2], limits[3])
    w_y = w[:, 1] * np.where(w[:, 1] < 0, limits[1], limits[0])
    move = _rotate(np.stack([w_x, w_y], axis=-1), -(th0 + turn))
    return _rotate(p - centre[:, None], turn) + (centre + move)[:, None]


def _move_chain(i: int, dri: Array, ref: Array) -> Array:
    """New local coordinates (M, n, 2) of chain ``i`` from the driver's (M, n, 2) and the reference's (n, 2)."""
    d0, dm, r0 = np.broadcast_to(dri[0], dri.shape), dri, np.broadcast_to(ref, dri.shape)
    s = _ratios(d0, dm, r0)
    if i in _INNER_LIPS:
        pinched = (s[:, 2, 1] == 0) & (s[:, 1, 1] != 0) & (s[:, 3, 1] != 0)
        d0, dm = d0.copy(), dm.copy()
        for a in (s, d0, dm):
            a[pinched, 2, 1] = (a[pinched, 1, 1] + a[pinched, 3, 1]) / 2
    if i in _SMOOTHED:
        s = _tame(s)
    r = np.where(r0 != 0, r0 * s, np.where(d0 != 0, np.where(s != 0, d0 * s - d0, 0.0), s))
    opposite = (d0 * r0 < 0) & (dm != 0)
    return np.where(opposite, -r, np.where((d0 == 0) & (dm * r0 < 0), r + r0, r))


def _ratios(d0: Array, dm: Array, r0: Array) -> Array:
    """The scale of every coordinate: Eq. 6 with upstream's special cases for zero and for large ratios."""
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.where((d0[..., ::-1] != 0) & (r0[..., ::-1] != 0), np.abs(d0[..., ::-1] / r0[..., ::-1]), 1.0)
        tau = np.where(r0 == 0, q, np.abs(r0))
        h = np.where(np.abs(dm) > _THRESHOLD * tau, 0.0, 1.0)
        from_zero = np.where(r0 == 0, dm / tau, np.sign(dm * r0) * (h + np.abs(dm) / tau))

        large = np.abs(r0 / d0) > _THRESHOLD
        step = (dm - d0) / (np.sign(d0) * np.abs(r0))
        h = np.where(np.abs(dm - d0) > _THRESHOLD * np.abs(r0), 0.0, np.where(step < 0, -1.0, 1.0))
        plain = np.where(large & (np.abs(dm / d0) > 1), h + step, dm / d0)
    return np.where(dm == 0, 0.0, np.where(d0 == 0, from_zero, plain))


def _tame(s: Array) -> Array:
    """Replace outlying scales of one chain, per frame and axis, by their neighbours' mean; s is (M, n, 2)."""
    frames, n, _ = s.shape
    rows = s.transpose(0, 2, 1).reshape(-1, n)
    used = rows != 0
    count = used.sum(1)
    rows = np.where((count > (n - 2) / 2)[:, None], rows, 0.0)
    size = np.abs(rows)
    outlying: BoolArray = _outliers(size, used, count) & (rows != 0)
    which = np.flatnonzero(outlying.any(1))
    size[which] = _bridge(size[which], used[which], outlying[which])
    return (np.sign(rows) * size).reshape(frames, 2, n).transpose(0, 2, 1)


def _outliers(size: Array, used: BoolArray, count: npt.NDArray[np.int_]) -> BoolArray:
    """Tukey's fences on the used values of each row (R, n); rows without a hit fall back to the modified z-score."""
    q1, median, q3 = _quantiles(size, used, count, 0.25, 0.5, 0.75)
    spread = q3 - q1
    spread = np.where(spread < 0.2, spread + 0.2, spread)
    fence = used & ((size < (q1 - 1.5 * spread)[:, None]) | (size > (q3 + 1.5 * spread)[:, None]))
    deviation = np.abs(size - median[:, None])
    (mad,) = _quantiles(deviation, used, count, 0.5)
    mad = np.where(mad < 0.1, mad + 0.1, mad)
    score = used & (0.6745 * deviation / mad[:, None] > 2.5)
    return np.where(fence.any(axis=1, keepdims=True), fence, score)


def _quantiles(values: Array, used: BoolArray, count: npt.NDArray[np.int_], *quantiles: float) -> list[Array]:
    """Linear quantiles over the used entries of every row; 0 for empty rows."""
    ordered = np.sort(np.where(used, values, np.inf), axis=1)
    ordered[count == 0] = 0.0
    last, rows, out = np.maximum(count - 1, 0), np.arange(len(values)), []
    for q in quantiles:
        place = q * last
        low = place.astype(int)
        a, b = ordered[rows, low], ordered[rows, np.minimum(low + 1, last)]
        out.append(a + (b - a) * (place - low))
    return out


def _bridge(size: Array, used: BoolArray, outlying: BoolArray) -> Array:
    """Outliers <- mean of the nearest good neighbours, the chain's used points taken as a ring; rows (R, n)."""
    good = used & ~outlying
    place = np.where(good, np.arange(size.shape[1]), -1)
    left = np.maximum.accumulate(place, axis=1)
    left = np.where(left < 0, place.max(1, keepdims=True), left)
    place = np.where(good, np.arange(size.shape[1]), size.shape[1])
    right = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]
    right = np.where(right == size.shape[1], place.min(1, keepdims=True), right)
    rows = np.arange(len(size))[:, None]
    replace = outlying & good.any(1, keepdims=True)
    last = size.shape[1] - 1
    mean = (size[rows, np.clip(left, 0, last)] + size[rows, np.clip(right, 0, last)]) / 2
    return np.where(replace, mean, size)
