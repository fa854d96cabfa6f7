"""Small files that would cost hours or gigabytes, and files that make libraries raise: one error each, at once."""

from __future__ import annotations

import json
import os
import pickle
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceshot.errors import InputError
from faceshot.formats.files import read_landmarks, read_sequence
from faceshot.landmarks.types import Landmarks, as_fps
from faceshot.media.image import read_picture
from faceshot.media.video import probe, read_frames
from faceshot.reading.arrays import read_npz
from faceshot.reading.text import fraction, read_json, whole_number
from faceshot.reading.weights import check_config, check_weights
from tests.clips import make_clip, numbered_frame
from tests.helpers import face_points

SIDE = 96


@contextmanager
def cheap(seconds: float = 2.0, megabytes: float = 300) -> Iterator[None]:
    """What happens inside takes little time (of the processor) and memory (of Python's and numpy's own)."""
    tracemalloc.start()
    before = time.process_time()
    try:
        yield
        assert time.process_time() - before < seconds
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "1e99999999",
        "1e-99999999",
        "9" * 5000,
        "1/" + "9" * 5000,
        "0",
        "-3",
        "1/0",
        "nan",
        "inf",
        "1_0",
        "٣",
        "30 f",
        "",
    ],
)
def test_rates_that_are_none(text: str) -> None:
    with cheap(0.5), pytest.raises(InputError, match="fps"):
        as_fps(text)


@pytest.mark.parametrize(
    "value", [10**5000, 1e-9, 1001, float("nan"), [30], None, True, Fraction(1, 10**12)], ids=lambda v: type(v).__name__
)
def test_values_that_are_no_rates(value: Any) -> None:
    with cheap(0.5), pytest.raises(InputError, match="fps"):
        as_fps(value)


def test_rates_that_are_rates() -> None:
    assert as_fps("30000/1001") == as_fps(29.97) == Fraction(30000, 1001) and as_fps("2.5e1") == 25
    assert as_fps(Fraction(10**12 + 1, 10**11)).denominator <= 2_000_000
    assert fraction(" .5 ") == Fraction(1, 2)


def test_digits_are_0_to_9() -> None:
    assert whole_number("12") == 12
    assert [whole_number(text) for text in ("²", "٣", "-1", "", "1" * 19, "1.0")] == [None] * 6


def _bomb(path: Path, name: str = "xy.npy") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(name, "w", force_zip64=True) as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (30_000, 68, 2)}
            np.lib.format.write_array_header_1_0(file, header)
            for _ in range(16):
                file.write(bytes(1 << 20))


def _members(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(300):
            archive.writestr(f"{k}.npy", b"")


def _patched(local: int, central: int, value: bytes) -> Callable[[Path], None]:
    """An archive with bytes of its first member's headers changed."""

    def write(path: Path) -> None:
        np.savez(path, xy=face_points(SIDE))
        data = bytearray(path.read_bytes())
        for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
            at = data.index(mark) + offset
            data[at : at + len(value)] = value
        path.write_bytes(bytes(data))

    return write


def _lying_shape(path: Path) -> None:
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**12, 68, 2)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(100))


def _npz(**arrays: Any) -> Callable[[Path], None]:
    base = {"xy": np.repeat(face_points(SIDE)[None], 3, 0), "size": [SIDE, SIDE], "fps": [25, 1]}
    return lambda path: np.savez(path, **(base | arrays))


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text) and None


def _own(**entries: Any) -> Callable[[Path], None]:
    base = {"schema": "faceshot.landmarks", "version": 1, "size": [96, 96], "points": face_points(SIDE).tolist()}
    return _text(json.dumps(base | entries))


def _coco(**entries: Any) -> Callable[[Path], None]:
    flat = [float(n) for x, y in face_points(SIDE) for n in (x, y, 2)]
    base = {
        "images": [{"id": 1, "width": 96, "height": 96, "file_name": "a.png"}],
        "annotations": [{"id": 1, "image_id": 1, "keypoints": flat}],
    }
    return _text(json.dumps(base | entries))


