"""ARKit's 52 blendshapes and the head's turn, estimated from 68 points; for sequences without an expression channel.

Every coefficient is a way that points went from the rest frame, in the plane of the face (the head's turn is taken
out with the depths of our own face), over the way that is full strength. Ways are in sizes of the person's own parts,
so that a face of any proportions will do. What 68 points do not tell (tongue, cheeks, where eyes look) is unknown.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from faceshot.driving.motion_face import NEUTRAL
from faceshot.errors import InputError
from faceshot.landmarks import BLENDSHAPES, Expression, LandmarkSequence
from faceshot.landmarks import topology as topo

Array = npt.NDArray[np.float64]

#: Points that no expression moves much; from them comes the head's turn.
_STEADY = (*topo.NOSE_BRIDGE, *topo.NOSE_BASE, *topo.OUTER_EYE_CORNERS, *topo.INNER_EYE_CORNERS)
#: Of the turn against the noise of the points: how strongly depths are believed, in squared sizes of the face.
_STIFF = 2e-3
#: Of the parting of the lips through a clip: up to here a mouth counts as shut.
_SHUT = 0.15
#: Frames from which on what a clip usually shows is known better than from its rest frame.
_ENOUGH = 30
#: Points of the jaw that sink with the chin.
_CHIN = topo.JAW[6:11]
#: What 68 points say nothing about.
UNKNOWN = (
    *(f"eyeLook{way}{side}" for side in ("Left", "Right") for way in ("Down", "In", "Out", "Up")),
    *("jawForward", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "tongueOut"),
    *("mouthDimpleLeft", "mouthDimpleRight"),
)


class BlendshapeEstimator:
    """The blendshapes of one face, frame by frame, against how it looks at rest.

    Args:
        rest: (68, 2) the face at rest, any unit.

    Raises:
        InputError: points that are not finite, or all on one spot.
    """

    def __init__(self, rest: npt.ArrayLike) -> None:
        xy = np.array(rest, np.float64)
        if xy.shape != (topo.N_POINTS, 2) or not np.isfinite(xy).all() or np.ptp(xy, axis=0).min() < 1e-6:
            raise InputError("the rest frame must be 68 finite points that make up a face")
        self._origin = xy[list(_STEADY)].mean(0)
        self._scale = max(float(np.linalg.norm(xy[topo.OUTER_EYE_CORNERS[1]] - xy[topo.OUTER_EYE_CORNERS[0]])), 1e-9)
        across = (xy[topo.OUTER_EYE_CORNERS[1]] - xy[topo.OUTER_EYE_CORNERS[0]]) / self._scale
        #: Columns are the face's own axes, right and down, so that a head that rests tilted is upright.
        self._upright = np.array([across, [-across[1], across[0]]]).T
        flat = (xy - self._origin) @ self._upright / self._scale
        depth = NEUTRAL[:, 2] - NEUTRAL[list(_STEADY), 2].mean()
        width = np.linalg.norm(NEUTRAL[topo.OUTER_EYE_CORNERS[1], :2] - NEUTRAL[topo.OUTER_EYE_CORNERS[0], :2])
        self._solid = np.c_[flat, depth / width]
        steady = self._solid[list(_STEADY)]
        self._steady_mean = steady.mean(0)
        steady = steady - self._steady_mean
        self._solve = np.linalg.inv(steady.T @ steady + np.diag([0, 0, _STIFF])) @ steady.T
        self._rest = _Measures(flat)

    def neutral(self, frames: npt.ArrayLike) -> None:
        """Take as the face at rest what these frames (T, 68, 2) show most: lids and brows as usual, the mouth as usual
        while it is shut."""
        flat = np.stack([self.frontal(xy)[0] for xy in np.asarray(frames, np.float64)])
        gaps = np.array([_Measures(xy).gap for xy in flat])
        low, high = np.percentile(gaps, (2, 98))
        usual = np.median(flat, axis=0)
        mouth = list(topo.PART_POINTS["mouth"] + topo.JAW)
        usual[mouth] = np.median(flat[gaps <= low + _SHUT * (high - low)][:, mouth], axis=0)
        self._rest = _Measures(usual)

    def __call__(self, xy: npt.ArrayLike) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Of a frame's points (68, 2): the blendshapes (52,) in 0..1, NaN for unknown ones, and the head (3, 3)."""
        flat, head = self.frontal(np.asarray(xy, np.float64))
        found = _coefficients(self._rest, _Measures(flat))
        values = np.full(len(BLENDSHAPES), np.nan, np.float32)
        for name, value in found.items():
            values[BLENDSHAPES.index(name)] = min(max(value, 0.0), 1.0)
        return values, head

    def frontal(self, xy: Array) -> tuple[Array, npt.NDArray[np.float32]]:
        """The points as they would lie without the head's turn, shift and size, and that turn."""
        flat = (xy - self._origin) @ self._upright / self._scale
        steady = flat[list(_STEADY)]
        middle = steady.mean(0)
        # Weak perspective: two rows that map the solid face onto the picture, made perpendicular and equally long.
        affine = (self._solve @ (steady - middle)).T
        u, size, vt = np.linalg.svd(affine, full_matrices=False)
        rows = u @ vt
        scale = float(size.mean())
        solid = np.vstack([rows, np.cross(rows[0], rows[1])])
        away = (flat - middle) / max(scale, 1e-6) - (self._solid[:, 2:] - self._steady_mean[2]) * rows[:, 2]
        inner = rows[:, :2]
        determinant = float(np.linalg.det(inner))
        inner = inner if abs(determinant) > 0.3 else np.eye(2)
        frontal = away @ np.linalg.inv(inner).T + self._steady_mean[:2]
        flip = np.diag([1.0, -1.0, 1.0])  # y up
        return frontal, (flip @ solid @ flip).astype(np.float32)


