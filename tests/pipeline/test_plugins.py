"""Plug-ins that fail in every way they can, and the example of docs/backends.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import faceshot
from faceshot.errors import BackendError, FaceShotError
from faceshot.formats.files import write_landmarks
from faceshot.landmarks.types import Landmarks, Size
from faceshot.media.image import write_picture
from faceshot.media.video import probe
from tests.helpers import Run, face_points

SIDE = 64
GOOD = """
import numpy as np

class Backend:
    name, summary, licence, commercial = "{name}", "for this test", "MIT", True
    def requires(self):
        return []
    def load(self, options):
        pass
    def animate(self, picture, landmarks, sequence, options):
        for _ in sequence.xy:
            yield picture.rgb.copy()
"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


YIELD = "            yield picture.rgb.copy()"
#: Module text -> what the one line says besides the plug-in's name.
FAULTS = {
    "import": ("import a_package_nobody_has" + GOOD, "does not import (No module named 'a_package_nobody_has')"),
    "raises": ("raise RuntimeError('no luck')" + GOOD, "failed: RuntimeError: no luck"),
    "exits": ("import sys; sys.exit(3)" + GOOD, "failed: SystemExit: 3"),
    "syntax": ("def broken(:" + GOOD, "failed: SyntaxError: invalid syntax"),
    "classless": (changed("class Backend", "class Other"), "failed: AttributeError"),
    "constructor": (changed("def requires(self)", "def __init__(self): 1 / 0\n    def requires(self)"), "ZeroDivision"),
    "half": (changed("    def load(self, options):\n        pass\n", ""), "lacks load"),
    "requires": (changed("        return []", "        return 1 / 0"), "failed: ZeroDivisionError"),
    "load": (changed("        pass", "        raise OSError('disk\\ngone')"), "failed: OSError: disk gone"),
    "never": (changed(YIELD, "            pass"), "gave NoneType, not frames"),
    "later": (changed(YIELD, YIELD + "\n            {}['x']"), "failed: KeyError: 'x'"),
    "few": (changed(YIELD, YIELD + "\n            break"), "gave 1 of 15 frames"),
    "many": (changed("in sequence.xy:", "in range(99):"), "gave more frames than the 15 asked for"),
    "shape": (
        changed("picture.rgb.copy()", "picture.rgb[1:]"),
        "frame 0, uint8 of shape (63, 64, 3); wanted is a uint8 array of shape (64, 64, 3)",
    ),
    "dtype": (changed("picture.rgb.copy()", "picture.rgb / 255"), "gave, as frame 0, float64 of shape (64, 64, 3)"),
    "kind": (changed("picture.rgb.copy()", "picture"), "gave, as frame 0, Picture; wanted is a uint8 array"),
}


def install(folder: Path, name: str, text: str) -> None:
    """A distribution with one backend, as pip would leave it."""
    (folder / f"plug_{name}.py").write_text(text.replace("{name}", name))
    info = folder / f"plug_{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: plug-{name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[faceshot.backends]\n{name} = plug_{name}:Backend\n")


@pytest.fixture
def character(tmp_path: Path) -> tuple[Path, Path]:
    """A picture and its landmarks, as files."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    write_picture(tmp_path / "in" / "cat.png", np.stack([3 * x, 3 * y, x + y], -1).astype(np.uint8))
    write_landmarks(tmp_path / "in" / "cat.json", Landmarks(face_points(SIDE), Size(SIDE, SIDE)))
    return tmp_path / "in" / "cat.png", tmp_path / "in" / "cat.json"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every plug-in of the table, and one that works."""
    folder = tmp_path_factory.mktemp("plugins")
    for name, (text, _) in FAULTS.items():
        install(folder, name, text)
    install(folder, "works", GOOD)
    return folder


