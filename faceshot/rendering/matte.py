"""The matte of a picture, moved along with what it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.rendering.place import Place


def moved_matte(alpha: npt.NDArray[np.uint8], flow: npt.NDArray[np.float32], place: Place) -> npt.NDArray[np.uint8]:
    """The matte (H, W) of the picture after motion ``flow`` (2, h, w), in working pixels from the anchor to the frame.

    The flow says where each pixel goes; what is needed is where each comes from. That is found by a few rounds of
    x -> flow(p - x), which converges where the flow is smoother than the picture is sheared apart.
    """
    import cv2

    height, width = flow.shape[1:]
    at: Any = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    forward: Any = np.ascontiguousarray(flow.transpose(1, 2, 0).astype(np.float32))
    back = forward
    for _ in range(5):
        where = at - back
        back = cv2.remap(forward, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    (x, y), inner, cut = place.corner, place.inner, place.cut
    large: Any = cv2.resize(back[y : y + inner.height, x : x + inner.width], tuple(cut), interpolation=cv2.INTER_LINEAR)
    large *= np.array(cut, np.float32) / np.array(inner, np.float32)
    left, top, right, bottom = place.box
    part = np.ascontiguousarray(alpha[top:bottom, left:right])
    there: Any = np.stack(np.meshgrid(np.arange(cut.width), np.arange(cut.height)), -1).astype(np.float32) - large
    found: Any = cv2.remap(part, there[..., 0], there[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if cut == place.whole:
        return found
    weight = place.fade()
    out = alpha.copy()
    out[top:bottom, left:right] = np.rint(part + (found.astype(np.float32) - part) * weight).astype(np.uint8)
    return out
