"""The feature extractor on tiny real networks: early stop, batching, modes, embeddings, refusals."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import pixel_shuffle

from faceshot.errors import FaceShotError, InputError, UsageError
from faceshot.features.extractor import FeatureExtractor
from faceshot.models.image_prompt import install_adapter, split_adapter
from faceshot.models.layers import recording
from faceshot.models.loading import pick_device, pick_dtype
from faceshot.models.presets import get_preset
from tests.tiny_networks import diffusers_unet, tiny_adapter, write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def extractor(model: Path) -> FeatureExtractor:
    return FeatureExtractor.from_preset(str(model), offline=True)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


def variant(model: Path, **changes: Any) -> FeatureExtractor:
    return FeatureExtractor.from_preset(get_preset(str(model), **changes), offline=True)


def test_features_have_the_layers_grid_and_are_float32(extractor: FeatureExtractor, images: np.ndarray) -> None:
    features = extractor.features(images)
    assert features.shape == (3, 8, 16, 16) and features.dtype == torch.float32
    assert features.isfinite().all() and features.std() > 0 and not features.requires_grad


def test_features_are_the_layers_output_at_the_label(extractor: FeatureExtractor, images: np.ndarray) -> None:
    with torch.no_grad(), recording(extractor.unet, ["up_blocks.2"], stop=False) as seen:
        extractor.unet(extractor.encode(images[:1]), 1, extractor.prompt_embeds)
    assert torch.allclose(extractor.features(images[:1]), seen["up_blocks.2"], atol=1e-6)


def test_latents_are_folded_pixels(extractor: FeatureExtractor, images: np.ndarray) -> None:
    pixels = pixel_shuffle(extractor.encode(images), 4).permute(0, 2, 3, 1)
    assert np.array_equal(((pixels + 1) * 127.5).round().numpy().astype(np.uint8), images)


def test_uint8_and_float_pictures_are_the_same(extractor: FeatureExtractor, images: np.ndarray) -> None:
    floats = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
    assert torch.allclose(extractor.features(images), extractor.features(floats), atol=1e-6)


def test_nothing_after_the_layer_runs(model: Path, images: np.ndarray) -> None:
    extractor = variant(model, layer="up_blocks.0")
    ran: list[str] = []
    for name in ("down_blocks.0", "mid_block", "up_blocks.0", "up_blocks.1", "up_blocks.2", "conv_out"):
        extractor.unet.get_submodule(name).register_forward_pre_hook(lambda *_, name=name: ran.append(name))
    extractor.features(images)
    assert ran == ["down_blocks.0", "mid_block", "up_blocks.0"]
    ran.clear()
    extractor.embed(images)
    assert ran == ["down_blocks.0", "mid_block"]


def test_hooks_are_removed_even_after_a_failure(extractor: FeatureExtractor) -> None:
    with pytest.raises(RuntimeError), recording(extractor.unet, ["mid_block"]):
        extractor.unet(torch.zeros(1, 3, 16, 16), 1, extractor.prompt_embeds)
    assert not any(module._forward_hooks for module in extractor.unet.modules())


def test_inversion_calls_the_network_once_per_step(model: Path, images: np.ndarray) -> None:
    extractor = variant(model, mode="inversion", t=301, steps=10)
    calls: list[int] = []
    finished: list[int] = []
    extractor.unet.conv_in.register_forward_hook(lambda *_: calls.append(1))
    extractor.unet.conv_out.register_forward_hook(lambda *_: finished.append(1))
    extractor.features(images)
    assert (len(calls), len(finished)) == (4, 3)  # labels 1, 101, 201 in full; 301 up to the layer


@pytest.mark.parametrize("mode", ["inversion", "one-step", "clean"])
def test_a_batch_equals_its_pictures(model: Path, images: np.ndarray, mode: str) -> None:
    extractor = variant(model, mode=mode, t=301, steps=10)
    together = extractor.features(images)
    extractor.batch_size = 1
    alone = extractor.features(images)
    assert torch.allclose(together, alone, atol=1e-4 * float(alone.abs().max()))
    assert torch.equal(alone, extractor.features(images))  # no hidden randomness


def test_modes_and_seeds_differ(model: Path, images: np.ndarray) -> None:
    settings = [{"mode": "clean"}, {"mode": "one-step"}, {"mode": "one-step", "seed": 1}, {"mode": "inversion"}]
    extractors = [variant(model, t=301, steps=10, **s) for s in settings]
    for i, a in enumerate(extractors):
        for b in extractors[:i]:
            assert not torch.allclose(a.features(images), b.features(images), atol=1e-3)
            assert a.settings.digest != b.settings.digest


def test_embeddings_are_unit_vectors_that_tell_pictures_apart(extractor: FeatureExtractor) -> None:
    flat = np.stack([np.full((64, 64, 3), value, np.uint8) for value in (0, 255)])
    embeds = extractor.embed(np.concatenate([flat, flat]))
    assert embeds.shape == (4, 16) and torch.allclose(embeds.norm(dim=1), torch.ones(4), atol=1e-5)
    assert torch.allclose(embeds[:2], embeds[2:], atol=1e-6) and embeds[0] @ embeds[1] < 0.999


def test_half_precision_gives_float32_close_to_it(model: Path, images: np.ndarray) -> None:
    full = FeatureExtractor.from_preset(str(model)).features(images)
    half = FeatureExtractor.from_preset(str(model), dtype="bfloat16").features(images)
    assert half.dtype == torch.float32
    assert torch.cosine_similarity(full, half, dim=1).mean() > 0.99


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 32, 32, 3), np.uint8),  # another size
        np.zeros((64, 64, 3), np.uint8),  # no batch
        np.zeros((1, 64, 64, 4), np.uint8),  # alpha
        np.zeros((1, 64, 64, 3), np.float32),  # float in the order of uint8
        np.zeros((0, 64, 64, 3), np.uint8),  # nothing
        torch.zeros(1, 3, 32, 32),  # another size
        torch.zeros(1, 3, 64, 64, dtype=torch.uint8),  # bytes as a tensor
    ],
)
def test_pictures_of_another_shape_are_refused(extractor: FeatureExtractor, images: Any) -> None:
    with pytest.raises(InputError, match=r"pictures must be .* got"):
        extractor.features(images)


def test_an_image_prompt_needs_an_adapter(extractor: FeatureExtractor, images: np.ndarray) -> None:
    with pytest.raises(UsageError, match="no IP-Adapter"):
        extractor.features(images, image_embeds=torch.zeros(16))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": "up_blocks.7"}, "no layer 'up_blocks.7'; its stages are down_blocks.0, .* mid_block, up_blocks.0"),
        ({"mode": "inversion", "t": 301, "steps": 25}, "cannot be reached with 25 steps"),
        ({"mode": "clean", "t": 1000}, "outside 0..999"),
    ],
)
def test_settings_that_cannot_be(model: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        variant(model, **changes)


@pytest.mark.parametrize(
    ("path", "damage"),
    [
        ("unet/diffusion_pytorch_model.safetensors", b"not a tensor file"),
        ("unet/config.json", b"{}"),
        ("scheduler/scheduler_config.json", b"{"),
        ("prompt.safetensors", b""),
    ],
)
def test_damaged_files_are_one_clear_error(tmp_path: Path, path: str, damage: bytes) -> None:
    write_tiny_model(tmp_path / "model")
    (tmp_path / "model" / path).write_bytes(damage)
    with pytest.raises(FaceShotError) as caught:
        FeatureExtractor.from_preset(str(tmp_path / "model"))
    assert str(tmp_path / "model") in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:99", "cpu:1"])
def test_devices_that_are_not_there(name: str) -> None:
    with pytest.raises(UsageError, match="device"):
        pick_device(name)


def test_threads_that_share_an_extractor_take_turns(model: Path, images: np.ndarray) -> None:
    extractor = variant(model)
    wanted = [extractor.features(image[None]) for image in images]
    middle = [extractor.embed(image[None]) for image in images]

    def work(k: int) -> bool:
        k %= len(images)
        found, embedded = extractor.features(images[k][None]), extractor.embed(images[k][None])
        return torch.allclose(found, wanted[k], atol=1e-5) and torch.allclose(embedded, middle[k], atol=1e-5)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(40)))


def test_dtype_by_name() -> None:
    assert pick_dtype("auto", "cuda", "vae") is torch.float16
    assert pick_dtype("auto", "cpu", "vae") is pick_dtype("auto", "cuda", "pixel-unshuffle:4") is torch.float32
    with pytest.raises(UsageError, match="unknown dtype 'int8'"):
        pick_dtype("int8", "cpu", "vae")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def adapted(model: Path) -> FeatureExtractor:
    """With an IP-Adapter, read where the image prompt has passed through cross-attention."""
    extractor = variant(model, layer="up_blocks.1", mode="inversion", t=301, steps=10)
    unet = diffusers_unet(model)
    install_adapter(unet, tiny_adapter(unet, 5))
    return FeatureExtractor(extractor.preset, unet, extractor.schedule, extractor.prompt_embeds, batch_size=2)


def test_without_an_image_prompt_the_adapter_changes_nothing(
    model: Path, adapted: FeatureExtractor, images: np.ndarray
) -> None:
    plain = variant(model, layer="up_blocks.1", mode="inversion", t=301, steps=10).features(images)
    adapted.features(images, image_embeds=torch.ones(5))  # a guided call before must not leave a trace
    assert torch.allclose(adapted.features(images), plain, atol=1e-5 * float(plain.abs().max()))


def test_image_prompts_for_all_for_each_and_several(adapted: FeatureExtractor, images: np.ndarray) -> None:
    one, two = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    shared = adapted.features(images, image_embeds=one)
    each = adapted.features(images, image_embeds=torch.stack([one, two, one]))
    assert torch.allclose(shared[[0, 2]], each[[0, 2]], atol=1e-4) and not torch.allclose(shared[1], each[1], atol=1e-2)
    pair = adapted.features(images, image_embeds=torch.stack([one, two]).expand(3, 2, 5))
    assert not torch.allclose(pair, shared, atol=1e-2)
    with pytest.raises(InputError, match="image_embeds must be"):
        adapted.features(images, image_embeds=torch.zeros(2, 5))


def test_an_adapter_for_another_network_is_refused(model: Path) -> None:
    unet = diffusers_unet(model)
    state = tiny_adapter(unet, 5)
    with pytest.raises(InputError, match="cross-attentions"):
        install_adapter(unet, {key: state[key] for key in list(state)[:-2]})
    with pytest.raises(InputError, match="does not fit"):
        install_adapter(unet, {key: value[:3] if "ip_adapter" in key else value for key, value in state.items()})


def test_adapter_checkpoints_in_both_layouts() -> None:
    flat = {"image_proj.proj.weight": 1, "ip_adapter.1.to_k_ip.weight": 2, "ip_adapter.1.to_v_ip.weight": 3}
    nested = split_adapter(flat)
    assert nested == {
        "image_proj": {"proj.weight": 1},
        "ip_adapter": {"1.to_k_ip.weight": 2, "1.to_v_ip.weight": 3},
    }
    assert split_adapter(nested) == nested
    for wrong in ({"unet.x": 1}, {"image_proj.latents": 1}, {"image_proj.proj.weight": 1, "ip_adapter.to_q": 2}):
        with pytest.raises(InputError):
            split_adapter(wrong)


def test_the_small_model_needs_no_pipeline_and_no_clip(model: Path) -> None:
    """The seconds of a cold start are the imports; CLIP classes and pipelines would double them."""
    code = (
        "import sys, numpy; from faceshot.features.extractor import FeatureExtractor;"
        f"FeatureExtractor.from_preset({str(model)!r}).features(numpy.zeros((1, 64, 64, 3), 'uint8'));"
        "print([m for m in sys.modules if '.modeling_clip' in m or m.startswith('diffusers.pipelines.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
