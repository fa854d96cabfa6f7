"""Hard drawings: turned heads hide what they hide, and what is missing, covered or several is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("faceshot_gallery.anyone")

from faceshot.landmarks.topology import FLIP, PART_POINTS
from faceshot_gallery.anyone import anyone, crowd, side_shape
from faceshot_gallery.around.covers import cover
from faceshot_gallery.around.materials import sprite
from faceshot_gallery.cast.strange import lacking, unfilled
from faceshot_gallery.illustrator import Expression, Pose, character, draw
from faceshot_gallery.parts.anatomy import Anatomy
from faceshot_gallery.parts.paint import Canvas
from faceshot_gallery.parts.traits import Dice
from faceshot_gallery.turned.solid import Turned

RIGHT_EYE, LEFT_EYE = list(PART_POINTS["eyes"])[:6], list(PART_POINTS["eyes"])[6:]
NOSE, JAW = list(PART_POINTS["nose"]), list(PART_POINTS["face_boundary"])
KINDS = ("person", "anime", "cat", "dog", "horse", "bird", "smiley")


def turned(kind: str, yaw: float, seed: int = 5) -> Turned:
    return Turned(Anatomy(character(kind, seed), Expression()), Pose(yaw=yaw), 200)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("yaw", [70, 90])
def test_a_profile_shows_one_side(kind: str, yaw: float) -> None:
    """Turned to the image right we see the subject's right eye and jaw; the others are there, but hidden."""
    solid = turned(kind, yaw)
    points, hidden = solid.landmarks()
    if yaw == 90:
        assert not hidden[RIGHT_EYE].any() and hidden[LEFT_EYE].all()
    assert not hidden[JAW[:8]].any() and hidden[JAW[11:]].mean() > 0.8
    outline = solid.silhouette().astype(np.float32)[:, None]
    inside = [cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in points[27:]]
    assert min(inside) > -0.05 * np.ptp(outline, axis=0).max(), "hidden or not, a point lies on or in the head"
    assert points[NOSE[3], 0] > points[RIGHT_EYE].mean(0)[0], "the nose points where the head looks to"


@pytest.mark.parametrize("kind", KINDS)
def test_both_sides_are_mirror_images(kind: str) -> None:
    who = character(kind, 11)
    # an even face: nothing tilted or shifted to one side
    from dataclasses import replace

    who = replace(who, mouth=replace(who.mouth, x=0.0, tilt=0.0), eyes=replace(who.eyes, size_left=1.0))
    (a, hide_a), (b, hide_b) = (Turned(Anatomy(who, Expression()), Pose(yaw=y), 201).landmarks() for y in (65, -65))
    mirrored = b[list(FLIP)] * [-1, 1] + [200, 0]
    assert np.abs(a - mirrored).max() < 0.6 and (hide_a != hide_b[list(FLIP)]).sum() <= 2


def test_the_more_it_turns_the_less_is_seen() -> None:
    hidden = [turned("person", yaw).landmarks()[1].sum() for yaw in (31, 50, 70, 90)]
    assert hidden == sorted(hidden) and hidden[0] < 15 and hidden[-1] > 20


def test_a_turned_head_keeps_heights_and_pitch_moves_them() -> None:
    flat, side = draw(character("person", 5), pose=Pose(), size=200).landmarks.xy, turned("person", 80).landmarks()[0]
    assert np.abs(flat[17:, 1] - side[17:, 1]).max() < 12
    assert turned("person", -80).landmarks()[0][NOSE[3], 0] < 100 < side[NOSE[3], 0]


def test_hard_pictures_repeat_and_say_what_is_hidden() -> None:
    pictures = [anyone(k, size=64) for k in range(40)]
    again = anyone(7, size=64)
    assert np.array_equal(again.rgb, pictures[7].rgb) and np.array_equal(again.hidden, pictures[7].hidden)
    hidden = np.array([p.hidden.mean() for p in pictures])
    assert (hidden == 0).any() and (hidden > 0.2).any() and (hidden < 1).all()
    assert any("mouth" in p.landmarks.absent for p in pictures) and any("nose" in p.landmarks.absent for p in pictures)
    for p in pictures:
        assert not (p.visible & p.hidden).any() and not (p.visible & ~p.landmarks.visible).any()
    profile = anyone(3, size=64, turned=True)
    assert profile.hidden.sum() > 12


