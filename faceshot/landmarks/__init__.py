"""The vocabulary: data classes, the 68 points of iBUG, crops and anchors, error measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.landmarks.anchors import Anchors as Anchors
    from faceshot.landmarks.anchors import Box as Box
    from faceshot.landmarks.anchors import bind as bind
    from faceshot.landmarks.anchors import check_anchors as check_anchors
    from faceshot.landmarks.anchors import check_box as check_box
    from faceshot.landmarks.anchors import face_from_anchors as face_from_anchors
    from faceshot.landmarks.anchors import face_from_box as face_from_box
    from faceshot.landmarks.crop import Crop as Crop
    from faceshot.landmarks.crop import part_crops as part_crops
    from faceshot.landmarks.expression import BLENDSHAPES as BLENDSHAPES
    from faceshot.landmarks.expression import EYES as EYES
    from faceshot.landmarks.expression import Expression as Expression
    from faceshot.landmarks.expression import as_rotations as as_rotations
    from faceshot.landmarks.faces import FaceWish as FaceWish
    from faceshot.landmarks.faces import check_wish as check_wish
    from faceshot.landmarks.faces import choose as choose
    from faceshot.landmarks.faces import follow as follow
    from faceshot.landmarks.faces import overlap as overlap
    from faceshot.landmarks.irises import iris_shift as iris_shift
    from faceshot.landmarks.mesh import depth68 as depth68
    from faceshot.landmarks.mesh import head_pose as head_pose
    from faceshot.landmarks.metrics import auc as auc
    from faceshot.landmarks.metrics import crossings as crossings
    from faceshot.landmarks.metrics import eye_opening as eye_opening
    from faceshot.landmarks.metrics import motion_difference as motion_difference
    from faceshot.landmarks.metrics import nme as nme
    from faceshot.landmarks.metrics import part_nme as part_nme
    from faceshot.landmarks.pixels import from_unit as from_unit
    from faceshot.landmarks.pixels import rescale_points as rescale_points
    from faceshot.landmarks.pixels import to_unit as to_unit
    from faceshot.landmarks.rates import as_fps as as_fps
    from faceshot.landmarks.types import BoolArray as BoolArray
    from faceshot.landmarks.types import FloatArray as FloatArray
    from faceshot.landmarks.types import Landmarks as Landmarks
    from faceshot.landmarks.types import LandmarkSequence as LandmarkSequence
    from faceshot.landmarks.types import Picture as Picture
    from faceshot.landmarks.types import RGBArray as RGBArray
    from faceshot.landmarks.types import Size as Size
    from faceshot.landmarks.visibility import visible_mask as visible_mask

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "anchors": "Anchors Box bind check_anchors check_box face_from_anchors face_from_box",
        "crop": "Crop part_crops",
        "expression": "BLENDSHAPES EYES Expression as_rotations",
        "faces": "FaceWish check_wish choose follow overlap",
        "irises": "iris_shift",
        "mesh": "depth68 head_pose",
        "metrics": "auc crossings eye_opening motion_difference nme part_nme",
        "pixels": "from_unit rescale_points to_unit",
        "rates": "as_fps",
        "types": "BoolArray FloatArray LandmarkSequence Landmarks Picture RGBArray Size",
        "visibility": "visible_mask",
    },
)
