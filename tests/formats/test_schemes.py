"""Landmarks of other programs and other schemes."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot.formats.files import read_landmarks, read_sequence
from faceshot.formats.schemes import to_ibug
from faceshot.landmarks.pixels import to_unit
from faceshot.landmarks.topology import COCO_WHOLEBODY_FACE, MEDIAPIPE_TO_68, WFLW_TO_68
from faceshot.landmarks.types import Size
from tests.helpers import face_points

SIDE = 200
FACE = face_points(SIDE)


def spread(count: int, table: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """(count, 2) points of another scheme that mean :data:`FACE`; what the table does not use lies far off."""
    points = np.full((count, 2), 900.0)
    for place, indices in zip(FACE, table, strict=True):
        for index in indices:
            points[index] = place
    return points


def wholebody() -> np.ndarray:
    points = np.full((133, 2), 900.0)
    points[slice(*COCO_WHOLEBODY_FACE)] = FACE
    return points


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(spread(98, WFLW_TO_68), id="WFLW"),
        pytest.param(np.concatenate([FACE, FACE[:2]]), id="OpenPose"),
        pytest.param(wholebody(), id="COCO-WholeBody"),
        pytest.param(np.c_[spread(478, MEDIAPIPE_TO_68), np.zeros(478)], id="MediaPipe in pixels with depth"),
    ],
)
def test_other_schemes_in_arrays(tmp_path: Path, points: np.ndarray) -> None:
    shared = 1.5 if len(points) in (98, 478) else 1e-4  # a mesh point that two landmarks share cannot be both
    np.save(tmp_path / "a.npy", points.astype(np.float32))
    assert np.median(np.abs(read_landmarks(tmp_path / "a.npy", size=(SIDE, SIDE)).xy - FACE)) < shared
    clip = np.repeat(points[None], 3, 0)
    np.savez(tmp_path / "b.npz", xy=clip, size=[SIDE, SIDE], fps=[25, 1], score=np.ones(clip.shape[:2]))
    assert read_sequence(tmp_path / "b.npz").xy.shape == (3, 68, 2)


def test_normalised_meshes_are_scaled_to_the_picture(tmp_path: Path) -> None:
    unit = to_unit(spread(478, MEDIAPIPE_TO_68).clip(0, SIDE), Size(SIDE, SIDE))
    np.save(tmp_path / "a.npy", unit)
    read = read_landmarks(tmp_path / "a.npy", size=(SIDE, SIDE))
    assert np.median(np.abs(read.xy - FACE)) < 1.5
    with pytest.raises(InputError, match="states no picture size"):
        read_landmarks(tmp_path / "a.npy")
    faces = {"faceLandmarks": [[{"x": float(x), "y": float(y), "z": 0.0} for x, y in unit]]}
    (tmp_path / "a.json").write_text(json.dumps(faces))
    assert np.allclose(read_landmarks(tmp_path / "a.json", size=(SIDE, SIDE)).xy, read.xy, atol=1e-3)


@pytest.mark.parametrize(
    ("count", "words"), [(106, "JD-landmark and InsightFace"), (21, "AFLW"), (17, "body"), (67, "wanted are the 68")]
)
def test_schemes_without_a_map_are_named(count: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        to_ibug(np.ones((count, 2)), "file")


def test_five_points_are_what_points_takes() -> None:
    five = [[60, 80], [140, 80], [100, 120], [70, 150], [130, 151]]
    with pytest.raises(InputError, match=r"points=\"right_eye=60,80;left_eye=140,80;nose=100,120;right_mouth=70,150"):
        to_ibug(np.array(five), "file")


def test_frames_of_zeros_hold_no_face(tmp_path: Path) -> None:
    clip = np.repeat(FACE[None], 4, 0)
    clip[1] = 0
    np.save(tmp_path / "a.npy", clip)
    found = read_sequence(tmp_path / "a.npy", size=(SIDE, SIDE)).found
    assert found is not None and found.tolist() == [True, False, True, True]
    np.save(tmp_path / "b.npy", np.zeros((68, 2)))
    with pytest.raises(InputError, match="no face was found"):
        read_landmarks(tmp_path / "b.npy", size=(SIDE, SIDE))


# -- labelling programs


def coco(names: list[str], *, hidden: bool = False, side: int = SIDE) -> dict[str, Any]:
    """COCO as CVAT exports a task: the face of picture k is shifted by k pixels."""
    images = [
        {"id": k + 1, "width": side + 2 * k, "height": side, "file_name": f"sub/{n}"} for k, n in enumerate(names)
    ]
    annotations = [
        {"id": k, "image_id": k + 1, "keypoints": [float(n) for x, y in FACE + k for n in (x, y, 1 if hidden else 2)]}
        for k in range(len(names))
    ]
    return {"images": images, "annotations": annotations, "categories": []}


def test_coco_of_a_data_set_is_chosen_from_by_name(tmp_path: Path) -> None:
    path = tmp_path / "three.json"
    path.write_text(json.dumps(coco(["bear.png", "fox.png", "robot.png"])))
    fox = read_landmarks(path, picture="/home/me/fox.png")
    assert fox.size == (SIDE + 2, SIDE) and np.allclose(fox.xy, FACE + 1, atol=1e-3)
    assert np.allclose(read_landmarks(path, picture="robot.jpg").xy, FACE + 2, atol=1e-3)
    with pytest.raises(InputError, match=r"3 pictures \(bear.png, fox.png, robot.png\), none called cat.png"):
        read_landmarks(path, picture="cat.png")
    with pytest.raises(InputError, match="no frames of a clip"):
        read_sequence(path)


def test_a_second_face_elsewhere_in_the_data_set_does_not_matter(tmp_path: Path) -> None:
    value = coco(["bear.png", "fox.png"])
    value["annotations"].append({**value["annotations"][0], "id": 9})
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    assert np.allclose(read_landmarks(path, picture="fox.png").xy, FACE + 1, atol=1e-3)
    with pytest.raises(InputError, match="several faces"):
        read_landmarks(path, picture="bear.png")


def test_occluded_everywhere_means_drawn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(coco(["a.png"], hidden=True)))
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        assert read_landmarks(path).absent == frozenset()
    assert "every point as occluded" in caplog.text


def labelme(first: int = 0) -> dict[str, Any]:
    order = np.random.default_rng(0).permutation(68)
    shapes = [{"label": f"p{i + first}", "points": [FACE[i].tolist()], "shape_type": "point"} for i in order]
    box = {"label": "face", "points": [[0, 0], [9, 9]], "shape_type": "rectangle"}
    return {"shapes": [box, *shapes], "imagePath": "fox.png", "imageWidth": SIDE, "imageHeight": SIDE, "flags": {}}


def label_studio() -> list[dict[str, Any]]:
    percent = to_unit(FACE, Size(SIDE, SIDE)) * 100
    result = [
        {
            "type": "keypointlabels",
            "original_width": SIDE,
            "original_height": SIDE,
            "value": {"x": float(x), "y": float(y), "width": 0.3, "keypointlabels": [f"{i + 1}"]},
        }
        for i, (x, y) in enumerate(percent)
    ]
    return [{"data": {"img": "/data/upload/fox.png"}, "annotations": [{"result": result}]}]


def openpose() -> dict[str, Any]:
    flat = [float(n) for x, y in np.concatenate([FACE, FACE[:2]]) for n in (x, y, 0.9)]
    return {"people": [{"face_keypoints_2d": flat}], "canvas_width": SIDE, "canvas_height": SIDE}


def dlib(names: list[str]) -> str:
    images = []
    for k, name in enumerate(names):
        parts = "".join(f"<part name='{i:02d}' x='{x + k}' y='{y + k}'/>" for i, (x, y) in enumerate(FACE))
        images.append(
            f"<image file='{name}' width='{SIDE}' height='{SIDE}'><box top='1' left='1'>{parts}</box></image>"
        )
    return f"<?xml version='1.0'?><dataset><images>{''.join(images)}</images></dataset>"


def cvat() -> str:
    points = ";".join(f"{x},{y}" for x, y in FACE)
    image = f"<image name='fox.png' width='{SIDE}' height='{SIDE}'><points points='{points}'/></image>"
    return f"<annotations>{image}</annotations>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("a.json", labelme(), id="labelme"),
        pytest.param("a.json", labelme(first=1), id="labelme from 1"),
        pytest.param("a.json", label_studio(), id="Label Studio"),
        pytest.param("a.json", openpose(), id="OpenPose"),
        pytest.param("a.json", FACE.tolist(), id="bare list"),
        pytest.param("a.xml", dlib(["bear.png", "fox.png"]).replace("fox", "ox").replace("bear", "fox"), id="dlib"),
        pytest.param("a.xml", cvat(), id="CVAT"),
    ],
)
def test_files_of_labelling_programs(tmp_path: Path, name: str, value: Any) -> None:
    path = tmp_path / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    read = read_landmarks(path, size=(SIDE, SIDE), picture="fox.png")
    assert np.allclose(read.xy, FACE, atol=1e-3) and read.size == (SIDE, SIDE)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("a.json", {**labelme(), "shapes": labelme()["shapes"][:-1]}, "missing or labelled twice|67 points"),
        ("a.json", {"shapes": [], "imagePath": "a.png"}, "no labelled points"),
        ("a.json", {"shapes": [{"points": []}], "imagePath": "a.png"}, "not a complete labelme file"),
        ("a.json", [{"data": {}, "annotations": 7}], "not a complete label studio file"),
        ("a.json", {"people": [{"face_keypoints_2d": [0.0] * 210}]}, "point 0 was not found"),
        ("a.xml", "<html/>", "neither dlib's"),
        ("a.xml", "<dataset><image", "not complete XML"),
        ("a.xml", "<dataset><images><image file='a.png'/></images></dataset>", "no labelled points"),
        ("a.xml", dlib(["a.png"]).replace("x='", "x='one"), "malformed"),
    ],
)
def test_damaged_files_of_others(tmp_path: Path, name: str, value: Any, words: str) -> None:
    path = tmp_path / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    with pytest.raises(InputError, match=words) as caught:
        read_landmarks(path, size=(SIDE, SIDE))
    assert name in str(caught.value)
