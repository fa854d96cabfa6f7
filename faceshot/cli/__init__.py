"""The commands, one file each: know everything, are known by nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.cli.app import main as main

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "app": "main",
    },
)
