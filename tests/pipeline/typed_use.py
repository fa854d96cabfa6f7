"""What type checkers must see of the library. Never run: ``make check`` reads it and refuses an unused ignore."""

from __future__ import annotations

from typing import assert_type

import numpy as np
from PIL import Image

import faceshot
from faceshot.types import Animation, FloatArray, Match, PictureLike


def right(picture: PictureLike) -> None:
    found = faceshot.match(Image.new("RGB", (9, 9)), box=(0, 0, 9, 9))
    assert_type(found, Match)
    assert_type(found.landmarks.left_eye, FloatArray)
    assert_type(faceshot.match_many([picture, "cat.png"]), list[Match | faceshot.FaceShotError])
    made = faceshot.animate(
        picture, landmarks=found, driving=np.zeros((3, 68, 2)), output="cat.mp4", gain={"mouth": 2}, fps=29.97
    )
    assert_type(made, Animation)
    faceshot.retarget(found.landmarks.xy, faceshot.drive("me.mp4", landmarks=found), mode="faceshot", size=(9, 9))


def wrong() -> None:
    faceshot.match("cat.png", bx=(0, 0, 9, 9))  # type: ignore[call-arg]
    faceshot.match(7)  # type: ignore[arg-type]
    faceshot.animate("cat.png")  # type: ignore[call-arg]
    faceshot.animate("cat.png", output="cat.mp4", mode="unstable")  # type: ignore[arg-type]
    faceshot.FaceShot(preset="mini").animate("cat.png", output="cat.mp4", secnds=2)  # type: ignore[call-arg]
    faceshot.mach("cat.png")  # type: ignore[attr-defined]
    _ = faceshot.match("cat.png").landmarks.third_eye  # type: ignore[attr-defined]
