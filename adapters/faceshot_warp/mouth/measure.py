"""The mouth of the picture, measured once, and its coordinates in a frame.

Frames are drawn in the mouth's own coordinates: ``s`` along the line of the inner corners (-1..1 between them),
and pixels below the upper and above the lower inner lip.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, Picture
from faceshot.landmarks import topology as topo
from faceshot_warp.field import Plane, sample
from faceshot_warp.options import WarpOptions

#: Points on each inner-lip curve.
SAMPLES = 25
#: Opening over width above which the mouth counts as open in the picture.
OPEN_MOUTH = 0.13
#: Coordinate planes of the mouth have about this many pixels on their long side, or fewer.
_PLANE = 150

_UPPER = topo.INNER_LIPS[:5]
_LOWER = (topo.INNER_LIPS[0], *topo.INNER_LIPS[:4:-1], topo.INNER_LIPS[4])


@dataclass(frozen=True)
class Palette:
    """Colours (3,) float32 of a drawn mouth."""

    deep: npt.NDArray[np.float32]
    rim: npt.NDArray[np.float32]
    tongue: npt.NDArray[np.float32]
    teeth: npt.NDArray[np.float32]
    line: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mouth:
    """The mouth of the picture.

    Attributes:
        upper, lower: (SAMPLES, 2) inner-lip curves in the picture, image left to right; the same curve when closed.
        width: distance of the inner corners in pixels.
        gap: mean opening in the picture, 0 when it counts as closed.
        palette: colours.
        teeth: whether to draw upper teeth.
        even: whether the lip line is taken for a plain arc: people, whose mouth is closed in the picture.
        soft: 1 in photographs, 0 in crisp art.
        inside: user's picture of a mouth (h, w, 4) float32 RGBA, or None.
    """

    upper: npt.NDArray[np.float64]
    lower: npt.NDArray[np.float64]
    width: float
    gap: float
    palette: Palette
    teeth: bool
    even: bool
    soft: float
    inside: Plane | None

    @property
    def open(self) -> bool:
        return self.gap > 0


def _curve(points: npt.NDArray) -> npt.NDArray[np.float64]:
    """A smooth curve (SAMPLES, 2) through 5 points: monotone cubic in x and y over the chord length."""
    from scipy.interpolate import PchipInterpolator

    chord = np.r_[0, np.cumsum(np.maximum(np.hypot(*np.diff(points, axis=0).T), 1e-3))]
    return PchipInterpolator(chord, points)(np.linspace(0, chord[-1], SAMPLES))


def evened(curve: npt.NDArray, share: float = 1.0, *, skew: bool = False) -> npt.NDArray[np.float64]:
    """``curve`` (n, 2) drawn by ``share`` to the parabola through its ends that fits it best: landmarks of closed
    lips wander across the line, and what is drawn between the lips would show every bump. With ``skew`` a cubic, for
    mouths that smile on one side."""
    along = curve[-1] - curve[0]
    length = max(float(np.hypot(*along)), 1e-6)
    normal = np.array([-along[1], along[0]]) / length
    middle = (curve[0] + curve[-1]) / 2
    s, n = (curve - middle) @ along * 2 / length**2, (curve - middle) @ normal
    arc = np.maximum(1 - s * s, 0)
    fit = np.zeros_like(n)
    for shape in (arc, arc * s) if skew else (arc,):
        fit += float(shape @ (n - fit)) / max(float(shape @ shape), 1e-6) * shape
    return curve + (share * (fit - n))[:, None] * normal


def make_mouth(picture: Picture, landmarks: Landmarks, options: WarpOptions, soft: float = 0.0) -> Mouth | None:
    """Measure the mouth; None when the character shows none."""
    if "mouth" in landmarks.absent:
        return None
    xy = landmarks.xy.astype(np.float64)
    upper, lower = _curve(xy[list(_UPPER)]), _curve(xy[list(_LOWER)])
    along = xy[64] - xy[60]
    width = max(float(np.hypot(*along)), 2.0)
    normal = np.array([-along[1], along[0]]) / width
    gap = float(((lower - upper) @ normal)[3:-3].mean())
    if gap < max(OPEN_MOUTH * width, 2.0):
        upper = lower = (upper + lower) / 2
        gap = 0.0
    # Mouths of animals are often W-shaped indeed.
    even = gap == 0 and "eyebrows" not in landmarks.absent
    if even:
        upper = lower = evened(upper)
    teeth = options.teeth == "on" or (options.teeth == "auto" and "eyebrows" not in landmarks.absent)
    inside: Plane | None = None
    if options.mouth_picture is not None:
        from faceshot.media import read_picture

        given = read_picture(options.mouth_picture)
        alpha = np.full(given.rgb.shape[:2], 255, np.uint8) if given.alpha is None else given.alpha
        inside = np.dstack([given.rgb, alpha]).astype(np.float32)
        shrink = min(1.0, 768 / max(inside.shape[:2]))
        inside = cv2.resize(inside, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    palette = _palette(picture.rgb, landmarks, upper, lower, gap)
    if soft:
        palette = _of_flesh(palette, picture.rgb, landmarks, soft)
    return Mouth(upper, lower, width, gap, palette, teeth, even, soft, inside)


def _palette(
    rgb: npt.NDArray[np.uint8], landmarks: Landmarks, upper: npt.NDArray, lower: npt.NDArray, gap: float
) -> Palette:
    """Mouth colours that fit the picture: as saturated and as bright as the face, and its own dark line."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = (round(v) for v in landmarks.box())
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    face = rgb[top : max(bottom, top + 1), left : max(right, left + 1)]
    face = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float32)
    tone = np.median(face, axis=0)
    whole = cv2.resize(rgb, (64, 64), interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float32)
    common, strongest = np.percentile(np.ptp(face, 1), 60), np.percentile(np.ptp(whole, 1), 99.7)
    colourful = float(np.clip(max((common - 12) / 50, (strongest - 20) / 50), 0, 1))
    bright = float(np.clip(np.percentile(face.mean(1), 75) / 200, 0.35, 1.1))

    def tint(colour: tuple[int, int, int], share: float) -> npt.NDArray[np.float32]:
        c = np.array(colour, np.float32)
        c = c.mean() + colourful * (c - c.mean())
        return np.clip((1 - share) * c * bright + share * tone * (c.mean() / 200), 0, 255).astype(np.float32)

    ends = np.concatenate([upper, lower, landmarks.xy[list(topo.OUTER_LIPS)]])
    x = np.clip(np.round(ends[:, 0]), 0, width - 1).astype(int)
    y = np.clip(np.round(ends[:, 1]), 0, height - 1).astype(int)
    samples = rgb[y, x].astype(np.float32)
    light = samples.mean(1)
    line = samples[light <= np.percentile(light, 20)].mean(0)
    if line.mean() > 0.75 * tone.mean():
        line = 0.45 * tone
    return Palette(
        deep=tint((58, 18, 22), 0.05),
        rim=tint((112, 36, 40), 0.1),
        tongue=tint((214, 92, 98), 0.12),
        teeth=tint((240, 232, 216), 0.2) if colourful > 0 else tint((240, 240, 240), 0.1),
        line=line.astype(np.float32),
    )


