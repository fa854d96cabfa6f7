"""The command line: what it prints where, exit codes, files by hand in between, interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import faceshot
from faceshot.cli import match as cli_match
from faceshot.cli.typed import options as cli_options
from faceshot.cli.typed import values as cli_values
from faceshot.errors import InputError, UsageError
from faceshot.formats.files import read_landmarks, read_sequence, write_landmarks, write_sequence
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Size
from faceshot.pipeline.backends import KnownBackend
from tests.helpers import Run, face_points

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
COMMANDS = {
    "match": "--overlay",
    "drive": "consent",
    "retarget": "--gain",
    "animate": "consent",
    "demo": "consent",
    "gallery add": "DOMAIN",
    "gallery build": "--preset",
    "gallery check": "--preset",
    "gallery import": "target_domains",
    "gallery list": "--gallery",
    "gallery remove": "DOMAIN",
    "gallery show": "DOMAIN",
    "backends": "--json",
    "weights list": "--json",
    "weights fetch": "--commercial-only",
    "weights check": "NAME",
    "weights where": "NAME",
    "doctor": "--json",
}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A picture, its landmarks and a short driving sequence, as files."""
    from faceshot.media.image import write_picture

    y, x = np.mgrid[0:96, 0:96]
    write_picture(tmp_path / "face.png", np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8))
    write_landmarks(tmp_path / "face.json", Landmarks(face_points(96), Size(96, 96)))
    xy = np.repeat(face_points(96)[None], 6, 0)
    xy[..., 0] += np.arange(6)[:, None]
    write_sequence(tmp_path / "drive.npz", LandmarkSequence(xy, Size(96, 96), faceshot.landmarks.types.as_fps(25)))
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, cli: Callable[..., Run]) -> None:
    run = cli(*command.split(), "--help")
    assert run.code == 0 and run.err == ""
    assert COMMANDS[command] in run.out and f"Usage: faceshot {command}" in run.out


def test_version_and_bare_call(cli: Callable[..., Run]) -> None:
    assert cli("--version").out == f"faceshot {faceshot.__version__}\n"
    for arguments in ((), ("gallery",), ("weights",)):
        run = cli(*arguments)
        assert run.code == 2 and "Commands:" in run.out


def test_the_choices_are_the_library_s() -> None:
    """The command line repeats short lists of names, because reading them from their modules would cost imports."""
    from faceshot.driving.sources import Source
    from faceshot.formats.files import SUFFIXES
    from faceshot.matching.matcher import Regularise
    from faceshot.models.loading import DType
    from faceshot.retargeting.modes import MODES

    assert get_args(cli_options.Mode) == MODES
    assert set(get_args(cli_options.Regularise)) == set(get_args(Regularise))
    assert set(get_args(cli_options.Source)) == set(get_args(Source))
    assert set(get_args(cli_options.Dtype)) == set(get_args(DType))
    assert set(cli_match.FORMATS) == set(SUFFIXES) == {f".{name}" for name in get_args(cli_match.Format)}


def test_the_motions_in_the_help_are_all_there(cli: Callable[..., Run]) -> None:
    from faceshot.driving.motions import MOTIONS

    told = " ".join(cli("animate", "--help").out.split())
    assert " ".join(MOTIONS) in told


