"""Whether the frames of ``warp`` show what the sequence says: round trip, large motion, profiles, shut eyes, stillness,
background."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from warp_clips import Clip, driven

from faceshot.driving import motion_template
from faceshot.landmarks import Landmarks, Picture
from faceshot.landmarks import topology as topo
from faceshot.retargeting import retarget
from faceshot_gallery.illustrator import character, draw
from faceshot_gallery.parts.traits import Expression, Pose
from faceshot_warp.compose import Animator
from faceshot_warp.options import WarpOptions

PARTS = {
    "outline": topo.PART_POINTS["face_boundary"],
    "brows": topo.RIGHT_BROW + topo.LEFT_BROW,
    "nose": topo.NOSE_BRIDGE + topo.NOSE_BASE,
    "eyes": topo.RIGHT_EYE + topo.LEFT_EYE,
    "mouth": topo.OUTER_LIPS + topo.INNER_LIPS,
}


def by_part(found: np.ndarray, wanted: np.ndarray, unit: float) -> dict[str, float]:
    """Mean distance in % of ``unit`` by part, of landmarks (n, 68, 2)."""
    away = np.hypot(*np.moveaxis(found - wanted, -1, 0))
    return {part: 100 * float(np.nanmean(away[:, list(points)])) / unit for part, points in PARTS.items()}


def detected(frames: list[np.ndarray], finder: Any) -> np.ndarray:
    """(n, 68, 2) landmarks of every frame, NaN where no face is seen."""
    found = finder.detect([np.ascontiguousarray(frame[..., :3]) for frame in frames], Fraction(25))
    return np.stack([np.full((68, 2), np.nan) if one.xy is None else one.xy for one in found])


def round_trip(clip: Clip, finder: Any, every: int = 4) -> tuple[dict[str, float], dict[str, float]]:
    """Landmarks of our frames against those commanded; and the finder's own error: the true frames against the clip's
    landmarks."""
    animator, moved = driven(clip)
    index = np.arange(0, len(clip.frames), every)
    ours = detected([animator.frame(moved[i]) for i in index], finder)
    true = detected([clip.frames[i] for i in index], finder)
    return by_part(ours, moved[index], clip.unit), by_part(true, clip.xy[index], clip.unit)


def turned(xy: np.ndarray, degrees: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Landmarks (68, 2) turned and scaled about their middle, then shifted in head heights."""
    angle = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (xy.min(0) + xy.max(0)) / 2
    # A head is about 1.35 times as tall as the box of its landmarks.
    return (xy - middle) @ matrix.T + middle + 1.35 * np.ptp(xy, axis=0)[1] * np.asarray(shift)


LARGE = {
    "up 0.6": {"shift": (0.0, -0.6)},
    "down 0.6": {"shift": (0.0, 0.6)},
    "left 0.6": {"shift": (-0.6, 0.0)},
    "right 0.6": {"shift": (0.6, 0.0)},
    "turn 25": {"degrees": 25.0},
    "turn -25": {"degrees": -25.0},
    "scale 1.4": {"scale": 1.4},
    "scale 0.7": {"scale": 0.7},
    "all": {"degrees": 25.0, "scale": 1.4, "shift": (0.35, -0.35)},
}


def in_larger(picture: Picture, landmarks: Landmarks, side: float = 2.4) -> tuple[Picture, Landmarks]:
    """The picture in a mirror-continued frame, ``side`` times as large, so that large motion stays inside."""
    height, width = picture.rgb.shape[:2]
    down, across = round(height * (side - 1) / 2), round(width * (side - 1) / 2)
    rgb = cv2.copyMakeBorder(picture.rgb, down, down, across, across, cv2.BORDER_REFLECT)
    larger = Picture(rgb)
    return larger, Landmarks(landmarks.xy + np.float32([across, down]), larger.size, absent=landmarks.absent)


def large_motion(picture: Picture, landmarks: Landmarks) -> dict[str, float]:
    """Largest distance, in % of the eye distance, between commanded landmarks and where the frame has what lay at the
    picture's landmarks; by motion. Read from the displacement with which the frame is drawn, no detector."""
    animator = Animator(picture, landmarks, WarpOptions())
    rest = landmarks.xy.astype(np.float64)
    unit = float(np.hypot(*(rest[36] - rest[45])))
    width, height = picture.size
    out = {}
    for name, motion in LARGE.items():
        xy = turned(rest, **motion)  # type: ignore[arg-type]
        inside = ((xy >= 0) & (xy <= [width - 1, height - 1])).all(1) & landmarks.visible
        place = xy[inside].astype(np.float32)[:, None]
        back = cv2.remap(animator.displacement(xy), place, None, cv2.INTER_LINEAR)[:, 0]
        away = np.hypot(*(xy[inside] + back - rest[inside]).T) * motion.get("scale", 1.0)
        out[name] = 100 * float(away.max()) / unit
    return out


