"""The networks of a diffusers folder, where they lie while they wait, and one call of the pipeline that fits them."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from faceshot.errors import InputError, MissingError
from faceshot.landmarks import RGBArray
from faceshot.models import LOAD_ERRORS, first_line, quiet
from faceshot.progress import show_progress
from faceshot_wan.options import LowVram, WanOptions

#: Component -> its class, of diffusers or transformers. The VAE is as published in float32.
_CLASSES: Final = {
    "text_encoder": "transformers:UMT5EncoderModel",
    "tokenizer": "transformers:AutoTokenizer",
    "image_encoder": "transformers:CLIPVisionModel",
    "vae": "diffusers:AutoencoderKLWan",
}
#: Tokens of a text.
_WORDS: Final = 512


@dataclass
class Networks:
    """A model's components by name, and the device they work on."""

    components: dict[str, Any]
    device: torch.device
    low_vram: LowVram = "off"
    pipeline: Any = None

    def pipe(self, options: WanOptions) -> Any:
        """The pipeline of the model, its networks in place."""
        if self.pipeline is None:
            self.pipeline = _pipeline(self, options)
        return self.pipeline

    def render(
        self, options: WanOptions, reference: RGBArray, clips: dict[str, list[RGBArray]], length: int, seed: int
    ) -> RGBArray:
        """Frames (T, H, W, 3) for driving pictures that fill whole segments.

        Args:
            reference: (H, W, 3), sides multiples of 16. clips: by the pipeline's own names.
            length: frames of a segment.
        """
        from PIL import Image

        with _calm():
            pipe = self.pipe(options)
        given: dict[str, Any] = {
            "image": Image.fromarray(reference),
            "height": reference.shape[0],
            "width": reference.shape[1],
            "segment_frame_length": length,
            "num_inference_steps": options.actual_steps,
            "generator": torch.Generator().manual_seed(seed),
            "output_type": "np",
            **{name: [Image.fromarray(frame) for frame in frames] for name, frames in clips.items()},
        }
        with torch.no_grad(), _calm():
            if options.model == "animate":
                given["prompt_embeds"] = self._embedded(pipe, options.prompt)
                if options.actual_guidance > 1:
                    given["negative_prompt_embeds"] = self._embedded(pipe, options.negative)
                made = pipe(guidance_scale=options.actual_guidance, **given).frames[0]
            else:
                texts = {"prompt": options.prompt, "negative_prompt": options.negative or None}
                made = pipe(output="videos", **texts, **given)[0]
        frames = np.asarray(made, np.float32)
        return np.asarray(np.rint(np.clip(frames, 0, 1) * 255), np.uint8)

    def _embedded(self, pipe: Any, text: str) -> torch.Tensor:
        """(1, 512, d) of a text, zeros after its end; the pipeline's own way needs another package (ftfy)."""
        tokens = self.components["tokenizer"](
            text, padding="max_length", max_length=_WORDS, truncation=True, return_attention_mask=True,
            return_tensors="pt",
        ).to(pipe._execution_device)  # fmt: skip
        found = self.components["text_encoder"](tokens.input_ids, tokens.attention_mask).last_hidden_state
        return found * tokens.attention_mask[..., None]


def load_networks(folder: Path, options: WanOptions, device: str, dtype: torch.dtype) -> Networks:
    """Read the components of a folder in diffusers' layout.

    Raises:
        MissingError: this diffusers is older than the model, or a folder is not there.
        InputError: a file is damaged or of another model.
    """
    own = "WanAnimateTransformer3DModel" if options.model == "animate" else "WanAnimate2Transformer3DModel"
    classes = {**_CLASSES, "transformer": f"diffusers:{own}", "scheduler": f"diffusers:{_scheduler(folder)}"}
    if options.model == "animate":
        classes["image_processor"] = "transformers:CLIPImageProcessor"
    components = {}
    for name, where in classes.items():
        try:
            with _calm():
                kind = diffusers_class(where, options)
                components[name] = _component(kind, name, folder, options, dtype)
        except LOAD_ERRORS as error:
            raise InputError(f"{folder / name} holds no {where.partition(':')[2]}: {first_line(error)}") from error
    return Networks(components, torch.device(device), options.low_vram)


