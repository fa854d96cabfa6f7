"""Upstream's goldens, all of them: latents, texts, image prompts, trajectories, noise predictions, up-block outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from faceshot.errors import MissingError
from faceshot.features.extractor import FeatureExtractor
from faceshot.models.image_prompt import ImageEncoder, clip_pixels
from faceshot.models.inversion import trajectory
from faceshot.models.layers import recording
from faceshot.models.loading import prompt_embeds
from faceshot.models.presets import get_preset
from tests.tiny_sd import TinySD, close

Values = dict[str, Any]
LAYERS = [f"up_blocks.{i}" for i in range(4)]


@pytest.fixture(scope="module")
def tiny_sd(shared: Path) -> TinySD:
    return TinySD(shared / "parity" / "faceshot")


@pytest.fixture(scope="module")
def published(tiny_sd: TinySD, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with everything as published; returns that folder."""
    root = tmp_path_factory.mktemp("published")
    tiny_sd.publish(root)
    tiny_sd.publish(root / "v", name="v-model", prediction_type="v_prediction")
    return root


# What is computed, group by group: golden keys -> our values.


def _schedule(sd: TinySD, _root: Path) -> Values:
    schedule = sd.schedule()
    return {
        "timesteps": np.array(schedule.path(301, 50)),
        "alphas_cumprod_0_1_281_301": np.array([schedule.alpha(t) for t in (0, 1, 281, 301)]),
    }


def _text(_sd: TinySD, root: Path) -> Values:
    from transformers import CLIPTokenizer

    folder = root / "stable-diffusion-v1-5"
    tokens = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    ids = tokens("a photo of a face", padding="max_length", max_length=77)["input_ids"]
    return {
        "input_ids": np.array([ids]),
        "prompt_embeds": prompt_embeds(folder, "a photo of a face"),
        "null_prompt_embeds": prompt_embeds(folder, ""),
    }


def _latents(sd: TinySD, _root: Path) -> Values:
    golden = sd.golden
    pixels = torch.from_numpy(golden["image_a"]).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        posterior = sd.vae.encode(pixels).latent_dist
    spread = (0.5 * posterior.logvar).exp() * torch.from_numpy(golden["latent_noise_a"])
    ours = sd.extractor().encode(golden["image_a"][None]) / sd.vae.config.scaling_factor
    return {
        "latent_mean_a": ours,
        "latent_logvar_a": posterior.logvar,
        "latent_a": (ours + spread) * sd.vae.config.scaling_factor,
    }


def _image_prompts(sd: TinySD, root: Path) -> Values:
    encoder = ImageEncoder.from_folder(
        root / "IP-Adapter" / "models" / "image_encoder", device="cpu", dtype=torch.float32
    )
    project = sd.adapted.encoder_hid_proj.image_projection_layers[0]
    out: Values = {}
    with torch.no_grad():
        out["ip_tokens_uncond"] = project(torch.zeros(1, 48))
        for name in "ab":
            image = sd.golden[f"image_{name}"]
            embeds = encoder(image[None])
            out[f"clip_pixels_{name}_stride8"] = clip_pixels(image)[None, :, ::8, ::8]
            out[f"image_embeds_{name}"] = embeds
            out[f"ip_tokens_{name}"] = project(embeds)
    return out


# run -> (image prompt, prediction)
RUNS = {
    "inv_eps_noip": (None, "epsilon"),
    "inv_eps_ip_b": ("b", "epsilon"),
    "inv_eps_ip_a": ("a", "epsilon"),
    "b_inv_eps_ip_a": ("a", "epsilon"),
    "inv_v_noip": (None, "v_prediction"),
}


def _inversion(run: str) -> Callable[[TinySD, Path], Values]:
    def compute(sd: TinySD, _root: Path) -> Values:
        image, prediction = RUNS[run]
        golden = sd.golden
        unet = sd.unet if image is None else sd.adapted
        added = None
        if image is not None:
            added = {"image_embeds": [torch.from_numpy(golden[f"image_embeds_{image}"])[:, None]]}
        start = torch.from_numpy(golden[f"{run}/trajectory"][:1])
        with torch.no_grad():
            steps = list(trajectory(unet, sd.schedule(prediction), start, 301, 50, sd.prompt, added))
            return {
                f"{run}/trajectory": torch.cat([z for _, z in steps]),
                **_outputs(sd, run, unet, steps[-1][1], added),
            }

    return compute


