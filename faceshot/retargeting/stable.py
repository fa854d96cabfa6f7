"""Mode ``stable``: additive retargeting in the frames of the head and of each part.

The driver's head motion is a similarity (turn, size, shift) fitted to points that do not move in the face. What is
left, in the head's own frame, belongs to the parts: each eye, brow, the nose and the mouth shifts, turns about its own
origin and deforms. Every one of these is a *difference from the rest frame*, enlarged by a ratio of sizes and added
to the character, so a driver at rest changes nothing and a driver that equals the character is given back.

Shapes: T frames, points (T, n, 2) or (n, 2), float64, y down. Points are kept as complex numbers x + iy where
frames turn, so that a turn by a is a product with exp(ia).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from faceshot.landmarks.topology import (
    INNER_LIPS,
    JAW,
    LEFT_BROW,
    LEFT_EYE,
    NOSE_BASE,
    NOSE_BRIDGE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    MotionPart,
)
from faceshot.retargeting.eyelids import move_lids
from faceshot.retargeting.head import ZOOM_RANGE, Head, head_motion, own_frame, strangeness
from faceshot.retargeting.lips import keep_order, move_lips
from faceshot.retargeting.order import uncross
from faceshot.retargeting.smoothing import one_euro_both_ways

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

_NOSE = (*NOSE_BRIDGE, *NOSE_BASE)
_MOUTH = (*OUTER_LIPS, *INNER_LIPS)
#: How far gaps may pull a translation ratio away from the face's size ratio, and sizes a deformation ratio.
_SHIFT_RANGE = (0.25, 1.3)
_SHAPE_RANGE = (0.25, 3.0)
_EYE_WIDTH_RANGE = (0.15, 8.0)
#: A part may use this share of the room to its neighbour (more only where the driver itself does).
_ROOM = 0.8
_FILTER_CUTOFF, _FILTER_BETA = 2.0, 6.0
#: (5, 5) projection of a brow's five displacements onto parabolas along it, their bend damped.
_BASIS = np.linalg.qr(np.vander(np.linspace(-1, 1, 5), 3, increasing=True))[0]
_ARC = _BASIS @ np.diag([1.0, 1.0, 0.6]) @ _BASIS.T


@dataclass(frozen=True)
class Controls:
    """Gains (0 = still, 1 = natural) per motion part, and switches; see ``retarget.RetargetOptions``."""

    gains: Mapping[MotionPart, float]
    zoom: float
    closure: bool


class _Part(NamedTuple):
    name: MotionPart
    points: tuple[int, ...]
    corners: tuple[int, int]
    anchor: tuple[int, ...]
    above: tuple[int, ...]
    below: tuple[int, ...]


#: Every part with the points that give its x axis, its origin, and its neighbours above and below.
_PARTS = (
    _Part("right_eye", RIGHT_EYE, (36, 39), (36, 39), RIGHT_BROW, NOSE_BASE),
    _Part("left_eye", LEFT_EYE, (42, 45), (42, 45), LEFT_BROW, NOSE_BASE),
    _Part("right_brow", RIGHT_BROW, (17, 21), RIGHT_BROW, (), (36, 39)),
    _Part("left_brow", LEFT_BROW, (22, 26), LEFT_BROW, (), (42, 45)),
    _Part("nose", _NOSE, (31, 35), NOSE_BRIDGE, (), OUTER_LIPS),
    _Part("mouth", _MOUTH, (48, 54), OUTER_LIPS, NOSE_BASE, (7, 8, 9)),
)
#: (part, moving points, neighbours, direction in y): what may not run into what.
_CAPS: tuple[tuple[MotionPart, tuple[int, ...], tuple[int, ...], int], ...] = (
    ("mouth", OUTER_LIPS[7:] + INNER_LIPS[5:], (7, 8, 9), 1),
    ("mouth", OUTER_LIPS[1:6] + INNER_LIPS[1:4], (32, 33, 34), -1),
    ("right_brow", RIGHT_BROW, (37, 38), 1),
    ("left_brow", LEFT_BROW, (43, 44), 1),
    ("right_eye", (37, 38), RIGHT_BROW, -1),
    ("left_eye", (43, 44), LEFT_BROW, -1),
)


def retarget_stable(
    reference: npt.ArrayLike,
    driving: npt.ArrayLike,
    rest: int,
    fps: float,
    controls: Controls,
    *,
    driver_visible: npt.NDArray[np.bool_] | None = None,
) -> Array:
    """Move a character's landmarks with a driver's motion.

    Args:
        reference: (68, 2) the character at rest.
        driving: (T, 68, 2) the driver, finite; the two may have any scale.
        rest: index of the driver's frame that corresponds to ``reference``.
        fps: frames per second (blink detection and filter).
        controls: gains and switches.
        driver_visible: (68,) bool, False for points the driver does not have.

    Returns:
        (T, 68, 2) float64; frame ``rest`` is ``reference``.
    """
    ref_xy, dri_xy = np.asarray(reference, np.float64), np.asarray(driving, np.float64)
    ref_c, dri_c = ref_xy[..., 0] + 1j * ref_xy[..., 1], dri_xy[..., 0] + 1j * dri_xy[..., 1]
    ref, dri0 = own_frame(ref_c), own_frame(dri_c[rest])
    turn, zoom, shift = head_motion(dri_c, dri0, rest, fps, driver_visible)
    dri = (dri_c - (dri0.origin + shift)[:, None]) * (np.exp(-1j * (dri0.angle + turn)) / zoom)[:, None]
    unlike = strangeness(ref.points / ref.size, dri0.points / dri0.size)

    out = _move_parts(ref, dri0, dri, unlike, fps, controls)
    _cap(out, ref, dri0, dri, controls)

    head = controls.gains["head"]
    size_ratio = ref.size / dri0.size
    grown = np.clip(zoom ** (controls.zoom * head), *ZOOM_RANGE) if controls.zoom * head != 1 else zoom
    placed = out * (np.exp(1j * (ref.angle + head * turn)) * grown)[:, None]
    placed += (ref.origin + head * size_ratio * shift)[:, None]
    if unlike > 0:  # a driver is given back as it is
        uncross(placed, ref_c)
    result = np.stack([placed.real, placed.imag], axis=-1)
    result[rest] = ref_xy
    return result


def _ratio(a: float, b: float) -> float:
    """a / b of two sizes, 1 where the divisor vanishes."""
    return float(a / b) if abs(b) > 1e-9 else 1.0


def _clip(value: float, base: float, bounds: tuple[float, float]) -> float:
    return float(np.clip(value, bounds[0] * base, bounds[1] * base))


def _spread(points: Complex) -> tuple[float, float]:
    return float(points.real.std()), float(points.imag.std())


def _face_ratio(ref: Head, dri: Head) -> tuple[float, float]:
    """How much wider and taller the character's face is than the driver's."""
    size = ref.size / dri.size
    (rw, rh), (dw, dh) = _spread(ref.points), _spread(dri.points)
    return _clip(_ratio(rw, dw), size, (0.6, 1.6)), _clip(_ratio(rh, dh), size, (0.6, 1.6))


class _Job(NamedTuple):
    """One moving part: character at rest, driver at rest and driver per frame, in the part's own frames."""

    part: _Part
    points: list[int]
    ref: Complex
    rest: Complex
    now: Complex


