"""FaceShot: landmarks and motion for any character."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from faceshot.errors import FaceShotError as FaceShotError
    from faceshot.types import Landmarks as Landmarks
    from faceshot.types import LandmarkSequence as LandmarkSequence
    from faceshot.types import Picture as Picture

_LAZY = {
    "FaceShotError": "errors",
    "Landmarks": "types",
    "LandmarkSequence": "types",
    "Picture": "types",
}
__all__ = sorted(_LAZY) + ["__version__"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"faceshot.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'faceshot' has no attribute {name!r}")
