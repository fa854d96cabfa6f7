"""Fingerprints of model files: features made with other weights must never be compared."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

from faceshot.errors import InputError, MissingError
from faceshot.reading import read_json

#: Files up to this size are hashed whole; of larger ones the ends and 62 samples in between.
WHOLE_HASH_BYTES: Final = 1 << 26


def weight_files(folder: Path) -> list[Path]:
    """The weight files ``from_pretrained`` would read from one component's folder, shards included.

    Half-precision files (``*.fp16.safetensors``) count where there are no others.

    Raises:
        MissingError: none is there, or a shard is not. InputError: the list of shards is damaged.
    """
    stems = ("diffusion_pytorch_model", "model", "pytorch_model")
    for end in ("safetensors", "bin", "fp16.safetensors", "fp16.bin"):
        for stem in stems:
            index = folder / f"{stem}.{end}.index.json"
            if index.is_file():
                return _shards(index)
            if (folder / f"{stem}.{end}").is_file():
                return [folder / f"{stem}.{end}"]
    raise MissingError(f"no weights (*.safetensors, *.bin) in {folder}; fetch or reinstall the model")


def _shards(index: Path) -> list[Path]:
    try:
        names = read_json(index, "list of weight files")["weight_map"].values()
        files = [index.parent / name for name in sorted(set(names))]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{index} is damaged ({type(error).__name__}); fetch the model again") from error
    if not files or (gone := next((file for file in files if not file.is_file()), None)):
        raise MissingError(f"{gone if files else index} is missing or empty; fetch the model again")
    return files


def fingerprint(folder: Path, image_prompt: Path | None = None) -> str:
    """16 hex digits over a model's configuration and weights, and over the IP-Adapter file where one is used.

    ``folder`` may be a checkpoint in one file.

    Files above 64 MB are sampled, so that a 3 GB checkpoint costs milliseconds: a retrained or converted file changes
    everywhere, and its size and header are always read.

    Raises:
        MissingError: a component lacks its weights.
    """
    digest = hashlib.sha256()
    if folder.is_file():
        _hash_file(folder, digest)
        if image_prompt is not None:
            _hash_file(image_prompt, digest)
        return digest.hexdigest()[:16]
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
