"""LivePortrait's engine: the fast networks against the plain ones, dtypes, batches, repeats, estimates."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from faceshot.errors import InputError, UsageError
from faceshot_liveportrait.engine import LivePortrait
from faceshot_liveportrait.fast.choices import pick_batch, pick_dtype
from faceshot_liveportrait.fast.convolution import Conv, RepeatedConv, Target, folded, widened
from faceshot_liveportrait.fast.replay import compiled, recorded
from faceshot_liveportrait.fast.sampling import as_table, read_table, shifted
from faceshot_liveportrait.fast.spade import FastBlock, FastGenerator
from faceshot_liveportrait.fast.warping import DeepConv, FastWarping, SlicedConv
from faceshot_liveportrait.frames import to_pixels
from faceshot_liveportrait.loading import FILES
from faceshot_liveportrait.nets import (
    AppearanceExtractor,
    MotionExtractor,
    SpadeGenerator,
    StitchingRetargeting,
    WarpingModule,
)
from faceshot_liveportrait.nets.warping import identity_grid, sample

CPU = torch.device("cpu")
EXACT = Target(torch.float32)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def lively(network: nn.Module) -> nn.Module:
    """Batch norms with statistics as after a training, instead of the initial zeros and ones."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            assert module.running_mean is not None and module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.weight, 1, 0.1)
            nn.init.normal_(module.bias, std=0.1)
    return network.eval().requires_grad_(False)


def tiny_networks() -> dict[str, nn.Module]:
    """Small networks of every kind; W and G for volumes (1, 4, 3, 32, 32) and frames of 256x256."""
    torch.manual_seed(7)
    networks = {
        "appearance": AppearanceExtractor(width=4, blocks=1),
        "motion": MotionExtractor((1, 1, 1, 1), (4, 8, 8, 8)),
        "warping": WarpingModule(channels=4, depth=3, compressed=2, width=2, widest=16, feature=8),
        "spade": SpadeGenerator(width=16, feature=8, hidden=16),
        "stitching": StitchingRetargeting(),
    }
    for network in networks.values():
        lively(network)
    warping = networks["warping"]
    assert isinstance(warping, WarpingModule)
    warping.dense_motion_network.mask.weight.mul_(8)  # decided masks, so that the flow matters
    return networks


@pytest.fixture(scope="module")
def engine() -> LivePortrait:
    return LivePortrait.from_modules(**tiny_networks(), dtype="float32")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def scene() -> tuple[Tensor, Tensor, Tensor]:
    """f_s, x_s and five x_d: rest, three positions of which two are equal, rest."""
    generator = torch.Generator().manual_seed(3)
    f_s = torch.randn(1, 4, 3, 32, 32, generator=generator)
    x_s = 0.4 * torch.randn(1, 21, 3, generator=generator)
    moves = 0.1 * torch.randn(2, 21, 3, generator=generator)
    return f_s, x_s, torch.cat((x_s, x_s + moves[:1], x_s + moves[:1], x_s + moves[1:], x_s))


@pytest.fixture(scope="module")
def plain(scene: tuple[Tensor, Tensor, Tensor]) -> np.ndarray:
    """The scene's frames by the plain networks, one by one."""
    networks, (f_s, x_s, x_d) = tiny_networks(), scene
    return np.concatenate(
        [to_pixels(networks["spade"](networks["warping"](f_s, x_s, points[None]).feature)).numpy() for points in x_d]
    )


# Parts against what they replace


@pytest.mark.parametrize("kind", ["2d", "3d"])
def test_batch_norm_folds_into_the_convolution(kind: str) -> None:
    conv: nn.Module = nn.Conv2d(3, 5, 3, padding=1) if kind == "2d" else nn.Conv3d(3, 5, 3, padding=1)
    norm = lively(nn.BatchNorm2d(5) if kind == "2d" else nn.BatchNorm3d(5))
    x = torch.randn(2, 3, *([6] * (2 if kind == "2d" else 3)))
    got = Conv(*folded(conv, norm), EXACT)(x)
    torch.testing.assert_close(got, norm(conv(x)), rtol=0, atol=2e-6)


