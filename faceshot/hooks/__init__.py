"""Our landmarks inside other people's pipelines: drop-in detectors, and a patch for code that cannot be edited.

Each module stands in for the library of its name, with the calls, shapes, orders and corner cases that programs rely
on:

    from faceshot.hooks import face_alignment      # instead of: import face_alignment

    with faceshot.hooks.patched("dlib"):           # for code that imports dlib itself
        program.main()

None imports the library it stands in for. A picture without a face gives what the library gives then; a face is what
our matcher is sure enough of, whatever threshold of its own scale a caller names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.hooks.dataset import LandmarkFolder as LandmarkFolder
    from faceshot.hooks.dataset import match_batch as match_batch
    from faceshot.hooks.finder import use as use
    from faceshot.hooks.patch import LIBRARIES as LIBRARIES
    from faceshot.hooks.patch import patched as patched
    from faceshot.hooks.poses import draw_mediapipe_face as draw_mediapipe_face
    from faceshot.hooks.poses import draw_openpose_face as draw_openpose_face

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "dataset": "LandmarkFolder match_batch",
        "finder": "use",
        "patch": "LIBRARIES patched",
        "poses": "draw_mediapipe_face draw_openpose_face",
    },
)
