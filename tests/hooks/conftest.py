"""A cat and what the matcher finds in it, once for all tests of the drop-ins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceshot.landmarks import Landmarks, RGBArray
from faceshot.media import read_picture


@pytest.fixture(scope="session")
def cat(repo: Path) -> RGBArray:
    """(H, W, 3) uint8 RGB."""
    return read_picture(repo / "examples" / "cat.png").flat()


@pytest.fixture(scope="session")
def marks(cat: RGBArray) -> Landmarks:
    """Its landmarks, as :func:`faceshot.match_all` gives them."""
    from faceshot.hooks.finder import faces

    (found,) = faces(cat)
    return found.landmarks


@pytest.fixture(scope="session")
def nobody() -> RGBArray:
    """A picture without a face."""
    return np.full((120, 160, 3), 90, np.uint8)
