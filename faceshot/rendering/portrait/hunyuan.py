"""HunyuanPortrait's inputs: crops of the head and from brows to mouth, five points, and how much they move.

After arXiv 2503.18860 and the published program, whose face detector these functions replace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import FloatArray, RGBArray, Size
from faceshot.landmarks import topology as topo
from faceshot.progress import progress
from faceshot.rendering.place import Place
from faceshot.rendering.portrait.job import Bytes, PortraitInputs
from faceshot.rendering.portrait.squares import SIDE, Square, cut_square, face_square, five_points
from faceshot.rendering.proxy import ProxyClip, head_boxes

#: Frames that share their levels, and the nose among :func:`five_points`.
BATCH: Final = 25
_NOSE = 2
#: Sides of the crops that motion is read from, and of ArcFace's picture [px].
_SEEN, _ARCFACE = 256, 112
#: Where ArcFace wants :func:`five_points`.
_TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
#: How far the five points' box is moved towards the face's.
_TOWARDS = 0.45
#: Levels of motion, for the published weights (the paper has 64) and factors on motion for each of them.
LEVELS: Final = 128
_EXPRESSION, _HEAD = 8, 2


def brows_to_mouth(five: npt.ArrayLike, box: npt.ArrayLike) -> Square:
    """The square (left, top, right, bottom) [px, edges] from brows to mouth; it may reach out of the picture.

    Args:
        five: (5, 2) points of the frame. box: left, top, right, bottom of the face in the first frame [px].
    """
    points, face = np.asarray(five, np.float64), np.asarray(box, np.float64)
    own = np.concatenate([points.min(0), points.max(0)])
    left, top, right, bottom = own + _TOWARDS * (face - own)
    half = max(int(max(right - left, bottom - top)) // 2, 1)
    x, y = int((left + right) / 2), int((top + bottom) / 2)
    return x - half, y - half, x + half, y + half


def crop_padded(frame: RGBArray, square: Square, out: int) -> RGBArray:
    """The square of a frame at ``out`` x ``out`` pixels; black beyond the frame."""
    import cv2

    left, top, right, bottom = square
    low, high = max(-min(left, top), 0), max(right - frame.shape[1], bottom - frame.shape[0], 0)
    framed = np.pad(frame, ((low, high), (low, high), (0, 0))) if low or high else frame
    cut = framed[top + low : bottom + low, left + low : right + low]
    way = cv2.INTER_AREA if right - left > out else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(cut), (out, out), interpolation=way), np.uint8)


def arcface_matrix(five: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """(2, 3) similarity of least squares that takes five points (5, 2) to where ArcFace wants them in 112 x 112."""
    z, wanted = (points @ np.array([1, 1j]) for points in (np.asarray(five, np.float64), _TEMPLATE))
    spread = z - z.mean()
    turn = np.vdot(spread, wanted - wanted.mean()) / max(float(np.vdot(spread, spread).real), 1e-9)
    shift = wanted.mean() - turn * z.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def motion_levels(five: npt.ArrayLike, levels: int = LEVELS) -> npt.NDArray[np.int64]:
    """(ceil(T / 25), 2) how strongly expression and head move in each run of 25 frames, 0 .. levels - 1.

    Args:
        five: (T, 5, 2) points [px]; all 68 would leave the range the weights were trained on.
        levels: 128 for the published weights, 64 in the paper; both span the same motion.
    """
    points, rows = np.asarray(five, np.float64), []
    for begin in range(0, len(points), BATCH):
        run = points[begin : begin + BATCH]
        nose = run[:, _NOSE]
        apart = run - nose[:, None]
        size = max(float(np.linalg.norm(np.ptp(apart[0], axis=0))), 1e-9)
        expression = np.linalg.norm(apart - apart.mean(0), axis=-1).mean() / size
        head = np.linalg.norm(nose - nose.mean(0), axis=-1).mean() / size
        rows.append([expression * _EXPRESSION * levels, head * _HEAD * levels])
    return np.clip(np.array(rows), 0, levels - 1).astype(np.int64)


def motion_intensity(xy: npt.ArrayLike, nose: int = topo.NOSE_TIP) -> tuple[float, float]:
    """The paper's I_e and I_h of a clip: motion of the expression and of the head in diagonals of the first frame.

    Args:
        xy: (T, n, 2) landmarks [px]. nose: the point that expression is measured from and the head by.
    """
    points = np.asarray(xy, np.float64)
    size = max(float(np.linalg.norm(np.ptp(points[0], axis=0))), 1e-9)
    head = points[:, nose]
    apart = points - head[:, None]
    expression = np.sqrt(((apart - apart.mean(0)) ** 2).sum(-1).mean(1)).mean()
    return float(expression / size), float(np.sqrt(((head - head.mean(0)) ** 2).sum(-1).mean()) / size)


def nose_aligned(driving: npt.ArrayLike, source: npt.ArrayLike, rest: int = 0) -> FloatArray:
    """A driver's landmarks (T, 68, 2) as large as the source's (68, 2), in frame ``rest`` nose on nose."""
    points, still = np.asarray(driving, np.float64), np.asarray(source, np.float64)
    own = points[rest]
    ratio = np.linalg.norm(np.ptp(still, axis=0)) / max(float(np.linalg.norm(np.ptp(own, axis=0))), 1e-9)
    return ((points - own[topo.NOSE_TIP]) * ratio + still[topo.NOSE_TIP]).astype(np.float32)


def pose_dots(xy: npt.ArrayLike, size: int = SIDE) -> npt.NDArray[np.uint8]:
    """(size, size) drawing of landmarks (68, 2) [px] as DWPose draws a face, without the eyes as the paper wants it."""
    import cv2

    out = np.zeros((size, size), np.uint8)
    eyes = {*topo.RIGHT_EYE, *topo.LEFT_EYE}
    for x, y in np.rint(np.delete(np.asarray(xy, np.float64), sorted(eyes), axis=0)).astype(int).tolist():
        cv2.circle(out, (x, y), 3, 255, -1)
    return out


def hunyuan_inputs(clip: ProxyClip, *, drawn: bool = False) -> PortraitInputs:
    """What HunyuanPortrait is given for a proxy clip.

    Args:
        drawn: give it a drawing of the pose too, which the published program leaves black.
    """
    place, square = cut_square(clip)
    five = five_points(square.sequence.xy)
    shapes: dict[str, tuple[int, ...]] = {name: (_SEEN, _SEEN, 3) for name in ("face.npy", "pose.npy")}
    if drawn:
        shapes["drawing.npy"] = (SIDE, SIDE)
    if clip.picture.alpha is not None:
        shapes["matte.npy"] = (SIDE, SIDE)
    reference = square.picture.flat()
    return PortraitInputs(
        "hunyuan_portrait",
        place,
        clip.fps,
        len(clip),
        {"source.png": clip.picture.flat(), "reference.png": reference, "arcface.png": _arcface(reference, square)},
        shapes,
        _frames(square, five),
        {"points": np.round(five.astype(float), 3).tolist(), "levels": motion_levels(five).tolist()},
        {"seed": 72580, "steps": 25, "identity": True},
    )


def _arcface(reference: RGBArray, square: ProxyClip) -> RGBArray:
    import cv2

    matrix = arcface_matrix(five_points(square.landmarks.xy))
    return np.asarray(cv2.warpAffine(reference, matrix, (_ARCFACE, _ARCFACE)), np.uint8)


def _frames(clip: ProxyClip, five: FloatArray) -> Iterator[tuple[RGBArray, Mapping[str, Bytes]]]:
    """Box and square of the head stay those of the first frame, as upstream has it."""
    box = head_boxes(clip.sequence.xy[0])
    wide = Place(face_square(box, clip.size), Size(SIDE, SIDE), (0, 0), Size(SIDE, SIDE), clip.size)
    for index, (frame, matte) in enumerate(progress(clip.flat(), "draw", total=len(clip))):
        entries: dict[str, Any] = {
            "face.npy": crop_padded(frame, brows_to_mouth(five[index], box), _SEEN),
            "pose.npy": crop_padded(wide.take(frame), (0, 0, SIDE, SIDE), _SEEN),
            "drawing.npy": pose_dots(clip.sequence.xy[index]),
            "matte.npy": matte,
        }
        yield frame, entries
