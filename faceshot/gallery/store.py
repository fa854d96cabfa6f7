"""Galleries on disk: annotated pictures, one folder per domain; where they lie, how they are read and changed.

Layout: ``<gallery>/domains/<domain>/landmarks.json`` and ``images/<id>.png``. A domain without pictures may hold ready
features instead (``features.safetensors``). The shipped gallery is read-only; the user's lie below ``FACESHOT_DATA``
(or the platform's data folder) or wherever they were put.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.landmarks import Landmarks
from faceshot.models import locate
from faceshot.reading import edge, expanded, read_json

SCHEMA: Final = 1
SHIPPED: Final = "shipped"
USER: Final = "user"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
FEATURES_FILE: Final = "features.safetensors"
#: A face's box must have at least this many pixels on its longer side to be worth annotating.
LEAST_FACE: Final = 32


@dataclass(frozen=True, eq=False)
class GalleryPicture:
    """One annotated picture of a domain; ``landmarks`` are in its pixels."""

    id: str
    path: Path
    landmarks: Landmarks


@dataclass(frozen=True, eq=False)
class Domain:
    """One kind of character.

    Attributes:
        name: as in ``--domains``.
        gallery: name or path of the gallery it belongs to.
        folder: where it lies.
        pictures: in the order of ``landmarks.json``; empty for a domain of ready features.
    """

    name: str
    gallery: str
    folder: Path
    pictures: tuple[GalleryPicture, ...]

    def content(self) -> str:
        """16 hex digits over annotations and picture files.

        Raises:
            InputError: a picture is missing.
        """
        digest = hashlib.sha256()
        for picture in self.pictures:
            marks = picture.landmarks
            digest.update(f"{picture.id} {tuple(marks.size)} {sorted(marks.absent)}".encode())
            if marks.hidden:
                digest.update(f" {sorted(marks.hidden)}".encode())
            digest.update(np.ascontiguousarray(marks.xy, "<f4").tobytes())
            try:
                digest.update(picture.path.read_bytes())
            except OSError as error:
                raise InputError(f"gallery picture {picture.path} cannot be read: {error.strerror}") from error
        return digest.hexdigest()[:16]


def data_dir() -> Path:
    """Where the user's galleries live: ``FACESHOT_DATA``, else the platform's folder for user data."""
    if given := os.environ.get("FACESHOT_DATA"):
        return expanded(given, "FACESHOT_DATA")
    base = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(base) / "faceshot" if base else Path.home() / ".local" / "share" / "faceshot"


def gallery_folder(gallery: str | Path) -> Path:
    """The folder of a gallery given by name (``shipped``, ``user``, another below the data folder) or path.

    Raises:
        MissingError: the shipped gallery is not installed.
        UsageError: no such gallery; the message lists those there are.
    """
    if str(gallery) == SHIPPED:
        folder = locate("package:faceshot_gallery")
        if not (folder / "domains").is_dir():
            raise MissingError(f"the shipped gallery has no pictures in {folder}; reinstall faceshot")
        return folder
    named = data_dir() / "galleries" / str(gallery)
    if NAME.fullmatch(str(gallery)) and (named / "domains").is_dir():
        return named
    if (Path(gallery) / "domains").is_dir():
        return Path(gallery)
    known = ", ".join(gallery_names())
    raise UsageError(f"no gallery {str(gallery)!r} (a folder with domains/ in it); known are {known}")


def gallery_names() -> list[str]:
    """``shipped`` and the user's galleries."""
    root = data_dir() / "galleries"
    return [SHIPPED, *sorted(path.parent.name for path in root.glob("*/domains"))]


def default_galleries() -> list[str]:
    """What is used when none is named: the shipped gallery and, when there is one, the user's."""
    return [name for name in gallery_names() if name in (SHIPPED, USER)]


