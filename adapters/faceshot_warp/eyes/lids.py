"""Eyelids: a skin-coloured lid, precomputed per eye, that sweeps over the eye in the picture itself.

The lid is drawn into the picture before the warp, so it turns and moves with the head; the eye underneath keeps
its shape. Everything heavy happens once, in :func:`make_lid`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_warp.controls import EyeRest
from faceshot_warp.eyes.eyewhite import whole_eye
from faceshot_warp.field import Plane, smooth
from faceshot_warp.skin import membrane, skin_without

#: Side of the patch, in pixels, in which a lid is prepared.
_PATCH = 260


@dataclass(frozen=True)
class Lid:
    """One eye's lid.

    Attributes:
        left, top: place of the patch in the picture.
        eye: (h, w, 3) float32 the picture.
        skin: (h, w, 3) float32 the same place with the eye gone.
        line: (3,) colour of the lash line.
        mask: (h, w) where the lid may be drawn, soft.
        upper, lower, meet: (h, w) signed distances in pixels below the open upper lid, the open lower lid and
            the line where both meet.
        core: (h, w) the opening of the eye, soft.
        taper: (h, w) thickness of the lash line along the eye, 0..1.
        crease: (h, w) how much the closed lid is darkened, along its fold.
        thick: thickness of the lash line in pixels.
        touched: (h, w) pixels the lid may change; patches of close eyes overlap, these hardly do.
    """

    left: int
    top: int
    eye: Plane
    skin: Plane
    line: npt.NDArray[np.float32]
    mask: Plane
    upper: Plane
    lower: Plane
    meet: Plane
    core: Plane
    taper: Plane
    crease: Plane
    thick: float
    touched: npt.NDArray[np.bool_]

    @property
    def place(self) -> tuple[slice, slice, slice]:
        """Where the patch lies in an array (H, W, 3 or 4)."""
        height, width = self.mask.shape
        return np.s_[self.top : self.top + height, self.left : self.left + width, :3]

    def draw(self, closure: float, eye: Plane | None = None) -> npt.NDArray[np.uint8]:
        """The patch (h, w, 3) uint8 with the lid at ``closure`` 0..1, over ``eye`` (h, w, 3) or the picture's."""
        early = min(closure / 0.12, 1.0)
        late = float(smooth(np.float32((closure - 0.35) / 0.65)))
        # Signed distance below the moving upper edge, and above the moving lower edge.
        edge = self.upper + closure * (self.meet - self.upper)
        rise = -(self.lower + late * (self.meet - self.lower))
        cover = np.clip(0.5 - np.minimum(edge, rise), 0, 1) * self.mask * early
        shade = np.clip(1 - edge / (3.0 * self.thick), 0, 1) * (edge > 0) * (rise > 0)
        shade = shade * (0.22 * early) * self.core
        # A round eye is narrow where its lid starts: there the line ends with the eye, later it runs to the corners.
        ends = self.core + float(smooth(np.float32((closure - 0.45) / 0.45))) * (1 - self.core)
        half = (0.5 + 0.25 * closure) * self.thick * self.taper
        line = np.clip(half + 0.5 - np.abs(edge), 0, 1) * np.minimum(half * 2, 1) * ends
        line *= min(closure / 0.2, 1.0)
        out = (self.eye if eye is None else eye) * (1 - shade[..., None])
        out += cover[..., None] * (self.skin * (1 - closure * self.crease[..., None]) - out)
        out += line[..., None] * (self.line - out)
        return np.clip(out + 0.5, 0, 255).astype(np.uint8)


def make_lid(rgb: npt.NDArray[np.uint8], eye: EyeRest, avoid: npt.NDArray) -> Lid | None:
    """Prepare the lid of an eye; None when the eye is outside the picture, or closed in it.

    Args:
        rgb: (H, W, 3) the picture.
        avoid: (n, 2) points of the brow over this eye (or none): the lid stays below them.
    """
    if eye.closed:
        return None
    eye = whole_eye(rgb, eye)
    size = max(eye.width, eye.gap)
    centre = eye.points.mean(0)
    reach = int(np.ceil(1.35 * size)) + 4
    left, top = (int(v) for v in np.maximum(np.floor(centre) - reach, 0))
    right, bottom = (int(v) for v in np.minimum(np.floor(centre) + reach + 1, [rgb.shape[1], rgb.shape[0]]))
    if right - left < 3 or bottom - top < 3:
        return None
    patch = np.ascontiguousarray(rgb[top:bottom, left:right])
    # Lids are smooth: large eyes are prepared at a fraction of their resolution.
    factor = max(1, round(max(patch.shape[:2]) / _PATCH))
    height, width = patch.shape[0] // factor, patch.shape[1] // factor
    small: npt.NDArray[Any] = cv2.resize(
        patch[: height * factor, : width * factor], (width, height), interpolation=cv2.INTER_AREA
    )
    points, brow = (((xy - (left, top) + 0.5) / factor - 0.5) for xy in (eye.points, avoid))
    scaled = EyeRest(points, eye.axis, eye.normal, eye.width / factor, eye.gap / factor)
    return _enlarged(_prepare(small, scaled, brow), patch, factor, (left, top))


