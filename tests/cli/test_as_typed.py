"""Commands as people type them: few words, names as they arrive from drag and drop, sensible places for results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import faceshot
from faceshot.cli import app
from faceshot.cli.typed.paths import as_typed
from faceshot.errors import InputError, UsageError
from faceshot.formats import read_landmarks, read_sequence, write_landmarks, write_sequence
from faceshot.landmarks import Landmarks, LandmarkSequence, Size, as_fps
from faceshot.media import VideoWriter, probe, write_picture
from tests.helpers import Run, face_points

REPO = Path(__file__).resolve().parents[2]
QUICK = ("--landmarks", "face.json", "--seconds", "0.5")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: one picture whose landmarks are known (``face.*``), and one to be matched (``cat.png``)."""
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[0:96, 0:96]
    write_picture("face.png", np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8))
    write_landmarks("face.json", Landmarks(face_points(96), Size(96, 96)))
    (tmp_path / "cat.png").write_bytes((REPO / "examples/cat.png").read_bytes())
    return tmp_path


def _drive(path: str) -> None:
    xy = np.repeat(face_points(96)[None], 4, 0)
    write_sequence(path, LandmarkSequence(xy, Size(96, 96), as_fps(25)))


def _clip(path: str, frames: int = 3) -> None:
    with VideoWriter(path, (96, 96), as_fps(25)) as writer:
        for shade in range(frames):
            writer.write(np.full((96, 96, 3), shade * 20, np.uint8))


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_match_of_a_picture_and_nothing_else(cli: Callable[..., Run], here: Path) -> None:
    run = cli("match", "cat.png")
    assert (run.code, run.out) == (0, "cat.landmarks.json\ncat.overlay.png\n")
    assert run.err.startswith("cat.png: confidence 0.") and run.err.count("\n") == 1
    assert (
        read_landmarks("cat.landmarks.json").size == (640, 640) and (here / "cat.overlay.png").stat().st_size > 10_000
    )
    before = (here / "cat.landmarks.json").read_bytes()
    run = cli("match", "cat.png")
    assert run.code == 1 and "use --overwrite or another name" in run.err
    assert (here / "cat.landmarks.json").read_bytes() == before
    # A folder again: what was drawn is no picture, what is there is no work.
    run = cli("match", ".", "--skip-existing", "--json")
    assert [Path(one["picture"]).name for one in json.loads(run.out)["results"] + json.loads(run.out)["failed"]] == [
        "face.png"
    ]
    assert "1 of 2 are finished" in run.err


