"""Live: what is newest is shown, whoever is slow; every output is received by somebody else."""

from __future__ import annotations

import io
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.facemesh import Seen
from faceshot.formats import read_landmarks, read_sequence
from faceshot.landmarks import BLENDSHAPES, Picture, Size
from faceshot.live import Character, Live, Preview, Recording, VirtualCamera, VmcSender, open_source, prepared
from faceshot.live import sources as live_sources
from faceshot.live.slot import Slot
from faceshot.live.sources import Shot, Source
from faceshot.media import probe, read_frames, read_picture
from tests.helpers import Run
from tests.live.osc_server import Receiver

SIDE = 160


@pytest.fixture(scope="module")
def cat(repo: Path) -> Character:
    picture = read_picture(repo / "examples" / "cat.png")
    marks = read_landmarks(repo / "examples" / "cat.landmarks.json")
    rows, columns = np.mgrid[: picture.size.height, : picture.size.width]
    middle = picture.size.width / 2
    alpha = np.where(np.hypot(rows - middle, columns - middle) < middle, 255, 0).astype(np.uint8)
    return prepared(Picture(picture.rgb, alpha), marks, SIDE)


@pytest.fixture(scope="module")
def fox(repo: Path) -> Character:
    picture = read_picture(repo / "examples" / "fox.png")
    return prepared(picture, read_landmarks(repo / "examples" / "fox.landmarks.json"), SIDE)


@pytest.fixture(scope="module")
def actor(repo: Path) -> Path:
    return repo / "examples" / "actor.landmarks.npz"


def test_a_slot_holds_what_is_newest() -> None:
    slot: Slot[int] = Slot()
    for value in (1, 2, 3):
        slot.put(value)
    assert slot.take() == 3 and slot.skipped == 2 and slot.take(0.01) is None and not slot.closed
    slot.put(4)
    slot.close(InputError("gone"))
    assert slot.take() == 4
    with pytest.raises(InputError, match="gone"):
        slot.take()
    assert slot.closed


def test_the_character_moves_in_time_and_the_end_is_clean(cat: Character, actor: Path) -> None:
    threads = threading.active_count()
    frames: list[np.ndarray] = []
    live = Live([cat], open_source(actor), outputs=[lambda frame, *_: frames.append(frame)])
    report = live.run(seconds=1.5)
    assert len(frames) == report.frames > 10 and report.seen
    assert all(frame.shape == (SIDE, SIDE, 4) for frame in frames)
    assert len({frame.tobytes() for frame in frames}) > 8
    assert threading.active_count() == threads


def test_whoever_is_slow_skips_and_is_not_late(cat: Character, actor: Path) -> None:
    """Drawing that takes three frames' time: a third of the frames comes, none of them old."""
    behind: list[float] = []

    def slow(_frame: object, _seen: object, moment: float) -> None:
        behind.append(time.perf_counter() - moment)
        time.sleep(0.1)

    report = Live([cat], open_source(actor, loop=True), outputs=[slow]).run(seconds=2.5)
    assert report.skipped > 20 and 8 < report.frames < 28
    assert np.median(behind[-8:]) < 0.3 and max(behind) < 1.0


def test_it_ends_where_the_source_ends_and_when_asked(cat: Character) -> None:
    def moments(stop: threading.Event) -> Iterator[Shot]:
        for _ in range(5):
            yield Shot(time.perf_counter())  # nobody to be seen
            time.sleep(0.02)

    live = Live([cat], Source("five", 30.0, moments, pictures=False))
    assert live.run().seen is False

    def for_ever(stop: threading.Event) -> Iterator[Shot]:
        while not stop.wait(0.01):
            yield Shot(time.perf_counter())

    live = Live([cat], Source("endless", 30.0, for_ever, pictures=False))
    threading.Timer(0.3, live.do, ["quit"]).start()
    begin = time.perf_counter()
    live.run()
    assert time.perf_counter() - begin < 3


