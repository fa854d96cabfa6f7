"""Training pictures of the harder kind: any view, anything in front, parts that are missing, other ways of drawing.

:func:`faceshot_gallery.illustrator.sample` draws people and animals that look at us, more or less; :func:`anyone` adds
profiles (:mod:`.turned`), heads that lie or hang, strange layouts, lines on paper, sprites, pelts, covers, and things
on the chest that could be mouths. :func:`crowd` draws several faces in one picture, for measuring, and
:func:`side_shape` gives the landmarks of a profile without drawing it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, Size
from faceshot.landmarks.topology import PART_POINTS
from faceshot_gallery.around.backdrop import backdrop, degrade, finish
from faceshot_gallery.around.chest import Adorned
from faceshot_gallery.around.covers import cover
from faceshot_gallery.around.distractors import scatter
from faceshot_gallery.around.effects import legible, printed, side_light
from faceshot_gallery.around.materials import pelt, sprite
from faceshot_gallery.cast.casting import DOMAINS, FURRY, cast
from faceshot_gallery.cast.strange import strange, unfilled
from faceshot_gallery.cast.variety import settled, vary
from faceshot_gallery.illustrator import SHARES, Drawing, random_expression
from faceshot_gallery.parts.anatomy import Anatomy, Points, Projector
from faceshot_gallery.parts.paint import Canvas
from faceshot_gallery.parts.scene import Scene
from faceshot_gallery.parts.traits import Character, Dice, Pose, Style, hsv, shade
from faceshot_gallery.turned.scene import TurnedScene
from faceshot_gallery.turned.solid import Turned

#: Below this yaw (degrees) a head is drawn flat, above by the solid.
FLAT = 30.0
_NOSE = list(PART_POINTS["nose"])
Bools = npt.NDArray[np.bool_]


def _pelted(scene: Scene, d: Dice) -> None:
    """Give the scene's fur the look of a photograph."""
    plain, k = scene._fur, scene.k
    chance = 0.6 if scene.c.style in ("photo", "painterly", "textured") else 0.2

    def fur() -> None:
        plain()
        if d.chance(chance):
            where = scene.mask | scene.dressing.furry_mask(scene.mask)
            middle = k.up(scene.p([[0.0, scene.c.nose.y]]))[0]
            pelt(k, where, middle, scene.px(1) * k.ss, d.pick([scene.c.skin2, shade(scene.c.skin, 0.5)]), d)

    scene._fur = fur  # type: ignore[method-assign]


def _staged(canvas: Canvas, anatomy: Anatomy, pose: Pose, size: int, d: Dice) -> tuple[Scene, Points, Bools]:
    """The scene of a character, ready to paint, its landmarks and which of them the head itself hides."""
    scene: Scene
    if abs(pose.yaw) > FLAT:
        solid = Turned(anatomy, pose, size)
        scene, (points, hidden) = TurnedScene(canvas, anatomy, solid), solid.landmarks()
    else:
        flat = Projector(anatomy.c, pose, size)
        scene, points, hidden = Scene(canvas, anatomy, flat), anatomy.points(flat), np.zeros(68, bool)
    if anatomy.c.body_kind != "none" and d.chance(0.3):
        scene.dressing = Adorned(canvas, anatomy, scene.p, d)
    _pelted(scene, d)
    return scene, points, hidden


def framed(anatomy: Anatomy, pose: Pose, share: float, middle: npt.ArrayLike) -> Pose:
    """The pose scaled and moved so that the landmarks' box takes ``share`` of the frame (its longer side, upright) and
    lies about ``middle`` (fractions of the frame)."""
    plain = Pose(pose.roll, pose.yaw, pose.pitch)
    points = (
        Turned(anatomy, plain, 1000).landmarks()[0]
        if abs(pose.yaw) > FLAT
        else anatomy.points(Projector(anatomy.c, plain, 1000))
    )
    low, high = points.min(0), points.max(0)
    scale = share * 1000 / float((high - low).max())
    shift = np.asarray(middle, float) - 0.5 - ((low + high) / 2 - 499.5) / 1000 * scale
    return Pose(pose.roll, pose.yaw, pose.pitch, scale, float(shift[0]), float(shift[1]))


