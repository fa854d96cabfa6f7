"""``faceshot match`` with several faces, and with pictures that it is not sure of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from faceshot.formats import read_landmarks
from faceshot.media import write_picture
from faceshot_gallery.illustrator import character, draw
from tests.helpers import Run

Cli = Callable[..., Run]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cat and a person side by side, 420x210."""
    drawings = [draw(character(kind, seed=5), size=200, background="plain").rgb for kind in ("cat", "person")]
    rgb = np.full((210, 420, 3), 215, np.uint8)
    rgb[5:205, 5:205], rgb[5:205, 215:415] = drawings
    path = tmp_path_factory.mktemp("pair") / "pair.png"
    write_picture(path, rgb)
    return path


def middle(path: Path) -> float:
    return float(read_landmarks(path).xy[:, 0].mean())


def test_all_gives_a_file_for_every_face_from_the_left(cli: Cli, pair: Path, tmp_path: Path) -> None:
    run = cli("match", pair, "-o", tmp_path / "out", "--all", "--overlay", "--json")
    assert run.code == 0, run.err
    faces = json.loads(run.out)["results"][0]["faces"]
    names = [Path(face["landmarks"]).name for face in faces]
    assert names == ["pair.1.json", "pair.2.json"] and (tmp_path / "out" / "pair.overlay.png").is_file()
    assert middle(tmp_path / "out" / "pair.1.json") < 210 < middle(tmp_path / "out" / "pair.2.json")
    again = cli("match", pair, "-o", tmp_path / "out", "--all")
    assert again.code != 0 and "pair.1.json" in again.err


def test_two_faces_are_never_silently_one(cli: Cli, pair: Path, tmp_path: Path) -> None:
    run = cli("match", pair, "-o", tmp_path / "one.json")
    assert run.code == 0 and "2 faces" in run.err and "--all" in run.err
    for wish, right in (("left", False), ("right", True), ("2", True)):
        run = cli("match", pair, "-o", tmp_path / f"{wish}.json", "--face", wish)
        assert run.code == 0 and (middle(tmp_path / f"{wish}.json") > 210) == right
        assert "faces" not in run.err, "who has chosen needs no advice"
    run = cli("match", pair, "-o", tmp_path / "third.json", "--face", "3")
    assert run.code == 1 and "2 faces" in run.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--face", "middle"], "unknown face 'middle'"),
        (["--face", "0"], "counted from 1"),
        (["--face", "1", "--box", "1,1,50,50"], "give one of them"),
        (["--all", "--face", "1"], "--all takes every face"),
        (["--accept", "--min-confidence", "0.2"], "give one of them"),
    ],
)
def test_contradictions_are_refused_before_any_model_loads(
    cli: Cli, pair: Path, flags: list[str], message: str
) -> None:
    run = cli("match", pair, "-o", "-" if "--all" not in flags else pair.parent, *flags)
    assert run.code == 2 and message in run.err


def test_a_refused_attempt_is_kept_and_can_be_taken(cli: Cli, tmp_path: Path) -> None:
    picture = tmp_path / "grey.png"
    write_picture(picture, np.full((160, 160, 3), 128, np.uint8))
    run = cli("match", picture, "-o", tmp_path / "grey.json")
    assert run.code == 1 and "grey.refused.json" in run.err and "--accept" in run.err
    assert read_landmarks(tmp_path / "grey.refused.json").size == (160, 160)
    assert not (tmp_path / "grey.json").exists()
    assert cli("match", picture, "-o", tmp_path / "grey.json", "--accept").code == 0
    assert (tmp_path / "grey.json").is_file()


def test_the_least_confidence_can_be_named(cli: Cli, pair: Path, tmp_path: Path) -> None:
    run = cli("match", pair, "-o", tmp_path / "sure.json", "--min-confidence", "1")
    assert run.code == 1 and "1.00" in run.err


def test_animate_moves_the_face_that_is_chosen_and_says_when_nobody_chose(cli: Cli, pair: Path, tmp_path: Path) -> None:
    clip = ("--motion", "nod", "--seconds", "0.5", "--fps", "10")
    kept = {side: tmp_path / f"{side}.json" for side in ("left", "right")}
    for side, landmarks in kept.items():
        output = tmp_path / f"{side}.mp4"
        run = cli("animate", pair, *clip, "-o", output, "--character-face", side, "--save-landmarks", landmarks)
        assert run.code == 0 and "faces" not in run.err, run.err
    assert middle(kept["left"]) < 200 < 220 < middle(kept["right"])
    run = cli("animate", pair, *clip, "-o", tmp_path / "any.mp4")
    assert run.code == 0 and "2 faces, this is one; choose with --character-face" in run.err
    run = cli("animate", pair, *clip, "-o", tmp_path / "no.mp4", "--character-face", "1", "--box", "1,1,90,90")
    assert run.code == 2 and "--character-face chooses among the faces" in run.err


def test_animate_moves_all_faces(cli: Cli, pair: Path, tmp_path: Path) -> None:
    clip = ("--seconds", "0.5", "--fps", "10", "--motion", "nod")
    run = cli("animate", pair, *clip, "--all", "-o", tmp_path / "all.mp4", "--json")
    assert run.code == 0 and "faces" not in run.err.replace("2 faces", "", 1), run.err
    assert json.loads(run.out)["faces"] == 2
    marks = [("--landmarks", str(path)) for path in _both(cli, pair, tmp_path)]
    run = cli("animate", pair, *clip, *marks[0], *marks[1], "-o", tmp_path / "given.mp4")
    assert run.code == 0 and "2 faces" in run.err
    run = cli("animate", pair, *clip, "--all", "--character-face", "left", "-o", tmp_path / "no.mp4")
    assert run.code == 2 and "--all takes every face" in run.err


def test_a_clip_for_every_face(cli: Cli, pair: Path, repo: Path, tmp_path: Path) -> None:
    drive = repo / "examples" / "actor.landmarks.npz"
    run = cli("animate", pair, drive, drive, drive, "--all", "--stop", "3", "-o", tmp_path / "three.mp4")
    assert run.code == 2 and "3 clips for 2 faces" in run.err and not list(tmp_path.iterdir())
    run = cli("animate", pair, drive, drive, "--all", "--stop", "3", "-o", tmp_path / "two.mp4")
    assert run.code == 0 and "3 frames" in run.err and "2 faces" in run.err


def _both(cli: Cli, pair: Path, folder: Path) -> list[Path]:
    assert cli("match", pair, "--all", "-o", folder / "marks").code == 0
    return sorted((folder / "marks").glob("pair.?.json"))