@pytest.mark.parametrize(
    ("pictures", "output", "expected"),
    [
        pytest.param(["a.png"], "x.json", ["x.json"], id="one picture, one file"),
        pytest.param(["a.png"], "x.coco.json", ["x.coco.json"], id="double suffix"),
        pytest.param(["a.png"], "x", ["x/a.npz"], id="one picture, folder"),
        pytest.param(["a.png", "b.jpg"], "x", ["x/a.npz", "x/b.npz"], id="several"),
        pytest.param(["pics"], "x", ["x/a.npz", "x/b.npz"], id="folder, text left out"),
        pytest.param(["pics", "pics/a.png"], "x", ["x/a.npz", "x/b.npz"], id="the same file twice"),
    ],
)
def test_where_landmarks_go(
    pictures: list[str], output: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pics").mkdir()
    for name in ("a.png", "b.jpg", "pics/a.png", "pics/b.webp", "pics/notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    tasks = cli_match.plan([Path(name) for name in pictures], output, "npz")
    assert [task.output.as_posix() for task in tasks] == expected


def test_two_pictures_never_share_a_file(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        (tmp_path / name).write_bytes(b"x")
    tasks = cli_match.plan([tmp_path / "a.png", tmp_path / "a.jpg"], str(tmp_path / "out"), "json")
    assert len({task.output for task in tasks}) == len({task.stem for task in tasks}) == 2


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Flags for a real matcher that is small, untrained and fast: a tiny network and a gallery of one drawn cat."""
    from faceshot.gallery.edit import add_domain
    from tests.tiny_networks import write_tiny_model

    folder = tmp_path_factory.mktemp("tiny")
    (folder / "cats").mkdir()
    for suffix, source in ((".png", "cat.png"), (".json", "cat.landmarks.json")):
        (folder / f"cats/cat{suffix}").write_bytes((EXAMPLES / source).read_bytes())
    add_domain("cat", folder / "cats", gallery=folder / "gallery")
    preset = write_tiny_model(folder / "model")
    return ("--preset", str(preset), "--gallery", str(folder / "gallery"), "--offline")


def test_several_pictures_one_of_them_bad(
    cli: Callable[..., Run], tiny: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceshot.matching.matcher.Matcher.threshold", 0.0)
    (tmp_path / "bad.png").write_text("no picture")
    pictures = (EXAMPLES / "cat.png", tmp_path / "bad.png", EXAMPLES / "robot.png")
    run = cli("match", *pictures, "-o", tmp_path / "out", "--format", "npz", "--overlay", *tiny)
    assert run.code == 1
    drawn = [f"{stem}{suffix}" for stem in ("cat", "robot") for suffix in (".npz", ".overlay.png")]
    assert run.out.splitlines() == [str(tmp_path / "out" / name) for name in drawn]
    assert "bad.png" in run.err and "2 of 3 pictures matched" in run.err
    names = ["cat.npz", "cat.overlay.png", "robot.npz", "robot.overlay.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert read_landmarks(tmp_path / "out" / "cat.npz").size == (640, 640)
    run = cli("match", *pictures, "-o", tmp_path / "again", "--json", *tiny)
    result = json.loads(run.out)
    assert [Path(item["landmarks"]).name for item in result["results"]] == ["cat.json", "robot.json"]
    assert set(result["results"][0]["domains"].values()) == {"cat"} and len(result["failed"]) == 1


def test_where_nothing_looks_like_a_face(
    cli: Callable[..., Run], tiny: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceshot.matching.matcher.Matcher.threshold", 1.01)
    run = cli("match", EXAMPLES / "robot.png", "-o", tmp_path / "robot.json", *tiny)
    drawn = tmp_path / "robot.refused.png"
    assert run.code == 1 and run.out == "" and run.err.count("\n") == 1
    assert "nothing in robot.png looks like a face (score 0." in run.err and str(drawn) in run.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["robot.refused.json", drawn.name]
    earlier = drawn.read_bytes()
    run = cli("match", EXAMPLES / "robot.png", "-o", tmp_path / "robot.json", *tiny)
    assert "earlier attempt" in run.err and drawn.read_bytes() == earlier
    run = cli("animate", EXAMPLES / "robot.png", "--motion", "nod", "-o", tmp_path / "a.mp4", *tiny)
    assert run.code == 1 and "--points" in run.err and not (tmp_path / "a.mp4").exists()


def test_points_by_hand_are_met(
    cli: Callable[..., Run], tiny: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceshot.matching.matcher.Matcher.threshold", 0.0)
    truth = read_landmarks(EXAMPLES / "robot.landmarks.json")
    right, left = truth.xy[36:42].mean(0), truth.xy[42:48].mean(0)
    points = f"right_eye={right[0]},{right[1]};left_eye={left[0]},{left[1]}"
    assert cli("match", EXAMPLES / "robot.png", "-o", tmp_path / "a.json", "--points", points, *tiny).code == 0
    found = read_landmarks(tmp_path / "a.json").xy
    assert np.abs(found[36:42].mean(0) - right).max() < 2 and np.abs(found[42:48].mean(0) - left).max() < 2


@pytest.mark.parametrize(
    ("text", "gains"),
    [
        ("mouth=1.5", {"mouth": 1.5}),
        ("eyes=0", {"right_eye": 0, "left_eye": 0}),
        ("mouth=2, brows=0.5", {"mouth": 2, "right_brow": 0.5, "left_brow": 0.5}),
        ("zoom=0", {"zoom": 0}),
    ],
)
def test_gains(text: str, gains: dict[str, float]) -> None:
    from faceshot.landmarks.topology import MOTION_PARTS

    assert cli_values.parse_gain(text, MOTION_PARTS) == gains
    assert cli_values.parse_gain(f"all=3,{text}", MOTION_PARTS) == dict.fromkeys(MOTION_PARTS, 3) | gains


def test_points_by_hand_and_by_file(tmp_path: Path) -> None:
    (tmp_path / "points.json").write_text('{"nose": [3, 4.5], "left_eye": [1, 2]}')
    by_hand = cli_values.parse_points("nose=3,4.5; left_eye=1,2")
    assert by_hand == cli_values.parse_points(str(tmp_path / "points.json")) == {"nose": (3, 4.5), "left_eye": (1, 2)}
    (tmp_path / "points.json").write_text("[1]")
    with pytest.raises(InputError, match="must hold an object"):
        cli_values.parse_points(str(tmp_path / "points.json"))


def test_stages_by_hand_give_what_animate_gives(cli: Callable[..., Run], world: Path) -> None:
    """Files in between can be taken out, looked at, and fed back."""
    run = cli("retarget", world / "face.json", world / "drive.npz", "-o", world / "moved.json", "--gain", "head=2")
    assert (run.code, run.out, run.err) == (0, f"{world / 'moved.json'}\n", "")
    run = cli(
        *("animate", world / "face.png", "--landmarks", world / "face.json", "--driving", world / "drive.npz"),
        *("-o", world / "out.mp4", "--gain", "head=2", "--save-sequence", world / "kept.json", "--json"),
    )
    result = json.loads(run.out)
    assert run.code == 0 and result["frames"] == 6 and result["fps"] == "25"
    assert Path(result["video"]).is_file() and Path(result["sidecar"]).is_file()
    assert (world / "kept.json").read_text() == (world / "moved.json").read_text()


def test_landmarks_edited_by_hand_are_used(cli: Callable[..., Run], world: Path) -> None:
    data = json.loads((world / "face.json").read_text())
    data["points"][8][1] += 5
    (world / "edited.json").write_text(json.dumps(data))
    cli("retarget", world / "edited.json", world / "drive.npz", "-o", world / "moved.npz")
    rest = read_sequence(world / "moved.npz")[0].xy - read_landmarks(world / "face.json").xy
    assert rest[8] == pytest.approx([0, 5], abs=0.01) and np.abs(np.delete(rest, 8, 0)).max() < 0.01


def test_quiet_says_nothing_and_overwrite_replaces(cli: Callable[..., Run], world: Path) -> None:
    line = ("retarget", world / "face.json", world / "drive.npz", "-o", world / "moved.npz")
    assert cli(*line).code == 0
    assert cli(*line).code == 1
    run = cli(*line, "--overwrite", "-q")
    assert (run.code, run.err) == (0, "")


def test_backends_shows_what_is_not_installed(cli: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownBackend("dream", "not there yet", "MIT", "pip install faceshot-dream")
    monkeypatch.setattr("faceshot.pipeline.backends.KNOWN", (known,))
    run = cli("backends")
    assert run.code == 0 and "warp\tready" in run.out
    assert "dream\tnot installed" in run.out and "pip install faceshot-dream" in run.out
    rows = {row["name"]: row for row in json.loads(cli("backends", "--json").out)["backends"]}
    assert rows["warp"]["needs"] == [] and rows["dream"]["state"] == "not installed"
    with pytest.raises(UsageError, match=r"installed are .*warp"):
        from faceshot.pipeline.backends import load_backend

        load_backend("nightmare")


def test_galleries_can_be_filled_and_emptied(cli: Callable[..., Run], world: Path) -> None:
    (world / "mine").mkdir()
    for i in range(3):
        (world / f"mine/{i}.png").write_bytes((world / "face.png").read_bytes())
        (world / f"mine/{i}.json").write_bytes((world / "face.json").read_bytes())
    where = ("--gallery", world / "gallery")
    assert cli("gallery", "add", "blob", world / "mine", *where).code == 0
    assert "blob\t3 pictures" in cli("gallery", "list", *where).out
    shown = json.loads(cli("gallery", "show", "blob", *where, "--json").out)
    assert shown["pictures"] == 3 and [entry["size"] for entry in shown["entries"]] == [[96, 96]] * 3
    assert cli("gallery", "show", "blob", *where, "-o", world / "sheet.png").code == 0
    assert (world / "sheet.png").is_file()
    assert cli("gallery", "remove", "blob", *where).code == 0
    assert cli("gallery", "show", "blob", *where).code == 2


def test_doctor_knows_this_installation(cli: Callable[..., Run]) -> None:
    found = json.loads(cli("doctor", "--json").out)["findings"]
    topics = {finding["topic"] for finding in found}
    assert {"system", "packages", "devices", "video", "cache", "backend warp", "model mini"} <= topics
    assert all(finding["text"] and finding["state"] in ("ok", "note", "problem") for finding in found)
    assert all(len(finding["text"]) < 400 for finding in found)


def test_doctor_says_once_how_to_get_what_is_missing() -> None:
    from faceshot.doctor import _shortly

    lines = [
        *(f"file {k} of a long name ({'licence ' * 30}) is not here; run: fetch it" for k in range(5)),
        "pip install x",
    ]
    assert _shortly([]) == "" and _shortly(lines[5:]) == "pip install x"
    told = _shortly(lines)
    assert told.startswith("file 0 of a long name (licence") and told.endswith(
        " ... and 4 more; run: fetch it; pip install x"
    )
    assert len(told) < 220


def _fake_package(folder: Path, name: str, version: str) -> None:
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_doctor_finds_a_torchvision_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from faceshot.doctor import _torchvision

    _fake_package(tmp_path, "torchvision", "0.28.0")
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    (finding,) = _torchvision()
    assert finding.state == "problem" and "pip uninstall torchvision" in finding.text and "nms" in finding.text
    _fake_package(tmp_path, "facexlib", "0.3.0")
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    (finding,) = _torchvision()
    assert "facexlib needs one from where torch came" in finding.text and "uninstall" not in finding.text


def test_doctor_finds_two_opencvs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from faceshot.doctor import _cv2

    (before,) = _cv2()
    _fake_package(tmp_path, "opencv-contrib-python", "4.1.0")
    monkeypatch.syspath_prepend(tmp_path)
    (finding,) = _cv2()
    assert before.state != "problem" and finding.state == "problem" and "opencv-contrib-python 4.1.0" in finding.text


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted\n"), (signal.SIGTERM, 143, "terminated\n")]
)
def test_a_run_that_is_stopped_says_so_and_leaves_nothing(
    world: Path, number: signal.Signals, code: int, said: str
) -> None:
    out = world / "out"
    out.mkdir()
    line = ("animate", world / "face.png", "--landmarks", world / "face.json", "--motion", "idle", "--seconds", "600")
    process = subprocess.Popen(
        [sys.executable, "-m", "faceshot", *map(str, line), "-o", str(out / "a.mp4")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(out.iterdir()) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (code, "", said)
    assert list(out.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX pipes")
def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "faceshot", "gallery", "list"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert done.stderr == "" and done.returncode == 0


@pytest.mark.parametrize(
    ("text", "lists", "pairs"),
    [
        ("a=1,b=2", False, {"a": "1", "b": "2"}),
        (["faces=one,two.json,mode=video", "clip=a,b.mp4"], True,
         {"faces": "one,two.json", "mode": "video", "clip": "a,b.mp4"}),
    ],
    ids=["pairs", "values with commas"],
)  # fmt: skip
def test_pairs(text, lists, pairs):
    assert cli_values.parse_pairs(text, "--x", lists=lists) == pairs


def test_a_comma_is_no_value_where_lists_are_not_meant():
    with pytest.raises(UsageError, match="--gain takes NAME=VALUE, got 'brows'"):
        cli_values.parse_pairs("mouth=1,brows", "--gain")