def _prepare(patch: npt.NDArray[np.uint8], eye: EyeRest, avoid: npt.NDArray) -> Lid:
    """The lid of an eye in a patch of the picture, in pixels of the patch."""
    size = max(eye.width, eye.gap)
    centre = eye.points.mean(0)
    x = (np.arange(patch.shape[1]) - centre[0]).astype(np.float32)
    y = (np.arange(patch.shape[0]) - centre[1]).astype(np.float32)[:, None]
    across, down = (axis.astype(np.float32) for axis in (eye.axis, eye.normal))
    s, n = x * across[0] + y * across[1], x * down[0] + y * down[1]
    outline = np.stack([(eye.points - centre) @ eye.axis, (eye.points - centre) @ eye.normal], -1)

    distance = _polygon_distance(rounded_outline(outline), s, n)
    core = distance <= 0.02 * size
    if not core.any():
        core = distance == distance.min()
    # Shadows join a narrow eye and its brow: there landmarks say more than colours. Tall drawn eyes have bold lashes.
    upward = 0.1 + 0.16 * float(smooth((eye.gap / eye.width - 0.5) / 0.25)) if len(avoid) else 0.26
    area = _eye_area(patch, core, distance, size, _below(avoid, centre, eye, s, n), n, upward)
    skin, other = skin_without(patch, area, (n > 0.1 * size) & (np.abs(s) < 0.4 * size), size)
    if other is not None:
        # A fringe that hangs over the eye stays where it is.
        area &= (distance < 0.05 * size) | (np.abs(patch - other).max(-1) > 50)
    return _assemble(patch, skin, area, core, distance, outline, s, n, size)


