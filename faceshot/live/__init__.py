"""A character that moves as somebody in front of a camera does, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.live.character import Character as Character
    from faceshot.live.character import prepared as prepared
    from faceshot.live.keys import pressed as pressed
    from faceshot.live.osc import VmcSender as VmcSender
    from faceshot.live.osc import parse_address as parse_address
    from faceshot.live.osc import require_osc as require_osc
    from faceshot.live.outputs import Recording as Recording
    from faceshot.live.outputs import VirtualCamera as VirtualCamera
    from faceshot.live.page import KEYS as KEYS
    from faceshot.live.running import Live as Live
    from faceshot.live.running import Report as Report
    from faceshot.live.server import Preview as Preview
    from faceshot.live.sources import Shot as Shot
    from faceshot.live.sources import Source as Source
    from faceshot.live.sources import open_source as open_source

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "character": "Character prepared",
        "keys": "pressed",
        "osc": "VmcSender parse_address require_osc",
        "outputs": "Recording VirtualCamera",
        "page": "KEYS",
        "running": "Live Report",
        "server": "Preview",
        "sources": "Shot Source open_source",
    },
)
