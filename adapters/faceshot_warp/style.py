"""Photograph or drawing: how soft the picture's own edges are."""

from __future__ import annotations

import cv2
import numpy as np

from faceshot.landmarks import Landmarks, Picture

#: The face is judged at this size.
_SIDE = 256


def softness(picture: Picture, landmarks: Landmarks) -> float:
    """0 for crisp art, 1 for photographs and what looks like one.

    Two things tell them apart: photographs have hardly a place that is quite even (vector art mostly), and their
    strongest edges spread over three pixels (drawings' over less than two).
    """
    left, top, right, bottom = landmarks.box()
    wide = right - left
    height, width = picture.rgb.shape[:2]
    x0, x1 = (int(np.clip(v, 0, width)) for v in (left - 0.1 * wide, right + 0.1 * wide))
    y0, y1 = (int(np.clip(v, 0, height)) for v in (top - 0.2 * wide, bottom))
    if x1 - x0 < 16 or y1 - y0 < 16:
        return 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(picture.rgb[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)
    scale = _SIDE / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    near, wider = np.ones((3, 3), np.uint8), np.ones((9, 9), np.uint8)
    even = float((cv2.dilate(grey, near).astype(int) - cv2.erode(grey, near) <= 2).mean())
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1) / 2
    steep = cv2.dilate(np.hypot(across, cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=1) / 2), wider)
    contrast = cv2.dilate(grey, wider).astype(np.float32) - cv2.erode(grey, wider)
    strong = contrast >= max(float(np.percentile(contrast, 85)), 20.0)
    if not strong.any():
        return 0.0
    spread = float(np.median(contrast[strong] / np.maximum(steep[strong], 1e-3)))
    return float(np.clip((spread - 2.0) / 0.45, 0, 1) * np.clip((0.58 - even) / 0.12, 0, 1))
