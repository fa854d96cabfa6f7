"""Drawn characters in a few expressions each, cut to crops of eyes and mouth with their exact curves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot_gallery.around.backdrop import backdrop, finish
from faceshot_gallery.cast.casting import cast
from faceshot_gallery.cast.variety import vary
from faceshot_gallery.illustrator import DOMAINS, Expression, Pose
from faceshot_gallery.parts.anatomy import Anatomy, EyeCurves, Projector
from faceshot_gallery.parts.paint import Canvas
from faceshot_gallery.parts.scene import Scene
from faceshot_gallery.parts.traits import Character, Dice
from faceshot_looks.eyes import EyeCurve, EyeLook
from faceshot_looks.mouth import MouthCurve, MouthLook
from faceshot_looks.touch import cover

Array = npt.NDArray[Any]
#: Expressions of a character; the first is the reference: eyes open, mouth mostly shut.
FRAMES = 8
#: Edge of the drawing, (height, width) of the kept crops, and their pixels per eye and mouth width.
SIDE = 256
EYE_KEPT, EYE_SCALE = (84, 112), 32.0
MOUTH_KEPT, MOUTH_SCALE = (144, 144), 44.0
#: Masks are drawn this many times larger: a closed mouth has no area.
FINE = 6
#: How far below the mouth's corners its crop's middle lies, in mouth widths.
LOWER = 0.15
_PEOPLE = ("person", "person", "person", "person", "statue", "cartoon", "anime")


@dataclass(frozen=True, eq=False)
class Crops:
    """One character: F frames, E eyes.

    Attributes:
        eyes: (E, F, 84, 112, 3) uint8; lids: (E, F, 84, 112) uint8 cover between the lids; points: (E, F, 2, 5, 2) of
            the upper and lower lid from the crop's middle in eye widths; full: (E,) full opening in eye widths.
        mouths: (M, F, 144, 144, 3) uint8; lips: (M, F, 2, 144, 144) uint8 cover between the lips and inside the outer.
    """

    eyes: Array
    lids: Array
    points: Array
    full: Array
    mouths: Array
    lips: Array


def _expressions(d: Dice, grinning: bool) -> list[Expression]:
    out = []
    for k in range(FRAMES):
        lids = d.pick([d.u(0, 1.1), d.u(0, 0.12), d.u(0.85, 1.1)], [45, 25, 30]) if k else d.u(0.8, 1.1)
        other = lids if not d.chance(0.1) or not k else d.u(0, 1.1)
        jaw = d.pick([0.0, d.u(0, 0.15), d.u(0.1, 0.5), d.u(0.3, 1.0)], [3, 3, 3, 2] if k else [8, 3, 0.5, 0])
        smile = float(np.clip(d.n(0.1, 0.45), -1, 1))
        wide = d.n(0, 0.35)
        if grinning:
            smile, wide = d.u(0.1, 0.9), d.u(0, 0.9)
            jaw = d.pick([0.0, d.u(0.02, 0.2), d.u(0.1, 0.7)], [2, 4, 3])
        out.append(
            Expression(
                lids, other, (d.u(-1, 1), d.u(-0.6, 0.6)), jaw, wide, smile,
                d.pick([0.0, d.u(0, 1)], [4, 1]) if not grinning else 0.0,
                *(float(np.clip(d.n(0, 0.4), -1, 1)) for _ in range(3)),
            )
        )  # fmt: skip
    return out


def _character(d: Dice) -> tuple[Character, bool]:
    people = d.chance(0.7)
    kind = d.pick(_PEOPLE) if people else d.pick(DOMAINS)
    style: Any = "photo" if d.chance(0.7 if people else 0.4) else None
    who = cast(kind, int(d.rng.integers(1 << 30)), style, guests=True)
    if d.chance(0.4):
        who = vary(who, d)
    if kind == "person" and who.eyes.kind == "human":
        # Real lids meet lower and openings differ more than the drawn ones.
        eyes = replace(who.eyes, shut=d.u(0.2, 1.0), low=who.eyes.low * d.u(0.7, 1.1), up=who.eyes.up * d.u(0.7, 1.15))
        mouth = replace(who.mouth, rest_open=d.pick([0.0, who.mouth.rest_open]), w=who.mouth.w * d.u(0.95, 1.3))
        if d.chance(0.75):
            # Real lips are a sixth of the mouth's width each; drawn ones are lines.
            across = 2 * mouth.w
            mouth = replace(mouth, kind="lips", thick_up=across * d.u(0.05, 0.2), thick_low=across * d.u(0.08, 0.28))
        mouth = replace(mouth, tongue=d.chance(0.2))
        who = replace(who, eyes=eyes, mouth=mouth)
    return who, kind in ("person", "statue") or (people and who.style == "photo")


def draw(index: int, seed: int) -> Crops:
    """The crops of character ``index``; index and seed decide everything."""
    d = Dice(seed * 1_000_003 + index, "looks")
    who, real = _character(d)
    yaw = d.pick([d.n(0, 8), d.u(-38, 38)], [2, 1])
    base = Pose(d.n(0, 4), yaw, d.n(0, 6), d.u(0.85, 1.15) / max(who.head.width, 0.6))
    ground = d.pick(["plain", "gradient", "photo", "clutter"])
    look, lips = EyeLook(d, real), MouthLook(d, real)
    frames = []
    for expression in _expressions(d, d.chance(0.3)):
        turned = replace(base, yaw=base.yaw + d.n(0, 3), pitch=base.pitch + d.n(0, 3), roll=base.roll + d.n(0, 3))
        frames.append(_draw_frame(who, expression, turned, ground, index))
    eyes = [_eye(frames, who, look, left) for left in (False, True)] if who.eyes.kind != "arc" else []
    mouths = [_mouth(frames, lips)] if who.mouth.shown else []

    def stacked(rows: list[Any], k: int, empty: tuple[int, ...], dtype: Any) -> Array:
        return np.stack([row[k] for row in rows]) if rows else np.zeros((0, *empty), dtype)

    e, m = (FRAMES, *EYE_KEPT), (FRAMES, *MOUTH_KEPT)
    return Crops(
        stacked(eyes, 0, (*e, 3), np.uint8),
        stacked(eyes, 1, e, np.uint8),
        stacked(eyes, 2, (FRAMES, 2, 5, 2), np.float32),
        np.array([row[3] for row in eyes], np.float32),
        stacked(mouths, 0, (*m, 3), np.uint8),
        stacked(mouths, 1, (FRAMES, 2, *MOUTH_KEPT), np.uint8),
    )


@dataclass(frozen=True)
class _Frame:
    rgb: Array
    anatomy: Anatomy
    project: Projector


def _draw_frame(who: Character, expression: Expression, pose: Pose, ground: str, seed: int) -> _Frame:
    anatomy, project = Anatomy(who, expression), Projector(who, pose, SIDE)
    canvas = Canvas(SIDE, 2, who.style)
    backdrop(canvas, Dice(seed, "looks-ground"), ground)
    Scene(canvas, anatomy, project).paint()
    return _Frame(finish(canvas.done(), who), anatomy, project)


def placement(
    first: Array, last: Array, lower: float, scale: float, size: tuple[int, int], width: float | None = None
) -> Array:
    """(2, 3) that maps a crop's pixels to the picture's: its middle between two corners (and ``lower`` widths below),
    its x axis along them, ``scale`` pixels per width."""
    across = last - first
    length = max(float(np.hypot(*across)), 1e-6)
    width = width or length
    x = across / length * width / scale
    y = np.array([-x[1], x[0]])
    middle = (first + last) / 2 + lower * scale * y
    height, wide = size
    return np.column_stack([x, y, middle - x * (wide - 1) / 2 - y * (height - 1) / 2])


def _cut(rgb: Array, matrix: Array, size: tuple[int, int]) -> Array:
    import cv2

    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(rgb, matrix, size[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _inside(matrix: Array, points: Array) -> Array:
    """Picture points in the crop's pixels."""
    return np.asarray((points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)


def _byte(values: Array) -> Array:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _evenly(curve: Array, count: int) -> Array:
    from faceshot_gallery.parts.anatomy import along

    return along(curve, np.linspace(0, 1, count))


def _eye(frames: list[_Frame], who: Character, look: EyeLook, left: bool) -> tuple[Array, Array, Array, float]:
    pictures, masks, points, full = [], [], [], 0.0
    for frame in frames:
        curves: EyeCurves = frame.anatomy.eye(left)
        ends = frame.project(curves.wide_upper[[0, -1]])
        matrix = placement(ends[0], ends[1], 0.0, EYE_SCALE, EYE_KEPT)
        upper, lower, wide_up, wide_low = (
            _inside(matrix, frame.project(c))
            for c in (curves.upper, curves.lower, curves.wide_upper, curves.wide_lower)
        )
        rgb = _cut(frame.rgb, matrix, EYE_KEPT)
        order = slice(None) if left else slice(None, None, -1)  # from the nose's side on
        now = EyeCurve(upper[order], lower[order], wide_up[order], wide_low[order], curves.open)
        look.paint(rgb, now, left)
        pictures.append(_byte(rgb))
        masks.append(_byte(255 * cover(np.concatenate([upper, lower[::-1]]), EYE_KEPT, FINE)))
        middle = np.array([(EYE_KEPT[1] - 1) / 2, (EYE_KEPT[0] - 1) / 2])
        points.append((np.stack([_evenly(upper, 5), _evenly(lower, 5)]) - middle) / EYE_SCALE)
        full = max(full, opening(((np.stack([_evenly(wide_up, 5), _evenly(wide_low, 5)])) - middle) / EYE_SCALE))
    return np.stack(pictures), np.stack(masks), np.stack(points).astype(np.float32), full


def opening(points: Array) -> float:
    """Mean distance of the inner three points of two lids (2, 5, 2)."""
    return float(np.linalg.norm(points[1, 1:4] - points[0, 1:4], axis=1).mean())


def _mouth(frames: list[_Frame], look: MouthLook) -> tuple[Array, Array]:
    pictures, masks, width = [], [], None
    for frame in frames:
        lift = frame.anatomy.c.mouth.lift
        q = frame.anatomy.mouth
        project = frame.project
        curves = [project(c, lift=lift) for c in (q.outer_up, q.outer_low, q.inner_up, q.inner_low)]
        first, last = curves[0][0], curves[0][-1]
        width = width or float(np.hypot(*(last - first)))
        matrix = placement(first, last, LOWER, MOUTH_SCALE, MOUTH_KEPT, width)
        nose = project(frame.anatomy.nose_points()[4:], lift=frame.anatomy.c.nose.lift * 0.8)
        chin = project(frame.anatomy.jaw[4:13], rim=True)
        inside = MouthCurve(*(_inside(matrix, c) for c in (*curves, nose, chin)))
        rgb = _cut(frame.rgb, matrix, MOUTH_KEPT)
        look.paint(rgb, inside)
        pictures.append(_byte(rgb))
        masks.append([_byte(255 * cover(shape, MOUTH_KEPT, FINE)) for shape in (inside.between, inside.lips)])
    return np.stack(pictures), np.array(masks, np.uint8)