def test_added_channels_change_nothing() -> None:
    conv, x = nn.Conv2d(3, 5, 3, padding=1), torch.randn(1, 3, 4, 4)
    got = Conv(*widened(*folded(conv), inputs=2, outputs=3), EXACT)(F.pad(x, (0, 0, 0, 0, 0, 2), value=9.0))
    torch.testing.assert_close(got[:, :5], conv(x), rtol=0, atol=1e-6)
    assert not got[:, 5:].any()


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("kind", ["2d", "3d"])
@pytest.mark.parametrize("size", [(5, 3), (1, 1)])
def test_convolving_the_small_map_equals_convolving_the_repeated_one(
    factor: int, kind: str, size: tuple[int, int]
) -> None:
    conv: nn.Module = nn.Conv2d(3, 6, 3, padding=1) if kind == "2d" else nn.Conv3d(3, 6, 3, padding=1)
    depth = () if kind == "2d" else (4,)
    x = torch.randn(2, 3, *depth, *size)
    repeated = x.repeat_interleave(factor, -1).repeat_interleave(factor, -2)
    wanted = F.relu(conv(repeated))
    parts = [torch.empty(2, 2, *wanted.shape[2:]), torch.empty(2, 4, *wanted.shape[2:])]
    RepeatedConv(*folded(conv), factor, EXACT)(x, parts)
    torch.testing.assert_close(torch.cat(parts, 1), wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("depth", [1, 2, 5, 9])
def test_sliced_convolution_equals_the_3d_one(depth: int) -> None:
    conv, x = nn.Conv3d(3, 2, 7, padding=3), torch.randn(2, 3, depth, 6, 5)
    got = SlicedConv(*folded(conv), 0, EXACT)(x)
    torch.testing.assert_close(got, conv(x), rtol=0, atol=2e-6)


def test_deep_convolution_equals_the_flat_one() -> None:
    conv, x = nn.Conv2d(3 * 4, 1, 7, padding=3), torch.randn(2, 3, 4, 9, 6)
    got = DeepConv(*folded(conv), 3, 2, EXACT)(F.pad(x, (0, 0, 0, 0, 0, 0, 0, 2), value=5.0))
    torch.testing.assert_close(got, conv(x.flatten(1, 2)), rtol=0, atol=2e-6)


@pytest.mark.parametrize("reach", [0.0, 0.3, 3.0])
def test_shifts_axis_by_axis_equal_sampling_the_shifted_grid(reach: float) -> None:
    volume, shifts = torch.randn(3, 4, 6, 8), reach * torch.randn(5, 3)
    flows = identity_grid((4, 6, 8), volume) + shifts[:, None, None, None]
    wanted = sample(volume.expand(5, -1, -1, -1, -1), flows)
    torch.testing.assert_close(shifted(volume, shifts), wanted, rtol=0, atol=5e-6)


@pytest.mark.parametrize("reach", [0.5, 1.5, 1e6])
def test_reading_the_table_equals_sampling(reach: float) -> None:
    volume = torch.randn(3, 4, 6, 8)
    flow = reach * torch.randn(1, 4, 6, 8, 3)
    flow[0, 0, 0, :3] = torch.tensor([[-1.0, -1, -1], [1, 1, 1], [0, 0, 0]])
    got = read_table(as_table(volume), (4, 6, 8), flow.flatten(0, 3))
    torch.testing.assert_close(got, sample(volume[None], flow)[0].flatten(1).T, rtol=0, atol=5e-6)


# Networks against the plain ones


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "options", [{"width": 2, "widest": 16, "feature": 8}, {"width": 3, "widest": 8, "feature": 4, "compressed": 2}]
)
def test_fast_warping_equals_the_plain_one(count: int, options: dict[str, int]) -> None:
    net = lively(WarpingModule(channels=4, depth=3, **options))
    assert isinstance(net, WarpingModule)
    net.dense_motion_network.mask.weight.mul_(8)
    volume, x_s = torch.randn(1, 4, 3, 32, 32), 0.4 * torch.randn(1, 21, 3)
    x_d = x_s + 0.2 * torch.randn(count, 21, 3)
    wanted = net(volume.expand(count, -1, -1, -1, -1), x_s.expand(count, -1, -1), x_d).feature
    fast = FastWarping(net, EXACT)
    got = fast(fast.prepare(volume, x_s), x_d)
    assert wanted.std() > 0.01
    torch.testing.assert_close(got, wanted, rtol=0, atol=2e-5)
    moved = net(volume, x_s, x_s).feature
    assert (moved - wanted[:1]).abs().max() > 100 * (got - wanted).abs().max()  # the motion is seen


