"""The parts of the face mesh that need no model: crops, anchors, suppression, the filter, the head's pose."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
import pytest

from faceshot.errors import InputError, MissingError
from faceshot.facemesh import bundle
from faceshot.facemesh.crop import F, Roi, cut, projection, whole
from faceshot.facemesh.detector import anchors, decode, suppress, turn
from faceshot.facemesh.pose import fit, head_matrix, turn_of
from faceshot.facemesh.smoothing import OneEuro, share


def test_anchors_cover_two_grids() -> None:
    found = anchors()
    assert found.shape == (896, 2)
    assert found[0].tolist() == found[1].tolist() == [1 / 32, 1 / 32] and found[2].tolist() == [3 / 32, 1 / 32]
    assert found[512].tolist() == found[517].tolist() == [1 / 16, 1 / 16] and found[-1].tolist() == [15 / 16, 15 / 16]


def test_answers_are_decoded_around_their_anchor() -> None:
    raw, logits = np.zeros((896, 16), np.float32), np.full(896, -20, np.float32)
    logits[[3, 600, 700]] = 0.0, 3.0, 3.0
    raw[3, :6] = 12.8, 0, 64, 32, 6.4, -12.8
    raw[600, 2:4] = 10, 10
    raw[700, 2:4] = 10, -1  # no size
    boxes, points, scores = decode(raw, logits, 0.5)
    assert len(boxes) == 2 and scores.tolist() == pytest.approx([0.5, 1 / (1 + math.exp(-3))])
    centre = anchors()[3] + (0.1, 0)
    assert np.allclose(boxes[0], [centre[0] - 0.25, centre[1] - 0.125, centre[0] + 0.25, centre[1] + 0.125])
    assert np.allclose(points[0, 0], anchors()[3] + (0.05, -0.1))


def test_suppression_takes_the_mean_by_score() -> None:
    boxes = np.array([[0, 0, 1, 1], [0.1, 0, 1.1, 1], [3, 3, 4, 4]], np.float32)
    points = np.repeat(boxes[:, None, :2], 6, axis=1)
    found = suppress(boxes, points, np.array([0.6, 0.9, 0.7], np.float32))
    assert [face.score for face in found] == [np.float32(0.9), np.float32(0.7)]
    assert np.allclose(found[0].box, [0.06, 0, 1.06, 1], atol=1e-6) and np.allclose(found[0].keypoints, [0.06, 0])
    assert np.allclose(found[1].box, boxes[2])


def test_a_crop_of_a_ramp_says_where_it_looked() -> None:
    """The picture's value is its x (then y): what the crop shows is P(i, j), to 1/32 pixel and rounding."""
    x, y = np.meshgrid(np.arange(200, dtype=np.uint8), np.arange(120, dtype=np.uint8))
    picture = np.stack([x, y, x], axis=-1)
    roi = Roi(F(0.5), F(0.5), F(0.25), F(0.5), F(0.5))
    seen = cut(picture, roi, 64).astype(float)
    j, i = np.meshgrid(np.arange(64) / 64 - 0.5, np.arange(64) / 64 - 0.5)
    c, s = math.cos(0.5), math.sin(0.5)
    assert np.abs(seen[..., 0] - (100 + c * j * 50 - s * i * 60)).max() < 0.55
    assert np.abs(seen[..., 1] - (60 + s * j * 50 + c * i * 60)).max() < 0.55


def test_outside_the_picture_is_black_or_goes_on() -> None:
    picture = np.full((40, 80, 3), 200, np.uint8)
    square = whole(80, 40)
    letter = cut(picture, square, 128, fill=True)
    assert (letter[:30] == 0).all() and (letter[34:94, 2:126] == 200).all() and (letter[98:] == 0).all()
    assert (cut(picture, square, 128) == 200).all()