def test_a_network_that_fails_and_a_camera_that_is_pulled_end_it_in_one_line(
    cat: Character, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2

    class Camera:
        pictures = 3

        def __init__(self, index: int) -> None:
            self.index = index

        def isOpened(self) -> bool:
            return self.index == 0

        def read(self) -> tuple[bool, Any]:
            Camera.pictures -= 1
            return Camera.pictures >= 0, np.zeros((48, 64, 3), np.uint8)

        def set(self, *_: Any) -> None: ...

        def get(self, _: int) -> float:
            return 30.0

        def release(self) -> None: ...

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    monkeypatch.setattr(live_sources, "_GONE", 0.1)
    with pytest.raises(InputError, match="camera 1 is not there"):
        open_source("1")
    with pytest.raises(InputError, match="unplugged"):
        Live([cat], open_source("0"), follow=lambda frame, _: None).run(seconds=5)

    def fails(_frame: Any, _time: int) -> Seen | None:
        raise RuntimeError("network")

    Camera.pictures = 30
    with pytest.raises(RuntimeError, match="network"):
        Live([cat], open_source("0"), follow=fails).run(seconds=5)


def test_neutral_expressions_and_characters_by_name(cat: Character, fox: Character, actor: Path) -> None:
    sequence = read_sequence(actor)
    still = Seen(sequence.xy[30], *(np.zeros(shape, np.float32) for shape in ((52,), (3, 3), (2, 2))), float("nan"))
    live: Live

    def moments(stop: threading.Event) -> Iterator[Shot]:
        while not stop.wait(0.01):
            yield Shot(time.perf_counter(), seen=still)

    shown: list[np.ndarray] = []
    script = {15: "joy", 45: "clear", 75: "character:2"}

    def output(frame: np.ndarray, *_: Any) -> None:
        shown.append(frame)
        if len(shown) in script:
            live.do(script[len(shown)])
        if len(shown) == 90:
            live.do("quit")

    live = Live([cat, fox], Source("still", 100.0, moments, pictures=False), outputs=[output])
    report = live.run(seconds=20)
    # The first faces seen are the neutral one: the character is its picture.
    assert np.array_equal(shown[12], cat.still())
    assert np.abs(shown[40].astype(int) - shown[12]).sum() > 1000
    assert np.array_equal(shown[73], shown[12])
    assert shown[85].shape == (SIDE, SIDE, 3) and report.character == 1
    for wrong in ("character:3", "character:0", "dance", ""):
        with pytest.raises(UsageError, match="cannot do"):
            live.do(wrong)


def test_vmc_is_received_and_decoded(actor: Path) -> None:
    pytest.importorskip("pythonosc")
    source = open_source(actor)
    seen = next(shot.seen for shot in source.moments(threading.Event()) if shot.seen is not None)
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32)
    shapes = np.linspace(0, 1, 52, dtype=np.float32)
    with Receiver() as server:
        sender = VmcSender("127.0.0.1", server.port)
        sender.send(Seen(seen.xy, shapes, turn, seen.gaze, 0.0))
        deadline = time.perf_counter() + 5
        while time.perf_counter() < deadline and ("/VMC/Ext/Blend/Apply", ()) not in server.messages:
            time.sleep(0.01)
        sender.close()
        messages, largest = list(server.messages), server.largest
    assert largest <= 1500
    blends = [values for address, values in messages if address == "/VMC/Ext/Blend/Val"]
    assert [name for name, _ in blends] == list(BLENDSHAPES)
    assert [value for _, value in blends] == pytest.approx(shapes, abs=1e-6)
    assert messages[0] == ("/VMC/Ext/OK", (1,)) and messages[-1] == ("/VMC/Ext/Blend/Apply", ())
    (head,) = (values for address, values in messages if address == "/VMC/Ext/Bone/Pos")
    # To the image right is to the character's left: a turn to the left about Unity's y.
    assert head[0] == "Head" and head[4:] == pytest.approx((0, -np.sin(angle / 2), 0, np.cos(angle / 2)), abs=1e-5)


def _parts(address: str, count: int) -> list[tuple[str, bytes]]:
    found = []
    with urllib.request.urlopen(address + "stream", timeout=10) as stream:
        assert stream.headers["Content-Type"].startswith("multipart/x-mixed-replace")
        while len(found) < count:
            line = stream.readline().strip()
            if line.startswith(b"--"):
                headers = {}
                while (line := stream.readline().strip()) != b"":
                    name, _, value = line.decode().partition(": ")
                    headers[name] = value
                found.append((headers["Content-Type"], stream.read(int(headers["Content-Length"]))))
    return found


def test_the_page_shows_the_newest_frame_and_takes_orders_from_nobody_else(cat: Character, fox: Character) -> None:
    from PIL import Image

    asked: list[str] = []

    def do(what: str) -> None:
        if what == "dance":
            raise UsageError("cannot do 'dance'")
        asked.append(what)

    with Preview(0, do=do, characters=["cat", "<fox>"], state=lambda: {"fps": 30}) as preview:
        for frame, kind in ((cat.still(), "image/png"), (fox.still(), "image/jpeg")):
            preview.show(frame)
            ((told, body),) = _parts(preview.address, 1)
            picture = np.asarray(Image.open(io.BytesIO(body)))
            assert told == kind and picture.shape == frame.shape
            assert np.abs(picture.astype(int) - frame).mean() < 4
        page = urllib.request.urlopen(preview.address).read().decode()
        assert 'data-what="character:2">&lt;fox&gt;' in page and 'src="/stream"' in page and "<fox>" not in page
        assert b'src="/stream"' in urllib.request.urlopen(preview.address + "obs").read()
        assert json.loads(urllib.request.urlopen(preview.address + "state").read()) == {"fps": 30}

        def ask(way: str, **headers: str) -> int:
            request = urllib.request.Request(preview.address + way, method="POST", headers=headers)
            try:
                return int(urllib.request.urlopen(request).status)
            except urllib.error.HTTPError as error:
                return error.code

        assert ask("do?what=joy") == 200 and asked == ["joy"]
        assert ask("do?what=dance") == 400
        assert ask("do?what=quit", Origin="http://evil.example") == 403
        assert ask("do?what=quit", Host="evil.example") == 403
        assert ask("do?what=joy", Origin=preview.address.rstrip("/")) == 200 and asked == ["joy", "joy"]
        with pytest.raises(UsageError, match="taken"):
            Preview(int(preview.address.rsplit(":", 1)[1].strip("/")), do=do)


