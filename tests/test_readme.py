"""README.md: its commands and snippets run as printed, top to bottom, in an empty folder; its pictures are there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import Run

#: What they do needs a package index and a fresh environment; the wheel's own test does it.
INSTALLERS = {"pip", "pipx", "uv"}
#: Folders that the commands speak of -> the examples in them, with their landmarks where it is a gallery domain.
PICTURES = {"pictures": ("bear",), "axolotls": ("robot",)}


def _blocks(text: str) -> list[tuple[str, str]]:
    return re.findall(r"```(\w+)\n(.*?)```", text, re.S)


@pytest.fixture
def folder(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing but the examples, under the names of the README: ``cat.png``, ``me.mp4``, ..."""
    from faceshot.landmarks import Size
    from faceshot.media import VideoWriter, read_frames, read_picture, write_picture

    examples = repo / "examples"
    for name in ("cat.png", "fox.png"):
        shutil.copy(examples / name, tmp_path)
    for place, names in PICTURES.items():
        (tmp_path / place).mkdir()
        for name in names:
            shutil.copy(examples / f"{name}.png", tmp_path / place)
            if place == "axolotls":
                shutil.copy(examples / f"{name}.landmarks.json", tmp_path / place / f"{name}.json")
    # Its first half second: the test has ten commands to run.
    with VideoWriter(
        tmp_path / "me.mp4", (480, 480), Fraction(30000, 1001), audio_from=examples / "actor.mp4"
    ) as writer:
        for frame in read_frames(examples / "actor.mp4", stop=15):
            writer.write(frame)
    shutil.copy(tmp_path / "me.mp4", tmp_path / "you.mp4")
    pair = [read_picture(tmp_path / f"{name}.png").scaled(Size(320, 320)) for name in ("cat", "fox")]
    write_picture(tmp_path / "group.png", np.concatenate([picture.flat() for picture in pair], axis=1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_everything_runs_top_to_bottom(repo: Path, folder: Path, cli: Callable[..., Run]) -> None:
    commands = 0
    names: dict[str, object] = {}
    for language, block in _blocks((repo / "README.md").read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(block, "README.md", "exec"), names)
        elif language == "sh":
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["make"]:
                    subprocess.run(["make", "-n", *words[1:]], cwd=repo, check=True, capture_output=True)
                elif words[:1] in (["pip"], ["pipx"], ["uv"]):
                    continue  # .ci/wheel-test installs
                elif words and words[0] not in INSTALLERS:
                    assert words[0] == "faceshot", f"README has a command nobody runs: {line}"
                    run = cli(*words[1:])
                    assert run.code == 0, f"{line}\n{run.err}"
                    commands += 1
        else:
            assert language == "bibtex"
    assert commands >= 9 and names["xy"].shape == (68, 2)  # type: ignore[attr-defined]
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert made >= {
        *("cat.mp4", "cat-as-me.mp4", "cat.landmarks.json", "cat.overlay.png", "drive.npz", "moved.npz", "again.mp4"),
        *("landmarks/bear.json", "group.mp4", "out/bear.mp4", "python.mp4", "fox-sings.mp4"),
    }


def test_its_pictures_move_and_are_small(repo: Path) -> None:
    from PIL import Image

    text = (repo / "README.md").read_text(encoding="utf-8")
    pictures = [repo / name for name in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)]
    assert len(pictures) >= 2 and sum(path.stat().st_size for path in pictures) < 3e6
    for path in pictures:
        with Image.open(path) as picture:
            assert path.suffix == ".webp" and picture.n_frames > 30  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "page",
    ["README.md", "ARCHITECTURE.md", *(f"docs/{name}.md" for name in ("backends", "comfyui", "hooks", "reproduce"))],
)
def test_links_lead_somewhere(repo: Path, page: str) -> None:
    text = (repo / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in link]
    for link in links:
        assert ((repo / page).parent / link).exists(), f"{page} links to {link}"
