"""Pictures in and out: whatever a user's file holds becomes an upright 8-bit RGB :class:`Picture` with its matte."""

from __future__ import annotations

import importlib.util
import io
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.errors import InputError, UsageError, option
from faceshot.landmarks import Picture, RGBArray
from faceshot.output import writing
from faceshot.reading import FOREIGN, MAX_PIXELS, MAX_SIDE, MIN_SIDE, check_regular, edge, reason

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger("faceshot")

#: Formats Pillow may decode. A closed list, because some of its others start foreign programs (EPS) or read anything.
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "PPM", "JPEG2000", "HEIF")
#: First bytes of picture files -> what they are, for names that do not say.
_HEADS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"\0\0\0\x0cjP  ": "JPEG2000",
}
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
#: Suffixes :func:`write_picture` knows -> (Pillow format, whether it keeps a matte, save options).
SUFFIXES: dict[str, tuple[str, bool, dict[str, Any]]] = {
    ".png": ("PNG", True, {"compress_level": 3}),
    ".webp": ("WEBP", True, {"lossless": True, "exact": True, "method": 2}),
    ".tif": ("TIFF", True, {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", True, {"compression": "tiff_deflate"}),
    ".jpg": ("JPEG", False, {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", False, {"quality": 95, "subsampling": 0}),
    ".bmp": ("BMP", False, {}),
}
#: Rows of a deep picture converted at a time.
_BAND = 256
_READABLE = "PNG, JPEG, WebP, GIF, BMP or TIFF"
_CLIP_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"}


def check_file(path: str | Path, what: str) -> Path:
    """The path of a file that exists and has content; ``what`` (picture, clip, ...) begins the message otherwise.

    Raises:
        InputError: missing, a folder, empty or unreadable.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f"{what} {path} does not exist; check the name and the folder")
        if path.is_dir():
            raise InputError(f"{what} {path} is a folder; name one file")
        check_regular(path, what)
        if path.stat().st_size == 0:
            raise InputError(f"{what} {path} is empty (0 bytes); copy or download it again")
        with path.open("rb"):
            pass
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{what} {path} cannot be read: {reason}") from error
    return path


def open_image(path: Path, what: str, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Open with Pillow and check the size in the header, before any pixel is decoded; the caller closes it.

    Raises:
        InputError: not a picture, or larger than ``max_pixels``.
    """
    from PIL import Image

    if picture_kind(path) == "HEIF":
        _add_heif(path, what)
    too_large = f"more than the {max_pixels / 1e6:.0f} megapixels (or {MAX_SIDE} on a side) accepted; make it smaller"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of bombs and of odd tags; our own check follows
            Image.init()
            picture = Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise InputError(f"{what} {path} has {too_large}") from error
    except FOREIGN as error:
        hint = f"; a clip goes to {option('driving')}" if path.suffix.lower() in _CLIP_SUFFIXES else ""
        hint = "; it is a vector drawing, export it as PNG" if picture_kind(path) == "SVG" else hint
        raise InputError(f"{what} {path} is not a readable picture; convert it to {_READABLE}{hint}") from error
    width, height = picture.size
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        picture.close()
        raise InputError(f"{what} {path} is {width}x{height} pixels, {too_large}")
    return picture


def picture_kind(path: Path) -> str:
    """What a file is by its first bytes: a format of Pillow's, ``HEIF``, ``SVG``, or nothing known (empty)."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except (OSError, ValueError):
        return ""
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "AVIF" if brand in (b"avif", b"avis") else "HEIF" if brand in _HEIF_BRANDS else ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if b"<svg" in head:
        return "SVG"
    return next((kind for start, kind in _HEADS.items() if head.startswith(start)), "")


def can_read_heif() -> bool:
    """Whether the package that reads HEIC pictures is here."""
    return importlib.util.find_spec("pillow_heif") is not None


def _add_heif(path: Path, what: str) -> None:
    """Teach Pillow HEIC, the format of iPhones."""
    from PIL import Image

    if "HEIF" in Image.OPEN:
        return
    if not can_read_heif():
        raise InputError(f"{what} {path} is HEIC; run: pip install pillow-heif, or convert it to JPEG")
    import pillow_heif

    pillow_heif.register_heif_opener()


def read_picture(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture (the first frame of an animation), turned upright by its EXIF orientation.

    16-bit, floating-point and other deep data are scaled to 8 bits, colours go to sRGB by an embedded profile,
    transparency of any kind (alpha channel, palette, colour key) becomes the matte; a matte that is opaque
    everywhere becomes None.

    Raises:
        InputError: missing, damaged, no picture, smaller than 48 pixels on a side or larger than ``max_pixels``.
    """
    path = check_file(path, "picture")
    opened = open_image(path, "picture", max_pixels=max_pixels)
    with opened, edge(f"picture {path} is damaged ({{}}); copy or download it again"):
        width, height = opened.size
        if min(width, height) < MIN_SIDE:
            raise InputError(
                f"picture {path} is {width}x{height} pixels; both sides must be at least {MIN_SIDE}, use a larger one"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rgb, alpha = decode(opened)
    return Picture(rgb, alpha, name=path.name)


def decode(picture: Image.Image) -> tuple[RGBArray, RGBArray | None]:
    """The current frame as uint8 RGB (H, W, 3) and matte (H, W) or None, upright and in sRGB."""
    picture.load()
    upright = _upright(picture)
    if upright.mode in ("F", "I") or upright.mode.startswith("I;"):
        deep, key = _deep_grey(upright)
        return np.repeat(deep[..., None], 3, axis=2), key
    profile = upright.info.get("icc_profile")
    alpha: RGBArray | None = None
    if upright.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in upright.info:
        whole = (upright.convert("LA") if upright.mode == "La" else upright).convert("RGBA")
        alpha = np.array(whole.getchannel("A"))
        grey = upright.mode in ("L", "LA", "La", "1")
        upright = whole.convert("RGB").convert("L" if grey else "RGB")
    elif upright.mode not in ("RGB", "CMYK", "L"):
        upright = upright.convert("RGB")
    rgb = np.array((_to_srgb(upright, profile) if profile else upright).convert("RGB"))
    return rgb, None if alpha is None or bool((alpha == 255).all()) else alpha


def _upright(picture: Image.Image) -> Image.Image:
    """Undo the EXIF orientation (Pillow has already done so for TIFF, and then removed the tag)."""
    from PIL import Image

    turn = Image.Transpose
    turns = dict(
        enumerate(
            (turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM)
            + (turn.TRANSPOSE, turn.ROTATE_270, turn.TRANSVERSE, turn.ROTATE_90),
            start=2,
        )
    )
    method = turns.get(orientation(picture))
    if method is None:
        return picture
    info = picture.info
    turned = picture.transpose(method)
    turned.info = info
    return turned


def orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) where there is none, or nonsense."""
    try:
        found = picture.getexif().get(0x0112)
    except FOREIGN as error:
        log.warning("EXIF data cannot be read (%s); orientation is taken as upright", reason(error))
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _deep_grey(picture: Image.Image) -> tuple[RGBArray, RGBArray | None]:
    """16-bit, 32-bit and floating-point greyscale to 8 bits, scaled by the range the numbers are meant in."""
    values = np.asarray(picture)
    key = picture.info.get("transparency")
    alpha = np.where(values == key, 0, 255).astype(np.uint8) if isinstance(key, int) else None
    bands = [slice(top, top + _BAND) for top in range(0, len(values), _BAND)]
    # Band by band: a large picture in float64 would take gigabytes.
    ends = [(float(f.min()), float(f.max())) for band in bands if (f := values[band][np.isfinite(values[band])]).size]
    low, high = (min(end[0] for end in ends), max(end[1] for end in ends)) if ends else (0.0, 0.0)
    if picture.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif picture.mode == "F" and low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 65535:
        low, high = 0.0, float((1 << _stored_bits(picture)) - 1)
    grey = np.empty(values.shape, np.uint8)
    for band in bands:
        part = np.nan_to_num(values[band].astype(np.float64), nan=low, posinf=high, neginf=low)
        grey[band] = np.clip(np.rint((part - low) * (255.0 / max(high - low, 1e-30))), 0, 255)
    return grey, alpha


def _stored_bits(picture: Image.Image) -> int:
    """Bits per grey sample: 16, or 12 as some TIFF scanners and microscopes write."""
    bits = getattr(picture, "tag_v2", {}).get(258, (16,))
    first = bits[0] if isinstance(bits, tuple) else bits
    return first if first in (12, 14) else 16


def _to_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Apply an embedded colour profile (camera phones: Display P3; print: CMYK) unless it is sRGB already."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if picture.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
            picture = picture.convert("RGB")
        if picture.mode == "RGB" and "srgb" in ImageCms.getProfileDescription(source).lower():
            return picture
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        log.warning("colour profile cannot be used (%s); colours are taken as sRGB", error)
        return picture
    return picture if converted is None else converted


def write_picture(
    path: str | Path,
    rgb: RGBArray,
    alpha: RGBArray | None = None,
    *,
    overwrite: bool = False,
    texts: dict[str, str] | None = None,
) -> None:
    """Write uint8 (H, W, 3), with an optional matte (H, W), in the format of the suffix.

    PNG, WebP, TIFF and BMP are lossless; JPEG is written at quality 95. ``texts`` are text entries for PNG files.

    Raises:
        UsageError: unknown suffix, or a matte in a format without transparency.
        InputError: as :func:`faceshot.output.check_output`; wrong shape or type.
    """
    from PIL import Image, PngImagePlugin

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"picture {path} needs one of the suffixes {' '.join(SUFFIXES)}")
    name, keeps_matte, options = SUFFIXES[suffix]
    if alpha is not None and not keeps_matte:
        raise UsageError(f"{suffix} keeps no transparency; name the picture {path.stem}.png or .webp")
    checked = Picture(rgb, alpha, name=path.name)
    array = checked.rgb if alpha is None else np.dstack([checked.rgb, alpha])
    if texts and name == "PNG":
        info = PngImagePlugin.PngInfo()
        for key, text in texts.items():
            info.add_itxt(key, text)
        options = {**options, "pnginfo": info}
    with writing(path, overwrite=overwrite) as part:
        Image.fromarray(np.ascontiguousarray(array)).save(part, format=name, **options)
