"""The types of links between our nodes, and core's for faces."""

from __future__ import annotations

from comfy_api.latest import io

CATEGORY = "FaceShot"
#: faceshot.Landmarks: 68 points of one face in pixels of its picture.
Landmarks = io.Custom("FACESHOT_LANDMARKS")
#: faceshot.LandmarkSequence: 68 points a frame, with size, rate and, where known, expression.
Motion = io.Custom("FACESHOT_MOTION")
#: Core's own, see conversions.py.
CoreLandmarks = io.Custom("FACE_LANDMARKS")
Boxes = io.Custom("BOUNDING_BOX")
