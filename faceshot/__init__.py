"""FaceShot: landmarks and motion for any character.

``FaceShot`` is the pipeline; ``match``, ``drive``, ``retarget`` and ``animate`` are its stages as functions. All names
are loaded when they are first used, so importing the package is cheap. Types for annotations: ``faceshot.types``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on
from faceshot.version import __version__ as __version__

if TYPE_CHECKING:
    from faceshot.errors import BackendError as BackendError
    from faceshot.errors import FaceShotError as FaceShotError
    from faceshot.errors import InputError as InputError
    from faceshot.errors import MissingError as MissingError
    from faceshot.errors import NoFaceError as NoFaceError
    from faceshot.errors import UsageError as UsageError
    from faceshot.landmarks import Landmarks as Landmarks
    from faceshot.landmarks import LandmarkSequence as LandmarkSequence
    from faceshot.landmarks import Picture as Picture
    from faceshot.matching import Match as Match
    from faceshot.pipeline import Animation as Animation
    from faceshot.pipeline import FaceShot as FaceShot
    from faceshot.pipeline import animate as animate
    from faceshot.pipeline import drive as drive
    from faceshot.pipeline import list_backends as list_backends
    from faceshot.pipeline import match as match
    from faceshot.pipeline import match_all as match_all
    from faceshot.pipeline import match_many as match_many
    from faceshot.pipeline import retarget as retarget
else:  # hidden, so that type checkers know a name that does not exist
    __getattr__, __dir__, __all__ = hand_on(
        __name__,
        {
            "errors": "BackendError FaceShotError InputError MissingError NoFaceError UsageError",
            "landmarks": "LandmarkSequence Landmarks Picture",
            "matching": "Match",
            "pipeline": "Animation FaceShot animate drive list_backends match match_all match_many retarget",
            "version": "__version__",
        },
    )
