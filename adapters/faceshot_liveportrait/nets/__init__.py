"""LivePortrait's five networks (arXiv 2407.03168), plain: one module per published file, with its tensor names.

These are the reference: they compute what the paper's networks compute, in the order it describes. What makes
frames fast lies in :mod:`faceshot_liveportrait.fast` and is tested against them.
"""

from __future__ import annotations

from faceshot_liveportrait.nets.appearance import AppearanceExtractor
from faceshot_liveportrait.nets.motion import MotionExtractor
from faceshot_liveportrait.nets.spade import SpadeGenerator
from faceshot_liveportrait.nets.stitching import StitchingRetargeting
from faceshot_liveportrait.nets.warping import Warped, WarpingModule

__all__ = [
    "AppearanceExtractor",
    "MotionExtractor",
    "SpadeGenerator",
    "StitchingRetargeting",
    "Warped",
    "WarpingModule",
]
