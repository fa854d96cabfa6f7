"""Following one face from its anchor frame, frame by frame.

Every frame is warped so that the head stands as on the anchor frame (:mod:`align`, :mod:`canvas`). There the
landmarks are followed by Lucas-Kanade from the frame before and from look-alike key frames, the anchor first of all,
which cancels drift; a Gaussian prior over facial motion (:mod:`prior`) joins the measurements and repairs lost
points; lids are measured by colour (:mod:`lids`), because flow loses them in a blink, and lips and brows found
by their look (:mod:`strips`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, RGBArray
from faceshot.landmarks import topology as topo
from faceshot.threads import Beside, done
from faceshot.tracking.align import FaceTemplate, Matrix, apply, compose, invert, pyramid
from faceshot.tracking.canvas import FaceSearch, body_offsets, rigid_mask, similarity, warp
from faceshot.tracking.canvas import gray as to_gray
from faceshot.tracking.flow import lucas_kanade, patches, texture
from faceshot.tracking.lids import LidColours
from faceshot.tracking.prior import DisplacementPrior
from faceshot.tracking.strips import PARTS, StripLook, Strips

Array = npt.NDArray[Any]
Gray = npt.NDArray[Any]
Box = tuple[float, float, float, float]

#: Points that are compared with the key frames together.
_KEY_GROUPS: tuple[tuple[int, ...], ...] = (
    topo.RIGHT_BROW,
    topo.LEFT_BROW,
    topo.NOSE_BRIDGE + topo.NOSE_BASE,
    topo.RIGHT_EYE,
    topo.LEFT_EYE,
    tuple(i for pair in (*topo.OUTER_LIP_PAIRS, *topo.INNER_LIP_PAIRS) for i in pair[:1]),
    tuple(i for pair in (*topo.OUTER_LIP_PAIRS, *topo.INNER_LIP_PAIRS) for i in pair[1:]),
    *zip(topo.MOUTH_CORNERS, topo.INNER_MOUTH_CORNERS, strict=True),
    topo.JAW[6:11],
    topo.JAW[:6],
    topo.JAW[11:],
)
#: Points that hardly move within the head: their look tells whether this is still the face.
_STEADY = (
    *(topo.NOSE_BRIDGE + topo.NOSE_BASE + topo.OUTER_EYE_CORNERS + topo.INNER_EYE_CORNERS),
    *(topo.RIGHT_BROW[1::2] + topo.LEFT_BROW[1::2]),
)
#: The sides of the outline are a silhouette: what flow follows there is the edge of the head, not a place on it. They
#: go where the turn of the rest says.
_SIDES, _SILHOUETTE = list(topo.JAW[:6] + topo.JAW[11:]), 0.03
#: How far, in eye distances, each point may get within the head from one frame to the next: an eye that shuts to a line
#: has nothing left to follow but its neighbours.
_LEAP = np.where(np.isin(np.arange(topo.N_POINTS), [*topo.JAW, *topo.OUTER_LIPS, *topo.INNER_LIPS]), 0.4, 0.12)
#: A point that nothing was seen of moves at most this much, in eye distances, apart from its part in one frame.
_UNSEEN = 0.15
#: Corners whose flow gives the first guess of the head's motion.
_SUPPORT = 100
#: Points that move together, when nothing better is known.
_PARTS = tuple(list(points) for points in topo.PART_POINTS.values())
_LIDS = frozenset(i for pairs in topo.LID_PAIRS.values() for pair in pairs for i in pair)
#: Points of each eye, and its (upper, lower) lid pairs.
EYES = ((topo.RIGHT_EYE, topo.LID_PAIRS["right_eye"]), (topo.LEFT_EYE, topo.LID_PAIRS["left_eye"]))


@dataclass(frozen=True)
class TrackOptions:
    """How the tracker works.

    Attributes:
        face: side of the face in the stabilised frame, pixels; canvas: side of that frame.
        window: side of the Lucas-Kanade window, pixels of the stabilised frame.
        keys: key frames kept per group of points, the anchor included.
        lost: likeness to the key frames (-1..1) below which there is no face; doubtful: below which a locator is asked.
        tries: frames a locator is asked about at the beginning of the clip, and again in all when the face is lost.
        every: seconds between these frames.
        look: seconds between frames in which a locator says where face and mouth are; look_rarely: where networks read
            the mouth.
    """

    face: int = 250
    canvas: int = 384
    window: int = 15
    keys: int = 3
    lost: float = 0.3
    doubtful: float = 0.45
    tries: int = 8
    every: float = 0.5
    look: float = 1 / 6
    look_rarely: float = 1 / 3


@dataclass(frozen=True, eq=False)
class _Key:
    """A remembered stabilised frame: its points' displacements and patches, for the groups it serves."""

    gray: Gray
    state: Array
    patches: npt.NDArray[np.float32]
    trust: float
    groups: frozenset[int]


