"""What features cost, against a counter on the full-size networks; their names and shapes, on the meta device."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

from faceshot.features.cost import (
    CLIP_GMACS,
    UNET_GMACS,
    VAE_GMACS,
    Speed,
    duration,
    even_batches,
    full_calls,
    picture_gmacs,
    pictures_per_call,
)
from faceshot.models.checkpoint import SCHEDULER, Checkpoint
from faceshot.models.image_prompt import install_adapter
from faceshot.models.inversion import NoiseSchedule
from faceshot.models.layers import recording, trim
from faceshot.models.presets import get_preset
from tests.ldm_layout import unet_to_ldm
from tests.tiny_networks import tiny_adapter

SD15 = {
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
    "sample_size": 64,
}


@pytest.fixture(scope="module")
def full() -> UNet2DConditionModel:
    """A U-Net of the size of Stable Diffusion 1.5, without memory."""
    with torch.device("meta"):
        return UNet2DConditionModel(**SD15).eval()


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    meta = torch.device("meta")
    z, text = torch.empty(1, 4, 64, 64, device=meta), torch.empty(1, 77, 768, device=meta)
    return z, torch.empty(1, dtype=torch.int64, device=meta), text


@pytest.mark.parametrize("layer", UNET_GMACS)
def test_the_table_is_what_the_full_size_network_does(full: UNet2DConditionModel, layer: str) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad(), recording(full, [layer]) as seen:
        full(*inputs())
    assert counter.get_total_flops() / 2e9 == pytest.approx(UNET_GMACS[layer], rel=0.002)
    if layer == "up_blocks.1":
        assert seen[layer].shape == (1, 1280, 32, 32)


def test_the_full_size_network_has_the_published_names_and_shapes(full: UNet2DConditionModel, shared: Path) -> None:
    """The contract is of a copy of SD 1.5's U-Net that lacks the last layers."""
    contract = json.loads((shared / "parity" / "aniportrait" / "reference_unet.contract.json").read_text())
    ours = {name: list(tensor.shape) for name, tensor in full.state_dict().items()}
    published = {name: entry["shape"] for name, entry in contract.items() if entry["kind"] != "buffer"}
    assert {name: shape for name, shape in published.items() if ours.get(name) != shape} == {}
    assert sorted(set(ours) - set(published)) == [
        "conv_norm_out.bias", "conv_norm_out.weight", "conv_out.bias", "conv_out.weight"
    ]  # fmt: skip
    assert sum(tensor.numel() for tensor in full.state_dict().values()) == 859_520_964


def test_a_full_size_checkpoint_file_becomes_that_network(full: UNet2DConditionModel) -> None:
    """The loader of single files recognises the published layout and gives every tensor its place."""
    checkpoint = Checkpoint(Path("v1-5.safetensors"), unet_to_ldm(full.state_dict()), {})
    assert not checkpoint.second and checkpoint.width == 768
    made = checkpoint.unet(torch.float16)
    shapes = {name: tensor.shape for name, tensor in full.state_dict().items()}
    assert {name: tensor.shape for name, tensor in made.state_dict().items()} == shapes
    assert {key: made.config[key] for key in ("cross_attention_dim", "attention_head_dim")} == {
        "cross_attention_dim": 768, "attention_head_dim": 8
    }  # fmt: skip


def test_a_full_size_2x_is_told_from_its_shapes() -> None:
    with torch.device("meta"):
        theirs = UNet2DConditionModel(
            block_out_channels=SD15["block_out_channels"],  # type: ignore[arg-type]
            cross_attention_dim=1024,
            attention_head_dim=(5, 10, 20, 20),
            use_linear_projection=True,
        )
    checkpoint = Checkpoint(Path("v2-1.safetensors"), unet_to_ldm(theirs.state_dict()), {})
    config = checkpoint.unet_config()
    assert checkpoint.second and config["cross_attention_dim"] == 1024
    assert list(config["attention_head_dim"]) == [5, 10, 20, 20] and config["use_linear_projection"]
    assert checkpoint.unet(torch.float16).state_dict().keys() == theirs.state_dict().keys()