class _Measures:
    """Places and sizes in an upright face (68, 2), y down, in distances of the outer eye corners at rest."""

    def __init__(self, p: Array) -> None:
        self.xy = p
        corners = p[list(topo.MOUTH_CORNERS)]
        self.corners = corners
        self.mouth_width = max(float(corners[1, 0] - corners[0, 0]), 1e-3)
        upper, lower = (np.array(side) for side in zip(*topo.INNER_LIP_PAIRS, strict=True))
        self.gap = float((p[lower, 1] - p[upper, 1]).mean())
        outer_up, outer_low = (np.array(side)[1:4] for side in zip(*topo.OUTER_LIP_PAIRS, strict=True))
        self.upper_lip, self.lower_lip = p[upper, 1], p[lower, 1]
        self.upper_edge, self.lower_edge = p[outer_up, 1], p[outer_low, 1]
        self.chin = float(p[list(_CHIN), 1].mean())
        self.chin_x = float(p[topo.CHIN, 0])
        self.lips_x = float(p[[*outer_up, *outer_low], 0].mean())
        self.eyes = [_eye(p, eye, topo.LID_PAIRS[name]) for name, eye in _EYES]
        self.brows = [p[list(brow)] for brow in (topo.RIGHT_BROW, topo.LEFT_BROW[::-1])]
        self.wings = p[[topo.NOSE_BASE[0], topo.NOSE_BASE[-1]], 1]


#: Of our own face (``motion_face``), in widths of its mouth: the parting of the lips at full jaw, how far its corners
#: go in and down for each width that the lips part, and how far up and out together at a full smile.
_JAW, _JAW_PULLS, _SMILE = 0.6, (0.13, 0.24), 0.28

_EYES = (("right_eye", topo.RIGHT_EYE), ("left_eye", topo.LEFT_EYE))


def _eye(p: Array, eye: tuple[int, ...], pairs: tuple[tuple[int, int], ...]) -> tuple[float, float, float]:
    """Opening in widths of the eye; upper and lower lid below the corner line, in widths."""
    first, last = p[eye[0]], p[eye[3]]
    width = max(float(np.linalg.norm(last - first)), 1e-6)
    across = np.array([first[1] - last[1], last[0] - first[0]]) / width
    up, low = (np.array([(p[pair[k]] - first) @ across for pair in pairs]).mean() / width for k in (0, 1))
    return float(low - up), float(up), float(low)


def _coefficients(rest: _Measures, now: _Measures) -> dict[str, float]:
    """Every coefficient 68 points tell, unclipped."""
    return {**_eyes(rest, now), **_jaw_and_lips(rest, now), **_corners(rest, now), **_brows(rest, now)}


def _eyes(rest: _Measures, now: _Measures) -> dict[str, float]:
    out = {}
    for k, side in enumerate(("Right", "Left")):
        (wide, _, low), (open_, _, low_now) = rest.eyes[k], now.eyes[k]
        share = open_ / max(wide, 0.05)
        out[f"eyeBlink{side}"] = (1 - share) / 0.85
        out[f"eyeWide{side}"] = (share - 1.05) / 0.5
        # The lower lid rises in a squint; in a blink the upper one falls.
        out[f"eyeSquint{side}"] = (low - low_now) / max(0.8 * low, 0.05)
    return out


