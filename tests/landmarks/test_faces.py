"""Which of several faces is meant, and that it stays the same one."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.errors import NoFaceError, UsageError
from faceshot.landmarks.faces import check_wish, choose, follow

#: In the order of a detector, not of the picture: middle and small, right and large, left.
FACES = np.array([[40.0, 10, 60, 30], [80, 0, 140, 60], [0, 5, 30, 35]])


@pytest.mark.parametrize(
    ("wish", "index"),
    [
        ("largest", 1),
        ("left", 2),
        ("right", 1),
        (1, 2),
        (2, 0),
        (3, 1),
        ((38, 8, 70, 40), 0),
        ((-50.0, -50, 10, 15), 2),
    ],
)
def test_the_wish_is_granted(wish: object, index: int) -> None:
    assert choose(FACES, wish) == index  # type: ignore[arg-type]


def test_a_face_that_is_not_there_is_told_from_those_that_are() -> None:
    with pytest.raises(NoFaceError, match=r"no face 4: there are 3 faces, from the left at 0,5,30,35; 40,10"):
        choose(FACES, 4)
    with pytest.raises(NoFaceError, match="no face at box 200,200,220,230"):
        choose(FACES, (200, 200, 220, 230))
    with pytest.raises(NoFaceError, match="no face to choose"):
        choose(np.zeros((0, 4)))


@pytest.mark.parametrize("wish", ["middle", 0, -1, True, (1, 2, 3), (5, 5, 5, 9), (0, 0, float("nan"), 4), None, 1.5])
def test_impossible_wishes_are_refused(wish: object) -> None:
    with pytest.raises(UsageError):
        check_wish(wish)


def test_two_who_pass_each_other_are_not_swapped() -> None:
    """A large and a small face cross; by place alone the ids would change sides where they meet."""
    large, small = np.array([0.0, 0, 60, 60]), np.array([100.0, 10, 130, 40])
    last_large, last_small = large, small
    for _ in range(20):
        large, small = large + [5, 0, 5, 0], small - [4, 0, 4, 0]
        faces = np.stack([small, large])
        one, two = follow(faces, last_large), follow(faces, last_small)
        assert (one, two) == (1, 0)
        last_large, last_small = large, small


def test_a_face_is_lost_rather_than_mistaken() -> None:
    assert follow([[200.0, 0, 230, 30]], [0, 0, 30, 30]) is None
    assert follow([[0.0, 0, 90, 90]], [0, 0, 30, 30]) is None
    assert follow(np.zeros((0, 4)), [0, 0, 30, 30]) is None
    assert follow([[30.0, 0, 60, 30]], [0, 0, 30, 30]) is None
    assert follow([[30.0, 0, 60, 30]], [0, 0, 30, 30], steps=4) == 0
