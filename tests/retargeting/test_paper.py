"""Mode ``paper``: Eq. 5 and 6 computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.landmarks.topology import PART_POINTS
from faceshot.retargeting.paper import PART_ENDS, retarget_paper
from tests.moving import moving_face


def face() -> np.ndarray:
    return moving_face("person", frames=1)[1].xy[0].astype(np.float64)


def test_a_driver_that_is_the_character_is_given_back() -> None:
    truth = moving_face("person")[1].xy.astype(np.float64)
    truth += np.random.default_rng(0).normal(0, 1, (68, 2))  # no coordinate is 0: those say nothing about a ratio
    assert np.abs(retarget_paper(truth[0], truth) - truth).max() < 1e-6


def test_the_shift_of_the_head_is_the_drivers_in_pixels() -> None:
    """Eq. 5: dO is added as it is, whatever the character's size and tilt (upstream turns it)."""
    driver = face()
    tilt = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    character = 0.5 * driver @ tilt.T
    moved = retarget_paper(character, np.stack([driver, driver + [7.0, -3.0]]))
    assert np.allclose(moved[0], character) and np.allclose(moved[1], character + [7.0, -3.0])


def test_the_head_turns_about_its_own_origin() -> None:
    """Eq. 5: a quarter of a radian about the middle of the driver's contour ends turns the character about its own."""
    driver, character = face(), face() * [1.2, 0.9] + [5, 9]
    turn = np.array([[np.cos(0.25), -np.sin(0.25)], [np.sin(0.25), np.cos(0.25)]])
    origin = (driver[0] + driver[16]) / 2
    moved = retarget_paper(character, np.stack([driver, (driver - origin) @ turn.T + origin]))
    own = (character[0] + character[16]) / 2
    assert np.allclose(moved[1], (character - own) @ turn.T + own, atol=1e-9)


def test_points_are_multiplied_by_the_drivers_ratio() -> None:
    """Eq. 6: a mouth whose lower lip goes from 4 to 6 below its axis takes the character's from 10 to 15."""
    flat = np.zeros((68, 2))
    flat[:] = np.stack([np.arange(68), np.zeros(68)], 1)
    for first, last in PART_ENDS.values():
        flat[[first, last]] = [[-10.0, 0.0], [10.0, 0.0]]
    driver, character = flat.copy(), flat.copy()
    driver[57], character[57] = [2.0, 4.0], [1.0, 10.0]
    open_mouth = driver.copy()
    open_mouth[57] = [4.0, 6.0]
    moved = retarget_paper(character, np.stack([driver, open_mouth]))
    assert np.allclose(moved[1, 57], [2.0, 15.0])
    # A coordinate that is 0 at rest says nothing about a ratio: it stays.
    driver[57, 1], open_mouth[57, 1] = 0.0, 6.0
    assert np.allclose(retarget_paper(character, np.stack([driver, open_mouth]))[1, 57], [2.0, 10.0])


def test_five_parts_hold_every_point_once_and_arctan_folds() -> None:
    assert sorted(i for name in PART_ENDS for i in PART_POINTS[name]) == list(range(68))  # type: ignore[index]
    upside_down = -face()
    still = retarget_paper(upside_down, np.stack([face(), face()]))
    assert np.allclose(still, upside_down)


@pytest.mark.parametrize("mode", ["paper", "faceshot"])
def test_research_modes_have_no_controls(mode: str) -> None:
    from faceshot.errors import UsageError
    from faceshot.retargeting import RetargetOptions, retarget

    truth = moving_face("person", frames=3)[1]
    assert retarget(truth[0], truth, mode=mode).xy.shape == (3, 68, 2)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=mode):
        retarget(truth[0], truth, mode=mode, options=RetargetOptions(start_from_picture=True))  # type: ignore[arg-type]
