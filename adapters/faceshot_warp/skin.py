"""Skin or fur behind an eye: what the picture would show there without it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_warp.field import Plane

#: Shades of a skin are at most so many levels from its hue, and have at least this share of its light.
_HUE, _DARK = 22.0, 0.45
#: The share of what is around an eye that must be skin for the rest to be left out.
_ENOUGH = 0.12


def membrane(patch: npt.NDArray[np.uint8], known: npt.NDArray[np.bool_], size: float) -> Plane:
    """(h, w, 3): colours of the known pixels, spread smoothly over the others.

    Normalised convolution, coarse to fine.
    """
    out: Plane = np.zeros(patch.shape, np.float32)
    colour = patch.astype(np.float32) * known[..., None]
    weight = known.astype(np.float32)
    out[:] = colour.sum((0, 1)) / max(float(weight.sum()), 1.0)
    for sigma in (0.8 * size, 0.4 * size, 0.2 * size, 0.1 * size):
        sigma = max(sigma, 0.6)
        amount = _blur(weight, sigma)
        mean = _blur(colour, sigma) / np.maximum(amount, 1e-6)[..., None]
        trust = np.clip(amount / 0.12, 0, 1)[..., None]
        out = out + trust * (mean - out)
    return out


def _blur(image: Plane, sigma: float) -> Plane:
    """Gaussian blur, at a reduced size when sigma is large."""
    factor = max(1, int(sigma / 6))
    if factor == 1:
        return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    h, w = image.shape[:2]
    small = cv2.resize(image, (max(w // factor, 1), max(h // factor, 1)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor, borderType=cv2.BORDER_REFLECT)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)


def skin_without(
    patch: npt.NDArray[np.uint8], area: npt.NDArray[np.bool_], cheek: npt.NDArray[np.bool_], size: float
) -> tuple[Plane, npt.NDArray[np.float32] | None]:
    """The patch with the eye replaced by the skin or fur around it, grain included, and a colour that is no skin.

    ``cheek``, the side below the eye, tells skin from a fringe or a nose.
    """
    radius = max(1, round(0.03 * size))
    grown = cv2.dilate(area.astype(np.uint8), np.ones((2 * radius + 1,) * 2, np.uint8)).astype(bool)
    away = cv2.distanceTransform((~grown).astype(np.uint8), cv2.DIST_L2, 5)
    ring = ~grown & (away < 0.3 * size + 2)
    if ring.sum() < 8:
        ring = ~area
    if not ring.any():
        return patch.astype(np.float32), None
    sure = ring & cheek & (away < 0.05 * size + 2)
    ring, other = _one_material(patch, ring, sure)
    ring = _of_its_hue(patch, ring, ring & sure)
    # Lashes, whiskers and thin outlines in the ring are no skin.
    window = min(2 * max(int(0.12 * size), 1) + 1, 255)
    typical = cv2.medianBlur(patch, window)
    plain = ring & (np.abs(patch.astype(np.int16) - typical).max(-1) <= 26)
    ring = plain if plain.sum() >= 8 else ring
    smooth_skin = membrane(patch, ring, size)
    # Grain: what the skin just below the eye has on top of its own smooth version, mirrored up.
    base = cv2.GaussianBlur(patch, (0, 0), max(0.1 * size, 0.8)).astype(np.float32)
    grain = np.clip(patch.astype(np.float32) - base, -22, 22)
    rows = np.flatnonzero(grown.any(1))
    mirror = np.clip(2 * (rows[-1] + 1) - np.arange(len(patch)), 0, len(patch) - 1)
    usable = ring[mirror] & grown
    return smooth_skin + np.where(usable[..., None], grain[mirror], 0) * 0.8, other


def _of_its_hue(
    patch: npt.NDArray[np.uint8], ring: npt.NDArray[np.bool_], sure: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """The ring without what is no shade of the skin ``sure`` (locks of hair, their outlines, what lies behind the
    head); all of it where that leaves little."""
    if sure.sum() < 8:
        return ring
    tone = np.median(patch[sure], axis=0).astype(np.float32)
    colours = patch.astype(np.float32)
    shade = colours @ tone / max(float(tone @ tone), 1.0)
    apart = np.abs(colours - shade[..., None] * tone).max(-1)
    limit = max(_HUE, 1.5 * float(np.percentile(apart[sure], 90)))
    kept = ring & (apart < limit) & (shade > _DARK)
    return kept if kept.sum() > _ENOUGH * ring.sum() else ring


def _one_material(
    patch: npt.NDArray[np.uint8], ring: npt.NDArray[np.bool_], sure: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32] | None]:
    """The ring without a second, clearly different material (a fringe, a nose): two-means, if they stand apart;
    and that material's colour.

    ``sure``, the rim just below the eye, tells which of the two is skin.
    """
    colours = patch[ring].astype(np.float32)
    known = sure[ring]
    if known.sum() < 8:
        return ring, None
    tone = np.median(colours[known], axis=0)
    far = np.abs(colours - tone).max(-1)
    centres = np.stack([tone, colours[far >= np.percentile(far, 90)].mean(0)])
    for _ in range(8):
        second = ((colours - centres[0]) ** 2).sum(1) > ((colours - centres[1]) ** 2).sum(1)
        if second.sum() < 8 or (~second).sum() < 8:
            return ring, None
        centres = np.stack([colours[~second].mean(0), colours[second].mean(0)])
    if np.linalg.norm(tone - centres[1]) < np.linalg.norm(tone - centres[0]):
        second, centres = ~second, centres[::-1]
    skin, other = centres
    apart = float(np.linalg.norm(skin - other))
    within = [float(np.sqrt(((colours[m] - c) ** 2).sum(1).mean())) for m, c in ((~second, skin), (second, other))]
    # Shading only darkens: what counts is another hue, or a skin so even that the rest must be something else.
    hue = float(np.linalg.norm(other - skin * (other @ skin) / max(float(skin @ skin), 1e-6)))
    even = apart > 8 * within[0]
    if apart < 45 or not (even or (apart > 1.6 * sum(within) and hue > max(28.0, 0.25 * apart))):
        return ring, None
    out = ring.copy()
    out[ring] = ~second
    return out, other
