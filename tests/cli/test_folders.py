"""Folders of pictures: same names, pictures that cannot be read, values for faces and stickers."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from PIL import Image

from faceshot.cli.animate import _delivered
from faceshot.cli.typed.paths import expand
from faceshot.cli.typed.tasks import tasks_of
from faceshot.cli.typed.values import parse_face
from faceshot.errors import UsageError


def test_pictures_of_one_name_get_results_of_their_own() -> None:
    pictures = [Path("in/cat.png"), Path("in/cat.jpg"), Path("in/Dog.webp")]
    tasks = tasks_of(pictures, lambda path: Path("out") / f"{path.stem}.landmarks.json")
    assert [task.output.name for task in tasks] == [
        "cat.png.landmarks.json",
        "cat.jpg.landmarks.json",
        "Dog.landmarks.json",
    ]
    assert [task.stem.name for task in tasks] == ["cat.png", "cat.jpg", "Dog"]


def test_a_folder_of_a_phone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("one.jpg", "two.jfif", "three", "one.overlay.png"):
        Image.new("RGB", (60, 60)).save(tmp_path / name, "PNG")
    (tmp_path / "._one.jpg").write_bytes(bytes(60))
    (tmp_path / "logo.svg").write_text("<svg/>")
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        assert [path.name for path in expand([tmp_path])] == ["one.jpg", "three", "two.jfif"]
    assert "left out: logo.svg" in caplog.text


@pytest.mark.parametrize(("text", "wish"), [("left", "left"), ("2", 2), ("10,20,90,120", (10, 20, 90, 120))])
def test_faces_as_typed(text: str, wish: object) -> None:
    assert parse_face(text) == wish


@pytest.mark.parametrize("text", ["middle", "0", "1,2,3", "²", ""])
def test_faces_that_cannot_be(text: str) -> None:
    with pytest.raises(UsageError):
        parse_face(text)


def test_preset_of_a_messenger_means_the_sticker() -> None:
    assert _delivered("telegram", None, "mp4") == ("mini", "telegram", "webm")
    assert _delivered("sd15", "discord", "gif") == ("sd15", "discord", "gif")
    assert _delivered("sd15", None, "mp4") == ("sd15", None, "mp4")
    with pytest.raises(UsageError, match="exclude each other"):
        _delivered("telegram", "whatsapp", "mp4")
    with pytest.raises(UsageError, match="--sticker: unknown 'signal'"):
        _delivered("mini", "signal", "mp4")
