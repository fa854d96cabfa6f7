"""Measures against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.driving.motions import motion_template
from faceshot.errors import InputError, UsageError
from faceshot.landmarks.metrics import (
    MOTION_GROUPS,
    auc,
    crossings,
    eye_opening,
    face_size,
    failure_rate,
    jitter,
    motion_difference,
    nme,
    part_nme,
)
from faceshot.landmarks.topology import PART_POINTS

FACE = motion_template("idle").xy[0].astype(np.float64)
IOD = float(np.linalg.norm(FACE[45] - FACE[36]))
BOX = float(np.sqrt(np.prod(np.ptp(FACE, axis=0))))


def turned(xy: np.ndarray, degrees: float, scale: float = 1.0) -> np.ndarray:
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return (xy - 200) @ np.array([[c, s], [-s, c]]) + 200


@pytest.mark.parametrize(("normaliser", "size"), [("box", BOX), ("iod", IOD)])
def test_nme_of_a_shift_is_the_shift_over_the_face_size(normaliser: str, size: float) -> None:
    assert nme(FACE + (3, 4), FACE, normaliser=normaliser) == pytest.approx(5 / size)  # type: ignore[arg-type]
    assert face_size(FACE, normaliser) == pytest.approx(size)  # type: ignore[arg-type]


def test_invisible_points_count_neither_for_the_error_nor_for_the_box() -> None:
    visible = np.ones(68, bool)
    visible[:17] = False
    wrong = FACE.copy()
    wrong[:17] += 1000
    assert nme(wrong, FACE, visible=visible) == 0
    assert face_size(FACE, "box", visible) == pytest.approx(np.sqrt(np.prod(np.ptp(FACE[17:], axis=0))))


def test_parts_are_normalised_by_the_whole_face() -> None:
    wrong = FACE.copy()
    wrong[list(PART_POINTS["nose"])] += (0, 9)
    visible = np.ones(68, bool)
    visible[list(PART_POINTS["mouth"])] = False
    parts = part_nme(wrong, FACE, visible=visible)
    assert parts["nose"] == pytest.approx(9 / BOX, rel=0.2)
    assert parts["eyes"] == 0
    assert np.isnan(parts["mouth"])


def test_batches() -> None:
    errors = nme(np.stack([FACE, FACE + (3, 4)]), np.stack([FACE, FACE]))
    np.testing.assert_allclose(errors, [0, 5 / BOX])


def test_the_development_scorer_agrees(shared) -> None:  # type: ignore[no-untyped-def]
    """``box`` is the development characters' main figure: sqrt(w h) of the box of the visible true points."""
    import json

    entries = json.loads((shared / "characters/landmarks.json").read_text())
    entries = entries.get("characters", entries)
    entry = next(iter(entries.values())) if isinstance(entries, dict) else entries[0]
    truth = np.asarray(entry["points"], np.float64)
    mask = np.ones(68, bool)
    for part, points in PART_POINTS.items():
        mask[list(points)] = entry["visible"][part]
    box = truth[mask].max(0) - truth[mask].min(0)
    wanted = np.linalg.norm([2, 0]) / np.sqrt(box[0] * box[1])
    assert nme(truth + (2, 0), truth, visible=mask) == pytest.approx(wanted)


def test_auc_and_failures() -> None:
    errors = [0.0, 0.04, 0.08, 0.2, np.nan]
    assert auc(errors, 0.08) == pytest.approx((1 + 0.5) / 5)
    assert failure_rate(errors, 0.08) == pytest.approx(2 / 5)
    assert auc([0.0]) == 1


def test_motion_difference_ignores_conventions_but_not_motion() -> None:
    clip = motion_template("surprise").xy.astype(np.float64)
    offset = np.random.default_rng(0).normal(0, 5, (68, 2))
    offset[[36, 45]] = 0
    assert motion_difference(clip, clip + offset)["mean"] == pytest.approx(0, abs=1e-9)
    assert motion_difference(clip, clip * 3 + 40)["mean"] == pytest.approx(0, abs=1e-9)
    still = np.repeat(clip[:1], len(clip), 0)
    moved = still.copy()
    moved[1:, 48:68, 1] += IOD / 10
    got = motion_difference(still, moved)
    share = (len(clip) - 1) / len(clip)
    assert got["mouth"] == pytest.approx(0.1 * share)
    assert got["jaw"] == 0
    assert got["mean"] == pytest.approx(0.1 * share * 20 / 68)
    assert set(got) == {*MOTION_GROUPS, "mean"}


def test_motion_difference_from_another_rest_frame() -> None:
    clip = np.repeat(FACE[None], 4, 0)
    shifted = clip.copy()
    shifted[0] += (IOD, 0)
    assert motion_difference(clip, shifted, rest=0)["mean"] == pytest.approx(0.75)
    assert motion_difference(clip, shifted, rest=2)["mean"] == pytest.approx(0.25)


def test_relative_motion_leaves_the_head_out() -> None:
    clip = motion_template("talk").xy.astype(np.float64)
    heads = np.stack([turned(frame, 0.2 * k, 1 + 0.001 * k) + (k, -k) for k, frame in enumerate(clip)])
    assert motion_difference(clip, heads)["mean"] > 0.1
    assert motion_difference(clip, heads, relative=True)["mean"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("angle", [0, 50, 180])
def test_crossings_are_seen_in_the_eyes_own_frame(angle: float) -> None:
    clip = np.repeat(FACE[None], 3, 0)
    clip[1, [37, 41]] = clip[1, [41, 37]]
    clip[2, [62, 66]] = clip[2, [66, 62]]
    clip[2, 51], clip[2, 57] = clip[2, 57].copy(), clip[2, 51].copy()
    got = crossings(np.stack([turned(frame, angle) for frame in clip]))
    assert got == {"right_eye": 1, "left_eye": 0, "inner_lips": 1, "outer_lips": 1}


def test_eye_opening_and_jitter() -> None:
    opening = eye_opening(FACE)
    assert opening[0] == pytest.approx(
        np.mean([np.linalg.norm(FACE[37] - FACE[41]), np.linalg.norm(FACE[38] - FACE[40])])
    )
    even = FACE + np.arange(5)[:, None, None] * np.array([2.0, 1.0])
    assert jitter(even) == pytest.approx(0, abs=1e-12)
    shaken = np.repeat(FACE[None], 5, 0) + np.array([0, 1, 0, 1, 0])[:, None, None] * np.array([3.0, 4.0])
    assert jitter(shaken) == pytest.approx(10 / IOD)
    assert jitter(FACE[None]) == 0


def test_unusable_arrays_are_refused() -> None:
    with pytest.raises(InputError, match="67"):
        nme(FACE[:67], FACE[:67])
    with pytest.raises(InputError, match="finite"):
        nme(FACE * np.nan, FACE)
    with pytest.raises(UsageError, match="pupils"):
        nme(FACE, FACE, normaliser="pupils")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="size 0"):
        nme(FACE, np.zeros((68, 2)))
    with pytest.raises(InputError, match="sequences"):
        motion_difference(FACE, FACE)
    with pytest.raises(InputError, match="rest frame 5"):
        motion_difference(FACE[None], FACE[None], rest=5)
    with pytest.raises(InputError, match="no errors"):
        auc([])
    with pytest.raises(UsageError, match="limit"):
        failure_rate([0.1], 0)
