"""Self-reenactment: frame 0 of a real clip is the picture, the clip's own landmarks drive it, its frames are the truth.

Inside the face (hull of the true landmarks, widened), around the eyes and around the mouth: mean absolute error in
levels (lower is better) and SSIM of the still picture, the picture moved by the best similarity, piecewise affine over
the landmarks' triangles, and ours. Beside it, part by part, how far our displacement is from the clip's optical flow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, Size
from faceshot.landmarks import topology as topo
from faceshot.media import read_frames
from faceshot.retargeting import retarget
from faceshot_warp.compose import Animator
from faceshot_warp.options import WarpOptions

METHODS = ("still", "similarity", "piecewise", "ours")
COLUMNS = ("face", "eyes", "mouth", "SSIM")
#: Parts of the face in which displacement and optical flow are compared.
FLOW_PARTS = ("forehead", "brows", "eyes", "nose", "cheeks", "mouth", "chin")
_LONGEST = 512
_MOST_FRAMES = 100


@dataclass(frozen=True)
class Clip:
    """Frames (H, W, 3) uint8 of a real clip, at most 512 px, and their landmarks (n, 68, 2) in pixels of them."""

    name: str
    frames: list[np.ndarray]
    xy: np.ndarray

    @property
    def unit(self) -> float:
        """Distance of the outer eye corners in frame 0."""
        return float(np.hypot(*(self.xy[0, 36] - self.xy[0, 45])))


def load_clip(video: Path, landmarks: Path) -> Clip:
    """The first frames of a clip, up to the first without a face."""
    stored = np.load(landmarks)
    found = stored["found"].astype(bool)
    count = min(len(found) if found.all() else int(np.argmin(found)), _MOST_FRAMES)
    frames = list(read_frames(video, stop=count))
    scale = min(1.0, _LONGEST / max(frames[0].shape[:2]))
    frames = [cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for frame in frames]
    return Clip(video.stem, frames, stored["xy"][: len(frames)].astype(np.float32) * np.float32(scale))


def similarity(picture: np.ndarray, rest: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The picture moved by the similarity that fits the landmarks best."""
    matrix, _ = cv2.estimateAffinePartial2D(rest, moved, method=cv2.LMEDS)
    size = picture.shape[1], picture.shape[0]
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def piecewise(picture: np.ndarray, rest: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Triangles between the landmarks and eight points of the border carry the picture along."""
    from scipy.spatial import Delaunay

    height, width = picture.shape[:2]
    xs, ys = (0, width / 2, width - 1), (0, height / 2, height - 1)
    border = np.array([[x, y] for x in xs for y in ys if (x, y) != (width / 2, height / 2)])
    source, target = np.vstack([rest, border]), np.vstack([moved, border])
    mesh = Delaunay(target)
    y, x = np.mgrid[:height, :width]
    pixels = np.c_[x.ravel(), y.ravel()].astype(float)
    which = np.maximum(mesh.find_simplex(pixels), 0)
    transform = mesh.transform[which]
    weights = np.einsum("nij,nj->ni", transform[:, :2], pixels - transform[:, 2])
    weights = np.c_[weights, 1 - weights.sum(1)]
    maps = np.einsum("ni,nij->nj", weights, source[mesh.simplices[which]]).reshape(height, width, 2)
    return cv2.remap(picture, maps.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(H, W) structural similarity of two pictures, in grey, Gaussian window of 1.5 pixels (Wang et al. 2004)."""
    x, y = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64) for image in (a, b))

    def mean(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (11, 11), 1.5)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))


def hull_mask(points: np.ndarray, shape: tuple[int, ...], grow: float) -> np.ndarray:
    """(H, W) bool: convex hull of the points, dilated by a square of side ``grow``."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), 1)
    side = max(3, int(grow)) | 1
    return cv2.dilate(mask, np.ones((side, side), np.uint8)).astype(bool)


def boxes(xy: np.ndarray, shape: tuple[int, ...], unit: float) -> dict[str, np.ndarray]:
    """Where each column of the table is measured."""
    eyes = [hull_mask(xy[list(eye)], shape, 0.12 * unit) for eye in (topo.RIGHT_EYE, topo.LEFT_EYE)]
    return {
        "face": hull_mask(xy, shape, 0.15 * unit),
        "eyes": eyes[0] | eyes[1],
        "mouth": hull_mask(xy[48:], shape, 0.2 * unit),
    }


def driven(clip: Clip) -> tuple[Animator, np.ndarray]:
    """Our animator of frame 0, and what retargeting makes of the clip's landmarks (n, 68, 2)."""
    height, width = clip.frames[0].shape[:2]
    size = Size(width, height)
    rest = Landmarks(clip.xy[0], size)
    moved = retarget(rest, LandmarkSequence(clip.xy, size, Fraction(25))).xy
    return Animator(Picture(clip.frames[0]), rest, WarpOptions()), moved


