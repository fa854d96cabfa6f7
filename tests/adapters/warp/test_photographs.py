"""The warp backend on soft pictures, large motion, gaze, teeth, and what swings behind the head."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from faceshot.landmarks import BLENDSHAPES, Expression, Landmarks, LandmarkSequence, Picture
from faceshot.landmarks import topology as topo
from faceshot.pipeline import AnimationOptions
from faceshot_gallery.illustrator import character, draw
from faceshot_gallery.parts.traits import Pose
from faceshot_warp import Backend
from faceshot_warp.compose import Animator
from faceshot_warp.eyes.eyeball import eyeball
from faceshot_warp.field import Lattice
from faceshot_warp.head.depth import head_depth
from faceshot_warp.head.motion import head_motion
from faceshot_warp.head.sway import sway
from faceshot_warp.mouth.measure import opened
from faceshot_warp.options import WarpOptions
from faceshot_warp.style import softness

SIZE = 256


@pytest.fixture(scope="module")
def face(drawn_face):
    return drawn_face(SIZE)


@pytest.fixture(scope="module")
def photo(face):
    """The drawn face as a camera would see it: soft edges, grain."""
    picture, landmarks = face
    blurred = cv2.GaussianBlur(picture.rgb, (0, 0), 1.6).astype(np.float32)
    grain = np.random.default_rng(0).normal(0, 4, blurred.shape)
    return Picture(np.clip(blurred + grain, 0, 255).astype(np.uint8)), landmarks


def turned(xy, degrees=0.0, scale=1.0, shift=(0.0, 0.0)):
    angle = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (xy.min(0) + xy.max(0)) / 2
    return (xy - middle) @ matrix.T + middle + 1.35 * np.ptp(xy, axis=0)[1] * np.asarray(shift)


def in_larger(picture, landmarks, room=200):
    rgb = cv2.copyMakeBorder(picture.rgb, room, room, room, room, cv2.BORDER_REFLECT)
    return Picture(rgb), Landmarks(landmarks.xy + np.float32(room), Picture(rgb).size)


def closed(xy, amount):
    out = xy.copy()
    for eye in ("right_eye", "left_eye"):
        for upper, lower in topo.LID_PAIRS[eye]:
            out[upper] += amount * 0.8 * (xy[lower] - xy[upper])
            out[lower] -= amount * 0.2 * (xy[lower] - xy[upper])
    return out


# --- large motion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "motion",
    [
        {"shift": (0.0, -0.6)},
        {"shift": (0.6, 0.0)},
        {"degrees": 25.0},
        {"scale": 1.4},
        {"degrees": 25.0, "scale": 1.4, "shift": (0.3, -0.3)},
    ],
    ids=["up", "right", "turned", "larger", "all"],
)
def test_the_frame_shows_large_motion_where_the_sequence_says(face, motion):
    picture, landmarks = in_larger(*face)
    rest = landmarks.xy.astype(np.float64)
    xy = turned(rest, **motion)
    inside = ((xy >= 1) & (xy < np.array(picture.size) - 2)).all(1)
    assert inside.sum() > 50
    animator = Animator(picture, landmarks, WarpOptions())
    back = cv2.remap(animator.displacement(xy), xy[inside].astype(np.float32)[:, None], None, cv2.INTER_LINEAR)[:, 0]
    away = np.hypot(*(xy[inside] + back - rest[inside]).T) * motion.get("scale", 1.0)
    assert away.max() < 0.03 * np.hypot(*(rest[36] - rest[45]))


def test_a_shifted_head_is_the_head_shifted(face):
    picture, landmarks = in_larger(*face)
    shift = np.float32([90, -70])
    frame = Animator(picture, landmarks, WarpOptions()).frame(landmarks.xy + shift)
    middle = np.round(landmarks.xy[27:36].mean(0)).astype(int)
    box = np.s_[middle[1] - 50 : middle[1] + 50, middle[0] - 50 : middle[0] + 50]
    there = np.s_[middle[1] - 120 : middle[1] - 20, middle[0] + 40 : middle[0] + 140]
    assert np.abs(frame[there].astype(int) - picture.rgb[box]).mean() < 2


def test_a_strong_turn_is_followed_in_full_and_chins_lie_before_ears(face):
    _, landmarks = face
    rest = landmarks.xy.astype(np.float64)
    depth = head_depth(landmarks, rest).astype(np.float64)
    assert depth[topo.CHIN] > depth[0] + 0.2 * np.ptp(rest[:17, 0])
    head = head_motion(rest, rest + np.outer(depth, [0.5, 0.0]), landmarks.visible, depth)
    assert head.turn == pytest.approx([0.5, 0.0], abs=0.06)


def test_the_turn_of_a_head_is_found_as_depth(face):
    _, landmarks = face
    rest = landmarks.xy.astype(np.float64)
    depth = head_depth(landmarks, rest).astype(np.float64)
    assert depth[topo.NOSE_TIP] > depth[36] > depth[0]
    moved = rest + np.outer(depth, [0.2, 0.05])
    head = head_motion(rest, moved, landmarks.visible, depth)
    assert head.turn == pytest.approx([0.2, 0.05], abs=0.06)
    flat = head_motion(rest, rest + [5, 3], landmarks.visible, depth)
    assert np.abs(flat.turn).max() < 1e-9


def test_a_part_of_a_lattice_has_the_same_nodes():
    lattice = Lattice(10, 20, 200, 150, 5)
    part, nodes = lattice.part(np.array([60.0, 47.0]), np.array([121.0, 90.0]))
    assert np.array_equal(part.nodes(), lattice.nodes()[nodes])
    assert part.left <= 60 and part.top <= 47 and part.left + part.width >= 121 and part.top + part.height >= 90


# --- photographs ---------------------------------------------------------------------------------------------------


def test_photographs_are_told_from_drawings(face, photo):
    assert softness(*face) < 0.3
    assert softness(*photo) == 1.0


def test_lids_of_photographs_have_no_hard_line(face, photo):
    shut = closed(face[1].xy, 1.0)
    drawn, soft = (Animator(*given, WarpOptions()).frame(shut).astype(int).sum(-1) for given in (face, photo))
    eye = np.s_[round(0.40 * SIZE) : round(0.52 * SIZE), round(0.36 * SIZE) : round(0.38 * SIZE)]
    steepest = [int(np.abs(np.diff(frame[eye], axis=0)).max()) for frame in (drawn, soft)]
    assert steepest[1] < 0.7 * steepest[0]


def test_the_pupil_of_a_photograph_is_covered_not_squashed(photo):
    picture, landmarks = photo
    frames = [Animator(picture, landmarks, WarpOptions()).frame(closed(landmarks.xy, a)).astype(int) for a in (0.4, 1)]
    blue = [int(((f[..., 2] - f[..., 0] > 40) & (f[..., 1] < 130)).sum()) for f in (picture.rgb.astype(int), *frames)]
    assert blue[0] > blue[1] > blue[2] and blue[2] < 0.1 * blue[0]


# --- gaze ----------------------------------------------------------------------------------------------------------


def iris_middle(frame, left, right):
    f = frame.astype(int)
    y, x = np.nonzero((f[..., 2] - f[..., 0] > 50) & (f[..., 1] < 130))
    keep = (x >= left) & (x < right)
    return np.array([x[keep].mean(), y[keep].mean()])


@pytest.mark.parametrize("soft", [False, True], ids=["drawn", "photo"])
def test_irises_move_within_their_sockets(face, photo, soft):
    picture, landmarks = photo if soft else face
    animator = Animator(picture, landmarks, WarpOptions())
    frame = animator.frame(landmarks.xy, gaze=np.array([[5.0, 0.0], [5.0, 0.0]]))
    for half in ((0, SIZE // 2), (SIZE // 2, SIZE)):
        moved = iris_middle(frame, *half) - iris_middle(picture.rgb, *half)
        assert moved[0] == pytest.approx(5, abs=1.6) and abs(moved[1]) < 1
    x, y = landmarks.xy[36:42].mean(0)
    away = np.hypot(*np.meshgrid(np.arange(SIZE) - x, np.arange(SIZE) - y)) > 30
    away[:, SIZE // 2 :] = False
    assert np.array_equal(frame[away], picture.rgb[away])
    assert np.array_equal(animator.frame(landmarks.xy), picture.rgb)


def test_the_expression_channel_moves_the_eyes_and_shows_teeth(face):
    picture, landmarks = face
    xy = np.repeat(landmarks.xy[None], 3, 0)
    for i in (*topo.OUTER_LIPS[7:], *topo.INNER_LIPS[5:]):
        xy[2, i, 1] += 26
    still = np.zeros((3, len(BLENDSHAPES)), np.float32)
    gaze = np.zeros((3, 2, 2), np.float32)
    gaze[1:, :, 0] = 0.15
    shown = [
        Expression(still, np.repeat(np.eye(3, dtype=np.float32)[None], 3, 0), gaze, np.array([np.nan, np.nan, t]))
        for t in (0.0, 0.8)
    ]
    size = landmarks.size
    frames = [
        list(
            Backend().animate(
                picture, landmarks, LandmarkSequence(xy, size, Fraction(30), expression=one), AnimationOptions()
            )
        )
        for one in shown
    ]
    assert np.array_equal(frames[0][0], picture.rgb)
    assert iris_middle(frames[0][1], 0, 128)[0] - iris_middle(picture.rgb, 0, 128)[0] > 2
    mouth = np.s_[round(0.7 * SIZE) : round(0.7 * SIZE) + 24, 118:138]
    bright = [int((clip[2][mouth].min(-1) > 150).sum()) for clip in frames]
    assert bright[1] > bright[0] + 100


def test_what_lids_hide_of_an_iris_is_round():
    eye = np.full((60, 80, 3), 240, np.uint8)
    cv2.circle(eye, (40, 22), 16, (60, 40, 30), -1)
    y, x = np.mgrid[:60, :80].astype(np.float32)
    inside = np.minimum(y - 14.0, 46.0 - y)
    eye[inside < 0] = (200, 120, 100)
    whole = eyeball(eye, inside, x, 60.0)
    assert whole[8, 40].mean() < 120 and whole[52, 10].mean() > 200
    assert np.array_equal(whole[inside > 8], eye[inside > 8])


def test_a_highlight_is_no_white_of_the_eye():
    y, x = np.mgrid[:80, :80].astype(np.float32)
    inside = 30 - np.hypot(x - 40, y - 40)
    eye = np.full((80, 80, 3), (200, 120, 100), np.uint8)
    eye[inside > 0] = (40, 24, 20)
    eye[np.hypot(x - 34, y - 32) < 15] = 250
    assert (eye[inside > 0] > 200).all(-1).mean() > 0.24
    beside = (inside < 0) & (inside > -8)
    assert eyeball(eye, inside, x, 60.0)[beside & (x > 50)].max() < 100


def test_lids_take_no_colour_from_a_fringe():
    drawing = draw(character("anime", 2, style="soft3d"), size=SIZE)
    animator = Animator(Picture(drawing.rgb), drawing.landmarks, WarpOptions())
    for eye in animator.eyes:
        # Green hair over brown skin.
        lid = eye.lid.skin[eye.lid.mask > 0.9]
        assert (lid[:, 1] < lid[:, 0]).mean() > 0.9


@pytest.mark.parametrize("axis", [0, 1], ids=["no width", "no height"])
def test_eyes_marked_as_a_line_are_left_open(face, axis):
    picture, landmarks = face
    xy = landmarks.xy.copy()
    for eye in (topo.RIGHT_EYE, topo.LEFT_EYE):
        xy[list(eye), axis] = xy[list(eye), axis].mean() + 0.1 * axis * np.arange(6)
    animator = Animator(picture, Landmarks(xy, landmarks.size), WarpOptions())
    shut = xy + np.float32([0, 0.01])
    shut[[37, 38, 43, 44]] += 6
    x, y = np.round(landmarks.xy[list(topo.RIGHT_EYE)].mean(0)).astype(int)
    change = np.abs(animator.frame(shut).astype(int) - picture.rgb)[y - 3 : y + 4, x - 3 : x + 4]
    assert change.max(-1).mean() < 40


# --- mouth ---------------------------------------------------------------------------------------------------------


def test_an_open_mouth_has_round_corners():
    s = np.linspace(-1, 1, 25)
    gap = np.interp(s, [-1, -0.5, 0, 0.5, 1], [0, 30, 40, 30, 0])
    upper, lower = np.stack([50 + 40 * s, 50 - gap / 2], -1), np.stack([50 + 40 * s, 50 + gap / 2], -1)
    round_upper, round_lower = opened(upper, lower)
    wide = (round_lower - round_upper)[:, 1]
    assert wide[2] > 1.3 * gap[2] and wide[12] == pytest.approx(gap[12]) and wide[[0, -1]] == pytest.approx(0)
    shut = upper + 0
    assert np.array_equal(opened(shut, shut + [0, 1])[0], shut)


def test_a_smile_of_a_photograph_shows_teeth_not_a_hole(photo):
    picture, landmarks = photo
    xy = landmarks.xy.copy()
    xy[list((48, 60))] += np.float32([-7, -4])
    xy[list((54, 64))] += np.float32([7, -4])
    xy[[50, 51, 52, 61, 62, 63], 1] -= 7
    xy[[56, 57, 58, 65, 66, 67], 1] += 4
    frame = Animator(picture, landmarks, WarpOptions()).frame(xy).astype(int)
    middle = frame[round(0.7 * SIZE) - 7 : round(0.7 * SIZE) + 4, 122:134].reshape(-1, 3)
    assert np.percentile(middle.min(-1), 70) > 120


# --- hair and ears -------------------------------------------------------------------------------------------------


def test_hair_swings_behind_and_comes_to_rest():
    tops = np.zeros((90, 2))
    tops[5:15, 0] = np.linspace(0, 30, 10)
    tops[15:, 0] = 30
    behind = sway(tops, 30, 100.0, 1.0)
    assert behind[12, 0] < -3 and behind[14:40, 0].max() > 0.5  # behind, then past it
    assert np.abs(behind[:5]).max() == 0 and np.abs(behind[-1]).max() < 0.1
    assert np.abs(behind).max() < 16.1
    assert np.abs(sway(tops, 30, 100.0, 0.5)).max() < np.abs(behind).max()
    assert np.abs(sway(tops, 12, 100.0, 1.0)).max() < 16.1  # few frames a second: no explosion


def test_following_moves_what_is_around_the_face_alone(face):
    picture, landmarks = in_larger(*face)
    animator = Animator(picture, landmarks, WarpOptions(follow=1.0))
    rigid = animator.displacement(landmarks.xy + np.float32(3))
    pose, _ = animator._pose(landmarks.xy - animator.corner + 3.0, behind=np.array([6.0, 0.0]))
    back = np.zeros_like(rigid)
    left, top = animator.corner + [pose.lattice.left, pose.lattice.top]
    box = np.s_[top : top + pose.lattice.height, left : left + pose.lattice.width]
    back[box] = pose.lattice.dense(pose.maps[0] - pose.lattice.nodes(), 0, 0, pose.lattice.width, pose.lattice.height)
    moved = np.abs(back - rigid).max(-1)
    nose, hair = landmarks.xy[30].astype(int), (landmarks.xy[27] - [0, 1.2 * 150]).astype(int)
    assert moved[nose[1], nose[0]] < 0.2 and moved[hair[1], hair[0]] > 1


# --- heads seen from the side --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def profile():
    """A drawn person turned away by 75 degrees, with the points that the head hides."""
    drawing = draw(character("person", 11), pose=Pose(yaw=75), size=SIZE)
    return Picture(drawing.rgb), replace(drawing.landmarks, hidden=drawing.hidden)


def test_what_a_driver_does_behind_the_head_changes_nothing(profile):
    picture, landmarks = profile
    animator = Animator(picture, landmarks, WarpOptions())
    xy = turned(landmarks.xy, degrees=10.0, shift=(-0.1, 0.0))
    wild = xy.copy()
    far = landmarks.hidden - {point for eye in animator.eyes for point in eye.points}
    wild[list(far)] += 40
    assert far and np.array_equal(animator.frame(xy), animator.frame(wild))


def test_of_a_profile_one_eye_blinks(profile):
    picture, landmarks = profile
    animator = Animator(picture, landmarks, WarpOptions())
    assert [eye.side for eye in animator.eyes] == [0]
    open_, shut = (animator.frame(xy).astype(int) for xy in (landmarks.xy + 0.01, closed(landmarks.xy, 1.0)))
    x, y = np.round(landmarks.xy[list(topo.RIGHT_EYE)].mean(0)).astype(int)
    assert np.abs(shut - open_)[y, x].max() > 40


def test_the_seen_points_of_a_profile_go_where_the_sequence_says(profile):
    picture, landmarks = profile
    animator = Animator(picture, landmarks, WarpOptions())
    # A far eye whose corner is hidden must not be held back by it.
    xy = turned(landmarks.xy.astype(np.float64), degrees=8.0, scale=0.85)
    seen = landmarks.visible
    back = cv2.remap(animator.displacement(xy), xy[seen].astype(np.float32)[:, None], None, cv2.INTER_LINEAR)[:, 0]
    assert np.hypot(*(xy[seen] + back - landmarks.xy[seen]).T).max() < 0.03 * np.ptp(landmarks.xy, axis=0).max()


def test_a_grey_photograph_shows_no_red_mouth(photo):
    picture, landmarks = photo
    grey = Picture(np.repeat(cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, -1))
    wide = landmarks.xy.copy()
    wide[[*range(55, 60), *range(65, 68), *range(6, 11)]] += [0, 0.15 * np.ptp(wide[:, 1])]
    frame = Animator(grey, landmarks, WarpOptions()).frame(wide)
    assert np.abs(frame.astype(int) - grey.rgb).max() > 40
    assert np.ptp(frame, axis=-1).max() <= 3
