"""What else can happen to a drawn picture: it is bent a little, printed, engraved, pixelled, signed, lit from a side.

Everything here takes and gives uint8 RGB; only :func:`bend` moves anything, and it moves the landmarks along.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_gallery.parts.paint import Image, clouds
from faceshot_gallery.parts.traits import Dice

Points = npt.NDArray[np.float64]
Effect = Callable[[npt.NDArray[np.float32], Dice], npt.NDArray[np.float32]]


def bend(rgb: Image, xy: Points, d: Dice, amount: float) -> tuple[Image, Points]:
    """Warp a square picture smoothly (no face is the mirror of itself) and its points (N, 2) with it.

    ``amount`` is the typical displacement as a share of the frame, 0.005..0.03.
    """
    side = rgb.shape[0]
    cells = d.pick([3, 4, 5])
    grid = (d.rng.normal(0, amount * side, (cells, cells, 2))).astype(np.float32)
    grid -= grid.mean((0, 1))
    stretch = np.array([d.n(0, 0.06), d.n(0, 0.06)]), d.n(0, 0.05)
    field = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
    at = np.arange(side, dtype=np.float32)
    middle = xy.mean(0)
    gx, gy = np.meshgrid(at, at)
    shift = field.astype(np.float32)
    shift[..., 0] += stretch[0][0] * (gx - middle[0]) + stretch[1] * (gy - middle[1])
    shift[..., 1] += stretch[0][1] * (gy - middle[1])
    out = cv2.remap(rgb, gx + shift[..., 0], gy + shift[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    # a pixel p of the new picture shows p + shift(p) of the old one: solve p + shift(p) = xy
    p = xy.copy()
    for _ in range(8):
        p = xy - _at(shift, p, middle, stretch)
    return np.asarray(out, np.uint8), p


def _at(shift: npt.NDArray[np.float32], p: Points, middle: Points, stretch: tuple[Points, float]) -> Points:
    """The displacement at points, which may lie a little outside the picture."""
    side = shift.shape[0]
    q = np.clip(p, 0, side - 1.001)
    i = np.floor(q).astype(int)
    f = q - i
    corner = [[shift[i[:, 1] + b, i[:, 0] + a] for a in (0, 1)] for b in (0, 1)]
    top = corner[0][0] * (1 - f[:, :1]) + corner[0][1] * f[:, :1]
    low = corner[1][0] * (1 - f[:, :1]) + corner[1][1] * f[:, :1]
    out: Points = top * (1 - f[:, 1:]) + low * f[:, 1:]
    over = p - q  # beyond the border the linear part goes on
    out[:, 0] += stretch[0][0] * over[:, 0] + stretch[1] * over[:, 1]
    out[:, 1] += stretch[0][1] * over[:, 1]
    return out


def legible(rgb: Image, face: Points, least: float = 55.0) -> Image:
    """Stretch the contrast where a face (N, 2 points) has drowned in darkness, light or fog."""
    low, high = np.clip(np.round([face.min(0), face.max(0)]).astype(int), 0, rgb.shape[0] - 1)
    part = rgb[low[1] : high[1] + 1 : 2, low[0] : high[0] + 1 : 2, 1]
    if part.size < 4:
        return rgb
    dark, light = np.percentile(part, [4, 96])
    if light - dark >= least:
        return rgb
    gain = least / max(float(light - dark), 12.0)
    middle = float(np.clip((dark + light) / 2, 60, 190))
    table = np.clip((np.arange(256) - (dark + light) / 2) * gain + middle, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(rgb, table), np.uint8)


def side_light(rgb: Image, middle: Points, width: float, d: Dice) -> Image:
    """One half of the face in the dark: a soft edge of shadow through ``middle``, ``width`` pixels of head wide."""
    side = rgb.shape[0]
    at = np.arange(side, dtype=np.float32)
    a = d.pick([0.0, np.pi]) + d.n(0, 0.5)
    way = (at[None] - middle[0]) * np.cos(a) + (at[:, None] - middle[1]) * np.sin(a)
    t = way / width * d.u(3, 9) + d.n(0, 0.8)
    dark = d.u(0.12, 0.55)
    field = dark + (1 - dark) / (1 + np.exp(-np.clip(t, -20, 20)))
    return np.clip(rgb * field[..., None].astype(np.float32), 0, 255).astype(np.uint8)


# ---- ways of printing ----------------------------------------------------------------------------------------------
def _grey(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(x @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


def _inked(paper: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """(H, W) ink coverage 0..1 -> RGB of some ink on some paper."""
    ink = np.array(d.pick([(25, 25, 28), (60, 40, 25), (20, 30, 70), (90, 20, 20)], [5, 2, 1, 1]), np.float32)
    ground = np.array(d.pick([(252, 252, 250), (240, 228, 200), (225, 225, 220)], [3, 2, 1]), np.float32)
    return np.asarray(ground + (ink - ground) * paper[..., None], np.float32)


def _waves(side: int, d: Dice, angle: float, period: float) -> npt.NDArray[np.float32]:
    t = np.arange(side, dtype=np.float32)
    way = t[None] * np.cos(angle) + t[:, None] * np.sin(angle)
    rough = clouds(d.rng, side, (4, 10)) * d.u(0, 1.5)
    return np.asarray(0.5 + 0.5 * np.sin((way / period) * 2 * np.pi + rough), np.float32)


def engraving(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """Lines that swell where it is dark, once or crossed."""
    side = x.shape[0]
    g = cv2.GaussianBlur(_grey(x), (0, 0), 0.7) / 255
    g = np.clip((g - 0.1) * d.u(0.9, 1.3), 0, 1)
    period = d.u(2.5, 4.5) * side / 144
    a = d.u(0, np.pi)
    ink = np.clip((_waves(side, d, a, period) - g) * 2 + 0.2, 0, 1)
    if d.chance(0.5):
        ink = np.maximum(ink, np.clip((_waves(side, d, a + d.u(0.8, 1.6), period) - g - 0.3) * 3, 0, 1))
    edge = np.clip((cv2.GaussianBlur(g, (0, 0), 1.6) - g) * 12, 0, 1)
    return _inked(np.maximum(ink * 0.75, edge).astype(np.float32), d)


def pencil(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """Dark lines where brightness changes, on grey or coloured paper."""
    g = _grey(x) / 255
    sigma = d.u(0.8, 2.0) * x.shape[0] / 144
    wide = cv2.GaussianBlur(g, (0, 0), sigma * 1.6)
    edge = np.clip((wide - cv2.GaussianBlur(g, (0, 0), sigma * 0.6)) * d.u(6, 14), 0, 1)
    tone = (1 - g) * d.u(0, 0.45)
    out = _inked(np.clip(edge + tone, 0, 1).astype(np.float32), d)
    keep = d.pick([0.0, d.u(0.2, 0.6)], [3, 1])
    return np.asarray(out * (1 - keep) + x * keep, np.float32)


def halftone(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """Dots of a size, in ink or in the colours of the picture."""
    side = x.shape[0]
    period = d.u(2.6, 4.5) * side / 144
    a = d.u(0, np.pi / 2)
    dots = (_waves(side, d, a, period) + _waves(side, d, a + np.pi / 2, period)) / 2
    g = cv2.GaussianBlur(_grey(x), (0, 0), 0.8) / 255
    ink = np.clip((dots - g) * 4 + 0.4, 0, 1).astype(np.float32)
    if d.chance(0.5):
        return _inked(ink, d)
    return np.asarray(x * (1 - 0.6 * ink[..., None]) + 25, np.float32)


def pixels(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """Pixel art: few large squares of few colours."""
    side = x.shape[0]
    few = int(d.u(36, 72))
    small = cv2.resize(x, (few, few), interpolation=cv2.INTER_AREA)
    step = d.pick([24, 36, 51])
    small = np.round(small / step) * step
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_NEAREST), np.float32)


def poster(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """Few flat tones, as in vector art and screen prints."""
    soft = cv2.medianBlur(np.clip(x, 0, 255).astype(np.uint8), 3).astype(np.float32)
    step = d.pick([32.0, 48.0, 64.0])
    return np.asarray(np.round(soft / step) * step, np.float32)


def watercolour(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """Pale washes with dark rims on rough paper."""
    side = x.shape[0]
    soft = cv2.medianBlur(np.clip(x, 0, 255).astype(np.uint8), 5).astype(np.float32)
    g = _grey(soft)
    rim = np.clip((cv2.GaussianBlur(g, (0, 0), 2.0) - g) / 255 * 5, 0, 0.6)[..., None]
    wash = (1 + clouds(d.rng, side, (4, 9, 20)) * d.u(0.05, 0.2))[..., None]
    lift = d.u(0.1, 0.45)
    return np.asarray((soft * (1 - lift) + 255 * lift) * wash * (1 - rim), np.float32)


def oil(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """Old oil paint: brown varnish, canvas weave, hair-fine cracks."""
    side = x.shape[0]
    tint = np.array(d.pick([(1.0, 0.88, 0.65), (0.95, 0.9, 0.8), (0.9, 0.8, 0.6)]), np.float32)
    x = (x * (1 - 0.6 * d.u(0, 1) * (1 - tint)) * d.u(0.6, 1.0)).astype(np.float32)
    t = np.arange(side, dtype=np.float32) * 144 / side
    weave = np.sin(t * d.u(1.8, 2.8))[None] + np.sin(t * d.u(1.8, 2.8))[:, None]
    x = (x + (weave * d.u(0, 5))[..., None]).astype(np.float32)
    if d.chance(0.5):
        n = clouds(d.rng, side, (12, 30))
        crack = np.clip(1 - np.abs(n) * d.u(18, 40), 0, 1) * d.u(0.15, 0.5)
        x = (x * (1 - crack[..., None])).astype(np.float32)
    return np.asarray(x, np.float32)


def sepia(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """An old photograph."""
    g = _grey(x)[..., None]
    return np.asarray(g * np.array([1.07, 0.92, 0.72], np.float32) * d.u(0.85, 1.05), np.float32)


def vignette(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """Dark (or white) corners."""
    side = x.shape[0]
    t = np.linspace(-1, 1, side, dtype=np.float32)
    r = np.hypot(t[None] - d.n(0, 0.1), t[:, None] - d.n(0, 0.1))
    a = np.clip((r - d.u(0.65, 0.95)) / 0.6, 0, 1)[..., None] * d.u(0.4, 1)
    return np.asarray(x * (1 - a) + d.pick([0.0, 255.0], [3, 1]) * a, np.float32)


def watermark(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """Pale words across the picture or a signature in a corner."""
    side = x.shape[0]
    layer = np.zeros((side, side), np.uint8)
    word = "".join(chr(int(d.u(97, 123))) for _ in range(int(d.u(4, 10))))
    size = d.u(0.25, 0.7) * side / 144
    for _ in range(d.pick([1, 4], [2, 1])):
        at = (int(d.u(-0.1, 0.7) * side), int(d.u(0.1, 1.0) * side))
        cv2.putText(layer, word, at, int(d.pick([0, 1, 2, 3, 4])), size, 255, 1, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), d.pick([0.0, d.u(-40, 40)]), 1)
    layer = np.asarray(cv2.warpAffine(layer, turn, (side, side)), np.uint8)
    a = layer[..., None].astype(np.float32) / 255 * d.u(0.2, 0.8)
    return np.asarray(x * (1 - a) + d.pick([255.0, 20.0], [3, 1]) * a, np.float32)


def bands(x: npt.NDArray[np.float32], d: Dice) -> npt.NDArray[np.float32]:
    """A screen's scan lines, or a poster pasted with coloured bars at the edges."""
    side = x.shape[0]
    if d.chance(0.5):
        wave = 1 - d.u(0.05, 0.25) * (np.arange(side) % max(2, round(side / 72)) == 0)
        return np.asarray(x * wave[:, None, None].astype(np.float32), np.float32)
    edge = int(d.u(0.02, 0.08) * side)
    x = x.copy()
    colour = np.array([d.u(0, 255), d.u(0, 255), d.u(0, 255)], np.float32)
    x[:edge], x[-edge:] = colour, colour
    if d.chance(0.5):
        x[:, :edge], x[:, -edge:] = colour, colour
    return x


