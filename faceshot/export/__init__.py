"""Motion for other programs: rigs, editors, game engines, and renderers that are programs of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.export.clips import PROMPT as PROMPT
    from faceshot.export.clips import area_size as area_size
    from faceshot.export.exporting import export as export
    from faceshot.export.pose import crop as crop
    from faceshot.export.pose import face_side as face_side
    from faceshot.export.pose import pose_drawing as pose_drawing
    from faceshot.export.position_maps import position_map as position_map
    from faceshot.export.renderers import RENDERERS as RENDERERS
    from faceshot.export.renderers import RendererInputs as RendererInputs
    from faceshot.export.renderers import renderer_inputs as renderer_inputs
    from faceshot.export.table import FORMATS as FORMATS
    from faceshot.export.table import Format as Format

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "clips": "PROMPT area_size",
        "exporting": "export",
        "pose": "crop face_side pose_drawing",
        "position_maps": "position_map",
        "renderers": "RENDERERS RendererInputs renderer_inputs",
        "table": "FORMATS Format",
    },
)
