"""RealPortrait's motion position maps: LivePortrait's warped feature volume where the face goes, zero elsewhere.

A map of 512 x 512 cells with 256 channels takes 134 MB; written are the features in the face's crop (2 MB), the matrix
from map pixels to their cells, and the outline of the face, of which :func:`position_map` makes the map. RealPortrait
states neither channels nor outline nor resampling, and its weights are not public: experimental.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError
from faceshot.export.clips import place_in
from faceshot.export.job import Job, Target
from faceshot.landmarks import RGBArray, Size
from faceshot.landmarks import topology as topo
from faceshot.output import writing
from faceshot.pipeline import AnimationOptions, load_backend
from faceshot.progress import progress

Array = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]

_SIZE = Size(512, 512)
#: How much the outline is enlarged about its middle.
_GROWN = 1.05
_OUTLINE = [*topo.JAW, *topo.RIGHT_BROW, *topo.LEFT_BROW]


def write(job: Job, target: Target) -> None:
    """Write maps and preview; frames are worked on one at a time.

    Raises:
        MissingError: LivePortrait's weights are not here.
    """
    from faceshot.media import VideoWriter
    from faceshot.models import pick_device

    assert job.picture is not None and job.landmarks is not None
    backend: Any = load_backend("liveportrait")
    options = AnimationOptions(device=pick_device("auto"))
    backend.load(options)
    to_cell, found = backend.motion_features(job.picture, job.landmarks, job.sequence, options)
    to_cell = to_cell @ _to_picture(job.picture.size)
    outlines = _outlines(place_in(job.sequence.xy, job.picture.size, _SIZE))
    maps, preview = target.path("maps.npz"), target.path("preview.mp4")
    assert maps is not None and preview is not None
    with (
        writing(maps, overwrite=target.overwrite) as part,
        zipfile.ZipFile(part, "w", allowZip64=True) as archive,
        VideoWriter(preview, _SIZE, job.sequence.fps, overwrite=target.overwrite) as video,
    ):
        fps = job.sequence.fps
        small = {"to_cell": to_cell, "outlines": outlines, "fps": np.array([fps.numerator, fps.denominator])}
        for name, value in small.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, value)
        with archive.open("features.npy", "w", force_zip64=True) as file:
            _write_features(file, progress(found, "map", total=len(outlines)), to_cell, outlines, video)


def position_map(file: str | Path, frame: int) -> Features:
    """The map (C, 512, 512) float32 of a frame in ``maps.npz``: features within the face, zero elsewhere.

    Raises:
        InputError: no such file, another kind of file, or no such frame.
    """
    try:
        with np.load(file) as held:
            features, to_cell, outlines = held["features"], held["to_cell"], held["outlines"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{file} holds no motion position maps ({' '.join(str(error).split())[:100]})") from error
    if not 0 <= frame < len(features):
        raise InputError(f"{file} has frames 0 to {len(features) - 1}, not {frame}")
    return unfolded(features[frame].astype(np.float32), to_cell, outlines[frame])


def unfolded(features: Features, to_cell: Array, outline: Array) -> Features:
    """Features (C, h, w) over the map (C, 512, 512), bilinear, zero beyond the crop and the outline (K, 2)."""
    import cv2

    inside = np.zeros((_SIZE.height, _SIZE.width), np.uint8)
    hull: Any = cv2.convexHull(np.rint(outline).astype(np.int32))
    cv2.fillConvexPoly(inside, hull, 1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    # OpenCV takes four channels at a time.
    parts = [
        cv2.warpAffine(np.ascontiguousarray(features[k : k + 4].transpose(1, 2, 0)), to_cell, _SIZE, flags=flags)
        for k in range(0, len(features), 4)
    ]
    whole = np.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], 2).transpose(2, 0, 1)
    return np.asarray(whole * inside, np.float32)


def _to_picture(size: Size) -> Array:
    """(3, 3) map pixels -> picture pixels."""
    zero, one = place_in(np.array([(0, 0), (1, 1)], np.float32), size, _SIZE)
    scale = 1 / (one - zero)
    return np.array([[scale[0], 0, -zero[0] * scale[0]], [0, scale[1], -zero[1] * scale[1]], [0, 0, 1]])


def _outlines(xy: Array) -> Array:
    """(T, 27, 2) jaw and brows, a little larger [map pixels]."""
    points = xy[:, _OUTLINE]
    middle = (points.max(1, keepdims=True) + points.min(1, keepdims=True)) / 2
    return middle + _GROWN * (points - middle)


def _write_features(file: IO[bytes], found: Iterator[Features], to_cell: Array, outlines: Array, video: Any) -> None:
    """Append frame after frame to an array in a file; the preview shows the three main directions of the first."""
    axes: Any = None
    for index, features in enumerate(found):
        cells = features.reshape(len(features), -1)
        if axes is None:
            header = {"descr": "<f2", "fortran_order": False, "shape": (len(outlines), *features.shape)}
            np.lib.format.write_array_header_2_0(file, header)  # type: ignore[arg-type]
            mean = cells.mean(1, keepdims=True)
            axes = np.linalg.eigh(np.cov(cells))[1][:, :-4:-1].T
            low, high = np.percentile(axes @ (cells - mean), (1, 99), axis=1)[..., None]
        file.write(features.astype("<f2").tobytes())
        shown = np.clip((axes @ (cells - mean) - low) / np.maximum(high - low, 1e-9), 0, 1)
        drawn = unfolded(shown.reshape(3, *features.shape[1:]).astype(np.float32), to_cell, outlines[index])
        rgb: RGBArray = np.rint(drawn.transpose(1, 2, 0) * 255).astype(np.uint8)
        video.write(np.ascontiguousarray(rgb))
