"""Lids and lips of a whole clip, read by two small networks from crops that follow the face.

Crops are cut along the tracking, a little larger than the networks see; a window of them is read at a time, so that
memory does not grow with the clip. Cutting and reading run in threads beside the tracking, which needs neither. The
first window also tells how far the tracked corners are from the eye's own, and which frames show open eyes and a shut
mouth: the references that all others are compared with.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import RGBArray
from faceshot.landmarks import topology as topo
from faceshot.threads import share_processors
from faceshot.tracking.canvas import warp_rectangle

if TYPE_CHECKING:
    from faceshot.tracking.reading import EyeReference, MouthReference

Array = npt.NDArray[Any]

#: (height, width) of the kept crops of an eye and of the mouth; their scale is the networks'.
_EYE_KEPT: Final = (72, 96)
_MOUTH_KEPT: Final = (132, 132)
#: How far below the corners a mouth's crop is centred, in mouth widths, and how much of its place is the tracked one.
_LOWER, _TRACKED = 0.15, 0.7
#: Frames read at a time.
_WINDOW = 600
#: Frames that wait to be cut, at most.
_BACKLOG = 8
#: Frame pixels of an eye's and a mouth's width below which nothing is to be read.
_SMALLEST_EYE, _SMALLEST_MOUTH = 8.0, 14.0


@dataclass(frozen=True, eq=False)
class Reading:
    """What the networks say of T frames.

    Attributes:
        eyes: (T, 2, 6) of the right and left eye: opening over width, share of the full opening, ratios to the openings
            of three references, spread of these.
        mouth: (T, 4) gap of the inner lips over the mouth's width, its spread over two looks, how far below the middle
            of the crop it lies in widths, and how clearly it is seen (0..1; a clear one has 0.7 and more).
        places: (2, 3) of both eyes, where the network sees the corners: shift to the right and down in widths of the
            tracked eye, and width over that one's.
    """

    eyes: Array
    mouth: Array
    places: Array


def looks_folder() -> Path | None:
    """Where the networks' weights are installed; None where they are not."""
    found = importlib.util.find_spec("faceshot_looks")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(next(iter(found.submodule_search_locations)))
    return folder if all((folder / f"{part}.safetensors").is_file() for part in ("eyes", "mouth")) else None


