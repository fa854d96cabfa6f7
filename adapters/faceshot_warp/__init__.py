"""The ``warp`` backend: landmark-driven animation of any picture on the CPU.

What the head does as a whole moves a soft region of the picture; expressions bend it through a smooth field;
closing eyes get a drawn lid, opening mouths a drawn inside. The reference backend: the smallest complete example
of :class:`faceshot.pipeline.backends.Backend`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from faceshot.errors import InputError
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.opencv import opencv_fault, require_opencv
from faceshot.pipeline import AnimationOptions

if TYPE_CHECKING:
    from faceshot_warp.compose import Animator

__all__ = ["Backend"]


class Backend:
    """Landmark-driven warp (see :class:`faceshot.pipeline.backends.Backend`); options in ``faceshot_warp.options``."""

    name = "warp"
    summary = "landmark-driven warp on the CPU, any source size, alpha kept"
    licence = "Apache-2.0, no weights"
    commercial = True

    def requires(self) -> list[str]:
        """OpenCV, where it is not there."""
        fault = opencv_fault()
        return [] if fault is None else [fault]

    def load(self, options: AnimationOptions) -> None:
        """Check the options; there are no weights.

        Raises:
            UsageError: unknown option or bad value. MissingError: no OpenCV.
        """
        from faceshot_warp.options import parse_options

        parse_options(options.extra)
        require_opencv()

    def animate(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> Iterator[RGBArray]:
        """Yield the frames; frames without a face repeat the last position.

        Raises:
            UsageError: unknown option or bad value.
            InputError: landmarks or sequence are in pixels of another size than the picture's.
        """
        return _frames(self._animator(picture, landmarks, sequence, options), landmarks, sequence)

    def poser(self, picture: Picture, landmarks: Landmarks, options: AnimationOptions) -> Callable[..., RGBArray]:
        """A function that draws the frame for landmarks (68, 2) at once, and, by name, with ``gaze`` (2, 2) pixels
        and a share of ``teeth``; not to be called from two threads.

        Raises:
            UsageError, InputError: as of :meth:`animate`.
        """
        return self._animator(picture, landmarks, landmarks, options).frame

    def _animator(
        self, picture: Picture, landmarks: Landmarks, moved: Landmarks | LandmarkSequence, options: AnimationOptions
    ) -> Animator:
        from faceshot_warp.options import parse_options

        parsed = parse_options(options.extra)
        for what, size in (("landmarks", landmarks.size), ("sequence", moved.size)):
            if size != picture.size:
                raise InputError(
                    f"{what} are for {size.width}x{size.height} but the picture is "
                    f"{picture.size.width}x{picture.size.height}; use resized() first"
                )
        from faceshot_warp.compose import Animator

        return Animator(picture, landmarks, parsed)


def _frames(animator: Animator, landmarks: Landmarks, sequence: LandmarkSequence) -> Iterator[RGBArray]:
    import numpy as np

    from faceshot.landmarks import iris_shift
    from faceshot_warp.head import sway

    xy, last = np.array(sequence.xy), landmarks.xy
    for i, moved in enumerate(xy):
        last = xy[i] = moved if np.isfinite(moved).all() else last
    gaze = iris_shift(sequence)
    teeth = None if sequence.expression is None else sequence.expression.teeth
    behind = None
    if animator.options.follow and len(xy):
        behind = sway(animator.head_tops(xy), float(sequence.fps), animator.unit, animator.options.follow)
    for i, moved in enumerate(xy):
        yield animator.frame(
            moved,
            gaze=None if gaze is None else gaze[i],
            teeth=None if teeth is None or np.isnan(teeth[i]) else float(teeth[i]),
            behind=None if behind is None else behind[i],
        )
