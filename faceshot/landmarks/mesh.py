"""MediaPipe's 478 points from the 68 of iBUG, and how the head is turned: a mean face bent onto the landmarks.

The mean face is measured on drawings (``benchmarks/mesh_template.py``). A thin-plate spline through its own 68 points
carries all its points to the face; what is then left of the error at the 68 is spread over the points they are the
means of, so that they come back exactly through ``topology.MEDIAPIPE_TO_68``. Depth is that of the mean face, turned as
the landmarks are (scaled orthographic projection).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from faceshot.landmarks.topology import MEDIAPIPE_TO_68, MESH_EYES, N_POINTS, PART_POINTS

Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]
POINTS: Final = 478
#: Radius of an iris in widths of its eye, measured on people; the ring runs image right, up, image left, down.
_IRIS = 0.21


@lru_cache(maxsize=1)
def _mean_face() -> Array:
    """(478, 3): x right, y down, z away from the viewer; the outer eye corners are 1 apart, the mean is 0."""
    return np.load(Path(__file__).with_name("mesh478.npy"), allow_pickle=False).astype(np.float64)


@lru_cache(maxsize=1)
def _merging() -> Array:
    """(68, 478): the means of MEDIAPIPE_TO_68 as a matrix."""
    out = np.zeros((N_POINTS, POINTS))
    for row, indices in enumerate(MEDIAPIPE_TO_68):
        out[row, list(indices)] = 1 / len(indices)
    return out


@lru_cache(maxsize=1)
def _spreading() -> Array:
    """(478, 68): what brings 68 points to the mesh; its rows sum to 1, so it commutes with every affine map."""
    face, merging = _mean_face()[:, :2], _merging()
    known = merging @ face

    def kernel(a: Array, b: Array) -> Array:
        square = ((a[:, None] - b[None]) ** 2).sum(-1)
        return square * np.log(np.maximum(square, 1e-300))

    ones = np.ones((N_POINTS, 1))
    plane = np.hstack([ones, known])
    system = np.block([[kernel(known, known), plane], [plane.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.vstack([np.eye(N_POINTS), np.zeros((3, N_POINTS))]))
    spline = np.hstack([kernel(face, known), np.ones((POINTS, 1)), face]) @ weights
    return np.asarray(spline + np.linalg.pinv(merging) @ (np.eye(N_POINTS) - merging @ spline), np.float64)


def head_pose(xy: npt.ArrayLike) -> tuple[Array, Array]:
    """How large the mean face is and how it is turned, where its 68 points come nearest to (..., 68, 2) pixels.

    Returns:
        scale (...) in pixels per distance of the outer eye corners; rotation (..., 3, 3) of the head: x right, y down,
        z away, the identity looks into the camera. Both NaN where a point is.
    """
    points = np.asarray(xy, np.float64)
    face = _merging() @ _mean_face()
    solve = np.linalg.pinv(face - face.mean(0))
    linear = np.swapaxes(solve @ (points - points.mean(-2, keepdims=True)), -1, -2)
    known = np.isfinite(linear).all((-1, -2))
    u, s, vt = np.linalg.svd(np.where(known[..., None, None], linear, np.eye(2, 3)), full_matrices=False)
    rows = u @ vt
    rotation = np.concatenate([rows, np.cross(rows[..., 0, :], rows[..., 1, :])[..., None, :]], axis=-2)
    return np.where(known, s.mean(-1), np.nan), np.where(known[..., None, None], rotation, np.nan)


def depth68(xy: npt.ArrayLike) -> FloatArray:
    """(..., 68) depth in pixels of landmarks (..., 68, 2), smaller is nearer; 0 is the mean of the head's mesh."""
    return (mesh_points(xy)[..., 2] @ _merging().T).astype(np.float32)


def mesh_points(xy: npt.ArrayLike) -> FloatArray:
    """(..., 478, 3) float32 from (..., 68, 2): pixels, z smaller is nearer.

    Irises, of which 68 points say nothing, are put into the middle of their eyes.
    """
    points = np.asarray(xy, np.float64)
    scale, rotation = head_pose(points)
    z = scale[..., None] * np.einsum("ij,...j->...i", _mean_face(), rotation[..., 2, :])
    out = np.concatenate([_spreading() @ points, z[..., None]], axis=-1)
    eyes = points[..., list(PART_POINTS["eyes"]), :]
    for k, (right, left, iris) in enumerate(MESH_EYES.values()):
        x = _IRIS * (out[..., left, :2] - out[..., right, :2])
        up = np.stack([x[..., 1], -x[..., 0]], axis=-1)
        middle = eyes[..., 6 * k : 6 * k + 6, :].mean(-2)
        ring = np.stack([0 * x, x, up, -x, -up], axis=-2)
        out[..., iris : iris + 5, :2] = middle[..., None, :] + ring
    return out.astype(np.float32)
