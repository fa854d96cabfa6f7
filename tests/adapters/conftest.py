"""A drawn face with exact landmarks for the backend tests."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from faceshot.landmarks.types import Landmarks, Picture
from faceshot.testing import face_points

SKIN, PUPIL, BACK, LINE = (240, 190, 150), (30, 60, 140), (90, 140, 110), (60, 30, 25)


@pytest.fixture(scope="session")
def drawn_face() -> Callable[..., tuple[Picture, Landmarks]]:
    """``drawn_face(width, height=None, matte=False)`` -> a picture (textured background) and its landmarks."""

    def make(width: int, height: int | None = None, matte: bool = False) -> tuple[Picture, Landmarks]:
        height = height or width
        side = min(width, height)
        scale = 4 if side < 200 else 1
        big = side * scale
        xy = face_points()

        def at(x: float, y: float) -> tuple[int, int]:
            return round(x * big), round(y * big)

        image = np.full((big, big, 3), BACK, np.uint8)
        stripes = (np.arange(big) * 24 // big) % 2 == 0
        image[:, stripes] = np.array(BACK) - 30
        alpha = np.zeros((big, big), np.uint8)
        for canvas, colour in ((image, SKIN), (alpha, 255)):
            cv2.ellipse(canvas, at(0.5, 0.48), at(0.33, 0.37), 0, 0, 360, colour, -1, cv2.LINE_AA)
        for x in (0.37, 0.63):
            cv2.circle(image, at(x, 0.44), at(0.06, 0)[0], (255, 255, 255), -1, cv2.LINE_AA)
            cv2.circle(image, at(x, 0.44), at(0.035, 0)[0], PUPIL, -1, cv2.LINE_AA)
            cv2.line(image, at(x - 0.08, 0.34), at(x + 0.08, 0.34), LINE, max(big // 60, 1), cv2.LINE_AA)
        cv2.line(image, at(0.4, 0.7), at(0.6, 0.7), LINE, max(big // 60, 1), cv2.LINE_AA)
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        small_alpha = cv2.resize(alpha, (side, side), interpolation=cv2.INTER_AREA)
        left, top = (width - side) // 2, (height - side) // 2
        box = (top, height - side - top, left, width - side - left)
        rgb = cv2.copyMakeBorder(small, *box, cv2.BORDER_REPLICATE)
        mask = cv2.copyMakeBorder(small_alpha, *box, cv2.BORDER_CONSTANT, value=0)
        points = xy * side - 0.5 + (left, top)
        return Picture(rgb, mask if matte else None, "drawn"), Landmarks(points, (width, height))

    return make
