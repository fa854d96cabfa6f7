"""Draw faces with exact landmarks: the front door of the illustrator.

>>> from faceshot_gallery.illustrator import character, draw, Expression, Pose
>>> fox = character("fox", seed=3, style="soft3d")
>>> picture = draw(fox, Expression(jaw_open=0.6, smile=0.5), Pose(yaw=12), size=256)
>>> picture.rgb.shape, picture.landmarks.xy.shape
((256, 256, 3), (68, 2))
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, Size
from faceshot_gallery.around.backdrop import backdrop, degrade, finish, occlude
from faceshot_gallery.around.distractors import in_front, scatter
from faceshot_gallery.around.effects import bend, legible, printed, side_light
from faceshot_gallery.cast.casting import DOMAINS, HELD_OUT, cast
from faceshot_gallery.cast.variety import settled, vary
from faceshot_gallery.parts.anatomy import Anatomy, Projector
from faceshot_gallery.parts.paint import Canvas
from faceshot_gallery.parts.scene import Scene
from faceshot_gallery.parts.traits import STYLES, Character, Dice, Expression, Pose, Style
from faceshot_gallery.turned.scene import TurnedScene
from faceshot_gallery.turned.solid import Turned

Background = Literal["auto", "plain", "clutter", "none"]
#: Yaw in degrees up to which :func:`draw` bends the frontal drawing; heads turned further are solids.
BENT = 40.0
__all__ = ["DOMAINS", "HELD_OUT", "STYLES", "Character", "Drawing", "Expression", "Pose", "character", "draw", "sample"]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawn picture and its truth.

    Attributes:
        rgb: (H, W, 3) uint8.
        alpha: (H, W) uint8 matte when it was drawn on no background, else None.
        landmarks: 68 points in pixels of the picture, with the parts that are not drawn.
        domain: what was drawn.
        style: how.
        hidden: (68,) bool, points that the head itself or something before it hides; they lie where they are behind it.
    """

    rgb: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8] | None
    landmarks: Landmarks
    domain: str
    style: Style
    hidden: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(68, bool))

    @property
    def visible(self) -> npt.NDArray[np.bool_]:
        """(68,) bool: drawn and not hidden."""
        return self.landmarks.visible & ~self.hidden


def character(domain: str, seed: int = 0, *, style: Style | None = None) -> Character:
    """A character of one of ``DOMAINS`` or ``HELD_OUT``; the same arguments always give the same one.

    Raises:
        ValueError: unknown domain or style.
    """
    return cast(domain, seed, style)


def _supersampling(size: int) -> int:
    return 2 if size <= 1024 else 1


def draw(
    character: Character,
    expression: Expression | None = None,
    pose: Pose | None = None,
    *,
    size: int = 512,
    background: Background = "auto",
) -> Drawing:
    """Draw a character with an expression and a pose on a square of ``size`` pixels.

    Heads turned by more than ``BENT`` degrees are drawn as solids (:mod:`.turned`), of which some points are hidden.
    """
    expression, pose = expression or Expression(), pose or Pose()
    anatomy = Anatomy(character, expression)
    project = Turned(anatomy, pose, size) if abs(pose.yaw) > BENT else Projector(character, pose, size)
    d = Dice(character.seed, character.domain + "background")
    kind = d.pick(["plain", "gradient", "photo"], [2, 2, 2] if character.style == "photo" else [3, 2, 0.5])
    if background == "none":
        rgb, alpha = _matted(character, anatomy, project, size)
    else:
        canvas = Canvas(size, _supersampling(size), character.style)
        backdrop(canvas, d, kind if background == "auto" else background)
        _scene(canvas, anatomy, project).paint()
        rgb, alpha = canvas.done(), None
    rgb = finish(rgb, character)
    if alpha is not None:
        rgb[alpha == 0] = character.skin
    points, hidden = (
        project.landmarks() if isinstance(project, Turned) else (anatomy.points(project), np.zeros(68, bool))
    )
    landmarks = Landmarks(points.astype(np.float32), Size(size, size), absent=anatomy.absent())
    return Drawing(rgb, alpha, landmarks, character.domain, character.style, hidden)


