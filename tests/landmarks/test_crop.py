"""Crops: coordinates there and back, agreement of pixels with coordinates, edges, antialiasing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot.landmarks.crop import Crop, part_crops
from faceshot.landmarks.types import Size

CROPS = {
    "as it is": Crop(0, 0, 64, 64),
    "fraction of a pixel": Crop(10.3, -7.8, 50.5, 64),
    "turned": Crop(20, 30, 80, 128, 33.0),
    "five times smaller": Crop(-40, -40, 640, 128, -12.0),
    "beside the picture": Crop(500, 500, 30, 16),
}


@pytest.mark.parametrize("crop", CROPS.values(), ids=CROPS)
def test_points_go_there_and_back(crop: Crop) -> None:
    xy = np.random.default_rng(0).uniform(-50, 400, (30, 2)).astype(np.float32)
    assert np.allclose(crop.to_picture(crop.to_crop(xy)), xy, atol=1e-3)
    middle = (crop.out - 1) / 2
    assert np.allclose(crop.to_crop(crop.centre), [middle, middle], atol=1e-3)


@pytest.mark.parametrize(
    "crop",
    [Crop(30, 20, 128, 64), Crop(41.7, 33.2, 100, 160), Crop(30, 30, 120, 128, 25.0), Crop(0, 0, 250, 50, -40.0)],
)
def test_a_dot_lands_where_the_coordinates_say(crop: Crop) -> None:
    picture = np.zeros((256, 256, 3), np.uint8)
    at = crop.to_picture(np.array([crop.out * 0.4, crop.out * 0.55]))
    grid = np.stack(np.meshgrid(np.arange(256), np.arange(256)), -1)
    blob = np.exp(-((grid - at) ** 2).sum(-1) / (2 * 9.0**2))
    picture[...] = (255 * blob).astype(np.uint8)[..., None]
    seen = crop.apply(picture)[..., 0].astype(float)
    rows, columns = np.mgrid[: crop.out, : crop.out]
    centroid = np.array([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum()
    assert np.allclose(centroid, crop.to_crop(at), atol=0.06)


def test_the_identity_changes_no_pixel() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(Crop(0, 0, 64, 64).apply(picture), picture)
    assert np.array_equal(Crop(10, 20, 30, 30).apply(picture), picture[20:50, 10:40])


def test_the_edge_is_repeated_outside() -> None:
    picture = np.full((20, 20, 3), 90, np.uint8)
    picture[:, -1] = 200
    beyond = Crop(25, 0, 20, 20).apply(picture)
    assert (beyond == 200).all()


def test_fine_stripes_turn_grey_instead_of_aliasing() -> None:
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[:, ::2] = 255
    for side in (400, 330, 190):
        small = Crop(1.5, 1.5, side, 100).apply(picture).astype(int)
        assert small.min() > 80 and small.max() < 175, side


def test_a_rolled_face_comes_out_upright() -> None:
    turn = cv2.getRotationMatrix2D((100, 100), -30, 1.0)  # clockwise as seen
    eyes = np.array([[80, 90], [120, 90]], float) @ turn[:, :2].T + turn[:, 2]
    upright = Crop.around(eyes, scale=3, out=64, angle=30).to_crop(eyes)
    assert upright[0, 1] == pytest.approx(upright[1, 1], abs=1e-3) and upright[0, 0] < upright[1, 0]


def test_around_is_the_scaled_box() -> None:
    crop = Crop.around([[10, 20], [109, 60]], scale=1.5, out=32)
    assert crop.side == pytest.approx(99 * 1.5) and np.allclose(crop.centre, [59.5, 40])


def test_whole_holds_the_picture() -> None:
    crop = Crop.whole(Size(200, 100), 50)
    assert np.allclose(crop.to_crop([[-0.5, -50.5], [199.5, 149.5]]), [[-0.5, -0.5], [49.5, 49.5]], atol=1e-4)


def test_part_crops_hold_their_points_and_are_never_tiny() -> None:
    xy = np.random.default_rng(2).uniform(50, 150, (68, 2))
    xy[36:48] = xy[36]  # all eye points in one place
    crops = part_crops(xy, 32)
    assert len(crops) == 5 and crops[3].side == pytest.approx(0.12 * np.ptp(xy, axis=0).max())
    inside = crops[4].to_crop(xy[48:])
    assert inside.min() > -0.5 and inside.max() < 31.5


@pytest.mark.parametrize("values", [(0, 0, 0, 8), (0, 0, -1, 8), (0, np.nan, 5, 8), (0, 0, 5, 0)])
def test_impossible_crops_are_refused(values: tuple[float, float, float, int]) -> None:
    with pytest.raises(InputError, match="a crop needs"):
        Crop(*values)