def _jaw_and_lips(rest: _Measures, now: _Measures) -> dict[str, float]:
    w = rest.mouth_width
    gap = (now.gap - rest.gap) / w
    drop = float((now.lower_lip - rest.lower_lip).mean()) / w
    # A mouth drawn wide has thinner lips, which part without the jaw.
    widened = max(now.mouth_width / w - 1, 0.0)
    lips = [_thick(rest.upper_lip - rest.upper_edge) / w, _thick(rest.lower_edge - rest.lower_lip) / w]
    opened = (gap - sum(lips) * widened + drop - lips[1] * widened) / 2
    jaw = opened / _JAW
    narrow = 1 - now.mouth_width / w
    upper = float((rest.upper_edge - now.upper_edge).mean()) / w
    lower = float((now.lower_edge - rest.lower_edge).mean()) / w
    thin_up = 1 - _thick(now.upper_lip - now.upper_edge) / _thick(rest.upper_lip - rest.upper_edge)
    thin_low = 1 - _thick(now.lower_edge - now.lower_lip) / _thick(rest.lower_edge - rest.lower_lip)
    shut = min(max(1 - gap / 0.08, 0.0), 1.0)
    aside, chin_aside = (now.lips_x - rest.lips_x) / w, (now.chin_x - rest.chin_x) / w
    out = {
        "jawOpen": jaw,
        "jawLeft": chin_aside / 0.25,
        "jawRight": -chin_aside / 0.25,
        "mouthClose": jaw * shut,
        "mouthFunnel": (narrow - 0.05) / 0.3 * (1 - shut),
        "mouthPucker": (narrow - 0.05) / 0.3 * (0.35 + 0.65 * shut),
        "mouthLeft": aside / 0.25,
        "mouthRight": -aside / 0.25,
        "mouthRollUpper": thin_up / 0.8,
        "mouthRollLower": thin_low / 0.8,
        "mouthShrugUpper": upper / 0.15 * shut,
        "mouthShrugLower": -lower / 0.15 * shut,
    }
    press = (thin_up + thin_low) / 2 / 0.6 * shut
    for side in ("Left", "Right"):
        out[f"mouthPress{side}"] = press
        out[f"mouthUpperUp{side}"] = upper / 0.2 * (1 - shut)
        out[f"mouthLowerDown{side}"] = lower / 0.5
    return out


def _thick(lip: Array) -> float:
    return max(float(np.mean(lip)), 1e-3)


def _corners(rest: _Measures, now: _Measures) -> dict[str, float]:
    """Smile, frown and stretch: where the corners of the mouth go, up and outwards, less what the jaw does to them."""
    w, out = rest.mouth_width, {}
    gap = max((now.gap - rest.gap) / w, 0.0)
    for k, (side, outwards) in enumerate((("Right", -1.0), ("Left", 1.0))):
        move = (now.corners[k] - rest.corners[k]) / w
        out_, up = outwards * move[0] + _JAW_PULLS[0] * gap, -move[1] + _JAW_PULLS[1] * gap
        out[f"mouthSmile{side}"] = (up + out_) / _SMILE
        out[f"mouthFrown{side}"] = (-up - max(out_, 0)) / _SMILE
        out[f"mouthStretch{side}"] = (out_ - max(up, 0)) / _SMILE
    return out


def _brows(rest: _Measures, now: _Measures) -> dict[str, float]:
    out, inner = {}, []
    for k, side in enumerate(("Right", "Left")):
        raised = rest.brows[k][:, 1] - now.brows[k][:, 1]
        out[f"browOuterUp{side}"] = float(raised[:3].mean()) / 0.12
        out[f"browDown{side}"] = -float(raised[2:].mean()) / 0.08
        inner.append(float(raised[3:].mean()))
        out[f"noseSneer{side}"] = float(rest.wings[k] - now.wings[k]) / 0.06
    return {**out, "browInnerUp": float(np.mean(inner)) / 0.12}


def with_blendshapes(sequence: LandmarkSequence) -> LandmarkSequence:
    """The sequence with an expression channel: its own, or one estimated from its points.

    An estimated one knows neither gaze nor teeth, its head turns from the rest frame, and frames without a face are
    unknown. Its errors stand in docs/export.md.

    Raises:
        InputError: no face in the rest frame.
    """
    if sequence.expression is not None and np.isfinite(sequence.expression.blendshapes).any():
        return sequence
    frames = len(sequence)
    estimate = BlendshapeEstimator(sequence.xy[sequence.rest])
    seen = sequence.xy[np.isfinite(sequence.xy).all((1, 2))]
    if len(seen) >= _ENOUGH:
        estimate.neutral(seen)
    shapes = np.full((frames, len(BLENDSHAPES)), np.nan, np.float32)
    head = np.full((frames, 3, 3), np.nan, np.float32)
    for k, xy in enumerate(sequence.xy):
        if np.isfinite(xy).all():
            shapes[k], head[k] = estimate(xy)
    nothing = np.full((frames, 2, 2), np.nan, np.float32), np.full(frames, np.nan, np.float32)
    return replace(sequence, expression=Expression(shapes, head, *nothing))
