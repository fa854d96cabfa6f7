"""Landmarks for training code: a ``torch.utils.data.Dataset`` over a folder, and a batch of tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from faceshot.errors import InputError, UsageError
from faceshot.formats import read_landmarks
from faceshot.hooks.finder import as_rgb, faces, largest
from faceshot.landmarks import Landmarks, Picture
from faceshot.media import read_picture

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".gif")
#: Where the landmarks of ``cat.png`` may lie, the first that is there.
_BESIDE = (".landmarks.json", ".json", ".npz", ".pts", ".npy")


class LandmarkFolder(Dataset[dict[str, Any]]):
    """Pictures of a folder with their landmarks, read from the files beside them or found when first asked for.

    Args:
        folder: with pictures, searched recursively; sorted by path.
        size: (width, height) all are scaled to, so that they can be batched; None leaves them as they are.
        match: find landmarks where no file is; without it such pictures are left out.
        transform: called with every item, and its result is the item.

    An item is a dict: ``image`` (3, H, W) float32 in 0..1, ``landmarks`` (68, 2) float32 [px], ``visible`` (68,) bool,
    ``confidence`` 0..1 (1 for landmarks from a file), ``path``.

    Raises:
        InputError: no such folder, or nothing in it.
    """

    def __init__(
        self, folder: str | Path, *, size: tuple[int, int] | None = None, match: bool = True,
        transform: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:  # fmt: skip
        self.folder, self.size, self.transform = Path(folder), size, transform
        if not self.folder.is_dir():
            raise InputError(f"{folder} is no folder of pictures")
        found = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
        self.files = [path for path in found if match or landmark_file(path) is not None]
        if not self.files:
            raise InputError(f"{folder} holds no pictures{'' if match else ' with landmark files beside them'}")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        path = self.files[index]
        picture, beside = read_picture(path), landmark_file(path)
        if beside is not None:
            marks, sure = read_landmarks(beside, size=picture.size, picture=path.name), 1.0
            if marks.size != picture.size:
                marks = marks.resized(picture.size)
        else:
            match = largest(picture.flat())
            marks, sure = match.landmarks, match.confidence
        item = {**_item(picture, marks, self.size), "confidence": float(sure), "path": str(path)}
        return item if self.transform is None else self.transform(item)


def landmark_file(picture: Path) -> Path | None:
    """The landmark file beside a picture, None if there is none."""
    places = (picture.with_name(picture.stem + suffix) for suffix in _BESIDE)
    return next((place for place in places if place.is_file()), None)


def _item(picture: Picture, marks: Landmarks, size: tuple[int, int] | None) -> dict[str, Any]:
    if size is not None:
        picture, marks = picture.scaled(size), marks.resized(size)
    pixels = torch.from_numpy(np.array(picture.flat())).permute(2, 0, 1).float() / 255
    return {
        "image": pixels,
        "landmarks": torch.from_numpy(marks.xy.copy()),
        "visible": torch.from_numpy(marks.visible.copy()),
    }


def match_batch(images: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Landmarks (B, 68, 2) float32 [px] and confidences (B,) of the surest face of every picture of a batch.

    Args:
        images: (B, 3, H, W) or (B, H, W, 3), RGB, uint8 or floating-point in 0..1 or 0..255.

    Where nothing is sure enough the landmarks are NaN and the confidence is 0. Results are on the device of the batch.

    Raises:
        UsageError: another shape.
    """
    batch = torch.as_tensor(images)
    if batch.ndim != 4 or 3 not in (batch.shape[1], batch.shape[3]):
        raise UsageError(f"a batch must have shape (B, 3, H, W) or (B, H, W, 3), got {tuple(batch.shape)}")
    pictures = batch if batch.shape[3] == 3 else batch.permute(0, 2, 3, 1)
    xy = torch.full((len(batch), 68, 2), float("nan"))
    sure = torch.zeros(len(batch))
    for k, picture in enumerate(pictures):
        for match in faces(as_rgb(picture))[:1]:
            xy[k], sure[k] = torch.from_numpy(match.landmarks.xy.copy()), match.confidence
    return xy.to(batch.device), sure.to(batch.device)
