"""The driver's sequence -> the character's sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.retargeting.modes import RetargetMode as RetargetMode
    from faceshot.retargeting.modes import RetargetOptions as RetargetOptions
    from faceshot.retargeting.modes import retarget as retarget
    from faceshot.retargeting.smoothing import bridge_gaps as bridge_gaps
    from faceshot.retargeting.smoothing import resample as resample
    from faceshot.retargeting.smoothing import runs as runs
    from faceshot.retargeting.smoothing import spell as spell

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "modes": "RetargetMode RetargetOptions retarget",
        "smoothing": "bridge_gaps resample runs spell",
    },
)
