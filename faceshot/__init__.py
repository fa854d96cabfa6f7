"""FaceShot: landmarks and motion for any character.

``FaceShot`` is the pipeline; ``match``, ``drive``, ``retarget`` and ``animate`` are its stages as functions. All names
are loaded when they are first used, so importing the package is cheap.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from faceshot.errors import FaceShotError as FaceShotError
    from faceshot.landmarks.types import Landmarks as Landmarks
    from faceshot.landmarks.types import LandmarkSequence as LandmarkSequence
    from faceshot.landmarks.types import Picture as Picture
    from faceshot.pipeline.backends import list_backends as list_backends
    from faceshot.pipeline.faceshot import FaceShot as FaceShot
    from faceshot.pipeline.stages import animate as animate
    from faceshot.pipeline.stages import drive as drive
    from faceshot.pipeline.stages import match as match
    from faceshot.pipeline.stages import retarget as retarget

_LAZY = {
    "FaceShot": "pipeline.faceshot",
    "FaceShotError": "errors",
    "LandmarkSequence": "landmarks.types",
    "Landmarks": "landmarks.types",
    "Picture": "landmarks.types",
    "animate": "pipeline.stages",
    "drive": "pipeline.stages",
    "list_backends": "pipeline.backends",
    "match": "pipeline.stages",
    "retarget": "pipeline.stages",
}
__all__ = [*_LAZY, "__version__"]


class _Package(ModuleType):
    """Keeps the import of a module from hiding the public function of the same name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _LAZY and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'faceshot' has no attribute {name!r}")
    return getattr(import_module(f"faceshot.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Package
