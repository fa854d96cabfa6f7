"""CLIP's eye: preprocessing bit for bit, the encoder from both published layouts, loaded once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from faceshot.errors import InputError, MissingError
from faceshot.models.clip_vision import (
    OPEN_CLIP_FILES,
    OPEN_CLIP_REPOSITORY,
    ImageEncoder,
    clip_pixels,
    find_image_encoder,
    from_open_clip,
    open_clip_file,
    rename_open_clip,
    resize_bicubic,
)

GOLDEN_HASH = "368574b20a5e9a29f162f40dab083da045afb7164da2ed7024786d4da2b24e0a"
GOLDEN_START = np.array(
    [0.52888733, -0.37621516, -1.2959161, 1.2150133, 0.30991095, -0.60978997, 0.7332653, 1.0106354, 0.09093457],
    np.float32,
)


def scene(width: int, height: int) -> np.ndarray:
    """A picture from a formula: waves, edges, saturated corners."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    red = (x * 7 + y * 3) % 256
    green = np.where((x // 9 + y // 5) % 2 == 0, 255, 0)
    return np.stack([red, green, (x * y) % 251], -1).astype(np.uint8)


SIZES = [(512, 512), (640, 360), (97, 211), (224, 224), (224, 500), (225, 224), (31, 17), (1, 1), (8, 400), (1500, 700)]


@pytest.mark.parametrize(("width", "height"), SIZES, ids=lambda side: str(side))
@pytest.mark.parametrize("out", [(224, 224), (300, 224), (60, 41)], ids=str)
def test_resizing_is_pillow_s_bit_for_bit(width: int, height: int, out: tuple[int, int]) -> None:
    rgb = scene(width, height)
    expected = np.asarray(Image.fromarray(rgb).resize(out, Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resize_bicubic(rgb, out), expected)
    np.testing.assert_array_equal(resize_bicubic(rgb, out, (5, 7, 40, 41)), expected[7:41, 5:40])


@pytest.mark.parametrize(("width", "height"), SIZES, ids=lambda side: str(side))
def test_pixels_are_those_of_the_published_processor(width: int, height: int) -> None:
    try:
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil as Processor
    except ImportError:  # before transformers 5 it was the plain one
        from transformers import CLIPImageProcessor as Processor
    rgb = scene(width, height)
    expected = Processor()(rgb, return_tensors="np", input_data_format="channels_last")["pixel_values"][0]
    pixels = clip_pixels(rgb)
    assert pixels.dtype == np.float32 and pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, expected)


def test_pixels_are_the_same_on_every_installation() -> None:
    """Stored from this arithmetic; a difference in one bit anywhere changes the hash."""
    pixels = clip_pixels(scene(301, 407))
    assert hashlib.sha256(pixels.astype("<f4").tobytes()).hexdigest() == GOLDEN_HASH
    np.testing.assert_array_equal(pixels[:, ::75, ::75].astype(np.float32).ravel()[:9], GOLDEN_START)


def test_a_thread_of_a_picture_costs_no_memory() -> None:
    """Enlarging a 1x20000 line as a whole would make a picture of 224 x 4 480 000."""
    assert np.isfinite(clip_pixels(scene(20_000, 1))).all()


def open_clip_state(
    *, width: int = 32, layers: int = 2, patch: int = 14, side: int = 28, out: int = 24, seed: int = 0
) -> dict[str, torch.Tensor]:
    """A checkpoint in open_clip's layout, text half included, with seeded numbers."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) * 0.2

    state = {
        "logit_scale": draw(1),
        "token_embedding.weight": draw(10, 8),
        "transformer.resblocks.0.ln_1.weight": draw(8),
        "visual.class_embedding": draw(width),
        "visual.positional_embedding": draw((side // patch) ** 2 + 1, width),
        "visual.proj": draw(width, out),
        "visual.conv1.weight": draw(width, 3, patch, patch),
    }
    for name in ("ln_pre", "ln_post"):
        state |= {f"visual.{name}.weight": 1 + draw(width), f"visual.{name}.bias": draw(width)}
    for i in range(layers):
        block = f"visual.transformer.resblocks.{i}."
        for name in ("ln_1", "ln_2"):
            state |= {f"{block}{name}.weight": 1 + draw(width), f"{block}{name}.bias": draw(width)}
        state |= {f"{block}attn.in_proj_weight": draw(3 * width, width), f"{block}attn.in_proj_bias": draw(3 * width)}
        state |= {f"{block}attn.out_proj.weight": draw(width, width), f"{block}attn.out_proj.bias": draw(width)}
        state |= {f"{block}mlp.c_fc.weight": draw(4 * width, width), f"{block}mlp.c_fc.bias": draw(4 * width)}
        state |= {f"{block}mlp.c_proj.weight": draw(width, 4 * width), f"{block}mlp.c_proj.bias": draw(width)}
    return state


def open_clip_forward(state: dict[str, torch.Tensor], pixels: torch.Tensor, heads: int) -> torch.Tensor:
    """The image half of open_clip's ViT-H-14, written out: pre-norm blocks, exact GELU, class token, projection."""
    from torch.nn.functional import conv2d, gelu, layer_norm, linear, multi_head_attention_forward

    w = {name.removeprefix("visual."): tensor for name, tensor in state.items()}
    width = w["conv1.weight"].shape[0]

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return layer_norm(x, (width,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-5)

    x = conv2d(pixels, w["conv1.weight"], stride=w["conv1.weight"].shape[-1]).flatten(2).transpose(1, 2)
    x = torch.cat([w["class_embedding"].expand(len(x), 1, -1), x], 1) + w["positional_embedding"]
    x = norm(x, "ln_pre").transpose(0, 1)
    for i in range(sum(name.endswith("ln_1.weight") and name.startswith("transformer") for name in w)):
        if f"transformer.resblocks.{i}.attn.in_proj_weight" not in w:
            break
        b = f"transformer.resblocks.{i}."
        h = norm(x, f"{b}ln_1")
        x = (
            x
            + multi_head_attention_forward(
                *(h, h, h, width, heads, w[f"{b}attn.in_proj_weight"], w[f"{b}attn.in_proj_bias"]),
                *(None, None, False, 0.0, w[f"{b}attn.out_proj.weight"], w[f"{b}attn.out_proj.bias"]),
                training=False,
                need_weights=False,
            )[0]
        )
        h = gelu(linear(norm(x, f"{b}ln_2"), w[f"{b}mlp.c_fc.weight"], w[f"{b}mlp.c_fc.bias"]))
        x = x + linear(h, w[f"{b}mlp.c_proj.weight"], w[f"{b}mlp.c_proj.bias"])
    return norm(x[0], "ln_post") @ w["proj"]


def test_open_clip_weights_give_open_clip_embeddings() -> None:
    state = open_clip_state()
    pixels = torch.randn(3, 3, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = open_clip_forward(state, pixels, heads=4)
        ours = from_open_clip(state, head=8)(pixels).image_embeds
    assert ours.shape == (3, 24)
    assert float((ours - expected).abs().max() / expected.abs().max()) < 1e-5
    assert float((ours[0] - ours[1]).abs().max()) > 0.1


def test_the_published_vit_h_fits_by_name_and_shape() -> None:
    """At full size on no memory at all; 632 M parameters (specification, section 1.2)."""
    small = open_clip_state(width=8, layers=1, out=4)
    full: dict[str, torch.Tensor] = {}
    grow = {8: 1280, 24: 3840, 32: 5120, 4: 1024, 5: 257}
    for name, tensor in small.items():
        if not name.startswith("visual."):
            continue
        shape = (1280, 3, 14, 14) if "conv1" in name else tuple(grow[side] for side in tensor.shape)
        for i in range(32 if "resblocks" in name else 1):
            full[name.replace("resblocks.0", f"resblocks.{i}")] = torch.empty(shape, device="meta")
    model = from_open_clip(full)
    assert sum(p.numel() for p in model.parameters()) == 632_076_800
    config = model.config
    assert (config.num_attention_heads, config.num_hidden_layers, config.image_size) == (16, 32, 224)
    assert config.hidden_act == "gelu" and config.projection_dim == 1024


@pytest.mark.parametrize("name", OPEN_CLIP_FILES)
def test_the_encoder_loads_open_clip_s_file(tmp_path: Path, name: str) -> None:
    state = open_clip_state(width=160, side=224, patch=112, layers=1)
    path = tmp_path / name
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)
    assert open_clip_file(tmp_path) == path
    images = np.stack([scene(90, 70), scene(90, 70)[::-1]])
    for place in (path, tmp_path):
        embeds = ImageEncoder.from_folder(place, device="cpu", dtype=torch.float32)(images)
        pixels = torch.from_numpy(np.stack([clip_pixels(image) for image in images]))
        expected = open_clip_forward(state, pixels, heads=2)
        assert float((embeds - expected).abs().max() / expected.abs().max()) < 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"visual.conv1.weight": None}, "no open_clip checkpoint"),
        ({"visual.transformer.resblocks.1.ln_2.bias": None}, "layers.1.layer_norm2.bias"),
        ({"visual.head.weight": torch.zeros(2)}, r"'visual.head.weight' is not part"),
        ({"visual.transformer.resblocks.0.ls_1.gamma": torch.zeros(2)}, "is not part of"),
        ({"visual.ln_pre.bias": torch.zeros(7)}, "does not fit"),
    ],
    ids=["no picture half", "a tensor short", "another kind of head", "another kind of block", "wrong shape"],
)
def test_foreign_checkpoints_are_refused(change: dict[str, torch.Tensor | None], message: str) -> None:
    state = {**open_clip_state(), **change}
    with pytest.raises(InputError, match=message):
        from_open_clip({name: tensor for name, tensor in state.items() if tensor is not None}, head=8)


