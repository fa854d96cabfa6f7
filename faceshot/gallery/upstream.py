"""Domain features as FaceShot's authors publish them, as a gallery without pictures.

Their layout is ``<part>/<domain>/diff_feature.pt`` (n, C), the mean feature at the part's n landmarks, and
``clip_feature.pt`` (1, E), the mean CLIP embedding of the part's crops; parts ``face_boundary``, ``eye_brows``,
``nose``, ``eyes``, ``mouth``. How they were made is not written down in the files: t = 301, ``up_blocks[1]``, 50 DDIM
steps, 512 px, "a photo of a face", with Stable Diffusion 2.1 in the released code's default run, 1.5 in the paper.
"""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from faceshot.errors import InputError, UsageError
from faceshot.features import normalised
from faceshot.gallery.features import DomainFeatures, save
from faceshot.gallery.store import FEATURES_FILE
from faceshot.landmarks import FloatArray
from faceshot.landmarks.topology import N_POINTS, PART_POINTS, PARTS, Part
from faceshot.models import LOAD_ERRORS, Preset, first_line, get_preset, locate, model_digest
from faceshot.output import check_output, writing
from faceshot.reading import check_config, check_weights

#: Their folder names -> our parts.
PART_FOLDERS: Final[Mapping[str, Part]] = MappingProxyType(
    {"face_boundary": "face_boundary", "eye_brows": "eyebrows", "nose": "nose", "eyes": "eyes", "mouth": "mouth"}
)
FEATURE: Final = "diff_feature.pt"
EMBEDDING: Final = "clip_feature.pt"
#: What a preset must be set to for these features to mean anything to it.
SETTINGS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "encoder": "vae",
        "image_size": 512,
        "mode": "inversion",
        "steps": 50,
        "t": 301,
        "layer": "up_blocks.1",
        "prompt": "a photo of a face",
    }
)


@dataclass(frozen=True)
class Imported:
    """What became of a folder of features.

    Attributes:
        folder: the gallery. domains: names in it.
        partial: domain -> parts it has, where these are not all.
    """

    folder: Path
    domains: tuple[str, ...]
    partial: Mapping[str, tuple[Part, ...]]


def import_gallery(
    source: str | Path, output: str | Path, *, preset: str = "sd21", offline: bool = True, overwrite: bool = False
) -> Imported:
    """Read the published features below ``source`` and write them as a gallery for one preset.

    Every file is checked before anything is written. A domain may have some of the parts only; the others are unknown,
    not absent. Where the preset shows pictures under a domain's image prompt (``sd15``), the mean of the domain's part
    embeddings stands in for that of its pictures, which is not published.

    Args:
        source: ``target_domains`` or the folder it is in.
        output: folder of the new gallery.
        preset: of the model the features were made with; it must be on this machine, since features are bound to its
            exact weights.
        offline: do not download the model.
        overwrite: replace a gallery there.

    Raises:
        UsageError: unknown preset, or one whose settings are others.
        MissingError: its model is not on this machine.
        InputError: files are missing, damaged, of a wrong shape, or hold more than tensors.
    """
    chosen = _matching_preset(preset)
    output = check_output(output, overwrite=overwrite, inputs=[source])
    found = _domains(Path(source))
    digest = model_digest(chosen, offline=offline)
    channels, width = _channels(chosen, offline), _embed_width(chosen, offline)
    read = {name: _read(parts, channels, width) for name, parts in found.items()}
    names = _names(list(read))
    with writing(output, folder=True, overwrite=overwrite) as part:
        for original, (features, embeds) in read.items():
            made = _features(features, embeds, digest)
            about = {"preset": preset, **chosen.settings(), "digest": digest, "imported": original}
            save(part / "domains" / names[original] / FEATURES_FILE, made, about, name=names[original])
    partial = {names[key]: tuple(value[0]) for key, value in read.items() if len(value[0]) < len(PARTS)}
    return Imported(output, tuple(sorted(names.values())), partial)


def _matching_preset(name: str) -> Preset:
    chosen = get_preset(name)
    wrong = {key: getattr(chosen, key) for key, value in SETTINGS.items() if getattr(chosen, key) != value}
    if wrong:
        theirs = ", ".join(f"{key} {SETTINGS[key]}" for key in wrong)
        ours = ", ".join(f"{key} {value}" for key, value in wrong.items())
        raise UsageError(
            f"preset {chosen.name} has {ours}; the published features were made with {theirs}; use sd21 or sd15"
        )
    return chosen


def _domains(source: Path) -> dict[str, dict[Part, Path]]:
    """Domain -> part -> folder, by name.

    Raises:
        InputError: no such layout.
    """
    root = source / "target_domains" if (source / "target_domains").is_dir() else source
    if not root.is_dir():
        raise InputError(f"{source} is not a folder; give target_domains, which holds {', '.join(PART_FOLDERS)}")
    found: dict[str, dict[Part, Path]] = {}
    for name, part in PART_FOLDERS.items():
        if not (root / name).is_dir():
            continue
        for folder in sorted(path for path in (root / name).iterdir() if path.is_dir()):
            if not folder.name.startswith("."):
                found.setdefault(folder.name, {})[part] = folder
    if not found:
        parts = ", ".join(PART_FOLDERS)
        raise InputError(f"{root} holds no domain features; expected PART/DOMAIN/{FEATURE}, PART one of {parts}")
    return dict(sorted(found.items()))


