"""Face landmark detectors for driving clips of people: ``facemesh`` (CPU, fast) and ``facexlib`` (the paper's).

Both give the 68 iBUG points of every frame, or say that a frame has no face.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError, MissingError
from faceshot.facemesh import FaceMesh, follow_clip, require_runtime
from faceshot.landmarks import FaceWish, LandmarkSequence, RGBArray, Size
from faceshot.landmarks.topology import MEDIAPIPE_TO_68, WFLW_TO_68
from faceshot.weights import locate

logger = logging.getLogger("faceshot")
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Detection:
    """One frame: (68, 2) pixels or None where no face was found, and (68,) confidence in 0..1."""

    xy: Array | None
    score: Array | None = None


class Detector(Protocol):
    """A source of landmarks that looks at every frame by itself."""

    def detect(self, frames: Iterable[RGBArray], fps: Fraction) -> Iterator[Detection]:
        """The face of every frame (uint8 RGB, all of one size), in order; streamed."""


def merge_points(points: npt.ArrayLike, table: tuple[tuple[int, ...], ...]) -> Array:
    """Points (n, 2) of another scheme -> (68, 2) by an index table of ``topology``; several indices mean their mean."""
    points = np.asarray(points, np.float64)
    return np.stack([points[list(indices)].mean(0) for indices in table])


class FaceMeshDetector:
    """The face mesh: 478 points, mapped to 68, and the expression channel.

    Args:
        model: the ``.task`` file; None looks it up as ``face_landmarker`` (``faceshot.weights``).
        offline: forbid its download.
        cache_dir: instead of our cache folder.

    Raises:
        MissingError: the runtime or the model is not here. InputError: the file is no face landmarker.
    """

    def __init__(
        self, model: str | Path | None = None, *, offline: bool = False, cache_dir: str | Path | None = None
    ) -> None:
        require_runtime()
        self.mesh = FaceMesh(locate("face_landmarker", path=model, offline=offline, cache_dir=cache_dir))

    def detect(self, frames: Iterable[RGBArray], fps: Fraction) -> Iterator[Detection]:
        """See :class:`Detector`. Every frame counts as a picture of its own, in which the surest face is taken."""
        for frame in frames:
            faces = self.mesh.faces(frame, 1)
            if not faces:
                yield Detection(None)
                continue
            size = Size(frame.shape[1], frame.shape[0])
            yield Detection(merge_points(faces[0].pixels(*size)[:, :2], MEDIAPIPE_TO_68) - 0.5)

    def sequence(
        self, frames: Iterable[RGBArray], fps: Fraction, face: FaceWish = "largest"
    ) -> LandmarkSequence | None:
        """One person through a clip; see :func:`faceshot.facemesh.follow_clip`."""
        return follow_clip(self.mesh, frames, fps, face=face)


@dataclass(frozen=True)
class FacexlibOptions:
    """How facexlib's networks are used.

    Attributes:
        every: frames between face detections; between them the box follows the landmarks.
        margin: added around the previous landmarks' box, as a share of its side.
        batch: crops per call of the landmark network. side: longest side of a frame in which a face is looked for.
        face_score: detections below it are no face. point_score: mean heat-map peak below which a face is lost.
    """

    every: int = 8
    margin: float = 0.15
    batch: int = 16
    side: int = 768
    face_score: float = 0.97
    point_score: float = 0.2


class FacexlibDetector:
    """The paper's detectors through the facexlib library: RetinaFace boxes, 98 points by an AWing FAN, mapped to 68.

    Args:
        models: folder with both weight files; None looks them up (``faceshot.weights.resolve``).
        device: torch device. offline: forbid downloads. cache_dir: instead of our cache folder.
        networks: (RetinaFace, FAN) ready made, instead of loading weights.

    Raises:
        MissingError: the library or its weights are not here.
    """

    def __init__(
        self,
        models: str | Path | None = None,
        *,
        device: str = "cpu",
        offline: bool = False,
        cache_dir: str | Path | None = None,
        options: FacexlibOptions | None = None,
        networks: tuple[Any, Any] | None = None,
    ) -> None:
        self.options = options or FacexlibOptions()
        self.device = device
        self.finder, self.aligner = networks or self._load(models, offline, cache_dir)
        for network in (self.finder, self.aligner):
            network.eval().to(device)

    def _load(self, models: str | Path | None, offline: bool, cache_dir: str | Path | None) -> tuple[Any, Any]:
        try:
            from facexlib.alignment.awing_arch import FAN
            from facexlib.detection.retinaface import RetinaFace
        except (ImportError, RuntimeError) as error:
            # torchvision raises RuntimeError where it does not match torch.
            raise MissingError(
                f"source facexlib needs its library, with a torchvision that fits torch ({error}); "
                "run: pip install 'faceshot[facexlib]'"
            ) from error
        from faceshot.models import load_tensors

        files = [
            locate(name, path=models, offline=offline, cache_dir=cache_dir)
            for name in ("retinaface_resnet50", "fan_wflw")
        ]
        finder = RetinaFace(network_name="resnet50", device=self.device)
        aligner = FAN(num_modules=4, num_landmarks=98, device=self.device)
        try:
            found = load_tensors(files[0])
            finder.load_state_dict({key.removeprefix("module."): value for key, value in found.items()})
            aligner.load_state_dict(load_tensors(files[1])["state_dict"])
        except (RuntimeError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{files[0]} or {files[1]} is not facexlib's: {error}".splitlines()[0]) from error
        return finder, aligner

    def detect(self, frames: Iterable[RGBArray], fps: Fraction) -> Iterator[Detection]:
        """See :class:`Detector`. Frames are read ``every`` at a time and cropped by the group's first box."""
        group: list[RGBArray] = []
        box: Array | None = None
        for frame in frames:
            group.append(frame)
            if len(group) == self.options.every:
                box = yield from self._group(group, box)
                group = []
        if group:
            yield from self._group(group, box)

    def _group(self, frames: list[RGBArray], box: Array | None) -> Generator[Detection, None, Array | None]:
        """The faces of a few frames; returns the box to look in next."""
        found = self._find(frames[0])
        box = found if found is not None else box
        if box is None:
            yield Detection(None)
            for frame in frames[1:]:
                found = self._find(frame)
                yield from self._align([frame], [found]) if found is not None else [Detection(None)]
            return None
        # The head moves within a group: crops of the second half start from where the first half's landmarks are.
        half = (len(frames) + 1) // 2
        last: Array | None = box
        for part in (frames[:half], frames[half:]):
            if not part:
                continue
            answers = self._align(part, [last if last is not None else box] * len(part))
            yield from answers
            seen = [answer.xy for answer in answers if answer.xy is not None]
            last = self._around(seen[-1]) if seen else None
        return last

    def _around(self, xy: Array) -> Array:
        low, high = xy.min(0), xy.max(0)
        pad = self.options.margin * float((high - low).max())
        return np.concatenate([low - pad, high + pad])

    def _find(self, frame: RGBArray) -> Array | None:
        """(left, top, right, bottom) of the surest face."""
        import cv2
        import torch

        height, width = frame.shape[:2]
        shrink = min(1.0, self.options.side / max(height, width))
        size = (max(round(width * shrink), 32), max(round(height * shrink), 32))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)[..., ::-1].astype(np.float32)
        # RetinaFace takes BGR less these means (section 3 of the network's paper: ImageNet's, as Caffe had them).
        tensor = torch.from_numpy(np.ascontiguousarray((small - (104.0, 117.0, 123.0)).transpose(2, 0, 1)))
        with torch.no_grad():
            boxes, classes, _ = self.finder(tensor[None].float().to(self.device))
        score = classes[0, :, 1].float().cpu().numpy()
        # Only the surest box is wanted, and that one always survives suppression of its neighbours.
        best = int(score.argmax())
        if score[best] < self.options.face_score:
            return None
        box = decode_box(boxes[0, best].float().cpu().numpy(), best, Size(*size), self.finder.cfg)
        return box * np.tile([width / size[0], height / size[1]], 2) - 0.5

    def _align(self, frames: list[RGBArray], boxes: list[Array]) -> list[Detection]:
        import torch

        out: list[Detection] = []
        for start in range(0, len(frames), self.options.batch):
            part = slice(start, start + self.options.batch)
            crops = np.stack([crop_box(f, b, 256) for f, b in zip(frames[part], boxes[part], strict=True)])
            tensor = torch.from_numpy(crops).permute(0, 3, 1, 2).float().div(255).to(self.device)
            with torch.no_grad():
                maps = self.aligner(tensor)
            heat = (maps[0] if isinstance(maps, tuple) else maps)[-1][:, :98].float().cpu().numpy()
            for points, score, box in zip(*decode_heatmaps(heat), boxes[part], strict=True):
                if score.mean() < self.options.point_score:
                    out.append(Detection(None))
                    continue
                xy = merge_points(box[:2] + points * (box[2:] - box[:2]), WFLW_TO_68)
                sure = merge_points(np.clip(score, 0, 1)[:, None], WFLW_TO_68)[:, 0]
                out.append(Detection(xy, sure))
        return out


