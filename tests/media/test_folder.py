"""Folders as phones, Macs and browsers leave them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from faceshot.errors import InputError
from faceshot.media import image
from faceshot.media.folder import pictures_in
from faceshot.media.image import picture_kind, read_picture

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A JPEG under several names, and all that lies beside it."""
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "one.jpg")
    for name in ("two.jfif", "three", "FOUR.JPG"):
        shutil.copy(tmp_path / "one.jpg", tmp_path / name)
    Image.fromarray(noise).save(tmp_path / "five.webp")
    (tmp_path / "phone.heic").write_bytes(HEIC)
    (tmp_path / "HEIC_without_suffix").write_bytes(HEIC)
    (tmp_path / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "._one.jpg").write_bytes(b"\0\5\x16\7" + bytes(60))
    (tmp_path / ".DS_Store").write_bytes(bytes(60))
    (tmp_path / "notes").write_text("two.jfif is the best")
    (tmp_path / "sizes.csv").write_text("1,2")
    (tmp_path / "inner.png").mkdir()
    return tmp_path


def test_pictures_are_found_and_others_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image.importlib.util, "find_spec", lambda name: None)
    found = pictures_in(folder)
    assert [path.name for path in found.pictures] == ["FOUR.JPG", "five.webp", "one.jpg", "three", "two.jfif"]
    assert {path.name for path, _ in found.left_out} == {"phone.heic", "HEIC_without_suffix", "logo.svg"}
    note = found.note()
    assert note is not None and "phone.heic (HEIC; pip install pillow-heif" in note and "logo.svg (a vector" in note
    for path in found.pictures:
        assert read_picture(path).size == (64, 64)


def test_what_cannot_be_read_says_what_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="is HEIC; run: pip install pillow-heif"):
        read_picture(folder / "phone.heic")
    with pytest.raises(InputError, match="vector drawing"):
        read_picture(folder / "logo.svg")
    only = folder / "only"
    only.mkdir()
    shutil.copy(folder / "logo.svg", only)
    with pytest.raises(InputError, match=r"no pictures that can be read; left out: logo\.svg"):
        pictures_in(only)
    with pytest.raises(InputError, match="nowhere"):
        pictures_in(folder / "nowhere")


def test_heic_is_read_where_its_package_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in package that registers a decoder, as pillow-heif does."""

    def register() -> None:
        def opened(file: object, name: object) -> Image.Image:
            return Image.new("RGB", (80, 64), (9, 90, 200))

        Image.register_open("HEIF", opened, lambda head: head[4:8] == b"ftyp")

    package = ModuleType("pillow_heif")
    package.register_heif_opener = register  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    monkeypatch.setattr(image, "can_read_heif", lambda: True)
    monkeypatch.setattr("faceshot.media.folder.can_read_heif", lambda: True)
    try:
        assert read_picture(folder / "phone.heic").rgb[0, 0].tolist() == [9, 90, 200]
        assert {"phone.heic", "HEIC_without_suffix"} <= {path.name for path in pictures_in(folder).pictures}
    finally:
        Image.OPEN.pop("HEIF", None)
        Image.ID.remove("HEIF") if "HEIF" in Image.ID else None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.gif", "GIF"), ("a.webp", "WEBP"), ("a.tif", "TIFF"), ("a.avif", "AVIF")],
)
def test_kinds_by_first_bytes(tmp_path: Path, name: str, kind: str) -> None:
    try:
        Image.new("RGB", (50, 50)).save(tmp_path / name)
    except (OSError, KeyError, ValueError):
        pytest.skip(f"this Pillow does not write {name}")
    assert picture_kind(tmp_path / name) == kind
