"""Frames between generated ones."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.pipeline.backends import AnimationOptions, load_backend
from faceshot.rendering.between import in_between, kept_frames
from faceshot.testing import drawn_face


@pytest.fixture(scope="module")
def clip() -> tuple[list[np.ndarray], np.ndarray]:
    """Frames of a face whose brows and jaw drop, and their landmarks."""
    picture, landmarks = drawn_face(128)
    xy = np.repeat(landmarks.xy[None], 8, 0)
    xy[:, 17:27, 1] += np.arange(8, dtype=np.float32)[:, None]
    xy[:, :, 0] += np.arange(8, dtype=np.float32)[:, None]
    move = load_backend("warp").poser(picture, landmarks, AnimationOptions())  # type: ignore[attr-defined]
    return [move(points) for points in xy], xy


@pytest.mark.parametrize(
    ("frames", "every", "kept"),
    [(1, 3, [0]), (2, 3, [0, 1]), (7, 3, [0, 3, 6]), (8, 3, [0, 3, 6, 7]), (4, 1, [0, 1, 2, 3])],
)
def test_the_last_frame_is_always_kept(frames: int, every: int, kept: list[int]) -> None:
    assert kept_frames(frames, every) == kept


@pytest.mark.parametrize("every", [1, 2, 3, 9])
def test_kept_frames_are_untouched_and_none_is_missing(clip: tuple[list[np.ndarray], np.ndarray], every: int) -> None:
    frames, xy = clip
    kept = kept_frames(len(xy), every)
    found = list(in_between([frames[k] for k in kept], xy, every))
    assert len(found) == len(xy) and all(frame.dtype == np.uint8 for frame in found)
    assert all(np.array_equal(found[k], frames[k]) for k in kept)


def test_it_is_nearer_to_the_truth_than_mixing(clip: tuple[list[np.ndarray], np.ndarray]) -> None:
    frames, xy = clip
    found = list(in_between([frames[k] for k in kept_frames(8, 3)], xy, 3))
    mixed = frames[0] * (2 / 3) + frames[3] * (1 / 3)
    errors = [np.abs(frame.astype(float) - frames[1]).mean() for frame in (found[1], mixed)]
    assert errors[0] < 0.6 * errors[1]


def test_landmarks_beyond_the_edge_are_no_matter() -> None:
    picture, landmarks = drawn_face(64)
    xy = landmarks.xy + np.float32([[[0, 0]], [[40, 0]], [[80, 0]]])
    assert len(list(in_between([picture.rgb, picture.rgb], xy, 2))) == 3


def test_one_frame(clip: tuple[list[np.ndarray], np.ndarray]) -> None:
    frames, xy = clip
    assert [frame.shape for frame in in_between(frames[:1], xy[:1], 3)] == [frames[0].shape]