def _component(kind: Any, name: str, folder: Path, options: WanOptions, dtype: torch.dtype) -> Any:
    if name == "transformer" and options.transformer is not None:
        return _single_file(kind, options.transformer, folder / name, dtype)
    types = {"vae": torch.float32, **dict.fromkeys(("text_encoder", "image_encoder", "transformer"), dtype)}
    typed = {"torch_dtype": types[name]} if name in types else {}
    return kind.from_pretrained(folder / name, local_files_only=True, **typed)


@contextmanager
def _calm() -> Iterator[None]:
    """Without the bars and the advice of diffusers and transformers, unless somebody looks at bars."""
    if show_progress.get() and sys.stderr.isatty():
        yield
        return
    with quiet(), redirect_stderr(io.StringIO()):  # some bars cannot be told not to be drawn
        yield


def diffusers_class(where: str, options: WanOptions) -> Any:
    """The class ``module:name``.

    Raises:
        MissingError: this diffusers has none of that name.
    """
    module, _, name = where.partition(":")
    found = getattr(importlib.import_module(module), name, None)
    if found is None:
        version = importlib.import_module(module).__version__
        raise MissingError(
            f"wan option model={options.model} needs {module} {options.family.since} or newer ({name} is not in "
            f"{version}): pip install -U {module}"
        )
    return found


def _scheduler(folder: Path) -> str:
    file = folder / "scheduler" / "scheduler_config.json"
    try:
        name = str(json.loads(file.read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} names no scheduler; fetch it again") from error
    if not name.endswith("Scheduler") or not name.isidentifier():
        raise InputError(f"{file} names {name!r}, which is no scheduler of diffusers")
    return name


def _single_file(kind: Any, file: Path, config: Path, dtype: torch.dtype) -> Any:
    more: dict[str, Any] = {}
    if file.suffix == ".gguf":
        if importlib.util.find_spec("gguf") is None:
            raise MissingError(f"{file.name} needs a package that is not installed: pip install gguf")
        from diffusers import GGUFQuantizationConfig

        more["quantization_config"] = GGUFQuantizationConfig(compute_dtype=dtype)
    if not file.is_file():
        raise MissingError(f"{file} does not exist; name the transformer's file")
    return kind.from_single_file(str(file), config=str(config), torch_dtype=dtype, local_files_only=True, **more)


def _pipeline(networks: Networks, options: WanOptions) -> Any:
    device = networks.device
    low = "off" if device.type == "cpu" else networks.low_vram  # there is nothing to be spared
    for part in networks.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
    if options.model == "animate":
        pipe = diffusers_class("diffusers:WanAnimatePipeline", options)(**networks.components)
        if low == "off":
            return pipe.to(device)
        (pipe.enable_model_cpu_offload if low == "on" else pipe.enable_sequential_cpu_offload)(device=device)
        return pipe
    blocks = "WanAnimate2DistilledBlocks" if options.model == "animate-2-distilled" else "WanAnimate2Blocks"
    made = diffusers_class(f"diffusers:{blocks}", options)()
    if low == "off":
        pipe = made.init_pipeline()
        pipe.update_components(**networks.components)
        pipe.to(device)
    else:
        manager = diffusers_class("diffusers:ComponentsManager", options)()
        manager.enable_auto_cpu_offload(device=device)
        pipe = made.init_pipeline(components_manager=manager)
        pipe.update_components(**networks.components)
        if low == "max":
            networks.components["transformer"].enable_group_offload(device, offload_type="leaf_level")
    if options.model == "animate-2":
        from diffusers import ClassifierFreeGuidance

        pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=options.actual_guidance))
    return pipe
