"""A clip of a person -> its landmarks and expression: the mesh of every frame, calmed, and what it says."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from faceshot.facemesh.chase import chase
from faceshot.facemesh.eyes_mouth import gaze, teeth_share
from faceshot.facemesh.landmarker import FaceMesh
from faceshot.facemesh.mesh import POINTS, Mesh
from faceshot.facemesh.pose import turn_of
from faceshot.facemesh.smoothing import OneEuro
from faceshot.landmarks import BLENDSHAPES, Expression, FaceWish, LandmarkSequence, RGBArray, Size
from faceshot.landmarks.topology import MEDIAPIPE_TO_68

Float32 = npt.NDArray[np.float32]
_SIDES = ("Left", "Right")
#: The network's outputs; the first means nothing, and the tongue comes from elsewhere.
SCORES: Final = (
    *("_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff"),
    *(f"{what}{side}" for what in ("cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn") for side in _SIDES),
    *(f"eye{what}{side}" for what in ("LookOut", "LookUp", "Squint", "Wide") for side in _SIDES),
    *("jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight"),
    *("mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper"),
    *("mouthShrugLower", "mouthShrugUpper"),
    *(f"mouth{what}{side}" for what in ("Smile", "Stretch", "UpperUp") for side in _SIDES),
    *("noseSneerLeft", "noseSneerRight"),
)
_ORDER = [SCORES.index(name) if name in SCORES else -1 for name in BLENDSHAPES]
_TONGUE = BLENDSHAPES.index("tongueOut")


def follow_clip(
    mesh: FaceMesh,
    frames: Iterable[RGBArray],
    fps: Fraction,
    *,
    face: FaceWish = "largest",
    smooth: bool = True,
) -> LandmarkSequence | None:
    """The landmarks of one person in every frame, with the expression channel; None if no frame shows a face.

    Args:
        frames: (H, W, 3) uint8, all of one size; read once, in order.
        face: which of several, see :func:`faceshot.landmarks.choose`.
        smooth: with the filter of the networks' makers: half the jitter, for less than half a frame of lag.

    Raises:
        UsageError: an impossible face. NoFaceError: faces, but never the wished one.
    """
    size = Size(1, 1)

    def measured() -> Iterable[RGBArray]:
        nonlocal size
        for frame in frames:
            size = Size(frame.shape[1], frame.shape[0])
            yield frame

    # Meshes keep their crops, which a long clip must not: only numbers are collected.
    seen = [_numbers(one, size) for one in chase(mesh, measured(), face)]
    found = np.array([one is not None for one in seen], bool)
    if not found.any():
        return None
    raw = np.full((len(seen), POINTS, 3), np.nan, np.float32)
    raw[found] = np.stack([one[0] for one in seen if one is not None])
    teeth, tongue = (np.array([np.nan if one is None else one[k] for one in seen], np.float32) for k in (1, 2))
    points = calmed(raw, found, fps) if smooth else raw
    xy = np.stack([points[:, list(indices), :2].mean(1) for indices in MEDIAPIPE_TO_68], axis=1) - np.float32(0.5)
    return LandmarkSequence(
        xy,
        size,
        fps,
        found,
        np.repeat(found[:, None].astype(np.float32), 68, axis=1),
        rest=int(np.flatnonzero(found)[0]),
        expression=expression(mesh, points, found, size, teeth, tongue),
    )


def _numbers(mesh: Mesh | None, size: Size) -> tuple[Float32, float, float] | None:
    return None if mesh is None else (mesh.pixels(*size), teeth_share(mesh), mesh.tongue)


def calmed(raw: Float32, found: npt.NDArray[np.bool_], fps: Fraction) -> Float32:
    """The meshes (T, 478, 3) without jitter; the filter starts anew after every frame without a face."""
    out, keep = raw.copy(), OneEuro()
    for k, points in enumerate(raw):
        if not found[k]:
            keep = OneEuro()
            continue
        out[k] = keep(points, float(np.ptp(points[:, :2], axis=0).mean()), int(k * 1000 / fps))
    return out


def expression(
    mesh: FaceMesh,
    points: Float32,
    found: npt.NDArray[np.bool_],
    size: Size,
    teeth: Float32,
    tongue: Float32,
) -> Expression:
    """The expression channel of meshes (T, 478, 3) in pixels, NaN where ``found`` is False."""
    frames = len(points)
    scores = np.full((frames, len(SCORES)), np.nan, np.float32)
    head = np.full((frames, 3, 3), np.nan)
    for k in np.flatnonzero(found):
        scores[k] = mesh.blendshapes(points[k])
        matrix = mesh.head(points[k], *size)
        if matrix is not None:
            head[k] = turn_of(matrix)
    shapes = scores[:, _ORDER]
    shapes[:, _TONGUE] = np.clip(tongue, 0, 1)

    def score(right: str, left: str) -> Float32:
        return scores[:, [SCORES.index(f"eye{right}Right"), SCORES.index(f"eye{left}Left")]]

    sideways = score("LookIn", "LookOut") - score("LookOut", "LookIn")
    look = np.stack([sideways, score("LookDown", "LookDown") - score("LookUp", "LookUp")], axis=-1)
    return Expression(
        shapes,
        head.astype(np.float32),
        gaze(points, look, score("Blink", "Blink")).astype(np.float32),
        teeth,
    )