def _scene(canvas: Canvas, anatomy: Anatomy, project: Projector) -> Scene:
    return TurnedScene(canvas, anatomy, project) if isinstance(project, Turned) else Scene(canvas, anatomy, project)


def _matted(
    character: Character, anatomy: Anatomy, project: Projector, size: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Paint over black and over white: the difference is the matte. Light comes after, or it would count as matte."""
    import cv2

    layers = []
    for level in (255.0, 0.0):
        canvas = Canvas(size, _supersampling(size), character.style, (level, level, level))
        scene = _scene(canvas, anatomy, project)
        scene.paint(lit=False)
        layers.append(canvas.rgb.astype(np.float32))
    white, black = layers
    alpha = np.clip(255 - (white - black).mean(2), 0, 255)
    bare = alpha < 2
    canvas.rgb[:] = np.clip(black / np.maximum(alpha[..., None], 1) * 255, 0, 255)
    canvas.rgb[bare] = character.skin
    scene.light(None)
    weight = alpha[..., None] + 1e-3
    small, cover = (
        cv2.resize(v, (size, size), interpolation=cv2.INTER_AREA) for v in (canvas.rgb * weight, weight[..., 0])
    )
    return np.round(small / cover[..., None]).astype(np.uint8), np.clip(np.round(cover), 0, 255).astype(np.uint8)


def random_expression(d: Dice) -> Expression:
    """Any mood: lids, gaze, jaw, lips and brows."""
    lids = d.pick(["open", "both", "wink", "shut"], [5, 3, 0.7, 1])
    a = b = 1.0
    if lids == "both":
        a = b = d.u(0.25, 1.15)
    elif lids == "wink":
        a, b = d.u(0, 0.4), 1.0
        a, b = (a, b) if d.chance(0.5) else (b, a)
    elif lids == "shut":
        a = b = d.u(0, 0.15)
    jaw = d.pick([0.0, d.u(0, 0.3), d.u(0.2, 1.0)], [4, 2, 3])
    return Expression(
        right_eye_open=a,
        left_eye_open=b,
        gaze=(d.u(-1, 1), d.u(-0.6, 0.6)) if d.chance(0.6) else (0.0, 0.0),
        jaw_open=jaw,
        mouth_wide=d.n(0, 0.35),
        smile=float(np.clip(d.n(0.1, 0.4), -1, 1)),
        lip_round=d.pick([0.0, d.u(0, 1)], [4, 1]),
        right_brow=float(np.clip(d.n(0, 0.4), -1, 1)),
        left_brow=float(np.clip(d.n(0, 0.4), -1, 1)),
        brow_tilt=float(np.clip(d.n(0, 0.4), -1, 1)),
    )


def _hybrid(character: Character, d: Dice) -> Character:
    """Sometimes borrow the eyes, nose, mouth or colours of another drawing: unheard-of characters."""
    other = cast(d.pick(DOMAINS), int(d.rng.integers(1 << 30)), character.style)
    swap = d.pick(["eyes", "mouth", "colours"])
    if swap == "colours" and other.domain not in ("panda", "monkey", "fox"):
        return replace(character, skin=other.skin, line=other.line)
    if swap == "eyes" and character.domain not in ("frog", "owl"):
        mine, e = character.eyes, other.eyes
        k = min(1.0, mine.x * 0.9 / max(e.w, 1e-3), 0.3 / max(e.up, e.low, 1e-3))
        return replace(
            character, eyes=replace(e, x=mine.x, y=mine.y, w=e.w * k, up=e.up * k, low=e.low * k, patch=mine.patch)
        )
    if swap == "mouth" and character.mouth.kind != "beak" and other.mouth.kind != "beak":
        mine_m = character.mouth
        return replace(
            character, mouth=replace(other.mouth, x=mine_m.x, y=mine_m.y, w=min(other.mouth.w, mine_m.w * 1.4))
        )
    return character


#: How often a domain is drawn for training, where it is not 1: people come in more kinds than koalas.
SHARES = {"person": 2.2, "cartoon": 2.0, "anime": 1.7, "statue": 1.4, "cat": 1.3, "dog": 1.3, "horse": 3.0}


_PEOPLE = ("person", "cartoon", "anime", "statue")


def _random_yaw(d: Dice, domain: str) -> float:
    """Mostly mild turns; people, whose portraits are often three-quarter views, also turn further."""
    wide = domain in _PEOPLE and d.chance(0.3)
    return d.u(15, 38) * d.pick([-1, 1]) if wide else float(np.clip(d.n(0, 10), -28, 28))


def _kept_in_frame(anatomy: Anatomy, pose: Pose) -> Pose:
    """The pose moved so that eyes, nose and mouth lie in the picture."""
    inner = (anatomy.points(Projector(anatomy.c, pose, 1000))[27:] + 0.5) / 1000
    low, high = inner.min(0), inner.max(0)
    move = np.maximum(0.03 - low, 0) - np.maximum(high - 0.97, 0)
    return replace(pose, dx=pose.dx + float(move[0]), dy=pose.dy + float(move[1]))


def sample(seed: int, *, size: int = 128, domain: str | None = None) -> Drawing:
    """A random picture for training: any domain, style, expression, pose, framing, background and damage.

    ``domain`` may also be one of ``HELD_OUT``. Wider than ``draw(character(...))``: guests stand in for some of a
    domain's characters, proportions vary, and the finished picture may be bent, printed or lit from a side.
    """
    d = Dice(seed, "sample")
    name = domain or d.pick(DOMAINS, [SHARES.get(name, 1.0) for name in DOMAINS])
    who = cast(name, int(d.rng.integers(1 << 30)), guests=True)
    who = vary(who, d)
    if d.chance(0.25):
        who = settled(_hybrid(who, d))
    if d.chance(0.1) and who.style not in ("outline", "sketch"):
        who = replace(who, extras=(*who.extras, "glasses"))
    share = d.u(0.3, 0.95)
    scale = share / (2 * 0.3 * max(who.head.width, (who.head.top * 0.6 + who.head.bottom) / 2))
    roll = d.pick([d.n(0, 6), d.u(-30, 30)], [2, 1])
    slack = max(0.04, (1 - share) * 0.5)
    drop = (who.head.bottom - who.head.top) / 2 * 0.3 * scale
    pose = Pose(
        roll,
        _random_yaw(d, name),
        float(np.clip(d.n(0, 6), -15, 15)),
        scale,
        d.u(-slack, slack),
        d.u(-slack, slack) - drop,
    )
    anatomy = Anatomy(who, random_expression(d))
    if share > 0.6:
        pose = _kept_in_frame(anatomy, pose)
    project = Projector(who, pose, size)
    canvas = Canvas(size, 2, who.style)
    backdrop(canvas, d, d.pick(["plain", "gradient", "photo", "clutter", "pattern"], [3, 2, 3, 3, 1]))
    if d.chance(0.2):
        scatter(canvas, d)
    if name in _PEOPLE and d.chance(0.15):  # out of the dark, as old paintings are
        canvas.rgb[:] = (canvas.rgb * d.u(0.08, 0.5)).astype(np.uint8)
    if d.chance(0.12):  # a face without outline: the surroundings have its colour
        canvas.flood(canvas.ink(d.jitter(who.skin, 3)))
    scene = Scene(canvas, anatomy, project)
    scene.paint()
    points = anatomy.points(project)
    if d.chance(0.08):
        occlude(canvas, d)
    if d.chance(0.12):
        in_front(canvas, d, points[:17], points[27:36].mean(0))
    rgb = finish(canvas.done(), who)
    if d.chance(0.12):
        rgb = side_light(rgb, points[27:36].mean(0), float(np.ptp(points[:17, 0])), d)
    if d.chance(0.6):
        rgb, points = bend(rgb, points, d, d.u(0.004, 0.02) * share)
    rgb = degrade(legible(printed(rgb, d, share), points), d)
    landmarks = Landmarks(points.astype(np.float32), Size(size, size), absent=anatomy.absent())
    return Drawing(rgb, None, landmarks, name, who.style)
