"""Lottie: the parts of the face as animated outlines. Line art; a Lottie file holds no warped picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.export.job import Job, Target
from faceshot.landmarks import topology as topo

Array = npt.NDArray[np.float64]

_INK, _LIP, _DARK, _WHITE = (0.11, 0.13, 0.18, 1), (0.80, 0.34, 0.36, 1), (0.25, 0.08, 0.10, 1), (1, 1, 1, 1)
#: Layers from the front to the back: name, points, closed, colour inside.
_LAYERS: tuple[tuple[str, tuple[int, ...], bool, tuple[float, ...] | None], ...] = (
    ("right brow", topo.RIGHT_BROW, False, None),
    ("left brow", topo.LEFT_BROW, False, None),
    ("nose bridge", topo.NOSE_BRIDGE, False, None),
    ("nose base", topo.NOSE_BASE, False, None),
    ("right eye", topo.RIGHT_EYE, True, _WHITE),
    ("left eye", topo.LEFT_EYE, True, _WHITE),
    ("inside of the mouth", topo.INNER_LIPS, True, _DARK),
    ("lips", topo.OUTER_LIPS, True, _LIP),
    ("outline", topo.JAW, False, None),
)
#: A layer of the 68 points themselves, switched off.
_POINTS = "landmarks"
_EASE = {"i": {"x": [1], "y": [1]}, "o": {"x": [0], "y": [0]}}


def write(job: Job, target: Target) -> None:
    """Write the drawing."""
    target.json("face.json", lambda: drawing(job))


def drawing(job: Job) -> dict[str, Any]:
    """The animation; places are pixels counted from the corner of the picture."""
    sequence = job.sequence
    xy = sequence.xy.astype(np.float64) + 0.5
    width = max(float(np.ptp(xy[sequence.rest, :, 0])) / 110, 1.0)
    layers = [
        _layer(k, name, [_path(xy[:, list(points)], closed)], colour, width, len(xy))
        for k, (name, points, closed, colour) in enumerate(_LAYERS, 1)
        if not set(points) & set(np.flatnonzero(~sequence.visible))
    ]
    dots = [_dot(xy[:, k], 2 * width) for k in range(topo.N_POINTS)]
    points = _layer(len(_LAYERS) + 1, _POINTS, dots, _INK, 0, len(xy))
    layers.append({**points, "hd": True})
    return {
        "v": "5.7.0",
        "nm": job.name,
        "fr": float(sequence.fps),
        "ip": 0,
        "op": len(xy),
        "w": sequence.size.width,
        "h": sequence.size.height,
        "ddd": 0,
        "assets": [],
        "layers": layers,
    }


def _layer(
    index: int, name: str, paths: list[dict[str, Any]], colour: tuple[float, ...] | None, width: float, frames: int
) -> dict[str, Any]:
    paint: list[dict[str, Any]] = []
    if width:
        ink = {"a": 0, "k": list(_INK)}
        paint.append({"ty": "st", "c": ink, "o": _still(100), "w": _still(round(width, 2)), "lc": 2, "lj": 2})
    if colour is not None:
        paint.append({"ty": "fl", "c": {"a": 0, "k": list(colour)}, "o": _still(100), "r": 1})
    group = {"ty": "gr", "nm": name, "it": [*paths, *paint, {"ty": "tr", **_transform()}]}
    times = {"ip": 0, "op": frames, "st": 0, "sr": 1, "bm": 0, "ddd": 0}
    return {"ty": 4, "ind": index, "nm": name, "ks": _transform(), "shapes": [group], **times}


def _still(value: Any) -> dict[str, Any]:
    return {"a": 0, "k": value}


def _transform() -> dict[str, Any]:
    return {"o": _still(100), "r": _still(0), "p": _still([0, 0]), "a": _still([0, 0]), "s": _still([100, 100])}


def _path(points: Array, closed: bool) -> dict[str, Any]:
    """A smooth curve through points (T, n, 2), a key in every frame."""
    return {"ty": "sh", "ks": _keyed([[_curve(frame, closed)] for frame in points])}


def _keyed(values: list[Any]) -> dict[str, Any]:
    if len(values) == 1:
        return {"a": 0, "k": values[0][0] if isinstance(values[0][0], dict) else values[0]}
    # The last key leads nowhere, and players that find handles there draw nothing at all.
    last = len(values) - 1
    return {"a": 1, "k": [{"t": t, "s": value, **(_EASE if t < last else {})} for t, value in enumerate(values)]}


def _curve(points: Array, closed: bool) -> dict[str, Any]:
    """A cubic through the points (n, 2), its handles a sixth of the way between their neighbours."""
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    if not closed:
        before[0], after[-1] = points[0], points[-1]
    handle = (after - before) / 6
    rows = {"v": points, "o": handle, "i": -handle}
    return {"c": closed, **{key: np.round(value, 2).tolist() for key, value in rows.items()}}


def _dot(points: Array, size: float) -> dict[str, Any]:
    place = _keyed([np.round(xy, 2).tolist() for xy in points])
    return {"ty": "el", "p": place, "s": _still([round(size, 2)] * 2), "d": 1}
