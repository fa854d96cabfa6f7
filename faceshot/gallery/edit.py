"""Changing galleries: adding a folder of annotated pictures as a domain, taking one away."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from faceshot.errors import InputError, UsageError, option
from faceshot.gallery.store import (
    FEATURES_FILE,
    NAME,
    SCHEMA,
    SHIPPED,
    USER,
    Domain,
    check_annotation,
    data_dir,
    domain_folders,
    read_domain,
    refuse_twins,
)
from faceshot.landmarks import Landmarks, Picture, Size
from faceshot.opencv import require_opencv
from faceshot.output import removing, writing

PICTURE_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
LANDMARK_SUFFIXES: Final = (".coco.json", ".labelme.json", ".landmarks.json", ".json", ".npy", ".npz", ".pts", ".xml")
#: Drawings that ``match`` and ``gallery review`` make beside a picture; they are no pictures of the domain.
DRAWINGS: Final = (".overlay.png", ".refused.png", ".review.png")
#: Added pictures are cut to this many face boxes about the face, and to faces of at most this many pixels.
KEEP_AROUND: Final = 2.5
KEEP_FACE: Final = 384


def add_domain(name: str, folder: str | Path, *, gallery: str | Path = USER) -> Domain:
    """Add a folder of pictures, each with a landmark file of the same name beside it, as domain ``name``.

    Everything is checked before anything is written. Stored pictures are PNG, cut around the face and at most a few
    hundred pixels wide; the user's files stay as they are.

    Args:
        name: lower-case letters, digits and hyphens.
        folder: pictures, each with a landmark file (``LANDMARK_SUFFIXES``) of the same stem.
        gallery: name or folder of the gallery to add to; made when it does not exist.

    Raises:
        UsageError: bad name, or the shipped gallery.
        InputError: the domain exists, a picture or landmark file is unusable, or the disk refuses.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"domain name {name!r} must be 1 to 40 of a-z, 0-9 and hyphen, beginning with neither")
    target = _writable(gallery) / "domains" / name
    if target.exists():
        raise InputError(f"domain {name!r} exists in gallery {gallery}; run first: faceshot gallery remove {name}")
    pairs = _pairs(Path(folder))
    loaded = [(path.stem, *_load_pair(path, marks)) for path, marks in pairs]
    with writing(target, folder=True) as part:
        _write_domain(part, loaded)
    return read_domain(target, str(gallery))


def _writable(gallery: str | Path) -> Path:
    """The folder of a gallery that may be changed; need not exist yet."""
    if str(gallery) == SHIPPED:
        raise UsageError(f"the shipped gallery is read-only; use {option('gallery')} with a name or folder of your own")
    if NAME.fullmatch(str(gallery)) and not Path(gallery).is_dir():
        return data_dir() / "galleries" / str(gallery)
    folder = Path(gallery)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"gallery {gallery} is a file; give a folder or a name of a-z, 0-9 and hyphen")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "domains").is_dir():
        raise UsageError(f"folder {gallery} is no gallery (no domains/ in it) and not empty; give a new folder")
    return folder


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """(picture, landmark file) of every picture in ``folder``, sorted by name."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of pictures")
    pictures = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.endswith(DRAWINGS)
    )
    if not pictures:
        raise InputError(f"no pictures in {folder}; put PNG, JPEG or WebP files there, landmarks beside them")
    refuse_twins([path.stem for path in pictures], str(folder))
    pairs = []
    for path in pictures:
        found = [path.with_name(path.stem + suffix) for suffix in LANDMARK_SUFFIXES]
        found = [place for place in found if place.is_file()]
        if not found:
            names = ", ".join(path.stem + suffix for suffix in LANDMARK_SUFFIXES)
            raise InputError(f"{path} has no landmarks beside it; make one of {names} (faceshot match {path} -o ...)")
        if len(found) > 1:
            raise InputError(f"{path} has two landmark files, {found[0].name} and {found[1].name}; keep one")
        pairs.append((path, found[0]))
    return pairs


def _load_pair(path: Path, marks: Path) -> tuple[Picture, Landmarks]:
    """A picture and its landmarks, cut around the face."""
    require_opencv()
    import cv2

    from faceshot.formats import read_landmarks
    from faceshot.media import read_picture

    picture = read_picture(path)
    landmarks = read_landmarks(marks, size=picture.size, picture=picture.name)
    if landmarks.size != picture.size:
        sizes = [f"{size.width}x{size.height}" for size in (landmarks.size, picture.size)]
        raise InputError(f"{marks} is for a picture of {sizes[0]}, but {path} has {sizes[1]}")
    check_annotation(landmarks, str(marks))
    # 1. Keep some surroundings, not a whole photograph.
    low, high = landmarks.xy.min(0), landmarks.xy.max(0)
    reach = KEEP_AROUND / 2 * float((high - low).max())
    middle = (low + high) / 2
    first = np.clip(np.floor(middle - reach).astype(int), 0, None)
    last = np.clip(np.ceil(middle + reach).astype(int) + 1, None, picture.size)
    rgb = picture.flat()[first[1] : last[1], first[0] : last[0]]
    cut = replace(landmarks, xy=landmarks.xy - first, size=Size(rgb.shape[1], rgb.shape[0]), score=None)
    # 2. Not more pixels than any preset looks at.
    shrink = KEEP_FACE / float((high - low).max())
    if shrink < 1:
        size = Size(max(1, round(cut.size.width * shrink)), max(1, round(cut.size.height * shrink)))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        cut = cut.resized(size)
    return Picture(np.ascontiguousarray(rgb), name=path.name), cut


def _write_domain(folder: Path, loaded: Sequence[tuple[str, Picture, Landmarks]]) -> None:
    from faceshot.media import write_picture

    entries = []
    for name, picture, landmarks in loaded:
        file = f"images/{name}.png"
        write_picture(folder / file, picture.rgb)
        entries.append(
            {
                "id": name,
                "file": file,
                "size": list(landmarks.size),
                "points": [[round(float(v), 3) for v in point] for point in landmarks.xy],
                "absent": sorted(landmarks.absent),
                **({"hidden": sorted(landmarks.hidden)} if landmarks.hidden else {}),
            }
        )
    data = {"schema": SCHEMA, "scheme": "ibug68", "images": entries}
    (folder / "landmarks.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def remove_domain(name: str, *, gallery: str | Path = USER) -> Path:
    """Delete domain ``name`` from a gallery of the user's, damaged or not; returns the folder that is gone.

    Raises:
        UsageError: no such domain or gallery, or the shipped gallery.
        InputError: the folder holds files that are not a domain's, or cannot be deleted.
    """
    _writable(gallery)
    folders = domain_folders(gallery)
    if name not in folders:
        raise UsageError(f"gallery {gallery} has no domain {name!r}; it has {', '.join(folders) or 'none'}")
    folder = folders[name]
    ours = {"landmarks.json", FEATURES_FILE}
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    foreign = [
        path for path in files if path.name not in ours and (path.suffix != ".png" or path.parent != folder / "images")
    ]
    if foreign or folder.is_symlink():
        raise InputError(f"{foreign[0] if foreign else folder} is not part of domain {name!r}; move it away first")
    try:
        with removing(folder):
            pass
    except OSError as error:
        raise InputError(f"cannot delete {folder}: {error.strerror or error}") from error
    return folder
