"""The detectors: the face mesh on real clips, facexlib's plumbing with random weights in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from faceshot.driving.detectors import (
    FaceMeshDetector,
    FacexlibDetector,
    crop_box,
    decode_box,
    decode_heatmaps,
    merge_points,
)
from faceshot.errors import InputError, MissingError
from faceshot.landmarks.topology import JAW, MEDIAPIPE_TO_68, MOUTH_CORNERS, OUTER_EYE_CORNERS, WFLW_TO_68
from faceshot.landmarks.types import Size
from faceshot.media.video import read_frames

REPO = Path(__file__).resolve().parents[2]


def test_tables_merge_points() -> None:
    mesh = np.stack([np.arange(478.0), np.zeros(478)], axis=1)
    merged = merge_points(mesh, MEDIAPIPE_TO_68)
    assert merged.shape == (68, 2) and merged[0, 0] == 127 and merged[3, 0] == (132 + 58) / 2
    wflw = np.stack([np.arange(98.0), np.zeros(98)], axis=1)
    assert merge_points(wflw, WFLW_TO_68)[[16, 18, 67], 0].tolist() == [32, 37.5, 95]


@pytest.mark.parametrize("name, shut", [("ravdess_01", 33), ("lp_d18", 95)])
def test_the_mesh_finds_every_face_and_a_blink(
    shared: Path, name: str, shut: int, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert")
    clip, model = shared / "clips" / f"{name}.mp4", shared / "models" / "face_landmarker.task"
    if not clip.is_file() or not model.is_file():
        pytest.skip(f"no {clip} or {model}")
    frames = list(read_frames(clip, start=shut - 15, stop=shut + 2))
    found = [answer.xy for answer in FaceMeshDetector(model).detect(iter(frames), Fraction(30))]
    assert len(found) == len(frames) and all(xy is not None and xy.shape == (68, 2) for xy in found)
    height, width = frames[0].shape[:2]
    assert all((xy > 0).all() and (xy < (width, height)).all() for xy in found if xy is not None)
    for right, left in (OUTER_EYE_CORNERS, MOUTH_CORNERS, (JAW[0], JAW[-1])):
        assert found[0] is not None and found[0][right, 0] < found[0][left, 0]

    def opening(xy: np.ndarray) -> float:
        return float(np.linalg.norm(xy[37] - xy[41]) / np.linalg.norm(xy[36] - xy[39]))

    openings = [opening(xy) for xy in found if xy is not None]
    assert openings[15] < 0.5 * max(openings)
    assert capfd.readouterr().err == ""


def test_the_mesh_says_when_there_is_no_face(shared: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    detector = FaceMeshDetector(shared / "models" / "face_landmarker.task")
    frames = [np.full((96, 128, 3), level, np.uint8) for level in (30, 120, 200)]
    assert [answer.xy for answer in detector.detect(frames, Fraction(30))] == [None, None, None]


def test_a_wrong_model_is_named(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    wrong = tmp_path / "face.task"
    wrong.write_bytes(b"no model at all")
    with pytest.raises(InputError, match=r"face\.task is not a usable"):
        FaceMeshDetector(wrong)


def test_facexlib_names_the_extra_that_is_missing() -> None:
    if importlib.util.find_spec("facexlib") is not None:
        pytest.skip("facexlib is installed here")
    with pytest.raises(MissingError, match=r"pip install 'faceshot\[facexlib\]'"):
        FacexlibDetector()


def test_heat_maps_are_decoded_to_a_quarter_cell_and_clamped() -> None:
    heat = np.zeros((1, 3, 8, 16), np.float32)
    heat[0, 0, 3, 5], heat[0, 0, 3, 6], heat[0, 0, 2, 5] = 1.0, 0.5, 0.4
    heat[0, 1, 0, 15] = 0.8
    heat[0, 2, 7, 4], heat[0, 2, 7, 3] = 0.9, 0.3
    places, score = decode_heatmaps(heat)
    cells = places[0] * (16, 8) - 0.5
    assert np.allclose(cells, [[5.25, 2.75], [15, 0], [3.75, 7]])
    assert np.allclose(score, [[1.0, 0.8, 0.9]])


def test_crops_may_leave_the_frame() -> None:
    frame = np.zeros((20, 30, 3), np.uint8)
    frame[4:12, 6:14] = 255
    inside = crop_box(frame, np.array([5.5, 3.5, 13.5, 11.5]), 8)
    assert (inside == 255).all()
    assert crop_box(frame, np.array([-10.0, -10, 50, 50]), 64).shape == (64, 64, 3)


def test_boxes_are_decoded_where_their_anchor_lies() -> None:
    config = {"steps": [8, 16], "min_sizes": [[16, 32], [64]], "variance": [0.1, 0.2]}
    still = np.zeros(4, np.float32)
    size = Size(40, 24)
    # Level 0 has 3 rows of 5 cells with 2 anchors each: number 2 * (1 * 5 + 3) + 1 is the large one at (3.5, 1.5) * 8.
    assert np.allclose(decode_box(still, 17, size, config), [28 - 16, 12 - 16, 28 + 16, 12 + 16])
    assert np.allclose(decode_box(still, 30, size, config), [8 - 32, 8 - 32, 8 + 32, 8 + 32])
    moved = np.array([1.0, 0, 0, np.log(2) / 0.2], np.float32)
    assert np.allclose(decode_box(moved, 0, size, config), [4 + 1.6 - 8, 4 - 16, 4 + 1.6 + 8, 4 + 16])
    with pytest.raises(InputError):
        decode_box(still, 36, size, config)


#: facexlib imports torchvision, whose only build does not fit a CPU torch and would break transformers, so it lives in
#: a folder of its own; two operator schemas let its Python part import there.
FACEXLIB = """
import torch
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from facexlib.alignment.awing_arch import FAN
from facexlib.detection.retinaface import RetinaFace
from facexlib.detection.retinaface_utils import PriorBox, decode
import numpy as np
from fractions import Fraction
from faceshot.driving.detectors import FacexlibDetector, FacexlibOptions
torch.manual_seed(0)
finder = RetinaFace(network_name="mobile0.25", device="cpu")
aligner = FAN(num_modules=1, num_landmarks=98, device="cpu")
options = FacexlibOptions(every=2, batch=2, face_score=0.0, point_score=-9.0)
detector = FacexlibDetector(networks=(finder, aligner), options=options)
rng = np.random.default_rng(0)
frames = [rng.integers(0, 256, (72, 96, 3), dtype=np.uint8) for _ in range(3)]
answers = list(detector.detect(frames, Fraction(30)))
assert len(answers) == 3 and all(a.xy.shape == (68, 2) and np.isfinite(a.xy).all() for a in answers)
assert all(a.score.shape == (68,) and 0 <= a.score.min() and a.score.max() <= 1 for a in answers)
bgr = (frames[0][..., ::-1].astype(np.float32) - (104, 117, 123)).transpose(2, 0, 1)
with torch.no_grad():
    where, classes, _ = finder(torch.from_numpy(bgr).float()[None])
anchors = PriorBox(finder.cfg, image_size=(72, 96)).forward()
boxes = decode(where[0], anchors, finder.cfg["variance"]) * torch.tensor([96.0, 72, 96, 72])
assert np.allclose(detector._find(frames[0]), boxes[classes[0, :, 1].argmax()].numpy() - 0.5, atol=1e-3)
unsure = FacexlibDetector(networks=(finder, aligner), options=FacexlibOptions(face_score=1.1))
assert [a.xy for a in unsure.detect(frames[:1], Fraction(30))] == [None]
print("facexlib agrees")
"""


@pytest.mark.slow
def test_facexlib_plumbing_with_random_weights() -> None:
    side = Path(os.environ.get("FACESHOT_FACEXLIB_SIDE") or REPO / ".venv" / "facexlib-side")
    if not (side / "facexlib").is_dir():
        pytest.skip(f"no facexlib in {side}; run: make facexlib-side")
    path = os.pathsep.join([str(REPO), str(side)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", FACEXLIB], capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "facexlib agrees" in done.stdout
