"""Lips and brows found by their look, on a painted face whose parts move by known amounts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceshot.driving.motions import motion_template
from faceshot.landmarks import topology as topo
from faceshot.threads import done
from faceshot.tracking.strips import INNER, LIPS, StripLook, Strips, place_strips

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


def looks_of(strips: Strips, pictures: list[np.ndarray], flow: np.ndarray) -> list[StripLook | None]:
    """Brows stay where they are."""
    return [
        StripLook(done(strips.look(p)), np.append(f, [0.0, 0.0]), np.array([0.0, UNIT]))
        for p, f in zip(pictures, flow, strict=True)
    ]


def test_lips_are_put_where_they_look_alike(shape):
    strips = Strips(painted(shape), shape, UNIT)
    assert all(strips.usable)
    moves = [(0, 0), (-2, 8), (-4, 20), (-3, 30), (0, 12), (0, 0)]
    # Flow that stayed behind: it saw a third of every opening.
    flow = np.array([[0.33 * u / UNIT, 0.33 * d / UNIT] for u, d in moves])
    xy = np.repeat(shape[None], len(moves), 0)
    xy[:, INNER, 1] += flow * UNIT
    believed = place_strips(xy, looks_of(strips, [painted(shape, *move) for move in moves], flow), strips.grids)
    opened = xy[:, INNER[1], 1] - xy[:, INNER[0], 1]
    assert np.abs(opened - [d - u for u, d in moves]).max() < 2.5  # the flow is up to 22 off
    assert believed.min() > 0.9
    # The upper lip takes the skin above it along, brows and all.
    moving = {*topo.OUTER_LIPS, *topo.INNER_LIPS, *topo.RIGHT_BROW, *topo.LEFT_BROW} - {48, 54, 60, 64}
    untouched = [i for i in range(68) if i not in moving]
    assert (xy[:, untouched] == shape[untouched]).all()


def test_flow_is_kept_where_the_lips_look_like_nothing_known(shape):
    strips = Strips(painted(shape), shape, UNIT)
    pictures = [painted(shape), painted(shape, torn=True), painted(shape)]
    flow = np.array([[0.0, 0.0], [-0.05, 0.1], [0.0, 0.0]])
    xy = np.repeat(shape[None], 3, 0)
    believed = place_strips(xy, looks_of(strips, pictures, flow), strips.grids)
    assert believed[1] == 0
    assert np.abs(xy[1] - shape).max() < 0.1  # brows are found to a fraction of a pixel


def test_frames_without_a_face_are_left_alone(shape):
    strips = Strips(painted(shape), shape, UNIT)
    looks = looks_of(strips, [painted(shape, 0, 10)], np.zeros((1, 2)))
    xy = np.repeat(shape[None], 3, 0)
    believed = place_strips(xy, [None, *looks, None], strips.grids)
    assert believed.tolist()[::2] == [0, 0]
    assert (xy[[0, 2]] == shape).all()
    assert xy[1, 66, 1] - shape[66, 1] == pytest.approx(10, abs=1.5)
    assert (place_strips(xy, [None] * 3, strips.grids) == 0).all()


def test_a_blank_or_tiny_or_cut_off_mouth_is_not_looked_for(shape):
    assert not any(Strips(np.full((320, 320, 3), 120, np.uint8), shape, UNIT).usable)
    assert not any(Strips(painted(shape), shape, 5.0).usable)
    usable = Strips(painted(shape), shape + (0, 160), UNIT).usable
    assert not any(usable[k] for k in LIPS)


def test_a_mouth_near_the_edge_is_searched_inside_the_picture(shape):
    low = shape + (0, 310 - max(shape[57, 1] + 16, shape[66, 1]))
    picture = painted(low)
    strips = Strips(picture, low, UNIT)
    assert all(strips.usable)
    for grid, one in zip(strips.grids, strips.look(picture), strict=True):
        assert one is not None
        assert len(one) == len(grid)
        assert grid[one.argmax()] == pytest.approx(0, abs=0.011)


def test_a_brow_is_found_though_its_points_lie_on_the_forehead(shape):
    """Bare skin moves by a third of what the brow does."""

    def brows(up: float) -> np.ndarray:
        picture = painted(shape)
        for brow in (topo.RIGHT_BROW, topo.LEFT_BROW):
            hair = shape[list(brow)] + (0, 0.08 * UNIT - up)
            cv2.polylines(picture, [np.round(hair * 8).astype(np.int32)], False, (50, 35, 30), 5, cv2.LINE_AA, 3)
        return picture

    strips = Strips(brows(0), shape, UNIT)
    moves = np.array([0, 3, 8, 12, 6, 0])
    looks = [
        StripLook(done(strips.look(brows(up))), np.array([0, 0, -up, -up]) / 3 / UNIT, np.array([0.0, UNIT]))
        for up in moves
    ]
    xy = np.repeat(shape[None], len(moves), 0)
    place_strips(xy, looks, strips.grids)
    for brow in (topo.RIGHT_BROW, topo.LEFT_BROW):
        # From where flow has put the points.
        raised = (shape - xy)[:, list(brow), 1].mean(1) + moves / 3
        assert np.abs(raised - moves).max() < 2
