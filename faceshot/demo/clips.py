"""What the second tab does: a clip's landmarks over time, looked at and repaired frame by frame."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.demo.sessions import Session, landmarks_json, landmarks_of
from faceshot.driving import carried, corrected, held, interpolated
from faceshot.errors import UsageError
from faceshot.formats import write_sequence
from faceshot.landmarks import FaceWish, LandmarkSequence
from faceshot.media import read_frames, write_picture
from faceshot.pipeline import FaceShot
from faceshot.progress import progress

#: Longest side of the frames as the page shows them [px]; landmarks stay in pixels of the clip.
SHOWN = 720
#: Repairs that can be undone.
_REMEMBERED = 20


@dataclass
class Clip:
    """A visitor's clip: its name, its landmarks as they were found and as they are ``now``, one picture per frame."""

    name: str
    frames: Path
    found: LandmarkSequence
    now: LandmarkSequence
    past: list[LandmarkSequence] = field(default_factory=list)


def take_clip(shot: FaceShot, session: Session, upload: str | Path, source: str, face: FaceWish) -> dict[str, Any]:
    """Find the landmarks of every frame.

    Raises:
        InputError: no clip. NoFaceError: no face in it.
    """
    file = session.keep(upload, "clip")
    found = shot.drive(file, source=source, face=face)
    folder = session.folder / "frames"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shown = read_frames(file, start=found.start, stop=found.start + len(found), max_side=SHOWN)
    for k, frame in enumerate(progress(shown, "frames", total=len(found))):
        write_picture(folder / f"{k}.jpg", frame)
    session.clip = Clip(file.stem, folder, found, found)
    return {**overview(session), **frame_value(session, 0)}


def overview(session: Session) -> dict[str, Any]:
    """The whole clip: how sure each frame is, and which were changed by hand."""
    clip = _clip(session)
    sure = np.ones(len(clip.now)) if clip.now.score is None else clip.now.score.mean(1)
    changed = (clip.now.xy != clip.found.xy).any((1, 2))
    return {
        "token": session.token,
        "frames": len(clip.now),
        "fps": float(clip.now.fps),
        "scores": np.round(sure, 2).tolist(),
        "changed": np.flatnonzero(changed).tolist(),
    }


def frame_value(session: Session, k: Any, *, keep: bool = False) -> dict[str, Any]:
    """A frame as the editor holds it; ``keep`` leaves zoom and place as they are.

    Raises:
        UsageError: no such frame.
    """
    clip = _clip(session)
    if not isinstance(k, int) or not 0 <= k < len(clip.now):
        raise UsageError(f"there is no frame {k!r}; the clip has 0 to {len(clip.now) - 1}")
    edited = tuple(np.flatnonzero((clip.now.xy[k] != clip.found.xy[k]).any(1)).tolist())
    size = clip.now.size
    return {
        "stamp": secrets.token_hex(4),
        "frame": k,
        "keep": keep,
        "picture": {"src": session.url(clip.frames / f"{k}.jpg"), "drawn": list(size), **size._asdict()},
        "stem": f"{clip.name}-{k}",
        "landmarks": landmarks_json(session, clip.now[k], edited),
        "found": clip.found.xy[k].round(3).tolist(),
        "faces": [],
        "ask": None,
        "note": "",
    }


def take_frame(session: Session, value: Mapping[str, Any]) -> None:
    """Points of a frame were moved.

    Raises:
        UsageError: no clip, no such frame. InputError: no landmarks, or of another size.
    """
    clip, k = _clip(session), value.get("frame")
    marks, edited = landmarks_of(session, value.get("landmarks"))
    if not isinstance(k, int) or marks.size != clip.now.size:
        raise UsageError("these landmarks belong to another clip")
    xy = marks.xy.copy()
    if 0 <= k < len(clip.now):
        same = np.setdiff1d(np.arange(len(xy)), edited)
        xy[same] = clip.found.xy[k][same]  # the page rounds
    with session.turn:
        clip.now = replace(corrected(clip.now, k, xy), absent=marks.absent)


def repair(session: Session, value: Mapping[str, Any]) -> dict[str, Any]:
    """Do what ``value["repair"]`` says: ``kind`` hold, carry, interpolate or undo, frames ``start`` to ``end``.

    Raises:
        UsageError: no such range, nothing to undo.
    """
    clip, asked = _clip(session), value.get("repair") or {}
    kind, start, end = asked.get("kind"), asked.get("start"), asked.get("end")
    if kind == "undo":
        if not clip.past:
            raise UsageError("no repair is left to undo; points are undone by the editor's own arrows")
        clip.now = clip.past.pop()
    elif not isinstance(start, int) or not isinstance(end, int):
        raise UsageError("a range needs the numbers of two frames")
    else:
        before = clip.now
        if kind == "hold":
            clip.now = held(before, start, end + 1)
        elif kind == "carry":
            clip.now = carried(before, clip.found, start, end + 1)
        else:
            clip.now = interpolated(before, start, end + 1)
        clip.past = [*clip.past, before][-_REMEMBERED:]
    return {**overview(session), **frame_value(session, value.get("frame"), keep=True)}


def save(session: Session) -> Path:
    """The sequence as a file."""
    clip = _clip(session)
    path = session.next_run() / f"{clip.name}.npz"
    write_sequence(path, clip.now)
    return path


def _clip(session: Session) -> Clip:
    if session.clip is None:
        raise UsageError("there is no clip yet; drop one above")
    return session.clip