#: Ways of making the whole picture; one at most is drawn.
PRINTS: tuple[tuple[Effect, float], ...] = (
    *((engraving, 0.6), (pencil, 1.6), (halftone, 0.5), (pixels, 0.6)),
    *((poster, 1.2), (watercolour, 1.2), (oil, 2.0)),
)
_COARSE = (engraving, halftone, pixels)
#: What is laid over any picture; several may be drawn, each with this chance.
OVERLAYS: tuple[tuple[Effect, float], ...] = ((sepia, 0.03), (vignette, 0.07), (watermark, 0.05), (bands, 0.03))


def printed(rgb: Image, d: Dice, share: float, chance: float = 0.16) -> Image:
    """The picture printed, painted or signed in some way, more often not.

    ``share`` is how much of the frame the face takes: coarse prints are kept for faces that survive them.
    """
    out = rgb.astype(np.float32)
    touched = False
    if d.chance(chance):
        weights = [w if share > 0.55 or e not in _COARSE else 0.0 for e, w in PRINTS]
        out, touched = d.pick([e for e, _ in PRINTS], weights)(out, d), True
    for effect, share in OVERLAYS:
        if d.chance(share):
            out, touched = effect(out, d), True
    return np.clip(out, 0, 255).astype(np.uint8) if touched else rgb
