"""The warp backend: nothing tears, lids cover, mouths open, borders stay."""

from __future__ import annotations

import time
from fractions import Fraction

import cv2
import numpy as np
import pytest

from faceshot.errors import InputError, UsageError
from faceshot.landmarks import topology as topo
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture
from faceshot.pipeline.backends import AnimationOptions
from faceshot_warp import Backend
from faceshot_warp.compose import Animator
from faceshot_warp.controls import eye_rest
from faceshot_warp.eyes.eyewhite import whole_eye
from faceshot_warp.eyes.lids import _under_brow
from faceshot_warp.field import MIN_AREA, Lattice, area_ratio, basis, inverse, without_folds
from faceshot_warp.head.motion import head_motion
from faceshot_warp.head.region import find_region
from faceshot_warp.mouth.measure import evened
from faceshot_warp.options import WarpOptions, parse_options

SIZE = 256


def animate(picture, landmarks, frames, **extra):
    sequence = LandmarkSequence(np.stack(frames), landmarks.size, Fraction(30))
    return list(Backend().animate(picture, landmarks, sequence, AnimationOptions(extra=extra)))


def close_eyes(xy, amount, eyes=("right_eye", "left_eye")):
    out = xy.copy()
    for eye in eyes:
        for upper, lower in topo.LID_PAIRS[eye]:
            meet = 0.2 * xy[upper] + 0.8 * xy[lower]
            out[upper] += amount * (meet - xy[upper])
            out[lower] += amount * (meet - xy[lower])
    return out


def open_mouth(xy, pixels):
    out = xy.copy()
    for i in (*topo.OUTER_LIPS[7:], *topo.INNER_LIPS[5:]):
        out[i, 1] += pixels
    for i in range(5, 12):
        out[i, 1] += pixels * 0.8
    return out


def turn(xy, degrees, shift=(0.0, 0.0)):
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return ((xy - xy.mean(0)) @ rotation.T + xy.mean(0) + shift).astype(np.float32)


def pupil_pixels(frame):
    r, g, b = (frame[..., i].astype(int) for i in range(3))
    return int(((b - r > 50) & (b > 90) & (g < 120)).sum())


@pytest.fixture(scope="module")
def face(drawn_face):
    return drawn_face(SIZE)


# --- identity and shapes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "matte"),
    [(48, 48, False), (48, 48, True), (301, 199, False), (133, 257, True), (SIZE, SIZE, False)],
    ids=["tiny", "tiny_matte", "wide_odd", "tall_odd_matte", "plain"],
)
def test_unchanged_landmarks_are_bit_exact(drawn_face, width, height, matte):
    picture, landmarks = drawn_face(width, height, matte)
    wild = turn(landmarks.xy, 10, (2, 1))
    first, moved, last = animate(picture, landmarks, [landmarks.xy, wild, landmarks.xy])
    for frame in (first, last):
        assert np.array_equal(frame[..., :3], picture.rgb)
        assert not matte or np.array_equal(frame[..., 3], picture.alpha)
    assert moved.shape == first.shape and not np.array_equal(moved, first)


def test_a_frame_does_not_depend_on_the_frames_before(face):
    picture, landmarks = face
    a, b = close_eyes(landmarks.xy, 1.0), open_mouth(landmarks.xy, 20)
    together = animate(picture, landmarks, [a, b])
    assert np.array_equal(together[1], animate(picture, landmarks, [b])[0])


# --- the head ------------------------------------------------------------------------------------------------------


def test_the_head_moves_as_a_whole(face):
    picture, landmarks = face
    shift = np.float32([9, -5])
    frame = animate(picture, landmarks, [landmarks.xy + shift])[0]
    inner = (slice(60, 190), slice(70, 180))
    expected = cv2.warpAffine(picture.rgb, np.float32([[1, 0, 9], [0, 1, -5]]), (SIZE, SIZE))
    assert np.abs(frame[inner].astype(int) - expected[inner]).mean() < 3.0


def test_busy_borders_stay(face):
    picture, landmarks = face
    for frame in animate(picture, landmarks, [turn(landmarks.xy, 12), turn(landmarks.xy, -8, (18, -6))]):
        for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
            assert np.abs(frame[edge].astype(int) - picture.rgb[edge]).max() <= 6
        for corner in (np.s_[:12, :12], np.s_[:12, -12:], np.s_[-12:, :12], np.s_[-12:, -12:]):
            assert np.abs(frame[corner].astype(int) - picture.rgb[corner]).max() <= 6


