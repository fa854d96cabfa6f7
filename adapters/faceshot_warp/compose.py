"""One character, prepared once, drawn for any number of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, Picture, RGBArray
from faceshot.landmarks import topology as topo
from faceshot_warp.controls import face_unit
from faceshot_warp.eyes import EyeState, clear_eyes, draw_eye, eye_state, find_eyes
from faceshot_warp.field import Grid, Lattice, basis, inverse, sample, without_folds
from faceshot_warp.head import IDENTITY, find_region, head_depth, head_motion
from faceshot_warp.mouth import Lips, Pose, draw_mouth, find_lips, joined, make_mouth
from faceshot_warp.options import WarpOptions
from faceshot_warp.style import softness

_UPPER_LIP = {*topo.OUTER_LIPS[1:6], *topo.INNER_LIPS[1:4]}
_LOWER_LIP = {*topo.OUTER_LIPS[7:], *topo.INNER_LIPS[5:]}

#: Displacements below this many pixels are no motion.
_STILL = 1e-3
#: How much the field may miss the motion of each landmark, as a variance: lips and lids are exact, the outline wanders
#: along the head in any tracker.
_NOISE = np.full(topo.N_POINTS, 0.003)
_NOISE[list(topo.PART_POINTS["face_boundary"] + topo.RIGHT_BROW + topo.LEFT_BROW)] = 0.006
_NOISE[list(topo.RIGHT_EYE + topo.LEFT_EYE)] = 0.001
_NOISE[list(topo.OUTER_LIPS + topo.INNER_LIPS)] = 0.001
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
        region = find_region(picture, landmarks, options)
        # From here on coordinates are those of the region: only it is ever drawn.
        self.corner = np.array([region.lattice.left, region.lattice.top])
        self.region = region.moved_to_origin()
        part = _cut(picture, region.lattice)
        landmarks = replace(landmarks, xy=landmarks.xy - self.corner, size=part.size, score=None)
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
        self.local, self.relief, self.hair = (grid[nodes] for grid in (region.local, region.relief, region.hair))
        self.soft = softness(part, landmarks)
        # Crisp edges stay crisp; photographs have no more detail than linear interpolation keeps, and it is faster.
        self.interpolation = cv2.INTER_LINEAR if self.soft >= 0.5 else cv2.INTER_CUBIC
        self.mouth = make_mouth(part, landmarks, options, self.soft)
        if self.mouth is not None:
            self.lip_depth = head_depth(landmarks, (self.mouth.upper + self.mouth.lower) / 2)[:, None]
        self.upper = self._half(_LOWER_LIP)
        self.lower = self._half(_UPPER_LIP) if self.mouth else self.upper
        self.eyes = find_eyes(self.rgb, landmarks, options, self.soft)
        # Points behind the head ride on it; those of eyes that are seen say how far they close.
        self.followed = self.visible.copy()
        for eye in self.eyes:
            self.followed[list(eye.points)] = True

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

    def frame(
        self,
        xy: npt.NDArray,
        *,
        gaze: npt.NDArray | None = None,
        teeth: float | None = None,
        behind: npt.NDArray | None = None,
    ) -> RGBArray:
        """The frame (H, W, 3 or 4) uint8 in which the landmarks lie at ``xy`` (68, 2).

        Args:
            gaze: (2, 2) how far each iris is from where its eye would carry it, in pixels, right eye first.
            teeth: 0..1, share of the open mouth that shows teeth.
            behind: (2,) how far hair and ears are behind the head, in pixels.
        """
        picture = self.picture
        out = picture.rgb.copy() if picture.alpha is None else np.dstack([picture.rgb, picture.alpha])
        moved = self._followed(xy)
        away = max(float(np.abs(v).max()) for v in (moved - self.rest, gaze, behind) if v is not None)
        if away < _STILL:
            return out
        pose, states = self._pose(moved, gaze, teeth, behind)
        clear_eyes(self.canvas, self.rgb, self.eyes)
        for eye, state in zip(self.eyes, states, strict=True):
            draw_eye(self.canvas, eye, state)
        left, top = self.corner + [pose.lattice.left, pose.lattice.top]
        part = out[top : top + pose.lattice.height, left : left + pose.lattice.width]
        lips = self._lips(pose)
        self._warp(pose.lattice, pose.maps[0] if lips is None else joined(pose, lips.frame), part)
        if lips is not None:
            draw_mouth(lips, self.canvas, self._sample, part)
        return out

    def displacement(self, xy: npt.NDArray) -> npt.NDArray[np.float32]:
        """(H, W, 2): where in the picture, counted from each pixel of the frame for ``xy``, its colour is taken from;
        that of one of the lips between them."""
        out = np.zeros((*self.picture.rgb.shape[:2], 2), np.float32)
        pose, _ = self._pose(self._followed(xy))
        lattice = pose.lattice
        left, top = self.corner + [lattice.left, lattice.top]
        box = np.s_[top : top + lattice.height, left : left + lattice.width]
        lips = self._lips(pose)
        maps = pose.maps[0] if lips is None else joined(pose, lips.frame)
        out[box] = lattice.dense(maps - lattice.nodes(), 0, 0, lattice.width, lattice.height)
        if lips is not None:
            x0, y0, x1, y1 = lips.patch
            pixels = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1) + [lattice.left, lattice.top]
            out[box][y0:y1, x0:x1] = lips.maps - pixels
        return out

    def head_tops(self, xy: npt.NDArray) -> npt.NDArray[np.float64]:
        """(T, 2) where the top of the head is in frames with landmarks ``xy`` (T, 68, 2), in pixels of the region."""
        eyes = self.rest[list(topo.RIGHT_EYE + topo.LEFT_EYE)].mean(0)
        top = eyes + (eyes - self.rest[topo.CHIN])
        frames = [self._followed(moved) for moved in xy]
        return np.stack([head_motion(self.rest, moved, self.visible, self.depth)(top) for moved in frames])

    def _followed(self, xy: npt.NDArray) -> npt.NDArray[np.float64]:
        """Landmarks (68, 2) of a frame in pixels of the region; those that nothing follows at rest."""
        return np.where(self.followed[:, None], xy.astype(np.float64) - self.corner, self.rest)

    def _pose(
        self,
        moved: npt.NDArray,
        gaze: npt.NDArray | None = None,
        teeth: float | None = None,
        behind: npt.NDArray | None = None,
    ) -> tuple[Pose, list[EyeState]]:
        """How the picture is bent for landmarks ``moved`` (68, 2) of the region, and what its eyes do."""
        head = head_motion(self.rest, moved, self.visible, self.depth)
        home = head.inverse()
        local = np.where(self.followed[:, None], home(moved), self.rest)
        shift = local - self.rest
        states = []
        for eye in self.eyes:
            looks = None if gaze is None else home.matrix @ gaze[eye.side]
            state, shift[list(eye.points)] = eye_state(eye, local, looks, self.options.lids == "draw")
            states.append(state)
        applied = head if self.options.head == "move" else IDENTITY
        swing = np.zeros(2) if behind is None else home.matrix @ behind
        fields = [self._field(half, shift, applied.turn, head.turn, swing) for half in self._halves(shift)]
        lattice, _ = self.region.lattice.part(*self.region.around.box(applied))
        place = self.region.around.back(
            applied, lattice.nodes(), np.concatenate([self.rest, local])[np.tile(self.visible, 2)]
        )
        maps = [place + self.bent.at(inverse(field, self.bent.step), place) for field in fields]
        return Pose(applied, local, lattice, self.bent, fields, maps, teeth), states

    def _lips(self, pose: Pose) -> Lips | None:
        """The mouth in the frame, where the halves of the face part."""
        if self.mouth is None or len(pose.fields) < 2:
            return None
        return find_lips(self.mouth, pose, self.rest[topo.CHIN], self.lip_depth)

    def _halves(self, shift: npt.NDArray) -> list[_Half]:
        """Both halves of the face, or one when the lips do not part or meet."""
        if self.mouth is None:
            return [self.upper]
        pairs = np.array(topo.INNER_LIP_PAIRS)
        if np.abs(shift[pairs[:, 1]] - shift[pairs[:, 0]]).max() < 0.05:
            return [_Half(self.upper.points, self.upper.matrix)]
        return [self.upper, self.lower]

    def _field(
        self, half: _Half, shift: npt.NDArray, turn: npt.NDArray, taken: npt.NDArray, swing: npt.NDArray
    ) -> Grid:
        """Forward displacement of every node of the bent part, free of folds: parallax of the turning head (``turn``),
        what the landmarks do besides (``taken``, the turn in ``shift``), and what hair and ears do (``swing``)."""
        moves = (shift - self.depth[:, None] * taken)[half.points].astype(np.float32)
        # Not numpy's product: waking BLAS threads for so small a one costs more than the product.
        local = cv2.gemm(half.matrix, moves, 1.0, None, 0.0)  # type: ignore[call-overload]
        local = local.reshape(*self.local.shape[:2], 2) * self.local + self.relief * turn.astype(np.float32)
        if swing.any():
            local = local + self.hair * swing.astype(np.float32)
        return without_folds(local, self.bent.step)

    def _warp(self, lattice: Lattice, maps: Grid, out: RGBArray) -> None:
        rows = max(_STRIP_PIXELS // lattice.width, 1)
        for top in range(0, lattice.height, rows):
            bottom = min(top + rows, lattice.height)
            out[top:bottom] = self._sample(lattice.dense(maps, 0, top, lattice.width, bottom))

    def _sample(self, maps: Grid) -> RGBArray:
        return sample(self.canvas, maps, self.interpolation)


def _cut(picture: Picture, lattice: Lattice) -> Picture:
    """The part of the picture that the lattice covers."""
    box = np.s_[lattice.top : lattice.top + lattice.height, lattice.left : lattice.left + lattice.width]
    alpha = None if picture.alpha is None else np.ascontiguousarray(picture.alpha[box])
    return Picture(np.ascontiguousarray(picture.rgb[box]), alpha, picture.name)


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
