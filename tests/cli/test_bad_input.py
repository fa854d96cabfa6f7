"""What users bring by mistake: one clear line, exit code 1 or 2, nothing left behind, nothing of theirs touched."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import Run, face_points

SIDE = 96
FPS = Fraction(25)


def _png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to no data behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def _sound_only(path: Path, *, seconds: float = 0.5) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        samples = np.zeros((1, 1024), np.float32)
        for i in range(int(seconds * 16000 / 1024)):
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.rate, frame.pts = 16000, i * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _no_frames(path: Path) -> None:
    """A sound mp4 container with a video stream that holds no packet."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        container.start_encoding()


def _make(folder: Path) -> None:
    from faceshot.formats.files import write_landmarks, write_sequence
    from faceshot.landmarks.types import Landmarks, LandmarkSequence, Size
    from faceshot.media.image import write_picture
    from faceshot.media.video import VideoWriter

    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    xy = face_points(SIDE)
    # Pictures.
    write_picture(folder / "good.png", rgb)
    write_picture(folder / "good.jpg", rgb)
    write_picture(folder / "large.png", np.repeat(np.repeat(rgb, 2, 0), 2, 1))
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:1500])
    (folder / "text.png").write_text("this is not a picture\n")
    (folder / "empty.png").write_bytes(b"")
    write_picture(folder / "dot.png", rgb[:1, :1])
    (folder / "bomb.png").write_bytes(_png_header(30_000, 30_000))
    (folder / "nothing").mkdir()
    (folder / "alone").mkdir()
    write_picture(folder / "alone/a.png", rgb)
    (folder / "twins").mkdir()
    for name in ("twins/a.png", "twins/a.jpg"):
        write_picture(folder / name, rgb)
    # Landmarks.
    good = Landmarks(xy, Size(SIDE, SIDE))
    write_landmarks(folder / "good.json", good)
    data = json.loads((folder / "good.json").read_text())
    (folder / "cut.json").write_text((folder / "good.json").read_text()[:200])
    (folder / "version.json").write_text(json.dumps({**data, "version": 99}))
    (folder / "list.json").write_text("[1, 2, 3]")
    (folder / "text.pts").write_text("version: 1\nn_points: 67\n{\n" + "1 1\n" * 67 + "}\n")
    broken = xy.copy()
    broken[5] = np.nan
    np.save(folder / "nan.npy", broken)
    np.save(folder / "short.npy", xy[:67])
    np.save(folder / "words.npy", np.array([["a", "b"]] * 68))
    (folder / "pickled.npy").write_bytes(_pickled_array(xy))
    write_landmarks(folder / "flat.json", Landmarks(np.zeros((68, 2)), Size(SIDE, SIDE)))
    # Sequences.
    moving = np.repeat(xy[None], 40, 0)
    write_sequence(folder / "good.npz", LandmarkSequence(moving, Size(SIDE, SIDE), FPS))
    found = np.ones(40, bool)
    found[5:35] = False
    write_sequence(folder / "gap.npz", LandmarkSequence(moving, Size(SIDE, SIDE), FPS, found))
    (folder / "text.npz").write_text("no archive")
    # Clips.
    with VideoWriter(folder / "good.mp4", (SIDE, SIDE), FPS) as writer:
        for _ in range(8):
            writer.write(rgb)
    (folder / "cut.mp4").write_bytes((folder / "good.mp4").read_bytes()[:300])
    (folder / "text.mp4").write_text("this is not a video\n" * 50)
    (folder / "empty.mp4").write_bytes(b"")
    _sound_only(folder / "sound.mp4")
    _no_frames(folder / "frameless.mp4")