def _read(
    folders: Mapping[Part, Path], channels: int, width: int | None
) -> tuple[dict[Part, FloatArray], dict[Part, FloatArray]]:
    """Part -> (n, C) features, part -> (E,) embedding, of one domain."""
    features: dict[Part, FloatArray] = {}
    embeds: dict[Part, FloatArray] = {}
    for part, folder in folders.items():
        features[part] = _tensor(folder / FEATURE, (len(PART_POINTS[part]), channels))
        first = next(iter(embeds.values()), None)
        expected = width if width is not None else None if first is None else len(first)
        embeds[part] = _tensor(folder / EMBEDDING, (1, expected))[0]
        if not np.linalg.norm(features[part], axis=1).all() or not embeds[part].any():
            raise InputError(f"{folder} holds a feature or embedding that is zero; it was not made by a whole run")
    return features, embeds


def _tensor(path: Path, shape: tuple[int, int | None]) -> FloatArray:
    """A matrix of a ``.pt`` file as float32; never unpickles objects.

    Raises:
        InputError: missing, damaged, more than a tensor, of another shape, or not finite.
    """
    import torch

    if not path.is_file():
        raise InputError(f"{path} is missing; every domain of a part needs {FEATURE} and {EMBEDDING}")
    check_weights(path)
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own text advises to load it all the same.
        reason = "Python objects, which are never loaded" if "GLOBAL" in str(error) else "something else"
        raise InputError(f"{path} holds {reason}; it must hold one tensor") from error
    except (*LOAD_ERRORS, EOFError) as error:
        raise InputError(f"{path} is damaged ({first_line(error)[:80]}); it must hold one tensor") from error
    wanted = f"({shape[0]}, {shape[1] if shape[1] is not None else 'E'})"
    if not isinstance(value, torch.Tensor):
        raise InputError(f"{path} holds a {type(value).__name__}; it must hold one tensor {wanted}")
    if value.ndim != 2 or value.shape[0] != shape[0] or shape[1] not in (None, value.shape[1]):
        what = "landmarks and the model's channels" if path.name == FEATURE else "one row and CLIP's width"
        raise InputError(f"{path} has shape {tuple(value.shape)}, expected {wanted} ({what}); is it of another model?")
    array: FloatArray = value.detach().to(torch.float32).numpy()
    if not np.isfinite(array).all():
        raise InputError(f"{path} is not finite")
    return array


def _features(features: Mapping[Part, FloatArray], embeds: Mapping[Part, FloatArray], digest: str) -> DomainFeatures:
    """One domain as if it had one picture; parts that are not given have no features, yet are not absent."""
    first = next(iter(features.values()))
    raw = np.zeros((N_POINTS, first.shape[1]), np.float32)
    for part, values in features.items():
        raw[list(PART_POINTS[part])] = values
    unit = np.where(np.linalg.norm(raw, axis=1, keepdims=True) > 0, normalised(raw), 0).astype(np.float32)
    mean = np.mean(list(embeds.values()), axis=0).astype(np.float32)
    content = hashlib.sha256(raw.tobytes() + b"".join(embeds[part].tobytes() for part in PARTS if part in embeds))
    return DomainFeatures(
        digest=digest,
        content=content.hexdigest()[:16],
        points=unit[None].astype(np.float16),
        norms=np.linalg.norm(raw, axis=1)[None].astype(np.float32),
        visible=np.ones((1, N_POINTS), np.bool_),
        diff=unit,
        part_embeds=np.stack([embeds.get(part, np.zeros_like(mean)) for part in PARTS]).astype(np.float32),
        image_embed=mean,
    )


def _names(originals: list[str]) -> dict[str, str]:
    """Their names as names of ours, each once."""
    out: dict[str, str] = {}
    for original in originals:
        plain = re.sub(r"[^a-z0-9]+", "-", original.lower()).strip("-")[:36].strip("-") or "domain"
        name, count = plain, 1
        while name in out.values():
            count += 1
            name = f"{plain}-{count}"
        out[original] = name
    return out


def _channels(preset: Preset, offline: bool) -> int:
    """Width of the preset's layer, from the model's configuration; 1280 where that is inside a checkpoint file."""
    place = locate(preset.source, files=preset.files, offline=offline)
    path = place / "unet" / "config.json"
    if place.is_file():
        return 1280
    try:
        widths = check_config(path)["block_out_channels"]
        return int(widths[-1 - int(preset.layer.rpartition(".")[2])])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"{path} does not say how wide {preset.layer} is ({type(error).__name__})") from error


def _embed_width(preset: Preset, offline: bool) -> int | None:
    """Width of the image prompts the preset's IP-Adapter takes; None where it has none."""
    if preset.image_prompt is None:
        return None
    folder = locate(preset.image_prompt.source, files=(preset.image_prompt.weights,), offline=offline)
    path = folder / preset.image_prompt.weights
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return int(file.get_slice("image_proj.proj.weight").get_shape()[1])
    except (OSError, SafetensorError, IndexError) as error:
        raise InputError(f"cannot read {path}: {first_line(error)}") from error
