"""The runners with stand-in clones, which check what goes in; what comes back and what goes wrong is checked here."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceshot.errors import BackendError, InputError, MissingError, UsageError
from faceshot.media import probe, probe_sound, read_picture
from faceshot.pipeline import AnimationOptions, list_backends
from faceshot.testing import clip_of, drawn_face
from faceshot_runners import HunyuanPortrait, XPortrait
from faceshot_runners.running import last_fault
from tests.adapters.runners import checkouts

BACKENDS: dict[str, tuple[Callable[[], Any], Callable[..., Path]]] = {
    "x-portrait": (XPortrait, checkouts.x_portrait),
    "hunyuan-portrait": (HunyuanPortrait, checkouts.hunyuan_portrait),
}


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Temporary folders of a run go here, and none may be left."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture(params=BACKENDS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """``made(behaviour)`` -> a backend and its options, with a clone that behaves so."""
    backend, clone = BACKENDS[request.param]

    def make(behaviour: str = "", **extra: Any) -> tuple[Any, dict[str, Any]]:
        return backend(), {"checkout": clone(tmp_path / "clone", behaviour), "python": sys.executable, **extra}

    return make


def frames(backend: Any, extra: dict[str, Any], count: int = 3, side: int = 160, **face: Any) -> list[np.ndarray]:
    picture, marks = drawn_face(side, **face)
    options = AnimationOptions(extra=extra)
    backend.load(options)
    moves = [(2 * k, k) for k in range(count)]
    return list(backend.animate(picture, marks, clip_of(marks, moves), options))


def test_frames_come_back_into_the_picture(made: Any) -> None:
    found = frames(*made(), count=4, side=200)
    picture, _ = drawn_face(200)
    assert len(found) == 4 and all(frame.shape == (200, 200, 3) for frame in found)
    assert np.abs(found[0].astype(int) - picture.rgb).mean() < 8
    assert np.abs(found[3].astype(int) - found[0]).mean() > 1


def test_outside_the_square_nothing_changes(made: Any) -> None:
    picture, marks = drawn_face(400, 160)
    backend, extra = made()
    (frame,) = backend.animate(picture, marks, clip_of(marks, [(5, 0)]), AnimationOptions(extra=extra))
    assert np.array_equal(frame[:, :100], picture.rgb[:, :100]) and not np.array_equal(frame, picture.rgb)


def test_a_matte_moves_along(made: Any) -> None:
    found = frames(*made(), count=6, matte=True)
    assert found[0].shape == (160, 160, 4) and 0 < (found[0][..., 3] == 255).mean() < 1
    assert np.abs(found[5][..., 3].astype(int) - found[0][..., 3]).max() > 100


@pytest.mark.parametrize(
    "behaviour, said",
    [
        ("fail", "failed (exit code 1): RuntimeError: CUDA out of memory. Tried to allocate 20.00 GiB"),
        ("kill", "was killed (SIGKILL"),
        ("nothing", "without a video"),
        ("black", "empty picture"),
        ("short", "gave 1 of 3 frames"),
    ],
)
def test_what_goes_wrong_is_one_line(made: Any, behaviour: str, said: str) -> None:
    with pytest.raises(BackendError) as error:
        frames(*made(behaviour))
    assert said in str(error.value) and "\n" not in str(error.value)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_slow_program_is_stopped(made: Any, tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(BackendError, match="longer than 3 s and was stopped; allow more with backend_option"):
        frames(*made("slow", timeout=3))
    assert time.monotonic() - begin < 30
    assert not alive(int((tmp_path / "clone" / "pid").read_text()))


def test_an_interruption_stops_the_program(made: Any, tmp_path: Path) -> None:
    import _thread

    def interrupt() -> None:
        while not (tmp_path / "clone" / "pid").exists():
            time.sleep(0.1)
        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        frames(*made("slow"))
    assert not alive(int((tmp_path / "clone" / "pid").read_text()))


def test_what_is_missing_is_said_before_anything_is_drawn(made: Any, tmp_path: Path) -> None:
    backend, extra = made()

    def refused(error: type[Exception], said: str, **more: Any) -> None:
        with pytest.raises(error) as found:
            backend.load(AnimationOptions(extra={**extra, **more}))
        assert said in str(found.value) and "\n" not in str(found.value)

    refused(MissingError, "is no clone of", checkout=tmp_path)
    refused(InputError, "is not a folder", checkout=tmp_path / "clone" / "behaviour")
    refused(MissingError, "no interpreter", python=tmp_path / "python")
    refused(UsageError, "steps", steps=0)
    refused(UsageError, "timeout", timeout="soon")
    with pytest.raises(MissingError, match=r"git clone https.*checkout=DIR"):
        type(backend)().load(AnimationOptions())
    del extra["python"]
    refused(MissingError, "no environment in")
    home = tmp_path / "clone" / "venv" / "bin"
    home.mkdir(parents=True)
    (home / "python").symlink_to(sys.executable)
    backend.load(AnimationOptions(extra=extra))
    assert backend.requires() == []


def test_x_portraits_checkpoint_may_lie_elsewhere(tmp_path: Path) -> None:
    clone = checkouts.x_portrait(tmp_path / "clone")
    (clone / "checkpoint" / "model_state-415001.th").rename(tmp_path / "x.th")
    extra = {"checkout": clone, "python": sys.executable}
    with pytest.raises(MissingError, match=r"checkpoint .*model_state-415001\.th is not there"):
        XPortrait().load(AnimationOptions(extra=extra))
    assert len(frames(XPortrait(), {**extra, "weights": tmp_path / "x.th"})) == 3


def test_a_variable_names_the_clone_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACESHOT_X_PORTRAIT", raising=False)
    assert "FACESHOT_X_PORTRAIT" in XPortrait().requires()[0]
    monkeypatch.setenv("FACESHOT_X_PORTRAIT", str(checkouts.x_portrait(tmp_path / "clone")))
    assert XPortrait().requires() == []
    XPortrait().load(AnimationOptions(extra={"python": sys.executable}))


def test_a_drawn_pose_reaches_the_program(tmp_path: Path) -> None:
    clone = checkouts.hunyuan_portrait(tmp_path / "clone")
    program = clone / "inference.py"
    check = '    assert sample["img_pose"].max() == 1\n    count = '
    program.write_text(program.read_text().replace("    count = ", check, 1))
    extra = {"checkout": clone, "python": sys.executable}
    assert len(frames(HunyuanPortrait(), {**extra, "pose": "drawn"})) == 3
    with pytest.raises(BackendError, match="AssertionError"):
        frames(HunyuanPortrait(), extra)


def test_the_fault_is_found_among_the_noise() -> None:
    text = "  5%|#   | 1/20\r 10%|##  | 2/20\nTraceback (most recent call last):\n  File 'x'\n"
    text += "torch.OutOfMemoryError: no\n\n"
    assert last_fault(text) == "torch.OutOfMemoryError: no"
    assert last_fault("Killed\n") == "Killed" and last_fault("") == "it did not say why"
    assert len(last_fault("ValueError: " + "x" * 900)) == 300


def test_from_the_command_line_with_sound(cli: Any, repo: Path, tmp_path: Path) -> None:
    if "x-portrait" not in list_backends():
        pytest.skip("the installation is older than this backend: pip install -e . again")
    clone, out = checkouts.x_portrait(tmp_path / "clone"), tmp_path / "cat.mp4"
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    words = [
        *("animate", repo / "examples" / "cat.png", "--motion", "nod", "--seconds", "0.5", "--audio", sound),
        *("--landmarks", repo / "examples" / "cat.landmarks.json", "-o", out, "--backend", "x-portrait"),
        *("--backend-option", f"checkout={clone}", "--backend-option", f"python={sys.executable}"),
    ]
    done = cli(*words)
    assert done.code == 0, done.err
    info = probe(out)
    assert info.frames == 15 and info.fps == 30 and info.size == read_picture(repo / "examples" / "cat.png").size
    assert probe_sound(out).seconds == pytest.approx(0.5, abs=0.1)
    (clone / "behaviour").write_text("fail")
    done = cli(*words, "--overwrite")
    errors = [line for line in done.err.splitlines() if not line.startswith("note: ")]
    assert done.code == 1 and len(errors) == 1 and "CUDA out of memory" in errors[0]
    assert probe(out).frames == 15  # what was there stays
