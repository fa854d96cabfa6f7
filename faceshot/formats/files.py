"""Landmark files: one function to read and one to write, for a face and for a clip; the suffix decides the format.

================= ======================================================================================
``.json``         our own, version 1: everything, to be edited by hand and compared (3 decimals)
``.npz``          everything, exact to the bit
``.npy``          the bare array (68, 2) or (T, 68, 2): no size, no rate
``.pts``          300-W, one face, 1-based on disk: no size
``.csv``          written only: Live Link Face, 52 blendshapes and turns of a clip with an expression channel
``.coco.json``    COCO keypoints; read from any ``.json`` that holds ``annotations``
``.labelme.json`` labelme, one face; read from any ``.json`` of its form
``.xml``          dlib's imglab, one face, whole pixels; CVAT's is read as well
================= ======================================================================================

Read only: Label Studio, OpenPose and MediaPipe (``.json``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

from faceshot.errors import InputError, UsageError
from faceshot.formats import annotators, arrays, foreign, labelling, live_link
from faceshot.formats import own_json as own
from faceshot.formats.content import Content, of_landmarks, of_sequence
from faceshot.formats.labelled import Labelled, pick
from faceshot.landmarks import Landmarks, LandmarkSequence
from faceshot.media import check_file
from faceshot.output import writing
from faceshot.reading import edge

Suffix = Literal[".json", ".npz", ".npy", ".pts", ".coco.json", ".labelme.json", ".xml"]
SUFFIXES: tuple[Suffix, ...] = get_args(Suffix)
#: Those that hold one face.
SINGLE: tuple[Suffix, ...] = (".pts", ".labelme.json", ".xml")


def is_landmark_file(path: str | Path) -> bool:
    """Whether the name ends like a landmark file (a clip or picture otherwise)."""
    return Path(path).name.lower().endswith(SUFFIXES)


def holds_one(path: str | Path) -> bool:
    """Whether the name is that of a format that holds one face, no clip."""
    return Path(path).name.lower().endswith(SINGLE)


def read_landmarks(path: str | Path, *, size: tuple[int, int] | None = None, picture: str | None = None) -> Landmarks:
    """Read the landmarks of one picture; a clip of one frame will do.

    ``size`` (width, height) is used for formats that state none (``.npy``, ``.pts``). ``picture``, the name of its
    file, chooses where labels of several pictures are in one file.

    Raises:
        UsageError: unknown suffix.
        InputError: missing, damaged, not 68 points, not finite, several frames, no size; the message names the file.
    """
    path = Path(path)
    return read_content(path, single=True, picture=picture).landmarks(path, size)


def read_sequence(
    path: str | Path, *, size: tuple[int, int] | None = None, fps: Fraction | None = None
) -> LandmarkSequence:
    """Read the landmarks of a clip; those of one picture give a clip of one frame.

    ``size`` (width, height) and ``fps`` are used for formats that state none; without either, 30 frames per second.

    Raises:
        UsageError: unknown suffix.
        InputError: as :func:`read_landmarks`.
    """
    path = Path(path)
    return read_content(path).sequence(path, size, fps)


def write_landmarks(
    path: str | Path, landmarks: Landmarks, *, overwrite: bool = False, edited: Iterable[int] = ()
) -> None:
    """Write the landmarks of one picture; a ``.json`` notes which points were ``edited`` by hand.

    Raises:
        UsageError: unknown suffix.
        InputError: as :func:`faceshot.output.check_output`.
    """
    _write(Path(path), of_landmarks(landmarks, edited), overwrite)


def write_sequence(
    path: str | Path, sequence: LandmarkSequence, *, overwrite: bool = False, sized: bool = True
) -> None:
    """Write the landmarks of a clip (a format of one face only where it has one frame); a ``.csv`` is its expression.

    Without ``sized`` the file states no picture size, for landmarks of which none is known.

    Raises:
        UsageError: unknown suffix, several frames into a format of one face, no expression channel for ``.csv``.
        InputError: as :func:`faceshot.output.check_output`.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        try:
            text = live_link.live_link_text(sequence)
        except InputError as error:
            raise UsageError(f"{path}: {error}") from error
        with writing(path, overwrite=overwrite) as part:
            part.write_text(text, encoding="utf-8")
        return
    if holds_one(path):
        if len(sequence) != 1:
            raise UsageError(f"{path}: {_suffix(path)} holds one face, the clip has {len(sequence)}; use .json or .npz")
        _write(path, of_landmarks(sequence[0]), overwrite)
    else:
        content = of_sequence(sequence)
        _write(path, content if sized else replace(content, size=None), overwrite)


def _suffix(path: Path) -> Suffix:
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return suffix
    raise UsageError(f"landmark file {path} needs one of the suffixes {' '.join(SUFFIXES)}")


def read_content(path: str | Path, *, single: bool = False, picture: str | None = None) -> Content:
    """What a landmark file states, whichever its format; not yet checked.

    Where it holds labels of several pictures, these are the frames of a clip, or with ``single`` one of them is taken,
    the one whose file is called ``picture``.

    Raises:
        UsageError: unknown suffix. InputError: missing or damaged; the message names the file.
    """
    path = Path(path)
    suffix = _suffix(path)
    check_file(path, "landmark file")
    with edge(f"landmark file {path} is malformed ({{}}); export it again"):
        return _content(path, suffix, single, picture)


def _content(path: Path, suffix: Suffix, single: bool, picture: str | None) -> Content:
    if suffix == ".xml":
        return _labelled(annotators.read_xml(path), path, single, picture)
    if suffix == ".npy":
        return arrays.read_npy(path)
    if suffix == ".npz":
        return arrays.read_npz(path)
    if suffix == ".pts":
        return foreign.read_pts(path)
    value = own.parse(path)
    if isinstance(value, dict) and "annotations" in value:
        return foreign.read_coco(path, value, single=single, picture=picture)
    if annotators.recognised(value) is not None:
        return _labelled(annotators.read(value, path), path, single, picture)
    if isinstance(value, list) and value and isinstance(value[0], list):
        return arrays.of_array(value, path)
    return own.read(path, value)


def _labelled(faces: list[Labelled], path: Path, single: bool, picture: str | None) -> Content:
    """The one picture that is meant; several are a data set, no clip."""
    if not single and len(faces) > 1:
        raise InputError(f"{path} holds labels of {len(faces)} pictures, not of the frames of a clip")
    return faces[pick([face.name for face in faces], picture, path)].content(path)


def _write(path: Path, content: Content, overwrite: bool) -> None:
    suffix = _suffix(path)
    picture = labelling.picture_name(path, path.name[: -len(suffix)])
    with writing(path, overwrite=overwrite) as part:
        if suffix == ".npy":
            arrays.write_npy(part, content)
        elif suffix == ".npz":
            arrays.write_npz(part, content)
        elif suffix == ".pts":
            part.write_text(foreign.pts_text(content), encoding="utf-8")
        elif suffix == ".coco.json":
            part.write_text(foreign.coco_text(content, path.name[: -len(suffix)]), encoding="utf-8")
        elif suffix == ".labelme.json":
            part.write_text(labelling.labelme_text(content, picture), encoding="utf-8")
        elif suffix == ".xml":
            part.write_text(labelling.dlib_text(content, picture), encoding="utf-8")
        else:
            part.write_text(own.text(content), encoding="utf-8")
