"""The built-in motions: they start at rest, loop, repeat, and show what their name says."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from faceshot.driving.motion_face import NEUTRAL, Pose, face_points
from faceshot.driving.motions import MOTIONS, motion_template
from faceshot.errors import InputError, UsageError
from faceshot.landmarks.metrics import crossings, eye_opening
from faceshot.landmarks.topology import FLIP

NEUTRAL_FACE = face_points(Pose())[0]


def mouth_opening(xy: np.ndarray) -> np.ndarray:
    return np.linalg.norm(xy[:, 66] - xy[:, 62], axis=-1)


def test_the_neutral_face_is_symmetric_well_proportioned_and_at_rest() -> None:
    np.testing.assert_array_equal(NEUTRAL[list(FLIP)] * (-1, 1, 1), NEUTRAL)
    xy = NEUTRAL_FACE
    width, eyes = xy[16, 0] - xy[0, 0], xy[45, 0] - xy[36, 0]
    assert 0.55 < eyes / width < 0.75
    assert 0.9 < (xy[8, 1] - xy[19, 1]) / width < 1.15
    assert (eye_opening(xy) / np.linalg.norm(xy[39] - xy[36]) > 0.28).all()
    assert mouth_opening(xy[None])[0] < 0.02 * width
    assert sum(crossings(xy).values()) == 0
    assert xy.min() > 0 and xy.max() < 512


@pytest.mark.parametrize("name", MOTIONS)
def test_every_motion_starts_at_rest_loops_and_is_deterministic(name: str) -> None:
    clip = motion_template(name)
    assert clip.size == (512, 512) and clip.rest == 0 and clip.fps == 30
    np.testing.assert_allclose(clip.xy[0], NEUTRAL_FACE, atol=1e-3)
    ring = np.concatenate([clip.xy, clip.xy[:3]]).astype(np.float64)
    step = np.linalg.norm(np.diff(ring, axis=0), axis=-1).max(1)
    bend = np.linalg.norm(np.diff(ring, n=2, axis=0), axis=-1).max(1)
    assert step[len(clip) - 1] <= step[:-3].max() + 1e-6  # last frame -> first frame is a step like any other
    assert bend[-2:].max() < 0.5 * max(bend[:-2].max(), 1)
    assert motion_template(name) == clip
    assert sum(crossings(clip.xy).values()) == 0
    assert clip.xy.min() > 60 and clip.xy.max() < 452


@pytest.mark.parametrize("name", MOTIONS)
@pytest.mark.parametrize(("fps", "seconds"), [(Fraction(30000, 1001), 3.3), (12, 20.0), (60, 0.5), (25, 1.3)])
def test_any_rate_and_length(name: str, fps: object, seconds: float) -> None:
    clip = motion_template(name, fps=fps, seconds=seconds)
    assert len(clip) == max(2, round(seconds * clip.fps))
    np.testing.assert_allclose(clip.xy[0], NEUTRAL_FACE, atol=1e-3)
    assert np.isfinite(clip.xy).all()
    assert clip.xy.min() > 40 and clip.xy.max() < 472
    assert sum(crossings(clip.xy).values()) == 0


def test_seeds_vary_speech_and_sway() -> None:
    for name in ("talk", "sing", "idle"):
        assert motion_template(name, seed=1) != motion_template(name, seed=2)


@pytest.mark.parametrize("name", ["talk", "idle", "sing", "laugh", "nod", "shake", "surprise"])
def test_eyes_blink(name: str) -> None:
    opening = eye_opening(motion_template(name).xy)
    assert (opening.min(0) < 0.25 * opening[0]).all()


def test_talk_opens_and_closes_the_mouth_like_speech() -> None:
    clip = motion_template("talk")
    opening = mouth_opening(clip.xy)
    half = 0.4 * opening.max()
    openings = int(((opening[1:] > half) & (opening[:-1] <= half)).sum())
    assert 1.2 < openings / float(clip.seconds) < 6
    assert opening.max() > 12
    shut = opening < 0.12 * opening.max()
    assert int((shut[1:] & ~shut[:-1]).sum()) >= 3  # lips meet again and again
    width = clip.xy[:, 54, 0] - clip.xy[:, 48, 0]
    assert width.min() < 0.85 * width[0] and width.max() > 1.05 * width[0]


def test_laugh_smiles_with_open_mouth_and_bounces() -> None:
    xy = motion_template("laugh").xy
    mouth = xy[40]
    rest = NEUTRAL_FACE
    assert mouth[54, 0] - mouth[48, 0] > 1.1 * (rest[54, 0] - rest[48, 0])
    assert mouth[[48, 54], 1].mean() < mouth[62, 1] + 2 < mouth[66, 1]
    chin = mouth_opening(xy)[12:50]
    assert int((np.diff(np.sign(np.diff(chin))) < 0).sum()) >= 3


def test_nod_goes_down_and_shake_goes_sideways() -> None:
    nod, shake = (motion_template(name).xy[:, 30] - NEUTRAL_FACE[30] for name in ("nod", "shake"))
    assert nod[:, 1].max() > 25 and abs(nod[:, 0]).max() < 0.3 * nod[:, 1].max()
    assert shake[:, 0].max() > 25 and shake[:, 0].min() < -25 and abs(shake[:, 1]).max() < 15
    peaks = (np.diff(np.sign(np.diff(nod[:, 1]))) < 0).sum()
    assert peaks >= 2


def test_wink_closes_one_eye_only() -> None:
    opening = eye_opening(motion_template("wink").xy)
    assert opening[:, 0].min() < 0.02 * opening[0, 0]
    assert opening[:, 1].min() > 0.75 * opening[0, 1]


def test_surprise_lifts_brows_opens_eyes_and_mouth() -> None:
    xy = motion_template("surprise").xy.astype(np.float64)
    lift = (xy[:, 36:48, 1].mean(1) - xy[:, 17:27, 1].mean(1)).max() - (
        NEUTRAL_FACE[36:48, 1].mean() - NEUTRAL_FACE[17:27, 1].mean()
    )
    assert lift > 10
    assert eye_opening(xy).max() > 1.25 * eye_opening(xy)[0].max()
    assert mouth_opening(xy).max() > 20


def test_idle_is_calm_and_sing_holds_notes() -> None:
    idle, sing = motion_template("idle").xy, motion_template("sing").xy
    assert np.abs(mouth_opening(idle) - mouth_opening(idle)[0]).max() < 3
    assert 2 < np.linalg.norm(idle[:, 30] - idle[0, 30], axis=-1).max() < 20
    opened = mouth_opening(sing) > 8
    run, longest = 0, 0
    for now in opened:
        run = run + 1 if now else 0
        longest = max(longest, run)
    assert longest >= 18


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"name": "dance"}, "dance"),
        ({"name": "nod", "seconds": 0.1}, "seconds"),
        ({"name": "nod", "seconds": float("inf")}, "seconds"),
        ({"name": "nod", "seconds": "long"}, "seconds"),
        ({"name": "nod", "seconds": 1000}, "seconds"),
        ({"name": "nod", "seed": -1}, "seed"),
        ({"name": "nod", "seed": 1.5}, "seed"),
    ],
)
def test_what_cannot_be_made_is_refused(arguments: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        motion_template(**arguments)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="fps"):
        motion_template("nod", fps=0)
