"""The character's expression channel: gains, sockets, and the irises in pixels."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from faceshot.landmarks.expression import BLENDSHAPES, Expression
from faceshot.landmarks.irises import iris_shift
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Size
from faceshot.retargeting.expression import part_of, tallness
from faceshot.retargeting.modes import RetargetOptions, retarget
from tests.helpers import face_points

T = 5


def turned(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def driver(rest: int = 1) -> LandmarkSequence:
    """Stands still but for its expression: eyes wander right and down, the jaw opens, the head turns."""
    t = np.arange(T)
    xy = np.repeat(np.asarray(face_points(256), np.float32)[None], T, axis=0)
    blend = np.full((T, 52), 0.2) + 0.1 * t[:, None]
    gaze = np.stack([0.02 * t, 0.01 * t], axis=-1)[:, None] + np.array([[-0.03, -0.06], [0.04, -0.06]])
    shown = Expression(blend, np.stack([turned(0.1 * k) for k in t]), gaze, np.full(T, np.nan))  # type: ignore[arg-type]
    return LandmarkSequence(xy, Size(256, 256), Fraction(30), rest=rest, expression=shown)


def character(taller: float = 1.0) -> Landmarks:
    """The driver's face, its eyes stretched up and down."""
    xy = np.asarray(face_points(256), np.float64).copy()
    for eye in (slice(36, 42), slice(42, 48)):
        middle = xy[eye, 1].mean()
        xy[eye, 1] = middle + taller * (xy[eye, 1] - middle)
    return Landmarks(xy, Size(256, 256))  # type: ignore[arg-type]


def test_without_gains_the_driver_is_given_back() -> None:
    moved = retarget(character(), driver())
    assert moved.expression is not None and driver().expression is not None
    for part in ("blendshapes", "head", "gaze"):
        assert np.allclose(getattr(moved.expression, part), getattr(driver().expression, part), atol=1e-6), part
    assert retarget(character(), replace(driver(), expression=None)).expression is None
    assert retarget(character(), driver(), mode="faceshot").expression is not None


def test_gains_count_from_the_rest_frame() -> None:
    still = retarget(character(), driver(), options=RetargetOptions(gaze=0.0, head=0.0, mouth=0.0)).expression
    assert still is not None
    assert np.ptp(still.gaze, axis=0).max() == 0 and np.allclose(still.head, turned(0.1), atol=1e-6)
    assert np.ptp(still.shape("jawOpen")) == 0 and np.ptp(still.shape("eyeLookInLeft")) == 0
    assert still.shape("eyeBlinkLeft")[4] == pytest.approx(0.6) and still.shape("jawLeft")[4] == pytest.approx(0.6)
    double = retarget(character(), driver(), options=RetargetOptions(gaze=2.0, head=2.0, mouth=2.0)).expression
    assert double is not None and np.allclose(double.head[4], turned(0.1 + 2 * 0.3), atol=1e-6)
    assert np.allclose(double.gaze[4, 0], [-0.03 + 0.02 + 2 * 0.06, -0.06 + 0.01 + 2 * 0.03], atol=1e-6)
    assert double.shape("jawOpen")[4] == pytest.approx(0.9) and double.blendshapes.max() <= 1


def test_tall_eyes_look_further_up_and_down() -> None:
    tall = retarget(character(2.0), driver()).expression
    assert tall is not None
    away = tall.gaze[4] - tall.gaze[1]
    assert np.allclose(away, [[0.06, 0.06]] * 2, atol=1e-5)


@pytest.mark.parametrize("gain", [1.0, 3.0])
@pytest.mark.parametrize("taller", [0.2, 1.0, 4.0])
def test_no_iris_leaves_its_socket(gain: float, taller: float) -> None:
    wild = driver()
    assert wild.expression is not None
    gaze = wild.expression.gaze * 40
    wild = replace(wild, expression=replace(wild.expression, gaze=gaze))
    who = character(taller)
    moved = retarget(who, wild, options=RetargetOptions(gaze=gain)).expression
    assert moved is not None
    away = np.abs(moved.gaze - moved.gaze[1])
    assert away[..., 0].max() <= 0.3 + 1e-5
    for k, eye in enumerate((slice(36, 42), slice(42, 48))):
        assert away[:, k, 1].max() <= 0.45 * tallness(who.xy[eye]) + 1e-5


def test_absent_eyes_do_not_look() -> None:
    blind = replace(character(), absent=frozenset({"eyes"}))
    moved = retarget(blind, driver()).expression
    assert moved is not None and np.ptp(moved.gaze, axis=0).max() == 0 and np.ptp(moved.shape("eyeBlinkLeft")) == 0


def test_every_blendshape_has_a_part() -> None:
    parts = {name: part_of(name) for name in BLENDSHAPES}
    assert parts["eyeLookOutRight"] == "gaze" and parts["eyeBlinkRight"] == "right_eye"
    assert parts["browDownLeft"] == "left_brow" and parts["noseSneerLeft"] == "nose" and parts["tongueOut"] == "mouth"
    assert parts["jawOpen"] == parts["cheekPuff"] == parts["mouthClose"] == "mouth" and parts["jawLeft"] == "jaw"


def test_irises_in_pixels_turn_with_the_eye() -> None:
    moved = driver()
    shift = iris_shift(moved)
    assert shift is not None and shift.shape == (T, 2, 2) and (shift[1] == 0).all()
    width = float(moved.xy[0, 39, 0] - moved.xy[0, 36, 0])
    assert np.allclose(shift[4, 0], [0.06 * width, 0.03 * width], atol=1e-3)
    quarter = moved.xy[..., ::-1] * (-1, 1) + (256, 0)  # turned clockwise by a quarter
    assert np.allclose(iris_shift(replace(moved, xy=quarter))[4, 0], [-0.03 * width, 0.06 * width], atol=1e-3)  # type: ignore[index]
    assert iris_shift(replace(moved, expression=None)) is None
