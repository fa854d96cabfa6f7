"""The plain U-Net: the same numbers as diffusers' from the same folder, and what is refused or left to diffusers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from faceshot.errors import InputError, MissingError
from faceshot.models.layers import recording
from faceshot.models.unet import UNet, is_plain, load_unet
from tests.tiny_networks import tiny_unet

TINY: dict[str, Any] = {"block_out_channels": (8, 8, 16), "norm_num_groups": 4, "cross_attention_dim": 8}
DOWN, UP = ("DownBlock2D", "CrossAttnDownBlock2D"), ("CrossAttnUpBlock2D", "UpBlock2D")
SHAPES: dict[str, dict[str, Any]] = {
    "two layers": TINY
    | {
        "down_block_types": (DOWN[1], DOWN[1], DOWN[0]),
        "up_block_types": (UP[1], UP[0], UP[0]),
        "layers_per_block": 2,
        "attention_head_dim": 2,
    },
    "linear projections, heads by level": TINY
    | {
        "down_block_types": (DOWN[0], DOWN[1], DOWN[1]),
        "up_block_types": (UP[0], UP[0], UP[1]),
        "use_linear_projection": True,
        "attention_head_dim": (1, 2, 4),
        "norm_eps": 1e-4,
    },
    "one level": {
        **TINY,
        "block_out_channels": (8,),
        "down_block_types": (DOWN[1],),
        "up_block_types": (UP[0],),
        "layers_per_block": 1,
        "attention_head_dim": 2,
        "in_channels": 3,
        "out_channels": 6,
    },
}


def theirs(config: dict[str, Any], folder: Path) -> UNet2DConditionModel:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        unet = UNet2DConditionModel(**config).eval()
    unet.save_pretrained(folder)
    return unet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_unet().save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("size", [(16, 16), (14, 10)], ids=str)
@pytest.mark.parametrize("name", SHAPES)
@torch.no_grad()
def test_it_computes_what_diffusers_does(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    other = theirs(SHAPES[name], tmp_path)
    ours = load_unet(tmp_path, torch.float32)
    assert ours is not None
    z, text = torch.randn(2, other.config.in_channels, *size), torch.randn(2, 3, 8)
    for label in (0, 417, torch.tensor([3]), torch.tensor([3, 900])):
        expected = other(z, label, text, return_dict=False)[0]
        assert (ours(z, label, text)[0] - expected).abs().max() < 1e-4 * expected.abs().max()


@torch.no_grad()
def test_layers_have_the_names_and_outputs_of_diffusers(folder: Path) -> None:
    other, ours = tiny_unet(), load_unet(folder, torch.float32)
    z, text = torch.randn(1, 48, 16, 16), torch.randn(1, 3, 8)
    for layer in ("down_blocks.1", "mid_block", "up_blocks.1", "up_blocks.2", "up_blocks.0.attentions.1"):
        with recording(ours, [layer]) as mine:
            ours(z, 5, text)
        with recording(other, [layer]) as yours:
            other(z, 5, text)
        assert torch.allclose(mine[layer], yours[layer], atol=1e-4)


def test_the_shipped_model_is_plain_and_loads_without_diffusers() -> None:
    code = (
        "import sys\n"
        "from faceshot.features.extractor import FeatureExtractor\n"
        "extractor = FeatureExtractor.from_preset('mini', offline=True)\n"
        "import numpy as np\n"
        "extractor.features(np.zeros((1, 128, 128, 3), np.uint8))\n"
        "print(*(name for name in ('diffusers', 'transformers', 'scipy') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "change",
    [
        {"encoder_hid_dim_type": "ip_image_proj"},
        {"class_embed_type": "timestep"},
        {"time_embedding_type": "fourier"},
        {"transformer_layers_per_block": 2},
        {"layers_per_block": [1, 2]},
        {"down_block_types": ["SimpleCrossAttnDownBlock2D"] * 3},
        {"a_setting_of_tomorrow": 1},
    ],
    ids=str,
)
def test_other_networks_are_left_to_diffusers(change: dict[str, Any], folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert is_plain(config)
    assert not is_plain(config | change)
    (folder / "config.json").write_text(json.dumps(config | change))
    assert load_unet(folder, torch.float32) is None


def test_weights_that_do_not_fit_are_refused(folder: Path) -> None:
    path = folder / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    for name, wrong in (
        ("conv_in.bias", {k: v for k, v in tensors.items() if k != "conv_in.bias"}),
        ("conv_in.bias", tensors | {"conv_in.bias": torch.zeros(9)}),
        ("surplus", tensors | {"surplus": torch.zeros(1)}),
    ):
        save_file(wrong, path)
        with pytest.raises(InputError, match=rf"config\.json do not fit, e\.g\. {name} \(1 tensors\)"):
            load_unet(folder, torch.float32)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"cannot read .*safetensors"):
        load_unet(folder, torch.float32)
    path.unlink()
    with pytest.raises(MissingError):
        load_unet(folder, torch.float32)


@pytest.mark.parametrize(
    "config", ["{", "[]", '{"block_out_channels": 3}', '{"down_block_types": 3}', '{"block_out_channels": [8]}']
)
def test_a_damaged_configuration_is_an_error_of_ours(config: str, folder: Path) -> None:
    (folder / "config.json").write_text(config)
    with pytest.raises(InputError, match=r"cannot load|configuration .*config\.json"):
        load_unet(folder, torch.float32)


@torch.no_grad()
def test_half_precision_and_memory_order_change_little(folder: Path) -> None:
    exact, half = load_unet(folder, torch.float32), load_unet(folder, torch.bfloat16)
    assert exact is not None and half is not None
    assert half.dtype is torch.bfloat16 and half.device.type == "cpu"
    z, text = torch.randn(1, 48, 16, 16), torch.randn(1, 3, 8)
    expected = exact(z, 5, text)[0]
    got = half(z.bfloat16(), 5, text.bfloat16())[0].float()
    assert (got - expected).abs().max() < 0.1 * expected.abs().max()
    ordered = exact.to(memory_format=torch.channels_last)(z.contiguous(memory_format=torch.channels_last), 5, text)[0]
    assert torch.allclose(ordered, expected, atol=1e-4)


def test_further_conditions_are_refused() -> None:
    unet = UNet(dict(tiny_unet().config))
    with pytest.raises(ValueError, match="no further conditions"):
        unet(torch.zeros(1, 48, 16, 16), 0, torch.zeros(1, 3, 8), added_cond_kwargs={})
