"""Spine: one mesh that holds the picture and follows the landmarks.

The mesh has the 68 landmarks among its vertices; between them, and out to the border of the picture, which stays, a
thin-plate spline carries the motion. Lips that are shut in the picture are cut, so that a mouth opens as a hole, behind
which another picture may be put. The layout is that of Spine's JSON export, version 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.export.job import Job, Target
from faceshot.landmarks import Landmarks, LandmarkSequence
from faceshot.landmarks import topology as topo

Array = npt.NDArray[np.float64]

_NAME, _SLOT = "character", "face"
#: Vertices across the picture, and how near, in steps of that grid, one may come to a landmark.
_ACROSS, _CLEAR = 12, 0.35
#: Of the size of the face: lips or lids nearer than this are shut, and are held apart to be triangulated.
_TOUCH = 0.02
#: Smallest way of a vertex that is kept, in pixels.
_LEAST = 0.01


@dataclass(frozen=True)
class Mesh:
    """The mesh at rest.

    Attributes:
        rest: (V, 2) pixels counted from the picture's corner, y down; those on the border come first, in order.
        hull: how many these are. triangles: (n, 3) indices.
        weights: (V, 68) displacements of the vertices are ``weights`` times those of the landmarks.
    """

    rest: Array
    hull: int
    triangles: npt.NDArray[np.intp]
    weights: Array


def write(job: Job, target: Target) -> None:
    """Write skeleton, atlas and picture."""
    assert job.picture is not None and job.landmarks is not None
    mesh = make_mesh(job.landmarks)
    width, height = job.picture.size
    target.json("character.json", lambda: skeleton(mesh, job.sequence, job.name))
    target.text(
        "character.atlas",
        lambda: f"{_NAME}.png\nsize: {width},{height}\nfilter: Linear,Linear\n{_NAME}\nbounds: 0,0,{width},{height}\n",
    )
    target.picture("character.png", job.picture)


def make_mesh(landmarks: Landmarks) -> Mesh:
    """Triangulate a picture around its landmarks."""
    from scipy.interpolate import RBFInterpolator
    from scipy.spatial import Delaunay

    width, height = landmarks.size
    marks = landmarks.xy.astype(np.float64) + 0.5
    face = max(float(np.sqrt(np.prod(np.ptp(marks, axis=0)))), 4.0)
    apart = _parted(marks, _TOUCH * face)
    step = max(width, height) / _ACROSS
    border = _border(width, height, step)
    across, down = (np.arange(step / 2, side, step) for side in (width, height))
    inner = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
    far = np.linalg.norm(inner[:, None] - apart[None], axis=-1).min(1) > _CLEAR * step
    held = np.concatenate([border, inner[far]])
    # Landmarks beyond the picture belong to no part of it.
    inside = ((apart > 0) & (apart < (width, height))).all(1)
    flat = np.concatenate([held, apart])
    corners = np.flatnonzero(np.r_[np.ones(len(held), bool), inside])
    triangles = corners[Delaunay(flat[corners]).simplices]
    triangles = _upright(triangles, flat)
    triangles = triangles[~_cut(triangles, marks, len(held), _TOUCH * face)]
    controls = np.concatenate([apart, border])
    spread = RBFInterpolator(
        controls / face, np.eye(len(controls))[:, : topo.N_POINTS], kernel="thin_plate_spline", smoothing=1e-6
    )
    weights = spread(flat / face)
    weights[: len(border)] = 0
    weights[len(held) :] = np.eye(topo.N_POINTS)
    return Mesh(np.concatenate([held, marks]), len(border), triangles, weights)


def skeleton(mesh: Mesh, sequence: LandmarkSequence, animation: str) -> dict[str, Any]:
    """The content of ``character.json``; its origin is the middle of the picture, y up."""
    width, height = sequence.size
    middle = np.array([width, height]) / 2
    flip = np.array([1.0, -1.0])
    moved = sequence.xy.astype(np.float64) + 0.5 - mesh.rest[-topo.N_POINTS :]
    keys = [
        {"time": round(k / float(sequence.fps), 4), **_offsets(mesh.weights @ frame * flip)}
        for k, frame in enumerate(moved)
    ]
    attachment = {
        "type": "mesh",
        "uvs": _numbers(mesh.rest / (width, height), 5),
        "triangles": mesh.triangles.reshape(-1).tolist(),
        "vertices": _numbers((mesh.rest - middle) * flip, 2),
        "hull": mesh.hull,
        "width": width,
        "height": height,
    }
    return {
        "skeleton": {
            "spine": "4.2.00",
            "x": -middle[0],
            "y": -middle[1],
            "width": width,
            "height": height,
            "images": "./",
            "fps": round(float(sequence.fps), 3),
        },
        "bones": [{"name": "root"}],
        "slots": [{"name": _SLOT, "bone": "root", "attachment": _NAME}],
        "skins": [{"name": "default", "attachments": {_SLOT: {_NAME: attachment}}}],
        "animations": {animation: {"attachments": {"default": {_SLOT: {_NAME: {"deform": keys}}}}}},
    }


def _offsets(ways: Array) -> dict[str, Any]:
    """A deform key's values: ways of the vertices, without the still ones at either end."""
    ways = np.where(np.abs(ways).max(1, keepdims=True) < _LEAST, 0.0, ways)
    moving = np.flatnonzero(ways.any(1))
    if len(moving) == 0:
        return {}
    first = int(moving[0])
    start = {"offset": 2 * first} if first else {}
    return {**start, "vertices": _numbers(ways[first : moving[-1] + 1], 2)}


