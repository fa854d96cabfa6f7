"""FaceShot's nodes for ComfyUI (V3 schema): landmarks of any character, motion for them, and the frames."""

from __future__ import annotations

from typing import Any

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> Any:
    """What ComfyUI asks for when it loads the pack."""
    from .extension import FaceShotExtension

    return FaceShotExtension()