def candidates(clip: Clip, every: int = 4) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """(index, picture by method) of every ``every``-th frame."""
    animator, moved = driven(clip)
    picture, rest = clip.frames[0], clip.xy[0]
    for i in range(every, len(clip.frames), every):
        yield (
            i,
            {
                "still": picture,
                "similarity": similarity(picture, rest, clip.xy[i]),
                "piecewise": piecewise(picture, rest, clip.xy[i]),
                "ours": animator.frame(moved[i]),
            },
        )


def self_reenactment(clip: Clip) -> dict[str, dict[str, float]]:
    """Mean of every column by method."""
    rows: dict[str, list[list[float]]] = {method: [] for method in METHODS}
    for i, drawn in candidates(clip):
        truth = clip.frames[i]
        where = boxes(clip.xy[i], truth.shape, clip.unit)
        for method, image in drawn.items():
            error = np.abs(image.astype(float) - truth).mean(2)
            alike = ssim(image, truth)[where["face"]].mean()
            rows[method].append([*(float(error[where[column]].mean()) for column in COLUMNS[:3]), float(alike)])
    return {method: dict(zip(COLUMNS, np.mean(row, 0).tolist(), strict=True)) for method, row in rows.items()}


def _flow_parts(xy: np.ndarray, shape: tuple[int, ...], unit: float) -> dict[str, np.ndarray]:
    """(H, W) bool by part; the parts do not overlap."""
    free = hull_mask(xy, shape, 0)
    dome = hull_mask(np.r_[xy[17:27], xy[17:27] - 0.5 * (xy[8] - xy[27]) * [0.9, 0.5]], shape, 0) & ~free
    out = {"forehead": dome}
    order = {
        "eyes": [topo.RIGHT_EYE, topo.LEFT_EYE],
        "mouth": [topo.OUTER_LIPS],
        "brows": [topo.RIGHT_BROW, topo.LEFT_BROW],
        "nose": [topo.NOSE_BRIDGE + topo.NOSE_BASE],
        "chin": [(*range(5, 12), 48, 54, 57)],
    }
    for name, groups in order.items():
        mask = np.zeros(shape[:2], bool)
        for group in groups:
            mask |= hull_mask(xy[list(group)], shape, 0.1 * unit if name != "chin" else 0)
        out[name] = mask & free
        free &= ~mask
    return {**out, "cheeks": free}


def flow_agreement(clip: Clip, every: int = 8) -> dict[str, float]:
    """Median distance of our displacement from the optical flow, in % of the eye distance, by part of the face.

    Flow is DIS (Kroeger et al. 2016) from the frame back to the picture, started from the piecewise affine map, and
    counts where it carries the picture onto the frame.
    """
    animator, moved = driven(clip)
    solver = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip.frames]
    height, width = grey[0].shape
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    errors: dict[str, list[float]] = {part: [] for part in FLOW_PARTS}
    for i in range(every, len(grey), every):
        x, y = (piecewise(pixels[..., k].copy(), clip.xy[0], clip.xy[i]) for k in (0, 1))
        start = np.dstack([x, y]) - pixels
        flow = solver.calc(grey[i], grey[0], start.copy())
        carried = cv2.remap(grey[0], pixels + flow, None, cv2.INTER_LINEAR)
        sound = cv2.blur(np.abs(carried.astype(np.float32) - grey[i]), (7, 7)) < 6
        away = np.hypot(*np.moveaxis(animator.displacement(moved[i]) - flow, -1, 0))
        for part, mask in _flow_parts(clip.xy[i], grey[0].shape, clip.unit).items():
            if (mask & sound).sum() > 30:
                errors[part].append(100 * float(np.median(away[mask & sound])) / clip.unit)
    return {part: float(np.mean(values)) if values else float("nan") for part, values in errors.items()}
