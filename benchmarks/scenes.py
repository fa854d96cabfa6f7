"""Faces that do not fill the frame: characters put small, turned and off-centre into larger cluttered pictures.

    python benchmarks/scenes.py SHEET.png [--count 24] [--low 0.1 --high 0.4]

Writes a sheet of drawn scenes with their true landmarks. `landmarks.py` measures on scenes like these. A scene's size
is the side of the pasted square as a share of the frame's longer side; the face in it is about half of that. Two ways
to paste: ``square`` (the whole picture, its background included) and ``cut-out`` (the head alone, by a soft mask made
from the landmarks). Both have the same place, size and turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np

from faceshot.landmarks import Landmarks, Picture, RGBArray, Size
from faceshot.landmarks.topology import JAW
from faceshot_gallery.around.backdrop import backdrop
from faceshot_gallery.parts.paint import Canvas
from faceshot_gallery.parts.traits import Dice

Mode = Literal["square", "cut-out"]
MODES: tuple[Mode, ...] = get_args(Mode)
FRAME = Size(1024, 768)
MAX_ROLL = 30.0
#: How far a face's centre lies from the frame's at least, as a share of the frame's sides.
OFF_CENTRE = 0.1


@dataclass(frozen=True, eq=False)
class Cast:
    """A character to be pasted: group, name, picture and its true landmarks."""

    group: str
    name: str
    picture: Picture
    truth: Landmarks


@dataclass(frozen=True, eq=False)
class Scene:
    """A larger picture with one face.

    Attributes:
        share: side of the pasted square / longer side of the frame. face: the same of the landmarks' box.
        roll: degrees the character was turned, clockwise as seen.
    """

    group: str
    name: str
    picture: Picture
    truth: Landmarks
    mode: Mode
    share: float
    face: float
    roll: float


def clutter(seed: int, size: Size = FRAME) -> RGBArray:
    """A cluttered picture (H, W, 3) without a face: backdrops of the illustrator, one behind, others in patches."""
    d = Dice(seed, "scene")
    side = max(size)
    out = _backdrop(d, side, d.pick(["photo", "clutter", "pattern", "gradient"]))
    for _ in range(int(d.u(4, 10))):
        width = int(d.u(0.12, 0.45) * side)
        patch = _backdrop(d, width, d.pick(["clutter", "pattern", "photo", "plain"], [4, 2, 2, 1]))
        at = np.array([d.u(-0.1, 0.9) * side, d.u(-0.1, 0.9) * side])
        angle = np.arange(d.pick([4, 4, 5, 7, 30])) * 2 * np.pi
        angle = angle / len(angle) + d.u(0, 2 * np.pi)
        outline = at + width / 2 + width / 2 * np.stack([np.cos(angle), np.sin(angle) * d.u(0.5, 1)], 1)
        mask = np.zeros((side, side), np.uint8)
        cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        matrix = np.array([[1, 0, at[0]], [0, 1, at[1]]])
        laid = cv2.warpAffine(patch, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)
        out = _laid(out, np.asarray(laid), mask)
    top, left = (side - size.height) // 2, (side - size.width) // 2
    return np.ascontiguousarray(out[top : top + size.height, left : left + size.width])


def _backdrop(d: Dice, side: int, kind: str) -> RGBArray:
    canvas = Canvas(side, 1, "flat")
    backdrop(canvas, d, kind)
    return canvas.done()


def _laid(below: RGBArray, above: RGBArray, mask: np.ndarray) -> RGBArray:
    share = mask[..., None].astype(np.float32) / 255
    return np.round(below + (above.astype(np.float32) - below) * share).astype(np.uint8)


def head_mask(truth: Landmarks) -> RGBArray:
    """(H, W) uint8: the head by its landmarks, with brow, some ear and a soft edge.

    The jaw is closed by an arc over the forehead, as high above the eyes as the chin is below; all is then enlarged.
    """
    jaw = truth.xy[list(JAW)].astype(np.float64)
    first, last = jaw[0], jaw[-1]
    middle = (first + last) / 2
    across = (last - first) / 2
    up = np.array([across[1], -across[0]]) / max(float(np.linalg.norm(across)), 1e-6)
    high = 0.85 * float(np.linalg.norm(jaw - middle, axis=1).max())
    t = np.linspace(0, np.pi, 16)[:, None]
    outline = np.concatenate([jaw, middle + np.cos(t) * across + np.sin(t) * high * up])
    centre = outline.mean(0)
    outline = centre + 1.25 * (outline - centre)
    mask = np.zeros((truth.size.height, truth.size.width), np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    soft = 0.03 * float(np.linalg.norm(across)) * 2
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(soft, 0.5)), np.uint8)


def paste(below: RGBArray, cast: Cast, mode: Mode, share: float, roll: float, place: tuple[float, float]) -> Scene:
    """A scene: ``cast`` with its square at ``share`` of the longer side, turned, its face's centre at ``place``.

    ``place`` is in 0..1 of what keeps the face inside the frame.
    """
    size = Size(below.shape[1], below.shape[0])
    side = max(8, round(share * max(size)))
    # 1. Small first, so that nothing aliases, then turned.
    square = Size(side, side)
    small: Any = cv2.resize(cast.picture.flat(), tuple(square), interpolation=cv2.INTER_AREA)
    mask: Any = np.full((side, side), 255, np.uint8)
    if mode == "cut-out":
        mask = cv2.resize(head_mask(cast.truth), tuple(square), interpolation=cv2.INTER_AREA)
    xy = cast.truth.resized(square).xy.astype(np.float64)
    angle = np.deg2rad(roll)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # 2. Where it goes.
    turned = xy @ turn.T
    low, high = turned.min(0), turned.max(0)
    room = np.array(size) - 1 - (high - low)
    move = np.asarray(place) * room - low
    matrix = np.column_stack([turn, move])
    laid: Any = cv2.warpAffine(small, matrix, tuple(size), borderMode=cv2.BORDER_REPLICATE)
    cover: Any = cv2.warpAffine(mask, matrix, tuple(size))
    truth = Landmarks((turned + move).astype(np.float32), size, absent=cast.truth.absent)
    face = float((high - low).max()) / max(size)
    picture = Picture(_laid(below, laid, cover), name=cast.name)
    return Scene(cast.group, cast.name, picture, truth, mode, share, face, roll)


def scenes(
    casts: Sequence[Cast], mode: Mode, *, seed: int = 0, low: float = 0.10, high: float = 0.40, size: Size = FRAME
) -> list[Scene]:
    """One scene for each character, sizes spread evenly over ``low`` .. ``high``; the same seed gives the same."""
    d = Dice(seed, "scenes")
    shares = np.linspace(low, high, len(casts))[d.rng.permutation(len(casts))]
    out = []
    for k, (cast, share) in enumerate(zip(casts, shares, strict=True)):
        roll = d.u(-MAX_ROLL, MAX_ROLL)
        place = (0.5, 0.5)
        while max(abs(place[0] - 0.5), abs(place[1] - 0.5)) < OFF_CENTRE:
            place = (d.u(0, 1), d.u(0, 1))
        out.append(paste(clutter(1000 * seed + k, size), cast, mode, float(share), roll, place))
    return out


def drawn_casts(count: int, seed: int, kinds: Sequence[str] | None = None, size: int = 512) -> list[Cast]:
    """Drawn characters, framed like portraits (the face is 55 % of the picture), kinds in turn."""
    from faceshot_gallery.build import framed
    from faceshot_gallery.illustrator import DOMAINS, Expression, Pose, character, draw

    kinds = kinds or DOMAINS
    out = []
    for k in range(count):
        kind = kinds[k % len(kinds)]
        d = Dice(1_000 * seed + k, "scene-cast")
        who = character(kind, 7_000_000 + 1_000 * seed + k)
        lids, jaw = d.u(0.5, 1.1), d.pick([0.0, d.u(0, 0.8)])
        face = Expression(lids, lids, jaw_open=jaw, smile=d.u(-0.4, 0.6), mouth_wide=d.n(0, 0.2))
        pose = framed(who, face, Pose(d.n(0, 4), d.n(0, 8), d.n(0, 5)), share=0.55)
        drawing = draw(who, face, pose, size=size)
        out.append(Cast(kind, f"{kind}-{k}", Picture(drawing.rgb, name=f"{kind}-{k}"), drawing.landmarks))
    return out


def main() -> None:
    """Write a sheet of drawn scenes, to be looked at."""
    from faceshot.media import contact_sheet, overlay, write_picture

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path, nargs="?", help="PNG to write; none: only count")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--low", type=float, default=0.1)
    parser.add_argument("--high", type=float, default=0.4)
    args = parser.parse_args()
    cells: list[tuple[RGBArray, str]] = []
    casts = drawn_casts(args.count, args.seed)
    for mode in MODES:
        for scene in scenes(casts, mode, seed=args.seed, low=args.low, high=args.high):
            label = f"{mode} {100 * scene.share:.0f} % (face {100 * scene.face:.0f} %) {scene.roll:+.0f} deg"
            cells.append((overlay(scene.picture.flat(), scene.truth), label))
    print(f"{len(cells)} scenes of {FRAME.width}x{FRAME.height}")
    if args.sheet:
        write_picture(args.sheet, contact_sheet(cells, columns=6, cell=360), overwrite=True)


if __name__ == "__main__":
    main()