def _anybody(d: Dice, domain: str | None) -> Character:
    name = domain or d.pick(DOMAINS, [SHARES.get(name, 1.0) for name in DOMAINS])
    who = vary(cast(name, int(d.rng.integers(1 << 30)), guests=True), d)
    return strange(settled(who), d)


def _pose(d: Dice) -> Pose:
    """Half of the heads in profile or near it, a fifth of them lying or hanging."""
    side = d.pick(["front", "three quarters", "profile"], [4, 3, 3])
    yaw = d.u(-30, 30) if side == "front" else d.pick([-1, 1]) * (d.u(30, 62) if side[0] == "t" else d.u(62, 97))
    roll = d.pick([d.n(0, 8), d.u(-45, 45), d.pick([90.0, -90.0, 180.0]) + d.n(0, 10), d.u(-180, 180)], [6, 2, 1, 1])
    return Pose(roll, yaw, float(np.clip(d.n(0, 10), -25, 25)))


def _carrot(canvas: Canvas, anatomy: Anatomy, project: Projector, points: Points, d: Dice) -> Points:
    """A long nose that points aside; returns the landmarks with those of the nose on it."""
    n, out = anatomy.c.nose, points.copy()
    way = d.u(-0.4, np.pi + 0.4)
    root = project([[0.0, n.y]])[0]
    unit = project.px(1)
    axis = np.array([np.cos(way), np.sin(way)])
    axis = axis @ project.turn / project.unit
    long, wide = unit * d.u(0.3, 0.9), unit * d.u(0.07, 0.14)
    aside = np.array([-axis[1], axis[0]])
    tip = root + long * axis
    t = np.linspace(np.pi / 2, 3 * np.pi / 2, 9)[:, None]
    end = root + wide * (np.sin(t) * aside + np.cos(t) * axis)
    colour = hsv(d.u(0.03, 0.1), d.u(0.6, 1), d.u(0.6, 1)) if d.chance(0.7) else anatomy.c.skin
    shape = np.concatenate([end, [tip]])
    canvas.fill(shape, colour)
    canvas.stroke(shape, shade(colour, 0.6), max(0.7, 0.02 * unit), closed=True)
    for s in (0.25, 0.5, 0.7):
        mark = root + s * long * axis
        canvas.stroke([mark, mark + 0.6 * wide * (1 - s) * aside], shade(colour, 0.7), max(0.5, 0.015 * unit))
    out[_NOSE[:4]] = root + np.linspace(0, 1, 4)[:, None] * (tip - root)
    low = aside if aside @ (project.turn[1]) > 0 else -aside
    right = project.turn[0] / project.unit
    spread = np.linspace(-1, 1, 5)[:, None]
    out[_NOSE[4:]] = root + 0.8 * wide * low + 0.7 * wide * spread * right
    return out