def _enlarged(lid: Lid, patch: npt.NDArray[np.uint8], factor: int, corner: tuple[int, int]) -> Lid:
    """A lid prepared at a fraction of the resolution of ``patch``, whose corner in the picture is ``corner``."""
    left, top = lid.left * factor, lid.top * factor
    if factor > 1:
        size = lid.mask.shape[1] * factor, lid.mask.shape[0] * factor
        names = ("skin", "mask", "core", "taper", "crease", "upper", "lower", "meet")
        planes = {k: cv2.resize(getattr(lid, k), size, interpolation=cv2.INTER_LINEAR) for k in names}
        for name in ("upper", "lower", "meet"):
            planes[name] *= factor
        touched = cv2.resize(lid.touched.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        eye = patch[top : top + size[1], left : left + size[0]].astype(np.float32)
        lid = replace(lid, eye=eye, touched=touched, thick=lid.thick * factor, **planes)  # type: ignore[arg-type]
    return replace(lid, left=left + corner[0], top=top + corner[1])


def _below(avoid: npt.NDArray, centre: npt.NDArray, eye: EyeRest, s: Plane, n: Plane) -> npt.NDArray[np.bool_]:
    """True below the brow: the lid must not eat it."""
    if not len(avoid):
        return np.ones(s.shape, bool)
    along, depth = (avoid - centre) @ eye.axis, (avoid - centre) @ eye.normal
    order = np.argsort(along)
    lids = ((eye.points - centre) @ eye.normal).min()
    # Half-way between brow and lid, where the brow runs closer than the lid it is no guide.
    limit = np.minimum(0.55 * lids + 0.45 * np.interp(s, along[order], depth[order]), lids - 1.0)
    return n > limit


def _under_brow(likely: npt.NDArray[np.bool_], core: npt.NDArray[np.bool_], n: Plane) -> npt.NDArray[np.bool_]:
    """True below the band of skin between eye and brow, where one shows; landmarks of brows may lie too high."""
    columns = core.any(0)
    depth = np.round(n).astype(int)
    top = int(depth[core].min())
    first = int(depth.min())
    over = np.broadcast_to(columns, n.shape) & (depth <= top)
    rows = np.bincount((depth - first)[over], minlength=top - first + 1)
    filled = np.bincount((depth - first)[over & likely], minlength=top - first + 1)
    share = (filled / np.maximum(rows, 1))[::-1]  # from the eye's top upwards
    share = cv2.blur(share.astype(np.float32)[None], (3, 1))[0]
    lowest = np.minimum.accumulate(share)
    again = np.flatnonzero((share - lowest > 0.2) & (lowest < 0.6))
    if not len(again):
        return np.ones(n.shape, bool)
    return n > top - int(share[: again[0]].argmin())


def rounded_outline(outline: npt.NDArray) -> npt.NDArray:
    """The closed Catmull-Rom curve (18, 2) through the six points of an eye."""
    before, after, next_one = (np.roll(outline, k, 0) for k in (1, -1, -2))
    parts = []
    for t in (0.0, 1 / 3, 2 / 3):
        a, b = -t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3
        c, d = t + 4 * t**2 - 3 * t**3, t**3 - t**2
        parts.append((a * before + b * outline + c * after + d * next_one) / 2)
    return np.stack(parts, 1).reshape(-1, 2)


def _polygon_distance(outline: npt.NDArray, s: Plane, n: Plane) -> Plane:
    """Signed distance in pixels outside the polygon ``outline`` (k, 2), at points (s, n)."""
    best = np.full(s.shape, np.inf, np.float32)
    crossings = np.zeros(s.shape, bool)
    for a, b in zip(outline.astype(np.float32), np.roll(outline, -1, 0).astype(np.float32), strict=True):
        edge, ds, dn = b - a, s - a[0], n - a[1]
        along = np.clip((ds * edge[0] + dn * edge[1]) / max(float((edge**2).sum()), 1e-9), 0, 1)
        best = np.minimum(best, (ds - along * edge[0]) ** 2 + (dn - along * edge[1]) ** 2)
        if a[1] != b[1]:
            hit = (n < max(a[1], b[1])) & (n >= min(a[1], b[1]))
            crossings ^= hit & (s < a[0] + (n - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
    best = np.sqrt(best)
    return np.where(crossings, -best, best)


def _eye_area(
    patch: npt.NDArray[np.uint8],
    core: npt.NDArray[np.bool_],
    distance: Plane,
    size: float,
    allowed: npt.NDArray[np.bool_],
    n: Plane,
    upward: float,
) -> npt.NDArray[np.bool_]:
    """Pixels that belong to the eye, lashes and drawn outline included, even where landmarks are a little off."""
    ring = (distance > 0.3 * size) & (distance < 0.6 * size) & allowed
    near = (distance <= 0.05 * size + 1) & allowed
    if ring.sum() < 8:
        return core | near
    skin = membrane(patch, ring, size)
    difference = np.abs(patch.astype(np.float32) - skin).max(-1)
    inside = difference[core]
    threshold = max(14.0, 0.35 * float(np.percentile(inside, 80)) if inside.size else 14.0)
    likely = (difference > threshold) & (distance < 0.26 * size) & allowed
    likely &= _under_brow(likely, core, n)
    likely &= (n > 0) | (distance < upward * size)
    _, labels = cv2.connectedComponents((likely | core).astype(np.uint8), connectivity=4)
    touching = np.unique(labels[core])
    area = (np.isin(labels, touching[touching > 0]) & likely) | core | near
    # Eyes are convex: no notches where a highlight has the colour of the skin.
    hull = cv2.convexHull(np.argwhere(area & (distance < 0.12 * size))[:, ::-1].astype(np.int32))
    solid = np.zeros(area.shape, np.uint8)
    cv2.fillConvexPoly(solid, hull, 1)
    area |= (solid > 0) & allowed
    radius = max(1, round(0.02 * size))
    return cv2.dilate(area.astype(np.uint8), np.ones((2 * radius + 1,) * 2, np.uint8)).astype(bool)


def _assemble(
    patch: npt.NDArray[np.uint8],
    skin: Plane,
    area: npt.NDArray[np.bool_],
    core: npt.NDArray[np.bool_],
    distance: Plane,
    outline: npt.NDArray,
    s: Plane,
    n: Plane,
    size: float,
) -> Lid:
    eye = area & (distance < 0.12 * size)
    corners = float(outline[[0, 3], 1].mean())
    top, bottom = float(n[eye].min()), float(n[eye].max())
    # The upper lid starts at the landmarks, the lower one where the drawn eye ends; they meet low, sagging between
    # the corners.
    beyond = np.maximum(np.abs(s) - float(np.abs(outline[[0, 3], 0]).max()), 0)
    upper = n - np.interp(s, *_upper_edge(outline)) + (0.03 * size + 1.0 - beyond)
    lower = n - np.interp(s, *_lower_edge(s, n, eye, corners, size)) - 1.0
    span = max(float(np.abs(outline[[0, 3], 0]).max()), 0.42 * size)
    low = 0.62 * (bottom - corners)
    sag = min(low, 0.4 * span)
    meet = n - np.clip(corners + low - sag + sag * (1 - np.clip(s / span, -1, 1) ** 2), top, bottom)
    # Solid eyes close to a bold stroke, eyes with a white to a finer lash line.
    away = np.abs(patch.astype(np.float32) - skin).max(-1)
    dark = (patch.astype(np.float32).mean(-1) < 0.75 * skin.mean(-1)) & (away > 24)
    solid = float(dark[core].mean()) if core.any() else 0.0
    thick = float(np.clip((0.05 + 0.08 * smooth(np.float32((solid - 0.5) / 0.3))) * size, 0.8, 60.0))
    # Full over the eye, then soft: the lid must not show its rim.
    soft = max(0.05 * size, 0.8)
    outside = cv2.distanceTransform((~area).astype(np.uint8), cv2.DIST_L2, 5)
    mask = smooth(1 - (outside - 0.5) / (1.6 * soft))
    taper = np.sqrt(np.clip(1 - (s / (1.1 * span)) ** 2, 0, 1))
    fold = np.exp(-((distance / (0.035 * size + 0.4)) ** 2)) * smooth((corners - n) / (0.3 * size)) * (1 - solid)
    touched = (mask > 0) | ((taper > 0) & (np.abs(meet) < thick + 2))
    rows, columns = np.flatnonzero(touched.any(1)), np.flatnonzero(touched.any(0))
    cut = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    left, top = int(columns[0]), int(rows[0])
    line = _line_colour(patch, skin, area, solid)
    planes = (mask, upper, lower, meet, np.clip(0.5 - distance, 0, 1), taper, 0.2 * fold)
    mask, upper, lower, meet, opening, taper, crease = (plane[cut].astype(np.float32) for plane in planes)
    return Lid(
        left,
        top,
        patch[cut].astype(np.float32),
        skin[cut],
        line,
        mask,
        upper,
        lower,
        meet,
        opening,
        taper,
        crease,
        thick,
        touched[cut],
    )


def _upper_edge(outline: npt.NDArray) -> tuple[npt.NDArray, npt.NDArray]:
    """(s, n) table of the rounded upper edge of an eye, corner to corner."""
    curve = rounded_outline(outline)
    curve = curve[: len(curve) // 2 + 1]
    order = np.argsort(curve[:, 0], kind="stable")
    return curve[order, 0], curve[order, 1]


def _lower_edge(
    s: Plane, n: Plane, eye: npt.NDArray[np.bool_], corners: float, size: float
) -> tuple[npt.NDArray, npt.NDArray]:
    """(s, n) table of the lower edge of the pixels that belong to the eye."""
    column = np.round(s[eye]).astype(int)
    first = int(column.min())
    lowest = np.full(int(column.max()) - first + 1, corners)
    np.maximum.at(lowest, column - first, n[eye])
    lowest = np.r_[corners, lowest, corners]
    place = np.arange(first - 1, first - 1 + len(lowest))
    soft = cv2.GaussianBlur(lowest.astype(np.float32)[None], (0, 0), max(0.04 * size, 0.5))[0]
    return place, np.maximum(soft, corners)


def _line_colour(
    patch: npt.NDArray[np.uint8], skin: Plane, area: npt.NDArray[np.bool_], solid: float
) -> npt.NDArray[np.float32]:
    """Colour of the lash line: a solid eye's own colour, or the drawing's dark outline or pupil; else darkened skin."""
    tone = skin[area].mean(0)
    pixels = patch[area].astype(np.float32)
    light = pixels.mean(-1)
    dark = pixels[light <= np.percentile(light, 12)].mean(0)
    if dark.mean() > 0.7 * tone.mean():
        return (0.5 * tone).astype(np.float32)
    if solid < 0.5 and np.ptp(dark) > max(60.0, np.ptp(tone)):
        return (0.3 * tone).astype(np.float32)  # a bright iris is no lash
    return (0.96 * dark + 0.04 * tone).astype(np.float32)