MARKS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a .pts that backtracks": ("a.pts", _text("version: 1 n_points: " * 17_000), "not a complete"),
    "a long .pts": ("a.pts", _text("x" * (2 << 20)), "larger than the 1 MB"),
    "deep JSON": ("a.json", _text("[" * 100_000), "nested too deeply"),
    "JSON of lists": ("a.json", _text("[" + "[]," * 2_600_000 + "0]"), "2500000 lists"),
    "a number of 5000 digits": ("a.json", _text('{"version": ' + "1" * 5000 + "}"), "cannot be read"),
    "an archive that unpacks to too much": ("a.npz", _bomb, "may have 8 MB"),
    "an archive of 300 members": ("a.npz", _members, "at most 256"),
    "an encrypted member": ("a.npz", _patched(6, 8, b"\1"), "encrypted"),
    "an unknown compression": ("a.npz", _patched(8, 10, b"\x63\0"), "damaged"),
    "a header that lies": ("a.npy", _lying_shape, "cut off or damaged"),
    "texts where numbers belong": ("a.npz", _npz(xy=np.full((68, 2), "x")), "numbers"),
    "texts as score": ("a.npz", _npz(score=np.full((3, 68), "x")), "score"),
    "one number as found": ("a.npz", _npz(found=np.bool_(True)), "found|malformed"),
    "an endless rate": ("a.npz", _npz(fps=[np.inf]), "malformed"),
    "a long rate": ("a.npz", _npz(fps=np.ones(100_000)), "at most 2"),
    "a huge size": ("a.npz", _npz(size=[2**62, 2**62]), "1000000x1000000"),
    "points beyond everything": ("a.npz", _npz(xy=np.full((3, 68, 2), 1e30)), "beyond"),
    "a list as schema": ("a.json", _own(schema=["faceshot.landmarks"]), "not a landmark file"),
    "an object as scheme": ("a.json", _own(scheme={"a": []}), "scheme"),
    "a list as part": ("a.json", _own(absent=[["eyes"]]), "absent"),
    "lists as ids": ("a.json", _coco(images=[{"id": [1], "width": 96, "height": 96}]), "malformed|complete"),
    "a text as annotations": ("a.json", _coco(annotations="none"), "complete|malformed"),
    "a list as info": ("a.json", _coco(info=["x"]), "complete|malformed"),
    "numbers as images": ("a.json", _coco(images=7), "complete|malformed"),
}


