"""Live Link Face CSV: the recording format of Epic's phone app, which Unreal and Blender add-ons read.

One row per frame: a time code, the number of values (61), the 52 blendshapes of ARKit, then yaw, pitch and roll of the
head and of both eyes in radians. Yaw is positive to the image right, pitch downwards, roll clockwise on the screen.
"""

from __future__ import annotations

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import BLENDSHAPES, EYES, LandmarkSequence

_TURNS = tuple(f"{what}{axis}" for what in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll"))
COLUMNS = ("Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in BLENDSHAPES), *_TURNS)
#: Radians of an eye per eye width its iris moves: half an eye's width over the radius of an eyeball, about 15 to 12 mm.
_EYE_TURN = 2 * 15 / 12


def live_link_text(sequence: LandmarkSequence) -> str:
    """The file of a sequence; frames of which nothing is known repeat the one before (the first known one at first).

    Raises:
        InputError: the sequence has no expression channel, or nothing is known in it.
    """
    shown = sequence.expression
    if shown is None:
        raise InputError("the sequence has no expression channel; drive the clip with source facemesh")
    known = np.isfinite(shown.blendshapes).any(1)
    if not known.any():
        raise InputError("nothing is known in the sequence's expression channel")
    values = np.concatenate([shown.blendshapes, _turns(sequence)], axis=1).astype(np.float64)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    values = np.nan_to_num(values[np.where(last < 0, np.argmax(known), last)])
    rows = [",".join(COLUMNS)]
    for frame, row in enumerate(values):
        rows.append(f"{timecode(frame, float(sequence.fps))},{len(row)}," + ",".join(f"{v + 0.0:.9f}" for v in row))
    return "\n".join(rows) + "\n"


def timecode(frame: int, fps: float) -> str:
    """HH:MM:SS:FF.mmm, the last being thousandths of a frame; every second starts with frame 0."""
    seconds = frame / fps + 1e-9
    whole = int(seconds)
    within = (seconds - whole) * fps
    count = int(within + 1e-6)
    part = min(int((within - count) * 1000 + 1e-3), 999) if within > count else 0
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{count:02d}.{part:03d}"


def _turns(sequence: LandmarkSequence) -> np.ndarray:
    """(T, 9) radians: head, left eye, right eye; each yaw, pitch, roll."""
    shown = sequence.expression
    assert shown is not None
    m = shown.head.astype(np.float64)
    yaw, pitch = np.arctan2(m[:, 0, 2], m[:, 2, 2]), np.arcsin(np.clip(m[:, 1, 2], -1, 1))
    roll = np.arctan2(m[:, 1, 0], m[:, 0, 0])
    out = [yaw, -pitch, -roll]
    gaze = shown.gaze.astype(np.float64)
    # The iris of an eye that looks straight on is not exactly in the middle: what counts is the way from rest.
    usual = gaze[sequence.rest] if np.isfinite(gaze[sequence.rest]).all() else np.nan_to_num(gaze).mean(0)
    away = gaze - usual
    for eye in ("left_eye", "right_eye"):
        x, y = away[:, EYES.index(eye)].T  # type: ignore[arg-type]
        out += [np.arcsin(np.clip(x * _EYE_TURN, -1, 1)), np.arcsin(np.clip(y * _EYE_TURN, -1, 1)), np.zeros(len(m))]
    return np.stack(out, axis=1)