def test_a_recording_keeps_time(tmp_path: Path) -> None:
    dark, light = (np.full((48, 64, 3), value, np.uint8) for value in (20, 220))
    with Recording(tmp_path / "r.mp4", Size(64, 48), Fraction(25)) as video:
        video.write(dark, 100.0)
        video.write(np.zeros((10, 10, 3), np.uint8), 100.2)  # of another character
        video.write(light, 100.6)
        video.write(light, 101.0)
    means = [frame.mean() for frame in read_frames(tmp_path / "r.mp4")]
    assert probe(tmp_path / "r.mp4").fps == 25 and len(means) == 26
    assert max(means[:15]) < 60 and min(means[15:]) > 180


def test_a_virtual_camera_is_given_opaque_frames_of_its_size(
    cat: Character, fox: Character, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as pyvirtualcam's calls go; nobody here has the driver."""
    shown: list[np.ndarray] = []

    class Camera:
        def __init__(self, **given: Any) -> None:
            if given["width"] == 9:
                raise RuntimeError("no device")
            self.given = given

        def send(self, frame: np.ndarray) -> None:
            shown.append(frame)

        def close(self) -> None:
            shown.clear()

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=Camera))
    camera = VirtualCamera(Size(SIDE, SIDE), 30)
    for frame in (cat.still(), fox.still(), np.zeros((10, 10, 3), np.uint8)):
        camera.send(frame)
    assert [frame.shape for frame in shown] == [(SIDE, SIDE, 3)] * 2
    assert shown[0][0, 0].tolist() == [0, 177, 64] and np.array_equal(shown[1], fox.still())
    camera.close()
    assert not shown
    with pytest.raises(MissingError, match=r"no virtual camera on this machine \(no device\); install OBS"):
        VirtualCamera(Size(9, 9), 30)
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(MissingError, match="pip install pyvirtualcam"):
        VirtualCamera(Size(SIDE, SIDE), 30)


def test_from_the_command_line(cli: Callable[..., Run], repo: Path, actor: Path, tmp_path: Path) -> None:
    pytest.importorskip("pythonosc")
    cat = repo / "examples" / "cat.png"
    words = ("--landmarks", repo / "examples" / "cat.landmarks.json", "--camera", actor, "--port", 0, "--size", 96)
    with Receiver() as server:
        where = ("--record", tmp_path / "out.webm", "--osc", f"127.0.0.1:{server.port}")
        done = cli("live", cat, *words, *where, "--seconds", 1, "--json")
        messages = list(server.messages)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["frames"] > 8 and probe(tmp_path / "out.webm").size == (96, 96)
    assert len([1 for address, _ in messages if address == "/VMC/Ext/Blend/Apply"]) > 8
    assert "http://127.0.0.1:" in done.err


@pytest.mark.parametrize(
    "words, said",
    [
        ("", "which character"),
        ("@cat.png --osc here", "HOST:PORT"),
        ("@cat.png --landmarks @cat.landmarks.json --landmarks @fox.landmarks.json", "2 times, for 1"),
        ("@cat.png --landmarks @cat.landmarks.json --camera nothing.npz", "nothing.npz"),
        ("@cat.png --record film.xyz", "suffixes"),
    ],
)
def test_bad_wishes_are_one_line(
    cli: Callable[..., Run], repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    pytest.importorskip("pythonosc")
    monkeypatch.chdir(tmp_path)
    done = cli("live", *words.replace("@", f"{repo}/examples/").split())
    assert done.code in (1, 2) and said in done.err and len(done.err.splitlines()) == 1, done.err
    assert list(tmp_path.iterdir()) == []


def test_a_person_in_a_clip_moves_the_character(cat: Character, shared: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    clip, model = shared / "clips" / "lp_d19.mp4", shared / "models" / "face_landmarker.task"
    if not (clip.is_file() and model.is_file()):
        pytest.skip("no clip, or no model")
    from faceshot.facemesh import FaceMesh, FaceStream

    seen: list[Seen | None] = []
    live = Live([cat], open_source(clip), follow=FaceStream(FaceMesh(model)), outputs=[lambda _, s, __: seen.append(s)])
    report = live.run(seconds=2)
    assert report.frames > 10 and report.seen
    faces = [one for one in seen if one is not None]
    truth = np.load(shared / "clips" / "lp_d19.mediapipe.npz")["xy"]
    # Each lies near one of the clip's first frames as MediaPipe has them.
    off = [np.abs(truth[:90] - one.xy).mean((1, 2)).min() for one in faces]
    assert np.median(off) < 2 and np.isfinite(faces[-1].blendshapes).all() and np.isfinite(faces[-1].gaze).all()