@pytest.mark.parametrize("kind", ["cat", "person", "monster"])
def test_a_missing_mouth_is_neither_drawn_nor_left_half(kind: str) -> None:
    who = character(kind, 4, style="flat")
    without = lacking(who, "mouth")
    whole, bare = (draw(c, size=128, background="plain") for c in (who, without))
    assert bare.landmarks.absent >= {"mouth"} and np.array_equal(bare.landmarks.xy, whole.landmarks.xy)
    spot = np.round(bare.landmarks.xy[list(PART_POINTS["mouth"])]).astype(int)
    changed = (whole.rgb.astype(int) - bare.rgb).any(2)
    assert changed[spot[:, 1], spot[:, 0]].mean() > 0.5
    beak = character("bird", 2)
    assert lacking(beak, "mouth") is beak


def test_lines_on_paper_have_two_colours() -> None:
    paper = (255.0, 255.0, 255.0)
    picture = draw(unfilled(character("dog", 3), paper, Dice(1, "ink")), size=128, background="plain").rgb
    face = picture[40:90, 40:90].reshape(-1, 3)
    assert (face > 240).all(1).mean() > 0.6 and (face < 90).all(1).mean() > 0.01


def test_sprites_are_few_large_squares() -> None:
    out = sprite(np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8), Dice(3, "sprite"), 0.9)
    assert out.shape == (128, 128, 3)
    assert (np.diff(out.astype(int), axis=0) == 0).all(2).mean() > 0.4


def test_covers_hide_what_lies_under_them() -> None:
    """Where a cover says that a point is hidden, the picture has changed."""
    drawn = draw(character("person", 9, style="flat"), size=128)
    hidden = 0
    for seed in range(16):
        canvas = Canvas(128, 1, "flat")
        canvas.rgb[:] = drawn.rgb
        under = cover(canvas, Dice(seed, "cover"), drawn.landmarks.xy.astype(float))
        at = np.clip(np.round(drawn.landmarks.xy[under]).astype(int), 0, 127)
        changed = (canvas.rgb != drawn.rgb).any(2)
        assert changed.any() and (not under.any() or changed[at[:, 1], at[:, 0]].mean() > 0.8)
        hidden += int(under.sum())
    assert hidden > 60


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_crowd_has_that_many_faces_apart(count: int) -> None:
    rgb, faces = crowd(count, count, size=160)
    assert rgb.shape == (160, 160, 3) and len(faces) == count
    boxes = np.array([face.box() for face in faces])
    assert (np.diff(boxes[:, 0] + boxes[:, 2]) >= 0).all(), "left to right"
    for i in range(count):
        for j in range(i):
            w, h = np.minimum(boxes[i, 2:], boxes[j, 2:]) - np.maximum(boxes[i, :2], boxes[j, :2])
            assert w <= 0 or h <= 0 or w * h < 0.15 * np.prod(boxes[i, 2:] - boxes[i, :2])


def test_shapes_of_profiles_look_to_the_right() -> None:
    shapes = [side_shape(k) for k in range(30)]
    ahead = [np.mean(points[NOSE, 0]) > np.mean(points[JAW, 0]) for points, _ in shapes]
    assert np.mean(ahead) > 0.9 and np.mean([hidden[LEFT_EYE].mean() for _, hidden in shapes]) > 0.3


def test_draw_turns_heads_past_the_bend() -> None:
    """Beyond 40 degrees the drawing is a solid's, hidden points are named, and a matte is made all the same."""
    who = character("person", 9)
    mild, far = (draw(who, pose=Pose(yaw=yaw, scale=0.8), size=96, background="none") for yaw in (38, 75))
    assert not mild.hidden.any() and far.hidden.sum() > 8
    assert far.alpha is not None and 0.1 < (far.alpha > 128).mean() < 0.9
    nose = far.landmarks.xy[NOSE[3]]
    assert nose[0] > mild.landmarks.xy[NOSE[3]][0] and far.alpha[int(nose[1]), int(nose[0]) - 3] > 128
