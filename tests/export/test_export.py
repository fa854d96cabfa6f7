"""Every export is read back by somebody else: a parser of its own, or the program's own class."""

from __future__ import annotations

import ast
import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faceshot.driving import motion_template
from faceshot.errors import InputError, UsageError
from faceshot.export import FORMATS, export
from faceshot.formats import read_landmarks
from faceshot.landmarks import BLENDSHAPES, LandmarkSequence
from faceshot.landmarks.topology import OUTER_LIPS
from faceshot.retargeting import retarget
from tests.export.readers import AFTER_EFFECTS, SpineMesh, lottie_points
from tests.helpers import Run


@pytest.fixture(scope="module")
def nod() -> LandmarkSequence:
    return motion_template("surprise", seconds=0.6)


@pytest.fixture(scope="module")
def cat(repo: Path) -> dict[str, Path]:
    return {"picture": repo / "examples" / "cat.png", "landmarks": repo / "examples" / "cat.landmarks.json"}


def test_every_format_is_told_and_has_a_writer(cli: Callable[..., Run]) -> None:
    told = cli("export", "--list")
    assert told.code == 0 and [line.split()[0] for line in told.out.splitlines()] == list(FORMATS)
    listed = json.loads(cli("export", "--list", "--json").out)
    assert {name: row["files"] for name, row in listed.items()} == {n: list(f.files) for n, f in FORMATS.items()}


