"""Which frames are sampled together, and how windows meet."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.rendering.windows import blend_weights, emitted, joint_windows, sequential_windows


@pytest.mark.parametrize(
    ("frames", "starts"),
    [
        (25, [0, 0]),
        (49, [0, 12, 24, 24]),
        (50, [0, 12, 24, 25]),
        (125, [*range(0, 97, 12), 100]),
        (7, [0, 0]),
        (1, [0, 0]),
    ],
)
def test_joint_windows_are_upstreams(frames, starts):
    windows = joint_windows(frames)
    assert [window.first - 1 for window in windows] == starts
    assert {len(window) for window in windows} == {min(frames, 25)}
    assert [window.first - 1 for window in joint_windows(frames, doubled=False)] == sorted(set(starts))


@pytest.mark.parametrize("window", [2, 3, 5, 25])
@pytest.mark.parametrize("overlap", [0, 1, 3, 8, 23])
@pytest.mark.parametrize("frames", [1, 2, 3, 6, 25, 26, 50, 51, 124, 10_000])
def test_sequential_windows_cover_every_frame_once(frames, overlap, window):
    windows = sequential_windows(frames, window, overlap)
    shown = [frame for index in range(len(windows)) for frame in emitted(windows, index)]
    assert shown == list(range(frames))
    assert {len(one) for one in windows} == {min(window, frames)}
    for index, one in enumerate(windows):
        shared = set(one.frames[1:]) & set(windows[index - 1].frames[1:]) if index else set()
        assert one.overlap == len(shared)
        assert set(one.frames[1 : 1 + one.overlap]) == shared
        if index:
            assert one.overlap >= min(overlap, window - 2)
    assert len(set(windows)) == len(windows)


def test_no_more_windows_than_the_overlap_asks_for():
    assert len(sequential_windows(50, 25, 8)) == 3
    assert len(sequential_windows(25, 25, 8)) == 1
    assert len(sequential_windows(50, 25, 12)) == 4


def test_a_blend_falls_from_the_old_to_the_new():
    assert np.allclose(blend_weights(3), [0.75, 0.5, 0.25])
    assert len(blend_weights(0)) == 0
