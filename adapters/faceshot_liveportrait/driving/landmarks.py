"""Driving by landmarks: M reads the character once, its 68 landmarks do the rest.

The head moves as a whole; what the landmarks do beyond that moves the keypoints of each part within the range that
LivePortrait's own motion has; lids and lips go through the ratio networks, each as a difference from the rest, so
that unchanged landmarks give the source's keypoints bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import topology as topo
from faceshot_liveportrait.driving.deltas import Deltas, Keypoints
from faceshot_liveportrait.driving.head_pose import HeadPose, head_pose, soften
from faceshot_liveportrait.driving.motion import EYE_POINTS, LIP_POINTS, N_KEYPOINTS, Region, Source, multiplied
from faceshot_liveportrait.driving.reading import EYE_GROUPS, Reading
from faceshot_liveportrait.place import Array, openness

Way = Literal["ratio", "points", "off"]

#: Largest motion of expression seen in published templates, crop units: (point, x, y, z). Others: none.
_SEEN = (
    (0, 0.017, 0.037, 0), (1, 0.022, 0.015, 0), (2, 0.012, 0.034, 0), (3, 0.015, 0.017, 0), (4, 0.021, 0.026, 0),
    (5, 0.026, 0.044, 0), (7, 0.031, 0.026, 0), (10, 0.010, 0.024, 0.010), (11, 0.009, 0.034, 0),
    (13, 0.010, 0.010, 0), (14, 0.005, 0.042, 0), (15, 0.014, 0.032, 0), (16, 0.010, 0.010, 0),
    (17, 0.010, 0.010, 0.010), (19, 0.057, 0.160, 0.026), (20, 0.036, 0.051, 0.031),
)  # fmt: skip
#: How far beyond that a keypoint may go, softly.
_BEYOND = 1.5
#: Keypoints that follow the field of displacements, its gain, limit, reach, and its pull towards no motion.
_FIELD_POINTS = (0, 3, 4, 7, 10)  # not 5, the neck: a dropping chin must not stretch it
_FIELD_GAIN, _FIELD_LIMIT, _FIELD_REACH, _FIELD_CALM = 0.4, 0.03, 0.12, 0.5
_PART_LIMIT = 0.05
#: Share of a lid's way its keypoints go, where they are moved by the landmarks, and their limit; the same of lips.
_LID_GAIN, _LID_LIMIT = 0.45, 0.04
_LIP_LIMIT = 0.15
#: Openings the ratio networks know.
_RATIO = (0.0, 0.8)
#: Landmarks the field is made of: parts that have keypoints of their own, lids and lips, are left out.
_FIELD_MARKS = (*topo.JAW, *topo.NOSE_BRIDGE, *topo.NOSE_BASE, *topo.OUTER_EYE_CORNERS, *topo.INNER_EYE_CORNERS)
_UPPER_LIP, _LOWER_LIP = ([pair[i] for pair in topo.INNER_LIP_PAIRS] for i in (0, 1))


_LIP_MIDDLES = topo.OUTER_LIP_PAIRS[2]
#: What goes with the corners of the mouth in y, as LivePortrait's editor has its smile.
_SMILE = ((14, 1.0), (20, 0.5), (17, -0.325), (3, 0.175), (7, 0.175))

#: Brows draw together each by its own keypoint, but rise, as in LivePortrait's editor, by the second's rise and the
#: first's fall; the shares are those of the motion seen in y.
_BROW_RAISE = ((1, -0.45), (2, 1.0))


def _guard() -> Array:
    out = np.zeros((N_KEYPOINTS, 3))
    for point, *xyz in _SEEN:
        out[point] = xyz
    for one, other in ((3, 7), (11, 15), (13, 16)):  # a face is as mobile on the right as on the left
        out[[one, other]] = np.maximum(out[one], out[other])
    return out


_GUARD = _guard()


@dataclass(frozen=True)
class LandmarkWays:
    """How landmarks move keypoints.

    Attributes:
        region: what moves. turn: share 0..1 of the yaw and pitch read from the landmarks.
        eyes, mouth: by the ratio networks, by the displacement of their landmarks, or not at all.
        field: whether the keypoints of the face between the parts follow (only where M read the face).
        stitching, multiplier: as in classic driving.
    """

    region: Region = "all"
    turn: float = 0.5
    eyes: Way = "ratio"
    mouth: Way = "ratio"
    field: bool = True
    stitching: bool = False
    multiplier: float = 1.0


@dataclass(frozen=True, eq=False)
class Marks:
    """The character's landmarks in crop units: ``rest`` (68, 2), ``frames`` (N, 68, 2), ``visible`` (68,)."""

    rest: Array
    frames: Array
    visible: npt.NDArray[np.bool_]

    def openings(self) -> tuple[Array, Array]:
        """Eyes (1 + N, 2) and lips (1 + N,), the rest first."""
        eyes, lips = openness(np.concatenate([self.rest[None], self.frames]))
        return eyes, lips[:, 0]


