"""Blendshapes out of 68 points: what our own face does is told by name, whichever way it is turned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceshot.driving import AMOUNTS, BlendshapeEstimator, motion_template, posed, with_blendshapes
from faceshot.errors import InputError
from faceshot.landmarks import BLENDSHAPES


def told(amounts: dict[str, float], turn: dict[str, float]) -> tuple[dict[str, float], np.ndarray]:
    sequence = posed({**amounts, **turn})
    values, head = BlendshapeEstimator(sequence.xy[0])(sequence.xy[1])
    return {name: float(v) for name, v in zip(BLENDSHAPES, values, strict=True) if np.isfinite(v)}, head


@pytest.mark.parametrize("turn", [{}, {"yaw": 18.0}, {"pitch": 12.0}, {"roll": -20.0}], ids=str)
@pytest.mark.parametrize(
    "amounts, strong, weak",
    [
        ({"jaw": 1.0}, ["jawOpen"], ["eyeBlinkLeft", "mouthSmileLeft", "browInnerUp", "mouthPucker"]),
        ({"smile": 1.0}, ["mouthSmileLeft", "mouthSmileRight"], ["jawOpen", "eyeBlinkLeft", "mouthPucker"]),
        ({"blink_left": 1.0}, ["eyeBlinkLeft"], ["eyeBlinkRight", "jawOpen", "browInnerUp"]),
        ({"pout": 1.0}, ["mouthFunnel"], ["mouthSmileLeft", "eyeBlinkRight"]),
        ({"brow_right": 1.0}, ["browOuterUpRight"], ["browOuterUpLeft", "jawOpen"]),
        ({"frown": 1.0}, ["browDownLeft", "browDownRight"], ["browInnerUp", "jawOpen"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_is_told_by_its_name(
    amounts: dict[str, float], strong: list[str], weak: list[str], turn: dict[str, float]
) -> None:
    values, _ = told(amounts, turn)
    assert all(values[name] > 0.5 for name in strong), {name: values[name] for name in strong}
    assert all(values[name] < 0.3 for name in weak), {name: values[name] for name in weak}


def test_the_head_turns_as_the_expression_channel_says() -> None:
    _, head = told({}, {"yaw": 20.0})
    assert 12 < np.degrees(np.arctan2(head[0, 2], head[2, 2])) < 28  # to the image right
    _, head = told({}, {"roll": 20.0})
    assert np.degrees(np.arctan2(head[1, 0], head[0, 0])) == pytest.approx(-20, abs=2)  # y is up: clockwise is less
    assert "yaw" in AMOUNTS


def test_a_sequence_keeps_its_own_channel_and_gets_one_where_it_has_none() -> None:
    talk = motion_template("talk", seconds=2)
    shown = with_blendshapes(talk)
    assert shown.expression is not None and len(shown.expression) == len(talk)
    assert with_blendshapes(shown) is shown
    jaw, blink = (shown.expression.shape(name) for name in ("jawOpen", "eyeBlinkLeft"))
    assert jaw.max() > 0.3 and jaw.min() < 0.05 and blink.max() > 0.8
    assert np.isnan(shown.expression.shape("tongueOut")).all() and np.isnan(shown.expression.gaze).all()
    holes = talk.xy.copy()
    holes[5] = np.nan
    found = np.isfinite(holes).all((1, 2))
    with_hole = with_blendshapes(replace(talk, xy=holes, found=found)).expression
    assert with_hole is not None and np.isnan(with_hole.blendshapes[5]).all()


@pytest.mark.parametrize("xy", [np.zeros((68, 2)), np.full((68, 2), np.nan), np.ones((5, 2))])
def test_no_face_at_rest_is_refused(xy: np.ndarray) -> None:
    with pytest.raises(InputError, match="rest frame"):
        BlendshapeEstimator(xy)


def test_a_real_face_agrees_with_the_networks(shared: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    from faceshot.driving import drive

    clip, model = shared / "clips" / "ravdess_01.mp4", shared / "models" / "face_landmarker.task"
    if not (clip.is_file() and model.is_file()):
        pytest.skip("no clip, or no model")
    truth = drive(clip, source="facemesh", model=model)
    guess = with_blendshapes(replace(truth, expression=None)).expression
    assert truth.expression is not None and guess is not None
    for name in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight"):
        assert np.corrcoef(guess.shape(name), truth.expression.shape(name))[0, 1] > 0.85, name
