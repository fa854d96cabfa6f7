"""Variations of a training picture: shapes, surfaces and light that no drawing has, towards real pictures."""

from __future__ import annotations

import cv2
import numpy as np

from faceshot.landmarks.topology import FLIP

Array = np.ndarray
#: Weight in the loss, relative to the rest, of points under a patch laid over the picture.
COVERED = 0.3
#: Share of pictures turned by any angle at all.
SPUN = 0.08
#: Share of pictures of a part of a face only: what must not be taken for a face.
CLOSE = 0.06


def augment(rgb: Array, xy: Array, weight: Array, size: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """A varied copy at ``size`` pixels.

    Args:
        rgb: uint8 (s, s, 3). xy: (68, 2) pixels of it. weight: (68,) in 0..1.

    Returns:
        uint8 (size, size, 3), float32 (68, 2), float32 (68,).
    """
    image, xy, weight = _reshape(rgb, xy, weight, size, rng)
    value = _resurface(image.astype(np.float32) / 255, rng)
    value = _relight(value, rng)
    weight = _cover(value, xy, weight, rng)
    value = _degrade(value, rng)
    return (np.clip(value, 0, 1) * 255).astype(np.uint8), xy.astype(np.float32), weight.astype(np.float32)


def _reshape(rgb: Array, xy: Array, weight: Array, size: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Mirror, small similarity, and a smooth bend that gives heads and features proportions nobody drew."""
    side = rgb.shape[0]
    scale = size / side * float(np.exp(rng.normal(0, 0.13)))
    centre = np.full(2, (side - 1) / 2)
    if rng.random() < CLOSE:
        scale *= float(rng.uniform(1.6, 3.2))
        centre = xy[int(rng.integers(len(xy)))] if weight.any() else centre
    angle = float(rng.uniform(-np.pi, np.pi)) if rng.random() < SPUN else np.deg2rad(rng.normal(0, 7))
    mirror = rng.random() < 0.5
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if rng.random() < 0.4:  # taller or wider heads
        stretch = float(np.exp(rng.normal(0, 0.09)))
        rotation = rotation @ np.diag([stretch, 1 / stretch])
    if mirror:
        rotation = rotation @ np.diag([-1.0, 1.0])
    shift = np.full(2, (size - 1) / 2) + rng.normal(0, 0.05 * size, 2) - rotation @ centre
    border = (cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)[int(rng.integers(2))]
    out = cv2.warpAffine(
        rgb, np.hstack([rotation, shift[:, None]]), (size, size), flags=cv2.INTER_AREA, borderMode=border
    )
    xy = xy @ rotation.T + shift
    if mirror:
        xy, weight = xy[list(FLIP)], weight[list(FLIP)]
    if rng.random() < 0.6:
        out, xy = _bend(out, xy, rng)
    return out, xy, weight


def _bend(image: Array, xy: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Move pixels by a smooth random field; slopes stay below 1, so nothing folds and points can be followed."""
    size = image.shape[0]
    knots = int(rng.integers(4, 8))
    strength = rng.uniform(0.01, 0.14) * size / knots
    field = cv2.resize(
        rng.normal(0, strength, (knots, knots, 2)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    out = cv2.remap(
        image, columns + field[..., 0], rows + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    found = xy.copy()
    for _ in range(6):  # out(p) = image(p + field(p)): solve p + field(p) = xy
        at = np.clip(found, 0, size - 1).astype(np.float32)
        moved = cv2.remap(field, at[None, :, 0].copy(), at[None, :, 1].copy(), cv2.INTER_LINEAR)[0]
        found = xy - moved
    return out, found


def _resurface(image: Array, rng: np.random.Generator) -> Array:
    """Other materials: random small filters that mix channels, and a grain that follows the brightness."""
    if rng.random() < 0.25:
        mixed = np.zeros_like(image)
        k = int(rng.integers(1, 3))
        kernel = rng.normal(0, 1, (2 * k + 1, 2 * k + 1, 3)).astype(np.float32) * 0.35
        kernel[k, k] += 1
        filtered = np.stack(
            [cv2.filter2D(image[..., c], -1, kernel[..., c] / max(abs(kernel[..., c].sum()), 1.0)) for c in range(3)],
            -1,
        )
        mixed = filtered @ (np.eye(3) + rng.normal(0, 0.25, (3, 3))).astype(np.float32)
        mixed = (mixed - mixed.min()) / max(float(np.ptp(mixed)), 1e-3)
        image = image + np.float32(rng.uniform(0.2, 0.9)) * (mixed - image)
    if rng.random() < 0.3:
        image = image[..., rng.permutation(3)]
    if rng.random() < 0.15:
        image = np.repeat(image @ np.array([[0.3], [0.59], [0.11]], np.float32), 3, axis=2)
    if rng.random() < 0.03:
        image = 1 - image
    if rng.random() < 0.2:  # streaks like fur, cloth or brushwork
        size = image.shape[0]
        grain = rng.normal(0, 1, (size, size)).astype(np.float32)
        length, angle = int(rng.integers(3, 9)), rng.uniform(0, np.pi)
        streak = np.zeros((9, 9), np.float32)
        end = np.rint(4 + length / 2 * np.array([np.cos(angle), np.sin(angle)])).astype(int)
        cv2.line(streak, (8 - end).tolist(), end.tolist(), 1.0)
        streaks = np.asarray(cv2.filter2D(grain, -1, streak / np.sqrt(streak.sum())))
        image = image + np.float32(rng.uniform(0.02, 0.09)) * streaks[..., None]
    return image


def _relight(image: Array, rng: np.random.Generator) -> Array:
    """Gamma, contrast, tint; light from one side; soft shadows."""
    image = np.clip(image, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.28)))
    image = (image - 0.5) * np.float32(np.exp(rng.normal(0, 0.22))) + 0.5
    image = image + rng.normal(0, 0.05, 3).astype(np.float32)
    if rng.random() < 0.35:
        size = image.shape[0]
        knots = int(rng.integers(2, 5))
        light = cv2.resize(
            rng.normal(0, 1, (knots, knots)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
        )
        image = image * np.exp(np.float32(rng.uniform(0.1, 0.4)) * light)[..., None]
    return image


def _cover(image: Array, xy: Array, weight: Array, rng: np.random.Generator) -> Array:
    """Lay patches over the picture in place (hands, leaves, letters cover real faces); returns the weights."""
    if rng.random() > 0.2:
        return weight
    size = image.shape[0]
    weight = weight.copy()
    for _ in range(int(rng.integers(1, 4))):
        w, h = rng.uniform(0.04, 0.2, 2) * size
        x, y = rng.uniform(0, size - w), rng.uniform(0, size - h)
        box = np.s_[int(y) : int(y + h), int(x) : int(x + w)]
        image[box] = rng.uniform(0, 1, 3) if rng.random() < 0.6 else image[box][::-1, ::-1].copy()
        inside = (xy[:, 0] > x - 1) & (xy[:, 0] < x + w) & (xy[:, 1] > y - 1) & (xy[:, 1] < y + h)
        weight[inside] *= COVERED
    return weight


def _degrade(image: Array, rng: np.random.Generator) -> Array:
    """Blur, low resolution, noise, JPEG."""
    if rng.random() < 0.25:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4))))
    if rng.random() < 0.1:
        size = image.shape[0]
        small = int(size * rng.uniform(0.35, 0.7))
        down = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(down, (size, size), interpolation=cv2.INTER_LINEAR))
    if rng.random() < 0.3:
        image = image + rng.normal(0, rng.uniform(0.01, 0.06), image.shape).astype(np.float32)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        coded = cv2.imencode(".jpg", (np.clip(image, 0, 1) * 255).astype(np.uint8), quality)[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.float32) / 255
    return image
