"""Lids and lips by the networks: what is read of drawn eyes and mouths, and how it is put onto the points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceshot.tracking import looks as module
from faceshot.tracking import placing
from faceshot.tracking.looks import FaceLooks, Reading, looks_folder
from tests.moving import FPS, moving_face

ALL = np.ones(40, bool)


def reading(right: np.ndarray, left: np.ndarray, gap: np.ndarray | None = None, clear: float = 0.8) -> Reading:
    """All measures of an eye agree."""
    eyes = np.stack([np.column_stack([np.tile(one[:, None], 5), np.full(len(one), 0.03)]) for one in (right, left)], 1)
    gap = np.zeros(len(right)) if gap is None else gap
    places = np.array([[0.0, 0.0, 1.0]] * 2)
    return Reading(eyes, np.column_stack([gap, 0 * gap, 0 * gap, np.full(len(gap), clear)]), places)


def test_both_eyes_close_together_unless_a_wink_is_plain() -> None:
    right = np.ones(40)
    left = np.ones(40)
    right[10:13], left[10:13] = 0.3, 0.6  # a blink of which one eye was read half
    right[20:27] = 0.1  # a wink
    right[33:35] = 0.1  # too short for one
    share = placing.openings(reading(right, left), ALL)
    assert (share[11] < 0.5).all()
    assert share[23, 0] < 0.2 and share[23, 1] > 0.9
    assert abs(share[33, 0] - share[33, 1]) < 0.65
    assert np.allclose(share[:8], 1.0, atol=0.05)


def test_looks_that_disagree_make_no_wink() -> None:
    right, left = np.ones(40), np.ones(40)
    right[20:27] = 0.1
    said = reading(right, left)
    said.eyes[20:27, 0, 5] = 0.4
    assert placing.openings(said, ALL)[23, 0] > 0.6


def face() -> np.ndarray:
    _, truth = moving_face("person", frames=1)
    return truth.xy[0].astype(np.float64)


def test_lids_are_put_where_they_were_read() -> None:
    xy = np.repeat(face()[None], 40, 0)
    share = np.ones((40, 2))
    share[10:14] = 0.0
    placing.place_eyes(xy, xy.copy(), share, 0)
    gap = np.linalg.norm(xy[:, 37] - xy[:, 41], axis=1)
    assert gap[12] < 0.01 * gap[0] and np.allclose(gap[20], gap[0])
    assert np.allclose(xy[0], face())


def test_eyes_tracked_too_wide_are_put_into_their_corners_and_small_doubts_are_not_believed() -> None:
    xy = np.repeat(face()[None], 3, 0)
    xy[1] += 20
    before = xy.copy()
    placing.put_corners(xy, np.array([[0.1, 0.0, 0.7], [0.03, -0.04, 1.05]]))
    old, new = (np.linalg.norm(one[:, 39] - one[:, 36], axis=1) for one in (before, xy))
    assert np.allclose(new, 0.7 * old)
    middle = (xy[:, 36] + xy[:, 39] - before[:, 36] - before[:, 39]) / 2
    assert np.allclose(middle, 0.1 * (before[:, 39] - before[:, 36]))
    assert (xy[:, 42:48] == before[:, 42:48]).all()


def test_the_gap_of_the_lips_is_what_was_read_and_an_unclear_one_is_not_believed() -> None:
    gap = np.full(40, 0.03)
    gap[10:30] = 0.43
    still = np.repeat(face()[None], 40, 0)
    for clear, opened in ((0.8, 0.4), (0.4, 0.0)):
        xy = still.copy()
        placing.place_gap(xy, reading(np.ones(40), np.ones(40), gap, clear), ALL, 0)
        change = [
            np.mean([np.linalg.norm(frame[a] - frame[b]) for a, b in ((61, 67), (62, 66), (63, 65))])
            / np.linalg.norm(frame[54] - frame[48])
            for frame in (xy[0], xy[20])
        ]
        assert abs(change[1] - change[0] - opened) < 0.02


@pytest.mark.parametrize(("drift", "left"), [(0.3, 0.04), (-0.3, -0.04), (0.02, 0.02)])
def test_lips_slide_past_each_other_a_little_only(drift: float, left: float) -> None:
    rest = face()
    across = rest[54] - rest[48]
    xy = np.stack([rest, rest])
    lower = [57, 66]
    xy[1, lower] += drift * across + 0.2 * np.array([-across[1], across[0]])
    before = xy.copy()
    placing.limit_slide(xy, 0)
    assert np.allclose(xy[0], rest)
    for up, low in ((51, 57), (62, 66)):
        apart, was, usual = (frame[low] - frame[up] for frame in (xy[1], before[1], rest))
        slide = (apart - usual) @ across / (across @ across)
        assert slide == pytest.approx(left, abs=1e-6)
        down = np.array([-across[1], across[0]])
        assert apart @ down == pytest.approx(was @ down)
    still = np.setdiff1d(np.arange(68), [51, 57, 62, 66])
    assert np.allclose(xy[1, still], before[1, still])


def test_windows_read_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long clip is read in parts; the references stay those of the first."""
    folder = looks_folder()
    assert folder is not None and folder.is_dir()
    pictures, truth = moving_face("person", frames=10)

    def read(window: int) -> Reading:
        monkeypatch.setattr(module, "_WINDOW", window)
        looks = FaceLooks(truth.xy[0].astype(np.float64), Path(folder))
        for picture, xy in zip(pictures, truth.xy, strict=True):
            looks.add(picture, xy.astype(np.float64), xy.astype(np.float64), 1.0)
            looks.read()
        found = looks.reading()
        assert found is not None and found.eyes.shape == (10, 2, 6) and found.mouth.shape == (10, 4)
        return found

    whole, parts = read(600), read(8)
    assert np.isfinite(whole.eyes).all() and np.abs(whole.eyes[:8] - parts.eyes[:8]).max() < 0.6
    assert FPS > 0


def test_a_tiny_face_is_not_read() -> None:
    folder = looks_folder()
    assert folder is not None
    looks = FaceLooks(face() * 0.05, folder)
    looks.add(np.zeros((20, 20, 3), np.uint8), face() * 0.05, face() * 0.05, 1.0)
    assert not looks.usable and looks.reading() is None


def test_reading_leaves_the_mask_of_an_eye_out_and_answers_the_same() -> None:
    import torch

    from faceshot.tracking.networks import EYE_SIZE, EyeNetwork, load_network
    from faceshot.tracking.reading import fused

    folder = looks_folder()
    assert folder is not None
    crops = torch.randn(3, 6, *EYE_SIZE, generator=torch.Generator().manual_seed(0))
    whole = load_network(EyeNetwork(), folder / "eyes.safetensors")
    with torch.inference_mode():
        told, read = whole(crops), fused(load_network(EyeNetwork(), folder / "eyes.safetensors"))(crops)
    assert told.mask.shape == (3, 24, 32) and read.mask.shape == (3, 0, 0)
    for one, other in zip(told[:-1], read[:-1], strict=True):
        assert torch.allclose(one, other, atol=1e-3)
