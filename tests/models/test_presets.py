"""Presets: names, folders, refusals, digests, where files are looked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from faceshot.errors import FaceShotError, InputError, MissingError, UsageError
from faceshot.models.presets import PRESETS, fingerprint, get_preset, locate, model_digest, weight_files, with_settings
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


FAMILY = {
    "sd15": ("inversion", 50, "domain", True),
    "sd15-fast": ("inversion", 10, "domain", True),
    "sd15-onestep": ("one-step", 50, "domain", True),
    "sd21": ("inversion", 50, "none", False),
    "sd15:steps=20,guidance=swap": ("inversion", 20, "swap", True),
    "sd15:guidance=none": ("inversion", 50, "none", False),
    "someone/anime:guidance=self": ("inversion", 50, "self", True),
    "someone/anime": ("inversion", 50, "none", False),
}


@pytest.mark.parametrize(("name", "expected"), FAMILY.items(), ids=FAMILY)
def test_the_family_of_sd15(name: str, expected: tuple[str, int, str, bool]) -> None:
    """Everything with Stable Diffusion's layout shares t, layer, size and prompt of the paper's setting."""
    preset = get_preset(name)
    assert (preset.mode, preset.steps, preset.guidance, preset.image_prompt is not None) == expected
    assert (preset.t, preset.layer, preset.image_size, preset.encoder) == (301, "up_blocks.1", 512, "vae")
    assert preset.name == name and preset.source.startswith("hub:")


def test_settings_are_added_to_a_name() -> None:
    assert with_settings("sd15", steps=None, guidance=None) == "sd15"
    assert with_settings("sd15", steps=10, guidance=None) == "sd15:steps=10"
    assert with_settings("sd15:steps=10", guidance="swap") == "sd15:steps=10,guidance=swap"
    assert get_preset(with_settings("sd15:steps=10", steps=20)).steps == 20


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_a_checkpoint_file_is_a_model(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"anime{suffix}"
    path.write_bytes(b"weights")
    preset = get_preset(f"{path}:steps=10,prediction=v_prediction")
    assert (preset.source, preset.prediction) == (f"file:{path}", "v_prediction") and locate(preset.source) == path
    digest = model_digest(preset)
    assert digest != model_digest(get_preset(f"{path}:steps=10"))
    path.write_bytes(b"others")
    assert model_digest(preset) != digest


def test_swap_stores_the_features_of_domain() -> None:
    one, other = (get_preset("sd15", guidance=name) for name in ("swap", "domain"))
    assert one.digest("w") == other.digest("w") != get_preset("sd15", guidance="self").digest("w")


def test_a_name_with_a_colon_may_be_a_folder(copy: Path) -> None:
    place = copy.rename(copy.parent / "odd:steps=10")
    assert get_preset(str(place)).source == f"folder:{place}"


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
        ("nothing", {}, "unknown preset 'nothing'; presets are mini, sd15, .*, sd21, or give a model's"),
        ("absent.safetensors", {}, "checkpoint absent.safetensors does not exist"),
        ("sd15", {"mode": "magic"}, "mode must be one of inversion, one-step, clean; got 'magic'"),
        ("sd15", {"guidance": "swapped"}, "guidance must be one of"),
        ("sd15", {"image_size": 500}, "image_size must be a multiple of 8, got 500"),
        ("sd15", {"image_size": 0}, "image_size must be a whole number"),
        ("sd15", {"steps": 2.5}, "steps must be a whole number"),
        ("sd15", {"t": -1}, "t must be a whole number"),
        ("sd15", {"temperature": 0}, "temperature must be a positive number"),
        ("sd15", {"colour": 1}, "colour"),
        ("sd15", {"prediction": "flow"}, "prediction must be one of epsilon, v_prediction, sample; got 'flow'"),
        ("sd15", {"steps": 25}, r"t=301 cannot be reached with 25 steps \(they visit t=281 and 321\); .*: 10, 20, 33,"),
        ("sd15", {"t": 311}, "t=311 cannot be reached with 50 steps .*they visit t=301 and 321"),
        ("sd15:steps=30", {}, "steps that reach it"),
        ("sd15:steps=ten", {}, "steps must be a whole number, got 'ten'"),
        ("sd15:colour=red", {}, "unknown setting 'colour'; settings are layer, mode"),
        ("sd15:seed=1", {}, "seed belongs to mode one-step, this is inversion"),
        ("mini:steps=10", {}, "steps belongs to mode inversion, this is clean"),
        ("mini:guidance=domain", {}, "no image prompt for this model"),
        ("sd21:guidance=self", {}, "no image prompt for this model"),
        ("nowhere:steps=10", {}, "unknown preset 'nowhere'"),
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
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shards}))
    (tmp_path / "part-1.safetensors").touch()
    with pytest.raises(MissingError, match=r"part-2\.safetensors is missing"):
        weight_files(tmp_path)
    (tmp_path / "part-2.safetensors").touch()
    assert [path.name for path in weight_files(tmp_path)] == ["part-1.safetensors", "part-2.safetensors"]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": 1}}'])
def test_a_damaged_list_of_shards_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(InputError, match=r"model\.safetensors\.index\.json is damaged"):
        weight_files(tmp_path)


def test_half_precision_files_count_where_there_are_no_others(tmp_path: Path) -> None:
    for name, best in (
        ("diffusion_pytorch_model.fp16.bin", True),
        ("diffusion_pytorch_model.fp16.safetensors", True),
        ("diffusion_pytorch_model.non_ema.safetensors", False),
        ("diffusion_pytorch_model.bin", True),
        ("diffusion_pytorch_model.safetensors", True),
    ):
        (tmp_path / name).touch()
        assert (weight_files(tmp_path)[0].name == name) == best


def test_a_hub_model_is_taken_from_the_weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path))
    for folder in (tmp_path / "model", tmp_path / "owner" / "model"):
        folder.mkdir(parents=True)
        assert locate("hub:owner/model", offline=True) == folder


def test_an_absent_hub_model_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACESHOT_WEIGHTS", raising=False)
    with pytest.raises(MissingError, match=r"run: hf download nobody/absent --include 'unet/config.json'$"):
        locate("hub:nobody/absent", files=("unet/config.json",), offline=True)


@pytest.mark.parametrize(
    "source", ["folder:/does/not/exist", "file:/does/not/exist.ckpt", "package:faceshot_nowhere", "nowhere"]
)
def test_sources_that_are_not_there(source: str) -> None:
    with pytest.raises(FaceShotError):
        locate(source)
