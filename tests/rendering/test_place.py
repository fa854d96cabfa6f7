"""Where in a picture a renderer works, and how what it drew gets back, with its matte."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.landmarks.types import Landmarks, Picture, Size
from faceshot.rendering.matte import moved_matte
from faceshot.rendering.place import Place, find_place, unmixed, working_rgb
from tests.helpers import face_points


def found_place(width, height, face=None, **options):
    side = 0.8 * min(width, height) if face is None else face
    xy = face_points(side) + np.float32([(width - side) / 2, (height - side) / 2])
    landmarks = Landmarks(xy, (width, height))
    return find_place(landmarks, xy[None], **options), landmarks


@pytest.mark.parametrize(
    ("picture", "size", "inner"),
    [
        ((512, 512), (512, 512), (512, 512)),
        ((640, 512), (640, 512), (640, 512)),
        ((1000, 1000), (512, 512), (512, 512)),
        ((720, 1280), (512, 960), (512, 910)),
        ((60, 50), (640, 512), (614, 512)),
    ],
)
def test_the_working_picture_has_multiples_of_64(picture, size, inner):
    place, _ = found_place(*picture)
    assert place.size == size and place.inner == inner and place.box == (0, 0, *picture)


def test_a_panorama_is_cut_around_the_face():
    place, landmarks = found_place(3000, 200)
    assert place.cut.width < 700 and place.cut.height == 200
    assert max(place.size) <= 1024
    whole, _ = found_place(3000, 200, region="picture")
    assert whole.cut == (3000, 200) and whole.size.width == 1024 and whole.size.height % 64 == 0
    box = place.box
    assert box[0] <= landmarks.xy[:, 0].min() and box[2] >= landmarks.xy[:, 0].max()


def test_a_small_face_is_cut_out_with_all_the_places_it_goes_to():
    landmarks = Landmarks(face_points(100) + np.float32([20, 300]), (1000, 800))
    moved = np.stack([landmarks.xy, landmarks.xy + np.float32([180, -40])])
    left, top, right, bottom = find_place(landmarks, moved).box
    assert 0 <= left < 20 and right - left < 500 and bottom - top < 500
    for points in moved:
        assert (points > (left, top)).all() and (points < (right, bottom)).all()
    assert find_place(landmarks, moved, region="picture").box == (0, 0, 1000, 800)


def test_landmarks_follow_the_picture():
    """A dot in the picture is found in the working picture where ``to_work`` says."""
    for size, face in (((300, 500), None), ((900, 700), 120)):
        place, landmarks = found_place(*size, face=face)
        x, y = np.round(landmarks.xy[30]).astype(int)
        rgb = np.zeros((size[1], size[0], 3), np.uint8)
        rgb[y - 2 : y + 3, x - 2 : x + 3] = 255
        dot = working_rgb(Picture(rgb), place)[..., 0].astype(float)
        grid = np.stack(np.meshgrid(np.arange(dot.shape[1]), np.arange(dot.shape[0])), -1)
        middle = (grid * dot[..., None]).sum((0, 1)) / dot.sum()
        assert np.abs(middle - place.to_work(np.array([x, y]))).max() < 0.1


@pytest.mark.parametrize("size", [(512, 512), (640, 512)])
def test_a_picture_of_working_size_is_untouched(size):
    rgb = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    place, _ = found_place(*size)
    assert np.array_equal(working_rgb(Picture(rgb), place), rgb)
    assert np.array_equal(place.give(rgb, rgb // 2), rgb)


@pytest.mark.parametrize(
    ("size", "face"), [((300, 500), None), ((90, 1000), None), ((900, 700), 120), ((48, 48), None)]
)
def test_taking_and_giving_back_is_the_picture(size, face):
    import cv2

    noise = np.random.default_rng(0).integers(0, 255, (size[1] // 12 + 1, size[0] // 12 + 1, 3), dtype=np.uint8)
    rgb = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    place, _ = found_place(*size, face=face)
    back = place.give(working_rgb(Picture(rgb), place), rgb)
    assert back.shape == rgb.shape and back.dtype == np.uint8
    assert np.abs(back.astype(int) - rgb).mean() < 2


def test_a_cut_fades_into_the_picture():
    place, _ = found_place(900, 700, face=120)
    rgb = np.zeros((700, 900, 3), np.uint8)
    frame = np.full((place.size.height, place.size.width, 3), 200, np.uint8)
    out = place.give(frame, rgb)[..., 0].astype(int)
    left, top, right, bottom = place.box
    row = out[(top + bottom) // 2]
    assert not row[:left].any() and not row[right:].any()
    assert row[(left + right) // 2] == 200 and np.abs(np.diff(row)).max() < 40
    assert not rgb.any()  # the picture is left alone


def test_the_backdrop_is_taken_out_of_soft_edges():
    colour = np.full((1, 5, 3), (200, 40, 10), np.uint8)
    alpha = np.array([[255, 200, 128, 90, 0]], np.uint8)
    over = Picture(colour, alpha).flat()
    assert np.abs(unmixed(over, alpha)[:, :4].astype(int) - colour[:, :4]).max() <= 3


@pytest.mark.parametrize("picture", [(256, 192), (128, 128), (500, 400)])
def test_the_matte_moves_with_the_flow(picture):
    import cv2

    place, _ = found_place(*picture, side=128)
    alpha = np.zeros((picture[1], picture[0]), np.uint8)
    middle = (picture[0] // 2, picture[1] // 2)
    cv2.circle(alpha, middle, picture[1] // 4, 255, -1)
    shift = (9, -6)
    flow = np.zeros((2, place.size.height, place.size.width), np.float32)
    flow[0], flow[1] = (s * i / c for s, i, c in zip(shift, place.inner, place.cut, strict=True))
    expected = np.zeros_like(alpha)
    cv2.circle(expected, (middle[0] + shift[0], middle[1] + shift[1]), picture[1] // 4, 255, -1)
    found = moved_matte(alpha, flow, place)
    assert (np.abs(found.astype(int) - expected) > 60).mean() < 0.002
    assert np.array_equal(moved_matte(alpha, 0 * flow, place), alpha)


def test_a_matte_outside_the_cut_stays():
    place = Place((10, 10, 74, 74), Size(64, 64), (0, 0), Size(64, 64), Size(100, 90))
    alpha = np.random.default_rng(0).integers(0, 255, (90, 100), dtype=np.uint8)
    found = moved_matte(alpha, np.full((2, 64, 64), 5, np.float32), place)
    outside = np.ones_like(alpha, bool)
    outside[10:74, 10:74] = False
    assert np.array_equal(found[outside], alpha[outside]) and not np.array_equal(found, alpha)
