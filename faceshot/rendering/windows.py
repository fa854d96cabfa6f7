"""Which frames are sampled together, and how windows meet.

Video networks see a few frames at a time. A window is a run of consecutive frames; where the networks measure motion
from frame 0 (MOFA-Video), every window holds that *anchor* too. Two ways of sampling a long clip are known here:

* ``joint`` (the published programs): all windows take a step, overlapping frames are averaged, then the next step.
  Everything is in memory at once. MOFA-Video appends one more window at the end even where that doubles the last one;
  AniPortrait lets the last window run on into the first frames.
* ``sequential`` (ours): one window after another, each denoised to the end. Where it overlaps the window before, its
  frames are blended at every step into the course that window took, old to new along the overlap. Nothing is
  counted twice, memory does not grow with the clip, and finished windows can be shown and kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Window:
    """Frames sampled together: the anchor 0 if any, and ``first`` to ``last`` inclusive (none if ``last`` < ``first``).

    Attributes:
        overlap: how many of its first frames (after the anchor) the window before holds as well.
        anchored: whether frame 0 comes first.
        around: length of the clip for a window that runs on into its beginning, else 0.
    """

    first: int
    last: int
    overlap: int = 0
    anchored: bool = True
    around: int = 0

    @property
    def lead(self) -> int:
        """How many frames are in front of the run: 1 with an anchor."""
        return int(self.anchored)

    @property
    def frames(self) -> tuple[int, ...]:
        """Frame numbers in the order the networks see them."""
        run = range(self.first, self.last + 1)
        return (*[0] * self.lead, *(frame % self.around if self.around else frame for frame in run))

    def __len__(self) -> int:
        return max(self.last - self.first + 1, 0) + self.lead


def joint_windows(frames: int, window: int = 25, stride: int | None = None, *, doubled: bool = True) -> list[Window]:
    """Windows of MOFA-Video's joint sampling; with ``doubled`` one more at the end, even one equal to the last."""
    window = min(window, frames)
    stride = stride or max(window // 2, 1)
    starts = [*range(0, frames - window + 1, stride), frames - window]
    if not doubled:
        starts = sorted(set(starts))
    return [Window(start + 1, start + window - 1) for start in starts]


def wrapping_windows(frames: int, window: int = 16, overlap: int = 4) -> list[Window]:
    """Windows of AniPortrait's joint sampling: evenly spaced, the last one runs on into the clip's beginning."""
    if frames <= window:
        return [Window(0, frames - 1, anchored=False)]
    return [
        Window(start, start + window - 1, anchored=False, around=frames) for start in range(0, frames, window - overlap)
    ]


def sequential_windows(frames: int, window: int = 25, overlap: int = 8, *, anchored: bool = True) -> list[Window]:
    """As few windows as an overlap of at least ``overlap`` frames allows, spread evenly; all of the same length.

    Args:
        frames: of the clip, anchor included, 1 or more.
        window: longest window, 2 or more (3 for anchored clips that need several).
        overlap: shared frames, anchor not counted; at most ``window`` - 2 (anchored) or - 1, else it is lowered.
        anchored: whether every window holds frame 0.
    """
    window, lead = min(window, frames), int(anchored)
    stride = max(window - lead - min(overlap, window - lead - 1), 1)
    more = -(-(frames - window) // stride) if frames > window else 0
    starts = np.rint(np.linspace(0, frames - window, more + 1)).astype(int).tolist()
    return [
        Window(
            start + lead,
            start + window - 1,
            0 if index == 0 else starts[index - 1] + window - lead - start,
            anchored,
        )
        for index, start in enumerate(starts)
    ]


def emitted(windows: list[Window], index: int) -> range:
    """The frames that are final once sequential window ``index`` is, because no later one touches them."""
    last = windows[index].last if index + 1 == len(windows) else windows[index + 1].first - 1
    return range(0 if index == 0 else windows[index].first, last + 1)


def blend_weights(overlap: int) -> npt.NDArray[np.float32]:
    """(overlap,) share of the *earlier* window in the shared frames: falling, never 0 or 1."""
    return (1 - np.arange(1, overlap + 1, dtype=np.float32) / (overlap + 1)).astype(np.float32)
