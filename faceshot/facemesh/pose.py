"""How the head is turned: the canonical face fitted to the mesh, perspective taken into account.

A camera with a vertical field of view of 63 degrees looks along -z, x to the image right, y up; lengths are cm. The
field of view is a guess, so distances are too; the turn is good as it is.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_HALF_HEIGHT = math.tan(math.radians(63.0) / 2)
#: Points closer together than this (fractions) have no pose.
_SMALLEST = 1e-3


def head_matrix(points: npt.ArrayLike, size: tuple[int, int], canonical: Array, weights: Array) -> Array | None:
    """The 4x4 matrix (cm) that puts the canonical face into the camera's space; None for a face without extent.

    Args:
        points: (n, 3) mesh, n at least that of ``canonical``, in fractions of the picture (z of its width).
        size: (width, height) of the picture.
        canonical: (468, 3) cm. weights: (468,) of the fit.
    """
    found = metric_mesh(points, size, canonical, weights)
    return None if found is None else found[0]


def metric_mesh(
    points: npt.ArrayLike, size: tuple[int, int], canonical: Array, weights: Array
) -> tuple[Array, Array] | None:
    """The matrix of :func:`head_matrix`, and the mesh (n, 3) in the canonical face's space [cm], as it is before the
    matrix; n as of ``canonical``. None for a face without extent."""
    p = np.asarray(points, np.float64)[: len(canonical)]
    if np.linalg.norm(p - p.mean(0), axis=1).max() <= _SMALLEST:
        return None
    tall = 2 * _HALF_HEIGHT
    wide = tall * size[0] / size[1]
    plane = np.stack([(p[:, 0] - 0.5) * wide, (0.5 - p[:, 1]) * tall, p[:, 2] * wide], axis=1)
    mean_depth = plane[:, 2].mean()

    def away(scale: float) -> Array:
        """Points in space if the face is ``scale`` times as large as its picture at distance 1."""
        depth = (plane[:, 2] - mean_depth + 1) / scale
        return np.stack([plane[:, 0] * depth, plane[:, 1] * depth, -depth], axis=1)

    first = fit(plane * (1, 1, -1), canonical, weights)[0]
    second = fit(away(first), canonical, weights)[0]
    seen = away(first * second)
    scale, rotation, shift = fit(seen, canonical, weights)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = scale * rotation, shift
    return matrix, (seen - shift) @ rotation / scale


def fit(target: Array, source: Array, weights: Array) -> tuple[float, Array, Array]:
    """Scale, rotation (3, 3) and shift (3,) that bring ``source`` to ``target`` best (weighted orthogonal Procrustes).

    Args:
        target, source: (n, 3). weights: (n,) at least 0.
    """
    w = weights[:, None]
    total = weights.sum()
    centred = source - (w * source).sum(0) / total
    u, _, vt = np.linalg.svd((w * target).T @ centred)
    if np.linalg.det(u) * np.linalg.det(vt) < 0:
        u[:, 2] = -u[:, 2]
    rotation = u @ vt
    scale = float((w * (centred @ rotation.T) * target).sum() / (w * centred * source).sum())
    shift = (w * (target - scale * source @ rotation.T)).sum(0) / total
    return scale, rotation, shift


def turn_of(matrix: Array) -> Array:
    """The rotation (3, 3) in a similarity (4, 4)."""
    part = matrix[:3, :3]
    return np.asarray(part / np.linalg.norm(part, axis=0), np.float64)
