"""Which frames are sampled together, and how windows meet.

The networks see at most 25 frames at a time. Every window holds frame 0, the *anchor* all motion is measured from, and
a run of consecutive frames. Two ways of sampling a long clip are known here:

* ``joint`` (upstream): all windows take a step, overlapping frames are averaged, then the next step. Everything is in
  memory at once, and upstream appends one more window at the end even where that doubles the last one.
* ``sequential`` (ours): one window after another, each denoised to the end. Where it overlaps the window before, its
  frames are blended at every step into the course that window took, old to new along the overlap. Nothing is
  counted twice, memory does not grow with the clip, and finished windows can be shown and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

#: Frames the networks were trained on.
WINDOW: Final = 25


@dataclass(frozen=True)
class Window:
    """Frames sampled together: the anchor 0, and ``first`` to ``last`` inclusive (none where ``last`` < ``first``).

    Attributes:
        overlap: how many of its first frames (after the anchor) the window before holds as well.
    """

    first: int
    last: int
    overlap: int = 0

    @property
    def frames(self) -> tuple[int, ...]:
        """Frame numbers in the order the networks see them; the first is always 0."""
        return (0, *range(self.first, self.last + 1))

    def __len__(self) -> int:
        return max(self.last - self.first + 1, 0) + 1


def joint_windows(
    frames: int, window: int = WINDOW, stride: int | None = None, *, doubled: bool = True
) -> list[Window]:
    """Windows of upstream's joint sampling; with ``doubled`` one more at the end, even when equal to the one before."""
    window = min(window, frames)
    stride = stride or max(window // 2, 1)
    starts = [*range(0, frames - window + 1, stride), frames - window]
    if not doubled:
        starts = sorted(set(starts))
    return [Window(start + 1, start + window - 1) for start in starts]


def sequential_windows(frames: int, window: int = WINDOW, overlap: int = 8) -> list[Window]:
    """As few windows as an overlap of at least ``overlap`` frames allows, spread evenly; all of the same length.

    Args:
        frames: of the clip, anchor included, 1 or more.
        window: longest window, 2 or more (3 for clips that need several).
        overlap: shared frames, anchor not counted; at most ``window`` - 2, else it is lowered.
    """
    window = min(window, frames)
    stride = max(window - 1 - min(overlap, window - 2), 1)
    more = -(-(frames - window) // stride) if frames > window else 0
    starts = np.rint(np.linspace(0, frames - window, more + 1)).astype(int).tolist()
    return [
        Window(start + 1, start + window - 1, 0 if index == 0 else starts[index - 1] + window - 1 - start)
        for index, start in enumerate(starts)
    ]


def emitted(windows: list[Window], index: int) -> range:
    """The frames that are final once sequential window ``index`` is, because no later one touches them."""
    last = windows[index].last if index + 1 == len(windows) else windows[index + 1].first - 1
    return range(0 if index == 0 else windows[index].first, last + 1)


def blend_weights(overlap: int) -> npt.NDArray[np.float32]:
    """(overlap,) share of the *earlier* window in the shared frames: falling, never 0 or 1."""
    return (1 - np.arange(1, overlap + 1, dtype=np.float32) / (overlap + 1)).astype(np.float32)
