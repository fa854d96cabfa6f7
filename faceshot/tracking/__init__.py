"""A face of any kind followed through a clip: optical flow, lids and lips by their looks, a face model to bind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.tracking.networks import CELL as CELL
    from faceshot.tracking.networks import EYE_SCALE as EYE_SCALE
    from faceshot.tracking.networks import EYE_SIZE as EYE_SIZE
    from faceshot.tracking.networks import MOUTH_SCALE as MOUTH_SCALE
    from faceshot.tracking.networks import MOUTH_SIZE as MOUTH_SIZE
    from faceshot.tracking.networks import EyeAnswer as EyeAnswer
    from faceshot.tracking.networks import EyeNetwork as EyeNetwork
    from faceshot.tracking.networks import MouthAnswer as MouthAnswer
    from faceshot.tracking.networks import MouthNetwork as MouthNetwork
    from faceshot.tracking.networks import load_network as load_network
    from faceshot.tracking.networks import save_network as save_network
    from faceshot.tracking.starting import Locate as Locate
    from faceshot.tracking.tracker import track as track

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "networks": "CELL EYE_SCALE EYE_SIZE MOUTH_SCALE MOUTH_SIZE "
        "EyeAnswer EyeNetwork MouthAnswer MouthNetwork load_network save_network",
        "starting": "Locate",
        "tracker": "track",
    },
)
