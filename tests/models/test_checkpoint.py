"""Checkpoints in one file: the networks in them are those they were made from, and what they are is recognised."""

from __future__ import annotations

import logging
import pickle
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from faceshot.errors import InputError, MissingError
from faceshot.features.extractor import FeatureExtractor
from faceshot.models.checkpoint import PROMPT, PROMPT_IDS, Checkpoint
from faceshot.models.presets import get_preset
from tests.ldm_layout import text_to_ldm, text_to_open_clip, unet_to_ldm, vae_to_ldm
from tests.tiny_networks import write_byte_tokenizer

WIDTH = 32


class Source:
    """Tiny networks of the kind of Stable Diffusion 1.x or 2.x, and the checkpoint they would be published as."""

    def __init__(self, second: bool) -> None:
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
        from transformers import CLIPTextConfig, CLIPTextModel

        channels = (64, 64, 128, 128) if second else (32, 64, 64, 64)
        kind: dict[str, Any] = {"attention_head_dim": 8}
        if second:
            kind = {"attention_head_dim": [1, 1, 2, 2], "use_linear_projection": True}
        with torch.random.fork_rng():
            torch.manual_seed(int(second))
            self.unet = UNet2DConditionModel(
                block_out_channels=channels, cross_attention_dim=WIDTH, sample_size=16, **kind
            ).eval()
            self.vae = AutoencoderKL(
                block_out_channels=(32, 32, 64, 64),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=2,
                scaling_factor=0.18215,
            ).eval()
            text = CLIPTextConfig(
                hidden_size=WIDTH,
                intermediate_size=64,
                num_hidden_layers=3,
                num_attention_heads=1,
                hidden_act="gelu" if second else "quick_gelu",
            )
            full = CLIPTextModel(text).eval()
        text_state = (text_to_open_clip if second else text_to_ldm)(full.state_dict())
        if second:  # what is read is the output of the layer before the last
            text.num_hidden_layers = 2
            self.text = CLIPTextModel(text).eval()
            self.text.load_state_dict(full.state_dict(), strict=False)
        else:
            self.text = full
        self.tensors = {
            **unet_to_ldm(self.unet.state_dict()),
            **vae_to_ldm(self.vae.state_dict()),
            **text_state,
            "model_ema.decay": torch.zeros(()),
            "betas": torch.zeros(1000),
        }
        self.tensors = {name: tensor.contiguous() for name, tensor in self.tensors.items()}

    def expected_prompt(self, pad: int) -> torch.Tensor:
        ids = torch.tensor([[*PROMPT_IDS, *[pad] * (77 - len(PROMPT_IDS))]])
        with torch.no_grad():
            return self.text(ids).last_hidden_state


@pytest.fixture(scope="module")
def sources() -> dict[int, Source]:
    return {1: Source(False), 2: Source(True)}


