"""One of several faces through a clip, in a made-up world whose faces are known, and with two real people."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceshot.errors import NoFaceError
from faceshot.facemesh.chase import Chase, chase
from faceshot.facemesh.detector import Found
from faceshot.facemesh.mesh import Mesh

SIZE = (400, 200)
TEMPLATE = np.random.default_rng(0).uniform(-0.5, 0.5, (478, 3)).astype(np.float32)
TEMPLATE[:4, :2] = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
TEMPLATE[[33, 263], :2] = [(-0.2, -0.1), (0.2, -0.1)]


class World:
    """Square faces (x, y, side) per frame, the later ones in front; a frame's top left pixel holds its number."""

    def __init__(self, *ways: Callable[[int], tuple[float, float, float] | None]) -> None:
        self.ways = ways
        self.meshes = 0

    def frames(self, count: int) -> list[np.ndarray]:
        out = np.zeros((count, SIZE[1], SIZE[0], 3), np.uint8)
        out[:, 0, 0, 0] = np.arange(count)
        return list(out)

    def _seen(self, frame: np.ndarray) -> list[np.ndarray]:
        """Faces of a frame that are not covered by more than half."""
        faces = [np.array(face) for way in self.ways if (face := way(int(frame[0, 0, 0]))) is not None]
        out = []
        for k, face in enumerate(faces):
            covered = max((self._shared(face, other) for other in faces[k + 1 :]), default=0.0)
            if covered < 0.5 * face[2] ** 2:
                out.append(face)
        return out

    @staticmethod
    def _shared(a: np.ndarray, b: np.ndarray) -> float:
        low, high = np.maximum(a[:2] - a[2] / 2, b[:2] - b[2] / 2), np.minimum(a[:2] + a[2] / 2, b[:2] + b[2] / 2)
        return float(np.maximum(high - low, 0).prod())

    def detect(self, frame: np.ndarray) -> list[Found]:
        found = []
        for x, y, side in self._seen(frame):
            box = np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2]) / np.tile(SIZE, 2)
            eyes = np.array([[x - side / 4, y], [x + side / 4, y]]) / SIZE
            points = np.concatenate([eyes, np.zeros((4, 2))]).astype(np.float32)
            found.append(Found(box.astype(np.float32), points, np.float32(0.9)))
        return found

    def mesh(self, frame: np.ndarray, roi: Any) -> Mesh | None:
        """The face nearest to the rectangle's middle, if it is in it: what the network does."""
        self.meshes += 1
        x, y, w, _ = (float(side) for side in roi.pixels(*SIZE))
        near = [face for face in self._seen(frame) if np.hypot(face[0] - x, face[1] - y) < w / 2]
        if not near:
            return None
        px, py, side = min(near, key=lambda face: np.hypot(face[0] - x, face[1] - y))
        points = TEMPLATE * (side / SIZE[0], side / SIZE[1], 1) + (px / SIZE[0], py / SIZE[1], 0)
        return Mesh(points.astype(np.float32), 1.0, 0.0, np.zeros((1, 1, 3), np.uint8), TEMPLATE[:, :2])

    def faces(self, frame: np.ndarray, most: int | None = None) -> list[Mesh]:
        meshes = [self.mesh(frame, face.roi(*SIZE)) for face in self.detect(frame)[:most]]
        return [mesh for mesh in meshes if mesh is not None]


def middle(mesh: Mesh | None) -> tuple[float, float] | None:
    if mesh is None:
        return None
    box = mesh.box() * np.tile(SIZE, 2)
    return float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2


def places(world: World, count: int, wish: Any = "largest") -> list[float | None]:
    """The x of the followed face in every frame."""
    found = [middle(mesh) for mesh in chase(world, world.frames(count), wish)]  # type: ignore[arg-type]
    return [None if place is None else place[0] for place in found]


def test_one_face_is_looked_for_once_and_then_followed() -> None:
    world = World(lambda t: (100 + 4 * t, 100, 60))
    assert places(world, 30) == pytest.approx([100 + 4 * t for t in range(30)], abs=0.1)
    assert world.meshes == 30


