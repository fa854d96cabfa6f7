"""Repairs by hand of a clip's landmarks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceshot.driving import carried, corrected, expression_timeline, held, interpolated
from faceshot.errors import UsageError
from faceshot.landmarks import LandmarkSequence


@pytest.fixture
def clip() -> LandmarkSequence:
    made = expression_timeline([(0.3, {"jaw": 1.0, "gaze_x": 1.0}), (0.6, {"yaw": 20.0})])
    return replace(made, score=np.full((len(made), 68), 0.5, np.float32))


def test_one_frame_is_corrected(clip: LandmarkSequence) -> None:
    xy = clip.xy[5].copy()
    xy[8] += 4
    new = corrected(clip, 5, xy)
    assert np.array_equal(new.xy[5], xy) and np.array_equal(np.delete(new.xy, 5, 0), np.delete(clip.xy, 5, 0))
    assert new.score[5, 8] == 1 and (new.score == 1).sum() == 1


def test_a_correction_is_carried_on(clip: LandmarkSequence) -> None:
    xy = clip.xy[5] + np.float32(3)
    new = carried(corrected(clip, 5, xy), clip, 5, 9)
    assert np.allclose(new.xy[5:9], clip.xy[5:9] + 3) and np.array_equal(new.xy[9:], clip.xy[9:])
    assert carried(new, clip, 5, 9) == new  # once is enough


def test_a_face_is_held(clip: LandmarkSequence) -> None:
    new = held(clip, 9, 14)
    assert (new.xy[9:14] == clip.xy[9]).all() and np.array_equal(new.xy[14:], clip.xy[14:])
    assert np.allclose(new.expression.gaze[9:14], clip.expression.gaze[9])


def test_a_range_is_interpolated(clip: LandmarkSequence) -> None:
    new = interpolated(clip, 4, 7)
    assert np.allclose(new.xy[5], (clip.xy[3] + clip.xy[7]) / 2, atol=1e-3)
    assert np.allclose(new.expression.gaze[5], (clip.expression.gaze[3] + clip.expression.gaze[7]) / 2, atol=1e-5)
    assert (interpolated(clip, 0, 3).xy[:3] == clip.xy[3]).all()
    assert (interpolated(clip, len(clip) - 2, len(clip)).xy[-2:] == clip.xy[-3]).all()


def test_ranges_that_are_none(clip: LandmarkSequence) -> None:
    for start, stop in ((3, 3), (-1, 2), (0, len(clip) + 1)):
        with pytest.raises(UsageError, match="no range"):
            interpolated(clip, start, stop)
    with pytest.raises(UsageError, match="whole clip"):
        interpolated(clip, 0, len(clip))