def _one_step(sd: TinySD, _root: Path) -> Values:
    latent, noise = (torch.from_numpy(sd.golden[f"onestep/{name}"]) for name in ("latent", "noise"))
    noisy = sd.schedule().noisy(latent, 301, noise)
    return {"onestep/noisy": noisy, **_outputs(sd, "onestep", sd.unet, noisy, None)}


def _outputs(sd: TinySD, run: str, unet: Any, z: torch.Tensor, added: Any) -> Values:
    """The noise prediction and all up-block outputs of one whole call at t = 301."""
    with torch.no_grad(), recording(unet, LAYERS, stop=False) as seen:
        noise = unet(z, 301, sd.prompt, added_cond_kwargs=added, return_dict=False)[0]
    return {f"{run}/eps_at_301": noise, **{f"{run}/up_{i}": seen[layer] for i, layer in enumerate(LAYERS)}}


#: What upstream was given, and we are given too.
INPUTS = {"image_a", "image_b", "latent_noise_a", "onestep/latent", "onestep/noise"}
GROUPS: dict[str, Callable[[TinySD, Path], Values]] = {
    "schedule": _schedule,
    "text": _text,
    "latents": _latents,
    "image prompts": _image_prompts,
    **{run: _inversion(run) for run in RUNS},
    "onestep": _one_step,
}
OUTPUTS = ("eps_at_301", "up_0", "up_1", "up_2", "up_3")
KEYS = {
    "schedule": ("timesteps", "alphas_cumprod_0_1_281_301"),
    "text": ("input_ids", "prompt_embeds", "null_prompt_embeds"),
    "latents": ("latent_mean_a", "latent_logvar_a", "latent_a"),
    "image prompts": (
        "ip_tokens_uncond",
        *(f"{what}_{name}{end}" for name in "ab" for what, end in (
            ("clip_pixels", "_stride8"), ("image_embeds", ""), ("ip_tokens", ""))),
    ),
    **{run: tuple(f"{run}/{key}" for key in ("trajectory", *OUTPUTS)) for run in RUNS},
    "onestep": tuple(f"onestep/{key}" for key in ("noisy", *OUTPUTS)),
}  # fmt: skip


@pytest.fixture(scope="module")
def ours(tiny_sd: TinySD, published: Path) -> Callable[[str], Values]:
    """Our values of a group, computed once."""
    known: dict[str, Values] = {}

    def get(group: str) -> Values:
        if group not in known:
            known[group] = GROUPS[group](tiny_sd, published)
        return known[group]

    return get


@pytest.mark.parametrize(("group", "key"), [(group, key) for group, keys in KEYS.items() for key in keys])
def test_every_value_equals_upstreams(tiny_sd: TinySD, ours: Callable[[str], Values], group: str, key: str) -> None:
    close(ours(group)[key], tiny_sd.golden[key], 1e-6 if "clip_pixels" in key else 1e-4)


def test_no_golden_is_left_unread(tiny_sd: TinySD) -> None:
    assert INPUTS | {key for keys in KEYS.values() for key in keys} == set(tiny_sd.golden)


# The same through the extractor, as users get it.


@pytest.mark.parametrize(
    ("run", "embeds"),
    [("inv_eps_noip", None), ("inv_eps_ip_b", "image_embeds_b"), ("inv_eps_ip_a", "image_embeds_a")],
)
def test_extractor_equals_upstream(tiny_sd: TinySD, run: str, embeds: str | None) -> None:
    """The same adapted network serves guided and unguided calls: without a prompt it is the network without adapter."""
    golden = tiny_sd.golden
    start = torch.from_numpy(golden[f"{run}/trajectory"][:1])
    prompt = None if embeds is None else torch.from_numpy(golden[embeds])
    features = tiny_sd.extractor(adapted=True).features_of_latents(start, image_embeds=prompt)
    close(features, golden[f"{run}/up_1"])


def test_batches_equal_single_pictures(tiny_sd: TinySD) -> None:
    """Two pictures with two prompts in one batch give what each gives alone, whatever the batch size."""
    golden = tiny_sd.golden
    start = torch.from_numpy(
        np.concatenate([golden[f"{r}/trajectory"][:1] for r in ("inv_eps_ip_b", "b_inv_eps_ip_a")])
    )
    prompts = torch.from_numpy(np.concatenate([golden["image_embeds_b"], golden["image_embeds_a"]]))
    expected = np.concatenate([golden["inv_eps_ip_b/up_1"], golden["b_inv_eps_ip_a/up_1"]])
    extractor = tiny_sd.extractor(adapted=True)
    for size in (1, 2):
        extractor.batch_size = size
        close(extractor.features_of_latents(start, image_embeds=prompts), expected)