def profiles(domain: str, yaw: float, seeds: int = 6) -> float:
    """Largest distance, in % of the face's size, between the seen landmarks of drawn heads turned by ``yaw`` degrees
    (without the eyes: their lids are drawn) and where the frame has them, while the head shakes and nods."""
    worst = 0.0
    for seed in range(seeds):
        drawing = draw(character(domain, seed), pose=Pose(yaw=yaw), size=384)
        landmarks = replace(drawing.landmarks, hidden=drawing.hidden)
        animator = Animator(Picture(drawing.rgb), landmarks, WarpOptions())
        seen = landmarks.visible.copy()
        seen[list(topo.RIGHT_EYE + topo.LEFT_EYE)] = False
        for motion in ("shake", "nod"):
            xy = retarget(landmarks, motion_template(motion)).xy
            far = xy[int(np.abs(xy - landmarks.xy).mean((1, 2)).argmax())]
            back = cv2.remap(animator.displacement(far), far[seen][:, None], None, cv2.INTER_LINEAR)[:, 0]
            away = np.hypot(*(far[seen] + back - landmarks.xy[seen]).T).max()
            worst = max(worst, 100 * float(away / np.hypot(*np.ptp(landmarks.xy, axis=0))))
    return worst


def shut_eyes(domain: str, seeds: int = 6) -> float:
    """Mean error, in levels around the eyes, of eyes that we shut against the illustrator's own, of drawn faces."""
    errors = []
    for seed in range(seeds):
        who = character(domain, seed)
        drawing = draw(who, size=256)
        truth = draw(who, Expression(right_eye_open=0.0, left_eye_open=0.0), size=256)
        frame = Animator(Picture(drawing.rgb), drawing.landmarks, WarpOptions()).frame(truth.landmarks.xy)
        near = np.zeros(frame.shape[:2], np.uint8)
        for eye in (topo.RIGHT_EYE, topo.LEFT_EYE):
            points = drawing.landmarks.xy[list(eye)]
            cv2.circle(near, tuple(points.mean(0).astype(int)), int(0.75 * np.ptp(points, axis=0).max()), 1, -1)
        errors.append(np.abs(frame.astype(float) - truth.rgb).mean(2)[near > 0].mean())
    return float(np.mean(errors))


def stillness(picture: Picture, landmarks: Landmarks, poses: np.ndarray) -> int:
    """Largest change, in levels, between frames of a driver that stands still: at rest, and in each of ``poses``."""
    animator = Animator(picture, landmarks, WarpOptions())
    worst = 0
    for xy in (landmarks.xy, *poses):
        first = animator.frame(xy).astype(int)
        animator.frame(landmarks.xy + np.float32(3))
        worst = max(worst, int(np.abs(animator.frame(xy) - first).max()))
    flat = picture.rgb if picture.alpha is None else np.dstack([picture.rgb, picture.alpha])
    return max(worst, int(np.abs(animator.frame(landmarks.xy).astype(int) - flat).max()))


def background_changed(picture: Picture, landmarks: Landmarks, poses: np.ndarray) -> float:
    """% of the pixels outside the head's path that differ from the picture by more than 2 levels.

    The path is what is within 1.2 face sizes of the landmarks, at rest or commanded; ``poses`` are those of a picture
    of its own size, in the middle of this one.
    """
    animator = Animator(picture, landmarks, WarpOptions())
    changed, outside = 0, 0
    size = np.sqrt(np.prod(np.ptp(landmarks.xy, axis=0)))
    for xy in poses:
        path = np.zeros(picture.rgb.shape[:2], np.uint8)
        hull = cv2.convexHull(np.round(np.r_[landmarks.xy, xy]).astype(np.int32))
        cv2.fillConvexPoly(path, hull, 1)
        away = cv2.distanceTransform(1 - path, cv2.DIST_L2, 5) > 1.2 * size
        differs = np.abs(animator.frame(xy)[..., :3].astype(int) - picture.rgb).max(-1) > 2
        changed, outside = changed + int((differs & away).sum()), outside + int(away.sum())
    return 100 * changed / max(outside, 1)
