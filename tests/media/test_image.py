"""Pictures as users bring them: every mode, every orientation, and everything that is not a picture."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from faceshot.errors import InputError, UsageError
from faceshot.media.image import MIN_SIDE, read_picture, write_picture

SIZE = (64, 48)  # width, height


@pytest.fixture
def rgb() -> np.ndarray:
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    return np.stack([x * 4, y * 5, (x + y) * 2], axis=2).astype(np.uint8)


def grey_of(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).convert("L"))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.bmp", "a.tif", "a.PNG", "a.avif", "a.ppm"])
def test_formats(tmp_path: Path, rgb: np.ndarray, name: str) -> None:
    if name == "a.avif" and ".avif" not in Image.registered_extensions():
        pytest.skip("this Pillow has no AVIF")
    options = {"quality": 95} if name != "a.webp" else {"lossless": True}
    Image.fromarray(rgb).save(tmp_path / name, **options)
    picture = read_picture(tmp_path / name)
    assert picture.size == SIZE and picture.alpha is None and picture.name == name
    assert np.abs(picture.rgb.astype(int) - rgb).mean() < 6


def test_first_frame_of_an_animation(tmp_path: Path, rgb: np.ndarray) -> None:
    first, second = Image.fromarray(rgb), Image.fromarray(255 - rgb)
    for name in ("a.gif", "a.webp", "a.png"):
        first.save(tmp_path / name, save_all=True, append_images=[second], duration=50)
        assert np.abs(read_picture(tmp_path / name).rgb.astype(int) - rgb).mean() < 12, name


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_exif_orientation(tmp_path: Path, rgb: np.ndarray, orientation: int, name: str) -> None:
    stored = {  # what a camera stores so that the viewer, following the tag, shows ``rgb``
        1: rgb,
        2: rgb[:, ::-1],
        3: rgb[::-1, ::-1],
        4: rgb[::-1],
        5: rgb.transpose(1, 0, 2),
        6: np.rot90(rgb),
        7: rgb[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(rgb, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / name, exif=exif, quality=98)
    read = read_picture(tmp_path / name).rgb
    assert read.shape == rgb.shape
    assert np.abs(read.astype(int) - rgb).mean() < 6


def deep(kind: str, rgb: np.ndarray, path: Path) -> np.ndarray:
    """Write a deep or odd picture of ``kind``; returns the RGB a reader should see."""
    grey = grey_of(rgb)
    grey3 = np.repeat(grey[..., None], 3, axis=2)
    if kind == "grey":
        Image.fromarray(grey).save(path)
    elif kind == "grey16":
        Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    elif kind == "float unit range":
        Image.fromarray(grey.astype(np.float32) / 255).save(path)
    elif kind == "float 0..255":
        Image.fromarray(grey.astype(np.float32)).save(path)
    elif kind == "int32":
        Image.fromarray(grey.astype(np.int32) * 257).save(path)
    elif kind == "1 bit":
        Image.fromarray(grey > 100).save(path)
        return np.where(grey3 > 100, 255, 0)
    elif kind == "palette":
        Image.fromarray(rgb // 64 * 64).quantize(256).save(path)
        return rgb // 64 * 64
    elif kind == "CMYK":
        Image.fromarray(rgb).convert("CMYK").save(path)
        return rgb
    elif kind == "rgb16":
        import cv2

        cv2.imwrite(str(path), rgb[..., ::-1].astype(np.uint16) * 257)
        return rgb
    return grey3


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("grey", "a.png"), ("grey", "a.jpg"), ("grey16", "a.png"), ("grey16", "a.tif"), ("int32", "a.tif")),
        *(("float unit range", "a.tif"), ("float 0..255", "a.tif"), ("1 bit", "a.png"), ("1 bit", "a.tif")),
        *(("1 bit", "a.bmp"), ("palette", "a.png"), ("palette", "a.gif"), ("CMYK", "a.tif"), ("CMYK", "a.jpg")),
        *(("rgb16", "a.png"), ("rgb16", "a.tif")),
    ],
)
def test_modes(tmp_path: Path, rgb: np.ndarray, kind: str, name: str) -> None:
    want = deep(kind, rgb, tmp_path / name)
    picture = read_picture(tmp_path / name)
    assert picture.alpha is None
    assert np.abs(picture.rgb.astype(int) - want).mean() < 4  # and in particular not clipped


def test_float_without_a_known_range_is_stretched(tmp_path: Path) -> None:
    values = np.linspace(-3, 12, 64 * 64).reshape(64, 64).astype(np.float32)
    values[5, 5] = np.nan
    Image.fromarray(values).save(tmp_path / "a.tif")
    grey = read_picture(tmp_path / "a.tif").rgb[..., 0]
    assert grey[0, 0] == 0 and grey[-1, -1] == 255 and abs(int(grey[32, 0]) - 128) < 3 and grey[5, 5] == 0


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "colour key", "16 bit", "palette with alphas"])
def test_transparency_becomes_a_matte(tmp_path: Path, rgb: np.ndarray, mode: str) -> None:
    matte = np.zeros(rgb.shape[:2], np.uint8)
    matte[10:30, 20:50] = 255
    path = tmp_path / "a.png"
    if mode in ("RGBA", "LA"):
        matte[10:20, 20:30] = 128
        Image.fromarray(np.dstack([rgb, matte])).convert(mode).save(path)
    elif mode == "P":
        indices = np.where(matte > 0, 1, 0).astype(np.uint8)
        picture = Image.frombytes("P", SIZE, indices.tobytes())
        picture.putpalette([0, 0, 0, 200, 30, 40])
        picture.save(path, transparency=0)
    elif mode == "palette with alphas":
        indices = np.where(matte > 0, 1, 0).astype(np.uint8)
        matte = np.where(matte > 0, 90, 255).astype(np.uint8)
        picture = Image.frombytes("P", SIZE, indices.tobytes())
        picture.putpalette([0, 0, 0, 200, 30, 40])
        picture.save(path, transparency=bytes([255, 90]))
    elif mode == "colour key":
        Image.fromarray(np.where(matte[..., None] > 0, rgb | 1, 0).astype(np.uint8)).save(path, transparency=(0, 0, 0))
    else:
        import cv2

        cv2.imwrite(str(path), np.dstack([rgb, matte]).astype(np.uint16) * 257)
    read = read_picture(path)
    assert read.alpha is not None
    np.testing.assert_array_equal(read.alpha, matte)


def test_colours_under_full_transparency_survive_and_opaque_mattes_vanish(tmp_path: Path, rgb: np.ndarray) -> None:
    matte = np.zeros(rgb.shape[:2], np.uint8)
    write_picture(tmp_path / "a.png", rgb, matte)
    read = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(read.rgb, rgb)
    write_picture(tmp_path / "b.png", rgb, matte + 255)
    assert read_picture(tmp_path / "b.png").alpha is None


def test_colour_profile_is_applied(tmp_path: Path) -> None:
    flat = Image.new("RGB", SIZE, (200, 60, 50))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    flat.save(tmp_path / "srgb.png", icc_profile=srgb)
    assert read_picture(tmp_path / "srgb.png").rgb[0, 0].tolist() == [200, 60, 50]
    # A profile of another name in which the red and the blue primary have changed places.
    swapped = srgb.replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be"))
    swapped = swapped.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    flat.save(tmp_path / "swapped.png", icc_profile=swapped)
    np.testing.assert_allclose(read_picture(tmp_path / "swapped.png").rgb[0, 0], [50, 60, 200], atol=2)
    glass = flat.convert("RGBA")
    glass.putalpha(128)
    for name, transparent in (("rgba.png", glass), ("palette.png", glass.quantize(8))):
        transparent.save(tmp_path / name, icc_profile=swapped)
        read = read_picture(tmp_path / name)
        np.testing.assert_allclose(read.rgb[0, 0], [50, 60, 200], atol=3)
        assert read.alpha is not None and read.alpha[0, 0] == 128
    flat.convert("L").save(tmp_path / "grey.jpg", icc_profile=srgb)
    assert np.ptp(read_picture(tmp_path / "grey.jpg").rgb[5, 5]) == 0
    flat.save(tmp_path / "broken.png", icc_profile=b"no profile at all")
    assert read_picture(tmp_path / "broken.png").rgb[0, 0].tolist() == [200, 60, 50]


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header promises any size; the pixels are missing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((256, 256), 90).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


BAD: dict[str, tuple[str, bytes | None, str]] = {
    "missing": ("a.png", None, "does not exist"),
    "empty": ("a.png", b"", "empty"),
    "text": ("a.png", b"this is no picture\n" * 50, "not a readable picture"),
    "bomb beyond Pillow's limit": ("a.png", png_of(30000, 30000), "megapixels"),
    "bomb Pillow would only warn of": ("a.png", png_of(10000, 10000), "10000x10000"),
    "very long": ("a.png", png_of(20000, 64), "20000x64"),
    "1x1": ("a.png", png_of(1, 1), "at least 48"),
    "one side too small": ("a.png", png_of(500, 47), "at least 48"),
    "no pixels": ("a.png", png_of(64, 64), "damaged"),
    "truncated header": ("a.png", png_of(64, 64)[:20], "not a readable picture"),
    "truncated jpeg": ("a.jpg", jpeg()[:3000], "damaged"),
    "video": ("a.mp4", b"\0\0\0\x18ftypmp42" + bytes(500), "driving"),
    "eps, which Pillow would run a program for": ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a readable picture"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_pictures_get_one_clear_line_and_no_warning(tmp_path: Path, case: str) -> None:
    name, content, message = BAD[case]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=message) as caught:
            read_picture(tmp_path / name)
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_picture(tmp_path)


def test_smallest_and_custom_limit(tmp_path: Path) -> None:
    Image.new("RGB", (MIN_SIDE, MIN_SIDE)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").size == (48, 48)
    with pytest.raises(InputError, match="48x48"):
        read_picture(tmp_path / "a.png", max_pixels=1000)


@pytest.mark.slow
def test_8k(tmp_path: Path) -> None:
    Image.new("L", (8192, 8192), 7).save(tmp_path / "a.png", compress_level=1)
    assert read_picture(tmp_path / "a.png").rgb[0, 0].tolist() == [7, 7, 7]


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.bmp", "a.jpg"])
def test_written_pictures_read_back(tmp_path: Path, rgb: np.ndarray, name: str) -> None:
    write_picture(tmp_path / name, rgb)
    error = np.abs(read_picture(tmp_path / name).rgb.astype(int) - rgb)
    assert error.mean() < 1.5 if name == "a.jpg" else error.max() == 0
    with pytest.raises(InputError, match="overwrite=True"):
        write_picture(tmp_path / name, rgb)
    write_picture(tmp_path / name, rgb, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_written_mattes_read_back(tmp_path: Path, rgb: np.ndarray, name: str) -> None:
    alpha = rgb[..., 0].copy()
    write_picture(tmp_path / name, rgb, alpha)
    read = read_picture(tmp_path / name)
    np.testing.assert_array_equal(read.alpha, alpha)
    np.testing.assert_array_equal(read.rgb, rgb)


@pytest.mark.parametrize(("name", "matte"), [("a.jpg", True), ("a.bmp", True), ("a.xyz", False), ("a", False)])
def test_formats_that_cannot_hold_it_are_refused(tmp_path: Path, rgb: np.ndarray, name: str, matte: bool) -> None:
    with pytest.raises(UsageError):
        write_picture(tmp_path / name, rgb, rgb[..., 0].copy() if matte else None)
    assert not list(tmp_path.iterdir())
