"""Upstream's tidying of raw matches (``regularise="faceshot"``): evenly spaced points along fitted curves.

Kept for research parity. Each part's interior points are re-spaced along an ellipse (face boundary) or circle fitted
to the part; their radial deviation stays, so a wild match stays wild. ``shape.fit_shape`` is the robust alternative.
"""

from __future__ import annotations

import numpy as np

from faceshot.landmarks import FloatArray
from faceshot.landmarks.topology import BRIDGE_LINE, CHAINS, JAW

#: Chains in the order they are re-spaced; later ones see the earlier ones' results. The bridge is treated apart.
_ORDER = (0, 10, 11, 3, 6, 7, 8, 9, 1, 2, 4, 5)


def rearrange(xy: np.ndarray) -> FloatArray:
    """Re-space the points of every chain.

    Args:
        xy: (68, 2) raw matches. Integer arrays are handled as upstream does: every result is truncated to whole pixels.

    Returns:
        (68, 2) float32.
    """
    points = np.array(xy)
    whole = np.issubdtype(points.dtype, np.integer)
    points = points.astype(np.int64 if whole else np.float64)
    for index in _ORDER:
        chain = list(CHAINS[index])
        part = points[chain].astype(np.float64)
        fitted = _on_ellipse(part) if CHAINS[index] == JAW else _on_circle(part)
        points[chain] = _on_line(part) if fitted is None else fitted
    points[list(BRIDGE_LINE)] = _straight_bridge(points[list(BRIDGE_LINE)].astype(np.float64))
    return points.astype(np.float32)


def _spread(angles: np.ndarray) -> np.ndarray:
    angles = np.unwrap(angles)
    return np.linspace(angles[0], angles[-1], len(angles))


def _on_circle(part: np.ndarray) -> np.ndarray | None:
    """Uniform in angle about the algebraic least-squares circle; None when the points do not define one."""
    design = np.column_stack([2 * part, np.ones(len(part))])
    solution, _, rank, _ = np.linalg.lstsq(design, (part**2).sum(1), rcond=None)
    if rank < 3:
        return None
    centre = solution[:2]
    radius = np.sqrt(max(solution[2] + centre @ centre, 0))
    offset = part - centre
    deviation = np.linalg.norm(offset, axis=1) - radius
    t = _spread(np.arctan2(offset[:, 1], offset[:, 0]))
    new = centre + (radius + deviation)[:, None] * np.column_stack([np.cos(t), np.sin(t)])
    new[[0, -1]] = part[[0, -1]]
    return new


def _on_ellipse(part: np.ndarray) -> np.ndarray | None:
    """Uniform in the eccentric angle of the fitted ellipse; None when the fit is not an ellipse."""
    fit = fit_ellipse(part)
    if fit is None:
        return None
    centre, a, b, tilt = fit
    rotation = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    local = (part - centre) @ rotation
    angle = np.arctan2(local[:, 1] / b, local[:, 0] / a)
    foot = np.column_stack([a * np.cos(angle), b * np.sin(angle)])
    inside = (local[:, 0] / a) ** 2 + (local[:, 1] / b) ** 2 < 1
    deviation = np.linalg.norm(local - foot, axis=1) * np.where(inside, -1, 1)
    t = _spread(angle)
    new = centre + np.column_stack([(a + deviation) * np.cos(t), (b + deviation) * np.sin(t)]) @ rotation.T
    new[[0, -1]] = part[[0, -1]]
    return new


def _on_line(part: np.ndarray) -> np.ndarray:
    """Uniform in x between the ends, keeping each point's signed distance to the line through them."""
    start, end = part[0], part[-1]
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
    normal = np.array([-along[1], along[0]])
    deviation = (part - start) @ normal
    new = np.linspace(start, end, len(part)) + deviation[:, None] * normal
    new[[0, -1]] = part[[0, -1]]
    return new


def _straight_bridge(part: np.ndarray) -> np.ndarray:
    """All five points on the straight line through the last one, rows evenly spaced."""
    offset = part - part[-1]
    spread = float((offset[:, 1] ** 2).sum())
    slope = float((offset[:, 0] * offset[:, 1]).sum()) / spread if spread > 0 else 0.0
    rows = np.linspace(part[0, 1], part[-1, 1], len(part))
    return np.column_stack([part[-1, 0] + slope * (rows - part[-1, 1]), rows])


def fit_ellipse(points: np.ndarray) -> tuple[np.ndarray, float, float, float] | None:
    """Direct least-squares ellipse (Halir and Flusser 1998) through (n, 2) points, n >= 5.

    Returns:
        Centre (2,), semi-axes a and b, and the tilt of a in radians; None when no ellipse fits.
    """
    mean, scale = points.mean(0), max(float(points.std()), 1e-9)
    x, y = ((points - mean) / scale).T
    quadratic = np.column_stack([x * x, x * y, y * y])
    linear = np.column_stack([x, y, np.ones_like(x)])
    try:
        fold = -np.linalg.solve(linear.T @ linear, linear.T @ quadratic)
        reduced = quadratic.T @ quadratic + quadratic.T @ linear @ fold
        values, vectors = np.linalg.eig(np.array([reduced[2] / 2, -reduced[1], reduced[0] / 2]))
    except np.linalg.LinAlgError:
        return None
    vectors = np.real(vectors)
    good = np.flatnonzero(4 * vectors[0] * vectors[2] - vectors[1] ** 2 > 0)
    if len(good) == 0 or not np.isfinite(values).all():
        return None
    top = vectors[:, good[0]]
    a, b, c = top
    d, e, f = fold @ top
    det = b * b - 4 * a * c
    centre = np.array([2 * c * d - b * e, 2 * a * e - b * d]) / det
    level = 2 * (a * e * e + c * d * d - b * d * e + det * f)
    root = np.hypot(a - c, b)
    axes = np.array([level * (a + c + root), level * (a + c - root)])
    if not (axes > 0).all():
        return None
    major, minor = np.sqrt(axes) / -det
    tilt = 0.5 * np.arctan2(-b, c - a)
    return centre * scale + mean, float(major * scale), float(minor * scale), float(tilt)
