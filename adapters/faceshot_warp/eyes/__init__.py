"""Eyes: lids that close, whites and balls behind them."""

from faceshot_warp.eyes.states import EyeState as EyeState
from faceshot_warp.eyes.states import clear_eyes as clear_eyes
from faceshot_warp.eyes.states import draw_eye as draw_eye
from faceshot_warp.eyes.states import eye_state as eye_state
from faceshot_warp.eyes.states import find_eyes as find_eyes
