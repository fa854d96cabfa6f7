"""Clips as users bring them, and clips as players want them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceshot.errors import FaceShotError, InputError, UsageError
from faceshot.landmarks.types import Size
from faceshot.media.clip import constant_rate
from faceshot.media.video import VideoWriter, keeps_alpha, probe, read_frames
from tests.clips import (
    NTSC,
    audio_seconds,
    click_times,
    make_clip,
    make_clip_with_clicks,
    number_of,
    numbered_frame,
    numbers_of,
)

CLIP = (64, 48)


def frames(count: int, size: tuple[int, int] = CLIP) -> list[np.ndarray]:
    return [numbered_frame(k, size) for k in range(count)]


def write(path: Path, pictures: list[np.ndarray], fps: Fraction = Fraction(30), **options: object) -> Path:
    size = (pictures[0].shape[1], pictures[0].shape[0])
    with VideoWriter(path, size, fps, **options) as writer:  # type: ignore[arg-type]
        for picture in pictures:
            writer.write(picture)
    return path


# -- reading


@pytest.mark.parametrize("fps", [Fraction(25), NTSC, Fraction(24000, 1001), Fraction(12), Fraction(60)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.avi"])
def test_constant_rate_is_read_frame_by_frame(tmp_path: Path, fps: Fraction, name: str) -> None:
    make_clip(tmp_path / name, frames(20), fps, codec="mpeg4" if name == "a.avi" else "libx264", options={})
    info = probe(tmp_path / name)
    assert (info.size, info.fps, info.frames, info.has_audio) == (Size(*CLIP), fps, 20, False)
    assert info.seconds == pytest.approx(float(20 / fps))
    assert numbers_of(read_frames(tmp_path / name)) == list(range(20))


def test_range_and_scaling(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames(30, (128, 96)))
    assert numbers_of(read_frames(path, start=7, stop=12)) == [7, 8, 9, 10, 11]
    assert numbers_of(read_frames(path, start=28)) == [28, 29]
    small = list(read_frames(path, stop=3, max_side=64))
    assert small[0].shape == (48, 64, 3) and numbers_of(small) == [0, 1, 2]
    assert next(read_frames(path, max_side=4000)).shape == (96, 128, 3)  # never enlarged
    with pytest.raises(InputError, match="ends before frame 30"):
        next(read_frames(path, start=30))


@pytest.mark.parametrize(("start", "stop", "side"), [(-1, None, None), (5, 5, None), (5, 2, None), (0, None, 0)])
def test_impossible_ranges_are_refused_at_once(tmp_path: Path, start: int, stop: int | None, side: int | None) -> None:
    with pytest.raises(InputError):
        read_frames(make_clip(tmp_path / "a.mp4", frames(3)), start=start, stop=stop, max_side=side)


def test_single_frame(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames(1))
    assert probe(path).frames == 1
    assert numbers_of(read_frames(path)) == [0]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_metadata_is_applied(tmp_path: Path, rotation: int) -> None:
    upright = frames(3)
    stored = [np.rot90(f, -rotation // 90) for f in upright]  # the tag then turns it counter-clockwise into place
    path = make_clip(tmp_path / "a.mp4", stored, rotation=rotation)
    assert probe(path).size == Size(*CLIP)
    read = list(read_frames(path))
    assert numbers_of(read) == [0, 1, 2]
    assert np.abs(read[1].astype(int) - upright[1]).mean() < 8


def test_rotation_and_scaling_together(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", [np.rot90(f, -1) for f in frames(2, (128, 96))], rotation=90)
    assert next(read_frames(path, max_side=64)).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(2), Size(128, 48)), (Fraction(1, 2), Size(64, 96)), (Fraction(12, 11), Size(70, 48))]
)
def test_pixels_that_are_not_square_become_square(tmp_path: Path, aspect: Fraction, size: Size) -> None:
    path = make_clip(tmp_path / "a.mp4", frames(3), aspect=aspect)
    assert probe(path).size == size
    read = list(read_frames(path))
    assert read[0].shape == (size.height, size.width, 3) and numbers_of(read) == [0, 1, 2]


def test_variable_rate_keeps_time(tmp_path: Path) -> None:
    """A phone at 30 that drops frames: frame k of the result shows what was stored nearest to k / 30 s."""
    kept = [k for k in range(60) if k not in (10, 11, 30, 45)]
    path = make_clip(
        tmp_path / "a.mkv", [numbered_frame(k, CLIP) for k in kept], ticks=[round(k * 100 / 3) for k in kept]
    )
    info = probe(path)
    read = numbers_of(read_frames(path))
    assert info.fps == 30 and abs(len(read) - 60) <= 1
    assert all(abs(number - k) <= 1 for k, number in enumerate(read))
    assert [read[k] for k in (9, 12, 29, 44, 59)] == [9, 12, 29, 44, 59]


def test_screen_recording_with_pauses(tmp_path: Path) -> None:
    times = [0, 40, 80, 1080, 1120, 1160, 2160]  # thousandths
    path = make_clip(tmp_path / "a.mkv", frames(len(times)), ticks=times)
    fps = probe(path).fps
    read = numbers_of(read_frames(path))
    for index, number in enumerate(read):
        shown = float(index / fps) * 1000
        assert abs(times[number] - shown) == min(abs(t - shown) for t in times), (index, number)
    assert set(read) >= {0, 3, 6} or fps < 10


@pytest.mark.parametrize(
    ("average", "base", "rate"),
    [
        (Fraction(30000, 1001), Fraction(30000, 1001), NTSC),
        (Fraction(2997, 100), Fraction(2997, 100), Fraction(2997, 100)),
        (Fraction(8850000, 299531), Fraction(30), Fraction(30)),  # phone, some frames dropped
        (Fraction(19001, 634), Fraction(19001, 634), NTSC),  # Matroska's milliseconds
        (Fraction(30000, 1001), Fraction(60000, 1001), NTSC),  # field-coded
        (None, Fraction(25), Fraction(25)),
        (None, None, Fraction(30)),
        (Fraction(90000), Fraction(90000), Fraction(30)),  # one frame of one tick
    ],
    ids=str,
)
def test_choice_of_the_constant_rate(average: Fraction | None, base: Fraction | None, rate: Fraction) -> None:
    assert constant_rate(average, base) == rate


def test_full_range_and_ten_bit_colours(tmp_path: Path) -> None:
    import av

    chart = np.zeros((64, 64, 3), np.uint8)
    chart[:32, :32], chart[:32, 32:], chart[32:, :32], chart[32:] = (
        (200, 30, 40),
        (30, 180, 60),
        (40, 50, 190),
        (230, 220, 210),
    )
    for name, pixels, codec_range in (("full", "yuvj420p", 2), ("ten", "yuv420p10le", 1)):
        path = tmp_path / f"{name}.mp4"
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=25, options={"crf": "5"})
            stream.width = stream.height = 64
            stream.pix_fmt = pixels
            stream.codec_context.colorspace, stream.codec_context.color_range = 1, codec_range
            frame = av.VideoFrame.from_ndarray(chart, format="rgb24").reformat(format=pixels, dst_colorspace="ITU709")
            frame.pts = 0
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        read = next(read_frames(path))
        assert np.abs(read[8:24, 8:24].astype(int) - chart[8:24, 8:24]).max() <= 4, name


@pytest.mark.parametrize("options", [{"movflags": "+faststart"}, None], ids=["mp4 with its index first", "mkv"])
def test_truncated_clips_give_the_frames_before_the_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, options: dict[str, str] | None
) -> None:
    rng = np.random.default_rng(0)
    noisy = [np.clip(f.astype(int) + rng.integers(-15, 15, f.shape), 0, 255).astype(np.uint8) for f in frames(40)]
    path = make_clip(tmp_path / ("a.mp4" if options else "a.mkv"), noisy, container=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        read = numbers_of(read_frames(path))
    assert 10 < len(read) < 35 and read == list(range(len(read)))
    assert any("cut off" in message or "damaged" in message for message in caplog.messages)


def test_damage_in_the_middle_thins_the_clip_and_keeps_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = make_clip(tmp_path / "a.mp4", frames(40), options={"preset": "ultrafast", "g": "1"})
    data = bytearray(path.read_bytes())
    middle = (data.index(b"mdat") + data.index(b"moov")) // 2
    data[middle : middle + 300] = bytes(300)
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING, logger="faceshot"):
        read = numbers_of(read_frames(path))
    assert len(read) == 40 and read[:10] == list(range(10)) and read[30:] == list(range(30, 40))
    assert "damaged" in caplog.text


def bad_clip(folder: Path, case: str) -> Path:
    path = folder / "bad.mp4"
    if case == "only sound":
        make_clip_with_clicks(folder / "x.mp4", 1)
        import av

        with av.open(str(folder / "x.mp4")) as given, av.open(str(path), "w") as out:
            stream = out.add_stream_from_template(given.streams.audio[0])
            for packet in given.demux(audio=0):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
    elif case == "empty":
        path.touch()
    elif case == "text":
        path.write_text("not a clip\n" * 100)
    elif case == "subtitles":
        path = folder / "a.srt"
        path.write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n")
    elif case == "index cut off":
        make_clip(path, frames(10))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif case == "no frame decodes":
        make_clip(path, frames(10), container={"movflags": "+faststart"})
        data = path.read_bytes()
        start = data.index(b"mdat") + 4
        path.write_bytes(data[:start] + bytes(len(data) - start))
    elif case == "truncated gif":
        path = folder / "a.gif"
        Image.new("P", CLIP).save(path)
        path.write_bytes(path.read_bytes()[:20])
    elif case == "empty folder":
        path = folder / "frames"
        path.mkdir()
    elif case == "folder of other things":
        path = folder / "frames"
        path.mkdir()
        Image.new("RGB", CLIP).save(path / "holiday.png")
    elif case == "frames of two sizes":
        path = folder / "frames"
        path.mkdir()
        Image.new("RGB", CLIP).save(path / "1.png")
        Image.new("RGB", (32, 32)).save(path / "2.png")
    return path


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("missing", "does not exist"),
        ("empty", "empty"),
        ("text", "not a video"),
        ("subtitles", "a kind that is not read"),
        ("only sound", "only sound"),
        ("index cut off", "cut off"),
        ("no frame decodes", "no frame"),
        ("truncated gif", "no frame|not a readable"),
        ("empty folder", "without numbered pictures"),
        ("folder of other things", "no number"),
        ("frames of two sizes", "32x32"),
    ],
)
def test_bad_clips_get_one_clear_line(tmp_path: Path, case: str, message: str) -> None:
    path = bad_clip(tmp_path, case)
    with pytest.raises(InputError, match=message) as caught:
        probe(path)
        list(read_frames(path))
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


def test_playlists_do_not_reach_the_network(tmp_path: Path) -> None:
    path = tmp_path / "a.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError):
        list(read_frames(path))


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
@pytest.mark.parametrize("delays", [[40] * 6, [100, 40, 40, 200, 60, 80]], ids=["steady", "uneven"])
def test_animated_pictures_are_clips(tmp_path: Path, name: str, delays: list[int]) -> None:
    pictures = [Image.fromarray(f) for f in frames(6)]
    options = {"lossless": True} if name == "a.webp" else {}
    pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=delays, loop=0, **options)
    info = probe(tmp_path / name)
    read = numbers_of(read_frames(tmp_path / name))
    assert info.size == Size(*CLIP) and info.fps == (25 if delays[0] == 40 else 50)
    want = [k for k, delay in enumerate(delays) for _ in range(round(delay * info.fps / 1000))]
    assert info.frames == len(want) and len(read) == len(want)
    assert read[0] == 0 and read[-1] == 5 and read == sorted(read) and set(read) == set(range(6))


def test_folder_of_numbered_pictures_in_number_order(tmp_path: Path) -> None:
    for number, name in enumerate(["f9.png", "f10.png", "f11.jpg"]):
        Image.fromarray(numbered_frame(number)).save(tmp_path / name, quality=95)
    (tmp_path / "notes.txt").write_text("ignored")
    assert (probe(tmp_path).frames, probe(tmp_path).fps) == (3, 30)
    assert numbers_of(read_frames(tmp_path)) == [0, 1, 2]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["0000_take02", "0001_take02", "0010_take02"], id="number first"),
        pytest.param(["take02_9", "take02_10", "take02_11"], id="number last"),
        pytest.param(["12-59-59", "13-00-00", "13-00-59"], id="times of day"),
        pytest.param(["a1b7_001", "a1b5_002", "a1b9_003"], id="noise before the number"),
        pytest.param(["cover5", "shot2_frame6", "shot2_frame7"], id="names of different make"),
    ],
)
def test_the_number_that_varies_orders_the_frames(tmp_path: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        Image.fromarray(numbered_frame(number)).save(tmp_path / f"{name}.png")
    assert numbers_of(read_frames(tmp_path)) == [0, 1, 2]


@pytest.mark.parametrize("bad", [{0}, {2}, {4}, {0, 1, 3}], ids=str)
def test_damaged_frames_of_a_folder_are_bridged(
    tmp_path: Path, bad: set[int], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        path = tmp_path / f"frame_{number:03d}.jpg"
        Image.fromarray(numbered_frame(number)).save(path, quality=95)
        if number in bad:
            path.write_bytes(path.read_bytes()[:150] if number else b"")
    shown = numbers_of(read_frames(tmp_path))
    assert len(shown) == 5 and all(shown[k] == k for k in range(5) if k not in bad)
    assert all(shown[k] not in bad for k in bad) and caplog.text.count("beside it is shown instead") >= len(bad)
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        list(read_frames(tmp_path))


@pytest.mark.parametrize(("name", "codec"), [("a.h264", "libx264"), ("a.m2v", "mpeg2video")])
def test_bare_streams_keep_the_rate_they_state(tmp_path: Path, name: str, codec: str) -> None:
    path = make_clip(tmp_path / name, frames(24), NTSC, codec=codec, options={"g": "12"})
    info = probe(path)
    assert info.fps == NTSC and numbers_of(read_frames(path)) == list(range(24))


def test_bare_streams_without_a_rate_say_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.mjpeg"
    with path.open("wb") as file:
        for number in range(6):
            Image.fromarray(numbered_frame(number)).save(file, "JPEG", quality=95)
    assert probe(path).fps == 25 and numbers_of(read_frames(path)) == list(range(6))
    assert "without a rate; 25 frames per second" in caplog.text


# -- writing


LOSSY = {".mp4", ".mov", ".mkv", ".webm", ".webp"}


@pytest.mark.parametrize("fps", [NTSC, Fraction(25)], ids=str)
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.webp", "a.png", "a.apng", "a.gif", "frames"])
def test_every_format_reads_back(tmp_path: Path, name: str, fps: Fraction) -> None:
    pictures = frames(12)
    path = write(tmp_path / name, pictures, fps)
    info = probe(path)
    read = list(read_frames(path))
    assert (info.size, info.frames) == (Size(*CLIP), 12)
    coarse = name in ("a.gif", "a.webp")  # delays in 10 ms and 1 ms
    assert info.fps == (fps if not coarse else pytest.approx(fps, rel=0.002))
    assert numbers_of(read) == list(range(12))
    error = np.abs(np.stack(read).astype(int) - np.stack(pictures)).mean()
    assert error < 4 if path.suffix in LOSSY else error == 0 if path.suffix != ".gif" else error < 3
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize("size", [(63, 47), (49, 64), (64, 51), (1, 1)])
@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.webp", "a.gif", "a.png"])
def test_odd_sizes_are_padded_by_repetition_never_scaled(tmp_path: Path, size: tuple[int, int], name: str) -> None:
    rng = np.random.default_rng(1)
    low = rng.integers(40, 215, (4, 4, 3)).astype(np.uint8)
    picture = np.asarray(Image.fromarray(low).resize(size, Image.Resampling.BICUBIC))
    path = write(tmp_path / name, [picture] * 3)
    read = next(read_frames(path))
    even = name in ("a.mp4", "a.webm")
    height, width = (n + n % 2 if even else n for n in picture.shape[:2])
    assert read.shape == (height, width, 3)
    assert np.abs(read[: size[1], : size[0]].astype(int) - picture).mean() < (7 if name == "a.gif" else 4)
    if even and size[0] % 2 and size[0] > 1:
        assert np.abs(read[: size[1], -1].astype(int) - picture[:, -1]).mean() < 8


def colour_chart() -> np.ndarray:
    levels = np.array([0, 64, 128, 192, 255], np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    grid = np.concatenate([colours, np.full((144 - 125, 3), 128, np.uint8)]).reshape(12, 12, 3)
    return np.repeat(np.repeat(grid, 16, axis=0), 16, axis=1)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_colours_survive_and_are_tagged(tmp_path: Path, name: str) -> None:
    import av

    chart = colour_chart()
    path = write(tmp_path / name, [chart] * 5)
    inner = np.abs(next(read_frames(path)).astype(int) - chart).reshape(12, 16, 12, 16, 3)[:, 4:12, :, 4:12]
    assert inner.mean() < 1.5 and inner.max() <= 10
    with av.open(str(path)) as media:
        frame = next(media.decode(video=0))
        context = media.streams.video[0].codec_context
        assert (int(frame.colorspace), int(frame.color_range), context.pix_fmt) == (1, 1, "yuv420p")


def test_a_long_clip_does_not_darken(tmp_path: Path) -> None:
    """The conversion rounds instead of truncating: grey stays grey to a fraction of a level."""
    from av.video.reformatter import Interpolation

    limit = 0.35 if hasattr(Interpolation, "ACCURATE_RND") else 0.7  # PyAV before 18 cannot be asked to round
    greys = np.tile(np.arange(30, 222, 3, dtype=np.uint8)[None, :, None], (64, 1, 3))
    read = next(read_frames(write(tmp_path / "a.mp4", [greys] * 2)))
    assert abs(float((read.astype(int) - greys).mean())) < limit


@pytest.mark.parametrize("name", ["a.webm", "a.mov", "a.mkv", "a.webp", "a.png", "a.gif", "frames"])
def test_alpha_is_kept(tmp_path: Path, name: str) -> None:
    import av

    y, x = np.mgrid[:64, :64]
    matte = np.where((x - 32) ** 2 + (y - 32) ** 2 < 400, 255, 0).astype(np.uint8)
    pictures = [np.dstack([numbered_frame(k, (64, 64)), np.roll(matte, k, axis=1)]) for k in range(5)]
    path = write(tmp_path / name, pictures, alpha=True)
    if path.is_dir() or path.suffix in (".webp", ".png", ".gif"):
        stored = path / "frame_000005.png" if path.is_dir() else path
        with Image.open(stored) as picture:
            if not path.is_dir():
                assert picture.n_frames == 5
                picture.seek(4)
            alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    else:
        with av.open(str(path)) as media:
            stream = media.streams.video[0]
            if name == "a.webm":
                assert {key.lower(): value for key, value in stream.metadata.items()}["alpha_mode"] == "1"
                decoder = av.CodecContext.create("libvpx-vp9", "r")
                packets = [packet for packet in media.demux(stream) if packet.size]
                decoded = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
            else:
                decoded = list(media.decode(stream))
            assert len(decoded) == 5
            alpha = decoded[4].to_ndarray(format="rgba")[..., 3]
    assert np.abs(alpha.astype(int) - pictures[4][..., 3]).mean() < 3


def test_opaque_frames_in_an_alpha_writer(tmp_path: Path) -> None:
    write(tmp_path / "a.png", frames(2), alpha=True)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.n_frames == 2 and np.asarray(picture.convert("RGBA"))[..., 3].min() == 255


def test_gif_keeps_time_and_caps_its_rate(tmp_path: Path) -> None:
    for fps, count in ((Fraction(30), 60), (Fraction(120), 120)):
        path = write(tmp_path / f"{fps}.gif", frames(count), fps)
        with Image.open(path) as picture:
            delays = []
            for index in range(picture.n_frames):
                picture.seek(index)
                delays.append(picture.info["duration"])
        assert min(delays) >= 20
        assert sum(delays) == pytest.approx(1000 * count / fps, abs=30)


def test_gif_keeps_small_patches_of_strong_colour(tmp_path: Path) -> None:
    """Hair, wall and skin with grain, an earring and a mouth: counting pixels alone turns the mouth brown."""
    bands = np.repeat(np.array([[30, 28, 35], [150, 150, 165], [215, 165, 140]]), [86, 85, 85], axis=0)[:, None]
    grain = np.random.default_rng(0).normal(0, 9, (256, 256, 3))
    picture = np.clip(bands + grain, 0, 255).astype(np.uint8)
    patches = {(250, 220, 10): np.s_[100:106, 60:70], (190, 30, 60): np.s_[200:205, 100:108]}
    for colour, place in patches.items():
        picture[place] = colour
    read = next(read_frames(write(tmp_path / "a.gif", [picture])))
    for colour, place in patches.items():
        assert np.abs(read[place].reshape(-1, 3).mean(0) - colour).max() < 12, colour


def test_gif_shows_new_colours_that_come_late(tmp_path: Path) -> None:
    plain = np.full((64, 64, 3), (200, 180, 160), np.uint8)
    late = plain.copy()
    late[40:50, 20:44] = (150, 20, 40)  # a mouth opens
    read = list(read_frames(write(tmp_path / "a.gif", [plain] * 3 + [late] * 3)))
    assert np.abs(read[4][44, 30].astype(int) - (150, 20, 40)).max() < 12


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.webp", "a.png", "a.gif", "frames"])
def test_metadata_says_it_is_generated(tmp_path: Path, name: str) -> None:
    import av

    comment = "generated by FaceShot 9.9 from cat.png & me.mp4"
    path = write(tmp_path / name, frames(3), metadata={"comment": comment, "title": "A cat"})
    if name in ("a.mp4", "a.mkv", "a.webm"):
        with av.open(str(path)) as media:
            tags = {key.lower(): value for key, value in media.metadata.items()}
        assert tags["comment"] == comment and tags["title"] == "A cat"
        return
    with Image.open(path / "frame_000001.png" if path.is_dir() else path) as picture:
        for index in range(getattr(picture, "n_frames", 1)):
            picture.seek(index)
            picture.load()
        if name == "a.webp":
            assert b"generated by FaceShot 9.9 from cat.png &amp; me.mp4" in picture.info["xmp"]
        elif name == "a.gif":
            assert comment.encode() in path.read_bytes()
        else:
            assert picture.text["Comment"] == comment
    assert numbers_of(read_frames(path)) == [0, 1, 2]  # and the file is still whole


def test_default_comment_and_faststart(tmp_path: Path) -> None:
    import av

    path = write(tmp_path / "a.mp4", frames(3))
    with av.open(str(path)) as media:
        assert media.metadata["comment"].startswith("generated by FaceShot")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


# -- sound


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_sound_stays_in_sync_to_the_end_of_a_minute(tmp_path: Path, name: str) -> None:
    driving = make_clip_with_clicks(tmp_path / "drive.mp4", 60)
    grey = np.full((64, 64, 3), 90, np.uint8)
    count = int(60 * NTSC)
    path = write(tmp_path / name, [grey] * count, NTSC, audio_from=driving)
    info = probe(path)
    times = click_times(path)
    assert info.fps == NTSC and info.frames == count and info.has_audio
    np.testing.assert_allclose(times, np.arange(60) + 0.5, atol=0.008)  # a frame lasts 0.033
    assert audio_seconds(path) == pytest.approx(float(count / NTSC), abs=0.03)


@pytest.mark.parametrize(
    ("source", "codec", "name"),
    [
        ("a.mkv", "libopus", "out.mp4"),
        ("a.mkv", "pcm_s16le", "out.mp4"),
        ("a.mkv", "libopus", "out.webm"),
        ("a.mp4", "libmp3lame", "out.mp4"),
        ("a.mp4", "libmp3lame", "out.mkv"),
        ("a.mp4", "aac", "out.webm"),
    ],
)
def test_sound_codecs(tmp_path: Path, source: str, codec: str, name: str) -> None:
    rate = 48_000 if codec == "libopus" else 44_100
    driving = make_clip_with_clicks(tmp_path / source, 4, codec=codec, rate=rate)
    path = write(tmp_path / name, frames(int(4 * NTSC), (64, 64)), NTSC, audio_from=driving)
    np.testing.assert_allclose(click_times(path), np.arange(4) + 0.5, atol=0.03)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm"])
@pytest.mark.parametrize("delay", [Fraction(0), Fraction(1, 2)], ids=["together", "picture begins later"])
def test_sound_is_cut_to_the_picture_on_both_sides(tmp_path: Path, name: str, delay: Fraction) -> None:
    """Half of the driving clip, from 1.2 s on."""
    driving = make_clip_with_clicks(tmp_path / "drive.mp4", 6, fps=Fraction(30), video_delay=delay)
    path = write(tmp_path / name, frames(75, (64, 64)), audio_from=driving, audio_start=Fraction(6, 5))
    first = Fraction(6, 5) + delay
    want = [second + 0.5 - float(first) for second in range(6) if 0 < second + 0.5 - float(first) < 2.5]
    np.testing.assert_allclose(click_times(path), want, atol=0.03)
    assert audio_seconds(path) <= 2.5 + 0.03


def test_silent_driving_and_formats_without_sound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    silent = make_clip(tmp_path / "silent.mp4", frames(5))
    assert not probe(write(tmp_path / "a.mp4", frames(5), audio_from=silent)).has_audio
    loud = make_clip_with_clicks(tmp_path / "loud.mp4", 1)
    with caplog.at_level(logging.INFO, logger="faceshot"):
        assert not probe(write(tmp_path / "a.gif", frames(5), audio_from=loud)).has_audio
    assert "no sound" in caplog.text


def test_sound_shorter_than_the_picture_just_ends(tmp_path: Path) -> None:
    driving = make_clip_with_clicks(tmp_path / "drive.mp4", 1)
    for name in ("a.mp4", "a.webm"):
        path = write(tmp_path / name, frames(90, (64, 64)), audio_from=driving)
        assert probe(path).frames == 90 and len(click_times(path)) == 1


# -- safety


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    for failure in (KeyboardInterrupt, RuntimeError, ValueError):
        for name in ("a.mp4", "a.gif", "sub/a.webm", "frames"):
            with pytest.raises(failure):
                with VideoWriter(tmp_path / name, CLIP, Fraction(30)) as writer:
                    writer.write(numbered_frame(0))
                    raise failure
            assert not list(tmp_path.iterdir())


def test_frames_of_another_shape_are_refused(tmp_path: Path) -> None:
    for bad in (
        np.zeros((48, 63, 3), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((48, 64, 3)),
        np.zeros((48, 64), np.uint8),
    ):
        with pytest.raises(InputError, match=r"frame 0 must be uint8 of shape \(48, 64, 3\)"):
            write_one(tmp_path / "a.mp4", bad)
    assert not list(tmp_path.iterdir())


def write_one(path: Path, frame: np.ndarray) -> None:
    with VideoWriter(path, CLIP, Fraction(30)) as writer:
        writer.write(frame)


def test_no_frames_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frames"):
        with VideoWriter(tmp_path / "a.mp4", CLIP, Fraction(30)):
            pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "alpha", "error"),
    [("a.wmv", False, UsageError), ("a.mp4", True, UsageError), ("a.json", False, UsageError)],
)
def test_formats_that_cannot_be_written(tmp_path: Path, name: str, alpha: bool, error: type[FaceShotError]) -> None:
    with pytest.raises(error, match=r"suffix|transparency"):
        VideoWriter(tmp_path / name, CLIP, Fraction(30), alpha=alpha)
    assert keeps_alpha("a.webm") and keeps_alpha("folder") and not keeps_alpha("a.mp4")


def test_existing_outputs_and_inputs_are_safe(tmp_path: Path) -> None:
    driving = make_clip(tmp_path / "drive.mp4", frames(3))
    before = driving.read_bytes()
    with pytest.raises(InputError, match="overwrite=True"):
        VideoWriter(driving, CLIP, Fraction(30))
    with pytest.raises(InputError, match="input"):
        VideoWriter(driving, CLIP, Fraction(30), audio_from=driving, overwrite=True)
    assert driving.read_bytes() == before
    write(driving, frames(5), overwrite=True)
    assert probe(driving).frames == 5
    write(tmp_path / "frames", frames(5))
    write(tmp_path / "frames", frames(2), overwrite=True)
    assert probe(tmp_path / "frames").frames == 2


def test_disk_full_is_one_clear_error(tmp_path: Path) -> None:
    """A file-size limit stands in for a full disk."""
    code = """