class FaceLooks:
    """Reads one face's lids and lips.

    Args:
        xy: (68, 2) landmarks of the anchor frame. folder: of ``eyes.safetensors`` and ``mouth.safetensors``.

    Attributes:
        usable: False when the face is too small to read anything.
    """

    def __init__(self, xy: Array, folder: Path) -> None:
        widths = [float(np.linalg.norm(xy[eye[3]] - xy[eye[0]])) for eye in (topo.RIGHT_EYE, topo.LEFT_EYE)]
        # Two eyes of one face: what makes one of them much smaller is a turn or a mistake.
        self._eye_width = max(0.5 * (max(widths) + sum(widths) / 2), 1.0)
        self._widths = np.maximum(widths, 1.0)
        right, left = topo.MOUTH_CORNERS
        self._mouth_width = max(float(np.linalg.norm(xy[left] - xy[right])), 1.0)
        self.usable = self._eye_width >= _SMALLEST_EYE and self._mouth_width >= _SMALLEST_MOUTH
        self._folder = folder
        self._threads = ThreadPoolExecutor(4, "looks")  # one cuts while both eyes and the mouth are read
        self._kept: list[Future[tuple[Array, Array, Array]]] = []
        self._read: list[tuple[Future[Array], ...]] = []
        self._networks: tuple[Any, Any] | None = None
        self._eyes_known: list[EyeReference | None] = [None, None]
        self._mouth_known: MouthReference | None = None

    def __enter__(self) -> FaceLooks:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def add(self, rgb: RGBArray, xy: Array, carried: Array, zoom: float) -> None:
        """Keep the crops of the next frame.

        Args:
            xy: (68, 2) its landmarks. carried: (68, 2) the anchor's, moved with the head. zoom: size of the head here
                over that on the anchor frame.
        """
        if not self.usable:
            return
        if len(self._kept) >= _BACKLOG:
            self._kept[-_BACKLOG].result()
        self._kept.append(self._threads.submit(self._crops, rgb, xy, carried, zoom))

    def _crops(self, rgb: RGBArray, xy: Array, carried: Array, zoom: float) -> tuple[Array, Array, Array]:
        from faceshot.tracking.networks import EYE_SCALE, MOUTH_SCALE

        first, last = topo.OUTER_EYE_CORNERS
        across = xy[last] - xy[first]
        x = across / max(float(np.linalg.norm(across)), 1e-6)
        down = np.array([-x[1], x[0]])
        right, left = (
            _cut(rgb, 0.5 * (xy[eye[0]] + xy[eye[3]]), x, self._eye_width * zoom / EYE_SCALE, _EYE_KEPT)
            for eye in (topo.RIGHT_EYE, topo.LEFT_EYE)
        )
        corners = list(topo.MOUTH_CORNERS)
        middle = _TRACKED * xy[corners].mean(0) + (1 - _TRACKED) * carried[corners].mean(0)
        width = self._mouth_width * zoom
        return right, left, _cut(rgb, middle + _LOWER * width * down, x, width / MOUTH_SCALE, _MOUTH_KEPT)

    def reverse(self) -> None:
        """What was added so far was added backwards."""
        self._kept.reverse()

    def read(self, *, all_of_them: bool = False) -> None:
        """Begin to read the kept crops once there is a window of them, when the one before is read."""
        if not self._kept or (len(self._kept) < _WINDOW and not all_of_them):
            return
        from faceshot.tracking.networks import EyeNetwork, MouthNetwork, load_network
        from faceshot.tracking.reading import fused

        if self._networks is None:
            eyes = fused(load_network(EyeNetwork(), self._folder / "eyes.safetensors"))
            self._networks = eyes, fused(load_network(MouthNetwork(), self._folder / "mouth.safetensors"))
        for part in self._read[-1:]:
            wait(part)
        right, left, mouth = (np.stack(crops) for crops in zip(*(kept.result() for kept in self._kept), strict=True))
        self._kept = []
        mouth_read = self._threads.submit(self._read_mouth, mouth)  # first: it takes longest
        self._read.append(
            (*(self._threads.submit(self._read_eye, *eye) for eye in enumerate((right, left))), mouth_read)
        )

    def _read_eye(self, k: int, crops: Array) -> Array:
        from faceshot.tracking.reading import read_eye

        assert self._networks is not None
        share_processors(2)
        rows, self._eyes_known[k] = read_eye(self._networks[0], crops, self._eyes_known[k])
        return rows

    def _read_mouth(self, crops: Array) -> Array:
        from faceshot.tracking.reading import read_mouth

        assert self._networks is not None
        share_processors(2)
        rows, self._mouth_known = read_mouth(self._networks[1], crops, self._mouth_known, self._shared)
        return rows

    def _shared(self, look: Callable[[Any], Any], looks: Iterable[Any]) -> list[Any]:
        """``map``, in several threads."""

        def alone(one: Any) -> Any:
            share_processors(2)
            return look(one)

        first, *others = looks
        later = [self._threads.submit(alone, one) for one in others]
        return [alone(first), *(other.result() for other in later)]

    def reading(self) -> Reading | None:
        """Of all frames that were added; None where nothing can be read."""
        self.read(all_of_them=True)
        if not self._read:
            return None
        right, left, mouth = (np.concatenate([window[k].result() for window in self._read]) for k in (0, 1, 2))
        places = np.array([known.place[:3] for known in self._eyes_known if known is not None])
        return Reading(np.stack([right, left], 1), mouth, places * (self._eye_width / self._widths)[:, None])


def _cut(rgb: RGBArray, middle: Array, x: Array, scale: float, size: tuple[int, int]) -> RGBArray:
    """Crop of ``size`` about ``middle``, its x axis along ``x``, one of its pixels ``scale`` of the frame's."""
    linear = scale * np.array([[x[0], -x[1]], [x[1], x[0]]])
    corner = middle - linear @ np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return warp_rectangle(rgb, np.column_stack([linear, corner]), size)
