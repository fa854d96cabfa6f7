"""Published files become networks strictly, or one line says what is wrong with them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLTemporalDecoder
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from faceshot.errors import InputError, MissingError
from faceshot_liveportrait import loading as liveportrait
from faceshot_mofa import loading
from faceshot_mofa.nets.cmp import CMP
from faceshot_mofa.nets.controlnet import ControlNetConfig, LandmarkControlNet
from faceshot_mofa.nets.unet import MotionUNet

SMALL = ControlNetConfig((32, 32, 32, 32), heads=(1, 1, 1, 1), context=8, time_ids=8, layers=1)
UNET = {
    "block_out_channels": [32, 32, 32, 32],
    "num_attention_heads": [1, 1, 1, 1],
    "cross_attention_dim": 8,
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 24,
    "layers_per_block": 1,
}
VAE = {"block_out_channels": [32, 32], "down_block_types": ["DownEncoderBlock2D"] * 2, "layers_per_block": 1}
CLIP = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
    "projection_dim": 16,
}


def make_control(folder: Path) -> torch.nn.Module:
    net = LandmarkControlNet(SMALL)
    save_file(net.state_dict(), folder / "diffusion_pytorch_model.safetensors")
    return net


def make_unet(folder: Path) -> torch.nn.Module:
    net = MotionUNet.build(UNET)
    save_file(net.state_dict(), folder / "diffusion_pytorch_model.fp16.safetensors")
    extra = {"_class_name": "UNetSpatioTemporalConditionModel", "_diffusers_version": "0.24.0", "unheard_of": 1}
    (folder / "config.json").write_text(json.dumps(UNET | extra))
    return net


def make_vae(folder: Path) -> torch.nn.Module:
    net = AutoencoderKLTemporalDecoder(**VAE)
    save_file(net.state_dict(), folder / "diffusion_pytorch_model.fp16.safetensors")
    (folder / "config.json").write_text(json.dumps(VAE | {"_class_name": "AutoencoderKLTemporalDecoder"}))
    return net


def make_image_encoder(folder: Path) -> torch.nn.Module:
    net = CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP))
    # Once stored with the weights; such files must still load.
    positions = {"vision_model.embeddings.position_ids": torch.arange(5)[None]}
    save_file(net.state_dict() | positions, folder / "model.fp16.safetensors")
    (folder / "config.json").write_text(json.dumps(CLIP | {"model_type": "clip_vision_model"}))
    return net


def weights(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


def make_cmp(folder: Path, **changes: object) -> torch.nn.Module:
    """As published: a pickle of the old kind, names with a prefix, no counters, an optimizer nobody needs."""
    net = CMP()
    state = {f"module.{name}": value for name, value in weights(net.state_dict()).items()}
    content = {"step": 42000, "state_dict": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}} | changes
    torch.save(content, folder / "ckpt.pth.tar", _use_new_zipfile_serialization=False)
    return net


def small_control(path: Path, **options: object) -> torch.nn.Module:
    return loading.load_controlnet(path, config=SMALL, **options)


LOADERS = [
    pytest.param(make_control, small_control, id="controlnet"),
    pytest.param(make_unet, loading.load_unet, id="unet"),
    pytest.param(make_vae, loading.load_vae, id="vae"),
    pytest.param(make_image_encoder, loading.load_image_encoder, id="image encoder"),
]
Make = Callable[[Path], torch.nn.Module]


@pytest.mark.parametrize(("make", "load"), LOADERS)
def test_a_folder_or_its_file_becomes_the_network(tmp_path: Path, make: Make, load: Callable) -> None:
    saved = make(tmp_path)
    for path in (tmp_path, next(tmp_path.glob("*.safetensors"))):
        net = load(path)
        assert not net.training and not any(value.requires_grad for value in net.parameters())
        assert {value.device.type for value in [*net.parameters(), *net.buffers()]} == {"cpu"}
        expected = saved.state_dict()
        assert net.state_dict().keys() == expected.keys()
        assert all(torch.equal(value, expected[name]) for name, value in net.state_dict().items())
    half = load(tmp_path, dtype=torch.float16)
    assert {value.dtype for value in half.parameters()} == {torch.float16}


def test_the_loaded_image_encoder_sees_what_the_saved_one_saw(tmp_path: Path) -> None:
    """Its position numbers are in no file; they must not be lost on the way."""
    saved = make_image_encoder(tmp_path).eval()
    pixels = torch.randn(1, 3, 28, 28)
    with torch.no_grad():
        expected = saved(pixels).image_embeds
        assert torch.equal(loading.load_image_encoder(tmp_path)(pixels).image_embeds, expected)


def test_cmp_is_read_from_its_old_pickle(tmp_path: Path) -> None:
    saved = make_cmp(tmp_path)
    net = loading.load_cmp(tmp_path / "ckpt.pth.tar")
    assert not net.training
    assert all(torch.equal(value, saved.state_dict()[name]) for name, value in net.state_dict().items())


class Payload:
    """Runs code when unpickled carelessly."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (self.marker,))


