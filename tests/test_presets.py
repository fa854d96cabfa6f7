"""Presets: names, folders, refusals, digests, where files are looked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from faceshot.errors import FaceShotError, InputError, MissingError, UsageError
from faceshot.presets import PRESETS, fingerprint, get_preset, locate, model_digest, weight_files
from tests.tiny_networks import write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copy"))


def test_sd15_is_the_papers_setting() -> None:
    preset = get_preset("sd15")
    assert (preset.t, preset.layer, preset.steps, preset.prompt) == (301, "up_blocks.1", 50, "a photo of a face")
    assert preset.image_prompt is not None and preset.guidance == "domain"


def test_every_preset_states_its_reason_on_one_line() -> None:
    for name, preset in PRESETS.items():
        assert preset.name == name and len(preset.reason) > 20 and "\n" not in preset.reason


def test_a_folder_brings_its_settings(model: Path) -> None:
    preset = get_preset(str(model))
    assert (preset.image_size, preset.layer, preset.mode, preset.t) == (64, "up_blocks.2", "clean", 1)
    assert preset.image_prompt is None and locate(preset.source) == model.resolve()


def test_a_copy_of_a_model_has_its_digest(model: Path, copy: Path) -> None:
    """The same network under another name and place: features may be compared."""
    assert model_digest(get_preset(str(copy))) == model_digest(get_preset(str(model)))


def test_a_folder_without_settings_is_stable_diffusion(copy: Path) -> None:
    (copy / "mini.json").unlink()
    preset = get_preset(str(copy))
    assert (preset.encoder, preset.image_size, preset.t, preset.guidance) == ("vae", 512, 301, "none")


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("nothing", {}, "unknown preset 'nothing'; presets are mini, sd15, or give a model's folder"),
        ("sd15", {"mode": "magic"}, "mode must be one of inversion, one-step, clean; got 'magic'"),
        ("sd15", {"guidance": "swapped"}, "guidance must be one of"),
        ("sd15", {"image_size": 500}, "image_size must be a multiple of 8, got 500"),
        ("sd15", {"image_size": 0}, "image_size must be a whole number"),
        ("sd15", {"steps": 2.5}, "steps must be a whole number"),
        ("sd15", {"t": -1}, "t must be a whole number"),
        ("sd15", {"temperature": 0}, "temperature must be a positive number"),
        ("sd15", {"colour": 1}, "colour"),
    ],
)
def test_refusals(name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        get_preset(name, **changes)


@pytest.mark.parametrize("text", ["{", "[]", '{"layer": "up_blocks.1"}', "\x00\xff"])
def test_a_damaged_settings_file_is_named(copy: Path, text: str) -> None:
    (copy / "mini.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"mini\.json"):
        get_preset(str(copy))


CHANGES = [{"t": 21}, {"layer": "up_blocks.1"}, {"image_size": 128}, {"mode": "one-step"}, {"prompt": "a cat"}]


def test_the_digest_changes_with_everything_that_changes_features(model: Path) -> None:
    preset = get_preset(str(model))
    digests = [get_preset(str(model), **change).digest("w") for change in [{}, *CHANGES]]
    digests += [preset.digest("v"), get_preset(str(model), mode="one-step", seed=1).digest("w")]
    digests += [get_preset(str(model), mode="inversion", steps=n).digest("w") for n in (10, 50)]
    assert len(set(digests)) == len(digests) and all(len(digest) == 16 for digest in digests)


@pytest.mark.parametrize("change", [{"steps": 10}, {"seed": 5}, {"reason": "another"}, {"name": "other"}])
def test_the_digest_ignores_what_has_no_effect(model: Path, change: dict[str, Any]) -> None:
    assert get_preset(str(model), **change).digest("w") == get_preset(str(model)).digest("w")


def test_the_fingerprint_follows_the_bytes_not_the_place(model: Path, copy: Path) -> None:
    assert fingerprint(copy) == fingerprint(model)
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert fingerprint(copy) != fingerprint(model)


@pytest.mark.parametrize(
    "lost",
    ["unet", "scheduler", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"],
)
def test_a_model_with_a_missing_part_is_refused(copy: Path, lost: str) -> None:
    target = copy / lost
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    with pytest.raises(MissingError, match=lost.partition("/")[0]):
        fingerprint(copy)


def test_shards_are_all_weights(tmp_path: Path) -> None:
    shards = {"a": "part-2.safetensors", "b": "part-1.safetensors", "c": "part-2.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    assert [path.name for path in weight_files(tmp_path)] == ["part-1.safetensors", "part-2.safetensors"]


def test_a_hub_model_is_taken_from_the_weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path))
    for folder in (tmp_path / "model", tmp_path / "owner" / "model"):
        folder.mkdir(parents=True)
        assert locate("hub:owner/model", offline=True) == folder


def test_an_absent_hub_model_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACESHOT_WEIGHTS", raising=False)
    with pytest.raises(MissingError, match=r"run: hf download nobody/absent --include 'unet/config.json'$"):
        locate("hub:nobody/absent", files=("unet/config.json",), offline=True)


@pytest.mark.parametrize("source", ["folder:/does/not/exist", "package:faceshot_nowhere", "nowhere"])
def test_sources_that_are_not_there(source: str) -> None:
    with pytest.raises(FaceShotError):
        locate(source)