import resource, sys, numpy as np
from fractions import Fraction
from faceshot.errors import InputError
from faceshot.media.video import VideoWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
rng = np.random.default_rng(0)
try:
    with VideoWriter(sys.argv[1], (256, 256), Fraction(30)) as writer:
        for _ in range(40):
            writer.write(rng.integers(0, 255, (256, 256, 3)).astype(np.uint8))
except InputError as error:
    print("refused:", error)
"""
    for name in ("a.mp4", "a.png", "frames"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.stdout.startswith("refused: cannot write"), (name, done.stdout, done.stderr[-500:])
        assert not list(tmp_path.iterdir()), name


def test_sizes_beyond_a_codec_are_one_clear_error(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.webm", "a.webp"):
        with pytest.raises(InputError, match=r"cannot encode|WebP holds"):
            write(tmp_path / name, [np.zeros((2, 70_000, 3), np.uint8)])
        assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_ten_thousand_frames_in_constant_memory(tmp_path: Path) -> None:
    import psutil

    process = psutil.Process(os.getpid())
    path = tmp_path / "long.mp4"

    def copy(source: object, target: Path, count: int) -> int:
        highest = 0
        with VideoWriter(target, (96, 96), NTSC) as writer:
            for index, frame in enumerate(source):  # type: ignore[arg-type]
                writer.write(frame)
                if index % 200 == 0:
                    highest = max(highest, process.memory_info().rss)
        assert writer.frames == count
        return highest

    copy((numbered_frame(k, (96, 96)) for k in range(300)), tmp_path / "warm.mp4", 300)
    copy(read_frames(tmp_path / "warm.mp4"), tmp_path / "warm2.mp4", 300)
    before = process.memory_info().rss
    highest = copy((numbered_frame(k, (96, 96)) for k in range(10_000)), path, 10_000)
    assert probe(path).frames == 10_000
    highest = max(highest, copy(read_frames(path), tmp_path / "again.mp4", 10_000))
    assert number_of(list(read_frames(tmp_path / "again.mp4", start=9_999))[-1]) == 9_999
    assert highest - before < 50e6, f"{(highest - before) / 1e6:.0f} MB; all frames would be 276 MB"


def test_a_title_in_another_encoding_is_no_obstacle(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", frames(3), metadata={"title": "A cafe"})
    data = path.read_bytes()
    assert b"A cafe" in data
    path.write_bytes(data.replace(b"A cafe", b"A caf\xe9"))
    assert probe(path).frames == 3 and len(list(read_frames(path))) == 3


def test_no_frame_outlives_its_reading(repo: Path) -> None:
    """A frame kept keeps its decoder's buffers: a camera that is a file over and over would grow."""
    import gc

    import av

    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            assert sum(1 for _ in read_frames(repo / "examples" / "actor.mp4", stop=5)) == 5
        assert not [one for one in gc.get_objects() if isinstance(one, av.VideoFrame)]
    finally:
        gc.enable()