def _numbers(values: Array, decimals: int) -> list[float]:
    return [float(v) + 0.0 for v in np.round(values.reshape(-1), decimals)]


def _border(width: float, height: float, step: float) -> Array:
    """Points along the edge of the picture, round it once."""
    across, down = (np.linspace(0, side, max(2, round(side / step)) + 1)[:-1] for side in (width, height))
    return np.concatenate(
        [
            np.c_[across, np.zeros_like(across)],
            np.c_[np.full_like(down, width), down],
            np.c_[width - across, np.full_like(across, height)],
            np.c_[np.zeros_like(down), height - down],
        ]
    )


#: From the upper lip's edge to the lower lip's, and from lid to lid: what keeps its order from top to bottom.
_COLUMNS = (
    *(
        (outer[0], inner[0], inner[1], outer[1])
        for outer, inner in zip(topo.OUTER_LIP_PAIRS[1:4], topo.INNER_LIP_PAIRS, strict=True)
    ),
    *topo.LID_PAIRS["right_eye"],
    *topo.LID_PAIRS["left_eye"],
)


def _parted(marks: Array, least: float) -> Array:
    """The landmarks with lips and lids that touch held apart, so that every triangle has an area."""
    out = marks.copy()
    for column in _COLUMNS:
        y = out[list(column), 1]
        spread = np.maximum.accumulate(y - least * np.arange(len(y))) + least * np.arange(len(y))
        out[list(column), 1] = spread + (y - spread).mean()
    for outer, inner, way in zip(topo.MOUTH_CORNERS, topo.INNER_MOUTH_CORNERS, (1, -1), strict=True):
        out[inner, 0] += way * max(least - way * (out[inner, 0] - out[outer, 0]), 0.0)
    # Whatever else coincides, e.g. parts that a character lacks, laid on top of each other.
    return out + 1e-3 * np.stack([np.arange(len(out)) % 7, np.arange(len(out)) % 5], -1)


def _upright(triangles: npt.NDArray[np.intp], points: Array) -> npt.NDArray[np.intp]:
    """Triangles, all turning the same way."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    turned = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0
    return np.where(turned[:, None], triangles[:, ::-1], triangles)


def _cut(triangles: npt.NDArray[np.intp], marks: Array, first: int, least: float) -> npt.NDArray[np.bool_]:
    """(n,) bool: the triangles between lips that are shut; none where the picture shows the inside of the mouth."""
    gaps = [marks[lower, 1] - marks[upper, 1] for upper, lower in topo.INNER_LIP_PAIRS]
    if max(gaps) > 2 * least:
        return np.zeros(len(triangles), bool)
    lips = np.array(topo.INNER_LIPS) + first
    return np.asarray(np.isin(triangles, lips).all(1))
