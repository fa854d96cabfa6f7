"""Which frames MOFA samples together, where in the picture it works, and its options."""

from __future__ import annotations

import numpy as np
import pytest

from faceshot.errors import InputError, UsageError
from faceshot.landmarks.types import Landmarks, Picture, Size
from faceshot.pipeline.backends import AnimationOptions
from faceshot_mofa import Backend
from faceshot_mofa.matte import moved_matte
from faceshot_mofa.options import MofaOptions, parse_options
from faceshot_mofa.place import Place, find_place, unmixed, working_rgb
from faceshot_mofa.windows import blend_weights, emitted, joint_windows, sequential_windows
from tests.helpers import face_points

# --- windows -------------------------------------------------------------------------------------------------------


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


# --- place ---------------------------------------------------------------------------------------------------------


def found_place(width, height, face=None, **options):
    side = 0.8 * min(width, height) if face is None else face
    xy = face_points(side) + np.float32([(width - side) / 2, (height - side) / 2])
    landmarks = Landmarks(xy, (width, height))
    return find_place(landmarks, xy[None], parse_options(options)), landmarks


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
    left, top, right, bottom = find_place(landmarks, moved, MofaOptions()).box
    assert 0 <= left < 20 and right - left < 500 and bottom - top < 500
    for points in moved:
        assert (points > (left, top)).all() and (points < (right, bottom)).all()
    assert find_place(landmarks, moved, parse_options({"region": "picture"})).box == (0, 0, 1000, 800)


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

    place, _ = found_place(*picture, size=128)
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


# --- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"stepz": 3}, r"stepz.*fidelity, parts, steps"),
        ({"steps": 0}, r"steps must be a whole number in 1\.\.200, got 0"),
        ({"steps": "2.5"}, "steps"),
        ({"steps": True}, "steps"),
        ({"window": 26}, r"window .*2\.\.25"),
        ({"size": 500}, r"size must be a multiple of 64 in 128\.\.1024, got 500"),
        ({"guidance": "high"}, "guidance must be a number"),
        ({"guidance": float("nan")}, "guidance"),
        ({"parts": "ears"}, r"'ears'; parts are face"),
        ({"parts": "7"}, "'7'"),
        ({"parts": []}, "names no part"),
        ({"fidelity": "perfect"}, "fidelity must be one of corrected, upstream"),
        ({"low_vram": "little"}, "low_vram must be one of off, on, max"),
        ({"resume": "maybe"}, "resume must be true or false"),
        ({"fidelity": "upstream", "overlap": 4}, "overlap contradicts"),
        ({"fidelity": "upstream", "origin": "picture"}, "origin=picture contradicts"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_options_are_named(extra, message):
    with pytest.raises(UsageError, match=message):
        Backend().load(AnimationOptions(extra=extra))


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("456", ("eyes", "outer_lips", "inner_lips")),
        ("6+2", ("inner_lips", "brows")),
        ("eyes+outer_lips", ("eyes", "outer_lips")),
        (["nose", 1, "nose"], ("nose", "face")),
        ("eyes, nose", ("eyes", "nose")),
    ],
    ids=str,
)
def test_parts_by_name_or_number(given, parts):
    assert parse_options({"parts": given}).parts == parts


def test_options_may_be_strings():
    options = parse_options({"steps": "12", "guidance": "3", "resume": "true", "low_vram": "yes", "size": "384"})
    assert (options.steps, options.guidance, options.resume, options.low_vram, options.size) == (12, 3, True, "on", 384)
    assert parse_options({"low_vram": False}).low_vram == "off" and parse_options({"low_vram": "max"}).low_vram == "max"
    assert parse_options({"fidelity": "upstream"}).origin == "first"


def test_a_work_folder_that_is_a_file_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="not a folder"):
        parse_options({"work": str(file)})
