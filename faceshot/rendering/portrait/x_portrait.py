"""X-Portrait's inputs: a square driving frame, and a black one that shows the eyes and the mouth only.

After arXiv 2403.15931 and the published program, whose landmark detector these functions replace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import RGBArray, Size, rescale_points
from faceshot.landmarks import topology as topo
from faceshot.progress import progress
from faceshot.rendering.portrait.job import Bytes, PortraitInputs
from faceshot.rendering.portrait.squares import SIDE, cut_square
from faceshot.rendering.proxy import ProxyClip

#: Side of a window in the black picture, and of the picture its landmarks are found in upstream [px].
_WINDOW, _SEEN = 128, 256
#: Windows about the left eye, the right eye, the mouth; upstream leaves out the first point of each.
_GROUPS = (topo.LEFT_EYE[1:], topo.RIGHT_EYE[1:], (*topo.OUTER_LIPS, *topo.INNER_LIPS)[1:])
#: How much of the surroundings the square has on each side, in extents of the face.
_MARGIN = 0.6


def patch_centres(xy: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """(..., 3, 2) centres of the windows about left eye, right eye and mouth, x and y [px of 512 x 512].

    Args:
        xy: (..., 68, 2) landmarks in pixels of 512 x 512.
    """
    seen = rescale_points(xy, Size(SIDE, SIDE), Size(_SEEN, _SEEN))
    half = _WINDOW // 4  # of a window, at the smaller size
    centres = np.stack([seen[..., list(group), :].mean(-2) for group in _GROUPS], -2)
    return np.asarray(np.clip(np.rint(centres), half, _SEEN - 1 - half) * (SIDE // _SEEN), np.int64)


def local_patches(frame: RGBArray, centres: npt.ArrayLike) -> RGBArray:
    """A frame (512, 512, 3), black outside the windows (128 x 128) about ``centres`` (3, 2)."""
    out, half = np.zeros_like(frame), _WINDOW // 2
    for x, y in np.asarray(centres, int):
        window = slice(y - half, y + half), slice(x - half, x + half)
        out[window] = frame[window]
    return out


def aligning_matrix(source: npt.ArrayLike, driving: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """(2, 3) affine that takes the box of a driver's landmarks (68, 2) to that of the source's: no turn, no shear."""
    low, high = (
        np.array([edge(np.asarray(xy, np.float64), 0) for xy in (source, driving)]) for edge in (np.min, np.max)
    )
    middle, reach = [np.asarray(xy, np.float64).mean(0) for xy in (source, driving)], np.maximum(high - low, 1e-6)
    scale = reach[0] / reach[1]
    return np.column_stack([np.diag(scale), middle[0] - scale * middle[1]])


def best_frame(source: npt.ArrayLike, driving: npt.ArrayLike) -> int:
    """The frame of ``driving`` (T, 68, 2) whose face lies most like the source's (68, 2), both in one size."""
    difference = np.abs(np.asarray(driving, np.float64) - np.asarray(source, np.float64)).sum((1, 2))
    return int(np.argmin(np.where(np.isfinite(difference), difference, np.inf)))


def x_portrait_inputs(clip: ProxyClip) -> PortraitInputs:
    """What X-Portrait is given for a proxy clip; driver and source are one face, so nothing has to be aligned."""
    place, square = cut_square(clip, _MARGIN)
    centres = patch_centres(square.sequence.xy)
    shapes: dict[str, tuple[int, ...]] = {"driving.npy": (SIDE, SIDE, 3)}
    if clip.picture.alpha is not None:
        shapes["matte.npy"] = (SIDE, SIDE)
    return PortraitInputs(
        "x_portrait",
        place,
        clip.fps,
        len(clip),
        {"source.png": square.picture.flat()},
        shapes,
        _frames(square),
        {"windows": centres.tolist(), "window": _WINDOW},
        {"seed": 42, "steps": 30, "guidance": 5, "half": True, "weights": "checkpoint/model_state-415001.th"},
    )


def _frames(clip: ProxyClip) -> Iterator[tuple[RGBArray, Mapping[str, Bytes]]]:
    for frame, matte in progress(clip.flat(), "draw", total=len(clip)):
        yield frame, {"driving.npy": frame, "matte.npy": matte}
