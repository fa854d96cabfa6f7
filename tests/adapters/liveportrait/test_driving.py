"""Driving by landmarks: which keypoints a nod, a wink, a smile move, which way, and how far at most."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from faceshot.landmarks import topology as topo
from faceshot_liveportrait.driving.deltas import Deltas
from faceshot_liveportrait.driving.head_pose import generic_depth, head_pose, soften
from faceshot_liveportrait.driving.landmarks import LandmarkWays, Marks, keypoints, stitching_fits
from faceshot_liveportrait.driving.motion import Motion, Source, rotation
from faceshot_liveportrait.driving.reading import assess, snapped
from faceshot_liveportrait.place import CropFrame, face_crop, openness
from tests.adapters.liveportrait.standin import Standin, layout_of

ALL = np.ones(68, bool)


@pytest.fixture(scope="module")
def rest(drawn_face):
    """(68, 2) the drawn face in crop units."""
    landmarks = drawn_face(256)[1]
    return face_crop(landmarks.xy).to_units(landmarks.xy)


def source_of(layout, tilt=(0.0, 0.0, 0.0)):
    turn = rotation(*(np.array([angle]) for angle in tilt))
    own = Motion(turn, np.zeros((1, 21, 3)), np.ones(1), np.zeros((1, 3)))
    return Source.of(np.asarray(layout, np.float64) @ turn[0].T, own)


def drive(rest, frames, *, layout=None, visible=ALL, absent=(), **ways):
    layout = layout_of(rest) if layout is None else layout
    source = source_of(layout)
    reading = assess(source.x, rest, frozenset(absent))
    eyes, lips = openness(rest)
    deltas = Deltas(Standin(layout), source.x, eyes, float(lips[0]))
    marks = Marks(rest, np.stack([np.asarray(f, np.float64) for f in frames]), visible)
    return keypoints(source, marks, reading, deltas, LandmarkWays(**ways)) - source.x


def shut(xy, eyes, amount=1.0):
    out = xy.copy()
    for eye in eyes:
        for up, low in topo.LID_PAIRS[eye]:
            meet = 0.2 * xy[up] + 0.8 * xy[low]
            out[up] += amount * (meet - xy[up])
            out[low] += amount * (meet - xy[low])
    return out


def open_mouth(xy, way):
    out = xy.copy()
    out[list(topo.OUTER_LIPS[7:] + topo.INNER_LIPS[5:]), 1] += way
    return out


def smile(xy, way):
    out = xy.copy()
    middle, half = xy[list(topo.OUTER_LIPS), 0].mean(), np.ptp(xy[list(topo.OUTER_LIPS), 0]) / 2
    mouth = list(topo.OUTER_LIPS + topo.INNER_LIPS)
    out[mouth, 1] -= way * ((xy[mouth, 0] - middle) / half) ** 2
    return out


def tilted(xy, *, nod=0.0, turn=0.0):
    """The landmarks of a round head that nods (down) or turns (to the image right), degrees, seen from far away."""
    half = np.ptp(xy[:, 0]) / 2
    centre = xy[[0, 16, 36, 39, 42, 45]].mean(0)
    points = np.column_stack([xy - centre, half * generic_depth()])
    return (points @ rotation(nod, -turn, 0.0))[:, :2] + centre


# --- each part its own keypoints -----------------------------------------------------------------------------------


def test_unchanged_landmarks_move_nothing(rest):
    assert not drive(rest, [rest, rest], stitching=True, multiplier=2.0).any()


@pytest.mark.parametrize("way", ["ratio", "points"])
@pytest.mark.parametrize(("eye", "group"), [("right_eye", (11, 13)), ("left_eye", (15, 16))])
def test_a_wink_is_one_eyes(rest, eye, group, way):
    (change,) = drive(rest, [shut(rest, [eye])], eyes=way)
    upper, lower = group
    assert change[upper, 1] > 0.015 and change[lower, 1] <= 0
    others = [point for point in (11, 13, 15, 16) if point not in group]
    assert np.abs(change[others]).max() < 1e-6
    assert np.abs(change[[14, 17, 19, 20]]).max() < 1e-3


def test_a_mirrored_reading_winks_the_same_side_of_the_picture(rest):
    layout = layout_of(rest)
    swapped = layout.copy()
    swapped[[11, 13, 15, 16]] = layout[[15, 16, 11, 13]]
    (change,) = drive(rest, [shut(rest, ["right_eye"])], layout=swapped)
    assert change[15, 1] > 0.015 and np.abs(change[[11, 13]]).max() < 1e-6


def test_a_blink_is_twice_half_a_blink(rest):
    half, whole = drive(rest, [shut(rest, topo.LID_PAIRS, 0.5), shut(rest, topo.LID_PAIRS)])
    assert whole[11, 1] == pytest.approx(2 * half[11, 1], rel=0.35)


@pytest.mark.parametrize("way", ["ratio", "points"])
def test_an_opening_mouth_drops_the_lower_lip_most(rest, way):
    some, more = drive(rest, [open_mouth(rest, 0.03), open_mouth(rest, 0.06)], mouth=way)
    assert 0 < some[19, 1] < more[19, 1] < 0.2
    assert np.abs(more[19, 1]) > np.abs(np.delete(more, 19, 0)).max()
    assert np.abs(more[[11, 13, 15, 16]]).max() < 1e-6


def test_a_smile_raises_the_corners_and_a_frown_lowers_them(rest):
    up, down = drive(rest, [smile(rest, 0.03), smile(rest, -0.03)])
    assert up[14, 1] < -0.02 and down[14, 1] > 0.02
    assert up[20, 1] < 0 < up[17, 1]  # as the published editor has its smile


def test_raised_brows_move_the_brows_only(rest):
    raised = rest.copy()
    raised[list(topo.RIGHT_BROW + topo.LEFT_BROW), 1] -= 0.03
    (change,) = drive(rest, [raised])
    assert change[2, 1] < -0.01 and change[1, 1] > 0
    assert np.abs(np.delete(change, [1, 2], 0)).max() < 0.004


@pytest.mark.parametrize("way", ["ratio", "points"])
def test_eyes_off_and_mouth_off_hold_still(rest, way):
    both = open_mouth(shut(rest, topo.LID_PAIRS), 0.05)
    (no_eyes,) = drive(rest, [both], eyes="off", mouth=way)
    (no_mouth,) = drive(rest, [both], eyes=way, mouth="off")
    assert not no_eyes[[11, 13, 15, 16]].any() and no_eyes[19].any()
    assert not no_mouth[[14, 19, 20]].any() and no_mouth[11].any()


# --- the head ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("angle", "zoom", "shift"), [(12, 1, (0, 0)), (-7, 1.15, (0.05, -0.03)), (0, 0.9, (0, 0.1))])
def test_a_similarity_is_followed_exactly(rest, angle, zoom, shift):
    a = np.deg2rad(angle)
    linear = zoom * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])

    def move(xy):
        return xy @ linear.T + shift

    layout = layout_of(rest)
    (change,) = drive(rest, [move(rest)], layout=layout)
    np.testing.assert_allclose(change[:, :2], move(layout[:, :2]) - layout[:, :2], atol=0.002)
    np.testing.assert_allclose(change[:, 2], (zoom - 1) * layout[:, 2], atol=0.002)


def test_a_nod_and_a_turn_move_the_nose_ahead_of_the_contour(rest):
    nod, turn = drive(rest, [tilted(rest, nod=12), tilted(rest, turn=15)], eyes="off", mouth="off", field=False)
    assert nod[10, 1] > nod[8, 1] + 0.005 and nod[10, 1] > 0
    assert turn[10, 0] > turn[8, 0] + 0.005 and turn[10, 0] > 0


@pytest.mark.parametrize("name", ["nod", "turn"])
def test_the_fitted_angle_has_the_heads_sign_and_size(rest, name):
    angles = np.array([-15.0, -6.0, 6.0, 15.0])
    pose = head_pose(rest, np.stack([tilted(rest, **{name: angle}) for angle in angles]), ALL)
    found = np.degrees(pose.pitch if name == "nod" else -pose.yaw)
    assert (np.sign(found) == np.sign(angles)).all()
    assert (np.abs(found) > 0.5 * np.abs(angles)).all() and (np.abs(found) < 1.2 * np.abs(angles)).all()


def test_turn_is_an_option(rest):
    (off,) = drive(rest, [tilted(rest, turn=15)], turn=0.0)
    (on,) = drive(rest, [tilted(rest, turn=15)], turn=0.5)
    depth = layout_of(rest)[:, 2]
    some = np.abs(depth) > 0.01
    assert np.ptp(off[some, 2] / depth[some]) < 1e-4  # nothing but a change of size
    assert np.ptp(on[some, 2] / depth[some]) > 0.1


def test_noise_turns_no_head(rest):
    noise = np.random.default_rng(0).normal(0, 0.004, (50, 68, 2))
    pose = head_pose(rest, rest + noise, ALL)
    assert np.degrees(np.abs(np.concatenate([pose.yaw, pose.pitch]))).max() < 4


def test_wild_landmarks_stay_within_limits(rest):
    wild = rest + np.random.default_rng(1).normal(0, 0.5, (20, 68, 2))
    change = drive(rest, list(wild))
    assert np.isfinite(change).all() and np.abs(change).max() < 2.5
    expression = drive(rest, list(wild), region="exp")
    assert np.abs(expression).max() < 0.3 and not expression[:, [6, 8, 9, 12, 18]].any()


def test_large_motion_asks_for_no_stitching(rest):
    def fits(frame):
        return stitching_fits(Marks(rest, frame[None], ALL))

    assert fits(rest + [0.1, 0]) and not fits(rest + [0.4, 0])
    a = np.deg2rad(25)
    assert not fits(rest @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]))


def test_soften_is_the_identity_up_to_the_knee():
    values = np.linspace(-3, 3, 61)
    out = soften(values, 1.0, 1.5)
    inside = np.abs(values) <= 1
    assert np.array_equal(out[inside], values[inside])
    assert np.abs(out).max() <= 1.5 and (np.diff(out) > 0).all()
    assert not soften(np.ones(2), 0.0, 0.0).round(9).any()


# --- did M read the face? ------------------------------------------------------------------------------------------


def test_a_good_reading_is_believed(rest):
    reading = assess(layout_of(rest), rest, frozenset())
    assert reading.whole and reading.read("eyes") and reading.read("mouth")
    assert reading.right_first and reading.right_brow_first


@pytest.mark.parametrize(("points", "part"), [((11, 13, 15, 16), "eyes"), ((14, 17, 19, 20), "mouth")])
def test_keypoints_off_their_part_are_noticed_and_snapped(rest, points, part):
    layout = layout_of(rest)
    layout[list(points), 1] += 0.3
    source = source_of(layout)
    reading = assess(source.x, rest, frozenset())
    assert not reading.read(part) and not reading.whole
    assert reading.read("mouth" if part == "eyes" else "eyes")
    moved = snapped(source, rest, reading)
    assert assess(moved.x, rest, frozenset()).whole
    untouched = [point for point in range(21) if point not in points]
    assert np.array_equal(moved.x[untouched], source.x[untouched])
    assert np.array_equal(moved.x[:, 2], source.x[:, 2])


def test_absent_parts_are_not_asked_for(rest):
    layout = layout_of(rest)
    layout[[14, 17, 19, 20], 1] += 0.3
    reading = assess(layout, rest, frozenset(["mouth"]))
    assert reading.mouth is None and reading.whole
    nothing = assess(layout, rest, frozenset(topo.PARTS))
    assert not nothing.whole and "absent" in nothing.text()


def test_tall_eyes_close_by_their_share(rest):
    tall = rest.copy()
    for eye in (topo.RIGHT_EYE, topo.LEFT_EYE):
        points = list(eye)
        centre = tall[points].mean(0)
        tall[points, 1] = centre[1] + 2.0 * (tall[points, 1] - centre[1])
    assert openness(tall)[0].min() > 1.2  # beyond any human eye
    half, whole = drive(tall, [shut(tall, topo.LID_PAIRS, 0.5), shut(tall, topo.LID_PAIRS)])
    assert 0.015 < half[11, 1] < whole[11, 1]


def test_ratio_networks_are_asked_for_differences():
    asked = []

    class Recorder(Standin):
        def retarget_eyes(self, x_s, ratios):
            asked.append(ratios.clone())
            return super().retarget_eyes(x_s, ratios) + 0.5  # a bias that a difference does not see

    rest = np.random.default_rng(3).uniform(-0.4, 0.4, (68, 2))
    frame = face_crop(rest)
    assert isinstance(frame, CropFrame)
    source = source_of(np.zeros((21, 3)))
    deltas = Deltas(Recorder(np.zeros((21, 3))), source.x, (0.3, 0.3), 0.0)
    marks = Marks(rest, rest[None] * [[[1.0, 1.1]]], ALL)
    reading = assess(source.x, rest, frozenset())
    out = keypoints(source, marks, reading, deltas, LandmarkWays(region="eyes"))
    assert np.abs(out - source.x).max() < 0.1
    assert len(asked) == 2 and all(torch.isfinite(ratios).all() for ratios in asked)
    assert all((ratios >= 0).all() and (ratios <= 0.8).all() for ratios in asked)