@pytest.mark.parametrize("case", MARKS)
def test_landmark_files(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceshot.reading.arrays.MAX_ARRAY_BYTES", 8 << 20)
    name, make, message = MARKS[case]
    path = tmp_path / name
    make(path)
    for read in (read_landmarks, read_sequence):
        if read is read_landmarks and "rate" in case:
            continue
        with cheap(), pytest.raises(InputError) as caught:
            read(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert caught.match(message)


def test_what_is_not_used_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceshot.reading.arrays.MAX_ARRAY_BYTES", 8 << 20)
    _bomb(tmp_path / "a.npz", "notes.npy")
    for name, array in (("xy", face_points(SIDE)), ("size", np.array([SIDE, SIDE]))):
        with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive, archive.open(f"{name}.npy", "w") as file:
            np.lib.format.write_array(file, array)
    with cheap():
        assert read_landmarks(tmp_path / "a.npz").size == (SIDE, SIDE)
    assert set(read_npz(tmp_path / "a.npz", "file", {"xy"})) == {"xy"}


def test_hours_of_frames_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("xy.npy", "w") as file:
            np.lib.format.write_array(file, np.zeros((200_001, 68, 2), np.float16))
    with pytest.raises(InputError, match="at most 200000"):
        read_sequence(tmp_path / "a.npz", size=(9, 9))


@pytest.mark.parametrize("size", [(0, 5), (10**30, 5), (float("inf"), 5), "ab", 7])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(InputError, match="size"):
        Landmarks(face_points(SIDE), size)


# --- pictures and clips ----------------------------------------------------------------------------------------------


def test_a_deep_picture_in_bands(tmp_path: Path) -> None:
    """16 bits a pixel, converted band by band: at 8192x8192 the peak is below a gigabyte; it was 2.9."""
    rows, side = 4096, 1024
    values = np.repeat((np.arange(rows, dtype=np.uint16) * 16)[:, None], side, 1)
    Image.fromarray(values).save(tmp_path / "deep.png")
    tracemalloc.start()
    picture = read_picture(tmp_path / "deep.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 14 * rows * side
    assert (picture.rgb[:, 0, 0] == np.rint(values[:, 0] * (255 / 65535))).all()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize("read", [read_picture, probe, lambda path: read_json(path, "file")])
def test_pipes_and_devices_are_refused(read: Callable[[Path], Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(InputError, match="pipe or a device"):
            read(path)


def test_a_canvas_larger_than_any_animation(tmp_path: Path) -> None:
    frames = [Image.new("P", (8, 8), k) for k in range(4)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    data = bytearray((tmp_path / "a.gif").read_bytes())
    data[6:10] = struct.pack("<HH", 16_000, 4_000)
    (tmp_path / "a.gif").write_bytes(bytes(data))
    with cheap(), pytest.raises(InputError, match="17 megapixels"):
        probe(tmp_path / "a.gif")


def test_orientation_as_text(tmp_path: Path) -> None:
    entry = struct.pack("<HHI4s", 0x0112, 2, 4, b"up!\0")  # of type text
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)
    for k in range(3):
        Image.new("RGB", (64, 48)).save(tmp_path / f"f{k}.jpg", exif=exif)
    assert probe(tmp_path).size == (64, 48) and len(list(read_frames(tmp_path))) == 3
    assert read_picture(tmp_path / "f0.jpg").size == (64, 48)


def test_a_rate_of_nonsense_in_frames(tmp_path: Path) -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("fps", "1e99999999")
    Image.new("RGB", (64, 48)).save(tmp_path / "f0.png", pnginfo=info)
    with cheap(), pytest.raises(InputError, match=r"f0\.png.*fps"):
        probe(tmp_path)


def test_a_damaged_avif(tmp_path: Path) -> None:
    try:
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)).save(tmp_path / "a.avif")
    except (KeyError, OSError, ValueError):
        pytest.skip("this Pillow writes no AVIF")
    data = (tmp_path / "a.avif").read_bytes()
    refused = 0
    for cut in range(50, len(data), len(data) // 25):
        for damaged in (data[:cut], data[:cut] + bytes(8) + data[cut + 8 :]):
            (tmp_path / "b.avif").write_bytes(damaged)
            try:
                read_picture(tmp_path / "b.avif")
            except InputError:
                refused += 1
    assert refused > 20


def test_frames_an_hour_apart(tmp_path: Path) -> None:
    frames = [numbered_frame(k) for k in range(4)]
    make_clip(tmp_path / "slow.mkv", frames, ticks=[0, 3_000_000, 6_000_000, 9_000_000])
    assert len(list(read_frames(tmp_path / "slow.mkv"))) == 4
    head = b"YUV4MPEG2 W16 H16 F1:999999 Ip A1:1 C420jpeg\n"
    (tmp_path / "slow.y4m").write_bytes(head + (b"FRAME\n" + bytes(16 * 16 * 3 // 2)) * 3)
    assert probe(tmp_path / "slow.y4m").fps == Fraction(1, 60)
    assert len(list(read_frames(tmp_path / "slow.y4m"))) == 3
    stills = [Image.new("RGB", (64, 48), colour) for colour in ("black", "red", "blue")]
    for suffix, delay in (("png", 65_000), ("gif", 600_000), ("webp", 16_000_000)):
        path = tmp_path / f"slow.{suffix}"
        stills[0].save(path, save_all=True, append_images=stills[1:], duration=delay)
        assert 3 <= len(list(read_frames(path))) < 100


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -5.0, 1e300])
def test_a_duration_that_is_none(value: float, tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mkv", [numbered_frame(k) for k in range(6)])
    data = (tmp_path / "a.mkv").read_bytes()
    at = data.index(b"\x44\x89\x88") + 3  # Duration, 8 bytes
    (tmp_path / "a.mkv").write_bytes(data[:at] + struct.pack(">d", value) + data[at + 8 :])
    info = probe(tmp_path / "a.mkv")
    assert 0 < info.seconds < 100 and len(list(read_frames(tmp_path / "a.mkv"))) == 6


def test_a_clip_is_one_file_and_no_list_of_others(tmp_path: Path) -> None:
    make_clip(tmp_path / "neighbour.mp4", [numbered_frame(k) for k in range(4)])
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nneighbour.mp4\n#EXT-X-ENDLIST\n"
    lists = {
        "a.mp4": "ffconcat version 1.0\nfile neighbour.mp4\n",
        "b.m3u8": playlist,
        "c.mp4": playlist,
        "d.mpd": "<MPD><Period><AdaptationSet><Representation><BaseURL>neighbour.mp4</BaseURL>",
        "e.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 1234 RTP/AVP 96\n",
        "p%03d.jpg": "no picture, a pattern",
    }
    for k in range(3):
        Image.new("RGB", (64, 48)).save(tmp_path / f"p{k:03d}.jpg")
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=r"not read|not a video"):
            probe(tmp_path / name)


def test_video_frames_beyond_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_clip(tmp_path / "a.mp4", [numbered_frame(k) for k in range(3)])
    monkeypatch.setattr("faceshot.media.container.MAX_PIXELS", 3000)
    with pytest.raises(InputError, match="64x48 pixels, more than the 0 megapixels"):
        probe(tmp_path / "a.mp4")


# --- models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"block_out_channels": [10**9]}, "block_out_channels is 1000000000; at most"),
        ({"num_hidden_layers": 10**6}, "num_hidden_layers is 1000000; at most 256"),
        ({"down_block_types": ["x"] * 1000}, "1000 entries"),
        ({"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {}}}}}}}}}, "entries"),
        ({"width": float("inf")}, "width"),
        ([1], "not an object"),
    ],
)
def test_configurations_of_no_model(config: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with cheap(), pytest.raises(InputError, match=message):
        check_config(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"image_size": 10**9}, r"image_size must be a whole number in 1\.\.4096"),
        ({"steps": 10**9}, "steps must be"),
        ({"seed": 10**40}, "seed must be"),
        ({"layer": ["up"]}, "layer must be a text"),
        ({"confidence": "high"}, "confidence must be five numbers"),
        ({"mode": ["clean"]}, "mode must be one of"),
    ],
)
def test_presets_of_absurd_sizes(entries: dict[str, Any], message: str, tmp_path: Path) -> None:
    from faceshot.models.presets import get_preset

    (tmp_path / "mini.json").write_text(json.dumps({"image_size": 128, "layer": "up_blocks.2"} | entries))
    with cheap(), pytest.raises(InputError, match=message):
        get_preset(str(tmp_path))


def test_weights_that_unpack_to_more(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data/0", bytes(64 << 20))
    with cheap(), pytest.raises(InputError, match="unpack"):
        check_weights(tmp_path / "a.pth")


@pytest.mark.parametrize("notes", [{"a": 1}, {"a": None}, ["x"], "text"])
def test_notes_of_weights_that_are_no_texts(notes: Any, tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": notes}).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(InputError, match=r"a\.safetensors"):
        check_weights(tmp_path / "a.safetensors")


def test_weights_inside_themselves(tmp_path: Path) -> None:
    import torch

    from faceshot_liveportrait.loading import read_tensors, tidy

    held: dict[str, Any] = {"w": torch.zeros(2)}
    held["model"] = held["deeper"] = held
    torch.save(held, tmp_path / "a.pth")
    assert 1 <= len(tidy("warping", read_tensors(tmp_path / "a.pth"))) < 100


def test_templates_that_repeat_themselves(tmp_path: Path) -> None:
    from faceshot_liveportrait.driving.template import read_template

    row: Any = [0.0] * 1000
    for _ in range(4):
        row = [row] * 1000
    frame = {"R": np.eye(3), "exp": row, "scale": np.ones(1), "t": np.zeros(3)}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"motion": [frame] * 3, "output_fps": 25}))
    with cheap(), pytest.raises(InputError, match=r"a\.pkl"):
        read_template(tmp_path / "a.pkl")
    good = frame | {"exp": np.zeros((21, 3))}
    for fps in (10**5000, 1e-9, "1e999999999"):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps({"motion": [good] * 3, "output_fps": fps}))
        with cheap(), pytest.raises(InputError, match="fps"):
            read_template(tmp_path / "a.pkl")


def test_the_reason_is_one_short_line() -> None:
    from faceshot.reading.errors import edge

    with pytest.raises(InputError, match=r"^file a is bad \(x{117}\.\.\.\)$"), edge("file a is bad ({})"):
        raise RuntimeError("x" * 500 + "\nmore")
    with pytest.raises(InputError, match="ours"), edge("file a is bad ({})"):
        raise InputError("ours")
    with pytest.raises(KeyboardInterrupt), edge("{}"):
        raise KeyboardInterrupt