@dataclass(frozen=True, eq=False)
class Step:
    """The face in one frame.

    Attributes:
        xy: (68, 2) landmarks in frame pixels, lids where flow believes them.
        openings: (2, 2) of the right and left eye: the lower lid and the opening above it by colour, in lid coordinates
            (0 and 1 as on the anchor); NaN where colour cannot tell.
        carried: (68, 2) the anchor's eyes carried here by their corners, frame pixels.
        likeness: (68,) of each point to a key frame, -1..1.
        face: likeness of the steady part of the face.
        strips: where lips and brows may be by their look; None where the face is lost.
    """

    xy: Array
    openings: Array
    carried: Array
    likeness: Array
    face: float
    strips: StripLook | None = None


class FaceTracker:
    """Follows one face from its anchor frame.

    Args:
        rgb: (H, W, 3) uint8 anchor frame.
        xy: (68, 2) landmarks on it, pixels.
        options: see :class:`TrackOptions`.
        beside: where the strips are looked for, which needs nothing that comes later; None: here.
    """

    def __init__(
        self,
        rgb: RGBArray,
        xy: npt.ArrayLike,
        options: TrackOptions | None = None,
        beside: Beside | None = None,
    ) -> None:
        self.options = options or TrackOptions()
        self._beside = beside
        self.anchor_xy = np.asarray(xy, np.float64)
        low, high = self.anchor_xy.min(0), self.anchor_xy.max(0)
        scale = max(float((high - low).max()) / self.options.face, 1e-3)
        self._pose: Matrix = np.column_stack([np.eye(2) * scale, (low + high) / 2 - scale * self.options.canvas / 2])
        self._anchor_pose = self._pose
        self._shape = apply(invert(self._pose), self.anchor_xy)
        self._unit = max(float(np.linalg.norm(self._shape[36] - self._shape[45])), 8.0)
        self._base = self._shape + body_offsets(self._shape, self._unit)
        self._prior = DisplacementPrior(self._shape / self._unit)
        colour = self._stabilised(rgb, self._pose)
        gray = to_gray(colour)
        mask = rigid_mask(self._shape, self.options.canvas)
        self._template = FaceTemplate(gray, mask, tuple(self._shape[27:36].mean(0)))
        self._rigid = _cut_out(mask)
        self._lids = [LidColours(colour, self._shape[list(eye)]) for eye, _ in EYES]
        self.strips = Strips(colour, self._shape, self._unit)
        everything = frozenset(range(len(_KEY_GROUPS)))
        self._keys = [_Key(gray, np.zeros((68, 2)), patches(gray, self._base), 1.0, everything)]
        # Blank skin looks like any other blank skin: it says nothing about whether this is the face.
        seen = np.linalg.norm(self._keys[0].patches, axis=1) > 0.9
        steady = np.isin(np.arange(topo.N_POINTS), _STEADY) & seen
        steady = steady if steady.sum() >= 4 else seen
        self._steady = steady / max(int(steady.sum()), 1)
        self._search = FaceSearch(rgb, self._anchor_pose, self.options.canvas, self.options.face)
        self.restart()

    def restart(self) -> None:
        """Go back to the anchor frame: what comes next is taken to follow it."""
        self._pose = self._anchor_pose
        self._previous = self._keys[0].gray
        self._state = np.zeros((68, 2))
        self._lost = False

    def anchor_step(self) -> Step:
        """What :meth:`step` would say of the anchor frame."""
        openings = np.array([[0.0, 1.0] if lids.usable else [np.nan] * 2 for lids in self._lids])
        return Step(self.anchor_xy, openings, self.anchor_xy, np.ones(68), 1.0)

    def box(self) -> Box:
        """(left, top, right, bottom) in frame pixels where the face was last seen."""
        xy = apply(self._pose, self._shape)
        (left, top), (right, bottom) = xy.min(0), xy.max(0)
        return float(left), float(top), float(right), float(bottom)

    def head(self) -> tuple[Array, float]:
        """The anchor's landmarks (68, 2) moved with the head to the last frame, and the head's size there over then."""
        ratio = np.linalg.det(self._pose[:, :2]) / np.linalg.det(self._anchor_pose[:, :2])
        return apply(self._pose, self._shape), float(np.sqrt(abs(ratio)))

    def step(self, rgb: RGBArray, hint: Landmarks | None = None) -> Step:
        """Follow the face into the next frame; ``hint`` (a locator's landmarks on it) restarts the head's pose."""
        before = self._pose, self._state
        if hint is not None:
            self._pose, self._state = similarity(self._shape, hint.xy), np.zeros((68, 2))
        elif self._lost:
            found = self._search.find(rgb, self._pose)
            self._pose = self._likeliest(rgb, [self._pose] if found is None else [self._pose, found])
        jumped = hint is not None or self._lost
        motion, alignment, correlation = self._follow_head(rgb, jumped)
        self._pose = compose(self._pose, alignment)
        colour = self._stabilised(rgb, self._pose)
        gray = to_gray(colour)
        guess = apply(compose(invert(alignment), motion), self._base + self._state * self._unit)
        openings, carried = self._measure_lids(colour)
        likeness = self._follow_points(gray, guess, jumped, openings)
        # Edges correlate a little with anything they were aligned to, hence the discount.
        face = max(float(likeness @ self._steady), correlation - 0.25)
        self._lost = face < self.options.lost
        xy = apply(self._pose, self._shape + self._state * self._unit)
        carried = apply(self._pose, carried)
        strips = None
        if self._lost:
            self._pose, self._state = before
        else:
            self._previous = gray
            strips = self._look_at_strips(colour)
        return Step(xy, openings, carried, likeness, face, strips)

    def _stabilised(self, frame: Gray, pose: Matrix) -> Gray:
        return warp(frame, pose, self.options.canvas)

    def _follow_head(self, rgb: RGBArray, jumped: bool) -> tuple[Matrix, Matrix, float]:
        """Motion of the head since the frame before, by flow and by alignment with the anchor, and its correlation."""
        import cv2

        gray = warp(rgb, self._pose, self.options.canvas, grey=True)
        motion: Matrix = np.eye(2, 3)
        corner, part, mask = self._rigid
        support = None if jumped else cv2.goodFeaturesToTrack(self._previous[part], _SUPPORT, 0.01, 6, mask=mask)
        if support is not None and len(support) >= 8:
            start = support.reshape(-1, 2) + corner
            flow = lucas_kanade(self._previous, gray, start, start, window=self.options.window, levels=3)
            if flow.ok.sum() >= 8:
                fit, _ = cv2.estimateAffinePartial2D(
                    start[flow.ok], flow.points[flow.ok].astype(np.float32), ransacReprojThreshold=1.5
                )
                motion = motion if fit is None else fit
        alignment, correlation = self._template.align(pyramid(gray, len(self._template.levels)), motion)
        away = np.abs(apply(alignment, self._shape) - apply(motion, self._shape)).max()
        # An alignment that leaps away from the flow has locked on something else, unless there was no flow.
        if not jumped and (correlation <= 0 or away > 0.2 * self.options.face):
            alignment, correlation = motion, 0.0
        return motion, alignment, correlation

    def _likeliest(self, rgb: RGBArray, poses: list[Matrix]) -> Matrix:
        """Of several guesses where the head is, refined, the one that resembles the anchor most."""
        best, chosen = -1.0, poses[0]
        for pose in poses:
            gray = warp(rgb, pose, self.options.canvas, grey=True)
            fine, correlation = self._template.align(pyramid(gray, 3), np.eye(2, 3), iterations=30)
            if correlation > best:
                best, chosen = correlation, compose(pose, fine)
        return chosen

    def _measure_lids(self, colour: RGBArray) -> tuple[Array, Array]:
        """Lids by colour (2, 2) of both eyes and the anchor's eyes (68, 2) carried to where the corners are."""
        carried = self._shape + self._state * self._unit
        openings = np.full((2, 2), np.nan)
        for k, (eye, _) in enumerate(EYES):
            index = list(eye)
            corners = [index[0], index[3]]
            carried[index] = apply(similarity(self._shape[corners], carried[corners]), self._shape[index])
            if self._lids[k].usable:
                openings[k] = self._lids[k].measure(colour, carried[index])
        return openings, carried

    def _look_at_strips(self, colour: RGBArray) -> StripLook:
        flow = np.array([self._state[list(part.middle), 1].mean() for part in PARTS])
        found = done(self.strips.look(colour)) if self._beside is None else self._beside.call(self.strips.look, colour)
        return StripLook(found, flow, self._pose[:, 1] * self._unit)

    def _follow_points(self, gray: Gray, guess: Array, jumped: bool, openings: Array) -> Array:
        """Update the displacements from flow and keys; returns the likeness (68,) of each point to its best key."""
        sigma = 0.5 / self._unit
        if jumped:
            predicted, ok = self._base + self._state * self._unit, np.zeros(68, bool)
            trust = texture(gray, predicted, window=self.options.window)
        else:
            start = self._base + self._state * self._unit
            flow = lucas_kanade(self._previous, gray, start, guess, window=self.options.window)
            leap = np.linalg.norm(flow.points - guess, axis=1)
            predicted, ok = flow.points, flow.ok & (leap < _LEAP * self._unit)
            trust = texture(gray, predicted, window=self.options.window)
        _close_to_lids(trust, openings)
        trust[_SIDES] *= _SILHOUETTE
        stepped = (predicted - self._base) / self._unit
        step_information = trust * (ok / (2 * sigma) ** 2)[:, None, None]
        state, _ = self._prior.fit(stepped[None], step_information[None], previous=self._state, rounds=2)
        if not jumped:
            state = _restrained(state, self._state, ~ok)
        predicted = self._base + state * self._unit
        keyed, key_information, likeness, wanting = self._match_keys(gray, predicted, trust, sigma, jumped)
        doubt = np.clip((likeness - 0.2) / 0.6, 0.1, 1.0)
        state, _ = self._prior.fit(
            np.stack([stepped, keyed]),
            np.stack([step_information * (doubt**2)[:, None, None], key_information]),
            previous=self._state,
        )
        if not jumped:
            state = _restrained(state, self._state, ~ok & (np.trace(key_information, axis1=1, axis2=2) <= 0))
        new = frozenset(g for g in wanting if ok[list(_KEY_GROUPS[g])].mean() > 0.7)
        if new and not jumped:
            seen = patches(gray, self._base + state * self._unit)
            self._keys.append(_Key(gray, state.copy(), seen, 0.25, new))
        self._state = state
        return likeness

    def _match_keys(
        self, gray: Gray, predicted: Array, trust: Array, sigma: float, jumped: bool
    ) -> tuple[Array, Array, Array, list[int]]:
        """Register every group of points with the key frame it resembles most.

        Returns:
            Displacements (68, 2), their information (68, 2, 2), likeness (68,), and the groups that lack a good key.
        """
        now = patches(gray, predicted)
        scores = np.stack([(now * key.patches).sum(1) for key in self._keys])
        likeness = scores[0].astype(np.float64)
        chosen = np.zeros(68, int)
        wanting = []
        for g, group in enumerate(_KEY_GROUPS):
            index = list(group)
            usable = [k for k, key in enumerate(self._keys) if g in key.groups]
            # The anchor cannot have drifted: it wins a near tie.
            best = max(usable, key=lambda k: scores[k, index].mean() - (0.03 if k else 0.0))
            chosen[index], likeness[index] = best, scores[best, index]
            if scores[best, index].mean() < 0.8 and len(usable) < self.options.keys:
                wanting.append(g)
        displacement, information = np.zeros((68, 2)), np.zeros((68, 2, 2))
        reach = 15.0 if jumped else 6.0
        for k in np.unique(chosen):
            key, index = self._keys[k], np.flatnonzero(chosen == k).tolist()
            start = self._base[index] + key.state[index] * self._unit
            flow = lucas_kanade(
                key.gray, gray, start, predicted[index], window=self.options.window, levels=1, reach=reach
            )
            near = np.linalg.norm(flow.points - predicted[index], axis=1) < reach
            quality = np.clip((likeness[index] - 0.3) / 0.5, 0, 1) * key.trust * (flow.ok & near)
            displacement[index] = (flow.points - self._base[index]) / self._unit
            information[index] = trust[index] * (quality / sigma**2)[:, None, None]
        return displacement, information, likeness, wanting


