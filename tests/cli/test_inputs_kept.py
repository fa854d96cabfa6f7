"""No command replaces a file it reads, whatever option names it and whatever may be overwritten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import Run, face_points

SIDE = 96
#: Parameters that name files or folders, of every command: what each is. A new option must be put here.
READS = {
    "match": {"picture", "points", "gallery", "preset"},
    "drive": {"clip", "model", "landmarks"},
    "retarget": {"landmarks", "driving"},
    "animate": {"picture", "driving", "landmarks", "audio", "model", "points", "gallery", "preset", "backend_option"},
    "export": {"driving", "landmarks", "picture", "model", "gallery", "preset"},
    "live": {"picture", "camera", "landmarks", "model", "gallery", "preset"},
    "sheet": {"picture", "landmarks", "points", "gallery", "preset"},
    "verify": set(),
    "gallery show": {"domain", "gallery"},
    "gallery review": {"domain", "gallery"},
    "gallery import": {"folder"},
}
WRITES = {
    "match": {"output"},
    "drive": {"output", "overlay"},
    "retarget": {"output"},
    "animate": {"output", "save_landmarks", "save_drive", "save_sequence", "backend_option"},
    "export": {"output"},
    "live": {"record"},
    "sheet": {"output"},
    "verify": {"output"},
    "gallery show": {"output"},
    "gallery review": {"output"},
    "gallery import": {"output"},
}
#: Commands and options that never write under a name the user gives, or make new names only.
HARMLESS = {
    "batch",  # what its rows read and write is compared in tests/batch
    *("gallery list", "gallery add", "gallery remove", "gallery build", "gallery check"),
    *("provenance init", "provenance check"),
    *("demo", "backends", "doctor", "weights list", "weights fetch", "weights check", "weights where"),
}
_FILE_WORDS = ("FILE", "DIR", "CLIP", "VIDEO", "PICTURE", "SEQ", "DRIVE", "LANDMARKS", "FOLDER", "PATH", "K=V")


def _commands() -> Iterator[tuple[str, Any]]:
    import typer

    from faceshot.cli.app import app

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        for key, inner in getattr(command, "commands", {}).items():
            yield from walk(f"{name} {key}".strip(), inner)
        if not hasattr(command, "commands"):
            yield name, command

    yield from walk("", typer.main.get_command(app))


def test_every_option_that_names_a_file_is_known_here() -> None:
    seen = set()
    for name, command in _commands():
        seen.add(name)
        if name in HARMLESS:
            continue
        known = READS[name] | WRITES[name] | {"cache_dir", "domain"}
        hints = getattr(command.callback, "__annotations__", {})
        for parameter in command.params:
            words = f"{parameter.metavar or ''} {hints.get(parameter.name, '')}".upper()
            if any(word in words for word in _FILE_WORDS):
                assert parameter.name in known, f"{name}: is {parameter.name} read or written? Say so in this table"
    assert set(READS) | HARMLESS == seen


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from faceshot.formats.files import write_landmarks, write_sequence
    from faceshot.landmarks.types import Landmarks, LandmarkSequence, Size
    from faceshot.media.image import write_picture
    from faceshot.media.video import VideoWriter
    from tests.clips import make_clip_with_clicks

    folder = tmp_path_factory.mktemp("kept")
    rgb = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    xy = face_points(SIDE)
    for name in ("a.png", "a.overlay.png", "m.png"):
        write_picture(folder / name, rgb)
    shutil.copyfile(folder / "a.png", folder / "picture.json")  # whatever its name says
    for name in ("lm.json", "face.npz"):
        write_landmarks(folder / name, Landmarks(xy, Size(SIDE, SIDE)))
    moving = LandmarkSequence(np.repeat(xy[None], 4, 0), Size(SIDE, SIDE), Fraction(25))
    write_sequence(folder / "seq.npz", moving)
    write_sequence(folder / "seq.json", moving)
    (folder / "points.json").write_text(json.dumps({"right_eye": [30, 40], "left_eye": [60, 40]}))
    (folder / "model.json").write_text("{}")
    with VideoWriter(folder / "clip.mp4", (SIDE, SIDE), Fraction(25)) as writer:
        for _ in range(4):
            writer.write(rgb)
    make_clip_with_clicks(folder / "sound.mp4", 0.5)
    with VideoWriter(folder / "shots", (SIDE, SIDE), Fraction(25)) as writer:
        for _ in range(4):
            writer.write(rgb)
    return folder


ANIMATE = "animate @a.png --landmarks @lm.json --driving @seq.npz"
MATCHED = "animate @a.png --motion nod"
DRIVE = "drive @clip.mp4"
ANIPORTRAIT, MOFA = (f"--backend {name} --backend-option" for name in ("aniportrait", "mofa"))
ENTRY = "@gallery/domains/cat/landmarks.json"
LIVE = "--backend liveportrait --backend-option"
CASES = {
    "match: the picture": "match @picture.json -o @picture.json",
    "match: points": "match @a.png --points @points.json -o @points.json",
    "match: a drawing over a sibling": "match @a.png @a.overlay.png -o @ --overlay",
    "match: a picture of the gallery": "match @a.png --gallery @gallery -o @gallery/domains/cat/landmarks.json",
    "match: the preset": "match @a.png --preset @model -o @model/mini.json",
    "match: the preset with settings": "match @a.png --preset @model:t=2 -o @model/mini.json",
    "drive: the clip": "drive @seq.npz -o @seq.npz",
    "drive: landmarks": f"{DRIVE} --landmarks @lm.json -o @lm.json",
    "drive: overlay over the clip": f"{DRIVE} -o %d.npz --overlay @clip.mp4",
    "drive: overlay over frames": "drive @shots -o %d.npz --overlay @shots",
    "drive: one of the frames": "drive @shots -o %d.npz --overlay @shots/frame_000002.png",
    "drive: the model": f"{DRIVE} --model @model.json -o @model.json",
    "retarget: landmarks": "retarget @face.npz @seq.npz -o @face.npz",
    "retarget: driving": "retarget @lm.json @seq.npz -o @seq.npz",
    "live: the camera": "live @a.png --landmarks @lm.json --camera @clip.mp4 --record @clip.mp4",
    "export: driving": "export @seq.json --for arkit -o @seq.json",
    "export: the character": "export @seq.npz --for lottie --picture @a.png --landmarks @lm.json -o @lm.json",
    "animate: the picture": f"{ANIMATE} -o @a.png",
    "animate: driving": f"{ANIMATE} -o %o.mp4 --save-drive @seq.npz",
    "animate: driving clip": "animate @a.png --landmarks @lm.json --driving @clip.mp4 -o @clip.mp4",
    "animate: driving frames": "animate @a.png --landmarks @lm.json --driving @shots -o @shots --frames",
    "animate: landmarks": f"{ANIMATE} -o %o.mp4 --save-landmarks @lm.json",
    "animate: landmarks as sequence": f"{ANIMATE} -o %o.mp4 --save-sequence @lm.json",
    "animate: a face's clip": "animate @a.png @seq.npz @clip.mp4 --all -o @clip.mp4",
    "animate: a face's landmarks": f"{ANIMATE} --landmarks @lm.mp4.json -o @lm.mp4",
    "animate: points": f"{MATCHED} --points @points.json -o %o.mp4 --save-landmarks @points.json",
    "animate: the sidecar": "animate @a.png --landmarks @lm.mp4.json --motion nod -o @lm.mp4",
    "animate: sound": f"{ANIMATE} --audio @sound.mp4 -o @sound.mp4",
    "animate: the model": f"{ANIMATE} --model @model.json -o %o.mp4 --save-landmarks @model.json",
    "animate: the gallery": f"{MATCHED} --gallery @gallery -o %o.mp4 --save-landmarks {ENTRY}",
    "animate: the preset": f"{MATCHED} --preset @model -o %o.mp4 --save-landmarks @model/mini.json",
    "warp: the mouth's picture": f"{ANIMATE} --backend-option mouth_picture=@m.png -o @m.png",
    "liveportrait: faces": f"{ANIMATE} {LIVE} faces=@face.npz;@seq.json -o %o.mp4 --save-sequence @seq.json",
    "liveportrait: driving": f"{ANIMATE} {LIVE} driving=@clip.mp4 -o @clip.mp4",
    "liveportrait: the template it keeps": f"{ANIMATE} {LIVE} save_template=@seq.npz -o %o.mp4",
    "aniportrait: work": f"{ANIMATE} {ANIPORTRAIT} work=@gallery -o %o.mp4 --save-drive {ENTRY}",
    "mofa: work": f"{ANIMATE} {MOFA} work=@gallery -o %o.mp4 --save-drive {ENTRY}",
    "gallery show: a picture of it": "gallery show cat --gallery @gallery -o @gallery/domains/cat/images/1.png",
    "gallery import: its source": "gallery import @gallery -o @gallery",
}


@pytest.mark.parametrize("name", CASES)
def test_an_input_is_never_replaced(
    name: str, cli: Callable[..., Run], world: Path, repo: Path, tmp_path: Path
) -> None:
    place = tmp_path / "in"
    shutil.copytree(world, place)
    shutil.copyfile(place / "lm.json", place / "lm.mp4.json")
    _small_gallery(place / "gallery", place)
    model = repo / "gallery/faceshot_mini"
    (place / "model/unet").mkdir(parents=True)
    shutil.copyfile(model / "mini.json", place / "model/mini.json")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    line = CASES[name].replace("@", f"{place}/").replace("%", f"{tmp_path}/")
    run = cli(*line.split(), "--overwrite")
    assert run.code in (1, 2) and "never replaced" in run.err and run.err.count("\n") == 1, run.err
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def _small_gallery(folder: Path, place: Path) -> None:
    images = folder / "domains/cat/images"
    images.mkdir(parents=True)
    shutil.copyfile(place / "a.png", images / "1.png")
    points = face_points(SIDE).astype(float).round(2).tolist()
    entry = {"id": "1", "file": "images/1.png", "size": [SIDE, SIDE], "points": points, "absent": []}
    data = {"schema": 1, "scheme": "ibug68", "images": [entry]}
    (folder / "domains/cat/landmarks.json").write_text(json.dumps(data))


def test_every_option_of_the_table_has_a_case() -> None:
    words = " ".join(CASES.values())
    for name in {name for names in (*READS.values(), *WRITES.values()) for name in names} - {"domain"}:
        flag = {"picture": "match @", "clip": "drive @", "folder": "import @", "output": "-o "}.get(
            name, f"--{name.replace('_', '-')}"
        )
        assert flag in words, f"no case uses {flag}"


def test_results_of_an_earlier_run_may_be_replaced(cli: Callable[..., Run], world: Path, tmp_path: Path) -> None:
    """The guard does not take results for inputs, not even those beside frames that are read."""
    place = tmp_path / "in"
    shutil.copytree(world, place)
    line = f"animate {place}/a.png --landmarks {place}/lm.json --driving {place}/seq.npz -o {place}/shots/o.mp4"
    for extra in ((), ("--overwrite",)):
        run = cli(*line.split(), "--save-landmarks", place / "copy.json", "-q", *extra)
        assert run.code == 0, run.err


@pytest.mark.parametrize("kept", ["--save-drive %d.txt", "--save-sequence %s.pts", "--save-landmarks %l.csv"])
def test_names_that_cannot_be_kept_under_are_refused_at_once(
    kept: str, cli: Callable[..., Run], world: Path, tmp_path: Path
) -> None:
    line = f"{ANIMATE} -o %o.mp4 {kept}".replace("@", f"{world}/").replace("%", f"{tmp_path}/")
    run = cli(*line.split())
    assert run.code == 2 and "suffixes" in run.err and list(tmp_path.iterdir()) == []


def test_a_late_failure_leaves_nothing_so_that_the_retry_works(
    cli: Callable[..., Run], world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sidecar is written last; when it fails, the video and the saved files are not there either."""
    from faceshot.errors import InputError
    from faceshot.pipeline import faceshot as stages

    line = f"{ANIMATE} -o %o.mp4 --save-drive %d.npz --save-landmarks %l.json"
    arguments = line.replace("@", f"{world}/").replace("%", f"{tmp_path}/").split()

    def full(*_arguments: object, **_options: object) -> None:
        raise InputError("cannot write o.mp4.json: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(stages, "write_sidecar", full)
        assert cli(*arguments, "-q").code == 1 and list(tmp_path.iterdir()) == []
    assert cli(*arguments, "-q").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.npz", "l.json", "o.mp4", "o.mp4.json"]
    overlay = tmp_path / "over.xyz"
    assert cli("drive", world / "seq.npz", "-o", tmp_path / "new.npz", "--overlay", overlay).code == 2
    assert not (tmp_path / "new.npz").exists()
