"""The 68 in other numberings: the same points come back, what is added lies where it should."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot.landmarks import Landmarks, LandmarkSequence, Size, depth68, head_pose
from faceshot.landmarks.topology import (
    INSIGHTFACE_106,
    INSIGHTFACE_BROWS_BELOW,
    INSIGHTFACE_EYES,
    INSIGHTFACE_JAW_BETWEEN,
    INSIGHTFACE_NOSE_SIDES,
)
from tests.helpers import face_points

SIZE = Size(400, 300)
FACE = Landmarks(face_points(260) + (30, 10), SIZE)
CLIP = LandmarkSequence(
    np.stack([FACE.xy, FACE.xy + 3, np.full((68, 2), np.nan)]), SIZE, Fraction(25), np.array([1, 1, 0], bool)
)


@pytest.mark.parametrize("count, there, back", [
    (98, "to_wflw98", "from_wflw98"),
    (70, "to_openpose70", "from_openpose70"),
    (106, "to_insightface106", "from_insightface106"),
    (478, "to_mediapipe478", "from_mediapipe478"),
])  # fmt: skip
def test_there_and_back(count: int, there: str, back: str) -> None:
    points = getattr(FACE, there)()
    assert points.shape[:1] == (count,) and points.dtype == np.float32 and np.isfinite(points).all()
    assert np.abs(getattr(Landmarks, back)(points, SIZE).xy - FACE.xy).max() < 2e-3
    clip = getattr(CLIP, there)()
    assert clip.shape[:2] == (3, count) and np.isnan(clip[2]).all() and np.allclose(clip[0], points)
    again = getattr(LandmarkSequence, back)(clip, SIZE, fps=25, found=CLIP.found)
    assert np.abs(again.xy[:2] - CLIP.xy[:2]).max() < 2e-3 and again.fps == 25
    with pytest.raises(InputError, match=f"wanted are {count} points"):
        getattr(Landmarks, back)(points[:-1], SIZE)


def test_a_mirrored_face_has_mirrored_points() -> None:
    for there, pairs in (
        ("to_wflw98", [(0, 32), (62, 70), (96, 97), (34, 45)]),
        ("to_insightface106", [(9, 25), (75, 81)]),
    ):
        own, other = getattr(FACE, there)(), getattr(FACE.flipped(), there)()
        for a, b in pairs:
            assert np.abs(other[a] - (SIZE.width - 1 - own[b, 0], own[b, 1])).max() < 1e-3, (there, a)
    mesh, other = FACE.to_mediapipe478(normalised=False), FACE.flipped().to_mediapipe478(normalised=False)
    for a, b in ((10, 10), (33, 263), (468, 473), (234, 454), (50, 280)):
        assert np.abs(other[a, :2] - (SIZE.width - 1 - mesh[b, 0], mesh[b, 1])).max() < 0.5, a
        assert abs(other[a, 2] - mesh[b, 2]) < 0.5


def test_every_one_of_the_106_has_one_place() -> None:
    rest = [i for group in (*INSIGHTFACE_EYES, *INSIGHTFACE_BROWS_BELOW, *INSIGHTFACE_NOSE_SIDES) for i in group]
    assert sorted([*INSIGHTFACE_106, *INSIGHTFACE_JAW_BETWEEN, *rest]) == list(range(106))


def test_wflw_adds_what_lies_between() -> None:
    points = FACE.to_wflw98()
    jaw = points[:33]
    steps = np.linalg.norm(np.diff(jaw, axis=0), axis=1)
    assert steps.max() < 1.6 * steps.min()
    assert points[62, 1] < points[66, 1] and points[34, 1] < points[41, 1]  # upper lid, upper edge of the brow
    assert np.allclose(points[96], FACE.right_eye.mean(0), atol=1e-3)


def test_the_mesh_bends_and_turns_with_the_face() -> None:
    mesh = FACE.to_mediapipe478(normalised=False)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    turned = Landmarks(FACE.xy @ turn.T * 1.5 + (80, -40), Size(900, 900)).to_mediapipe478(normalised=False)
    assert np.abs(turned[:468, :2] - (mesh[:468, :2] @ turn.T * 1.5 + (80, -40))).max() < 2e-2
    assert np.abs(turned[:, 2] - 1.5 * mesh[:, 2]).max() < 2e-2
    assert mesh[1, 2] < mesh[[234, 454], 2].min()  # the nose is nearer than the ears
    scale, rotation = head_pose(FACE.xy)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-9) and scale > 0
    assert np.isnan(head_pose(CLIP.xy)[0][2]) and depth68(CLIP.xy).shape == (3, 68)
    unit = FACE.to_mediapipe478()
    assert np.allclose(unit[:, :2] * SIZE - 0.5, mesh[:, :2], atol=1e-3) and np.allclose(
        unit[:, 2] * 400, mesh[:, 2], atol=1e-3
    )


def test_mediapipe_points_of_any_kind() -> None:
    unit = FACE.to_mediapipe478()
    objects = [SimpleNamespace(x=x, y=y) for x, y, _ in unit.tolist()]
    pixels = FACE.to_mediapipe478(normalised=False)[:, :2]
    for points in (objects, unit[:468], pixels):
        assert np.abs(Landmarks.from_mediapipe478(points, SIZE).xy - FACE.xy).max() < 1e-2


def test_coco() -> None:
    face = Landmarks(FACE.xy, SIZE, absent=frozenset({"eyebrows"}))
    (annotation,) = face.to_coco(image_id=7, first_id=3)
    assert (annotation["id"], annotation["image_id"], annotation["num_keypoints"]) == (3, 7, 68)
    assert annotation["keypoints"][2::3].count(1) == 10 and annotation["bbox"][2] > 0
    assert np.abs(Landmarks.from_coco(annotation, SIZE).xy - face.xy).max() < 1e-3
    frames = CLIP.to_coco()
    assert [frame["num_keypoints"] for frame in frames] == [68, 68, 0] and frames[1]["image_id"] == 1
    with pytest.raises(InputError, match="not labelled"):
        Landmarks.from_coco(frames[2], SIZE)
    with pytest.raises(InputError, match="68 or 133 keypoints"):
        Landmarks.from_coco({"keypoints": [1, 2, 2]}, SIZE)
    body = np.zeros((133, 3))
    body[23:91] = np.c_[FACE.xy, np.full(68, 2)]
    assert np.abs(Landmarks.from_coco({"keypoints": body.ravel().tolist()}, SIZE).xy - FACE.xy).max() < 1e-3


def test_supervision() -> None:
    pytest.importorskip("supervision", reason="supervision is not installed")
    scored = Landmarks(FACE.xy, SIZE, np.linspace(0, 1, 68))
    points = scored.to_supervision()
    assert points.xy.shape == (1, 68, 2) and points.keypoint_confidence.shape == (1, 68)
    assert np.array_equal(Landmarks.from_supervision(points, SIZE).xy, FACE.xy)
    with pytest.raises(InputError, match="object 1"):
        Landmarks.from_supervision(points, SIZE, index=1)
