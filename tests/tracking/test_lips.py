"""Lips found by their look, on a painted mouth whose lips move by known amounts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceshot.driving.motions import motion_template
from faceshot.landmarks import topology as topo
from faceshot.tracking.lips import INNER, LipLook, LipStrips, place_lips

UNIT = 100.0


@pytest.fixture(scope="module")
def shape() -> np.ndarray:
    """A face with closed lips, eyes 100 pixels apart, upright in a picture of 320 pixels."""
    xy = motion_template("sing", seconds=1.0).xy[0].astype(np.float64)
    xy = (xy - xy[36]) * UNIT / np.linalg.norm(xy[45] - xy[36]) + (110, 100)
    for upper, lower in topo.INNER_LIP_PAIRS:
        xy[[upper, lower], 1] = xy[[upper, lower], 1].mean()
    return xy


def painted(shape: np.ndarray, up: float = 0.0, down: float = 0.0, torn: bool = False) -> np.ndarray:
    """Mottled skin, a darker upper and a redder lower lip; the lips moved by so many pixels, dark between them."""
    rng = np.random.default_rng(4)
    skin = cv2.GaussianBlur(rng.uniform(0, 255, (320, 320, 3)).astype(np.float32), (0, 0), 4)
    skin = (skin - skin.mean()) * 1.5 + (150, 120, 100)
    line = round(float(shape[62, 1]))
    skin[line - 9 : line] += (40, -30, -20)
    skin[line : line + 12] += (60, -10, 0)
    picture = skin.copy()
    a, b = line + round(up), line + round(down)
    rows = np.arange(320)
    picture[: a + 1] = skin[np.clip(rows[: a + 1] - round(up), 0, line)]
    picture[b:] = skin[np.clip(rows[b:] - round(down), line, 319)]
    picture[a + 1 : b] = (40, 10, 15)
    if torn:
        picture[line - 40 : line + 60] = rng.uniform(0, 255, (100, 320, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def looks_of(strips: LipStrips, pictures: list[np.ndarray], flow: np.ndarray) -> list[LipLook | None]:
    return [LipLook(strips.look(p), f, np.array([0.0, UNIT])) for p, f in zip(pictures, flow, strict=True)]


def test_lips_are_put_where_they_look_alike(shape):
    strips = LipStrips(painted(shape), shape, UNIT)
    assert strips.usable
    moves = [(0, 0), (-2, 8), (-4, 20), (-3, 30), (0, 12), (0, 0)]
    # Flow that stayed behind: it saw a third of every opening.
    flow = np.array([[0.33 * u / UNIT, 0.33 * d / UNIT] for u, d in moves])
    xy = np.repeat(shape[None], len(moves), 0)
    xy[:, INNER, 1] += flow * UNIT
    believed = place_lips(xy, looks_of(strips, [painted(shape, *move) for move in moves], flow), strips.grids)
    opened = xy[:, INNER[1], 1] - xy[:, INNER[0], 1]
    assert np.abs(opened - [d - u for u, d in moves]).max() < 2.5  # the flow is up to 22 off
    assert believed.min() > 0.9
    untouched = [i for i in range(68) if i not in (*topo.OUTER_LIPS, *topo.INNER_LIPS)] + [48, 54, 60, 64]
    assert (xy[:, untouched] == shape[untouched]).all()


def test_flow_is_kept_where_the_lips_look_like_nothing_known(shape):
    strips = LipStrips(painted(shape), shape, UNIT)
    pictures = [painted(shape), painted(shape, torn=True), painted(shape)]
    flow = np.array([[0.0, 0.0], [-0.05, 0.1], [0.0, 0.0]])
    xy = np.repeat(shape[None], 3, 0)
    believed = place_lips(xy, looks_of(strips, pictures, flow), strips.grids)
    assert believed[1] == 0
    assert np.abs(xy[1] - shape).max() < 1e-9


def test_frames_without_a_face_are_left_alone(shape):
    strips = LipStrips(painted(shape), shape, UNIT)
    looks = looks_of(strips, [painted(shape, 0, 10)], np.zeros((1, 2)))
    xy = np.repeat(shape[None], 3, 0)
    believed = place_lips(xy, [None, *looks, None], strips.grids)
    assert believed.tolist()[::2] == [0, 0]
    assert (xy[[0, 2]] == shape).all()
    assert xy[1, 66, 1] - shape[66, 1] == pytest.approx(10, abs=1.5)
    assert (place_lips(xy, [None] * 3, strips.grids) == 0).all()


def test_a_blank_or_tiny_or_cut_off_mouth_is_not_looked_for(shape):
    assert not LipStrips(np.full((320, 320, 3), 120, np.uint8), shape, UNIT).usable
    assert not LipStrips(painted(shape), shape, 5.0).usable
    assert not LipStrips(painted(shape), shape + (0, 200), UNIT).usable


def test_a_mouth_near_the_edge_is_searched_inside_the_picture(shape):
    low = shape + (0, 310 - max(shape[57, 1] + 16, shape[66, 1]))
    picture = painted(low)
    strips = LipStrips(picture, low, UNIT)
    assert strips.usable
    upper, lower = strips.look(picture)
    for grid, one in zip(strips.grids, (upper, lower), strict=True):
        assert len(one) == len(grid)
        assert grid[one.argmax()] == pytest.approx(0, abs=0.011)
