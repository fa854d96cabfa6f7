"""Motion for other programs: rigs, editors, game engines, and renderers that are programs of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.export.exporting import export as export
    from faceshot.export.renderers import RENDERERS as RENDERERS
    from faceshot.export.renderers import RendererInputs as RendererInputs
    from faceshot.export.renderers import renderer_inputs as renderer_inputs
    from faceshot.export.table import FORMATS as FORMATS
    from faceshot.export.table import Format as Format

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "exporting": "export",
        "renderers": "RENDERERS RendererInputs renderer_inputs",
        "table": "FORMATS Format",
    },
)