def test_head_still_leaves_only_the_expression(face):
    picture, landmarks = face
    xy = landmarks.xy + np.float32([12, 7])
    still = animate(picture, landmarks, [xy], head="still")[0]
    assert np.abs(still.astype(int) - picture.rgb).mean() < 0.5
    assert np.abs(animate(picture, landmarks, [xy])[0].astype(int) - picture.rgb).mean() > 2


def test_head_motion_is_found_among_expressions(face):
    _, landmarks = face
    rest = landmarks.xy.astype(np.float64)
    moved = turn(open_mouth(close_eyes(landmarks.xy, 1), 25), 10, (8, 3)).astype(np.float64)
    exact = turn(landmarks.xy, 10).astype(np.float64)
    found = head_motion(rest, moved, landmarks.visible)
    angle = np.rad2deg(np.arctan2(found.matrix[1, 0] - found.matrix[0, 1], np.trace(found.matrix)))
    assert angle == pytest.approx(10, abs=0.5)
    assert np.hypot(*(found(rest) - exact).std(0)) < 1.0


# --- folds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [12, 30, -45])
@pytest.mark.parametrize("shift", [0.0, 0.2, 0.5])
def test_large_motion_never_folds(face, degrees, shift):
    picture, landmarks = face
    animator = Animator(picture, landmarks, WarpOptions())
    xy = turn(open_mouth(landmarks.xy, 30), degrees, (shift * SIZE, -shift * SIZE)).astype(np.float64)
    pose, _ = animator._pose(xy)
    around, lattice, bent = animator.region.around, pose.lattice, animator.bent
    assert all(np.isfinite(maps).all() for maps in pose.maps)
    place = around.back(pose.head, lattice.nodes(), np.concatenate([animator.rest, pose.local]))
    # Five-pixel differences where a head is squeezed past a border that stays: not quite the map itself.
    assert area_ratio(place - lattice.nodes(), lattice.step).min() > -0.05
    for field in pose.fields:
        assert area_ratio(field, bent.step).min() >= MIN_AREA * 0.999
        dense = bent.dense(inverse(field, bent.step), 0, 0, bent.width, bent.height)
        assert area_ratio(dense, 1).min() > 0


def test_wild_landmarks_still_give_pictures(face):
    picture, landmarks = face
    rng = np.random.default_rng(3)
    wild = [landmarks.xy + rng.normal(0, s, (68, 2)).astype(np.float32) for s in (5, 40, 4000)]
    for frame in animate(picture, landmarks, wild):
        assert frame.shape == picture.rgb.shape


def test_squeezed_fields_are_opened_up():
    rng = np.random.default_rng(0)
    field = rng.normal(0, 12, (40, 40, 2)).astype(np.float32)
    assert area_ratio(field, 8).min() < 0
    assert area_ratio(without_folds(field, 8), 8).min() >= MIN_AREA
    calm = field * np.float32(0.01)
    assert np.array_equal(without_folds(calm, 8), calm)


def test_the_inverse_field_undoes_the_forward_one():
    lattice = Lattice(10, 20, 200, 150, 5)
    nodes = lattice.nodes()
    bump = np.exp(-((nodes - [110, 95]) ** 2).sum(-1) / 2000)[..., None]
    forward = (bump * [18, -11]).astype(np.float32)
    back = inverse(forward, lattice.step)
    points = np.random.default_rng(1).uniform([30, 40], [190, 150], (200, 2))
    returned = points + lattice.sample(back, points)
    returned = returned + lattice.sample(forward, returned)
    assert np.abs(returned - points).max() < 0.15


def test_upsampling_agrees_with_the_nodes():
    lattice = Lattice(7, 3, 61, 47, 6)
    places = lattice.nodes()
    dense = lattice.dense(places, 0, 0, 61, 47)
    x, y = np.meshgrid(np.arange(7, 68), np.arange(3, 50))
    assert np.abs(dense - np.stack([x, y], -1)).max() < 1e-3
    assert np.abs(lattice.dense(places, 13, 11, 40, 30) - dense[11:30, 13:40]).max() < 1e-4


