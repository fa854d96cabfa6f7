"""Fingerprints of model files: features made with other weights must never be compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from faceshot.errors import MissingError

#: Files up to this size are hashed whole; of larger ones the ends and 62 samples in between.
WHOLE_HASH_BYTES: Final = 1 << 26


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
