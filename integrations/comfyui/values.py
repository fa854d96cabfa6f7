"""Between ComfyUI's values and FaceShot's: IMAGE is float32 (B, H, W, C) in 0..1, FACE_LANDMARKS is core's own."""

from __future__ import annotations

from typing import Any

import numpy as np


def pictures(image: Any) -> list[np.ndarray]:
    """An IMAGE batch as uint8 (H, W, 3) or (H, W, 4)."""
    frames = (image.detach().cpu().numpy().clip(0, 1) * 255).round().astype(np.uint8)
    return [np.ascontiguousarray(frame) for frame in frames]


def image(frames: list[np.ndarray]) -> Any:
    """uint8 (H, W, 3) as an IMAGE batch."""
    import torch

    return torch.from_numpy(np.stack([frame[..., :3] for frame in frames])).float() / 255


def mask(frames: list[np.ndarray]) -> Any:
    """The alpha of uint8 (H, W, 4) as a MASK (B, H, W), ones where frames have none."""
    import torch

    planes = [frame[..., 3] if frame.shape[2] == 4 else np.full(frame.shape[:2], 255, np.uint8) for frame in frames]
    return torch.from_numpy(np.stack(planes)).float() / 255


def to_core(sequence: Any) -> dict[str, Any]:
    """Core's FACE_LANDMARKS with our 68 points, and our lines under core's names."""
    from itertools import pairwise

    from faceshot.landmarks import topology as topo

    def lines(*curves: tuple[int, ...], closed: bool = False) -> frozenset[tuple[int, int]]:
        return frozenset(pair for c in curves for pair in pairwise(c + c[:1] if closed else c))

    sets = {
        "face_oval": lines(topo.JAW),
        "right_eyebrow": lines(topo.RIGHT_BROW),
        "left_eyebrow": lines(topo.LEFT_BROW),
        "nose": lines(topo.NOSE_BRIDGE, topo.NOSE_BASE),
        "right_eye": lines(topo.RIGHT_EYE, closed=True),
        "left_eye": lines(topo.LEFT_EYE, closed=True),
        "lips": lines(topo.OUTER_LIPS, topo.INNER_LIPS, closed=True),
    }
    frames = []
    for xy, found in zip(sequence.xy, sequence.found, strict=True):
        face = {
            "bbox_xyxy": [*map(float, xy.min(0)), *map(float, xy.max(0))], "blendshapes": {}, "landmarks_xy": xy.copy(),
            "landmarks_3d": None, "presence": 1.0, "score": 1.0, "transformation_matrix": None,
        }  # fmt: skip
        frames.append([face] if found else [])
    return {"frames": frames, "image_size": (sequence.size.height, sequence.size.width), "connection_sets": sets}


def from_core(payload: dict[str, Any], fps: float, face: int = 0) -> Any:
    """Face ``face`` of every frame of core's FACE_LANDMARKS (68, 468 or 478 points in pixels) as a sequence.

    Raises:
        faceshot.InputError: no such face in any frame.
    """
    import faceshot

    height, width = payload["image_size"]
    frames = payload["frames"]
    found = np.array([len(faces) > face for faces in frames], bool)
    if not found.any():
        raise faceshot.InputError(f"no frame has a face number {face}")
    xy = np.full((len(frames), 68, 2), np.nan, np.float32)
    for k in np.flatnonzero(found):
        points = np.asarray(frames[k][face]["landmarks_xy"], float)
        one = points if len(points) == 68 else None
        if one is None:
            one = faceshot.Landmarks.from_mediapipe478(points, (width, height), normalised=False).xy
        xy[k] = one
    first = int(np.flatnonzero(found)[0])
    return faceshot.LandmarkSequence(xy, (width, height), fps, found, rest=first)