def _of_flesh(palette: Palette, rgb: npt.NDArray[np.uint8], landmarks: Landmarks, soft: float) -> Palette:
    """The palette of a photograph: inside a mouth is the flesh of its lips in the shade, hardly ever black."""
    place = np.round(landmarks.xy[list(topo.OUTER_LIPS + topo.INNER_LIPS)]).astype(int)
    middle = (landmarks.xy[list(topo.OUTER_LIPS[7:])] + landmarks.xy[57]) / 2
    x, y = np.clip(np.concatenate([place, np.round(middle).astype(int)]), 0, np.array(rgb.shape[1::-1]) - 1).T
    lip = np.median(rgb[y, x].astype(np.float32), axis=0)
    left, top, right, bottom = (round(v) for v in landmarks.box())
    face = rgb[max(top, 0) : max(bottom, 1), max(left, 0) : max(right, 1)].reshape(-1, 3)[::7].astype(np.float32)
    light = float(np.percentile(face.mean(1), 85)) if len(face) else 200.0
    tone = np.median(face, axis=0) if len(face) else np.full(3, light, np.float32)
    # Faces of stone and of grey photographs have no blood; white fur (no eyebrows) has.
    red = (float(tone[0] - tone[2]) / max(float(tone.max()), 1.0) - 0.04) / 0.1
    warm = 1.0 if "eyebrows" in landmarks.absent else np.clip(red, 0, 1)
    flesh = np.clip(lip * (1 + warm * np.array([0.1, -0.08, -0.08], np.float32)), 0, 255)
    white = (1.03 + warm * np.array([0.07, 0.0, -0.07], np.float32)) * light
    shades = {"deep": 0.33 * flesh, "rim": 0.6 * flesh, "tongue": 0.7 * flesh}
    shades["teeth"] = np.clip(1.15 * (0.6 * white + 0.4 * tone), 0, 250)
    return replace(palette, **{k: v + (1 - soft) * (getattr(palette, k) - v) for k, v in shades.items()})


