"""The mouth of a frame: both halves of the face part at the lips, and what is between them is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import RGBArray
from faceshot.landmarks import topology as topo
from faceshot_warp.field import Grid, Lattice, sample, smooth
from faceshot_warp.head import Affine
from faceshot_warp.mouth.cavity import Bite, closing_line, draw_cavity, draw_inside, keep_to_lips, own_inside
from faceshot_warp.mouth.measure import Frame, Mouth, between_lips, evened, opened, place_mouth

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Pose:
    """How one frame bends the picture.

    Attributes:
        head: motion of the head.
        local: (68, 2) landmarks with that motion taken out.
        lattice: nodes over the part of the region that is drawn anew.
        bent: nodes over the part that expressions bend.
        fields: forward displacement (rows, columns, 2) of ``bent``, of one or both halves of the face.
        maps: where in the region each node of ``lattice`` takes its colour, likewise.
        teeth: 0..1, share of the open mouth that shows teeth, or None where nothing says so.
    """

    head: Affine
    local: npt.NDArray[np.float64]
    lattice: Lattice
    bent: Lattice
    fields: list[Grid]
    maps: list[Grid]
    teeth: float | None


@dataclass(frozen=True)
class Lips:
    """The mouth of a frame: where it is, the patch (left, top, right, bottom) of the lattice's pixels that is drawn
    anew, where in the region each of its pixels takes its colour, and the teeth behind it."""

    mouth: Mouth
    frame: Frame
    patch: Box
    maps: Grid
    bite: Bite


def find_lips(mouth: Mouth, pose: Pose, chin: npt.NDArray, depth: npt.NDArray) -> Lips | None:
    """The mouth in the frame; None outside the picture.

    Args:
        chin: (2,) the chin at rest.
        depth: (SAMPLES, 1) depth of the head along the lips.
    """
    corner = np.array([pose.lattice.left, pose.lattice.top])
    upper, lower = (
        pose.head(lip + pose.bent.sample(field, lip)) - corner
        for field, lip in zip(pose.fields, (mouth.upper, mouth.lower), strict=True)
    )
    if mouth.even:
        # Shut lips stay together; the wider the mouth is open, the more its upper edge is an arc.
        opening = float(np.hypot(*(lower - upper).T).max())
        upper = evened(upper, min(opening / (0.12 * mouth.width), 1.0), skew=mouth.soft >= 0.5)
        upper, lower = opened(upper, lower)
    patch = _patch(upper, lower, pose.lattice, mouth.width)
    if patch is None:
        return None
    frame = place_mouth(upper, lower, patch)
    return Lips(mouth, frame, patch, _lip_maps(mouth, frame, pose, patch), _bite(mouth, frame, pose, chin, depth))


def joined(pose: Pose, frame: Frame) -> Grid:
    """Maps of the whole face: those of the upper half above the mouth, those of the lower half below it."""
    normal = np.array([-frame.axis[1], frame.axis[0]], np.float32)
    origin = np.array(pose.lattice.origin) - [pose.lattice.left, pose.lattice.top] - frame.centre
    row, column = (np.arange(k, dtype=np.float32) * pose.lattice.step for k in pose.maps[0].shape[:2])
    depth = (column + np.float32(origin[0])) * normal[0] + ((row + np.float32(origin[1])) * normal[1])[:, None]
    return pose.maps[0] + _lower_share(frame, depth)[..., None] * (pose.maps[1] - pose.maps[0])


def draw_mouth(lips: Lips, canvas: RGBArray, take: Callable[[Grid], RGBArray], out: RGBArray) -> None:
    """Redraw the surroundings of the mouth in ``out``: lips from their own halves, and what is between them.

    Args:
        canvas: the picture's region; ``take`` gives its colours at places (h, w, 2).
    """
    mouth, frame = lips.mouth, lips.frame
    left, top, right, bottom = lips.patch
    drawn = take(lips.maps)
    colours = drawn[..., :3]
    if frame.cover.any():
        cut, part = between_lips(frame)
        seen = 1 - mouth.soft * smooth(1 - (part.below + part.above) / np.float32(0.12 * frame.width + 1))
        colours[cut] = _mix(colours[cut], _inside(mouth, part, lips.bite, canvas), part.cover * seen)
    if mouth.open:
        line = closing_line(mouth, frame)
        if line.any():
            colours[:] = _mix(colours, mouth.palette.line, line)
    out[top:bottom, left:right] = drawn


def _inside(mouth: Mouth, frame: Frame, bite: Bite, canvas: RGBArray) -> npt.NDArray[np.float32]:
    if mouth.inside is not None:
        return draw_inside(mouth, frame, bite)
    if mouth.open:
        return sample(canvas, own_inside(mouth, frame)).astype(np.float32)
    return draw_cavity(mouth, frame, bite)


def _bite(mouth: Mouth, frame: Frame, pose: Pose, chin: npt.NDArray, depth: npt.NDArray) -> Bite:
    met = (mouth.upper + mouth.lower) / 2
    upper = pose.head(met + pose.head.turn * depth) - (pose.lattice.left, pose.lattice.top)
    jaw = pose.head.matrix @ (pose.local[topo.CHIN] - chin)
    spread = frame.width / max(mouth.width * np.sqrt(abs(np.linalg.det(pose.head.matrix))), 1.0)
    return Bite(upper, upper + jaw, float(smooth((spread - 1.02) / 0.15)), pose.teeth)


def _patch(upper: npt.NDArray, lower: npt.NDArray, lattice: Lattice, width: float) -> Box | None:
    points = np.concatenate([upper, lower])
    margin = np.array([0.45, 0.6]) * max(float(np.hypot(*(upper[-1] - upper[0]))), 0.3 * width) + 4
    low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
    high = np.ceil(points.max(0) + margin).astype(int) + 1
    high = np.minimum(high, [lattice.width, lattice.height])
    if (high - low).min() < 2:
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _lip_maps(mouth: Mouth, frame: Frame, pose: Pose, patch: Box) -> Grid:
    """Sampling map of the patch: the upper half's field above the mouth, the lower half's below it."""
    above = pose.lattice.dense(pose.maps[0], *patch)
    apart = pose.lattice.dense(pose.maps[1] - pose.maps[0], *patch)
    # Lower half: below the middle of the lips; the seam lies inside the mouth and softens beyond its corners.
    beyond = np.maximum(np.abs(frame.s) - 1, 0) * np.float32(frame.width / 2)
    share = np.clip(0.5 + (frame.below - frame.above) / (2 + 4 * beyond), 0, 1)
    # Away from the lips, toward the edge of the patch, both halves join softly.
    side = smooth((1.8 - np.abs(frame.s)) / 0.7)
    near = side * smooth(1 + np.minimum(frame.above, frame.below) / np.float32(0.4 * frame.width + 2))
    whole = _lower_share(frame, frame.n)
    lower = frame.full(whole + near * (share - whole))
    maps = above + apart * lower[..., None]
    return keep_to_lips(mouth, frame, maps, lower) if mouth.open else maps


def _lower_share(frame: Frame, depth: Grid) -> Grid:
    """Share of the lower half of the face, 0..1, ``depth`` pixels below the line between the corners of the mouth."""
    return smooth(0.5 + (depth - np.float32(frame.middle)) / np.float32(0.9 * frame.width + 2))


def _mix(under: RGBArray, over: npt.NDArray[np.float32], share: npt.NDArray[np.float32]) -> RGBArray:
    """``over`` (h, w, 3) or (3,) laid on ``under`` (h, w, 3) with opacity ``share`` (h, w)."""
    base = under.astype(np.float32)
    mixed = base + share[..., None] * (over[..., :3] - base)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