def test_pictures_under_several_prompts_in_one_batch(tiny_sd: TinySD) -> None:
    """All selected domains at once equals one after the other."""
    golden = tiny_sd.golden
    images = np.stack([golden["image_a"], golden["image_b"]])
    prompts = torch.from_numpy(np.concatenate([golden["image_embeds_a"], golden["image_embeds_b"]]))
    extractor = tiny_sd.extractor(adapted=True, steps=10)
    together = extractor.features_under(images, prompts)
    assert together.shape == (2, 2, 64, 8, 8)
    for i in range(2):
        close(together[i], extractor.features(images, image_embeds=prompts[i]).numpy())


def test_the_published_layout_loads_as_sd15(
    tiny_sd: TinySD,
    published: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Folders as published, found in the weights folder: text, image prompt, VAE and inversion all through one door."""
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(published))
    capfd.readouterr()
    extractor = FeatureExtractor.from_preset(get_preset("sd15", image_size=128, guidance="self"), offline=True)
    assert capfd.readouterr().err == ""  # no bars, no advice
    golden = tiny_sd.golden
    close(extractor.prompt_embeds, golden["prompt_embeds"])
    close(extractor.embed(golden["image_a"][None]), golden["image_embeds_a"])
    close(extractor.encode(golden["image_a"][None]), golden["latent_mean_a"] * 0.18215)  # legacy attention names
    start = torch.from_numpy(golden["inv_eps_ip_a/trajectory"][:1])
    prompt = torch.from_numpy(golden["image_embeds_a"])
    close(extractor.features_of_latents(start, image_embeds=prompt), golden["inv_eps_ip_a/up_1"])
    # Guidance by itself is the same as handing over the picture's own embedding.
    close(
        extractor.features(golden["image_a"][None]),
        extractor.features(golden["image_a"][None], image_embeds=prompt).numpy(),
    )


def test_a_missing_image_encoder_is_named(tiny_sd: TinySD, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_sd.publish(tmp_path)
    (tmp_path / "IP-Adapter" / "models" / "image_encoder" / "model.safetensors").unlink()
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingError, match=r"image_encoder/model\.safetensors"):
        FeatureExtractor.from_preset("sd15", offline=True)
    # Without image prompt nobody needs it.
    assert not FeatureExtractor.from_preset("sd15:guidance=none", offline=True).adapted


@pytest.mark.parametrize(
    ("preset", "run"),
    [("v-model", "inv_v_noip"), ("v-model:prediction=epsilon", "inv_eps_noip"), ("sd15:guidance=none", "inv_eps_noip")],
)
def test_what_the_network_predicts_is_the_models_own_word_or_the_users(
    tiny_sd: TinySD, published: Path, monkeypatch: pytest.MonkeyPatch, preset: str, run: str
) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(published))
    monkeypatch.chdir(published / "v")
    extractor = FeatureExtractor.from_preset(preset, offline=True)
    start = torch.from_numpy(tiny_sd.golden[f"{run}/trajectory"][:1])
    close(extractor.features_of_latents(start), tiny_sd.golden[f"{run}/up_1"])


def test_one_step_presets_give_up_the_blocks_behind_the_layer(
    tiny_sd: TinySD, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(published))
    golden = tiny_sd.golden
    extractor = FeatureExtractor.from_preset(get_preset("sd15-onestep", image_size=128), offline=True)
    kept = {name.split(".")[1] for name, _ in extractor.unet.named_parameters() if name.startswith("up_blocks.")}
    assert kept == {"0", "1"} and not list(extractor.unet.conv_out.parameters())
    whole = tiny_sd.extractor(mode="one-step").features(golden["image_a"][None])
    close(extractor.features(golden["image_a"][None]), whole.numpy())


def test_low_vram_gives_the_same_features(tiny_sd: TinySD, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(published))
    preset = get_preset("sd15", image_size=128, steps=10, guidance="self")
    images = np.stack([tiny_sd.golden["image_a"], tiny_sd.golden["image_b"]])
    plain = FeatureExtractor.from_preset(preset, offline=True)
    frugal = FeatureExtractor.from_preset(preset, offline=True, low_vram=True)
    assert frugal.batch_size == 1 < plain.batch_size
    close(frugal.features(images), plain.features(images).numpy())
    assert frugal.image_encoder is not None and not frugal.image_encoder.resident.loaded  # type: ignore[attr-defined]