def _move_parts(ref: Head, dri0: Head, dri: Complex, unlike: float, fps: float, controls: Controls) -> Complex:
    """The character's points (T, 68) in its head's frame."""
    face = _face_ratio(ref, dri0)
    size = ref.size / dri0.size
    out = np.repeat(ref.points[None], len(dri), axis=0)
    jaw = list(JAW)
    out[:, jaw] += controls.gains["jaw"] * _jaw(ref, dri0, dri, face)
    gains = np.zeros(68)
    gains[jaw] = controls.gains["jaw"]
    for part in _PARTS:
        gain = controls.gains[part.name]
        if gain == 0:
            continue
        points = list(part.points)
        gains[points] = gain
        (o_r, x_r), (o_0, x_0), (o_m, x_m) = (_part_frame(p, part) for p in (ref.points, dri0.points, dri))
        job = _Job(
            part,
            points,
            (ref.points[points] - o_r) * x_r.conj(),
            (dri0.points[points] - o_0) * x_0.conj(),
            (dri[:, points] - o_m[:, None]) * x_m.conj()[:, None],
        )
        local = _deform(job, ref, dri0, face, unlike, fps, gain, controls)
        turn = x_m * x_0.conj() if gain == 1 else np.exp(1j * gain * np.angle(x_m * x_0.conj()))
        shift = gain * _shift(o_m - o_0, part, ref, dri0, face)
        out[:, points] = (o_r + shift)[:, None] + local * (x_r * turn)[:, None]
    if unlike > 0 and len(dri) > 1:
        _filter(out, ref.points, gains * size * (dri - dri0.points), fps, ref.size)
    return out


