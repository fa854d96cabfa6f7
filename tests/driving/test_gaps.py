"""What a character does while its actor shows no face."""

from __future__ import annotations

import logging
from fractions import Fraction

import numpy as np
import pytest

from faceshot.driving.gaps import close_gaps
from faceshot.driving.sources import finish
from faceshot.errors import NoFaceError, UsageError
from faceshot.landmarks.types import LandmarkSequence, Size
from tests.helpers import face_points


def walking(lost: list[tuple[int, int]], frames: int = 120, rest: int = 40) -> LandmarkSequence:
    """A face that moves 1 px right a frame, hidden in the given ranges (both ends included)."""
    xy = np.repeat(face_points(200)[None], frames, axis=0)
    xy[..., 0] += np.arange(frames, dtype=np.float32)[:, None]
    found = np.ones(frames, bool)
    for a, b in lost:
        found[a : b + 1] = False
    xy[~found] = np.nan
    return LandmarkSequence(xy, Size(400, 200), Fraction(30), found, np.ones((frames, 68)), rest=rest)


def places(sequence: LandmarkSequence) -> np.ndarray:
    """(T,) how far right the face is, in pixels from frame 0 of :func:`walking`."""
    return np.asarray(sequence.xy[:, 30, 0] - face_points(200)[30, 0], np.float64)


def test_a_hand_before_the_face_holds_its_last_pose_and_eases_back(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        closed = close_gaps(walking([(50, 89)]), "hold", 0.5, "hand.mp4")
    at = places(closed)
    assert closed.found is not None and closed.found.all() and len(closed) == 120 and closed.rest == 40
    assert np.allclose(at[50:81], 49) and np.all(np.diff(at[80:91]) > 0) and at[90] == 90
    assert np.abs(np.diff(at[80:91])).max() < 10  # no jump
    assert closed.score is not None and (closed.score[50:90] == 0).all() and (closed.score[49] == 1).all()
    assert "hand.mp4: no face in frames 50-89 (the last pose is held there)" in caplog.text
    assert len(caplog.records) == 1


def test_a_face_that_comes_late_and_leaves_early_rests_at_both_ends() -> None:
    at = places(close_gaps(walking([(0, 29), (100, 119)]), "hold", 0.5, "x"))
    assert np.allclose(at[:20], 40) and np.allclose(at[110:], 40) and np.allclose(at[30:100], np.arange(30, 100))
    assert np.abs(np.diff(at)).max() < 12


def test_rest_goes_to_rest_inside_too() -> None:
    at = places(close_gaps(walking([(50, 89)]), "rest", 0.5, "x"))
    assert np.allclose(at[60:80], 40) and np.abs(np.diff(at)).max() < 10


def test_cut_ends_where_the_face_does_and_remembers_its_start(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        cut = close_gaps(walking([(0, 29), (50, 70), (115, 119)]), "cut", 0.5, "x")
    assert (len(cut), cut.start, cut.rest) == (85, 30, 10)
    assert (
        np.allclose(places(cut)[20:31], 49)
        and "50-70 (the last pose is held there), 0-29, 115-119 (cut off)" in caplog.text
    )


def test_short_gaps_are_bridged_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="faceshot"):
        at = places(close_gaps(walking([(0, 5), (50, 60)]), "hold", 0.5, "x"))
    assert np.allclose(at[50:61], np.arange(50, 61)) and np.allclose(at[:6], 6) and not caplog.records


def test_refused_or_unknown() -> None:
    with pytest.raises(NoFaceError, match="50-89"):
        close_gaps(walking([(50, 89)]), "refuse", 0.5, "x")
    with pytest.raises(NoFaceError, match="any of the 120 frames"):
        close_gaps(walking([(0, 119)]), "hold", 0.5, "x")
    with pytest.raises(UsageError, match="hold, rest, cut, refuse"):
        close_gaps(walking([]), "skip", 0.5, "x")


def test_a_part_knows_its_start_and_its_frames_are_counted_as_in_the_clip(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        part = finish(walking([(50, 89)]), "x.npz", "1s", "0:03.5", rest=4)
    assert (part.start, len(part), part.rest) == (30, 75, 4) and "frames 50-89" in caplog.text
    assert finish(walking([]), "x", 30, "60").start == 30
    with pytest.raises(UsageError, match="rest frame 75"):
        finish(walking([]), "x", 30, 105, rest=75)


def test_long_gaps_are_closed_in_the_expression_too() -> None:
    """Held inside, eased into the next face: gaze goes the same way as the points."""
    from faceshot.landmarks.expression import Expression

    n, found = 40, np.ones(40, bool)
    found[10:30] = False
    level = np.where(np.arange(n) < 20, 0.0, 1.0)
    xy = np.random.default_rng(0).uniform(0, 50, (1, 68, 2)) + 10 * level[:, None, None]
    gaze = np.where(found, level, np.nan)[:, None, None] * np.ones((1, 2, 2))
    heads = np.where(found[:, None, None], np.eye(3), np.nan)
    shown = Expression(np.full((n, 52), 0.5), heads, gaze, np.full(n, np.nan))  # type: ignore[arg-type]
    clip = LandmarkSequence(
        np.where(found[:, None, None], xy, np.nan),
        (64, 64),
        10,
        found,
        expression=shown,  # type: ignore[arg-type]
    )
    closed = close_gaps(clip, "hold", 0.5, "clip")
    assert closed.expression is not None and np.isfinite(closed.expression.head).all()
    moved = (closed.xy[:, 0, 0] - closed.xy[0, 0, 0]) / 10
    assert np.allclose(closed.expression.gaze[:, 0, 0], moved, atol=1e-5) and moved[20] == 0 and 0 < moved[28] < 1
