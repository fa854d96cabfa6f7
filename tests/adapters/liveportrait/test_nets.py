"""LivePortrait's networks: names, shapes, published numbers, and strict loading of published files."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from faceshot.errors import InputError
from faceshot_liveportrait.fast.convolution import Target
from faceshot_liveportrait.fast.spade import FastGenerator
from faceshot_liveportrait.fast.warping import FastWarping
from faceshot_liveportrait.loading import FILES, build, load_network
from faceshot_liveportrait.nets import SpadeGenerator, StitchingRetargeting, WarpingModule
from faceshot_liveportrait.nets.spade import SpectralConv2d, fold_spectral
from faceshot_liveportrait.nets.warping import identity_grid, sample

Network = tuple[nn.Module, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def weights(shared: Path) -> Any:
    """The module that makes stand-in weights and inputs."""
    spec = importlib.util.spec_from_file_location("parity_weights", shared / "parity" / "weights.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def standin(shared: Path, weights: Any) -> Callable[[str], Network]:
    """``standin(kind)`` -> the full-size network with stand-in weights, and the numbers it must give."""

    def make(kind: str) -> Network:
        stem = shared / "parity" / "liveportrait" / Path(FILES[kind]).stem
        golden = dict(np.load(f"{stem}.golden.npz"))
        state = weights.make_state_dict(f"{stem}.contract.json")
        state |= {name[3:]: torch.from_numpy(value) for name, value in golden.items() if name.startswith("sd.")}
        with torch.device("meta"):
            network = build(kind)
        network.load_state_dict(state, strict=True, assign=True)
        return network.requires_grad_(False), golden

    return make


def close(got: Tensor, wanted: np.ndarray, atol: float) -> None:
    np.testing.assert_allclose(got.reshape(wanted.shape).numpy(), wanted, rtol=0, atol=atol)


@pytest.mark.parametrize("kind", FILES)
def test_names_and_shapes_are_the_published_ones(kind: str, shared: Path) -> None:
    contract = json.loads((shared / "parity" / "liveportrait" / f"{Path(FILES[kind]).stem}.contract.json").read_text())
    with torch.device("meta"):
        state = build(kind).state_dict()
    assert {name: list(value.shape) for name, value in state.items()} == {
        name: entry["shape"] for name, entry in contract.items()
    }


def test_appearance_gives_the_published_numbers(standin: Callable[[str], Network], weights: Any) -> None:
    network, golden = standin("appearance")
    volume = network(torch.sigmoid(weights.make_input("image", (1, 3, 256, 256))))
    assert volume.shape == (1, 32, 16, 64, 64)
    close(volume[:, ::2, ::4, ::4, ::4], golden["feature_3d_s"], 2e-5)
    close(volume.mean((0, 2, 3, 4)), golden["channel_mean"], 2e-5)


def test_motion_gives_the_published_numbers(standin: Callable[[str], Network], weights: Any) -> None:
    network, golden = standin("motion")
    stages: list[Tensor] = []
    for stage in network.detector.stages:
        stage.register_forward_hook(lambda _module, _given, out: stages.append(out))
    heads = network(torch.sigmoid(weights.make_input("image", (1, 3, 256, 256))))
    for name in ("pitch", "yaw", "roll", "t", "exp", "scale", "kp"):
        close(heads[name], golden[name], 2e-5)
    for index, (out, step) in enumerate(zip(stages, (8, 4, 2, 1), strict=True)):
        close(out[:, ::16, ::step, ::step], golden[f"stage{index}_s"], 1e-4)


@pytest.mark.slow
def test_warping_gives_the_published_numbers_plain_and_fast(standin: Callable[[str], Network], weights: Any) -> None:
    network, golden = standin("warping")
    assert isinstance(network, WarpingModule)
    volume, x_s, x_d = warping_input(weights)
    seen: dict[str, Tensor] = {}
    motion = network.dense_motion_network
    motion.hourglass.register_forward_hook(lambda _m, given, out: seen.update(given=given[0], hourglass=out))
    motion.mask.register_forward_hook(lambda _m, _given, out: seen.update(mask=out.softmax(1)))
    warped = network(volume, x_s, x_d)
    close(warped.feature[:, ::8, ::2, ::2], golden["out_s"], 5e-5)
    close(warped.flow[:, ::2, ::2, ::2], golden["deformation_s"], 5e-5)
    close(warped.occlusion, golden["occlusion_map"], 5e-5)
    close(seen["mask"][:, :, ::4, ::4, ::4], golden["mask_s"], 5e-5)
    close(seen["given"][:, :, ::4, ::8, ::8], golden["hourglass_in_s"], 5e-5)
    close(seen["hourglass"][:, ::4, ::4, ::8, ::8], golden["hourglass_s"], 5e-5)
    fast = FastWarping(network, Target(torch.float32))
    close(fast(fast.prepare(volume, x_s), x_d)[:, ::8, ::2, ::2], golden["out_s"], 5e-5)


def warping_input(weights: Any) -> tuple[Tensor, Tensor, Tensor]:
    x_s = 0.3 * weights.make_input("kp_source", (1, 21, 3)).clamp(-2.5, 2.5)
    x_d = x_s + 0.05 * weights.make_input("kp_driving", (1, 21, 3))
    return weights.make_input("feature_3d", (1, 32, 16, 64, 64)), x_s, x_d


@pytest.mark.slow
def test_spade_gives_the_published_numbers_plain_and_fast(standin: Callable[[str], Network], weights: Any) -> None:
    network, golden = standin("spade")
    assert isinstance(network, SpadeGenerator)
    convs = {name: module for name, module in network.named_modules() if isinstance(module, SpectralConv2d)}
    close(torch.stack([convs[name].sigma for name in sorted(convs)]), golden["sigma"], 1e-5)
    fold_spectral(network)
    seen: dict[str, Tensor] = {}
    for name, module in network.named_children():
        module.register_forward_hook(lambda _m, _given, out, name=name: seen.update({name: out}))
    logits = network.logits(weights.make_input("feature", (1, 256, 64, 64)))
    close(torch.sigmoid(logits)[..., ::4, ::4], golden["image_s"], 1e-5)
    close(logits[..., ::8, ::8], golden["image_logits_s"], 5e-5)
    for name in ("fc", "G_middle_0", "G_middle_5"):
        close(seen[name][:, ::16, ::4, ::4], golden[f"{name}_s"], 5e-5)
    close(seen["up_0"][:, ::16, ::8, ::8], golden["up_0_s"], 5e-5)
    close(seen["up_1"][:, ::8, ::16, ::16], golden["up_1_s"], 5e-5)
    fast = FastGenerator(network, Target(torch.float32))
    close(fast(weights.make_input("feature", (1, 256, 64, 64)))[..., ::4, ::4], golden["image_s"], 1e-5)


def test_perceptrons_give_the_published_numbers(standin: Callable[[str], Network], weights: Any) -> None:
    network, golden = standin("stitching")
    assert isinstance(network, StitchingRetargeting)
    for key, call, size in (
        ("retarget_shoulder", network.stitch, 126),
        ("retarget_mouth", network.lips, 65),
        ("retarget_eye", network.eyes, 66),
    ):
        close(call(weights.make_input(key, (2, size))), golden[key], 5e-6)


def test_spectral_norm_folded_or_as_published_is_the_same() -> None:
    torch.manual_seed(0)
    network = SpadeGenerator(width=16, feature=8).eval().requires_grad_(False)
    feature = torch.randn(1, 8, 16, 16)
    assert any(isinstance(module, SpectralConv2d) for module in network.modules())
    before = network(feature)
    fold_spectral(network)
    assert not any(isinstance(module, SpectralConv2d) for module in network.modules())
    torch.testing.assert_close(network(feature), before, rtol=0, atol=1e-6)


def test_spectral_norm_divides_by_the_stored_vectors_norm() -> None:
    conv = SpectralConv2d(2, 3, 1)
    conv.weight_orig.data.copy_(torch.arange(6.0).view(3, 2, 1, 1))
    conv.weight_u.copy_(torch.tensor([1.0, 0, 0]))
    conv.weight_v.copy_(torch.tensor([0.0, 1]))
    assert conv.sigma == 1.0  # the entry of row 0, column 1
    conv.weight_v.copy_(torch.tensor([0.0, 2]))
    torch.testing.assert_close(conv.weight, conv.weight_orig / 2)


def test_identity_flow_samples_cells_half_a_border_off() -> None:
    """Cell i reads position i n / (n - 1) - 1/2: between cells, and outside at both ends."""
    row = torch.arange(1.0, 5.0)
    volume = row.expand(1, 1, 4, 4, 4)
    read = sample(volume, identity_grid((4, 4, 4), row)[None])
    positions = np.arange(4) * 4 / 3 - 0.5
    wanted = np.interp(positions, np.arange(-1, 5), [0, 1, 2, 3, 4, 0])
    inner = read[0, 0, 1, 1] / read[0, 0, 1, 1].max() * wanted.max()
    np.testing.assert_allclose(inner, wanted, atol=1e-5)


# Loading


@pytest.fixture
def perceptrons() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return StitchingRetargeting().state_dict()


def nested(flat: dict[str, Tensor], prefix: str = "") -> dict[str, dict[str, Tensor]]:
    out: dict[str, dict[str, Tensor]] = {}
    for name, value in flat.items():
        top, _, rest = name.partition(".")
        out.setdefault(top, {})[prefix + rest] = value
    return out


@pytest.mark.parametrize("layout", ["flat", "nested", "module prefix", "wrapped", "extra entries", "safetensors"])
def test_the_stitching_file_loads_in_every_layout(layout: str, perceptrons: dict[str, Tensor], tmp_path: Path) -> None:
    held: Any = {
        "flat": perceptrons,
        "nested": nested(perceptrons),
        "module prefix": nested(perceptrons, "module."),
        "wrapped": {"state_dict": nested(perceptrons)},
        "extra entries": {**nested(perceptrons), "retarget_other": {"mlp.0.weight": torch.zeros(2)}, "step": 3},
        "safetensors": perceptrons,
    }[layout]
    path = tmp_path / ("s.safetensors" if layout == "safetensors" else "s.pth")
    if layout == "safetensors":
        save_file(held, path)
    else:
        torch.save(held, path)
    network = load_network("stitching", path)
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, perceptrons[name]), name
        assert not value.requires_grad


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("published", ["spectral norm", "already folded"])
def test_generator_weights_load_as_published_or_folded(
    fold: bool, published: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faceshot_liveportrait.loading as loading

    def tiny(kind: str, *, spectral: bool = True) -> nn.Module:
        return SpadeGenerator(width=16, feature=8, spectral=spectral).eval()

    monkeypatch.setattr(loading, "build", tiny)
    torch.manual_seed(2)
    original = tiny("spade").requires_grad_(False)
    feature = torch.randn(1, 8, 8, 8)
    wanted = original(feature)
    if published == "already folded":
        fold_spectral(original)
    torch.save(original.state_dict(), tmp_path / "g.pth")
    network = load_network("spade", tmp_path / "g.pth", fold=fold)
    torch.testing.assert_close(network(feature), wanted, rtol=0, atol=1e-6)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (Path("evil.txt"), "x"))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("absent", "does not exist"),
        ("text", "cannot read"),
        ("cut", "cannot read"),
        ("code", "besides tensors"),
        ("list", "holds a list"),
        ("missing", r"missing \(first: retarget_eye.mlp.0.weight\)"),
        ("shape", r"retarget_eye.mlp.0.bias \(3,\) instead of \(256,\)"),
        ("bad safetensors", "cannot read"),
    ],
)
def test_a_file_that_is_not_it_is_refused_in_one_line(
    damage: str, says: str, perceptrons: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("s.safetensors" if damage == "bad safetensors" else "s.pth")
    if damage in ("text", "bad safetensors"):
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    elif damage == "cut":
        torch.save(perceptrons, path)
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "code":
        torch.save({"a": Evil()}, path)
    elif damage == "list":
        torch.save([torch.zeros(1)], path)
    elif damage == "missing":
        torch.save({k: v for k, v in perceptrons.items() if k != "retarget_eye.mlp.0.weight"}, path)
    elif damage == "shape":
        torch.save(perceptrons | {"retarget_eye.mlp.0.bias": torch.zeros(3)}, path)
    with pytest.raises(InputError, match=says) as caught:
        load_network("stitching", path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert not (tmp_path / "evil.txt").exists()


def test_unknown_tensors_of_another_network_are_named(perceptrons: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(perceptrons, tmp_path / "m.pth")
    with pytest.raises(InputError, match=r"does not fit the motion network .*28 unknown tensors \(first: retarget_"):
        load_network("motion", tmp_path / "m.pth")
