"""``faceshot demo``: a page for the browser, thin over ``FaceShot``. Needs the extra ``demo`` (Gradio)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.demo.names import editor_parts as editor_parts
    from faceshot.demo.names import point_names as point_names
    from faceshot.demo.page import build_page as build_page
    from faceshot.demo.serving import check_access as check_access
    from faceshot.demo.serving import serve as serve
    from faceshot.demo.sessions import Sessions as Sessions

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "names": "editor_parts point_names",
        "page": "build_page",
        "serving": "check_access serve",
        "sessions": "Sessions",
    },
)
