"""Whichever OpenCV is there, or none: one clear line before any work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from faceshot import doctor, opencv
from faceshot.errors import MissingError

tomllib = pytest.importorskip("tomllib")  # of Python 3.11

CAT, MARKS = "examples/cat.png", "examples/cat.landmarks.json"
#: The command line where cv2 is not installed: an import of it fails as if there was none.
WITHOUT = "import sys; sys.modules['cv2'] = None; from faceshot.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch):
    """``only(name=version, ...)``: these distributions of OpenCV are installed."""

    def install(**versions: str) -> None:
        found = {name.replace("_", "-"): version for name, version in versions.items()}
        monkeypatch.setattr(opencv, "opencv_versions", lambda: found)
        monkeypatch.setattr(doctor, "opencv_versions", lambda: found)

    return install


@pytest.mark.parametrize(
    "command",
    [
        ("match", "examples/cat.png", "-o", "{out}/cat.json"),
        ("animate", "examples/cat.png", "--motion", "nod", "-o", "{out}/cat.mp4"),
        (
            "animate",
            "examples/cat.png",
            "--landmarks",
            "examples/cat.landmarks.json",
            "--motion",
            "nod",
            "-o",
            "{out}/c.mp4",
        ),
        ("drive", "examples/actor.mp4", "-o", "{out}/drive.npz"),
    ],
    ids=["match", "animate", "animate with landmarks", "drive"],
)
def test_without_opencv_there_is_one_line_that_says_how_to_get_it(
    command: tuple[str, ...], tmp_path: Path, repo: Path
) -> None:
    arguments = [part.format(out=tmp_path) for part in command]
    done = subprocess.run([sys.executable, "-c", WITHOUT, *arguments], cwd=repo, capture_output=True, text=True)
    assert done.returncode == 1 and list(tmp_path.iterdir()) == []
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "OpenCV (cv2) is not installed" in line and line.endswith("pip install opencv-python-headless")
    assert "Traceback" not in done.stderr


def test_what_needs_no_opencv_works_without(tmp_path: Path, repo: Path) -> None:
    landmarks = repo / "examples" / "cat.landmarks.json"
    for arguments in (["--help"], ["backends"], ["retarget", landmarks, landmarks, "-o", tmp_path / "moved.npz"]):
        command = [sys.executable, "-c", WITHOUT, *map(str, arguments)]
        done = subprocess.run(command, cwd=repo, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "moved.npz").is_file()


def test_the_empty_folder_that_an_uninstalled_distribution_leaves(only, monkeypatch: pytest.MonkeyPatch) -> None:
    only(opencv_python="5.0.0.93")
    monkeypatch.setattr(opencv, "find_spec", lambda name: ModuleSpec(name, None, is_package=True))
    with pytest.raises(MissingError, match=r"holds no OpenCV any more.*--force-reinstall --no-deps opencv-python$"):
        opencv.require_opencv()
    (finding,) = doctor._cv2()
    assert finding.state == "problem" and "--force-reinstall" in finding.text


def test_a_desktop_build_on_a_server(only, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    only(opencv_python="5.0.0.93")
    with pytest.raises(MissingError, match=r"libGL\.so\.1.*pip uninstall opencv-python, then pip install"):
        opencv.require_opencv()


@pytest.mark.parametrize(
    ("versions", "state"),
    [
        ({"opencv_python": "5.0.0.93"}, "ok"),
        ({"opencv_contrib_python": "5.0.0.93"}, "ok"),
        ({}, "ok"),  # conda's, or built by hand
        ({"opencv_python": "5.0.0.93", "opencv_python_headless": "5.0.0.93"}, "note"),
        ({"opencv_python": "4.10.0.84", "opencv_python_headless": "5.0.0.93"}, "problem"),
    ],
)
def test_doctor_tells_which_it_is(only, versions: dict[str, str], state: str) -> None:
    only(**versions)
    (finding,) = doctor._cv2()
    assert finding.state == state
    assert all(name.replace("_", "-") in finding.text for name in versions)


def test_no_requirement_of_ours_brings_an_opencv(repo: Path) -> None:
    """A second one would overwrite the folder of the one that is there."""
    project = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not [line for line in project["dependencies"] if "opencv" in line]
    assert any(line.startswith("opencv-python-headless") for line in project["optional-dependencies"]["opencv"])
    assert any(line == "torch>=2.6" for line in project["dependencies"]), "weights_only below it can be exploited"


def test_every_extra_that_is_advised_exists(repo: Path) -> None:
    """In messages, documents and the doctor; and what is not there yet is not offered."""
    offered = set(tomllib.loads((repo / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    texts = [repo / "README.md", *(repo / "faceshot").rglob("*.py"), *(repo / "adapters").rglob("*.py")]
    advised = {
        extra
        for path in texts
        for extras in re.findall(r"(?:faceshot|\.)\[([a-z,]+)\]'", path.read_text(encoding="utf-8"))
        for extra in extras.split(",")
    }
    assert "opencv" in advised and advised <= offered, advised - offered


def test_threads_wait_asleep_in_the_command_line_only(repo: Path) -> None:
    """Before torch is loaded, unless the user said something else; importing the library sets nothing."""
    code = (
        "import os, sys, faceshot.pipeline.faceshot; first = os.environ.get('OMP_WAIT_POLICY'); "
        "from faceshot.cli import main; main(['version']); "
        "print(first, os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    plain = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    for environment, expected in ((plain, "None PASSIVE False"), (plain | {"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
        done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=repo, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1].startswith(expected), done.stdout + done.stderr
