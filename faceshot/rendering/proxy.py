"""The proxy clip: this very character, moved by the ``warp`` backend, as a driving video for renderers that eat one.

Driver and character are the same face, so nothing has to be detected and no other identity can leak in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import repeat

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import FloatArray, Landmarks, LandmarkSequence, Picture, RGBArray, Size
from faceshot.landmarks import topology as topo
from faceshot.pipeline import AnimationOptions, load_backend
from faceshot.rendering.place import Place, without_gaps

#: How far above the brows a head box reaches, in heights from the brows to the chin.
FOREHEAD = 0.35


@dataclass(frozen=True)
class ProxyClip:
    """A clip of the character itself.

    Attributes:
        picture, landmarks, sequence: the character and where it goes, in pixels of the picture.
    """

    picture: Picture
    landmarks: Landmarks
    sequence: LandmarkSequence

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def fps(self) -> Fraction:
        """Exactly that of the sequence."""
        return self.sequence.fps

    @property
    def size(self) -> Size:
        """That of the picture."""
        return self.picture.size

    def frames(self) -> Iterator[RGBArray]:
        """One (H, W, 3) frame per entry of the sequence, or (H, W, 4) with the moved matte where the picture has one.

        The frame of unchanged landmarks is the picture itself.

        Raises:
            MissingError: OpenCV is not installed. InputError: landmarks and picture do not belong together.
        """
        warp, options = load_backend("warp"), AnimationOptions()
        warp.load(options)
        return iter(warp.animate(self.picture, self.landmarks, self.sequence, options))

    def cut(self, place: Place) -> ProxyClip:
        """The same clip in a place's working picture; frames without a face repeat the last position."""
        picture, alpha = self.picture, self.picture.alpha
        cut = replace(picture, rgb=place.take(picture.rgb), alpha=None if alpha is None else place.take(alpha))
        xy = place.to_work(without_gaps(self.landmarks, self.sequence))
        marks = replace(self.landmarks, xy=place.to_work(self.landmarks.xy), size=place.size, score=None)
        return ProxyClip(cut, marks, replace(self.sequence, xy=xy, size=place.size, score=None, found=None))

    def mattes(self) -> Iterator[npt.NDArray[np.uint8] | None]:
        """The moved matte (H, W) of every frame, None where the picture has none."""
        if self.picture.alpha is None:
            return repeat(None, len(self))
        return (np.ascontiguousarray(frame[..., 3]) for frame in self.frames())

    def flat(self) -> Iterator[tuple[RGBArray, npt.NDArray[np.uint8]]]:
        """Every frame (H, W, 3) over white, and its matte (H, W), full where the picture has none."""
        for frame in self.frames():
            if frame.shape[2] == 3:
                yield frame, np.full(frame.shape[:2], 255, np.uint8)
                continue
            alpha = np.ascontiguousarray(frame[..., 3])
            yield Picture(np.ascontiguousarray(frame[..., :3]), alpha).flat(), alpha

    def boxes(self) -> FloatArray:
        """(T, 4) the head in every frame, see :func:`head_boxes`; NaN where the sequence has no face."""
        return head_boxes(self.sequence.xy)


def head_boxes(xy: npt.ArrayLike) -> FloatArray:
    """(..., 4) left, top, right, bottom of heads with landmarks (..., 68, 2): what a face detector would box.

    The landmarks' box, its top moved up from the brows by :data:`FOREHEAD`.
    """
    points = np.asarray(xy, np.float32)
    low, high = points.min(-2), points.max(-2)
    brows = points[..., [*topo.RIGHT_BROW, *topo.LEFT_BROW], 1].min(-1)
    top = brows - FOREHEAD * (high[..., 1] - brows)
    return np.stack([low[..., 0], top, high[..., 0], high[..., 1]], -1)