def test_code_in_a_pickle_does_not_run(tmp_path: Path) -> None:
    make_cmp(tmp_path, step=Payload(tmp_path / "ran"), state_dict={})
    with pytest.raises(InputError, match=r"cannot read .*ckpt.pth.tar"):
        loading.load_cmp(tmp_path / "ckpt.pth.tar")
    assert not (tmp_path / "ran").exists()


def test_cmp_without_a_weight_is_refused(tmp_path: Path) -> None:
    state = CMP().state_dict()
    make_cmp(tmp_path, state_dict={"module.conv": torch.ones(1)})
    with pytest.raises(InputError, match=rf"{len(weights(state))} tensors missing .*1 unknown tensors \(first: conv\)"):
        loading.load_cmp(tmp_path / "ckpt.pth.tar")


@pytest.mark.parametrize("content", [{"step": 1, "state_dict": [1, 2]}, [torch.ones(1)], {"a": {"b": torch.ones(1)}}])
def test_another_pickle_is_refused_as_cmp(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(InputError, match="no state_dict in it"):
        loading.load_cmp(tmp_path / "other.pth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda s: s.pop("conv_in.bias"), r"1 tensors missing \(first: conv_in.bias\)", id="missing"),
        pytest.param(lambda s: s.update(more=torch.ones(1)), r"1 unknown tensors \(first: more\)", id="unknown"),
        pytest.param(
            lambda s: s.update({"conv_in.bias": torch.ones(31)}),
            r"1 of another shape \(first: conv_in.bias \(31,\) instead of \(32,\)\)",
            id="shape",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, change: Callable, message: str) -> None:
    state = LandmarkControlNet(SMALL).state_dict()
    change(state)
    save_file(state, tmp_path / "diffusion_pytorch_model.safetensors")
    with pytest.raises(InputError, match=message) as caught:
        small_control(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("load", [loading.load_cmp, small_control, loading.load_unet])
def test_damaged_and_absent_files_are_named(tmp_path: Path, load: Callable) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"not weights at all, but long enough to be looked at")
    with pytest.raises(InputError, match=r"damaged.safetensors") as caught:
        load(damaged)
    assert "\n" not in str(caught.value)
    with pytest.raises(MissingError, match=r"absent.safetensors does not exist"):
        load(tmp_path / "absent.safetensors")
    with pytest.raises(MissingError, match="holds none of"):
        load(tmp_path)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old pickle"])
def test_bytes_gone_wrong_anywhere_give_one_line(tmp_path: Path, zipped: bool) -> None:
    """A pickle's reader trips over damage in many ways (no list to take from, no such key, no such letter)."""
    whole = tmp_path / "whole.pth.tar"
    torch.save({"state_dict": {"module.a": torch.ones(3)}}, whole, _use_new_zipfile_serialization=zipped)
    content, chance = whole.read_bytes(), random.Random(3)
    damaged = tmp_path / "ckpt.pth.tar"
    for case in range(60):
        broken = bytearray(content[: chance.randrange(len(content))] if case % 3 == 0 else content)
        for _ in range(min(3, len(broken))):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        damaged.write_bytes(broken)
        for load in (loading.load_cmp, lambda path: liveportrait.load_network("stitching", path)):
            with pytest.raises(InputError, match=r"ckpt\.pth\.tar") as caught:
                load(damaged)
            assert "\n" not in str(caught.value)


def test_a_damaged_configuration_is_named(tmp_path: Path) -> None:
    make_unet(tmp_path)
    for text in ("{", "[]"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(InputError, match=r"config.json is not "):
            loading.load_unet(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(UNET | {"num_attention_heads": [1, 2]}))
    with pytest.raises(InputError, match=r"config.json describes no such network"):
        loading.load_unet(tmp_path)


def test_sizes_without_a_configuration_are_those_of_svd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks built then have the parameters of the published ones; loading them here would need their weights."""
    built: list[torch.nn.Module] = []

    def record(net: torch.nn.Module, *rest: object) -> None:
        built.append(net)
        raise InputError("enough")

    monkeypatch.setattr("faceshot.rendering.loading.check_fits", record)
    save_file({"x": torch.ones(1)}, tmp_path / "model.safetensors")
    for load in (loading.load_unet, loading.load_controlnet, loading.load_vae, loading.load_image_encoder):
        with pytest.raises(InputError, match="enough"):
            load(tmp_path)
    millions = [round(sum(value.numel() for value in net.parameters()) / 1e6, 1) for net in built]
    assert millions == [1524.6, 722.5, 97.7, 632.1]


def test_every_file_of_a_run_is_published_once_with_a_licence() -> None:
    from faceshot.weights.resolve import members
    from faceshot_mofa import _FILES

    for file in _FILES.values():
        (weight,) = [weight for weight in members("mofa") if weight.file.endswith(file)]
        assert weight.repository == "MyNiuuu/MOFA-Video-Hybrid" and weight.licence
        assert weight.commercial is None, "nobody has said so"
