"""What a preset is: the record of one way to turn a picture into features. Pure data; loads nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from faceshot.errors import UsageError

Encoder = Literal["vae", "pixel-unshuffle:4"]
Mode = Literal["inversion", "one-step", "clean"]
Guidance = Literal["none", "self", "domain", "swap"]
Prediction = Literal["epsilon", "v_prediction", "sample"]

#: Raised by one whenever the arithmetic behind the features changes, so that stored features become stale.
FEATURE_VERSION: Final = 1


#: Whole numbers and their bounds; ten times what any model was trained for.
_WHOLE: Final = {"image_size": (1, 4096), "t": (0, 9999), "steps": (1, 9999), "seed": (0, (1 << 63) - 1)}


@dataclass(frozen=True)
class ImagePromptSource:
    """Where an IP-Adapter and its CLIP image encoder lie: a source (see :class:`Preset`), a file, a folder."""

    source: str
    weights: str
    image_encoder: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preset:
    """One way to turn a picture into features (FaceShot, section 3.1 and appendix C).

    Attributes:
        name: as used with ``--preset``.
        reason: one line: why these settings.
        source: ``package:NAME``, ``hub:OWNER/NAME`` or ``folder:PATH`` with sub-folders ``unet``, ``scheduler``, and
            ``vae``, ``text_encoder``, ``tokenizer`` where used (``prompt.safetensors`` replaces the text encoder); or
            ``file:PATH``, a Stable Diffusion 1.x or 2.x checkpoint in one file.
        encoder: picture -> latent: a VAE's posterior mean, or pixels folded 4x4 into channels.
        image_size: side of the square the network sees [px].
        layer: dotted name of the U-Net module whose output is the feature.
        t: timestep label given to the U-Net in the call whose features are read.
        mode: how the noise level is reached: DDIM inversion, one noising step, or not at all (``clean``).
        steps: DDIM steps n of the full schedule (mode ``inversion``).
        prompt: text prompt (informative where ``prompt.safetensors`` is stored).
        guidance: image prompt: ``none``; ``self``, the picture itself; ``domain``, the mean embedding of a gallery
            domain, for its pictures and for the picture matched with them; ``swap``, Eq. 3 to the letter: the picture
            under the domain's embedding, the domain's pictures anew under the picture's.
        image_prompt: the IP-Adapter, when the preset has one.
        prediction: what the network predicts, where the model's own scheduler configuration is not to be believed.
        files: what to fetch from the hub.
        temperature: of the matcher's softmax over cosines; a matter of the model, not of the features.
        confidence: how the matcher weighs likeness to the vectors used, likeness to the best domain, disagreement with
            the mirror image, oddness of the shape, and a constant, into the logit of "this is a face, found well".
            The default uses the last three only, because cosines mean different things to different models.
        threshold: confidence below which a match should not be trusted.
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
    prediction: Prediction | None = None
    files: tuple[str, ...] = ()
    temperature: float = 0.05
    confidence: tuple[float, float, float, float, float] = (0.0, 0.0, -8.0, -2.0, 3.0)
    threshold: float = 0.55
    seed: int = 0

    def __post_init__(self) -> None:
        choices = {"encoder": Encoder, "mode": Mode, "guidance": Guidance}
        choices |= {} if self.prediction is None else {"prediction": Prediction}
        for field, allowed in choices.items():
            value = getattr(self, field)
            if value not in get_args(allowed):
                raise UsageError(
                    f"preset {self.name}: {field} must be one of {', '.join(get_args(allowed))}; got {value!r}"
                )
        for field, (least, most) in _WHOLE.items():
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                shown = str(value)[:20] if not isinstance(value, int) or abs(value) < 1 << 64 else "a huge one"
                raise UsageError(f"preset {self.name}: {field} must be a whole number in {least}..{most}, got {shown}")
        for field in ("layer", "prompt", "reason"):
            if not isinstance(getattr(self, field), str):
                raise UsageError(f"preset {self.name}: {field} must be a text, got {str(getattr(self, field))[:20]}")
        numbers = self.confidence if isinstance(self.confidence, tuple | list) else ()
        if len(numbers) != 5 or not all(isinstance(n, int | float) and abs(n) < 1e6 for n in numbers):
            raise UsageError(f"preset {self.name}: confidence must be five numbers, got {str(self.confidence)[:40]}")
        if not isinstance(self.temperature, float | int) or not self.temperature > 0:
            raise UsageError(f"preset {self.name}: temperature must be a positive number, got {self.temperature!r}")
        if not isinstance(self.threshold, float | int) or not 0 <= self.threshold <= 1:
            raise UsageError(f"preset {self.name}: threshold must lie in 0..1, got {self.threshold!r}")
        multiple = 4 if self.encoder == "pixel-unshuffle:4" else 8
        if self.image_size % multiple:
            raise UsageError(f"preset {self.name}: image_size must be a multiple of {multiple}, got {self.image_size}")

    @property
    def domain_prompts(self) -> bool:
        """Whether a picture is seen under the mean embedding of the domain it is matched with."""
        return self.guidance in ("domain", "swap")

    def settings(self) -> dict[str, Any]:
        """What changes *stored* features apart from the weights, JSON-ready; options without effect left out.

        The stored features of ``swap`` are those of ``domain``; what it recomputes per picture is kept elsewhere.
        """
        keep = {key: getattr(self, key) for key in ("encoder", "image_size", "layer", "t", "mode", "prompt")}
        keep["guidance"] = "domain" if self.domain_prompts else self.guidance
        keep["version"] = FEATURE_VERSION
        if self.prediction is not None and self.mode == "inversion":
            keep["prediction"] = self.prediction
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