def test_interpolation_follows_its_controls_and_dies_out():
    controls = np.random.default_rng(2).uniform(0, 100, (12, 2))
    moves = np.random.default_rng(3).normal(0, 3, (12, 2))
    assert np.abs(basis(controls, controls, 30, 1e-6) @ moves - moves).max() < 0.02
    assert np.abs(basis(np.array([[700.0, 50.0]]), controls, 30, 1e-3) @ moves).max() < 1e-3


# --- eyes ----------------------------------------------------------------------------------------------------------


def test_closing_covers_the_pupil(face):
    picture, landmarks = face
    amounts = [0.0, 0.3, 0.6, 1.0]
    frames = animate(picture, landmarks, [close_eyes(landmarks.xy, a) for a in amounts])
    counts = [pupil_pixels(frame) for frame in frames]
    assert counts[0] > 300 and counts[3] <= 2
    assert counts[0] > counts[1] > counts[2] > counts[3]


def test_the_pupil_is_covered_not_squashed(face):
    picture, landmarks = face
    half = animate(picture, landmarks, [close_eyes(landmarks.xy, 0.5)])[0]
    x, y = 0.37 * SIZE, 0.44 * SIZE
    below = np.s_[round(y + 0.02 * SIZE) : round(y + 0.07 * SIZE), round(x - 0.03 * SIZE) : round(x + 0.03 * SIZE)]
    assert np.abs(half[below].astype(int) - picture.rgb[below]).mean() < 8


def test_the_lid_has_the_colour_of_the_skin(face):
    picture, landmarks = face
    closed = animate(picture, landmarks, [close_eyes(landmarks.xy, 1)])[0]
    lid = closed[round(0.4 * SIZE) : round(0.44 * SIZE), round(0.35 * SIZE) : round(0.39 * SIZE)].reshape(-1, 3)
    assert np.abs(np.median(lid, axis=0) - (240, 190, 150)).max() < 12
    # and a lash line shows where it ends
    eye = closed[round(0.44 * SIZE) : round(0.52 * SIZE), round(0.37 * SIZE)]
    assert eye.sum(1).min() < 350


def test_a_wink_closes_one_eye(face):
    picture, landmarks = face
    frame = animate(picture, landmarks, [close_eyes(landmarks.xy, 1, ("right_eye",))])[0]
    middle = SIZE // 2
    assert pupil_pixels(frame[:, :middle]) <= 2
    assert pupil_pixels(frame[:, middle:]) == pytest.approx(pupil_pixels(picture.rgb[:, middle:]), rel=0.1)


def test_eyes_closed_in_the_picture_stay_whole(face):
    picture, landmarks = face
    shut = close_eyes(landmarks.xy, 1)
    closed = animate(picture, landmarks, [shut])[0]
    rest = Landmarks(shut, landmarks.size)
    opened = animate(Picture(closed), rest, [landmarks.xy])[0]
    assert np.abs(opened.astype(int) - closed).max() < 160
    assert np.abs(opened.astype(int) - closed).mean() < 2


def test_lids_can_be_switched_off(face):
    picture, landmarks = face
    frame = animate(picture, landmarks, [close_eyes(landmarks.xy, 1)], lids="off")[0]
    assert pupil_pixels(frame) > 300


def round_eye(radius):
    """Landmarks of a circle around the drawn face's right eye, measured."""
    turn = np.deg2rad([180, 240, 300, 0, 60, 120])
    centre = np.array([0.37, 0.44]) * SIZE - 0.5
    return eye_rest(centre + radius * SIZE * np.stack([np.cos(turn), np.sin(turn)], -1), np.array([1.0, 0.0]))


def test_an_eye_grows_to_the_white_around_a_marked_pupil(face):
    found = whole_eye(face[0].rgb, round_eye(0.035))
    assert found.width == pytest.approx(0.12 * SIZE, abs=3)
    assert np.abs(found.points.mean(0) - round_eye(0.035).points.mean(0)).max() < 1.5


def test_an_ordinary_eye_is_left_alone(face):
    eye = round_eye(0.06)
    assert whole_eye(face[0].rgb, eye) is eye


def test_the_lid_ends_at_the_skin_below_a_brow():
    y, x = np.mgrid[-40:21, -30:31].astype(np.float32)
    core = x**2 / 400 + y**2 / 100 <= 1
    brow = (y >= -30) & (y <= -22) & (np.abs(x) < 25)
    below = _under_brow(core | brow, core, y)
    assert below[core].all() and not below[brow].any()
    assert _under_brow(core, core, y).all()  # no brow in sight: no limit


