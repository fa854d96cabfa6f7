"""The networks' makers' own program against ours: goldens of clips and pictures, compared to float rounding."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceshot.facemesh.clip import SCORES
from faceshot.facemesh.landmarker import FaceMesh
from faceshot.facemesh.smoothing import OneEuro

pytest.importorskip("ai_edge_litert", reason="no runtime of the face mesh for this system")


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Any]:
    path = shared / "parity" / "face_mesh" / "golden.npz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def mesh(shared: Path) -> FaceMesh:
    path = shared / "models" / "face_landmarker.task"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return FaceMesh(path)


@pytest.fixture(scope="module")
def frames(shared: Path, golden: dict[str, Any]) -> list[np.ndarray]:
    """As the golden's maker decoded them: PyAV's own RGB."""
    import av

    path = shared / "clips" / str(golden["clip"])
    if not path.is_file():
        pytest.skip(f"no {path}")

    def decoded() -> Iterator[np.ndarray]:
        with av.open(str(path)) as container:
            for frame, _ in zip(container.decode(video=0), range(56), strict=False):
                yield frame.to_ndarray(format="rgb24")

    return list(decoded())


def apart(points: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance in percent of the inter-ocular distance."""
    right, left = truth[[33, 133], :2].mean(0), truth[[263, 362], :2].mean(0)
    off = np.linalg.norm(points[:, :2] - truth[:, :2], axis=1).mean()
    return float(100 * off / np.linalg.norm(right - left))


def test_the_scores_are_in_the_published_order(golden: dict[str, Any]) -> None:
    assert tuple(golden["blendshape_names"].tolist()) == SCORES


def test_portraits_are_equal(golden: dict[str, Any], mesh: FaceMesh, shared: Path) -> None:
    import cv2

    for k, name in enumerate(golden["portraits"]):
        rgb = cv2.cvtColor(cv2.imread(str(shared / "characters" / "images" / str(name))), cv2.COLOR_BGR2RGB)
        assert zlib.crc32(rgb.tobytes()) == golden["portrait_crc32"][k]
        height, width = rgb.shape[:2]
        roi = mesh.detect(rgb)[0].roi(width, height)
        assert np.allclose([*roi.pixels(width, height), roi.angle], golden["portrait_roi"][k], atol=1e-4)
        face = mesh.faces(rgb, 1)[0]
        assert face.presence == pytest.approx(float(golden["portrait_presence"][k]), abs=1e-5)
        pixels, truth = face.pixels(width, height), golden["portrait_landmarks"][k]
        assert apart(pixels, truth) < 0.001 and np.abs(pixels - truth).max() < 0.01
        assert np.abs(mesh.blendshapes(pixels) - golden["portrait_blendshapes"][k]).max() < 1e-3
        assert np.abs(mesh.head(pixels, width, height) - golden["portrait_matrices"][k]).max() < 1e-3


def test_single_frames_are_equal(golden: dict[str, Any], mesh: FaceMesh, frames: list[np.ndarray]) -> None:
    height, width = frames[0].shape[:2]
    for k, index in enumerate(golden["image_frames"]):
        pixels = mesh.faces(frames[index], 1)[0].pixels(width, height)
        assert apart(pixels, golden["image_landmarks"][k]) < 0.3
        assert np.abs(mesh.blendshapes(pixels) - golden["image_blendshapes"][k]).max() < 0.01
        assert np.abs(mesh.head(pixels, width, height) - golden["image_matrices"][k]).max() < 0.02


def test_video_is_equal(golden: dict[str, Any], mesh: FaceMesh, frames: list[np.ndarray]) -> None:
    """Followed from frame to frame, and filtered as the makers do; any error of the track would add up."""
    from faceshot.facemesh.chase import chase

    same = all(
        zlib.crc32(frames[i].tobytes()) == c for i, c in zip(golden["frames"], golden["frame_crc32"], strict=True)
    )
    most = (0.001, 1e-4, 1e-3) if same else (0.3, 0.01, 0.02)  # another decoder: the golden's own allowance
    height, width = frames[0].shape[:2]
    keep, wanted = OneEuro(), {int(index): k for k, index in enumerate(golden["frames"])}
    for index, face in enumerate(chase(mesh, frames)):
        assert face is not None
        raw = face.pixels(width, height)
        pixels = keep(raw, float(np.ptp(raw[:, :2], axis=0).mean()), index * 1000 // 30)
        k = wanted.get(index)
        if k is None:
            continue
        assert golden["timestamps_ms"][k] == index * 1000 // 30
        assert apart(pixels, golden["video_landmarks"][k]) < most[0], index
        assert np.abs(mesh.blendshapes(pixels) - golden["video_blendshapes"][k]).max() < most[1]
        assert np.abs(mesh.head(pixels, width, height) - golden["video_matrices"][k]).max() < most[2]
