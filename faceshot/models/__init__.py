"""Networks and presets: checkpoints, the plain U-Net, CLIP vision, image prompts, DDIM inversion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.models.checkpoint import SCHEDULER as SCHEDULER
    from faceshot.models.checkpoint import Checkpoint as Checkpoint
    from faceshot.models.clip_vision import find_image_encoder as find_image_encoder
    from faceshot.models.graph import Graphed as Graphed
    from faceshot.models.image_prompt import ImageEncoder as ImageEncoder
    from faceshot.models.image_prompt import adapter_scale as adapter_scale
    from faceshot.models.image_prompt import install_adapter as install_adapter
    from faceshot.models.inversion import NoiseSchedule as NoiseSchedule
    from faceshot.models.inversion import trajectory as trajectory
    from faceshot.models.inversion_steps import OFFSET as OFFSET
    from faceshot.models.inversion_steps import TRAINING_STEPS as TRAINING_STEPS
    from faceshot.models.layers import recording as recording
    from faceshot.models.layers import trim as trim
    from faceshot.models.loading import LOAD_ERRORS as LOAD_ERRORS
    from faceshot.models.loading import DType as DType
    from faceshot.models.loading import first_line as first_line
    from faceshot.models.loading import load_model as load_model
    from faceshot.models.loading import load_tensors as load_tensors
    from faceshot.models.loading import pick_device as pick_device
    from faceshot.models.loading import pick_dtype as pick_dtype
    from faceshot.models.loading import prompt_embeds as prompt_embeds
    from faceshot.models.loading import quiet as quiet
    from faceshot.models.presets import PRESETS as PRESETS
    from faceshot.models.presets import Preset as Preset
    from faceshot.models.presets import fingerprint as fingerprint
    from faceshot.models.presets import get_preset as get_preset
    from faceshot.models.presets import locate as locate
    from faceshot.models.presets import model_digest as model_digest
    from faceshot.models.presets import weight_files as weight_files
    from faceshot.models.presets import with_settings as with_settings
    from faceshot.models.residency import Resident as Resident
    from faceshot.models.residency import Stay as Stay
    from faceshot.models.unet import UNet as UNet
    from faceshot.models.unet import load_unet as load_unet

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "checkpoint": "Checkpoint SCHEDULER",
        "clip_vision": "find_image_encoder",
        "graph": "Graphed",
        "image_prompt": "ImageEncoder adapter_scale install_adapter",
        "inversion": "NoiseSchedule trajectory",
        "inversion_steps": "OFFSET TRAINING_STEPS",
        "layers": "recording trim",
        "loading": "DType LOAD_ERRORS first_line load_model load_tensors pick_device pick_dtype prompt_embeds quiet",
        "presets": "PRESETS Preset fingerprint get_preset locate model_digest weight_files with_settings",
        "residency": "Resident Stay",
        "unet": "UNet load_unet",
    },
)