@pytest.fixture(scope="module")
def files(sources: dict[int, Source], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    out = {}
    for version, source in sources.items():
        out[f"{version}.safetensors"] = folder / f"sd{version}.safetensors"
        save_file(source.tensors, out[f"{version}.safetensors"])
    out["1.ckpt"] = folder / "sd1.ckpt"
    torch.save({"state_dict": sources[1].tensors, "global_step": 5}, out["1.ckpt"])
    return out


@pytest.mark.parametrize("name", ["1.safetensors", "2.safetensors", "1.ckpt"])
def test_every_network_is_the_one_it_was_made_from(
    sources: dict[int, Source], files: dict[str, Path], name: str
) -> None:
    source = sources[int(name[0])]
    checkpoint = Checkpoint.read(files[name])
    for ours, theirs in ((checkpoint.unet(torch.float32), source.unet), (checkpoint.vae(torch.float32), source.vae)):
        wanted = theirs.state_dict()
        assert ours.state_dict().keys() == wanted.keys()
        assert all(torch.equal(tensor, wanted[key]) for key, tensor in ours.state_dict().items())
    z = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    text = checkpoint.prompt_embeds(PROMPT)
    assert torch.allclose(text, source.expected_prompt(PROMPT_IDS[-1] if name[0] == "1" else 0), atol=1e-5)
    with torch.no_grad():  # heads and projections are no tensors; the outputs tell them
        ours, theirs = (
            unet(z, 301, text, return_dict=False)[0] for unet in (checkpoint.unet(torch.float32), source.unet)
        )
    assert torch.allclose(ours, theirs, atol=1e-5 * float(theirs.abs().max()))


@pytest.mark.parametrize("name", ["1.safetensors", "1.ckpt"])
def test_a_file_is_a_preset(sources: dict[int, Source], files: dict[str, Path], name: str) -> None:
    """Through the same door as everything else, and the same features as from the networks themselves."""
    extractor = FeatureExtractor.from_preset(get_preset(f"{files[name]}:steps=10,image_size=64"), offline=True)
    source = sources[1]
    direct = FeatureExtractor(
        extractor.preset, source.unet, extractor.schedule, source.expected_prompt(PROMPT_IDS[-1]), vae=source.vae
    )
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    expected = direct.features(image)
    assert torch.allclose(extractor.features(image), expected, atol=1e-4 * float(expected.abs().max()))
    assert extractor.settings.fingerprint and extractor.schedule.prediction == "epsilon"


PREDICTIONS = {
    "1.x": (1, {}, None, "epsilon"),
    "2.x": (2, {}, None, "v_prediction"),
    "2.x base, told": (2, {}, "epsilon", "epsilon"),
    "2.x base, in the file": (2, {"modelspec.prediction_type": "epsilon"}, None, "epsilon"),
    "1.x trained for v": (1, {"modelspec.prediction_type": "v"}, None, "v_prediction"),
}


@pytest.mark.parametrize(("version", "notes", "told", "expected"), PREDICTIONS.values(), ids=PREDICTIONS)
def test_what_a_file_predicts(
    sources: dict[int, Source], tmp_path: Path, version: int, notes: dict[str, str], told: Any, expected: str
) -> None:
    path = tmp_path / "model.safetensors"
    save_file(sources[version].tensors, path, metadata=notes)
    assert Checkpoint.read(path).schedule(told).prediction == expected


def test_a_guess_is_said(files: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "faceshot"):
        Checkpoint.read(files["2.safetensors"]).schedule()
    assert "does not say what it predicts" in caplog.text


def test_another_prompt_needs_the_vocabulary(files: dict[str, Path], tmp_path: Path) -> None:
    checkpoint = Checkpoint.read(files["1.safetensors"])
    with pytest.raises(MissingError, match=r"no vocabulary for prompt 'a cat'.*clip-vit-large-patch14"):
        checkpoint.prompt_embeds("a cat")
    write_byte_tokenizer(tmp_path / "tokenizer")
    other = checkpoint.prompt_embeds("a cat", tmp_path / "tokenizer")
    assert other.shape == (1, 77, WIDTH) and not torch.allclose(other, checkpoint.prompt_embeds(PROMPT))


def _without(part: str) -> dict[str, Any]:
    return {"part": part}


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("first_stage_model.", "no VAE in it"),
        ("cond_stage_model.", "no text encoder in it"),
        ("model.diffusion_model.input_blocks.1.1.", "no U-Net in it"),
        ("model.diffusion_model.middle_block.0.", "UNet2DConditionModel do not fit"),
    ],
)
def test_incomplete_files_are_refused(sources: dict[int, Source], tmp_path: Path, lost: str, message: str) -> None:
    path = tmp_path / "broken.safetensors"
    save_file({name: tensor for name, tensor in sources[1].tensors.items() if not name.startswith(lost)}, path)
    with pytest.raises(InputError, match=message) as caught:
        FeatureExtractor.from_preset(str(path), offline=True)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_foreign_and_dangerous_files_are_refused(sources: dict[int, Source], tmp_path: Path) -> None:
    tensors = dict(sources[1].tensors)
    tensors["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(32, 9, 3, 3)
    save_file(tensors, tmp_path / "inpainting.safetensors")
    with pytest.raises(InputError, match="takes 9 channels"):
        Checkpoint.read(tmp_path / "inpainting.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(InputError, match="cannot read"):
        Checkpoint.read(tmp_path / "text.safetensors")


def _scripted(path: Path) -> None:
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(path))


def _tarred(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"))


def _cut(path: Path, *, zipped: bool) -> None:
    torch.save({"a": torch.zeros(2000)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: torch.save({"state_dict": {}, "callback": _without}, path), "convert it to .safetensors"),
        (lambda path: path.write_bytes(pickle.dumps({"callback": _without})), "convert it to .safetensors"),
        (_scripted, "convert it to .safetensors"),
        (_tarred, "convert it to .safetensors"),
        (partial(_cut, zipped=False), "fetch it again"),
        (partial(_cut, zipped=True), "fetch it again"),
        (lambda path: path.write_text("hello world"), "fetch it again"),
        (lambda path: path.write_bytes(b""), "fetch it again"),
        (lambda path: torch.save([torch.zeros(2)], path), "no U-Net, VAE, text encoder in it"),
        (lambda path: torch.save({"state_dict": {"a": 1, 2: "b"}}, path), "no U-Net, VAE, text encoder in it"),
    ],
    ids=["code", "plain pickle", "script", "tar", "cut", "cut zip", "text", "empty", "list", "no tensors"],
)
def test_a_ckpt_that_cannot_be_read_is_one_line_with_file_and_fix(
    tmp_path: Path, write: Callable[[Path], None], says: str, recwarn: pytest.WarningsRecorder
) -> None:
    """torch advises to load what may run code all the same; that must never reach a user."""
    path = tmp_path / "found.ckpt"
    write(path)
    recwarn.clear()
    with pytest.raises(InputError) as caught:
        Checkpoint.read(path)
    message = str(caught.value)
    assert says in message and str(path) in message and "\n" not in message and len(message) < 300
    assert "weights_only" not in message and "rust" not in message.replace("you trust", "")
    assert not [each for each in recwarn if "torch" in str(each.message)]


@pytest.mark.parametrize("name", ["unet", "text_encoder"])
def test_a_bin_that_may_run_code_in_a_folder_is_refused_alike(
    sources: dict[int, Source], tmp_path: Path, name: str
) -> None:
    """The loaders of diffusers and transformers quote torch's advice; we do not."""
    from faceshot.models.loading import load_model, prompt_embeds

    network = getattr(sources[1], {"unet": "unet", "text_encoder": "text"}[name])
    network.save_pretrained(tmp_path / name)
    written = next((tmp_path / name).glob("*.safetensors"))
    file = written.with_name("pytorch_model.bin" if name == "text_encoder" else f"{written.stem}.bin")
    written.unlink()
    torch.save({"callback": _without}, file)
    write_byte_tokenizer(tmp_path / "tokenizer")
    with pytest.raises(InputError) as caught:
        if name == "unet":
            load_model(type(network), tmp_path / name, torch.float32)
        else:
            prompt_embeds(tmp_path, PROMPT)
    message = str(caught.value)
    assert str(tmp_path) in message and "\n" not in message and "weights_only" not in message


def test_a_text_encoder_that_lacks_tensors_is_refused(sources: dict[int, Source], tmp_path: Path) -> None:
    """Its loader would fill them with noise."""
    from faceshot.models.loading import prompt_embeds

    sources[1].text.save_pretrained(tmp_path / "text_encoder")
    write_byte_tokenizer(tmp_path / "tokenizer")
    whole = prompt_embeds(tmp_path, PROMPT)
    file = tmp_path / "text_encoder" / "model.safetensors"
    tensors = load_file(file)
    save_file(tensors, file.with_name("model.fp16.safetensors"), metadata={"format": "pt"})
    del tensors[next(name for name in tensors if name.endswith("layers.1.mlp.fc1.weight"))]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"text_encoder: weights and config\.json do not fit, e\.g\. .*layers\.1\.mlp"):
        prompt_embeds(tmp_path, PROMPT)
    file.unlink()
    assert torch.allclose(prompt_embeds(tmp_path, PROMPT), whole)  # *.fp16.* are read where there are no others


def test_a_tokenizer_that_does_not_say_how_long_a_text_may_be(sources: dict[int, Source], tmp_path: Path) -> None:
    from faceshot.models.loading import prompt_embeds

    sources[1].text.save_pretrained(tmp_path / "text_encoder")
    write_byte_tokenizer(tmp_path / "tokenizer")
    whole = prompt_embeds(tmp_path, PROMPT)
    config = tmp_path / "tokenizer" / "tokenizer_config.json"
    config.write_text(config.read_text().replace('"model_max_length": 77', '"note": 0'))
    assert whole.shape == (1, 77, WIDTH) and torch.equal(prompt_embeds(tmp_path, PROMPT), whole)


def test_a_damaged_vocabulary_is_named(files: dict[str, Path], tmp_path: Path) -> None:
    write_byte_tokenizer(tmp_path / "tokenizer")
    (tmp_path / "tokenizer" / "vocab.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot load CLIP's vocabulary from .*tokenizer"):
        Checkpoint.read(files["1.safetensors"]).prompt_embeds("a cat", tmp_path / "tokenizer")
