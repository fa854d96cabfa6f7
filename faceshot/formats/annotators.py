"""Files of labelling programs and detectors: labelme, Label Studio, OpenPose, MediaPipe (JSON); dlib, CVAT (XML).

Every reader gives a list of :class:`Labelled`; the caller picks the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import InputError
from faceshot.formats.content import number
from faceshot.formats.labelled import Labelled, in_order

#: Larger XML files are no landmark files of one data set.
_MOST_BYTES = 48 << 20


def recognised(value: Any) -> Callable[[Any, Path], list[Labelled]] | None:
    """The reader for a JSON value of another program; None where it is none we know."""
    if isinstance(value, dict):
        if "shapes" in value and ("imagePath" in value or "imageWidth" in value or "flags" in value):
            return labelme
        if "people" in value:
            return openpose
        if "faceLandmarks" in value or "face_landmarks" in value:
            return mediapipe
    if isinstance(value, list) and value and isinstance(value[0], dict):
        if any(key in value[0] for key in ("annotations", "completions", "annotation_id", "data")):
            return label_studio
        if {"x", "y"} <= value[0].keys():
            return mediapipe
    return None


def read(value: Any, path: Path) -> list[Labelled]:
    """The faces of a recognised JSON value.

    Raises:
        InputError: malformed, or nothing labelled in it; the message names the file.
    """
    reader = recognised(value)
    assert reader is not None
    try:
        faces = reader(value, path)
    except InputError as error:
        raise InputError(f"{path}: {error}" if str(path) not in str(error) else str(error)) from error
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        kind = reader.__name__.replace("_", " ")
        raise InputError(f"{path} is not a complete {kind} file ({type(error).__name__}: {error})") from error
    if not faces:
        raise InputError(f"{path} holds no labelled points")
    return faces


def labelme(value: Any, path: Path) -> list[Labelled]:
    """Shapes of type point; a group is a face; our own flag says what is hidden."""
    shapes = [shape for shape in value["shapes"] if shape.get("shape_type", "point") == "point"]
    places = [(str(shape["label"]), _pair(shape["points"][0])) for shape in shapes]
    if len({shape.get("group_id") for shape in shapes}) > 1:
        raise InputError("it holds points of several groups; keep those of one face")
    size = _size(value.get("imageWidth"), value.get("imageHeight"))
    points = in_order(places, path)
    marks = [
        (label, (float(bool((shape.get("flags") or {}).get("hidden"))), 0.0))
        for (label, _), shape in zip(places, shapes, strict=True)
    ]
    hidden = in_order(marks, path)[:, 0] > 0
    return [Labelled(str(value.get("imagePath") or ""), size, points, hidden)] if len(points) else []


def label_studio(value: Any, path: Path) -> list[Labelled]:
    """Key points of every task, in percent of the picture."""
    faces = []
    for task in value:
        places: list[tuple[str, tuple[float, float]]] = []
        size: list[int] | None = None
        done = task.get("annotations", task.get("completions"))
        results = [result for one in done for result in one["result"]] if done is not None else _flat(task)
        for result in results:
            spot = result.get("value", result)
            if "keypointlabels" not in spot:
                continue
            place = number(spot["x"], "x") / 100, number(spot["y"], "y") / 100
            places.append((str(spot["keypointlabels"][0]), place))
            size = _size(result.get("original_width"), result.get("original_height"))
        if places:
            data = task.get("data", task)
            name = next((str(v) for v in data.values() if isinstance(v, str) and "." in v), "")
            faces.append(Labelled(name, size, in_order(places, path), unit=True))
    return faces


def _flat(task: dict[str, Any]) -> list[Any]:
    """Results of Label Studio's small JSON: lists of points beside the picture's name."""
    return [item for entry in task.values() if isinstance(entry, list) for item in entry if isinstance(item, dict)]


def openpose(value: Any, path: Path) -> list[Labelled]:
    """``face_keypoints_2d`` of the one person: x, y, confidence."""
    found = [person["face_keypoints_2d"] for person in value["people"] if person.get("face_keypoints_2d")]
    if len(found) > 1:
        raise InputError(f"it holds {len(found)} people; keep one")
    size = _size(value.get("canvas_width"), value.get("canvas_height"))
    tables = [np.array([number(n, "a key point") for n in flat]).reshape(-1, 3) for flat in found if len(flat) % 3 == 0]
    for table in tables:
        lost = np.flatnonzero((table[:, :2] == 0).all(1))
        if len(lost):
            raise InputError(f"point {lost[0]} was not found; label it by hand")
    return [Labelled("", size, table[:, :2]) for table in tables]


def mediapipe(value: Any, path: Path) -> list[Labelled]:
    """The face landmarker's answer, normalised coordinates; a list of points, or one per face."""
    faces = value if isinstance(value, list) else value.get("faceLandmarks", value.get("face_landmarks"))
    faces = [faces] if faces and isinstance(faces[0], dict) else faces
    if len(faces) > 1:
        raise InputError(f"it holds {len(faces)} faces; keep one")
    points = [np.array([(number(p["x"], "x"), number(p["y"], "y")) for p in face]) for face in faces]
    return [Labelled("", None, face, unit=bool(np.abs(face).max() <= 2)) for face in points]


def read_xml(path: Path) -> list[Labelled]:
    """dlib's imglab (``dataset``) or CVAT's images (``annotations``).

    Raises:
        InputError: no XML, another kind of it, or nothing labelled; the message names the file.
    """
    from xml.etree import ElementTree

    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path} is larger than {_MOST_BYTES >> 20} MB; keep the pictures that are needed")
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} is not complete XML: {error}") from error
    kind = {"dataset": _dlib, "annotations": _cvat}.get(root.tag)
    if kind is None:
        raise InputError(
            f"{path} is XML, but neither dlib's (dataset) nor CVAT's (annotations); its root is {root.tag[:40]}"
        )
    try:
        faces = [face for image in root.iter("image") for face in kind(image, path)]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is malformed ({type(error).__name__}: {error})") from error
    if not faces:
        raise InputError(f"{path} holds no labelled points")
    return faces


def _dlib(image: Any, path: Path) -> list[Labelled]:
    size = _size(image.get("width"), image.get("height"))
    faces = []
    for box in image.iter("box"):
        places = [
            (part.attrib["name"], (float(part.attrib["x"]), float(part.attrib["y"]))) for part in box.iter("part")
        ]
        if places:
            faces.append(Labelled(image.attrib["file"], size, in_order(places, path)))
    if len(faces) > 1:
        raise InputError(f"{path}: {image.attrib['file']} has {len(faces)} faces; keep one")
    return faces


def _cvat(image: Any, path: Path) -> list[Labelled]:
    size = _size(image.get("width"), image.get("height"))
    shapes = [shape for shape in image.iter("points") if shape.get("points")]
    if not shapes:
        return []
    hidden = None
    if len(shapes) == 1:  # all points in one shape
        points = np.array([[float(n) for n in pair.split(",")] for pair in shapes[0].get("points").split(";")])
    else:  # a skeleton, or one shape a point
        spots = [(shape.get("label", ""), shape.get("points").split(",")) for shape in shapes]
        points = in_order([(label, (float(x), float(y))) for label, (x, y) in spots], path)
    return [Labelled(image.attrib["name"], size, points, hidden)]


def _pair(values: Any) -> tuple[float, float]:
    return number(values[0], "x"), number(values[1], "y")


def _size(width: Any, height: Any) -> list[int] | None:
    try:
        return [int(width), int(height)]
    except (TypeError, ValueError, OverflowError):
        return None
