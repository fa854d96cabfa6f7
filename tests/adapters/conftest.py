"""A drawn face with exact landmarks for the backend tests."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from faceshot.landmarks.types import Landmarks, Picture

SKIN, PUPIL, BACK, LINE = (240, 190, 150), (30, 60, 140), (90, 140, 110), (60, 30, 25)


def face_points() -> np.ndarray:
    """(68, 2) landmarks of the drawn face in the unit square."""
    angle = np.linspace(np.pi, 0, 17)
    jaw = np.stack([0.5 + 0.32 * np.cos(angle), 0.48 + 0.36 * np.sin(angle)], -1)
    brow = np.stack([np.linspace(-0.08, 0.08, 5), -0.1 - 0.02 * np.sin(np.linspace(0, np.pi, 5))], -1)
    bridge = np.stack([np.full(4, 0.5), np.linspace(0.44, 0.56, 4)], -1)
    base = np.stack([np.linspace(0.46, 0.54, 5), [0.585, 0.59, 0.595, 0.59, 0.585]], -1)
    turn = np.deg2rad([180, 240, 300, 0, 60, 120])
    eye = 0.06 * np.stack([np.cos(turn), np.sin(turn)], -1)
    right, left = np.array([0.37, 0.44]), np.array([0.63, 0.44])
    s = np.linspace(-1, 1, 7)
    outer_top = np.stack([0.5 + 0.11 * s, 0.7 - 0.012 * (1 - s**2)], -1)
    outer_bottom = np.stack([0.5 - 0.11 * s[1:-1], 0.7 + 0.012 * (1 - s[1:-1] ** 2)], -1)
    inner = np.stack([0.5 + 0.1 * np.linspace(-1, 1, 5), np.full(5, 0.7)], -1)
    inner_bottom = inner[3:0:-1]
    return np.concatenate(
        [
            jaw,
            right + brow,
            left + brow,
            bridge,
            base,
            right + eye,
            left + eye,
            outer_top,
            outer_bottom,
            inner,
            inner_bottom,
        ]
    )


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
