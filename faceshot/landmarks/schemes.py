"""The 68 landmarks in the numberings of other programs, and back: ``landmarks.to_wflw98()``.

What a scheme has and iBUG 68 lacks is interpolated as each method says; parts in common stay where they are, so that
``from_*`` of ``to_*`` gives the same 68 points again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError, MissingError
from faceshot.landmarks.groups import FloatArray, Groups
from faceshot.landmarks.mesh import mesh_points
from faceshot.landmarks.pixels import from_unit, to_unit
from faceshot.landmarks.topology import (
    COCO_WHOLEBODY_FACE,
    INSIGHTFACE_106,
    INSIGHTFACE_BROWS_BELOW,
    INSIGHTFACE_EYES,
    INSIGHTFACE_JAW_BETWEEN,
    INSIGHTFACE_NOSE_SIDES,
    MEDIAPIPE_TO_68,
    N_POINTS,
    WFLW_LID_MIDDLES,
    WFLW_TO_68,
)

if TYPE_CHECKING:
    from typing_extensions import Self

Array = npt.NDArray[np.float64]
#: Half the thickness of a brow, in lengths of the brow.
_BROW = 0.06


class Schemes(Groups):
    """What has ``xy`` (..., 68, 2) and a ``size`` gives its points in other schemes, (..., n, 2) or (..., n, 3)."""

    size: Any
    score: FloatArray | None

    def to_wflw98(self) -> FloatArray:
        """(..., 98, 2) pixels in the order of WFLW (facexlib's FAN).

        Every second point of the jaw and the lids' middles lie on curves through their neighbours; a brow's upper and
        lower edge are 0.06 of its length above and below it; the pupils are the middles of the eyes.
        """
        xy = self.xy.astype(np.float64)
        out = np.zeros((*xy.shape[:-2], 98, 2))
        for point, places in enumerate(WFLW_TO_68):
            out[..., list(places), :] = xy[..., point, None, :]
        out[..., 1:32:2, :] = _between(self.jaw)
        for k, (brow, eye) in enumerate(self._sides()):
            up, points = _up(brow, eye), range(*((17, 22), (22, 27))[k])
            for point in points:
                for place, sign in zip(sorted(WFLW_TO_68[point]), (1, -1), strict=False):
                    if len(WFLW_TO_68[point]) == 2:
                        out[..., place, :] = xy[..., point, :] + sign * up
            out[..., list(WFLW_LID_MIDDLES[k]), :] = _lid_middles(eye)
            out[..., 96 + k, :] = eye.mean(-2)
        return out.astype(np.float32)

    def to_openpose70(self) -> FloatArray:
        """(..., 70, 2) pixels: the 68 and two pupils, subject's right first, in the middles of the eyes."""
        return np.concatenate([self.xy, *(eye.mean(-2, keepdims=True) for _, eye in self._sides())], axis=-2)

    def to_insightface106(self) -> FloatArray:
        """(..., 106, 2) pixels in the order of InsightFace's ``2d106det``.

        What the 68 lack lies on curves through their neighbours (jaw, lids), 0.12 of its length below the brow, on a
        line from the inner eye corner to the nostril (nose) or in the middle of the eye. The order of the points below
        the brows and beside the nose is read off drawings, not checked with the network.
        """
        xy = self.xy.astype(np.float64)
        out = np.zeros((*xy.shape[:-2], 106, 2))
        out[..., list(INSIGHTFACE_106), :] = xy
        out[..., list(INSIGHTFACE_JAW_BETWEEN), :] = _between(self.jaw)
        for k, (brow, eye) in enumerate(self._sides()):
            upper, lower, *centres = INSIGHTFACE_EYES[k]
            out[..., [upper, lower], :] = _lid_middles(eye)
            out[..., centres, :] = eye.mean(-2, keepdims=True)
            inside = brow[..., 1:, :] if k == 0 else brow[..., :-1, :]
            out[..., list(INSIGHTFACE_BROWS_BELOW[k]), :] = inside - 2 * _up(brow, eye)[..., None, :]
            corner, wing = (eye[..., 3, :], xy[..., 31, :]) if k == 0 else (eye[..., 0, :], xy[..., 35, :])
            for place, share in zip(INSIGHTFACE_NOSE_SIDES[k], (0.35, 0.65, 0.9), strict=True):
                out[..., place, :] = corner + share * (wing - corner)
        return out.astype(np.float32)

    def to_mediapipe478(self, *, normalised: bool = True) -> FloatArray:
        """(..., 478, 3): MediaPipe's face mesh, see :mod:`faceshot.landmarks.mesh`.

        Against the meshes of real people the error is 1.2 to 1.9 % of the distance of the outer eye corners, 9 to 15 %
        on forehead and temples, which 68 points do not see; a character gets a human's mesh bent onto its landmarks.

        Args:
            normalised: x and y as fractions of width and height (0 and 1 are the outer edges), z as a fraction of the
                width; else pixels, whole numbers being pixel centres. z is smaller where the face is nearer.
        """
        points = mesh_points(self.xy)
        if normalised:
            points[..., :2] = to_unit(points[..., :2], self.size)
            points[..., 2] /= self.size[0]
        return points

    def to_coco(self, *, image_id: int = 0, category_id: int = 1, first_id: int = 1) -> list[dict[str, Any]]:
        """COCO keypoint annotations, one per frame (one for a picture), to be put under ``"annotations"``.

        Keypoints are x, y, v with v = 2, or 1 where the part is absent; a frame without a face has v = 0 and no extent.
        ``id`` counts from ``first_id``, and for a clip ``image_id`` counts frames.
        """
        seen = np.where(self.visible, 2, 1)  # type: ignore[attr-defined]
        made = []
        for k, xy in enumerate(self.xy.reshape(-1, N_POINTS, 2).astype(float)):
            known = bool(np.isfinite(xy).all())
            (left, top), (right, bottom) = (xy.min(0), xy.max(0)) if known else (np.zeros(2), np.zeros(2))
            points = np.c_[xy.round(3), seen] if known else np.zeros((N_POINTS, 3))
            box = [round(float(v), 3) for v in (left, top, right - left, bottom - top)]
            made.append(
                {
                    "id": first_id + k,
                    "image_id": image_id + k,
                    "category_id": category_id,
                    "keypoints": [v if i % 3 < 2 else int(v) for i, v in enumerate(points.ravel().tolist())],
                    "num_keypoints": N_POINTS if known else 0,
                    "bbox": box,
                    "area": round(box[2] * box[3], 3),
                    "iscrowd": 0,
                }
            )
        return made

    def to_supervision(self) -> Any:
        """``supervision.KeyPoints`` with one object per frame (one for a picture).

        Raises:
            MissingError: supervision is not installed.
        """
        try:
            from supervision import KeyPoints
        except ImportError as error:
            raise MissingError(f"to_supervision needs supervision ({error}); run: pip install supervision") from error
        xy = self.xy.reshape(-1, N_POINTS, 2)
        score = None if self.score is None else self.score.reshape(-1, N_POINTS)
        points = KeyPoints(xy=xy.copy(), class_id=np.zeros(len(xy), int))
        name = "keypoint_confidence" if hasattr(points, "keypoint_confidence") else "confidence"
        setattr(points, name, None if score is None else score.copy())
        return points

    @classmethod
    def from_wflw98(cls, points: npt.ArrayLike, size: tuple[int, int], **more: Any) -> Self:
        """From (..., 98, 2) pixels of a picture of ``size`` (width, height); ``more`` as of the class (``fps``)."""
        return cls._made(_merged(points, 98, WFLW_TO_68), size, more)

    @classmethod
    def from_openpose70(cls, points: npt.ArrayLike, size: tuple[int, int], **more: Any) -> Self:
        """From (..., 70, 2 or 3) pixels: the pupils (and confidences) are left out."""
        return cls._made(_merged(points, 70, tuple((i,) for i in range(N_POINTS))), size, more)

    @classmethod
    def from_insightface106(cls, points: npt.ArrayLike, size: tuple[int, int], **more: Any) -> Self:
        """From (..., 106, 2) pixels in the order of ``2d106det``."""
        return cls._made(_merged(points, 106, tuple((i,) for i in INSIGHTFACE_106)), size, more)

    @classmethod
    def from_mediapipe478(
        cls, points: Any, size: tuple[int, int], *, normalised: bool | None = None, **more: Any
    ) -> Self:
        """From (..., 468 or 478, 2 or 3), or one face's list of objects with ``x`` and ``y``.

        ``normalised`` None takes coordinates of at most 2 as fractions of the picture.
        """
        if isinstance(points, Sequence) and points and hasattr(points[0], "x"):
            points = [(one.x, one.y) for one in points]
        points = np.asarray(points, np.float64)
        xy = _merged(points, 468 if points.shape[-2:-1] == (468,) else 478, MEDIAPIPE_TO_68)
        if normalised is None:
            finite = xy[np.isfinite(xy)]
            normalised = bool(finite.size and np.abs(finite).max() <= 2)
        return cls._made(from_unit(xy, size) if normalised else xy, size, more)

    @classmethod
    def from_coco(cls, annotation: Mapping[str, Any], size: tuple[int, int], **more: Any) -> Self:
        """From one annotation with 68 keypoints, or 133 of COCO-WholeBody, of a picture of ``size``."""
        flat = np.asarray(annotation.get("keypoints", ()), np.float64)
        if flat.size not in (3 * N_POINTS, 3 * 133):
            raise InputError(f"a COCO annotation needs 68 or 133 keypoints x, y, v; this one has {flat.size / 3:g}")
        points = flat.reshape(-1, 3)
        points = points[slice(*COCO_WHOLEBODY_FACE)] if len(points) == 133 else points
        if not points[:, 2].all():
            raise InputError(f"keypoint {int(points[:, 2].argmin())} of the COCO annotation is not labelled (v = 0)")
        return cls._made(points[:, :2], size, more)

    @classmethod
    def from_supervision(cls, points: Any, size: tuple[int, int], *, index: int = 0, **more: Any) -> Self:
        """From object ``index`` of a ``supervision.KeyPoints`` with 68 points."""
        xy = np.asarray(points.xy)
        if xy.ndim != 3 or xy.shape[1:] != (N_POINTS, 2) or not -len(xy) <= index < len(xy):
            raise InputError(f"object {index} of KeyPoints with 68 points is wanted, these have shape {xy.shape}")
        return cls._made(xy[index], size, more)

    @classmethod
    def _made(cls, xy: Any, size: tuple[int, int], more: Mapping[str, Any]) -> Self:
        make: Any = cls
        return make(xy, size, **more)

    def _sides(self) -> tuple[tuple[FloatArray, FloatArray], ...]:
        """Brow and eye of the subject's right, then left."""
        return (self.right_brow, self.right_eye), (self.left_brow, self.left_eye)


def _merged(points: npt.ArrayLike, count: int, table: tuple[tuple[int, ...], ...]) -> Array:
    """(..., 68, 2): means of points (..., count, 2 or more) by a table of ``topology``."""
    xy = np.asarray(points, np.float64)
    if xy.ndim < 2 or xy.shape[-2] != count or xy.shape[-1] < 2:
        raise InputError(f"wanted are {count} points (..., {count}, 2), got shape {xy.shape}")
    return np.stack([xy[..., list(indices), :2].mean(-2) for indices in table], axis=-2)


def _between(points: npt.ArrayLike) -> Array:
    """(..., n - 1, 2): half way between neighbours, on a cubic through four of them; at the ends a parabola."""
    p = np.asarray(points, np.float64)
    before, after = p[..., :1, :], p[..., -1:, :]
    p = np.concatenate(
        [3 * before - 3 * p[..., 1:2, :] + p[..., 2:3, :], p, 3 * after - 3 * p[..., -2:-1, :] + p[..., -3:-2, :]],
        axis=-2,
    )
    return (9 * (p[..., 1:-2, :] + p[..., 2:-1, :]) - p[..., :-3, :] - p[..., 3:, :]) / 16


def _lid_middles(eye: npt.ArrayLike) -> Array:
    """(..., 2, 2): the middles of the upper and the lower lid of an eye (..., 6, 2)."""
    p = np.asarray(eye, np.float64)
    return np.stack([_between(p[..., [0, 1, 2, 3], :])[..., 1, :], _between(p[..., [3, 4, 5, 0], :])[..., 1, :]], -2)


def _up(brow: npt.ArrayLike, eye: npt.ArrayLike) -> Array:
    """(..., 2): half the thickness of a brow, away from its eye."""
    brow, eye = np.asarray(brow, np.float64), np.asarray(eye, np.float64)
    along = brow[..., -1, :] - brow[..., 0, :]
    across = np.stack([along[..., 1], -along[..., 0]], axis=-1)
    side = np.sign(((brow.mean(-2) - eye.mean(-2)) * across).sum(-1, keepdims=True))
    return np.asarray(_BROW * np.where(side == 0, 1, side) * across, np.float64)