def anyone(seed: int, *, size: int = 128, domain: str | None = None, turned: bool | None = None) -> Drawing:
    """A random hard picture for training, with which of its landmarks can be seen.

    Args:
        seed: decides everything. domain: one of ``DOMAINS``; any by default.
        turned: only heads turned by 60 to 90 degrees, upright and uncovered (True), for measuring.
    """
    d = Dice(seed, "anyone")
    who, pose = _anybody(d, domain), _pose(d)
    if turned:
        pose = Pose(d.n(0, 5), d.pick([-1, 1]) * d.u(60, 90), d.n(0, 4))
    paper = d.pick([(255.0, 255.0, 255.0), hsv(d.u(0.05, 0.15), d.u(0, 0.15), d.u(0.85, 1))])
    bare = d.chance(0.12)
    if bare:
        who = unfilled(who, paper, d)
    elif d.chance(0.1) and who.style not in ("outline", "sketch"):
        who = replace(who, extras=(*who.extras, "glasses"))
    if who.domain in FURRY and not bare and d.chance(0.35):
        who = replace(who, style="photo", coat="fur")
    anatomy = Anatomy(who, random_expression(d))
    share = d.u(0.22, 0.8)
    slack = max(0.0, 0.5 - 0.62 * share)
    pose = framed(anatomy, pose, share, [0.5 + d.u(-slack, slack), 0.5 + d.u(-slack, slack)])
    canvas = Canvas(size, 2, who.style)
    backdrop(canvas, d, d.pick(["plain", "gradient", "photo", "clutter", "pattern"], [3, 2, 3, 2, 1]))
    if bare:
        canvas.flood(paper)
    elif d.chance(0.2):
        scatter(canvas, d)
    scene, points, hidden = _staged(canvas, anatomy, pose, size, d)
    scene.paint()
    if who.nose.kind not in ("pad", "snout") and who.mouth.kind != "beak" and who.nose.shown and d.chance(0.05):
        points = _carrot(canvas, anatomy, scene.p, points, d)
    if not turned and d.chance(0.2):
        hidden = hidden | cover(canvas, d, points)
    rgb = finish(canvas.done(), who)
    if d.chance(0.12):
        rgb = side_light(rgb, points[_NOSE].mean(0), share * size, d)
    if not turned and d.chance(0.09):
        rgb = sprite(rgb, d, share)
    else:
        rgb = degrade(legible(rgb if turned else printed(rgb, d, share), points), d)
    landmarks = Landmarks(points.astype(np.float32), Size(size, size), absent=anatomy.absent())
    return Drawing(rgb, None, landmarks, who.domain, who.style, hidden)


def side_shape(seed: int) -> tuple[Points, Bools]:
    """Landmarks (68, 2) of a head turned by 30 to 97 degrees to the image right, upright, and which it hides."""
    d = Dice(seed, "side shape")
    who = vary(cast(d.pick(DOMAINS), int(d.rng.integers(1 << 30)), guests=True), d)
    anatomy = Anatomy(who, random_expression(d))
    return Turned(anatomy, Pose(0.0, d.u(FLAT, 97), d.n(0, 7)), 1000).landmarks()


def crowd(seed: int, count: int, *, size: int = 384) -> tuple[npt.NDArray[np.uint8], list[Landmarks]]:
    """One picture with ``count`` (1 to 5) faces apart from each other, and the landmarks of each, left to right."""
    d = Dice(seed, "crowd")
    style: Style = d.pick(["flat", "outline", "soft3d", "painterly", "photo"])
    canvas = Canvas(size, 2, style)
    backdrop(canvas, d, d.pick(["plain", "gradient", "photo"]))
    places: list[tuple[float, float, float]] = []
    low, high = {1: (0.3, 0.6), 2: (0.24, 0.38), 3: (0.2, 0.28)}.get(count, (0.16, 0.24))
    while len(places) < count:
        s, k = d.u(low, high), 0.75
        x, y = d.u(0.62 * s, 1 - 0.62 * s), d.u(0.75 * s, 0.96 - 0.5 * s)
        apart = all(abs(x - p) > k * (s + q) or abs(y - r) > 1.1 * k * (s + q) for p, r, q in places)
        if apart:
            places.append((x, y, s))
        elif d.chance(0.02):
            places.clear()
    faces = []
    for x, y, s in sorted(places, key=lambda place: place[1]):
        who = replace(vary(cast(d.pick(DOMAINS), int(d.rng.integers(1 << 30)), style), d), body_kind="none")
        anatomy = Anatomy(who, random_expression(d))
        yaw = d.u(-25, 25) if d.chance(0.7) else d.pick([-1, 1]) * d.u(35, 60)
        pose = framed(anatomy, Pose(d.n(0, 8), yaw, d.n(0, 4)), s, [x, y])
        scene, points, _ = _staged(canvas, anatomy, pose, size, d)
        scene.paint()
        faces.append(Landmarks(points.astype(np.float32), Size(size, size), absent=anatomy.absent()))
    faces.sort(key=lambda face: float(face.xy[:, 0].mean()))
    return canvas.done(), faces
