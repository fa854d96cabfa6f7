"""CLIP's eye: preprocessing in our own arithmetic, and the image encoder from either of its published layouts.

One ViT-H/14 serves the IP-Adapter's image prompt and the CLIP score that chooses gallery domains (FaceShot, section 3.1
and appendix B).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import FloatArray, RGBArray
from faceshot.models.loading import LOAD_ERRORS, first_line, load_tensors, quiet

if TYPE_CHECKING:
    from torch import Tensor

CLIP_SIZE: Final = 224
CLIP_MEAN: Final = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
CLIP_STD: Final = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
#: Where open_clip gets ``ViT-H-14``, ``laion2b_s32b_b79k``; it keeps the file in the Hugging Face cache.
OPEN_CLIP_REPOSITORY: Final = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
#: What the file is called, best first.
OPEN_CLIP_FILES: Final = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
#: Width of one attention head of open_clip's ViT-H-14; its checkpoints do not say.
OPEN_CLIP_HEAD: Final = 80
#: Fixed-point bits of a resampling weight.
_BITS: Final = 22


def clip_pixels(rgb: RGBArray) -> FloatArray:
    """(H, W, 3) uint8 -> (3, 224, 224) float32 as CLIP expects it.

    Shorter side to 224 (:func:`resize_bicubic`), centre crop, channel mean and standard deviation: what the published
    CLIP image processor does, without torchvision, whose resizing differs.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    columns, rows = int(CLIP_SIZE * width / short), int(CLIP_SIZE * height / short)
    top, left = (rows - CLIP_SIZE) // 2, (columns - CLIP_SIZE) // 2
    picture = resize_bicubic(rgb, (columns, rows), (left, top, left + CLIP_SIZE, top + CLIP_SIZE))
    # Multiplied, not divided, by 255: the published arithmetic, which differs in the last bit.
    scaled = (picture.astype(np.float64) * (1 / 255)).astype(np.float32)
    return np.ascontiguousarray(((scaled - CLIP_MEAN) / CLIP_STD).transpose(2, 0, 1))


def resize_bicubic(rgb: RGBArray, size: tuple[int, int], box: tuple[int, int, int, int] | None = None) -> RGBArray:
    """``rgb`` (H, W, C) uint8 resized to ``size`` (width, height) with an antialiased bicubic filter (a = -0.5).

    Two passes, columns first, weights in 22-bit fixed point, rounded to uint8 in between: Pillow's arithmetic. All sums
    are of whole numbers below 2^53, so every machine and every installation gets the same bits. (Newer Pillows turn the
    passes round for pictures over 100 times as high as wide; here the order is always the same.)

    Args:
        box: (left, top, right, bottom) of the result to compute; the rest is left out.
    """
    height, width = rgb.shape[:2]
    left, top, right, bottom = box or (0, 0, *size)
    out = rgb
    if size[0] != width:
        out = _resample(out.transpose(1, 0, 2), size[0], left, right).transpose(1, 0, 2)
    else:
        out = out[:, left:right]
    if size[1] != height:
        return np.ascontiguousarray(_resample(out, size[1], top, bottom))
    return np.ascontiguousarray(out[top:bottom])


def _resample(pixels: np.ndarray, count: int, first: int, last: int) -> np.ndarray:
    """Rows ``first`` to ``last`` of ``pixels`` (n, m, C) uint8 resampled to ``count`` rows."""
    n, m, channels = pixels.shape
    starts, weights = _weights(n, count, first, last)
    out = np.empty((last - first, m * channels), np.uint8)
    flat = pixels.reshape(n, m * channels)
    step = 16
    for begin in range(0, last - first, step):
        end = min(begin + step, last - first)
        low = int(starts[begin])
        high = max(int(starts[i]) + len(weights[i]) for i in range(begin, end))
        band = np.zeros((end - begin, high - low))
        for i in range(begin, end):
            at = int(starts[i]) - low
            band[i - begin, at : at + len(weights[i])] = weights[i]
        # Exact in float64: weights below 2^23, pixels below 2^8, a few thousand of them.
        total = band @ flat[low:high].astype(np.float64) + (1 << (_BITS - 1))
        out[begin:end] = np.clip(np.floor(total / (1 << _BITS)), 0, 255)
    return out.reshape(last - first, m, channels)


