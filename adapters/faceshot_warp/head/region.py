"""Where the picture may move: the head, how its motion dies out around it, and borders that must stay."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, Picture
from faceshot.landmarks import topology as topo
from faceshot_warp.controls import face_unit
from faceshot_warp.field import Grid, Lattice, Plane, sample, smooth
from faceshot_warp.head.depth import head_depth
from faceshot_warp.head.motion import Surroundings, core_share, filled
from faceshot_warp.options import WarpOptions

_SMALL = 256  # long side of the picture in which background and borders are judged
_FLAT = 12  # levels: a border patch with less contrast is background that may move unseen


#: The region that may move reaches this many face sizes further than what a head that stays in place carries along.
_ROOM = 2.5


@dataclass(frozen=True)
class Region:
    """The part of the picture that may move.

    Attributes:
        lattice: the nodes that cover it.
        around: what the motion of the head carries along.
        local: (rows, columns, 1) share of the expression's displacement.
        relief: (rows, columns, 1) depth of the head in pixels, dying out around it.
        hair: (rows, columns, 1) share of what hair and ears do behind the head, 0 on the face.
    """

    lattice: Lattice
    around: Surroundings
    local: Grid
    relief: Grid
    hair: Grid

    def moved_to_origin(self) -> Region:
        """The same with coordinates counted from the region's corner."""
        lattice = replace(self.lattice, left=0, top=0)
        x, y = self.lattice.left, self.lattice.top
        left, top, right, bottom = self.around.picture
        frame = (left - x, top - y, right - x, bottom - y)
        around = replace(self.around, lattice=lattice, centre=self.around.centre - (x, y), picture=frame)
        return replace(self, lattice=lattice, around=around)

    def bent(self) -> tuple[Lattice, tuple[slice, slice]]:
        """The part of the lattice in which expression and depth move something, and its nodes in the whole."""
        rows, columns = np.nonzero((self.local[..., 0] > 0) | (self.relief[..., 0] != 0) | (self.hair[..., 0] > 0))
        if not len(rows):
            rows, columns = np.array([0, 1]), np.array([0, 1])
        at = np.array([[columns.min(), rows.min()], [columns.max(), rows.max()]])
        low, high = np.array(self.lattice.origin) + self.lattice.step * at
        return self.lattice.part(low, high)


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
    margin = (options.reach + _ROOM) * unit
    low = np.floor(np.clip(outline.min(0) - margin, 0, np.array([width, height]) - 1)).astype(int)
    high = np.ceil(np.clip(outline.max(0) + margin, low, np.array([width, height]) - 1)).astype(int) + 1
    step = int(max(1, round(unit / 30)))
    lattice = Lattice(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]), step)
    nodes = lattice.nodes()

    background, fixed, scale = _background(picture, unit)
    head = filled(outline, lattice)
    hull_distance = _distance(head) * step
    if background.any():
        figure = _node_mask(~background, lattice, scale, 0.0) > 0.5
        head |= _figure_head(figure, head.astype(bool), landmarks, lattice).astype(np.uint8)
    # Motion dies out sooner down the neck than beside the head: shoulders hardly sway.
    xy = landmarks.xy.astype(np.float64)
    down = xy[list(topo.OUTER_LIPS)].mean(0) - xy[list(topo.RIGHT_EYE + topo.LEFT_EYE)].mean(0)
    down /= max(float(np.hypot(*down)), 1e-6)
    below = np.maximum((nodes - xy[topo.CHIN]) @ down, 0)
    away = np.maximum(_distance(head) * step, 1.0)
    distance = away * (1 + 0.5 * np.clip(below / away, 0, 1))
    local_share = smooth(1 - hull_distance / (0.8 * unit))
    relief = head_depth(landmarks, nodes) * smooth(1 - (away - 1) / (0.6 * unit))
    # Hair and ears: the further from the face the freer, as far as the chin.
    fade = smooth(1 - (away - 1) / (0.6 * unit)) * smooth(((xy[topo.CHIN] - nodes) @ down) / (0.6 * unit))
    hair = smooth(hull_distance / (0.4 * unit)) * fade

    stay = np.ones(distance.shape, np.float32)
    if fixed.any():
        small = cv2.distanceTransform((~fixed).astype(np.uint8), cv2.DIST_L2, 5) / scale
        # Two nodes and a pixel of the small picture to spare: the border stays exactly, also after the blur.
        inside = _node_mask(small, lattice, scale, 0.0) - (2.5 * step + 1 / scale)
        stay = smooth(inside / (options.edge_fade * unit))
    seen = xy[landmarks.visible] if landmarks.visible.any() else xy
    # Nothing holds back what the landmarks say, not even a border of the picture close by.
    held = np.maximum(stay, core_share(seen, lattice, unit))
    distance, stay, local_share, relief, hair = (
        cv2.GaussianBlur(a.astype(np.float32), (0, 0), 1.2)
        for a in (distance, stay, local_share * held, relief * held, hair * stay)
    )
    whole = nodes[head > 0] if head.any() else outline
    box = np.stack([np.minimum(whole.min(0), outline.min(0)), np.maximum(whole.max(0), outline.max(0))])
    frame = (0.0, 0.0, width - 1.0, height - 1.0)
    around = Surroundings(
        lattice, distance, stay, box.mean(0), np.ptp(box, axis=0) / 2, options.reach * unit, unit, frame
    )
    return Region(lattice, around, local_share[..., None], relief[..., None], hair[..., None])


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
