"""The last net, odd names, odd environments, streams that are closed: one line, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from faceshot.cli.typed.options import to_json
from tests.helpers import Run, face_points

posix = pytest.mark.skipif(sys.platform == "win32", reason="names and streams of POSIX")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from faceshot.formats.files import write_landmarks
    from faceshot.landmarks.types import Landmarks, Size
    from faceshot.media.image import write_picture

    folder = tmp_path_factory.mktemp("faults")
    write_picture(folder / "a.png", np.full((96, 96, 3), 90, np.uint8))
    write_landmarks(folder / "a.json", Landmarks(face_points(96), Size(96, 96)))
    return folder


def _shell(repo: Path, line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    paths = os.pathsep.join(str(repo / part) for part in ("", "adapters", "gallery"))
    command = line.replace("faceshot", f"'{sys.executable}' -m faceshot", 1)
    around = {**os.environ, "PYTHONPATH": paths, **environment}
    return subprocess.run(["bash", "-c", command], capture_output=True, env=around, cwd=repo)


def test_the_last_net(cli: Callable[..., Run], files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise KeyError("never foreseen\nsecond line")

    monkeypatch.setattr("faceshot.pipeline.list_backends", broken)
    run = cli("backends")
    assert run.code == 1 and run.err.count("\n") == 1
    assert "KeyError" in run.err and "this is a bug in FaceShot, please report it" in run.err
    run = cli("backends", "-v")
    assert "Traceback" in run.err and "never foreseen" in run.err and run.err.splitlines()[-1].startswith("error: ")


def test_other_libraries_warnings_stay_away(
    cli: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def noisy(*_arguments: object, **_options: object) -> list[str]:
        warnings.warn("overflow encountered in cast", RuntimeWarning, stacklevel=1)
        return []

    monkeypatch.setattr("faceshot.pipeline.list_backends", noisy)
    assert "overflow" not in cli("backends").err and not recwarn.list


@posix
def test_names_that_are_no_text(repo: Path, files: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    (tmp_path / f"{odd}.png").write_bytes((files / "a.png").read_bytes())
    line = f"faceshot animate {odd}.png --landmarks '{files}/a.json' --motion nod --seconds 0.5 -o {odd}.mp4 -q"
    done = _shell(repo, f"cd '{tmp_path}'; " + line)
    assert done.returncode == 0 and done.stdout == b"caf\xe9.mp4\n", done.stderr
    side = json.loads((tmp_path / f"{odd}.mp4.json").read_bytes())
    assert side["sources"]["picture"]["name"] == "caf?.png"
    done = _shell(repo, f"cd '{tmp_path}'; " + line)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and b"exists" in done.stderr
    done = _shell(repo, f"cd '{tmp_path}'; " + line + " --json")
    assert json.loads(done.stdout)["exit_code"] == 1


def test_json_is_always_utf8() -> None:
    assert to_json({"a": "é"}) == '{"a": "é"}'
    assert json.loads(to_json({"a": "\udce9"}).encode("utf-8")) == {"a": "\udce9"}


@posix
@pytest.mark.parametrize(("end", "code"), [(">&-", 0), ("2>&-", 0), (">/dev/full", 1), ("| true", 0)])
def test_streams_that_are_closed(end: str, code: int, repo: Path) -> None:
    done = _shell(repo, f"set -o pipefail; faceshot backends {end}")
    assert b"Traceback" not in done.stderr and done.returncode == code, done.stderr


@posix
@pytest.mark.parametrize(
    ("line", "environment", "says"),
    [
        ("match A -o '~nosuchuser/x.json' --preset '~nosuchuser/model'", {}, "no home folder"),
        ("match A -o X", {"FACESHOT_CACHE": "~nosuchuser/x"}, "no home folder"),
        ("match A -o X", {"FACESHOT_DATA": "~nosuchuser/x"}, "no home folder"),
        ("match A -o X --preset sd15 --offline", {"HF_HOME": "~nosuchuser/x"}, "no home folder"),
        ("match A -o X --preset sd15 --offline", {"FACESHOT_WEIGHTS": "~nosuchuser/x"}, "no home folder"),
        ("weights fetch mofa -q", {"HF_ENDPOINT": "::::"}, "HF_ENDPOINT is '::::'"),
        ("weights fetch mofa -q", {"HF_ENDPOINT": "http://[x"}, "HF_ENDPOINT"),
    ],
)
def test_odd_environments(
    line: str, environment: dict[str, str], says: str, cli: Callable[..., Run], files: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    words = {"A": str(files / "a.png"), "X": str(tmp_path / "x.json")}
    run = cli(*[words.get(word, word.strip("'")) for word in line.split()])
    assert run.code in (1, 2) and says in run.err and run.err.count("\n") == 1, run.err


@pytest.mark.parametrize(
    "line",
    [
        "retarget A.json A.json -o X --size ²x²",
        "retarget A.json A.json -o X --fps 1e99999999",
        "drive A.png -o X.npz --rest ²",
        "match A.png -o X --points 'nose=1e999,2;left_eye=3,4'",
        "match A.png -o X --preset sd15:steps=²",
        "match A.png -o X --device cuda:²",
        "match A\0.png -o X",
        "match A.png -o X\0",
    ],
)
def test_values_nobody_means(line: str, cli: Callable[..., Run], files: Path, tmp_path: Path) -> None:
    words = [
        word.strip("'").replace("X", str(tmp_path / "x.json")).replace("A", str(files / "a")) for word in line.split()
    ]
    run = cli(*words)
    assert run.code in (1, 2) and run.err.count("error: ") == 1 and "bug" not in run.err, run.err
    assert list(tmp_path.iterdir()) == []


@posix
def test_interrupted_while_it_is_imported(repo: Path, tmp_path: Path) -> None:
    """Ctrl-C a moment after the start: no traceback of the import system."""
    (tmp_path / "typer.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(5)\n"
    )
    paths = os.pathsep.join([str(tmp_path), *(str(repo / part) for part in ("", "adapters", "gallery"))])
    done = subprocess.run(
        [sys.executable, "-m", "faceshot", "backends"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}, cwd=repo,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert done.returncode == 130 and done.stderr == "interrupted\n"
