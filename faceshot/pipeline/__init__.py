"""The stages in order: ``FaceShot``, what is planned before anything loads, the backend contract, the sidecar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.pipeline.backends import KNOWN as KNOWN
    from faceshot.pipeline.backends import MEMBERS as MEMBERS
    from faceshot.pipeline.backends import AnimationOptions as AnimationOptions
    from faceshot.pipeline.backends import Backend as Backend
    from faceshot.pipeline.backends import MotionLength as MotionLength
    from faceshot.pipeline.backends import list_backends as list_backends
    from faceshot.pipeline.backends import load_backend as load_backend
    from faceshot.pipeline.backends import motion_length as motion_length
    from faceshot.pipeline.backends import requirements as requirements
    from faceshot.pipeline.backends import with_flags as with_flags
    from faceshot.pipeline.faceshot import FaceShot as FaceShot
    from faceshot.pipeline.inputs import DrivingLike as DrivingLike
    from faceshot.pipeline.inputs import LandmarksLike as LandmarksLike
    from faceshot.pipeline.inputs import PictureLike as PictureLike
    from faceshot.pipeline.inputs import as_landmarks as as_landmarks
    from faceshot.pipeline.inputs import as_picture as as_picture
    from faceshot.pipeline.inputs import as_sequence as as_sequence
    from faceshot.pipeline.inputs import is_sequence_file as is_sequence_file
    from faceshot.pipeline.plan import AnimateOptions as AnimateOptions
    from faceshot.pipeline.plan import check_video as check_video
    from faceshot.pipeline.plan import options_record as options_record
    from faceshot.pipeline.rendering import frames_of as frames_of
    from faceshot.pipeline.rendering import poser as poser
    from faceshot.pipeline.result import Animation as Animation
    from faceshot.pipeline.result import no_face_message as no_face_message
    from faceshot.pipeline.saving import save_frames as save_frames
    from faceshot.pipeline.sidecar import DIGITAL_SOURCE_TYPE as DIGITAL_SOURCE_TYPE
    from faceshot.pipeline.sidecar import file_hash as file_hash
    from faceshot.pipeline.sidecar import installed_version as installed_version
    from faceshot.pipeline.sidecar import plain_json as plain_json
    from faceshot.pipeline.sidecar import sidecar_path as sidecar_path
    from faceshot.pipeline.sidecar import source_record as source_record
    from faceshot.pipeline.stages import animate as animate
    from faceshot.pipeline.stages import drive as drive
    from faceshot.pipeline.stages import match as match
    from faceshot.pipeline.stages import match_all as match_all
    from faceshot.pipeline.stages import match_many as match_many
    from faceshot.pipeline.stages import retarget as retarget

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "backends": "AnimationOptions Backend KNOWN MEMBERS MotionLength list_backends load_backend motion_length "
        "requirements with_flags",
        "faceshot": "FaceShot",
        "inputs": "DrivingLike LandmarksLike PictureLike as_landmarks as_picture as_sequence is_sequence_file",
        "plan": "AnimateOptions check_video options_record",
        "rendering": "frames_of poser",
        "result": "Animation no_face_message",
        "saving": "save_frames",
        "sidecar": "DIGITAL_SOURCE_TYPE file_hash installed_version plain_json sidecar_path source_record",
        "stages": "animate drive match match_all match_many retarget",
    },
)
