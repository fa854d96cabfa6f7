"""The eyes of the picture: what the warp does with them, and what is drawn over them in every frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import Landmarks, RGBArray
from faceshot.landmarks import topology as topo
from faceshot_warp.controls import EyeRest, eye_controls, eye_rest, lid_closure, lid_shift
from faceshot_warp.eyes.lids import Lid, make_lid
from faceshot_warp.eyes.softlids import SoftLid, make_soft_lid
from faceshot_warp.field import smooth
from faceshot_warp.options import WarpOptions

_EYES = ((topo.RIGHT_EYE, topo.RIGHT_BROW), (topo.LEFT_EYE, topo.LEFT_BROW))
#: Eyeballs of drawings keep this share of the eye's width away from its outline.
_OUTLINE = 0.06
#: An eye of which fewer points than this are seen, or that is this much narrower than it is tall or than the other one,
#: is the rim of an eye on the far side of the head, or a mistake: the skin around it moves, nothing is drawn over it.
_SEEN, _NARROW = 4, 0.4
#: Gaze of this many eye widths is followed in full, less of it less.
_TREMBLE = 0.14


@dataclass(frozen=True)
class Eye:
    """An eye of the picture.

    Attributes:
        side: 0 for the right, 1 for the left eye.
        points: indices of its landmarks.
        rest: the eye at rest.
        lid: its lid as drawings have it; None in photographs and where no lid is drawn.
        own: its own lids and its eyeball; None where it is closed in the picture.
    """

    side: int
    points: tuple[int, ...]
    rest: EyeRest
    lid: Lid | None
    own: SoftLid | None


@dataclass(frozen=True)
class EyeState:
    """An eye in a frame: how far it closes, how far each landmark (6,) of its lids moves down across it, where its
    eyeball looks: (2,) pixels along and across it, counted from rest, or None."""

    closure: float
    down: npt.NDArray[np.float64]
    gaze: npt.NDArray[np.float64] | None


def find_eyes(rgb: RGBArray, landmarks: Landmarks, options: WarpOptions, soft: float) -> list[Eye]:
    """The eyes of the picture that face the viewer; none where the character has none.

    Args:
        rgb: (H, W, 3) the picture.
        soft: see :func:`faceshot_warp.style.softness`.
    """
    if "eyes" in landmarks.absent:
        return []
    xy = landmarks.xy.astype(np.float64)
    level = xy[list(topo.LEFT_EYE)].mean(0) - xy[list(topo.RIGHT_EYE)].mean(0)
    rests = [eye_rest(xy[list(points)], level) for points, _ in _EYES]
    eyes, widest = [], max(rest.width for rest in rests)
    for side, (rest, (points, brow)) in enumerate(zip(rests, _EYES, strict=True)):
        if landmarks.visible[list(points)].sum() < _SEEN or rest.width < _NARROW * max(widest, rest.gap):
            continue
        above = xy[list(brow)] if "eyebrows" not in landmarks.absent else np.empty((0, 2))
        lid = make_lid(rgb, rest, above) if options.lids == "draw" else None
        photo = soft >= 0.5
        own = make_soft_lid(rgb, rest, above, lid, edge=0.2 if photo else max(_OUTLINE * rest.width, 1.0))
        eyes.append(Eye(side, points, rest, None if photo and own is not None else lid, own))
    return eyes


def eye_state(eye: Eye, local: npt.NDArray, gaze: npt.NDArray | None, lids: bool) -> tuple[EyeState, npt.NDArray]:
    """The eye in a frame, and the displacement (6, 2) with which the warp moves its landmarks.

    Args:
        local: (68, 2) landmarks with the motion of the head taken out.
        gaze: (2,) shift of the iris in pixels of the picture, or None.
        lids: whether lids are drawn.
    """
    moved = local[list(eye.points)]
    closure = lid_closure(eye.rest, moved)
    photo = eye.own is not None and eye.lid is None and lids
    ride = eye_controls(eye.rest, moved, closure, stretch=not photo)
    down = lid_shift(eye.rest, moved, ride, closure) if photo else np.zeros(6)
    if gaze is not None:
        gaze = np.array([gaze @ eye.rest.axis, gaze @ eye.rest.normal])
        # Drivers see irises tremble; and lids, which go up and down with the eye, are seen better than it.
        gaze *= float(smooth(np.array(np.hypot(*gaze) / (_TREMBLE * eye.rest.width))))
        if photo:
            gaze[1] = (gaze[1] + down[[1, 2, 4, 5]].mean()) / 2
    return EyeState(closure if lids else 0.0, down, gaze), ride


def draw_eye(canvas: RGBArray, eye: Eye, state: EyeState) -> None:
    """Draw the eye into the picture ``canvas`` (H, W, 3 or 4), whatever an earlier frame left there."""
    own, lid = eye.own, eye.lid
    if own is not None:
        looks = state.gaze is not None and np.abs(state.gaze).max() > 0.01
        idle = not looks and np.abs(state.down).max() <= 0.02
        drawn = own.eye if idle else own.draw(state.closure if lid is None else 0.0, state.down, state.gaze)
        np.copyto(canvas[own.place], drawn, where=own.touched[..., None])
    if lid is not None:
        under = lid.eye if own is None else canvas[lid.place].astype(np.float32)
        if state.closure > 0.02:
            np.copyto(canvas[lid.place], lid.draw(state.closure, under), where=lid.touched[..., None])
        elif own is None:
            np.copyto(canvas[lid.place], under, where=lid.touched[..., None], casting="unsafe")


def clear_eyes(canvas: RGBArray, rgb: RGBArray, eyes: list[Eye]) -> None:
    """Give the canvas back the picture's own pixels at the eyes."""
    for eye in eyes:
        for drawn in (eye.own, eye.lid):
            if drawn is not None:
                canvas[drawn.place] = rgb[drawn.place]