def test_arkit_is_read_as_a_spreadsheet_and_as_weights(cli: Callable[..., Run], tmp_path: Path) -> None:
    done = cli("export", "--motion", "talk", "--for", "arkit", "-o", tmp_path / "talk")
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "talk").iterdir()) == ["README.txt", "face.csv", "face.json"]
    assert len((tmp_path / "talk" / "README.txt").read_text().splitlines()) == 2
    with (tmp_path / "talk" / "face.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    weights = json.loads((tmp_path / "talk" / "face.json").read_text())
    assert weights["facsNames"] == list(BLENDSHAPES) and weights["exportFps"] == 30.0 and weights["numPoses"] == 52
    assert len(rows) == weights["numFrames"] == len(weights["weightMat"]) == 150
    assert rows[31]["Timecode"].startswith("00:00:01:01") and rows[0]["BlendShapeCount"] == "61"
    jaw = [float(row["JawOpen"]) for row in rows]
    assert jaw == pytest.approx([row[BLENDSHAPES.index("jawOpen")] for row in weights["weightMat"]], abs=1e-4)
    assert max(jaw) > 0.3 and weights["estimatedFrom68Points"] and "tongueOut" in weights["unknown"]
    one = cli("export", "--motion", "talk", "--for", "arkit", "-o", tmp_path / "only.csv")
    assert one.code == 0 and (tmp_path / "only.csv").read_text() == (tmp_path / "talk" / "face.csv").read_text()


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript here")
def test_after_effects_runs_its_script(nod: LandmarkSequence, cat: dict[str, Path], tmp_path: Path) -> None:
    export(nod, "after-effects", tmp_path / "ae", **cat)
    (tmp_path / "ae.js").write_text(AFTER_EFFECTS)
    ran = subprocess.run(["node", tmp_path / "ae.js", tmp_path / "ae"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    made = json.loads(ran.stdout)
    size = read_landmarks(cat["landmarks"]).size
    assert made["comp"] == ["motion", *size, 1, pytest.approx(0.6), 30]
    assert [Path(name).name for name in made["imported"]] == ["picture.png"]
    moved = retarget(read_landmarks(cat["landmarks"]), nod)
    assert len({layer["name"] for layer in made["layers"]}) == 68
    places = np.array([layer["position"][1] for layer in made["layers"]]).swapaxes(0, 1)
    assert np.abs(places - (moved.xy + 0.5)).max() < 2e-3
    assert made["layers"][0]["position"][0] == pytest.approx(np.arange(18) / 30)


def test_blender_runs_its_script(nod: LandmarkSequence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a Blender that notes what is keyed; the real one (5.0.1) was tried by hand."""
    export(nod, "blender", tmp_path / "b")
    script = tmp_path / "b" / "import_faceshot.py"
    ast.parse(script.read_text(), feature_version=(3, 7))
    keyed: dict[tuple[str, int], Any] = {}

    class Thing(SimpleNamespace):
        def keyframe_insert(self, what: str, frame: int) -> None:
            keyed[self.name, frame] = getattr(self, what)

    linked: list[Thing] = []
    mesh = Thing(name="head", type="MESH", data=SimpleNamespace(shape_keys=None))
    mesh.data.shape_keys = SimpleNamespace(key_blocks=[Thing(name="Basis"), Thing(name="JAWOPEN")])
    scene = SimpleNamespace(render=SimpleNamespace(fps=24, fps_base=1.0), frame_start=1, frame_end=250)
    scene.collection = SimpleNamespace(objects=SimpleNamespace(link=linked.append))
    fake = SimpleNamespace(
        context=SimpleNamespace(scene=scene, selected_objects=[mesh]),
        data=SimpleNamespace(objects=SimpleNamespace(new=lambda name, _: Thing(name=name))),
    )
    monkeypatch.setitem(sys.modules, "bpy", fake)
    exec(compile(script.read_text(), str(script), "exec"), {"__file__": str(script), "__name__": "__main__"})
    assert len(linked) == 69 and (scene.frame_start, scene.frame_end) == (1, 18)
    assert scene.render.fps / scene.render.fps_base == pytest.approx(30)
    x, _, z = keyed["jaw_09", 12]
    assert (x, z) == pytest.approx(((nod.xy[11, 8, 0] - 255.5) / 100, (255.5 - nod.xy[11, 8, 1]) / 100), abs=1e-4)
    jaw = [keyed["JAWOPEN", frame] for frame in range(1, 19)]
    assert max(jaw) > 0.5 and ("Basis", 1) not in keyed


def test_lottie_draws_the_points_where_they_are(nod: LandmarkSequence, tmp_path: Path) -> None:
    export(nod, "lottie", tmp_path / "face.json")
    drawing = json.loads((tmp_path / "face.json").read_text())
    assert (drawing["w"], drawing["h"], drawing["fr"], drawing["op"]) == (512, 512, 30.0, 18)
    assert [layer["ind"] for layer in drawing["layers"]] == list(range(1, 11))
    for frame in (0, 9, 17):
        assert np.abs(lottie_points(drawing, "lips", frame) - nod.xy[frame, list(OUTER_LIPS)] - 0.5).max() < 6e-3
    player = pytest.importorskip("rlottie_python", reason="no Lottie player here")
    animation = player.LottieAnimation.from_file(str(tmp_path / "face.json"))
    pictures = [np.asarray(animation.render_pillow_frame(frame).convert("RGBA")) for frame in (0, 9)]
    assert (pictures[0][..., 3] > 0).sum() > 2000 and (pictures[0] != pictures[1]).any()


def test_spine_mesh_follows_the_landmarks(nod: LandmarkSequence, cat: dict[str, Path], tmp_path: Path) -> None:
    from PIL import Image

    export(nod, "spine", tmp_path / "s", **cat)
    mesh = SpineMesh(tmp_path / "s" / "character.json")
    marks = read_landmarks(cat["landmarks"])
    moved = retarget(marks, nod)
    assert len(mesh.keys) == 18 and mesh.size == tuple(marks.size)
    assert np.abs(mesh.uvs * mesh.size - mesh.at(0)).max() < 0.05  # at rest the picture is as it was
    for key in (6, 17):
        assert np.abs(mesh.at(key)[-68:] - moved.xy[key] - 0.5).max() < 0.03
        assert np.array_equal(mesh.at(key)[: mesh.hull], mesh.at(0)[: mesh.hull])
    corners = mesh.at(0)[mesh.triangles]
    (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    areas = (ax * by - ay * bx) / 2
    # All but slivers turn the same way, and they cover the picture (lips that touch are cut).
    assert (areas > -1).all() and areas.sum() == pytest.approx(np.prod(mesh.size), rel=0.01)
    lines = (tmp_path / "s" / "character.atlas").read_text().splitlines()
    assert lines[0] == "character.png" and lines[3] == "character" and lines[4].startswith("bounds: 0,0,")
    assert Image.open(tmp_path / "s" / lines[0]).size == tuple(marks.size)


@pytest.mark.parametrize(
    "words, said",
    [
        ("--for arkit", "give a clip"),
        ("--motion talk", "--list"),
        ("--motion talk --for maya", "unknown program 'maya'"),
        ("--motion talk --for spine", "--picture FILE"),
        ("--motion talk --for blender -o one.json", "is a folder"),
        ("--motion talk --for arkit --landmarks cat.json", "--picture FILE"),
        ("--motion waltz --for arkit", "unknown motion"),
        ("nothing.mp4 --for arkit", "nothing.mp4"),
        ("nothing.mp4 --for arkit --seconds 3", "--motion"),
    ],
)
def test_bad_wishes_are_one_line_and_write_nothing(
    cli: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("export", *words.split())
    assert done.code in (1, 2) and said in done.err and len(done.err.splitlines()) == 1, done.err
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(nod: LandmarkSequence, tmp_path: Path) -> None:
    (tmp_path / "face.json").write_text("mine")
    with pytest.raises(InputError, match="exists"):
        export(nod, "lottie", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["face.json"]
    export(nod, "lottie", tmp_path, overwrite=True)
    assert json.loads((tmp_path / "face.json").read_text())["op"] == 18
    with pytest.raises(UsageError, match="one of these"):
        export(nod, "lottie", tmp_path / "x", motion="talk")
