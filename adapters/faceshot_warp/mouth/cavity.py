"""What is seen between the lips: a drawn cavity with tongue and teeth, a user's picture, or the picture's own mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceshot_warp.field import Plane, sample, smooth
from faceshot_warp.mouth.measure import Frame, Mouth, lookup


@dataclass(frozen=True)
class Bite:
    """Where the teeth are in a frame: they keep to skull and jaw, lips move over them.

    Attributes:
        upper: (SAMPLES, 2) where the lips met in the picture, moved with the head: the edge of the upper teeth.
        lower: (SAMPLES, 2) the same moved with the jaw.
        smile: 0..1, how much the mouth spreads.
        shown: 0..1, share of the open mouth that the driver's teeth fill, or None where nothing says so.
    """

    upper: npt.NDArray[np.float64]
    lower: npt.NDArray[np.float64]
    smile: float
    shown: float | None


def draw_cavity(mouth: Mouth, frame: Frame, bite: Bite) -> Plane:
    """(h, w, 3) float32: dark cavity, tongue and teeth behind the lips of ``frame``."""
    p = mouth.palette
    reach = max(frame.opening, 1e-3)
    edge = 1 - np.minimum(np.minimum(frame.below, frame.above) / (0.22 * reach + 1.0), 1)
    # Barely parted lips of a photograph let no one see far in.
    shallow = mouth.soft * float(smooth(1.2 - reach / (0.16 * frame.width)))
    rim = np.maximum(0.55 * smooth(edge), shallow)
    out = p.deep + rim[..., None] * (p.rim - p.deep)
    # Tongue: a mound on the lower lip, seen once the mouth is open wide enough.
    rise = (0.46 + 0.2 * mouth.soft) * reach * np.clip((reach / mouth.width - 0.06) / 0.2, 0, 1)
    mound = rise * (1 - (frame.s / (0.68 + 0.3 * mouth.soft)) ** 2) - frame.above
    inside = smooth(0.5 + mound / (1 + 0.5 * mouth.soft * reach))
    light = smooth(mound / max(0.8 * rise, 1.0)) * 0.35 + 0.65
    groove = 1 - 0.12 * np.exp(-((frame.s / 0.08) ** 2)) * np.clip(mound / (0.3 * reach), 0, 1)
    out = out + inside[..., None] * (p.tongue * (light * groove)[..., None] - out)
    if mouth.teeth:
        for cover, shade in (_lower_teeth(mouth, frame, bite), _upper_teeth(mouth, frame, bite)):
            out = out + cover[..., None] * (p.teeth * shade[..., None] - out)
    if frame.dent > 0.5:
        # Where a dent was filled the drawn lip line is gone: give the edge its colour back.
        thick = 0.03 * mouth.width
        rim = (
            np.clip(thick + 0.5 - frame.above, 0, 1) * np.clip(1.2 - np.abs(frame.s), 0, 1) * min(frame.dent / thick, 1)
        )
        out = out + rim[..., None] * (p.line - out)
    # Shadow of the upper lip.
    shadow = 1 - (0.35 - 0.15 * mouth.soft) * np.clip(1 - frame.below / (0.14 * reach + 1.0), 0, 1)
    return out * shadow[..., None]


def _upper_teeth(mouth: Mouth, frame: Frame, bite: Bite) -> tuple[Plane, Plane]:
    """Cover and brightness (h, w), 0..1, of the upper teeth."""
    reach = max(frame.opening, 1e-3)
    if bite.shown is not None:
        row = (1.2 * bite.shown - 0.1) * (frame.below + frame.above) - frame.below
        side = smooth((0.95 - np.abs(frame.s)) / 0.3) * float(smooth(bite.shown / 0.1))
        shade = (0.78 + 0.18 * np.clip(frame.below / max(0.05 * frame.width, 1.0), 0, 1)) * (1 - 0.35 * frame.s**2)
        return side * smooth(0.5 + row / (1 + 0.04 * frame.width)), shade
    wide = float(smooth((reach / frame.width - 0.16) / 0.2))
    # Drawn mouths that are hardly open show teeth only when they smile; photographs whatever the lips uncover.
    shown = max(wide, max(bite.smile, mouth.soft) * float(smooth((reach / frame.width - 0.03) / 0.08)))
    if shown == 0:
        return np.zeros_like(frame.s), np.ones_like(frame.s)
    normal = np.array([-frame.axis[1], frame.axis[0]])
    lip = float((frame.upper[len(frame.upper) // 2] - frame.centre) @ normal)
    drop = min(0.13 * frame.width, 0.33 * reach) * (0.4 + 0.6 * shown) * (1 - mouth.soft)
    # Their edge is a shallow arc across the mouth, whatever the lip above does, and never near the lower lip.
    arc = lip + drop - (0.3 * drop + max(lip, 0.0)) * frame.s**2
    bared = _edge(frame, bite.upper) + (0.03 + 0.03 * bite.smile) * frame.width * (1 - 0.6 * frame.s**2)
    most = np.float32(0.35 + 0.65 * max(bite.smile, mouth.soft)) * (frame.below + frame.above) - frame.below
    row = np.minimum(np.maximum(arc, bared) - frame.n, most)
    soft = 0.5 + (0.012 + 0.012 * mouth.soft) * frame.width
    side = smooth((0.9 - np.abs(frame.s)) / 0.35)
    deep = max(0.6 * drop, 0.05 * frame.width, 1.0)
    light = 0.72 + 0.16 * mouth.soft
    shade = (light + (0.92 - light) * np.clip(frame.below / deep, 0, 1)) * (1 - 0.4 * frame.s**2)
    return shown * side * smooth(0.5 + row / (2 * soft)), shade * (1 - mouth.soft * _gaps(frame.s))


def _gaps(s: Plane) -> Plane:
    """How much darker the upper teeth are where two of them meet, 0..1; an incisor is a sixth of a mouth wide."""
    folded = np.abs(s)
    return sum(0.1 * np.exp(-(((folded - at) / 0.03) ** 2)) for at in (0.0, 0.34, 0.6))  # type: ignore[return-value]


def _lower_teeth(mouth: Mouth, frame: Frame, bite: Bite) -> tuple[Plane, Plane]:
    """Cover and brightness (h, w), 0..1, of the lower teeth: seen where the lip sinks below the jaw's own motion."""
    row = np.minimum(frame.n - _edge(frame, bite.lower) - 0.02 * frame.width, 0.05 * frame.width - frame.above)
    soft = 0.5 + 0.024 * frame.width
    side = smooth((0.7 - np.abs(frame.s)) / 0.35)
    open_ = frame.opening / frame.width
    shown = (
        (bite.shown is None)
        * max(mouth.soft, bite.smile)
        * float(smooth((open_ - 0.1) / 0.1) * smooth((0.6 - open_) / 0.2))
    )
    return shown * side * smooth(0.5 + row / (2 * soft)), 0.68 * (1 - 0.4 * frame.s**2)


