"""Between our landmarks and core's ``FACE_LANDMARKS``.

Core's payload holds ``frames`` (a list of faces each), ``image_size`` (H, W) and ``connection_sets`` (name -> pairs).
Its drawing node takes the lines from the payload, so that 68 points draw as well as its own 478; its mask node walks
them as rings, which is why the oval is closed along the brows.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from comfy_api.latest import io

from .types import CATEGORY, Boxes, CoreLandmarks, Landmarks, Motion


class ToCoreLandmarks(io.ComfyNode):
    """Our points as core's FACE_LANDMARKS, with 52 blendshapes."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotToCoreLandmarks",
            display_name="Convert To Core Face Landmarks (FaceShot)",
            category=CATEGORY,
            inputs=[Motion.Input("motion", optional=True), Landmarks.Input("landmarks", optional=True)],
            outputs=[CoreLandmarks.Output("face_landmarks"), Boxes.Output("bboxes")],
        )

    @classmethod
    def execute(cls, motion: Any = None, landmarks: Any = None) -> Any:
        import faceshot

        from . import values

        if (landmarks is None) == (motion is None):
            raise faceshot.UsageError("connect landmarks or a motion, one of the two")
        payload = to_core(values.still(landmarks) if motion is None else motion)
        faces = [[(face["landmarks_xy"], face["score"]) for face in frame] for frame in payload["frames"]]
        return io.NodeOutput(payload, [values.boxes(frame) for frame in faces])


class FromCoreLandmarks(io.ComfyNode):
    """Core's detections as a driving motion."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotFromCoreLandmarks",
            display_name="Convert From Core Face Landmarks (FaceShot)",
            category=CATEGORY,
            inputs=[
                CoreLandmarks.Input("face_landmarks"),
                io.Float.Input("fps", default=30.0, min=1.0, max=120.0, step=0.01),
                io.Int.Input("face", default=0, min=0, max=16, tooltip="Which of several, in core's order"),
            ],
            outputs=[Motion.Output("motion")],
        )

    @classmethod
    def execute(cls, face_landmarks: Any, fps: float, face: int) -> Any:
        return io.NodeOutput(from_core(face_landmarks, fps, face))


def connection_sets() -> dict[str, frozenset[tuple[int, int]]]:
    """Core's names for lines between points, with those of ours. Irises are not among the 68."""
    from faceshot.landmarks import topology as topo

    def lines(*curves: tuple[int, ...], closed: bool = False) -> frozenset[tuple[int, int]]:
        return frozenset(pair for c in curves for pair in pairwise(c + c[:1] if closed else c))

    sets = {
        "face_oval": lines(topo.JAW + topo.LEFT_BROW[::-1] + topo.RIGHT_BROW[::-1], closed=True),
        "right_eyebrow": lines(topo.RIGHT_BROW),
        "left_eyebrow": lines(topo.LEFT_BROW),
        "right_eye": lines(topo.RIGHT_EYE, closed=True),
        "left_eye": lines(topo.LEFT_EYE, closed=True),
        "lips": lines(topo.OUTER_LIPS, topo.INNER_LIPS, closed=True),
    }
    contours = frozenset().union(*sets.values())
    nose = lines(topo.NOSE_BRIDGE, topo.NOSE_BASE)
    whole = {"contours": contours, "all": contours | nose, "tesselation": contours | nose}
    return {**sets, "nose": nose, "irises": frozenset(), **whole}


def to_core(sequence: Any) -> dict[str, Any]:
    """Core's FACE_LANDMARKS: 68 points, depth of a mean head, blendshapes that are known or told by the points."""
    from faceshot.driving import with_blendshapes
    from faceshot.landmarks import BLENDSHAPES, depth68
    from faceshot.rendering import head_boxes

    shapes = np.nan_to_num(with_blendshapes(sequence).expression.blendshapes)
    frames = []
    for xy, found, amounts in zip(sequence.xy, sequence.found, shapes, strict=True):
        face = {
            "bbox_xyxy": np.asarray(head_boxes(xy), np.float32),
            "blendshapes": {name: float(amount) for name, amount in zip(BLENDSHAPES, amounts, strict=True)},
            "landmarks_xy": xy.copy(),
            "landmarks_3d": np.column_stack([xy, depth68(xy)]).astype(np.float32) if found else None,
            "presence": 1.0,
            "score": 1.0,
            "transformation_matrix": None,
        }
        frames.append([face] if found else [])
    size = (sequence.size.height, sequence.size.width)
    return {"frames": frames, "image_size": size, "connection_sets": connection_sets()}


def from_core(payload: dict[str, Any], fps: float, face: int = 0) -> Any:
    """Face ``face`` of every frame of core's FACE_LANDMARKS (68, 468 or 478 points in pixels) as a sequence.

    Raises:
        faceshot.InputError: no such face in any frame.
    """
    import faceshot
    from faceshot.driving import finish

    height, width = payload["image_size"]
    frames = payload["frames"]
    found = np.array([len(faces) > face for faces in frames], bool)
    if not found.any():
        raise faceshot.InputError(f"no frame has a face number {face}")
    xy = np.full((len(frames), 68, 2), np.nan, np.float32)
    for k in np.flatnonzero(found):
        points = np.asarray(frames[k][face]["landmarks_xy"], float)
        whole = len(points) == 68
        xy[k] = points if whole else faceshot.Landmarks.from_mediapipe478(points, (width, height), normalised=False).xy
    first = int(np.flatnonzero(found)[0])
    return finish(faceshot.LandmarkSequence(xy, (width, height), fps, found, rest=first), "face_landmarks")


NODES = [ToCoreLandmarks, FromCoreLandmarks]