@pytest.mark.parametrize("spectral", [True, False])
def test_fast_generator_equals_the_plain_one(spectral: bool) -> None:
    net = lively(SpadeGenerator(width=16, feature=8, spectral=spectral))
    assert isinstance(net, SpadeGenerator)
    feature = torch.randn(2, 8, 12, 10)
    got = FastGenerator(net, EXACT)(feature)
    wanted = net(feature)
    assert got.shape == (2, 3, 96, 80)
    assert wanted.std() > 0.02
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5)


# The engine


@pytest.mark.parametrize("batch", [None, 1, 2, 7])
def test_frames_come_in_order_and_equal_the_plain_networks(
    batch: int | None, engine: LivePortrait, scene: tuple[Tensor, Tensor, Tensor], plain: np.ndarray
) -> None:
    frames = list(engine.render(*scene, batch=batch))
    assert len(frames) == 5
    for frame in frames:
        assert frame.dtype == np.uint8 and frame.shape == (256, 256, 3) and frame.flags.writeable
    wanted = plain
    assert np.abs(np.stack(frames).astype(int) - wanted).max() <= 1  # truncation amplifies rounding to one level
    assert np.abs(wanted[1].astype(int) - wanted[3]).max() > 3  # the motion is seen


def test_rest_is_the_recoded_source_exactly(engine: LivePortrait, scene: tuple[Tensor, Tensor, Tensor]) -> None:
    f_s, x_s, x_d = scene
    source = engine.recode(f_s, x_s)
    frames = list(engine.render(f_s, x_s, x_d, batch=5))
    assert np.array_equal(frames[0], source) and np.array_equal(frames[4], source)
    assert not np.array_equal(frames[1], source)


