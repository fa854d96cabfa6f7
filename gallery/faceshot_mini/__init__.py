"""The mini diffusion model: a small pixel-space U-Net of our own, trained on drawings; weights, settings, training.

``python -m faceshot_mini.train`` repeats the training. See ``README.md`` beside this file for what the model is.
"""

from __future__ import annotations

from pathlib import Path


def path() -> Path:
    """The folder that holds ``unet/``, ``scheduler/``, ``prompt.safetensors`` and ``mini.json``."""
    return Path(__file__).parent
