"""``make_sheet``: every pose as a picture of equal size, a contact sheet, what is what as JSON, and packs."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.driving import POSES, NamedPose
from faceshot.errors import UsageError
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.output import check_outputs, protecting, together, writing
from faceshot.progress import progress
from faceshot.provenance import require_signer, signed
from faceshot.sheet.drawing import draw_poses, moved_to
from faceshot.sheet.packs import OBS_PAGE, PACK_TEXT

if TYPE_CHECKING:
    from faceshot.pipeline import FaceShot, LandmarksLike, PictureLike

#: Pictures that wait for being written at most.
_WAITING = 4
#: Side of a picture on the contact sheet [px].
_CELL = 160
_PACK = "pngtuber"
#: What names of these groups need on the contact sheet.
_LABELS = {"blinks": "blink ", "gaze": "look ", "visemes": "viseme "}


def make_sheet(
    picture: PictureLike,
    output: str | Path,
    *,
    landmarks: LandmarksLike | None = None,
    groups: Collection[str] | None = None,
    max_side: int | None = None,
    overwrite: bool = False,
    shot: FaceShot | None = None,
) -> list[Path]:
    """Draw a character in every named pose.

    Args:
        picture: of the character; its matte is kept, and all pictures are of its size, pixel on pixel.
        output: folder. In it: ``neutral.png``, a folder for each group, ``sheet.png``, ``sheet.json``; with group
            ``pngtuber`` also ``obs.html``, a page that talks and blinks.
        landmarks: of the character; None matches them.
        groups: of :data:`faceshot.driving.POSES`; None for all.
        max_side: shrink the picture to this longer side first [px].
        overwrite: existing files of these names may be replaced.
        shot: does the matching; a default one otherwise.

    Returns:
        What was written.

    Raises:
        UsageError: unknown group. InputError: unusable picture, an output that is there. NoFaceError: no face.
        MissingError, InputError: there is a chain, and pictures cannot be signed with it.
    """
    from faceshot.media import contact_sheet, fit_side
    from faceshot.pipeline import FaceShot, as_landmarks, as_picture

    poses = _chosen(groups)
    folder = Path(output)
    names = ["neutral.png", *(_file(pose) for pose in poses), "sheet.png", "sheet.json"]
    if any(pose.group == _PACK for pose in poses):
        names += ["obs.html", "README.txt"]
    paths = {name: folder / name for name in names}
    read = [value for value in (picture, landmarks) if isinstance(value, str | Path)]
    check_outputs(list(paths.values()), overwrite=overwrite, inputs=read)
    require_signer()
    with protecting(read):
        shown = as_picture(picture)
        given = None if landmarks is None else as_landmarks(landmarks, shown.size, picture=shown.name)
        marks = given or (shot or FaceShot()).match(shown).landmarks
        size = fit_side(shown.size, max_side)
        shown, marks = shown.scaled(size), marks.resized(size) if size != marks.size else marks
        with together(list(paths.values())):
            drawn = progress(draw_poses(shown, marks, poses), "sheet", total=1 + len(poses), unit="pose")
            face = _around_face(marks)
            write = partial(_write_picture, reads=[Path(path) for path in read], overwrite=overwrite)
            cells = _write_pictures(drawn, [paths[name] for name in names[: 1 + len(poses)]], face, write)
            labels = ["neutral", *(_LABELS.get(pose.group, "") + pose.name for pose in poses)]
            write(paths["sheet.png"], contact_sheet(list(zip(cells, labels, strict=True)), cell=_CELL))
            record = _record(shown, poses, moved_to(marks, poses))
            texts = {"sheet.json": json.dumps(record, separators=(",", ":")) + "\n"}
            texts |= {"obs.html": OBS_PAGE, "README.txt": PACK_TEXT} if "obs.html" in paths else {}
            for name, text in texts.items():
                with writing(paths[name], overwrite=overwrite) as part:
                    part.write_text(text, encoding="utf-8")
    return list(paths.values())


def _chosen(groups: Collection[str] | None) -> list[NamedPose]:
    for group in groups or ():
        if group not in POSES:
            raise UsageError(f"unknown group of poses {group!r}; groups are {', '.join(POSES)}")
    return [pose for group, poses in POSES.items() if groups is None or group in groups for pose in poses]


def _file(pose: NamedPose) -> str:
    return f"{pose.group}/{pose.name}.png"


def _around_face(landmarks: Landmarks) -> tuple[slice, slice]:
    """Rows and columns of a square around the face, with some of what surrounds it, within the picture."""
    left, top, right, bottom = landmarks.box()
    width, height = landmarks.size
    side = min(1.7 * max(right - left, bottom - top), width, height)
    x = min(max((left + right - side) / 2, 0.0), width - side)
    y = min(max((top + bottom) / 2 - 0.56 * side, 0.0), height - side)
    return slice(int(y), int(y) + max(int(side), 1)), slice(int(x), int(x) + max(int(side), 1))


def _write_pictures(
    drawn: Iterator[RGBArray], paths: list[Path], face: tuple[slice, slice], write: Callable[..., None]
) -> list[RGBArray]:
    """Write pictures as they come, beside the drawing; returns small ones of the face in them."""
    cells = []
    waiting: list[Future[None]] = []
    with ThreadPoolExecutor(2, "png") as workers:
        for frame, path in zip(drawn, paths, strict=True):
            alpha = frame[..., 3] if frame.shape[2] == 4 else None
            whole = Picture(frame[..., :3], alpha)
            cut = np.ascontiguousarray(frame[face])
            small = Picture(cut[..., :3], cut[..., 3] if alpha is not None else None)
            cells.append(small.reduced(2 * _CELL).flat())
            # In a copy of the context, so that what is written is known to the run.
            call = copy_context().run
            waiting.append(workers.submit(call, write, path, whole.rgb, alpha))
            while len(waiting) > _WAITING:
                waiting.pop(0).result()
        for future in waiting:
            future.result()
    return cells


def _write_picture(
    path: Path, rgb: RGBArray, alpha: RGBArray | None = None, *, reads: list[Path], overwrite: bool
) -> None:
    from faceshot.media import write_picture
    from faceshot.pipeline import DIGITAL_SOURCE_TYPE

    with signed(path, {"digital_source_type": DIGITAL_SOURCE_TYPE}, reads):
        write_picture(path, rgb, alpha, overwrite=overwrite)


def _record(picture: Picture, poses: list[NamedPose], moved: LandmarkSequence) -> dict[str, Any]:
    """What each picture is, and where its landmarks are [px]."""

    def row(file: str, group: str, name: str, note: str, frame: int) -> dict[str, Any]:
        points = [[round(float(v), 2) for v in point] for point in moved.xy[frame]]
        return {"file": file, "group": group, "name": name, "note": note, "landmarks": points}

    rows = [row("neutral.png", "neutral", "neutral", "", 0)]
    rows += [row(_file(pose), pose.group, pose.name, pose.note, k) for k, pose in enumerate(poses, 1)]
    return {
        "format": "faceshot-sheet",
        "version": 1,
        "picture": picture.name,
        "size": list(picture.size),
        "transparent": picture.alpha is not None,
        "poses": rows,
    }