def test_frames_that_repeat_are_computed_once(
    engine: LivePortrait, scene: tuple[Tensor, Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    f_s, x_s, x_d = scene
    sizes: list[int] = []
    launch = engine._frames._launch
    monkeypatch.setattr(
        engine._frames, "_launch", lambda step, points: sizes.append(len(points)) or launch(step, points)
    )
    frames = list(engine.render(f_s, x_s, x_d.repeat_interleave(3, 0), batch=1))
    assert len(frames) == 15 and sum(sizes) == 3  # rest and two positions
    frames[3][:] = 0  # frames are the caller's own
    assert frames[4].any()


def test_no_frames_need_no_computing(engine: LivePortrait, scene: tuple[Tensor, Tensor, Tensor]) -> None:
    assert list(engine.render(scene[0], scene[1], torch.empty(0, 21, 3))) == []


def test_a_batch_too_large_for_memory_is_halved(
    engine: LivePortrait,
    scene: tuple[Tensor, Tensor, Tensor],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    f_s, x_s, x_d = scene
    launch = engine._frames._launch

    def cramped(step: Callable[[Tensor], Tensor], points: Tensor) -> object:
        if len(points) > 1:
            raise torch.OutOfMemoryError("no room")
        return launch(step, points)

    wanted = list(engine.render(f_s, x_s, x_d, batch=1))
    monkeypatch.setattr(engine._frames, "_launch", cramped)
    with caplog.at_level(logging.WARNING, "faceshot"):
        got = list(engine.render(f_s, x_s, x_d, batch=8))
    assert np.array_equal(np.stack(got), np.stack(wanted))
    assert "do not fit into memory" in caplog.text


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("x_s", r"x_s has shape \(2, 21, 3\)"),
        ("x_d", r"x_d has shape \(5, 20, 3\)"),
        ("nan", "x_d holds values that are not finite"),
        ("f_s", "f_s has shape"),
        ("batch", "batch is 0"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_at_once(
    what: str, says: str, engine: LivePortrait, scene: tuple[Tensor, Tensor, Tensor]
) -> None:
    f_s, x_s, x_d = scene
    given = {
        "x_s": (f_s, x_s.repeat(2, 1, 1), x_d),
        "x_d": (f_s, x_s, x_d[:, 1:]),
        "nan": (f_s, x_s, x_d * float("nan")),
        "f_s": (f_s[0], x_s, x_d),
        "batch": scene,
    }[what]
    with pytest.raises(InputError, match=says):
        engine.render(*given, batch=0 if what == "batch" else None)


def test_bfloat16_stays_close(scene: tuple[Tensor, Tensor, Tensor], plain: np.ndarray) -> None:
    rough = LivePortrait.from_modules(**tiny_networks(), dtype="bfloat16")  # type: ignore[arg-type]
    assert rough.dtype == torch.bfloat16
    got = np.stack(list(rough.render(*scene, batch=2))).astype(float)
    error = ((got - plain) ** 2).mean()
    assert 10 * np.log10(255**2 / error) > 38


def test_an_overflow_is_told_instead_of_black_frames(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    networks = tiny_networks()
    networks["spade"].conv_img[0].bias.fill_(float("nan"))  # type: ignore[index,union-attr,operator]
    engine = LivePortrait.from_modules(**networks, dtype="float32")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="overflowed in float32 on cpu"):
        next(engine.render(*scene))


def test_networks_of_others_are_called_as_they_are(scene: tuple[Tensor, Tensor, Tensor], plain: np.ndarray) -> None:
    class Wrapped(nn.Module):
        def __init__(self, net: nn.Module) -> None:
            super().__init__()
            self.net = net

        def forward(self, *given: Tensor) -> Tensor:
            return self.net(*given)

    networks = tiny_networks()
    networks["warping"], networks["spade"] = Wrapped(networks["warping"]), Wrapped(networks["spade"])
    engine = LivePortrait.from_modules(**networks, dtype="bfloat16")  # type: ignore[arg-type]
    frames = np.stack(list(engine.render(*scene, batch=3)))
    assert np.abs(frames.astype(int) - plain).max() <= 1


def test_motion_and_appearance_equal_the_networks(engine: LivePortrait) -> None:
    crops = torch.rand(2, 3, 256, 256)
    networks = tiny_networks()
    wanted = networks["motion"](crops)
    got = engine.read_motion(crops)
    assert {name: tuple(value.shape) for name, value in got.items()} == {
        "kp": (2, 21, 3), "scale": (2, 1), "pitch": (2, 66), "yaw": (2, 66), "roll": (2, 66), "t": (2, 3),
        "exp": (2, 21, 3),
    }  # fmt: skip
    for name, value in wanted.items():
        torch.testing.assert_close(got[name], value, rtol=0, atol=1e-5)
    torch.testing.assert_close(engine.appearance(crops[:1]), networks["appearance"](crops[:1]), rtol=0, atol=1e-5)


def test_perceptrons_take_flattened_points_and_ratios(engine: LivePortrait) -> None:
    net = tiny_networks()["stitching"]
    x_s, x_d = torch.randn(1, 21, 3), torch.randn(4, 21, 3)
    wanted = net.stitch(torch.cat((x_s.flatten(1).expand(4, -1), x_d.flatten(1)), 1))  # type: ignore[operator]
    got = engine.stitch(x_s, x_d)
    assert got.shape == (4, 65)
    torch.testing.assert_close(got, wanted)
    eyes = engine.retarget_eyes(x_s, torch.tensor([[0.3, 0.28, 0.1]]))
    assert eyes.shape == (1, 63)
    given = torch.cat((x_s.flatten(1), torch.tensor([[0.3, 0.28, 0.1]])), 1)
    torch.testing.assert_close(eyes, net.eyes(given))  # type: ignore[operator]
    assert engine.retarget_lips(x_s, torch.rand(4, 2)).shape == (4, 63)


def test_loading_needs_every_file_and_refuses_a_bad_dtype_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file given for stitching"):
        LivePortrait.load({name: tmp_path / file for name, file in FILES.items() if name != "stitching"})
    with pytest.raises(UsageError, match="unknown dtype 'int8'; there are auto, float32"):
        LivePortrait.load({name: tmp_path / file for name, file in FILES.items()}, dtype="int8")
    with pytest.raises(InputError, match=r"appearance_feature_extractor\.pth does not exist"):
        LivePortrait.load({name: tmp_path / file for name, file in FILES.items()})


def test_an_estimate_grows_with_the_frames_and_learns(
    scene: tuple[Tensor, Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = LivePortrait.from_modules(**tiny_networks(), dtype="float32")  # type: ignore[arg-type]
    probe = engine.estimate(1)
    assert probe > 0
    assert engine.estimate(10) == pytest.approx(10 * probe)
    list(engine.render(*scene, batch=1))
    assert engine.estimate(1) != probe  # now from the frames themselves
    monkeypatch.setattr(engine._frames, "start", lambda *_: pytest.fail("probed again"))
    assert engine.estimate(2) > 0


# Choices


def test_auto_takes_bfloat16_on_a_cpu_only_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    import faceshot_liveportrait.fast.choices as choices

    monkeypatch.setattr(choices, "_bfloat16_gain", lambda: 1.9)
    assert pick_dtype("auto", CPU) == torch.bfloat16
    monkeypatch.setattr(choices, "_bfloat16_gain", lambda: 0.5)
    assert pick_dtype("auto", CPU) == torch.float32
    assert pick_dtype("auto", torch.device("cuda")) == torch.float16
    with pytest.raises(UsageError, match="float16 is not usable on the CPU"):
        pick_dtype("float16", CPU)
    assert pick_batch(CPU, torch.float32) == 1


def test_the_measured_gain_is_a_ratio() -> None:
    from faceshot_liveportrait.fast.choices import _bfloat16_gain

    assert 0 < _bfloat16_gain() < 50


def test_compiling_keeps_the_numbers_and_traces_whole() -> None:
    net = lively(SpadeGenerator(width=16, feature=8, hidden=8))
    assert isinstance(net, SpadeGenerator)
    block, x = FastBlock(net.up_0, 2, EXACT), torch.randn(1, 16, 4, 4)
    graphs = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> Callable[..., object]:
        graphs.append(graph)
        return graph.forward

    def step(feature: Tensor) -> Tensor:
        return block(x, feature)

    feature = torch.randn(1, 8, 4, 4)
    torch.testing.assert_close(compiled(step, backend=backend)(feature), step(feature), rtol=0, atol=1e-6)
    assert len(graphs) == 1


def test_a_compiler_that_fails_is_told_once_and_done_without(caplog: pytest.LogCaptureFixture) -> None:
    def broken(graph: object, inputs: object) -> Callable[..., Tensor]:
        raise RuntimeError("no compiler\nlong trace")

    step = compiled(lambda x: x * 2, backend=broken)
    with caplog.at_level(logging.WARNING, "faceshot"):
        assert step(torch.ones(1)) == 2 and step(torch.ones(1)) == 2
    assert caplog.text.count("torch.compile does not work here") == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without CUDA")
def test_a_graph_without_cuda_runs_plainly(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "faceshot"):
        step = recorded(lambda x: x + 1, torch.zeros(1))
    assert step(torch.ones(1)) == 2
    assert "CUDA graphs do not work here" in caplog.text


def test_an_unknown_speedup_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown speedup 'warp'"):
        LivePortrait.from_modules(**tiny_networks(), speedup="warp")  # type: ignore[arg-type]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("speedup", ["none", "graph", "compile"])
def test_frames_on_the_gpu_equal_those_on_the_cpu(
    dtype: str, speedup: str, scene: tuple[Tensor, Tensor, Tensor], plain: np.ndarray
) -> None:
    engine = LivePortrait.from_modules(  # type: ignore[arg-type]
        **tiny_networks(), device="cuda", dtype=dtype, speedup=speedup
    )
    got = np.stack(list(engine.render(*scene, batch=2))).astype(float)
    error = ((got - plain) ** 2).mean()
    assert 10 * np.log10(255**2 / max(error, 1e-9)) > (50 if dtype == "float32" else 38)
    assert np.array_equal(got[0], engine.recode(scene[0], scene[1]))
