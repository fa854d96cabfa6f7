"""The edge to files of the user's: bounds on what is read, and one clear error for whatever a library raises there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.reading.arrays import is_zip as is_zip
    from faceshot.reading.arrays import member_names as member_names
    from faceshot.reading.arrays import read_npy as read_npy
    from faceshot.reading.arrays import read_npz as read_npz
    from faceshot.reading.errors import FOREIGN as FOREIGN
    from faceshot.reading.errors import edge as edge
    from faceshot.reading.errors import reason as reason
    from faceshot.reading.limits import MAX_CLIP_PIXELS as MAX_CLIP_PIXELS
    from faceshot.reading.limits import MAX_FRAMES as MAX_FRAMES
    from faceshot.reading.limits import MAX_PIXELS as MAX_PIXELS
    from faceshot.reading.limits import MAX_RATE as MAX_RATE
    from faceshot.reading.limits import MAX_SIDE as MAX_SIDE
    from faceshot.reading.limits import MAX_SIZE as MAX_SIZE
    from faceshot.reading.limits import MAX_WALK as MAX_WALK
    from faceshot.reading.limits import MIN_RATE as MIN_RATE
    from faceshot.reading.limits import MIN_SIDE as MIN_SIDE
    from faceshot.reading.text import check_regular as check_regular
    from faceshot.reading.text import expanded as expanded
    from faceshot.reading.text import fraction as fraction
    from faceshot.reading.text import read_json as read_json
    from faceshot.reading.text import read_text as read_text
    from faceshot.reading.text import whole_number as whole_number
    from faceshot.reading.weights import check_config as check_config
    from faceshot.reading.weights import check_weights as check_weights

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "arrays": "is_zip member_names read_npy read_npz",
        "errors": "FOREIGN edge reason",
        "limits": "MAX_CLIP_PIXELS MAX_FRAMES MAX_PIXELS MAX_RATE MAX_SIDE MAX_SIZE MAX_WALK MIN_RATE MIN_SIDE",
        "text": "check_regular expanded fraction read_json read_text whole_number",
        "weights": "check_config check_weights",
    },
)