# --- mouth ---------------------------------------------------------------------------------------------------------


def between_lips(frame, pixels):
    y = round(0.7 * SIZE + pixels / 2)
    return frame[y - 2 : y + 3, round(0.47 * SIZE) : round(0.53 * SIZE)].reshape(-1, 3).mean(0)


def test_an_opening_mouth_shows_a_dark_inside(face):
    picture, landmarks = face
    frames = animate(picture, landmarks, [open_mouth(landmarks.xy, p) for p in (0, 10, 30)], teeth="off")
    assert between_lips(frames[0], 30).sum() > 500  # chin
    inside = between_lips(frames[2], 18)
    assert inside.sum() < 240 and inside[0] >= inside[2]
    dark = [(f[160:230, 90:166].sum(-1) < 200).sum() for f in frames]
    assert dark[0] < dark[1] < dark[2]


def test_the_lip_line_splits_and_both_halves_stay(face):
    picture, landmarks = face
    frame = animate(picture, landmarks, [open_mouth(landmarks.xy, 30)], teeth="off")[0]
    column = frame[:, SIZE // 2].astype(int).sum(-1)
    line = 60 + 30 + 25 + 90
    rows = np.flatnonzero(column[150:240] < line) + 150
    assert rows.min() == pytest.approx(0.7 * SIZE, abs=5)
    assert rows.max() == pytest.approx(0.7 * SIZE + 30, abs=6)
    assert column[rows.max() + 4] > 450


def test_bumps_of_a_lip_line_are_evened_out():
    s = np.linspace(-1, 1, 25)
    arc = np.stack([100 + 40 * s, 80 + 6 * (1 - s * s)], -1)
    assert np.abs(evened(arc) - arc).max() < 1e-9
    found = evened(arc + np.stack([0 * s, 4 * np.sin(4 * np.pi * s)], -1))
    assert np.abs(found - arc).max() < 1.5
    assert np.ptp(np.diff(found[:, 1], 2)) < 1e-6  # a parabola


def test_wandering_landmarks_of_closed_lips_draw_no_fangs(face):
    picture, landmarks = face
    xy = landmarks.xy.copy()
    for i, k in ((61, 1), (67, 1), (62, -1), (66, -1), (63, 1), (65, 1)):
        xy[i, 1] += 0.016 * SIZE * k
    rest = Landmarks(xy, landmarks.size)
    frame = animate(picture, rest, [open_mouth(xy, 30)], teeth="on")[0].astype(int)
    columns = range(round(0.46 * SIZE), round(0.54 * SIZE))
    mouth = frame[round(0.66 * SIZE) : round(0.8 * SIZE)]
    dark = [int(np.flatnonzero(mouth[:, x].sum(-1) < 200)[0]) for x in columns]
    assert np.ptp(dark) <= 3  # where the teeth end


def test_a_small_opening_shows_no_teeth(face):
    picture, landmarks = face
    with_teeth, without = (
        animate(picture, landmarks, [open_mouth(landmarks.xy, 6)], teeth=t)[0] for t in ("on", "off")
    )
    assert np.array_equal(with_teeth, without)


@pytest.mark.parametrize(("teeth", "bright"), [("on", True), ("off", False), ("auto", True)])
def test_teeth_are_an_option(face, teeth, bright):
    picture, landmarks = face
    frame = animate(picture, landmarks, [open_mouth(landmarks.xy, 30)], teeth=teeth)[0]
    strip = frame[round(0.7 * SIZE) : round(0.7 * SIZE) + 12, SIZE // 2 - 10 : SIZE // 2 + 10].astype(int)
    assert (strip.min(-1).max() > 150) == bright


def test_a_given_mouth_picture_is_shown(face, tmp_path):
    pytest.importorskip("faceshot.media.image")
    picture, landmarks = face
    path = tmp_path / "mouth.png"
    cv2.imwrite(str(path), np.full((60, 80, 3), (200, 20, 220), np.uint8))  # BGR: magenta
    frame = animate(picture, landmarks, [open_mouth(landmarks.xy, 30)], mouth_picture=str(path))[0]
    assert np.abs(between_lips(frame, 30) - (220, 20, 200)).max() < 12


def open_at_rest(drawn):
    """The drawn face with a wide open red mouth, and landmarks that say so."""
    picture, landmarks = drawn
    rgb, xy = picture.rgb.copy(), landmarks.xy.copy()
    s = np.linspace(-1, 1, 7)
    for i, k in enumerate(s):
        xy[48 + i] = (0.5 + 0.11 * k) * SIZE, (0.68 - 0.01 * (1 - k * k)) * SIZE
    for i, k in zip(range(55, 60), s[-2:0:-1], strict=True):
        xy[i] = (0.5 + 0.11 * k) * SIZE, (0.68 + 0.1 * (1 - k * k)) * SIZE
    inner = np.linspace(-1, 1, 5)
    for i, k in zip(range(60, 65), inner, strict=True):
        xy[i] = (0.5 + 0.1 * k) * SIZE, 0.68 * SIZE
    for i, k in zip(range(65, 68), inner[3:0:-1], strict=True):
        xy[i] = (0.5 + 0.1 * k) * SIZE, (0.68 + 0.09 * (1 - k * k)) * SIZE
    cv2.rectangle(rgb, (95, 170), (161, 188), (240, 190, 150), -1)
    t = np.linspace(-1, 1, 41)
    lower = np.stack([(0.5 + 0.1 * t) * SIZE, (0.68 + 0.09 * (1 - t * t)) * SIZE], -1)
    cv2.fillPoly(rgb, [np.round(lower).astype(np.int32)], (200, 10, 20), cv2.LINE_AA)
    return Picture(rgb), Landmarks(xy, landmarks.size)


def red(frame):
    r, g = frame[..., 0].astype(int), frame[..., 1].astype(int)
    return int((r - g > 150).sum())


def test_a_mouth_open_in_the_picture_keeps_its_inside(face):
    picture, landmarks = open_at_rest(face)
    rest = red(picture.rgb)
    shut = landmarks.xy.copy()
    for upper, lower in topo.INNER_LIP_PAIRS:
        shut[lower] = shut[upper]
    for upper, lower in topo.OUTER_LIP_PAIRS[1:4]:
        shut[lower] = shut[upper] + np.float32([0, 5])
    for upper, lower in (topo.OUTER_LIP_PAIRS[0], topo.OUTER_LIP_PAIRS[4]):
        shut[lower] = shut[upper] + np.float32([0, 3])
    wide = open_mouth(landmarks.xy, 14)
    half = (shut + landmarks.xy) / 2
    frames = animate(picture, landmarks, [wide, half, shut])
    assert red(frames[0]) > 1.3 * rest
    assert 0.2 * rest < red(frames[1]) < 0.8 * rest
    assert red(frames[2]) < 0.25 * rest  # a line is left


# --- absent parts, matte, borders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["eyes", "mouth", "eyebrows", "nose", "face_boundary"])
def test_absent_parts_move_nothing(face, part):
    picture, landmarks = face
    rest = Landmarks(landmarks.xy, landmarks.size, absent=frozenset([part]))
    xy = landmarks.xy.copy()
    xy[list(topo.PART_POINTS[part])] += np.random.default_rng(0).normal(0, 20, (len(topo.PART_POINTS[part]), 2))
    assert np.array_equal(animate(picture, rest, [xy])[0], picture.rgb)


def test_everything_absent_is_the_picture(face):
    picture, landmarks = face
    rest = Landmarks(landmarks.xy, landmarks.size, absent=frozenset(topo.PARTS))
    assert np.array_equal(animate(picture, rest, [turn(landmarks.xy, 9)])[0], picture.rgb)


def test_the_matte_moves_with_the_head_without_fringes(drawn_face):
    picture, landmarks = drawn_face(SIZE, matte=True)
    hidden = np.where(picture.alpha[..., None] < 8, np.uint8([0, 255, 0]), picture.rgb)
    frame = animate(Picture(hidden, picture.alpha), landmarks, [landmarks.xy + np.float32([15, 0])])[0]
    expected = cv2.warpAffine(picture.alpha, np.float32([[1, 0, 15], [0, 1, 0]]), (SIZE, SIZE))
    assert np.abs(frame[..., 3].astype(int) - expected).mean() < 1.5
    seen = frame[frame[..., 3] > 30].astype(int)
    assert (seen[:, 1] - seen[:, 0]).max() < 60  # no green of the hidden pixels


def test_a_plain_background_lets_the_head_reach_the_border(drawn_face):
    _, landmarks = drawn_face(SIZE)
    rgb = np.full((SIZE, SIZE, 3), 255, np.uint8)
    cv2.ellipse(rgb, (128, 123), (108, 112), 0, 0, 360, (240, 190, 150), -1, cv2.LINE_AA)
    frame = animate(Picture(rgb), landmarks, [landmarks.xy + np.float32([0, 8])])[0]
    expected = cv2.warpAffine(rgb, np.float32([[1, 0, 0], [0, 1, 8]]), (SIZE, SIZE), borderValue=(255, 255, 255))
    assert np.abs(frame.astype(int) - expected).mean() < 2.0
    assert (frame[:3, :3] == 255).all()


def test_landmarks_outside_the_picture_are_fine(face):
    picture, landmarks = face
    rest = Landmarks(landmarks.xy + np.float32([140, -120]), landmarks.size)
    frames = animate(picture, rest, [turn(close_eyes(open_mouth(rest.xy, 20), 1), 10)])
    assert frames[0].shape == picture.rgb.shape


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 2)])
def test_degenerate_pictures_do_not_crash(shape):
    picture = Picture(np.full((*shape, 3), 90, np.uint8))
    for spread in (0.0, 1.0):
        xy = np.random.default_rng(0).uniform(0, spread * max(shape) + 1e-9, (68, 2)).astype(np.float32)
        landmarks = Landmarks(xy, picture.size)
        assert animate(picture, landmarks, [xy + 1])[0].shape == picture.rgb.shape


