"""Retargeting: move a character's 68 landmarks with a driver's motion.

Two modes. ``stable`` (default) is made for pictures people look at: motion is measured from the driver's rest frame
and added to the character in proportion to the size of its own parts, so a driver that stands still moves nothing.
``faceshot`` repeats the released FaceShot code number by number (paper, section 3.2), for research parity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

import numpy as np

from faceshot.errors import InputError, UsageError
from faceshot.landmarks import Landmarks, LandmarkSequence
from faceshot.landmarks.topology import MOTION_PARTS, MotionPart
from faceshot.retargeting.expression import move_expression
from faceshot.retargeting.order import uncross
from faceshot.retargeting.paper import retarget_paper
from faceshot.retargeting.smoothing import require_found, smooth
from faceshot.retargeting.stable import Controls, retarget_stable
from faceshot.retargeting.upstream import retarget_upstream

RetargetMode = Literal["stable", "faceshot", "paper"]
MODES: tuple[RetargetMode, ...] = get_args(RetargetMode)
MAX_GAIN = 3.0
#: Side of the square upstream works in; its thresholds are in pixels of it.
_UPSTREAM_SIDE = 512
#: Seconds in which motion eases in from the picture.
_EASE = 0.5

#: What stands still when the character (or the driver) lacks a part.
_MOTION_OF_PART: dict[str, tuple[MotionPart, ...]] = {
    "face_boundary": ("jaw",),
    "eyebrows": ("right_brow", "left_brow"),
    "nose": ("nose",),
    "eyes": ("right_eye", "left_eye", "gaze"),
    "mouth": ("mouth",),
}


@dataclass(frozen=True)
class RetargetOptions:
    """Controls of mode ``stable``.

    Attributes:
        head, jaw, mouth, right_eye, left_eye, right_brow, left_brow, nose: gain of each part, 0 (still) .. 3;
            1 is natural. Right and left are the subject's. ``head`` is the turn, tilt, shift and zoom of the whole.
        gaze: gain of the eyeballs, for drivers with an expression channel.
        zoom: how much of the head's change of size is followed, 0 .. 3.
        parts: the parts that move; parts left out only follow the head.
        closure: a driver's closed eye closes the character's eye completely, whatever the size of either.
        smoothing: One-Euro filter (without lag) on the driver's landmarks first; blinks keep their depth. Off by
            default: a driver that equals the character is then given back exactly. Noise that retargeting enlarges
            (a small driver's eye on a big one) is calmed in any case.
        start_from_picture: the first frame is the untouched picture and the motion eases in within half a second, also
            where the driver does not begin at rest. Without it, frame 0 shows what the driver does in its frame 0.

    Raises:
        UsageError: a gain outside 0..3, an unknown part.
    """

    head: float = 1.0
    jaw: float = 1.0
    mouth: float = 1.0
    right_eye: float = 1.0
    left_eye: float = 1.0
    right_brow: float = 1.0
    left_brow: float = 1.0
    nose: float = 1.0
    gaze: float = 1.0
    zoom: float = 1.0
    parts: tuple[MotionPart, ...] = MOTION_PARTS
    closure: bool = True
    smoothing: bool = False
    start_from_picture: bool = False

    def __post_init__(self) -> None:
        for name in (*MOTION_PARTS, "zoom"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise UsageError(f"gain {name} must be a number from 0 to {MAX_GAIN:g}, got {value!r}")
            if not 0 <= value <= MAX_GAIN:
                raise UsageError(f"gain {name} must lie in 0..{MAX_GAIN:g}, got {value:g}")
        parts = (self.parts,) if isinstance(self.parts, str) else tuple(self.parts)
        unknown = [part for part in parts if part not in MOTION_PARTS]
        if unknown:
            raise UsageError(f"unknown part {unknown[0]!r}; parts are {', '.join(MOTION_PARTS)}")
        object.__setattr__(self, "parts", tuple(part for part in MOTION_PARTS if part in parts))
        for name in ("closure", "smoothing", "start_from_picture"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"{name} must be True or False, got {getattr(self, name)!r}")

    def gain(self, part: MotionPart) -> float:
        """The gain of a part, 0 when it is switched off."""
        return float(getattr(self, part)) if part in self.parts else 0.0

    def controls(self, absent: Iterable[str] = ()) -> Controls:
        """Gains as numbers, with the motion of ``absent`` parts at 0."""
        gains = {part: self.gain(part) for part in MOTION_PARTS}
        for name in absent:
            gains.update(dict.fromkeys(_MOTION_OF_PART[name], 0.0))
        return Controls(gains, zoom=float(self.zoom), closure=self.closure)


def retarget(
    landmarks: Landmarks,
    driving: LandmarkSequence,
    *,
    mode: RetargetMode = "stable",
    options: RetargetOptions | None = None,
) -> LandmarkSequence:
    """Move a character's landmarks with a driver's motion (FaceShot, section 3.2).

    Args:
        landmarks: the character at rest, in pixels of its own picture.
        driving: the driver, every frame found; ``driving.rest`` is the frame that corresponds to ``landmarks``.
            Its picture may have any size: motion counts relative to the size of the face.
        mode: ``stable``, or ``faceshot`` for upstream's algorithm (needs the default options).
        options: controls of mode ``stable``.

    Returns:
        The character in every frame of the clip, in pixels of its own picture, at the driver's frame rate; the rest
        frame equals ``landmarks``.

    Raises:
        UsageError: unknown mode, options with mode ``faceshot``.
        InputError: frames without a face, a driver or character whose points all lie on one spot.
    """
    if mode not in MODES:
        raise UsageError(f"unknown retargeting mode {mode!r}; modes are {', '.join(MODES)}")
    options = RetargetOptions() if options is None else options
    if not isinstance(options, RetargetOptions):
        raise UsageError(f"options must be RetargetOptions, got {type(options).__name__}")
    require_found(driving)
    for what, xy in (("character", landmarks.xy), ("driver", driving.xy[driving.rest])):
        if float(np.ptp(xy, axis=0).max()) < 1.0:
            raise InputError(f"the 68 landmarks of the {what} lie within one pixel; there is no face to move")
    if mode != "stable":
        changed = [f.name for f in fields(options) if getattr(options, f.name) != f.default]
        if changed:
            raise UsageError(f"mode {mode!r} has no option {changed[0]!r}; use mode 'stable' for controls")
        xy = _research(landmarks, driving, retarget_upstream if mode == "faceshot" else retarget_paper)
    else:
        moved = retarget_stable(
            landmarks.xy,
            (smooth(driving) if options.smoothing else driving).xy,
            driving.rest,
            float(driving.fps),
            options.controls(landmarks.absent | driving.absent),
            driver_visible=driving.visible,
        )
        xy = _eased_in(moved, landmarks.xy, float(driving.fps)) if options.start_from_picture else moved
    return replace(
        driving,
        xy=xy.astype(np.float32),
        size=landmarks.size,
        found=None,
        score=None,
        absent=landmarks.absent,
        hidden=landmarks.hidden,
        expression=move_expression(landmarks, driving, options.controls(landmarks.absent | driving.absent).gains),
    )


def _eased_in(xy: np.ndarray, still: np.ndarray, fps: float) -> np.ndarray:
    """The motion (T, 68, 2) beginning at the untouched picture (68, 2): smoothly within half a second."""
    share = np.clip(np.arange(len(xy)) / max(_EASE * fps, 1.0), 0, 1)
    share = (share * share * (3 - 2 * share))[:, None, None]
    eased = still.astype(np.float64) + share * (xy - still)
    points, rest = eased[..., 0] + 1j * eased[..., 1], still[:, 0] + 1j * still[:, 1].astype(np.float64)
    uncross(points, rest)
    return np.stack([points.real, points.imag], -1)


def _research(landmarks: Landmarks, driving: LandmarkSequence, algorithm: Callable[..., np.ndarray]) -> np.ndarray:
    """An algorithm of the paper's in upstream's 512-pixel frame; a rest frame other than 0 is put in front."""
    to_ref = _UPSTREAM_SIDE / max(landmarks.size)
    ref = (landmarks.xy.astype(np.float64) + 0.5) * to_ref - 0.5 if to_ref != 1 else landmarks.xy.astype(np.float64)
    to_dri = _UPSTREAM_SIDE / max(driving.size)
    dri = (driving.xy.astype(np.float64) + 0.5) * to_dri - 0.5 if to_dri != 1 else driving.xy.astype(np.float64)
    if driving.rest == 0:
        out = algorithm(ref, dri)
    else:
        out = algorithm(ref, np.concatenate([dri[driving.rest][None], dri]))[1:]
        out[driving.rest] = ref
    return (out + 0.5) / to_ref - 0.5 if to_ref != 1 else out