def _part_frame(points: Complex, part: _Part) -> tuple[Complex, Complex]:
    """Origin and unit x axis of a part in faces (..., 68); the nose keeps the head's axes."""
    origin = points[..., list(part.anchor)].mean(-1)
    if part.name == "nose":
        return origin, np.ones_like(origin)
    across = points[..., part.corners[1]] - points[..., part.corners[0]]
    length = np.abs(across)
    return origin, np.where(length > 1e-9, across / np.maximum(length, 1e-9), 1.0)


def _jaw(ref: Head, dri0: Head, dri: Complex, face: tuple[float, float]) -> Complex:
    """Displacement (T, 17) of the contour, scaled by the two contours' extents."""
    jaw = list(JAW)
    (rw, rh), (dw, dh) = _spread(ref.points[jaw]), _spread(dri0.points[jaw])
    delta = dri[:, jaw] - dri0.points[jaw]
    kx, ky = (_clip(_ratio(a, b), f, (0.5, 1.6)) for a, b, f in ((rw, dw, face[0]), (rh, dh, face[1])))
    return kx * delta.real + 1j * ky * delta.imag


def _shift(move: Complex, part: _Part, ref: Head, dri0: Head, face: tuple[float, float]) -> Complex:
    """Translation (T,) of a part, scaled by the room on the side it moves to (character over driver)."""
    origin = list(part.anchor)

    def room(neighbours: tuple[int, ...], axis: str, size: float) -> float:
        if not neighbours:
            return size
        gaps = [abs(getattr(p[list(neighbours)].mean() - p[origin].mean(), axis)) for p in (ref.points, dri0.points)]
        return _clip(_ratio(*gaps), size, _SHIFT_RANGE) if min(gaps) > 0 else size

    right, left = room((0, 1, 2), "real", face[0]), room((14, 15, 16), "real", face[0])
    up, down = room(part.above, "imag", face[1]), room(part.below, "imag", face[1])
    x = move.real * np.where(move.real < 0, right, left)
    y = move.imag * np.where(move.imag < 0, up, down)
    return x + 1j * y


def _deform(
    job: _Job,
    ref: Head,
    dri0: Head,
    face: tuple[float, float],
    unlike: float,
    fps: float,
    gain: float,
    controls: Controls,
) -> Complex:
    """New points (T, n) of a part in its own frame."""
    size = ref.size / dri0.size
    first, last = job.part.corners
    width = _ratio(*(float(abs(h.points[last] - h.points[first])) for h in (ref, dri0)))
    if job.part.name in ("right_eye", "left_eye"):
        return move_lids(
            job.ref,
            job.rest,
            job.now,
            width_ratio=_clip(width, size, _EYE_WIDTH_RANGE),
            face_ratio=size,
            strangeness=unlike,
            fps=fps,
            gain=gain,
            closure=controls.closure,
        )
    if job.part.name == "mouth":
        width = _clip(width, size, _SHAPE_RANGE)
        return move_lips(job.ref, job.rest, job.now, scale=(width, _lip_scale(width, ref, dri0, face)), gain=gain)
    if job.part.name == "nose":
        width = _ratio(*(sum(_spread(h.points[list(_NOSE)])) for h in (ref, dri0)))
    delta = job.now - job.rest
    if job.part.name in ("right_brow", "left_brow"):
        # A kink that only this driver's brow has would be printed onto the character: keep the arc.
        delta = (1 - unlike) * delta + unlike * (delta @ _ARC)
    return job.ref + gain * _clip(width, size, _SHAPE_RANGE) * delta