def animate(cli: Callable[..., Run], character: tuple[Path, Path], backend: str, out: Path, *more: object) -> Run:
    picture, landmarks = character
    return cli(
        *("animate", picture, "--landmarks", landmarks, "--backend", backend, "--motion", "idle", "--seconds", 0.5),
        *("-o", out, *more),
    )


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_plug_in_is_named_in_one_line_and_leaves_nothing(
    name: str, faulty: Path, character: tuple[Path, Path], cli: Callable[..., Run], monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(faulty)
    out = tmp_path / "out"
    out.mkdir()
    run = animate(cli, character, name, out / "cat.mp4", "--quiet", "--save-landmarks", out / "kept.json")
    lines = run.err.strip().splitlines()
    assert run.code == 1 and len(lines) == 1, run.err
    assert f"backend '{name}' (plug_{name}" in lines[0] and FAULTS[name][1] in lines[0]
    assert list(out.iterdir()) == []


def test_verbose_shows_where(
    faulty: Path, character: tuple[Path, Path], cli: Callable[..., Run], monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(faulty)
    told = animate(cli, character, "later", tmp_path / "cat.mp4", "-v").err
    assert "plug_later.py" in told and "KeyError" in told
    with pytest.raises(BackendError, match="backend 'later'") as error:
        faceshot.animate(
            character[0], landmarks=character[1], motion="idle", seconds=0.5, backend="later", output=tmp_path / "a.mp4"
        )
    assert isinstance(error.value.__cause__, KeyError)


def test_the_others_go_on(
    faulty: Path, character: tuple[Path, Path], cli: Callable[..., Run], monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(faulty)
    rows = {row["name"]: row for row in json.loads(cli("backends", "--json").out)["backends"]}
    assert rows["warp"]["state"] == rows["works"]["state"] == "ready"
    early = list(FAULTS)[: list(FAULTS).index("load")]
    for name in early:
        assert rows[name]["state"] == "broken" and FAULTS[name][1] in rows[name]["needs"][0], rows[name]
    findings = {f["topic"]: f for f in json.loads(cli("doctor", "--json").out)["findings"]}
    assert findings["backend warp"]["state"] == findings["backend works"]["state"] == "ok"
    assert all(findings[f"backend {name}"]["state"] == "problem" for name in early)
    for backend in ("works", "warp"):
        run = animate(cli, character, backend, tmp_path / f"{backend}.mp4")
        assert run.code == 0 and probe(tmp_path / f"{backend}.mp4").frames == 15, run.err
    # Questions to all of them: whose flag is it, who reads this file?
    assert (
        "it belongs to --backend liveportrait"
        in animate(cli, character, "warp", tmp_path / "b.mp4", "--region", "lip").err
    )
    (tmp_path / "motion.pkl").write_bytes(b"x" * 99)
    with pytest.raises(FaceShotError, match=r"motion\.pkl"):
        faceshot.animate(
            character[0], landmarks=character[1], driving=tmp_path / "motion.pkl", output=tmp_path / "c.mp4"
        )


def test_the_example_of_the_manual_runs_as_printed(repo: Path, character: tuple[Path, Path], tmp_path: Path) -> None:
    """Its two blocks are the package; it animates in a process of its own and passes the check."""
    text = (repo / "docs/backends.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", text, re.S)
    (module,) = (block for block in blocks if "class Backend" in block)
    (table,) = (block for block in blocks if "entry-points" in block)
    name, kind = re.findall(r'(\w+) = "(\w+:\w+)"', table)[0]
    assert module.startswith(f"# {kind.partition(':')[0]}.py")
    package = tmp_path / "package"
    package.mkdir()
    (package / f"{kind.partition(':')[0]}.py").write_text(module)
    info = package / "example-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[faceshot.backends]\n{name} = {kind}\n")
    path = os.pathsep.join([str(package), *(str(repo / part) for part in (".", "adapters", "gallery"))])
    environment = {**os.environ, "PYTHONPATH": path}
    picture, landmarks = character
    out = tmp_path / "shifted.png"
    command = ["animate", picture, "--landmarks", landmarks, "--motion", "nod", "--seconds", "0.5", "-o", out]
    check = f"from faceshot.testing import check_backend; from {kind.replace(':', ' import ')} as b; check_backend(b())"
    for arguments in (["-m", "faceshot", *command, "--backend", name], ["-c", check]):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)], env=environment, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 0
