"""Galleries of plain faces drawn here, in the shipped layout."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceshot.landmarks.topology import CURVES
from faceshot.landmarks.types import RGBArray, Size

SIZE = Size(160, 160)


def face_points(centre: tuple[float, float] = (80, 80), radius: float = 50.0) -> np.ndarray:
    """68 points of a plain round face."""

    def arc(n: int, x: float, y: float, rx: float, ry: float, start: float, stop: float) -> list[tuple[float, float]]:
        angles = [math.radians(start + (stop - start) * i / (n - 1)) for i in range(n)]
        return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]

    points = [
        *arc(17, 0, 0, 1, 1, 180, 0),
        *arc(5, -0.4, -0.35, 0.25, 0.1, 180, 360),
        *arc(5, 0.4, -0.35, 0.25, 0.1, 180, 360),
        *((0, -0.25 + 0.1 * i) for i in range(4)),
        *((-0.16 + 0.08 * i, 0.15) for i in range(5)),
        *(arc(7, -0.4, -0.15, 0.16, 0.09, 180, 540)[:6]),
        *(arc(7, 0.4, -0.15, 0.16, 0.09, 180, 540)[:6]),
        *(arc(13, 0, 0.45, 0.35, 0.15, 180, 540)[:12]),
        *(arc(9, 0, 0.45, 0.25, 0.08, 180, 540)[:8]),
    ]
    return (np.array(points) * radius + np.array(centre)).astype(np.float32)


def draw_face(xy: np.ndarray, seed: int, size: Size = SIZE) -> RGBArray:
    rng = np.random.default_rng(seed)
    skin, back = rng.integers(120, 250, 3).tolist(), rng.integers(0, 120, 3).tolist()
    picture = np.full((size.height, size.width, 3), back, np.uint8)
    cv2.fillPoly(picture, [xy[:17].round().astype(np.int32)], skin)
    for indices, closed in CURVES[1:]:
        cv2.polylines(picture, [xy[list(indices)].round().astype(np.int32)], closed, (20, 20, 60), 2, cv2.LINE_AA)
    return picture


def write_domain(folder: Path, seed: int, k: int = 3, absent: tuple[str, ...] = ()) -> Path:
    """A domain in the shipped layout."""
    (folder / "images").mkdir(parents=True)
    entries: list[dict[str, Any]] = []
    for i in range(k):
        xy = face_points((80 + 3 * i, 84 - 2 * i), 46 + 3 * i)
        cv2.imwrite(str(folder / "images" / f"{i}.png"), draw_face(xy, seed * 100 + i)[..., ::-1])
        entries.append(
            {
                "id": f"{folder.name}-{i}",
                "file": f"images/{i}.png",
                "size": list(SIZE),
                "points": xy.tolist(),
                "absent": list(absent) if i == 0 else [],
            }
        )
    data = {"schema": 1, "scheme": "ibug68", "images": entries}
    (folder / "landmarks.json").write_text(json.dumps(data))
    return folder
