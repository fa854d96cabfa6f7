"""What matching gives: one look at a square of the picture, and the landmarks in the end."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np

from faceshot.landmarks import Box, FloatArray, Landmarks, Picture
from faceshot.landmarks.topology import Part


@dataclass(frozen=True, eq=False, repr=False)
class Match:
    """The landmarks found in a picture.

    Attributes:
        landmarks: tidied, in pixels of the picture, with per-point confidence.
        confidence: 0..1 that this is a face and the landmarks lie on it; compare with ``Matcher.threshold``.
        raw: the plain best matches (FaceShot, Eq. 4) of the close-up.
        domains: gallery domain chosen for each part.
        box: (left, top, right, bottom) of the face in pixels.
        faces: how many faces were seen in the picture; more than one means that another may be meant.
        preview: the picture, made smaller where it is large, to draw the landmarks over; None where nobody kept it.
    """

    landmarks: Landmarks
    confidence: float
    raw: Landmarks
    domains: dict[Part, str]
    box: Box
    faces: int = 1
    preview: Picture | None = None

    def __repr__(self) -> str:
        name = f"{self.preview.name!r}, " if self.preview is not None else ""
        several = f", one of {self.faces} faces" if self.faces > 1 else ""
        return f"Match({name}confidence {self.confidence:.2f}{several}, {self.landmarks!r})"

    def _repr_png_(self) -> bytes | None:
        """The overlay, for notebooks."""
        if self.preview is None:
            return None
        from PIL import Image

        from faceshot.media import overlay

        drawn = overlay(self.preview.flat(), self.landmarks)
        Image.fromarray(drawn).save(file := io.BytesIO(), "PNG")
        return file.getvalue()


@dataclass(frozen=True, eq=False)
class Look:
    """What one look at a square of the picture gave.

    Attributes:
        xy: (68, 2) in picture pixels, mean of the look and of the look at the mirror image.
        weight: (68,) how sure each landmark is.
        measures: likeness to the vectors used, likeness to the best domain, distance from the mirror image's answer
            (in RMS radii of the face), oddness of the shape (in standard deviations).
        logit: of the quality, a linear function of the measures (``Preset.confidence``).
        agreement: (D, 5) mean cosine with every domain, per part.
        hidden: landmarks that the head hides.
    """

    xy: FloatArray
    weight: FloatArray
    measures: tuple[float, float, float, float]
    logit: float
    agreement: np.ndarray
    hidden: frozenset[int] = frozenset()

    @property
    def quality(self) -> float:
        """0..1 that this is a face, found well."""
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, self.logit))))
