"""Did M read the face? Which of its keypoints belongs to which side, and what to do where it did not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import topology as topo
from faceshot_liveportrait.driving.motion import Source
from faceshot_liveportrait.place import Array

#: Keypoints of the two eye groups (upper lid, lower lid), the mouth's, and pairs that lie on one side each.
EYE_GROUPS = ((11, 13), (15, 16))
MOUTH_GROUP = (14, 17, 19, 20)
BROWS = (1, 2)
#: A part whose keypoints lie further off than this share of the distance of the eyes was not read.
FAR = 0.5


@dataclass(frozen=True)
class Reading:
    """How M's keypoints lie on the character.

    Attributes:
        eyes, mouth: distance of their keypoints from the landmarks, in distances of the eyes; None for absent parts.
        right_first: whether eye group 0 is the eye with landmarks 36 to 41 (on the image left of an upright face).
        right_brow_first: the same of keypoint 1 and brow landmarks 17 to 21.
    """

    eyes: float | None
    mouth: float | None
    right_first: bool
    right_brow_first: bool

    def read(self, part: str) -> bool:
        """Whether the keypoints of ``eyes`` or ``mouth`` lie on it."""
        distance = self.eyes if part == "eyes" else self.mouth
        return distance is not None and distance <= FAR

    @property
    def whole(self) -> bool:
        """Whether every part that is there was read (and there is one)."""
        there = [distance for distance in (self.eyes, self.mouth) if distance is not None]
        return bool(there) and max(there) <= FAR

    def text(self) -> str:
        """For the log."""
        parts = [(name, getattr(self, name)) for name in ("eyes", "mouth")]
        told = ", ".join(f"{name} {'absent' if d is None else format(d, '.2f')}" for name, d in parts)
        return f"keypoints lie off the landmarks by: {told} (in distances of the eyes; above {FAR:g} is not read)"


def assess(x_s: npt.ArrayLike, units: Array, absent: frozenset[str]) -> Reading:
    """Compare keypoints (21, 3) with landmarks (68, 2), both in the crop's square."""
    x = np.asarray(x_s, np.float64)[:, :2]
    right, left = (units[list(eye)].mean(0) for eye in (topo.RIGHT_EYE, topo.LEFT_EYE))
    across = left - right
    apart = max(float(np.hypot(*across)), 1e-6)

    def is_right(point: Array, other: Array) -> bool:
        return bool((point - other) @ across < 0)

    groups = [x[list(group)].mean(0) for group in EYE_GROUPS]
    right_first = is_right(groups[0], groups[1])
    targets = (right, left) if right_first else (left, right)
    eyes = mouth = None
    if "eyes" not in absent:
        far = [np.hypot(*(x[list(g)] - t).T).mean() for g, t in zip(EYE_GROUPS, targets, strict=True)]
        eyes = float(np.mean(far)) / apart
    if "mouth" not in absent:
        centre = units[list(topo.OUTER_LIPS)].mean(0)
        mouth = float(np.hypot(*(x[list(MOUTH_GROUP)] - centre).T).mean()) / apart
    return Reading(eyes, mouth, right_first, is_right(x[BROWS[0]], x[BROWS[1]]))


def snapped(source: Source, units: Array, reading: Reading) -> Source:
    """The source with the keypoints of unread parts shifted, as groups, onto the landmarks' parts."""
    x = source.x.astype(np.float64)
    if reading.eyes is not None and not reading.read("eyes"):
        eyes = (topo.RIGHT_EYE, topo.LEFT_EYE) if reading.right_first else (topo.LEFT_EYE, topo.RIGHT_EYE)
        for group, eye in zip(EYE_GROUPS, eyes, strict=True):
            x[list(group), :2] += units[list(eye)].mean(0) - x[list(group), :2].mean(0)
    if reading.mouth is not None and not reading.read("mouth"):
        group_ = list(MOUTH_GROUP)
        x[group_, :2] += units[list(topo.OUTER_LIPS)].mean(0) - x[group_, :2].mean(0)
    return replace(source, x=x.astype(np.float32))
