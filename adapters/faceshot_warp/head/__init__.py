"""The head: how it moves as a whole, its depth, what goes along with it and what stays."""

from faceshot_warp.head.depth import head_depth as head_depth
from faceshot_warp.head.motion import IDENTITY as IDENTITY
from faceshot_warp.head.motion import Affine as Affine
from faceshot_warp.head.motion import head_motion as head_motion
from faceshot_warp.head.region import find_region as find_region
from faceshot_warp.head.sway import sway as sway
