"""What a user may say about where the face is: a box around it, or a few points in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from faceshot.errors import UsageError
from faceshot.landmarks.topology import ANCHORS
from faceshot.landmarks.types import FloatArray, Size
from faceshot.reading import MAX_SIZE

Box = tuple[float, float, float, float]
Anchors = Mapping[str, tuple[float, float]]


def check_box(box: Box, size: Size) -> None:
    """Raise :class:`UsageError` for a box without area, not finite, or outside a picture of ``size``."""
    left, top, right, bottom = box
    if not ((np.abs(box) <= MAX_SIZE).all() and right - left >= 8 and bottom - top >= 8):
        raise UsageError(f"box must be left,top,right,bottom with at least 8 px each way, got {box}")
    if right <= 0 or bottom <= 0 or left >= size.width or top >= size.height:
        raise UsageError(f"box {box} lies outside the picture of {size.width}x{size.height}")


def check_anchors(points: Anchors) -> None:
    """Raise :class:`UsageError` for unknown names, fewer than two points, points that are not finite or coincide,
    or right and left exchanged (:func:`swapped_sides`)."""
    unknown = sorted(set(points) - set(ANCHORS))
    if unknown:
        raise UsageError(f"unknown anchor {unknown[0]!r}; anchors are {', '.join(ANCHORS)}")
    places = np.array(list(points.values()), float).reshape(-1, 2)
    if (np.abs(places) > MAX_SIZE).any():
        raise UsageError(f"anchors are pixels of the picture; {np.abs(places).max():.3g} is beyond {MAX_SIZE}")
    if len(places) < 2 or not np.isfinite(places).all() or np.ptp(places, axis=0).max() < 2:
        raise UsageError(f"at least two anchors at different places are needed; anchors are {', '.join(ANCHORS)}")
    if (swapped := swapped_sides(points)) is not None:
        text = ";".join(f"{name}={x:.6g},{y:.6g}" for name, (x, y) in swapped.items())
        upside = "" if len(points) > 2 else " (a face upside down needs its nose too)"
        raise UsageError(f"right and left are exchanged: they are the subject's own{upside}; you may mean '{text}'")


def swapped_sides(points: Anchors) -> dict[str, tuple[float, float]] | None:
    """The anchors with right and left exchanged, where they say that the face is seen in a mirror; None where not.

    "Right" is the subject's side, so the right eye lies on the left of an upright picture. Two eyes alone, or two mouth
    corners, can be those of a face upside down too; such a face is told by an eye or the nose and the mouth together.
    """
    pairs = [(f"right_{part}", f"left_{part}") for part in ("eye", "mouth") if f"right_{part}" in points]
    pairs = [pair for pair in pairs if pair[1] in points]
    if not pairs:
        return None
    places = {name: np.asarray(place, float) for name, place in points.items()}
    across = np.sum([places[left] - places[right] for right, left in pairs], axis=0)
    # From eyes over the nose to the mouth: down the face.
    levels = [[place for name, place in places.items() if name.endswith(part)] for part in ("eye", "nose", "mouth")]
    middles = [np.mean(level, axis=0) for level in levels if level]
    down = middles[-1] - middles[0] if len(middles) > 1 else np.array([0.0, 1.0])
    if across[0] * down[1] - across[1] * down[0] >= 0:
        return None
    other = {name: name.replace("right", "LEFT").replace("left", "right").replace("LEFT", "left") for name in points}
    return {other[name]: place for name, place in points.items()}


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[complex, complex]:
    """Least-squares a, t with target = a * source + t for points (n, 2) read as complex numbers, n >= 2."""
    s, z = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    sc, zc = s - s.mean(), z - z.mean()
    a = complex((sc.conj() * zc).sum() / (np.abs(sc) ** 2).sum())
    return a, complex(z.mean() - a * s.mean())


def face_from_anchors(mean: np.ndarray, points: Anchors) -> FloatArray:
    """The mean shape (68, 2) moved, turned and scaled so that it meets the anchors best."""
    names = [name for name in ANCHORS if name in points]
    source = np.array([mean[list(ANCHORS[name])].mean(0) for name in names])
    a, t = similarity(source, np.array([points[name] for name in names], float))
    z = a * (mean[:, 0] + 1j * mean[:, 1]) + t
    return np.stack([z.real, z.imag], 1).astype(np.float32)


def face_from_box(mean: np.ndarray, box: Box) -> FloatArray:
    """The mean shape (68, 2) in the middle of ``box``, with the box's area."""
    low, high = mean.min(0), mean.max(0)
    left, top, right, bottom = box
    scale = np.sqrt((right - left) * (bottom - top) / np.prod(high - low))
    return ((mean - (low + high) / 2) * scale + np.array([(left + right) / 2, (top + bottom) / 2])).astype(np.float32)


def bind(xy: FloatArray, points: Mapping[str, np.ndarray]) -> FloatArray:
    """Move a face (68, 2) by a smooth field so that it meets the anchors exactly."""
    sources = np.array([xy[list(ANCHORS[name])].mean(0) for name in points])
    shift = np.array(list(points.values()), float) - sources
    reach = 0.35 * max(float(np.ptp(xy, axis=0).max()), 1.0)

    def kernel(at: np.ndarray) -> np.ndarray:
        return np.exp(-((np.linalg.norm(at[:, None] - sources[None], axis=-1) / reach) ** 2))

    # An anchor is the mean of its landmarks, so the field's mean over them has to be the shift.
    rows = np.array([kernel(xy[list(ANCHORS[name])]).mean(0) for name in points])
    mean = shift.mean(0)
    coefficients = np.linalg.lstsq(rows, shift - mean, rcond=None)[0]
    return (xy + mean + kernel(xy) @ coefficients).astype(np.float32)
