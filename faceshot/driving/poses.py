"""Poses by name, on our own face: ARKit's 52, 15 visemes, six emotions, blinks, looks, and the states of a PNGTuber."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from faceshot.driving.motion_face import LOOK, MOVES, RIGHT_SIDE, SIDE, Pose, face_points, mirrored
from faceshot.errors import UsageError
from faceshot.landmarks import BLENDSHAPES, Expression, LandmarkSequence
from faceshot.landmarks.topology import FLIP, INNER_LIPS, OUTER_LIPS

Array = npt.NDArray[np.float64]

# fmt: off
#: Displacements (x, y, z) of the image-left half at full strength, as in ``motion_face``.
_OWN: dict[str, dict[int, tuple[float, float, float]]] = {
    "mouth_frown": {48: (-1, 9, 0), 60: (-1, 8, 0), 49: (-1, 4, 0), 59: (-2, 5, 0), 50: (0, 1, 0), 58: (0, 2, 0)},
    "dimple": {48: (-7, 1, -4), 60: (-6, 1, -4), 49: (-3, 0, 0), 59: (-3, 0, 0)},
    "stretch": {
        48: (-11, 4, -2), 60: (-10, 4, -2), 49: (-5, 2, 0), 59: (-6, 5, 0), 58: (-3, 3, 0), 57: (0, 3, 0),
        61: (-3, 0, 0), 67: (-3, 2, 0), 66: (0, 2, 0),
    },
    "roll_lower": {57: (0, -9, -3), 58: (0, -9, -3), 59: (1, -5, -1)},
    "roll_upper": {51: (0, 7, -3), 50: (0, 7.5, -3), 49: (0, 4, -1)},
    "shrug_lower": {
        57: (0, -6, 4), 58: (0, -6, 4), 59: (0, -4, 2), 66: (0, -5, 3), 67: (0, -5, 3), 62: (0, -4, 1),
        61: (0, -4, 1), 51: (0, -3, 0), 50: (0, -3, 0), 48: (0, 2, 0), 60: (0, 2, 0), 8: (0, -4, 2), 7: (0, -3, 1),
    },
    "shrug_upper": {
        51: (0, -6, 2), 50: (0, -6, 2), 49: (0, -3, 1), 61: (0, -4, 1), 62: (0, -4, 1), 66: (0, -4, 1),
        67: (0, -4, 1), 57: (0, -3, 0), 58: (0, -3, 0),
    },
    "tight": {
        51: (0, 3, -1), 50: (0, 3.5, -1), 57: (0, -4, -1), 58: (0, -4, -1), 59: (-1, -2, 0), 48: (-3, 0, 0),
        60: (-3, 0, 0), 49: (-1, 1, 0),
    },
    "inner_brow": {21: (0, -19, 0), 20: (0, -15, 0), 19: (0, -7, 0), 18: (0, -1, 0)},
    "outer_brow": {17: (-1, -14, 0), 18: (-1, -16, 0), 19: (0, -12, 0), 20: (0, -4, 0)},
    "puff": {2: (-4, 0, 2), 3: (-8, 0, 6), 4: (-11, -1, 8), 5: (-8, -1, 4), 6: (-3, 0, 1)},
    "cheek_squint": {41: (0, -5, 0), 40: (0, -4, 0), 48: (-3, -4, 0), 60: (-3, -4, 0), 49: (-2, -2, 0)},
    "sneer": {
        31: (-2, -6, 0), 32: (0, -3, 0), 49: (-1, -4, 0), 50: (0, -4, 0), 61: (0, -3, 0), 21: (2, 5, 0),
        20: (1, 4, 0), 41: (0, -2, 0), 40: (0, -2, 0),
    },
    "jaw_forward": {
        5: (0, 1, 4), 6: (0, 2, 8), 7: (0, 3, 14), 8: (0, 3, 16), 57: (0, 1, 12), 58: (0, 1, 12), 59: (0, 1, 8),
        66: (0, 0, 10), 67: (0, 0, 10),
    },
}
#: How far points go to one side, in pixels: with the jaw, and with the lips alone.
_JAW_ASIDE = {3: 2.0, 4: 6.0, 5: 10.0, 6: 13.0, 7: 15.0, 8: 15.0, 57: 11.0, 58: 11.0, 59: 9.0, 66: 10.0, 67: 10.0,
              48: 4.0, 60: 4.0}
_LIPS_ASIDE = {**dict.fromkeys(OUTER_LIPS + INNER_LIPS, 12.0), 8: 3.0, 7: 3.0, 33: 2.0}
# fmt: on


def _aside(table: dict[int, float]) -> Array:
    out = np.zeros((68, 3))
    for i, way in table.items():
        out[i, 0] = out[FLIP[i], 0] = way
    return out


_SHAPES: dict[str, Array] = {
    **MOVES,
    **{name: mirrored(half) for name, half in _OWN.items()},
    "jaw_aside": _aside(_JAW_ASIDE),
    "lips_aside": _aside(_LIPS_ASIDE),
}
_RIGHT, _LEFT = "Right", "Left"


@dataclass(frozen=True)
class NamedPose:
    """What a face does.

    Attributes:
        group, name: what it is called.
        shapes: of :data:`_SHAPES`, (name, strength, the subject's side or None for both).
        pose: amounts of ``motion_face.Pose``.
        looks: (x, y) of the right and the left eye, -1..1, to the image right and down.
        note: what is not as the name says.
    """

    group: str
    name: str
    shapes: tuple[tuple[str, float, str | None], ...] = ()
    pose: Mapping[str, float] = field(default_factory=dict)
    looks: tuple[tuple[float, float], tuple[float, float]] = ((0, 0), (0, 0))
    note: str = ""

    def sequence(self) -> LandmarkSequence:
        """Two frames, 512x512: our face at rest, and so; with gaze in its expression channel."""
        more = np.zeros((68, 3))
        for shape, strength, side in self.shapes:
            half = 1.0 if side is None else RIGHT_SIDE if side == _RIGHT else 1 - RIGHT_SIDE
            more += strength * _SHAPES[shape] * half
        posed = face_points(Pose(**{name: np.array([value]) for name, value in self.pose.items()}), more)
        xy = np.concatenate([face_points(Pose()), posed]).astype(np.float32)
        gaze = np.zeros((2, 2, 2))
        gaze[1] = np.array(self.looks) * LOOK
        shapes = np.full((2, len(BLENDSHAPES)), np.nan)
        if self.group == "arkit":
            shapes = np.zeros((2, len(BLENDSHAPES)))
            shapes[1, BLENDSHAPES.index(self.name)] = 1
        head, teeth = np.repeat(np.eye(3)[None], 2, 0), np.full(2, np.nan)
        expression = Expression(shapes, head, gaze, teeth)  # type: ignore[arg-type]
        # A second apart: nothing that smooths over time takes one for the way to the other.
        return LandmarkSequence(xy, (SIDE, SIDE), Fraction(1), expression=expression)  # type: ignore[arg-type]


def _arkit() -> list[NamedPose]:
    """The 52, in Apple's order."""
    both: dict[str, tuple[tuple[tuple[str, float], ...], str]] = {
        "jawForward": ((("jaw_forward", 1),), ""),
        "jawLeft": ((("jaw_aside", 1),), ""),
        "jawRight": ((("jaw_aside", -1),), ""),
        "jawOpen": ((("jaw", 1),), ""),
        "mouthFunnel": ((("round", 0.9), ("upper_lip", 0.8), ("lower_lip", 0.8), ("jaw", 0.15)), ""),
        "mouthLeft": ((("lips_aside", 1),), ""),
        "mouthRight": ((("lips_aside", -1),), ""),
        "mouthRollLower": ((("roll_lower", 1),), ""),
        "mouthRollUpper": ((("roll_upper", 1),), ""),
        "mouthShrugLower": ((("shrug_lower", 1),), ""),
        "mouthShrugUpper": ((("shrug_upper", 1),), ""),
        "browInnerUp": ((("inner_brow", 1),), ""),
        "cheekPuff": ((("puff", 1), ("tight", 0.4)), "the outline of the cheeks only"),
        "tongueOut": ((("jaw", 0.5),), "the mouth opens; no tongue is drawn"),
    }
    sided: dict[str, tuple[tuple[tuple[str, float], ...], str]] = {
        "eyeSquint": ((("squint", 1.2),), ""),
        "eyeWide": ((("wide_eyes", 1.2),), ""),
        "mouthSmile": ((("smile", 1),), ""),
        "mouthFrown": ((("mouth_frown", 1),), ""),
        "mouthDimple": ((("dimple", 1),), "the corner of the mouth only"),
        "mouthStretch": ((("stretch", 1),), ""),
        "mouthPress": ((("tight", 1),), ""),
        "mouthLowerDown": ((("lower_lip", 1.5),), ""),
        "mouthUpperUp": ((("upper_lip", 1.5),), ""),
        "browDown": ((("frown", 1),), ""),
        "browOuterUp": ((("outer_brow", 1),), ""),
        "cheekSquint": ((("cheek_squint", 1),), "lid and corner of the mouth only"),
        "noseSneer": ((("sneer", 1),), ""),
    }
    special = {
        "mouthClose": NamedPose("arkit", "mouthClose", pose={"jaw": 0.7, "press": 1}, note="with the jaw open"),
        "mouthPucker": NamedPose("arkit", "mouthPucker", pose={"round": 1, "press": 1}),
    }
    out = []
    for name in BLENDSHAPES:
        side = next((one for one in (_RIGHT, _LEFT) if name.endswith(one)), None)
        kind = name.removesuffix(side or "")
        if name in special:
            out.append(special[name])
        elif kind == "eyeBlink":
            out.append(NamedPose("arkit", name, pose={f"blink_{str(side).lower()}": 1}))
        elif kind.startswith("eyeLook"):
            out.append(_arkit_look(name, kind.removeprefix("eyeLook"), str(side)))
        elif name in both:
            out.append(NamedPose("arkit", name, tuple((s, v, None) for s, v in both[name][0]), note=both[name][1]))
        else:
            shapes, note = sided[kind]
            out.append(NamedPose("arkit", name, tuple((s, v, side) for s, v in shapes), note=note))
    return out


def _arkit_look(name: str, way: str, side: str) -> NamedPose:
    """One eye looks; inwards is toward the nose."""
    inwards = 1.0 if side == _RIGHT else -1.0
    look = {"Down": (0.0, 1.0), "Up": (0.0, -1.0), "In": (inwards, 0.0), "Out": (-inwards, 0.0)}[way]
    looks = (look, (0.0, 0.0)) if side == _RIGHT else ((0.0, 0.0), look)
    lids = {"Down": (("lid_down", 1.0, side),), "Up": (("lid_up", 1.0, side),)}.get(way, ())
    return NamedPose("arkit", name, lids, looks=looks)


def _visemes() -> list[NamedPose]:
    """The 15 of the Oculus set: jaw, wide, round, upper lip, lower lip, press."""
    table = {
        "sil": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), "PP": (0.04, 0.0, 0.1, 0.0, 0.0, 1.0),
        "FF": (0.12, 0.2, 0.0, 0.6, -0.5, 0.5), "TH": (0.25, 0.2, 0.0, 0.3, 0.2, 0.0),
        "DD": (0.22, 0.3, 0.0, 0.2, 0.3, 0.0), "kk": (0.3, 0.25, 0.0, 0.15, 0.2, 0.0),
        "CH": (0.18, 0.0, 0.6, 0.5, 0.5, 0.0), "SS": (0.08, 0.45, 0.1, 0.25, 0.45, 0.0),
        "nn": (0.2, 0.25, 0.0, 0.15, 0.2, 0.0), "RR": (0.22, 0.0, 0.45, 0.15, 0.2, 0.0),
        "aa": (0.75, 0.1, 0.0, 0.25, 0.25, 0.0), "E": (0.42, 0.55, 0.0, 0.3, 0.5, 0.0),
        "ih": (0.2, 0.85, 0.0, 0.25, 0.5, 0.0), "oh": (0.5, 0.0, 0.75, 0.0, 0.1, 0.0),
        "ou": (0.25, 0.0, 1.0, 0.0, 0.0, 0.0),
    }  # fmt: skip
    names = ("jaw", "wide", "round", "upper_lip", "lower_lip", "press")
    return [NamedPose("visemes", name, pose=dict(zip(names, row, strict=True))) for name, row in table.items()]