def list_domains(gallery: str | Path) -> list[Domain]:
    """All domains of a gallery by name, annotations read and checked, picture files not opened.

    Raises:
        UsageError, MissingError: no such gallery.
        InputError: a domain's annotations are damaged, or the gallery is empty.
    """
    paths = domain_folders(gallery)
    if not paths:
        raise InputError(f"gallery {gallery} has no domains; add one with: faceshot gallery add NAME FOLDER")
    return [read_domain(path, str(gallery)) for path in paths.values()]


def domain_folders(gallery: str | Path) -> dict[str, Path]:
    """Name -> folder of every domain of a gallery, by name."""
    folder = gallery_folder(gallery) / "domains"
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")}


def find_domain(name: str, gallery: str | Path) -> Domain:
    """One domain of a gallery.

    Raises:
        UsageError: no such domain; the message lists those there are.
    """
    folders = domain_folders(gallery)
    if name not in folders:
        raise UsageError(f"gallery {gallery} has no domain {name!r}; it has {', '.join(folders) or 'none'}")
    return read_domain(folders[name], str(gallery))


def read_domain(folder: Path, gallery: str) -> Domain:
    """Read one domain's folder; picture files are not opened.

    Raises:
        InputError: with the file, the picture's id and what is wrong.
    """
    path = folder / "landmarks.json"
    if not path.is_file() and (folder / FEATURES_FILE).is_file():
        return Domain(folder.name, gallery, folder, ())
    data = read_json(path, "annotations")
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or data.get("scheme") != "ibug68":
        raise InputError(f'{path} must be an object with "schema": {SCHEMA} and "scheme": "ibug68"')
    entries = data.get("images")
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path} lists no images")
    with edge(f"annotations {path} are malformed ({{}}); make them again"):
        home = path.parent.resolve()
        pictures = tuple(_read_entry(entry, path, home) for entry in entries)
    refuse_twins([picture.id for picture in pictures], str(path))
    return Domain(folder.name, gallery, folder, pictures)


def _read_entry(entry: Any, path: Path, home: Path) -> GalleryPicture:
    if not isinstance(entry, dict) or not all(key in entry for key in ("id", "file", "size", "points")):
        raise InputError(f"{path}: every image needs id, file, size and points")
    place = (path.parent / str(entry["file"])).resolve()
    if home not in place.parents:
        raise InputError(f"{path}: image {entry['id']}: file {entry['file']!r} lies outside the domain's folder")
    try:
        lacking = {"absent": entry.get("absent", ()), "hidden": entry.get("hidden", ())}
        landmarks = Landmarks(entry["points"], entry["size"], **lacking)
    except (InputError, TypeError) as error:
        raise InputError(f"{path}: image {entry['id']}: {error}") from error
    check_annotation(landmarks, f"{path}: image {entry['id']}")
    return GalleryPicture(str(entry["id"]), place, landmarks)


def check_annotation(landmarks: Landmarks, what: str) -> None:
    """Refuse annotations no feature can be read from.

    Raises:
        InputError: no visible part, a visible point outside the picture, or a face that is too small.
    """
    visible = landmarks.visible
    if not visible.any():
        raise InputError(f"{what}: every part is absent, so there is nothing to learn from it")
    xy = landmarks.xy
    outside = visible & ((xy < -0.5) | (xy > np.array(landmarks.size) - 0.5)).any(1)
    if outside.any():
        i = int(outside.argmax())
        size = f"{landmarks.size.width}x{landmarks.size.height}"
        raise InputError(f"{what}: point {i} at ({xy[i, 0]:.1f}, {xy[i, 1]:.1f}) lies outside the {size} picture")
    extent = float(np.ptp(xy[visible], axis=0).max())
    if extent < LEAST_FACE:
        raise InputError(f"{what}: the landmarks span {extent:.0f} px; at least {LEAST_FACE} are needed")


def refuse_twins(ids: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for name in ids:
        if name.lower() in seen:
            raise InputError(f"{what}: two pictures are called {name!r}; names must differ")
        seen.add(name.lower())