def opened(upper: npt.NDArray, lower: npt.NDArray) -> tuple[npt.NDArray, npt.NDArray]:
    """Both inner lips (SAMPLES, 2), round in the corners of the mouth the more, the wider it is open: there landmarks
    are far apart, and a field between them would leave a point."""
    along = upper[-1] + lower[-1] - upper[0] - lower[0]
    width = max(float(np.hypot(*along)) / 2, 1e-6)
    normal = np.array([-along[1], along[0]]) / (2 * width)
    gap = (lower - upper) @ normal
    s = np.linspace(-1, 1, len(upper))
    out = gap.copy()
    for side, mark in ((s < -0.5, -0.5), (s > 0.5, 0.5)):  # the landmarks next to the corners
        out[side] = np.interp(mark, s, gap) * np.sqrt((1 - np.abs(s[side])) * 2)
    more = np.maximum(out - gap, 0) * np.clip((gap.max() / width - 0.2) / 0.4, 0, 1)
    return upper - (more / 2)[:, None] * normal, lower + (more / 2)[:, None] * normal


@dataclass(frozen=True)
class Frame:
    """The mouth in one frame, over a patch (h, w) of the picture.

    Its coordinate planes are smooth and kept at a ``coarse``-th of the patch's resolution; :meth:`full` gives them
    at every pixel.

    Attributes:
        left, top: place of the patch.
        s, n: place along the mouth, -1..1 between the corners, and pixels below the line between them.
        below, above: pixels below the upper and above the lower inner lip.
        upper, lower: (SAMPLES, 2) the inner lips.
        centre, axis: middle of the corners, unit vector along the mouth.
        width: distance of the corners; opening: the largest gap; middle: n half-way between the lips.
        cover: (h, w) 0..1 anti-aliased area between the lips.
        coarse: see above.
        dent: pixels by which the lower lip was filled up, see :func:`_rounded`.
    """

    left: int
    top: int
    s: Plane
    n: Plane
    below: Plane
    above: Plane
    upper: npt.NDArray[np.float64]
    lower: npt.NDArray[np.float64]
    centre: npt.NDArray[np.float64]
    axis: npt.NDArray[np.float64]
    width: float
    opening: float
    middle: float
    cover: Plane
    dent: float
    coarse: int

    def full(self, plane: Plane) -> Plane:
        """A coordinate plane at the patch's resolution (h, w)."""
        if self.coarse == 1:
            return plane
        size = plane.shape[1] * self.coarse, plane.shape[0] * self.coarse
        height, width = self.cover.shape
        return cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)[:height, :width]


def between_lips(frame: Frame) -> tuple[tuple[slice, slice], Frame]:
    """The rows and columns of the patch with something between the lips, and the frame cut to them."""
    rows = np.flatnonzero(frame.cover.any(1))
    columns = np.flatnonzero(frame.cover.any(0))
    cut = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    s, n, below, above = (frame.full(plane)[cut] for plane in (frame.s, frame.n, frame.below, frame.above))
    left, top = frame.left + int(columns[0]), frame.top + int(rows[0])
    cover = frame.cover[cut]
    part = replace(frame, left=left, top=top, s=s, n=n, below=below, above=above, cover=cover, coarse=1)
    return cut, part


