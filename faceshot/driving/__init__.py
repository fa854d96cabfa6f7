"""Clip -> sequence of landmarks: detectors, the tracker and its parts, built-in motions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.driving.arkit import BlendshapeEstimator as BlendshapeEstimator
    from faceshot.driving.arkit import with_blendshapes as with_blendshapes
    from faceshot.driving.detectors import FaceMeshDetector as FaceMeshDetector
    from faceshot.driving.expressions import AMOUNTS as AMOUNTS
    from faceshot.driving.expressions import expression_timeline as expression_timeline
    from faceshot.driving.expressions import posed as posed
    from faceshot.driving.gaps import GapPolicy as GapPolicy
    from faceshot.driving.motions import MAX_SECONDS as MAX_SECONDS
    from faceshot.driving.motions import MIN_SECONDS as MIN_SECONDS
    from faceshot.driving.motions import MOTIONS as MOTIONS
    from faceshot.driving.motions import motion_template as motion_template
    from faceshot.driving.poses import POSES as POSES
    from faceshot.driving.poses import NamedPose as NamedPose
    from faceshot.driving.poses import named_pose as named_pose
    from faceshot.driving.repair import carried as carried
    from faceshot.driving.repair import corrected as corrected
    from faceshot.driving.repair import held as held
    from faceshot.driving.repair import interpolated as interpolated
    from faceshot.driving.sources import drive as drive
    from faceshot.driving.sources import finish as finish

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "arkit": "BlendshapeEstimator with_blendshapes",
        "detectors": "FaceMeshDetector",
        "expressions": "AMOUNTS expression_timeline posed",
        "gaps": "GapPolicy",
        "motions": "MAX_SECONDS MIN_SECONDS MOTIONS motion_template",
        "poses": "NamedPose POSES named_pose",
        "repair": "carried corrected held interpolated",
        "sources": "drive finish",
    },
)