@pytest.mark.parametrize(
    ("wish", "start"), [("largest", 300), ("left", 60), ("right", 300), (1, 60), ((40, 80, 80, 120), 60)]
)
def test_the_wished_face_is_taken(wish: Any, start: float) -> None:
    world = World(lambda t: (60 + t, 100, 50), lambda t: (300 - t, 100, 60))
    assert places(world, 20, wish) == pytest.approx([start + (t if start == 60 else -t) for t in range(20)], abs=0.1)


def test_of_two_people_it_is_said_who_is_followed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="faceshot"):
        places(World(lambda t: (60, 100, 50), lambda t: (300, 100, 60)), 3, "left")
        places(World(lambda t: (60, 100, 50)), 3)
    assert [record.getMessage()[:34] for record in caplog.records] == ["2 faces; the one at 35,75,85,125 i"]


@pytest.mark.parametrize("wish, sign", [("left", 1), ("right", -1)])
def test_two_people_who_cross_are_never_swapped(wish: str, sign: int) -> None:
    """The one behind is lost while covered, and found again on the other side."""
    world = World(lambda t: (60 + 7 * t, 100, 60), lambda t: (340 - 7 * t, 100, 66))
    found = places(world, 40, wish)
    truth = [200 + sign * (7 * t - 140) for t in range(40)]
    for place, true in zip(found, truth, strict=True):
        assert place is None or abs(place - true) < 8, (place, true)
    assert found[-1] is not None and sum(place is None for place in found) < (12 if sign > 0 else 3)


def test_a_passer_by_does_not_take_the_face_with_him() -> None:
    """He came later, walks in front of the one who sits, and leaves the picture."""
    world = World(lambda t: (150, 100, 60), lambda t: (400 - 8 * t, 100, 70) if t > 4 else None)
    found = places(world, 50)
    assert all(place is None or abs(place - 150) < 8 for place in found) and found[-1] == pytest.approx(150, abs=0.1)


def test_a_cut_is_followed_where_nobody_else_is() -> None:
    world = World(lambda t: (60, 100, 60) if t < 10 else (330, 60, 40))
    found = places(world, 20)
    assert found[9] == pytest.approx(60, abs=0.1) and found[11] == pytest.approx(330, abs=0.1)


def test_a_face_that_leaves_is_found_when_it_is_back() -> None:
    world = World(lambda t: None if 10 <= t < 20 else (100, 100, 60), lambda t: (300, 100, 50))
    found = places(world, 30)
    assert found[10:20] == [None] * 10 and found[22] == pytest.approx(100, abs=0.1)


def test_a_wish_waits_and_is_refused_in_the_end() -> None:
    late = World(lambda t: (60, 100, 50), lambda t: (300, 100, 50) if t >= 5 else None)
    found = places(late, 10, 2)
    assert found[:5] == [None] * 5 and found[5] == pytest.approx(300, abs=0.1)
    with pytest.raises(NoFaceError, match="there is no face 3: there are 2 faces"):
        places(late, 10, 3)


def test_two_real_people_cross(shared: Path) -> None:
    """Two portraits slide past each other, the left one in front."""
    import cv2

    pytest.importorskip("ai_edge_litert")
    from faceshot.facemesh.landmarker import FaceMesh

    folder, model = shared / "characters" / "images", shared / "models" / "face_landmarker.task"
    if not folder.is_dir() or not model.is_file():
        pytest.skip(f"no {folder} or {model}")
    left, right = (
        cv2.resize(cv2.imread(str(folder / f"{name}.png"))[..., ::-1], (160, 160)) for name in ("lp_s9", "lp_s5")
    )
    fields = [Chase(FaceMesh(model), wish) for wish in ("left", "right")]
    seen: list[list[float | None]] = [[], []]
    for t in range(0, 41):
        frame = np.full((200, 480, 3), 90, np.uint8)
        a, b = 8 * t, 320 - 8 * t
        frame[20:180, b : b + 160] = right
        frame[20:180, a : a + 160] = left
        for who, one in enumerate(fields):
            mesh = one(frame)
            seen[who].append(None if mesh is None else float(mesh.points[:, 0].mean() * 480))
    first, second = seen
    assert first[0] is not None and second[0] is not None
    for t, (one, two) in enumerate(zip(first, second, strict=True)):
        assert one is not None and abs(one - first[0] - 8 * t) < 10, t
        assert two is None or abs(two - second[0] + 8 * t) < 40, t
    assert second[-1] is not None
