"""FaceShot: landmarks and motion for any character.

``FaceShot`` is the pipeline; ``match``, ``drive``, ``retarget`` and ``animate`` are its stages as functions. All names
are loaded when they are first used, so importing the package is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on
from faceshot.version import __version__ as __version__

if TYPE_CHECKING:
    from faceshot.errors import FaceShotError as FaceShotError
    from faceshot.errors import InputError as InputError
    from faceshot.errors import MissingError as MissingError
    from faceshot.errors import NoFaceError as NoFaceError
    from faceshot.errors import UsageError as UsageError
    from faceshot.landmarks import Landmarks as Landmarks
    from faceshot.landmarks import LandmarkSequence as LandmarkSequence
    from faceshot.landmarks import Picture as Picture
    from faceshot.pipeline import FaceShot as FaceShot
    from faceshot.pipeline import animate as animate
    from faceshot.pipeline import drive as drive
    from faceshot.pipeline import list_backends as list_backends
    from faceshot.pipeline import match as match
    from faceshot.pipeline import retarget as retarget

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "errors": "FaceShotError InputError MissingError NoFaceError UsageError",
        "landmarks": "LandmarkSequence Landmarks Picture",
        "pipeline": "FaceShot animate drive list_backends match retarget",
        "version": "__version__",
    },
)
