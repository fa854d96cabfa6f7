"""Diffusion models the matcher knows, as data, and where their files lie.

A preset is a record: which model, which layer, which noise level, which conditioning. Nothing here loads a network.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from faceshot.errors import InputError, MissingError, UsageError

Encoder = Literal["vae", "pixel-unshuffle:4"]
Mode = Literal["inversion", "one-step", "clean"]
Guidance = Literal["none", "self", "domain"]

#: Raised by one whenever the arithmetic behind the features changes, so that stored features become stale.
FEATURE_VERSION: Final = 1
#: The file beside ``unet/`` and ``scheduler/`` that states the settings a model of our own layout was trained for.
SETTINGS_FILE: Final = "mini.json"
#: Files up to this size are hashed whole; of larger ones the ends and 62 samples in between.
WHOLE_HASH_BYTES: Final = 1 << 26


@dataclass(frozen=True)
class ImagePromptSource:
    """Where an IP-Adapter and its CLIP image encoder lie: a source (see :class:`Preset`), a file, a folder."""

    source: str
    weights: str
    image_encoder: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preset:
    """One way to turn a picture into features (FaceShot, section 3.2 and appendix B).

    Attributes:
        name: as used with ``--preset``.
        reason: one line: why these settings.
        source: ``package:NAME``, ``hub:OWNER/NAME`` or ``folder:PATH``; sub-folders ``unet``, ``scheduler``, and
            ``vae``, ``text_encoder``, ``tokenizer`` where used; ``prompt.safetensors`` replaces the text encoder.
        encoder: picture -> latent: a VAE's posterior mean, or pixels folded 4x4 into channels.
        image_size: side of the square the network sees [px].
        layer: dotted name of the U-Net module whose output is the feature.
        t: timestep label given to the U-Net in the call whose features are read.
        mode: how the noise level is reached: DDIM inversion, one noising step, or not at all (``clean``).
        steps: DDIM steps n of the full schedule (mode ``inversion``).
        prompt: text prompt (informative where ``prompt.safetensors`` is stored).
        guidance: image prompt: none, the picture itself, or the mean embedding of a gallery domain.
        image_prompt: the IP-Adapter, when the preset has one.
        files: what to fetch from the hub.
        temperature: of the matcher's softmax over cosines; a matter of the model, not of the features.
        confidence: how the matcher weighs likeness to the vectors used, likeness to the best domain, disagreement with
            the mirror image, oddness of the shape, and a constant, into the logit of "this is a face, found well".
            The default uses the last three only, because cosines mean different things to different models.
        seed: of the fixed noise in mode ``one-step``.
    """

    name: str
    reason: str
    source: str
    encoder: Encoder
    image_size: int
    layer: str
    t: int
    mode: Mode = "inversion"
    steps: int = 50
    prompt: str = "a photo of a face"
    guidance: Guidance = "none"
    image_prompt: ImagePromptSource | None = None
    files: tuple[str, ...] = ()
    temperature: float = 0.05
    confidence: tuple[float, float, float, float, float] = (0.0, 0.0, -8.0, -2.0, 3.0)
    seed: int = 0

    def __post_init__(self) -> None:
        for field, allowed in (("encoder", Encoder), ("mode", Mode), ("guidance", Guidance)):
            value = getattr(self, field)
            if value not in get_args(allowed):
                raise UsageError(
                    f"preset {self.name}: {field} must be one of {', '.join(get_args(allowed))}; got {value!r}"
                )
        for field in ("image_size", "t", "steps"):
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or value < (0 if field == "t" else 1):
                raise UsageError(f"preset {self.name}: {field} must be a whole number, got {value!r}")
        if not isinstance(self.temperature, float | int) or not self.temperature > 0:
            raise UsageError(f"preset {self.name}: temperature must be a positive number, got {self.temperature!r}")
        multiple = 4 if self.encoder == "pixel-unshuffle:4" else 8
        if self.image_size % multiple:
            raise UsageError(f"preset {self.name}: image_size must be a multiple of {multiple}, got {self.image_size}")

    def settings(self) -> dict[str, Any]:
        """What changes features apart from the weights, JSON-ready; options without effect in ``mode`` left out."""
        keep = {
            key: getattr(self, key) for key in ("encoder", "image_size", "layer", "t", "mode", "prompt", "guidance")
        }
        keep["version"] = FEATURE_VERSION
        if self.mode == "inversion":
            keep["steps"] = self.steps
        if self.mode == "one-step":
            keep["seed"] = self.seed
        return keep

    def digest(self, fingerprint: str) -> str:
        """16 hex digits that change whenever features change: settings and the weights' ``fingerprint``.

        Device and dtype are left out: half precision moves cosines by less than the matcher resolves.
        """
        text = json.dumps({**self.settings(), "weights": fingerprint}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


_SD15_FILES = (
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/*",
    "scheduler/scheduler_config.json",
)
_IP_FILES = ("models/ip-adapter_sd15.safetensors", "models/image_encoder/config.json")

PRESETS: Final[dict[str, Preset]] = {
    preset.name: preset
    for preset in (
        # Image size, layer, noise level and mode of `mini` are those of its own settings file.
        Preset(
            name="mini",
            reason="our own small model; ships in the package, offline, under a second on a CPU",
            source="package:faceshot_mini",
            encoder="pixel-unshuffle:4",
            image_size=128,
            layer="up_blocks.2",
            t=1,
            mode="clean",
            prompt="",
        ),
        Preset(
            name="sd15",
            reason="the paper's setting: Stable Diffusion 1.5, t=301, layer 6, 50 DDIM steps, IP-Adapter",
            source="hub:stable-diffusion-v1-5/stable-diffusion-v1-5",
            encoder="vae",
            image_size=512,
            layer="up_blocks.1",
            t=301,
            mode="inversion",
            steps=50,
            guidance="domain",
            image_prompt=ImagePromptSource(
                source="hub:h94/IP-Adapter",
                weights="models/ip-adapter_sd15.safetensors",
                image_encoder="models/image_encoder",
                files=(*_IP_FILES, "models/image_encoder/model.safetensors"),
            ),
            files=_SD15_FILES,
        ),
    )
}


def get_preset(name: str, /, **changes: Any) -> Preset:
    """The preset called ``name``, or one for the model in the folder ``name``; ``changes`` replace single fields.

    A folder with a ``mini.json`` has its settings there; any other folder must be a Stable Diffusion 1.x or 2.x model
    in diffusers' layout and gets the settings of ``sd15`` without the IP-Adapter.

    Raises:
        UsageError: unknown name, or a field value that cannot be.
        InputError: the folder's settings file is damaged.
    """
    folder = Path(name)
    if name in PRESETS:
        preset = PRESETS[name]
    elif (folder / SETTINGS_FILE).is_file():
        preset = dataclasses.replace(PRESETS["mini"], name=folder.name, reason="a local model with its own settings")
    elif folder.is_dir():
        preset = dataclasses.replace(
            PRESETS["sd15"], name=folder.name, reason="a local model with the settings of sd15", guidance="none"
        )
    else:
        raise UsageError(f"unknown preset {name!r}; presets are {', '.join(PRESETS)}, or give a model's folder")
    if name not in PRESETS:
        preset = dataclasses.replace(preset, source=f"folder:{folder.resolve()}", image_prompt=None, files=())
    if not preset.source.startswith("hub:"):
        settings = locate(preset.source) / SETTINGS_FILE
        if settings.is_file():
            preset = dataclasses.replace(preset, **_read_settings(settings))
    try:
        return dataclasses.replace(preset, **changes)
    except TypeError as error:
        raise UsageError(f"preset {name}: {error}") from error


def _read_settings(path: Path) -> dict[str, Any]:
    """The preset fields in a settings file; keys that are no preset fields belong to others and are left alone."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if not isinstance(data, Mapping) or "layer" not in data or "image_size" not in data:
        raise InputError(f"{path} must hold a JSON object with at least image_size and layer")
    fields = {f.name for f in dataclasses.fields(Preset)} - {"name", "source", "image_prompt", "files"}
    return {key: value for key, value in data.items() if key in fields}


