"""A face of any kind followed through a clip: optical flow, lids and lips by their looks, a face model to bind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.tracking.tracker import Locate as Locate
    from faceshot.tracking.tracker import track as track

__getattr__, __dir__, __all__ = hand_on(__name__, {"tracker": "Locate track"})