def keypoints(source: Source, marks: Marks, reading: Reading, deltas: Deltas, ways: LandmarkWays) -> Keypoints:
    """Driving keypoints (N, 21, 3); those of unchanged landmarks are ``source.x`` bit for bit."""
    pose = head_pose(marks.rest, marks.frames, marks.visible, turned=ways.turn > 0)
    x = source.x.astype(np.float64)
    change = np.zeros((len(marks.frames), N_KEYPOINTS, 3))
    if ways.region in ("all", "pose"):
        change += pose.move(x, ways.turn, np.append(source.motion.t[0, :2], 0.0))
    if ways.region != "pose":
        change += _of_region(expression(x, marks, pose, reading, deltas, ways), ways.region)
    x_d = (x + change).astype(np.float32)
    if ways.stitching:
        x_d = deltas.stitch(x_d, exact=True)
    x_d = multiplied(source.x, x_d, ways.multiplier)
    x_d[(marks.frames == marks.rest).all((1, 2))] = source.x
    return x_d


def stitching_fits(marks: Marks) -> bool:
    """Whether the head moves little enough for still shoulders: at most 15 degrees and a quarter of a unit."""
    angle, shift = head_pose(marks.rest, marks.frames, marks.visible).largest()
    return angle <= 15 and shift <= 0.25


def _of_region(change: Array, region: Region) -> Array:
    if region in ("all", "exp"):
        return change
    out = np.zeros_like(change)
    points = list(LIP_POINTS if region == "lip" else EYE_POINTS)
    out[:, points] = change[:, points]
    return out


def expression(x: Array, marks: Marks, pose: HeadPose, reading: Reading, deltas: Deltas, ways: LandmarkWays) -> Array:
    """(N, 21, 3) what the face does, within the range of LivePortrait's own motion."""
    out = np.zeros((len(marks.frames), N_KEYPOINTS, 3))
    if ways.field:
        out[:, list(_FIELD_POINTS), :2] = _field(x[list(_FIELD_POINTS), :2], marks, pose.residual)
    _parts(out, marks, pose.residual, reading, ways)
    if ways.eyes == "points":
        _lids(out, pose.residual, reading)
    elif ways.eyes == "ratio":
        out += _by_eye_ratios(marks, reading, deltas)
    if ways.mouth == "points":
        for point, lip in ((19, _LOWER_LIP), (20, _UPPER_LIP)):
            out[:, point, :2] = soften(pose.residual[:, lip].mean(1), 0.8 * _LIP_LIMIT, _LIP_LIMIT)
    elif ways.mouth == "ratio":
        out += _by_lip_ratio(marks, deltas)
    return soften(out, _GUARD, _BEYOND * _GUARD)


def _field(at: Array, marks: Marks, residual: Array) -> Array:
    """(N, n, 2) the landmarks' residual around points ``at`` (n, 2), calmed."""
    points = [i for i in _FIELD_MARKS if marks.visible[i]]
    if not points:
        return np.zeros((len(residual), len(at), 2))
    far = ((at[:, None] - marks.rest[points]) ** 2).sum(-1)
    weight = np.exp(-far / (2 * _FIELD_REACH**2))
    weight /= weight.sum(1, keepdims=True) + _FIELD_CALM
    return soften(_FIELD_GAIN * np.einsum("kj,njc->nkc", weight, residual[:, points]), 0.02, _FIELD_LIMIT)


