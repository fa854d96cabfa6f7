"""How long it will take: the sum of its parts, said before it starts, measured while it runs, corrected when wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from faceshot.features import cost as features_cost
from faceshot.features import extractor as features
from faceshot.features import timing as features_time
from faceshot.features.cost import Speed, half_precision_gain, loading_seconds, measure
from faceshot.features.extractor import FeatureExtractor
from faceshot.features.timing import Calls, Work, announce_model
from faceshot.models.checkpoint import SCHEDULER
from faceshot.models.inversion import NoiseSchedule
from faceshot.models.presets import get_preset

CHANNELS = (320, 640, 1280, 1280)
#: GMAC/s at which the arithmetic below is easy to follow.
EVEN = Speed(conv=20.0, linear=20.0, attention=20.0)


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, "faceshot"):
        yield


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock that only goes on when it is told to."""
    now = [100.0]
    monkeypatch.setattr(features_time.time, "perf_counter", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


class Slow:
    """A U-Net as far as an extractor looks at one before it runs: of Stable Diffusion's size, without memory."""

    def __init__(self) -> None:
        with torch.device("meta"):
            full = UNet2DConditionModel(block_out_channels=CHANNELS, cross_attention_dim=768)
        self.config, self.get_submodule = full.config, full.get_submodule
        self.device, self.dtype = torch.device("cpu"), torch.float32
        self.attn_processors: dict[str, Any] = {}


@pytest.fixture
def extractor(monkeypatch: pytest.MonkeyPatch) -> FeatureExtractor:
    monkeypatch.setattr(features, "measure", lambda _device, _dtype: EVEN)
    vae = UNet2DConditionModel(block_out_channels=(32, 32, 32, 32), cross_attention_dim=8)
    schedule = NoiseSchedule.from_config(SCHEDULER)
    encoder = lambda pictures: torch.zeros(len(pictures), 4)  # noqa: E731
    return FeatureExtractor(
        get_preset("sd15-fast"), Slow(), schedule, torch.zeros(1, 77, 768), vae=vae, image_encoder=encoder
    )


def test_this_machine_multiplies() -> None:
    found = measure("cpu", torch.float32)
    assert all(0.05 < value < 1e5 for value in (found.conv, found.linear, found.attention))
    assert 0.01 < half_precision_gain(found) < 100


def test_a_busy_moment_does_not_pass_for_the_merit_of_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = {torch.float32: 30.0, torch.bfloat16: 33.0}
    monkeypatch.setattr(features_cost, "measure", lambda _device, dtype: Speed(*[speeds[dtype]] * 3))
    busy = Speed(5.0, 5.0, 5.0)
    assert half_precision_gain(busy) in (1.0, pytest.approx(1.1))  # 1 without instructions for it


def test_reading_is_timed_on_a_piece_of_the_largest_file(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(bytes(1000))
    large.write_bytes(bytes(features_cost.SAMPLE_BYTES + 12345))
    seconds = loading_seconds([small, large])
    assert 1e-4 < seconds < 30
    assert loading_seconds([small]) < seconds


def test_work_is_the_sum_of_its_parts() -> None:
    """One picture and its mirror image under three prompts, five parts for CLIP."""
    work = Work(gmacs=1424.2, side=512, pictures=2, features=6, embeds=5)
    assert work.total == pytest.approx(6 * 1424.2 + 2 * 558 + 5 * 167)
    assert work.seconds(EVEN) == pytest.approx(work.total / 20)
    # Convolutions alone do not tell how fast a U-Net is; what it was seen to take does.
    slower = Speed(conv=20.0, linear=5.0, attention=5.0)
    assert work.seconds(slower) > 2 * work.seconds(EVEN)
    assert work.seconds(EVEN, pace=0.1) == pytest.approx((2 * 558 + 5 * 167) / 20 + 6 * 142.42)
    # Without CLIP the U-Net's middle block gives the embeddings.
    bare = Work(gmacs=1424.2, side=512, pictures=0, features=0, embeds=2, clip=False)
    assert bare.total == pytest.approx(2 * (558 + 130.7)) and bare.seconds(EVEN) == pytest.approx(bare.total / 20)
    assert work.describe(600.0, torch.bfloat16) == "about 10 min (10496 GMAC in bfloat16 on this processor)"


def test_the_extractor_reckons_with_everything(extractor: FeatureExtractor) -> None:
    seconds, line = extractor.work(140, embeds=840)  # type: ignore[misc]
    assert seconds == pytest.approx(140 * (1424.2 + 558 + 6 * 167) / 20) and line.startswith("about 5.8 h (417788 GMAC")
    assert extractor.work(1, encoded=0)[0] == pytest.approx(1424.2 / 20)  # type: ignore[index]
    extractor._pace = 1.0
    assert extractor.work(1, encoded=0)[0] == pytest.approx(1424.2)  # type: ignore[index]


@pytest.mark.parametrize(
    ("first", "says"),
    [(20.08, ""), (24.0, ""), (80.32, "1 of 4 calls took 80 s: about 3 min to go"), (2.0, "")],
    ids=["as announced", "a little slower", "four times as slow", "nearly done"],
)
def test_announced_once_and_corrected_after_the_first_call(
    extractor: FeatureExtractor,
    clock: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
    first: float,
    says: str,
) -> None:
    for _ in range(2):
        with extractor._counted(1, [slice(0, 1)]) as tick:
            for share in (1, 1, 1, 219.4 / 401.6):
                tick()
                clock(first * share)
    assert caplog.text.count("features of 1 pictures: about 71 s (1424 GMAC in float32 on this processor)") == 1
    assert caplog.text.count("to go") == bool(says) and says in caplog.text
    # From then on what was seen counts: the second run was expected as it came.
    assert extractor._pace == pytest.approx(first / 401.6, rel=1e-3)
    assert extractor.work(1, encoded=0)[0] == pytest.approx(1424.2 * first / 401.6, rel=1e-3)  # type: ignore[index]


def test_a_machine_that_gets_busy_later_is_noticed(
    clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    calls = Calls([1.0] * 6, expected=60.0)
    for seconds in (10.0, 10.0, 70.0, 10.0, 10.0, 10.0):
        calls()
        clock(seconds)
    # 10 s a call as announced, then 30 s a call on average, then 25 and less: nothing new, or too little left to say.
    assert caplog.messages == ["3 of 6 calls took 2 min: about 2 min to go"]
    assert calls.finish() == pytest.approx(20.0)


def test_calls_without_costs_and_short_ones_say_nothing(
    clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    nothing = Calls([])
    nothing()
    assert nothing.finish() is None
    short = Calls([1.0, 1.0])
    for _ in range(2):
        short()
        clock(3.0)
    assert short.finish() == pytest.approx(3.0) and not caplog.text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder as far as the announcement looks at it; the sizes are those of sparse files."""
    model = tmp_path / "model"
    for part, size in (
        ("unet", 3_438_000_000),
        ("vae", 335_000_000),
        ("text_encoder", 492_000_000),
        ("clip", 2_528_000_000),
    ):
        (model / part).mkdir(parents=True)
        (model / part / "config.json").write_text(json.dumps({"block_out_channels": CHANNELS}))
        with (model / part / "model.safetensors").open("wb") as file:
            file.truncate(size)
    (model / "adapter.safetensors").write_bytes(bytes(1000))
    return model


@contextmanager
def even(monkeypatch: pytest.MonkeyPatch, gain: float = 1.0) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(features_time, "measure", lambda _device, _dtype: EVEN)
        patch.setattr(features_time, "half_precision_gain", lambda _speed: gain)
        patch.setattr(features_time, "loading_seconds", lambda files: sum(p.stat().st_size for p in files) / 1e8)
        yield


def test_before_anything_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Loading, VAE, CLIP with its own loading, U-Net; between one domain and five."""
    prompt = [folder / "adapter.safetensors", folder / "clip"]
    with even(monkeypatch, gain=1.7):
        announce_model(get_preset("sd15-fast"), folder, prompt, "cpu", torch.float32)
    least = (2 * 1424.2 + 2 * 558 + 5 * 167) / 20 + 25.28
    most = (10 * 1424.2 + 2 * 558 + 5 * 167) / 20 + 25.28
    assert (round(least), round(most / 60)) == (265, 14)
    assert caplog.messages == [
        "sd15-fast on this processor: loading 4.3 GB takes about 43 s, a look at a character from 4 min (its parts "
        'look like one gallery domain) to 14 min (like five); it gets one or two; dtype="bfloat16" is about 1.7 times '
        "as fast on this machine"
    ]


def test_what_a_preset_does_not_need_is_not_reckoned(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "prompt.safetensors").touch()  # the text encoder is not read
    with even(monkeypatch):
        announce_model(get_preset("sd21"), folder, [], "cpu", torch.bfloat16)
    assert caplog.messages == [
        "sd21 on this processor: loading 3.8 GB takes about 38 s, a look at a character about 11 min; it gets one or "
        "two"
    ]


@pytest.mark.parametrize("case", ["gpu", "small", "quiet", "mini", "damaged", "file"])
def test_when_nothing_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    device, place, preset = "cpu", folder, get_preset("sd15")
    config = folder / "unet" / "config.json"
    if case == "gpu":
        device = "cuda"
    elif case == "small":
        config.write_text('{"block_out_channels": [32, 64]}')
    elif case == "quiet":
        caplog.set_level(logging.WARNING, "faceshot")
    elif case == "mini":
        preset = get_preset("mini")
    elif case == "damaged":
        config.write_text("{")
    else:
        place = folder / "adapter.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(features_time, "measure", lambda *_: pytest.fail("measured for nothing"))
        announce_model(preset, place, [], device, torch.float32)
    assert not caplog.messages


def test_features_that_are_not_finite_are_refused() -> None:
    """Half precision overflows in some models; a match of that would be noise."""
    from tests.tiny_networks import SCHEDULER as TINY
    from tests.tiny_networks import tiny_unet

    unet = tiny_unet()
    with torch.no_grad():
        unet.conv_in.weight.fill_(float("inf"))
    preset = get_preset("mini", image_size=64, layer="up_blocks.2")
    broken = FeatureExtractor(preset, unet, NoiseSchedule.from_config(TINY), torch.zeros(1, 3, 8))
    with pytest.raises(ValueError, match='not finite; use dtype="float32"'):
        broken.features(np.zeros((1, 64, 64, 3), np.uint8))