def _emotions() -> list[NamedPose]:
    def of(name: str, shapes: dict[str, float], **pose: float) -> NamedPose:
        return NamedPose("emotions", name, tuple((one, value, None) for one, value in shapes.items()), pose)

    return [
        of("joy", {}, smile=1, jaw=0.25, upper_lip=0.4, squint=0.5, brow_right=0.2, brow_left=0.2),
        of("sadness", {"inner_brow": 1, "mouth_frown": 1, "shrug_lower": 0.4}, blink_right=0.25, blink_left=0.25),
        of("anger", {"frown": 1, "mouth_frown": 0.5, "tight": 0.6, "sneer": 0.4, "squint": 0.3}),
        of("surprise", {"brows": 1.1}, wide_eyes=1, jaw=0.7, round=0.35),
        of("fear", {"inner_brow": 0.7, "brows": 0.5, "stretch": 0.8}, wide_eyes=0.8, jaw=0.2),
        of("disgust", {"sneer": 1, "frown": 0.4, "mouth_frown": 0.4, "squint": 0.6}, upper_lip=0.4),
    ]


def _looks() -> list[NamedPose]:
    ways = {"up": -1.0, "down": 1.0, "": 0.0}
    sides = {"left": 1.0, "right": -1.0, "": 0.0}
    out = []
    for way, y in ways.items():
        for side, x in sides.items():
            if way or side:
                lid = ((f"lid_{way}", 1.0, None),) if way else ()
                look = (x, y)
                out.append(NamedPose("gaze", "-".join(w for w in (way, side) if w), lid, looks=(look, look)))
    return out


