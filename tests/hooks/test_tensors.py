"""A folder as a data set, a batch of tensors, and pictures for ControlNets."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from faceshot.errors import InputError, UsageError
from faceshot.hooks import LandmarkFolder, draw_mediapipe_face, draw_openpose_face, match_batch
from faceshot.landmarks import Landmarks, RGBArray, Size


@pytest.fixture
def folder(repo: Path, tmp_path: Path) -> Path:
    """Two pictures, one with landmarks beside it."""
    for name in ("cat.png", "fox.png", "fox.landmarks.json"):
        shutil.copy(repo / "examples" / name, tmp_path)
    return tmp_path


def test_a_folder_is_batched(folder: Path, marks: Landmarks) -> None:
    data = LandmarkFolder(folder, size=(96, 128))
    assert isinstance(data, Dataset) and len(data) == 2
    (batch,) = DataLoader(data, batch_size=2)
    assert batch["image"].shape == (2, 3, 128, 96) and batch["image"].dtype == torch.float32
    assert batch["image"].min() >= 0 and batch["image"].max() <= 1 and batch["visible"].dtype == torch.bool
    assert np.abs(batch["landmarks"][0].numpy() - marks.resized((96, 128)).xy).max() < 1e-3
    assert batch["confidence"][1] == 1 and 0.5 < batch["confidence"][0] < 1
    labelled = LandmarkFolder(folder, match=False, transform=lambda item: item["path"])
    assert len(labelled) == 1 and labelled[0].endswith("fox.png")
    with pytest.raises(InputError, match="no folder"):
        LandmarkFolder(folder / "nowhere")
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pictures"):
        LandmarkFolder(folder / "empty")


def test_a_batch_of_tensors(cat: RGBArray, marks: Landmarks) -> None:
    first = torch.from_numpy(np.stack([cat, np.zeros_like(cat)]))
    for batch in (first, first.permute(0, 3, 1, 2), first.float() / 255):
        xy, sure = match_batch(batch)
        assert xy.shape == (2, 68, 2) and sure.shape == (2,) and sure[1] == 0 and torch.isnan(xy[1]).all()
        assert np.abs(xy[0].numpy() - marks.xy).max() == 0 and sure[0] > 0.5
    with pytest.raises(UsageError, match="a batch must have shape"):
        match_batch(first[0])


def test_openposes_dots_and_mediapipes_lines(marks: Landmarks) -> None:
    dots = draw_openpose_face(marks)
    assert dots.shape == (marks.size.height, marks.size.width, 3) and set(np.unique(dots)) == {0, 255}
    x, y = np.rint(marks.to_openpose70()[69]).astype(int)
    assert dots[y, x].tolist() == [255, 255, 255]
    without = draw_openpose_face(Landmarks(marks.xy, marks.size, absent=frozenset({"eyes"})))
    assert without[y, x].tolist() == [0, 0, 0]
    lines = draw_mediapipe_face([marks, marks.flipped()], (320, 320))
    assert lines.shape == (320, 320, 3)
    single = draw_mediapipe_face(marks)
    for colour, place in (((250, 200, 10), 0), ((10, 200, 250), 1)):  # irises, subject's right first
        x, y = np.rint(marks.to_openpose70()[68 + place]).astype(int)
        assert single[y, x].tolist() == list(colour)
    for draw in (draw_openpose_face, draw_mediapipe_face):
        assert draw([], Size(64, 48)).shape == (48, 64, 3) and not draw([], Size(64, 48)).any()
        with pytest.raises(InputError, match="give size"):
            draw([])
    with pytest.raises(InputError, match="radius"):
        draw_openpose_face(marks, radius=0)
    with pytest.raises(InputError, match="width"):
        draw_mediapipe_face(marks, width=0)