def _edge(frame: Frame, curve: npt.NDArray) -> Plane:
    """n of a curve (k, 2) of the frame at every s."""
    normal = np.array([-frame.axis[1], frame.axis[0]])
    return lookup(frame.s, (curve - frame.centre) @ frame.axis * 2 / frame.width, (curve - frame.centre) @ normal)


def draw_inside(mouth: Mouth, frame: Frame, bite: Bite) -> Plane:
    """(h, w, 3) float32: the user's mouth picture, hanging from the upper lip, over the drawn cavity."""
    assert mouth.inside is not None
    height, width = mouth.inside.shape[:2]
    tall = max(frame.opening, 0.5 * frame.width)
    x = (frame.s + 1) * np.float32(0.5 * width) - np.float32(0.5)
    y = frame.below * np.float32(height / tall) - np.float32(0.5)
    picked = sample(mouth.inside, np.dstack([x, y]))
    over = picked[..., 3:] / 255
    return over * picked[..., :3] + (1 - over) * draw_cavity(mouth, frame, bite)


def own_inside(mouth: Mouth, frame: Frame) -> Plane:
    """Where in the picture the inside of an open mouth is seen: (h, w, 2) places (x, y).

    Opening wider stretches it; closing leaves its size and lets the lips cover it.
    """
    centre, axis, normal, rest_upper, rest_lower = _rest_edges(mouth)
    # The anchor lies a third of the way down: closing is mostly the lower lip's doing.
    share = 0.35
    rest_anchor = (1 - share) * lookup(frame.s, *rest_upper) + share * lookup(frame.s, *rest_lower)
    now_anchor = (1 - share) * (frame.n - frame.below) + share * (frame.n + frame.above)
    stretch = max(frame.opening / max(float((rest_lower[1] - rest_upper[1]).max()), 1.0), 1.0)
    depth = rest_anchor + (frame.n - now_anchor) / np.float32(stretch)
    along_px = frame.s * np.float32(mouth.width / 2)
    x = np.float32(centre[0]) + along_px * np.float32(axis[0]) + depth * np.float32(normal[0])
    y = np.float32(centre[1]) + along_px * np.float32(axis[1]) + depth * np.float32(normal[1])
    return np.dstack([x, y]).astype(np.float32)


