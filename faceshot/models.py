"""Loading network parts from folders, strictly and never from the network; device and dtype by name."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from safetensors import SafetensorError

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.presets import weight_files

if TYPE_CHECKING:
    from torch import Tensor

DType = Literal["auto", "float32", "float16", "bfloat16"]

#: What the loaders of torch, safetensors, diffusers and transformers raise on damaged or foreign files.
LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError, pickle.UnpicklingError)


def pick_device(name: str) -> str:
    """``auto`` -> cuda, mps or cpu, whichever is there; any other name is checked.

    Raises:
        UsageError: unknown device, or not available on this machine.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdigit()):
        raise UsageError(f"unknown device {name!r}; use auto, cpu, cuda, cuda:N or mps")
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[kind]
    if int(index or 0) >= count:
        raise UsageError(f"device {name!r} is not available on this machine; use --device cpu")
    return name


def pick_dtype(name: DType, device: str, encoder: str) -> Any:
    """The torch dtype behind ``name``; ``auto`` is float32 on a CPU and for small models, else float16.

    Raises:
        UsageError: unknown dtype.
    """
    import torch

    table = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    table["auto"] = torch.float32 if device.startswith("cpu") or encoder != "vae" else torch.float16
    if name not in table:
        raise UsageError(f"unknown dtype {name!r}; use auto, float32, float16 or bfloat16")
    return table[name]


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the progress bars and advice of diffusers and transformers while they load; errors still come through."""
    import transformers.utils.logging as bars

    shown = bars.is_progress_bar_enabled()
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers", "diffusers.models.modeling_utils")]
    levels = [logger.level for logger in loggers]
    bars.disable_progress_bar()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def first_line(error: BaseException) -> str:
    """The first line of an error of another library, for a message of ours."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def load_model(model: Any, folder: Path, dtype: Any) -> Any:
    """A diffusers model from ``folder``, strictly, in evaluation mode."""
    weight_files(folder)
    try:
        loaded, report = model.from_pretrained(
            folder, torch_dtype=dtype, local_files_only=True, output_loading_info=True
        )
    except LOAD_ERRORS as error:
        raise InputError(f"cannot load {folder}: {first_line(error)}") from error
    wrong = [*report["missing_keys"], *report["unexpected_keys"], *map(str, report["mismatched_keys"])]
    if wrong:
        raise InputError(f"{folder}: weights and config.json do not fit, e.g. {wrong[0]} ({len(wrong)} tensors)")
    return loaded.eval().requires_grad_(False)


def load_tensors(path: Path) -> dict[str, Any]:
    """A checkpoint's tensors; pickles are read with ``weights_only``."""
    if not path.is_file():
        raise MissingError(f"{path} is missing; fetch the model again")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        import torch

        return torch.load(path, map_location="cpu", weights_only=True)
    except LOAD_ERRORS as error:
        raise InputError(f"cannot read {path}: {first_line(error)}") from error


def prompt_embeds(folder: Path, prompt: str) -> Tensor:
    """(1, tokens, channels): stored beside the model, else from its text encoder, which is not kept.

    Raises:
        MissingError: neither is there.
    """
    stored = folder / "prompt.safetensors"
    if stored.is_file():
        tensors = load_tensors(stored)
        if "prompt_embeds" not in tensors or tensors["prompt_embeds"].ndim != 3:
            raise InputError(f"{stored} must hold prompt_embeds of shape (1, tokens, channels)")
        return tensors["prompt_embeds"].float()
    if not (folder / "text_encoder").is_dir() or not (folder / "tokenizer").is_dir():
        raise MissingError(f"{folder} has neither prompt.safetensors nor text_encoder and tokenizer; fetch it again")
    import torch
    from transformers import CLIPTextModel, CLIPTokenizer

    try:
        with quiet():
            tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
            encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", local_files_only=True).eval()
    except LOAD_ERRORS as error:
        raise InputError(f"cannot load the text encoder of {folder}: {first_line(error)}") from error
    ids = tokenizer(prompt, padding="max_length", max_length=tokenizer.model_max_length, truncation=True)["input_ids"]
    with torch.no_grad():
        return encoder(torch.tensor([ids])).last_hidden_state.float()
