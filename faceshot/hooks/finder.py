"""What the drop-ins share: one matcher, pictures of any kind in, faces out."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError, NoFaceError
from faceshot.landmarks import Landmarks, Picture, RGBArray, overlap
from faceshot.landmarks.topology import ANCHORS
from faceshot.matching import Match
from faceshot.pipeline import FaceShot

FloatArray = npt.NDArray[np.float32]
#: The five points of the detectors, image left before image right.
FIVE = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
#: Detectors' boxes reach up to the middle of the forehead: this share of the landmarks' height above the brows.
_FOREHEAD = 0.22
#: A box that shares this much (intersection over union) with a face found just before means that face.
_SAME = 0.4
#: Pictures whose faces are remembered: programs ask a detector first and a landmark model right after.
_KEPT = 8

_lock = threading.RLock()
_shot = FaceShot()
_seen: OrderedDict[bytes, list[Match]] = OrderedDict()


def use(shot: FaceShot) -> FaceShot:
    """Let all drop-ins find faces with ``shot`` (its preset, galleries, device); returns the one used before."""
    global _shot
    with _lock:
        before, _shot = _shot, shot
        _seen.clear()
    return before


def as_rgb(image: Any, order: Literal["rgb", "bgr"] = "rgb") -> RGBArray:
    """A picture as uint8 (H, W, 3) RGB.

    Args:
        image: path, PIL image, tensor or array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4; alpha is left out). Numbers
            are 0..255, or 0..1 in a floating-point picture without any above.
        order: of its channels; files and PIL images are read as what they are.

    Raises:
        InputError: anything else.
    """
    if isinstance(image, str | Path) or hasattr(image, "getexif"):
        from faceshot.media import decode, read_picture

        return read_picture(image).flat() if isinstance(image, str | Path) else Picture(*decode(image)).flat()
    if hasattr(image, "detach"):
        image = image.detach().cpu().numpy()
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.dtype.kind not in "uifb" or 0 in array.shape:
        raise InputError(f"a picture must be an array (H, W, 3), got {array.dtype} of shape {array.shape}")
    array = np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[..., :3]
    if array.dtype != np.uint8:
        scale = 255.0 if array.dtype.kind == "f" and float(np.nanmax(array)) <= 1.0 else 1.0
        array = np.clip(np.rint(np.nan_to_num(array.astype(np.float64)) * scale), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(array[..., ::-1] if order == "bgr" else array)


def faces(rgb: RGBArray) -> list[Match]:
    """All faces of a picture that are sure enough, the surest first."""
    key = hashlib.blake2b(rgb.tobytes() + repr(rgb.shape).encode(), digest_size=16).digest()
    with _lock:
        shot, known = _shot, _seen.get(key)
    if known is not None:
        return known
    try:
        found = sorted(shot.match_all(rgb), key=lambda match: -match.confidence)
    except NoFaceError:
        found = []
    with _lock:
        _seen[key] = found
        while len(_seen) > _KEPT:
            _seen.popitem(last=False)
    return found


def face_in(rgb: RGBArray, box: Sequence[float] | npt.NDArray[Any]) -> Match:
    """The face in a box (left, top, right, bottom, ...) [px], however sure; one of :func:`faces`, if it is meant."""
    height, width = rgb.shape[:2]
    wanted = np.array([float(side) for side in box[:4]])
    known = faces(rgb)
    if known:
        shared = overlap(np.array([detector_box(match.landmarks) for match in known]), wanted)
        if shared.max() >= _SAME:
            return known[int(shared.argmax())]
    # The matcher wants a box inside the picture, not narrower than 8 px.
    low = np.clip(wanted[:2], 0, np.maximum((width - 8, height - 8), 0))
    high = np.maximum(np.clip(wanted[2:], 0, (width, height)), low + 8)
    return _shot.match(rgb, box=[*map(float, low), *map(float, high)], strict=False)


def largest(rgb: RGBArray) -> Match:
    """The largest face, or what looks most like one in a picture that is nothing but a face."""
    found = faces(rgb)
    if found:
        return max(found, key=lambda match: np.prod(np.ptp(match.landmarks.xy, axis=0)))
    return face_in(rgb, (0, 0, rgb.shape[1], rgb.shape[0]))


def detector_box(landmarks: Landmarks) -> npt.NDArray[np.float64]:
    """(4,) left, top, right, bottom [px] as a face detector draws it: to the middle of the forehead."""
    left, top, right, bottom = landmarks.box()
    return np.array([left, top - _FOREHEAD * (bottom - top), right, bottom])


def five_points(landmarks: Landmarks) -> FloatArray:
    """(5, 2): eyes, nose, mouth corners; image left before image right."""
    return np.stack([landmarks.xy[list(ANCHORS[name])].mean(0) for name in FIVE]).astype(np.float32)
