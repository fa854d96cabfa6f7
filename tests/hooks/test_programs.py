"""Other people's programs, unmodified, on a cat: they refuse it, and with the hook they do not.

Skipped where a program or its library is not installed: ``pip install --no-deps facelapse natsort facemorph alignfaces
mediapipe dlib-bin scikit-image matplotlib`` in an environment of its own. Whether a program refuses is only asked where
its library is there to be asked.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

REPO = Path(__file__).resolve().parents[2]
#: Program -> the library it looks for faces with, and what it is told; each prints one line of JSON.
PROGRAMS = {
    "facelapse": (
        "mediapipe",
        """
from click.testing import CliRunner
from facelapse.cli import main
run = CliRunner().invoke(main, ["-i", folder, "-o", folder + "/out", "--save-aligned-images", "--skip-video"])
print(json.dumps([run.exit_code, len(list(Path(folder, "out").rglob("*.png")))]))
""",
    ),
    "facemorph": (
        "mediapipe",
        """
import cv2
from facemorph.landmarks import MediaPipeLandmarkDetector
detector = MediaPipeLandmarkDetector(suppress_logs=False)
points = detector.detect(cv2.imread(folder + "/cat.png"), add_boundary_points=False)
print(json.dumps(points))
""",
    ),
    "alignfaces": (
        "dlib",
        """
import cv2
from alignfaces.face_landmarks import facial_landmarks
found = facial_landmarks(cv2.imread(folder + "/cat.png", cv2.IMREAD_GRAYSCALE))
print(json.dumps(found and {name: points.tolist() for name, points in found.items()}))
""",
    ),
}
FRAME = """
import contextlib, json, sys
from pathlib import Path
from faceshot.hooks import patched
library, hooked, folder = sys.argv[1], sys.argv[2] == "hooked", sys.argv[3]
with patched(library) if hooked else contextlib.nullcontext():
"""


def _run(program: str, folder: Path, hooked: bool) -> subprocess.CompletedProcess[str]:
    library, told = PROGRAMS[program]
    code = FRAME + "\n".join("    " + line for line in told.strip().splitlines())
    arguments = [library, "hooked" if hooked else "bare", str(folder)]
    path = [str(REPO), str(REPO / "adapters"), str(REPO / "gallery"), *sys.path]
    code = f"import sys; sys.path[:0] = {path!r}\n" + code
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=600)


def _needed(*names: str) -> None:
    for name in names:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed; see the head of this file")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(REPO / "examples" / "cat.png", tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_cat_is_taken_with_the_hook(program: str, folder: Path) -> None:
    _needed(program)
    done = _run(program, folder, hooked=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    marks = json.loads((REPO / "examples" / "cat.landmarks.json").read_text(encoding="utf-8"))
    xy = np.array(list(marks["points"].values()) if isinstance(marks["points"], dict) else marks["points"], float)[
        :, :2
    ]
    low, high = xy.min(0) - 30, xy.max(0) + 30
    if program == "facelapse":
        assert said == [0, 1]
        return
    points = np.array(said if isinstance(said, list) else [point for part in said.values() for point in part], float)
    inside = ((points > low - (0, 80)) & (points < high)).all(1)
    assert len(points) >= 68 and inside.all(), "the points lie on the cat"


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_refused_without(program: str, folder: Path) -> None:
    _needed(program, PROGRAMS[program][0])
    done = _run(program, folder, hooked=False)
    last = (done.stdout.splitlines() or [""])[-1]
    assert done.returncode != 0 or last in ("null", "[1, 0]"), last


#: facexlib's own helper, which restoration programs crop faces with. Two operator schemas let a torchvision that does
#: not fit be imported; the parsing network, whose weights are not here, is left out.
HELPER = """
import json, sys
import torch
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import cv2
import facexlib.parsing
facexlib.parsing.init_parsing_model = lambda **_: None
from faceshot.hooks import patched
with patched("facexlib"):
    from facexlib.utils.face_restoration_helper import FaceRestoreHelper
    helper = FaceRestoreHelper(1, face_size=256, device="cpu")
    helper.read_image(sys.argv[1])
    count = helper.get_face_landmarks_5(eye_dist_threshold=5)
    helper.align_warp_face()
print(json.dumps([count, helper.cropped_faces[0].shape, helper.all_landmarks_5[0].tolist(),
                  helper.affine_matrices[0].tolist(), helper.face_template.tolist()]))
"""


@pytest.mark.slow
def test_facexlibs_own_helper_crops_a_cat(folder: Path) -> None:
    side = Path(os.environ.get("FACESHOT_FACEXLIB_SIDE") or REPO / ".venv" / "facexlib-side")
    if not (side / "facexlib").is_dir():
        pytest.skip(f"no facexlib in {side}; run: make facexlib-side")
    path = [str(one) for one in (REPO, REPO / "adapters", REPO / "gallery", side)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    arguments = [sys.executable, "-c", HELPER, str(folder / "cat.png")]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    count, shape, five, matrix, template = json.loads(done.stdout.splitlines()[-1])
    assert count == 1 and shape == [256, 256, 3]
    placed = np.array(five) @ np.array(matrix)[:, :2].T + np.array(matrix)[:, 2]
    assert np.abs(placed - template).max() < 40, "eyes, nose and mouth lie about where the template has them"