def _pickled_array(xy: np.ndarray) -> bytes:
    """An object array: reading it would run whatever its pickle says."""
    stream = io.BytesIO()
    np.save(stream, np.array([xy.tolist()], dtype=object), allow_pickle=True)
    assert pickle.PROTO in stream.getvalue()
    return stream.getvalue()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of good and bad files, which must be the same after all tests."""
    folder = tmp_path_factory.mktemp("world")
    _make(folder)
    before = _state(folder)
    yield folder
    assert _state(folder) == before, "an input was changed"


def _state(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


@dataclass(frozen=True)
class Case:
    """A command line; ``@name`` is a file of the world, ``%name`` one in the empty output folder."""

    name: str
    line: str
    says: str
    code: int = 1


MATCH = "match {} -o %out.json"
MARKED = "animate @good.png --landmarks @good.json -o %out.mp4 "
CASES = (
    # Pictures.
    Case("missing picture", MATCH.format("@absent.png"), "absent.png does not exist"),
    Case("empty picture", MATCH.format("@empty.png"), "is empty"),
    Case("text named png", MATCH.format("@text.png"), "not a readable picture"),
    Case("truncated picture", MATCH.format("@cut.png"), "cut.png"),
    Case("one pixel", MATCH.format("@dot.png"), "1x1 pixels"),
    Case("decompression bomb", MATCH.format("@bomb.png"), "megapixels"),
    Case("clip as picture", MATCH.format("@good.mp4"), "a clip goes to --driving"),
    Case("folder without pictures", "match @nothing -o %out", "holds no pictures"),
    Case("folder into one file", MATCH.format("@twins"), "name a folder", 2),
    Case("folder as picture", "animate @nothing --motion nod -o %out", "holds no pictures"),
    # Options of matching.
    Case("box of words", MATCH.format("@good.png --box a,b,c,d"), "--box must be a number", 2),
    Case("box of three", MATCH.format("@good.png --box 1,2,3"), "LEFT,TOP,RIGHT,BOTTOM", 2),
    Case("box turned round", MATCH.format("@good.png --box 80,80,10,10"), "at least 8 px each way", 2),
    Case("box outside", MATCH.format("@good.png --box 500,500,600,600"), "outside the picture", 2),
    Case("box for several", "match @good.png @large.png --box 1,1,50,50 -o %out", "one picture", 2),
    Case("unknown anchor", MATCH.format("@good.png --points ear=3,4;nose=5,6"), "unknown anchor 'ear'", 2),
    Case("one anchor", MATCH.format("@good.png --points nose=5,6"), "at least two", 2),
    Case("anchor without y", MATCH.format("@good.png --points nose=5;left_eye=1,2"), "must be x,y", 2),
    Case("anchors in a missing file", MATCH.format("@good.png --points @absent.json"), "neither a file"),
    Case("unknown preset", MATCH.format("@good.png --preset big"), "unknown preset 'big'", 2),
    Case("unknown domain", MATCH.format("@good.png --domain dragonfly"), "unknown domain 'dragonfly'", 2),
    Case("unknown gallery", MATCH.format("@good.png --gallery atlantis"), "atlantis", 2),
    Case("unknown regularisation", MATCH.format("@good.png --regularise much"), "'much' is not one of", 2),
    Case("landmark suffix", "match @good.png -o %out.txt", "unknown landmark format '.txt'", 2),
    Case("unknown device", MATCH.format("@good.png --device tpu"), "unknown device 'tpu'", 2),
    # Landmarks.
    Case(
        "NaN landmarks", "animate @good.png --motion nod --landmarks @nan.npy -o %out.mp4", "landmark 5 is not finite"
    ),
    Case("67 points", "animate @good.png --motion nod --landmarks @short.npy -o %out.mp4", "(67, 2)"),
    Case("67 points in pts", "animate @good.png --motion nod --landmarks @text.pts -o %out.mp4", "68"),
    Case("words for numbers", "animate @good.png --motion nod --landmarks @words.npy -o %out.mp4", "words.npy"),
    Case("pickled array", "animate @good.png --motion nod --landmarks @pickled.npy -o %out.mp4", "pickled.npy"),
    Case("wrong version", "animate @good.png --motion nod --landmarks @version.json -o %out.mp4", "version"),
    Case("truncated json", "animate @good.png --motion nod --landmarks @cut.json -o %out.mp4", "cut.json"),
    Case("json list", "animate @good.png --motion nod --landmarks @list.json -o %out.mp4", "list.json"),
    Case("missing landmarks", "animate @good.png --motion nod --landmarks @absent.json -o %out.mp4", "does not exist"),
    Case("another picture's", "animate @large.png --motion nod --landmarks @good.json -o %out.mp4", "96x96"),
    Case("picture as landmarks", "animate @good.png --motion nod --landmarks @good.png -o %out.mp4", "suffixes", 2),
    Case("all on one spot", "retarget @flat.json @good.npz -o %out.npz", "within one pixel"),
    # Driving.
    Case("clip and motion", MARKED + "--driving @good.mp4 --motion nod", "not both", 2),
    Case("unknown motion", MARKED + "--motion moonwalk", "unknown motion 'moonwalk'", 2),
    Case("missing clip", MARKED + "--driving @absent.mp4", "does not exist"),
    Case("empty clip", MARKED + "--driving @empty.mp4", "is empty"),
    Case("text named mp4", MARKED + "--driving @text.mp4", "text.mp4"),
    Case("truncated clip", MARKED + "--driving @cut.mp4", "cut.mp4"),
    Case("only sound", MARKED + "--driving @sound.mp4", "sound.mp4"),
    Case("no frames", "drive @frameless.mp4 -o %out.npz", "frameless.mp4"),
    Case("gap too long", MARKED + "--driving @gap.npz --gaps refuse", "5-34"),
    Case("damaged sequence", MARKED + "--driving @text.npz", "text.npz"),
    Case("unknown source", "drive @good.mp4 -o %out.npz --source magic", "'magic' is not one of", 2),
    Case("no range", "drive @good.mp4 -o %out.npz --start 5 --stop 5", "is no range", 2),
    Case("no range of times", MARKED + "--driving @good.mp4 --start 0.5s --stop 3", "is no range", 2),
    Case("no moment", "drive @good.mp4 -o %out.npz --start soon", "'soon' is no place in a clip", 2),
    Case("cut motion", MARKED + "--motion nod --start 5", "belong to --driving", 2),
    Case("overlay of no clip", "drive @gap.npz -o %out.npz --overlay %o.mp4", "is a landmark file", 2),
    Case("start behind the end", "drive @gap.npz -o %out.npz --start 40", "outside the 40 frames", 2),
    Case("rest of words", "drive @good.mp4 -o %out.npz --rest first", "frame number", 2),
    Case("missing model file", "drive @good.mp4 -o %out.npz --source facemesh --model @absent.task", "absent.task"),
    Case("sequence suffix", "drive @good.mp4 -o %out.txt", "unknown sequence format '.txt'", 2),
    # Motion.
    Case("unknown mode", "retarget @good.json @good.npz -o %out.npz --mode wild", "'wild' is not one of", 2),
    Case("gain of words", "retarget @good.json @good.npz -o %out.npz --gain mouth=loud", "must be a number", 2),
    Case("gain NaN", "retarget @good.json @good.npz -o %out.npz --gain mouth=nan", "must be a number", 2),
    Case("gain too large", "retarget @good.json @good.npz -o %out.npz --gain mouth=99", "0..3", 2),
    Case("gain without value", "retarget @good.json @good.npz -o %out.npz --gain mouth", "NAME=VALUE", 2),
    Case("gain of no part", "retarget @good.json @good.npz -o %out.npz --gain ears=1", "unknown part 'ears'", 2),
    Case("only no part", "retarget @good.json @good.npz -o %out.npz --only tail", "unknown part 'tail'", 2),
    Case("only and without", "retarget @good.json @good.npz -o %out.npz --only mouth --without eyes", "exclude", 2),
    Case("bad rate", "retarget @good.json @good.npz -o %out.npz --fps 0", "--fps", 2),
    Case("bad size", "retarget @good.json @good.npz -o %out.npz --size big", "WIDTHxHEIGHT", 2),
    # Animation.
    Case("unknown backend", MARKED + "--motion nod --backend teleport", "unknown backend 'teleport'", 2),
    Case("unknown backend option", MARKED + "--motion nod --backend-option zap=1", "zap", 2),
    Case(
        "backend option before weights",
        MARKED + "--motion nod --backend liveportrait --backend-option mode=viedo",
        "viedo",
        2,
    ),
    Case("backend option of mofa", MARKED + "--motion nod --backend mofa --backend-option steps=none", "steps", 2),
    Case("option without value", MARKED + "--motion nod --backend-option zap", "NAME=VALUE", 2),
    Case("video suffix", "animate @good.png --landmarks @good.json --motion nod -o %out.avi", "suffixes", 2),
    Case("missing sound", MARKED + "--motion nod --audio @absent.wav", "does not exist"),
    Case("sound without sound", MARKED + "--motion nod --audio @good.mp4", "has no sound"),
    Case(
        "sound in a gif",
        "animate @good.png --landmarks @good.json --motion nod --audio @sound.mp4 -o %a.gif",
        ".gif",
        2,
    ),
    Case(
        "one name for two outputs", MARKED + "--motion nod --save-drive %a.npz --save-sequence %a.npz", "two outputs", 2
    ),
    Case("kept under a video's name", MARKED + "--motion nod --save-drive %a.mp4", "needs one of the suffixes", 2),
    Case("a face's file for a clip", MARKED + "--motion nod --save-sequence %a.pts", "needs one of the suffixes", 2),
    Case("kept landmarks as text", MARKED + "--motion nod --save-landmarks %a.txt", "needs one of the suffixes", 2),
    Case("overlay's suffix", "drive @good.mp4 -o %out.npz --overlay %a.avi", "suffixes", 2),
    Case("output is the picture", "animate @good.png --motion nod --overwrite -o @good.png", "holds an input"),
    Case("output is the clip", "drive @good.npz -o @good.npz --overwrite", "holds an input"),
    Case(
        "output under a file",
        "animate @good.png --landmarks @good.json --motion nod -o @good.json/a.mp4",
        "not a folder",
    ),
    Case("output in no folder", "animate @good.png --landmarks @good.json --motion nod -o /proc/none/a.mp4", "/proc"),
    # Galleries, commands.
    Case("unknown domain shown", "gallery show dragonfly", "dragonfly", 2),
    Case("bad domain name", "gallery add Not/Good @twins", "Not/Good", 2),
    Case("domain without landmarks", "gallery add mine @alone", "no landmarks beside it"),
    Case("shipped domain removed", "gallery remove cat --gallery shipped", "read-only", 2),
    Case("unknown weights", "weights fetch nonsense --offline", "nonsense", 2),
    Case("no such command", "annimate @good.png", "No such command", 2),
    Case("no such option", MARKED + "--sped 3", "No such option", 2),
)


def _arguments(line: str, world: Path, out: Path) -> list[str]:
    roots = {"@": f"{world}/", "%": f"{out}/"}
    return [roots[word[0]] + word[1:] if word[0] in roots else word for word in line.split()]


def _one_clear_line(run: Run, says: str, code: int) -> None:
    lines = [line for line in run.err.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("error: "), run.err
    assert says in lines[0]
    assert len(lines[0]) < 400
    assert run.code == code
    assert run.out == ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_clear_line_and_nothing_left(case: Case, cli: Callable[..., Run], world: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    run = cli(*_arguments(case.line, world, out))
    _one_clear_line(run, case.says, case.code)
    assert _state(out) == {}


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 40 and len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("match @good.png -o %out.json", id="match"),
        pytest.param("drive @good.mp4 -o %out.npz", id="drive"),
        pytest.param("retarget @good.json @good.npz -o %out.npz", id="retarget"),
        pytest.param("animate @good.png --landmarks @good.json --motion nod -o %out.mp4", id="animate"),
    ],
)
def test_existing_results_are_kept(line: str, cli: Callable[..., Run], world: Path, tmp_path: Path) -> None:
    arguments = _arguments(line, world, tmp_path)
    Path(arguments[-1]).write_text("mine")
    _one_clear_line(cli(*arguments), "use --overwrite", 1)
    assert Path(arguments[-1]).read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_an_existing_sidecar_is_kept(cli: Callable[..., Run], world: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4.json").write_text("mine")
    run = cli(*_arguments(MARKED + "--motion nod", world, tmp_path))
    _one_clear_line(run, "out.mp4.json exists", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize(
    "line",
    [
        pytest.param("retarget @good.json @good.npz -o %out.npz", id="retarget"),
        pytest.param(MARKED + "--driving @good.npz", id="animate"),
    ],
)
def test_a_disk_that_refuses(
    line: str, number: int, cli: Callable[..., Run], world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full, read-only or broken at the last moment, when the finished files get their names (the video the first)."""
    real = os.link

    def refuse(new: Path, target: Path, **options: bool) -> None:
        if Path(target).suffix in (".npz", ".json"):
            raise OSError(number, os.strerror(number), str(target))
        real(new, target, **options)

    monkeypatch.setattr(os, "link", refuse)
    run = cli(*_arguments(line, world, tmp_path), "-q")
    _one_clear_line(run, os.strerror(number), 1)
    assert _state(tmp_path) == {}


