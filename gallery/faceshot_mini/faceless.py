"""Pictures without a face, drawn: what a matcher must not take for one.

Round things in pairs, spokes and petals, letters, headless bodies and plain backgrounds. ``KINDS`` calibrate the
confidence (``calibrate.py``), and training shows some of them (``TRAINED``); ``UNSEEN`` are kept for measuring, so that
the figure is not of the very kinds it was fitted to.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_gallery.around.backdrop import backdrop, degrade
from faceshot_gallery.cast.casting import DOMAINS, cast
from faceshot_gallery.parts.anatomy import Anatomy, Projector
from faceshot_gallery.parts.paint import Canvas, clouds, ellipse
from faceshot_gallery.parts.scene import Scene
from faceshot_gallery.parts.traits import Colour, Dice, Expression, Pose, hsv, shade

Image = npt.NDArray[np.uint8]
Painter = Callable[[Canvas, Dice], None]


def _colour(d: Dice) -> Colour:
    return hsv(d.u(0, 1), d.u(0, 0.9), d.u(0.1, 1))


def _place(canvas: Canvas, d: Dice, least: float = 0.1, most: float = 0.45) -> tuple[float, float, float]:
    """Centre and radius of a thing that mostly lies in the picture."""
    n = canvas.size
    return d.u(0.15, 0.85) * n, d.u(0.15, 0.85) * n, d.u(least, most) * n


def _noise(canvas: Canvas, d: Dice) -> None:
    cells = int(d.pick([4, 8, 16, 40, 120, canvas.rgb.shape[0]]))
    grid = d.rng.integers(0, 256, (cells, cells, d.pick([1, 3])), np.uint8)
    grid = np.repeat(grid, 3 // grid.shape[2], axis=2)
    way = d.pick([cv2.INTER_NEAREST, cv2.INTER_CUBIC, cv2.INTER_LINEAR])
    canvas.rgb[:] = cv2.resize(grid, canvas.rgb.shape[1::-1], interpolation=way)


def _stripes(canvas: Canvas, d: Dice) -> None:
    side = canvas.rgb.shape[0]
    bands = d.rng.integers(0, 256, (1, int(d.u(3, 40)), 3), np.uint8)
    wide = cv2.resize(bands, (side, side), interpolation=cv2.INTER_NEAREST)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), d.pick([0.0, 90.0, d.u(0, 180)]), 1.5)
    canvas.rgb[:] = cv2.warpAffine(wide, turn, (side, side), borderMode=cv2.BORDER_REFLECT)
    if d.chance(0.3):
        canvas.rgb[:] = canvas.rgb // 2 + canvas.rgb.transpose(1, 0, 2) // 2


def _gradient(canvas: Canvas, d: Dice) -> None:
    backdrop(canvas, d, "gradient")


def _pattern(canvas: Canvas, d: Dice) -> None:
    backdrop(canvas, d, "pattern")


def _photo(canvas: Canvas, d: Dice) -> None:
    backdrop(canvas, d, d.pick(["photo", "plain"], [3, 1]))


def _clutter(canvas: Canvas, d: Dice) -> None:
    for _ in range(3):
        backdrop(canvas, d, "clutter")


def _circles(canvas: Canvas, d: Dice) -> None:
    """Discs and rings of any colour, several of them concentric."""
    _ground(canvas, d)
    for _ in range(int(d.u(2, 24))):
        x, y, r = _place(canvas, d, 0.02, 0.3)
        for share in np.linspace(1, 0.3, int(d.u(1, 4))):
            if d.chance(0.75):
                canvas.fill(ellipse(x, y, r * share, r * share), _colour(d))
            else:
                canvas.stroke(ellipse(x, y, r * share, r * share), _colour(d), d.u(0.01, 0.03) * canvas.size, True)


def _blobs(canvas: Canvas, d: Dice) -> None:
    _ground(canvas, d)
    for _ in range(int(d.u(1, 12))):
        x, y, r = _place(canvas, d, 0.05, 0.4)
        t = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        wave = 1 + sum(d.u(-0.25, 0.25) * np.sin(k * t + d.u(0, 6.3)) for k in (1, 2, 3, 4))
        shape = np.stack([x + r * wave * np.cos(t), y + r * wave * np.sin(t)], 1)
        canvas.fill(shape, _colour(d), d.u(0.5, 1)) if d.chance(0.6) else canvas.soft(shape, _colour(d), 0.9, r * 0.2)


def _buttons(canvas: Canvas, d: Dice) -> None:
    """Buttons, plates, dials: a disc with a rim and two to five holes or marks."""
    _ground(canvas, d)
    for _ in range(int(d.u(1, 5))):
        x, y, r = _place(canvas, d)
        c = _colour(d)
        canvas.fill(ellipse(x, y, r, r), shade(c, 0.7))
        canvas.fill(ellipse(x, y, r * d.u(0.7, 0.95), r * d.u(0.7, 0.95)), c)
        holes, turn, out = int(d.u(2, 6)), d.u(0, 6.3), d.u(0.2, 0.5)
        if holes == 2:
            turn = d.pick([np.pi / 2, d.u(0.4, 2.7)])  # upright or slanting: level pairs are eyes
        for k in range(holes):
            a = turn + 2 * np.pi * k / holes
            spot = ellipse(x + out * r * np.cos(a), y + out * r * np.sin(a), r * 0.12, r * 0.12)
            canvas.fill(spot, shade(c, 0.3))


def _wheels(canvas: Canvas, d: Dice) -> None:
    _ground(canvas, d)
    for _ in range(int(d.u(1, 4))):
        x, y, r = _place(canvas, d)
        rim, spoke = _colour(d), _colour(d)
        canvas.fill(ellipse(x, y, r, r), (30, 30, 34))
        canvas.fill(ellipse(x, y, r * 0.75, r * 0.75), rim)
        count, turn = int(d.u(3, 14)), d.u(0, 6.3)
        for a in turn + 2 * np.pi * np.arange(count) / count:
            canvas.stroke([[x, y], [x + 0.74 * r * np.cos(a), y + 0.74 * r * np.sin(a)]], spoke, r * d.u(0.03, 0.12))
        canvas.fill(ellipse(x, y, r * 0.16, r * 0.16), spoke)


def _flowers(canvas: Canvas, d: Dice) -> None:
    backdrop(canvas, d, "photo")
    for _ in range(int(d.u(1, 7))):
        x, y, r = _place(canvas, d, 0.08, 0.35)
        petal, count, turn = _colour(d), int(d.u(4, 14)), d.u(0, 360)
        canvas.stroke([[x, y], [x + d.u(-0.3, 0.3) * r, y + 3 * r]], hsv(0.3, 0.6, 0.5), r * 0.08)
        for k in range(count):
            a = turn + 360 * k / count
            at = np.array([x, y]) + 0.6 * r * np.array([np.cos(np.deg2rad(a)), np.sin(np.deg2rad(a))])
            canvas.fill(ellipse(at[0], at[1], 0.45 * r, 0.2 * r, a), shade(petal, d.u(0.85, 1.1)))
        canvas.fill(ellipse(x, y, 0.3 * r, 0.3 * r), _colour(d))


def _text(canvas: Canvas, d: Dice) -> None:
    _ground(canvas, d)
    side, line = canvas.rgb.shape[0], 0.0
    while line < side:
        high = d.u(0.04, 0.3) * side
        line += high * 1.4
        word = "".join(chr(int(d.u(33, 123))) for _ in range(int(d.u(2, 16))))
        at = (int(d.u(-0.1, 0.4) * side), int(line))
        cv2.putText(canvas.rgb, word, at, int(d.u(0, 8)), high / 24, _colour(d), max(1, round(high / 12)), cv2.LINE_AA)


def _body(canvas: Canvas, d: Dice) -> None:
    """A character's body and ears where its head would be, without the head."""
    who = cast(d.pick(DOMAINS), int(d.rng.integers(1 << 30)), canvas.style)
    while who.body_kind == "none":
        who = cast(d.pick(DOMAINS), int(d.rng.integers(1 << 30)), canvas.style)
    pose = Pose(d.n(0, 8), 0.0, 0.0, d.u(0.5, 1.2), d.u(-0.2, 0.2), d.u(-0.5, 0.1))
    backdrop(canvas, d, d.pick(["plain", "gradient", "photo", "clutter"]))
    scene = Scene(canvas, Anatomy(who, Expression()), Projector(who, pose, canvas.size))
    scene.dressing.body()
    if d.chance(0.3):
        scene.dressing.ears(scene.line)