def place_mouth(upper: npt.NDArray, lower: npt.NDArray, patch: tuple[int, int, int, int]) -> Frame:
    """Coordinates of the mouth over the patch (left, top, right, bottom) of the frame."""
    left, top, right, bottom = patch
    centre = (upper[0] + lower[0] + upper[-1] + lower[-1]) / 4
    along = (upper[-1] + lower[-1] - upper[0] - lower[0]) / 2
    width = max(float(np.hypot(*along)), 1.0)
    axis = along / width
    # Lips never cross: where they would, both lie on their middle.
    normal = np.array([-axis[1], axis[0]])
    crossing = np.minimum((lower - upper) @ normal, 0)[:, None] * normal / 2
    upper, lower = upper + crossing, lower - crossing
    rounded = _rounded(upper, lower, axis, normal, width)
    dent = float(((rounded - lower) @ normal).max())
    lower = rounded
    coarse = max(1, round(max(right - left, bottom - top) / _PLANE))
    half = (coarse - 1) / 2
    dx = (np.arange(left, right, coarse) + half - centre[0]).astype(np.float32)
    dy = (np.arange(top, bottom, coarse) + half - centre[1]).astype(np.float32)[:, None]
    s = dx * np.float32(axis[0] * 2 / width) + dy * np.float32(axis[1] * 2 / width)
    n = dy * np.float32(axis[0]) - dx * np.float32(axis[1])
    u_s, u_n = (upper - centre) @ axis * 2 / width, (upper - centre) @ normal
    l_s, l_n = (lower - centre) @ axis * 2 / width, (lower - centre) @ normal
    below = n - lookup(s, u_s, u_n)
    above = lookup(s, l_s, l_n) - n
    opening = float(max(((lower - upper) @ normal).max(), 0.0))
    outline = np.concatenate([upper, lower[::-1]]) - (left, top)
    area = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(area, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    cover = cv2.GaussianBlur(area, (3, 3), 0).astype(np.float32) / 255
    cover *= min(max(opening - 0.3, 0.0) / 1.5, 1.0)
    middle = float(u_n.mean() + l_n.mean()) / 2
    return Frame(left, top, s, n, below, above, upper, lower, centre, axis, width, opening, middle, cover, dent, coarse)


def _rounded(
    upper: npt.NDArray, lower: npt.NDArray, axis: npt.NDArray, normal: npt.NDArray, width: float
) -> npt.NDArray[np.float64]:
    """The lower lip with its dents (the middle of a cat's mouth) filled the more, the wider the mouth is open."""
    along, depth = lower @ axis, lower @ normal
    hull = cv2.convexHull(np.stack([along, depth], -1).astype(np.float32))[:, 0]
    bottom = hull[np.argsort(hull[:, 0])]
    middle = np.interp(bottom[:, 0], along[[0, -1]], depth[[0, -1]]) if along[-1] > along[0] else bottom[:, 1]
    bottom = bottom[bottom[:, 1] >= middle - 1e-3]
    if len(bottom) < 2:
        return lower
    dent = np.maximum(np.interp(along, bottom[:, 0], bottom[:, 1]) - depth, 0)
    opening = float(((lower - upper) @ normal).max())
    return lower + (dent * min(max(opening / (0.3 * width), 0.0), 1.0))[:, None] * normal


def lookup(s: Plane, at: npt.NDArray, value: npt.NDArray) -> Plane:
    """Piecewise linear value(s) through a table of 513 entries (np.interp over a picture is slow)."""
    order = np.argsort(at, kind="stable")
    table = np.interp(np.linspace(-1.6, 1.6, 513), at[order], value[order]).astype(np.float32)
    place = (s + np.float32(1.6)) * np.float32(160)
    return sample(table[None], np.dstack([place, np.zeros_like(place)]))