def _parts(out: Array, marks: Marks, residual: Array, reading: Reading, ways: LandmarkWays) -> None:
    """Brows, mouth corners and mouth move their own keypoints, in place."""

    def moved(points: tuple[int, ...]) -> Array:
        return soften(residual[:, list(points)].mean(1), 0.8 * _PART_LIMIT, _PART_LIMIT)

    if marks.visible[topo.RIGHT_BROW[0]]:
        brows = (topo.RIGHT_BROW, topo.LEFT_BROW) if reading.right_brow_first else (topo.LEFT_BROW, topo.RIGHT_BROW)
        for (point, share), brow in zip(_BROW_RAISE, brows, strict=True):
            out[:, point, 0] = moved(brow)[:, 0]
            out[:, point, 1] = share * moved((*topo.RIGHT_BROW, *topo.LEFT_BROW))[:, 1]
    if marks.visible[topo.MOUTH_CORNERS[0]] and ways.mouth != "off":
        smile = moved(topo.MOUTH_CORNERS)[:, 1]
        for point, share in _SMILE:
            out[:, point, 1] += share * smile
        # Sideways the mouth moves as one; up and down the lower lip is the opening, and the corners are the smile.
        out[:, [17, 19, 20], 0] = moved((*topo.MOUTH_CORNERS, *_LIP_MIDDLES))[:, None, 0]
        out[:, 17, 1] += moved(_LIP_MIDDLES[:1])[:, 1]


def _eyes_of_groups(reading: Reading) -> tuple[int, int]:
    """Which eye (0 the right one, landmarks 36 to 41) each eye group is."""
    return (0, 1) if reading.right_first else (1, 0)


def _lids(out: Array, residual: Array, reading: Reading) -> None:
    eyes = ("right_eye", "left_eye")
    for group, eye in zip(EYE_GROUPS, _eyes_of_groups(reading), strict=True):
        for point, lid in zip(group, zip(*topo.LID_PAIRS[eyes[eye]], strict=True), strict=True):
            way = _LID_GAIN * residual[:, list(lid)].mean(1)
            out[:, point, :2] = soften(way, 0.8 * _LID_LIMIT, _LID_LIMIT)


def _known(openings: Array) -> Array:
    """Openings as the ratio networks know them: the rest within their range, changes in the character's own measure.

    Eyes taller than any human's keep their shares: half shut is half shut.
    """
    rest = np.clip(openings[:1], *_RATIO)
    scale = np.where(openings[:1] > _RATIO[1], rest / np.maximum(openings[:1], 1e-9), 1.0)
    return np.clip(rest + scale * (openings - openings[:1]), *_RATIO)


def _by_eye_ratios(marks: Marks, reading: Reading, deltas: Deltas) -> Array:
    """Each eye group takes what the network says for its own eye's opening, all other keypoints the mean."""
    known = _known(marks.openings()[0][:, list(_eyes_of_groups(reading))])
    own = Deltas(deltas.engine, deltas.x_s, known[0], deltas.c_lips)
    per_eye = [_difference(own.eyes(known[:, i])) for i in (0, 1)]
    for i, found in enumerate(per_eye):
        found[known[1:, i] == known[0, i]] = 0
    out: Array = np.mean(per_eye, axis=0, dtype=np.float64)
    for group, found in zip(EYE_GROUPS, per_eye, strict=True):
        out[:, list(group)] = found[:, list(group)]
    return out


def _by_lip_ratio(marks: Marks, deltas: Deltas) -> Array:
    known = _known(marks.openings()[1][:, None])[:, 0]
    own = Deltas(deltas.engine, deltas.x_s, deltas.c_eyes, float(known[0]))
    out = _difference(own.lips(known)).astype(np.float64)
    out[known[1:] == known[0]] = 0
    return out


def _difference(found: Keypoints) -> Keypoints:
    """What the networks add beyond their answer for the rest, which is the first row."""
    return found[1:] - found[:1]
