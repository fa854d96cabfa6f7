"""Where the picture may move: the head, how its motion dies out around it, and borders that must stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, Picture
from faceshot.landmarks import topology as topo
from faceshot_warp.controls import face_unit
from faceshot_warp.field import Grid, Lattice, Plane, sample
from faceshot_warp.options import WarpOptions

_SMALL = 256  # long side of the picture in which background and borders are judged
_FLAT = 12  # levels: a border patch with less contrast is background that may move unseen


@dataclass(frozen=True)
class Region:
    """The part of the picture that moves.

    Attributes:
        lattice: the nodes that cover it.
        head: (rows, columns, 1) share of the head's motion, 1 on the head, 0 far away and at fixed borders.
        local: (rows, columns, 1) share of the expression's displacement.
    """

    lattice: Lattice
    head: Grid
    local: Grid


def smooth(x: Any) -> Any:
    """Smoothstep of x clipped to 0..1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def head_outline(landmarks: Landmarks) -> npt.NDArray[np.float64]:
    """(n, 2) outline of the head in pixels: the hull of the landmarks and a dome over the brows."""
    xy = landmarks.xy.astype(np.float64)
    seen = xy[landmarks.visible] if landmarks.visible.any() else xy
    unit = face_unit(landmarks)
    eyes = xy[list(topo.RIGHT_EYE + topo.LEFT_EYE)].mean(0)
    down = xy[list(topo.OUTER_LIPS)].mean(0) - eyes
    down = down / max(float(np.hypot(*down)), 1e-6)
    right = np.array([down[1], -down[0]])
    half = max(float(np.abs((seen - eyes) @ right).max()), unit / 2)
    angle = np.linspace(0, np.pi, 13)[:, None]
    dome = eyes + half * 1.05 * np.cos(angle) * right - 0.95 * unit * np.sin(angle) * down
    return cv2.convexHull(np.vstack([seen, dome]).astype(np.float32))[:, 0].astype(np.float64)


def _background(picture: Picture, unit: float) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], float]:
    """Background mask and the mask of border pixels that must stay, both on a small picture; and its scale."""
    width, height = picture.size
    scale = min(1.0, _SMALL / max(width, height))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    border = np.ones((size[1], size[0]), bool)
    border[1:-1, 1:-1] = False
    if picture.alpha is not None and (picture.alpha < 128).mean() > 0.005:
        alpha = cv2.resize(picture.alpha, size, interpolation=cv2.INTER_AREA)
        return alpha < 100, border & (alpha >= 8), scale
    small = cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA)
    # As far as motion may carry something in from the side.
    side = 2 * max(4, round(0.13 * unit * scale)) + 1
    patch = np.ones((side, side), np.uint8)
    contrast = (cv2.dilate(small, patch).astype(int) - cv2.erode(small, patch)).max(-1)
    colour = np.median(small[border], axis=0)
    like = (np.abs(small.astype(int) - colour) <= _FLAT).all(-1).astype(np.uint8)
    _, labels = cv2.connectedComponents(like, connectivity=4)
    touching = np.unique(labels[border & (like > 0)])
    background = np.isin(labels, touching[touching > 0])
    if background[border].mean() < 0.6:
        background[:] = False
    return background, border & (contrast > _FLAT) & ~background, scale


def _node_mask(small: npt.NDArray, lattice: Lattice, scale: float, outside: float) -> npt.NDArray[np.float32]:
    place = ((lattice.nodes() + 0.5) * scale - 0.5).astype(np.float32)
    wide = np.pad(small.astype(np.float32), 1, constant_values=outside)
    return sample(wide, place + np.float32(1))


def find_region(picture: Picture, landmarks: Landmarks, options: WarpOptions) -> Region:
    """Measure the head, its surroundings and the borders; cheap (a picture of 256 px and a coarse grid)."""
    unit = face_unit(landmarks)
    outline = head_outline(landmarks)
    width, height = picture.size
    margin = (options.reach + 0.5) * unit
    low = np.floor(np.clip(outline.min(0) - margin, 0, np.array([width, height]) - 1)).astype(int)
    high = np.ceil(np.clip(outline.max(0) + margin, low, np.array([width, height]) - 1)).astype(int) + 1
    step = int(max(1, round(unit / 30)))
    lattice = Lattice(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]), step)

    background, fixed, scale = _background(picture, unit)
    head = np.zeros((lattice.rows, lattice.columns), np.uint8)
    place = (outline - np.array(lattice.origin)) / step
    cv2.fillConvexPoly(head, np.round(place).astype(np.int32), 1)
    hull_distance = _distance(head) * step
    if background.any():
        figure = _node_mask(~background, lattice, scale, 0.0) > 0.5
        head |= _figure_head(figure, head.astype(bool), landmarks, lattice).astype(np.uint8)
    # Motion dies out sooner down the neck than beside the head: shoulders hardly sway.
    xy = landmarks.xy.astype(np.float64)
    down = xy[list(topo.OUTER_LIPS)].mean(0) - xy[list(topo.RIGHT_EYE + topo.LEFT_EYE)].mean(0)
    down /= max(float(np.hypot(*down)), 1e-6)
    below = np.maximum((lattice.nodes() - xy[topo.CHIN]) @ down, 0)
    away = np.maximum(_distance(head) * step, 1.0)
    sooner = 1 + 0.5 * np.clip(below / away, 0, 1)
    head_share = smooth(1 - sooner * (away - 1.0) / (options.reach * unit))
    local_share = smooth(1 - hull_distance / (0.8 * unit))

    if fixed.any():
        distance = cv2.distanceTransform((~fixed).astype(np.uint8), cv2.DIST_L2, 5) / scale
        # Two nodes and a pixel of the small picture to spare: the border stays exactly, also after the blur.
        inside = _node_mask(distance, lattice, scale, 0.0) - (2.5 * step + 1 / scale)
        stay = smooth(inside / (options.edge_fade * unit))
        head_share, local_share = head_share * stay, local_share * stay
    blur = (cv2.GaussianBlur(a.astype(np.float32), (0, 0), 1.2) for a in (head_share, local_share))
    head_share, local_share = blur
    return Region(lattice, head_share[..., None].astype(np.float32), local_share[..., None].astype(np.float32))


def _distance(mask: npt.NDArray[np.uint8]) -> Plane:
    return cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)


def _figure_head(
    figure: npt.NDArray[np.bool_], head: npt.NDArray[np.bool_], landmarks: Landmarks, lattice: Lattice
) -> npt.NDArray[np.bool_]:
    """Ears, hair, horns: the part of the figure on a plain background that lies above the chin, joined to the head."""
    xy = landmarks.xy.astype(np.float64)
    eyes = xy[list(topo.RIGHT_EYE + topo.LEFT_EYE)].mean(0)
    mouth = xy[list(topo.OUTER_LIPS)].mean(0)
    down = (mouth - eyes) / max(float(np.hypot(*(mouth - eyes))), 1e-6)
    nodes = lattice.nodes()
    above = (nodes - xy[topo.CHIN]) @ down < 0
    wanted = ((figure & above) | head).astype(np.uint8)
    _, labels = cv2.connectedComponents(wanted, connectivity=4)
    inside = np.bincount(labels[head], minlength=labels.max() + 1)
    inside[0] = 0
    return (labels == int(inside.argmax())) if inside.any() else head
