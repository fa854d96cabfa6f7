"""Several faces of one picture that move in one video."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import faceshot
from faceshot.errors import UsageError
from faceshot.formats import write_sequence
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, Size
from faceshot.media import probe, read_frames
from faceshot.pipeline.crowd import in_step, put_together, shares
from tests.helpers import face_points

SIDE = 96
PAIR = Size(2 * SIDE, SIDE)
FACES = [Landmarks(face_points(SIDE) + np.array([k * SIDE, 0], np.float32), PAIR) for k in (0, 1)]


@pytest.fixture(scope="module")
def pair() -> Picture:
    y, x = np.mgrid[0:SIDE, 0 : 2 * SIDE]
    return Picture(np.stack([x % 128 * 2, y * 2, x + y], -1).astype(np.uint8), name="pair.png")


def nodding(frames: int, fps: int, way: float = 6) -> LandmarkSequence:
    """The face goes down by ``way`` pixels."""
    xy = np.repeat(face_points(SIDE)[None], frames, 0)
    xy[..., 1] += np.linspace(0, way, frames)[:, None]
    return LandmarkSequence(xy, Size(SIDE, SIDE), Fraction(fps))


def test_every_pixel_is_shared_out_and_goes_to_the_nearest_face() -> None:
    small = replace(FACES[1], xy=(FACES[1].xy - FACES[1].xy.mean(0)) / 3 + FACES[1].xy.mean(0))
    weights = shares(PAIR, [FACES[0], small])
    assert weights.shape == (2, SIDE, 2 * SIDE) and weights.dtype == np.float32
    assert np.allclose(weights.sum(axis=0), 1, atol=1e-6)
    for face, own in zip((FACES[0], small), weights, strict=True):
        x, y = np.rint(face.xy).astype(int).T
        assert own[y, x].min() > 0.99, "each has its own points to itself"
    middle = weights[0, SIDE // 2]
    assert (np.diff(middle) <= 1e-6).all() and (middle > 0.5).sum() > 1.1 * SIDE, "a small face gets less room"


def test_frames_are_put_together_exactly_and_softly_between() -> None:
    weights = shares(PAIR, FACES)
    videos = [np.full((3, SIDE, 2 * SIDE, 4), value, np.uint8) for value in (40, 200)]
    frame = next(put_together(videos, weights))
    assert (frame[:, : SIDE // 2] == 40).all() and (frame[:, -SIDE // 2 :] == 200).all()
    across = frame[SIDE // 2, :, 0].astype(int)
    assert (np.diff(across) >= 0).all() and np.diff(across).max() < 80
    noise = np.random.default_rng(0).integers(0, 256, (1, SIDE, 2 * SIDE, 3), np.uint8)
    assert np.array_equal(next(put_together([noise, noise], weights)), noise[0]), "what rests stays as it is"


def test_motions_of_other_rates_and_lengths_keep_step() -> None:
    fast, slow = nodding(31, 30), nodding(61, 20, way=12)
    first, second = in_step([fast, slow])
    assert (len(first), first.fps) == (len(second), second.fps) == (92, Fraction(30))
    assert np.array_equal(first.xy[:31], fast.xy) and (first.xy[31:] == fast.xy[-1]).all(), "who is done rests"
    assert np.allclose(second.xy[3], slow.xy[2], atol=1e-4)
    assert np.allclose(second.xy[1], slow.xy[0] / 3 + slow.xy[1] * 2 / 3, atol=1e-4)
    assert in_step([fast])[0] is fast


def test_each_face_moves_as_its_own_clip(pair: Picture, tmp_path: Path) -> None:
    still = tmp_path / "still.npz"
    write_sequence(still, nodding(5, 10, way=0))
    made = faceshot.animate(pair, driving=[still, nodding(9, 10)], landmarks=FACES, output=tmp_path / "frames")
    assert len(made.sequence) == 9 and len(made.others) == 1 and made.landmarks == FACES[0]
    frames = np.stack(list(read_frames(tmp_path / "frames")))
    apart = np.abs(frames.astype(int) - pair.rgb).max(axis=(0, 3))
    assert apart[:, : SIDE // 2].max() == 0, "the left one rests, to the last bit"
    assert apart[:, -SIDE // 2 :].max() > 8
    record = json.loads(made.sidecar.read_text("utf-8"))
    assert record["faces"] == 2 and record["sources"]["driving"][0]["name"] == "still.npz"
    alone = faceshot.animate(pair, driving=nodding(9, 10), landmarks=FACES[1], output=tmp_path / "alone")
    other = np.stack(list(read_frames(alone.output)))
    assert np.array_equal(frames[:, :, -SIDE // 2 :], other[:, :, -SIDE // 2 :]), "as if it were alone"


def test_one_motion_moves_all(pair: Picture, tmp_path: Path) -> None:
    made = faceshot.animate(pair, motion="nod", seconds=0.5, landmarks=FACES, output=tmp_path / "all.mp4")
    assert probe(made.output).frames == len(made.sequence) == len(made.others[0])
    gone = made.others[0].xy - made.sequence.xy
    assert np.allclose(gone, gone[:1], atol=0.05), "both nod alike"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"driving": [nodding(2, 10)] * 2}, "character_face"),
        ({"driving": [nodding(2, 10)] * 3, "landmarks": FACES}, "3 clips for 2 faces"),
        ({"driving": []}, "empty list"),
        ({"motion": "nod", "landmarks": FACES, "save_landmarks": "a.json"}, "save_landmarks keeps"),
        ({"motion": "nod", "character_face": "all", "box": (1, 1, 50, 50)}, "give one of them"),
    ],
)
def test_what_does_not_fit_is_refused(pair: Picture, tmp_path: Path, given: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        faceshot.animate(pair, output=tmp_path / "a.mp4", **given)
    assert not list(tmp_path.iterdir())