def decode_box(offset: npt.NDArray[np.float32], index: int, size: Size, config: Any) -> Array:
    """RetinaFace's regression (4,) for anchor ``index`` -> (left, top, right, bottom), pixel edges of ``size``.

    ``config`` holds the network's ``steps``, ``min_sizes`` and ``variance``; anchors run level by level, row by row.
    """
    for step, sides in zip(config["steps"], config["min_sizes"], strict=True):
        rows, columns = -(-size.height // step), -(-size.width // step)
        count = rows * columns * len(sides)
        if index < count:
            cell, kind = divmod(index, len(sides))
            row, column = divmod(cell, columns)
            side = float(sides[kind])
            centre = (np.array([column, row]) + 0.5) * step + offset[:2] * config["variance"][0] * side
            half = 0.5 * side * np.exp(offset[2:] * config["variance"][1])
            return np.concatenate([centre - half, centre + half])
        index -= count
    raise InputError("the face detector gave more boxes than it has anchors; its weights are of another network")


def crop_box(frame: RGBArray, box: Array, side: int) -> RGBArray:
    """(side, side, 3) of a box (edges; integers are pixel centres) that may leave the frame."""
    import cv2

    scale = np.maximum(box[2:] - box[:2], 1.0) / side
    matrix = np.array([[scale[0], 0, box[0] + 0.5 * scale[0]], [0, scale[1], box[1] + 0.5 * scale[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(frame, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def decode_heatmaps(heat: npt.NDArray[np.float32]) -> tuple[Array, Array]:
    """Peaks of heat maps (n, p, h, w), a quarter cell toward the larger neighbour in x and in y.

    Returns:
        (n, p, 2) places in 0..1 of the map's width and height, and (n, p) peak values. Neighbours are clamped at the
        border, where a peak therefore stays on its cell.
    """
    n, p, height, width = heat.shape
    flat = heat.reshape(n, p, -1)
    best = flat.argmax(-1)
    y, x = np.divmod(best, width)
    i, j = np.arange(n)[:, None], np.arange(p)[None]
    right, left = heat[i, j, y, np.minimum(x + 1, width - 1)], heat[i, j, y, np.maximum(x - 1, 0)]
    below, above = heat[i, j, np.minimum(y + 1, height - 1), x], heat[i, j, np.maximum(y - 1, 0), x]
    inner_x, inner_y = (x > 0) & (x < width - 1), (y > 0) & (y < height - 1)
    dx, dy = 0.25 * np.sign(right - left) * inner_x, 0.25 * np.sign(below - above) * inner_y
    places = np.stack([(x + dx + 0.5) / width, (y + dy + 0.5) / height], axis=-1)
    return places, np.take_along_axis(flat, best[..., None], -1)[..., 0].astype(np.float64)