def _lip_scale(width: float, ref: Head, dri0: Head, face: tuple[float, float]) -> float:
    """How far lips part: the middle one of three ratios: mouth widths, room down to the chin, heights of the face."""
    gaps = [float((h.points[[7, 8, 9]].mean() - h.points[[56, 57, 58]].mean()).imag) for h in (ref, dri0)]
    room = _clip(_ratio(*gaps), face[1], _SHAPE_RANGE) if min(gaps) > 0 else face[1]
    return float(np.median([width, room, face[1]]))


def _filter(out: Complex, still: Complex, motion: Complex, fps: float, size: float) -> None:
    """Take noise out of what retargeting adds to the driver's own ``motion`` (T, 68), in place.

    A motion that is passed on at its own size or smaller is left alone; what is enlarged is One-Euro filtered in so
    far as it is larger. Lids ride on their eye's corners: :mod:`faceshot.retargeting.eyelids` calms their opening.
    """
    moved = out - still
    power = (np.abs(motion) ** 2).sum(0)
    follows = (moved * motion.conj()).real.sum(0) / np.maximum(power, 1e-12 * size**2)
    extra = (moved - np.clip(follows, 0.0, 1.0) * motion) / size
    pairs = np.ascontiguousarray(extra).view(np.float64).reshape(*extra.shape, 2)
    calm = one_euro_both_ways(pairs, fps, min_cutoff=_FILTER_CUTOFF, beta=_FILTER_BETA)
    change = ((calm - pairs) * size).view(np.complex128)[..., 0]
    change[:, follows <= 1.0] = 0
    for outer, inner, lids_out, lids_in in ((36, 39, (37, 41), (38, 40)), (45, 42, (44, 46), (43, 47))):
        for lid in lids_out:
            change[:, lid] = (2 * change[:, outer] + change[:, inner]) / 3
        for lid in lids_in:
            change[:, lid] = (change[:, outer] + 2 * change[:, inner]) / 3
    out += change


def _cap(out: Complex, ref: Head, dri0: Head, dri: Complex, controls: Controls) -> None:
    """Keep parts out of their neighbours, then put the lips in order; in place.

    The way a point goes toward the neighbour (less the neighbour's own way) is cut at 0.8 of its gap at rest, or at
    the share of the gap that the driver's point itself uses.
    """
    for name, moving, neighbours, sign in _CAPS:
        if controls.gains[name] == 0:
            continue
        a, b = list(moving), list(neighbours)
        gap_r, gap_d = (sign * (h.points[b].imag.mean() - h.points[a].imag) for h in (ref, dri0))
        if gap_r.min() < 0.02 * ref.size:
            continue
        way_r, way_d = (
            sign * (p[:, a].imag - h.points[a].imag - (p[:, b].imag - h.points[b].imag).mean(1, keepdims=True))
            for p, h in ((out, ref), (dri, dri0))
        )
        used = way_d / gap_d if gap_d.min() > 0.02 * dri0.size else np.full_like(way_d, _ROOM)
        out[:, a] -= 1j * sign * np.maximum(way_r - gap_r * np.maximum(_ROOM, used), 0.0)
    if controls.gains["mouth"] != 0:
        mouth = next(part for part in _PARTS if part.name == "mouth")
        points = list(mouth.points)
        locals_ = []
        for p in (out, ref.points, dri0.points, dri):
            origin, axis = _part_frame(p, mouth)
            locals_.append((p[..., points] - origin[..., None]) * axis.conj()[..., None])
        origin, axis = _part_frame(out, mouth)
        keep_order(*locals_)
        out[:, points] = origin[:, None] + locals_[0] * axis[:, None]
