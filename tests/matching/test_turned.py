"""Pictures on their side, their rotation flag lost: the landmarks turn with the face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceshot.landmarks.types import Picture
from faceshot.matching.matcher import Matcher
from faceshot.media.image import read_picture


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher("mini", galleries=("shipped",), offline=True)


@pytest.mark.parametrize("name", ["fox", "cat", "robot"])
def test_quarter_turns_are_found(matcher: Matcher, repo: Path, name: str) -> None:
    upright = read_picture(repo / "examples" / f"{name}.png").flat()
    rolls = []
    for turns in range(4):
        xy = matcher.match(Picture(np.ascontiguousarray(np.rot90(upright, turns)))).landmarks.xy
        across = xy[42:48].mean(0) - xy[36:42].mean(0)
        rolls.append(np.degrees(np.arctan2(across[1], across[0])))
    apart = (np.array(rolls) - [0, -90, 180, 90] + 180) % 360 - 180
    assert np.abs(apart).max() < 20, rolls