def test_the_text_half_is_left_alone() -> None:
    assert all(name.startswith(("vision_model.", "visual_projection.")) for name in rename_open_clip(open_clip_state()))


def test_a_transformers_folder_with_missing_tensors_is_refused(tmp_path: Path) -> None:
    """Such a model would otherwise run on with random numbers in their place."""
    model = from_open_clip(open_clip_state(), head=8)
    model.save_pretrained(tmp_path)
    assert open_clip_file(tmp_path) is None
    ImageEncoder.from_folder(tmp_path, device="cpu", dtype=torch.float32)
    state = dict(model.state_dict())
    save_file(
        {name: t.clone() for name, t in state.items() if "post_layernorm" not in name}, tmp_path / "model.safetensors"
    )
    with pytest.raises(InputError, match="post_layernorm"):
        ImageEncoder.from_folder(tmp_path, device="cpu", dtype=torch.float32)


def test_the_encoder_is_found_in_both_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceshot.weights.resolve.trust", lambda weight, path, **_: path)  # files of one byte
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("FACESHOT_WEIGHTS", raising=False)
    with pytest.raises(MissingError, match="weights fetch clip-vit-h"):
        find_image_encoder(offline=True)
    kept = tmp_path / "hub" / f"models--{OPEN_CLIP_REPOSITORY.replace('/', '--')}" / "snapshots" / "abc"
    kept.mkdir(parents=True)
    (kept / OPEN_CLIP_FILES[1]).write_bytes(b"x")
    assert find_image_encoder(offline=True) == kept / OPEN_CLIP_FILES[1]
    ours = tmp_path / "hub" / "models--h94--IP-Adapter" / "snapshots" / "def" / "models" / "image_encoder"
    ours.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        assert find_image_encoder(offline=True) == kept / OPEN_CLIP_FILES[1], "half a copy is none"
        (ours / name).write_bytes(b"x")
    assert find_image_encoder(offline=True) == ours