def test_large_pictures_are_drawn_in_strips(face, monkeypatch):
    picture, landmarks = face
    xy = turn(close_eyes(open_mouth(landmarks.xy, 20), 0.6), 9, (5, 5))
    whole = animate(picture, landmarks, [xy])[0]
    monkeypatch.setattr("faceshot_warp.compose._STRIP_PIXELS", 5000)
    strips = animate(picture, landmarks, [xy])[0]
    assert np.abs(strips.astype(int) - whole).max() <= 1 and (strips != whole).mean() < 1e-3


def test_far_away_pixels_are_not_touched(drawn_face):
    small, landmarks = drawn_face(120)
    rgb = np.random.default_rng(0).integers(0, 255, (700, 900, 3), dtype=np.uint8)
    rgb[300:420, 400:520] = small.rgb
    rest = Landmarks(landmarks.xy + np.float32([400, 300]), (900, 700))
    frame = animate(Picture(rgb), rest, [turn(open_mouth(rest.xy, 10), 12, (6, -6))])[0]
    changed = np.flatnonzero((frame != rgb).any((1, 2)))
    assert changed.min() > 120 and changed.max() < 600
    region = find_region(Picture(rgb), rest, WarpOptions())
    assert region.lattice.width < 800 and region.lattice.height < 700