def _house(canvas: Canvas, d: Dice) -> None:
    """A front with windows and a door."""
    backdrop(canvas, d, d.pick(["photo", "gradient"]))
    n, wall, frame = canvas.size, _colour(d), _colour(d)
    left, right, top = d.u(0.0, 0.25) * n, d.u(0.75, 1.0) * n, d.u(0.05, 0.4) * n
    canvas.fill([[left, top], [right, top], [right, n], [left, n]], wall)
    if d.chance(0.5):
        canvas.fill([[left, top], [(left + right) / 2, top - d.u(0.1, 0.4) * n], [right, top]], _colour(d))
    columns, rows = int(d.u(3, 7)), int(d.u(2, 6))
    for i in range(columns):
        for j in range(rows):
            x = left + (i + 0.5) / columns * (right - left)
            y = top + (j + 0.5) / rows * (n - top)
            w, h = 0.3 * (right - left) / columns, 0.32 * (n - top) / rows
            box = np.array([[x - w, y - h], [x + w, y - h], [x + w, y + h], [x - w, y + h]])
            canvas.fill(box, _colour(d) if d.chance(0.2) else shade(wall, 0.4))
            canvas.stroke(box, frame, 0.008 * n, True)


def _leaves(canvas: Canvas, d: Dice) -> None:
    backdrop(canvas, d, "photo")
    for _ in range(int(d.u(20, 90))):
        x, y, r = _place(canvas, d, 0.03, 0.14)
        angle, c = d.u(0, 360), hsv(d.u(0.05, 0.4), d.u(0.3, 0.9), d.u(0.2, 0.9))
        canvas.fill(ellipse(x, y, r, r * d.u(0.25, 0.5), angle), c)
        way = r * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
        canvas.stroke([np.array([x, y]) - way, np.array([x, y]) + way], shade(c, 0.6), r * 0.06)


