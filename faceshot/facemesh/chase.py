"""One of several faces through a clip: looked for where it was, found again by place and size, never swapped."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from faceshot.errors import NoFaceError
from faceshot.facemesh.crop import Roi
from faceshot.facemesh.landmarker import FaceMesh
from faceshot.facemesh.mesh import Mesh
from faceshot.landmarks import FaceWish, RGBArray, check_wish, choose, follow, overlap

log = logging.getLogger("faceshot")
Array = npt.NDArray[np.float64]
#: Two tracks that share more than this (intersection over union) look at the same face.
_SAME = 0.5
#: A face that is looked for is not one that shares this much with a face known to be somebody else.
_TAKEN = 0.3
#: Frames between looks for other people, frames of memory, and how many others are followed.
_EVERY, _MEMORY, _OTHERS = 12, 6, 3
#: After so many frames without it the wished face is chosen anew.
_FORGOTTEN = 45


class _Track:
    """Where one face was lately: its rectangle for the next frame and its last boxes in pixels."""

    def __init__(self) -> None:
        self.roi: Roi | None = None
        self.boxes: deque[Array] = deque(maxlen=_MEMORY)

    def see(self, mesh: Mesh, size: tuple[int, int]) -> None:
        self.roi = mesh.next_roi(*size)
        self.boxes.append(_box(mesh, size))

    def surprise(self) -> float:
        """How far the last box is from where the ones before it led, in sides."""
        if len(self.boxes) < 3:
            return 0.0
        old, middle, now = self.boxes[0], self.boxes[(len(self.boxes) - 1) // 2], self.boxes[-1]
        steps = (len(self.boxes) - 1) // 2
        foreseen = middle + (middle - old) / max(steps, 1) * (len(self.boxes) - 1 - steps)
        return float(np.abs(now - foreseen).mean() / max((middle[2:] - middle[:2]).mean(), 1e-6))


class Chase:
    """Follows the wished face; call it with every frame in turn.

    The face is chosen in the first frame that shows it. From then on it is looked for where it was; once lost, among
    the faces of every next frame, by place and size. Faces beside it are followed as well, so that one which another
    covers is lost and not taken over.

    Attributes:
        refused: why the wished face could not be chosen yet, None once it was.
    """

    def __init__(self, mesh: FaceMesh, wish: FaceWish = "largest") -> None:
        self._mesh, self._wish = mesh, check_wish(wish)
        self._own, self._others = _Track(), list[_Track]()
        self._lost = self._count = 0
        self.refused: NoFaceError | None = None

    def __call__(self, frame: RGBArray) -> Mesh | None:
        """The face in the next frame; None where it is not seen."""
        size = (frame.shape[1], frame.shape[0])
        self._count += 1
        self._move_others(frame, size)
        found = None if self._own.roi is None else self._mesh.mesh(frame, self._own.roi)
        if found is not None:
            self._own.see(found, size)
            if self._is_somebody_else():
                found = None
        elif self._own.roi is None:
            found = self._search(frame, size)
        if found is None:
            self._own.roi = None
            self._lost += 1
            return None
        self._lost = 0
        if self._count % _EVERY == 0:
            self._look_around(frame, size)
        return found

    def _search(self, frame: RGBArray, size: tuple[int, int]) -> Mesh | None:
        """The wished face among all of a frame."""
        faces = self._mesh.faces(frame)
        before = self._own.boxes[-1] if self._own.boxes and self._lost < _FORGOTTEN else None
        taken = [track.boxes[-1] for track in self._others]
        if before is not None:
            faces = [face for face in faces if not _shares(_box(face, size), taken, _TAKEN)]
        if not faces:
            return None
        boxes = np.stack([_box(face, size) for face in faces])
        if before is None:
            try:
                index: int | None = choose(boxes, self._wish)
            except NoFaceError as error:
                self.refused = error
                return None
        elif len(faces) == 1 and not taken:
            index = 0  # alone in the picture: a cut, or a jump
        else:
            index = follow(boxes, before, steps=self._lost)
        if index is None:
            return None
        self.refused = None
        self._own = _Track()
        self._own.see(faces[index], size)
        if before is None:
            self._others = []
            if len(faces) > 1:
                note = "%d faces; the one at %s is followed (%s), another by face=left, right, a number or a box"
                log.info(note, len(faces), ",".join(f"{side:.0f}" for side in boxes[index]), self._wish)
            for face in faces[:index] + faces[index + 1 :]:
                self._take(face, size)
        return faces[index]

    def _look_around(self, frame: RGBArray, size: tuple[int, int]) -> None:
        """Begin to follow people who came into the picture."""
        width, height = size
        known = [track.boxes[-1] for track in (self._own, *self._others)]
        for face in self._mesh.detect(frame):
            if len(self._others) >= _OTHERS:
                return
            box = face.box.astype(np.float64) * np.array([width, height, width, height])
            if not _shares(box, known, 0.1):
                mesh = self._mesh.mesh(frame, face.roi(width, height))
                if mesh is not None and not _shares(_box(mesh, size), known, 0.1):
                    self._take(mesh, size)

    def _take(self, face: Mesh, size: tuple[int, int]) -> None:
        if len(self._others) < _OTHERS:
            self._others.append(_Track())
            self._others[-1].see(face, size)

    def _move_others(self, frame: RGBArray, size: tuple[int, int]) -> None:
        kept: list[_Track] = []
        for track in self._others:
            mesh = self._mesh.mesh(frame, track.roi) if track.roi is not None else None
            if mesh is not None and not _shares(_box(mesh, size), [other.boxes[-1] for other in kept], _SAME):
                track.see(mesh, size)
                kept.append(track)
        self._others = kept

    def _is_somebody_else(self) -> bool:
        """Whether our track has come onto a face that another track holds with better right."""
        for track in list(self._others):
            if _shares(self._own.boxes[-1], [track.boxes[-1]], _SAME):
                if self._own.surprise() > track.surprise():
                    self._own.boxes.pop()
                    return True
                self._others.remove(track)
        return False


def chase(mesh: FaceMesh, frames: Iterable[RGBArray], wish: FaceWish = "largest") -> Iterator[Mesh | None]:
    """The wished face in every frame, streamed; see :class:`Chase`.

    Raises:
        NoFaceError: after the last frame, if there were faces in it but never the wished one.
    """
    follower = Chase(mesh, wish)
    for frame in frames:
        yield follower(frame)
    if follower.refused is not None:
        raise follower.refused


def _box(mesh: Mesh, size: tuple[int, int]) -> Array:
    return mesh.box().astype(np.float64) * np.tile(size, 2)


def _shares(box: Array, others: list[Array], most: float) -> bool:
    return bool(others) and float(overlap(np.stack(others), box).max()) > most