def test_projection_inverts_the_crop_at_its_corners() -> None:
    roi = Roi(F(0.4), F(0.6), F(0.3), F(0.5), F(-0.7))
    matrix, depth = projection(roi, 300, 200)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ matrix[:, :2].T + matrix[:, 2]
    c, s = math.cos(-0.7), math.sin(-0.7)
    wanted = np.array([(x * 90 * c - y * 100 * s, x * 90 * s + y * 100 * c) for x, y in
                       ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))]) + (120, 120)  # fmt: skip
    assert np.allclose(corners * (300, 200), wanted, atol=1e-3)
    assert depth == pytest.approx(math.hypot(90 * c / 300, 90 * s / 200), abs=1e-6)


def test_rectangles_that_cannot_be_cut_are_known() -> None:
    good = Roi(F(0.5), F(0.5), F(0.2), F(0.2), F(0))
    assert good.usable(100, 100)
    for bad in (
        good._replace(x=F(np.nan)),
        good._replace(width=F(0)),
        good._replace(x=F(1e6)),
        good._replace(angle=F(np.inf)),
    ):
        assert not bad.usable(100, 100)


def test_turns_lie_in_half_open_range() -> None:
    assert turn(F(0), F(0), F(1), F(1)) == pytest.approx(math.pi / 4)
    assert turn(F(0), F(0), F(-1), F(0)) == pytest.approx(-math.pi)


def test_the_filter_by_hand() -> None:
    keep = OneEuro()
    a = np.array([[0.0, 10.0]], np.float32)
    assert np.array_equal(keep(a, 50.0, 1000), a)
    b = np.array([[1.0, 10.0]], np.float32)
    # 100 ms: 10 px/s over 50 px is 0.2 sides/s, averaged from 0; 10 Hz.
    speed = 0.2 * share(1.0, 10.0)
    weight = share(0.05 + 80 * speed, 10.0)
    assert np.allclose(keep(b, 50.0, 1100), [[weight, 10.0]], atol=1e-6)
    assert np.array_equal(keep(a, 50.0, 1100), a), "a frame that is no later is left alone"


def test_fit_gives_back_a_similarity() -> None:
    rng = np.random.default_rng(0)
    source, weights = rng.normal(size=(20, 3)), rng.uniform(0.1, 1, 20)
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turned *= np.sign(np.linalg.det(turned))
    scale, rotation, shift = fit(2.5 * source @ turned.T + (1, 2, 3), source, weights)
    assert scale == pytest.approx(2.5) and np.allclose(rotation, turned) and np.allclose(shift, (1, 2, 3))


def test_the_pose_of_a_projected_face_is_found() -> None:
    """A made-up head put before the camera and photographed: its turn and place come back."""
    rng = np.random.default_rng(1)
    canonical, weights = rng.normal(size=(468, 3)) * (6, 7, 3), np.zeros(468)
    weights[:40] = 1.0
    a = 0.35
    turned = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    space = canonical @ turned.T + (3, -2, -60)
    tall = 2 * math.tan(math.radians(31.5))
    wide = tall * 640 / 480
    depth = -space[:, 2]
    x, y = space[:, 0] / depth / wide + 0.5, 0.5 - space[:, 1] / depth / tall
    z = (depth - depth.mean()) / 60 / wide  # the networks' depths are as flat as the picture
    matrix = head_matrix(np.stack([x, y, z], axis=1), (640, 480), canonical, weights)
    assert matrix is not None and np.abs(turn_of(matrix) - turned).max() < 0.02
    assert np.allclose(matrix[:3, 3], (3, -2, -60), rtol=0.05)
    assert head_matrix(np.full((468, 3), 0.5), (640, 480), canonical, weights) is None


def test_a_missing_runtime_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "has_runtime", lambda: False)
    with pytest.raises(MissingError, match="pip install ai-edge-litert, or take source track"):
        bundle.read_bundle(tmp_path / "face.task")


def test_other_files_are_no_model(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "face.task"
    with pytest.raises(InputError, match=r"face\.task is not a usable"):
        bundle.read_bundle(path)
    path.write_bytes(b"text")
    with pytest.raises(InputError, match=r"face\.task is not a usable"):
        bundle.read_bundle(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("face_detector.tflite", b"TFL3 but not really")
    with pytest.raises(InputError, match=r"face\.task is not a usable"):
        bundle.read_bundle(path)
