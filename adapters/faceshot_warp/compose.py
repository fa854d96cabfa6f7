"""One character, prepared once, drawn for any number of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, Picture, RGBArray
from faceshot.landmarks import topology as topo
from faceshot_warp.cavity import closing_line, draw_cavity, draw_inside, keep_to_lips, own_inside
from faceshot_warp.controls import (
    IDENTITY,
    Affine,
    EyeRest,
    eye_controls,
    eye_rest,
    face_unit,
    head_motion,
    lid_closure,
)
from faceshot_warp.field import Grid, Lattice, basis, inverse, sample, steepness, without_folds
from faceshot_warp.lids import Lid, make_lid
from faceshot_warp.mouth import (
    Frame,
    between_lips,
    evened,
    make_mouth,
    place_mouth,
)
from faceshot_warp.options import WarpOptions
from faceshot_warp.region import find_region, smooth

_UPPER_LIP = {*topo.OUTER_LIPS[1:6], *topo.INNER_LIPS[1:4]}
_LOWER_LIP = {*topo.OUTER_LIPS[7:], *topo.INNER_LIPS[5:]}
_EYES = ((topo.RIGHT_EYE, topo.RIGHT_BROW), (topo.LEFT_EYE, topo.LEFT_BROW))

#: Displacements below this many pixels are no motion.
_STILL = 1e-3
#: Bound on the change per pixel of the head's displacement, where it dies out around the head.
_STRETCH = 0.9
#: Share of each landmark's own motion that the picture follows: the sides of a turning head keep more of their shape
#: than landmarks that slide along its outline say.
_COMPLIANCE = np.ones((topo.N_POINTS, 1))
_COMPLIANCE[[0, 1, 2, 3, 13, 14, 15, 16]] = 0.5
_COMPLIANCE[[4, 12]] = 0.75
#: Rows drawn at a time are limited to about this many pixels, which bounds the memory of large pictures.
_STRIP_PIXELS = 2_000_000


@dataclass(frozen=True)
class _Half:
    """The points one half of the face follows, and its interpolation matrix."""

    points: npt.NDArray[np.intp]
    matrix: npt.NDArray[np.float32]


class Animator:
    """Everything that does not change from frame to frame; :meth:`frame` draws one.

    Args:
        picture: the character.
        landmarks: its 68 landmarks in pixels of the picture.
        options: see :class:`faceshot_warp.options.WarpOptions`.
    """

    def __init__(self, picture: Picture, landmarks: Landmarks, options: WarpOptions) -> None:
        self.options = options
        self.picture = picture
        self.region = find_region(picture, landmarks, options)
        # From here on coordinates are those of the region: only it is ever drawn.
        lattice = self.region.lattice
        self.corner = np.array([lattice.left, lattice.top])
        part = _cut(picture, lattice)
        landmarks = Landmarks(landmarks.xy - self.corner, part.size, absent=landmarks.absent)
        self.region = replace(self.region, lattice=replace(lattice, left=0, top=0))
        self.rest = landmarks.xy.astype(np.float64)
        self.visible = landmarks.visible
        self.unit = face_unit(landmarks)
        self.rgb = _spread_colour(part)
        self.canvas = np.dstack([self.rgb] if part.alpha is None else [self.rgb, part.alpha])
        self.nodes = self.region.lattice.nodes()
        self.mouth = make_mouth(part, landmarks, options)
        self.upper = self._half(_LOWER_LIP)
        self.lower = self._half(_UPPER_LIP) if self.mouth else self.upper
        self.eyes: list[tuple[tuple[int, ...], EyeRest, Lid | None]] = []
        if "eyes" not in landmarks.absent:
            level = self.rest[list(topo.LEFT_EYE)].mean(0) - self.rest[list(topo.RIGHT_EYE)].mean(0)
            for eye, brow in _EYES:
                rest = eye_rest(self.rest[list(eye)], level)
                avoid = self.rest[list(brow)] if "eyebrows" not in landmarks.absent else np.empty((0, 2))
                self.eyes.append((eye, rest, make_lid(self.rgb, rest, avoid) if options.lids == "draw" else None))

    def _half(self, without: set[int]) -> _Half:
        points = np.array([i for i in range(topo.N_POINTS) if self.visible[i] and i not in without], np.intp)
        # Points of the skull over the brows that no expression moves keep raised brows from lifting the whole head.
        eyes = self.rest[list(topo.RIGHT_EYE + topo.LEFT_EYE)].mean(0)
        up = eyes - self.rest[list(topo.OUTER_LIPS)].mean(0)
        up *= 0.3 * self.unit / max(float(np.hypot(*up)), 1e-6)
        skull = self.rest[list((*topo.RIGHT_BROW, *topo.LEFT_BROW)[::3])] + up
        matrix = basis(self.nodes.reshape(-1, 2), np.concatenate([self.rest[points], skull]), 0.32 * self.unit, 0.01)
        return _Half(points, np.ascontiguousarray(matrix[:, : len(points)]))

    def frame(self, xy: npt.NDArray) -> RGBArray:
        """The frame (H, W, 3 or 4) uint8 in which the landmarks lie at ``xy`` (68, 2)."""
        picture, lattice = self.picture, self.region.lattice
        out = picture.rgb.copy() if picture.alpha is None else np.dstack([picture.rgb, picture.alpha])
        moved = np.where(self.visible[:, None], xy.astype(np.float64) - self.corner, self.rest)
        if np.abs(moved - self.rest).max() < _STILL:
            return out
        head = head_motion(self.rest, moved, self.visible)
        local = head.inverse()(moved)
        applied = head if self.options.head == "move" else IDENTITY
        shift = (local - self.rest) * _COMPLIANCE
        closures = []
        for eye, rest, _ in self.eyes:
            closure = lid_closure(rest, local[list(eye)])
            shift[list(eye)] = eye_controls(rest, local[list(eye)], closure)
            closures.append(closure)
        fields = [self._field(half, shift, applied) for half in self._halves(shift)]
        backs = [inverse(field, self.region.lattice.step) for field in fields]
        self._draw_lids(closures)
        left, top = self.corner
        part = out[top : top + lattice.height, left : left + lattice.width]
        self._warp(backs[0], part)
        if self.mouth is not None and len(fields) == 2:
            self._draw_mouth(fields, backs, part)
        return out

    def _halves(self, shift: npt.NDArray) -> list[_Half]:
        """Both halves of the face, or one when the lips do not part or meet."""
        if self.mouth is None:
            return [self.upper]
        pairs = np.array(topo.INNER_LIP_PAIRS)
        if np.abs(shift[pairs[:, 1]] - shift[pairs[:, 0]]).max() < 0.05:
            return [_Half(self.upper.points, self.upper.matrix)]
        return [self.upper, self.lower]

    def _field(self, half: _Half, shift: npt.NDArray, head: Affine) -> Grid:
        """Forward displacement of every node, free of folds."""
        region = self.region
        # Not numpy's product: waking BLAS threads for so small a one costs more than the product.
        moves = shift[half.points].astype(np.float32)
        local = cv2.gemm(half.matrix, moves, 1.0, None, 0.0)  # type: ignore[call-overload]
        local = local.reshape(*region.local.shape[:2], 2) * region.local
        turn = (head.matrix - np.eye(2)).astype(np.float32)
        moved = self.nodes + local
        whole = cv2.transform(moved, np.c_[turn, head.shift.astype(np.float32)]) * region.head
        # What surrounds the head stretches only so far: larger motion of the head is held back as a whole.
        whole *= np.float32(min(1.0, _STRETCH / max(steepness(whole, region.lattice.step), 1e-6)))
        return without_folds(local + whole, region.lattice.step)

    def _draw_lids(self, closures: list[float]) -> None:
        for (_, _, lid), closure in zip(self.eyes, closures, strict=True):
            if lid is not None:
                drawn = lid.draw(closure) if closure > 0.02 else lid.eye
                np.copyto(self.canvas[lid.place], drawn, where=lid.touched[..., None], casting="unsafe")

    def _warp(self, back: Grid, out: RGBArray) -> None:
        lattice = self.region.lattice
        maps = self.nodes + back
        rows = max(_STRIP_PIXELS // lattice.width, 1)
        for top in range(0, lattice.height, rows):
            bottom = min(top + rows, lattice.height)
            strip = self._sample(lattice.dense(maps, 0, top, lattice.width, bottom))
            out[top:bottom] = strip

    def _sample(self, maps: Grid) -> RGBArray:
        return sample(self.canvas, maps, cv2.INTER_CUBIC)

    def _draw_mouth(self, fields: list[Grid], backs: list[Grid], out: RGBArray) -> None:
        """Redraw the surroundings of the mouth: lips from their own halves, and what is between them."""
        mouth, lattice = self.mouth, self.region.lattice
        assert mouth is not None
        upper = mouth.upper + lattice.sample(fields[0], mouth.upper)
        lower = mouth.lower + lattice.sample(fields[1], mouth.lower)
        if mouth.even:
            # Shut lips stay together; the wider the mouth is open, the more its upper edge is an arc.
            opening = float(np.hypot(*(lower - upper).T).max())
            upper = evened(upper, min(opening / (0.12 * mouth.width), 1.0))
        patch = self._mouth_patch(upper, lower)
        if patch is None:
            return
        frame = place_mouth(upper, lower, patch)
        left, top, right, bottom = patch
        maps = self._lip_maps(frame, backs, patch)
        drawn = self._sample(maps)
        colours = drawn[..., :3]
        if frame.cover.any():
            cut, part = between_lips(frame)
            colours[cut] = _mix(colours[cut], self._inside(part), part.cover)
        if mouth.open:
            line = closing_line(mouth, frame)
            if line.any():
                colours[:] = _mix(colours, mouth.palette.line, line)
        out[top:bottom, left:right] = drawn

    def _mouth_patch(self, upper: npt.NDArray, lower: npt.NDArray) -> tuple[int, int, int, int] | None:
        lattice = self.region.lattice
        points = np.concatenate([upper, lower])
        margin = np.array([0.45, 0.6]) * max(float(np.hypot(*(upper[-1] - upper[0]))), 0.1 * self.unit) + 4
        low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
        high = np.ceil(points.max(0) + margin).astype(int) + 1
        high = np.minimum(high, [lattice.width, lattice.height])
        if (high - low).min() < 2:
            return None
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _lip_maps(self, frame: Frame, backs: list[Grid], patch: tuple[int, int, int, int]) -> Grid:
        """Sampling map of the patch: the upper half's field above the mouth, the lower half's below it."""
        lattice = self.region.lattice
        above = lattice.dense(self.nodes + backs[0], *patch)
        apart = lattice.dense(backs[1] - backs[0], *patch)
        # Lower half: below the middle of the lips; the seam lies inside the mouth and softens beyond its corners.
        beyond = np.maximum(np.abs(frame.s) - 1, 0) * np.float32(frame.width / 2)
        share = np.clip(0.5 + (frame.below - frame.above) / (2 + 4 * beyond), 0, 1)
        # Both fields meet again toward the edge of the patch.
        side = smooth((1.8 - np.abs(frame.s)) / 0.7)
        depth = smooth(1 + frame.above / np.float32(0.55 * frame.width + 2))
        lower = frame.full(share * side * depth)
        maps = above + apart * lower[..., None]
        assert self.mouth is not None
        return keep_to_lips(self.mouth, frame, maps, lower) if self.mouth.open else maps

    def _inside(self, frame: Frame) -> npt.NDArray[np.float32]:
        mouth = self.mouth
        assert mouth is not None
        if mouth.inside is not None:
            return draw_inside(mouth, frame)
        if mouth.open:
            return sample(self.canvas, own_inside(mouth, frame)).astype(np.float32)
        return draw_cavity(mouth, frame)


def _cut(picture: Picture, lattice: Lattice) -> Picture:
    """The part of the picture that the lattice covers."""
    box = np.s_[lattice.top : lattice.top + lattice.height, lattice.left : lattice.left + lattice.width]
    alpha = None if picture.alpha is None else np.ascontiguousarray(picture.alpha[box])
    return Picture(np.ascontiguousarray(picture.rgb[box]), alpha, picture.name)


def _mix(under: RGBArray, over: npt.NDArray[np.float32], share: npt.NDArray[np.float32]) -> RGBArray:
    """``over`` (h, w, 3) or (3,) laid on ``under`` (h, w, 3) with opacity ``share`` (h, w)."""
    base = under.astype(np.float32)
    mixed = base + share[..., None] * (over[..., :3] - base)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def _spread_colour(picture: Picture) -> RGBArray:
    """The picture's colours, with fully transparent pixels taking the nearest visible one: no fringes when moved."""
    if picture.alpha is None or not (picture.alpha < 8).any() or not (picture.alpha >= 8).any():
        return picture.rgb
    hidden = (picture.alpha < 8).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(hidden, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros((labels.max() + 1, 3), np.uint8)
    seen = hidden == 0
    table[labels[seen]] = picture.rgb[seen]
    return np.where(hidden[..., None] > 0, table[labels], picture.rgb)