def test_a_disk_that_is_full_while_writing(cli: Callable[..., Run], world: Path, tmp_path: Path) -> None:
    """A limit on file size makes the system refuse the bytes, as a full disk does."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "from faceshot.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    pytest.importorskip("resource")
    arguments = _arguments(MARKED + "--driving @good.npz -q", world, tmp_path)
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    _one_clear_line(Run(done.returncode, done.stdout, done.stderr), "out.mp4", 1)
    assert _state(tmp_path) == {}


def test_errors_are_readable_by_machines(cli: Callable[..., Run], world: Path, tmp_path: Path) -> None:
    run = cli(*_arguments(MATCH.format("@text.png") + " --json", world, tmp_path))
    data = json.loads(run.out)
    assert data["exit_code"] == run.code == 1 and "text.png" in data["error"]
    assert run.err.count("\n") == 1


def test_verbose_shows_where(cli: Callable[..., Run], world: Path, tmp_path: Path) -> None:
    run = cli(*_arguments(MATCH.format("@text.png") + " -v", world, tmp_path))
    assert run.code == 1 and "Traceback" in run.err and run.err.splitlines()[-1].startswith("error: ")
    run = cli(*_arguments(MATCH.format("@text.png") + " -v -q", world, tmp_path))
    assert run.code == 2 and "exclude each other" in run.err.splitlines()[-1]