def test_the_image_prompts_layers_are_where_the_published_adapter_has_them() -> None:
    """Sixteen cross-attentions, counted among all 32 attentions: 1, 3, ... 31, the middle block last."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**SD15)
        state = tiny_adapter(unet, 1024)
    widths = [state[f"ip_adapter.{i}.to_k_ip.weight"].shape[0] for i in range(1, 32, 2)]
    assert widths == [320] * 2 + [640] * 2 + [1280] * 2 + [1280] * 3 + [640] * 3 + [320] * 3 + [1280]
    with torch.device("meta"):
        install_adapter(unet, state)
    names = [name for name, processor in unet.attn_processors.items() if hasattr(processor, "to_k_ip")]
    assert len(names) == 16 and names[-1].startswith("mid_block")
    assert all("2_0" in type(processor).__name__ for processor in unet.attn_processors.values())  # fused attention


def test_one_step_keeps_ninety_million_fewer_weights() -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel(**SD15)
    trim(unet, "up_blocks.1")
    assert round(sum(p.numel() for p in unet.parameters()) / 1e6, 1) == 769.3
    with torch.no_grad(), recording(unet, ["up_blocks.1"]) as seen:
        unet(*inputs())
    assert seen["up_blocks.1"].shape == (1, 1280, 32, 32)


@pytest.mark.parametrize(
    ("preset", "gmacs"),
    [("sd15", 6244), ("sd15-fast", 1424), ("sd15:steps=20", 2629), ("sd15-onestep", 219.4), ("sd21", 6244)],
)
def test_the_work_of_a_picture(full: UNet2DConditionModel, preset: str, gmacs: float) -> None:
    chosen, schedule = get_preset(preset), NoiseSchedule.from_config(SCHEDULER)
    if chosen.mode == "inversion":
        assert full_calls(chosen) == len(schedule.path(chosen.t, chosen.steps)) - 1
    found = picture_gmacs(chosen, full_calls(chosen), full.config.block_out_channels)
    assert found == pytest.approx(gmacs, rel=1e-3)


def test_shares_of_the_kinds_of_work(full: UNet2DConditionModel) -> None:
    """What the estimate weighs convolutions, linear layers and attention with."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        full(*inputs())
    counts = {str(name).rpartition(".")[2]: value / 2e9 for name, value in counter.get_flop_counts()["Global"].items()}
    total = sum(counts.values())
    attention = sum(value for name, value in counts.items() if "bmm" in name or "attention" in name)
    only = {kind: Speed(**{"conv": 1e9, "linear": 1e9, "attention": 1e9, kind: 1.0}) for kind in Speed.__annotations__}
    share = {kind: speed.unet(1) for kind, speed in only.items()}
    assert share["conv"] == pytest.approx(counts["convolution"] / total, abs=0.002)
    assert share["attention"] == pytest.approx(attention / total, abs=0.002)
    assert sum(share.values()) == pytest.approx(1, abs=1e-6)


def test_the_work_of_vae_and_clip() -> None:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    sizes = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16}
    with torch.device("meta"):
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
        ).eval()
        clip = CLIPVisionModelWithProjection(CLIPVisionConfig(patch_size=14, projection_dim=1024, **sizes)).eval()  # type: ignore[arg-type]
        runs = {
            VAE_GMACS: lambda: vae.encode(torch.empty(1, 3, 512, 512)),
            CLIP_GMACS: lambda: clip(torch.empty(1, 3, 224, 224)),
        }
        for expected, run in runs.items():
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                run()
            assert counter.get_total_flops() / 2e9 == pytest.approx(expected, rel=0.01)


def test_small_networks_are_not_announced() -> None:
    tiny = UNet2DConditionModel(block_out_channels=(32, 32, 32, 32), cross_attention_dim=8)
    assert picture_gmacs(get_preset("sd15"), 15, tiny.config.block_out_channels) is None
    assert picture_gmacs(get_preset("mini"), 0, SD15["block_out_channels"]) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5400, "1.5 h")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "most", "sizes"), [(10, 16, [10]), (10, 8, [5, 5]), (7, 3, [2, 2, 3]), (1, 1, [1])])
def test_batches_are_even(count: int, most: int, sizes: list[int]) -> None:
    slices = even_batches(count, most)
    assert [s.stop - s.start for s in slices] == sizes
    assert [i for s in slices for i in range(count)[s]] == list(range(count))


def test_pictures_per_call_without_a_gpu() -> None:
    assert pictures_per_call(get_preset("mini"), "cpu", torch.float32) == 8
    assert pictures_per_call(get_preset("sd15"), "cpu", torch.float32) == 2
    assert pictures_per_call(get_preset("sd15"), "cpu", torch.float32, low_vram=True) == 1


@pytest.mark.parametrize(("free", "dtype", "expected"), [(80, "float16", 16), (4, "float16", 10), (1, "float16", 1)])
def test_pictures_per_call_follow_the_gpus_memory(
    monkeypatch: pytest.MonkeyPatch, free: int, dtype: str, expected: int
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (free * 1_000_000_000, 0))
    assert pictures_per_call(get_preset("sd15"), "cuda", getattr(torch, dtype)) == expected
