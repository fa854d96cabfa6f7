"""The data in the middle: validated once, immutable, one coordinate convention."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot.landmarks.pixels import from_unit, rescale_points, to_unit
from faceshot.landmarks.topology import FLIP, PART_POINTS
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture, Size, as_fps

SIZE = (200, 100)
NTSC = Fraction(30000, 1001)


def points(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 100, (68, 2)).astype(np.float32)


def clip(frames: int = 4, **options: Any) -> LandmarkSequence:
    return LandmarkSequence(np.stack([points(k) for k in range(frames)]), SIZE, NTSC, **options)  # type: ignore[arg-type]


def test_pixel_centres_are_integers_when_a_picture_is_resized() -> None:
    small, large = Size(10, 5), Size(20, 20)
    corners = np.array([[-0.5, -0.5], [9.5, 4.5], [0, 0]])  # the picture's outer edges, and a pixel centre
    moved = rescale_points(corners, small, large)
    np.testing.assert_allclose(moved, [[-0.5, -0.5], [19.5, 19.5], [0.5, 1.5]])
    np.testing.assert_allclose(rescale_points(moved, large, small), corners, atol=1e-6)
    np.testing.assert_allclose(to_unit(corners[:2], small), [[0, 0], [1, 1]])
    np.testing.assert_allclose(from_unit(to_unit(corners, small), small), corners, atol=1e-6)


def test_resizing_agrees_with_how_pictures_are_resized() -> None:
    """The centre of mass of a blob moves as the landmarks do."""
    from PIL import Image

    y, x = np.mgrid[:60, :90]
    blob = np.exp(-((x - 31.3) ** 2 + (y - 22.7) ** 2) / 40)
    resized = np.asarray(Image.fromarray(blob.astype(np.float32)).resize((270, 120), Image.Resampling.BICUBIC))
    yy, xx = np.mgrid[:120, :270]
    centre = (resized * xx).sum() / resized.sum(), (resized * yy).sum() / resized.sum()
    np.testing.assert_allclose(rescale_points([[31.3, 22.7]], Size(90, 60), Size(270, 120))[0], centre, atol=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"xy": np.ones((67, 2))}, r"\(68, 2\), got \(67, 2\)"),
        ({"xy": np.ones((68, 3))}, r"\(68, 3\)"),
        ({"xy": np.ones(136)}, r"\(136,\)"),
        ({"xy": [["a", "b"]] * 68}, "numbers"),
        ({"xy": np.full((68, 2), np.nan)}, "landmark 0 is not finite"),
        ({"xy": np.full((68, 2), 1e300)}, "not finite"),
        ({"size": (0, 5)}, "1x1"),
        ({"size": (5.5, 5)}, "whole pixels"),
        ({"size": 5}, "width, height"),
        ({"size": (float("inf"), 5)}, "width, height"),
        ({"score": np.ones(67)}, r"\(68,\)"),
        ({"score": np.full(68, 1.01)}, r"0\.\.1"),
        ({"score": np.full(68, np.nan)}, r"0\.\.1"),
        ({"absent": {"ears"}}, "'ears'"),
        ({"hidden": {68}}, "point 68"),
        ({"hidden": [1.5]}, "indices"),
        ({"hidden": 3}, "indices"),
        ({"hidden": np.ones(5, bool)}, "booleans"),
    ],
)
def test_landmarks_are_validated(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Landmarks(**{"xy": points(), "size": SIZE, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"xy": np.ones((0, 68, 2))}, "at least one frame"),
        ({"xy": points()}, r"\(T, 68, 2\)"),
        ({"xy": np.full((2, 68, 2), np.nan)}, "frame 0"),
        ({"fps": 0}, "fps"),
        ({"fps": -25}, "fps"),
        ({"fps": "fast"}, "fps"),
        ({"fps": 5000}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"found": np.ones(3, bool)}, "found must be 2"),
        ({"found": [1, 0]}, "booleans"),
        ({"score": np.ones((2, 67))}, "score"),
        ({"rest": 2}, r"rest frame 2 is outside the clip \(0\.\.1\)"),
        ({"rest": -1}, "rest frame -1"),
    ],
)
def test_sequences_are_validated(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LandmarkSequence(**{"xy": np.ones((2, 68, 2)), "size": SIZE, "fps": 25, **change})


def test_values_are_copies_and_cannot_be_changed() -> None:
    xy = points()
    face = Landmarks(xy, SIZE, np.ones(68))
    xy[:] = 0
    assert face.xy.any() and face.xy.dtype == np.float32 and isinstance(face.size, Size)
    with pytest.raises(ValueError):
        face.xy[0] = 1
    with pytest.raises(AttributeError):
        face.size = Size(1, 1)  # type: ignore[misc]
    with pytest.raises(TypeError):
        hash(face)


def test_equality() -> None:
    assert Landmarks(points(), SIZE) == Landmarks(points(), SIZE)
    assert Landmarks(points(), SIZE) != Landmarks(points(1), SIZE)
    assert Landmarks(points(), SIZE) != Landmarks(points(), SIZE, np.ones(68))
    assert Landmarks(points(), SIZE) != Landmarks(points(), SIZE, absent=frozenset({"nose"}))
    assert Landmarks(points(), SIZE) != "face"
    lost = np.stack([points(), np.full((68, 2), np.nan, np.float32)])
    found = np.array([True, False])
    assert LandmarkSequence(lost, SIZE, NTSC, found) == LandmarkSequence(lost, SIZE, NTSC, found)
    assert clip() != clip(rest=1) and clip() == clip()


def test_flipping_is_an_involution_that_mirrors_the_picture() -> None:
    face = Landmarks(points(), SIZE, np.linspace(0, 1, 68), frozenset({"nose"}))
    once = face.flipped()
    np.testing.assert_allclose(once.xy[0], [199 - face.xy[16, 0], face.xy[16, 1]], atol=1e-4)
    assert once.score is not None and face.score is not None and once.score[0] == face.score[FLIP[0]]
    again = once.flipped()
    np.testing.assert_allclose(again.xy, face.xy, atol=1e-4)
    assert again.absent == face.absent


def test_hidden_points_are_not_visible_and_mirror_with_the_picture() -> None:
    hidden = np.isin(np.arange(68), [0, 36, 48])
    face = Landmarks(points(), SIZE, absent=frozenset({"nose"}), hidden=hidden)  # type: ignore[arg-type]
    assert face.hidden == {0, 36, 48} and face.visible.sum() == 68 - 9 - 3
    assert face != Landmarks(points(), SIZE, absent=frozenset({"nose"})) and "3 hidden" in repr(face)
    assert face.flipped().hidden == {16, 45, 54} and face.flipped().flipped().hidden == face.hidden
    assert face.resized((50, 50)).hidden == face.hidden
    both = clip(hidden=[3]).joined(clip(hidden=[5]))
    assert both.hidden == {3, 5} and both[0].hidden == {3, 5}


def test_parts_boxes_and_visibility() -> None:
    xy = points()
    xy[list(PART_POINTS["face_boundary"])] += 1000
    face = Landmarks(xy, SIZE, absent=frozenset({"face_boundary"}))
    assert face.part("eyes").shape == (12, 2) and face.visible.sum() == 51
    left, top, right, bottom = face.box()
    assert 0 <= left < right <= 100 and 0 <= top < bottom <= 100
    everything = Landmarks(xy, SIZE, absent=frozenset(PART_POINTS))
    assert everything.box()[2] > 1000
    with pytest.raises(InputError, match="unknown part 'ear'"):
        face.part("ear")


def test_sequence_items_and_slices() -> None:
    found = np.array([True, True, False, True])
    sequence = clip(found=found, score=np.full((4, 68), 0.5), rest=2)
    assert len(sequence) == 4 and sequence.seconds == pytest.approx(4 * 1001 / 30000)
    assert isinstance(sequence[1], Landmarks) and sequence[1].score is not None and sequence[-1] == sequence[3]
    part = sequence[1:4]
    assert len(part) == 3 and part.rest == 1 and part.found.tolist() == [True, False, True]
    assert sequence[3:].rest == 0
    with pytest.raises(InputError, match="no face was found in frame 2"):
        sequence[2]
    for bad in (slice(2, 2), slice(0, 4, 2)):
        with pytest.raises(InputError, match="slice"):
            sequence[bad]
    np.testing.assert_allclose(sequence.resized((400, 200)).resized(SIZE).xy, sequence.xy, atol=1e-4)


def test_iterating_gives_landmarks() -> None:
    assert [face.size for face in clip(2)] == [SIZE, SIZE]


@pytest.mark.parametrize(
    ("value", "fps"),
    [
        (30, Fraction(30)),
        (29.97, NTSC),
        ("29.97", NTSC),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (np.float32(29.97), NTSC),
        (30.0, Fraction(30)),
        (12.5, Fraction(25, 2)),
        ("30000/1001", NTSC),
        (Fraction(2997, 100), Fraction(2997, 100)),
        ("25", Fraction(25)),
    ],
    ids=str,
)
def test_rates_are_exact(value: Any, fps: Fraction) -> None:
    assert as_fps(value) == fps


def test_pictures() -> None:
    rgb = np.full((4, 6, 3), 100, np.uint8)
    alpha = np.zeros((4, 6), np.uint8)
    alpha[0, 0], alpha[0, 1] = 255, 128
    picture = Picture(rgb, alpha)
    assert picture.size == (6, 4)
    flat = picture.flat((0, 200, 255))
    assert flat[0, 0].tolist() == [100, 100, 100] and flat[1, 1].tolist() == [0, 200, 255]
    assert flat[0, 1].tolist() == [50, 150, 177]
    assert Picture(rgb).flat() is rgb
    for bad in (rgb.astype(float), rgb[..., 0], np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5, 4), np.uint8)):
        with pytest.raises(InputError):
            Picture(bad)
    with pytest.raises(InputError, match="alpha"):
        Picture(rgb, alpha[:2])
