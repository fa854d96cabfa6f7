"""A character that is moved at once: retargeting and drawing of one frame."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from faceshot.driving import POSES, named_pose
from faceshot.facemesh import Seen
from faceshot.landmarks import BLENDSHAPES, Expression, Landmarks, LandmarkSequence, Picture, RGBArray, iris_shift
from faceshot.pipeline import AnimationOptions, load_backend, poser
from faceshot.retargeting import retarget

#: Expressions that can be held by a key.
EXPRESSIONS = tuple(pose.name for pose in POSES["emotions"])
#: A second apart, so that nothing smooths from the rest frame to the moment.
_APART = Fraction(1)


class Character:
    """One picture, prepared once.

    Args:
        picture, landmarks: the character, in pixels of the picture.

    Raises:
        MissingError: OpenCV is not installed.
    """

    def __init__(self, picture: Picture, landmarks: Landmarks) -> None:
        self.picture, self.landmarks = picture, landmarks
        self._draw = poser(load_backend("warp"), picture, landmarks, AnimationOptions())
        self._held = {
            name: (retarget(landmarks, named_pose("emotions", name).sequence()).xy[1] - landmarks.xy)
            for name in EXPRESSIONS
        }

    def still(self) -> RGBArray:
        """The character at rest."""
        return self._draw(self.landmarks.xy)

    def frame(self, rest: npt.NDArray[np.float32], seen: Seen, held: dict[str, float]) -> RGBArray:
        """The character as ``seen``, measured from ``rest`` (68, 2), with expressions held at these strengths."""
        driver = _two(rest, seen)
        moved = retarget(self.landmarks, driver)
        xy = moved.xy[1]
        for name, strength in held.items():
            xy = xy + np.float32(strength) * self._held[name]
        gaze = iris_shift(moved)
        teeth = None if np.isnan(seen.teeth) else seen.teeth
        return self._draw(xy, gaze=None if gaze is None else gaze[1], teeth=teeth)


def _two(rest: npt.NDArray[np.float32], seen: Seen) -> LandmarkSequence:
    """The driver at rest and as it is now, as a sequence of two frames."""
    xy = np.stack([rest, seen.xy])
    size = tuple(max(1, int(np.ceil(side))) for side in xy.reshape(-1, 2).max(0) + 1)
    gaze = np.zeros((2, 2, 2), np.float32)
    gaze[1] = np.nan_to_num(seen.gaze)
    unknown = np.full((2, len(BLENDSHAPES)), np.nan, np.float32)
    head = np.repeat(np.eye(3, dtype=np.float32)[None], 2, 0)
    expression = Expression(unknown, head, gaze, np.full(2, np.nan, np.float32))
    return LandmarkSequence(xy, size, _APART, expression=expression)  # type: ignore[arg-type]


def prepared(picture: Picture, landmarks: Landmarks, side: int) -> Character:
    """The character with its longer side shrunk to ``side`` pixels, never enlarged."""
    from faceshot.media import fit_side

    size = fit_side(picture.size, side)
    even = (size.width - size.width % 2 or 1, size.height - size.height % 2 or 1)
    return Character(picture.scaled(even), replace(landmarks.resized(even), score=None))
