"""Two small networks of our own that read lids and lips; trained on drawings alone. Weights, training, model card.

``python -m faceshot_looks.train`` repeats the training. See ``README.md`` beside this file for what they are.
"""

from __future__ import annotations

from pathlib import Path


def path() -> Path:
    """The folder that holds ``eyes.safetensors`` and ``mouth.safetensors``."""
    return Path(__file__).parent