@lru_cache(maxsize=16)
def _weights(n: int, count: int, first: int, last: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Per output sample ``first`` to ``last``: the first input sample it uses, and the fixed-point weights on."""
    scale = n / count
    stretch = max(scale, 1.0)
    reach = 2.0 * stretch
    starts, out = np.empty(last - first, np.int64), []
    for i in range(first, last):
        centre = (i + 0.5) * scale
        low = max(int(centre - reach + 0.5), 0)
        high = min(int(centre + reach + 0.5), n)
        raw = [_bicubic((x - centre + 0.5) * (1.0 / stretch)) for x in range(low, high)]
        total = 0.0
        for value in raw:  # in this order, so that the last bit is the same everywhere
            total += value
        fixed = [value / total * (1 << _BITS) for value in raw]
        out.append(np.array([math.trunc(value + math.copysign(0.5, value)) for value in fixed], np.float64))
        starts[i - first] = low
    return starts, tuple(out)


def _bicubic(x: float) -> float:
    """Keys' kernel with a = -0.5."""
    x = abs(x)
    if x < 1:
        return (1.5 * x - 2.5) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * -0.5 if x < 2 else 0.0


class ImageEncoder:
    """A CLIP image encoder with projection (ViT-H/14 for SD 1.5): pictures -> ``image_embeds``."""

    def __init__(self, model: Any) -> None:
        """``model``: a ``transformers.CLIPVisionModelWithProjection`` in evaluation mode."""
        self.model = model

    @classmethod
    def from_folder(cls, folder: Path, *, device: str, dtype: Any) -> ImageEncoder:
        """Load from ``config.json`` and ``model.safetensors``, or from a file of open_clip's; never from the network.

        Args:
            folder: holds ``config.json`` and the weights, or is open_clip's weight file or the folder it lies in.

        Raises:
            InputError: files are missing or do not fit.
        """
        foreign = open_clip_file(folder)
        if foreign is not None:
            return cls(from_open_clip(load_tensors(foreign), what=str(foreign)).to(device, dtype).eval())
        from transformers import CLIPVisionModelWithProjection

        kind: Any = CLIPVisionModelWithProjection
        try:
            with quiet():
                model, report = kind.from_pretrained(
                    folder, torch_dtype=dtype, local_files_only=True, output_loading_info=True
                )
        except LOAD_ERRORS as error:
            raise InputError(f"cannot load the CLIP image encoder from {folder}: {first_line(error)}") from error
        if report["missing_keys"] or report["mismatched_keys"]:
            wrong = next(iter([*report["missing_keys"], *map(str, report["mismatched_keys"])]))
            raise InputError(f"{folder}: weights and config.json of the CLIP image encoder do not fit, e.g. {wrong}")
        return cls(model.to(device).eval().requires_grad_(False))

    def __call__(self, images: RGBArray) -> Tensor:
        """(B, H, W, 3) uint8 -> (B, D) float32, not normalised."""
        import torch

        pixels = torch.from_numpy(np.stack([clip_pixels(rgb) for rgb in images]))
        with torch.no_grad():
            embeds = self.model(pixels.to(self.model.device, self.model.dtype)).image_embeds
        return embeds.float()


def open_clip_file(path: Path) -> Path | None:
    """The weight file of open_clip's that ``path`` is or holds, None where it holds a model of transformers' layout."""
    if path.is_file():
        return path
    if (path / "config.json").is_file() and (path / "model.safetensors").is_file():
        return None
    return next((path / name for name in OPEN_CLIP_FILES if (path / name).is_file()), None)


def find_image_encoder(*, offline: bool | None = None) -> Path:
    """Where CLIP ViT-H/14 lies: the IP-Adapter's copy, else open_clip's (``laion2b_s32b_b79k``), else downloaded.

    Returns:
        What :meth:`ImageEncoder.from_folder` takes.

    Raises:
        MissingError: it is not on this machine and may not or cannot be downloaded.
    """
    from faceshot.weights import find_folder, hub_file, missing

    if missing("clip-vit-h"):
        found = (hub_file(OPEN_CLIP_REPOSITORY, name) for name in OPEN_CLIP_FILES)
        if (kept := next(filter(None, found), None)) is not None:
            return kept
    return find_folder("clip-vit-h", "image_encoder", offline=offline)


_LAYER: Final = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_OUTSIDE: Final = {
    "class_embedding": "vision_model.embeddings.class_embedding",
    "positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "ln_post.weight": "vision_model.post_layernorm.weight",
    "ln_post.bias": "vision_model.post_layernorm.bias",
}


def rename_open_clip(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The image half of an open_clip checkpoint under the names of ``CLIPVisionModelWithProjection``.

    Queries, keys and values, one matrix there, become three; the projection is transposed.

    Raises:
        InputError: a tensor that such a checkpoint does not have.
    """
    out: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if not name.startswith("visual."):
            continue  # the text half
        short = name[len("visual.") :]
        if short in _OUTSIDE:
            out[_OUTSIDE[short]] = tensor
        elif short == "proj":
            out["visual_projection.weight"] = tensor.T.contiguous()
        elif match := re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)", short):
            number, part, kind = match.groups()
            layer = f"vision_model.encoder.layers.{number}."
            if part == "attn.in_proj":
                for letter, third in zip("qkv", tensor.chunk(3), strict=True):
                    out[f"{layer}self_attn.{letter}_proj.{kind}"] = third.contiguous()
            elif part in _LAYER:
                out[f"{layer}{_LAYER[part]}.{kind}"] = tensor
            else:
                raise InputError(f"tensor {name!r} is not part of open_clip's ViT")
        else:
            raise InputError(f"tensor {name!r} is not part of open_clip's ViT")
    return out


def from_open_clip(state: Mapping[str, Tensor], *, head: int = OPEN_CLIP_HEAD, what: str = "the checkpoint") -> Any:
    """A ``CLIPVisionModelWithProjection`` with the image half of an open_clip checkpoint (exact GELU, as ViT-H-14).

    Args:
        state: tensors by open_clip's names; those of the text half are not looked at.
        head: width of one attention head.

    Raises:
        InputError: names or shapes of another network.
    """
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    renamed = rename_open_clip(state)
    try:
        width, _, patch, _ = renamed["vision_model.embeddings.patch_embedding.weight"].shape
        side = math.isqrt(len(renamed["vision_model.embeddings.position_embedding.weight"]) - 1)
        config = CLIPVisionConfig(
            hidden_size=width,
            intermediate_size=len(renamed["vision_model.encoder.layers.0.mlp.fc1.weight"]),
            num_hidden_layers=1 + max(int(name.split(".")[3]) for name in renamed if ".layers." in name),
            num_attention_heads=max(width // head, 1),
            image_size=side * patch,
            patch_size=patch,
            projection_dim=len(renamed["visual_projection.weight"]),
            hidden_act="gelu",
            layer_norm_eps=1e-5,
        )
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{what} is no open_clip checkpoint with a ViT in it: {first_line(error)} is missing"
        ) from error
    with torch.device("meta"), quiet():
        model = CLIPVisionModelWithProjection(config)
    # Some releases of transformers drop the prefix, some keep the positions as a buffer that is not stored.
    names = set(model.state_dict())
    fitted = {name if name in names else name.removeprefix("vision_model."): tensor for name, tensor in renamed.items()}
    lacking = sorted(name for name in names - set(fitted) if not name.endswith("position_ids"))
    if lacking or set(fitted) - names:
        wrong = (lacking or sorted(set(fitted) - names))[0]
        raise InputError(f"{what} does not fit a CLIP image encoder: {wrong}")
    try:
        model.load_state_dict(fitted, strict=False, assign=True)
    except RuntimeError as error:
        raise InputError(f"{what} does not fit a CLIP image encoder: {first_line(error)}") from error
    for module in model.modules():
        for key, buffer in list(module._buffers.items()):
            if buffer is not None and buffer.is_meta:
                module._buffers[key] = torch.arange(buffer.numel()).reshape(buffer.shape)
    return model.eval().requires_grad_(False)
