"""All nodes, and the route that hands the landmark editor of the installed FaceShot to the page."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import ComfyExtension

from . import conversions, landmarks, motion, rendering


class FaceShotExtension(ComfyExtension):  # type: ignore[misc]
    """What ComfyUI is given."""

    async def on_load(self) -> None:
        from .host import serve_editor

        serve_editor()

    async def get_node_list(self) -> list[Any]:
        return [*landmarks.NODES, *motion.NODES, *rendering.NODES, *conversions.NODES]
