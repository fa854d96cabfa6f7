"""What X-Portrait and HunyuanPortrait are given, against plain loops over their definitions."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from faceshot.landmarks import LandmarkSequence, Picture, Size
from faceshot.rendering import (
    ProxyClip,
    aligning_matrix,
    arcface_matrix,
    best_frame,
    brows_to_mouth,
    face_square,
    five_points,
    head_boxes,
    hunyuan_inputs,
    local_patches,
    motion_intensity,
    motion_levels,
    nose_aligned,
    patch_centres,
    pose_dots,
    x_portrait_inputs,
)
from faceshot.testing import drawn_face

SHARED = Path(__file__).resolve().parents[3] / "shared"


def faces(count: int, seed: int = 3) -> np.ndarray:
    """(count, 68, 2) a face that trembles and wanders, in 512 x 512."""
    rng = np.random.default_rng(seed)
    _, marks = drawn_face(512)
    return (marks.xy + rng.normal(0, 3, (count, 68, 2)) + rng.normal(0, 8, (count, 1, 2))).astype(np.float32)


def test_the_five_points_are_those_of_detectors() -> None:
    xy = faces(2)
    five = five_points(xy)
    assert five.shape == (2, 5, 2)
    wanted = [xy[1, 36:42].mean(0), xy[1, 42:48].mean(0), xy[1, 30], xy[1, 48], xy[1, 54]]
    assert np.allclose(five[1], wanted, atol=1e-3)


def test_windows_leave_out_the_first_point_of_each_group() -> None:
    xy = faces(3)
    centres = patch_centres(xy)
    for k, (first, stop) in enumerate(((43, 48), (37, 42), (49, 68))):
        seen = (xy[:, first:stop].mean(1).astype(float) + 0.5) / 2 - 0.5
        assert np.array_equal(centres[:, k], np.clip(np.round(seen), 32, 223).astype(int) * 2)
    far = patch_centres(xy[0] - 500)
    assert (far == 64).all()  # a window never leaves the picture
    assert (patch_centres(xy[0] + 900) == 446).all()


def test_the_local_picture_shows_the_windows_only() -> None:
    frame = np.random.default_rng(0).integers(1, 255, (512, 512, 3)).astype(np.uint8)
    shown = local_patches(frame, [(100, 80), (400, 80), (256, 400)])
    where = np.zeros((512, 512), bool)
    for x, y in ((100, 80), (400, 80), (256, 400)):
        where[y - 64 : y + 64, x - 64 : x + 64] = True
    assert where.sum() == 3 * 128 * 128
    assert np.array_equal(shown[where], frame[where]) and not shown[~where].any()


def test_a_drivers_box_is_brought_onto_the_sources() -> None:
    source, driving = faces(1, 1)[0], faces(1, 2)[0] * (0.7, 1.3) + (40, -60)
    matrix = aligning_matrix(source, driving)
    assert matrix[0, 1] == matrix[1, 0] == 0
    moved = driving @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(np.ptp(moved, axis=0), np.ptp(source, axis=0), atol=1e-3)
    assert np.allclose(moved.mean(0), source.mean(0), atol=1e-3)


def test_the_best_frame_is_the_nearest_one() -> None:
    xy = faces(6)
    assert best_frame(xy[4] + 0.3, xy) == 4
    gone = xy.copy()
    gone[4] = np.nan
    assert best_frame(xy[4] + 0.3, gone) != 4


@pytest.mark.parametrize("box", [(200, 150, 300, 290), (2, 3, 120, 160), (560, 100, 630, 220), (-40, -30, 700, 500)])
def test_the_square_lies_in_the_picture_and_holds_the_face(box: tuple[int, ...]) -> None:
    left, top, right, bottom = face_square(box, Size(640, 360))
    assert right - left == bottom - top > 0 and left >= 0 and top >= 0 and right <= 640 and bottom <= 360
    low = np.clip(np.array(box[:2]) - (box[2] - box[0], box[3] - box[1]), 0, (640, 360))
    high = np.clip(np.array(box[2:]) + (box[2] - box[0], box[3] - box[1]), 0, (640, 360))
    assert abs((right - left) - (high - low).min()) <= 1
    if box[0] >= 0:
        assert left <= box[0] and right >= box[2]


def test_brows_to_mouth_moves_to_the_first_frames_box() -> None:
    five, box = five_points(faces(1)[0]), (140, 100, 380, 430)
    left, top, right, bottom = brows_to_mouth(five, box)
    x0, y0 = five.min(0) + 0.45 * (np.array(box[:2]) - five.min(0))
    x1, y1 = five.max(0) + 0.45 * (np.array(box[2:]) - five.max(0))
    half = int(max(x1 - x0, y1 - y0)) // 2
    assert (left, top, right, bottom) == tuple(
        int(v)
        for v in (
            int((x0 + x1) / 2) - half,
            int((y0 + y1) / 2) - half,
            int((x0 + x1) / 2) + half,
            int((y0 + y1) / 2) + half,
        )
    )


def test_arcface_gets_the_points_where_it_wants_them() -> None:
    wanted = np.array(
        [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
    )
    turn = 1.7 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    five = wanted @ turn.T + (31, -12)
    matrix = arcface_matrix(five)
    assert np.allclose(five @ matrix[:, :2].T + matrix[:, 2], wanted, atol=1e-6)
    bent = five + np.random.default_rng(0).normal(0, 2, (5, 2))
    rows = [row for x, y in bent for row in ((x, -y, 1, 0), (y, x, 0, 1))]
    c, d, x, y = np.linalg.lstsq(np.array(rows), wanted.reshape(-1), rcond=None)[0]
    assert np.allclose(arcface_matrix(bent), [[c, -d, x], [d, c, y]], atol=1e-6)


def test_levels_are_those_of_the_published_program() -> None:
    """Written out frame by frame, as the specification states it."""
    five = five_points(faces(60)).astype(float)
    found = motion_levels(five)
    assert found.shape == (3, 2)
    for row, begin in enumerate((0, 25, 50)):
        run = five[begin : begin + 25]
        apart = [frame - frame[2] for frame in run]
        size = np.hypot(*(np.max(apart[0], 0) - np.min(apart[0], 0)))
        mean = sum(apart) / len(apart)
        expression = np.mean([np.hypot(*(frame[j] - mean[j])) for frame in apart for j in range(5)]) / size
        nose = [frame[2] for frame in run]
        head = np.mean([np.hypot(*(at - np.mean(nose, 0))) for at in nose]) / size
        assert found[row].tolist() == [min(int(expression * 1024), 127), min(int(head * 256), 127)]
    halves = motion_levels(five, 64)
    assert (np.abs(halves - found / 2) < 1).all() and halves.max() < 64
    assert not motion_levels(np.repeat(five[:1], 30, 0)).any()
    assert (motion_levels(five * (1, 1) + np.arange(60)[:, None, None] * 50.0)[:, 1] == 127).all()


def test_the_levels_have_a_row_in_the_published_tables() -> None:
    path = SHARED / "parity" / "hunyuan" / "hunyuan_motion_proj.contract.json"
    if not path.exists():
        pytest.skip("no reference material here")
    contract = json.loads(path.read_text())
    most = motion_levels(five_points(faces(25)) * np.linspace(0.1, 9, 25)[:, None, None]).max()
    assert contract["position_exp.weight"]["shape"][0] == contract["position_head.weight"]["shape"][0] == most + 1


def test_intensity_is_that_of_the_paper() -> None:
    xy = faces(12).astype(float)
    size = np.hypot(*np.ptp(xy[0], axis=0))
    apart = xy - xy[:, 30:31]
    mean = apart.mean(0)
    expression = np.mean([np.sqrt(np.mean(np.sum((frame - mean) ** 2, -1))) for frame in apart]) / size
    nose = xy[:, 30]
    head = np.sqrt(np.mean([np.sum((at - nose.mean(0)) ** 2) for at in nose])) / size
    assert motion_intensity(xy) == pytest.approx((expression, head))
    shifted = xy + np.linspace(0, 100, 12)[:, None, None]
    assert motion_intensity(shifted)[0] == pytest.approx(expression) and motion_intensity(shifted)[1] > head


def test_noses_meet() -> None:
    source, driving = faces(1, 1)[0], faces(5, 2) * 1.8 + 70
    moved = nose_aligned(driving, source, rest=2)
    assert np.allclose(moved[2, 30], source[30], atol=1e-3)
    assert np.hypot(*np.ptp(moved[2], axis=0)) == pytest.approx(np.hypot(*np.ptp(source, axis=0)), rel=1e-4)
    step = (driving[3] - driving[2]) * (moved[2, 8] - moved[2, 30])[1] / (driving[2, 8] - driving[2, 30])[1]
    assert np.allclose(moved[3] - moved[2], step, atol=1e-2)


def test_the_pose_is_drawn_without_eyes() -> None:
    xy = faces(1)[0]
    drawn = pose_dots(xy)
    x, y = np.rint(xy[30]).astype(int)
    assert drawn[y, x] == 255 and set(np.unique(drawn)) == {0, 255}
    alone = xy.copy()
    alone[36:48] = (20, 20)
    assert not pose_dots(alone)[10:30, 10:30].any()


@pytest.fixture(scope="module")
def clip() -> ProxyClip:
    picture, marks = drawn_face(200, 240, matte=True)
    shift = np.array([(0, 0), (4, 2), (-3, 5)], np.float32)
    return ProxyClip(picture, marks, LandmarkSequence(marks.xy + shift[:, None], marks.size, Fraction(24000, 1001)))


def written(inputs, folder: Path) -> dict:
    inputs.write(lambda name: folder / name)
    return json.loads((folder / "job.json").read_text())


def test_x_portraits_folder(clip: ProxyClip, tmp_path: Path) -> None:
    inputs = x_portrait_inputs(clip)
    job = written(inputs, tmp_path)
    frames = np.load(tmp_path / "driving.npy")
    assert frames.shape == (3, 512, 512, 3) and job["frames"] == 3 and np.array(job["windows"]).shape == (3, 3, 2)
    rest = inputs.place.take(clip.picture.flat())
    assert np.abs(frames[0].astype(int) - rest).mean() < 2 and np.abs(frames[1].astype(int) - rest).mean() > 2
    eye = five_points(inputs.place.to_work(clip.sequence.xy[2]))[1]
    assert np.abs(np.array(job["windows"][2][0]) - eye).max() < 16  # the window is about the left eye
    assert np.load(tmp_path / "matte.npy").shape == (3, 512, 512)
    compile((tmp_path / "run.py").read_text(), "run.py", "exec")


def test_hunyuan_portraits_folder(clip: ProxyClip, tmp_path: Path) -> None:
    inputs = hunyuan_inputs(clip, drawn=True)
    job = written(inputs, tmp_path)
    face, pose, drawing = (np.load(tmp_path / f"{name}.npy") for name in ("face", "pose", "drawing"))
    assert face.shape == pose.shape == (3, 256, 256, 3) and drawing.shape == (3, 512, 512)
    assert np.array(job["points"]).shape == (3, 5, 2) and len(job["levels"]) == 1
    left, top, right, bottom = inputs.place.box
    assert 0 <= left < right <= 200 and right - left == bottom - top
    # The head is narrow in the pose crop and wide from brows to mouth.
    skin = [(np.abs(crop[0].astype(int) - (240, 190, 150)).sum(-1) < 40).mean() for crop in (pose, face)]
    assert 0.1 < skin[0] < skin[1]
    assert head_boxes(clip.landmarks.xy)[3] < bottom


def test_pictures_without_a_matte_write_none(clip: ProxyClip, tmp_path: Path) -> None:
    plain = replace(clip, picture=Picture(clip.picture.rgb))
    written(x_portrait_inputs(plain), tmp_path)
    assert not (tmp_path / "matte.npy").exists()
