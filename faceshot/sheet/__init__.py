"""Expression sheets: one picture in every pose that a rig is drawn from by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.sheet.drawing import draw_poses as draw_poses
    from faceshot.sheet.making import make_sheet as make_sheet

__getattr__, __dir__, __all__ = hand_on(__name__, {"drawing": "draw_poses", "making": "make_sheet"})
