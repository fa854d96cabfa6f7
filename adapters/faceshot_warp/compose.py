"""One character, prepared once, drawn for any number of frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, Picture, RGBArray
from faceshot.landmarks import topology as topo
from faceshot_warp.cavity import Bite, closing_line, draw_cavity, draw_inside, keep_to_lips, own_inside
from faceshot_warp.controls import EyeRest, eye_controls, eye_rest, face_unit, lid_closure, lid_shift
from faceshot_warp.depth import head_depth
from faceshot_warp.field import Grid, Lattice, basis, inverse, sample, without_folds
from faceshot_warp.head import IDENTITY, Affine, head_motion
from faceshot_warp.lids import Lid, make_lid
from faceshot_warp.mouth import Frame, Mouth, between_lips, evened, make_mouth, opened, place_mouth
from faceshot_warp.options import WarpOptions
from faceshot_warp.region import find_region, smooth
from faceshot_warp.softlids import SoftLid, make_soft_lid
from faceshot_warp.style import softness

_UPPER_LIP = {*topo.OUTER_LIPS[1:6], *topo.INNER_LIPS[1:4]}
_LOWER_LIP = {*topo.OUTER_LIPS[7:], *topo.INNER_LIPS[5:]}
_EYES = ((topo.RIGHT_EYE, topo.RIGHT_BROW), (topo.LEFT_EYE, topo.LEFT_BROW))

#: Displacements below this many pixels are no motion.
_STILL = 1e-3
#: How much the field may miss the motion of each landmark, as a variance: lips and lids are exact, the outline wanders
#: along the head in any tracker.
_NOISE = np.full(topo.N_POINTS, 0.003)
_NOISE[list(topo.PART_POINTS["face_boundary"] + topo.RIGHT_BROW + topo.LEFT_BROW)] = 0.006
_NOISE[list(topo.RIGHT_EYE + topo.LEFT_EYE)] = 0.002
_NOISE[list(topo.OUTER_LIPS + topo.INNER_LIPS)] = 0.001
#: Rows drawn at a time are limited to about this many pixels, which bounds the memory of large pictures.
_STRIP_PIXELS = 2_000_000


@dataclass(frozen=True)
class _Half:
    """The points one half of the face follows, and its interpolation matrix."""

    points: npt.NDArray[np.intp]
    matrix: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Eye:
    """An eye: the indices of its landmarks, itself at rest, and its lids if they are drawn."""

    points: tuple[int, ...]
    rest: EyeRest
    lid: Lid | SoftLid | None


@dataclass(frozen=True)
class _Pose:
    """How one frame bends the picture.

    Attributes:
        head: motion of the head.
        local: (68, 2) landmarks with that motion taken out.
        lattice: nodes over the part of the region that is drawn anew.
        fields: forward displacement (rows, columns, 2) of the bent part, of one or both halves of the face.
        maps: where in the region each node of ``lattice`` takes its colour, likewise.
    """

    head: Affine
    local: npt.NDArray[np.float64]
    lattice: Lattice
    fields: list[Grid]
    maps: list[Grid]


@dataclass(frozen=True)
class _Lips:
    """The mouth of a frame: where it is, the patch (left, top, right, bottom) of the lattice's pixels that is drawn
    anew, where in the region each of its pixels takes its colour, and the teeth behind it."""

    mouth: Mouth
    frame: Frame
    patch: tuple[int, int, int, int]
    maps: Grid
    bite: Bite


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
        region = find_region(picture, landmarks, options)
        # From here on coordinates are those of the region: only it is ever drawn.
        self.corner = np.array([region.lattice.left, region.lattice.top])
        self.region = region.moved_to_origin()
        part = _cut(picture, region.lattice)
        landmarks = Landmarks(landmarks.xy - self.corner, part.size, absent=landmarks.absent)
        self.landmarks = landmarks
        self.rest = landmarks.xy.astype(np.float64)
        self.visible = landmarks.visible
        self.unit = face_unit(landmarks)
        self.depth = head_depth(landmarks, self.rest).astype(np.float64)
        self.rgb = _spread_colour(part)
        self.canvas = np.dstack([self.rgb] if part.alpha is None else [self.rgb, part.alpha])
        # Expressions bend a part of the region.
        self.bent, nodes = self.region.bent()
        self.nodes = self.bent.nodes()
        self.local, self.relief = self.region.local[nodes], self.region.relief[nodes]
        self.soft = softness(part, landmarks)
        # Crisp edges stay crisp; photographs have no more detail than linear interpolation keeps, and it is faster.
        self.interpolation = cv2.INTER_LINEAR if self.soft >= 0.5 else cv2.INTER_CUBIC
        self.mouth = make_mouth(part, landmarks, options, self.soft)
        self.upper = self._half(_LOWER_LIP)
        self.lower = self._half(_UPPER_LIP) if self.mouth else self.upper
        self.eyes: list[_Eye] = []
        if "eyes" not in landmarks.absent:
            level = self.rest[list(topo.LEFT_EYE)].mean(0) - self.rest[list(topo.RIGHT_EYE)].mean(0)
            for eye, brow in _EYES:
                rest = eye_rest(self.rest[list(eye)], level)
                avoid = self.rest[list(brow)] if "eyebrows" not in landmarks.absent else np.empty((0, 2))
                make = make_soft_lid if self.soft >= 0.5 else make_lid
                self.eyes.append(_Eye(eye, rest, make(self.rgb, rest, avoid) if options.lids == "draw" else None))

    def _half(self, without: set[int]) -> _Half:
        points = np.array([i for i in range(topo.N_POINTS) if self.visible[i] and i not in without], np.intp)
        # Points of the skull over the brows that no expression moves keep raised brows from lifting the whole head.
        eyes = self.rest[list(topo.RIGHT_EYE + topo.LEFT_EYE)].mean(0)
        up = eyes - self.rest[list(topo.OUTER_LIPS)].mean(0)
        up *= 0.3 * self.unit / max(float(np.hypot(*up)), 1e-6)
        skull = self.rest[list((*topo.RIGHT_BROW, *topo.LEFT_BROW)[::3])] + up
        noise = np.r_[_NOISE[points], np.full(len(skull), _NOISE[topo.NOSE_TIP])]
        matrix = basis(self.nodes.reshape(-1, 2), np.concatenate([self.rest[points], skull]), 0.25 * self.unit, noise)
        return _Half(points, np.ascontiguousarray(matrix[:, : len(points)]))

    def frame(self, xy: npt.NDArray) -> RGBArray:
        """The frame (H, W, 3 or 4) uint8 in which the landmarks lie at ``xy`` (68, 2)."""
        picture = self.picture
        out = picture.rgb.copy() if picture.alpha is None else np.dstack([picture.rgb, picture.alpha])
        moved = np.where(self.visible[:, None], xy.astype(np.float64) - self.corner, self.rest)
        if np.abs(moved - self.rest).max() < _STILL:
            return out
        pose, lids = self._pose(moved)
        self._draw_lids(lids)
        left, top = self.corner + [pose.lattice.left, pose.lattice.top]
        part = out[top : top + pose.lattice.height, left : left + pose.lattice.width]
        lips = self._lips(pose)
        self._warp(pose.lattice, pose.maps[0] if lips is None else self._joined(pose, lips.frame), part)
        if lips is not None:
            self._draw_mouth(lips, part)
        return out

    def displacement(self, xy: npt.NDArray) -> npt.NDArray[np.float32]:
        """(H, W, 2): where in the picture, counted from each pixel of the frame for ``xy``, its colour is taken from;
        that of one of the lips between them."""
        out = np.zeros((*self.picture.rgb.shape[:2], 2), np.float32)
        moved = np.where(self.visible[:, None], xy.astype(np.float64) - self.corner, self.rest)
        pose, _ = self._pose(moved)
        lattice = pose.lattice
        left, top = self.corner + [lattice.left, lattice.top]
        box = np.s_[top : top + lattice.height, left : left + lattice.width]
        lips = self._lips(pose)
        maps = pose.maps[0] if lips is None else self._joined(pose, lips.frame)
        out[box] = lattice.dense(maps - lattice.nodes(), 0, 0, lattice.width, lattice.height)
        if lips is not None:
            x0, y0, x1, y1 = lips.patch
            pixels = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1) + [lattice.left, lattice.top]
            out[box][y0:y1, x0:x1] = lips.maps - pixels
        return out

    def _pose(self, moved: npt.NDArray) -> tuple[_Pose, list[tuple[float, npt.NDArray]]]:
        """How the picture is bent for landmarks ``moved`` (68, 2), and each eye's lids: how far they close, and
        the displacement (6,) of its landmarks down."""
        head = head_motion(self.rest, moved, self.visible, self.depth)
        local = head.inverse()(moved)
        shift = local - self.rest
        lids = []
        for eye in self.eyes:
            points = list(eye.points)
            closure = lid_closure(eye.rest, local[points])
            ride = eye_controls(eye.rest, local[points], closure, stretch=not isinstance(eye.lid, SoftLid))
            lids.append((closure, lid_shift(eye.rest, local[points], ride, closure)))
            shift[points] = ride
        fields = [self._field(half, shift, head.turn) for half in self._halves(shift)]
        applied = head if self.options.head == "move" else IDENTITY
        lattice, _ = self.region.lattice.part(*self.region.around.box(applied))
        place = self.region.around.back(applied, lattice.nodes())
        maps = [place + self.bent.at(inverse(field, self.bent.step), place) for field in fields]
        return _Pose(applied, local, lattice, fields, maps), lids

    def _halves(self, shift: npt.NDArray) -> list[_Half]:
        """Both halves of the face, or one when the lips do not part or meet."""
        if self.mouth is None:
            return [self.upper]
        pairs = np.array(topo.INNER_LIP_PAIRS)
        if np.abs(shift[pairs[:, 1]] - shift[pairs[:, 0]]).max() < 0.05:
            return [_Half(self.upper.points, self.upper.matrix)]
        return [self.upper, self.lower]

    def _field(self, half: _Half, shift: npt.NDArray, turn: npt.NDArray) -> Grid:
        """Forward displacement of every node of the bent part, free of folds: parallax of the turning head, and what
        the landmarks do besides."""
        if self.options.head == "still":
            turn = turn * 0
        moves = (shift - self.depth[:, None] * turn)[half.points].astype(np.float32)
        # Not numpy's product: waking BLAS threads for so small a one costs more than the product.
        local = cv2.gemm(half.matrix, moves, 1.0, None, 0.0)  # type: ignore[call-overload]
        local = local.reshape(*self.local.shape[:2], 2) * self.local
        return without_folds(local + self.relief * turn.astype(np.float32), self.bent.step)

    def _draw_lids(self, lids: list[tuple[float, npt.NDArray]]) -> None:
        for eye, (closure, down) in zip(self.eyes, lids, strict=True):
            if eye.lid is None:
                continue
            if isinstance(eye.lid, SoftLid):
                drawn = eye.lid.draw(closure, down) if np.abs(down).max() > 0.02 else eye.lid.eye
            else:
                drawn = eye.lid.draw(closure) if closure > 0.02 else eye.lid.eye
            np.copyto(self.canvas[eye.lid.place], drawn, where=eye.lid.touched[..., None], casting="unsafe")

    def _warp(self, lattice: Lattice, maps: Grid, out: RGBArray) -> None:
        rows = max(_STRIP_PIXELS // lattice.width, 1)
        for top in range(0, lattice.height, rows):
            bottom = min(top + rows, lattice.height)
            out[top:bottom] = self._sample(lattice.dense(maps, 0, top, lattice.width, bottom))

    def _sample(self, maps: Grid) -> RGBArray:
        return sample(self.canvas, maps, self.interpolation)

    def _lips(self, pose: _Pose) -> _Lips | None:
        """The mouth in the frame, where the halves of the face part."""
        mouth = self.mouth
        if mouth is None or len(pose.fields) < 2:
            return None
        corner = np.array([pose.lattice.left, pose.lattice.top])
        upper, lower = (
            pose.head(lip + self.bent.sample(field, lip)) - corner
            for field, lip in zip(pose.fields, (mouth.upper, mouth.lower), strict=True)
        )
        if mouth.even:
            # Shut lips stay together; the wider the mouth is open, the more its upper edge is an arc.
            opening = float(np.hypot(*(lower - upper).T).max())
            upper = evened(upper, min(opening / (0.12 * mouth.width), 1.0))
            upper, lower = opened(upper, lower, np.array([-0.5, 0.5]))
        patch = self._mouth_patch(upper, lower, pose.lattice)
        if patch is None:
            return None
        frame = place_mouth(upper, lower, patch)
        return _Lips(
            mouth, frame, patch, self._lip_maps(mouth, frame, pose, patch), self._bite(mouth, frame, pose, corner)
        )

    def _bite(self, mouth: Mouth, frame: Frame, pose: _Pose, corner: npt.NDArray) -> Bite:
        met = (mouth.upper + mouth.lower) / 2
        upper = pose.head(met + pose.head.turn * head_depth(self.landmarks, met)[:, None])
        jaw = pose.head.matrix @ (pose.local[topo.CHIN] - self.rest[topo.CHIN])
        spread = frame.width / max(mouth.width * np.sqrt(abs(np.linalg.det(pose.head.matrix))), 1.0)
        return Bite(upper - corner, upper - corner + jaw, float(smooth((spread - 1.02) / 0.15)))

    def _joined(self, pose: _Pose, frame: Frame) -> Grid:
        """Maps of the whole face: those of the upper half above the mouth, those of the lower half below it."""
        normal = np.array([-frame.axis[1], frame.axis[0]], np.float32)
        origin = np.array(pose.lattice.origin) - [pose.lattice.left, pose.lattice.top] - frame.centre
        row, column = (np.arange(k, dtype=np.float32) * pose.lattice.step for k in pose.maps[0].shape[:2])
        depth = (column + np.float32(origin[0])) * normal[0] + ((row + np.float32(origin[1])) * normal[1])[:, None]
        share = _lower_share(frame, depth)
        return pose.maps[0] + share[..., None] * (pose.maps[1] - pose.maps[0])

    def _draw_mouth(self, lips: _Lips, out: RGBArray) -> None:
        """Redraw the surroundings of the mouth: lips from their own halves, and what is between them."""
        mouth, frame = lips.mouth, lips.frame
        left, top, right, bottom = lips.patch
        drawn = self._sample(lips.maps)
        colours = drawn[..., :3]
        if frame.cover.any():
            cut, part = between_lips(frame)
            seen = 1 - mouth.soft * smooth(1 - (part.below + part.above) / np.float32(0.06 * frame.width + 1))
            colours[cut] = _mix(colours[cut], self._inside(mouth, part, lips.bite), part.cover * seen)
        if mouth.open:
            line = closing_line(mouth, frame)
            if line.any():
                colours[:] = _mix(colours, mouth.palette.line, line)
        out[top:bottom, left:right] = drawn

    def _mouth_patch(
        self, upper: npt.NDArray, lower: npt.NDArray, lattice: Lattice
    ) -> tuple[int, int, int, int] | None:
        points = np.concatenate([upper, lower])
        margin = np.array([0.45, 0.6]) * max(float(np.hypot(*(upper[-1] - upper[0]))), 0.1 * self.unit) + 4
        low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
        high = np.ceil(points.max(0) + margin).astype(int) + 1
        high = np.minimum(high, [lattice.width, lattice.height])
        if (high - low).min() < 2:
            return None
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _lip_maps(self, mouth: Mouth, frame: Frame, pose: _Pose, patch: tuple[int, int, int, int]) -> Grid:
        """Sampling map of the patch: the upper half's field above the mouth, the lower half's below it."""
        above = pose.lattice.dense(pose.maps[0], *patch)
        apart = pose.lattice.dense(pose.maps[1] - pose.maps[0], *patch)
        # Lower half: below the middle of the lips; the seam lies inside the mouth and softens beyond its corners.
        beyond = np.maximum(np.abs(frame.s) - 1, 0) * np.float32(frame.width / 2)
        share = np.clip(0.5 + (frame.below - frame.above) / (2 + 4 * beyond), 0, 1)
        # Away from the lips, toward the edge of the patch, both halves join softly.
        side = smooth((1.8 - np.abs(frame.s)) / 0.7)
        near = side * smooth(1 + np.minimum(frame.above, frame.below) / np.float32(0.4 * frame.width + 2))
        joined = _lower_share(frame, frame.n)
        lower = frame.full(joined + near * (share - joined))
        maps = above + apart * lower[..., None]
        return keep_to_lips(mouth, frame, maps, lower) if mouth.open else maps

    def _inside(self, mouth: Mouth, frame: Frame, bite: Bite) -> npt.NDArray[np.float32]:
        if mouth.inside is not None:
            return draw_inside(mouth, frame, bite)
        if mouth.open:
            return sample(self.canvas, own_inside(mouth, frame)).astype(np.float32)
        return draw_cavity(mouth, frame, bite)


def _lower_share(frame: Frame, depth: Grid) -> Grid:
    """Share of the lower half of the face, 0..1, ``depth`` pixels below the line between the corners of the mouth."""
    return smooth(0.5 + (depth - np.float32(frame.middle)) / np.float32(0.9 * frame.width + 2))


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