def _landscape(canvas: Canvas, d: Dice) -> None:
    backdrop(canvas, d, "gradient")
    n, side = canvas.size, canvas.rgb.shape[0]
    if d.chance(0.6):
        x, y, r = _place(canvas, d, 0.05, 0.12)
        canvas.fill(ellipse(x, y * 0.5, r, r), hsv(0.14, d.u(0, 0.6), 1))
    for level in np.linspace(d.u(0.35, 0.6), d.u(0.75, 0.95), int(d.u(2, 5))):
        ridge = n * np.stack([np.linspace(-0.05, 1.05, 40), level + 0.12 * clouds(d.rng, 40, (4, 9))[0]], 1)
        canvas.fill(np.concatenate([ridge, [[1.1 * n, 1.1 * n], [-0.1 * n, 1.1 * n]]]), _colour(d))
    canvas.rgb[:] = np.clip(canvas.rgb + 8 * clouds(d.rng, side, (30, 90))[..., None], 0, 255)


def _ground(canvas: Canvas, d: Dice) -> None:
    backdrop(canvas, d, d.pick(["plain", "gradient", "photo", "pattern"], [4, 2, 2, 1]))


KINDS: dict[str, Painter] = {
    "noise": _noise,
    "stripes": _stripes,
    "gradient": _gradient,
    "pattern": _pattern,
    "photo": _photo,
    "clutter": _clutter,
    "circles": _circles,
    "blobs": _blobs,
    "buttons": _buttons,
    "wheels": _wheels,
    "flowers": _flowers,
    "text": _text,
    "body": _body,
}
#: Kinds that training shows as pictures without a face; the others stay new to the network, for the calibration.
TRAINED = tuple(kind for kind in KINDS if kind not in ("buttons", "flowers", "blobs"))
UNSEEN: dict[str, Painter] = {"house": _house, "leaves": _leaves, "landscape": _landscape}


def faceless(seed: int, kind: str, size: int = 256) -> Image:
    """A picture (size, size, 3) of a kind, the same for the same seed, sometimes with a camera's or the web's damage.

    Raises:
        KeyError: unknown kind.
    """
    d = Dice(seed, "faceless-" + kind)
    canvas = Canvas(size, 2, "flat" if kind != "body" else d.pick(["flat", "soft3d", "photo", "outline"]))
    ({**KINDS, **UNSEEN}[kind])(canvas, d)
    rgb = canvas.done()
    return degrade(rgb, d) if d.chance(0.5) else rgb
