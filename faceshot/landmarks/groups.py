"""Groups of the 68 landmarks by name, the same for a face and for a clip: ``landmarks.left_eye``.

"Right" and "left" mean the subject's side.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.landmarks.topology import GROUPS, PART_POINTS, PARTS

FloatArray = npt.NDArray[np.float32]


class Groups:
    """What has ``xy`` (..., 68, 2) has its groups as attributes, (..., n, 2) [px]."""

    xy: FloatArray

    def part(self, name: str) -> FloatArray:
        """The points (..., n, 2) of one part of ``topology.PARTS`` or group of ``topology.GROUPS``.

        Raises:
            InputError: unknown name.
        """
        indices = PART_POINTS.get(name) or GROUPS.get(name)
        if indices is None:
            raise InputError(f"unknown part {name!r}; parts are {', '.join(dict.fromkeys((*PARTS, *GROUPS)))}")
        return self.xy[..., list(indices), :]

    @property
    def jaw(self) -> FloatArray:
        """(..., 17, 2) the outline, from the ear on the subject's right to that on the left."""
        return self.part("jaw")

    @property
    def right_brow(self) -> FloatArray:
        """(..., 5, 2) the subject's right brow, from the outside in."""
        return self.part("right_brow")

    @property
    def left_brow(self) -> FloatArray:
        """(..., 5, 2) the subject's left brow, from the inside out."""
        return self.part("left_brow")

    @property
    def nose(self) -> FloatArray:
        """(..., 9, 2) bridge and base."""
        return self.part("nose")

    @property
    def nose_bridge(self) -> FloatArray:
        """(..., 4, 2) from the root down to the tip."""
        return self.part("nose_bridge")

    @property
    def nose_base(self) -> FloatArray:
        """(..., 5, 2) from the subject's right nostril to the left."""
        return self.part("nose_base")

    @property
    def right_eye(self) -> FloatArray:
        """(..., 6, 2) outer corner, upper lid, inner corner, lower lid."""
        return self.part("right_eye")

    @property
    def left_eye(self) -> FloatArray:
        """(..., 6, 2) inner corner, upper lid, outer corner, lower lid."""
        return self.part("left_eye")

    @property
    def mouth(self) -> FloatArray:
        """(..., 20, 2) outer and inner lips."""
        return self.part("mouth")

    @property
    def outer_lips(self) -> FloatArray:
        """(..., 12, 2) from the subject's right corner over the upper lip and back."""
        return self.part("outer_lips")

    @property
    def inner_lips(self) -> FloatArray:
        """(..., 8, 2) from the subject's right corner over the upper lip and back."""
        return self.part("inner_lips")
