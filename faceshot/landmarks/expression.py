"""The expression channel: what a face does that its 68 points do not say. Optional, beside a sequence.

Whoever reads 68 points may ignore it. Frames in which something is not known hold NaN there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError

FloatArray = npt.NDArray[np.float32]

_BOTH = ("Left", "Right")
_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
#: The 52 blendshapes by their ARKit names, in the order of Apple's list, which motion files follow.
BLENDSHAPES: Final[tuple[str, ...]] = (
    *(f"eye{what}{side}" for side in _BOTH for what in _EYE),
    *("jawForward", "jawRight", "jawLeft", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft"),
    *(f"mouth{what}{side}" for what in ("Smile", "Frown", "Dimple", "Stretch") for side in _BOTH),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *(f"mouth{what}{side}" for what in ("Press", "LowerDown", "UpperUp") for side in _BOTH),
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)
#: The axis of :attr:`Expression.gaze` that counts eyes.
EYES: Final = ("right_eye", "left_eye")


@dataclass(frozen=True, eq=False)
class Expression:
    """What a face does in every frame of a clip.

    Attributes:
        blendshapes: (T, 52) float32 in 0..1, in the order of :data:`BLENDSHAPES`; left and right are the subject's.
        head: (T, 3, 3) float32 rotation of the head: x to the image right, y up, z toward the viewer; the identity
            looks into the camera. Columns are the head's own axes.
        gaze: (T, 2, 2) float32, right eye first: where the iris is, from the middle between the eye's corners, along
            the corner line (x, to the image right) and across it (y, down), in widths of the eye. What an eye does is
            the difference from the rest frame, for a driver as for a character.
        teeth: (T,) float32 in 0..1, share of the open mouth that shows teeth; NaN where the mouth is too little open.

    Raises:
        InputError: wrong shapes, infinite values.
    """

    blendshapes: FloatArray
    head: FloatArray
    gaze: FloatArray
    teeth: FloatArray

    def __post_init__(self) -> None:
        frames = len(np.atleast_1d(self.blendshapes))
        shapes = {"blendshapes": (frames, len(BLENDSHAPES)), "head": (frames, 3, 3)}
        for name, shape in (shapes | {"gaze": (frames, 2, 2), "teeth": (frames,)}).items():
            try:
                value = np.array(getattr(self, name), np.float32)
            except (TypeError, ValueError) as error:
                raise InputError(f"{name} of an expression must be numbers of shape {shape}") from error
            if value.shape != shape:
                raise InputError(f"{name} of an expression must have shape {shape}, got {value.shape}")
            if np.isinf(value).any():
                raise InputError(f"{name} of an expression holds infinite values")
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.blendshapes)

    def __getitem__(self, frames: Any) -> Expression:
        """A slice, or the frames of an index array."""
        return Expression(self.blendshapes[frames], self.head[frames], self.gaze[frames], self.teeth[frames])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expression):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True)
            for name in ("blendshapes", "head", "gaze", "teeth")
        )

    __hash__ = None  # type: ignore[assignment]

    def shape(self, name: str) -> FloatArray:
        """(T,) of one blendshape.

        Raises:
            InputError: no such name.
        """
        if name not in BLENDSHAPES:
            raise InputError(f"unknown blendshape {name!r}; names are ARKit's, e.g. eyeBlinkLeft, jawOpen")
        return self.blendshapes[:, BLENDSHAPES.index(name)]

    def between(self, low: npt.NDArray[Any], high: npt.NDArray[Any], mix: npt.ArrayLike) -> Expression:
        """New frames: (1 - mix) of frames ``low`` and mix of frames ``high``; heads turn on the shortest way.

        A mouth that one of both frames does not tell anything about is the other one's.
        """
        w = np.asarray(mix, np.float64)

        def blend(a: FloatArray) -> npt.NDArray[np.float64]:
            v = w.reshape(-1, *(1,) * (a.ndim - 1))
            x, y = a[low].astype(np.float64), a[high].astype(np.float64)
            return np.where(v == 0, x, np.where(v == 1, y, x + v * (y - x)))

        first, second = self.teeth[low], self.teeth[high]
        teeth = np.where(np.isnan(first), second, np.where(np.isnan(second), first, blend(self.teeth)))
        return Expression(blend(self.blendshapes), as_rotations(blend(self.head)), blend(self.gaze), teeth)  # type: ignore[arg-type]


def join(parts: Sequence[Expression | None], frames: Sequence[int]) -> Expression | None:
    """One after another; parts without the channel are unknown for so many frames. None if no part has it."""
    if all(part is None for part in parts):
        return None
    whole = [part if part is not None else unknown(count) for part, count in zip(parts, frames, strict=True)]
    names = ("blendshapes", "head", "gaze", "teeth")
    return Expression(*(np.concatenate([getattr(part, name) for part in whole]) for name in names))


def unknown(frames: int) -> Expression:
    """So many frames of which nothing is known."""
    shapes = ((frames, len(BLENDSHAPES)), (frames, 3, 3), (frames, 2, 2), (frames,))
    return Expression(*(np.full(shape, np.nan, np.float32) for shape in shapes))


def as_rotations(matrices: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The nearest rotations (..., 3, 3); NaN stays NaN."""
    m = np.array(matrices, np.float64)
    known = np.isfinite(m).all((-1, -2))
    if known.any():
        u, _, vt = np.linalg.svd(m[known])
        u[..., 2] *= np.sign(np.linalg.det(u) * np.linalg.det(vt))[..., None]
        m[known] = u @ vt
    return m