# --- speed and options ---------------------------------------------------------------------------------------------


def test_speed_is_not_absurd(drawn_face):
    picture, landmarks = drawn_face(512)
    animator = Animator(picture, landmarks, WarpOptions())
    poses = [turn(close_eyes(open_mouth(landmarks.xy, 5 + i), i / 12), i) for i in range(12)]
    animator.frame(poses[3])
    start = time.process_time()
    for pose in poses:
        animator.frame(pose)
    assert (time.process_time() - start) / len(poses) < 0.08  # seconds of processor time; about 0.01 is usual


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"tooth": "on"}, "tooth.*teeth, mouth_picture, head"),
        ({"teeth": "yes"}, "teeth must be one of auto, on, off, got 'yes'"),
        ({"head": 1}, "head must be one of"),
        ({"edge_fade": "wide"}, "edge_fade must be a number in 0.02..2, got 'wide'"),
        ({"edge_fade": float("nan")}, "edge_fade"),
        ({"edge_fade": -1}, "edge_fade"),
        ({"reach": True}, "reach"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bad_options_are_named(extra, message):
    with pytest.raises(UsageError, match=message):
        Backend().load(AnimationOptions(extra=extra))


def test_a_missing_mouth_picture_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.png"):
        parse_options({"mouth_picture": tmp_path / "nothing.png"})


def test_options_may_be_strings():
    options = parse_options({"edge_fade": "0.5", "teeth": "off"})
    assert options.edge_fade == 0.5 and options.teeth == "off"
