"""The tiny Stable Diffusion of the fixtures: its networks, its goldens, and how it would be published."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from faceshot.features.extractor import FeatureExtractor
from faceshot.models.image_prompt import install_adapter
from faceshot.models.inversion import NoiseSchedule
from faceshot.models.presets import get_preset
from tests.tiny_networks import write_byte_tokenizer

TOLERANCE = 1e-4  # max abs / max, as the fixtures' description asks


def close(ours: Any, golden: np.ndarray, tolerance: float = TOLERANCE) -> None:
    ours = np.asarray(ours)
    assert ours.shape == golden.shape
    error = np.abs(ours.astype(np.float64) - golden).max() / np.abs(golden).max()
    assert error < tolerance, f"relative error {error:.2e}"


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

    def publish(self, root: Path, *, name: str = "stable-diffusion-v1-5", **scheduler: Any) -> Path:
        """Write everything as the published repositories have it, below a weights folder; returns the model's folder.

        safetensors throughout; the VAE's attention under the names of its first release, as in Stable Diffusion 1.5.
        """
        model = root / name
        self.unet.save_pretrained(model / "unet")
        self.vae.save_pretrained(model / "vae")
        legacy = {rename_vae_attention(key): value.contiguous() for key, value in self.vae.state_dict().items()}
        save_file(legacy, model / "vae" / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
        (model / "scheduler").mkdir()
        scheduler = {"_class_name": "PNDMScheduler", **self.config["scheduler"], **scheduler}
        (model / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
        write_byte_tokenizer(model / "tokenizer")
        adapter = root / "IP-Adapter" / "models"
        for folder, name in ((model / "text_encoder", "text_encoder"), (adapter / "image_encoder", "image_encoder")):
            folder.mkdir(parents=True)
            (folder / "config.json").write_text(json.dumps(self.config[name]))
            save_file(self.part(name), folder / "model.safetensors")
        save_file(self.part("ip_adapter"), adapter / "ip-adapter_sd15.safetensors")
        return model


def rename_vae_attention(name: str) -> str:
    """The first release's name of a VAE tensor."""
    for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        name = name.replace(f"mid_block.attentions.0.{new}.", f"mid_block.attentions.0.{old}.")
    return name
