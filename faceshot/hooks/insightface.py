"""Stands in for ``insightface.app.FaceAnalysis``: boxes, five points, 106 points, 68 in space, the head's turn. BGR in.

There is no identity embedding, gender or age: they are None, as with a model package that lacks them, and asking for an
embedding is noted once in the log. Where insightface is loaded the faces are of its own class, so that its recognition
models take them; it is noted right away then.
"""

from __future__ import annotations

import logging
import math
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.hooks.finder import as_rgb, detector_box, faces, five_points
from faceshot.landmarks import Landmarks, depth68, head_pose
from faceshot.matching import Match

REPLACED = {"insightface.app": ("FaceAnalysis",), "insightface.app.face_analysis": ("FaceAnalysis",)}
COMPLETED = {"insightface.app.common": ("Face",)}
FloatArray = npt.NDArray[np.float32]
logger = logging.getLogger("faceshot")
_TASKS = ("detection", "landmark_2d_106", "landmark_3d_68")
_noted = False


class Face(dict):  # type: ignore[type-arg]
    """A face: entries are attributes too, and what is not there is None."""

    def __init__(self, d: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__({**(d or {}), **kwargs})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("embedding", "normed_embedding", "embedding_norm") and "embedding" not in self:
            _note()
        if name in ("embedding_norm", "normed_embedding") and self.get("embedding") is not None:
            norm = np.linalg.norm(self["embedding"])
            return norm if name == "embedding_norm" else self["embedding"] / norm
        if name == "sex" and self.get("gender") is not None:
            return "M" if self["gender"] == 1 else "F"
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def _note() -> None:
    global _noted
    if not _noted:
        _noted = True
        logger.warning(
            "characters have no identity embedding here: embedding is None; landmarks, boxes and pose are there"
        )


class Detector:
    """``FaceAnalysis.det_model``."""

    taskname = "detection"

    def detect(
        self, img: Any, input_size: Any = None, max_num: int = 0, metric: str = "default"
    ) -> tuple[FloatArray, FloatArray]:
        """Boxes with scores (n, 5) and five points (n, 5, 2), the surest first; of more than ``max_num`` the largest,
        or with ``default`` those that are large and central."""
        found = chosen(img, max_num, metric)
        boxes = [np.append(detector_box(one.landmarks), one.confidence) for one in found]
        points = np.array([five_points(one.landmarks) for one in found], np.float32)
        return np.array(boxes, np.float32).reshape(-1, 5), points.reshape(-1, 5, 2)


class FaceAnalysis:
    """All faces of a picture; ``models`` names what each gets. Sizes, thresholds and providers mean nothing here."""

    def __init__(
        self, name: Any = "buffalo_l", root: str = "~/.insightface", allowed_modules: Any = None, *, addons: Any = None,
        liveness_mode: str = "normal", liveness_threshold: float | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.det_model, self.model_dir = Detector(), str(root)
        tasks = _TASKS if allowed_modules is None else [task for task in _TASKS if task in allowed_modules]
        assert "detection" in tasks
        self.models: dict[str, Any] = dict.fromkeys(tasks, self.det_model)

    def prepare(self, ctx_id: int = 0, det_thresh: float = 0.5, det_size: Any = None) -> None:
        """Taken, and of no effect."""
        self.det_thresh, self.det_size = det_thresh, det_size

    def get(self, img: Any, max_num: int = 0, det_metric: str = "default") -> list[Any]:
        """Faces, as :meth:`Detector.detect` orders them; [] without. Arrays are float32, pixels of ``img``.

        ``landmark_3d_68`` has depth as its third column, larger nearer; ``pose`` is pitch, yaw, roll in degrees.
        """
        common = sys.modules.get("insightface.app.common")
        kind = getattr(common, "Face", Face)
        if kind is not Face:
            _note()  # its class does not tell us when it is asked
        out = []
        for match in chosen(img, max_num, det_metric):
            marks, box = match.landmarks, detector_box(match.landmarks).astype(np.float32)
            face = kind(bbox=box, kps=five_points(marks), det_score=np.float32(match.confidence))
            if "landmark_2d_106" in self.models:
                face["landmark_2d_106"] = marks.to_insightface106()
            if "landmark_3d_68" in self.models:
                face["landmark_3d_68"] = np.column_stack([marks.xy, -depth68(marks.xy)]).astype(np.float32)
                face["pose"] = angles(marks)
            out.append(face)
        return out


def chosen(img: Any, most: int, metric: str) -> list[Match]:
    """The faces of a BGR picture, the surest first; of more than ``most`` those that ``metric`` prefers."""
    rgb = as_rgb(img, "bgr")
    found = faces(rgb)
    if not 0 < most < len(found):
        return found
    boxes = np.array([detector_box(one.landmarks) for one in found])
    worth = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    if metric != "max":
        middle = np.array([rgb.shape[1], rgb.shape[0]]) / 2
        worth = worth - 2.0 * (((boxes[:, :2] + boxes[:, 2:]) / 2 - middle) ** 2).sum(1)
    return [found[k] for k in np.argsort(-worth)[:most]]


def angles(landmarks: Landmarks) -> FloatArray:
    """(3,) pitch, yaw, roll in degrees, of axes x right, y down, z toward the viewer."""
    axes = np.diag([1.0, 1.0, -1.0])
    r = axes @ head_pose(landmarks.xy)[1] @ axes
    pitch, yaw = math.atan2(r[2, 1], r[2, 2]), math.atan2(-r[2, 0], math.hypot(r[0, 0], r[1, 0]))
    return np.degrees([pitch, yaw, math.atan2(r[1, 0], r[0, 0])]).astype(np.float32)
