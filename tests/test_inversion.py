"""DDIM inversion against its own forward process, diffusers' scheduler and upstream's golden trajectories."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim_inverse import DDIMInverseScheduler
from safetensors.torch import save_file

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.features import FeatureExtractor
from faceshot.image_prompt import ImageEncoder, clip_pixels, install_adapter
from faceshot.inversion import NoiseSchedule, invert, trajectory
from faceshot.layers import recording
from faceshot.presets import get_preset
from tests.tiny_networks import SCHEDULER, write_byte_tokenizer

TOLERANCE = 1e-4  # max abs / max, as the fixtures' description asks


def close(ours: Any, golden: np.ndarray, tolerance: float = TOLERANCE) -> None:
    ours = np.asarray(ours)
    assert ours.shape == golden.shape
    error = np.abs(ours.astype(np.float64) - golden).max() / np.abs(golden).max()
    assert error < tolerance, f"relative error {error:.2e}"


@pytest.mark.parametrize(
    ("n", "count"),
    [(10, 4), (20, 7), (50, 16), (100, 31), (33, 11)],
)
def test_path_reaches_301(n: int, count: int) -> None:
    labels = NoiseSchedule.from_config(SCHEDULER).path(301, n)
    assert labels[0] == 1 and labels[-1] == 301 and len(labels) == count
    assert len(set(np.diff(labels))) == 1


@pytest.mark.parametrize("n", [25, 30, 3, 1])
def test_unreachable_t_is_refused_with_the_valid_steps(n: int) -> None:
    valid = [k for k in range(1, 101) if 300 % (1000 // k) == 0 and 300 // (1000 // k) < k]
    assert {10, 20, 33, 39, 40, 48, 49, 50, 100} <= set(valid)
    with pytest.raises(UsageError, match=f"t=301 cannot be reached with {n} steps .*: {', '.join(map(str, valid))}$"):
        NoiseSchedule.from_config(SCHEDULER).path(301, n)


@pytest.mark.parametrize(("t", "n"), [(301, 0), (301, 1001), (0, 50), (1001, 50)])
def test_t_and_steps_outside_the_schedule_are_refused(t: int, n: int) -> None:
    with pytest.raises(UsageError):
        NoiseSchedule.from_config(SCHEDULER).path(t, n)


@pytest.mark.parametrize(
    "change",
    [{"prediction_type": "flow"}, {"beta_schedule": "sigmoid"}],
)
def test_unknown_scheduler_settings_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(InputError, match=next(iter(change.values()))):
        NoiseSchedule.from_config({**SCHEDULER, **change})


@pytest.mark.parametrize(
    ("prediction", "extra"),
    [
        ("epsilon", {}),
        ("epsilon", {"set_alpha_to_one": True}),
        ("epsilon", {"rescale_betas_zero_snr": True}),
        ("epsilon", {"beta_schedule": "linear"}),
        ("epsilon", {"beta_schedule": "squaredcos_cap_v2"}),
        ("v_prediction", {}),
        ("v_prediction", {"rescale_betas_zero_snr": True}),
        ("sample", {}),
    ],
    ids=str,
)
def test_step_equals_diffusers(prediction: str, extra: dict[str, Any]) -> None:
    config = {**SCHEDULER, "prediction_type": prediction, **extra}
    theirs = DDIMInverseScheduler.from_config({**config, "clip_sample": False})
    theirs.set_timesteps(20)
    ours = NoiseSchedule.from_config(config)
    assert theirs.timesteps[:7].tolist() == ours.path(301, 20)
    z, output = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    for label in (1, 51, 301):
        expected = theirs.step(output, label, z).prev_sample
        assert torch.allclose(
            ours.ascend(z, output, label - 50, label), expected, atol=2e-5 if prediction != "sample" else 5e-4
        )


class _Oracle:
    """Knows the noise that was added, so inversion must land exactly on the noised latent."""

    def __init__(self, noise: torch.Tensor) -> None:
        self.noise, self.labels = noise, []

    def __call__(self, z: torch.Tensor, label: int, *_args: Any, **_kwargs: Any) -> tuple[torch.Tensor]:
        self.labels.append(label)
        return (self.noise,)


def test_inversion_with_a_perfect_network_is_the_closed_form() -> None:
    schedule = NoiseSchedule.from_config({**SCHEDULER, "prediction_type": "epsilon", "set_alpha_to_one": True})
    clean, noise = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    oracle = _Oracle(noise)
    got = invert(oracle, schedule, clean, 301, 50, torch.zeros(3, 1, 1))
    assert oracle.labels == list(range(1, 301, 20))  # the label runs one stride ahead of the latent
    assert torch.allclose(got, schedule.noisy(clean, 281, noise), atol=1e-5)


# Upstream's goldens. The tiny Stable Diffusion is loaded once.


class TinySD:
    """The tiny Stable Diffusion of the fixtures in diffusers' and transformers' own classes."""

    def __init__(self, folder: Path) -> None:
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        spec = importlib.util.spec_from_file_location("standin_weights", folder.parent / "weights.py")
        assert spec is not None and spec.loader is not None
        weights = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(weights)
        self.config = json.loads((folder / "tiny_sd.config.json").read_text())
        self.state = weights.make_state_dict(folder / "tiny_sd.contract.json", seed=0)
        self.golden = dict(np.load(folder / "features_upstream.golden.npz"))
        self.unet = UNet2DConditionModel(**self.config["unet"]).eval()
        self.unet.load_state_dict(self.part("unet"))
        self.adapted = UNet2DConditionModel(**self.config["unet"]).eval()
        self.adapted.load_state_dict(self.part("unet"))
        install_adapter(self.adapted, self.part("ip_adapter"))
        self.vae = AutoencoderKL(**self.config["vae"]).eval()
        self.vae.load_state_dict(self.part("vae"))
        self.prompt = torch.from_numpy(self.golden["prompt_embeds"])

    def part(self, name: str) -> dict[str, torch.Tensor]:
        return {key.partition("/")[2]: value for key, value in self.state.items() if key.startswith(f"{name}/")}

    def schedule(self, prediction: str = "epsilon") -> NoiseSchedule:
        return NoiseSchedule.from_config({**self.config["scheduler"], "prediction_type": prediction})

    def extractor(self, **changes: Any) -> FeatureExtractor:
        adapted = changes.pop("adapted", False)
        preset = get_preset("sd15", image_size=128, **changes)
        return FeatureExtractor(
            preset, self.adapted if adapted else self.unet, self.schedule(), self.prompt, vae=self.vae
        )

    def publish(self, root: Path) -> None:
        """Write everything in the layout of the published repositories, below a weights folder."""
        model = root / "stable-diffusion-v1-5"
        self.unet.save_pretrained(model / "unet")
        self.vae.save_pretrained(model / "vae")
        (model / "scheduler").mkdir()
        scheduler = {"_class_name": "PNDMScheduler", **self.config["scheduler"]}
        (model / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
        write_byte_tokenizer(model / "tokenizer")
        adapter = root / "IP-Adapter" / "models"
        for folder, name in ((model / "text_encoder", "text_encoder"), (adapter / "image_encoder", "image_encoder")):
            folder.mkdir(parents=True)
            (folder / "config.json").write_text(json.dumps(self.config[name]))
            save_file(self.part(name), folder / "model.safetensors")
        save_file(self.part("ip_adapter"), adapter / "ip-adapter_sd15.safetensors")


@pytest.fixture(scope="module")
def tiny_sd(shared: Path) -> TinySD:
    return TinySD(shared / "parity" / "faceshot")


# run -> (latent comes from, image prompt, prediction)
RUNS = {
    "inv_eps_noip": (None, "epsilon"),
    "inv_eps_ip_b": ("b", "epsilon"),
    "inv_eps_ip_a": ("a", "epsilon"),
    "b_inv_eps_ip_a": ("a", "epsilon"),
    "inv_v_noip": (None, "v_prediction"),
}


@pytest.mark.parametrize("run", RUNS)
def test_trajectory_and_outputs_equal_upstream(tiny_sd: TinySD, run: str) -> None:
    image, prediction = RUNS[run]
    golden = tiny_sd.golden
    unet = tiny_sd.unet if image is None else tiny_sd.adapted
    added = None if image is None else {"image_embeds": [torch.from_numpy(golden[f"image_embeds_{image}"])[:, None]]}
    start = torch.from_numpy(golden[f"{run}/trajectory"][:1])
    with torch.no_grad():
        steps = list(trajectory(unet, tiny_sd.schedule(prediction), start, 301, 50, tiny_sd.prompt, added))
        assert [label for label, _ in steps] == golden["timesteps"].tolist()
        close(torch.cat([z for _, z in steps]), golden[f"{run}/trajectory"])
        layers = [f"up_blocks.{i}" for i in range(4)]
        with recording(unet, layers, stop=False) as seen:
            noise = unet(steps[-1][1], 301, tiny_sd.prompt, added_cond_kwargs=added, return_dict=False)[0]
    close(noise, golden[f"{run}/eps_at_301"])
    for i, layer in enumerate(layers):
        close(seen[layer], golden[f"{run}/up_{i}"])


def test_one_step_noise_equals_upstream(tiny_sd: TinySD) -> None:
    golden = tiny_sd.golden
    latent, noise = (torch.from_numpy(golden[f"onestep/{name}"]) for name in ("latent", "noise"))
    noisy = tiny_sd.schedule().noisy(latent, 301, noise)
    close(noisy, golden["onestep/noisy"])
    with torch.no_grad(), recording(tiny_sd.unet, ["up_blocks.1"]) as seen:
        tiny_sd.unet(noisy, 301, tiny_sd.prompt)
    close(seen["up_blocks.1"], golden["onestep/up_1"])


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


def test_vae_latents_are_the_scaled_posterior_mean(tiny_sd: TinySD) -> None:
    latents = tiny_sd.extractor().encode(tiny_sd.golden["image_a"][None])
    close(latents, tiny_sd.golden["latent_mean_a"] * tiny_sd.config["vae"]["scaling_factor"])


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


def test_clip_image_embeddings_equal_upstream(tiny_sd: TinySD) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**tiny_sd.config["image_encoder"])).eval()
    own = set(model.state_dict())
    state = tiny_sd.part("image_encoder")
    # transformers 5 drops the prefix that published files and transformers 4 have.
    if not any(key.startswith("vision_model.") for key in own):
        state = {key.removeprefix("vision_model."): value for key, value in state.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("position_ids" in key for key in missing)
    for name in "ab":
        image = tiny_sd.golden[f"image_{name}"]
        golden = tiny_sd.golden[f"clip_pixels_{name}_stride8"]
        close(clip_pixels(image)[:, ::8, ::8].reshape(golden.shape), golden, 1e-6)
        close(ImageEncoder(model)(image[None]), tiny_sd.golden[f"image_embeds_{name}"])


def test_the_published_layout_loads_as_sd15(
    tiny_sd: TinySD, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Folders as published, found in the weights folder: text, image prompt, VAE and inversion all through one door."""
    tiny_sd.publish(tmp_path)
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path))
    capfd.readouterr()
    extractor = FeatureExtractor.from_preset(get_preset("sd15", image_size=128, guidance="self"), offline=True)
    assert capfd.readouterr().err == ""  # no bars, no advice
    golden = tiny_sd.golden
    close(extractor.prompt_embeds, golden["prompt_embeds"])
    close(extractor.embed(golden["image_a"][None]), golden["image_embeds_a"])
    start = torch.from_numpy(golden["inv_eps_ip_a/trajectory"][:1])
    prompt = torch.from_numpy(golden["image_embeds_a"])
    close(extractor.features_of_latents(start, image_embeds=prompt), golden["inv_eps_ip_a/up_1"])
    # Guidance by itself is the same as handing over the picture's own embedding.
    close(
        extractor.features(golden["image_a"][None]),
        extractor.features(golden["image_a"][None], image_embeds=prompt).numpy(),
    )
    (tmp_path / "IP-Adapter" / "models" / "image_encoder" / "model.safetensors").unlink()
    with pytest.raises(MissingError, match="image_encoder/model.safetensors"):
        FeatureExtractor.from_preset("sd15", offline=True)
