"""Hand-set anchors: right and left are the subject's, and an exchange is told."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.errors import UsageError
from faceshot.landmarks.anchors import check_anchors, swapped_sides

UPRIGHT = {
    "right_eye": (60.0, 80.0),
    "left_eye": (140.0, 82.0),
    "nose": (100.0, 120.0),
    "right_mouth": (75.0, 160.0),
    "left_mouth": (125.0, 161.0),
}


def exchanged(points: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    names = {"right_eye": "left_eye", "left_eye": "right_eye", "right_mouth": "left_mouth", "left_mouth": "right_mouth"}
    return {names.get(name, name): place for name, place in points.items()}


def some(points: dict[str, tuple[float, float]], *names: str) -> dict[str, tuple[float, float]]:
    return {name: points[name] for name in names}


@pytest.mark.parametrize("degrees", [0, 40, 90, 180, 270])
def test_a_whole_face_is_told_at_any_turn(degrees: int) -> None:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turned = {name: (c * x - s * y, s * x + c * y) for name, (x, y) in UPRIGHT.items()}
    assert swapped_sides(turned) is None
    assert swapped_sides(exchanged(turned)) == turned


def test_eyes_alone_are_taken_for_upright() -> None:
    eyes = some(UPRIGHT, "right_eye", "left_eye")
    check_anchors(eyes)
    with pytest.raises(UsageError, match=r"you may mean 'left_eye=140,82;right_eye=60,80'|'right_eye=60,80"):
        check_anchors(exchanged(eyes))
    with pytest.raises(UsageError, match="upside down needs its nose"):
        check_anchors(exchanged(eyes))
    upside_down = {"right_eye": (140.0, 80.0), "left_eye": (60.0, 80.0), "nose": (100.0, 40.0)}
    check_anchors(upside_down)


def test_one_side_alone_says_nothing() -> None:
    check_anchors(some(UPRIGHT, "right_eye", "nose", "left_mouth"))
    check_anchors(some(UPRIGHT, "right_eye", "nose"))
