"""Wan through the real classes of diffusers at tiny size: length, rate, size and sound are exact for any clip."""

from __future__ import annotations

import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.formats import write_landmarks, write_sequence
from faceshot.media import VideoWriter, probe, probe_sound, write_picture
from faceshot.pipeline import AnimationOptions, list_backends
from faceshot.testing import clip_of, drawn_face
from faceshot_wan import Backend
from faceshot_wan.estimate import estimate
from faceshot_wan.options import parse_options
from faceshot_wan.script import Script, Segments, to_and_fro
from tests.adapters.wan.tiny import components, tiny_networks

pytestmark = pytest.mark.skipif(
    not hasattr(diffusers, "WanAnimate2Blocks"), reason="this diffusers has no Wan-Animate-2"
)
QUICK = {"pixels": 1024, "steps": 1, "guidance": 1}


def render(model: str, count: int, side: tuple[int, int] = (96, 120), **extra: Any) -> list[np.ndarray]:
    picture, marks = drawn_face(*side)
    settings = AnimationOptions(extra={"model": model, **QUICK, **extra})
    moves = [(k % 7, k % 3) for k in range(count)]
    return list(Backend(tiny_networks(model)).animate(picture, marks, clip_of(marks, moves), settings))


def test_segments_cover_a_clip_with_as_little_as_can_be() -> None:
    for longest in (5, 9, 77, 81):
        for frames in range(1, 400):
            made = Segments.of(frames, longest)
            assert made.length % 4 == 1 and 5 <= made.length <= longest
            assert frames <= made.frames and (made.count - 1) * (longest - 1) + 1 < max(frames, 2)
            assert made.frames - frames < 4 * made.count + 4
    assert Segments.of(81, 81) == Segments(1, 81) and Segments.of(100, 81) == Segments(2, 53)


def test_padding_runs_to_and_fro() -> None:
    assert to_and_fro(3, 9) == [0, 1, 2, 1, 0, 1, 2, 1, 0] and to_and_fro(1, 3) == [0, 0, 0]
    assert to_and_fro(100, 100) == list(range(100))


@pytest.mark.parametrize("model", ["animate", "animate-2", "animate-2-distilled"])
@pytest.mark.parametrize("count", [1, 7, 81, 100])
def test_any_length_comes_back(model: str, count: int) -> None:
    made = render(model, count)
    assert len(made) == count and all(frame.shape == (120, 96, 3) for frame in made)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wan2.2-Animate in diffusers' layout."""
    where = tmp_path_factory.mktemp("wan")
    for name, part in components("animate").items():
        part.save_pretrained(where / name)
    return where


