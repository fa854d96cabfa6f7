"""Landmark files of other tools: 300-W ``.pts`` and COCO keypoints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import InputError
from faceshot.formats.content import Content, number, numbers
from faceshot.formats.labelled import absent_parts, pick
from faceshot.formats.schemes import to_ibug
from faceshot.landmarks import visible_mask
from faceshot.landmarks.topology import COCO_WHOLEBODY_FACE, CURVES, N_POINTS, PART_POINTS
from faceshot.reading import MAX_FRAMES, read_text

_PTS = re.compile(r"version:\s*1\S*\s+n_points:\s*(\d{1,9})\s*$", re.IGNORECASE)
_PTS_BYTES = 1 << 20
_WHOLEBODY_POINTS = 133


def read_pts(path: Path) -> Content:
    """300-W: 68 lines ``x y``, 1-based on disk.

    Raises:
        InputError: not of this form, or not 68 points; the message names the file.
    """
    head, opened, rest = read_text(path, "landmark file", most=_PTS_BYTES).partition("{")
    body, closed, _ = rest.partition("}")
    announced = _PTS.search(head[-200:])
    if announced is None or not (opened and closed):
        raise InputError(f"{path} is not a complete .pts file: wanted version: 1, n_points: 68 and points in braces")
    rows = [line.split() for line in body.splitlines() if line.strip()]
    try:
        xy = np.array([[float(x), float(y)] for x, y in rows])
    except ValueError as error:
        raise InputError(f"{path}: every line between the braces must be two numbers x y ({error})") from error
    if not rows or len(rows) != int(announced[1]):
        raise InputError(f"{path} holds {len(rows)} points and announces {announced[1]}; wanted 68 in the iBUG scheme")
    return Content(to_ibug(xy - 1, path)[0])


def pts_text(content: Content) -> str:
    """The .pts file of one face; size, scores and absent parts have no place in it."""
    rows = "".join(f"{x:.6f} {y:.6f}\n" for x, y in content.xy.astype(np.float64) + 1)
    return f"version: 1\nn_points: {N_POINTS}\n{{\n{rows}}}\n"


def read_coco(path: Path, value: Any, *, single: bool = False, picture: str | None = None) -> Content:
    """COCO keypoints: 68 per annotation, the face of 133 whole-body points, or another scheme that has a map. A part of
    which every point is labelled as hidden (v = 1) is absent. Images in the order of their ids are a clip,
    or with ``single`` a data set of which ``picture`` is taken.

    Raises:
        InputError: malformed, several faces in one image, points that were not labelled; the message names the file.
    """
    try:
        return _read_coco(path, value, single, picture)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a complete COCO keypoint file ({type(error).__name__}: {error})") from error


def _read_coco(path: Path, value: Any, single: bool, picture: str | None) -> Content:
    images = sorted(value["images"], key=lambda image: image["id"])
    if not images:
        raise InputError("the COCO file lists no images")
    if len(images) > MAX_FRAMES:
        raise InputError(f"the COCO file lists {len(images)} images; at most {MAX_FRAMES} are read")
    if single and len(images) > 1 and "fps" not in (value.get("info") or {}):
        images = [images[pick([str(image.get("file_name", image["id"])) for image in images], picture, path)]]
    wanted = {image["id"] for image in images}
    faces: dict[Any, dict[str, Any]] = {}
    for annotation in value["annotations"]:
        if annotation["image_id"] not in wanted:
            continue
        if faces.setdefault(annotation["image_id"], annotation) is not annotation:
            raise InputError(f"image {annotation['image_id']} has several faces; keep one annotation per image")
    size = [int(number(images[0][side], side)) for side in ("width", "height")]
    xy = np.full((len(images), N_POINTS, 2), np.nan)
    score = np.zeros((len(images), N_POINTS))
    hidden = np.ones(N_POINTS, bool)
    scored = True
    for i, image in enumerate(images):
        if [image["width"], image["height"]] != [images[0]["width"], images[0]["height"]]:
            raise InputError(f"image {image['id']} has another size than the first; these are no frames of a clip")
        face = faces.get(image["id"])
        if face is None:
            continue
        xy[i], flags = _keypoints(face, image["id"])
        hidden &= flags < 2
        if face.get("keypoint_scores") is None:
            scored = False
        else:
            score[i] = numbers(face["keypoint_scores"], N_POINTS, "keypoint_scores")
    found = np.isfinite(xy).all(axis=(1, 2))
    if not found.any():
        raise InputError("the COCO file holds no annotation for its images")
    absent = absent_parts(hidden, path)
    unseen = [] if hidden.all() else np.flatnonzero(hidden & visible_mask(absent)).tolist()
    info = value.get("info") or {}
    fps, (rest, start) = info.get("fps"), (int(number(info.get(name, 0), name)) for name in ("rest", "start"))
    if len(images) == 1 and fps is None:
        return Content(xy[0], size, score=score[0] if scored else None, absent=absent, hidden=unseen)
    return Content(xy, size, fps, found, score if scored else None, absent, rest, start, hidden=unseen)


def _keypoints(face: dict[str, Any], image: Any) -> tuple[np.ndarray, np.ndarray]:
    values = face.get("face_kpts") or face["keypoints"]
    if not isinstance(values, list) or len(values) % 3 or len(values) < 3:
        raise InputError(f"image {image} has no list of keypoints x, y, v; wanted 68 of them")
    table = numbers(values, len(values), "keypoints").reshape(-1, 3)
    if len(table) == _WHOLEBODY_POINTS:
        table = table[slice(*COCO_WHOLEBODY_FACE)]
    elif len(table) != N_POINTS:
        xy, _ = to_ibug(table, f"image {image}")
        return xy, np.full(N_POINTS, 2.0)
    unlabelled = np.flatnonzero((table == 0).all(1))
    if len(unlabelled):
        raise InputError(f"image {image}: point {unlabelled[0]} is not labelled; label all 68, hidden ones with v = 1")
    return table[:, :2], table[:, 2]


def coco_text(content: Content, name: str) -> str:
    """A COCO keypoint file, one annotation per line; what cannot be seen is labelled as hidden (v = 1)."""
    frames = content.xy[None] if content.xy.ndim == 2 else content.xy
    found = np.ones(len(frames), bool) if content.found is None else content.found
    found = found & np.isfinite(frames).all(axis=(1, 2))
    scores = content.score if content.score is None or content.xy.ndim == 3 else content.score[None]
    flags = np.where(visible_mask(content.absent, content.hidden), 2, 1)
    width, height = content.size
    info: dict[str, Any] = {"description": "iBUG 68 face landmarks written by FaceShot"}
    if content.fps is not None:
        info |= {"fps": str(content.fps), "rest": content.rest, "start": content.start}
    images, annotations = [], []
    for i, frame in enumerate(frames):
        file_name = f"{name}.png" if content.xy.ndim == 2 else f"frame_{i + 1:06d}.png"
        images.append({"id": i + 1, "file_name": file_name, "width": width, "height": height})
        if not found[i]:
            continue
        xy = frame.astype(np.float64).round(3)
        low, side = xy.min(0), np.ptp(xy, axis=0)
        face: dict[str, Any] = {"id": i + 1, "image_id": i + 1, "category_id": 1, "iscrowd": 0}
        face |= {"num_keypoints": N_POINTS, "area": round(float(side[0] * side[1]), 3)}
        face["bbox"] = [round(float(n), 3) for n in (*low, *side)]
        face["keypoints"] = [n for (x, y), v in zip(xy.tolist(), flags.tolist(), strict=True) for n in (x, y, v)]
        if scores is not None:
            face["keypoint_scores"] = [round(float(s), 4) for s in scores[i]]
        annotations.append(face)
    skeleton = [
        [a + 1, b + 1]
        for indices, closed in CURVES
        for a, b in zip(indices, indices[1:] + (indices[:1] if closed else ()), strict=False)
    ]
    names = [f"{part}_{k}" for part, indices in PART_POINTS.items() for k in range(len(indices))]
    category = {"id": 1, "name": "face", "supercategory": "person", "keypoints": names, "skeleton": skeleton}
    blocks = [f'  "info": {json.dumps(info)}', f'  "categories": [{json.dumps(category)}]']
    for key, entries in (("images", images), ("annotations", annotations)):
        blocks.append(f'  "{key}": [\n' + ",\n".join("    " + json.dumps(entry) for entry in entries) + "\n  ]")
    return "{\n" + ",\n".join(blocks) + "\n}\n"