def _table() -> dict[str, tuple[NamedPose, ...]]:
    blink = {"blink_right": 1.0, "blink_left": 1.0}
    blinks = [NamedPose("blinks", side, pose={f"blink_{side}": 1.0}) for side in ("right", "left")]
    states = {"idle": {}, "talk": {"jaw": 0.6}, "idle-blink": blink, "talk-blink": {**blink, "jaw": 0.6}}
    groups = [
        ("arkit", _arkit()),
        ("visemes", _visemes()),
        ("emotions", _emotions()),
        ("blinks", [*blinks, NamedPose("blinks", "both", pose=blink)]),
        ("gaze", _looks()),
        ("pngtuber", [NamedPose("pngtuber", name, pose=pose) for name, pose in states.items()]),
    ]
    return {name: tuple(poses) for name, poses in groups}


#: Poses by group; left and right are the subject's.
POSES: Final[Mapping[str, tuple[NamedPose, ...]]] = MappingProxyType(_table())


def named_pose(group: str, name: str) -> NamedPose:
    """One of :data:`POSES`.

    Raises:
        UsageError: no such group or pose.
    """
    if group not in POSES:
        raise UsageError(f"unknown group of poses {group!r}; groups are {', '.join(POSES)}")
    found: Any = next((pose for pose in POSES[group] if pose.name == name), None)
    if found is None:
        raise UsageError(f"unknown pose {name!r}; {group} are {', '.join(pose.name for pose in POSES[group])}")
    return found  # type: ignore[no-any-return]
