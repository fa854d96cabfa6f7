"""Stable Diffusion 1.x and 2.x from one checkpoint file, without network: what it is follows from its own tensors.

Published in CompVis' layout: ``model.diffusion_model.*`` (U-Net), ``first_stage_model.*`` (VAE), ``cond_stage_model.*``
(CLIP text encoder of 1.x in transformers' names, of 2.x in open_clip's). diffusers' converters rename the tensors; the
configurations it would fetch from the hub are derived from the shapes here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from faceshot.errors import InputError, MissingError
from faceshot.models.inversion import NoiseSchedule
from faceshot.models.loading import LOAD_ERRORS, first_line, load_tensors, load_tokenizer, quiet
from faceshot.models.preset import Prediction
from faceshot.reading import check_weights

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("faceshot")

#: The noise schedule of all Stable Diffusion 1.x and 2.x; checkpoints of one file do not carry it.
SCHEDULER: Final = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
#: "a photo of a face" in CLIP's vocabulary, between the marks of begin and end; the file has no vocabulary.
PROMPT: Final = "a photo of a face"
PROMPT_IDS: Final = (49406, 320, 1125, 539, 320, 1710, 49407)
TOKENIZER: Final = "hub:openai/clip-vit-large-patch14"
_TOKENIZER_FILES: Final = ("tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json")

_UNET, _VAE, _TEXT1, _TEXT2 = (
    "model.diffusion_model.",
    "first_stage_model.",
    "cond_stage_model.transformer.",
    "cond_stage_model.model.",
)
_PREFIXES: Final = (_UNET, _VAE, "cond_stage_model.")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The tensors of a checkpoint file.

    Attributes:
        path: the file.
        tensors: name -> tensor, in the file's own names.
        notes: the file's own statements about itself (``modelspec.*`` of safetensors).
    """

    path: Path
    tensors: Mapping[str, Tensor]
    notes: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read a ``.safetensors`` file, or a ``.ckpt`` with ``weights_only``.

        Raises:
            InputError: damaged, a pickle that holds more than tensors, or no Stable Diffusion 1.x or 2.x.
        """
        notes: dict[str, str] = {}
        if path.suffix.lower() == ".safetensors":
            from safetensors import safe_open

            check_weights(path)
            try:
                with safe_open(path, framework="pt") as file:
                    notes = file.metadata() or {}
                    # Training checkpoints hold a second, averaged U-Net, which nobody needs here.
                    names = [name for name in file.keys() if _wanted(name)]  # noqa: SIM118
                    tensors = {name: file.get_tensor(name) for name in names}
            except LOAD_ERRORS as error:
                raise InputError(f"cannot read {path}: {first_line(error)}") from error
        else:
            held: Any = load_tensors(path)
            held = held.get("state_dict", held) if isinstance(held, Mapping) else {}
            tensors = {name: value for name, value in held.items() if _wanted(name) and hasattr(value, "ndim")}
        found = cls(path, tensors, notes)
        found._check()
        return found

    def _check(self) -> None:
        wanted = {
            "U-Net": f"{_UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
            "VAE": f"{_VAE}encoder.conv_in.weight",
            "text encoder": "token_embedding.weight",
        }
        lacking = [part for part, end in wanted.items() if not any(name.endswith(end) for name in self.tensors)]
        if lacking:
            raise InputError(
                f"{self.path} is no complete Stable Diffusion 1.x or 2.x checkpoint (no {', '.join(lacking)} in it)"
            )
        channels = self.tensors[f"{_UNET}input_blocks.0.0.weight"].shape[1]
        if channels != 4:
            raise InputError(f"{self.path} takes {channels} channels (an inpainting or depth model); 4 are needed")

    @property
    def width(self) -> int:
        """Channels of the text encoding: 768 in 1.x, 1024 in 2.x."""
        return int(self.tensors[f"{_UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"].shape[1])

    @cached_property
    def second(self) -> bool:
        """Whether this is a 2.x: its attention projects with linear layers, and its text encoder is open_clip's."""
        return self.tensors[f"{_UNET}input_blocks.1.1.proj_in.weight"].ndim == 2

    def schedule(self, prediction: Prediction | None = None) -> NoiseSchedule:
        """The noise schedule; what the network predicts as given, stated in the file, or usual for its kind."""
        return NoiseSchedule.from_config({**SCHEDULER, "prediction_type": prediction or self._prediction()})

    def _prediction(self) -> Prediction:
        stated = self.notes.get("modelspec.prediction_type", self.notes.get("modelspec.predict_key", "")).lower()
        if stated in ("v", "v_prediction", "v-prediction") or "v_pred" in self.tensors:
            return "v_prediction"
        if stated in ("epsilon", "eps"):
            return "epsilon"
        if not self.second:
            return "epsilon"
        # 2.0 and 2.1 at 768 px predict v, their 512 px "base" forms predict noise; the tensors are alike.
        log.warning("%s does not say what it predicts; taken as v_prediction (base models: epsilon)", self.path.name)
        return "v_prediction"

    def unet_config(self) -> dict[str, Any]:
        """What diffusers' ``UNet2DConditionModel`` must be made with."""
        channels = [self._shape(f"{_UNET}input_blocks.{1 + 3 * i}.0.out_layers.3.weight")[0] for i in range(4)]
        config: dict[str, Any] = {
            "sample_size": 96 if self.second else 64,
            "block_out_channels": channels,
            "cross_attention_dim": self.width,
            # The number of heads, despite its name: 8 everywhere in 1.x, 64 channels each in 2.x.
            "attention_head_dim": [max(1, c // 64) for c in channels] if self.second else 8,
            "layers_per_block": 2,
            "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        }
        # Half precision overflows in the attention of 2.1 otherwise.
        return config | ({"use_linear_projection": True, "upcast_attention": True} if self.second else {})

    def vae_config(self) -> dict[str, Any]:
        """What diffusers' ``AutoencoderKL`` must be made with."""
        levels = [f"{_VAE}encoder.down.{i}.block.0.conv2.weight" for i in range(8)]
        channels = [self._shape(name)[0] for name in levels if name in self.tensors]
        blocks = [name for name in self.tensors if name.startswith(f"{_VAE}encoder.down.0.block.")]
        return {
            "block_out_channels": channels,
            "down_block_types": ("DownEncoderBlock2D",) * len(channels),
            "up_block_types": ("UpDecoderBlock2D",) * len(channels),
            "layers_per_block": len({name.split(".")[5] for name in blocks}),
            "latent_channels": self._shape(f"{_VAE}quant_conv.weight")[0] // 2,
            "scaling_factor": 0.18215,
        }

    def unet(self, dtype: Any) -> Any:
        """The U-Net, in evaluation mode.

        Raises:
            InputError: tensors are missing or of another shape.
        """
        from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        config = self.unet_config()
        return self._fill(UNet2DConditionModel, config, convert_ldm_unet_checkpoint(self.tensors, config), dtype)

    def vae(self, dtype: Any) -> Any:
        """The VAE, in evaluation mode.

        Raises:
            InputError: tensors are missing or of another shape.
        """
        from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        config = self.vae_config()
        only = {name: tensor for name, tensor in self.tensors.items() if name.startswith(_VAE)}
        return self._fill(AutoencoderKL, config, convert_ldm_vae_checkpoint(only, config), dtype)

    def prompt_embeds(self, prompt: str, tokenizer: Path | None = None) -> Tensor:
        """(1, 77, channels) of a text prompt; the text encoder is not kept.

        Args:
            tokenizer: folder of CLIP's vocabulary; needed for any other prompt than the default one.

        Raises:
            MissingError: another prompt, and no vocabulary. InputError: the file's text encoder is unusable.
        """
        import torch

        ids = _token_ids(prompt, tokenizer, pad=0 if self.second else PROMPT_IDS[-1])
        encoder = self._text_encoder()
        with torch.no_grad():
            return encoder(torch.tensor([ids])).last_hidden_state.float()

    def _text_encoder(self) -> Any:
        from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint
        from transformers import CLIPTextConfig, CLIPTextModel

        names = self.tensors
        prefix = _TEXT2 if f"{_TEXT2}token_embedding.weight" in names else _TEXT1
        if prefix == _TEXT2:
            vocabulary, width = self._shape(f"{_TEXT2}token_embedding.weight")
            layers = {name.split(".")[4] for name in names if name.startswith(f"{_TEXT2}transformer.resblocks.")}
            # The last layer is skipped: 2.x was trained on the one before it.
            depth, act = len(layers) - 1, "gelu"
            inner = self._shape(f"{_TEXT2}transformer.resblocks.0.mlp.c_fc.weight")[0]
        else:
            # Some converters leave the middle part of the name out.
            stem = f"{_TEXT1}text_model." if any(name.startswith(f"{_TEXT1}text_model.") for name in names) else _TEXT1
            vocabulary, width = self._shape(f"{stem}embeddings.token_embedding.weight")
            head = f"{stem}encoder.layers."
            layers = {name.removeprefix(head).split(".")[0] for name in names if name.startswith(head)}
            depth, act = len(layers), "quick_gelu"
            inner = self._shape(f"{stem}encoder.layers.0.mlp.fc1.weight")[0]
        config = CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=inner,
            num_hidden_layers=depth,
            num_attention_heads=max(1, width // 64),
            hidden_act=act,
        )
        with quiet():
            model = CLIPTextModel(config)
        tensors = names
        if prefix == _TEXT2:
            tensors = convert_open_clip_checkpoint(model, dict(names))
        wanted = model.state_dict().keys()
        # transformers 5 drops a prefix that transformers 4 has.
        front = "text_model." if any(name.startswith("text_model.") for name in wanted) else ""
        short = {front + name.removeprefix(_TEXT1).removeprefix("text_model."): name for name in tensors}
        tensors = {name: tensors[given] for name, given in short.items()}
        return self._load(model, {name: value.float() for name, value in tensors.items() if name in wanted})

    def _fill(self, model: Any, config: dict[str, Any], tensors: Mapping[str, Tensor], dtype: Any) -> Any:
        import torch

        with quiet(), torch.device("meta"):
            made = model(**config)
        return self._load(made, {name: tensor.to(dtype) for name, tensor in tensors.items()}, assign=True)

    def _load(self, model: Any, tensors: Mapping[str, Tensor], *, assign: bool = False) -> Any:
        try:
            missing, unexpected = model.load_state_dict(tensors, strict=False, assign=assign)
        except LOAD_ERRORS as error:
            raise InputError(f"cannot load {self.path}: {first_line(error)}") from error
        wrong = [name for name in (*missing, *unexpected) if not name.endswith("position_ids")]
        if wrong:
            raise InputError(f"{self.path}: tensors of {type(model).__name__} do not fit, e.g. {wrong[0]}")
        return model.eval().requires_grad_(False)

    def _shape(self, name: str) -> tuple[int, ...]:
        if name not in self.tensors:
            raise InputError(f"{self.path} has no tensor {name}; it is no Stable Diffusion 1.x or 2.x")
        return tuple(self.tensors[name].shape)


def _wanted(name: object) -> bool:
    return isinstance(name, str) and (name.startswith(_PREFIXES) or name == "v_pred")


def _token_ids(prompt: str, tokenizer: Path | None, pad: int) -> list[int]:
    """77 token ids: begin, the words, end, padding (with the end mark in 1.x, with 0 in 2.x)."""
    if prompt == PROMPT:
        ids = list(PROMPT_IDS)
    else:
        if tokenizer is None:
            from faceshot.models.presets import locate

            try:
                tokenizer = locate(TOKENIZER, files=_TOKENIZER_FILES, offline=True)
            except MissingError as error:
                raise MissingError(f"a checkpoint file has no vocabulary for prompt {prompt!r}; {error}") from error
        ids = load_tokenizer(tokenizer)(prompt)["input_ids"]
    return [*ids[:76], PROMPT_IDS[-1]] if len(ids) > 77 else [*ids, *[pad] * (77 - len(ids))]