def locate(source: str, *, files: tuple[str, ...] = (), offline: bool = False) -> Path:
    """The folder behind a ``source``; hub models come from ``FACESHOT_WEIGHTS``, the hub cache, or the network.

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
    if kind != "hub":
        raise UsageError(f"model source {source!r} must start with package:, hub: or folder:")
    if root := os.environ.get("FACESHOT_WEIGHTS"):
        for folder in (Path(root).expanduser() / place, Path(root).expanduser() / place.rpartition("/")[2]):
            if folder.is_dir():
                return folder
    return _from_hub(place, files, offline)


def _from_hub(repo: str, files: tuple[str, ...], offline: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        folder = Path(snapshot_download(repo, allow_patterns=list(files) or None, local_files_only=offline))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise MissingError(_how_to_get(repo, files)) from error
    # A cache may hold the snapshot of another program that fetched other files of the same model.
    lacking = [name for name in files if "*" not in name and not (folder / name).is_file()]
    if lacking:
        raise MissingError(f"{lacking[0]} is missing: " + _how_to_get(repo, files))
    return folder


def _how_to_get(repo: str, files: tuple[str, ...]) -> str:
    include = "".join(f" --include '{name}'" for name in files)
    return (
        f"model {repo} is not on this machine (looked in FACESHOT_WEIGHTS and the Hugging Face cache); "
        f"run: hf download {repo}{include}"
    )


def weight_files(folder: Path) -> list[Path]:
    """The weight files ``from_pretrained`` would read from one component's folder, shards included.

    Raises:
        MissingError: none is there.
    """
    for stem in ("diffusion_pytorch_model", "model", "pytorch_model"):
        for suffix in ("safetensors", "bin"):
            index = folder / f"{stem}.{suffix}.index.json"
            if index.is_file():
                shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
                return [folder / name for name in sorted(set(shards))]
            if (folder / f"{stem}.{suffix}").is_file():
                return [folder / f"{stem}.{suffix}"]
    raise MissingError(f"no weights (*.safetensors, *.bin) in {folder}; fetch or reinstall the model")


def fingerprint(folder: Path, image_prompt: Path | None = None) -> str:
    """16 hex digits over a model's configuration and weights, and over the IP-Adapter file where one is used.

    Files above 64 MB are sampled, so that a 3 GB checkpoint costs milliseconds: a retrained or converted file changes
    everywhere, and its size and header are always read.

    Raises:
        MissingError: a component lacks its weights.
    """
    digest = hashlib.sha256()
    for part in ("unet", "scheduler", "vae", "text_encoder"):
        if not (folder / part).is_dir():
            if part in ("unet", "scheduler"):
                raise MissingError(f"no {part} folder in {folder}; give a model in diffusers' layout")
            continue
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        if not (folder / part / name).is_file():
            raise MissingError(f"{folder / part / name} is missing; fetch or reinstall the model")
        digest.update((folder / part / name).read_bytes())
        if part != "scheduler":
            for weights in weight_files(folder / part):
                _hash_file(weights, digest)
    for extra in (folder / "prompt.safetensors", image_prompt):
        if extra is not None and extra.is_file():
            _hash_file(extra, digest)
    return digest.hexdigest()[:16]


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


def _hash_file(path: Path, digest: Any) -> None:
    size = path.stat().st_size
    digest.update(str(size).encode())
    with path.open("rb") as file:
        if size <= WHOLE_HASH_BYTES:
            digest.update(file.read())
            return
        for i in range(64):
            file.seek((size - (1 << 16)) * i // 63)
            digest.update(file.read(1 << 16))
