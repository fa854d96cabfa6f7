"""A folder as it comes from a phone, a Mac or a browser: which of its files are pictures, and which only look so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from faceshot.errors import InputError
from faceshot.media.image import can_read_heif, picture_kind

#: Suffixes of pictures we read.
_READ = {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".avif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".mpo"),
}
_HEIF = {".heic", ".heif", ".hif"}
#: Suffixes of pictures we do not read -> what they are.
_OTHERS = {
    **dict.fromkeys((".svg", ".svgz", ".ai", ".eps"), "a vector drawing; export it as PNG"),
    **dict.fromkeys((".psd", ".psb", ".xcf", ".kra", ".clip", ".afphoto", ".procreate"), "a layered file; export PNG"),
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"), "a raw photograph; export JPEG"),
    **dict.fromkeys((".jxl", ".exr", ".hdr", ".tga", ".ico", ".icns", ".pdf"), "not read; convert it to PNG"),
}


@dataclass(frozen=True)
class FolderPictures:
    """The pictures of a folder, sorted by name, and those that cannot be read, each with the reason."""

    pictures: tuple[Path, ...]
    left_out: tuple[tuple[Path, str], ...]

    def note(self) -> str | None:
        """One line about what was left out, None if nothing was."""
        if not self.left_out:
            return None
        named = "; ".join(f"{path.name} ({reason})" for path, reason in self.left_out[:4])
        more = f" and {len(self.left_out) - 4} more" if len(self.left_out) > 4 else ""
        return f"left out: {named}{more}"


def pictures_in(folder: str | Path) -> FolderPictures:
    """What ``folder`` holds in pictures; not the folders in it, hidden files (``._one.jpg`` of a Mac) or other files.

    A file without a suffix is a picture if its first bytes say so.

    Raises:
        InputError: no folder, or no picture in it.
    """
    folder = Path(folder)
    try:
        files = sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.is_file())
    except OSError as error:
        raise InputError(f"folder {folder} cannot be read: {error.strerror or error}") from error
    pictures, left_out = [], []
    for path in files:
        suffix = path.suffix.lower()
        kind = picture_kind(path) if suffix == "" else ""
        if suffix in _HEIF or kind == "HEIF":
            if can_read_heif():
                pictures.append(path)
            else:
                left_out.append((path, "HEIC; pip install pillow-heif, or convert it to JPEG"))
        elif suffix in _READ or kind:
            pictures.append(path)
        elif suffix in _OTHERS:
            left_out.append((path, _OTHERS[suffix]))
    found = FolderPictures(tuple(pictures), tuple(left_out))
    if not pictures:
        note = found.note()
        raise InputError(f"folder {folder} holds no pictures that can be read" + (f"; {note}" if note else ""))
    return found