def _rest_edges(mouth: Mouth) -> tuple[Plane, Plane, Plane, tuple[Plane, Plane], tuple[Plane, Plane]]:
    """Middle of the corners, axis and normal of the mouth in the picture; its inner lips as tables (s, n)."""
    centre = (mouth.upper[0] + mouth.upper[-1] + mouth.lower[0] + mouth.lower[-1]) / 4
    along = (mouth.upper[-1] + mouth.lower[-1] - mouth.upper[0] - mouth.lower[0]) / 2
    axis = along / max(float(np.hypot(*along)), 1e-6)
    normal = np.array([-axis[1], axis[0]])
    tables = [((c - centre) @ axis * 2 / mouth.width, (c - centre) @ normal) for c in (mouth.upper, mouth.lower)]
    return centre, axis, normal, tables[0], tables[1]


def keep_to_lips(mouth: Mouth, frame: Frame, maps: Plane, lower: Plane) -> Plane:
    """Maps of the lips that never reach into the open mouth of the picture: teeth and tongue do not leak out.

    Args:
        maps: (h, w, 2) where in the picture the patch is sampled.
        lower: (h, w) share of the lower half of the face, 0..1.
    """
    centre, axis, normal, rest_upper, rest_lower = _rest_edges(mouth)
    # The more the mouth is closed, the further from the drawn edge of the lips.
    shut = 1 - min(frame.opening / max(float((rest_lower[1] - rest_upper[1]).max()), 1.0), 1.0)
    if shut == 0:
        return maps
    x, y = (maps[:: frame.coarse, :: frame.coarse, k] - np.float32(centre[k]) for k in (0, 1))
    s = (x * np.float32(axis[0]) + y * np.float32(axis[1])) * np.float32(2 / mouth.width)
    n = x * np.float32(normal[0]) + y * np.float32(normal[1])
    margin = shut * (1.0 + 0.02 * mouth.width)
    down = np.maximum(lookup(s, *rest_lower) + margin - n, 0)
    up = np.minimum(lookup(s, *rest_upper) - margin - n, 0)
    inside = np.clip((1.02 - np.abs(s)) * 25, 0, 1) * ((n > lookup(s, *rest_upper) - margin) & (down > 0))
    side = lower[:: frame.coarse, :: frame.coarse]
    push = np.where(side > 0.5, down, up) * inside
    return maps + frame.full(push.astype(np.float32))[..., None] * normal.astype(np.float32)


def closing_line(mouth: Mouth, frame: Frame) -> Plane:
    """(h, w), or (1, 1) of zero: cover of the line that is left of an open mouth when it closes."""
    rest = float(max(np.abs(mouth.lower - mouth.upper).max(), 1.0))
    amount = float(smooth(np.float32(1 - frame.opening / (0.35 * rest))))
    if amount == 0:
        return np.zeros((1, 1), np.float32)
    thick = float(np.clip(0.018 * mouth.width, 0.6, 60))
    middle = np.abs(frame.full(frame.below - frame.above)) / 2
    taper = np.clip((1.0 - np.abs(frame.full(frame.s))) * 10, 0, 1)
    return np.clip(thick + 0.5 - middle, 0, 1) * taper * amount