def test_results_go_to_the_working_folder_where_the_picture_s_cannot_be_written(
    cli: Callable[..., Run], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = here / "locked"
    locked.mkdir()
    for name in ("face.png", "face.json"):
        (here / name).rename(locked / name)
    real = os.access
    monkeypatch.setattr(
        "os.access", lambda path, mode: real(path, mode) and not (Path(path).name == "locked" and mode == os.W_OK)
    )
    run = cli("animate", "locked/face.png", "--landmarks", "locked/face.json", "--seconds", "0.5")
    assert (run.code, run.out) == (0, "face.mp4\n") and _files(locked) == {"face.png", "face.json"}


def test_match_to_stdout(cli: Callable[..., Run], here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faceshot", "match", "cat.png", "-o", "-", "-q"],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (REPO, REPO / "adapters", REPO / "gallery")))},
    )
    assert done.returncode == 0 and done.stderr == b"" and _files(here) == {"cat.png", "face.png", "face.json"}
    (here / "piped.json").write_bytes(done.stdout)
    assert read_landmarks("piped.json").xy.shape == (68, 2) and not (here / "-").exists()
    for extra in (("face.png",), ("--overlay",), ("--json",)):
        assert cli("match", "cat.png", "-o", "-", *extra).code == 2


def test_animate_of_a_picture_and_nothing_else(cli: Callable[..., Run], here: Path) -> None:
    run = cli("animate", "face.png", *QUICK)
    assert (run.code, run.out) == (0, "face.mp4\n") and probe("face.mp4").frames == 15
    assert run.err.startswith("motion talk; another: --motion NAME, a clip's: faceshot animate face.png CLIP\n")
    assert json.loads((here / "face.mp4.json").read_text())["sources"]["motion"] == {"name": "talk"}
    assert cli("animate", "face.png", *QUICK).code == 1  # never overwrites
    run = cli("animate", "face.png", *QUICK, "--format", "webp")
    assert run.out == "face.webp\n"


def test_the_clip_is_the_second_word(cli: Callable[..., Run], here: Path) -> None:
    _drive("me.npz")
    assert cli("animate", "face.png", "me.npz", "--landmarks", "face.json").out == "face.mp4\n"
    record = json.loads((here / "face.mp4.json").read_text())
    assert record["sources"]["driving"]["name"] == "me.npz" and record["output"]["frames"] == 4
    run = cli("animate", "face.png", "me.npz", "--landmarks", "face.json", "--motion", "nod", "-o", "a.mp4")
    assert run.code == 2 and "me.npz and --motion nod would both drive" in run.err
    run = cli("animate", "face.png", "absent.mp4", "-o", "a.mp4")
    assert run.code == 1 and "clip absent.mp4 does not exist" in run.err
    # A clip that has the name of the default output is an input.
    _drive("face.npz")
    Path("face.mp4").rename("old.mp4")
    _clip("face.mp4")
    assert cli("animate", "face.png", "face.mp4", "--driving", "face.npz").code == 2
    run = cli("animate", "face.png", "--landmarks", "face.json", "--motion", "nod", "--seconds", "0.5")
    assert run.code == 1 and "face.mp4 exists" in run.err


@pytest.mark.parametrize(("name", "frames", "pictures"), [("b.png", 1, 2), ("b.gif", 3, 1), ("b.webp", 1, 2)])
def test_a_still_picture_is_no_clip(name: str, frames: int, pictures: int, here: Path) -> None:
    from faceshot.cli.typed.videos import split

    _clip(name, frames)
    assert len(split([Path("face.png"), Path(name)], None, None)[0]) == pictures
    assert split([Path("face.png"), Path(name)], None, "nod")[0] == [Path("face.png"), Path(name)]


@pytest.mark.parametrize(
    "line",
    [
        "animate --backend mofa face.png me.npz",
        "animate face.png --backend mofa me.npz",
        "animate face.png me.npz --backend mofa",
        "--backend mofa animate face.png me.npz",
        "animate mofa face.png me.npz",
        "animate face.png me.npz mofa",
    ],
)
def test_the_backend_s_name_anywhere(line: str, cli: Callable[..., Run], here: Path) -> None:
    _drive("me.npz")
    run = cli(*line.split(), "--landmarks", "face.json", "--offline")
    assert run.code == 1 and "mofa" in run.err and run.err.count("\n") == 1
    assert "faceshot weights fetch mofa" in run.err
    assert _files(here) == {"cat.png", "face.png", "face.json", "me.npz"}


@pytest.mark.parametrize(
    ("line", "example"),
    [
        ("animate", "faceshot animate cat.png me.mp4"),
        ("animate --backend mofa", "faceshot animate --backend mofa cat.png me.mp4"),
        ("animate mofa", "faceshot animate --backend mofa cat.png me.mp4"),
        ("match", "faceshot match cat.png"),
        ("drive", "faceshot drive me.mp4"),
        ("retarget cat.json", "faceshot retarget cat.landmarks.json me.landmarks.npz"),
    ],
)
def test_nothing_to_work_on_gives_one_complete_command(line: str, example: str, cli: Callable[..., Run]) -> None:
    run = cli(*line.split())
    assert run.code == 2 and run.out == ""
    assert run.err.startswith("error: ") and run.err.endswith(f"for example: {example}\n") and run.err.count("\n") == 1


def test_a_folder_of_characters(cli: Callable[..., Run], here: Path) -> None:
    cats = here / "cats"
    cats.mkdir()
    for name in ("a.png", "c.png"):
        (cats / name).write_bytes((here / "cat.png").read_bytes())
    (cats / "b.png").write_text("no picture")
    line = ("animate", "cats/", "--motion", "nod", "--seconds", "0.5", "-o", "out/")
    run = cli(*line)
    assert run.code == 1 and run.out.splitlines() == [str(Path("out") / name) for name in ("a.mp4", "c.mp4")]
    assert "error: picture cats/b.png" in run.err.replace("\\", "/") and "2 of 3 pictures animated, 1 failed" in run.err
    assert _files(here / "out") == {"a.mp4", "a.mp4.json", "c.mp4", "c.mp4.json"}
    times = {path.name: path.stat().st_mtime_ns for path in (here / "out").iterdir()}
    run = cli(*line)
    assert run.code == 1 and "2 of 3 results exist" in run.err and "--skip-existing" in run.err
    (cats / "b.png").write_bytes((here / "cat.png").read_bytes())
    (here / "out/c.mp4").unlink()
    run = cli(*line, "--skip-existing", "--json")
    assert run.code == 0 and "1 of 3 are finished, skipped" in run.err
    assert [Path(one["video"]).name for one in json.loads(run.out)["results"]] == ["b.mp4", "c.mp4"]
    assert (here / "out/a.mp4").stat().st_mtime_ns == times["a.mp4"]
    assert cli(*line, "--skip-existing").out == ""
    for own in (("--box", "1,1,50,50"), ("--landmarks", "face.json"), ("--save-drive", "x.npz")):
        run = cli(*line, *own)
        assert run.code == 2 and f"{own[0]} belongs to one picture" in run.err
    assert cli("animate", "cats", "-o", "out.mp4").code == 2


def test_an_output_without_a_suffix_is_a_video(cli: Callable[..., Run], here: Path) -> None:
    run = cli("animate", "face.png", *QUICK, "-o", "cat9")
    assert (run.code, run.out) == (0, "cat9.mp4\n") and "writing cat9.mp4 (for a folder of frames: --frames)" in run.err
    assert cli("animate", "face.png", *QUICK, "-o", "cat9/").out == "cat9\n"
    assert cli("animate", "face.png", *QUICK, "-o", "out").out == "out\n", "no video is called that"
    assert cli("animate", "face.png", *QUICK, "-o", "many", "--frames").out == "many\n"
    assert cli("animate", "face.png", *QUICK, "--frames").out == "face_frames\n"
    for folder in ("cat9", "out", "many", "face_frames"):
        assert len(list((here / folder).glob("frame_*.png"))) == 15
    (here / "videos").mkdir()
    (here / "videos/other.mp4").write_text("other")
    run = cli("animate", "face.png", *QUICK, "-o", "videos/")
    assert run.code == 1 and f"for a video: -o {Path('videos/face.mp4')}" in run.err
    assert cli("animate", "face.png", *QUICK, "-o", "videos").out == f"{Path('videos/face.mp4')}\n"
    assert cli("animate", "face.png", *QUICK, "-o", "x.mp4", "--frames").code == 2


@pytest.mark.parametrize(
    "line",
    ["match https://a.org/cat.png", "animate http://a.org/b/cat.png", "animate face.png 'https://youtu.be/x'",
     "drive rtsp://a.org/live", "animate face.png --motion nod --audio https://a.org/b.mp3"],
)  # fmt: skip
def test_addresses_are_refused_in_one_line(line: str, cli: Callable[..., Run], here: Path) -> None:
    run = cli(*line.split())
    assert run.code == 2 and run.err.count("\n") == 1 and "://" in run.err and "download it first" in run.err


def test_names_as_they_arrive(cli: Callable[..., Run], here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "my face.png").write_bytes((here / "face.png").read_bytes())
    uri = (here / "my face.png").as_uri()
    assert "%20" in uri
    typed = ("'my face.png'", '"my face.png"', "my face.png ", uri, uri.replace("file:///", "file://localhost/"))
    for k, name in enumerate(typed):
        run = cli("animate", name, *QUICK, "-o", f"'{k}.mp4' ")
        assert (run.code, run.out) == (0, f"{k}.mp4\n"), run.err
    monkeypatch.setenv("HOME", str(here))
    assert as_typed("'~/face.png'") == str(here / "face.png")
    (here / "'odd'.png ").write_bytes(b"x")
    assert as_typed("'odd'.png ") == "'odd'.png "  # a file of exactly this name comes first
    assert as_typed("C:/cats/cat.png") == "C:/cats/cat.png"
    assert as_typed("x" * 5000) == "x" * 5000
    with pytest.raises(UsageError, match=r"https://a\.org/b\.png: addresses are not supported"):
        as_typed("https:/a.org/b.png")  # as a Path has it


def test_help_version_and_completion(cli: Callable[..., Run], here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("help", "animate") == cli("animate", "--help")
    assert cli("help", "gallery", "add") == cli("gallery", "add", "-h")
    assert cli("help") == cli("--help") and cli("help").code == 0
    version = Run(0, f"faceshot {faceshot.__version__}\n", "")
    assert [cli("version"), cli("-v"), cli("-V"), cli("--version")] == [version] * 4
    assert app.understood(["-v", "match", "a.png"]) == ["match", "a.png", "-v"]
    assert app.understood(["--seed", "3", "gallery", "list"]) == ["gallery", "list", "--seed", "3"]
    assert app.understood(["annimate", "match"]) == ["annimate", "match"]
    run = cli("annimate", "a.png")
    assert run.code == 2 and "animate" in run.err
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    run = cli("--install-completion")
    assert run.code == 0 and "bash completion installed" in run.out
    assert "_FACESHOT_COMPLETE" in "".join(path.read_text() for path in here.rglob("*faceshot*") if path.is_file())
    asked = os.environ | {"_FACESHOT_COMPLETE": "complete_bash", "COMP_WORDS": "faceshot ani", "COMP_CWORD": "1"}
    asked["PYTHONPATH"] = os.pathsep.join(map(str, (REPO, REPO / "adapters", REPO / "gallery")))
    done = subprocess.run([sys.executable, "-m", "faceshot"], capture_output=True, text=True, env=asked)
    assert (done.returncode, done.stdout.strip()) == (0, "animate")


def test_help_tells_ranges_and_defaults(cli: Callable[..., Run]) -> None:
    from faceshot.driving.motions import _TEMPLATES, MAX_SECONDS, MIN_SECONDS

    told = " ".join(cli("animate", "--help").out.split())
    lengths = [length for length, _ in _TEMPLATES.values()]
    assert f"{MIN_SECONDS:g} to {MAX_SECONDS:g} (default: its own length, {min(lengths):g} to {max(lengths):g})" in told
    assert "Gain 0 to 3 per part" in told and "Default: PICTURE.mp4, beside the picture" in told
    assert "Default: PICTURE.landmarks.json and an overlay" in " ".join(cli("match", "--help").out.split())


def test_drive_and_retarget_name_their_results_too(cli: Callable[..., Run], here: Path) -> None:
    (here / "me.mp4").write_bytes((REPO / "examples/actor.mp4").read_bytes())
    write_landmarks("first.json", read_sequence(REPO / "examples/actor.landmarks.npz")[0])
    run = cli("drive", "me.mp4", "--source", "track", "--stop", "3", "--landmarks", "first.json")
    assert (run.code, run.out) == (0, "me.landmarks.npz\n") and len(read_sequence("me.landmarks.npz")) == 3
    _drive("drive.npz")
    run = cli("retarget", "face.json", "drive.npz")
    assert (run.code, run.out) == (0, "face.moved.npz\n")
    assert cli("drive", "absent.mp4").err.startswith("error: clip absent.mp4 does not exist")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("output", "taken.mp4", "exists"),
        ("output", "a.avi", "suffixes"),
        ("output", "face.png", "holds an input"),
        ("save_landmarks", "a.txt", "suffixes"),
        ("save_drive", "a.pts", "suffixes"),
        ("save_sequence", "b.mp4", "suffixes"),
        ("save_landmarks", "taken.json", "exists"),
    ],
)
def test_outputs_are_checked_before_any_work(
    name: str, value: str, says: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python function, too: no model may be loaded, no clip be read."""
    for taken in ("taken.mp4", "taken.json"):
        (here / taken).write_text("mine")
    _clip("clip.mp4")

    def work(*_: object, **__: object) -> None:
        raise AssertionError("work before the outputs were checked")

    for owner in ("faceshot.matching.matcher.Matcher.__init__", "faceshot.media.image.read_picture",
                  "faceshot.pipeline.inputs.as_landmarks"):  # fmt: skip
        monkeypatch.setattr(owner, work)
    with pytest.raises(InputError, match=says):
        faceshot.animate("face.png", driving="clip.mp4", **{"output": "a.mp4", name: value})
    assert (here / "taken.mp4").read_text() == (here / "taken.json").read_text() == "mine"


def test_a_sidecar_whose_video_is_gone_does_not_block(cli: Callable[..., Run], here: Path) -> None:
    assert cli("animate", "face.png", *QUICK).code == 0
    first = json.loads((here / "face.mp4.json").read_text())
    (here / "face.mp4").unlink()
    assert cli("animate", "face.png", *QUICK, "--motion", "nod").code == 0
    second = json.loads((here / "face.mp4.json").read_text())
    assert (first["sources"]["motion"]["name"], second["sources"]["motion"]["name"]) == ("talk", "nod")
    # Both there, or a file that is not ours: nothing is replaced.
    assert cli("animate", "face.png", *QUICK).code == 1
    for other in ('{"mine": 1}', "[1]", "text"):
        (here / "b.mp4.json").write_text(other)
        run = cli("animate", "face.png", *QUICK, "-o", "b.mp4")
        assert run.code == 1 and "b.mp4.json exists" in run.err and (here / "b.mp4.json").read_text() == other
        assert not (here / "b.mp4").exists()