@pytest.mark.skipif("wan" not in list_backends(), reason="the installation is older than this backend")
@pytest.mark.parametrize("count, fps", [(7, 25), (100, Fraction(30000, 1001))])
def test_from_the_command_line_with_sound(
    cli: Any, repo: Path, tmp_path: Path, folder: Path, count: int, fps: Fraction
) -> None:
    picture, _ = drawn_face(64)
    with VideoWriter(tmp_path / "d.mp4", (64, 64), fps) as video:
        for _ in range(count):
            video.write(picture.rgb)
    with wave.open(str(tmp_path / "s.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 16000 * 8))
    picture, marks = drawn_face(101, 120)
    drive = clip_of(marks, [(k % 4, 0) for k in range(count)])
    write_sequence(tmp_path / "d.json", replace(drive, fps=Fraction(fps)))
    write_picture(tmp_path / "p.png", picture.rgb)
    write_landmarks(tmp_path / "p.json", marks)
    words = [f"--backend-option={name}={value}" for name, value in {**QUICK, "model": "animate"}.items()]
    done = cli(
        *("animate", tmp_path / "p.png", tmp_path / "d.json", "--landmarks", tmp_path / "p.json"),
        *("--audio", tmp_path / "s.wav", "-o", tmp_path / "o.mp4", "--backend", "wan"),
        *(f"--backend-option=weights={folder}", *words),
    )
    assert done.code == 0, done.err
    info = probe(tmp_path / "o.mp4")
    assert info.frames == count and info.fps == fps
    assert abs(info.size.width - 101) <= 1 and info.size.height == 120  # H.264 wants even sides
    assert probe_sound(tmp_path / "o.mp4").seconds == pytest.approx(float(count / fps), abs=0.05)


def test_another_rate_is_brought_back() -> None:
    picture, marks = drawn_face(96)
    sequence = clip_of(marks, [(k, 0) for k in range(50)])  # 25 frames a second
    script = Script.write(picture, marks, sequence, parse_options({"rate": 12.5, **QUICK}))
    assert len(script.clip) == 25 and len(script.shown) == 50 and set(script.shown) == set(range(25))
    assert len(render("animate", 50, rate=12.5)) == 50


def test_the_networks_are_called_as_often_as_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, marks = drawn_face(96)
    for model, wanted in (("animate", 2 * 3 * 2), ("animate-2", 2 * (3 * 2 + 1))):
        networks = tiny_networks(model)
        calls = []
        networks.components["transformer"].register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        extra = {"model": model, "pixels": 1024, "steps": 3, "guidance": 2, "segment": 5}
        sequence = clip_of(marks, [(k, 0) for k in range(9)])
        list(Backend(networks).animate(picture, marks, sequence, AnimationOptions(extra=extra)))
        options = parse_options(extra)
        told = estimate(networks, options, Script.write(picture, marks, sequence, options))
        assert len(calls) == told.calls == wanted
        assert told.seconds > 0 and told.gigabytes > 0 and "2 windows of 3 steps" in str(told)


def test_published_size_is_estimated_beyond_one_card() -> None:
    """By shapes alone: what the model's own documentation says of 80 GB."""
    import torch
    from accelerate import init_empty_weights
    from diffusers import WanAnimate2Transformer3DModel

    networks = tiny_networks("animate-2")
    with init_empty_weights():
        networks.components["transformer"] = WanAnimate2Transformer3DModel().to(torch.bfloat16)
    picture, marks = drawn_face(400, 500)
    options = parse_options({})
    script = Script.write(picture, marks, clip_of(marks, [(k % 9, 0) for k in range(81)]), options)
    told = estimate(networks, options, script)
    assert 60 < told.gigabytes < 160 and told.size.width * told.size.height <= 800 * 640


def spied(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the networks are given."""
    from faceshot_wan.networks import Networks

    given: dict[str, Any] = {}

    def keep(self: Any, options: Any, reference: Any, clips: Any, length: int, seed: int) -> np.ndarray:
        given.update(clips, reference=reference, length=length)
        return np.zeros((len(next(iter(clips.values()))), *reference.shape), np.uint8)

    monkeypatch.setattr(Networks, "render", keep)
    return given


def test_the_warped_character_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    given = spied(monkeypatch)
    render("animate-2", 7)
    driving = np.stack(given["driving_video"]).astype(int)
    assert driving.shape == (9, 32, 16, 3) and given["length"] == 9
    assert np.array_equal(driving[0], given["reference"]) and np.abs(driving[3] - driving[0]).max() > 20
    render("animate", 7)
    assert np.stack(given["face_video"]).shape == (9, 512, 512, 3)
    assert np.stack(given["pose_video"]).shape == (9, 32, 16, 3)


def test_the_actors_clip_may_drive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = spied(monkeypatch)
    actor, actor_marks = drawn_face(64)
    with VideoWriter(tmp_path / "d.mkv", (64, 64), Fraction(25), alpha=True) as video:
        for k in range(8):
            video.write(np.roll(np.dstack([actor.rgb, np.full((64, 64), 255, np.uint8)]), k, 1))
    picture, marks = drawn_face(96)
    extra = {"model": "animate-2", "driver": "clip", **QUICK}
    sequence = clip_of(marks, [(k, 0) for k in range(8)])
    seen = clip_of(actor_marks, [(k, 0) for k in range(8)])
    settings = AnimationOptions(extra=extra, driving=tmp_path / "d.mkv", driving_landmarks=seen)
    made = list(Backend(tiny_networks("animate-2")).animate(picture, marks, sequence, settings))
    assert len(made) == 8 and given["driving_video"][0].shape == (64, 64, 3)
    assert np.abs(given["driving_video"][5].astype(int) - np.roll(actor.rgb, 5, 1)).mean() < 3
    with pytest.raises(UsageError, match="driver=clip needs a driving clip"):
        Backend().load(AnimationOptions(extra=extra))


def test_a_small_face_is_cut_out_and_pasted_back() -> None:
    picture, marks = drawn_face(80)
    from faceshot.landmarks import Landmarks, Picture

    wide = np.pad(picture.rgb, ((0, 160), (0, 320), (0, 0)), mode="edge")
    there = Landmarks(marks.xy, (400, 240))
    extra = {"model": "animate", "region": "face", **QUICK}
    made = list(
        Backend(tiny_networks("animate")).animate(
            Picture(wide), there, clip_of(there, [(0, 0), (2, 0)]), AnimationOptions(extra=extra)
        )
    )
    assert made[1].shape == wide.shape and np.array_equal(made[1][:, 300:], wide[:, 300:])


@pytest.mark.parametrize(
    "extra, said",
    [
        ({"model": "animate-3"}, "animate-2, animate-2-distilled, animate"),
        ({"segment": 80}, "one more than a multiple of 4"),
        ({"model": "animate-2-distilled", "guidance": 3}, "knows none"),
        ({"steps": 201}, "1..200"),
        ({"rate": 200}, "1..60"),
        ({"low_vram": "some"}, "off, on, max"),
    ],
)
def test_bad_options_are_refused(extra: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        Backend().load(AnimationOptions(extra=extra))
    assert said in str(error.value)


def test_an_older_diffusers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceshot_wan.networks import diffusers_class

    with pytest.raises(MissingError, match=r"needs diffusers 0\.40 or newer .* pip install -U diffusers"):
        diffusers_class("diffusers:NoSuchBlocks", parse_options({"model": "animate-2"}))


def test_unusable_weights_are_one_line(folder: Path, tmp_path: Path) -> None:
    def refused(error: type[Exception], said: str, **extra: Any) -> None:
        with pytest.raises(error) as found:
            Backend().load(AnimationOptions(extra={"model": "animate", **extra}))
        assert said in str(found.value) and "\n" not in str(found.value)

    refused(MissingError, "no transformer in it", weights=tmp_path)
    refused(InputError, "WanAnimate2Transformer3DModel", weights=folder, model="animate-2")
    refused(MissingError, "does not exist", weights=folder, transformer=tmp_path / "t.safetensors")
    refused(MissingError, "faceshot weights fetch wan-animate")


def test_on_a_cpu_no_memory_is_spared_and_nothing_fails(folder: Path) -> None:
    picture, marks = drawn_face(96)
    frames = []
    for low in ("off", "on", "max"):
        backend = Backend()
        settings = AnimationOptions(extra={"model": "animate", "weights": folder, "low_vram": low, **QUICK})
        backend.load(settings)
        assert backend.requires() == []
        frames.append(list(backend.animate(picture, marks, clip_of(marks, [1, 2]), settings)))
    assert all(np.array_equal(a, b) for other in frames[1:] for a, b in zip(frames[0], other, strict=True))


def test_half_the_bits(folder: Path) -> None:
    picture, marks = drawn_face(96)
    made = []
    for dtype in ("float32", "bfloat16"):
        settings = AnimationOptions(dtype=dtype, extra={"model": "animate", "weights": folder, **QUICK})
        made.append(np.stack(list(Backend().animate(picture, marks, clip_of(marks, [1, 2]), settings))).astype(int))
    assert 0 < np.abs(made[0] - made[1]).mean() < 3


def test_loading_says_nothing_on_its_own(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    picture, marks = drawn_face(96)
    settings = AnimationOptions(extra={"model": "animate", "weights": folder, **QUICK})
    list(Backend().animate(picture, marks, clip_of(marks, [1]), settings))
    told = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("note: wan: ")]
    assert told == []