def _restrained(state: Array, before: Array, unseen: npt.NDArray[np.bool_]) -> Array:
    """``state`` (68, 2) with unseen points kept near their part: what the prior extrapolates may be far off."""
    state = state.copy()
    for part in _PARTS:
        lost = unseen[part]
        if not lost.any():
            continue
        step = state[part] - before[part]
        common = _middle(step)
        apart = step[lost] - common
        length = np.sqrt((apart * apart).sum(1))
        limited = common + apart * np.minimum(1.0, _UNSEEN / np.maximum(length, 1e-9))[:, None]
        state[np.array(part)[lost]] = before[part][lost] + limited
    return state


def _middle(rows: Array) -> Array:
    """Median of the rows."""
    ordered, half = np.sort(rows, axis=0), len(rows) // 2
    return np.asarray(ordered[half] if len(rows) % 2 else 0.5 * (ordered[half - 1] + ordered[half]))


def _cut_out(mask: Array) -> tuple[Array, tuple[slice, slice], npt.NDArray[np.uint8]]:
    """What of a picture holds the weights (H, W) above a half: its corner, its rows and columns, and these weights."""
    inside = (mask > 0.5).astype(np.uint8)
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    if len(rows) == 0:
        return np.zeros(2, np.float32), (slice(None), slice(None)), inside
    part = tuple(slice(max(int(k[0]) - 8, 0), int(k[-1]) + 9) for k in (rows, columns))
    corner = np.array([part[1].start, part[0].start], np.float32)
    return corner, (part[0], part[1]), np.ascontiguousarray(inside[part])


def _close_to_lids(trust: Array, openings: Array) -> None:
    """Stop believing flow on the lids of an eye that colour says is closing; changes ``trust`` in place."""
    for (eye, _), (_, opening) in zip(EYES, openings, strict=True):
        if np.isfinite(opening):
            trust[[i for i in eye if i in _LIDS]] *= lid_share(opening)


def lid_share(opening: npt.ArrayLike) -> Array:
    """How much flow on the lids is believed (0..1) at an opening measured by colour (1 = as on the anchor)."""
    return np.clip((np.asarray(opening, np.float64) - 0.75) / 0.2, 0.0, 1.0)
