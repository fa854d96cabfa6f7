"""Loading network parts from folders, strictly and never from the network; device and dtype by name."""

from __future__ import annotations

import logging
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from safetensors import SafetensorError

from faceshot.errors import InputError, MissingError, UsageError, option
from faceshot.models.presets import weight_files
from faceshot.reading import FOREIGN, check_config, check_weights, whole_number
from faceshot.threads import after_fork

if TYPE_CHECKING:
    from torch import Tensor

DType = Literal["auto", "float32", "float16", "bfloat16"]

#: What the loaders of torch, safetensors, diffusers and transformers raise on damaged or foreign files.
LOAD_ERRORS = (SafetensorError, *FOREIGN)


def pick_device(name: str) -> str:
    """``auto`` -> cuda, mps or cpu, whichever is there; any other name is checked.

    Raises:
        UsageError: unknown device, or not available on this machine.
    """
    import torch

    after_fork()
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and whole_number(index) is None):
        raise UsageError(f"unknown device {name!r}; use auto, cpu, cuda, cuda:N or mps")
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[kind]
    if int(index or 0) >= count:
        raise UsageError(f"device {name!r} is not available on this machine; use {option('device', 'cpu')}")
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
    """The first line of an error of another library, for a message of ours.

    Where torch refused a pickle that may run code it advises to load it all the same; our advice is another.
    """
    text = str(error).strip()
    if "weights_only" in text:
        found = re.search(r"GLOBAL (\S+) was not an allowed", text)
        return (
            f"it holds {found[1] if found else 'Python objects'} besides tensors or is damaged, and is never loaded; "
            "convert it to .safetensors with a tool you trust"
        )
    return next(iter(text.splitlines()), type(error).__name__)


def load_model(model: Any, folder: Path, dtype: Any) -> Any:
    """A diffusers model from ``folder``, strictly, in evaluation mode."""
    _check(folder)
    try:
        loaded, report = model.from_pretrained(
            folder, torch_dtype=dtype, local_files_only=True, output_loading_info=True, variant=_variant(folder)
        )
    except LOAD_ERRORS as error:
        raise InputError(f"cannot load {folder}: {first_line(error)}") from error
    _check_report(folder, report)
    return loaded.eval().requires_grad_(False)


def _check(folder: Path) -> None:
    """Refuse sizes no model has before a library builds something of them."""
    check_config(folder / "config.json")
    for path in weight_files(folder):
        check_weights(path)


def _variant(folder: Path) -> str | None:
    """``fp16`` where only files of that name are in ``folder``; raises as :func:`weight_files`."""
    return "fp16" if ".fp16." in weight_files(folder)[0].name else None


def _check_report(folder: Path, report: Mapping[str, Any], *, spare: bool = False) -> None:
    """Refuse what a loader could not fill (it would be noise), and tensors left over unless ``spare`` ones may be."""
    wrong = [*report["missing_keys"], *map(str, report["mismatched_keys"])]
    wrong += [] if spare else report["unexpected_keys"]
    wrong = [name for name in wrong if not name.endswith("position_ids")]
    if wrong:
        raise InputError(f"{folder}: weights and config.json do not fit, e.g. {wrong[0]} ({len(wrong)} tensors)")


def load_tensors(path: Path) -> dict[str, Any]:
    """What a checkpoint file holds, by name; pickles are read with ``weights_only``.

    Raises:
        MissingError: no such file. InputError: damaged, or a pickle that holds more than tensors.
    """
    if not path.is_file():
        raise MissingError(f"{path} is missing; fetch the model again")
    check_weights(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about pickles it then refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, SafetensorError, PermissionError, pickle.UnpicklingError) as error:
        reason = first_line(error)
        fix = "" if "convert it" in reason else "; fetch it again"
        raise InputError(f"cannot read {path}: {reason.rstrip('.')}{fix}") from error
    except LOAD_ERRORS as error:
        raise InputError(f"cannot read {path}: it is damaged, or no file of torch's; fetch it again") from error


def load_tokenizer(folder: Path) -> Any:
    """CLIP's tokenizer from ``vocab.json`` and ``merges.txt``.

    Raises:
        InputError: missing or damaged.
    """
    from transformers import CLIPTokenizer

    try:
        with quiet():
            return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the library below raises nothing more special
        raise InputError(f"cannot load CLIP's vocabulary from {folder}: {first_line(error)}") from error


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
    from transformers import CLIPTextModel

    tokenizer = load_tokenizer(folder / "tokenizer")
    place = folder / "text_encoder"
    _check(place)
    variant, kind = _variant(place), cast(Any, CLIPTextModel)
    try:
        with quiet():
            encoder, report = kind.from_pretrained(
                place, local_files_only=True, output_loading_info=True, variant=variant
            )
    except LOAD_ERRORS as error:
        raise InputError(f"cannot load the text encoder of {folder}: {first_line(error)}") from error
    _check_report(place, report, spare=True)
    # Some tokenizers do not say how long a text may be; the encoder's table of positions does.
    longest = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
    ids = tokenizer(prompt, padding="max_length", max_length=longest, truncation=True)["input_ids"]
    with torch.no_grad():
        return encoder.eval().float()(torch.tensor([ids])).last_hidden_state
